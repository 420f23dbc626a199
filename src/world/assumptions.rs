//! What a replicated system relies on, and whether faults take it away: one rule, by which random faults are held back
//! before they happen and runs are judged afterwards.
//!
//! A replicated system survives the damage of a minority of its disks: what is lost there is repaired from the others. If a
//! majority of the voters has disks that lose or change what they had promised to keep, then all copies of a record may be
//! gone, and no design could have kept it. Source: Alagappan et al. 2018 (Protocol-Aware Recovery for Consensus-Based
//! Storage), for what replication can repair and what it cannot.
//!
//! Whoever has been asked to vote counts: the first voters, and the members of each reconfiguration, of which nobody knows
//! from outside when they took over.
//!
//! A disk that was replaced by an empty one is damage only until it is repaired: its node comes back, is admitted again and
//! catches up. That takes a while without other troubles: while a majority is cut off, say, nobody is repaired. What a disk
//! changed in silence nobody knows to repair.
//!
//! Only silent damage counts. A failing sync, a full disk or an error of a read is told to the node, which must cope; a
//! loss of power takes nothing that was synced.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::kernel::ids::NodeId;
use crate::kernel::random::Probability;
use crate::kernel::time::Instant;
use crate::world::fault::{DiskFault, Fault};

/// What random faults may break.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Budget {
    /// Nothing that the system relies on: what would break it is held back.
    #[default]
    Assumptions,
    /// Anything; then only safety is judged.
    Unlimited,
}

/// What the system relies on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// Who votes when the run begins.
    pub voters: BTreeSet<NodeId>,
    /// How long replication takes, at worst, to fill an empty disk of a node that is up, if nothing else is wrong.
    pub repair: Duration,
}

/// A fault as it happened.
#[derive(Clone, Copy, Debug)]
pub struct Happened<'a> {
    /// What it was.
    pub fault: &'a Fault,
    /// The nodes that it met.
    pub nodes: &'a [NodeId],
    /// When it began.
    pub from: Instant,
    /// When it was over; in the future while it holds. A stop is over when the last of its nodes is up again.
    pub to: Instant,
}

/// An assumption that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// From when on.
    pub at: Instant,
    /// Which, and by what, in words.
    pub why: String,
}

impl Assumptions {
    /// Whether these faults, given in the order in which they began, broke what the system relies on.
    #[must_use]
    pub fn broken_by(&self, happened: &[Happened<'_>]) -> Option<Broken> {
        let mut electorates = vec![self.voters.clone()];
        let mut damages: Vec<Happened<'_>> = Vec::new();
        for (place, one) in happened.iter().enumerate() {
            if !matters(one.fault) {
                continue;
            }
            if matches!(one.fault, Fault::Reconfigure { .. }) {
                electorates.push(one.nodes.iter().copied().collect());
            } else {
                damages.push(*one);
            }
            let until_now = &happened[..=place];
            let lasting: Vec<&Happened<'_>> =
                damages.iter().filter(|damage| !self.is_repaired(damage, until_now)).collect();
            let hit: BTreeSet<NodeId> =
                lasting.iter().flat_map(|damage| damage.nodes).copied().collect();
            let met = |voters: &&BTreeSet<NodeId>| {
                let count = voters.intersection(&hit).count();
                // Of four, two that remember are no majority.
                !voters.is_empty() && 2 * count >= voters.len()
            };
            if let Some(voters) = electorates.iter().find(met) {
                let kinds = lasting.iter().flat_map(|damage| silent_damage(damage.fault)).collect();
                return Some(Broken { at: one.from, why: explained(voters, &hit, &kinds) });
            }
        }
        None
    }

    /// Whether an empty disk has been filled when the last of these faults began: it had the time for it, once its node
    /// was up and while nothing else was wrong.
    fn is_repaired(&self, damage: &Happened<'_>, happened: &[Happened<'_>]) -> bool {
        let Some(now) = happened.last().map(|last| last.from) else { return false };
        if !matches!(damage.fault, Fault::Wipe { .. }) || damage.to > now {
            return false;
        }
        let mut calm_since = damage.to;
        for trouble in happened {
            if calm_since + self.repair <= trouble.from.min(now) {
                break;
            }
            calm_since = calm_since.max(troubled_until(trouble));
        }
        calm_since + self.repair <= now
    }
}

