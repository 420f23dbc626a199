//! What nodes think of each other, as they themselves tell: the model that the checkers of failure detectors share.
//!
//! Opinions die with the node that has them: a restarted node begins anew.

use std::collections::BTreeMap;

use crate::checkers::tail::Tail;
use crate::claim::Claim;
use crate::claim::membership::{Membership, Opinion};
use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact};

/// What one node thinks of another one, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub opinion: Opinion,
    pub since: Instant,
}

/// Who watches, and who is watched.
pub(super) type Pair = (NodeId, NodeId);

/// All opinions that are held, and who lives.
#[derive(Debug, Default)]
pub(super) struct Opinions {
    pub tail: Tail,
    held: BTreeMap<Pair, Held>,
}

impl Opinions {
    /// The opinion that an event tells, if it tells one.
    pub const fn told(event: &Event) -> Option<(Pair, Opinion)> {
        match (&event.fact, event.node) {
            (&Fact::Claimed(Claim::Membership(Membership::Thinks { of, opinion })), Some(node)) => {
                Some(((node, of), opinion))
            }
            _ => None,
        }
    }

    /// Takes in an event. Who thinks the same as before has thought so since then.
    pub fn observe(&mut self, event: &Event) {
        self.tail.observe(event);
        if let (Fact::Stopped(_), Some(node)) = (&event.fact, event.node) {
            self.held.retain(|(who, _), _| *who != node);
        }
        if let Some((pair, opinion)) = Self::told(event) {
            let before = self.held.get(&pair);
            if before.is_none_or(|before| before.opinion != opinion) {
                self.held.insert(pair, Held { opinion, since: event.at });
            }
        }
    }

    /// What one node thinks of another.
    pub fn of(&self, pair: Pair) -> Option<Held> {
        self.held.get(&pair).copied()
    }

    /// All opinions, in the order of the nodes.
    pub fn all(&self) -> impl Iterator<Item = (Pair, Held)> {
        self.held.iter().map(|(pair, held)| (*pair, *held))
    }

    /// Since when a node that lives has watched one that is stopped.
    pub fn one_stopped_since(&self, (who, of): Pair) -> Option<Instant> {
        Some(self.tail.live_since(who)?.max(self.tail.stopped_since(of)?))
    }

    /// Since when both live.
    pub fn both_live_since(&self, (who, of): Pair) -> Option<Instant> {
        Some(self.tail.live_since(who)?.max(self.tail.live_since(of)?))
    }
}
