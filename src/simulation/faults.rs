//! Carries out the fault schedule: resolves whom a fault is aimed at, when it begins, and does what it says.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::claim::Role;
use crate::history::{Operation, Value};
use crate::kernel::distribution::Distribution;
use crate::kernel::ids::NodeId;
use crate::kernel::random::{Purpose, Stream};
use crate::kernel::time::Instant;
use crate::node::Node;
use crate::simulation::outcome::FaultSpan;
use crate::simulation::{Event, Simulation};
use crate::trace::{Endpoint, Fact, Stop};
use crate::world::fault::{Fault, PowerFailure, Target};
use crate::world::network::aimed::AimedLoss;
use crate::world::network::effect::{Disturbance, LinkEffect};
use crate::world::network::shape::{aimed_links, fault_links, partition_links};

/// How often a fault looks again for its target, if there is none (no leader, say).
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long it looks before it is given up.
const LOOK_MAX: Duration = Duration::from_secs(5);
/// How often in a row power fails again during recovery.
const AGAIN_MAX: u32 = 3;

/// A fault that is under way.
struct Active {
    place: u32,
    nodes: Vec<NodeId>,
    state: State,
    /// What it does to links, if it does: a flapping partition does it again and again.
    effect: Option<LinkEffect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It holds.
    On,
    /// A flapping partition is between two cuts.
    Between,
    /// It has ended.
    Ended,
}

/// The faults of a run.
#[derive(Default)]
pub(super) struct Faults {
    active: Vec<Active>,
    spans: Vec<FaultSpan>,
    /// The messages that stalled links hold, in order.
    held: BTreeMap<(Endpoint, Endpoint), Vec<u32>>,
    /// For nodes that lost power: the fault by whose rules it returns.
    power: BTreeMap<NodeId, u32>,
}

impl Faults {
    pub fn hold(&mut self, link: (Endpoint, Endpoint), flight: u32) {
        self.held.entry(link).or_default().push(flight);
    }

    pub fn released(&mut self, link: (Endpoint, Endpoint)) -> Vec<u32> {
        self.held.remove(&link).unwrap_or_default()
    }

    /// What happened, with the faults that still hold ending at the end of the run.
    pub fn spans(&self, end: Instant) -> Vec<FaultSpan> {
        let mut spans = self.spans.clone();
        for span in &mut spans {
            span.to = span.to.min(end);
        }
        spans
    }
}

impl<N: Node> Simulation<N> {
    pub(super) fn fault_begins(&mut self, place: u32) {
        let scheduled = self.options.faults[place as usize].clone();
        let mut stream = Stream::new(self.options.seed, Purpose::Fault, u64::from(place), 0);
        let nodes = self.resolve_fault(place, &scheduled.fault);
        if nodes.is_empty() {
            if self.now.since(scheduled.at) < LOOK_MAX {
                self.queue.push(self.now + LOOK_AGAIN, Event::FaultBegins(place));
            }
            return;
        }
        let kind = scheduled.fault.kind();
        self.record(0, None, Fact::FaultBegan { place, kind });
        let active = self.faults.active.len() as u32;
        let ends = scheduled.lasts.map(|lasts| self.now + lasts);
        self.faults.spans.push(FaultSpan {
            kind,
            place,
            nodes: nodes.clone(),
            cut_off: Vec::new(),
            from: self.now,
            to: Instant::MAX,
        });
        self.faults.active.push(Active {
            place,
            nodes: nodes.clone(),
            state: State::On,
            effect: None,
        });
        if let Some(at) = ends {
            self.queue.push(at, Event::FaultEnds(active));
        }
        self.start_fault(active, &nodes, &scheduled.fault, &mut stream);
        if !lasts(&scheduled.fault) {
            self.over(active);
        }
    }

