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

    /// The texts in the form of a mark that stand in the code of a folder, tests and this file left out.
    fn marks_in(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                marks_in(&path, found);
            } else if !path.ends_with("marks.rs") && !path.to_string_lossy().contains("test") {
                let text = fs::read_to_string(&path).expect("a source file");
                let code = text.split("#[cfg(test)]").next().expect("there is a first part");
                found.extend(
                    code.split('"')
                        .skip(1)
                        .step_by(2)
                        .filter(|text| is_mark(text))
                        .map(str::to_owned),
                );
            }
        }
    }

    fn is_mark(text: &str) -> bool {
        let word = |word: &str| {
            !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        };
        text.split_once('.').is_some_and(|(place, what)| word(place) && word(what))
    }

    #[test]
    fn the_list_has_every_mark_of_the_code_and_no_other() {
        let systems = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/systems");
        let mut found = BTreeSet::new();
        marks_in(&systems.join("raft_kv"), &mut found);
        marks_in(&systems.join("storage"), &mut found);
        let store = fs::read_to_string(systems.join("storage.rs")).expect("a source file");
        found.extend(store.split('"').filter(|text| is_mark(text)).map(str::to_owned));
        let listed: BTreeSet<String> = MARKS.iter().map(ToString::to_string).collect();
        assert_eq!(listed, found);
    }
}
