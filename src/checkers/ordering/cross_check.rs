//! The searches against brute force: every order of every choice of operations, on random histories of every model.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::checkers::bounded_staleness;
use crate::checkers::linearizability::{self, Linearizability};
use crate::checkers::models::{KeyValue, MODELS, SequentialSpecification};
use crate::checkers::recorded::{Options, Verdict};
use crate::checkers::sequential_consistency;
use crate::history::{EndedBy, HistoryEvent, Operation, Phase, Value};
use crate::kernel::ids::{ClientId, RequestId};
use crate::kernel::time::Instant;

/// Operations in a history at most.
const OPERATIONS: usize = 7;
/// Sequential threads in a history.
const THREADS: u64 = 4;

type Model<'a> = &'a dyn SequentialSpecification<State = Value>;

/// An operation to be executed on a real object, so that most histories are in order or nearly so.
#[derive(Clone, Debug)]
struct Planned {
    thread: u64,
    operation: Operation,
    end: Phase,
    /// What it is answered with instead of the truth.
    lie: Option<Value>,
}

/// An operation with the places of its two lines in the history.
#[derive(Clone, Debug)]
struct Placed {
    process: u64,
    operation: Operation,
    from: usize,
    to: usize,
    end: Phase,
    answer: Value,
}

/// The functions of a model, each with the values that it is tried with.
fn functions(model: &str) -> Vec<(&'static str, Vec<Value>)> {
    let number = |numbers: std::ops::Range<i64>| numbers.map(Value::Int).collect::<Vec<_>>();
    let nil = || vec![Value::Nil];
    let pairs = || {
        let from = [Value::Nil, 0.into(), 1.into(), 2.into()];
        let pair = |from: &Value| (0..3).map(|to| Value::list([from.clone(), to.into()])).collect();
        from.iter().flat_map(|from| -> Vec<Value> { pair(from) }).collect::<Vec<_>>()
    };
    let texts = || vec![Value::from("a"), Value::from("b")];
    match model {
        "register" => vec![("read", nil()), ("write", number(0..3))],
        "cas-register" => vec![("read", nil()), ("write", number(0..3)), ("cas", pairs())],
        "kv" => vec![("get", nil()), ("put", texts()), ("append", texts())],
        "counter" => vec![("read", nil()), ("add", number(-1..3)), ("increment", nil())],
        "set" => vec![("read", nil()), ("add", number(0..3)), ("remove", number(0..3))],
        "queue" => vec![("enqueue", number(0..3)), ("dequeue", nil())],
        "mutex" => {
            let owners = || vec![Value::Nil, 1.into(), 2.into()];
            vec![("acquire", owners()), ("release", owners())]
        }
        "fenced-lock" => {
            let tokens = [nil(), number(1..5)].concat();
            vec![("acquire", nil()), ("release", tokens)]
        }
        _ => vec![
            ("read", nil()),
            ("write", number(0..3)),
            ("delete", nil()),
            ("cas", pairs()),
            ("increment", number(0..3)),
            ("append", number(0..3)),
        ],
    }
}

/// Answers that may be true or not.
fn answers(model: &str) -> Vec<Value> {
    let list = |numbers: &[i64]| Value::list(numbers.iter().copied().map(Value::Int));
    match model {
        "kv" => ["", "a", "b", "ab", "ba", "aab"].map(Value::from).to_vec(),
        "set" => vec![list(&[]), list(&[0]), list(&[1, 0]), list(&[2]), list(&[1, 1])],
        "fenced-lock" => (1..9).map(Value::Int).collect(),
        _ => vec![Value::Nil, 0.into(), 1.into(), 2.into(), 3.into()],
    }
}

/// Reads are as frequent as all other functions together: they say most.
fn operations(model: &str, keys: i64) -> impl Strategy<Value = Operation> + use<> {
    let functions = functions(model);
    let others = functions.len() - 1;
    let function = functions.into_iter().enumerate().map(|(place, (function, values))| {
        let weight = if place == 0 { others.max(1) as u32 } else { 1 };
        (weight, proptest::sample::select(values).prop_map(move |value| (function, value)))
    });
    let function = proptest::strategy::Union::new_weighted(function.collect::<Vec<_>>());
    (0..keys, function).prop_map(|(key, (function, value))| Operation::new(function, key, value))
}

