//! What the replicated log of raft-kv holds.

use std::hash::{Hash, Hasher};
use std::rc::Rc;

use crate::history::{Operation, Value, functions};
use crate::kernel::digest::Digest;
use crate::kernel::ids::{NodeId, RequestId};
use crate::patterns::idempotent_receiver::LogTime;
use crate::patterns::majority_quorum::JointQuorum;
use crate::systems::raft_kv::codec::{Reader, Writer};

/// A change of one object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Update {
    /// Sets it.
    Write(Value),
    /// Sets it to `new` if it is `expected`.
    Cas {
        /// What it must be.
        expected: Value,
        /// What it becomes.
        new: Value,
    },
    /// Removes it.
    Delete,
    /// Adds to it; an object that is not there counts as 0.
    Increment(i64),
    /// Appends to it; an object that is not there counts as the empty list.
    Append(Value),
}

impl Update {
    /// The update that an operation asks for; `None` if it is none, or its argument is of the wrong form.
    #[must_use]
    pub fn parse(operation: &Operation) -> Option<Self> {
        let value = &operation.value;
        match (operation.function.as_ref(), value) {
            (functions::WRITE, _) => Some(Self::Write(value.clone())),
            (functions::CAS, Value::List(pair)) => match &pair[..] {
                [expected, new] => Some(Self::Cas { expected: expected.clone(), new: new.clone() }),
                _ => None,
            },
            (functions::DELETE, _) => Some(Self::Delete),
            (functions::INCREMENT, Value::Int(by)) => Some(Self::Increment(*by)),
            (functions::APPEND, _) => Some(Self::Append(value.clone())),
            _ => None,
        }
    }
}

/// What an entry does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Nothing: by committing it, a new leader commits all before it.
    NoOp,
    /// Opens a session.
    OpenSession(u64),
    /// A client's update of one object.
    Update {
        /// Whose, and which.
        request: RequestId,
        /// Of which object.
        key: Value,
        /// How.
        update: Update,
    },
    /// The electorate from this entry on.
    Configure(JointQuorum),
    /// Admits a node again that lost its disk.
    Readmit {
        /// Which node.
        node: NodeId,
        /// Which of its lives: drawn when it noticed the loss.
        life: u64,
    },
}

/// A command with the log time at which a leader accepted it. Shared by all who hold it: the logs of the nodes, the
/// messages between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload(Rc<Stamped>);

#[derive(Debug, PartialEq, Eq)]
struct Stamped {
    at: LogTime,
    command: Command,
    bytes: Rc<[u8]>,
    digest: u64,
}

impl Payload {
    /// Stamps a command.
    #[must_use]
    pub fn new(at: LogTime, command: Command) -> Self {
        let mut writer = Writer::default();
        writer.number(at.0);
        write_command(&mut writer, &command);
        Self::of(at, command, writer.finish().into())
    }

    /// The payload that these bytes are; `None` if they are none.
    #[must_use]
    pub fn decode(bytes: Rc<[u8]>) -> Option<Self> {
        let mut reader = Reader::new(&bytes);
        let at = LogTime(reader.number()?);
        let command = read_command(&mut reader)?;
        reader.is_at_end().then(|| Self::of(at, command, bytes))
    }

    fn of(at: LogTime, command: Command, bytes: Rc<[u8]>) -> Self {
        let digest = Digest::of(&bytes[..]);
        Self(Rc::new(Stamped { at, command, bytes, digest }))
    }

    /// When a leader accepted it.
    #[must_use]
    pub fn at(&self) -> LogTime {
        self.0.at
    }

    /// What it does.
    #[must_use]
    pub fn command(&self) -> &Command {
        &self.0.command
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &Rc<[u8]> {
        &self.0.bytes
    }

    /// The digest of its bytes.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.0.digest
    }
}

impl Hash for Payload {
    /// The bytes were digested when the payload was made; each message that carries it need not do so again.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.digest);
    }
}

