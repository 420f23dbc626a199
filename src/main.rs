//! The program `elara`: everything is in the library, so that tests and other programs can use it.

use std::process::ExitCode;

fn main() -> ExitCode {
    elara::cli::main()
}