    fn start_fault(&mut self, active: u32, nodes: &[NodeId], fault: &Fault, stream: &mut Stream) {
        match fault {
            Fault::Partition(_) | Fault::Link(_) | Fault::DropMessage(_) => {
                self.begin_network_fault(active, fault, stream);
            }
            Fault::Crash { restart, .. } => {
                for &node in nodes {
                    self.stop_node(node, Stop::Crash);
                    self.restart_after(node, *restart, stream);
                }
            }
            Fault::PowerFailure(failure) => {
                self.begin_power_failure(nodes, failure, active, stream)
            }
            Fault::Restart { .. } => self.start_all(nodes),
            Fault::Wipe { restart, .. } => {
                for &node in nodes {
                    self.stop_node(node, Stop::PowerFailure);
                    self.machines[node.index()].disk.wipe();
                    self.record(0, Some(node), Fact::Wiped);
                    self.restart_after(node, *restart, stream);
                }
            }
            Fault::Pause { .. } => {
                for &node in nodes {
                    self.pause(node);
                }
            }
            Fault::SlowCpu { handler, .. } => {
                for &node in nodes {
                    self.machines[node.index()].handler = *handler;
                }
            }
            Fault::Disk { effect, .. } => {
                let ends = self.options.faults[self.faults.active[active as usize].place as usize]
                    .lasts
                    .map(|lasts| self.now + lasts);
                for &node in nodes {
                    self.machines[node.index()].disk.begin_fault(active, *effect, ends);
                }
            }
            Fault::Clock { effect, .. } => {
                for &node in nodes {
                    let at = self.machines[node.index()].busy_until.max(self.now);
                    self.clocks.begin_fault(active, node, effect, at);
                }
            }
            Fault::Reconfigure { .. } => {
                let members = nodes.iter().map(|node| Value::Int(i64::from(node.0)));
                let operation = Operation::new("reconfigure", Value::Nil, Value::list(members));
                self.administer(operation, 0);
            }
            Fault::Heal { target } => match target {
                Target::All => self.heal_everything(),
                _ => self.heal(nodes),
            },
        }
    }

