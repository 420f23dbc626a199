//! Consistency levels: which anomalies each of them forbids.
//!
//! A level is an isolation (which cycles of dependencies between transactions are forbidden) and an order that comes on
//! top (none, each process's own, or real time). Adya defines the isolations by the phenomena that they proscribe;
//! Elle adds the anomalies that it can see although no cycle is there, and the `strong` forms. Where Adya's predicates
//! matter, we have none: all reads are of items, so repeatable read forbids the same cycles as serializability.
//!
//! Sources: Adya 1999, chapters 3 and 4; Cerone, Bernardi and Gotsman 2015 (INT); Cerone and Gotsman 2016, theorem 9
//! (snapshot isolation); Daudjee and Salem 2004 and 2006 (strong session); Kingsbury and Alvaro, VLDB 2020; the graph
//! of jepsen.io/consistency as of Elle's `consistency_model.clj`.

/// Which cycles a level forbids, from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Isolation {
    /// Cycles of writes over writes (G0).
    ReadUncommitted,
    /// And cycles of information flow (G1c), with aborted and intermediate reads.
    ReadCommitted,
    /// And cycles in which no two anti-dependencies stand side by side.
    Snapshot,
    /// And all cycles, but a transaction may disagree with itself.
    RepeatableRead,
    /// All.
    Serializable,
}

/// Which order between transactions counts beside their dependencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// None.
    Free,
    /// The order in which each process executed its own.
    Session,
    /// Real time: what completed before another was invoked comes first.
    RealTime,
}

/// A consistency level, by name: one of [`CONSISTENCIES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// Its name, in kebab-case, as in Elle.
    pub name: &'static str,
    /// What it promises, in one sentence.
    pub about: &'static str,
    pub(super) isolation: Isolation,
    pub(super) order: Order,
}

/// All levels, from the weakest to the strongest.
pub const CONSISTENCIES: &[Consistency] = &[
    Consistency {
        name: "read-uncommitted",
        about: "Writes of different transactions are not interleaved (Adya's PL-1).",
        isolation: Isolation::ReadUncommitted,
        order: Order::Free,
    },
    Consistency {
        name: "strong-session-read-uncommitted",
        about: "The same, in an order that agrees with each process.",
        isolation: Isolation::ReadUncommitted,
        order: Order::Session,
    },
    Consistency {
        name: "strong-read-uncommitted",
        about: "The same, in an order that agrees with real time.",
        isolation: Isolation::ReadUncommitted,
        order: Order::RealTime,
    },
    Consistency {
        name: "read-committed",
        about: "Only final values of committed transactions are read, and information flows one way (PL-2).",
        isolation: Isolation::ReadCommitted,
        order: Order::Free,
    },
    Consistency {
        name: "monotonic-atomic-view",
        about: "Read committed; what it promises beyond is not judged, as in Elle.",
        isolation: Isolation::ReadCommitted,
        order: Order::Free,
    },
    Consistency {
        name: "strong-session-read-committed",
        about: "Read committed, in an order that agrees with each process.",
        isolation: Isolation::ReadCommitted,
        order: Order::Session,
    },
    Consistency {
        name: "strong-read-committed",
        about: "Read committed, in an order that agrees with real time.",
        isolation: Isolation::ReadCommitted,
        order: Order::RealTime,
    },
    Consistency {
        name: "snapshot-isolation",
        about: "Each transaction reads one snapshot; of two that write the same object, one sees the other (PL-SI).",
        isolation: Isolation::Snapshot,
        order: Order::Free,
    },
    Consistency {
        name: "strong-session-snapshot-isolation",
        about: "Snapshots are never older than what the process has done.",
        isolation: Isolation::Snapshot,
        order: Order::Session,
    },
    Consistency {
        name: "strong-snapshot-isolation",
        about: "Snapshots are never older than the transaction's start.",
        isolation: Isolation::Snapshot,
        order: Order::RealTime,
    },
    Consistency {
        name: "repeatable-read",
        about: "Serializable for reads of single objects (PL-2.99).",
        isolation: Isolation::RepeatableRead,
        order: Order::Free,
    },
    Consistency {
        name: "serializable",
        about: "All transactions seem to be executed one after the other (PL-3).",
        isolation: Isolation::Serializable,
        order: Order::Free,
    },
    Consistency {
        name: "strong-session-serializable",
        about: "One after the other, in an order that agrees with each process.",
        isolation: Isolation::Serializable,
        order: Order::Session,
    },
    Consistency {
        name: "strict-serializable",
        about: "One after the other, in an order that agrees with real time (PL-SS).",
        isolation: Isolation::Serializable,
        order: Order::RealTime,
    },
];

