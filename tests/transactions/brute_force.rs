//! The verdicts against brute force: every order of a few transactions, executed on a real store.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use elara::checkers::transactions::{
    Consistency, Function, MicroOperation, TransactionEvent, Verdict, Workload, check,
};
use elara::history::{Phase, Value};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::store::{Bug, Load, run};

/// A transaction with the places of its events.
#[derive(Clone, Debug)]
struct Placed {
    operations: Vec<MicroOperation>,
    committed: bool,
    process: u64,
    from: usize,
    to: usize,
}

/// What each key holds, for both workloads: all that was written.
type State = BTreeMap<Value, Vec<Value>>;

/// All transactions that may have taken effect.
fn placed(history: &[TransactionEvent]) -> Vec<Placed> {
    let mut placed: Vec<Placed> = Vec::new();
    for (place, event) in history.iter().enumerate() {
        let open = placed.iter_mut().rfind(|placed| placed.process == event.process);
        match (event.phase, open) {
            (Phase::Invoke, _) => placed.push(Placed {
                operations: event.operations.clone(),
                committed: false,
                process: event.process,
                from: place,
                to: usize::MAX,
            }),
            (Phase::Ok, Some(open)) => {
                open.operations.clone_from(&event.operations);
                (open.committed, open.to) = (true, place);
            }
            (Phase::Fail, Some(open)) => (open.operations.clear(), open.to = place).1,
            _ => {}
        }
    }
    placed.retain(|placed| !placed.operations.is_empty());
    placed
}

/// The state after a transaction, if it can have read what it read.
fn execute(placed: &Placed, snapshot: &State, workload: Workload) -> Option<State> {
    let mut state = snapshot.clone();
    for operation in &placed.operations {
        let held = state.entry(operation.key.clone()).or_default();
        if operation.function != Function::Read {
            held.push(operation.value.clone());
            continue;
        }
        let returned = match workload {
            Workload::ListAppend if held.is_empty() => Value::Nil,
            Workload::ListAppend => Value::list(held.iter().cloned()),
            Workload::RwRegister => held.last().cloned().unwrap_or_default(),
        };
        if placed.committed && operation.value != returned {
            return None;
        }
    }
    Some(state)
}

/// Which order must be kept beside the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    Nothing,
    Sessions,
    RealTime,
}

impl Keeps {
    /// Whether one must come before another.
    fn before(self, one: &Placed, other: &Placed) -> bool {
        let earlier = one.committed && one.to < other.from;
        match self {
            Self::Nothing => false,
            Self::Sessions => earlier && one.process == other.process,
            Self::RealTime => earlier,
        }
    }
}

/// Whether the rest can be executed one after the other from this state.
fn serializable(rest: &[Placed], state: &State, workload: Workload, keeps: Keeps) -> bool {
    if rest.iter().all(|placed| !placed.committed) {
        return true;
    }
    (0..rest.len()).any(|next| {
        if rest.iter().any(|other| keeps.before(other, &rest[next])) {
            return false;
        }
        let Some(state) = execute(&rest[next], state, workload) else { return false };
        let mut others = rest.to_vec();
        others.remove(next);
        serializable(&others, &state, workload, keeps)
    })
}

/// The keys that a transaction writes.
fn writes(placed: &Placed) -> impl Iterator<Item = &Value> {
    placed.operations.iter().filter(|o| o.function != Function::Read).map(|o| &o.key)
}

/// Whether there is an execution under snapshot isolation: each transaction begins, with the state of that moment, and
/// commits, unless another has committed a write to one of its keys meanwhile.
fn snapshot_isolated(
    waiting: &[Placed],
    begun: &[(Placed, Vec<Value>)],
    state: &State,
    workload: Workload,
) -> bool {
    if waiting.iter().all(|p| !p.committed) && begun.iter().all(|(p, _)| !p.committed) {
        return true;
    }
    let one_begins = (0..waiting.len()).any(|next| {
        if execute(&waiting[next], state, workload).is_none() {
            return false;
        }
        let mut waiting = waiting.to_vec();
        let mut begun = begun.to_vec();
        begun.push((waiting.remove(next), Vec::new()));
        snapshot_isolated(&waiting, &begun, state, workload)
    });
    one_begins
        || (0..begun.len()).any(|next| {
            let mut begun = begun.to_vec();
            let (placed, overwritten) = begun.remove(next);
            if writes(&placed).any(|key| overwritten.contains(key)) {
                return false;
            }
            let mut state = state.clone();
            for operation in placed.operations.iter().filter(|o| o.function != Function::Read) {
                state.entry(operation.key.clone()).or_default().push(operation.value.clone());
            }
            for (_, overwritten) in &mut begun {
                overwritten.extend(writes(&placed).cloned());
            }
            snapshot_isolated(waiting, &begun, &state, workload)
        })
}

