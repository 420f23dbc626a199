//! One operation of a client: asked, asked again elsewhere, and ended with what is known about it.

use std::time::Duration;

use crate::client::workload::Routing;
use crate::client::{Action, Client, Plan, Sessions, State, Step, draw, is_read};
use crate::history::{EndedBy, HistoryEvent, Operation, Phase, Value, functions};
use crate::kernel::ids::{NodeId, RequestId};
use crate::kernel::time::Instant;
use crate::node::{Reply, ReplyToken, Request};

/// How an operation ends.
enum Ending {
    /// With this result, at this version.
    Ok(Value, u64),
    /// Without effect, because a node said so, for this reason.
    Fail(&'static str),
    /// Unknown, because a node said so, for this reason.
    Info(&'static str),
    /// Without an answer that settles it: unknown if an attempt was left unanswered, without effect otherwise.
    GivenUp(&'static str, EndedBy),
}

impl Client {
    /// The session is open: sends the operation itself.
    pub(super) fn ask(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let State::Waiting { step, .. } = &mut self.state else {
            unreachable!("a session is opened for an operation");
        };
        *step = Step::Asking;
        self.session_open = true;
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
                self.end(Ending::GivenUp("session-expired", EndedBy::Refusal), now, actions);
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
        if self.refusals >= self.near && !matches!(self.plan, Plan::Given(_)) {
            self.end(Ending::GivenUp(reason, EndedBy::Refusal), now, actions);
            return;
        }
        self.refused = Some(reason);
        self.next_node();
        actions.push(Action::Wake(now + self.times.backoff));
    }

    /// The time of the operation is up.
    pub(super) fn give_up(
        &mut self,
        reason: &'static str,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        self.end(Ending::GivenUp(reason, EndedBy::Timeout), now, actions);
    }

    pub(super) fn next_operation(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let given = match &mut self.plan {
            Plan::Draws if self.times.limit.is_some_and(|limit| self.invoked >= limit) => None,
            Plan::Draws => Some(self.draw.operation(&mut self.asks, self.version)),
            Plan::Scripted(script) => script.pop_front().map(|(_, operation)| operation),
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
                self.sequence = 1;
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
        // Later attempts go on from there, so that nobody is asked twice before everybody was asked once.
        if roams && self.attempt == self.first_attempt {
            let place = self.stream.below(self.near as u64) as usize;
            self.nodes[..self.near].rotate_left(place);
            return self.nodes[0];
        }
        self.leader.unwrap_or(self.nodes[0])
    }

    /// Asks another near node next.
    pub(super) fn next_node(&mut self) {
        self.nodes[..self.near].rotate_left(1);
    }

    /// The request of an operation. Reads are numbered apart: they have no place in the session. The request that opens
    /// a session has the number 0 in it.
    fn request(&self, operation: &Operation) -> RequestId {
        if operation.function == functions::OPEN_SESSION {
            return RequestId { session: self.session, sequence: 0 };
        }
        if self.sessions == Sessions::Opened && is_read(operation) {
            return RequestId { session: self.session | RequestId::READ, sequence: self.invoked };
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
            ended_by: EndedBy::Nothing,
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
        let unanswered = self.unanswered > 0;
        let (phase, reason, ended_by) = match ending {
            Ending::Ok(..) => (Phase::Ok, "", EndedBy::Answer),
            Ending::Fail(reason) => (Phase::Fail, reason, EndedBy::Answer),
            Ending::Info(reason) => (Phase::Info, reason, EndedBy::Answer),
            Ending::GivenUp(reason, by) if unanswered => (Phase::Info, reason, by),
            Ending::GivenUp(reason, by) => (Phase::Fail, reason, by),
        };
        let mut event = HistoryEvent { reason, ended_by, ..self.event(phase, operation, now) };
        if let Ending::Ok(value, version) = ending {
            event.version = version;
            self.draw.saw(&event.operation, &value);
            event.operation.value = draw::outcome(&event.operation, value);
        } else if phase == Phase::Info {
            // Its outcome is open, so the client goes on as a new process, under a new session.
            self.process += self.process_stride;
            self.session_open &= is_read(&event.operation);
        }
        actions.push(Action::Record(event));
        self.first_attempt = self.attempt + 1;
        self.rest(now, actions);
    }

    /// The administrator does not rest until it is done.
    const fn is_administrator(&self) -> bool {
        self.id.0 as u64 + 1 == self.process_stride
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::clients;
    use crate::client::workload::{ClientGroup, Workload};
    use crate::world::cluster::Cluster;

    /// The only client of one node has invoked its first operation and sent it, with this token.
    fn waiting() -> (Client, ReplyToken) {
        let group = ClientGroup::of(1);
        let workload = Workload { clients: vec![group], ..Workload::default() };
        let mut clients = clients(1, &Cluster::of_size(1), &workload, Sessions::None);
        let mut client = clients.swap_remove(0);
        let mut actions = Vec::new();
        client.wake(Instant::ZERO, &mut actions);
        assert_eq!(recorded(&actions), Some((Phase::Invoke, EndedBy::Nothing)));
        let sent = actions.iter().find_map(|action| match action {
            Action::Send(_, request) => Some(request.token),
            _ => None,
        });
        (client, sent.expect("the operation was sent"))
    }

    fn recorded(actions: &[Action]) -> Option<(Phase, EndedBy)> {
        actions.iter().find_map(|action| match action {
            Action::Record(event) => Some((event.phase, event.ended_by)),
            _ => None,
        })
    }

    #[test]
    fn the_history_tells_an_answer_from_a_refusal() {
        let endings = [
            (Reply::ok(Value::Nil), Phase::Ok, EndedBy::Answer),
            (Reply::Fail("cas-mismatch"), Phase::Fail, EndedBy::Answer),
            (Reply::Unknown("leadership was lost"), Phase::Info, EndedBy::Answer),
            (Reply::NotLeader(None), Phase::Fail, EndedBy::Refusal),
            (Reply::Refused("too-stale"), Phase::Fail, EndedBy::Refusal),
            (Reply::SessionExpired, Phase::Fail, EndedBy::Refusal),
        ];
        for (reply, phase, ended_by) in endings {
            let (mut client, token) = waiting();
            let mut actions = Vec::new();
            client.reply(token, reply, Instant::ZERO, &mut actions);
            assert_eq!(recorded(&actions), Some((phase, ended_by)));
        }
    }

    #[test]
    fn a_client_whose_time_is_up_was_neither_answered_nor_refused() {
        let (mut client, _) = waiting();
        let mut actions = Vec::new();
        client.wake(Instant::ZERO + Workload::default().timeout, &mut actions);
        assert_eq!(recorded(&actions), Some((Phase::Info, EndedBy::Timeout)));
    }

    #[test]
    fn a_refusal_after_a_silent_attempt_is_a_refusal_of_unknown_effect() {
        let (mut client, token) = waiting();
        let mut actions = Vec::new();
        let later = Instant::ZERO + Workload::default().retry;
        client.wake(later, &mut actions);
        let token = ReplyToken { attempt: token.attempt + 1, ..token };
        client.reply(token, Reply::NotLeader(None), later, &mut actions);
        assert_eq!(recorded(&actions), Some((Phase::Info, EndedBy::Refusal)));
    }
}
