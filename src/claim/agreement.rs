//! What nodes say while they agree: in an atomic commitment (two-phase commit and its kin) on the outcome of a transaction,
//! in a consensus (Paxos and its kin) on the value of an instance.

use std::fmt;

/// How a participant votes on a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ballot {
    /// It can commit, durably, whatever happens to it from now on.
    Yes,
    /// It cannot.
    No,
}

/// The outcome of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Decision {
    /// All of it happens.
    Commit,
    /// None of it happens.
    Abort,
}

/// A claim about an agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Agreement {
    /// A coordinator asks the participants of a transaction to vote.
    Began {
        /// The transaction, unique in the run.
        transaction: u64,
        /// How many participants must vote.
        participants: u32,
    },
    /// A participant voted: the partition's leader when its prepare record is durable, or when it refuses.
    Voted {
        /// The transaction.
        transaction: u64,
        /// The participant: a partition, or a node if each node is one. The same in all its lives.
        participant: u64,
        /// Its vote.
        ballot: Ballot,
    },
    /// A participant, or the coordinator, knows the outcome and acts on it: claimed when the decision is durable there.
    Decided {
        /// The transaction.
        transaction: u64,
        /// Who decided: a participant, or the coordinator under a number of its own.
        participant: u64,
        /// The outcome.
        decision: Decision,
    },
    /// A node proposes a value: a Paxos proposer when it sends its accept requests for a value of its own.
    Proposed {
        /// The instance of consensus: a slot of a Paxos log, 0 if there is only one.
        instance: u64,
        /// The digest of the value.
        value: u64,
    },
    /// A node learned that a value is chosen: a learner when a quorum has accepted one ballot, or when it is told so.
    Chosen {
        /// The instance.
        instance: u64,
        /// The digest of the value.
        value: u64,
    },
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Began { transaction, participants } => {
                write!(f, "asks {participants} participants to vote on transaction {transaction}")
            }
            Self::Voted { transaction, participant, ballot } => {
                write!(
                    f,
                    "votes {ballot:?} on transaction {transaction} for participant {participant}"
                )
            }
            Self::Decided { transaction, participant, decision } => {
                write!(
                    f,
                    "decides {decision:?} of transaction {transaction} for participant {participant}"
                )
            }
            Self::Proposed { instance, value } => {
                write!(f, "proposes {value:016x} for instance {instance}")
            }
            Self::Chosen { instance, value } => {
                write!(f, "learns that {value:016x} is chosen for instance {instance}")
            }
        }
    }
}
