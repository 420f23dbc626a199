//! Whom a fault is aimed at: from a target to nodes, at the moment when the fault begins.

use crate::claim::Role;
use crate::kernel::ids::NodeId;
use crate::kernel::random::{Purpose, Stream};
use crate::node::Node;
use crate::simulation::Simulation;
use crate::world::fault::{Fault, Target};

impl<N: Node> Simulation<N> {
    /// The nodes that a fault is aimed at; none if its target does not exist now.
    pub(in crate::simulation) fn resolve_fault(&self, place: u32, fault: &Fault) -> Vec<NodeId> {
        let mut stream = self.target_stream(place);
        let mut nodes = Vec::new();
        for target in fault.targets() {
            let resolved = self.resolve(target, &mut stream);
            if resolved.is_empty() {
                return Vec::new();
            }
            nodes.extend(resolved);
        }
        if nodes.is_empty() {
            nodes.extend(self.options.cluster.nodes()); // a fault of no one in particular
        }
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    /// What draws the targets of a fault: the same ones each time within one moment.
    pub(in crate::simulation) fn target_stream(&self, place: u32) -> Stream {
        Stream::new(self.options.seed, Purpose::Fault, self.draws(place), 1)
    }

    /// The number that names what a fault draws.
    pub(in crate::simulation) fn draws(&self, place: u32) -> u64 {
        self.options.faults[place as usize].draws.unwrap_or_else(|| u64::from(place))
    }

    /// The nodes that a target means now.
    pub(in crate::simulation) fn resolve(
        &self,
        target: &Target,
        stream: &mut Stream,
    ) -> Vec<NodeId> {
        let all: Vec<NodeId> = self.options.cluster.nodes().collect();
        let one = |node: Option<NodeId>| node.into_iter().collect();
        match target {
            Target::Node(node) => vec![*node],
            Target::Region(region) => self.options.cluster.regions[*region].nodes.clone(),
            Target::List(targets) => {
                targets.iter().flat_map(|target| self.resolve(target, stream)).collect()
            }
            Target::All => all,
            Target::Any => one(stream.pick(&all).copied()),
            Target::Leader => one(self.leader()),
            Target::Follower => {
                let leader = self.leader();
                let followers: Vec<NodeId> = all
                    .into_iter()
                    .filter(|&node| Some(node) != leader && self.machines[node.index()].is_up())
                    .collect();
                one(stream.pick(&followers).copied())
            }
            Target::Majority => self.some(all.len() / 2 + 1, stream),
            Target::Minority => self.some((all.len() - 1) / 2, stream),
            Target::Most => {
                let majority = all.len() / 2 + 1;
                let more = stream.below((all.len() - majority + 1) as u64) as usize;
                self.some(majority + more, stream)
            }
            Target::There => one(self.faults.there),
        }
    }

    pub(in crate::simulation) fn some(&self, count: usize, stream: &mut Stream) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = self.options.cluster.nodes().collect();
        stream.shuffle(&mut nodes);
        nodes.truncate(count);
        nodes.sort_unstable();
        nodes
    }

    /// The node that last claimed to lead the highest generation, of those that are up.
    pub(in crate::simulation) fn leader(&self) -> Option<NodeId> {
        self.machines
            .iter()
            .filter_map(|machine| match machine.role {
                Some((generation, Role::Leader)) => Some((generation, machine.id)),
                _ => None,
            })
            .max()
            .map(|(_, node)| node)
    }
}
