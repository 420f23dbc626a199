//! Sweeps from Rust, over a system of one's own: what they find depends on the seeds alone, not on threads, shards, or when
//! somebody stops them.

use std::collections::BTreeSet;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use elara::checkers::{Checker, Judgement, Violation};
use elara::claim::Claim;
use elara::explore::failure::written_down;
use elara::explore::merge::{Part, merge};
use elara::explore::pool::Pool;
use elara::explore::seeds::{Seeds, Shard};
use elara::explore::summary::{Stopped, SweepReport};
use elara::explore::sweep::{SweepOptions, Watch, sweep, sweep_watched};
use elara::kernel::ids::NodeId;
use elara::kernel::time::Instant;
use elara::node::context::Context;
use elara::node::disk::{FileId, Open};
use elara::node::{Message, Node, Reply, Request};
use elara::report::json::render_sweeps;
use elara::run::options::RunOptions;
use elara::run::systems::{OwnSystem, Setup, System};
use elara::run::{RunError, run_on};
use elara::scenario::Scenario;
use elara::simulation::outcome::Outcome;
use elara::trace::{Event, Fact, Interest};

/// Keeps a count on its disk, and forgets to sync it: a power failure may take the count back.
struct Counter(Option<FileId>, u64);

#[derive(Clone, Debug, Hash)]
struct Tell(u64);
impl Message for Tell {}

impl Node for Counter {
    type Message = Tell;
    type Timer = ();

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        let bytes = ctx.disk().read_all("count").unwrap_or_default();
        self.1 = bytes.try_into().map_or(0, u64::from_le_bytes);
        self.0 = ctx.disk().open("count", Open::Any).ok();
        ctx.disk().sync_directory("").expect("the disk has no faults");
        ctx.mark(if ctx.is_first_start() { "counter.founded" } else { "counter.restarted" });
    }

    fn on_message(&mut self, _: NodeId, _: Tell, _: &mut Context<'_, Self>) {}

    fn on_request(&mut self, request: Request, ctx: &mut Context<'_, Self>) {
        let file = self.0.expect("opened at the start");
        self.1 += 1;
        ctx.disk().write(file, 0, &self.1.to_le_bytes()).expect("the disk has no faults");
        ctx.claim(Claim::Custom { name: "counted", a: self.1, b: 0 });
        ctx.reply(request.token, Reply::ok(self.1 as i64));
    }
}

#[derive(Default)]
struct NeverTwice([u64; 3]);

impl Checker for NeverTwice {
    fn name(&self) -> &'static str {
        "never-twice"
    }

    fn interest(&self) -> Interest {
        Interest::CLAIMS
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        let (Fact::Claimed(Claim::Custom { a, .. }), Some(node)) = (&event.fact, event.node) else {
            return Ok(());
        };
        if *a <= self.0[node.index()] {
            return Err(Violation::new(event.at, format!("{node} gave out {a} twice")));
        }
        self.0[node.index()] = *a;
        Ok(())
    }

    fn finish(&mut self, _: Instant) -> Judgement {
        let counted = self.0.iter().any(|&count| count > 0);
        if counted { Judgement::Ok } else { Judgement::Vacuous("nobody counted".into()) }
    }
}

fn counters() -> impl System {
    OwnSystem::new(|_| Counter(None, 0)).checker(NeverTwice::default)
}

fn scenario() -> Scenario {
    let text = r#"{
        "elara": 1, "name": "counting", "system": { "kind": "own", "options": { "name": "counter" } },
        "cluster": { "nodes": 3 }, "network": { "delay": { "uniform": ["1ms", "5ms"] } },
        "workload": { "clients": [{ "count": 4 }], "operations": { "increment": 1 }, "think": "20ms", "timeout": "100ms" },
        "faults": [{ "at": "500ms", "power-failure": "all", "restart": "50ms" }],
        "duration": "2s", "quiet": "1s", "coverage": ["counter.restarted", "counter.doubled"]
    }"#;
    // No run reaches the second mark, so it is not asked for in the runs themselves.
    let mut scenario = Scenario::parse("counting.json", text.as_bytes(), &[]).expect("it is valid");
    scenario.coverage.pop();
    scenario
}

fn pool(jobs: usize) -> Pool {
    Pool::new(NonZeroUsize::new(jobs).expect("at least one"))
}

fn over(seeds: &str) -> SweepOptions {
    let seeds = Seeds::parse(seeds).expect("seeds");
    SweepOptions { seeds, command: "elara run counting.json".into(), ..SweepOptions::default() }
}

