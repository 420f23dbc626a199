//! The network: for each message whether it arrives, and when.
//!
//! It decides by value. It has no loop, keeps no payload and schedules nothing: the simulation asks at the
//! send, puts the delivery into its queue, and asks again when that comes up, because a link may have been
//! cut or stalled since.
//!
//! Between every two endpoints (nodes first, then clients) there is one link for each direction, created when
//! it is first used. A link caches what the region's options and the faults that hold make of it; only the
//! beginning and the end of a fault compute it anew, from the list of the faults that hold. So faults may
//! overlap and end in any order, and when all have ended, the network is what it was.

pub mod aimed;
pub mod effect;
pub mod fates;
mod link;
pub mod link_set;
pub mod places;
pub mod shape;

#[cfg(test)]
mod tests;

pub use link::HELD_MAX;

use std::collections::BTreeMap;

use crate::kernel::random::{Purpose, Stream};
use crate::kernel::time::Instant;
use crate::trace::{Endpoint, LossReason};
use crate::world::cluster::Cluster;
use crate::world::network::aimed::AimedLoss;
use crate::world::network::effect::{Disturbance, InFlight, LinkEffect};
use crate::world::network::fates::LinkFates;
use crate::world::network::link::{Condition, Link};
use crate::world::network::places::{ClientPlace, Places};
use crate::world::options::{LinkOptions, NetworkOptions};

/// A message, as the network sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The sender.
    pub from: Endpoint,
    /// The receiver.
    pub to: Endpoint,
    /// The type of the message, for faults aimed at one.
    pub kind: &'static str,
    /// How many bytes it takes on the wire.
    pub size: usize,
}

/// What becomes of a message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its number on this link, from 0.
    pub number: u64,
    /// What [`Network::arrives`] wants to know when it arrives, or when it is released.
    pub epoch: u32,
    /// Its fate, as far as it is decided now.
    pub fate: Fate,
    /// When a second copy arrives, intact, if one does. It is asked about at its arrival like the first.
    pub duplicate: Option<Instant>,
}

/// The fate of a message, as far as it is decided at the send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives, unless something happens to the link before.
    Deliver {
        /// When.
        at: Instant,
        /// In which shape.
        frame: Frame,
    },
    /// It is lost.
    Lost(LossReason),
    /// The link holds it. When the link is released, what it held arrives at once, in the order of the
    /// numbers.
    Held {
        /// In which shape it will arrive.
        frame: Frame,
    },
}

/// In which shape a message arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// As it was sent.
    Intact,
    /// Damaged, at a place that these uniform bits decide.
    Damaged(u32),
}

/// Whether a message arrives that was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It does.
    Yes,
    /// It was lost on the way.
    Lost(LossReason),
    /// The link holds it, until it is released.
    Held,
}

/// What the network did so far. Each copy of a message is counted in one of `lost` and `cut`, or is
/// delivered, held or under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetworkStatistics {
    /// Messages that nodes and clients sent.
    pub sent: u64,
    /// Copies lost for another reason than a cut.
    pub lost: u64,
    /// Second copies.
    pub duplicated: u64,
    /// Copies lost to a cut, at the send or under way.
    pub cut: u64,
}

/// The links between all endpoints, and the faults on them.
#[derive(Clone, Debug)]
pub struct Network {
    seed: u64,
    options: NetworkOptions,
    places: Places,
    /// What the streams of an endpoint's links are named by.
    stream_names: Vec<u64>,
    /// For each pair of endpoints: one more than the place of its link, or 0 if it was not used yet.
    table: Vec<u32>,
    links: Vec<Link>,
    /// The explicit fates on links that were not used yet.
    fates: BTreeMap<(Endpoint, Endpoint), LinkFates>,
    /// The faults that hold, in the order in which they began.
    faults: Vec<(u32, LinkEffect)>,
    aimed: Vec<(u32, AimedLoss)>,
    statistics: NetworkStatistics,
}

impl Network {
    /// The network of a cluster and its clients. Client `c` is the endpoint after all nodes and `c` other
    /// clients.
    #[must_use]
    pub fn new(
        seed: u64,
        cluster: &Cluster,
        options: &NetworkOptions,
        clients: &[ClientPlace],
    ) -> Self {
        let places = Places::new(cluster, clients);
        let nodes = cluster.nodes().map(|node| cluster.stream_name(node));
        Self {
            seed,
            options: options.clone(),
            stream_names: nodes.chain(clients.iter().map(|client| client.stream_name)).collect(),
            table: vec![0; places.len() * places.len()],
            places,
            links: Vec::new(),
            fates: fates::by_link(&options.fates, cluster.size()),
            faults: Vec::new(),
            aimed: Vec::new(),
            statistics: NetworkStatistics::default(),
        }
    }

    /// Who is where: what a fault's targets are resolved with.
    #[must_use]
    pub const fn places(&self) -> &Places {
        &self.places
    }

    /// What the network did so far.
    #[must_use]
    pub const fn statistics(&self) -> NetworkStatistics {
        self.statistics
    }

    /// Sends a message. One to the sender itself meets no network: it arrives at once.
    #[inline]
    pub fn send(&mut self, now: Instant, envelope: Envelope) -> Sent {
        let aimed = !self.aimed.is_empty() && self.is_aimed_at(&envelope);
        let link = self.link(envelope.from, envelope.to);
        let sent = if aimed { link.lose() } else { link.send(now, envelope.size) };
        self.statistics.sent += 1;
        self.statistics.duplicated += u64::from(sent.duplicate.is_some());
        if let Fate::Lost(reason) = sent.fate {
            self.count_loss(reason);
        }
        sent
    }

