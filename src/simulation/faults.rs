//! Carries out the fault schedule: resolves whom a fault is aimed at, when it begins, and does what it says.

mod budget;
mod network;
mod power;
mod tail;
mod target;
mod trigger;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::history::{Operation, Value};
use crate::kernel::ids::{Generation, NodeId};
use crate::kernel::random::{Purpose, Stream};
use crate::kernel::time::Instant;
use crate::node::Node;
use crate::simulation::faults::trigger::Armed;
use crate::simulation::outcome::{FaultHeldBack, FaultMissed, FaultSpan};
use crate::simulation::{Event, RunPhase, Simulation};
use crate::trace::{Endpoint, Fact, Stop};
use crate::world::fault::{Fault, ScheduledFault, Target};
use crate::world::network::effect::LinkEffect;

/// How often a fault looks again for its target, if there is none (no leader, say).
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long it looks before it is given up.
const LOOK_MAX: Duration = Duration::from_secs(5);

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

/// Whether an entry of the schedule found somebody to disturb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    NotYet,
    Somebody,
}

/// The faults of a run.
#[derive(Default)]
pub(super) struct Faults {
    active: Vec<Active>,
    /// The faults that wait for something to happen.
    pub armed: Vec<Armed>,
    /// The node at which it happened, while the fault that waited for it begins.
    there: Option<NodeId>,
    /// The newest generation that somebody has claimed to lead.
    led: Option<Generation>,
    spans: Vec<FaultSpan>,
    /// The places of the schedule that came up, and whether they disturbed anything so far.
    met: BTreeMap<u32, Met>,
    /// What was not carried out.
    pub held_back: Vec<FaultHeldBack>,
    /// The nodes that the quiet tail relies on, if it relies on some only.
    pub core: Option<Vec<NodeId>>,
    /// The messages that stalled links hold, in order.
    held: BTreeMap<(Endpoint, Endpoint), Vec<u32>>,
}

impl Faults {
    pub fn hold(&mut self, link: (Endpoint, Endpoint), flight: u32) {
        self.held.entry(link).or_default().push(flight);
    }

    pub fn released(&mut self, link: (Endpoint, Endpoint)) -> Vec<u32> {
        self.held.remove(&link).unwrap_or_default()
    }

