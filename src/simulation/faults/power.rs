//! Nodes that stop, start, lose power, get it back, lose it again, and stand still.
//!
//! Faults overlap. So a machine remembers which fault holds it down, and only the end of that one (or a cure) starts it;
//! every stop is counted, so that a restart or a further failure that an earlier stop promised is void; and a process
//! goes on when the last of the faults that paused it has ended.

use std::time::Duration;

use crate::kernel::distribution::Distribution;
use crate::kernel::ids::NodeId;
use crate::kernel::random::{Purpose, Stream};
use crate::kernel::time::Instant;
use crate::node::Node;
use crate::simulation::faults::State;
use crate::simulation::machine::CountDown;
use crate::simulation::{Event, RECOVERY_INTERRUPTED, Simulation};
use crate::trace::{Fact, Stop};
use crate::world::disk::PowerLoss;
use crate::world::fault::{Fault, PowerFailure};

/// How often in a row power fails again during recovery.
const AGAIN_MAX: u32 = 3;

impl<N: Node> Simulation<N> {
    /// Stops a node that is up, for the active fault of this number if it is one; returns whether it was up.
    pub(in crate::simulation) fn stop_node(
        &mut self,
        node: NodeId,
        stop: Stop,
        by: Option<u32>,
    ) -> bool {
        let machine = &mut self.machines[node.index()];
        if !machine.is_up() {
            return false;
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
        self.hold_down(node, by);
        let cause = self.observe(0, Some(node), Fact::Stopped(stop));
        if interrupted {
            self.observer.covered(RECOVERY_INTERRUPTED);
        }
        if let Some(loss) = loss {
            self.record_loss(cause, node, loss);
        }
        true
    }

    /// The machine loses power. If its process is down already, what the page cache kept is lost all the same.
    pub(in crate::simulation) fn lose_power(&mut self, node: NodeId, by: u32) {
        if self.stop_node(node, Stop::PowerFailure, Some(by)) {
            return;
        }
        self.hold_down(node, Some(by));
        let machine = &mut self.machines[node.index()];
        let loss = machine.disk.power_failure(machine.cut(self.now));
        self.record_loss(0, node, loss);
    }

    fn record_loss(&mut self, cause: u64, node: NodeId, loss: PowerLoss) {
        let fact = Fact::DiskLost {
            lost: loss.lost_sectors,
            survived: loss.survived_sectors,
            torn: loss.torn_sectors,
        };
        self.record(cause, Some(node), fact);
    }

    /// The node is down because of this fault, and whatever an earlier stop promised is void.
    pub(super) fn hold_down(&mut self, node: NodeId, by: Option<u32>) {
        let machine = &mut self.machines[node.index()];
        machine.stops += 1;
        machine.power = None;
        let before = std::mem::replace(&mut machine.stopped_by, by);
        if let Some(active) = by {
            self.faults.spans[active as usize].to = Instant::MAX;
        }
        if before != by {
            self.close_if_none_is_down(before);
        }
    }

    /// A fault that stops nodes is over for the chronicle when none of them is down because of it.
    pub(in crate::simulation) fn close_if_none_is_down(&mut self, active: Option<u32>) {
        let Some(active) = active else { return };
        if self.machines.iter().all(|machine| machine.stopped_by != Some(active)) {
            self.over(active);
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
        let stops = self.machines[node.index()].stops;
        self.queue.push(at, Event::Start { node, stops });
    }

    /// A node's restart is due, if it was neither started nor stopped anew meanwhile.
    pub(in crate::simulation) fn restart(&mut self, node: NodeId, stops: u32) {
        let machine = &mut self.machines[node.index()];
        if machine.is_up() || machine.stops != stops {
            return;
        }
        if let Some(active) = machine.power.take() {
            self.maybe_fail_again(node, active);
        }
        self.start_node(node);
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
            self.queue.push(at, Event::PowerOff { node, fault: active, stops: None });
        }
    }

    /// A node loses power, and gets it back by the rules of the fault. With `stops`, only if it has run since.
    pub(in crate::simulation) fn power_off(
        &mut self,
        node: NodeId,
        active: u32,
        stops: Option<u32>,
    ) {
        let fault = &self.faults.active[active as usize];
        let is_void = stops.is_some_and(|stops| stops != self.machines[node.index()].stops);
        if fault.state == State::Ended || !fault.nodes.contains(&node) || is_void {
            return;
        }
        let restart = self.power_failure(active).restart;
        self.faults.meets(active);
        self.lose_power(node, active);
        let machine = &mut self.machines[node.index()];
        machine.power = Some(active);
        let mut stream = self.recovery_stream(node, self.machines[node.index()].incarnation);
        self.restart_after(node, restart, &mut stream);
    }

    fn power_failure(&self, active: u32) -> &PowerFailure {
        let place = self.faults.active[active as usize].place;
        match &self.options.faults[place as usize].fault {
            Fault::PowerFailure(failure) => failure,
            other => unreachable!("a {} switches no power off", other.kind()),
        }
    }

    /// Power returns to a node that is about to start; it may fail again during recovery.
    ///
    /// This is settled before the start, because on a disk without latency the whole recovery is one instant.
    fn maybe_fail_again(&mut self, node: NodeId, active: u32) {
        let machine = &self.machines[node.index()];
        if self.faults.active[active as usize].state == State::Ended || machine.again >= AGAIN_MAX {
            return;
        }
        let (first, stops) = (machine.again == 0, machine.stops);
        let mut stream = self.recovery_stream(node, machine.incarnation + 1);
        stream.word(); // what the restart drew
        let failure = self.power_failure(active);
        if first && let Some(operations_left) = failure.again_after_operations {
            let machine = &mut self.machines[node.index()];
            machine.again += 1;
            machine.count_down = Some(CountDown { operations_left, fault: active });
        } else if stream.chance(failure.again) {
            let at = self.now + stream.duration(Duration::ZERO, failure.again_within);
            self.machines[node.index()].again += 1;
            self.queue.push(at, Event::PowerOff { node, fault: active, stops: Some(stops) });
        }
    }

    /// A disk operation ended; power may fail right after it.
    #[inline]
    pub(in crate::simulation) fn count_down_to_power_failure(&mut self, node: NodeId) {
        let machine = &mut self.machines[node.index()];
        if let Some(CountDown { operations_left, fault }) = &mut machine.count_down {
            *operations_left = operations_left.saturating_sub(1);
            if *operations_left == 0 {
                let fault = *fault;
                machine.count_down = None;
                self.power_off(node, fault, None);
            }
        }
    }

    /// What decides about one return of power: named by the node and by how often it has started.
    fn recovery_stream(&self, node: NodeId, incarnation: u32) -> Stream {
        let name = self.options.cluster.stream_name(node);
        Stream::new(self.options.seed, Purpose::Power, name, 1 + u64::from(incarnation))
    }

    /// A fault pauses a process; returns whether there is one.
    pub(in crate::simulation) fn pause(&mut self, node: NodeId, active: u32) -> bool {
        let machine = &mut self.machines[node.index()];
        if !machine.is_up() {
            return false;
        }
        machine.pauses.push(active);
        if machine.paused_since.is_none() {
            machine.paused_since = Some(self.now);
            self.record(0, Some(node), Fact::Paused);
        }
        true
    }

    /// A fault that paused this process is over; the process goes on unless another one still holds it.
    pub(in crate::simulation) fn resume(&mut self, node: NodeId, active: u32) {
        let machine = &mut self.machines[node.index()];
        machine.pauses.retain(|&pause| pause != active);
        if machine.paused_since.is_none() || !machine.pauses.is_empty() {
            return;
        }
        machine.wake = None;
        machine.end_pause(self.now);
        self.record(0, Some(node), Fact::Resumed);
        self.work_off(node);
    }
}
