//! The command line. It alone touches files, the terminal, the environment and the wall clock.
//!
//! Results go to standard output, everything else to standard error. The exit code is the contract with scripts: 0 as
//! expected, 1 a violation that was not expected, 2 bad usage or input, 3 unknown, 4 not deterministic.

#![allow(
    clippy::format_push_string,
    reason = "what is printed is small, and `write!` to a text cannot fail"
)]

mod arguments;
mod check;
mod command_line;
mod completions;
mod explain;
mod files;
mod interrupt;
mod merge;
mod new;
mod patterns;
mod progress;
pub mod registry;
mod remember;
mod run;
mod shard;
pub mod shipped;
mod shrink;
mod sweep;
mod terminal;

use std::ffi::OsString;
use std::fmt;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::cli::arguments::{Arguments, Command};
use crate::cli::terminal::Terminal;
use crate::report::Exit;
use crate::scenario::ScenarioError;

/// The program.
#[must_use]
pub fn main() -> ExitCode {
    let exit = match parse(std::env::args_os()) {
        Ok(Arguments { command: None, .. }) => help(),
        Ok(Arguments { command: Some(command), color }) => {
            let terminal = Terminal::new(color);
            execute(command, &terminal).unwrap_or_else(|failure| {
                terminal.complain(&failure);
                Exit::BadInput
            })
        }
        Err(exit) => exit,
    };
    ExitCode::from(exit as u8)
}

/// Why a command could not be carried out.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A scenario is wrong.
    Scenario(Box<ScenarioError>),
    /// Anything else, in a sentence that says what to do.
    Other(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scenario(error) => error.fmt(f),
            Self::Other(message) => f.write_str(message),
        }
    }
}

impl From<ScenarioError> for Failure {
    fn from(error: ScenarioError) -> Self {
        Self::Scenario(Box::new(error))
    }
}

/// Reads the arguments; clap itself prints help, version and complaints.
fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Arguments, Exit> {
    Arguments::try_parse_from(arguments).map_err(|error| {
        // A terminal that is gone cannot be told so.
        let _ = error.print();
        if error.use_stderr() { Exit::BadInput } else { Exit::AsExpected }
    })
}

fn help() -> Exit {
    let _ = Arguments::command().print_help();
    Exit::AsExpected
}

fn execute(command: Command, terminal: &Terminal) -> Result<Exit, Failure> {
    match command {
        Command::Run(arguments) => run::run(&arguments, terminal),
        Command::Replay(arguments) => run::replay(&arguments, terminal),
        Command::Sweep(arguments) => sweep::sweep(&arguments, terminal),
        Command::Merge(arguments) => merge::merge(&arguments, terminal),
        Command::Shrink(arguments) => shrink::shrink(&arguments, terminal),
        Command::Check(arguments) => check::check(&arguments, terminal),
        Command::List(arguments) => explain::list(&arguments, terminal),
        Command::Explain(arguments) => explain::explain(&arguments.name, terminal),
        Command::New(arguments) => new::new(&arguments),
        Command::Completions(arguments) => completions::completions(&arguments),
        Command::Schema => {
            let schema = serde_json::to_string_pretty(&crate::scenario::schema::schema())
                .expect("a schema is plain data");
            Terminal::print(&format!("{schema}\n"))?;
            Ok(Exit::AsExpected)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Arguments::command().debug_assert();
    }
}
