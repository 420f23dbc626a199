//! What happened in a run, in order, with causes; and its digest.
//!
//! Each fact is folded into the digest, kept if a trace was asked for, and shown to the checkers that want its class.
//! Facts are plain data; nothing is formatted unless a trace is kept.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::claim::Claim;
use crate::history::HistoryEvent;
use crate::kernel::digest::Digest;
use crate::kernel::ids::{NodeId, RequestId};
use crate::kernel::time::Instant;
use crate::node::disk::{DiskAction, DiskError};

/// One end of a link: a node or a client. Nodes come first, then clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint(pub u32);

/// Why a message did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LossReason {
    /// Chance, or what was said in its place.
    Loss,
    /// The link was cut when it was sent.
    Cut,
    /// The link was cut while it was under way.
    CutInFlight,
    /// The link's queue was full.
    QueueFull,
    /// The frame was damaged and its checksum did not match.
    Damaged,
    /// The receiver was down.
    ReceiverDown,
    /// The receiver's inbound buffer was full.
    MailboxFull,
    /// A fault aimed at this message.
    Aimed,
}

/// How a node's life ended or was interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stop {
    /// The process died; the operating system and its page cache live on.
    Crash,
    /// The machine lost power: what was not synced may be lost.
    PowerFailure,
    /// The node stopped itself.
    Exit(&'static str),
}

/// One fact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fact {
    /// A node started, for the `incarnation`-th time (from 1).
    Started {
        /// How often it has started.
        incarnation: u32,
    },
    /// A node stopped.
    Stopped(Stop),
    /// A node was paused.
    Paused,
    /// A paused node goes on.
    Resumed,
    /// A node's disk was replaced by an empty one.
    Wiped,
    /// From now on a node's disk may lose or change in silence what it promised to keep.
    DiskSuspect,
    /// A message left.
    Sent {
        /// From whom.
        from: Endpoint,
        /// To whom.
        to: Endpoint,
        /// Its number on this link, from 0.
        number: u64,
        /// Its type.
        kind: &'static str,
        /// The digest of its content.
        digest: u64,
    },
    /// A message arrived.
    Delivered {
        /// From whom.
        from: Endpoint,
        /// Its number on this link.
        number: u64,
        /// Its type.
        kind: &'static str,
    },
    /// A message was lost.
    Lost {
        /// To whom it was sent.
        to: Endpoint,
        /// Its number on this link.
        number: u64,
        /// Its type.
        kind: &'static str,
        /// Why.
        reason: LossReason,
    },
    /// A message is held by a stalled link.
    Held {
        /// To whom it was sent.
        to: Endpoint,
        /// Its number on this link.
        number: u64,
    },
    /// A timer ran out.
    TimerFired {
        /// The digest of the timer's value.
        timer: u64,
    },
    /// A client's request reached a node.
    Requested(RequestId),
    /// A node answered a client.
    Replied {
        /// To whom.
        to: Endpoint,
        /// The digest of the reply.
        digest: u64,
    },
    /// A disk operation ended.
    Disk {
        /// What it did.
        action: DiskAction,
        /// How many bytes it moved.
        bytes: u64,
        /// Why it failed.
        error: Option<DiskError>,
    },
    /// A power failure decided the fate of a disk's unsynced sectors.
    DiskLost {
        /// How many unsynced sectors were lost.
        lost: u64,
        /// How many survived.
        survived: u64,
        /// How many were torn.
        torn: u64,
    },
    /// A node claimed something.
    Claimed(Claim),
    /// A node reached a coverage mark.
    Marked(&'static str),
    /// A fault began, by its place in the schedule.
    FaultBegan {
        /// Its place in the schedule.
        place: u32,
        /// Its kind, for example `partition`.
        kind: &'static str,
    },
    /// A fault ended.
    FaultEnded {
        /// Its place in the schedule.
        place: u32,
        /// Its kind.
        kind: &'static str,
    },
    /// A phase of the run began: `calm`, `chaos`, `quiet`, `audit`.
    PhaseBegan(&'static str),
    /// A client invoked or completed an operation.
    History(HistoryEvent),
    /// A remark. Not part of the digest: it exists only when a trace is kept.
    Note(String),
}

/// A class of facts, so that nobody is shown what nobody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest(u8);

impl Interest {
    /// Claims about elections and a replicated log, and those of a user's own.
    pub const LOG_CLAIMS: Self = Self(1);
    /// The other claims: whoever wants only these costs a run of a replicated log nothing.
    pub const PROTOCOL_CLAIMS: Self = Self(64);
    /// All claims.
    pub const CLAIMS: Self = Self::LOG_CLAIMS.and(Self::PROTOCOL_CLAIMS);
    /// What clients invoke and see.
    pub const HISTORY: Self = Self(2);
    /// Nodes that start, stop, pause; faults; phases.
    pub const FAULTS: Self = Self(4);
    /// Messages sent, delivered, lost.
    pub const MESSAGES: Self = Self(8);
    /// Disk operations, and what power failures did to disks.
    pub const DISK: Self = Self(16);
    /// Timers, requests, replies, marks, notes.
    pub const OTHER: Self = Self(32);
    /// Everything.
    pub const ALL: Self = Self(127);
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// How many classes there are.
    pub const CLASSES: usize = 7;

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The classes in it, each as a number below [`Interest::CLASSES`].
    pub fn classes(self) -> impl Iterator<Item = usize> {
        (0..Self::CLASSES).filter(move |class| self.0 & (1 << class) != 0)
    }

    /// The number of the class of a single fact.
    ///
    /// # Panics
    /// If it is no class at all.
    #[must_use]
    #[inline]
    pub const fn number(self) -> usize {
        assert!(self.0.is_power_of_two(), "a fact has one class");
        self.0.trailing_zeros() as usize
    }

    /// Whether the two have a class in common.
    #[must_use]
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl Fact {
    /// The class of this fact.
    #[must_use]
    pub const fn class(&self) -> Interest {
        match self {
            Self::Claimed(claim) if claim.is_about_a_log() => Interest::LOG_CLAIMS,
            Self::Claimed(_) => Interest::PROTOCOL_CLAIMS,
            Self::History(_) => Interest::HISTORY,
            Self::Started { .. }
            | Self::Stopped(_)
            | Self::Paused
            | Self::Resumed
            | Self::Wiped
            | Self::DiskSuspect
            | Self::FaultBegan { .. }
            | Self::FaultEnded { .. }
            | Self::PhaseBegan(_) => Interest::FAULTS,
            Self::Sent { .. } | Self::Delivered { .. } | Self::Lost { .. } | Self::Held { .. } => {
                Interest::MESSAGES
            }
            Self::Disk { .. } | Self::DiskLost { .. } => Interest::DISK,
            Self::TimerFired { .. }
            | Self::Requested(_)
            | Self::Replied { .. }
            | Self::Marked(_)
            | Self::Note(_) => Interest::OTHER,
        }
    }
}

/// A fact with its place in the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, in true time.
    pub at: Instant,
    /// Its number in the run, from 1.
    pub number: u64,
    /// The number of the event that caused it, 0 if none did.
    pub cause: u64,
    /// On which node; `None` for facts about clients and the world.
    pub node: Option<NodeId>,
    /// What happened.
    pub fact: Fact,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {} ", self.number, self.at)?;
        if let Some(node) = self.node {
            write!(f, "{node} ")?;
        }
        write!(f, "{}", self.fact)
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claimed(claim) => write!(f, "{claim}"),
            Self::History(event) => write!(f, "{event}"),
            Self::Note(text) => f.write_str(text),
            Self::Marked(mark) => write!(f, "reached {mark}"),
            other => write!(f, "{other:?}"),
        }
    }
}

