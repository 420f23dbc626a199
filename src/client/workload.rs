//! What the clients do, as plain data.

use std::time::Duration;

use crate::client::script::Scripted;
use crate::kernel::distribution::Distribution;

/// The workload of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// The clients, in groups.
    pub clients: Vec<ClientGroup>,
    /// What they ask, with weights: a function name and its share.
    pub operations: Vec<(String, u32)>,
    /// How many keys there are, from 0; each operation draws one.
    pub keys: u64,
    /// How long a client waits between an answer and its next operation.
    pub think: Distribution,
    /// After how long an operation without an answer ends as `info`.
    pub timeout: Duration,
    /// After how long an attempt without an answer is repeated, with the same request id, at another node.
    pub retry: Duration,
    /// How long a client waits after a refusal before it asks another node.
    pub backoff: Duration,
    /// How many operations each client invokes at most; `None`: no limit.
    pub limit: Option<u64>,
    /// Where a client sends its operations.
    pub routing: Routing,
    /// What the clients ask, written down: they then draw nothing, and `operations`, `keys`, `think` and `limit` say
    /// nothing. The entries of each client are in the order of their times.
    pub script: Option<Vec<Scripted>>,
}

impl Workload {
    /// So many clients that draw these operations, by weight, from eight keys. The rest is as in a scenario that leaves it
    /// out.
    #[must_use]
    pub fn of(clients: u32, operations: &[(&str, u32)]) -> Self {
        let named = |&(name, weight): &(&str, u32)| (name.to_owned(), weight);
        Self {
            clients: vec![ClientGroup::of(clients)],
            operations: operations.iter().map(named).collect(),
            ..Self::default()
        }
    }
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            clients: Vec::new(),
            operations: vec![("write".into(), 1), ("read".into(), 1)],
            keys: 8,
            think: Distribution::Exponential(Duration::from_millis(20)),
            timeout: Duration::from_secs(1),
            retry: Duration::from_millis(300),
            backoff: Duration::from_millis(25),
            limit: None,
            routing: Routing::Leader,
            script: None,
        }
    }
}

/// Some clients of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientGroup {
    /// How many.
    pub count: u32,
    /// The region they are in, by its place in the cluster: they talk to its nodes first, their messages take as long
    /// as its nodes' do, and a cut of the region cuts them off with it. `None`: everywhere.
    pub near: Option<usize>,
    /// Operations of their own instead of the workload's, if not empty.
    pub operations: Vec<(String, u32)>,
    /// A routing of their own instead of the workload's.
    pub routing: Option<Routing>,
}

impl ClientGroup {
    /// So many clients that are everywhere and do what the workload says.
    #[must_use]
    pub const fn of(count: u32) -> Self {
        Self { count, near: None, operations: Vec::new(), routing: None }
    }
}

/// Where a client sends its operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Routing {
    /// To the node that it believes to lead; it follows the hints of the others.
    #[default]
    Leader,
    /// Reads to a random node near it each time, everything else to the leader.
    ReadsNear,
    /// Everything to a random node each time.
    Roaming,
}
