//! The names that a scenario may say: checkers, and patterns that can be switched off.

/// The checkers, each one claim about a run.
pub const CHECKERS: [&str; 35] = [
    "election-safety",
    "leader-append-only",
    "log-matching",
    "leader-completeness",
    "state-machine-safety",
    "durability",
    "linearizability",
    "session-guarantees",
    "sequential-consistency",
    "causal-consistency",
    "bounded-staleness",
    "no-dirty-read",
    "external-consistency",
    "snapshot-read",
    "atomic-commitment",
    "at-most-once",
    "consensus",
    "mutual-exclusion",
    "failure-detector-completeness",
    "failure-detector-accuracy",
    "convergence",
    "clock-condition",
    "clock-bounds",
    "no-lost-update",
    "ownership-cover",
    "mapping-stability",
    "watch-completeness",
    "ordered-channel",
    "leader-agreement",
    "recovery-equivalence",
    "bounded-resources",
    "progress",
    "panic",
    "quiet-minority",
    "stability",
];

/// The patterns of Joshi, *Patterns of Distributed Systems* (2023), in the book's order (chapters 3 to 32), then the
/// parts of Raft (Ongaro 2014): each with what it is for.
pub const PATTERNS: [(&str, &str); 39] = [
    ("write-ahead-log", "Writes each change to a log on disk before it is acknowledged."),
    ("segmented-log", "Splits the log into files, so that its old part can be removed."),
    ("low-water-mark", "Says up to where the log may be removed, because a snapshot covers it."),
    ("leader-and-followers", "Lets one node order all updates, and the others copy them."),
    ("heartbeat", "Shows at regular intervals that a node lives, so that its absence is noticed."),
    (
        "majority-quorum",
        "Takes a decision once more than half of the nodes agree: two majorities intersect.",
    ),
    (
        "generation-clock",
        "Numbers leaderships, so that messages of a deposed leader are recognised.",
    ),
    ("high-water-mark", "Says up to where the log is safe to show, because a quorum has it."),
    ("paxos", "Lets nodes choose one value even if they fail and propose at the same time."),
    ("replicated-log", "Keeps nodes in step by executing the same commands in the same order."),
    ("singular-update-queue", "Lets one thread execute all updates, one after the other."),
    ("request-waiting-list", "Answers a client only after enough other nodes have answered."),
    ("idempotent-receiver", "Recognises a repeated request, so that it is executed once."),
    ("follower-reads", "Serves reads from followers, within stated limits of age."),
    ("versioned-value", "Keeps each value under a new version, so that old states can be read."),
    ("version-vector", "Counts updates per node, so that concurrent updates are noticed."),
    ("fixed-partitions", "Keeps the number of partitions when the number of nodes changes."),
    (
        "key-range-partitions",
        "Keeps neighbouring keys together, so that ranges are read from few nodes.",
    ),
    ("two-phase-commit", "Makes an update of several nodes happen on all of them or on none."),
    ("lamport-clock", "Orders events by counting, so that an effect never precedes its cause."),
    ("hybrid-clock", "Joins a Lamport clock with wall time, so that versions can be read by date."),
    ("clock-bound-wait", "Waits out the clocks' uncertainty before an update is shown."),
    ("consistent-core", "Lets a small quorum keep the facts that a large cluster depends on."),
    ("lease", "Gives a right for a limited time, so that a dead holder does not block others."),
    ("state-watch", "Tells clients of every change, in order, instead of being asked."),
    ("gossip-dissemination", "Spreads news by telling a few random nodes at a time."),
    ("emergent-leader", "Makes the oldest member the leader, without an election."),
    ("single-socket-channel", "Keeps messages between two nodes in order by using one connection."),
    ("request-batch", "Sends several requests in one message to save its fixed cost."),
    ("request-pipeline", "Sends the next request before the answer to the last one."),
    (
        "pre-vote",
        "Asks whether an election could be won before it disturbs anybody (Ongaro 2014, 9.6).",
    ),
    (
        "check-quorum",
        "Makes a leader step down that does not hear from a majority (Ongaro 2014, 6.2).",
    ),
    ("durable-vote", "Writes a vote to disk before it is given (Ongaro 2014, 3.8)."),
    ("election-restriction", "Refuses a vote to whoever has a shorter log (Ongaro 2014, 3.6.1)."),
    (
        "current-term-commit",
        "Commits by counting only entries of the leader's own term (Ongaro 2014, 3.6.2).",
    ),
    ("previous-entry-check", "Appends only after an entry that both logs have (Ongaro 2014, 3.5)."),
    (
        "no-op-on-election",
        "Begins each term with an empty entry, which commits the old ones (Ongaro 2014, 6.4).",
    ),
    (
        "randomized-timeout",
        "Draws election time-outs, so that elections seldom collide (Ongaro 2014, 3.4).",
    ),
    (
        "joint-consensus",
        "Changes members through a phase that needs both majorities (Ongaro 2014, 4.3).",
    ),
];

/// The names of all checkers.
#[must_use]
pub fn checkers() -> Vec<&'static str> {
    CHECKERS.to_vec()
}

/// The names of all patterns and parts of Raft.
#[must_use]
pub fn patterns() -> Vec<&'static str> {
    PATTERNS.iter().map(|(name, _)| *name).collect()
}
