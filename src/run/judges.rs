//! Who judges a run, and what the judges must be told about the scenario.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::checkers::registry::{self, Kind};
use crate::checkers::{Bounds, Checker, CheckerOptions, Watch};
use crate::history::functions;
use crate::kernel::ids::{ClientId, NodeId};
use crate::kernel::random::Probability;
use crate::run::RunError;
use crate::scenario::Scenario;
use crate::scenario::judgement::Checks;
use crate::scenario::systems::{OptionValue, SystemChoice};
use crate::simulation::PANIC;
use crate::world::assumptions::Budget;
use crate::world::cluster::Cluster;
use crate::world::fault::{Fault, Target};
use crate::world::nemesis::Tail;

/// The checkers that say something about a run in any case: a run about which one of them has nothing to say has tested
/// too little to be called ok.
const ALWAYS: &[&str] = &["linearizability", "durability", "state-machine-safety", "progress"];
/// The checkers that need a window to watch.
const WATCHING: &[&str] = &["quiet-minority", "stability"];
/// The checkers that keep the whole history, or that claim less than one that always judges: a scenario asks for them.
const ON_REQUEST: &[&str] = &["sequential-consistency", "causal-consistency", "bounded-staleness"];
const SESSIONS: &str = "session-guarantees";

/// The checkers that judge by the final reads. Nodes of one's own that none of them judges need not know reads.
const READING: &[&str] = &["linearizability", "durability"];

/// The judges of a run.
pub(super) struct Panel {
    /// They are shown the run.
    pub checkers: Vec<Box<dyn Checker>>,
    /// Without their word the run cannot be called ok.
    pub required: Vec<String>,
    /// Whether one of them judges by what the final reads find.
    pub reads_count: bool,
}

impl Panel {
    /// The judges that a scenario asks for, or those that fit it; and those that the system brings.
    pub(super) fn of(scenario: &Scenario, own: Vec<Box<dyn Checker>>) -> Result<Self, RunError> {
        let options = options(scenario);
        let mut names: Vec<&str> = match &scenario.checks {
            Checks::Default if own.is_empty() => fitting(scenario),
            Checks::Default => Vec::new(),
            Checks::Only(names) => names.iter().map(String::as_str).collect(),
        };
        let mut required: Vec<String> = match &scenario.checks {
            Checks::Default => ALWAYS.iter().chain(WATCHING).map(ToString::to_string).collect(),
            Checks::Only(names) => names.clone(),
        };
        names.retain(|name| can_be_judged(scenario, name));
        required.retain(|name| can_be_judged(scenario, name));
        required.extend(own.iter().map(|own| own.name().to_owned()));
        let mut checkers = own;
        for name in names.iter().filter(|name| **name != PANIC) {
            if WATCHING.contains(name) && options.watch.is_none() {
                let message = format!("{name} needs a `watch`: the nodes and the time to look at");
                return Err(RunError::new(message));
            }
            let checker = registry::build(name, &options).ok_or_else(|| {
                RunError::new(format!("the checker {name} is not built yet; leave it out"))
            })?;
            checkers.push(checker);
        }
        let reads_count = checkers.iter().any(|checker| READING.contains(&checker.name()));
        Ok(Self { checkers, required, reads_count })
    }

    /// Whether this checker can object. A panic is noticed in any run.
    pub(super) fn has(&self, name: &str) -> bool {
        name == PANIC || self.checkers.iter().any(|checker| checker.name() == name)
    }
}

/// Faults that may break anything may keep the system from ever going on: then nobody can ask for progress.
fn can_be_judged(scenario: &Scenario, name: &str) -> bool {
    let is_liveness =
        registry::CHECKERS.iter().any(|it| it.name == name && it.kind == Kind::Liveness);
    scenario.budget == Budget::Assumptions || !is_liveness
}

/// All checkers but those that have nothing to look at in this scenario.
fn fitting(scenario: &Scenario) -> Vec<&'static str> {
    let asks = |function: &str| {
        let workload = &scenario.workload;
        if let Some(script) = &workload.script {
            return script.iter().any(|entry| entry.operation.function == function);
        }
        let groups = workload.clients.iter().map(|group| &group.operations);
        groups.chain([&workload.operations]).flatten().any(|(name, _)| name == function)
    };
    let fits = |name: &&str| match *name {
        SESSIONS => asks(functions::READ_SESSION),
        name if ON_REQUEST.contains(&name) => false,
        name => !WATCHING.contains(&name) || scenario.watch.is_some(),
    };
    registry::CHECKERS.iter().map(|entry| entry.name).filter(fits).collect()
}

