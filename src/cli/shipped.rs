//! The scenarios that come with elara, in the program itself, so that `elara run NAME` works everywhere.

macro_rules! shipped {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../scenarios/", $name, ".json")))),*]
    };
}

/// The name of each shipped scenario (its path under `scenarios/`, without `.json`), and its text.
pub const SHIPPED: &[(&str, &str)] = shipped![
    "raft-kv/new-members-during-a-cut",
    "raft-kv/paused-leader",
    "raft-kv/swarm",
    "raft-kv/vote-lost-with-power",
    "raft-kv/wiped-disks",
    "regressions/disk-unreadable-for-a-while",
    "regressions/laggard-behind-the-snapshot",
    "regressions/sync-failed-then-power",
    "total-power-failure",
    "west-coast-partition",
    "west-coast/1-leader-in-the-west",
    "west-coast/2-one-way-east-is-deaf",
    "west-coast/2-one-way-west-is-deaf",
    "west-coast/3-flapping-link",
    "west-coast/4-three-against-three",
    "west-coast/5-third-site",
    "west-coast/6-leader-crashes-too",
    "west-coast/7-long-cut-snapshot",
    "west-coast/8-clock-skew",
];

/// The text of a shipped scenario.
#[must_use]
pub fn text(name: &str) -> Option<&'static str> {
    SHIPPED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// The names of all shipped scenarios.
#[must_use]
pub fn names() -> Vec<&'static str> {
    SHIPPED.iter().map(|(name, _)| *name).collect()
}