const BUGS: [Bug; 11] = [
    Bug::None,
    Bug::DirtyWrite,
    Bug::AbortedRead,
    Bug::IntermediateRead,
    Bug::CircularFlow,
    Bug::LostUpdate,
    Bug::ReadSkew,
    Bug::WriteSkew,
    Bug::StaleRead,
    Bug::StaleButMonotonic,
    Bug::LongFork,
];

/// Small histories: of stores with and without bugs, sometimes with one result replaced by another one.
fn histories(
    workload: Workload,
    transactions: u64,
) -> impl Strategy<Value = Vec<TransactionEvent>> {
    let index = any::<prop::sample::Index>;
    let lie = proptest::option::weighted(0.5, (index(), index()));
    let count = prop_oneof![1 => 1..transactions, 3 => Just(transactions)];
    let shape = (count, 1..=2u64, 2..=4u64, 2..=12u64, 2..=5u64, any::<bool>());
    (0..BUGS.len(), any::<u64>(), shape, lie).prop_map(move |(bug, seed, shape, lie)| {
        let (transactions, keys, operations_max, info_one_in, processes, updates_only) = shape;
        let load = Load {
            processes,
            keys,
            writes_per_key: 100,
            operations_max,
            info_one_in,
            updates_only,
            ..Load::new(workload, transactions)
        };
        let mut history = run(BUGS[bug], load, seed);
        if let Some((which, by)) = lie {
            replace(&mut history, which, by, workload);
        }
        history
    })
}

/// Replaces what one read returned.
fn replace(
    history: &mut [TransactionEvent],
    which: prop::sample::Index,
    by: prop::sample::Index,
    workload: Workload,
) {
    let committed = history.iter_mut().filter(|event| event.phase == Phase::Ok);
    let mut reads: Vec<&mut MicroOperation> = committed
        .flat_map(|event| &mut event.operations)
        .filter(|operation| operation.function == Function::Read)
        .collect();
    if reads.is_empty() {
        return;
    }
    let value = match workload {
        // Any of the other results, or one that stands in another order.
        Workload::ListAppend => {
            let mut list = match &reads[by.index(reads.len())].value {
                Value::List(list) => list.to_vec(),
                _ => Vec::new(),
            };
            if by.index(4) == 0 {
                list.reverse();
            }
            if list.is_empty() { Value::Nil } else { Value::list(list) }
        }
        Workload::RwRegister => reads[by.index(reads.len())].value.clone(),
    };
    let count = reads.len();
    reads[which.index(count)].value = value;
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new_with_rng(
        Config { cases, failure_persistence: None, ..Config::default() },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    )
}

/// Whether the checker finds nothing wrong.
fn accepted(history: &[TransactionEvent], workload: Workload, level: &str) -> bool {
    let level = Consistency::named(level).expect("the level is known");
    let verdict = check(history, workload, level).expect("the history is well formed");
    !matches!(verdict, Verdict::Violation { .. })
}

const SERIALIZABLE: [(&str, Keeps); 3] = [
    ("serializable", Keeps::Nothing),
    ("strong-session-serializable", Keeps::Sessions),
    ("strict-serializable", Keeps::RealTime),
];

/// Runs the checker on many small histories. How often it accepted and refused what is right, and accepted and refused
/// what is wrong.
fn compare(
    workload: Workload,
    (cases, transactions): (u32, u64),
    level: &str,
    truth: impl Fn(&[TransactionEvent]) -> bool,
    judge: impl Fn(&[TransactionEvent], bool, bool) -> bool,
) -> [[u32; 2]; 2] {
    let counts = Cell::new([[0; 2]; 2]);
    let run = runner(cases).run(&histories(workload, transactions), |history| {
        let expected = truth(&history);
        let found = accepted(&history, workload, level);
        let mut sum = counts.get();
        sum[usize::from(!expected)][usize::from(!found)] += 1;
        counts.set(sum);
        prop_assert!(judge(&history, expected, found), "{level}: {expected} {found} {history:#?}");
        Ok(())
    });
    run.expect("the verdicts agree");
    counts.get()
}

