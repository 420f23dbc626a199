//! Shrinking: what is left is what the failure needs, whatever the number of threads, and its record replays.

mod common;

use std::fs;
use std::num::NonZeroUsize;
use std::process::Command;
use std::time::Duration;

use elara::checkers::{Checker, Judgement, Violation};
use elara::client::script::Scripted;
use elara::client::workload::Workload;
use elara::explore::pool::Pool;
use elara::explore::shrink::{ShrinkError, ShrinkOptions, Shrunk, shrink};
use elara::history::{Operation, Phase, Value};
use elara::kernel::distribution::Distribution;
use elara::kernel::ids::NodeId;
use elara::kernel::random::Probability;
use elara::kernel::time::Instant;
use elara::node::context::Context;
use elara::node::{Message, Node, Reply, Request};
use elara::run::options::RunOptions;
use elara::run::report::Verdict;
use elara::run::run_on;
use elara::run::systems::{OwnSystem, System, shipped};
use elara::scenario::Scenario;
use elara::scenario::systems::SystemChoice;
use elara::trace::{Event, Fact, Interest, Stop};
use elara::world::cluster::Cluster;
use elara::world::fault::{Fault, PowerFailure, ScheduledFault, Target};

/// Says yes to everything.
struct Yes;

#[derive(Clone, Debug, Hash)]
struct Silence;
impl Message for Silence {}

impl Node for Yes {
    type Message = Silence;
    type Timer = ();

