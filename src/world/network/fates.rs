//! The fate of single messages, said instead of left to chance.
//!
//! A message is addressed by its link and its number on it. What is said about it takes the place of what the link's stream
//! would draw; all that is no chance still holds: a cut loses it, a stalled link holds it, a node that is down does not
//! hear it. [`fates_of`] reads from the trace of a run what chance decided there, so that the same run needs no chance.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::kernel::ids::{ClientId, NodeId};
use crate::kernel::time::Instant;
use crate::trace::{Endpoint, Event, Fact, LossReason};

/// One end of a link, whatever the number of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// A node.
    Node(NodeId),
    /// A client; the administrator is the one after all clients of the workload.
    Client(ClientId),
}

/// What becomes of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageFate {
    /// Who sends it.
    pub from: Party,
    /// To whom.
    pub to: Party,
    /// Its number on this link, from 0.
    pub number: u64,
    /// Its fate.
    pub fate: ExplicitFate,
}

/// A fate that is not left to chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExplicitFate {
    /// It is lost.
    Lost,
    /// It passes.
    Passes(Passage),
}

/// How a message passes. The default: intact, once, after a delay that the link draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// How long after it was sent it arrives, whatever slows the link; `None`: as the link would have it.
    pub delay: Option<Duration>,
    /// How long after it was sent a second copy arrives, intact. Only messages between nodes can arrive twice.
    pub duplicate: Option<Duration>,
    /// Whether it is damaged on the way, so that its checksum refuses it.
    pub damaged: bool,
}

impl Party {
    /// The party at this end, in a cluster of `nodes` nodes.
    #[must_use]
    pub const fn of(end: Endpoint, nodes: usize) -> Self {
        match end.0.checked_sub(nodes as u32) {
            None => Self::Node(NodeId(end.0)),
            Some(client) => Self::Client(ClientId(client)),
        }
    }

    const fn endpoint(self, nodes: usize) -> Endpoint {
        match self {
            Self::Node(node) => Endpoint(node.0),
            Self::Client(client) => Endpoint(nodes as u32 + client.0),
        }
    }
}

/// The explicit fates on one link: numbers of messages with their fates, the next one last.
pub(super) type LinkFates = Vec<(u64, ExplicitFate)>;

/// The fates by their links.
pub(super) fn by_link(
    fates: &[MessageFate],
    nodes: usize,
) -> BTreeMap<(Endpoint, Endpoint), LinkFates> {
    let mut links: BTreeMap<_, LinkFates> = BTreeMap::new();
    for &MessageFate { from, to, number, fate } in fates {
        links.entry((from.endpoint(nodes), to.endpoint(nodes))).or_default().push((number, fate));
    }
    for fates in links.values_mut() {
        fates.sort_unstable_by_key(|&(number, _)| std::cmp::Reverse(number));
    }
    links
}

/// What chance decided about the messages of a run of `nodes` nodes, in the order in which they were sent; `events` is its
/// whole trace.
///
/// With these fates, [`NetworkOptions::without_chance`](crate::world::options::NetworkOptions::without_chance) gives the same
/// run. A message that a cut, a full queue or a fault aimed at it took before chance could has no fate here, nor has one that
/// a stalled link held from the start and then delivered. Of two copies the first to arrive has the `delay`, and the other is
/// the `duplicate`, whichever the link sent first; so the two belong together.
#[must_use]
pub fn fates_of(events: &[Event], nodes: usize) -> Vec<MessageFate> {
    let mut sent: BTreeMap<u64, Observed> = BTreeMap::new();
    for event in events {
        if let Fact::Sent { from, to, number, .. } = event.fact {
            if from != to {
                sent.insert(event.number, Observed::new((from, to), number, event.at));
            }
        } else if let Some(message) = sent.get_mut(&event.cause) {
            message.see(event);
        }
    }
    let end = events.last().map_or(Instant::ZERO, |event| event.at);
    let fates = sent.into_values().filter_map(|message| {
        let (from, to) = message.link;
        let (from, to) = (Party::of(from, nodes), Party::of(to, nodes));
        let number = message.number;
        message.fate(end).map(|fate| MessageFate { from, to, number, fate })
    });
    fates.collect()
}

/// What a trace says about one message.
struct Observed {
    link: (Endpoint, Endpoint),
    number: u64,
    sent: Instant,
    /// How long each copy took to the end of its link.
    delays: Vec<Duration>,
    /// Which of the copies was damaged.
    damaged: Option<usize>,
    /// How many copies the link holds.
    held: u32,
    lost: bool,
    /// Something else than chance decided about it.
    decided: bool,
}

impl Observed {
    const fn new(link: (Endpoint, Endpoint), number: u64, sent: Instant) -> Self {
        let delays = Vec::new();
        Self { link, number, sent, delays, damaged: None, held: 0, lost: false, decided: false }
    }

    fn see(&mut self, event: &Event) {
        let delay = event.at.since(self.sent);
        match event.fact {
            Fact::Held { .. } if delay.is_zero() => {
                self.held += 1;
                self.decided = true;
            }
            Fact::Held { .. } => {
                self.held += 1;
                self.delays.push(delay);
            }
            Fact::Lost { reason: LossReason::Loss, .. } => self.lost = true,
            Fact::Lost { reason: LossReason::Cut | LossReason::Aimed, .. } => self.decided = true,
            Fact::Lost { reason: LossReason::QueueFull, .. } if delay.is_zero() => {
                self.decided = true;
            }
            Fact::Lost { reason, .. } => {
                if reason == LossReason::Damaged {
                    self.damaged = Some(self.delays.len().saturating_sub(self.held as usize));
                }
                self.arrive(delay);
            }
            Fact::Delivered { .. } => self.arrive(delay),
            _ => {}
        }
    }

    /// A copy is at the end of its link, or is let go there.
    fn arrive(&mut self, delay: Duration) {
        if self.held > 0 {
            self.held -= 1;
        } else {
            self.delays.push(delay);
        }
    }

    /// Its fate, if chance decided it, in a run that ended then.
    fn fate(mut self, end: Instant) -> Option<ExplicitFate> {
        if self.lost {
            return Some(ExplicitFate::Lost);
        }
        if self.delays.is_empty() && !self.decided {
            // Under way at the end: it arrives after it.
            self.delays.push(end.since(self.sent) + Duration::from_nanos(1));
        }
        // The second copy is the one that is never damaged.
        if self.damaged == Some(1) && self.delays.len() > 1 {
            self.delays.swap(0, 1);
        }
        let passage = Passage {
            delay: self.delays.first().copied(),
            duplicate: self.delays.get(1).copied(),
            damaged: self.damaged.is_some(),
        };
        (passage != Passage::default()).then_some(ExplicitFate::Passes(passage))
    }
}
