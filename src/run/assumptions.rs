//! What a system relies on, and whether the faults of a run took it away.
//!
//! A replicated system survives the damage of a minority of its disks: what is lost there is repaired from the others. If a
//! majority of the voters has disks that lose or change what they had promised to keep, then all copies of a record may be
//! gone, and no design could have kept it. What checkers find then is true, but it proves nothing about the system; nor does
//! it if they find nothing. Such a run ends *unknown*. Source: Alagappan et al. 2018 (Protocol-Aware Recovery for
//! Consensus-Based Storage), for what replication can repair and what it cannot.
//!
//! A disk that was replaced by an empty one is damage only until it is repaired: its node comes back, is admitted again and
//! catches up, and the time that takes is the bound of `progress`. What a disk changed in silence nobody knows to repair.
//!
//! Only silent damage counts. A failing sync, a full disk or an error of a read is told to the node, which must cope; a
//! loss of power takes nothing that was synced. What was found before the last support broke stands.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::kernel::ids::NodeId;
use crate::kernel::random::Probability;
use crate::kernel::time::Instant;
use crate::simulation::outcome::FaultSpan;
use crate::world::fault::{DiskFault, Fault, ScheduledFault};

/// The claims that hold only as long as disks keep what they promised: each says that something is remembered, or needs
/// a quorum of nodes that remember. The others hold on any disk.
const RELYING_ON_DISKS: &[&str] = &[
    "election-safety",
    "log-matching",
    "leader-completeness",
    "state-machine-safety",
    "durability",
    "linearizability",
    "session-guarantees",
    "at-most-once",
    "recovery-equivalence",
    "progress",
];

/// What a scenario says about faults and voters, to be compared with what happened.
#[derive(Clone, Debug, Default)]
pub(super) struct Assumptions {
    /// The schedule, by whose places the faults that happened are named.
    pub schedule: Vec<ScheduledFault>,
    /// Who votes when the run begins.
    pub voters: BTreeSet<NodeId>,
    /// How long replication takes, at worst, to fill an empty disk of a node that is up.
    pub repair: Duration,
}

/// An assumption that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// From when on.
    pub at: Instant,
    /// Which, and by what, in words.
    pub why: String,
}

impl Broken {
    /// Whether what a checker found at this time says nothing about the system.
    pub fn excuses(&self, checker: &str, at: Instant) -> bool {
        self.at <= at && RELYING_ON_DISKS.contains(&checker)
    }
}

impl Assumptions {
    /// Whether these faults, given in the order in which they began, broke what the system relies on.
    ///
    /// Whoever has been asked to vote counts: a majority of the first voters, or of the members of a reconfiguration.
    pub fn broken_by(&self, happened: &[FaultSpan]) -> Option<Broken> {
        let mut electorates = vec![self.voters.clone()];
        let mut broken_disks: Vec<(NodeId, Instant)> = Vec::new();
        let mut kinds: BTreeSet<&'static str> = BTreeSet::new();
        for span in happened {
            let scheduled = self.schedule.get(span.place as usize);
            let fault = &scheduled.expect("what happened was scheduled").fault;
            if matches!(fault, Fault::Reconfigure { .. }) {
                electorates.push(span.nodes.iter().copied().collect());
            }
            let damage = silent_damage(fault);
            if !damage.is_empty() {
                let until = self.repaired_at(fault, span.from);
                broken_disks.extend(span.nodes.iter().map(|&node| (node, until)));
                kinds.extend(damage);
            }
            let lasting = broken_disks.iter().filter(|(_, until)| *until > span.from);
            let damaged: BTreeSet<NodeId> = lasting.map(|(node, _)| *node).collect();
            let met = |voters: &&BTreeSet<NodeId>| {
                let hit = voters.intersection(&damaged).count();
                !voters.is_empty() && hit > voters.len() / 2
            };
            if let Some(voters) = electorates.iter().find(met) {
                let why = explained(voters, &damaged, &kinds);
                return Some(Broken { at: span.from, why });
            }
        }
        None
    }

