//! What a scenario file says: plain data, and errors that name the place and the cure.
//!
//! ```text
//! bytes --> tree with places --> (--set) --> decoders, one per part --> Scenario
//!             json.rs            overrides.rs    cluster.rs, network.rs, fault.rs ...
//! ```
//!
//! A scenario is strict: what is not understood is an error and never ignored, because a fault that is silently left out
//! makes a run look clean that was never tested. Every object is read by its `shape::Shape`, from which the JSON
//! Schema is made too. Each part's file says what the part looks like, reads it, and writes it.

mod cluster;
mod comment;
mod distribution;
mod disturbance;
mod error;
pub mod fault;
mod json;
pub mod judgement;
mod machine;
mod messages;
pub mod names;
pub mod nemesis;
mod network;
mod overrides;
mod partition;
pub mod schema;
mod script;
pub mod seed;
mod shape;
mod suggest;
pub mod systems;
mod target;
mod trigger;
mod values;
pub mod workload;
mod write;

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::workload::Workload;
use crate::kernel::time::Instant;
use crate::scenario::error::{Decoded, Document, Problem};
use crate::scenario::json::{Content, Json, Numbers};
use crate::scenario::judgement::{Checks, Expectation, PairedRun, RecordedFailure, Watch};
use crate::scenario::shape::{Field, Kind, Shape};
use crate::scenario::systems::SystemChoice;
use crate::scenario::values::{duration, duration_text, duration_within, positive_duration, text};
use crate::scenario::write::ObjectWriter;
use crate::world::assumptions::Budget;
use crate::world::cluster::Cluster;
use crate::world::fault::ScheduledFault;
use crate::world::nemesis::{Nemesis, Tail, Window};
use crate::world::options::{ClockOptions, CpuOptions, DiskOptions, NetworkOptions};

pub use crate::scenario::error::{Excerpt, Place, ScenarioError};
pub use crate::scenario::suggest::{cure, nearest, one_of};
pub use crate::scenario::values::span_of;

/// The version of the format, the value of the key `elara`.
pub const FORMAT: u64 = 1;

/// The size of the largest text that is read as a scenario, in bytes: 16 MiB, room for a written-down failure with a
/// hundred thousand faults.
pub const SIZE_MAX: u64 = 16 << 20;

/// The seed if neither the scenario nor the command line says one.
const SEED_DEFAULT: u64 = 1;

/// How long the quiet tail is if the scenario does not say.
pub const QUIET_DEFAULT: Duration = Duration::from_secs(10);

/// How long clients ask in a scenario that code begins with [`Scenario::new`]; a file must say it.
pub const DURATION_DEFAULT: Duration = Duration::from_secs(10);

/// A whole experiment, as plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// Its story, in prose.
    pub about: String,
    /// The seed, unless the command line gives another.
    pub seed: u64,
    /// The system under test.
    pub system: SystemChoice,
    /// Who is there.
    pub cluster: Cluster,
    /// The network.
    pub network: NetworkOptions,
    /// Each node's disk.
    pub disk: DiskOptions,
    /// Each node's clock.
    pub clock: ClockOptions,
    /// Each node's processor.
    pub cpu: CpuOptions,
    /// What the clients do.
    pub workload: Workload,
    /// The faults that happen at stated times, in the file's order.
    pub faults: Vec<ScheduledFault>,
    /// The faults that the seed draws.
    pub nemesis: Nemesis,
    /// How long the seed draws no faults at the start.
    pub calm: Duration,
    /// What the faults that the seed draws may break.
    pub budget: Budget,
    /// How long clients ask and faults happen; then everything is healed.
    pub duration: Duration,
    /// How long the run goes on without faults after that; liveness is judged there.
    pub quiet: Duration,
    /// Whom the quiet tail heals.
    pub tail: Tail,
    /// The patterns that are off.
    pub without: Vec<String>,
    /// Who judges.
    pub checks: Checks,
    /// What the checkers of a quiet minority look at.
    pub watch: Option<Watch>,
    /// The marks that must be reached, or the run is vacuous.
    pub coverage: Vec<String>,
    /// The expected verdict.
    pub expect: Expectation,
    /// The paired runs.
    pub ablations: Vec<PairedRun>,
    /// What was found, if this is a written-down failure.
    pub failure: Option<RecordedFailure>,
}

/// A scenario as a whole.
pub(crate) const SHAPE: Shape =
    Shape::new("the scenario", "A scenario of elara.", HEAD).and(MACHINE_ROOM).and(JUDGEMENT);

