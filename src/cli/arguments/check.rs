//! The arguments of `elara check`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::run::check::Objects;
use crate::scenario::span_of;

const CHECK_EXAMPLES: &str = "\
Examples:
  elara check history.jsonl --model register
  elara check store/latest/history.edn --model list-append --consistency serializable
  elara check history.edn --model cas-register --for 1m --report history.html
  zcat history.jsonl.gz | elara check - --model kv --format json
  elara list models
";

/// What `check` is told.
#[derive(Args, Debug)]
#[command(before_help = CHECK_EXAMPLES)]
pub struct CheckArguments {
    /// Histories in JSON or EDN, or - for standard input
    #[arg(required = true, value_name = "HISTORY")]
    pub histories: Vec<String>,
    /// What the history is of; `elara list models` shows them
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// What it has to satisfy; `elara explain MODEL` shows the levels
    #[arg(long, value_name = "LEVEL")]
    pub consistency: Option<String>,
    /// Whether values name the object that they are of, as [key, value]
    #[arg(long, value_enum, default_value_t = ObjectsArgument::Guess)]
    pub objects: ObjectsArgument,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
    /// Draw the history to this file, as a page of HTML
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// How many steps a search may take; a million takes about a second
    #[arg(long, value_name = "STEPS", default_value_t = 4_000_000)]
    pub budget: u64,
    /// How long searches may take, such as 1m, instead of a budget of steps
    #[arg(long = "for", value_name = "TIME", value_parser = time, conflicts_with = "budget")]
    pub time: Option<Duration>,
}

/// The forms of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// Whether there are several objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ObjectsArgument {
    /// As the first value looks.
    Guess,
    /// One.
    One,
    /// Several: every value is [key, value].
    Many,
}

impl From<ObjectsArgument> for Objects {
    fn from(argument: ObjectsArgument) -> Self {
        match argument {
            ObjectsArgument::Guess => Self::Guess,
            ObjectsArgument::One => Self::One,
            ObjectsArgument::Many => Self::Many,
        }
    }
}

fn time(text: &str) -> Result<Duration, String> {
    span_of(text).ok_or_else(|| "expected a time with a unit, such as `30s` or `10m`".to_owned())
}