impl Consistency {
    /// The level of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        CONSISTENCIES.iter().find(|level| level.name == name)
    }

    /// Whether a history in which this anomaly was found does not satisfy the level.
    #[must_use]
    pub fn forbids(&self, anomaly: &str) -> bool {
        let (kind, order) = if let Some(kind) = anomaly.strip_suffix("-realtime") {
            (kind, Order::RealTime)
        } else if let Some(kind) = anomaly.strip_suffix("-process") {
            (kind, Order::Session)
        } else {
            (anomaly, Order::Free)
        };
        let forbidden = match kind {
            // Nothing is known about the versions of such a history, so it satisfies nothing.
            "G0" | "duplicate-elements" | "cyclic-versions" | "garbage-read" => true,
            "G1a" | "G1b" | "G1c" | "incompatible-order" | "dirty-update" | "future-read" => {
                self.isolation >= Isolation::ReadCommitted
            }
            "G-single" | "G-nonadjacent" | "lost-update" => self.isolation >= Isolation::Snapshot,
            "G2-item" => self.isolation >= Isolation::RepeatableRead,
            "internal" => matches!(self.isolation, Isolation::Snapshot | Isolation::Serializable),
            _ => false,
        };
        forbidden && order <= self.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(name: &str) -> &'static Consistency {
        Consistency::named(name).expect("the level is known")
    }

    #[test]
    fn levels_forbid_what_adya_and_elle_say() {
        let table = [
            (
                "read-uncommitted",
                "G0 duplicate-elements",
                "G1a G1c G-single G2-item internal G0-process",
            ),
            (
                "read-committed",
                "G0 G1a G1b G1c dirty-update",
                "G-single lost-update internal G1c-process",
            ),
            ("strong-session-read-committed", "G1c-process G0", "G1c-realtime G-single-process"),
            (
                "snapshot-isolation",
                "G-single G-nonadjacent lost-update internal G1a",
                "G2-item G-single-process",
            ),
            (
                "strong-session-snapshot-isolation",
                "G-nonadjacent-process",
                "G2-item G-single-realtime",
            ),
            (
                "repeatable-read",
                "G-single G-nonadjacent G2-item lost-update",
                "internal G2-item-process",
            ),
            (
                "serializable",
                "G2-item G-nonadjacent internal lost-update",
                "G2-item-process G0-realtime",
            ),
            ("strong-session-serializable", "G2-item-process G2-item", "G2-item-realtime"),
            ("strict-serializable", "G2-item-realtime G-single-process G0 internal", "G3"),
        ];
        for (name, forbidden, allowed) in table {
            for anomaly in forbidden.split(' ') {
                assert!(level(name).forbids(anomaly), "{name} forbids {anomaly}");
            }
            for anomaly in allowed.split(' ') {
                assert!(!level(name).forbids(anomaly), "{name} allows {anomaly}");
            }
        }
    }

    #[test]
    fn names_are_unique_and_unknown_ones_are_not_found() {
        for level in CONSISTENCIES {
            assert_eq!(Consistency::named(level.name), Some(level));
        }
        assert_eq!(Consistency::named("linearizable"), None);
    }
}
