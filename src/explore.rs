//! Many runs: looking for a seed that fails, and cutting a failure down to its cause.
//!
//! A run is one thread and knows nothing of others. What is here decides which runs are made, makes them side by side, and
//! puts together what they found in an order that does not depend on which one ended first.
//!
//! ```text
//! seeds, shard, remembered seeds --> queue --> pool of threads --> runs, in order --> SweepReport --> merge of shards
//!                                                                       |
//!                                                               written-down failures --> shrink
//! ```

pub mod failure;
pub mod merge;
pub mod pool;
mod queue;
pub mod remembered;
pub mod seeds;
pub mod summary;
pub mod sweep;
pub mod shrink;
#[cfg(feature = "proptest")]
pub mod strategies;
pub mod testing;
