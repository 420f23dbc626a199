//! What the faults of a run say about what checkers found in it.
//!
//! If the faults broke what the system relies on (`world::assumptions` has the rule), then what checkers find is true, but it
//! proves nothing about the system; nor does it if they find nothing. Such a run ends *unknown*. What was found before the
//! last support broke stands.

use crate::kernel::time::Instant;
use crate::simulation::outcome::FaultSpan;
use crate::world::assumptions::{Assumptions, Broken, Happened};
use crate::world::fault::ScheduledFault;

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
    "no-dirty-read",
    "external-consistency",
    "snapshot-read",
    "atomic-commitment",
    "at-most-once",
    "consensus",
    "mutual-exclusion",
    "clock-condition",
    "clock-bounds",
    "no-lost-update",
    "ownership-cover",
    "mapping-stability",
    "watch-completeness",
    "recovery-equivalence",
    "progress",
];

/// Whether what happened, by the places of this schedule, broke what the system relies on.
pub(super) fn broken_by(
    assumptions: &Assumptions,
    schedule: &[ScheduledFault],
    spans: &[FaultSpan],
) -> Option<Broken> {
    let happened: Vec<Happened<'_>> = spans
        .iter()
        .map(|span| Happened {
            fault: &schedule[span.place as usize].fault,
            nodes: &span.nodes,
            from: span.from,
            to: span.to,
        })
        .collect();
    assumptions.broken_by(&happened)
}

/// Whether what a checker found at this time says nothing about the system.
pub(super) fn excuses(broken: &Broken, checker: &str, at: Instant) -> bool {
    broken.at <= at && RELYING_ON_DISKS.contains(&checker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::registry::CHECKERS;

    #[test]
    fn what_was_found_before_or_relies_on_no_disk_stands() {
        let at = Instant::from_nanos;
        let broken = Broken { at: at(5), why: String::new() };
        assert!(excuses(&broken, "durability", at(5)));
        assert!(!excuses(&broken, "durability", at(4)));
        assert!(!excuses(&broken, "panic", at(6)));
        assert!(!excuses(&broken, "leader-append-only", at(6)));
    }

    #[test]
    fn the_excused_checkers_exist() {
        for name in RELYING_ON_DISKS {
            assert!(CHECKERS.iter().any(|entry| entry.name == *name), "{name}");
        }
    }
}