const HEAD: &[Field] = &[
    Field::optional("$schema", Kind::Text, "the schema, for editors; it has no effect"),
    Field::required("elara", Kind::Count(FORMAT, FORMAT), "the version of the format: 1"),
    Field::required("name", Kind::Text, "the scenario's name"),
    Field::optional("about", Kind::Text, "its story"),
    Field::optional("seed", Kind::Seed, "a number or a git commit hash; default 1"),
    Field::required("system", Kind::System, "the system under test"),
];

const MACHINE_ROOM: &[Field] = &[
    Field::required("cluster", Kind::Object(&cluster::SHAPE), "who is there"),
    Field::optional("network", Kind::Object(&network::SHAPE), "the network"),
    Field::optional("disk", Kind::Object(&machine::DISK), "each node's disk"),
    Field::optional("clock", Kind::Object(&machine::CLOCK), "each node's clock"),
    Field::optional("cpu", Kind::Object(&machine::CPU), "each node's processor"),
    Field::optional("workload", Kind::Object(&workload::SHAPE), "what the clients do"),
    Field::optional("faults", Kind::List(&Kind::Fault), "the faults at stated times"),
    Field::optional(
        "nemesis",
        Kind::AnyOf(&[Kind::List(&Kind::Generator), Kind::OneOf(|| vec!["swarm"])]),
        "the faults that the seed draws",
    ),
    Field::optional(
        "calm",
        Kind::Duration,
        "the start in which the nemesis rests; default: a tenth of the duration, 1s at most",
    ),
    Field::optional(
        "budget",
        Kind::OneOf(nemesis::budgets),
        "whether random faults keep what the system relies on (`assumptions`, the default) or not (`unlimited`)",
    ),
    Field::required("duration", Kind::Duration, "how long clients ask and faults happen"),
    Field::optional("quiet", Kind::Duration, "the tail without faults; default 10s"),
    Field::optional(
        "tail",
        Kind::OneOf(nemesis::tails),
        "whom it heals: `all` (the default) or a random majority, the `core`",
    ),
];

const JUDGEMENT: &[Field] = &[
    Field::optional("without", Kind::List(&judgement::PATTERN), "the patterns that are off"),
    Field::optional(
        "checks",
        Kind::AnyOf(&[Kind::OneOf(|| vec!["default"]), Kind::Some(&judgement::CHECKER)]),
        "who judges; default: the checkers that fit the system",
    ),
    Field::optional("watch", Kind::Object(&judgement::WATCH), "the window of the quiet minority"),
    Field::optional("coverage", Kind::List(&Kind::Mark), "the marks that must be reached"),
    Field::optional(
        "expect",
        Kind::AnyOf(&[Kind::OneOf(|| vec!["ok"]), Kind::Object(&judgement::VIOLATION)]),
        "the expected verdict; default \"ok\"",
    ),
    Field::optional("ablations", Kind::List(&Kind::Object(&judgement::PAIRED)), "the paired runs"),
    Field::optional("failure", Kind::Object(&judgement::FAILURE), "what was found, in a record"),
];

impl Scenario {
    /// A scenario in which nothing goes wrong and nobody asks anything, as a file that leaves out whatever it can: seed 1,
    /// ten seconds and a quiet tail of ten more, judged by the checkers that fit the system. The rest is said by struct
    /// update:
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use elara::client::workload::Workload;
    /// use elara::kernel::time::Instant;
    /// use elara::scenario::Scenario;
    /// use elara::scenario::systems::SystemChoice;
    /// use elara::world::cluster::Cluster;
    /// use elara::world::fault::{Fault, ScheduledFault, Target};
    ///
    /// let crash = Fault::Crash { target: Target::Leader, restart: None };
    /// let scenario = Scenario {
    ///     workload: Workload::of(2, &[("write", 1), ("read", 1)]),
    ///     faults: vec![ScheduledFault::new(Instant::ZERO + Duration::from_secs(2), crash)],
    ///     ..Scenario::new("leader-crash", SystemChoice::named("raft-kv"), Cluster::of_size(3))
    /// };
    /// let again = Scenario::parse("leader-crash.json", scenario.to_json().as_bytes(), &[]);
    /// assert_eq!(again, Ok(scenario));
    /// ```
    #[must_use]
    pub fn new(name: &str, system: SystemChoice, cluster: Cluster) -> Self {
        Self {
            name: name.to_owned(),
            about: String::new(),
            seed: SEED_DEFAULT,
            system,
            cluster,
            network: NetworkOptions::default(),
            disk: DiskOptions::default(),
            clock: ClockOptions::default(),
            cpu: CpuOptions::default(),
            workload: Workload::default(),
            faults: Vec::new(),
            nemesis: Nemesis::default(),
            budget: Budget::default(),
            tail: Tail::default(),
            calm: calm_default(DURATION_DEFAULT),
            duration: DURATION_DEFAULT,
            quiet: QUIET_DEFAULT,
            without: Vec::new(),
            checks: Checks::Default,
            watch: None,
            coverage: Vec::new(),
            expect: Expectation::Ok,
            ablations: Vec::new(),
            failure: None,
        }
    }

