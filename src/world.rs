//! The machine room: network, disks, clocks, power, and the faults in them.
//!
//! The world decides, by value: whether a message arrives and when, what a power failure leaves on a disk, what a
//! clock shows. It has no loop and schedules nothing; the simulation asks and carries out.

pub mod assumptions;
pub mod clock;
pub mod cluster;
pub mod disk;
pub mod fault;
pub mod nemesis;
pub mod network;
pub mod options;