    /// Whether a message of this epoch, whose delivery or release is due, arrives. A link that is cut loses
    /// it, even if the cut has ended since; a link that is stalled holds it, and it is asked about again
    /// after the release.
    #[inline]
    pub fn arrives(&mut self, from: Endpoint, to: Endpoint, epoch: u32) -> Arrival {
        let arrival = self.link(from, to).arrives(epoch);
        if let Arrival::Lost(reason) = arrival {
            self.count_loss(reason);
        }
        arrival
    }

    /// A fault begins to disturb links.
    ///
    /// # Panics
    /// If the fault holds already, or its links are those of another network.
    pub fn begin_fault(&mut self, id: u32, effect: LinkEffect) {
        assert!(self.faults.iter().all(|&(known, _)| known != id), "a fault begins once");
        assert_eq!(effect.links.endpoints(), self.places.len(), "a fault is on these links");
        let loses = effect.disturbance == Disturbance::Cut(InFlight::Disturbed);
        let links = effect.links.clone();
        self.faults.push((id, effect));
        for (from, to) in links.iter() {
            let Some(place) = self.used(from, to) else { continue };
            let condition = self.condition(from, to);
            self.links[place].set_condition(condition);
            if loses {
                self.links[place].lose_in_flight();
            }
        }
    }

    /// A fault ends; one that does not hold (any more) is not missed. Returns the links that held messages
    /// and hold them no longer, by sender and then by receiver: their messages are due now.
    pub fn end_fault(&mut self, id: u32) -> Vec<(Endpoint, Endpoint)> {
        self.aimed.retain(|&(known, _)| known != id);
        let Some(place) = self.faults.iter().position(|&(known, _)| known == id) else {
            return Vec::new();
        };
        let (_, effect) = self.faults.remove(place);
        let mut released = Vec::new();
        for (from, to) in effect.links.iter() {
            let Some(place) = self.used(from, to) else { continue };
            let condition = self.condition(from, to);
            self.links[place].set_condition(condition);
            if self.links[place].release() {
                released.push((from, to));
            }
        }
        released
    }

    /// From now on one message is lost, when it comes. The fault is over with it, or with
    /// [`end_fault`](Self::end_fault).
    ///
    /// # Panics
    /// If its `nth` is 0.
    pub fn drop_nth(&mut self, id: u32, aimed: AimedLoss) {
        assert!(aimed.nth > 0, "messages are counted from 1");
        self.aimed.push((id, aimed));
    }

    /// Counts the message for every fault that is aimed at one; whether it is the one.
    fn is_aimed_at(&mut self, envelope: &Envelope) -> bool {
        let before = self.aimed.len();
        self.aimed.retain_mut(|(_, aimed)| !aimed.hits(envelope));
        self.aimed.len() < before
    }

    const fn count_loss(&mut self, reason: LossReason) {
        match reason {
            LossReason::Cut | LossReason::CutInFlight => self.statistics.cut += 1,
            _ => self.statistics.lost += 1,
        }
    }

    #[inline]
    fn link(&mut self, from: Endpoint, to: Endpoint) -> &mut Link {
        let place = match self.used(from, to) {
            Some(place) => place,
            None => self.create(from, to),
        };
        &mut self.links[place]
    }

    /// The place of a link that was used already.
    #[inline]
    fn used(&self, from: Endpoint, to: Endpoint) -> Option<usize> {
        let place = self.table[self.pair(from, to)] as usize;
        place.checked_sub(1)
    }

    #[inline]
    fn pair(&self, from: Endpoint, to: Endpoint) -> usize {
        let size = self.places.len();
        assert!((to.0 as usize) < size, "a link joins two endpoints");
        from.0 as usize * size + to.0 as usize
    }

    #[cold]
    fn create(&mut self, from: Endpoint, to: Endpoint) -> usize {
        let name = |endpoint: Endpoint| self.stream_names[endpoint.0 as usize];
        let stream = Stream::new(self.seed, Purpose::Link, name(from), name(to));
        let fates = self.fates.remove(&(from, to)).unwrap_or_default();
        let link = Link::new(stream, self.condition(from, to), fates);
        let pair = self.pair(from, to);
        self.links.push(link);
        self.table[pair] = u32::try_from(self.links.len()).expect("fewer than 2^32 links");
        self.links.len() - 1
    }

    /// What the faults that hold make of a link.
    fn condition(&self, from: Endpoint, to: Endpoint) -> Condition {
        let mut condition = Condition::undisturbed(self.own_options(from, to));
        for (_, effect) in &self.faults {
            if effect.links.contains(from, to) {
                condition.disturb(&effect.disturbance);
            }
        }
        condition
    }

    /// The properties of a link without faults.
    fn own_options(&self, from: Endpoint, to: Endpoint) -> LinkOptions {
        if from == to {
            return LinkOptions::default();
        }
        let mut options = self.options.link;
        let (Some(sender), Some(receiver)) = (self.places.region(from), self.places.region(to))
        else {
            return options;
        };
        for region in &self.options.regions {
            if (region.from, region.to) == (sender, receiver) {
                link::apply(&mut options, &region.change);
            }
        }
        options
    }
}
