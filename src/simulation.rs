//! The event loop. It only sequences: the world decides, nodes and clients act, checkers judge.
//!
//! ```text
//!             +--------------------- event queue (time, order) <-------------------+
//!             v                                                                    |
//!   arrive / timer / disk / client / fault                                         |
//!             |                                                                    |
//!             v                                                                    |
//!      [ machine ]  busy or paused? -> mailbox, in order                           |
//!             |                                                                    |
//!          handler runs at once; its effects carry times t <= t1 <= t2 ...          |
//!             |                                                                    |
//!             +-- effects at t: carried out now -----------> messages, timers ------+
//!             +-- later ones: pending on the machine ------> one wake-up ----------+
//! ```
//!
//! # Handlers and crash points
//!
//! A handler runs to completion in one call, but each disk operation in it takes virtual time. Its later effects wait
//! on the machine until their time comes, one wake-up event at a time, and the node is busy until the last of them. If
//! power fails or the process crashes meanwhile, the pending effects are dropped and the disk undoes what began later:
//! they never happened. So every point between two disk operations is a crash point, and node code stays straight-line
//! code.
//!
//! # What is where
//!
//! `machine` is one node's machine, `handlers` runs node code and carries out its effects, `delivery` moves messages
//! between endpoints, `faults` carries out the fault schedule, `clients` connects the workload, `observe` shows facts to
//! trace and checkers, `outcome` is what a run leaves behind.

mod clients;
mod delivery;
mod faults;
mod handlers;
pub mod latency;
mod machine;
mod observe;
pub mod options;
pub mod outcome;

use std::panic::AssertUnwindSafe;

use crate::checkers::Checker;
use crate::kernel::ids::NodeId;
use crate::kernel::queue::Queue;
use crate::kernel::slab::Slab;
use crate::kernel::time::Instant;
use crate::node::disk::DiskTicket;
use crate::node::effects::Effects;
use crate::node::{Message, Node};
use crate::simulation::clients::Station;
use crate::simulation::delivery::Flight;
use crate::simulation::faults::Faults;
use crate::simulation::machine::Machine;
use crate::simulation::observe::Observer;
pub use crate::simulation::observe::PANIC;
use crate::simulation::options::SimulationOptions;
use crate::simulation::outcome::Outcome;
use crate::trace::Fact;
use crate::world::clock::Clocks;
use crate::world::nemesis::swizzle;
use crate::world::network::Network;

/// The mark of a run in which a node stopped before it had read its disk.
pub const RECOVERY_INTERRUPTED: &str = "recovery.interrupted";

/// After how many events the run tells how far it is.
const WATCH_EVERY: u64 = 4_096;

/// How many events may happen at one instant. Nodes that answer themselves, or arm timers of no length, would otherwise
/// keep a run from ever ending. The largest sensible burst is far below: a thousand nodes that send to one another.
const EVENTS_PER_INSTANT_MAX: u64 = 1_000_000;

/// What comes up in the queue. Small and `Copy`: payloads wait in a slab.
#[derive(Clone, Copy, Debug)]
enum Event<T> {
    /// A message reaches the end of its link.
    Arrive(u32),
    /// A timer of a node may run out.
    Timer { node: NodeId, incarnation: u32, timer: T },
    /// The next pending effect of a node is due, or its handler ends.
    Effects(NodeId),
    /// A background disk operation ends.
    Disk { node: NodeId, incarnation: u32, ticket: DiskTicket },
    /// A client asked to be woken.
    Client { client: u32, wake: u32 },
    /// The time of a fault of the schedule has come.
    FaultIsDue(u32),
    /// A fault that is under way ends, by its number among the active ones.
    FaultEnds(u32),
    /// A flapping partition changes sides.
    FaultFlaps(u32),
    /// A node loses power, unless it has stopped more often than `stops` meanwhile.
    PowerOff { node: NodeId, fault: u32, stops: Option<u32> },
    /// A node starts that has been down since its `stops`-th stop.
    Start { node: NodeId, stops: u32 },
    /// The next phase of the run begins.
    Phase(RunPhase),
}