fn swept(options: &SweepOptions) -> SweepReport {
    sweep(&counters(), &scenario(), options).expect("the scenario can be run")
}

#[test]
fn threads_and_shards_change_nothing() {
    let whole = swept(&SweepOptions { pool: pool(1), ..over("60") });
    assert!((10..60).contains(&whole.failures.len()), "some seeds fail: {}", whole.failures.len());
    assert_eq!((whole.runs, whole.ok + whole.violations, whole.stopped), (60, 60, None));
    assert_eq!(whole.coverage["counter.restarted"], 60);
    assert_eq!(whole.faults["power-failure"], 60);
    assert!(whole.run_twice > 0 && whole.not_deterministic.is_empty());
    let failure = &whole.failures[0];
    assert_eq!(failure.checker, "never-twice");
    assert!(failure.message.contains(" gave out "), "{}", failure.message);
    assert_eq!(failure.replay, format!("elara run counting.json --seed {}", failure.seed));
    let document = render_sweeps(&[whole]);
    for jobs in [2, 3] {
        let again = swept(&SweepOptions { pool: pool(jobs), ..over("60") });
        assert_eq!(render_sweeps(&[again]), document, "{jobs} threads");
    }
    let part = |index| {
        let shard = Some(Shard { index, of: 4 });
        let report = swept(&SweepOptions { pool: pool(2), shard, ..over("60") });
        assert_eq!((report.runs, report.shard), (15, shard));
        Part { file: format!("{index}.json"), report }
    };
    let merged = merge(&[4, 2, 1, 3].map(part)).expect("they fit");
    assert_eq!(render_sweeps(&[merged]), document, "4 shards");
}

#[test]
fn a_sweep_ends_with_the_failure_that_was_one_too_many() {
    let all = swept(&over("60"));
    let enough = NonZeroU64::new(3);
    let stopped =
        |jobs| swept(&SweepOptions { pool: pool(jobs), failures_max: enough, ..over("60") });
    let one = stopped(1);
    assert_eq!(one.failures, all.failures[..3]);
    assert_eq!(one.runs, one.failures[2].seed, "the seeds before it, and no other");
    assert_eq!(one.stopped, Some(Stopped::MaxFailures));
    for jobs in [2, 3] {
        assert_eq!(render_sweeps(&[stopped(jobs)]), render_sweeps(std::slice::from_ref(&one)));
    }
}

#[test]
fn a_sweep_that_is_stopped_has_run_the_first_seeds() {
    let stop = AtomicBool::new(false);
    let mut runs = 0;
    let mut watch = Watch {
        stop: &|| stop.load(Ordering::Relaxed).then_some(Stopped::Interrupted),
        ended: &mut |ended| {
            runs += 1;
            assert_eq!((ended.run.seed, ended.runs), (runs, 10_000), "in order");
            if runs == 20 {
                stop.store(true, Ordering::Relaxed);
            }
        },
    };
    let options = SweepOptions { pool: pool(3), ..over("10000") };
    let stopped =
        sweep_watched(&counters(), &scenario(), &options, &mut watch).expect("it can be run");
    assert_eq!((stopped.runs, stopped.stopped), (runs, Some(Stopped::Interrupted)));
    assert!((20..10_000).contains(&runs));
    let mut prefix = swept(&over(&runs.to_string()));
    prefix.seeds = stopped.seeds;
    prefix.stopped = stopped.stopped;
    assert_eq!(prefix, stopped);
}

#[test]
fn a_failure_that_was_written_down_is_the_same_run_again() {
    let mut records = Vec::new();
    let mut scenario = scenario();
    let fault = r#"nemesis=[{ "power-failure": "any", "every": "400ms", "restart": "50ms" }]"#;
    let text = scenario.to_json();
    scenario = Scenario::parse("random", text.as_bytes(), &[fault.into()]).expect("it is valid");
    let mut watch = Watch {
        stop: &|| None,
        ended: &mut |ended| records.extend(written_down(&scenario, ended.run)),
    };
    let report =
        sweep_watched(&counters(), &scenario, &over("20"), &mut watch).expect("it can run");
    assert!(!records.is_empty() && records.len() == report.failures.len());
    for (record, failure) in records.iter().zip(&report.failures) {
        let text = record.to_json();
        let read = Scenario::parse("record.json", text.as_bytes(), &[]).expect("it is a scenario");
        assert!(read.nemesis.is_none() && read.faults.len() > 3, "the random faults are listed");
        let again = run_on(&counters(), &read, &RunOptions::default()).expect("it can be run");
        let recorded = read.failure.expect("it is a record");
        assert_eq!((&again.digest, &again.seed), (&recorded.digest, &failure.seed));
        assert_eq!(again.violations[0].checker, recorded.checker);
        assert_eq!(recorded.command, failure.replay);
    }
}

