//! elara: a deterministic simulator of distributed systems.
pub mod kernel;
pub mod claim;
pub mod history;
pub mod node;
pub mod trace;
pub mod world;
pub mod checkers;
