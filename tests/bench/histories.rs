//! The workload C1 of `docs/performance.md`: linearizability of recorded histories.
//!
//! Each client asks one operation after the other; each operation takes effect at a random moment between its invocation
//! and its completion, so the history is linearizable by construction.

use std::time::Duration;

use elara::checkers::linearizability::Linearizability;
use elara::checkers::models::KeyValue;
use elara::history::{EndedBy, HistoryEvent, Operation, Phase, Value, functions};
use elara::kernel::ids::{ClientId, RequestId};
use elara::kernel::random::{Purpose, Stream};
use elara::kernel::time::Instant;

/// One operation of a recorded history.
struct Planned {
    client: u64,
    number: u64,
    invoke: u64,
    effect: u64,
    end: u64,
    write: Option<i64>,
    result: Value,
}

/// A history of `operations` on one register by so many clients, as events in order of time.
pub fn register(clients: u64, operations: u64) -> Vec<HistoryEvent> {
    let mut stream = Stream::new(1, Purpose::User, clients, operations);
    let mut planned = Vec::new();
    for client in 0..clients {
        let mut now = stream.below(1_000);
        for number in 0..operations / clients {
            let length = 100 + stream.below(1_000);
            let effect = now + 1 + stream.below(length - 1);
            let value = (client * 1_000_000 + number) as i64;
            let write = (stream.below(2) == 0).then_some(value);
            let end = now + length;
            let result = Value::Nil;
            planned.push(Planned { client, number, invoke: now, effect, end, write, result });
            now = end + 1 + stream.below(200);
        }
    }
    planned.sort_by_key(|operation| (operation.effect, operation.client));
    let mut register = Value::Nil;
    for operation in &mut planned {
        if let Some(value) = operation.write {
            register = Value::Int(value);
        }
        operation.result = register.clone();
    }
    let mut events: Vec<HistoryEvent> =
        planned.iter().flat_map(|o| [event(o, Phase::Invoke), event(o, Phase::Ok)]).collect();
    events.sort_by_key(|event| (event.at, event.phase, event.process));
    events
}

fn event(planned: &Planned, phase: Phase) -> HistoryEvent {
    let at = if phase == Phase::Invoke { planned.invoke } else { planned.end };
    let operation = match planned.write {
        Some(value) => Operation::new(functions::WRITE, 0, value),
        None if phase == Phase::Ok => Operation::new(functions::READ, 0, planned.result.clone()),
        None => Operation::new(functions::READ, 0, Value::Nil),
    };
    HistoryEvent {
        at: Instant::ZERO + Duration::from_micros(at),
        process: planned.client,
        client: ClientId(planned.client as u32),
        request: RequestId { session: planned.client, sequence: planned.number + 1 },
        phase,
        operation,
        version: 0,
        reason: "",
        ended_by: if phase == Phase::Invoke { EndedBy::Nothing } else { EndedBy::Answer },
    }
}

/// Judges a history; returns how many events were judged.
pub fn judge(history: &[HistoryEvent]) -> u64 {
    let mut checker: Linearizability<KeyValue> = Linearizability::new(KeyValue);
    for event in history {
        checker.take(event).expect("the history is linearizable");
    }
    let end = history.last().expect("a history").at;
    checker.close(end).expect("the history is linearizable");
    history.len() as u64
}
