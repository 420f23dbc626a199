//! elara: a deterministic simulator of distributed systems.
pub mod checkers;
pub mod claim;
pub mod cli;
pub mod client;
pub mod history;
pub mod kernel;
pub mod node;
pub mod report;
pub mod run;
pub mod scenario;
pub mod trace;
pub mod world;
