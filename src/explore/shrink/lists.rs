//! What a scenario lists besides operations, and can do without: faults, messages' fates, clients, nodes.

use std::time::Duration;

use crate::explore::shrink::aim::{with_parties, without_node};
use crate::explore::shrink::{Edit, Shrinker};
use crate::kernel::ids::ClientId;
use crate::scenario::Scenario;
use crate::world::network::fates::Party;

/// Keeps the faults that the failure needs.
pub(super) fn faults(shrinker: &mut Shrinker<'_>) -> bool {
    let all = shrinker.best().faults.clone();
    shrinker.minimize(all.len(), |scenario, kept| {
        scenario.faults = kept.iter().map(|&place| all[place].clone()).collect();
    })
}

/// Keeps the messages that must be lost, damaged, or late for the failure.
pub(super) fn messages(shrinker: &mut Shrinker<'_>) -> bool {
    let all = shrinker.best().network.fates.clone();
    shrinker.minimize(all.len(), |scenario, kept| {
        scenario.network.fates = kept.iter().map(|&place| all[place]).collect();
    })
}

/// Removes clients who ask nothing, and lets one client ask for two.
pub(super) fn clients(shrinker: &mut Shrinker<'_>) -> bool {
    let count = clients_of(shrinker.best());
    let idle = (0..count).rev().map(|client| edit(move |it| without_client(it, client)));
    let merged = (1..count).rev().flat_map(|from| {
        (0..from).map(move |to| edit(move |it| with_client_merged(it, from, to).map(roomy)))
    });
    let all = edit(|scenario| {
        let count = clients_of(scenario);
        (0..count).rev().try_fold(scenario.clone(), |it, client| {
            Some(without_client(&it, client).unwrap_or(it))
        })
    });
    let changed = shrinker.pass(std::iter::once(all).chain(idle).collect());
    // Merging asks for as many runs as there are pairs, and for many clients there is nothing to be gained.
    let few = clients_of(shrinker.best()) <= CLIENTS_MERGED_MAX;
    (few && shrinker.pass(merged.collect())) || changed
}

/// Of more clients no two are merged.
const CLIENTS_MERGED_MAX: u32 = 8;
/// What a smaller cluster or a busier client may need more; cut again afterwards.
const ROOM: Duration = Duration::from_secs(2);

fn edit(change: impl Fn(&Scenario) -> Option<Scenario> + Sync + 'static) -> Edit {
    Box::new(change)
}

/// How many clients there are.
pub(super) fn clients_of(scenario: &Scenario) -> u32 {
    scenario.workload.clients.iter().map(|group| group.count).sum()
}

/// The scenario without a client who asks nothing; `None` if it asks something, or nobody knows what.
fn without_client(scenario: &Scenario, gone: u32) -> Option<Scenario> {
    let mut smaller = scenario.clone();
    let script = smaller.workload.script.as_mut()?;
    if script.iter().any(|entry| entry.client == gone) || gone >= clients_of(scenario) {
        return None;
    }
    for entry in script.iter_mut().filter(|entry| entry.client > gone) {
        entry.client -= 1;
    }
    let mut before = 0;
    let groups = &mut smaller.workload.clients;
    let group = groups.iter_mut().find(|group| {
        before += group.count;
        gone < before
    })?;
    group.count -= 1;
    groups.retain(|group| group.count > 0);
    with_parties(&mut smaller, |party| match party {
        Party::Client(client) if client.0 == gone => None,
        Party::Client(client) if client.0 > gone => Some(Party::Client(ClientId(client.0 - 1))),
        other => Some(other),
    });
    Some(smaller)
}

/// One client asks what two asked, in the order of time; the other one goes.
fn with_client_merged(scenario: &Scenario, from: u32, to: u32) -> Option<Scenario> {
    let mut merged = scenario.clone();
    let script = merged.workload.script.as_mut()?;
    if !script.iter().any(|entry| entry.client == from) || from >= clients_of(scenario) {
        return None;
    }
    for entry in script.iter_mut().filter(|entry| entry.client == from) {
        entry.client = to;
    }
    script.sort_by_key(|entry| entry.at);
    without_client(&merged, from)
}

/// Removes the nodes that the failure does not need.
pub(super) fn nodes(shrinker: &mut Shrinker<'_>) -> bool {
    let nodes = shrinker.best().cluster.nodes().collect::<Vec<_>>();
    // Two at a time first: an odd number of voters remains odd.
    let pairs = nodes.iter().rev().flat_map(|&one| {
        let others = nodes.iter().rev().filter(move |&&other| other < one);
        others.map(move |&other| {
            edit(move |it| without_node(&without_node(it, one)?, other).map(roomy))
        })
    });
    let pairs: Vec<Edit> = pairs.collect();
    let changed = shrinker.pass_until_first(&pairs);
    let nodes = shrinker.best().cluster.nodes().collect::<Vec<_>>();
    let single =
        nodes.into_iter().rev().map(|node| edit(move |it| without_node(it, node).map(roomy)));
    shrinker.pass_until_first(&single.collect::<Vec<_>>()) || changed
}

/// With time to ask another node first, or to wait for an answer before the next operation. What is too long is cut again.
fn roomy(mut scenario: Scenario) -> Scenario {
    scenario.duration += ROOM;
    scenario
}