fn plans(model: &str, keys: i64) -> impl Strategy<Value = Vec<Planned>> + use<> {
    let end = prop_oneof![6 => Just(Phase::Ok), 3 => Just(Phase::Info), 1 => Just(Phase::Fail)];
    let lie = prop_oneof![
        4 => Just(None),
        1 => proptest::sample::select(answers(model)).prop_map(Some),
    ];
    let planned = (0..THREADS, operations(model, keys), end, lie)
        .prop_map(|(thread, operation, end, lie)| Planned { thread, operation, end, lie });
    proptest::collection::vec(planned, 1..=OPERATIONS)
}

/// What a thread is in the middle of.
#[derive(Clone, Copy)]
enum Stage {
    /// It has invoked this operation, which has not taken effect.
    Invoked(usize),
    /// It has given the operation up, which has not taken effect.
    GivenUp,
    /// The operation has taken effect; its answer is not told yet.
    Done(usize),
}

/// A history under construction, on real objects.
struct World<'a> {
    model: Model<'a>,
    states: BTreeMap<Value, Value>,
    lines: Vec<HistoryEvent>,
    placed: Vec<Placed>,
    /// How often each thread had to go on as another process.
    lives: BTreeMap<u64, u64>,
}

impl World<'_> {
    /// The operation takes effect if it can; its answer.
    fn take(&mut self, operation: &Operation) -> Option<Value> {
        let state = self.states.entry(operation.key.clone()).or_insert(self.model.initial());
        let (next, answer) = self.model.step(state, operation)?;
        *state = next;
        Some(answer)
    }

    fn invoke(&mut self, thread: u64, operation: Operation) -> usize {
        let process = thread + THREADS * self.lives.get(&thread).copied().unwrap_or(0);
        let from = self.lines.len();
        self.lines.push(event(from, process, Phase::Invoke, operation.clone()));
        let (end, answer) = (Phase::Info, Value::Nil);
        self.placed.push(Placed { process, operation, from, to: usize::MAX, end, answer });
        self.placed.len() - 1
    }

    fn end(&mut self, number: usize, phase: Phase) {
        let line = self.lines.len();
        let placed = &mut self.placed[number];
        (placed.to, placed.end) = (line, phase);
        let mut operation = placed.operation.clone();
        match phase {
            Phase::Ok => operation.value = placed.answer.clone(),
            Phase::Info => *self.lives.entry(placed.process % THREADS).or_default() += 1,
            _ => {}
        }
        self.lines.push(event(line, placed.process, phase, operation));
    }
}

/// A history: each turn of a thread invokes its next operation, lets it take effect, or ends it.
fn history(model: Model<'_>, plans: &[Planned], turns: &[u64]) -> (Vec<HistoryEvent>, Vec<Placed>) {
    let mut world = World {
        model,
        states: BTreeMap::new(),
        lines: Vec::new(),
        placed: Vec::new(),
        lives: BTreeMap::new(),
    };
    let mut left: Vec<Planned> = plans.iter().rev().cloned().collect();
    let mut stages: BTreeMap<u64, (Stage, Planned)> = BTreeMap::new();
    for &turn in turns {
        match stages.remove(&turn) {
            None => {
                let next = left.iter().rposition(|planned| planned.thread == turn);
                let Some(next) = next else { continue };
                let planned = left.remove(next);
                let number = world.invoke(turn, planned.operation.clone());
                stages.insert(turn, (Stage::Invoked(number), planned));
            }
            // Some operations take effect only after their thread gave them up, if ever.
            Some((Stage::Invoked(number), planned))
                if planned.end == Phase::Info && number.is_multiple_of(2) =>
            {
                world.end(number, Phase::Info);
                stages.insert(turn, (Stage::GivenUp, planned));
            }
            Some((Stage::GivenUp, planned)) => {
                world.take(&planned.operation);
            }
            Some((Stage::Invoked(number), planned)) => {
                let happens = planned.end != Phase::Fail;
                let truth = happens.then(|| world.take(&planned.operation)).flatten();
                // A lie may also be that it took effect at all.
                match planned.lie.clone().filter(|_| happens).or(truth) {
                    Some(answer) => {
                        world.placed[number].answer = answer;
                        stages.insert(turn, (Stage::Done(number), planned));
                    }
                    None => world.end(number, Phase::Fail),
                }
            }
            Some((Stage::Done(number), planned)) => world.end(number, planned.end),
        }
    }
    (world.lines, world.placed)
}

