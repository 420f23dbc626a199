//! The arguments of `sweep` and `merge`.

use std::num::{NonZeroU64, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::arguments::{Format, Verbosity, pattern};
use crate::cli::shard::ShardChoice;
use crate::explore::seeds::Seeds;
use crate::scenario::span_of;

const SWEEP_EXAMPLES: &str = "\
Examples:
  elara sweep west-coast-partition                the seeds 1 to 100, on all cores
  elara sweep my.json --seeds 10000 --keep found  ... each failure written down in found/
  elara sweep my.json --seeds 500..600            the seeds 500 to 599
  elara sweep my.json --for 10m --max-failures 3
  elara sweep scenarios/*.json --format junit --out sweep.json
  elara sweep my.json --seeds 10000 --shard auto --out shard-$SLURM_ARRAY_TASK_ID.json
";

const MERGE_EXAMPLES: &str = "\
Examples:
  elara merge shard-*.json
  elara merge shard-1.json shard-2.json --format json --out sweep.json
";

/// More threads than this are a slip of the finger.
const JOBS_MAX: usize = 1_024;

/// What `sweep` is told.
#[derive(Args, Debug)]
#[command(before_help = SWEEP_EXAMPLES)]
pub struct SweepArguments {
    /// Scenario files, names of shipped scenarios, or - for standard input
    #[arg(required = true, value_name = "SCENARIO")]
    pub scenarios: Vec<String>,
    /// How many seeds from 1 on, or a range: 5..10, or 5..=10 with 10 (default: 100, or without end if --for is given)
    #[arg(long, value_name = "N|A..B", value_parser = Seeds::parse)]
    pub seeds: Option<Seeds>,
    /// Stop after this time (shared by the scenarios), as 10m
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub time: Option<Duration>,
    /// How many runs at a time; all cores if left out
    #[arg(short, long, value_name = "J", value_parser = jobs)]
    pub jobs: Option<NonZeroUsize>,
    /// Run one of N shares of the seeds; auto takes it from the variables of Slurm, GitLab CI, AWS Batch, or, as auto/N,
    /// Kubernetes
    #[arg(long, value_name = "I/N|auto", value_parser = ShardChoice::parse)]
    pub shard: Option<ShardChoice>,
    /// Stop each scenario after its K-th failing seed
    #[arg(long, value_name = "K")]
    pub max_failures: Option<NonZeroU64>,
    /// Write each failure down as a scenario file in this folder, for `elara replay`
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Do not run the seeds remembered beside the scenario, and remember none
    #[arg(long)]
    pub no_remember: bool,
    /// Switch a pattern off (repeatable)
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    pub without: Vec<String>,
    /// Override a field of the scenario (repeatable), as network.loss=0.05
    #[arg(long, value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// What comes out.
    #[command(flatten)]
    pub output: SweepOutput,
}

/// What `merge` is told.
#[derive(Args, Debug)]
#[command(before_help = MERGE_EXAMPLES)]
pub struct MergeArguments {
    /// The results of all shards of a sweep, as --out or --format json wrote them
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// What comes out.
    #[command(flatten)]
    pub output: SweepOutput,
}

/// What comes out of a sweep.
#[derive(Args, Debug)]
pub struct SweepOutput {
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Write the JSON document to this file, whatever the form of the report
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How much to tell.
    #[command(flatten)]
    pub verbosity: Verbosity,
}

pub(super) fn time(text: &str) -> Result<Duration, String> {
    let time = span_of(text).filter(|time| !time.is_zero());
    time.ok_or_else(|| "expected a time span with a unit, such as 90s or 10m".into())
}

pub(super) fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    let jobs = text.parse().ok().filter(|jobs: &NonZeroUsize| jobs.get() <= JOBS_MAX);
    jobs.ok_or_else(|| format!("expected a number from 1 to {JOBS_MAX}"))
}
