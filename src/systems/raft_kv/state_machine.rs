//! The replicated state machine: objects, sessions, and what the cluster knows about itself.
//!
//! It is deterministic: all it ever sees is the log. Time is what leaders stamped into the entries; nothing is drawn,
//! and every collection is ordered. All of it is in the snapshot, the session table above all: a table that a snapshot
//! forgets executes the next retry a second time.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::history::Value;
use crate::kernel::digest::Digest;
use crate::kernel::ids::{LogIndex, NodeId, RequestId};
use crate::kernel::time::nanos;
use crate::node::Reply;
use crate::patterns::idempotent_receiver::{Arrival, LogTime, Session, SessionTable};
use crate::patterns::majority_quorum::JointQuorum;
use crate::systems::raft_kv::codec::{Reader, Writer};
use crate::systems::raft_kv::commands::{Command, Payload, Update};

/// What an update did, kept for retries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// The result.
    pub result: UpdateResult,
    /// The index at which it was executed.
    pub version: LogIndex,
}

/// The result of an update.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UpdateResult {
    /// It was done.
    Done(Value),
    /// The object was not what a compare-and-set expected.
    CasMismatch,
    /// The object is not a number or not a list.
    WrongType,
}

impl Outcome {
    /// What the client is told.
    #[must_use]
    pub fn reply(self) -> Reply {
        match self.result {
            UpdateResult::Done(value) => Reply::Ok { value, version: self.version.0 },
            UpdateResult::CasMismatch => Reply::Fail("cas-mismatch"),
            UpdateResult::WrongType => Reply::Fail("wrong-type"),
        }
    }
}

/// What applying an entry came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What a client that waits for it is told.
    pub reply: Reply,
    /// What it changed.
    pub effect: Effect,
}

/// What applying an entry changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// This request took effect.
    Changed(RequestId),
    /// A repeat was answered and not executed.
    Suppressed,
    /// Nothing that a client asked for.
    Nothing,
}

/// The rule by which a judged arrival is executed or not; see [`Parts::admit`](super::options::Parts::admit).
pub type Admit = fn(Arrival<Outcome>) -> Arrival<Outcome>;

/// The replicated state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StateMachine {
    objects: BTreeMap<Value, Value>,
    sessions: SessionTable<Outcome>,
    /// The log time of the last entry.
    time: LogTime,
    /// The log time at which sessions were last looked through.
    swept: LogTime,
    /// The electorate as of the last entry, and the entry that set it.
    configuration: (LogIndex, JointQuorum),
    /// The last life in which each node was admitted again.
    readmitted: BTreeMap<NodeId, u64>,
}

impl StateMachine {
    /// The state before the first entry.
    #[must_use]
    pub fn new(members: JointQuorum) -> Self {
        Self { configuration: (LogIndex(0), members), ..Self::default() }
    }

    /// The value of an object.
    #[must_use]
    pub fn get(&self, key: &Value) -> Value {
        self.objects.get(key).cloned().unwrap_or_default()
    }

    /// The log time of the last entry.
    #[must_use]
    pub const fn time(&self) -> LogTime {
        self.time
    }

    /// The electorate, and the index of the entry that set it.
    #[must_use]
    pub const fn configuration(&self) -> &(LogIndex, JointQuorum) {
        &self.configuration
    }

    /// Whether `node` was admitted again in this life of it.
    #[must_use]
    pub fn is_readmitted(&self, node: NodeId, life: u64) -> bool {
        self.readmitted.get(&node) == Some(&life)
    }

