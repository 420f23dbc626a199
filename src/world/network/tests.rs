//! The rules of the network, one claim for each test.

mod chance;
mod explicit;
mod faults;
mod recovery;

use super::*;
use crate::kernel::distribution::Distribution;
use crate::kernel::ids::NodeId;
use crate::kernel::random::Probability;
use crate::world::cluster::Region;
use crate::world::network::link_set::LinkSet;
use std::time::Duration;

const A: Endpoint = Endpoint(0);
const B: Endpoint = Endpoint(1);
const C: Endpoint = Endpoint(2);
const MILLI: Duration = Duration::from_millis(1);
const SIZE: usize = 100;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn percent(percent: u64) -> Probability {
    Probability::per_million(percent * 10_000)
}

/// Three nodes, no clients, these properties on every link.
fn network(link: LinkOptions) -> Network {
    network_of(3, link)
}

fn network_of(size: usize, link: LinkOptions) -> Network {
    let options = NetworkOptions { link, ..NetworkOptions::default() };
    Network::new(42, &Cluster::of_size(size), &options, &[])
}

fn send(network: &mut Network, now: Instant, from: Endpoint, to: Endpoint) -> Sent {
    network.send(now, Envelope { from, to, kind: "message", size: SIZE })
}

/// When a message arrives that is sure to.
fn arrival(sent: Sent) -> Instant {
    match sent.fate {
        Fate::Deliver { at, .. } => at,
        other => panic!("{other:?}"),
    }
}

fn links(network: &Network, pairs: &[(Endpoint, Endpoint)]) -> LinkSet {
    let mut links = LinkSet::empty(network.places().len());
    for &(from, to) in pairs {
        links.insert(from, to);
    }
    links
}

fn begin(network: &mut Network, id: u32, pairs: &[(Endpoint, Endpoint)], disturbance: Disturbance) {
    let links = links(network, pairs);
    network.begin_fault(id, LinkEffect { links, disturbance });
}

const CUT: Disturbance = Disturbance::Cut(InFlight::Disturbed);
const STALL: Disturbance = Disturbance::Stalled(InFlight::Disturbed);
const CUT_LOSS: Fate = Fate::Lost(LossReason::Cut);

fn constant(millis: u64) -> LinkOptions {
    let delay = Distribution::Constant(Duration::from_millis(millis));
    LinkOptions { delay, ..LinkOptions::default() }
}