#[test]
fn list_append_agrees_with_brute_force_on_serializability() {
    for (level, keeps) in SERIALIZABLE {
        let truth = |history: &[TransactionEvent]| {
            serializable(&placed(history), &State::new(), Workload::ListAppend, keeps)
        };
        let size = (5_000, 5);
        let [[right, _], [_, wrong]] =
            compare(Workload::ListAppend, size, level, truth, |_, expected, found| {
                expected == found
            });
        assert!(right > 500 && wrong > 500, "{level}: {right} and {wrong}");
    }
}

/// Whether two transactions may have appended to a key what nobody read: then nobody knows their order, and whether
/// they were concurrent.
fn has_unread_writes(history: &[TransactionEvent]) -> bool {
    let read = |key: &Value, value: &Value| {
        history.iter().filter(|event| event.phase == Phase::Ok).any(|event| {
            event.operations.iter().any(|o| {
                o.key == *key && matches!(&o.value, Value::List(list) if list.contains(value))
            })
        })
    };
    let mut unread: BTreeMap<Value, usize> = BTreeMap::new();
    for placed in placed(history) {
        let appends = placed.operations.iter().filter(|o| o.function != Function::Read);
        let keys: BTreeSet<&Value> =
            appends.filter(|o| !read(&o.key, &o.value)).map(|o| &o.key).collect();
        for key in keys {
            *unread.entry(key.clone()).or_default() += 1;
        }
    }
    unread.values().any(|count| *count > 1)
}

#[test]
fn list_append_agrees_with_brute_force_on_snapshot_isolation() {
    let truth = |history: &[TransactionEvent]| {
        snapshot_isolated(&placed(history), &[], &State::new(), Workload::ListAppend)
    };
    let judge = |history: &[TransactionEvent], expected, found| {
        expected == found || (found && has_unread_writes(history))
    };
    let size = (4_000, 4);
    let [[right, refused], [missed, wrong]] =
        compare(Workload::ListAppend, size, "snapshot-isolation", truth, judge);
    assert_eq!(refused, 0);
    assert!(right > 500 && wrong > 500 && missed < wrong / 20, "{right}, {missed} and {wrong}");
}

/// Whether the order of versions is known: each transaction that wrote a key is known to have read it before.
fn updates_only(history: &[TransactionEvent]) -> bool {
    placed(history).iter().all(|placed| {
        writes(placed).all(|key| {
            let first = placed.operations.iter().find(|o| o.key == *key);
            placed.committed && first.is_some_and(|o| o.function == Function::Read)
        })
    })
}

#[test]
fn rw_register_agrees_with_brute_force_where_versions_are_known_and_never_refuses_what_is_right() {
    for (level, keeps) in SERIALIZABLE {
        let truth = |history: &[TransactionEvent]| {
            serializable(&placed(history), &State::new(), Workload::RwRegister, keeps)
        };
        let judge = |history: &[TransactionEvent], expected, found| {
            expected == found || (found && !updates_only(history))
        };
        let [[right, refused], [missed, wrong]] =
            compare(Workload::RwRegister, (5_000, 5), level, truth, judge);
        assert_eq!(refused, 0);
        assert!(
            right > 500 && wrong > 500 && missed < wrong / 5,
            "{level}: {right}, {missed} and {wrong}"
        );
    }
}

#[test]
fn rw_register_never_refuses_what_a_snapshot_explains() {
    let truth = |history: &[TransactionEvent]| {
        snapshot_isolated(&placed(history), &[], &State::new(), Workload::RwRegister)
    };
    let judge = |history: &[TransactionEvent], expected, found| {
        expected == found || (found && !updates_only(history))
    };
    let [[right, _], [missed, wrong]] =
        compare(Workload::RwRegister, (4_000, 4), "snapshot-isolation", truth, judge);
    assert!(right > 500 && wrong > 500 && missed < wrong / 5, "{right}, {missed} and {wrong}");
}