    /// Reads a scenario from the bytes of a file, after the overrides (`PATH=VALUE`) were set in it. `file` is the name
    /// that errors say.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place and what to do about it.
    pub fn parse(file: &str, bytes: &[u8], overrides: &[String]) -> Result<Self, ScenarioError> {
        let text = text_of(file, bytes)?;
        let document = Document { file, text, overrides };
        let mut numbers = Numbers::default();
        let mut tree =
            Json::parse(text, &mut numbers).map_err(|error| document.syntax_error(&error))?;
        for option in overrides.iter().map(String::as_str).enumerate() {
            overrides::apply(&mut tree, option, &mut numbers)?;
        }
        let read = comment::remove(&mut tree).and_then(|()| read(&tree));
        read.map_err(|problem| document.error(&tree, problem))
    }

    /// Writes the scenario, with everything that has a default spelled out. Reading it gives the same scenario.
    #[must_use]
    pub fn to_json(&self) -> String {
        write::pretty(&value(self))
    }

    /// The patterns that are off if these are switched off besides those that the scenario switches off.
    #[must_use]
    pub fn without_also(&self, more: &[String]) -> Vec<String> {
        let mut without = self.without.clone();
        without.extend(more.iter().filter(|name| !self.without.contains(name)).cloned());
        without
    }

    /// How long the whole run is.
    #[must_use]
    pub fn length(&self) -> Duration {
        self.duration + self.quiet
    }

    /// The time in which random faults begin.
    #[must_use]
    pub fn chaos(&self) -> Window {
        Window { from: Instant::ZERO + self.calm, to: Instant::ZERO + self.duration }
    }
}

/// How long the nemesis rests at the start if the scenario does not say: long enough to elect a leader.
fn calm_default(duration: Duration) -> Duration {
    (duration / 10).min(Duration::from_secs(1))
}

