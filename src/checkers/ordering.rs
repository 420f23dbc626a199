//! The search for a legal order of the operations of a recorded history.
//!
//! ```text
//! configuration:  which operations have taken effect, and the state of each object
//!
//!   {}, nil ──write 1──> {w1}, 1 ──write 2──> {w1 w2}, 2     a read of 1 is left: lost, go back
//!      └────write 2──> {w2}, 2 ──write 1──> {w1 w2}, 1 ──read: 1──> done
//! ```
//!
//! Depth first, one operation after the other takes effect, as long as the order of the history and the sequential
//! specification allow it; where nothing is left to try, the search takes back what it did (Wing and Gong 1993). It
//! never enters a configuration twice (Lowe 2017): what it has seen is kept whole, the set of operations as bits and the
//! states by number, so no two configurations are ever mistaken for one another. Which operations may come next is the
//! [`Frontier`]'s decision: by real time it is linearizability, by the order of each process sequential consistency.
//!
//! # What keeps the configurations few
//!
//! All of this is exact: a legal order is found if there is one.
//!
//! 1. An operation that only observes takes effect as soon as the state allows its answer: it has to some time, and
//!    nothing else can tell.
//! 2. Of several operations that ask the same and are answered the same, the one that ended first goes first.
//! 3. A state is *lost* if an answer is to come that only this state explains, and nothing left can bring it about. No
//!    order goes on from there. Where the specification knows what leads where, this is looked for ahead: what was
//!    appended to a text stays at its front until the text is replaced.
//! 4. Operations of unknown outcome need not take effect. So a configuration that used fewer of them can do whatever one
//!    that used more can, and those that ask the same are counted, not named.
//! 5. One of them that is followed at once, on its object, by an operation that ignores the state might as well not have
//!    taken effect. So it is not tried.
//! 6. One of them that sets the state, whatever it was, is tried only right before an operation that needs that state.

mod balance;
mod classes;
#[cfg(test)]
mod cross_check;
mod explain;
mod frontier;
mod memo;
mod optional;
mod recording;
mod search;
mod table;

pub(super) use explain::{Dead, describe};
pub(super) use frontier::{ProgramOrder, RealTime};
pub(super) use recording::{Call, Recording, prefix};
pub(super) use search::Search;
