//! What a client asks next: drawn from its own stream, so that it does not depend on what others do.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::client::workload::Workload;
use crate::history::{Operation, Value, functions};
use crate::kernel::distribution::Distribution;
use crate::kernel::ids::ClientId;
use crate::kernel::random::Stream;

/// Registers, counters and lists live under keys of their own: a counter that was overwritten would say nothing.
const COUNTERS_FROM: u64 = 1_000_000;
const LISTS_FROM: u64 = 2_000_000;
/// Each client writes values of its own, so that a value tells who wrote it.
const VALUES_PER_CLIENT: i64 = 1_000_000_000;

/// One client's source of operations.
#[derive(Clone, Debug)]
pub struct Draw {
    operations: Vec<(Cow<'static, str>, u64)>,
    total: u64,
    keys: u64,
    think: Distribution,
    next_value: i64,
    /// What the client last saw at a register, for its compare-and-set.
    seen: BTreeMap<Value, Value>,
}

impl Draw {
    pub(super) fn new(id: ClientId, operations: &[(String, u32)], workload: &Workload) -> Self {
        let operations: Vec<_> = operations
            .iter()
            .map(|(function, weight)| (Cow::Owned(function.clone()), u64::from(*weight)))
            .collect();
        Self {
            total: operations.iter().map(|(_, weight)| weight).sum(),
            operations,
            keys: workload.keys.max(1),
            think: workload.think,
            next_value: i64::from(id.0) * VALUES_PER_CLIENT + 1,
            seen: BTreeMap::new(),
        }
    }

    pub(super) fn think(&self, stream: &mut Stream) -> Duration {
        self.think.draw(stream)
    }

    /// The next operation; `version` is what the client's session saw last.
    pub(super) fn operation(&mut self, stream: &mut Stream, version: u64) -> Operation {
        let function = self.function(stream);
        let key = stream.below(self.keys);
        let key = Value::Int((key + first_key(&function)) as i64);
        let value = match &*function {
            functions::WRITE | functions::APPEND => self.fresh(),
            functions::INCREMENT => Value::Int(1),
            functions::CAS => {
                let from = self.seen.get(&key).cloned().unwrap_or_default();
                Value::list([from, self.fresh()])
            }
            functions::READ_SESSION => Value::Int(version as i64),
            _ => Value::Nil,
        };
        Operation { function, key, value }
    }

    fn function(&self, stream: &mut Stream) -> Cow<'static, str> {
        let mut draw = stream.below(self.total.max(1));
        for (function, weight) in &self.operations {
            if draw < *weight {
                return function.clone();
            }
            draw -= weight;
        }
        Cow::Borrowed(functions::READ)
    }

    fn fresh(&mut self) -> Value {
        self.next_value += 1;
        Value::Int(self.next_value - 1)
    }

    /// Remembers what the client learned about a register.
    pub(super) fn saw(&mut self, operation: &Operation, result: &Value) {
        let value = match (&*operation.function, &operation.value) {
            (functions::READ, _) => result.clone(),
            (functions::WRITE, value) => value.clone(),
            (functions::CAS, Value::List(values)) => values[1].clone(),
            (functions::DELETE, _) => Value::Nil,
            _ => return,
        };
        self.seen.insert(operation.key.clone(), value);
    }

    /// All keys that the operations touch.
    pub(super) fn keys(&self) -> impl Iterator<Item = Value> + '_ {
        let mut spaces: Vec<u64> =
            self.operations.iter().map(|(function, _)| first_key(function)).collect();
        spaces.sort_unstable();
        spaces.dedup();
        let keys = self.keys;
        spaces
            .into_iter()
            .flat_map(move |first| (0..keys).map(move |key| Value::Int((first + key) as i64)))
    }
}

fn first_key(function: &str) -> u64 {
    match function {
        functions::INCREMENT => COUNTERS_FROM,
        functions::APPEND => LISTS_FROM,
        _ => 0,
    }
}

/// What the history says of an operation that took effect: the argument, or what the system told of the state.
pub(super) fn outcome(operation: &Operation, result: Value) -> Value {
    match &*operation.function {
        functions::WRITE | functions::CAS | functions::DELETE => operation.value.clone(),
        _ => result,
    }
}