    fn begin_network_fault(&mut self, active: u32, fault: &Fault, stream: &mut Stream) {
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
    fn cut_off(&self, effect: &LinkEffect) -> Vec<NodeId> {
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

    fn schedule_flap(&mut self, active: u32) {
        let place = self.faults.active[active as usize].place;
        if let Fault::Partition(partition) = &self.options.faults[place as usize].fault
            && let Some(period) = partition.flapping
        {
            self.queue.push(self.now + period, Event::FaultFlaps(active));
        }
    }

    /// A flapping partition opens or closes again.
    pub(super) fn fault_flaps(&mut self, active: u32) {
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

    fn end_network_fault(&mut self, active: u32) {
        for (from, to) in self.network.end_fault(active) {
            self.release(from, to);
        }
    }

    /// A fault's time is over: what it did is undone.
    pub(super) fn fault_ends(&mut self, active: u32) {
        let Active { place, nodes, state, .. } = &mut self.faults.active[active as usize];
        if *state == State::Ended {
            return;
        }
        *state = State::Ended;
        let (place, nodes) = (*place, nodes.clone());
        let fault = self.options.faults[place as usize].fault.clone();
        self.record(0, None, Fact::FaultEnded { place, kind: fault.kind() });
        self.over(active);
        match fault {
            Fault::Partition(_) | Fault::Link(_) | Fault::DropMessage(_) => {
                self.end_network_fault(active);
            }
            Fault::Pause { .. } => {
                for node in nodes {
                    self.resume(node);
                }
            }
            Fault::SlowCpu { .. } => {
                let handler = self.options.cpu.handler;
                for node in nodes {
                    self.machines[node.index()].handler = handler;
                }
            }
            Fault::Disk { .. } => {
                for node in nodes {
                    self.machines[node.index()].disk.end_fault(active);
                }
            }
            Fault::Clock { .. } => {
                for node in nodes {
                    let at = self.machines[node.index()].busy_until.max(self.now);
                    self.clocks.end_fault(active, node, at);
                }
            }
            Fault::Crash { .. } | Fault::PowerFailure(_) | Fault::Wipe { .. } => {
                self.start_all(&nodes);
            }
            Fault::Restart { .. } | Fault::Reconfigure { .. } | Fault::Heal { .. } => {}
        }
    }

    /// The fault's part of the chronicle ends now.
    fn over(&mut self, active: u32) {
        let span = &mut self.faults.spans[active as usize];
        span.to = span.to.min(self.now);
    }

    /// Ends all faults and starts all nodes that are down.
    pub(super) fn heal_everything(&mut self) {
        for active in 0..self.faults.active.len() as u32 {
            self.fault_ends(active);
        }
        let nodes: Vec<NodeId> = self.options.cluster.nodes().collect();
        for machine in &mut self.machines {
            machine.operations_left = None;
        }
        self.start_all(&nodes);
    }

    /// Ends all faults that touch these nodes, and starts them.
    fn heal(&mut self, nodes: &[NodeId]) {
        for active in 0..self.faults.active.len() as u32 {
            let touched = &self.faults.active[active as usize].nodes;
            if touched.iter().any(|node| nodes.contains(node)) {
                self.fault_ends(active);
            }
        }
        self.start_all(nodes);
    }

    fn start_all(&mut self, nodes: &[NodeId]) {
        for &node in nodes {
            if !self.machines[node.index()].is_up() {
                self.start_node(node);
            }
        }
    }

    /// Stops a node that is up.
    pub(super) fn stop_node(&mut self, node: NodeId, stop: Stop) {
        let machine = &mut self.machines[node.index()];
        if !machine.is_up() {
            return;
        }
        let loss = if stop == Stop::PowerFailure {
            Some(machine.disk.power_failure(self.now))
        } else {
            machine.disk.crash(self.now);
            None
        };
        machine.drop_process();
        let cause = self.observe(0, Some(node), Fact::Stopped(stop));
        if let Some(loss) = loss {
            let fact = Fact::DiskLost {
                lost: loss.lost_sectors,
                survived: loss.survived_sectors,
                torn: loss.torn_sectors,
            };
            self.record(cause, Some(node), fact);
        }
    }

    fn restart_after(&mut self, node: NodeId, after: Option<Distribution>, stream: &mut Stream) {
        let Some(after) = after else { return };
        let at = self.now + after.draw(stream);
        let incarnation = self.machines[node.index()].incarnation;
        self.queue.push(at, Event::Start { node, incarnation });
    }

    /// A node's restart is due, if it has not been started meanwhile.
    pub(super) fn restart(&mut self, node: NodeId, incarnation: u32) {
        let machine = &self.machines[node.index()];
        if machine.is_up() || machine.incarnation != incarnation || self.ended {
            return;
        }
        self.start_node(node);
        self.maybe_fail_again(node);
    }

    fn begin_power_failure(
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
    pub(super) fn power_off(&mut self, node: NodeId, active: u32) {
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
    fn maybe_fail_again(&mut self, node: NodeId) {
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
    pub(super) fn count_down_to_power_failure(&mut self, node: NodeId) {
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
    fn recovery_stream(&self, node: NodeId, incarnation: u32) -> Stream {
        let name = self.options.cluster.stream_name(node);
        Stream::new(self.options.seed, Purpose::Power, name, 1 + u64::from(incarnation))
    }

    fn pause(&mut self, node: NodeId) {
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

    fn resume(&mut self, node: NodeId) {
        let machine = &mut self.machines[node.index()];
        let Some(since) = machine.paused_since else { return };
        machine.pauses -= 1;
        if machine.pauses > 0 {
            return;
        }
        machine.paused_since = None;
        machine.wake = None;
        machine.postpone(since, self.now.since(since));
        self.record(0, Some(node), Fact::Resumed);
        self.work_off(node);
    }

    /// The nodes that a fault is aimed at; none if its target does not exist now.
    fn resolve_fault(&self, place: u32, fault: &Fault) -> Vec<NodeId> {
        let mut stream = self.target_stream(place);
        let mut nodes = Vec::new();
        for target in targets_of(fault) {
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
    fn target_stream(&self, place: u32) -> Stream {
        Stream::new(self.options.seed, Purpose::Fault, u64::from(place), 1)
    }

    /// The nodes that a target means now.
    fn resolve(&self, target: &Target, stream: &mut Stream) -> Vec<NodeId> {
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
        }
    }

    fn some(&self, count: usize, stream: &mut Stream) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = self.options.cluster.nodes().collect();
        stream.shuffle(&mut nodes);
        nodes.truncate(count);
        nodes.sort_unstable();
        nodes
    }

    /// The node that last claimed to lead the highest generation, of those that are up.
    fn leader(&self) -> Option<NodeId> {
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

/// Whether a fault holds until it ends, rather than happening at one moment.
const fn lasts(fault: &Fault) -> bool {
    !matches!(fault, Fault::Restart { .. } | Fault::Reconfigure { .. } | Fault::Heal { .. })
}

/// Everyone whom a fault names.
fn targets_of(fault: &Fault) -> Vec<&Target> {
    use crate::world::fault::Shape;
    match fault {
        Fault::Partition(partition) => match &partition.shape {
            Shape::Sides(sides) => sides.iter().collect(),
            Shape::Isolate(target) | Shape::Bridge(target) => vec![target],
            Shape::OneWay(from, to) => vec![from, to],
            Shape::RandomSides | Shape::RingMajority | Shape::Pairs(_) => Vec::new(),
        },
        Fault::Link(link) => vec![&link.from, &link.to],
        Fault::DropMessage(drop) => vec![&drop.from, &drop.to],
        Fault::PowerFailure(failure) => vec![&failure.target],
        Fault::Crash { target, .. }
        | Fault::Restart { target }
        | Fault::Wipe { target, .. }
        | Fault::Pause { target }
        | Fault::SlowCpu { target, .. }
        | Fault::Disk { target, .. }
        | Fault::Clock { target, .. }
        | Fault::Reconfigure { members: target }
        | Fault::Heal { target } => vec![target],
    }
}
