//! The workload: clients that ask, wait, ask again, and write down what they saw.
//!
//! A client is a state machine that answers with actions; the simulation carries them out. It stands for a client
//! library as well as for its user: it finds the leader, repeats what was not answered with the *same* request id, and
//! says in the end what it knows:
//!
//! - `ok` and `fail` only if a node said so, or if every attempt was refused, so that none can take effect;
//! - `info` if a single attempt stayed unanswered: it may take effect at any later time.

pub mod draw;
pub mod workload;

use std::time::Duration;

use crate::client::draw::Draw;
use crate::client::workload::{Routing, Workload};
use crate::history::{HistoryEvent, Operation, Phase, Value, functions};
use crate::kernel::ids::{ClientId, NodeId, RequestId};
use crate::kernel::random::{Purpose, Stream};
use crate::kernel::time::Instant;
use crate::node::{Reply, ReplyToken, Request};
use crate::world::cluster::Cluster;

/// Marks the sessions under which clients number their reads.
const READS: u64 = 1 << 63;

/// What a client wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send this request to this node.
    Send(NodeId, Request),
    /// Call [`Client::wake`] then. A later action of this kind replaces it.
    Wake(Instant),
    /// Write this down.
    Record(HistoryEvent),
}

/// Whether the system knows sessions: clients then open one before their first operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sessions {
    /// Requests need no session.
    #[default]
    None,
    /// A session must be opened.
    Opened,
}

/// What a client is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Thinks until it wakes.
    Thinking,
    /// Waits for the outcome of an operation.
    Waiting { operation: Operation, invoked: Instant, step: Step },
    /// Will not ask again.
    Done,
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Its session is being opened; the operation itself has not been sent.
    Opening,
    /// It has been sent.
    Asking,
}

/// What a client does when it is not told what to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Plan {
    /// Draws operations from the workload.
    Draws,
    /// Asks only what it was given, in order, each until it is done.
    Given(Vec<Operation>),
}

/// One client: a sequential thread of operations.
#[derive(Clone, Debug)]
pub struct Client {
    id: ClientId,
    endpoint: u32,
    stream: Stream,
    draw: Draw,
    plan: Plan,
    routing: Routing,
    sessions: Sessions,
    /// The nodes it asks, the near ones first.
    nodes: Vec<NodeId>,
    /// How many of `nodes` are near.
    near: usize,
    leader: Option<NodeId>,
    process: u64,
    /// How much to add for the client's next process.
    process_stride: u64,
    session: u64,
    session_open: bool,
    sequence: u64,
    version: u64,
    state: State,
    /// The number of the current attempt, increasing over the client's life.
    attempt: u64,
    /// The first attempt of the current operation.
    first_attempt: u64,
    /// An attempt of this operation was left unanswered.
    unanswered: u32,
    /// Attempts of this operation that were refused in a row.
    refusals: usize,
    /// The current attempt was answered with a refusal; the next one comes when the client wakes.
    refused: Option<&'static str>,
    invoked: u64,
    times: Times,
}

#[derive(Clone, Copy, Debug)]
struct Times {
    timeout: Duration,
    retry: Duration,
    backoff: Duration,
    limit: Option<u64>,
}

