//! The patterns of Unmesh Joshi, *Patterns of Distributed Systems* (Addison-Wesley, 2023), one to a file.
//!
//! A pattern here is a pure value: it knows no node, no disk and no network, it is told the time, and it
//! answers with what its owner has to do. Each file's header says the same five things: the problem, the
//! rule, the invariant that a checker holds it to, the duty that stays with the owner, and the source.

pub mod follower_reads;
pub mod generation_clock;
pub mod heartbeat;
pub mod high_water_mark;
pub mod idempotent_receiver;
pub mod leader_and_followers;
pub mod low_water_mark;
pub mod majority_quorum;
pub mod replicated_log;
pub mod request_batch;
pub mod request_pipeline;
pub mod request_waiting_list;
pub mod segmented_log;
pub mod write_ahead_log;
