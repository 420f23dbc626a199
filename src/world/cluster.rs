//! Who is there: nodes, regions, and where the clients are.

use crate::kernel::digest::Digest;
use crate::kernel::ids::NodeId;

/// A named group of nodes, and of the clients near them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Its name in the scenario.
    pub name: String,
    /// Its nodes, in order.
    pub nodes: Vec<NodeId>,
}

/// The declared nodes and regions.
///
/// Invariant: names are unique; a node is in at most one region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// The nodes' names; a node's id is its place here.
    pub names: Vec<String>,
    /// The regions.
    pub regions: Vec<Region>,
}

impl Cluster {
    /// A cluster of `size` nodes `n1`, `n2` ... without regions.
    #[must_use]
    pub fn of_size(size: usize) -> Self {
        Self { names: (1..=size).map(|n| format!("n{n}")).collect(), regions: Vec::new() }
    }

    /// How many nodes there are.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.names.len()
    }

    /// All nodes, in order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.names.len() as u32).map(NodeId)
    }

    /// The node of this name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<NodeId> {
        self.names.iter().position(|known| known == name).map(|place| NodeId(place as u32))
    }

    /// The region of this name, by its place.
    #[must_use]
    pub fn region(&self, name: &str) -> Option<usize> {
        self.regions.iter().position(|region| region.name == name)
    }

    /// The region that a node is in.
    #[must_use]
    pub fn region_of(&self, node: NodeId) -> Option<usize> {
        self.regions.iter().position(|region| region.nodes.contains(&node))
    }

    /// The name of a node.
    #[must_use]
    pub fn name(&self, node: NodeId) -> &str {
        &self.names[node.index()]
    }

    /// What a node's random streams are named by: its name, not its number, so that a node that is removed from a
    /// scenario does not shift what the others draw.
    #[must_use]
    pub fn stream_name(&self, node: NodeId) -> u64 {
        Digest::of(self.names[node.index()].as_str())
    }
}
