//! The workload C1 of `docs/performance.md`: linearizability of recorded histories.
//!
//! Each client asks one operation after the other; each operation takes effect at a random moment between its invocation
//! and its completion, so the history is linearizable by construction, unless one answer is then changed.

use std::time::Duration;

use elara::checkers::linearizability::{self, Linearizability};
use elara::checkers::models::{CasRegister, KeyValue, Kv, SequentialSpecification};
use elara::checkers::recorded::{Options, Verdict};
use elara::history::{EndedBy, HistoryEvent, Operation, Phase, Value};
use elara::kernel::ids::{ClientId, RequestId};
use elara::kernel::random::{Purpose, Stream};
use elara::kernel::time::Instant;

/// One operation of a recorded history. Times are in microseconds.
struct Planned {
    client: u64,
    number: u64,
    operation: Operation,
    invoke: u64,
    /// When it takes effect; `None` if it never does.
    effect: Option<u64>,
    end: u64,
    phase: Phase,
    answer: Value,
}

/// Who asks how much, and how often nobody learns the outcome.
struct Load {
    clients: u64,
    operations: u64,
    /// Of 100 operations.
    unknown: u64,
}

/// Plans what the clients do: `draw` gives the n-th operation of a client.
fn plan(
    load: &Load,
    stream: &mut Stream,
    draw: impl Fn(&mut Stream, u64, u64) -> Operation,
) -> Vec<Planned> {
    let mut planned = Vec::new();
    for client in 0..load.clients {
        let mut now = stream.below(1_000);
        for number in 0..load.operations / load.clients {
            let operation = draw(stream, client, number);
            let length = 100 + stream.below(1_000);
            let mut effect = Some(now + 1 + stream.below(length - 1));
            let mut phase = Phase::Ok;
            if stream.below(100) < load.unknown {
                phase = Phase::Info;
                let late = stream.below(3);
                effect = effect.filter(|_| late > 0).map(|effect| effect + (late - 1) * 5_000);
            }
            let (invoke, end, answer) = (now, now + length, Value::Nil);
            planned.push(Planned { client, number, operation, invoke, effect, end, phase, answer });
            now = end + 1 + stream.below(200);
        }
    }
    planned
}

/// Lets the operations take effect in the order of their moments, each key on an object of its own.
fn take_effect<S: SequentialSpecification<State = Value>>(planned: &mut [Planned], model: &S) {
    let mut order: Vec<usize> = (0..planned.len()).collect();
    order.retain(|&place| planned[place].effect.is_some());
    order.sort_by_key(|&place| (planned[place].effect, planned[place].client));
    let mut states: Vec<(Value, Value)> = Vec::new();
    for place in order {
        let planned = &mut planned[place];
        let key = &planned.operation.key;
        let known = states.iter().position(|(known, _)| known == key);
        let known = known.unwrap_or_else(|| {
            states.push((key.clone(), model.initial()));
            states.len() - 1
        });
        match model.step(&states[known].1, &planned.operation) {
            Some((state, answer)) => {
                states[known].1 = state;
                planned.answer = answer;
            }
            None if planned.phase == Phase::Ok => planned.phase = Phase::Fail,
            None => {}
        }
    }
}

fn events(planned: &[Planned]) -> Vec<HistoryEvent> {
    let mut events: Vec<HistoryEvent> =
        planned.iter().flat_map(|o| [event(o, Phase::Invoke), event(o, o.phase)]).collect();
    events.sort_by_key(|event| (event.at, event.phase, event.process));
    events
}

fn event(planned: &Planned, phase: Phase) -> HistoryEvent {
    let at = if phase == Phase::Invoke { planned.invoke } else { planned.end };
    let mut operation = planned.operation.clone();
    if phase == Phase::Ok {
        operation.value = planned.answer.clone();
    }
    HistoryEvent {
        at: Instant::ZERO + Duration::from_micros(at),
        // Nothing here hangs on who goes on after an unknown outcome.
        process: planned.client * 1_000_000 + planned.number,
        client: ClientId(planned.client as u32),
        request: RequestId { session: planned.client, sequence: planned.number + 1 },
        phase,
        operation,
        version: 0,
        reason: "",
        ended_by: if phase == Phase::Invoke { EndedBy::Nothing } else { EndedBy::Answer },
    }
}

/// A history of `operations` on one register by so many clients: half of them write a value of their own.
pub fn register(clients: u64, operations: u64) -> Vec<HistoryEvent> {
    let mut stream = Stream::new(1, Purpose::User, clients, operations);
    let load = Load { clients, operations, unknown: 0 };
    let mut planned = plan(&load, &mut stream, |stream, client, number| {
        if stream.below(2) == 0 {
            return Operation::new("write", 0, (client * 1_000_000 + number) as i64);
        }
        Operation::new("read", 0, Value::Nil)
    });
    take_effect(&mut planned, &CasRegister);
    events(&planned)
}

