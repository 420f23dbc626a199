//! What is wrong with a scenario, where, and what to do about it.

use std::fmt;

use crate::scenario::json::{Json, Origin};

/// A scenario that cannot be used. It is one line: the place, the path, the problem, the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// Where it was said.
    pub place: Place,
    /// The path to the value, as `faults[0].for`; empty if it is the whole scenario.
    pub path: String,
    /// What is wrong.
    pub problem: String,
    /// What to write instead; empty if nobody can know.
    pub cure: String,
    /// The line of the file that it is about; `None` if it is not about a line.
    pub excerpt: Option<Box<Excerpt>>,
}

/// A line of a file, cut to a width that a terminal can show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The part of the line that is shown.
    pub line: String,
    /// The column of the error in it, from 1.
    pub column: usize,
}

/// Where something was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a file as a whole.
    File(String),
    /// In a line of a file.
    Line {
        /// The file's name, as the user gave it.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
    },
    /// In a `--set` option.
    Override(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => f.write_str(file),
            Self::Line { file, line, column } => write!(f, "{file}:{line}:{column}"),
            Self::Override(text) => write!(f, "--set {text}"),
        }
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.problem)?;
        if self.cure.is_empty() { Ok(()) } else { write!(f, "; {}", self.cure) }
    }
}

impl std::error::Error for ScenarioError {}

/// What a decoder returns: the value, or what is wrong with it.
pub type Decoded<T> = Result<T, Problem>;

/// What is wrong with one value of a document; it becomes a [`ScenarioError`] once the document is at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The number of the value or the key.
    pub id: u32,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub cure: String,
}

impl Problem {
    /// A problem with this value.
    pub fn at(json: &Json, problem: impl Into<String>) -> Self {
        Self::of(json.id, problem)
    }

    /// A problem with the value or key of this number.
    pub fn of(id: u32, problem: impl Into<String>) -> Self {
        Self { id, what: problem.into(), cure: String::new() }
    }

    /// A value of another kind than expected.
    pub fn expected(json: &Json, what: impl fmt::Display) -> Self {
        Self::at(json, format!("expected {what}, found {}", json.described()))
    }

    /// With what to write instead.
    #[must_use]
    pub fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = cure.into();
        self
    }
}

/// The text that a scenario is read from, and what was set besides it.
pub struct Document<'a> {
    /// The file's name, as the user gave it.
    pub file: &'a str,
    /// The file's text.
    pub text: &'a str,
    /// The `--set` options.
    pub overrides: &'a [String],
}

impl Document<'_> {
    /// The error for a problem with a part of the tree.
    pub fn error(&self, tree: &Json, problem: Problem) -> ScenarioError {
        let (path, origin) =
            tree.locate(problem.id).expect("a problem is about a value or key of its document");
        let (place, excerpt) = match origin {
            Origin::Text(offset) => self.line_at(offset),
            Origin::Override(number) => (Place::Override(self.overrides[number].clone()), None),
        };
        ScenarioError { place, path, problem: problem.what, cure: problem.cure, excerpt }
    }

    /// The error for a text that is not JSON.
    pub fn syntax_error(&self, error: &serde_json::Error) -> ScenarioError {
        let full = error.to_string();
        let problem = full.split(" at line ").next().unwrap_or(&full).to_owned();
        let before: usize = self
            .text
            .split_inclusive('\n')
            .take(error.line().saturating_sub(1))
            .map(str::len)
            .sum();
        let offset = (before + error.column().saturating_sub(1)).min(self.text.len());
        let (place, excerpt) = self.line_at(offset);
        let cure = if problem.starts_with("recursion") {
            "lists and objects may be nested 128 deep".into()
        } else {
            String::new()
        };
        let problem = format!("not JSON: {problem}");
        ScenarioError { place, path: String::new(), problem, cure, excerpt }
    }

    fn line_at(&self, offset: usize) -> (Place, Option<Box<Excerpt>>) {
        let offset = (0..=offset).rev().find(|&at| self.text.is_char_boundary(at)).unwrap_or(0);
        let before = &self.text[..offset];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = self.text[start..offset].chars().count() + 1;
        let whole = self.text[start..].lines().next().unwrap_or("");
        let place = Place::Line { file: self.file.to_owned(), line, column };
        (place, Some(Box::new(excerpt(whole, column))))
    }
}

/// At most 100 characters of a line around a column.
fn excerpt(line: &str, column: usize) -> Excerpt {
    const WIDTH: usize = 100;
    let long = line.chars().count() > WIDTH;
    let skipped = if long { column.saturating_sub(WIDTH / 2) } else { 0 };
    let shown = line.chars().skip(skipped).take(WIDTH);
    let line = shown.map(|c| if c.is_control() { ' ' } else { c }).collect();
    Excerpt { line, column: column - skipped }
}