/// Each line is a millisecond after the one before it.
fn event(line: usize, process: u64, phase: Phase, operation: Operation) -> HistoryEvent {
    HistoryEvent {
        at: Instant::from_nanos(line as u64 * 1_000_000),
        process,
        client: ClientId((process % THREADS) as u32),
        request: RequestId { session: process, sequence: line as u64 },
        phase,
        operation,
        version: 0,
        reason: "",
        ended_by: if phase == Phase::Invoke { EndedBy::Nothing } else { EndedBy::Answer },
    }
}

/// What is tried: every order in which no operation comes after one that it must precede.
struct BruteForce<'a> {
    model: Model<'a>,
    /// What an operation of unknown outcome may have been answered with.
    answers: &'a [Value],
    precedes: fn(&Placed, &Placed) -> bool,
}

impl BruteForce<'_> {
    /// Whether the rest of the operations can be put into an order that begins in these states.
    fn finds(&self, rest: &[Placed], states: &BTreeMap<Value, Value>) -> bool {
        if rest.iter().all(|placed| placed.end != Phase::Ok) {
            return true;
        }
        (0..rest.len()).any(|place| {
            let next = &rest[place];
            let precedes = |other: &Placed| other.end == Phase::Ok && (self.precedes)(other, next);
            if rest.iter().any(precedes) {
                return false;
            }
            let mut others = rest.to_vec();
            others.remove(place);
            let key = &next.operation.key;
            let state = states.get(key).cloned().unwrap_or(self.model.initial());
            self.after(&state, next).into_iter().any(|after| {
                let mut states = states.clone();
                states.insert(key.clone(), after);
                self.finds(&others, &states)
            })
        })
    }

    /// All states in which the operation may leave its object.
    fn after(&self, state: &Value, placed: &Placed) -> Vec<Value> {
        let answered = |answer| self.model.answered(state, &placed.operation, answer);
        if placed.end == Phase::Ok {
            return answered(&placed.answer).into_iter().collect();
        }
        let step = self.model.step(state, &placed.operation).map(|(next, _)| next);
        let mut after: Vec<Value> = self.answers.iter().filter_map(answered).chain(step).collect();
        after.sort();
        after.dedup();
        after
    }
}

fn by_time(earlier: &Placed, later: &Placed) -> bool {
    earlier.to < later.from
}

fn by_process(earlier: &Placed, later: &Placed) -> bool {
    earlier.process == later.process && earlier.from < later.from
}

/// How old a read may be, in milliseconds and lines.
const STALENESS: usize = 4;

fn by_time_but_reads_may_be_old(earlier: &Placed, later: &Placed) -> bool {
    let age = if later.operation.function == "read" { STALENESS } else { 0 };
    earlier.to + age < later.from
}