fn options(scenario: &Scenario) -> CheckerOptions {
    let cluster = &scenario.cluster;
    let reconfigured =
        scenario.faults.iter().any(|fault| matches!(fault.fault, Fault::Reconfigure { .. }));
    CheckerOptions {
        nodes: cluster.size(),
        voters: (!reconfigured).then(|| voters(scenario).len()),
        progress_within: progress_within(scenario),
        bounds: match scenario.budget {
            Budget::Assumptions => Bounds::all(progress_within(scenario)),
            Budget::Unlimited => Bounds::none(),
        },
        lossless: is_lossless(scenario),
        conserved: None,
        staleness_bound: staleness_bound(&scenario.system),
        watch: scenario.watch.as_ref().map(|watch| {
            let nodes = nodes_of(&watch.minority, cluster);
            Watch {
                from: watch.from,
                to: watch.to,
                clients: clients_near(scenario, &nodes),
                nodes,
                messages_max: watch.messages_max,
            }
        }),
    }
}

/// Whether messages arrive as long as no fault is about.
fn is_lossless(scenario: &Scenario) -> bool {
    let network = &scenario.network;
    let link = &network.link;
    let changes = network.regions.iter().map(|region| region.change);
    let shares = changes.flat_map(|change| [change.loss, change.corruption]).flatten();
    network.fates.is_empty()
        && link.queue_bytes.is_none()
        && shares.chain([link.loss, link.corruption]).all(|share| share == Probability::default())
}

/// Who votes when the run begins.
pub(super) fn voters(scenario: &Scenario) -> BTreeSet<NodeId> {
    match scenario.system.option("members") {
        Some(OptionValue::Nodes(members)) => members.iter().copied().collect(),
        _ => scenario.cluster.nodes().collect(),
    }
}

/// The bound of `progress`, from what the scenario says that things take, at worst:
///
/// - a follower notices that it has no leader (one election time-out) and wins the third election (three more);
/// - each election, and the first commit, is two round trips and two syncs;
/// - a client notices (one retry), and asks twice more; if the tail heals a core only, it may ask everybody outside first.
pub(super) fn progress_within(scenario: &Scenario) -> Duration {
    let delays = scenario.network.regions.iter().filter_map(|region| region.change.delay);
    let delay = delays
        .chain([scenario.network.link.delay])
        .map(|delay| delay.upper())
        .max()
        .expect("there is at least the default link");
    let step = 4 * delay + 2 * (scenario.disk.sync.upper() + scenario.disk.access.upper());
    let election = election_timeout_max(&scenario.system);
    let outside = match scenario.tail {
        Tail::All => 0,
        Tail::Core => (scenario.cluster.size() as u32 - 1) / 2,
    };
    4 * election + 4 * step + (3 + outside) * scenario.workload.retry
}

fn election_timeout_max(system: &SystemChoice) -> Duration {
    match system.option("election-timeout") {
        Some(OptionValue::DurationRange(_, high)) => *high,
        _ => crate::systems::raft_kv::options::RaftOptions::default().election_timeout.1,
    }
}

fn staleness_bound(system: &SystemChoice) -> Duration {
    match system.option("staleness-bound") {
        Some(OptionValue::Duration(bound)) => *bound,
        _ => crate::systems::raft_kv::options::RaftOptions::default().staleness_bound,
    }
}

/// The nodes that a target names, if it names them before the run.
fn nodes_of(target: &Target, cluster: &Cluster) -> Vec<NodeId> {
    match target {
        Target::Node(node) => vec![*node],
        Target::Region(region) => cluster.regions[*region].nodes.clone(),
        Target::List(targets) => {
            targets.iter().flat_map(|target| nodes_of(target, cluster)).collect()
        }
        _ => cluster.nodes().collect(),
    }
}

/// The clients near a region all of whose nodes are among these.
fn clients_near(scenario: &Scenario, nodes: &[NodeId]) -> Vec<ClientId> {
    let inside = |near: Option<usize>| {
        near.is_some_and(|region| {
            scenario.cluster.regions[region].nodes.iter().all(|node| nodes.contains(node))
        })
    };
    let groups = scenario.workload.clients.iter();
    let places = groups.flat_map(|group| std::iter::repeat_n(group.near, group.count as usize));
    let numbered = places.enumerate().filter(|(_, near)| inside(*near));
    numbered.map(|(number, _)| ClientId(number as u32)).collect()
}
