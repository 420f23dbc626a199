//! Shows each fact to the trace, to the checkers that want it, and to the chronicle from which reports are made.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;
use std::time::Duration;

use crate::checkers::{Checker, Judgement, Violation};
use crate::claim::{Claim, Role};
use crate::client::Action;
use crate::history::{HistoryEvent, Phase};
use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::node::Node;
use crate::simulation::Simulation;
use crate::simulation::latency::Latencies;
use crate::simulation::options::{Keep, SimulationOptions};
use crate::simulation::outcome::{Absence, Counts, End, LeaderSpan, Outcome};
use crate::trace::{Event, Fact, Interest, Stop, Trace};
use crate::world::disk::DiskStatistics;

/// The name under which a panic in a node is reported.
pub const PANIC: &str = "panic";
/// How many steps a timeline has.
const STEPS: u64 = 72;

/// A checker and what it has found.
struct Judge {
    checker: Box<dyn Checker>,
    found: bool,
}

/// Everything that only looks.
pub(super) struct Observer {
    pub trace: Trace,
    judges: Vec<Judge>,
    /// For each class of facts the places of the judges that want it.
    wanting: [Vec<usize>; Interest::CLASSES],
    /// What any of the judges, or the chronicle, wants to see.
    interest: Interest,
    outcome: Outcome,
    pub delivered: u64,
    /// Copies that reached the end of their link and were lost there.
    pub refused: u64,
    /// Why the run ended before its time, if it did.
    pub budget_spent: Option<String>,
    stop_at: Option<String>,
    /// The checker objected at whose objection the run ends.
    pub stopped: bool,
    /// The buffer of the clients' actions; kept to be used again.
    pub actions: Vec<Action>,
    keep: Keep,
    /// The group of each client.
    groups: Vec<usize>,
    /// When each client invoked the operation that it waits for.
    invoked: Vec<Instant>,
    down: BTreeMap<NodeId, (&'static str, Instant)>,
}

impl Observer {
    pub fn new(options: &SimulationOptions, checkers: Vec<Box<dyn Checker>>) -> Self {
        let mut wanting: [Vec<usize>; Interest::CLASSES] = Default::default();
        let mut interest = Interest::NONE;
        for (place, checker) in checkers.iter().enumerate() {
            interest = interest.and(checker.interest());
            checker.interest().classes().for_each(|class| wanting[class].push(place));
        }
        let judges: Vec<Judge> =
            checkers.into_iter().map(|checker| Judge { checker, found: false }).collect();
        let chronicle = Interest::CLAIMS.and(Interest::HISTORY).and(Interest::FAULTS);
        let wanted = if options.keep == Keep::Trace { Interest::ALL } else { chronicle };
        let groups: Vec<usize> = options
            .workload
            .clients
            .iter()
            .enumerate()
            .flat_map(|(place, group)| std::iter::repeat_n(place, group.count as usize))
            .collect();
        let total = options.duration + options.quiet;
        let step = (total / STEPS as u32).max(Duration::from_millis(1));
        Self {
            trace: if options.keep == Keep::Trace { Trace::kept() } else { Trace::default() },
            interest: wanted.and(interest),
            judges,
            wanting,
            outcome: Outcome {
                step,
                timeline: vec![Vec::new(); options.workload.clients.len()],
                latencies: Latencies::default(),
                ..Outcome::default()
            },
            delivered: 0,
            refused: 0,
            budget_spent: None,
            stop_at: options.stop_at.clone(),
            stopped: false,
            actions: Vec::new(),
            keep: options.keep,
            invoked: vec![Instant::ZERO; groups.len() + 1],
            groups,
            down: BTreeMap::new(),
        }
    }

