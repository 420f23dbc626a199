//! A scenario becomes a run, and a run becomes the data of a report.

pub mod builder;
