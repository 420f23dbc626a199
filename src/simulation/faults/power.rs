//! Nodes that stop, start, lose power, get it back, lose it again, and stand still.

use std::time::Duration;

use crate::kernel::distribution::Distribution;
use crate::kernel::ids::NodeId;
use crate::kernel::random::{Purpose, Stream};
use crate::node::Node;
use crate::simulation::faults::State;
use crate::simulation::{Event, Simulation};
use crate::trace::{Fact, Stop};
use crate::world::fault::{Fault, PowerFailure};

/// The mark of a run in which a node stopped before it had read its disk.
const RECOVERY_INTERRUPTED: &str = "recovery.interrupted";
/// How often in a row power fails again during recovery.
const AGAIN_MAX: u32 = 3;

impl<N: Node> Simulation<N> {
    /// Stops a node that is up.
    pub(in crate::simulation) fn stop_node(&mut self, node: NodeId, stop: Stop) {
        let machine = &mut self.machines[node.index()];
        if !machine.is_up() {
            return;
        }
        let interrupted = machine.recovering;
        machine.end_pause(self.now);
        let cut = machine.cut(self.now);
        let loss = if stop == Stop::PowerFailure {
            Some(machine.disk.power_failure(cut))
        } else {
            machine.disk.crash(cut);
            None
        };
        machine.drop_process();
        let cause = self.observe(0, Some(node), Fact::Stopped(stop));
        if interrupted {
            self.observer.covered(RECOVERY_INTERRUPTED);
        }
        if let Some(loss) = loss {
            let fact = Fact::DiskLost {
                lost: loss.lost_sectors,
                survived: loss.survived_sectors,
                torn: loss.torn_sectors,
            };
            self.record(cause, Some(node), fact);
        }
    }

    pub(in crate::simulation) fn restart_after(
        &mut self,
        node: NodeId,
        after: Option<Distribution>,
        stream: &mut Stream,
    ) {
        let Some(after) = after else { return };
        let at = self.now + after.draw(stream);
        let incarnation = self.machines[node.index()].incarnation;
        self.queue.push(at, Event::Start { node, incarnation });
    }

    /// A node's restart is due, if it has not been started meanwhile.
    pub(in crate::simulation) fn restart(&mut self, node: NodeId, incarnation: u32) {
        let machine = &self.machines[node.index()];
        if machine.is_up() || machine.incarnation != incarnation || self.ended {
            return;
        }
        self.start_node(node);
        self.maybe_fail_again(node);
    }

    pub(in crate::simulation) fn begin_power_failure(
        &mut self,
        nodes: &[NodeId],
        failure: &PowerFailure,
        active: u32,
        stream: &mut Stream,
    ) {
        for &node in nodes {
            self.machines[node.index()].again = 0;
            let at = self.now + stream.duration(Duration::ZERO, failure.within);
            self.queue.push(at, Event::PowerOff { node, fault: active });
        }
    }

    /// A node loses power, and gets it back by the rules of the fault.
    pub(in crate::simulation) fn power_off(&mut self, node: NodeId, active: u32) {
        let fault = &self.faults.active[active as usize];
        if fault.state == State::Ended || !self.machines[node.index()].is_up() {
            return;
        }
        let place = fault.place;
        let Fault::PowerFailure(failure) = self.options.faults[place as usize].fault.clone() else {
            unreachable!("only a power failure switches power off");
        };
        self.faults.power.insert(node, active);
        self.stop_node(node, Stop::PowerFailure);
        let machine = &self.machines[node.index()];
        let mut stream = self.recovery_stream(node, machine.incarnation);
        self.restart_after(node, failure.restart, &mut stream);
    }

    /// Power that has returned may fail again during recovery.
    pub(in crate::simulation) fn maybe_fail_again(&mut self, node: NodeId) {
        let Some(&active) = self.faults.power.get(&node) else { return };
        let fault = &self.faults.active[active as usize];
        let Fault::PowerFailure(failure) = self.options.faults[fault.place as usize].fault.clone()
        else {
            return;
        };
        let machine = &self.machines[node.index()];
        let first = machine.again == 0;
        let mut stream = self.recovery_stream(node, machine.incarnation);
        stream.word(); // what the restart drew
        if fault.state == State::Ended || !machine.is_up() || machine.again >= AGAIN_MAX {
            return;
        }
        if first && failure.again_after_operations.is_some() {
            let machine = &mut self.machines[node.index()];
            machine.again += 1;
            machine.operations_left = failure.again_after_operations;
        } else if stream.chance(failure.again) {
            let at = self.now + stream.duration(Duration::ZERO, failure.again_within);
            self.machines[node.index()].again += 1;
            self.queue.push(at, Event::PowerOff { node, fault: active });
        }
    }

    /// A disk operation ended; power may fail right after it.
    pub(in crate::simulation) fn count_down_to_power_failure(&mut self, node: NodeId) {
        let machine = &mut self.machines[node.index()];
        if let Some(left) = &mut machine.operations_left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                machine.operations_left = None;
                let active = self.faults.power[&node];
                self.power_off(node, active);
            }
        }
    }

    /// What decides about one return of power: named by the node and by how often it has started.
    pub(in crate::simulation) fn recovery_stream(&self, node: NodeId, incarnation: u32) -> Stream {
        let name = self.options.cluster.stream_name(node);
        Stream::new(self.options.seed, Purpose::Power, name, 1 + u64::from(incarnation))
    }

    pub(in crate::simulation) fn pause(&mut self, node: NodeId) {
        let machine = &mut self.machines[node.index()];
        if !machine.is_up() {
            return;
        }
        machine.pauses += 1;
        if machine.paused_since.is_none() {
            machine.paused_since = Some(self.now);
            self.record(0, Some(node), Fact::Paused);
        }
    }

    pub(in crate::simulation) fn resume(&mut self, node: NodeId) {
        let machine = &mut self.machines[node.index()];
        if machine.paused_since.is_none() {
            return;
        }
        machine.pauses -= 1;
        if machine.pauses > 0 {
            return;
        }
        machine.wake = None;
        machine.end_pause(self.now);
        self.record(0, Some(node), Fact::Resumed);
        self.work_off(node);
    }
}