/// Where two runs part that should be the same: the first event that differs, in each; `None` where a run has ended.
/// Nothing is returned if they are the same.
#[must_use]
pub fn first_difference<'a>(
    one: &'a [Event],
    other: &'a [Event],
) -> Option<(Option<&'a Event>, Option<&'a Event>)> {
    let differs = one.iter().zip(other).position(|(left, right)| left != right);
    let place = differs.unwrap_or(one.len().min(other.len()));
    match (one.get(place), other.get(place)) {
        (None, None) => None,
        events => Some(events),
    }
}

/// The digest over all facts of a run, and the facts themselves if they are kept.
#[derive(Debug, Default)]
pub struct Trace {
    digest: Digest,
    number: u64,
    kept: Option<Vec<Event>>,
}

impl Trace {
    /// A trace that keeps every event, which costs memory in proportion to the run.
    #[must_use]
    pub fn kept() -> Self {
        Self { kept: Some(Vec::new()), ..Self::default() }
    }

    /// Whether events are kept.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Takes one fact into the digest and gives it its number.
    #[inline]
    pub fn fold(&mut self, at: Instant, node: Option<NodeId>, fact: &Fact) -> u64 {
        self.number += 1;
        if !matches!(fact, Fact::Note(_)) {
            self.digest.word(at.as_nanos());
            self.digest.word(node.map_or(u64::MAX, |node| u64::from(node.0)));
            fact.hash(&mut self.digest);
        }
        self.number
    }

    /// Keeps an event, if events are kept.
    pub fn keep(&mut self, event: &Event) {
        if let Some(kept) = &mut self.kept {
            kept.push(event.clone());
        }
    }

    /// How many facts were recorded.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.number
    }

    /// Whether nothing happened yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.number == 0
    }

    /// The digest of all facts so far.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest.finish()
    }

    /// The events, if they were kept.
    #[must_use]
    pub fn into_events(self) -> Vec<Event> {
        self.kept.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_number_of_its_own() {
        let all: Vec<usize> = Interest::ALL.classes().collect();
        assert_eq!(all, (0..Interest::CLASSES).collect::<Vec<_>>());
        for single in
            [Interest::LOG_CLAIMS, Interest::PROTOCOL_CLAIMS, Interest::HISTORY, Interest::OTHER]
        {
            assert_eq!(single.classes().collect::<Vec<_>>(), [single.number()]);
        }
    }
}