/// The phases of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum RunPhase {
    /// No fault has begun.
    Calm,
    /// Faults happen.
    Chaos,
    /// Everything is healed, and must work.
    Quiet,
    /// Clients read everything once.
    Audit,
    /// The end.
    End,
}

/// A whole cluster with its network, disks, clocks, power and clients, in one thread.
pub struct Simulation<N: Node> {
    options: SimulationOptions,
    factory: Box<dyn Fn(NodeId) -> N>,
    now: Instant,
    phase: RunPhase,
    queue: Queue<Event<N::Timer>>,
    flights: Slab<Flight<N>>,
    machines: Vec<Machine<N>>,
    stations: Vec<Station>,
    network: Network,
    clocks: Clocks,
    faults: Faults,
    observer: Observer,
    /// The effects of the handler that runs; kept to be used again.
    effects: Effects<N>,
    ended: bool,
    events: u64,
    /// How many of them happened before the present instant.
    events_before: u64,
}

impl<N: Node> Simulation<N> {
    /// A cluster that is about to start. `factory` builds a node at each of its starts.
    #[must_use]
    pub fn new(
        mut options: SimulationOptions,
        factory: impl Fn(NodeId) -> N + 'static,
        checkers: Vec<Box<dyn Checker>>,
    ) -> Self {
        let end = Instant::ZERO + options.duration;
        swizzle::take_apart(&mut options.faults, options.seed, &options.cluster, end);
        let cluster = &options.cluster;
        let seed = options.seed;
        let clients = crate::client::clients(seed, cluster, &options.workload, options.sessions);
        let stations: Vec<Station> = clients.into_iter().map(Station::new).collect();
        let machines = cluster.nodes().map(|node| Machine::new(node, &options)).collect();
        Self {
            network: Network::new(seed, cluster, &options.network, &options.client_places()),
            clocks: Clocks::new(seed, cluster, &options.clock),
            faults: Faults::default(),
            observer: Observer::new(&options, checkers),
            factory: Box::new(factory),
            now: Instant::ZERO,
            phase: RunPhase::Calm,
            queue: Queue::default(),
            flights: Slab::default(),
            machines,
            stations,
            effects: Effects::default(),
            ended: false,
            events: 0,
            events_before: 0,
            options,
        }
    }

    /// Runs to the end: through the chaos window, the quiet tail and the audit.
    #[must_use]
    pub fn run(self) -> Outcome {
        self.run_watched(&mut |_| {})
    }

    /// Runs to the end, and tells now and then how far it is.
    #[must_use]
    pub fn run_watched(mut self, watch: &mut dyn FnMut(Instant)) -> Outcome {
        self.begin();
        while !self.ended && !self.observer.stopped {
            let Some((at, event)) = self.queue.pop() else { break };
            if at > self.now {
                self.now = at;
                self.events_before = self.events;
            }
            self.events += 1;
            if self.events.is_multiple_of(WATCH_EVERY) {
                watch(at);
            }
            if let Some(why) = self.budget_spent(&event) {
                self.observer.budget_spent = Some(why);
                break;
            }
            self.dispatch(event);
        }
        self.finish()
    }

    /// Why the run ends before this event, if it must.
    #[inline]
    fn budget_spent(&self, event: &Event<N::Timer>) -> Option<String> {
        if let Some(max) = self.options.events_max
            && self.events > max
        {
            return Some(format!("the budget of {max} events is spent"));
        }
        if self.events - self.events_before <= EVENTS_PER_INSTANT_MAX {
            return None;
        }
        let node = self.node_of_event(event);
        let on = node.map(|node| format!(", on node {}", self.options.cluster.name(node)));
        Some(format!(
            "no progress of time at {}{}: more than {EVENTS_PER_INSTANT_MAX} events at one instant",
            self.now,
            on.unwrap_or_default()
        ))
    }

