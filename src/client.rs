//! The workload: clients that ask, wait, ask again, and write down what they saw.
//!
//! A client is a state machine that answers with actions; the simulation carries them out. It stands for a client
//! library as well as for its user: it finds the leader, repeats what was not answered with the *same* request id, and
//! says in the end what it knows:
//!
//! - `ok` and `fail` only if a node said so, or if every attempt was refused, so that none can take effect;
//! - `info` if a single attempt stayed unanswered: it may take effect at any later time.

pub mod draw;
mod operation;
pub mod script;
pub mod workload;

use std::collections::VecDeque;
use std::time::Duration;

use crate::client::draw::Draw;
use crate::client::script::of_client;
use crate::client::workload::{Routing, Workload};
use crate::history::{HistoryEvent, Operation, Value, functions};
use crate::kernel::ids::{ClientId, NodeId};
use crate::kernel::random::{Purpose, Stream};
use crate::kernel::time::Instant;
use crate::node::{Reply, ReplyToken, Request};
use crate::world::cluster::Cluster;

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

/// Where a client's next operation comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Plan {
    /// Draws operations from the workload.
    Draws,
    /// Asks what the script says, in order, each not before its time.
    Scripted(VecDeque<(Instant, Operation)>),
    /// Asks only what it was given, in order, each until it is done.
    Given(Vec<Operation>),
}

/// One client: a sequential thread of operations.
#[derive(Clone, Debug)]
pub struct Client {
    id: ClientId,
    endpoint: u32,
    /// Draws what it asks, and when.
    asks: Stream,
    /// Draws everything else: whom it asks, and the pauses between operations that it was given. A stream of its own, so
    /// that a client that follows a script asks the same nodes as the client that drew it.
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
            if let Some(script) = &workload.script {
                client.plan = Plan::Scripted(of_client(script, id));
            }
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
            asks: Stream::new(seed, Purpose::Client, u64::from(id.0), 0),
            stream: Stream::new(seed, Purpose::Client, u64::from(id.0), 1),
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

    /// Begins: at a random moment of the first think time, or when its script does.
    pub fn start(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.state != State::Done {
            self.rest(now, actions);
        }
    }

    /// Thinks until its next operation is due. A client that has come to the end of its script is done.
    fn rest(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let due = match &self.plan {
            Plan::Draws => now + self.draw.think(&mut self.asks),
            Plan::Given(_) => now + self.draw.think(&mut self.stream),
            Plan::Scripted(script) => {
                let Some(&(at, _)) = script.front() else {
                    self.state = State::Done;
                    return;
                };
                at.max(now)
            }
        };
        actions.push(Action::Wake(due));
    }

    /// The last operation that the client will ask by itself is behind it; from now on it reads these keys, once each, so that
    /// the history ends with what is there.
    pub fn audit(&mut self, keys: Vec<Value>, now: Instant, actions: &mut Vec<Action>) {
        self.plan = Plan::Given(keys.into_iter().rev().map(read_of).collect());
        if matches!(self.state, State::Thinking | State::Done) {
            self.state = State::Thinking;
            actions.push(Action::Wake(now));
        }
    }

    /// The keys that operations touch which the client draws.
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
}

fn is_read(operation: &Operation) -> bool {
    operation.function.starts_with(functions::READ)
}