/// How an operation ends.
enum Ending {
    /// With this result, at this version.
    Ok(Value, u64),
    /// Without effect, for this reason.
    Fail(&'static str),
    /// Unknown, for this reason.
    Info(&'static str),
}

/// The clients of a workload, and one more that does what the administrator asks.
#[must_use]
pub fn clients(
    seed: u64,
    cluster: &Cluster,
    workload: &Workload,
    sessions: Sessions,
) -> Vec<Client> {
    let total: u64 = workload.clients.iter().map(|group| u64::from(group.count)).sum();
    let mut clients = Vec::new();
    for group in &workload.clients {
        let operations =
            if group.operations.is_empty() { &workload.operations } else { &group.operations };
        for _ in 0..group.count {
            let id = ClientId(clients.len() as u32);
            let mut client = Client::new(seed, id, cluster, workload);
            client.draw = Draw::new(id, operations, workload);
            client.routing = group.routing.unwrap_or(workload.routing);
            client.sessions = sessions;
            client.process_stride = total + 1;
            client.stand_near(cluster, group.near);
            clients.push(client);
        }
    }
    let id = ClientId(clients.len() as u32);
    let mut administrator = Client::new(seed, id, cluster, workload);
    administrator.plan = Plan::Given(Vec::new());
    administrator.state = State::Done;
    administrator.process_stride = total + 1;
    administrator.stand_near(cluster, None);
    clients.push(administrator);
    clients
}

impl Client {
    fn new(seed: u64, id: ClientId, cluster: &Cluster, workload: &Workload) -> Self {
        Self {
            id,
            endpoint: cluster.size() as u32 + id.0,
            stream: Stream::new(seed, Purpose::Client, u64::from(id.0), 0),
            draw: Draw::new(id, &[], workload),
            plan: Plan::Draws,
            routing: workload.routing,
            sessions: Sessions::None,
            nodes: cluster.nodes().collect(),
            near: 0,
            leader: None,
            process: u64::from(id.0),
            process_stride: 1,
            session: u64::from(id.0) << 32,
            session_open: false,
            sequence: 0,
            version: 0,
            state: State::Thinking,
            attempt: 0,
            first_attempt: 0,
            unanswered: 0,
            refusals: 0,
            refused: None,
            invoked: 0,
            times: Times {
                timeout: workload.timeout,
                retry: workload.retry,
                backoff: workload.backoff,
                limit: workload.limit,
            },
        }
    }

    /// Puts the nodes of the region first, each part in an order of the client's own, so that clients do not all
    /// ask the same node.
    fn stand_near(&mut self, cluster: &Cluster, region: Option<usize>) {
        let (mut near, mut far): (Vec<_>, Vec<_>) = cluster
            .nodes()
            .partition(|&node| region.is_some() && cluster.region_of(node) == region);
        if near.is_empty() {
            std::mem::swap(&mut near, &mut far);
        }
        self.stream.shuffle(&mut near);
        self.stream.shuffle(&mut far);
        self.near = near.len();
        self.nodes = near;
        self.nodes.append(&mut far);
    }

    /// The client.
    #[must_use]
    pub const fn id(&self) -> ClientId {
        self.id
    }

    /// Begins, at a random moment of the first think time.
    pub fn start(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.state != State::Done {
            actions.push(Action::Wake(now + self.draw.think(&mut self.stream)));
        }
    }

    /// The last operation that the client will draw is behind it; from now on it reads these keys, once each, so that
    /// the history ends with what is there.
    pub fn audit(&mut self, keys: Vec<Value>, now: Instant, actions: &mut Vec<Action>) {
        self.plan = Plan::Given(keys.into_iter().rev().map(read_of).collect());
        if matches!(self.state, State::Thinking | State::Done) {
            self.state = State::Thinking;
            actions.push(Action::Wake(now));
        }
    }

    /// The keys that the client's own operations touch.
    pub fn keys(&self) -> impl Iterator<Item = Value> + '_ {
        self.draw.keys()
    }

    /// The client does this operation as soon as it can, until it is done.
    pub fn give(&mut self, operation: Operation, now: Instant, actions: &mut Vec<Action>) {
        if let Plan::Given(operations) = &mut self.plan {
            operations.insert(0, operation);
        }
        if self.state == State::Done {
            self.state = State::Thinking;
            actions.push(Action::Wake(now));
        }
    }

    /// Whether the client has nothing left to do.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The time came for which the client asked.
    pub fn wake(&mut self, now: Instant, actions: &mut Vec<Action>) {
        match &self.state {
            State::Done => {}
            State::Thinking => self.next_operation(now, actions),
            State::Waiting { invoked, step, .. } => {
                let deadline = *invoked + self.times.timeout;
                if self.refused.take().is_none() {
                    self.unanswered += u32::from(*step == Step::Asking);
                    self.leader = None;
                    self.refusals = 0;
                    self.next_node();
                }
                if now >= deadline {
                    self.give_up("timeout", now, actions);
                } else {
                    self.attempt(now, actions);
                }
            }
        }
    }

    /// A node answered an attempt.
    pub fn reply(
        &mut self,
        token: ReplyToken,
        reply: Reply,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        if token.attempt < self.first_attempt {
            return; // the answer to an operation that has ended
        }
        match self.state {
            State::Waiting { step: Step::Opening, .. } if matches!(reply, Reply::Ok { .. }) => {
                self.ask(now, actions);
            }
            State::Waiting { .. } => self.answered(reply, token, now, actions),
            State::Thinking | State::Done => {}
        }
    }

    /// The session is open: sends the operation itself.
    fn ask(&mut self, now: Instant, actions: &mut Vec<Action>) {
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

    fn answered(
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
    fn give_up(&mut self, reason: &'static str, now: Instant, actions: &mut Vec<Action>) {
        let ending = if self.unanswered > 0 { Ending::Info(reason) } else { Ending::Fail(reason) };
        self.end(ending, now, actions);
    }

    fn next_operation(&mut self, now: Instant, actions: &mut Vec<Action>) {
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
    fn attempt(&mut self, now: Instant, actions: &mut Vec<Action>) {
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
    fn next_node(&mut self) {
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

fn is_read(operation: &Operation) -> bool {
    operation.function.starts_with(functions::READ)
}

/// The read that an audit makes of a key.
fn read_of(key: Value) -> Operation {
    Operation::new(functions::READ, key, Value::Nil)
}
