//! Standard output, standard error, and whether they are terminals.

use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};

use crate::cli::Failure;
use crate::cli::arguments::Color;
use crate::report::text::{Colour, Ink};

/// Where results and complaints go.
#[derive(Debug)]
pub struct Terminal {
    /// The ink of standard output.
    pub ink: Ink,
    /// The ink of standard error.
    complaints: Ink,
}

impl Terminal {
    /// The streams of this process.
    pub fn new(color: Color) -> Self {
        let ink = |terminal: bool| match color {
            Color::Always => Ink::Ansi,
            Color::Auto if terminal && colours_wanted() => Ink::Ansi,
            Color::Auto | Color::Never => Ink::Plain,
        };
        Self { ink: ink(stdout().is_terminal()), complaints: ink(stderr().is_terminal()) }
    }

    /// Prints a result. A reader who has gone away (`| head`) is no error.
    pub fn print(text: &str) -> Result<(), Failure> {
        let mut out = stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                Err(Failure::Other(format!("cannot write to standard output: {error}")))
            }
            _ => Ok(()),
        }
    }

    /// Tells something that is not the result.
    pub fn notice(&self, text: &str) {
        let head = self.complaints.paint(Colour::Yellow, "notice:");
        tell(&format!("{head} {text}\n"));
    }

    /// Tells why a command could not be carried out, with the line that it is about.
    pub fn complain(&self, failure: &Failure) {
        let head = self.complaints.paint(Colour::Red, "error:");
        let mut text = format!("{head} {failure}\n");
        if let Failure::Scenario(error) = failure
            && let Some(excerpt) = &error.excerpt
        {
            let mark = self.complaints.paint(Colour::Red, "^");
            let (line, before) = (&excerpt.line, excerpt.column - 1);
            text += &format!("  | {line}\n  | {:before$}{mark}\n", "");
        }
        tell(&text);
    }
}

/// There is nobody left to tell if standard error is gone.
fn tell(text: &str) {
    let _ = stderr().lock().write_all(text.as_bytes());
}

/// The conventions of <https://no-color.org> and of terminals that cannot.
fn colours_wanted() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !set("NO_COLOR") && !dumb
}
