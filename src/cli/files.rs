//! Files: read within a limit, written whole or not at all.

use std::fs::{self, File};
use std::io::{Read, Write, stdin};
use std::path::{Path, PathBuf};

use crate::cli::{Failure, shipped};
use crate::scenario::{SIZE_MAX, too_large};

/// What names standard input.
const STANDARD_INPUT: &str = "-";

/// Reads a scenario: a file, standard input (`-`), or else a shipped scenario of that name.
///
/// # Errors
/// If there is no such thing, it cannot be read, or it is larger than [`SIZE_MAX`].
pub fn read_scenario(name: &str) -> Result<Vec<u8>, Failure> {
    if name == STANDARD_INPUT {
        return read_within_limit(name, stdin().lock());
    }
    let path = Path::new(name);
    if !path.exists() {
        return shipped::text(name)
            .map(|text| text.as_bytes().to_vec())
            .ok_or_else(|| Failure::Other(missing(name)));
    }
    let problem = |error| Failure::Other(format!("cannot read {name}: {error}"));
    let about = fs::metadata(path).map_err(problem)?;
    if about.is_dir() {
        return Err(Failure::Other(format!(
            "{name} is a directory; name the scenario files in it"
        )));
    }
    if about.len() > SIZE_MAX {
        return Err(too_large(name).into());
    }
    read_within_limit(name, File::open(path).map_err(problem)?)
}

/// A pipe or a device does not tell its size, so reading stops at the limit.
fn read_within_limit(name: &str, source: impl Read) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = source.take(SIZE_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::Other(format!("cannot read {name}: {error}")))?;
    if bytes.len() as u64 > SIZE_MAX { Err(too_large(name).into()) } else { Ok(bytes) }
}

/// Opens a history: a file, or standard input (`-`).
///
/// # Errors
/// If there is no such file, or it cannot be read.
pub fn open_history(name: &str) -> Result<Box<dyn Read>, Failure> {
    if name == STANDARD_INPUT {
        return Ok(Box::new(stdin().lock()));
    }
    let problem = |error| Failure::Other(format!("cannot read {name}: {error}"));
    let file = File::open(name).map_err(problem)?;
    if file.metadata().map_err(problem)?.is_dir() {
        let message = format!("{name} is a directory; name the history in it");
        return Err(Failure::Other(message));
    }
    Ok(Box::new(file))
}

/// Reads a file of text that elara wrote.
///
/// # Errors
/// If it cannot be read, or is not text in UTF-8.
pub fn read_text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path)
        .map_err(|error| Failure::Other(format!("cannot read {}: {error}", path.display())))
}

fn missing(name: &str) -> String {
    let known = shipped::names();
    match crate::scenario::nearest(name, known) {
        Some(near) => {
            format!("there is no file and no shipped scenario `{name}`; did you mean `{near}`?")
        }
        None => format!(
            "there is no file and no shipped scenario `{name}`; `elara list scenarios` shows the shipped ones"
        ),
    }
}

/// Writes a file whole or not at all: a reader sees the old content or the new one, never a part.
///
/// # Errors
/// If the file cannot be written; what was there before is still there.
pub fn write_whole(path: &Path, content: &str) -> Result<(), Failure> {
    let problem = |error| Failure::Other(format!("cannot write {}: {error}", path.display()));
    // A device such as /dev/stdout cannot be replaced, and need not be.
    if path.exists() && !path.is_file() {
        return fs::write(path, content).map_err(problem);
    }
    let draft = draft_of(path);
    let written = File::create(&draft)
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .and_then(|()| fs::rename(&draft, path));
    written.map_err(|error| {
        // The error that counts is the first one.
        let _ = fs::remove_file(&draft);
        problem(error)
    })
}

/// Makes sure that [`write_whole`] will be able to write a file.
///
/// # Errors
/// If it will not.
pub fn expect_writable(path: &Path) -> Result<(), Failure> {
    if path.exists() && !path.is_file() && !path.is_dir() {
        return Ok(());
    }
    let draft = draft_of(path);
    let problem = |error| Failure::Other(format!("cannot write {}: {error}", path.display()));
    if path.is_dir() {
        return Err(Failure::Other(format!("cannot write {}: it is a directory", path.display())));
    }
    File::create(&draft).and_then(|_| fs::remove_file(&draft)).map_err(problem)
}

/// A name in the same directory, because a rename does not cross file systems.
fn draft_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}
