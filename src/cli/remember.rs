//! The seeds that are remembered beside a scenario file: `x.seeds.jsonl` beside `x.json`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::{Failure, files};
use crate::explore::remembered::{self, Remembered};
use crate::explore::summary::SweepReport;

/// Where the failing seeds of one scenario are remembered.
#[derive(Debug)]
pub struct Memory {
    path: PathBuf,
}

impl Memory {
    /// The memory of a scenario; `None` if it is no file, because then nothing is beside it.
    pub fn beside(scenario: &str) -> Option<Self> {
        let path = Path::new(scenario);
        path.is_file().then(|| Self { path: path.with_extension("seeds.jsonl") })
    }

    /// The seeds to run first.
    ///
    /// # Errors
    /// If there is a file that cannot be read, or a line of it is wrong.
    pub fn seeds(&self) -> Result<BTreeSet<u64>, Failure> {
        Ok(self.lines()?.iter().map(|line| line.seed).collect())
    }

    /// Remembers the failing seeds of a sweep besides those that are known.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn add(&self, sweep: &SweepReport) -> Result<(), Failure> {
        // Another shard may have remembered something meanwhile.
        let known = self.lines()?;
        let all = remembered::with_failures(&known, &sweep.failures);
        if all == known {
            return Ok(());
        }
        files::write_whole(&self.path, &remembered::render(&all))
    }

    fn lines(&self) -> Result<Vec<Remembered>, Failure> {
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        let file = self.path.display();
        remembered::parse(&files::read_text(&self.path)?).map_err(|(line, problem)| {
            let form = r#"{"seed": 7, "checker": "durability", "elara": "0.1.0"}"#;
            Failure::Other(format!("{file}:{line}: {problem}; expected {form}, or no such line"))
        })
    }
}
