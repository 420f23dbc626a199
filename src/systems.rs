//! The systems, built from patterns.
//!
//! A system knows its [`Context`](crate::node::context::Context) and nothing of the world that stands behind
//! it.

pub mod raft_kv;
pub mod storage;
