//! elara: a deterministic simulator of distributed systems.
pub mod checkers;
pub mod claim;
pub mod client;
pub mod history;
pub mod kernel;
pub mod node;
pub mod patterns;
pub mod run;
pub mod simulation;
pub mod systems;
pub mod trace;
pub mod world;
