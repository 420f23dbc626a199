//! The coverage marks that raft-kv and its store can reach.
//!
//! A sweep that never reaches one of them says so. A mark is reached where its name stands in the code, so this list is a
//! second place for it; the test below holds the two together.

use crate::systems::storage;

/// The marks, in the order of the alphabet.
pub const MARKS: &[&str] = &[
    "client.duplicate-suppressed",
    "client.rejected-no-leader",
    "raft.amnesia-rejoined",
    "raft.check-quorum-stepped-down",
    "raft.configured",
    "raft.conflict-truncated",
    "raft.elected",
    "raft.joint-entered",
    "raft.joint-left",
    "raft.leader-recovered-as-follower",
    "raft.pre-vote-refused",
    "raft.snapshot-installed",
    "raft.stepped-down",
    "reads.follower-served",
    "reads.leader-served",
    "reads.too-stale",
    "recovery.disk-unreadable",
    "recovery.log-behind-snapshot-replayed",
    storage::MARK_SNAPSHOT_INSTALLED,
    storage::MARK_AMNESIA,
    storage::MARK_DAMAGE_FOUND,
    storage::MARK_SEGMENT_DISCARDED,
    storage::MARK_SEGMENT_ROLLED,
    storage::MARK_TORN_TAIL_CUT,
    storage::MARK_UNSYNCED_SURVIVED,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The texts in the calls of `mark` in a folder's code.
    fn marked_in(folder: &Path) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            let text = fs::read_to_string(&path).expect("a source file");
            // This file speaks of such calls and makes none.
            let calls = if path.ends_with("marks.rs") { "" } else { &text };
            for call in calls.split(".mark(").skip(1) {
                let arguments = call.split(';').next().expect("there is a first part");
                found.extend(quoted(arguments));
            }
        }
        found
    }

    fn quoted(code: &str) -> impl Iterator<Item = String> {
        code.split('"').skip(1).step_by(2).map(str::to_owned)
    }

    #[test]
    fn the_list_has_every_mark_of_the_code_and_no_other() {
        let systems = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/systems");
        let mut found = marked_in(&systems.join("raft_kv"));
        let node = fs::read_to_string(systems.join("raft_kv.rs")).expect("a source file");
        let calls = node.split(".mark(").skip(1);
        found.extend(calls.flat_map(|call| quoted(call.split(';').next().unwrap_or_default())));
        let store = fs::read_to_string(systems.join("storage.rs")).expect("a source file");
        let constants = store.lines().filter(|line| line.starts_with("pub const MARK_"));
        found.extend(constants.flat_map(quoted));
        let listed: BTreeSet<String> = MARKS.iter().map(ToString::to_string).collect();
        assert_eq!(listed, found);
    }
}