/// Whether a fault can break what a system relies on, alone or with others.
#[must_use]
pub fn matters(fault: &Fault) -> bool {
    matches!(fault, Fault::Reconfigure { .. }) || !silent_damage(fault).is_empty()
}

/// Until when a fault may keep others from being repaired.
fn troubled_until(one: &Happened<'_>) -> Instant {
    match one.fault {
        Fault::Partition(_)
        | Fault::Link(_)
        | Fault::Crash { .. }
        | Fault::PowerFailure(_)
        | Fault::Wipe { .. }
        | Fault::Pause { .. }
        | Fault::Swizzle { .. }
        | Fault::SlowCpu { .. } => one.to,
        // A node that is told of an error may stop, and nobody says for how long.
        Fault::Disk { effect, .. } if effect.tells_errors() => Instant::MAX,
        Fault::Disk { effect, .. } if effect.slower.is_some() || effect.stalled.is_some() => one.to,
        Fault::Disk { .. }
        | Fault::DropMessage(_)
        | Fault::Restart { .. }
        | Fault::Clock { .. }
        | Fault::Reconfigure { .. }
        | Fault::Heal { .. } => Instant::ZERO,
    }
}

fn explained(
    voters: &BTreeSet<NodeId>,
    damaged: &BTreeSet<NodeId>,
    kinds: &BTreeSet<&'static str>,
) -> String {
    let hit: Vec<String> = voters.intersection(damaged).map(ToString::to_string).collect();
    let kinds: Vec<&str> = kinds.iter().copied().collect();
    format!(
        "the disks of {} of {} voters ({}) may have lost or changed what they had promised to keep ({}), and \
         replication repairs a minority",
        hit.len(),
        voters.len(),
        hit.join(", "),
        kinds.join(", ")
    )
}

