//! elara: a deterministic simulator of distributed systems.
//!
//! One thread runs a whole cluster: its nodes, the network between them, their disks, their clocks and their power. One
//! seed decides everything, so every run can be run again.
//!
//! # The data flow, which is also the reading order
//!
//! ```text
//! scenario.json -> scenario -> run -> simulation (kernel + world + nodes + clients)
//!                                          |
//!                                    trace + history -> checkers -> verdict -> report
//!
//! explore = many runs: sweep, shrink
//! ```
//!
//! - A [`scenario`] says what the cluster is, what the clients do and what goes wrong.
//! - The [`kernel`] is time, order and chance. On it stand the [`node`] interface and the [`world`], the machine room.
//! - [`client`]s ask, and write a [`history`]; nodes make [`claim`]s; all facts pass through the [`trace`].
//! - The [`simulation`] is the event loop. It only sequences.
//! - [`checkers`] judge trace and history; they know no system.
//! - [`patterns`] are the parts that [`systems`] are built from; [`ablations`] puts naive ones in their place.
//! - [`run`](mod@run) makes a report of a scenario; [`explore`] makes many runs: it looks for failures and cuts them down.
//! - [`report`] shows what was found; [`cli`] is the command line.
//!
//! # A node of one's own
//!
//! Implement [`node::Node`], claim to the checkers what you do, and start with
//! [`Simulation::builder`](simulation::Simulation::builder). `docs/examples/own_node.rs` is a complete example.

pub mod scenario;
pub mod kernel;
pub mod claim;
pub mod history;
pub mod node;
pub mod world;
pub mod client;
pub mod trace;
pub mod simulation;
pub mod checkers;
pub mod patterns;
pub mod systems;
pub mod ablations;
pub mod run;
pub mod explore;
pub mod report;
pub mod cli;