    fn on_start(&mut self, _: &mut Context<'_, Self>) {}

    fn on_message(&mut self, _: NodeId, _: Silence, _: &mut Context<'_, Self>) {}

    fn on_request(&mut self, request: Request, ctx: &mut Context<'_, Self>) {
        ctx.reply(request.token, Reply::ok(Value::Nil));
    }
}

/// Objects once n2 has crashed, n3 was paused, two keys were written and any was incremented: three operations and two
/// faults, in any order.
#[derive(Default)]
struct Recipe([bool; 5]);

impl Checker for Recipe {
    fn name(&self) -> &'static str {
        "recipe"
    }

    fn interest(&self) -> Interest {
        Interest::HISTORY.and(Interest::FAULTS)
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        let node = event.node.map(|node| node.0);
        match &event.fact {
            Fact::Stopped(Stop::Crash) if node == Some(1) => self.0[0] = true,
            Fact::Paused if node == Some(2) => self.0[1] = true,
            Fact::History(history) if history.phase == Phase::Invoke => {
                let operation = &history.operation;
                match (&*operation.function, operation.key.as_int()) {
                    ("write", Some(3)) => self.0[2] = true,
                    ("write", Some(5)) => self.0[3] = true,
                    ("increment", _) => self.0[4] = true,
                    _ => {}
                }
            }
            _ => {}
        }
        if self.0 == [true; 5] { Err(Violation::new(event.at, "it is served")) } else { Ok(()) }
    }

    fn finish(&mut self, _: Instant) -> Judgement {
        Judgement::Ok
    }
}

fn recipe() -> impl System {
    OwnSystem::new(|_| Yes).checker(Recipe::default)
}

fn at(seconds: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(seconds)
}

/// Five nodes and four clients, with twelve faults of which two matter.
fn busy() -> Scenario {
    let mut faults = Vec::new();
    for (number, node) in [1, 2, 0, 3, 4].into_iter().cycle().take(12).enumerate() {
        let target = Target::Node(NodeId(node));
        let restart = Some(Distribution::Uniform(Duration::ZERO, Duration::from_secs(1)));
        let fault = match number % 3 {
            0 => Fault::Crash { target, restart },
            1 => Fault::Pause { target },
            _ => Fault::PowerFailure(PowerFailure::of(target, Duration::from_millis(500))),
        };
        let lasts = matches!(fault, Fault::Pause { .. }).then_some(Duration::from_millis(700));
        faults.push(ScheduledFault::new(at(1 + number as u64), fault).lasting(lasts));
    }
    let mut scenario = Scenario {
        workload: Workload::of(4, &[("write", 3), ("read", 3), ("increment", 1)]),
        faults,
        duration: Duration::from_secs(15),
        ..Scenario::new("busy", SystemChoice::own("yes"), Cluster::of_size(5))
    };
    scenario.network.link.delay =
        Distribution::Uniform(Duration::from_millis(1), Duration::from_millis(5));
    scenario.network.link.loss = Probability::per_million(10_000);
    scenario
}

fn pool(jobs: usize) -> Pool {
    Pool::new(NonZeroUsize::new(jobs).expect("at least one"))
}

/// Shrinks with so many threads and runs.
fn shrunk_with(
    system: &dyn System,
    scenario: &Scenario,
    (jobs, runs_max): (usize, u64),
) -> Result<Shrunk, ShrinkError> {
    let options = ShrinkOptions {
        checker: None,
        runs_max,
        pool: pool(jobs),
        command: "elara run busy.json".into(),
        stop: &|| false,
        watch: &|_| {},
    };
    shrink(system, scenario, &options)
}

fn shrunk(system: &dyn System, scenario: &Scenario) -> Shrunk {
    shrunk_with(system, scenario, (2, 20_000)).unwrap_or_else(|error| panic!("{error}"))
}

/// The record says everything: whoever reads the file has the same run.
fn replays(system: &dyn System, shrunk: &Shrunk) {
    let text = shrunk.scenario.to_json();
    let read =
        Scenario::parse("record.json", text.as_bytes(), &[]).expect("a record is a scenario");
    assert_eq!(read, shrunk.scenario);
    let report = run_on(system, &read, &RunOptions::default()).expect("it runs");
    let failure = read.failure.expect("it is a record");
    assert_eq!((report.verdict, report.digest), (Verdict::Violation, failure.digest));
    assert!(report.violations.iter().any(|found| found.checker == failure.checker));
}

#[test]
fn exactly_what_a_planted_failure_needs_is_left() {
    let shrunk = shrunk(&recipe(), &busy());
    let kinds: Vec<&str> = shrunk.scenario.faults.iter().map(|it| it.fault.kind()).collect();
    assert!(matches!(kinds[..], ["crash", "pause"] | ["pause", "crash"]), "{kinds:?}");
    let script = shrunk.scenario.workload.script.as_ref().expect("it is explicit");
    let mut asked: Vec<String> = script
        .iter()
        .map(|entry| match &*entry.operation.function {
            "increment" => "increment".into(),
            function => format!("{function} {}", entry.operation.key),
        })
        .collect();
    asked.sort_unstable();
    assert_eq!(asked, ["increment", "write 3", "write 5"]);
    assert_eq!((shrunk.before.faults, shrunk.after.faults), (12, 2));
    assert!(shrunk.before.operations > 100, "{}", shrunk.before.operations);
    assert_eq!((shrunk.after.operations, shrunk.after.clients, shrunk.after.nodes), (3, 1, 3));
    assert!(shrunk.complete && shrunk.after.virtual_ns < shrunk.before.virtual_ns / 4);
    assert_eq!(shrunk.scenario.network.link.loss, Probability::NEVER);
    replays(&recipe(), &shrunk);
}

/// Objects to a delete that is asked for after a second.
struct Late;

impl Checker for Late {
    fn name(&self) -> &'static str {
        "late"
    }

