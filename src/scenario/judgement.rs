//! The part of a scenario that says how a run is judged: checks, the watched window, coverage, the expected verdict,
//! the paired runs, and, in a written-down failure, what was found.

use std::time::Duration;

use serde_json::{Value, json};

use crate::kernel::time::Instant;
use crate::scenario::error::{Decoded, Problem};
use crate::scenario::json::{Content, Json};
use crate::scenario::names;
use crate::scenario::shape::{Field, Kind, Shape, variant};
use crate::scenario::target;
use crate::scenario::values::{count, duration, duration_text, list_of, one_of, some_of, text};
use crate::scenario::write::ObjectWriter;
use crate::world::cluster::Cluster;
use crate::world::fault::Target;

/// Which checkers judge the run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Checks {
    /// Those that fit the system.
    #[default]
    Default,
    /// These.
    Only(Vec<String>),
}

/// What `quiet-minority` and `stability` look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The nodes that must be quiet, by name.
    pub minority: Target,
    /// From when on.
    pub from: Instant,
    /// Until when.
    pub to: Instant,
    /// How many messages each of them may send to each peer in a second.
    pub messages_max: u64,
}

/// The verdict that a scenario expects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expectation {
    /// No violation.
    #[default]
    Ok,
    /// A violation that this checker finds.
    Violation(String),
}

/// A paired run: some patterns off, and what breaks then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairedRun {
    /// The patterns that are off.
    pub off: Vec<String>,
    /// The checkers of which one must find a violation.
    pub violates: Vec<String>,
    /// How many seeds may be tried.
    pub within_seeds: u64,
}

/// What a written-down failure was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedFailure {
    /// The checker that found it.
    pub checker: String,
    /// The digest of the run.
    pub digest: String,
    /// The version of elara that found it.
    pub elara: String,
    /// The command that found it.
    pub command: String,
}

/// The watched window.
pub(super) const WATCH: Shape = Shape::new(
    "the watch",
    "What the checkers `quiet-minority` and `stability` look at.",
    &[
        Field::required("minority", Kind::Target, "the nodes that must be quiet"),
        Field::required("from", Kind::Duration, "from when on"),
        Field::required("to", Kind::Duration, "until when"),
        Field::required(
            "messages-max",
            Kind::Count(0, u64::MAX),
            "how many messages each of them may send to each peer in a second",
        ),
    ],
);

/// An expected violation.
pub(super) const VIOLATION: Shape = Shape::new(
    "the expected verdict",
    "A violation is expected.",
    &[Field::required("violation", Kind::OneOf(names::checkers), "the checker that finds it")],
);

/// A paired run.
pub(super) const PAIRED: Shape = Shape::new(
    "the ablation",
    "The same seed and the same faults, with some patterns off.",
    &[
        Field::required("off", Kind::Some(&PATTERN), "the patterns that are off"),
        Field::required("violates", Kind::Some(&CHECKER), "the checkers of which one must object"),
        Field::optional("within-seeds", Kind::Count(1, 1 << 32), "how many seeds; default 10"),
    ],
);

/// A written-down failure.
pub(super) const FAILURE: Shape = Shape::new(
    "the failure",
    "What this file is the record of.",
    &[
        Field::required("checker", Kind::Name, "the checker that found it"),
        Field::required("digest", Kind::Text, "the digest of the run"),
        Field::required("elara", Kind::Text, "the version of elara that found it"),
        Field::required("command", Kind::Text, "the command that found it"),
    ],
);

/// The name of a checker.
pub(super) const CHECKER: Kind = Kind::OneOf(names::checkers);
/// The name of a pattern.
pub(super) const PATTERN: Kind = Kind::OneOf(names::patterns);

/// Reads which checkers judge.
pub(super) fn read_checks(json: &Json) -> Decoded<Checks> {
    match &json.content {
        Content::Text(text) if text == "default" => Ok(Checks::Default),
        Content::List(_) => some_of(checker)(json).map(Checks::Only),
        _ => Err(Problem::expected(json, "\"default\" or a list of checkers")),
    }
}

fn checker(json: &Json) -> Decoded<String> {
    one_of("checker", names::checkers())(json).map(str::to_owned)
}

/// Reads the names of patterns.
pub(super) fn read_patterns(json: &Json) -> Decoded<Vec<String>> {
    list_of(|json| one_of("pattern", names::patterns())(json).map(str::to_owned))(json)
}

