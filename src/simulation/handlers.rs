//! Runs node code, and carries out its effects when their time comes.

use crate::claim::Claim;
use crate::kernel::ids::NodeId;
use crate::kernel::time::Instant;
use crate::node::Node;
use crate::node::context::Context;
use crate::node::disk::DiskTicket;
use crate::node::effects::Effect;
use crate::simulation::machine::{Input, Waiting};
use crate::simulation::{Event, Simulation, guarded};
use crate::trace::{Fact, Stop};

impl<N: Node> Simulation<N> {
    /// Gives an input to a process that is up: now if it is idle, otherwise when it gets to it. An input that arrives
    /// in the very moment in which the process becomes idle does not overtake what waits already.
    pub(super) fn offer(&mut self, node: NodeId, cause: u64, input: Input<N>) {
        let machine = &mut self.machines[node.index()];
        if machine.is_busy(self.now) || !machine.mailbox.is_empty() {
            if let Input::Timer(timer) = input {
                machine.timers.wait(timer);
            }
            machine.mailbox.push_back(Waiting { cause, input });
            return;
        }
        self.handle(node, cause, input);
    }

    /// Runs one handler at the current time. The processor's time passes first: what the handler does comes after it.
    fn handle(&mut self, node: NodeId, cause: u64, input: Input<N>) {
        let machine = &mut self.machines[node.index()];
        machine.disk.begin_handler();
        let mut context = Context {
            node,
            nodes: self.options.cluster.size() as u32,
            moment: self.now + machine.handler,
            clock: self.clocks.line(node),
            random: &mut machine.random,
            disk: &mut machine.disk,
            timers: &mut machine.timers,
            effects: &mut self.effects,
            first_start: !machine.founded,
            tracing: self.observer.trace.is_kept(),
        };
        let process = machine.process.as_mut().expect("only a process that is up is called");
        let result = guarded(|| match input {
            Input::Start => process.on_start(&mut context),
            Input::Message(from, message) => {
                process.on_message(NodeId(from.0), message, &mut context);
            }
            Input::Timer(timer) => process.on_timer(timer, &mut context),
            Input::Request(request) => process.on_request(request, &mut context),
            Input::Disk(ticket, result) => process.on_disk(ticket, result, &mut context),
        });
        let end = context.moment;
        if let Err(message) = result {
            self.node_panicked(node, &message);
            return;
        }
        machine.busy_until = end;
        let incarnation = machine.incarnation;
        while let Some((at, timer)) = machine.timers.take_pending() {
            self.queue.push(at, Event::Timer { node, incarnation, timer });
        }
        self.carry_out(node, cause);
    }

    /// Carries out the effects that are due now, and keeps the others on the machine.
    fn carry_out(&mut self, node: NodeId, cause: u64) {
        let mut list = std::mem::take(&mut self.effects.list);
        let incarnation = self.machines[node.index()].incarnation;
        let mut waiting = false;
        for (at, effect) in list.drain(..) {
            let machine = &mut self.machines[node.index()];
            if !machine.is_up() || machine.incarnation != incarnation {
                break; // an effect stopped the node
            }
            waiting |= at > self.now || machine.paused_since.is_some();
            if waiting {
                machine.pending_cause = cause;
                machine.pending.push_back((at, effect));
            } else {
                self.perform(node, cause, effect);
            }
        }
        list.clear();
        self.effects.list = list;
        self.schedule_wake(node);
    }

    fn schedule_wake(&mut self, node: NodeId) {
        let machine = &mut self.machines[node.index()];
        if !machine.is_up() {
            return;
        }
        match machine.next_wake(self.now) {
            Some(at) => {
                machine.wake = Some(at);
                self.queue.push(at, Event::Effects(node));
            }
            None => machine.founded = true,
        }
    }

    /// The next pending effect is due, or the handler has ended and the mailbox is next.
    pub(super) fn wake_machine(&mut self, node: NodeId) {
        let machine = &mut self.machines[node.index()];
        if machine.wake != Some(self.now) || machine.paused_since.is_some() {
            return; // a wake-up of an earlier life, or one that a pause has moved
        }
        machine.wake = None;
        machine.founded |= machine.busy_until <= self.now;
        while let Some(effect) = self.machines[node.index()].due(self.now) {
            let cause = self.machines[node.index()].pending_cause;
            self.perform(node, cause, effect);
            if self.machines[node.index()].paused_since.is_some() {
                return; // an effect had the process paused
            }
        }
        self.work_off(node);
    }

    /// Lets an idle process take what waits in its mailbox, until it is busy again.
    pub(super) fn work_off(&mut self, node: NodeId) {
        loop {
            let machine = &mut self.machines[node.index()];
            if !machine.is_up() || self.ended {
                return;
            }
            if machine.is_busy(self.now) {
                if machine.wake.is_none() && machine.paused_since.is_none() {
                    self.schedule_wake(node);
                }
                return;
            }
            let Some(Waiting { cause, input }) = machine.mailbox.pop_front() else { return };
            if let Input::Timer(timer) = input
                && !machine.timers.take_waiting(timer)
            {
                continue; // a handler before it has cancelled or moved it
            }
            self.handle(node, cause, input);
        }
    }