fn write_command(writer: &mut Writer, command: &Command) {
    match command {
        Command::NoOp => writer.tag(0),
        Command::OpenSession(session) => {
            writer.tag(1);
            writer.number(*session);
        }
        Command::Update { request, key, update } => {
            writer.tag(2);
            writer.number(request.session);
            writer.number(request.sequence);
            writer.value(key);
            write_update(writer, update);
        }
        Command::Configure(configuration) => {
            writer.tag(3);
            writer.configuration(configuration);
        }
        Command::Readmit { node, life } => {
            writer.tag(4);
            writer.number(u64::from(node.0));
            writer.number(*life);
        }
    }
}

fn read_command(reader: &mut Reader<'_>) -> Option<Command> {
    Some(match reader.tag()? {
        0 => Command::NoOp,
        1 => Command::OpenSession(reader.number()?),
        2 => {
            let request = RequestId { session: reader.number()?, sequence: reader.number()? };
            Command::Update { request, key: reader.value()?, update: read_update(reader)? }
        }
        3 => Command::Configure(reader.configuration()?),
        4 => Command::Readmit { node: reader.node()?, life: reader.number()? },
        _ => return None,
    })
}

fn write_update(writer: &mut Writer, update: &Update) {
    match update {
        Update::Write(value) => {
            writer.tag(0);
            writer.value(value);
        }
        Update::Cas { expected, new } => {
            writer.tag(1);
            writer.value(expected);
            writer.value(new);
        }
        Update::Delete => writer.tag(2),
        Update::Increment(by) => {
            writer.tag(3);
            writer.number(by.cast_unsigned());
        }
        Update::Append(value) => {
            writer.tag(4);
            writer.value(value);
        }
    }
}

fn read_update(reader: &mut Reader<'_>) -> Option<Update> {
    Some(match reader.tag()? {
        0 => Update::Write(reader.value()?),
        1 => Update::Cas { expected: reader.value()?, new: reader.value()? },
        2 => Update::Delete,
        3 => Update::Increment(reader.number()?.cast_signed()),
        4 => Update::Append(reader.value()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patterns::majority_quorum::Majority;

    fn update(update: Update) -> Command {
        let request = RequestId { session: 3, sequence: 9 };
        Command::Update { request, key: Value::Int(1), update }
    }

    #[test]
    fn every_command_comes_back_from_its_bytes() {
        let members = Majority::of([NodeId(0), NodeId(2)]);
        let commands = [
            Command::NoOp,
            Command::OpenSession(77),
            update(Update::Write(Value::from("x"))),
            update(Update::Cas { expected: Value::Nil, new: Value::Int(1) }),
            update(Update::Delete),
            update(Update::Increment(-5)),
            update(Update::Append(Value::list([Value::Int(1)]))),
            Command::Configure(JointQuorum::joint(members.clone(), members)),
            Command::Readmit { node: NodeId(4), life: u64::MAX },
        ];
        for command in commands {
            let payload = Payload::new(LogTime(5), command);
            let bytes = Rc::clone(payload.bytes());
            assert_eq!(Payload::decode(Rc::clone(&bytes)), Some(payload));
            assert_eq!(Payload::decode(bytes[..bytes.len() - 1].into()), None);
        }
    }

    #[test]
    fn a_malformed_operation_is_no_update() {
        assert_eq!(Update::parse(&Operation::new(functions::CAS, 1, 2)), None);
        assert_eq!(Update::parse(&Operation::new(functions::INCREMENT, 1, "one")), None);
        assert_eq!(Update::parse(&Operation::new("unheard-of", 1, 2)), None);
    }

    #[test]
    fn the_same_command_at_another_time_is_another_entry() {
        let early = Payload::new(LogTime(1), Command::NoOp);
        let late = Payload::new(LogTime(2), Command::NoOp);
        assert_ne!(early.digest(), late.digest());
    }
}
