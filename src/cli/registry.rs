//! Everything that has a name, from the tables that are its only lists.

use clap::ValueEnum;

use crate::ablations::ABLATIONS;
use crate::checkers::registry::{self as checkers, CHECKERS, CheckerEntry};
use crate::cli::patterns;
use crate::cli::shipped::SHIPPED;
use crate::run::check::{Level, Model, models};
use crate::scenario::Scenario;
use crate::scenario::fault::{FAULTS, FaultForm, Timing};
use crate::scenario::names;
use crate::scenario::systems::{SYSTEMS, SystemSchema};
use crate::scenario::workload::FUNCTIONS;

/// The kinds of things that have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// What can be run.
    Systems,
    /// What systems are built from.
    Patterns,
    /// What judges a run.
    Checkers,
    /// What recorded histories are judged by.
    Models,
    /// What can go wrong.
    Faults,
    /// What clients can ask.
    Workloads,
    /// What comes with elara.
    Scenarios,
}

impl Kind {
    /// The kind as a heading.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Systems => "systems",
            Self::Patterns => "patterns",
            Self::Checkers => "checkers",
            Self::Models => "models",
            Self::Faults => "faults",
            Self::Workloads => "workloads",
            Self::Scenarios => "scenarios",
        }
    }

    /// One of the kind.
    #[must_use]
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Systems => "system",
            Self::Patterns => "pattern",
            Self::Checkers => "checker",
            Self::Models => "model",
            Self::Faults => "fault",
            Self::Workloads => "workload function",
            Self::Scenarios => "scenario",
        }
    }
}

/// Something that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What it is for, in a sentence.
    pub about: String,
    /// More, in paragraphs; lines that begin with blanks are kept as they are.
    pub text: String,
}

impl Entry {
    /// An entry without more text.
    fn new(kind: Kind, name: &str, about: &str) -> Self {
        Self { kind, name: name.to_owned(), about: about.to_owned(), text: String::new() }
    }

    fn with_text(mut self, text: String) -> Self {
        self.text = text;
        self
    }
}

/// Everything that has a name, kind by kind.
#[must_use]
pub fn entries() -> Vec<Entry> {
    let mut entries: Vec<Entry> = SYSTEMS.iter().map(system).collect();
    entries.extend(names::PATTERNS.iter().filter_map(|(name, about)| pattern(name, about)));
    entries.extend(CHECKERS.iter().map(checker));
    entries.extend(models().iter().map(model));
    entries.extend(FAULTS.iter().map(fault));
    entries.extend(FUNCTIONS.iter().map(|(name, about)| Entry::new(Kind::Workloads, name, about)));
    entries.extend(SHIPPED.iter().map(|(name, text)| scenario(name, text)));
    entries
}

fn system(schema: &SystemSchema) -> Entry {
    let mut text = format!("{}\n\nOptions:\n", schema.text);
    for option in schema.options {
        text += &format!("  {:<18} {}\n", option.name, option.about);
    }
    Entry::new(Kind::Systems, schema.kind, schema.about).with_text(text)
}

/// A pattern that is built: it has a file, or a system can do without it, or both.
fn pattern(name: &str, about: &str) -> Option<Entry> {
    let header = patterns::header(name);
    let ablation = ABLATIONS.iter().find(|ablation| ablation.name == name);
    let without = ablation.map(|ablation| {
        let violated = ablation.violates.join(", ");
        format!(
            "Without it: {}\n\nThen these checkers object: {violated}. Switch it off with\n\n  \
             elara run SCENARIO --without {name}",
            ablation.about
        )
    });
    let text = match (header, without) {
        (None, None) => return None,
        (Some(header), Some(without)) => format!("{header}\n\n{without}"),
        (Some(text), None) | (None, Some(text)) => text,
    };
    Some(Entry::new(Kind::Patterns, name, about).with_text(text))
}

fn checker(entry: &CheckerEntry) -> Entry {
    let kind = match entry.kind {
        checkers::Kind::Safety => "Safety: nothing bad happens.",
        checkers::Kind::Liveness => "Liveness: something good happens in time.",
    };
    let text = format!("{kind}\n\nSource: {}", entry.source);
    Entry::new(Kind::Checkers, entry.name, entry.about).with_text(text)
}

fn model(model: &Model) -> Entry {
    let mut text = "Functions, with the value of the invocation:\n".to_owned();
    for (name, values) in model.functions {
        text += &format!("  {name:<12} {values}\n");
    }
    text += "\nConsistency levels, the default first:\n";
    let default = Level::of(model).name();
    let mut levels = Level::names(model);
    levels.sort_by_key(|(name, _)| *name != default);
    for (name, about) in levels {
        text += &format!("  {name:<34} {about}\n");
    }
    text +=
        &format!("\nJudge a history by it with\n\n  elara check HISTORY --model {}", model.name);
    Entry::new(Kind::Models, model.name, model.about).with_text(text)
}

fn fault(form: &FaultForm) -> Entry {
    let mut text = format!("  {}\n\nKeys:\n", form.example);
    for field in form.shape(Timing::Scheduled).fields() {
        text += &format!("  {:<24} {}\n", field.name, field.about);
    }
    Entry::new(Kind::Faults, form.name, form.about).with_text(text)
}

fn scenario(name: &str, text: &str) -> Entry {
    let scenario = Scenario::parse(name, text.as_bytes(), &[]);
    let about = scenario.expect("the tests hold every shipped scenario to the parser").about;
    let sentence = about.split_inclusive(". ").next().unwrap_or("").trim_end().to_owned();
    let more = format!("{about}\n\nRun it with\n\n  elara run {name}");
    Entry::new(Kind::Scenarios, name, &sentence).with_text(more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_can_say_the_names_of_exactly_the_checkers_and_of_every_ablation() {
        let mut sayable = names::checkers();
        let mut built: Vec<&str> = CHECKERS.iter().map(|entry| entry.name).collect();
        sayable.sort_unstable();
        built.sort_unstable();
        assert_eq!(sayable, built, "scenario/names.rs and checkers/registry.rs");
        for ablation in ABLATIONS {
            assert!(names::patterns().contains(&ablation.name), "{}", ablation.name);
            for checker in ablation.violates {
                assert!(CHECKERS.iter().any(|entry| entry.name == *checker), "{checker}");
            }
        }
    }

    #[test]
    fn no_kind_has_a_name_twice() {
        let mut all: Vec<_> = entries().into_iter().map(|entry| (entry.kind, entry.name)).collect();
        let before = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), before);
    }
}