/// By which names a fault makes a disk lose or change durable content without an error at that moment.
fn silent_damage(fault: &Fault) -> Vec<&'static str> {
    let effect = match fault {
        Fault::Wipe { .. } => return vec!["wipe"],
        Fault::Disk { effect, .. } => effect,
        _ => return Vec::new(),
    };
    let DiskFault { lying_sync, misdirected_write, bit_rot, latent_sectors, .. } = *effect;
    let may = |chance: Option<Probability>| chance.is_some_and(|it| it > Probability::NEVER);
    let some = |count: Option<u32>| count.is_some_and(|count| count > 0);
    let all = [
        ("lying-sync", may(lying_sync)),
        ("misdirected-write", may(misdirected_write)),
        ("bit-rot", some(bit_rot)),
        ("latent-sectors", some(latent_sectors)),
    ];
    all.into_iter().filter(|(_, happens)| *happens).map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::fault::Target;

    const LIES: DiskFault = DiskFault {
        sync_failure: None,
        lying_sync: Some(Probability::ALWAYS),
        read_error: None,
        write_error: None,
        full: None,
        slower: None,
        stalled: None,
        bit_rot: None,
        misdirected_write: None,
        latent_sectors: None,
    };

    fn seconds(count: u64) -> Instant {
        Instant::from_nanos(count * 1_000_000_000)
    }

    /// Faults that meet these nodes, one a second, each for so many seconds, in a cluster of five voters.
    fn broken(faults: &[(Fault, &[u32], u64)]) -> Option<Broken> {
        let nodes = |nodes: &[u32]| nodes.iter().map(|&node| NodeId(node)).collect::<Vec<_>>();
        let met: Vec<Vec<NodeId>> = faults.iter().map(|(_, met, _)| nodes(met)).collect();
        let mut all = Vec::new();
        for (place, (fault, _, lasts)) in faults.iter().enumerate() {
            let (from, to) = (seconds(place as u64), seconds(place as u64 + lasts));
            all.push(Happened { fault, nodes: &met[place], from, to });
        }
        let voters = (0..5).map(NodeId).collect();
        Assumptions { voters, repair: Duration::from_secs(2) }.broken_by(&all)
    }

    fn disk(effect: DiskFault) -> Fault {
        Fault::Disk { target: Target::All, effect }
    }

    fn wipe() -> Fault {
        Fault::Wipe { target: Target::Any, restart: None }
    }

    fn pause() -> Fault {
        Fault::Pause { target: Target::Any }
    }

    fn reconfigure() -> Fault {
        Fault::Reconfigure { members: Target::List(Vec::new()) }
    }

    #[test]
    fn a_majority_of_lying_disks_breaks_the_assumption_and_a_minority_does_not() {
        assert_eq!(broken(&[(disk(LIES), &[0, 1], 9)]), None);
        let found = broken(&[(disk(LIES), &[0, 1, 2], 9)]).expect("a majority");
        let names = "the disks of 3 of 5 voters (node#0, node#1, node#2)";
        assert!(found.why.contains(names), "{}", found.why);
        assert!(found.why.contains("(lying-sync)"), "{}", found.why);
    }

    #[test]
    fn damages_of_different_kinds_add_up_over_the_run_but_a_node_counts_once() {
        let rot = disk(DiskFault { bit_rot: Some(1), ..DiskFault::default() });
        let twice = [(disk(LIES), &[0][..], 0), (rot.clone(), &[0], 0), (wipe(), &[0, 4], 9)];
        assert_eq!(broken(&twice), None);
        let found = broken(&[(disk(LIES), &[0], 0), (rot, &[1], 0), (wipe(), &[4], 9)]);
        let found = found.expect("a majority");
        assert_eq!(found.at, seconds(2));
        assert!(found.why.contains("(bit-rot, lying-sync, wipe)"), "{}", found.why);
    }

    /// Two disks are replaced at 0 s and 1 s and their nodes are up a second later; something else begins at 2 s and lasts
    /// for so long; the third disk is replaced at `at`.
    fn third_wipe(at: u64, meanwhile: Fault, lasts: u64) -> Option<Broken> {
        let mut all = vec![(wipe(), &[0][..], 1), (wipe(), &[1], 1), (meanwhile, &[3], lasts)];
        let nothing = disk(DiskFault::default());
        all.resize(at as usize, (nothing, &[], 0));
        all.push((wipe(), &[2], 1));
        broken(&all)
    }

    #[test]
    fn an_empty_disk_is_damage_until_it_had_a_calm_time_to_be_filled() {
        // Up again at 2 s, and filled 2 s later.
        let nothing = || disk(DiskFault::default());
        assert!(third_wipe(3, nothing(), 0).is_some());
        assert_eq!(third_wipe(4, nothing(), 0), None);
        // A pause from 2 s to 5 s: filled at 7 s.
        assert!(third_wipe(6, pause(), 3).is_some());
        assert_eq!(third_wipe(7, pause(), 3), None);
        // A node that was told of an error may stay away.
        let told = disk(DiskFault { full: Some(true), ..DiskFault::default() });
        assert!(third_wipe(60, told, 3).is_some());
    }

    #[test]
    fn an_error_that_the_node_is_told_of_breaks_nothing() {
        let told = DiskFault {
            sync_failure: Some(Probability::ALWAYS),
            read_error: Some(Probability::ALWAYS),
            write_error: Some(Probability::ALWAYS),
            full: Some(true),
            ..DiskFault::default()
        };
        let never = DiskFault {
            lying_sync: Some(Probability::NEVER),
            bit_rot: Some(0),
            ..DiskFault::default()
        };
        let all: &[u32] = &[0, 1, 2, 3, 4];
        assert_eq!(broken(&[(disk(told), all, 9), (disk(never), all, 9)]), None);
    }

    #[test]
    fn the_members_of_a_reconfiguration_are_voters_too() {
        let damaged = (disk(LIES), &[1, 2, 5][..], 1);
        let found = broken(&[(reconfigure(), &[0, 1, 2], 0), damaged.clone()]).expect("a majority");
        assert!(found.why.contains("2 of 3 voters (node#1, node#2)"), "{}", found.why);
        let after = broken(&[damaged, (reconfigure(), &[0, 1, 2], 0)]).expect("a majority");
        assert_eq!(after.at, seconds(1), "who is damaged already cannot be a majority either");
    }
}
