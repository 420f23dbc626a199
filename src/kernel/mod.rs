//! Time, order and chance: all that a deterministic run is made of.
//!
//! Nothing here knows what a node, a network or a disk is. The kernel imports nothing from the
//! rest of the crate, and everything else imports it.

pub mod crc32c;
pub mod digest;
pub mod distribution;
pub mod ids;
pub mod queue;
pub mod random;
pub mod slab;
pub mod time;
