//! The arguments of `shrink`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::arguments::sweep::{jobs, time};
use crate::cli::arguments::{ListFormat, pattern, seed_of};
use crate::explore::shrink::RUNS_MAX_DEFAULT;
use crate::scenario::{names, nearest};

const EXAMPLES: &str = "\
Examples:
  elara shrink my.json --seed 7
  elara shrink failure.json -o shorter.json
  elara shrink west-coast-partition --without majority-quorum --checker durability
  elara shrink my.json --seed 7 --for 10m --runs 100000
";

/// What `shrink` is told.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct ShrinkArguments {
    /// A scenario that fails (a file, or the name of a shipped one), or a recorded failure
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The seed: a number, or a git commit hash
    #[arg(long, value_name = "N", value_parser = seed_of)]
    pub seed: Option<u64>,
    /// Switch a pattern off (repeatable)
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub without: Vec<String>,
    /// Override a field of the scenario (repeatable), as network.loss=0.05
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// The checker that must object; if left out, the recorded one, or the first one in time
    #[arg(long, value_name = "CHECKER", value_parser = checker)]
    pub checker: Option<String>,
    /// Where to write the record; if left out, here, under a name that says scenario, seed, patterns and checker
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How many runs may be made
    #[arg(long, value_name = "N", default_value_t = RUNS_MAX_DEFAULT, value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: u64,
    /// Stop after this time with the best so far, as 60s
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub time: Option<Duration>,
    /// How many runs at a time; all cores if left out
    #[arg(short, long, value_name = "J", value_parser = jobs)]
    pub jobs: Option<NonZeroUsize>,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
    /// Say no more than what is violated and where the record is
    #[arg(short, long)]
    pub quiet: bool,
}

fn checker(text: &str) -> Result<String, String> {
    if names::checkers().contains(&text) {
        return Ok(text.to_owned());
    }
    Err(match nearest(text, names::checkers()) {
        Some(near) => format!("unknown checker; did you mean `{near}`?"),
        None => "unknown checker; `elara list checkers` shows them".into(),
    })
}