/// Reads the watched window of a run of this length.
pub(super) fn read_watch(cluster: &Cluster, end: Duration) -> impl Fn(&Json) -> Decoded<Watch> {
    move |json| {
        WATCH.read(json, |object| {
            let minority = object.need("minority", |json| {
                let minority = target::read(cluster)(json)?;
                if target::members(&minority, cluster).is_some() {
                    return Ok(minority);
                }
                let problem = "a role cannot be watched: it moves from node to node";
                Err(Problem::at(json, problem).cure("name nodes or regions"))
            })?;
            let from = object.need("from", duration)?;
            let to = object.need("to", duration)?;
            let messages_max = object.need("messages-max", count(0..=u64::MAX))?;
            if to <= from || to > end {
                let problem = "the watched window is empty or ends after the run";
                let cure = format!("`from` < `to` <= {}", duration_text(end));
                return Err(Problem::at(json, problem).cure(cure));
            }
            let (from, to) = (Instant::ZERO + from, Instant::ZERO + to);
            Ok(Watch { minority, from, to, messages_max })
        })
    }
}

/// Reads coverage marks.
pub(super) fn read_coverage(json: &Json) -> Decoded<Vec<String>> {
    list_of(|json| {
        let mark = text(json)?;
        if is_mark(mark) {
            return Ok(mark.to_owned());
        }
        let cure = "write where and what, as \"raft.elected\"";
        Err(Problem::expected(json, "a coverage mark").cure(cure))
    })(json)
}

/// Whether a text has the form of a mark: two or more parts of lower-case letters, digits and dashes, joined by dots.
fn is_mark(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let part =
        |part: &str| part.starts_with(|c: char| c.is_ascii_lowercase()) && part.bytes().all(plain);
    text.contains('.') && text.split('.').all(part)
}

/// Reads the expected verdict.
pub(super) fn read_expectation(json: &Json) -> Decoded<Expectation> {
    match &json.content {
        Content::Text(text) if text == "ok" => Ok(Expectation::Ok),
        Content::Object(_) => {
            let (_, value) = variant(json, &[VIOLATION])?;
            checker(value).map(Expectation::Violation)
        }
        _ => Err(Problem::expected(json, "\"ok\" or {\"violation\": CHECKER}")),
    }
}

/// Reads the paired runs.
pub(super) fn read_paired_runs(json: &Json) -> Decoded<Vec<PairedRun>> {
    list_of(|json| {
        PAIRED.read(json, |object| {
            let off = object.need("off", |json| {
                let off = read_patterns(json)?;
                if off.is_empty() { Err(Problem::at(json, "the list is empty")) } else { Ok(off) }
            })?;
            Ok(PairedRun {
                off,
                violates: object.need("violates", some_of(checker))?,
                within_seeds: object.read_or("within-seeds", 10, count(1..=1 << 32))?,
            })
        })
    })(json)
}

/// Reads what a written-down failure was.
pub(super) fn read_failure(json: &Json) -> Decoded<RecordedFailure> {
    FAILURE.read(json, |object| {
        Ok(RecordedFailure {
            checker: object.need("checker", text)?.to_owned(),
            digest: object.need("digest", text)?.to_owned(),
            elara: object.need("elara", text)?.to_owned(),
            command: object.need("command", text)?.to_owned(),
        })
    })
}

/// Writes which checkers judge.
pub(super) fn checks_value(checks: &Checks) -> Value {
    match checks {
        Checks::Default => json!("default"),
        Checks::Only(names) => json!(names),
    }
}

/// Writes the watched window.
pub(super) fn watch_value(watch: &Watch, cluster: &Cluster) -> Value {
    let time = |at: Instant| json!(duration_text(at.since(Instant::ZERO)));
    let mut object = ObjectWriter::default();
    object.put("minority", target::value(&watch.minority, cluster));
    object.put("from", time(watch.from));
    object.put("to", time(watch.to));
    object.put("messages-max", json!(watch.messages_max));
    object.finish()
}

/// Writes the expected verdict.
pub(super) fn expectation_value(expect: &Expectation) -> Value {
    match expect {
        Expectation::Ok => json!("ok"),
        Expectation::Violation(checker) => json!({ "violation": checker }),
    }
}

/// Writes one paired run.
pub(super) fn paired_value(paired: &PairedRun) -> Value {
    let PairedRun { off, violates, within_seeds } = paired;
    json!({ "off": off, "violates": violates, "within-seeds": within_seeds })
}

/// Writes what a written-down failure was.
pub(super) fn failure_value(failure: &RecordedFailure) -> Value {
    let RecordedFailure { checker, digest, elara, command } = failure;
    json!({ "checker": checker, "digest": digest, "elara": elara, "command": command })
}
