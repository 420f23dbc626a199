//! Which operations the failure needs: the longest list of a scenario, and the one that cuts get stuck in.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::client::script::Scripted;
use crate::explore::shrink::{Edit, Shrinker, explicit, set};
use crate::history::Value;
use crate::kernel::distribution::Distribution;

/// So many operations are few enough to be told one by one.
const FEW: usize = 12;
/// With how many seeds few operations are tried where many are left.
const LUCKY_SEEDS: u64 = 64;
/// How long the disks of a detour take for each access.
const SLOW_DISKS: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(10)];

/// Keeps the operations that the failure needs: first by whole clients and whole keys, then by pieces of the script.
pub(super) fn fewer(shrinker: &mut Shrinker<'_>) -> bool {
    let Some(script) = shrinker.best().workload.script.clone() else { return false };
    let clients: BTreeSet<u32> = script.iter().map(|entry| entry.client).collect();
    let keys: BTreeSet<Value> = script.iter().map(|entry| entry.operation.key.clone()).collect();
    let of_clients = clients.into_iter().rev().map(|client| drops(move |it| it.client == client));
    let of_keys = keys.into_iter().rev().map(|key| drops(move |it| it.operation.key == key));
    let changed = shrinker.pass(of_clients.chain(of_keys).collect());
    luck(shrinker) | pieces(shrinker) | detours(shrinker) || changed
}

/// Keeps only what was asked last, with the luck of many seeds. A failure that waits for a message to be late waits for it
/// less often if there are fewer messages; and without any one of many operations the late one is another.
fn luck(shrinker: &mut Shrinker<'_>) -> bool {
    let usual = std::mem::replace(&mut shrinker.seeds, LUCKY_SEEDS);
    let mut found = false;
    while !is_short(shrinker) {
        let last = [1, 2, 4, 8, 12, 14].map(|sixteenths| {
            set(move |it| {
                if let Some(script) = &mut it.workload.script {
                    script.sort_by_key(|entry| entry.at);
                    script.drain(..script.len() - script.len() * sixteenths / 16);
                }
            })
        });
        if !shrinker.pass_until_first(&last) {
            break;
        }
        found = true;
    }
    shrinker.seeds = usual;
    found
}

/// Whether so few operations are left that they can be told one by one.
fn is_short(shrinker: &Shrinker<'_>) -> bool {
    shrinker.best().workload.script.as_ref().is_none_or(|script| script.len() <= FEW)
}

/// Keeps the pieces of the script that the failure needs.
fn pieces(shrinker: &mut Shrinker<'_>) -> bool {
    let script = shrinker.best().workload.script.clone().unwrap_or_default();
    shrinker.minimize(script.len(), |scenario, kept| {
        let kept = kept.iter().map(|&place| script[place].clone());
        scenario.workload.script = Some(kept.collect());
    })
}

/// Where many operations are left, most of them only pass the time or make a log long, and none can go alone. Each detour
/// does that without them; it is taken only if some of them go then.
///
/// - A client does one thing after the other, so what it is asked for at once puts off what follows. With the times at
///   which everything really was invoked, nothing waits for anything.
/// - A long log takes its time to be read; on a slow disk a short one does too.
fn detours(shrinker: &mut Shrinker<'_>) -> bool {
    let script = explicit::script(shrinker.best(), shrinker.report());
    let as_invoked = set(move |it| it.workload.script = Some(script.clone()));
    let slow =
        SLOW_DISKS.map(|access| set(move |it| it.disk.access = Distribution::Constant(access)));
    let mut shorter = false;
    for detour in std::iter::once(as_invoked).chain(slow) {
        if is_short(shrinker) {
            break;
        }
        let before = shrinker.best.clone();
        if shrinker.pass(vec![detour]) && pieces(shrinker) {
            shorter = true;
        } else {
            shrinker.best = before;
        }
    }
    shorter
}

/// Takes the operations of some kind out of the script.
fn drops(gone: impl Fn(&Scripted) -> bool + Sync + 'static) -> Edit {
    Box::new(move |scenario| {
        let mut smaller = scenario.clone();
        let script = smaller.workload.script.as_mut()?;
        let before = script.len();
        script.retain(|entry| !gone(entry));
        (script.len() < before).then_some(smaller)
    })
}