/// The read that an audit makes of a key.
fn read_of(key: Value) -> Operation {
    Operation::new(functions::READ, key, Value::Nil)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::workload::ClientGroup;
    use crate::history::Phase;

    fn client() -> Client {
        let group = ClientGroup::of(1);
        let workload = Workload {
            clients: vec![group],
            operations: vec![("write".into(), 1)],
            ..Workload::default()
        };
        clients(1, &Cluster::of_size(3), &workload, Sessions::Opened).swap_remove(0)
    }

    fn sent(actions: &[Action]) -> &Request {
        let mut requests = actions.iter().filter_map(|action| match action {
            Action::Send(_, request) => Some(request),
            _ => None,
        });
        requests.next_back().expect("the client asks")
    }

    fn recorded(actions: &[Action]) -> &HistoryEvent {
        let mut events = actions.iter().filter_map(|action| match action {
            Action::Record(event) => Some(event),
            _ => None,
        });
        events.next_back().expect("the client writes down")
    }

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    /// The client has invoked a write and asks for a session.
    fn opening() -> (Client, Vec<Action>) {
        let mut client = client();
        let mut actions = Vec::new();
        client.wake(at(0), &mut actions);
        assert_eq!(sent(&actions).operation.function, functions::OPEN_SESSION);
        (client, actions)
    }

    /// The session is open and the write is on its way.
    fn asking() -> (Client, Vec<Action>) {
        let (mut client, mut actions) = opening();
        client.reply(sent(&actions).token, Reply::ok(0), at(1), &mut actions);
        (client, actions)
    }

    /// Each of the three nodes says that it knows no leader.
    fn refuse_three_times(client: &mut Client, begin: u64, actions: &mut Vec<Action>) {
        for attempt in 0..3 {
            if attempt > 0 {
                client.wake(at(begin + 50 * attempt), actions);
            }
            let token = sent(actions).token;
            client.reply(token, Reply::NotLeader(None), at(begin + 50 * attempt), actions);
        }
    }

    #[test]
    fn invoke_and_completion_name_the_request_that_was_sent() {
        let (mut client, mut actions) = asking();
        let invoked = recorded(&actions).request;
        let request = sent(&actions).clone();
        assert_eq!(request.id, invoked);
        client.reply(request.token, Reply::ok(0), at(2), &mut actions);
        assert_eq!((recorded(&actions).phase, recorded(&actions).request), (Phase::Ok, invoked));
    }

    #[test]
    fn what_every_node_refused_has_failed() {
        let (mut client, mut actions) = asking();
        refuse_three_times(&mut client, 10, &mut actions);
        assert_eq!(
            (recorded(&actions).phase, recorded(&actions).reason),
            (Phase::Fail, "no-leader")
        );
    }

    #[test]
    fn what_was_once_left_unanswered_may_take_effect() {
        let (mut client, mut actions) = asking();
        client.wake(at(400), &mut actions); // the first attempt stays unanswered
        refuse_three_times(&mut client, 410, &mut actions);
        assert_eq!(recorded(&actions).phase, Phase::Info);
    }

    #[test]
    fn an_operation_that_never_got_a_session_has_failed() {
        let (mut client, mut actions) = opening();
        for wake in [301, 602, 903, 1_000] {
            client.wake(at(wake), &mut actions);
        }
        assert_eq!((recorded(&actions).phase, recorded(&actions).reason), (Phase::Fail, "timeout"));
    }

    #[test]
    fn a_retry_has_the_same_id_and_another_token() {
        let (mut client, mut actions) = asking();
        let first = sent(&actions).clone();
        client.wake(at(400), &mut actions);
        let second = sent(&actions).clone();
        assert_eq!((first.id, first.operation), (second.id, second.operation));
        assert_ne!(first.token, second.token);
        // The answer to the first attempt still counts.
        client.reply(first.token, Reply::ok(0), at(410), &mut actions);
        assert_eq!(recorded(&actions).phase, Phase::Ok);
    }

    #[test]
    fn a_client_that_roams_asks_nobody_twice_before_it_asked_everybody_once() {
        let (mut client, mut actions) = (client(), Vec::new());
        client.sessions = Sessions::None;
        client.routing = Routing::Roaming;
        for attempt in 0..3 {
            client.wake(at(300 * attempt), &mut actions);
        }
        let mut asked: Vec<NodeId> = Vec::new();
        asked.extend(actions.iter().filter_map(|action| match action {
            Action::Send(to, _) => Some(*to),
            _ => None,
        }));
        asked.sort();
        assert_eq!(asked, [0, 1, 2].map(NodeId));
    }
}