/// A history of texts under ten keys by so many clients, as porcupine's test data: they read, append and, now and then,
/// replace.
pub fn kv(clients: u64, operations: u64) -> Vec<HistoryEvent> {
    events(&kv_planned(clients, operations))
}

/// The same, with one read that returns what an earlier read of the key did.
pub fn kv_bad(clients: u64, operations: u64) -> Vec<HistoryEvent> {
    let mut planned = kv_planned(clients, operations);
    planned.sort_by_key(|planned| planned.effect);
    let (before, after) = planned.split_at_mut(operations as usize * 2 / 3);
    let stale = after.iter_mut().find_map(|read| {
        let is_old = |old: &&Planned| {
            let same = old.operation == read.operation && old.answer != read.answer;
            same && old.end + 20_000 < read.invoke
        };
        let old = before.iter().rev().find(is_old).filter(|_| read.operation.function == "get")?;
        Some((read, old.answer.clone()))
    });
    let (read, answer) = stale.expect("somebody reads what somebody read long before");
    read.answer = answer;
    events(&planned)
}

fn kv_planned(clients: u64, operations: u64) -> Vec<Planned> {
    let mut stream = Stream::new(2, Purpose::User, clients, operations);
    let load = Load { clients, operations, unknown: 0 };
    let mut planned = plan(&load, &mut stream, |stream, client, number| {
        let key = stream.below(10) as i64;
        let text = format!("x {client} {number} y");
        match stream.below(20) {
            0..9 => Operation::new("get", key, Value::Nil),
            9..18 => Operation::new("append", key, text.as_str()),
            _ => Operation::new("put", key, text.as_str()),
        }
    });
    take_effect(&mut planned, &Kv);
    planned
}

/// A hundred histories of a cas-register as Jepsen records them of a store under partitions: five clients, five values,
/// 80 to 170 operations, of which one in four has an unknown outcome. Every other history has a wrong read.
pub fn cas_registers() -> Vec<Vec<HistoryEvent>> {
    (0..100).map(cas_register).collect()
}

fn cas_register(number: u64) -> Vec<HistoryEvent> {
    let mut stream = Stream::new(3, Purpose::User, 5, number);
    let load = Load { clients: 5, operations: 80 + stream.below(91), unknown: 25 };
    let mut planned = plan(&load, &mut stream, |stream, _, _| {
        let mut value = || Value::Int(stream.below(5) as i64);
        let (first, second) = (value(), value());
        match stream.below(3) {
            0 => Operation::new("read", 0, Value::Nil),
            1 => Operation::new("write", 0, first),
            _ => Operation::new("cas", 0, Value::list([first, second])),
        }
    });
    take_effect(&mut planned, &CasRegister);
    let is_read =
        |planned: &&mut Planned| planned.operation.function == "read" && planned.phase == Phase::Ok;
    if let (1, Some(read)) = (number % 2, planned.iter_mut().filter(is_read).last()) {
        let other = read.answer.as_int().map_or(0, |value| (value + 1) % 5);
        read.answer = Value::Int(other);
    }
    events(&planned)
}

/// Judges a recorded history; whether it is linearizable.
pub fn check<S: SequentialSpecification>(history: &[HistoryEvent], model: &S) -> bool {
    match linearizability::check(history, model, Options::default()) {
        Verdict::Ok => true,
        Verdict::Violation(_) => false,
        other => panic!("the verdict is exact, not {other:?}"),
    }
}

/// Judges a linearizable history line by line, as a run does; returns how many lines were judged.
pub fn judge(history: &[HistoryEvent]) -> u64 {
    let mut checker: Linearizability<KeyValue> = Linearizability::new(KeyValue);
    for event in history {
        checker.take(event).expect("the history is linearizable");
    }
    let end = history.last().expect("a history").at;
    checker.close(end).expect("the history is linearizable");
    history.len() as u64
}

/// A named history of C1, judged once when called; whether it is linearizable.
pub type Case = (String, Box<dyn Fn() -> bool>);

/// All of C1 that is about one key at a time.
pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for clients in [5, 10, 20] {
        let history = register(clients, 1_000);
        let recorded = history.clone();
        cases.push((
            format!("c1 register, 1,000 operations, {clients} clients"),
            Box::new(move || check(&recorded, &CasRegister)),
        ));
        cases.push((
            format!("c1 register, 1,000 operations, {clients} clients, line by line"),
            Box::new(move || judge(&history) > 0),
        ));
    }
    for (clients, operations) in [(10, 1_000), (50, 1_712)] {
        let history = kv(clients, operations);
        let name = format!("c1 kv, {operations} operations, {clients} clients");
        cases.push((name, Box::new(move || check(&history, &Kv))));
    }
    let bad = kv_bad(50, 1_712);
    let name = "c1 kv, 1,712 operations, 50 clients, one bad read".to_owned();
    cases.push((name, Box::new(move || check(&bad, &Kv))));
    let many = cas_registers();
    let judged = move || many.iter().filter(|history| check(history, &CasRegister)).count() > 0;
    cases.push(("c1 cas-register, 100 histories".to_owned(), Box::new(judged)));
    cases
}
