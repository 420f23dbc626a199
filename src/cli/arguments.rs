//! The arguments of every command.

pub mod check;
pub mod shrink;
pub mod sweep;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::arguments::check::CheckArguments;
use crate::cli::arguments::shrink::ShrinkArguments;
use crate::cli::arguments::sweep::{MergeArguments, SweepArguments};
use crate::cli::completions::CompletionsArguments;
use crate::cli::new::NewArguments;
use crate::cli::registry::Kind;
use crate::report::text::Detail;
use crate::scenario::{names, nearest, seed};

const EXAMPLES: &str = "\
Examples:
  elara run west-coast-partition             run a shipped scenario
  elara new my                               write my.json, a scenario to start from
  elara run my.json --seed 7                 run your own, with another seed
  elara run my.json --without pre-vote       ... with one pattern off
  elara run my.json --set network.loss=0.05  ... with one field changed
  elara sweep my.json --seeds 1000           look for a seed that fails, on all cores
  elara shrink my.json --seed 7              cut a failure down to its cause
  elara replay failure.json                  run a recorded failure again
  elara check history.edn --model register   judge a history that somebody recorded
  elara list                                 what there is
  elara explain majority-quorum              what a pattern is for
";

const RUN_EXAMPLES: &str = "\
Examples:
  elara run west-coast-partition
  elara run my.json --seed 7 --trace trace.jsonl
  elara run my.json --without majority-quorum --format json
  elara run my.json --set faults[0].for=30s --set network.loss=0.01
  git rev-parse HEAD | xargs elara run my.json --seed
";

const REPLAY_EXAMPLES: &str = "\
Examples:
  elara replay failure.json
  elara replay failure.json -v --trace trace.jsonl
";

/// A deterministic simulator of distributed systems: one thread, one seed, every pattern and the bug it prevents.
#[derive(Debug, Parser)]
#[command(name = "elara", version, before_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Whether to use colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run scenarios, once each
    Run(RunArguments),
    /// Run a recorded failure again, and see that it is the same
    Replay(ReplayArguments),
    /// Run scenarios under many seeds, on all cores
    Sweep(SweepArguments),
    /// Put the results of a sweep's shards together
    Merge(MergeArguments),
    /// Cut a failure down to its cause, and write it to a file
    Shrink(ShrinkArguments),
    /// Judge recorded histories, of elara's or of anybody's
    Check(CheckArguments),
    /// List systems, patterns, checkers, models, faults, workloads and scenarios
    List(ListArguments),
    /// Explain a system, a pattern, a checker, a model, a fault, a workload or a scenario
    Explain(ExplainArguments),
    /// Write a scenario to start from, with comments
    New(NewArguments),
    /// Print the JSON Schema of scenario files
    Schema,
    /// Print a script by which a shell completes command lines
    Completions(CompletionsArguments),
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// XML as `JUnit` writes it, for CI services.
    Junit,
}

/// What `run` is told.
#[derive(Args, Debug)]
#[command(before_help = RUN_EXAMPLES)]
pub struct RunArguments {
    /// Scenario files, names of shipped scenarios, or - for standard input
    #[arg(required = true, value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// The seed: a number, or a git commit hash
    #[arg(long, value_name = "N", value_parser = seed_of)]
    pub seed: Option<u64>,
    /// Switch a pattern off (repeatable)
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub without: Vec<String>,
    /// Override a field of the scenario (repeatable), as network.loss=0.05
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Write the scenario with what the seed drew spelled out to this file
    #[arg(long, value_name = "FILE")]
    pub drawn: Option<PathBuf>,
    /// What comes out.
    #[command(flatten)]
    pub output: OutputArguments,
}

/// What `replay` is told.
#[derive(Args, Debug)]
#[command(before_help = REPLAY_EXAMPLES)]
pub struct ReplayArguments {
    /// A recorded failure
    #[arg(value_name = "FILE")]
    pub file: String,
    /// What comes out.
    #[command(flatten)]
    pub output: OutputArguments,
}

/// What comes out of a run.
#[derive(Args, Debug)]
pub struct OutputArguments {
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write every event to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Write what clients saw to this file, as JSON lines, or as EDN if it ends in .edn
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// Run twice and compare
    #[arg(long)]
    pub check_determinism: bool,
    /// How much to tell.
    #[command(flatten)]
    pub verbosity: Verbosity,
}

/// How much to tell.
#[derive(Args, Clone, Copy, Debug)]
pub struct Verbosity {
    /// Say no more than the verdict
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say everything
    #[arg(short, long)]
    pub verbose: bool,
}

impl Verbosity {
    /// How much to tell.
    pub const fn detail(self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (false, true) => Detail::Verbose,
            (false, false) => Detail::Normal,
        }
    }
}

/// What `list` is told.
#[derive(Args, Debug)]
pub struct ListArguments {
    /// What to list; everything if left out
    #[arg(value_enum, value_name = "KIND")]
    pub kind: Option<Kind>,
    /// The form of the list
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

/// The forms of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// What `explain` is told.
#[derive(Args, Debug)]
pub struct ExplainArguments {
    /// The name of a system, a pattern, a checker, a model, a fault, a workload or a scenario
    pub name: String,
}

fn seed_of(text: &str) -> Result<u64, String> {
    seed::parse(text).ok_or_else(|| format!("expected {}", seed::EXPECTED))
}

fn pattern(text: &str) -> Result<String, String> {
    if names::patterns().contains(&text) {
        return Ok(text.to_owned());
    }
    Err(match nearest(text, names::patterns()) {
        Some(near) => format!("unknown pattern; did you mean `{near}`?"),
        None => "unknown pattern; `elara list patterns` shows them".into(),
    })
}
