//! A run can be written down with nothing random left that matters: what was drawn, given as data, is the same run.

mod common;

use std::time::Duration;

use elara::client::script::script_of;
use elara::kernel::random::Probability;
use elara::kernel::time::Instant;
use elara::run::options::RunOptions;
use elara::run::report::{Event, Fact, RunReport, Verdict};
use elara::scenario::Scenario;
use elara::scenario::judgement::Checks;
use elara::world::network::fates::{ExplicitFate, Passage, fates_of};

/// Short scenarios that lose messages, stop nodes and ask everything that clients can ask.
const FILES: [&str; 3] = [
    "scenarios/raft-kv/vote-lost-with-power.json",
    "scenarios/raft-kv/wiped-disks.json",
    "scenarios/raft-kv/new-members-during-a-cut.json",
];
const SEEDS: std::ops::Range<u64> = 1..3;

fn traced(scenario: &Scenario, seed: u64) -> RunReport {
    let options = RunOptions { seed: Some(seed), keep_trace: true, ..RunOptions::default() };
    elara::run::run(scenario, &options).unwrap_or_else(|error| panic!("{error}"))
}

/// A shipped scenario whose clients ask everything there is, a while. Judges do not change a run, and one is enough.
fn busy(file: &str) -> Scenario {
    let mut scenario = common::load(file);
    let all = ["write", "read", "cas", "delete", "increment", "append", "read-session"];
    scenario.workload.operations = all.map(|name| (name.to_owned(), 1)).to_vec();
    scenario.workload.limit = Some(60);
    scenario.checks = Checks::Only(vec!["election-safety".into()]);
    scenario
}

/// The scenario with the operations of this run instead of random ones.
fn scripted(scenario: &Scenario, run: &RunReport) -> Scenario {
    let clients = scenario.workload.clients.iter().map(|group| group.count).sum();
    let mut scripted = scenario.clone();
    let audit = Instant::ZERO + scenario.length();
    scripted.workload.script = Some(script_of(&run.kept.history, clients, audit));
    scripted
}

fn before_the_audit(run: &RunReport) -> &[Event] {
    let is_audit = |event: &Event| event.fact == Fact::PhaseBegan("audit");
    let end = run.kept.trace.iter().position(is_audit).expect("the run comes to its audit");
    &run.kept.trace[..end]
}

#[test]
fn the_run_of_a_script_is_the_run_that_drew_it() {
    for file in FILES {
        let scenario = busy(file);
        for seed in SEEDS {
            let drawn = traced(&scenario, seed);
            let scripted = scripted(&scenario, &drawn);
            let text = scripted.to_json();
            let read = Scenario::parse("script.json", text.as_bytes(), &[]);
            let mut read = read.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(read, scripted, "{file} seed {seed}: the script is written as it is");
            // With a script these say nothing.
            read.workload.operations = vec![("read".into(), 1)];
            read.workload.keys = 1;
            read.workload.limit = Some(0);
            let again = traced(&read, seed);
            let (drawn, again) = (before_the_audit(&drawn), before_the_audit(&again));
            assert!(drawn.len() > 1_000, "{file} seed {seed}: much happens before the audit");
            let difference = elara::trace::first_difference(drawn, again);
            assert_eq!(difference, None, "{file} seed {seed}");
        }
    }
}

#[test]
fn an_audit_reads_the_keys_of_the_script_and_no_others() {
    let scenario = busy(FILES[0]);
    let drawn = traced(&scenario, 1);
    let mut scripted = scripted(&scenario, &drawn);
    let script = scripted.workload.script.as_mut().expect("it has a script");
    script.retain(|entry| entry.operation.function == "write");
    script.drain(..script.len() - 3);
    let mut keys: Vec<_> = script.iter().map(|entry| entry.operation.key.clone()).collect();
    keys.sort_unstable();
    keys.dedup();
    let run = traced(&scripted, 1);
    let audit = Instant::ZERO + scenario.length();
    let read = run.kept.history.iter().filter(|event| event.at >= audit && event.reason.is_empty());
    let mut read: Vec<_> = read.map(|event| event.operation.key.clone()).collect();
    read.sort_unstable();
    read.dedup();
    assert_eq!(read, keys);
}

/// A scenario whose network leaves everything to chance.
fn chancy(file: &str) -> Scenario {
    let mut scenario = busy(file);
    let link = &mut scenario.network.link;
    link.loss = Probability::per_million(20_000);
    link.duplication = Probability::per_million(20_000);
    link.corruption = Probability::per_million(10_000);
    scenario
}

