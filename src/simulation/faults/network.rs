//! Faults of the network: from targets and shapes to disturbed links, and back when the fault ends.

use crate::kernel::ids::NodeId;
use crate::kernel::random::Stream;
use crate::node::Node;
use crate::simulation::faults::State;
use crate::simulation::{Event, Simulation};
use crate::world::fault::{Fault, Target};
use crate::world::network::aimed::AimedLoss;
use crate::world::network::effect::{Disturbance, LinkEffect};
use crate::world::network::shape::{aimed_links, fault_links, partition_links};

impl<N: Node> Simulation<N> {
    pub(in crate::simulation) fn begin_network_fault(
        &mut self,
        active: u32,
        fault: &Fault,
        stream: &mut Stream,
    ) {
        let place = self.faults.active[active as usize].place;
        let mut targets = self.target_stream(place);
        let places = self.network.places();
        let mut aim = |target: &Target| self.resolve(target, &mut targets);
        let (links, disturbance) = match fault {
            Fault::Partition(partition) => {
                let links = partition_links(places, &partition.shape, &mut aim, stream);
                (links, Disturbance::of(partition))
            }
            Fault::Link(link) => {
                (fault_links(places, link, &mut aim), Disturbance::Changed(link.change))
            }
            Fault::DropMessage(drop) => {
                let aimed = AimedLoss {
                    links: aimed_links(places, drop, &mut aim),
                    kind: drop.kind.clone(),
                    nth: drop.nth,
                };
                self.network.drop_nth(active, aimed);
                return;
            }
            other => unreachable!("{} is no fault of the network", other.kind()),
        };
        let effect = LinkEffect { links, disturbance };
        self.faults.spans[active as usize].cut_off = self.cut_off(&effect);
        self.network.begin_fault(active, effect.clone());
        self.faults.active[active as usize].effect = Some(effect);
        self.schedule_flap(active);
    }

    /// The nodes that cannot exchange messages with a majority, themselves included, while this holds.
    pub(in crate::simulation) fn cut_off(&self, effect: &LinkEffect) -> Vec<NodeId> {
        if !matches!(effect.disturbance, Disturbance::Cut(_) | Disturbance::Stalled(_)) {
            return Vec::new();
        }
        let disturbed = |a: NodeId, b: NodeId| effect.links.contains(a.into(), b.into());
        let nodes: Vec<NodeId> = self.options.cluster.nodes().collect();
        let reached = |node: NodeId| {
            let reaches = |&&other: &&NodeId| !disturbed(node, other) && !disturbed(other, node);
            nodes.iter().filter(reaches).count()
        };
        let majority = nodes.len() / 2 + 1;
        nodes.iter().copied().filter(|&node| reached(node) < majority).collect()
    }

    pub(in crate::simulation) fn schedule_flap(&mut self, active: u32) {
        let place = self.faults.active[active as usize].place;
        if let Fault::Partition(partition) = &self.options.faults[place as usize].fault
            && let Some(period) = partition.flapping
        {
            self.queue.push(self.now + period, Event::FaultFlaps(active));
        }
    }

    /// A flapping partition opens or closes again.
    pub(in crate::simulation) fn fault_flaps(&mut self, active: u32) {
        let fault = &mut self.faults.active[active as usize];
        match fault.state {
            State::Ended => return,
            State::On => {
                fault.state = State::Between;
                self.end_network_fault(active);
            }
            State::Between => {
                fault.state = State::On;
                let effect = fault.effect.clone().expect("a flapping partition disturbs links");
                self.network.begin_fault(active, effect);
            }
        }
        self.schedule_flap(active);
    }

    pub(in crate::simulation) fn end_network_fault(&mut self, active: u32) {
        for (from, to) in self.network.end_fault(active) {
            self.release(from, to);
        }
    }
}