    /// The node that an event is about to meet, if it is one.
    fn node_of_event(&self, event: &Event<N::Timer>) -> Option<NodeId> {
        match *event {
            Event::Arrive(flight) => self.node_of(self.flights.get(flight).to),
            Event::Timer { node, .. }
            | Event::Effects(node)
            | Event::Disk { node, .. }
            | Event::PowerOff { node, .. }
            | Event::Start { node, .. } => Some(node),
            Event::Client { .. }
            | Event::FaultIsDue(_)
            | Event::FaultEnds(_)
            | Event::FaultFlaps(_)
            | Event::Phase(_) => None,
        }
    }

    fn begin(&mut self) {
        self.record(0, None, Fact::PhaseBegan("calm"));
        for place in 0..self.options.faults.len() as u32 {
            let at = self.options.faults[place as usize].at;
            self.queue.push(at, Event::FaultIsDue(place));
        }
        if let Some(first) = self.options.faults.iter().map(|fault| fault.at).min() {
            self.queue.push(first, Event::Phase(RunPhase::Chaos));
        }
        let quiet = Instant::ZERO + self.options.duration;
        self.queue.push(quiet, Event::Phase(RunPhase::Quiet));
        self.queue.push(quiet + self.options.quiet, Event::Phase(RunPhase::Audit));
        for node in self.options.cluster.nodes() {
            self.start_node(node);
        }
        self.start_clients();
    }

    fn dispatch(&mut self, event: Event<N::Timer>) {
        match event {
            Event::Arrive(flight) => self.arrive(flight),
            Event::Timer { node, incarnation, timer } => self.timer(node, incarnation, timer),
            Event::Effects(node) => self.wake_machine(node),
            Event::Disk { node, incarnation, ticket } => self.disk_ended(node, incarnation, ticket),
            Event::Client { client, wake } => self.wake_client(client, wake),
            Event::FaultIsDue(place) => self.fault_is_due(place),
            Event::FaultEnds(active) => self.fault_ends(active),
            Event::FaultFlaps(active) => self.fault_flaps(active),
            Event::PowerOff { node, fault, stops } => self.power_off(node, fault, stops),
            Event::Start { node, stops } => self.restart(node, stops),
            Event::Phase(phase) => self.enter(phase),
        }
    }

    fn enter(&mut self, phase: RunPhase) {
        if phase <= self.phase {
            return;
        }
        self.phase = phase;
        match phase {
            RunPhase::Calm => {}
            RunPhase::Chaos => self.record(0, None, Fact::PhaseBegan("chaos")),
            RunPhase::Quiet => {
                self.record(0, None, Fact::PhaseBegan("quiet"));
                self.begin_tail();
            }
            RunPhase::Audit => {
                self.record(0, None, Fact::PhaseBegan("audit"));
                let end = self.now + self.options.audit_max;
                self.queue.push(end, Event::Phase(RunPhase::End));
                self.begin_audit();
            }
            RunPhase::End => self.ended = true,
        }
    }

    fn finish(mut self) -> Outcome {
        let mut waiting = Vec::new();
        for machine in &self.machines {
            let Some(process) = &machine.process else { continue };
            match guarded(|| process.waits_for()) {
                Ok(text) => waiting.push((machine.id, text)),
                Err(message) => self.observer.panicked(self.now, machine.id, &message),
            }
        }
        let disks = self.machines.iter().map(|machine| machine.disk.statistics()).collect();
        let spans = self.faults.spans(self.now);
        let missed = self.missed_faults();
        let asks = |station: &&Station| !station.client.is_done();
        let cut_short = self.phase == RunPhase::End;
        let unaudited =
            if cut_short { self.stations.iter().filter(asks).count() as u64 } else { 0 };
        self.observer.into_outcome(outcome::End {
            at: self.now,
            events: self.events,
            network: self.network.statistics(),
            disks,
            spans,
            missed,
            held_back: self.faults.held_back,
            core: self.faults.core,
            unaudited,
            waiting,
        })
    }
}

/// Runs node code; a panic in it is the node's fault, not elara's.
fn guarded<R>(run: impl FnOnce() -> R) -> Result<R, String> {
    crate::simulation::observe::quiet_panics(AssertUnwindSafe(run))
}

/// The number of bytes of a message, bounded below so that nothing is free.
fn size_of_message<M: Message>(message: &M) -> usize {
    message.size().max(1)
}
