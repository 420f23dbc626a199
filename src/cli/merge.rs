//! `elara merge`: the shards of a sweep become the sweep.

use std::path::Path;

use serde_json::Value;

use crate::cli::arguments::sweep::MergeArguments;
use crate::cli::terminal::Terminal;
use crate::cli::{Failure, files, sweep};
use crate::explore::merge::{self, Part};
use crate::explore::summary::SweepReport;
use crate::report::Exit;

/// Merges files. A sweep over several scenarios wrote a list of documents; then the n-th of each file belong together.
pub fn merge(arguments: &MergeArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let files: Vec<Vec<Part>> =
        arguments.files.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    let documents = files[0].len();
    if let Some(other) = files.iter().position(|parts| parts.len() != documents) {
        let [one, other] = [0, other].map(|place| arguments.files[place].display());
        let message =
            format!("{one} and {other} are of different sweeps: they have not as many scenarios");
        return Err(Failure::Other(message));
    }
    let mut merged = Vec::new();
    for place in 0..documents {
        let parts: Vec<Part> = files.iter().map(|parts| parts[place].clone()).collect();
        let whole = merge::merge(&parts).map_err(|error| Failure::Other(error.to_string()))?;
        sweep::print_text(&whole, &arguments.output, terminal)?;
        merged.push(whole);
    }
    sweep::finish(&merged, &arguments.output)
}

/// The documents of one file.
fn read(path: &Path) -> Result<Vec<Part>, Failure> {
    let file = path.display().to_string();
    let wrong = |problem: String| {
        let cure = "name what `elara sweep --out FILE` wrote";
        Failure::Other(format!("{file} is not the result of a sweep: {problem}; {cure}"))
    };
    let text = files::read_text(path)?;
    let value: Value = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let documents = match value {
        Value::Array(documents) => documents,
        one => vec![one],
    };
    if documents.is_empty() {
        return Err(wrong("the list is empty".into()));
    }
    let part = |document: Value| {
        // Another version may mean something else by the same names.
        let this = env!("CARGO_PKG_VERSION");
        match document.get("elara").and_then(Value::as_str) {
            Some(version) if version != this => Err(Failure::Other(format!(
                "{file} was written by elara {version}, this is {this}; merge it with that version"
            ))),
            _ => serde_json::from_value::<SweepReport>(document)
                .map(|report| Part { file: file.clone(), report })
                .map_err(|error| wrong(error.to_string())),
        }
    };
    documents.into_iter().map(part).collect()
}
