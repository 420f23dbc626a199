//! Holds back what the nemesis drew and the system could not bear.

use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::node::Node;
use crate::simulation::Simulation;
use crate::simulation::outcome::FaultHeldBack;
use crate::world::assumptions::{Happened, matters};
use crate::world::fault::ScheduledFault;

impl<N: Node> Simulation<N> {
    /// Whether a fault that is about to meet these nodes yields, because it would break what the system relies on.
    pub(super) fn is_held_back(&mut self, place: u32, nodes: &[NodeId]) -> bool {
        let ScheduledFault { fault, yields, .. } = &self.options.faults[place as usize];
        let Some(assumptions) = &self.options.budget else { return false };
        if !yields || !matters(fault) {
            return false;
        }
        let before = self.faults.spans.iter().map(|span| Happened {
            fault: &self.options.faults[span.place as usize].fault,
            nodes: &span.nodes,
            from: span.from,
            to: span.to,
        });
        let next = Happened { fault, nodes, from: self.now, to: Instant::MAX };
        let all: Vec<Happened<'_>> = before.chain([next]).collect();
        let Some(broken) = assumptions.broken_by(&all) else { return false };
        let held = FaultHeldBack { place, kind: fault.kind(), at: self.now, why: broken.why };
        self.faults.held_back.push(held);
        true
    }
}