#[test]
fn remembered_seeds_run_first_and_those_outside_the_range_are_counted_apart() {
    let all = swept(&over("1..=60"));
    let failing: Vec<u64> = all.failures.iter().map(|failure| failure.seed).collect();
    let (inside, outside) = (failing[0], failing[failing.len() - 1]);
    let range = format!("1..{outside}");
    let remembered = BTreeSet::from([inside, outside]);
    let plain = swept(&over(&range));
    let mut order = Vec::new();
    let mut watch = Watch { stop: &|| None, ended: &mut |ended| order.push(ended.run.seed) };
    let options = SweepOptions { remembered, ..over(&range) };
    let report =
        sweep_watched(&counters(), &scenario(), &options, &mut watch).expect("it can be run");
    assert_eq!(order[..2], [inside, outside]);
    assert_eq!(order.iter().filter(|seed| **seed == inside).count(), 1);
    assert_eq!((report.remembered.runs, report.remembered.failures), (1, 1));
    assert_eq!((report.runs, report.events), (plain.runs, plain.events));
    assert_eq!(report.failures.len(), plain.failures.len() + 1);
    let extra = |index| {
        let shard = Some(Shard { index, of: 2 });
        swept(&SweepOptions { shard, ..options.clone() }).remembered.runs
    };
    assert_eq!((extra(1), extra(2)), (1, 0), "they are the first shard's");
}

/// Sends what it counts over all runs of the process.
struct Leaky;

static STARTS: AtomicU64 = AtomicU64::new(0);

impl Node for Leaky {
    type Message = Tell;
    type Timer = ();

    fn on_start(&mut self, ctx: &mut Context<'_, Self>) {
        ctx.send(NodeId(0), Tell(STARTS.fetch_add(1, Ordering::Relaxed)));
    }

    fn on_message(&mut self, _: NodeId, _: Tell, _: &mut Context<'_, Self>) {}
}

#[test]
fn a_planted_nondeterminism_is_found_by_the_runs_that_are_made_twice() {
    let mut scenario = scenario();
    scenario.coverage.clear();
    let report = sweep(&OwnSystem::new(|_| Leaky), &scenario, &over("200")).expect("it can be run");
    assert!((4..20).contains(&report.run_twice), "about 1 in 20: {}", report.run_twice);
    assert_eq!(report.not_deterministic.len() as u64, report.run_twice);
    assert!(!report.as_expected());
}

#[test]
fn marks_that_no_run_reached_are_named_and_doubts_are_grouped() {
    let mut scenario = scenario();
    scenario.coverage.push("counter.doubled".into());
    let report = sweep(&counters(), &scenario, &over("30")).expect("it can be run");
    assert_eq!(report.never_reached, BTreeSet::from(["counter.doubled".to_owned()]));
    assert_eq!(report.unknown + report.violations, 30);
    let (reason, doubt) = report.unknown_because.first_key_value().expect("there are doubts");
    assert!(reason.starts_with("the run never reached counter.doubled"), "{reason}");
    assert_eq!(doubt.runs, report.unknown);
}

/// A system that is itself broken.
struct Broken;

impl System for Broken {
    fn simulate(&self, setup: Setup<'_>) -> Result<Outcome, RunError> {
        assert!(setup.simulation.seed != 7, "out of order");
        counters().simulate(setup)
    }
}

#[test]
#[should_panic(expected = "the run of seed 7 panicked: out of order")]
fn a_panic_of_elara_itself_ends_the_sweep_and_names_the_seed() {
    let options = SweepOptions { pool: pool(3), ..over("1000000") };
    let _ = sweep(&Broken, &scenario(), &options);
}

#[test]
fn what_cannot_be_run_is_an_error_and_no_result() {
    let options = SweepOptions { without: vec!["pre-vote".into()], ..over("1000000") };
    let error = sweep(&counters(), &scenario(), &options).expect_err("it has no such pattern");
    assert!(error.message.contains("pre-vote"), "{error}");
}