    /// Takes in one fact; returns its number.
    #[inline]
    fn take(&mut self, at: Instant, cause: u64, node: Option<NodeId>, fact: Fact) -> u64 {
        let class = fact.class();
        let number = self.trace.fold(at, node, &fact);
        if self.interest.meets(class) {
            let event = Event { at, number, cause, node, fact };
            self.trace.keep(&event);
            self.show(&event, class);
        }
        number
    }

    fn show(&mut self, event: &Event, class: Interest) {
        self.chronicle(event);
        for &place in &self.wanting[class.number()] {
            let judge = &mut self.judges[place];
            if judge.found {
                continue;
            }
            if let Err(violation) = judge.checker.observe(event) {
                judge.found = true;
                let name = judge.checker.name();
                self.stopped |= self.stop_at.as_deref() == Some(name);
                self.outcome.violations.push((name, violation));
            }
        }
    }

    fn chronicle(&mut self, event: &Event) {
        match &event.fact {
            Fact::History(history) => self.history(history),
            Fact::PhaseBegan(phase) => self.outcome.phases.push((phase, event.at)),
            Fact::Claimed(Claim::Role { generation, role }) => {
                let node = event.node.expect("a claim is a node's");
                self.end_leadership(node, event.at);
                if *role == Role::Leader {
                    let (generation, from) = (*generation, event.at);
                    let span = LeaderSpan { node, generation, from, to: Instant::MAX };
                    self.outcome.leaders.push(span);
                }
            }
            Fact::Stopped(stop) => {
                let why = match stop {
                    Stop::Crash => "crash",
                    Stop::PowerFailure => "power-failure",
                    Stop::Exit(_) => "exit",
                };
                self.gone(event, why);
            }
            Fact::Paused => self.gone(event, "pause"),
            Fact::Started { .. } | Fact::Resumed => self.back(event),
            _ => {}
        }
    }

    fn gone(&mut self, event: &Event, why: &'static str) {
        let node = event.node.expect("a node stops");
        self.back(event);
        if why != "pause" {
            self.end_leadership(node, event.at);
        }
        self.down.insert(node, (why, event.at));
    }

    fn back(&mut self, event: &Event) {
        let node = event.node.expect("a node starts");
        if let Some((why, from)) = self.down.remove(&node) {
            self.outcome.absences.push(Absence { node, why, from, to: event.at });
        }
    }

    fn end_leadership(&mut self, node: NodeId, at: Instant) {
        let open = |span: &&mut LeaderSpan| span.node == node && span.to == Instant::MAX;
        if let Some(span) = self.outcome.leaders.iter_mut().rev().find(open) {
            span.to = at;
        }
    }

    fn history(&mut self, event: &HistoryEvent) {
        let client = event.client.index();
        if self.keep >= Keep::History {
            self.outcome.history.push(event.clone());
        }
        let Some(&group) = self.groups.get(client) else { return }; // the administrator's
        if event.phase == Phase::Invoke {
            self.invoked[client] = event.at;
            return;
        }
        let step = (event.at.as_nanos() / crate::kernel::time::nanos(self.outcome.step)) as usize;
        let steps = &mut self.outcome.timeline[group];
        if steps.len() <= step {
            steps.resize(step + 1, Counts::default());
        }
        for counts in [&mut steps[step], &mut self.outcome.operations] {
            match event.phase {
                Phase::Ok => counts.ok += 1,
                Phase::Fail => counts.fail += 1,
                Phase::Invoke | Phase::Info => counts.info += 1,
            }
        }
        if event.phase != Phase::Ok && self.audits(client) {
            self.outcome.unread += 1;
        }
        if event.phase == Phase::Ok {
            self.outcome.latencies.add(event.at.since(self.invoked[client]));
        }
    }

    /// Whether what this client waited for was invoked in the audit.
    fn audits(&self, client: usize) -> bool {
        let last = self.outcome.phases.last();
        last.is_some_and(|&(phase, from)| phase == "audit" && self.invoked[client] >= from)
    }

