//! The beginning of the quiet tail: what is healed, and who stays away.
//!
//! A replicated system is to work with a majority, so its liveness may be judged with one: a random *core* is healed, and of
//! the others each is switched off or stays as it is, if that means that it is away: down, paused or cut off. What makes a
//! node odd rather than absent (a slow disk, a drifting clock) ends everywhere: a design may wait for such a node.
//! Source: the liveness phase of `TigerBeetle`'s simulator.
//!
//! If a disk was damaged or members were changed, everybody is healed: which nodes are needed then is not known from
//! outside.

use crate::kernel::ids::NodeId;
use crate::kernel::random::{Probability, Purpose, Stream};
use crate::node::Node;
use crate::simulation::Simulation;
use crate::simulation::faults::{State, stops_nodes};
use crate::trace::Stop;
use crate::world::assumptions::matters;
use crate::world::fault::{Fault, Partition, PartitionMode, Shape};
use crate::world::nemesis::Tail;

/// The name of the stream that draws the core, among those of the nemesis: no generator has this place.
const CORE: u64 = u64::MAX;

impl<N: Node> Simulation<N> {
    /// Heals everybody, or the core.
    pub(in crate::simulation) fn begin_tail(&mut self) {
        let mut stream = Stream::new(self.options.seed, Purpose::Nemesis, CORE, 0);
        match self.core(&mut stream) {
            None => self.heal_everything(),
            Some(core) => {
                self.heal_core(&core);
                for node in self.options.cluster.nodes().filter(|node| !core.contains(node)) {
                    if stream.chance(Probability::per_million(500_000)) {
                        self.switch_off(node);
                    }
                }
                self.faults.core = Some(core);
            }
        }
    }

    /// A random majority of the voters, with a node in each region that has clients.
    fn core(&self, stream: &mut Stream) -> Option<Vec<NodeId>> {
        let spans = &self.faults.spans;
        let fault = |place: u32| &self.options.faults[place as usize].fault;
        if self.options.tail == Tail::All || spans.iter().any(|span| matters(fault(span.place))) {
            return None;
        }
        let mut nodes: Vec<NodeId> = match &self.options.budget {
            Some(assumptions) => assumptions.voters.iter().copied().collect(),
            None => self.options.cluster.nodes().collect(),
        };
        let majority = nodes.len() / 2 + 1;
        stream.shuffle(&mut nodes);
        let mut core = nodes[..majority].to_vec();
        for clients in &self.options.workload.clients {
            let Some(region) = clients.near else { continue };
            let region = &self.options.cluster.regions[region].nodes;
            if !core.iter().any(|node| region.contains(node)) {
                core.extend(stream.pick(region));
            }
        }
        core.sort_unstable();
        Some(core)
    }

    /// Ends all faults but those that keep nodes outside the core away, and starts the core.
    fn heal_core(&mut self, core: &[NodeId]) {
        self.faults.armed.clear();
        for active in 0..self.faults.active.len() as u32 {
            let fault = &mut self.faults.active[active as usize];
            if fault.state == State::Ended {
                continue;
            }
            let what = &self.options.faults[fault.place as usize].fault;
            if stops_nodes(what) {
                fault.nodes.retain(|node| !core.contains(node));
            }
            let touches_core = fault.nodes.iter().any(|node| core.contains(node));
            if touches_core || fault.nodes.is_empty() || !keeps_away(what) {
                self.fault_ends(active);
            }
        }
        self.start_all(core);
    }

    /// The node has no power for the rest of the run.
    fn switch_off(&mut self, node: NodeId) {
        if !self.stop_node(node, Stop::PowerFailure, None) {
            self.hold_down(node, None);
        }
    }
}

/// Whether the nodes that a fault meets are away while it holds.
const fn keeps_away(fault: &Fault) -> bool {
    match fault {
        Fault::Partition(Partition { shape: Shape::Isolate(_), mode, flapping: None, .. }) => {
            matches!(mode, PartitionMode::Cut | PartitionMode::Stalled)
        }
        Fault::Pause { .. } => true,
        fault => stops_nodes(fault),
    }
}