    /// What a client may be told at once about a request that was executed before.
    #[must_use]
    pub fn known_outcome(&self, request: RequestId) -> Option<Outcome> {
        match self.sessions.arrival(request) {
            Arrival::Repeat(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// The digest of the whole state.
    #[must_use]
    pub fn digest(&self) -> u64 {
        Digest::of(self)
    }

    /// Executes the entry at `index`.
    pub fn apply(&mut self, index: LogIndex, payload: &Payload, admit: Admit) -> Applied {
        self.time = self.time.max(payload.at());
        let nothing = |value| Applied { reply: done(value, index), effect: Effect::Nothing };
        match payload.command() {
            Command::NoOp => nothing(Value::Nil),
            Command::OpenSession(session) => {
                self.sessions.open(*session, self.time);
                nothing(Value::Nil)
            }
            Command::Update { request, key, update } => {
                match admit(self.sessions.arrival(*request)) {
                    Arrival::First => self.execute(index, *request, (key, update)),
                    Arrival::Repeat(outcome) => {
                        Applied { reply: outcome.reply(), effect: Effect::Suppressed }
                    }
                    Arrival::Forgotten => suppressed(Reply::Unknown("the result is forgotten")),
                    Arrival::UnknownSession => {
                        Applied { reply: Reply::SessionExpired, effect: Effect::Nothing }
                    }
                }
            }
            Command::Configure(configuration) => {
                self.configuration = (index, configuration.clone());
                nothing(Value::Nil)
            }
            Command::Readmit { node, life } => {
                self.readmitted.insert(*node, *life);
                nothing(Value::Nil)
            }
        }
    }

    /// Ends the sessions that were not heard of for `idle` of log time. It looks only now and then, at moments that the
    /// log decides, so that all replicas end a session at the same index.
    pub fn expire_sessions(&mut self, idle: Duration) {
        if self.time.0 - self.swept.0 >= nanos(idle) / 8 {
            self.swept = self.time;
            self.sessions.expire(self.time, idle);
        }
    }

    fn execute(
        &mut self,
        index: LogIndex,
        request: RequestId,
        (key, update): (&Value, &Update),
    ) -> Applied {
        let result = self.change(key, update);
        let effect = match result {
            UpdateResult::Done(_) => Effect::Changed(request),
            UpdateResult::CasMismatch | UpdateResult::WrongType => Effect::Nothing,
        };
        let outcome = Outcome { result, version: index };
        // A client has one request at a time, so it has the answers to all before this one.
        self.sessions.record(request, request.sequence, self.time, outcome.clone());
        Applied { reply: outcome.reply(), effect }
    }

    fn change(&mut self, key: &Value, update: &Update) -> UpdateResult {
        match (update, self.objects.get(key)) {
            (Update::Write(value), _) => {
                self.put(key, value.clone());
                UpdateResult::Done(Value::Nil)
            }
            (Update::Delete, _) => {
                self.objects.remove(key);
                UpdateResult::Done(Value::Nil)
            }
            (Update::Cas { expected, new }, present) => {
                if present.unwrap_or(&Value::Nil) != expected {
                    return UpdateResult::CasMismatch;
                }
                self.put(key, new.clone());
                UpdateResult::Done(Value::Nil)
            }
            (Update::Increment(by), present) => {
                let Some(number) = present.map_or(Some(0), Value::as_int) else {
                    return UpdateResult::WrongType;
                };
                let sum = Value::Int(number.wrapping_add(*by));
                self.put(key, sum.clone());
                UpdateResult::Done(sum)
            }
            (Update::Append(value), present) => {
                let items = match present {
                    None => &[][..],
                    Some(Value::List(items)) => items,
                    Some(_) => return UpdateResult::WrongType,
                };
                let list = Value::list(items.iter().chain([value]).cloned());
                self.put(key, list.clone());
                UpdateResult::Done(list)
            }
        }
    }

    /// Nil is the value of an object that is not there, so writing nil removes it.
    fn put(&mut self, key: &Value, value: Value) {
        if value == Value::Nil {
            self.objects.remove(key);
        } else {
            self.objects.insert(key.clone(), value);
        }
    }

    /// The state as bytes, for a snapshot.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.number(self.time.0);
        writer.number(self.swept.0);
        writer.number(self.configuration.0.0);
        writer.configuration(&self.configuration.1);
        writer.number(self.readmitted.len() as u64);
        for (node, life) in &self.readmitted {
            writer.number(u64::from(node.0));
            writer.number(*life);
        }
        writer.number(self.objects.len() as u64);
        for (key, value) in &self.objects {
            writer.value(key);
            writer.value(value);
        }
        writer.number(self.sessions.sessions().count() as u64);
        for (number, session) in self.sessions.sessions() {
            writer.number(number);
            write_session(&mut writer, session);
        }
        writer.finish()
    }

    /// The state that these bytes are; `None` if they are none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let mut state = Self {
            time: LogTime(reader.number()?),
            swept: LogTime(reader.number()?),
            configuration: (LogIndex(reader.number()?), reader.configuration()?),
            ..Self::default()
        };
        for _ in 0..reader.count()? {
            state.readmitted.insert(reader.node()?, reader.number()?);
        }
        for _ in 0..reader.count()? {
            state.objects.insert(reader.value()?, reader.value()?);
        }
        for _ in 0..reader.count()? {
            let number = reader.number()?;
            state.sessions.restore(number, read_session(&mut reader)?);
        }
        reader.is_at_end().then_some(state)
    }
}

fn done(value: Value, index: LogIndex) -> Reply {
    Reply::Ok { value, version: index.0 }
}

const fn suppressed(reply: Reply) -> Applied {
    Applied { reply, effect: Effect::Suppressed }
}

