//! One node's machine: its process, its disk, its timers, and what waits for the process.

use std::collections::VecDeque;
use std::time::Duration;

use crate::claim::Role;
use crate::kernel::ids::{Generation, NodeId};
use crate::kernel::random::{Purpose, Stream};
use crate::kernel::time::Instant;
use crate::node::disk::{DiskError, DiskTicket};
use crate::node::effects::Effect;
use crate::node::timers::Timers;
use crate::node::{Node, Request};
use crate::simulation::options::SimulationOptions;
use crate::trace::Endpoint;
use crate::world::disk::{Cut, SimulatedDisk};

/// How many messages and requests wait for a busy or paused node before further ones are lost, as in a socket's buffer.
const MAILBOX_MAX: usize = 16_384;

/// What a process is called with.
pub(super) enum Input<N: Node> {
    Start,
    Message(Endpoint, N::Message),
    Timer(N::Timer),
    Request(Request),
    Disk(DiskTicket, Result<(), DiskError>),
}

/// What waits for the process, and the event that caused it.
pub(super) struct Waiting<N: Node> {
    pub cause: u64,
    pub input: Input<N>,
}

/// Power fails again after this many further disk operations, by the rules of this active fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct CountDown {
    pub operations_left: u64,
    pub fault: u32,
}

/// One machine.
pub(super) struct Machine<N: Node> {
    pub id: NodeId,
    /// The process; `None` while the machine is down.
    pub process: Option<N>,
    /// How often the process has started.
    pub incarnation: u32,
    /// Whether an `on_start` came to its end, ever.
    pub founded: bool,
    pub disk: SimulatedDisk,
    /// How many calls to the disk were carried out: what a crash leaves standing of a handler.
    pub carried_out: u64,
    pub random: Stream,
    pub timers: Timers<N::Timer>,
    pub mailbox: VecDeque<Waiting<N>>,
    /// Effects of the last handler that are not due yet, with the event that caused the handler.
    pub pending: VecDeque<(Instant, Effect<N>)>,
    pub pending_cause: u64,
    /// When the last handler ends.
    pub busy_until: Instant,
    /// For when the one valid wake-up of this machine is queued.
    pub wake: Option<Instant>,
    /// Since when the process is paused, and by which active faults.
    pub paused_since: Option<Instant>,
    pub pauses: Vec<u32>,
    /// How long each handler takes, besides the disk.
    pub handler: Duration,
    /// How long it takes because of which active faults.
    slow: Vec<(u32, Duration)>,
    /// What the process last claimed to be.
    pub role: Option<(Generation, Role)>,
    /// The process has started and has not claimed `Recovered` yet.
    pub recovering: bool,
    /// How often the machine has stopped or lost power: what an earlier stop promised is void.
    pub stops: u32,
    /// The active fault because of which it is down, if it is down because of one.
    pub stopped_by: Option<u32>,
    /// The active fault by whose rules power returns, while the machine is down for a loss of power.
    pub power: Option<u32>,
    /// Power will fail again, addressed by the number of disk operations.
    pub count_down: Option<CountDown>,
    /// How often power has failed again during recovery, in a row.
    pub again: u32,
}

impl<N: Node> Machine<N> {
    pub fn new(id: NodeId, options: &SimulationOptions) -> Self {
        let name = options.cluster.stream_name(id);
        let stream = |purpose| Stream::new(options.seed, purpose, name, 0);
        Self {
            id,
            process: None,
            incarnation: 0,
            founded: false,
            disk: SimulatedDisk::new(options.disk, stream(Purpose::Disk), stream(Purpose::Power)),
            carried_out: 0,
            random: stream(Purpose::Node),
            timers: Timers::default(),
            mailbox: VecDeque::new(),
            pending: VecDeque::new(),
            pending_cause: 0,
            busy_until: Instant::ZERO,
            wake: None,
            paused_since: None,
            pauses: Vec::new(),
            handler: options.cpu.handler,
            slow: Vec::new(),
            role: None,
            recovering: false,
            stops: 0,
            stopped_by: None,
            power: None,
            count_down: None,
            again: 0,
        }
    }

    pub const fn is_up(&self) -> bool {
        self.process.is_some()
    }

    /// Whether an input must wait.
    pub fn is_busy(&self, now: Instant) -> bool {
        self.paused_since.is_some() || !self.pending.is_empty() || self.busy_until > now
    }

    /// Whether a message or a request that arrives now is lost, because too many wait already.
    pub fn is_full(&self) -> bool {
        self.mailbox.len() >= MAILBOX_MAX
    }

    /// The process is gone, and with it all that was only in memory.
    pub fn drop_process(&mut self) {
        self.process = None;
        self.timers = Timers::default();
        self.mailbox.clear();
        self.pending.clear();
        self.wake = None;
        self.busy_until = Instant::ZERO;
        self.paused_since = None;
        self.pauses.clear();
        self.role = None;
        self.recovering = false;
        self.count_down = None;
    }

    /// When the next pending effect is due, or the handler ends; `None` if the machine is idle.
    pub fn next_wake(&self, now: Instant) -> Option<Instant> {
        match self.pending.front() {
            Some(&(at, _)) => Some(at),
            None => (self.busy_until > now).then_some(self.busy_until),
        }
    }

    /// A fault makes each handler take this long; of several, the slowest counts.
    pub fn slow_down(&mut self, active: u32, handler: Duration) {
        self.slow.push((active, handler));
        self.set_handler(handler);
    }

    /// The fault is over; without any, handlers take `usual`.
    pub fn speed_up(&mut self, active: u32, usual: Duration) {
        self.slow.retain(|&(fault, _)| fault != active);
        self.set_handler(usual);
    }

    fn set_handler(&mut self, usual: Duration) {
        self.handler = self.slow.iter().map(|&(_, handler)| handler).max().unwrap_or(usual);
    }

    /// Where a crash, a power failure or a pause at `at` cuts what the process does on its disk.
    pub const fn cut(&self, at: Instant) -> Cut {
        Cut { at, carried_out: self.carried_out }
    }

    /// A process that is paused has done nothing since; whatever comes now finds the rest of its handler put off.
    pub fn end_pause(&mut self, now: Instant) {
        if let Some(since) = self.paused_since.take() {
            self.postpone(since, now.since(since));
        }
    }

    /// The process was paused from `from` on for `span`: what it had not done yet happens that much later. Timers run
    /// on, as the clock does.
    fn postpone(&mut self, from: Instant, span: Duration) {
        for (at, effect) in &mut self.pending {
            *at = *at + span;
            if let Effect::Background(_, end) = effect {
                *end = *end + span;
            }
        }
        if self.busy_until > from {
            self.busy_until = self.busy_until + span;
        }
        self.disk.postpone(self.cut(from), span);
    }
}