    pub fn covered(&mut self, mark: &'static str) {
        *self.outcome.coverage.entry(mark).or_default() += 1;
    }

    pub fn panicked(&mut self, at: Instant, node: NodeId, message: &str) {
        let violation = Violation::new(at, format!("{node} panicked: {message}"));
        self.stopped |= self.stop_at.as_deref() == Some(PANIC);
        self.outcome.violations.push((PANIC, violation));
    }

    pub fn into_outcome(mut self, end: End) -> Outcome {
        for judge in &mut self.judges {
            // What lies open in the middle of a run says nothing.
            if judge.found || self.stopped {
                continue;
            }
            let name = judge.checker.name();
            match judge.checker.finish(end.at) {
                Judgement::Ok => self.outcome.ok.push(name),
                Judgement::Violation(violation) => self.outcome.violations.push((name, violation)),
                Judgement::Vacuous(why) => self.outcome.vacuous.push((name, why)),
                Judgement::Unknown(why) => self.outcome.unknown.push((name, why)),
            }
        }
        if let Some(why) = self.budget_spent {
            self.outcome.unknown.push(("budget", why));
        }
        if let (true, Some(checker)) = (self.stopped, self.stop_at) {
            let why = format!("the run ended when {checker} objected; the others were not asked");
            self.outcome.unknown.push(("stop", why));
        }
        let mut outcome = self.outcome;
        for (node, (why, from)) in self.down {
            outcome.absences.push(Absence { node, why, from, to: end.at });
        }
        for span in &mut outcome.leaders {
            span.to = span.to.min(end.at);
        }
        outcome.digest = self.trace.digest();
        outcome.trace = self.trace.into_events();
        outcome.events = end.events;
        outcome.end = end.at;
        outcome.network = end.network;
        outcome.network.lost += self.refused;
        outcome.delivered = self.delivered;
        outcome.disk = end.disks.iter().fold(DiskStatistics::default(), together);
        outcome.faults = end.spans;
        outcome.missed = end.missed;
        outcome.held_back = end.held_back;
        outcome.core = end.core;
        outcome.unread += end.unaudited;
        outcome.waiting = end.waiting;
        outcome
    }
}

impl<N: Node> Simulation<N> {
    /// Takes in a fact.
    pub(super) fn record(&mut self, cause: u64, node: Option<NodeId>, fact: Fact) {
        self.observer.take(self.now, cause, node, fact);
    }

    /// Takes in a fact that may cause others; returns its number.
    #[inline]
    pub(super) fn observe(&mut self, cause: u64, node: Option<NodeId>, fact: Fact) -> u64 {
        self.observer.take(self.now, cause, node, fact)
    }
}

fn together(sum: DiskStatistics, disk: &DiskStatistics) -> DiskStatistics {
    DiskStatistics {
        writes: sum.writes + disk.writes,
        syncs: sum.syncs + disk.syncs,
        bytes: sum.bytes + disk.bytes,
        lost_sectors: sum.lost_sectors + disk.lost_sectors,
        torn_sectors: sum.torn_sectors + disk.torn_sectors,
    }
}

thread_local! {
    /// Set while node code runs: its panics are caught and reported, not printed.
    static QUIET: Cell<bool> = const { Cell::new(false) };
    /// Where the last quiet panic happened.
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Runs node code. A panic becomes an error with its message and place, and prints nothing.
pub(super) fn quiet_panics<R>(run: AssertUnwindSafe<impl FnOnce() -> R>) -> Result<R, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if QUIET.get() {
                PLACE.set(info.location().map(ToString::to_string));
            } else {
                previous(info);
            }
        }));
    });
    QUIET.set(true);
    let result = catch_unwind(run);
    QUIET.set(false);
    result.map_err(|payload| {
        let text = payload
            .downcast_ref::<&str>()
            .map(ToString::to_string)
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        PLACE.take().map_or(text.clone(), |place| format!("{text}, at {place}"))
    })
}