/// Compares the verdicts of a checker with brute force on random histories; each verdict has to come up.
fn agrees(
    name: &str,
    (model, keys, cases): (Model<'_>, i64, u32),
    precedes: fn(&Placed, &Placed) -> bool,
    judge: impl Fn(&[HistoryEvent]) -> bool,
) {
    let verdicts = [Cell::new(0), Cell::new(0)];
    let answers = answers(name);
    let brute_force = BruteForce { model, answers: &answers, precedes };
    let turns = proptest::collection::vec(0..THREADS, 40);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, random);
    let run = runner.run(&(plans(name, keys), turns), |(plans, turns)| {
        let (lines, mut placed) = history(model, &plans, &turns);
        placed.retain(|placed| placed.end != Phase::Fail);
        let expected = brute_force.finds(&placed, &BTreeMap::new());
        let found = judge(&lines);
        verdicts[usize::from(found)].set(verdicts[usize::from(found)].get() + 1);
        prop_assert_eq!(found, expected, "{:#?}", lines);
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{name}: {error}"));
    let [violations, clean] = verdicts.map(|count| count.get());
    assert!(violations > cases / 30 && clean > cases / 30, "{name}: {violations} and {clean}");
}

/// Whether the claim holds, for verdicts that cannot be unknown: nothing to judge is clean.
fn holds(verdict: &Verdict) -> bool {
    assert!(!matches!(verdict, Verdict::Unknown(_)), "{verdict:?}");
    !matches!(verdict, Verdict::Violation(_))
}

fn all_models() -> impl Iterator<Item = (&'static str, Model<'static>)> {
    MODELS.iter().map(|entry| (entry.name, entry.specification))
}

#[test]
fn linearizability_of_recorded_histories_agrees_with_brute_force() {
    for (name, model) in all_models() {
        agrees(name, (model, 1, 2_000), by_time, |lines| {
            holds(&linearizability::check(lines, model, Options::default()))
        });
    }
}

#[test]
fn linearizability_of_running_histories_agrees_with_brute_force() {
    agrees("key-value", (&KeyValue, 1, 4_000), by_time, |lines| {
        let mut checker = Linearizability::new(KeyValue);
        let holds = lines.iter().all(|line| checker.take(line).is_ok());
        holds && checker.close(Instant::ZERO).is_ok()
    });
}

#[test]
fn sequential_consistency_agrees_with_brute_force() {
    for (name, model) in all_models() {
        agrees(name, (model, 2, 1_000), by_process, |lines| {
            holds(&sequential_consistency::check(lines, model, Options::default()))
        });
    }
}

#[test]
fn bounded_staleness_agrees_with_brute_force() {
    let bound = Duration::from_millis(STALENESS as u64);
    for (name, model) in all_models().filter(|(name, _)| name.contains("register")) {
        agrees(name, (model, 1, 2_000), by_time_but_reads_may_be_old, |lines| {
            holds(&bounded_staleness::check(lines, model, bound, Options::default()))
        });
    }
}

/// Histories that are too long for brute force, in which every answer is true, or all but one are.
fn long_plans() -> impl Strategy<Value = Vec<Planned>> {
    let end = prop_oneof![30 => Just(Phase::Ok), 1 => Just(Phase::Info), 1 => Just(Phase::Fail)];
    let planned = (0..THREADS, operations("key-value", 1), end)
        .prop_map(|(thread, operation, end)| Planned { thread, operation, end, lie: None });
    let lie = (0..300_usize, proptest::sample::select(answers("key-value")));
    (proptest::collection::vec(planned, 150), lie).prop_map(|(mut plans, (place, answer))| {
        if let Some(planned) = plans.get_mut(place) {
            planned.lie = Some(answer);
        }
        plans
    })
}

#[test]
fn both_judges_of_linearizability_agree_on_long_histories() {
    let verdicts = [Cell::new(0), Cell::new(0)];
    let config = Config { cases: 300, failure_persistence: None, ..Config::default() };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let turns = proptest::collection::vec(0..THREADS, 600);
    let run =
        TestRunner::new_with_rng(config, random).run(&(long_plans(), turns), |(plans, turns)| {
            let (lines, _) = history(&KeyValue, &plans, &turns);
            let recorded = holds(&linearizability::check(&lines, &KeyValue, Options::default()));
            let mut running = Linearizability::new(KeyValue);
            let held = lines.iter().all(|line| running.take(line).is_ok());
            let held = held && running.close(Instant::ZERO).is_ok();
            prop_assert_eq!(held, recorded, "{:#?}", lines);
            verdicts[usize::from(held)].set(verdicts[usize::from(held)].get() + 1);
            Ok(())
        });
    run.unwrap_or_else(|error| panic!("{error}"));
    let [violations, clean] = verdicts.map(|count| count.get());
    assert!(violations > 30 && clean > 30, "{violations} and {clean}");
}