    /// Until when the damage of a fault that began at this time lasts.
    fn repaired_at(&self, fault: &Fault, from: Instant) -> Instant {
        match fault {
            Fault::Wipe { restart: Some(after), .. } => from + after.upper() + self.repair,
            _ => Instant::MAX,
        }
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
        "assumption broken: the disks of {} of {} voters ({}) may have lost or changed what they had promised to \
         keep ({}), and replication repairs a minority",
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
    use crate::checkers::registry::CHECKERS;
    use crate::kernel::distribution::Distribution;
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

    /// Faults that meet these nodes, one a second, in a cluster of five voters.
    fn broken(faults: &[(Fault, &[u32])]) -> Option<Broken> {
        let at = |place: usize| Instant::from_nanos(place as u64 * 1_000_000_000);
        let scheduled = |(place, (fault, _)): (usize, &(Fault, &[u32]))| {
            ScheduledFault::new(at(place), fault.clone())
        };
        let span = |(place, (fault, nodes)): (usize, &(Fault, &[u32]))| FaultSpan {
            kind: fault.kind(),
            place: place as u32,
            nodes: nodes.iter().map(|&node| NodeId(node)).collect(),
            cut_off: Vec::new(),
            from: at(place),
            to: Instant::MAX,
        };
        let schedule = faults.iter().enumerate().map(scheduled).collect();
        let spans: Vec<FaultSpan> = faults.iter().enumerate().map(span).collect();
        let voters = (0..5).map(NodeId).collect();
        Assumptions { schedule, voters, repair: Duration::from_secs(4) }.broken_by(&spans)
    }

    fn disk(effect: DiskFault) -> Fault {
        Fault::Disk { target: Target::All, effect }
    }

    fn wipe() -> Fault {
        Fault::Wipe { target: Target::Any, restart: None }
    }

    #[test]
    fn a_majority_of_lying_disks_breaks_the_assumption_and_a_minority_does_not() {
        assert_eq!(broken(&[(disk(LIES), &[0, 1])]), None);
        let found = broken(&[(disk(LIES), &[0, 1, 2])]).expect("a majority");
        let names = "the disks of 3 of 5 voters (node#0, node#1, node#2)";
        assert!(found.why.contains(names), "{}", found.why);
        assert!(found.why.contains("(lying-sync)"), "{}", found.why);
    }

    #[test]
    fn damages_of_different_kinds_add_up_over_the_run_but_a_node_counts_once() {
        let rot = disk(DiskFault { bit_rot: Some(1), ..DiskFault::default() });
        assert_eq!(broken(&[(disk(LIES), &[0]), (rot.clone(), &[0]), (wipe(), &[0, 4])]), None);
        let found = broken(&[(disk(LIES), &[0]), (rot, &[1]), (wipe(), &[4])]).expect("a majority");
        assert_eq!(found.at, Instant::from_nanos(2_000_000_000));
        assert!(found.why.contains("(bit-rot, lying-sync, wipe)"), "{}", found.why);
    }

    #[test]
    fn an_empty_disk_is_damage_until_it_is_filled_again() {
        let restart = Some(Distribution::Constant(Duration::from_millis(500)));
        let back = Fault::Wipe { target: Target::Any, restart };
        // One wipe a second; each is repaired after 4.5 s.
        assert!(
            broken(&[(back.clone(), &[0]), (back.clone(), &[1]), (back.clone(), &[2])]).is_some()
        );
        let calm = disk(DiskFault::default());
        let waits = [(calm.clone(), &[][..]), (calm.clone(), &[]), (calm, &[])];
        let mut apart = vec![(back.clone(), &[0][..]), (back.clone(), &[1][..])];
        apart.extend(waits);
        apart.push((back, &[2][..]));
        assert_eq!(broken(&apart), None);
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
        assert_eq!(broken(&[(disk(told), all), (disk(never), all)]), None);
    }

    #[test]
    fn the_members_of_a_reconfiguration_are_voters_too() {
        let members = Target::List(Vec::new());
        let smaller = Fault::Reconfigure { members };
        let found = broken(&[(smaller, &[0, 1, 2]), (disk(LIES), &[1, 2, 5])]).expect("a majority");
        assert!(found.why.contains("2 of 3 voters (node#1, node#2)"), "{}", found.why);
    }

    #[test]
    fn what_was_found_before_or_relies_on_no_disk_stands() {
        let at = Instant::from_nanos;
        let broken = Broken { at: at(5), why: String::new() };
        assert!(broken.excuses("durability", at(5)));
        assert!(!broken.excuses("durability", at(4)));
        assert!(!broken.excuses("panic", at(6)));
        assert!(!broken.excuses("leader-append-only", at(6)));
    }

    #[test]
    fn the_excused_checkers_exist() {
        for name in RELYING_ON_DISKS {
            assert!(CHECKERS.iter().any(|entry| entry.name == *name), "{name}");
        }
    }
}
