//! `elara completions`: scripts by which a shell completes elara's command lines.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::Failure;
use crate::cli::arguments::Arguments;
use crate::cli::terminal::Terminal;
use crate::report::Exit;

const EXAMPLES: &str = "\
Examples:
  elara completions bash > ~/.local/share/bash-completion/completions/elara
  elara completions zsh > ~/.zfunc/_elara
  elara completions fish > ~/.config/fish/completions/elara.fish
";

/// What `completions` is told.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct CompletionsArguments {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// Prints the script for a shell.
///
/// # Errors
/// If standard output cannot be written to.
pub fn completions(arguments: &CompletionsArguments) -> Result<Exit, Failure> {
    Terminal::print(&script(arguments.shell))?;
    Ok(Exit::AsExpected)
}

fn script(shell: Shell) -> String {
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "elara", &mut bytes);
    String::from_utf8(bytes).expect("the names of commands are text")
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn each_shell_learns_every_command() {
        for shell in Shell::value_variants() {
            let script = script(*shell);
            for command in Arguments::command().get_subcommands() {
                let name = command.get_name();
                assert!(script.contains(name), "the script for {shell} does not know {name}");
            }
            assert!(script.contains("check-determinism"), "{shell}: no options");
        }
    }
}