/// The text of a file.
fn text_of<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, ScenarioError> {
    let error = |problem: &str, cure: &str| ScenarioError {
        place: Place::File(file.to_owned()),
        path: String::new(),
        problem: problem.to_owned(),
        cure: cure.to_owned(),
        excerpt: None,
    };
    if bytes.len() as u64 > SIZE_MAX {
        return Err(too_large(file));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(error("the file is UTF-16 text", "save it as UTF-8"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|wrong| {
        let problem = format!("not UTF-8 text: byte {} is wrong", wrong.valid_up_to() + 1);
        error(&problem, "a scenario is a JSON file")
    })?;
    if text.trim().is_empty() {
        return Err(error("the file is empty", "`elara schema` says what a scenario looks like"));
    }
    Ok(text)
}

/// The error for a file that is larger than [`SIZE_MAX`].
#[must_use]
pub fn too_large(file: &str) -> ScenarioError {
    ScenarioError {
        place: Place::File(file.to_owned()),
        path: String::new(),
        problem: format!("the file is larger than {} MiB", SIZE_MAX >> 20),
        cure: "a scenario is a JSON file of a few KiB".into(),
        excerpt: None,
    }
}

/// Reads a scenario from its tree. The cluster, the times and the clients come first: the rest is checked against them.
fn read(json: &Json) -> Decoded<Scenario> {
    SHAPE.read(json, |object| {
        object.read("$schema", text)?;
        object.need("elara", format_version)?;
        let cluster = object.need("cluster", cluster::read)?;
        let end = object.need("duration", positive_duration)?;
        let quiet = object.read_or("quiet", QUIET_DEFAULT, duration)?;
        let asked = Instant::ZERO + end + quiet;
        let workload = object.read("workload", workload::read(&cluster, asked))?;
        let workload = workload.unwrap_or_default();
        let clients = workload::clients_of(&workload.clients);
        Ok(Scenario {
            name: object.need("name", name)?,
            about: object.read("about", text)?.unwrap_or_default().to_owned(),
            seed: object.read_or("seed", SEED_DEFAULT, seed::read)?,
            system: object.need("system", systems::read(&cluster))?,
            network: object.read("network", network::read(&cluster, clients))?.unwrap_or_default(),
            disk: object.read_or("disk", DiskOptions::default(), machine::read_disk)?,
            clock: object.read_or("clock", ClockOptions::default(), machine::read_clock)?,
            cpu: object.read_or("cpu", CpuOptions::default(), machine::read_cpu)?,
            workload,
            faults: object.read("faults", fault::read_timeline(&cluster, end))?.unwrap_or_default(),
            nemesis: object.read("nemesis", nemesis::read(&cluster))?.unwrap_or_default(),
            calm: object.read_or(
                "calm",
                calm_default(end),
                duration_within(Duration::ZERO, end),
            )?,
            budget: object.read_or("budget", Budget::Assumptions, nemesis::read_budget)?,
            duration: end,
            quiet,
            tail: object.read_or("tail", Tail::All, nemesis::read_tail)?,
            without: object.read_or("without", Vec::new(), judgement::read_patterns)?,
            checks: object.read_or("checks", Checks::Default, judgement::read_checks)?,
            watch: object.read("watch", judgement::read_watch(&cluster, end + quiet))?,
            coverage: object.read_or("coverage", Vec::new(), judgement::read_coverage)?,
            expect: object.read_or("expect", Expectation::Ok, judgement::read_expectation)?,
            ablations: object.read_or("ablations", Vec::new(), judgement::read_paired_runs)?,
            failure: object.read("failure", judgement::read_failure)?,
            cluster,
        })
    })
}

fn format_version(json: &Json) -> Decoded<()> {
    match &json.content {
        Content::Number(number) if *number == FORMAT.to_string() => Ok(()),
        _ => {
            let problem = format!("unknown version of the format: {}", json.described());
            Err(Problem::at(json, problem).cure(format!("this elara reads version {FORMAT}")))
        }
    }
}

fn name(json: &Json) -> Decoded<String> {
    let name = text(json)?;
    if name.trim().is_empty() || name.chars().any(char::is_control) || name.len() > 200 {
        let problem = format!("expected a name of 1 to 200 characters, found {}", json.described());
        return Err(Problem::at(json, problem));
    }
    Ok(name.to_owned())
}

fn value(scenario: &Scenario) -> Value {
    let cluster = &scenario.cluster;
    let mut object = ObjectWriter::default();
    object.put("elara", json!(FORMAT));
    object.put("name", json!(scenario.name));
    object.put("about", json!(scenario.about));
    object.put("seed", json!(scenario.seed));
    object.put("system", systems::value(&scenario.system, cluster));
    object.put("cluster", cluster::value(cluster));
    object.put("network", network::value(&scenario.network, cluster));
    object.put("disk", machine::disk_value(&scenario.disk));
    object.put("clock", machine::clock_value(&scenario.clock));
    object.put("cpu", machine::cpu_value(&scenario.cpu));
    object.put("workload", workload::value(&scenario.workload, cluster));
    let faults = scenario.faults.iter().map(|fault| fault::scheduled_value(fault, cluster));
    object.put("faults", faults.collect());
    object.put("nemesis", nemesis::value(&scenario.nemesis, cluster));
    object.put("calm", json!(duration_text(scenario.calm)));
    object.put("budget", nemesis::budget_value(scenario.budget));
    object.put("duration", json!(duration_text(scenario.duration)));
    object.put("quiet", json!(duration_text(scenario.quiet)));
    object.put("tail", nemesis::tail_value(scenario.tail));
    object.put("without", json!(scenario.without));
    object.put("checks", judgement::checks_value(&scenario.checks));
    let watch = scenario.watch.as_ref();
    object.maybe("watch", watch.map(|watch| judgement::watch_value(watch, cluster)));
    object.put("coverage", json!(scenario.coverage));
    object.put("expect", judgement::expectation_value(&scenario.expect));
    object.put("ablations", scenario.ablations.iter().map(judgement::paired_value).collect());
    object.maybe("failure", scenario.failure.as_ref().map(judgement::failure_value));
    object.finish()
}
