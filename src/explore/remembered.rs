//! Seeds that failed once, one to a line of a file beside the scenario, to be run first the next time.
//!
//! The file is meant to be committed, like a regression test: whoever breaks again what was mended once sees it in the first
//! seconds of a sweep. So it is sorted and grows by lines only; a seed that no longer fails stays in it until somebody
//! takes it out.

use serde::{Deserialize, Serialize};

use crate::explore::failure::Failure;

/// A seed that failed once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// The seed.
    pub seed: u64,
    /// The checker that objected.
    pub checker: String,
    /// What it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The version of elara that found it.
    pub elara: String,
}

impl Remembered {
    /// What is remembered of a failure that this version of elara found.
    #[must_use]
    pub fn of(failure: &Failure) -> Self {
        Self {
            seed: failure.seed,
            checker: failure.checker.clone(),
            message: Some(failure.message.clone()),
            elara: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Reads the lines of a file; empty ones say nothing.
///
/// # Errors
/// The number of the first line that is wrong, from 1, and what is wrong with it.
pub fn parse(text: &str) -> Result<Vec<Remembered>, (usize, String)> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = |(place, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| {
            // There is only one line, so its number within the text says nothing.
            let full = error.to_string();
            let what = full.split(" at line ").next().unwrap_or(&full).to_owned();
            (place + 1, what)
        })
    };
    lines.map(read).collect()
}

/// Writes the lines of a file.
#[must_use]
pub fn render(remembered: &[Remembered]) -> String {
    let line = |one| serde_json::to_string(one).expect("it is plain data") + "\n";
    remembered.iter().map(line).collect()
}

/// What is remembered after a sweep: everything that was, and these failures, by their seeds and each once. A seed that is
/// known keeps its line.
#[must_use]
pub fn with_failures(known: &[Remembered], failures: &[Failure]) -> Vec<Remembered> {
    let mut all = known.to_vec();
    all.extend(failures.iter().map(Remembered::of));
    all.sort_by_key(|one| one.seed);
    all.dedup_by_key(|one| one.seed);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(seed: u64, message: &str) -> Failure {
        let (checker, message) = ("durability".into(), message.into());
        Failure { seed, checker, message, ..Failure::default() }
    }

    #[test]
    fn what_is_written_can_be_read_and_a_known_seed_keeps_its_line() {
        let first = with_failures(&[], &[failure(9, "first"), failure(4, "other")]);
        let again = with_failures(&first, &[failure(9, "second"), failure(10, "new")]);
        let seeds: Vec<u64> = again.iter().map(|one| one.seed).collect();
        assert_eq!(seeds, [4, 9, 10]);
        assert_eq!(again[1].message.as_deref(), Some("first"));
        assert_eq!(parse(&render(&again)), Ok(again));
    }

    #[test]
    fn a_wrong_line_is_named() {
        let good = r#"{"seed": 4, "checker": "durability", "elara": "0.1.0"}"#;
        assert_eq!(parse(&format!("\n{good}\n")).map(|all| all.len()), Ok(1));
        let (line, what) = parse(&format!("{good}\n{{\"sed\": 4}}\n")).expect_err("it is wrong");
        assert_eq!(line, 2);
        assert!(what.starts_with("unknown field `sed`"), "{what}");
    }
}