#[test]
fn a_run_is_the_same_if_the_fates_of_its_messages_are_said_and_not_drawn() {
    for file in FILES.into_iter().chain(["scenarios/raft-kv/paused-leader.json"]) {
        let scenario = chancy(file);
        for seed in SEEDS {
            let drawn = traced(&scenario, seed);
            let mut said = scenario.clone();
            said.network = scenario.network.without_chance(Duration::from_micros(700));
            said.network.fates = fates_of(&drawn.kept.trace, scenario.cluster.size());
            let again = traced(&said, seed);
            let difference = elara::trace::first_difference(&drawn.kept.trace, &again.kept.trace);
            assert_eq!(difference, None, "{file} seed {seed}");
            assert_eq!(drawn.digest, again.digest, "{file} seed {seed}");
        }
    }
}

/// What a person wants to see in a file: the few messages that chance lost, damaged or repeated. How long all others take
/// may stay with the seed.
#[test]
fn what_is_not_said_about_a_message_stays_with_the_seed() {
    let scenario = chancy(FILES[1]);
    let drawn = traced(&scenario, 5);
    let mut fates = fates_of(&drawn.kept.trace, scenario.cluster.size());
    let all = fates.len();
    fates.retain_mut(|message| match &mut message.fate {
        ExplicitFate::Lost => true,
        ExplicitFate::Passes(passage) => {
            if passage.duplicate.is_none() {
                passage.delay = None;
            }
            *passage != Passage::default()
        }
    });
    assert!(10 < fates.len() && fates.len() < all / 10, "{} of {all}", fates.len());
    let mut said = scenario.clone();
    let link = &mut said.network.link;
    (link.loss, link.duplication) = (Probability::NEVER, Probability::NEVER);
    link.corruption = Probability::NEVER;
    said.network.fates = fates;
    let text = said.to_json();
    let read = Scenario::parse("said.json", text.as_bytes(), &[]);
    let read = read.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read, said);
    let again = traced(&read, 5);
    assert_eq!(drawn.digest, again.digest);
    assert_ne!(traced(&scenario, 6).digest, drawn.digest);
}

#[test]
fn a_run_ends_when_the_checker_objects_that_it_is_to_stop_at() {
    let scenario = common::load(FILES[0]);
    let without = vec!["durable-vote".to_owned()];
    let whole = common::run(&scenario, 1, &without);
    let found = |run: &RunReport| {
        let found = run.violations.iter().find(|found| found.checker == "election-safety");
        found.expect("the story of the lost vote").clone()
    };
    let options = RunOptions {
        seed: Some(1),
        without,
        stop_at: Some("election-safety".into()),
        ..RunOptions::default()
    };
    let stopped = elara::run::run(&scenario, &options).expect("it can be run");
    assert_eq!(found(&stopped), found(&whole));
    assert_eq!(stopped.verdict, Verdict::Violation);
    assert_eq!(stopped.virtual_ns, found(&whole).at_ns);
    assert!(stopped.events < whole.events / 2, "{} of {}", stopped.events, whole.events);
    let why = "stop: the run ended when election-safety objected; the others were not asked";
    assert_eq!(stopped.unknown_because.last().map(String::as_str), Some(why));

    let sound = RunOptions { without: Vec::new(), ..options.clone() };
    let sound = elara::run::run(&scenario, &sound).expect("it can be run");
    let plain = common::run(&scenario, 1, &[]);
    assert_eq!((sound.verdict, sound.digest), (Verdict::Ok, plain.digest));

    let nobody = RunOptions { stop_at: Some("stability".into()), ..options };
    let error = elara::run::run(&scenario, &nobody).expect_err("it does not watch");
    let told = "the run cannot end when stability objects: it is not among its checkers";
    assert_eq!(error.message, told);
}

#[test]
fn a_run_whose_budget_is_spent_is_unknown() {
    let scenario = common::load(FILES[0]);
    let options = RunOptions { events_max: Some(500), ..RunOptions::default() };
    let run = elara::run::run(&scenario, &options).expect("it can be run");
    assert_eq!(run.verdict, Verdict::Unknown);
    let why = "budget: the budget of 500 events is spent".to_owned();
    assert!(run.unknown_because.contains(&why), "{:?}", run.unknown_because);
}
