//! What the nodes of raft-kv say to each other.

use std::rc::Rc;

use crate::kernel::ids::{Generation, LogIndex};
use crate::kernel::time::LocalTime;
use crate::node;
use crate::patterns::follower_reads::Round;
use crate::patterns::majority_quorum::Ballot;
use crate::patterns::replicated_log::{Entry, Position};
use crate::systems::raft_kv::commands::Payload;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    /// "Would you vote for me in this generation, if I stood?" Changes nothing (dissertation §9.6).
    PreVote(Canvass),
    /// The answer.
    PreVoteReply(Answer),
    /// "Vote for me" (§5.2).
    Vote(Canvass),
    /// The answer.
    VoteReply(Answer),
    /// A leader's entries; without any it is a heartbeat (§5.3).
    Append(Append),
    /// A leader's snapshot, for a follower that needs entries which were discarded (§7).
    Install(Install),
    /// The answer to either.
    Appended(Appended),
    /// "At which index may I read?" (dissertation §6.4).
    ReadIndex {
        /// The follower's number for its question.
        question: u64,
    },
    /// The answer.
    ReadIndexReply {
        /// The follower's number for its question.
        question: u64,
        /// The index, proven to be current after the question arrived; `None` from a node that does not lead.
        index: Option<LogIndex>,
    },
}

/// A request for a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Canvass {
    /// The generation to be leader of.
    pub generation: Generation,
    /// The last position of the candidate's log.
    pub last: Position,
}

/// An answer to a request for a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Answer {
    /// The generation that was asked about if granted, the voter's own if refused.
    pub generation: Generation,
    /// Yes or no.
    pub vote: Vote,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vote {
    /// Yes.
    Granted,
    /// No.
    Refused,
}

impl From<Vote> for Ballot {
    fn from(vote: Vote) -> Self {
        match vote {
            Vote::Granted => Self::Granted,
            Vote::Refused => Self::Refused,
        }
    }
}

/// A moment of one life of a node, by its own clock. Another life has another clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Moment {
    /// Which life: drawn when the node started.
    pub life: u64,
    /// What its clock showed.
    pub at: LocalTime,
}

/// A leader's entries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Append {
    /// The leader's generation.
    pub generation: Generation,
    /// The last round of proof that the leader started; the answer repeats it.
    pub round: Round,
    /// The position before the entries.
    pub previous: Position,
    /// The entries, shared by the messages to all followers that are equally far.
    pub entries: Rc<[Entry<Payload>]>,
    /// The leader's commit index.
    pub commit: LogIndex,
    /// A moment of the receiver after which the leader was proven to lead, if there is one: a state at `commit` was the
    /// newest at some time after it.
    pub newest_after: Option<Moment>,
}

/// A leader's snapshot.
///
/// It travels in one message. Raft's offsets and chunks serve to fit a transport's frames and to interleave with other
/// traffic; here a message of any size is one message that takes its bytes' time on the link, and a chunked transfer
/// would add states in which nothing of interest happens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Install {
    /// The leader's generation.
    pub generation: Generation,
    /// The last round of proof that the leader started.
    pub round: Round,
    /// The last position that the snapshot covers.
    pub position: Position,
    /// The state machine there.
    pub body: Rc<[u8]>,
}

/// An answer to a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Appended {
    /// The generation of who answers.
    pub generation: Generation,
    /// The round of the message that is answered.
    pub round: Round,
    /// What became of it.
    pub result: AppendResult,
    /// Whether this word counts.
    pub voice: Voice,
    /// When it was said.
    pub moment: Moment,
}

/// What became of a leader's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AppendResult {
    /// The log equals the leader's through this index, durably.
    Matched(LogIndex),
    /// The log has not the position before the entries.
    Mismatched {
        /// The index of that position.
        previous: LogIndex,
        /// The greatest index at which the logs may agree.
        may_agree: LogIndex,
    },
    /// The leader is of an older generation.
    Stale,
}

/// Whether a node's word counts in decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Voice {
    /// It remembers what it promised.
    Counts,
    /// It forgot, in this life, and asks to be admitted again.
    Learns {
        /// Which life: drawn when the node noticed.
        life: u64,
    },
}

const ENVELOPE_BYTES: usize = 48;

impl node::Message for Message {
    fn kind(&self) -> &'static str {
        match self {
            Self::PreVote(_) => "pre-vote",
            Self::PreVoteReply(_) => "pre-vote-reply",
            Self::Vote(_) => "vote",
            Self::VoteReply(_) => "vote-reply",
            Self::Append(_) => "append",
            Self::Install(_) => "install-snapshot",
            Self::Appended(_) => "append-reply",
            Self::ReadIndex { .. } => "read-index",
            Self::ReadIndexReply { .. } => "read-index-reply",
        }
    }

    fn size(&self) -> usize {
        let content = match self {
            Self::Append(append) => {
                append.entries.iter().map(|entry| 16 + entry.command.bytes().len()).sum()
            }
            Self::Install(install) => install.body.len(),
            _ => 0,
        };
        ENVELOPE_BYTES + content
    }
}
