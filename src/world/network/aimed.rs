//! Faults that are aimed at one message: the n-th of a type on some links.

use crate::world::network::Envelope;
use crate::world::network::link_set::LinkSet;

/// One message that will be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AimedLoss {
    /// On which links messages count, all of them together.
    pub links: LinkSet,
    /// Of which type; `None`: any.
    pub kind: Option<String>,
    /// The how-manieth from now on, from 1. All sends count, whatever becomes of them.
    pub nth: u64,
}

impl AimedLoss {
    /// Counts a message, if it is one that counts. Whether it is the one to lose.
    pub(super) fn hits(&mut self, envelope: &Envelope) -> bool {
        let counts = self.links.contains(envelope.from, envelope.to)
            && self.kind.as_deref().is_none_or(|kind| kind == envelope.kind);
        if counts {
            self.nth -= 1;
        }
        self.nth == 0
    }
}