    fn perform(&mut self, node: NodeId, cause: u64, effect: Effect<N>) {
        match effect {
            Effect::Send(to, message) => self.send_message(node, to, message, cause),
            Effect::Reply(token, reply) => self.send_reply(node, token, reply, cause),
            Effect::Claim(claim) => {
                self.note_claim(node, claim);
                self.record(cause, Some(node), Fact::Claimed(claim));
                self.claim_triggers(node, claim);
            }
            Effect::Mark(mark) => {
                self.observer.covered(mark);
                self.record(cause, Some(node), Fact::Marked(mark));
            }
            Effect::Note(text) => self.record(cause, Some(node), Fact::Note(text)),
            Effect::Disk { action, bytes, error } => {
                self.machines[node.index()].carried_out += 1;
                self.record(cause, Some(node), Fact::Disk { action, bytes, error });
                self.count_down_to_power_failure(node);
                self.disk_triggers(node);
            }
            Effect::Background(ticket, end) => {
                let machine = &mut self.machines[node.index()];
                machine.carried_out += 1;
                let incarnation = machine.incarnation;
                self.queue.push(end.max(self.now), Event::Disk { node, incarnation, ticket });
            }
            Effect::Stop(reason) => {
                self.stop_node(node, Stop::Exit(reason), None);
            }
        }
    }

    /// A timer's event came up.
    pub(super) fn timer(&mut self, node: NodeId, incarnation: u32, timer: N::Timer) {
        let machine = &mut self.machines[node.index()];
        if !machine.is_up() || machine.incarnation != incarnation {
            return;
        }
        let fires = machine.timers.fires(timer, self.now);
        while let Some((at, timer)) = machine.timers.take_pending() {
            self.queue.push(at, Event::Timer { node, incarnation, timer });
        }
        if fires {
            let digest = crate::kernel::digest::Digest::of(&timer);
            let cause = self.observe(0, Some(node), Fact::TimerFired { timer: digest });
            self.offer(node, cause, Input::Timer(timer));
        }
    }

    /// A background disk operation came to its end. After a process crash the operating system still finishes it, but
    /// nobody is told.
    pub(super) fn disk_ended(&mut self, node: NodeId, incarnation: u32, ticket: DiskTicket) {
        let machine = &mut self.machines[node.index()];
        let result = machine.disk.background_ended(ticket);
        if machine.is_up() && machine.incarnation == incarnation {
            let fact = Fact::Disk {
                action: crate::node::disk::DiskAction::Sync,
                bytes: 0,
                error: result.err(),
            };
            let cause = self.observe(0, Some(node), fact);
            self.count_down_to_power_failure(node);
            self.disk_triggers(node);
            let machine = &self.machines[node.index()];
            if machine.is_up() && machine.incarnation == incarnation {
                self.offer(node, cause, Input::Disk(ticket, result));
            }
        }
    }

    /// Starts the process: a fresh value that finds what the disk kept.
    pub(super) fn start_node(&mut self, node: NodeId) {
        let process = match guarded(|| (self.factory)(node)) {
            Ok(process) => process,
            Err(message) => {
                self.node_panicked(node, &message);
                return;
            }
        };
        let machine = &mut self.machines[node.index()];
        assert!(!machine.is_up(), "a process that is up is not started");
        machine.incarnation += 1;
        machine.process = Some(process);
        machine.power = None;
        let incarnation = machine.incarnation;
        let stopped_by = machine.stopped_by.take();
        self.close_if_none_is_down(stopped_by);
        self.clocks.boot(node, self.now);
        let cause = self.observe(0, Some(node), Fact::Started { incarnation });
        self.offer(node, cause, Input::Start);
    }

    /// Node code has panicked: that is the verdict, and the run ends.
    pub(super) fn node_panicked(&mut self, node: NodeId, message: &str) {
        self.observer.panicked(self.now, node, message);
        self.ended = true;
    }

    fn note_claim(&mut self, node: NodeId, claim: Claim) {
        let machine = &mut self.machines[node.index()];
        match claim {
            Claim::Role { generation, role } => machine.role = Some((generation, role)),
            Claim::Recovering => machine.recovering = true,
            Claim::Recovered { .. } => machine.recovering = false,
            _ => {}
        }
    }
}

impl<N: Node> super::machine::Machine<N> {
    /// The next pending effect, if its time has come.
    fn due(&mut self, now: Instant) -> Option<Effect<N>> {
        let &(at, _) = self.pending.front()?;
        if at > now {
            return None;
        }
        self.pending.pop_front().map(|(_, effect)| effect)
    }
}