fn write_session(writer: &mut Writer, session: &Session<Outcome>) {
    writer.number(session.heard.0);
    writer.number(session.floor);
    writer.number(session.results.len() as u64);
    for (number, outcome) in &session.results {
        writer.number(*number);
        writer.number(outcome.version.0);
        match &outcome.result {
            UpdateResult::Done(value) => {
                writer.tag(0);
                writer.value(value);
            }
            UpdateResult::CasMismatch => writer.tag(1),
            UpdateResult::WrongType => writer.tag(2),
        }
    }
}

fn read_session(reader: &mut Reader<'_>) -> Option<Session<Outcome>> {
    let heard = LogTime(reader.number()?);
    let floor = reader.number()?;
    let mut results = BTreeMap::new();
    for _ in 0..reader.count()? {
        let number = reader.number()?;
        let version = LogIndex(reader.number()?);
        let result = match reader.tag()? {
            0 => UpdateResult::Done(reader.value()?),
            1 => UpdateResult::CasMismatch,
            2 => UpdateResult::WrongType,
            _ => return None,
        };
        results.insert(number, Outcome { result, version });
    }
    Some(Session { heard, floor, results })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: u64 = 7;

    fn machine() -> StateMachine {
        let mut machine = StateMachine::default();
        apply(&mut machine, 1, Command::OpenSession(SESSION));
        machine
    }

    fn apply(machine: &mut StateMachine, index: u64, command: Command) -> Applied {
        let payload = Payload::new(LogTime(index * 10), command);
        machine.apply(LogIndex(index), &payload, |arrival| arrival)
    }

    fn update(sequence: u64, update: Update) -> Command {
        let request = RequestId { session: SESSION, sequence };
        Command::Update { request, key: Value::Int(1), update }
    }

    #[test]
    fn a_repeat_that_slipped_into_the_log_twice_is_executed_once() {
        let mut machine = machine();
        let first = apply(&mut machine, 2, update(1, Update::Increment(5)));
        let again = apply(&mut machine, 3, update(1, Update::Increment(5)));
        assert_eq!(first.reply, Reply::Ok { value: Value::Int(5), version: 2 });
        assert_eq!(again.reply, first.reply);
        assert_eq!(again.effect, Effect::Suppressed);
        assert_eq!(machine.get(&Value::Int(1)), Value::Int(5));
    }

    #[test]
    fn a_failed_compare_and_set_changes_nothing_and_says_so_again() {
        let mut machine = machine();
        let cas = Update::Cas { expected: Value::Int(1), new: Value::Int(2) };
        let failed = apply(&mut machine, 2, update(1, cas.clone()));
        assert_eq!((failed.reply, failed.effect), (Reply::Fail("cas-mismatch"), Effect::Nothing));
        apply(&mut machine, 3, update(2, Update::Write(Value::Int(1))));
        let done = apply(&mut machine, 4, update(3, cas));
        assert_eq!(done.reply, Reply::Ok { value: Value::Nil, version: 4 });
    }

    #[test]
    fn an_update_of_an_unknown_session_is_not_executed() {
        let mut machine = StateMachine::default();
        let applied = apply(&mut machine, 1, update(1, Update::Write(Value::Int(1))));
        assert_eq!(applied.reply, Reply::SessionExpired);
        assert_eq!(machine.get(&Value::Int(1)), Value::Nil);
    }

    #[test]
    fn a_snapshot_holds_the_session_table() {
        let mut machine = machine();
        apply(&mut machine, 2, update(1, Update::Append(Value::Int(5))));
        apply(&mut machine, 3, Command::Readmit { node: NodeId(2), life: 9 });
        let mut restored = StateMachine::decode(&machine.encode()).expect("its own bytes");
        assert_eq!(restored, machine);
        assert_eq!(restored.digest(), machine.digest());
        let again = apply(&mut restored, 4, update(1, Update::Append(Value::Int(5))));
        assert_eq!(again.effect, Effect::Suppressed);
        assert!(restored.is_readmitted(NodeId(2), 9));
    }

    #[test]
    fn a_cut_snapshot_is_refused() {
        let bytes = machine().encode();
        for end in 0..bytes.len() {
            assert_eq!(StateMachine::decode(&bytes[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn sessions_end_by_log_time() {
        let mut machine = machine(); // opened at log time 10
        apply(&mut machine, 2, Command::NoOp);
        machine.expire_sessions(Duration::from_nanos(16));
        assert_eq!(
            apply(&mut machine, 3, update(1, Update::Delete)).effect,
            Effect::Changed(RequestId { session: SESSION, sequence: 1 })
        );
        apply(&mut machine, 5, Command::NoOp);
        machine.expire_sessions(Duration::from_nanos(16));
        assert_eq!(apply(&mut machine, 6, update(2, Update::Delete)).reply, Reply::SessionExpired);
    }
}
