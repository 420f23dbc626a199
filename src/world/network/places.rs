//! Who is at which place of the network: nodes first, then clients, each perhaps in a region.

use crate::kernel::ids::NodeId;
use crate::trace::Endpoint;
use crate::world::cluster::Cluster;
use crate::world::fault::Target;

/// A client, as the network sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientPlace {
    /// The region that it is near, by its place in the cluster: its links have the region's properties, and a
    /// fault aimed at the region meets it too. `None`: its links are the default ones.
    pub region: Option<usize>,
    /// What the random streams of its links are named by, so that a client that is removed from a scenario
    /// does not shift what the links of the others draw.
    pub stream_name: u64,
}

/// The endpoints of a network: what a fault's targets are looked up in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    nodes: usize,
    /// The region of each endpoint.
    regions: Vec<Option<usize>>,
}

/// Turns a target into nodes. Only the simulation knows who leads and who is up; it is not asked about
/// regions and lists.
pub type Aim<'a> = &'a mut dyn FnMut(&Target) -> Vec<NodeId>;

impl Places {
    /// The endpoints of a cluster and its clients.
    #[must_use]
    pub fn new(cluster: &Cluster, clients: &[ClientPlace]) -> Self {
        let regions = cluster
            .nodes()
            .map(|node| cluster.region_of(node))
            .chain(clients.iter().map(|client| client.region))
            .collect();
        Self { nodes: cluster.size(), regions }
    }

    /// How many endpoints there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.regions.len()
    }

    /// Whether there is no endpoint.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }

    /// All endpoints, in order.
    pub fn all(&self) -> impl Iterator<Item = Endpoint> + use<> {
        (0..self.regions.len() as u32).map(Endpoint)
    }

    /// The endpoints that are nodes, in order.
    pub fn nodes(&self) -> impl Iterator<Item = Endpoint> + use<> {
        (0..self.nodes as u32).map(Endpoint)
    }

    /// The region of an endpoint.
    #[must_use]
    pub fn region(&self, endpoint: Endpoint) -> Option<usize> {
        self.regions[endpoint.0 as usize]
    }

    /// The endpoints that a target means, in order: nodes, and with a region the clients near it.
    pub fn resolve(&self, target: &Target, aim: Aim<'_>) -> Vec<Endpoint> {
        let mut endpoints = match target {
            Target::Region(region) => {
                self.all().filter(|&endpoint| self.region(endpoint) == Some(*region)).collect()
            }
            Target::List(targets) => {
                targets.iter().flat_map(|target| self.resolve(target, aim)).collect()
            }
            other => aim(other).into_iter().map(|node| Endpoint(node.0)).collect::<Vec<_>>(),
        };
        endpoints.sort_unstable();
        endpoints.dedup();
        endpoints
    }
}