    /// The fault did something to somebody.
    fn meets(&mut self, active: u32) {
        self.met.insert(self.active[active as usize].place, Met::Somebody);
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
    /// The time of a fault has come: it begins, or waits for its trigger. Nothing begins in the quiet tail: nobody would
    /// heal it.
    pub(super) fn fault_is_due(&mut self, place: u32) {
        self.faults.met.entry(place).or_insert(Met::NotYet);
        if self.phase >= RunPhase::Quiet {
            return;
        }
        let ScheduledFault { at, upon, .. } = self.options.faults[place as usize];
        if let Some(trigger) = upon {
            self.faults.armed.push(Armed::new(place, trigger));
        } else if !self.begin_fault(place) && self.now.since(at) < LOOK_MAX {
            self.queue.push(self.now + LOOK_AGAIN, Event::FaultIsDue(place));
        }
    }

    /// A fault begins, if its target exists, or is held back for good; returns whether it is done with.
    fn begin_fault(&mut self, place: u32) -> bool {
        let scheduled = self.options.faults[place as usize].clone();
        let mut stream = Stream::new(self.options.seed, Purpose::Fault, self.draws(place), 0);
        let nodes = self.resolve_fault(place, &scheduled.fault);
        if nodes.is_empty() {
            return false;
        }
        if self.is_held_back(place, &nodes) {
            return true;
        }
        let kind = scheduled.fault.kind();
        self.record(0, None, Fact::FaultBegan { place, kind });
        let active = self.faults.active.len() as u32;
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
        if let Some(lasts) = scheduled.lasts {
            self.queue.push(self.now + lasts, Event::FaultEnds(active));
        }
        self.start_fault(active, &nodes, &scheduled, &mut stream);
        if !lasts(&scheduled.fault) {
            self.over(active);
        }
        true
    }

    fn start_fault(
        &mut self,
        active: u32,
        nodes: &[NodeId],
        scheduled: &ScheduledFault,
        stream: &mut Stream,
    ) {
        if meets_whom_it_is_aimed_at(&scheduled.fault) {
            self.faults.meets(active);
        }
        let fault = &scheduled.fault;
        match fault {
            Fault::Partition(_) | Fault::Link(_) | Fault::DropMessage(_) => {
                self.begin_network_fault(active, fault, stream);
            }
            Fault::Crash { restart, .. } => {
                for &node in nodes {
                    if self.stop_node(node, Stop::Crash, Some(active)) {
                        self.faults.meets(active);
                        self.restart_after(node, *restart, stream);
                    }
                }
            }
            Fault::PowerFailure(failure) => {
                self.begin_power_failure(nodes, failure, active, stream);
            }
            Fault::Restart { .. } => self.start_all(nodes),
            Fault::Wipe { restart, .. } => {
                for &node in nodes {
                    self.lose_power(node, active);
                    self.machines[node.index()].disk.wipe();
                    self.record(0, Some(node), Fact::Wiped);
                    self.restart_after(node, *restart, stream);
                }
            }
            Fault::Pause { .. } => {
                for &node in nodes {
                    if self.pause(node, active) {
                        self.faults.meets(active);
                    }
                }
            }
            Fault::Swizzle { .. } => unreachable!("swizzles are taken apart before the run"),
            Fault::SlowCpu { handler, .. } => {
                for &node in nodes {
                    self.machines[node.index()].slow_down(active, *handler);
                }
            }
            Fault::Disk { effect, .. } => {
                // The disk must know by then: an operation that begins on a stalled disk is told at once when it
                // ends, and the quiet tail heals what still holds.
                let quiet = Instant::ZERO + self.options.duration;
                let ends = scheduled.lasts.map_or(quiet, |lasts| quiet.min(self.now + lasts));
                for &node in nodes {
                    self.machines[node.index()].disk.begin_fault(active, *effect, Some(ends));
                    if effect.breaks_promises() {
                        self.record(0, Some(node), Fact::DiskSuspect);
                    }
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
                    self.resume(node, active);
                }
            }
            Fault::SlowCpu { .. } => {
                let usual = self.options.cpu.handler;
                for node in nodes {
                    self.machines[node.index()].speed_up(active, usual);
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
                let is_held =
                    |node: &NodeId| self.machines[node.index()].stopped_by == Some(active);
                let held: Vec<NodeId> = nodes.into_iter().filter(is_held).collect();
                self.start_all(&held);
            }
            Fault::Swizzle { .. }
            | Fault::Restart { .. }
            | Fault::Reconfigure { .. }
            | Fault::Heal { .. } => {}
        }
    }

    /// The entries of the schedule that came up and disturbed nothing, but for those that the nemesis drew.
    pub(super) fn missed_faults(&self) -> Vec<FaultMissed> {
        let never = self.faults.met.iter().filter(|&(_, met)| *met == Met::NotYet);
        let all = never.map(|(&place, _)| (place, &self.options.faults[place as usize]));
        all.filter(|(_, scheduled)| !scheduled.yields && !cures(&scheduled.fault))
            .map(|(place, scheduled)| FaultMissed { place, kind: scheduled.fault.kind() })
            .collect()
    }

    /// The fault's part of the chronicle ends now.
    fn over(&mut self, active: u32) {
        let span = &mut self.faults.spans[active as usize];
        span.to = span.to.min(self.now);
    }

    /// Ends all faults and starts all nodes that are down.
    pub(super) fn heal_everything(&mut self) {
        self.faults.armed.clear();
        for active in 0..self.faults.active.len() as u32 {
            self.fault_ends(active);
        }
        let nodes: Vec<NodeId> = self.options.cluster.nodes().collect();
        self.start_all(&nodes);
    }

    /// Ends all faults that touch these nodes, and starts them. A fault that stopped others too goes on for them.
    fn heal(&mut self, nodes: &[NodeId]) {
        for active in 0..self.faults.active.len() as u32 {
            let fault = &mut self.faults.active[active as usize];
            if !fault.nodes.iter().any(|node| nodes.contains(node)) {
                continue;
            }
            if stops_nodes(&self.options.faults[fault.place as usize].fault) {
                fault.nodes.retain(|node| !nodes.contains(node));
                if !fault.nodes.is_empty() {
                    continue;
                }
            }
            self.fault_ends(active);
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
}

/// Whether a fault holds until it ends, rather than happening at one moment.
const fn lasts(fault: &Fault) -> bool {
    !matches!(fault, Fault::Restart { .. } | Fault::Reconfigure { .. } | Fault::Heal { .. })
}

const fn stops_nodes(fault: &Fault) -> bool {
    matches!(fault, Fault::Crash { .. } | Fault::PowerFailure(_) | Fault::Wipe { .. })
}

/// Whether a fault does something to each node that it is aimed at, whatever the node does. The others find out.
const fn meets_whom_it_is_aimed_at(fault: &Fault) -> bool {
    !matches!(fault, Fault::Crash { .. } | Fault::PowerFailure(_) | Fault::Pause { .. })
}

/// Whether it only undoes others, so that nothing is missed if there is nothing to undo.
const fn cures(fault: &Fault) -> bool {
    matches!(fault, Fault::Restart { .. } | Fault::Heal { .. })
}
