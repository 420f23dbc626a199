//! The workload: clients that ask, wait, ask again, and write down what they saw.

pub mod workload;
