//! The patterns: one small pure component per file.
//!
//! A pattern knows no node, no disk and no clock: it answers with values, time is an argument, and what must be
//! durable before an answer is its owner's duty, said in its header. The systems are built from these.

pub mod follower_reads;
pub mod generation_clock;
pub mod heartbeat;
pub mod high_water_mark;
pub mod idempotent_receiver;
pub mod leader_and_followers;
pub mod majority_quorum;
pub mod replicated_log;
pub mod request_batch;
pub mod request_pipeline;
pub mod request_waiting_list;