    fn interest(&self) -> Interest {
        Interest::HISTORY
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        match &event.fact {
            Fact::History(history)
                if history.phase == Phase::Invoke
                    && history.operation.function == "delete"
                    && event.at >= at(1) =>
            {
                Err(Violation::new(event.at, "it is late"))
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, _: Instant) -> Judgement {
        Judgement::Ok
    }
}

#[test]
fn operations_that_only_pass_the_time_are_left_out() {
    let asked = |function: &'static str, value| Scripted {
        client: 0,
        at: Instant::ZERO,
        operation: Operation::new(function, 1, value),
    };
    // The client does one thing after the other, and each of the writes takes 20 ms.
    let script =
        std::iter::repeat_n(asked("write", Value::Int(1)), 60).chain([asked("delete", Value::Nil)]);
    let mut scenario = Scenario {
        workload: Workload { script: Some(script.collect()), ..Workload::of(1, &[("write", 1)]) },
        duration: Duration::from_secs(5),
        ..Scenario::new("patient", SystemChoice::own("yes"), Cluster::of_size(1))
    };
    scenario.network.link.delay = Distribution::Constant(Duration::from_millis(10));
    let system = OwnSystem::new(|_| Yes).checker(|| Late);
    let shrunk = shrunk(&system, &scenario);
    assert_eq!((shrunk.before.operations, shrunk.after.operations), (61, 1));
    replays(&system, &shrunk);
}

#[test]
fn operations_that_only_make_one_late_message_likely_are_left_out() {
    // A follower that lags when the leader is paused is enough, but it lags in few of many moments.
    let system = shipped(&SystemChoice::named("raft-kv")).expect("it is shipped");
    let mut scenario = common::load("scenarios/raft-kv/paused-leader.json");
    (scenario.seed, scenario.without) = (18, vec!["election-restriction".into()]);
    let shrunk = shrunk_with(system, &scenario, (2, 8_000)).expect("it fails");
    assert!(shrunk.complete && shrunk.after.operations <= 12, "{:?}", shrunk.after);
    replays(system, &shrunk);
}

#[test]
fn no_fault_and_no_operation_of_what_is_left_can_go() {
    let system = shipped(&SystemChoice::named("raft-kv")).expect("it is shipped");
    let mut scenario = common::load("scenarios/raft-kv/paused-leader.json");
    scenario.without = vec!["generation-clock".into()];
    let shrunk = shrunk(system, &scenario);
    let fails = |scenario: &Scenario| {
        let report = run_on(system, scenario, &RunOptions::default()).expect("it runs");
        report.violations.iter().any(|found| found.checker == shrunk.checker && !found.excused)
    };
    assert!(fails(&shrunk.scenario) && !shrunk.scenario.faults.is_empty());
    for place in 0..shrunk.scenario.faults.len() {
        let mut without = shrunk.scenario.clone();
        without.faults.remove(place);
        assert!(!fails(&without), "fault {place} can go");
    }
    let script = shrunk.scenario.workload.script.clone().expect("it is explicit");
    assert!(!script.is_empty());
    for place in 0..script.len() {
        let mut without = shrunk.scenario.clone();
        without.workload.script.as_mut().expect("as before").remove(place);
        assert!(!fails(&without), "operation {place} can go");
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let told = |shrunk: Shrunk| (shrunk.scenario.to_json(), shrunk.runs, shrunk.story);
    let results = [1, 2, 3]
        .map(|jobs| told(shrunk_with(&recipe(), &busy(), (jobs, 20_000)).expect("it fails")));
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
    let short =
        [1, 3].map(|jobs| told(shrunk_with(&recipe(), &busy(), (jobs, 40)).expect("it fails")));
    assert_eq!(short[0], short[1]);
}

#[test]
fn a_spent_budget_leaves_the_best_so_far_and_says_so() {
    let whole = shrunk(&recipe(), &busy());
    let part = shrunk_with(&recipe(), &busy(), (2, 30)).expect("it fails");
    assert_eq!((part.runs, part.complete), (30, false));
    assert!(part.after.operations > whole.after.operations);
    assert!(part.after.virtual_ns < part.before.virtual_ns);
    replays(&recipe(), &part);
}

#[test]
fn whoever_asks_it_to_stop_gets_the_best_so_far() {
    static STOPPED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    let options = ShrinkOptions {
        checker: Some("recipe".into()),
        runs_max: u64::MAX,
        pool: pool(1),
        command: String::new(),
        stop: &|| STOPPED.load(std::sync::atomic::Ordering::Relaxed),
        watch: &|step| {
            STOPPED.fetch_or(step.runs >= 10, std::sync::atomic::Ordering::Relaxed);
        },
    };
    let shrunk = shrink(&recipe(), &busy(), &options).expect("it fails");
    assert!(!shrunk.complete && shrunk.runs >= 10);
    replays(&recipe(), &shrunk);
}

#[test]
fn what_does_not_fail_cannot_be_cut_down() {
    let harmless = Scenario { faults: Vec::new(), ..busy() };
    let error = shrunk_with(&recipe(), &harmless, (1, 100)).expect_err("it does not fail");
    assert!(error.to_string().contains("seed 1 does not fail"), "{error}");
    let options = ShrinkOptions {
        checker: Some("durability".into()),
        runs_max: 100,
        pool: pool(1),
        command: String::new(),
        stop: &|| false,
        watch: &|_| {},
    };
    let error = shrink(&recipe(), &busy(), &options).expect_err("nobody asked durability");
    assert!(error.to_string().contains("recipe may be asked for"), "{error}");
}

#[test]
fn the_stories_shrink_to_a_few_faults_and_operations() {
    let system = shipped(&SystemChoice::named("raft-kv")).expect("it is shipped");
    for (file, off) in [
        ("scenarios/west-coast-partition.json", "majority-quorum"),
        ("scenarios/raft-kv/vote-lost-with-power.json", "durable-vote"),
    ] {
        let mut scenario = common::load(file);
        scenario.without.push(off.into());
        let shrunk = shrunk(system, &scenario);
        let size = shrunk.after;
        assert!(size.faults <= 5 && size.operations <= 12 && shrunk.complete, "{file}: {size:?}");
        let named = shrunk.scenario.about.contains(&format!("Without {off}"));
        assert!(named || scenario.without.len() > 1, "{}", shrunk.scenario.about);
        assert!(shrunk.scenario.about.contains(&format!("{} is violated", shrunk.checker)));
        replays(system, &shrunk);
    }
}

#[test]
fn the_program_writes_a_record_that_replays_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let elara = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_elara"));
        command.args(arguments).current_dir(folder.path()).output().expect("the program starts")
    };
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/raft-kv/paused-leader.json");
    let ablated = ["shrink", file, "--without", "generation-clock"];
    let output = elara(
        &[&ablated[..], &["--set", "duration=17s", "--runs", "30", "--format", "json"]].concat(),
    );
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let record = told["file"].as_str().expect("it names the file");
    assert!(record.starts_with("paused-leader-seed-1-without-generation-clock-"), "{record}");
    fs::create_dir(folder.path().join("kept")).expect("a folder");
    fs::rename(folder.path().join(record), folder.path().join("kept/it.json"))
        .expect("it is there");
    let replay = elara(&["replay", "kept/it.json", "--format", "json"]);
    assert_eq!(replay.status.code(), Some(1));
    let replayed: serde_json::Value = serde_json::from_slice(&replay.stdout).expect("it is JSON");
    assert_eq!(replayed["digest"], told["digest"]);
    assert_eq!(replayed["violations"][0]["checker"], told["checker"]);
    // A record can be shrunk again, and is short already.
    let again = elara(&["shrink", "kept/it.json", "-o", "again.json", "--format", "json"]);
    let again: serde_json::Value = serde_json::from_slice(&again.stdout).expect("it is JSON");
    assert_eq!(
        (&again["checker"], &again["after"]["faults"]),
        (&told["checker"], &told["after"]["faults"])
    );
    let refused = elara(&["shrink", file]);
    assert_eq!(refused.status.code(), Some(2));
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(complaint.contains("seed 1 does not fail"), "{complaint}");
}
