//! `elara new`: a scenario to start from, which explains itself in its comments and passes.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::command_line::quoted;
use crate::cli::terminal::Terminal;
use crate::cli::{Failure, files};
use crate::report::Exit;
use crate::scenario::Scenario;

const EXAMPLES: &str = "\
Examples:
  elara new first               write first.json
  elara new scenarios/first     write scenarios/first.json
";

/// The scenario, with its comments; `"NAME"` stands for its name.
const STARTING_POINT: &str = include_str!("starting_point.json");

/// What `new` is told.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES)]
pub struct NewArguments {
    /// The scenario's name; the file NAME.json is written
    #[arg(value_name = "NAME")]
    pub name: PathBuf,
}

/// Writes the scenario, and says what to do with it.
///
/// # Errors
/// If the name cannot name a scenario, if there is such a file already, or if it cannot be written.
pub fn new(arguments: &NewArguments) -> Result<Exit, Failure> {
    let path = file_of(&arguments.name);
    let shown = path.display().to_string();
    if path.symlink_metadata().is_ok() {
        let message = format!("{shown} exists already; choose another name, or remove it first");
        return Err(Failure::Other(message));
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let text = starting_point(&name);
    Scenario::parse(&shown, text.as_bytes(), &[])?;
    files::write_whole(&path, &text)?;
    let file = quoted(&shown);
    Terminal::print(&format!(
        "{shown} is there: five nodes, a network cut, a power failure. Its comments say what each part is.\n\n  \
         elara run {file}\n  \
         elara run {file} --seed 7\n  \
         elara run {file} --without majority-quorum\n  \
         elara sweep {file} --seeds 1000\n"
    ))?;
    Ok(Exit::AsExpected)
}

/// The name with the ending `.json`, which one may write or leave out.
fn file_of(name: &Path) -> PathBuf {
    let mut path = name.as_os_str().to_owned();
    if name.extension().is_none_or(|ending| ending != "json") {
        path.push(".json");
    }
    path.into()
}

fn starting_point(name: &str) -> String {
    let name = serde_json::Value::from(name).to_string();
    STARTING_POINT.replacen("\"NAME\"", &name, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run;
    use crate::run::options::RunOptions;

    fn scenario() -> Scenario {
        let text = starting_point("first");
        Scenario::parse("first.json", text.as_bytes(), &[])
            .unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn the_starting_point_passes_with_every_seed() {
        for seed in 1..=20 {
            let options = RunOptions { seed: Some(seed), ..RunOptions::default() };
            let report = run::run(&scenario(), &options).expect("it can be run");
            assert!(report.as_expected, "seed {seed}: {:?}", report.unknown_because);
        }
    }

    /// The file promises it.
    #[test]
    fn the_starting_point_shows_what_its_ablations_say() {
        let scenario = scenario();
        for ablation in &scenario.ablations {
            let caught = (1..=ablation.within_seeds).any(|seed| {
                let without = ablation.off.clone();
                let options = RunOptions { seed: Some(seed), without, ..RunOptions::default() };
                let report = run::run(&scenario, &options).expect("it can be run");
                report.violations.iter().any(|found| ablation.violates.contains(&found.checker))
            });
            assert!(caught, "nothing objects without {:?}", ablation.off);
        }
    }

    #[test]
    fn the_ending_may_be_left_out() {
        for name in ["a/first", "a/first.json"] {
            assert_eq!(file_of(Path::new(name)), Path::new("a/first.json"));
        }
        assert_eq!(file_of(Path::new("v1.2")), Path::new("v1.2.json"));
    }
}
