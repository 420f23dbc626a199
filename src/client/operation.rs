//! One operation of a client: asked, asked again elsewhere, and ended with what is known about it.

use std::time::Duration;

use crate::client::workload::Routing;
use crate::client::{Action, Client, Plan, READS, Sessions, State, Step, draw, is_read};
use crate::history::{HistoryEvent, Operation, Phase, Value, functions};
use crate::kernel::ids::{NodeId, RequestId};
use crate::kernel::time::Instant;
use crate::node::{Reply, ReplyToken, Request};

/// How an operation ends.
enum Ending {
    /// With this result, at this version.
    Ok(Value, u64),
    /// Without effect, for this reason.
    Fail(&'static str),
    /// Unknown, for this reason.
    Info(&'static str),
}

impl Client {
    /// The session is open: sends the operation itself.
    pub(super) fn ask(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let State::Waiting { step, .. } = &mut self.state else {
            unreachable!("a session is opened for an operation");
        };
        *step = Step::Asking;
        self.session_open = true;
        self.sequence = 1;
        self.refused = None;
        self.first_attempt = self.attempt + 1;
        self.attempt(now, actions);
    }

    pub(super) fn answered(
        &mut self,
        reply: Reply,
        token: ReplyToken,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        match reply {
            Reply::Ok { value, version } => {
                self.version = self.version.max(version);
                self.end(Ending::Ok(value, version), now, actions);
            }
            Reply::Fail(reason) => self.end(Ending::Fail(reason), now, actions),
            Reply::Unknown(reason) => self.end(Ending::Info(reason), now, actions),
            _ if token.attempt != self.attempt || self.refused.is_some() => {}
            Reply::SessionExpired => {
                self.session_open = false;
                self.give_up("session-expired", now, actions);
            }
            Reply::NotLeader(Some(leader)) if self.refusals < 2 * self.nodes.len() => {
                // Followed at once, unless hints send the client in circles.
                self.refusals += 1;
                self.leader = Some(leader);
                self.refused = Some("not-leader");
                let pause = if self.refusals > 2 { self.times.backoff } else { Duration::ZERO };
                actions.push(Action::Wake(now + pause));
            }
            Reply::NotLeader(_) => self.refuse("no-leader", now, actions),
            Reply::Refused(reason) => self.refuse(reason, now, actions),
        }
    }

    /// The current attempt has no effect. When all near nodes have refused, the operation ends.
    fn refuse(&mut self, reason: &'static str, now: Instant, actions: &mut Vec<Action>) {
        self.refusals += 1;
        self.leader = None;
        if self.refusals >= self.near && matches!(self.plan, Plan::Draws) {
            self.give_up(reason, now, actions);
            return;
        }
        self.refused = Some(reason);
        self.next_node();
        actions.push(Action::Wake(now + self.times.backoff));
    }

    /// The operation ends without an answer that settles it.
    pub(super) fn give_up(
        &mut self,
        reason: &'static str,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let ending = if self.unanswered > 0 { Ending::Info(reason) } else { Ending::Fail(reason) };
        self.end(ending, now, actions);
    }

    pub(super) fn next_operation(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let given = match &mut self.plan {
            Plan::Draws if self.times.limit.is_some_and(|limit| self.invoked >= limit) => None,
            Plan::Draws => Some(self.draw.operation(&mut self.stream, self.version)),
            Plan::Given(operations) => operations.pop(),
        };
        let Some(operation) = given else {
            self.state = State::Done;
            return;
        };
        self.invoked += 1;
        let step = self.first_step(&operation);
        self.unanswered = 0;
        self.refusals = 0;
        self.refused = None;
        self.first_attempt = self.attempt + 1;
        let event = self.event(Phase::Invoke, operation.clone(), now);
        self.state = State::Waiting { operation, invoked: now, step };
        actions.push(Action::Record(event));
        self.attempt(now, actions);
    }

    /// A session comes before an update, if there is none. A read changes nothing, so it may be executed twice.
    fn first_step(&mut self, operation: &Operation) -> Step {
        if self.sessions == Sessions::Opened {
            if is_read(operation) {
                return Step::Asking;
            }
            if !self.session_open {
                self.session += 1;
                self.sequence = 0;
                return Step::Opening;
            }
        }
        self.sequence += 1;
        Step::Asking
    }

    /// Sends the current request once more, with the same id.
    pub(super) fn attempt(&mut self, now: Instant, actions: &mut Vec<Action>) {
        self.attempt += 1;
        let State::Waiting { operation, invoked, step } = &self.state else {
            unreachable!("only an operation that was invoked is attempted");
        };
        let left = (*invoked + self.times.timeout).since(now);
        let wait = left.min(self.times.retry);
        let operation = match step {
            Step::Opening => Operation::new(functions::OPEN_SESSION, Value::Nil, Value::Nil),
            Step::Asking => operation.clone(),
        };
        let to = self.route(&operation);
        let request = Request {
            id: self.request(&operation),
            operation,
            token: ReplyToken { client: self.endpoint, attempt: self.attempt },
        };
        actions.push(Action::Send(to, request));
        actions.push(Action::Wake(now + wait));
    }

    fn route(&mut self, operation: &Operation) -> NodeId {
        let reads = is_read(operation);
        let roams = match self.routing {
            Routing::Leader => false,
            Routing::ReadsNear => reads,
            Routing::Roaming => true,
        };
        if roams && self.refusals == 0 {
            let place = self.stream.below(self.near as u64) as usize;
            return self.nodes[place];
        }
        self.leader.unwrap_or(self.nodes[0])
    }

    /// Asks another near node next.
    pub(super) fn next_node(&mut self) {
        self.nodes[..self.near].rotate_left(1);
    }

    /// The current request. Reads are numbered apart: they have no place in the session.
    fn request(&self, operation: &Operation) -> RequestId {
        if self.sessions == Sessions::Opened && is_read(operation) {
            return RequestId { session: self.session | READS, sequence: self.invoked };
        }
        RequestId { session: self.session, sequence: self.sequence }
    }

    fn event(&self, phase: Phase, operation: Operation, now: Instant) -> HistoryEvent {
        HistoryEvent {
            at: now,
            process: self.process,
            client: self.id,
            request: self.request(&operation),
            phase,
            operation,
            version: 0,
            reason: "",
        }
    }

    fn end(&mut self, ending: Ending, now: Instant, actions: &mut Vec<Action>) {
        let State::Waiting { operation, .. } = std::mem::replace(&mut self.state, State::Thinking)
        else {
            unreachable!("only an operation that was invoked can end");
        };
        if !matches!(ending, Ending::Ok(..))
            && self.is_administrator()
            && let Plan::Given(operations) = &mut self.plan
        {
            operations.push(operation.clone());
        }
        let mut event = self.event(Phase::Info, operation, now);
        match ending {
            Ending::Ok(value, version) => {
                event.phase = Phase::Ok;
                event.version = version;
                self.draw.saw(&event.operation, &value);
                event.operation.value = draw::outcome(&event.operation, value);
            }
            Ending::Fail(reason) => {
                event.phase = Phase::Fail;
                event.reason = reason;
            }
            Ending::Info(reason) => {
                event.reason = reason;
                // Its outcome is open, so the client goes on as a new process, under a new session.
                self.process += self.process_stride;
                self.session_open &= is_read(&event.operation);
            }
        }
        actions.push(Action::Record(event));
        self.first_attempt = self.attempt + 1;
        actions.push(Action::Wake(now + self.draw.think(&mut self.stream)));
    }

    /// The administrator does not rest until it is done.
    const fn is_administrator(&self) -> bool {
        self.id.0 as u64 + 1 == self.process_stride
    }
}
