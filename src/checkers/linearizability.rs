//! **Linearizability**: each operation seems to take effect at once, at a moment between its start and its
//! end.
//!
//! ```text
//! p1   |--- write 1 ---|                     one legal order:
//! p2         |------ read: 1 ------|         write 1, read: 1, write 2, read: 2
//! p3                |---- write 2 ----|
//! p1                        |-- read: 2 --|
//! ```
//!
//! A history is linearizable if its operations can be put into one order that is legal for the sequential
//! object and in which no operation comes before one that had ended when it began (Herlihy and Wing 1990,
//! *Linearizability: A Correctness Condition for Concurrent Objects*). The property is local (theorem 1
//! there): each key is judged alone.
//!
//! There are two judges of the same claim. [`Linearizability`] runs along with a history and forgets what is decided, for
//! runs of any length; the rest of this page is about it. [`check`] takes a whole recorded history, is faster by orders
//! of magnitude where much is concurrent, since it needs to find one order and not all, and tells more about a
//! violation; its search is that of `checkers/ordering.rs`. Both are exact, and both are held to brute force.
//!
//! # The search that runs along
//!
//! Searching for such an order is exponential in the worst case (Gibbons and Korach 1997), but histories of
//! real systems are short of concurrency. The search here is the one of Wing and Gong 1993 in the form of
//! Lowe 2017 (*Testing for Linearizability*, just-in-time linearization), which runs along with the
//! history:
//!
//! - A line of the history waits until the outcome of every operation that was invoked before it is known.
//!   An operation that fails is struck out then; it never happened.
//! - A *configuration* is one way in which the past may have gone: the state of the object, and which of
//!   the operations under way have taken effect already. At first there is one, with the initial state.
//! - When an operation returns, each configuration is extended in all ways in which operations under way
//!   may have taken effect, up to this one. It is enough to do that so late: whatever takes effect after
//!   the operation in some legal order is left for a later return. Configurations that cannot be extended
//!   are dropped. If none is left, the history is not linearizable.
//! - An operation of unknown outcome (`info`) stays under way for ever: it may take effect at any later
//!   moment, or never.
//!
//! So memory does not grow with the history, only with what is under way; and the verdict is exact, unless
//! the budget is spent. Then it is *unknown*.
//!
//! # What keeps the configurations few
//!
//! An operation that changes nothing (a read) takes effect as soon as the state allows its result: it has
//! to take effect some time, and nothing else can tell. So observers never multiply configurations.
//!
//! Operations of unknown outcome collect in a long run and must not cost anything until they matter:
//!
//! 1. Two of them that ask the same are interchangeable: they are counted, not named.
//! 2. Since none of them has to take effect, a configuration that used fewer of them can do whatever one
//!    that used more in the same state can. The latter is dropped.
//! 3. One of them that is followed at once, in some legal order, by an operation that ignores the state (a
//!    write) might as well not have taken effect. So none is tried before such an operation, nor at the end
//!    of an order.
//! 4. One of them that sets the state, whatever it was (again a write), is tried only before an operation
//!    that needs that state: a read that returned what it wrote, a compare-and-set from what it wrote. They
//!    are found by that state, so that a thousand lost writes cost nothing.
//!
//! Observers of unknown outcome are struck out as well.

mod calls;
mod object;
mod offline;
mod search;
#[cfg(test)]
mod tests;
mod unknown;

pub use offline::check;
pub(in crate::checkers) use offline::judge;

use std::collections::BTreeMap;

use crate::checkers::linearizability::object::{Model, Object, Trouble};
use crate::checkers::models::SequentialSpecification;
use crate::checkers::{Checker, Judgement, Violation};
use crate::history::{HistoryEvent, Phase, Value};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// How many configurations may be looked at for the return of one operation.
pub const BUDGET: usize = 1 << 17;

/// Judges that each object behaves like a sequential one.
#[derive(Debug)]
pub struct Linearizability<S: SequentialSpecification> {
    specification: S,
    budget: usize,
    objects: BTreeMap<Value, Object<S::State>>,
    /// Objects whose histories were too concurrent, and why.
    given_up: BTreeMap<Value, String>,
    judged: u64,
    ignored: u64,
}

impl<S: SequentialSpecification> Linearizability<S> {
    /// A judge that compares each object with a sequential one.
    #[must_use]
    pub const fn new(specification: S) -> Self {
        Self::with_budget(specification, BUDGET)
    }

    /// The same, which may look at this many configurations for the return of one operation.
    #[must_use]
    pub const fn with_budget(specification: S, budget: usize) -> Self {
        Self {
            specification,
            budget,
            objects: BTreeMap::new(),
            given_up: BTreeMap::new(),
            judged: 0,
            ignored: 0,
        }
    }

    /// Takes in one line of a history.
    ///
    /// # Errors
    /// A violation, once the lines so far prove it.
    pub fn take(&mut self, history: &HistoryEvent) -> Result<(), Violation> {
        let operation = &history.operation;
        let Some(effect) = self.specification.effect(operation) else {
            self.ignored += u64::from(history.phase == Phase::Invoke);
            return Ok(());
        };
        if self.given_up.contains_key(&operation.key) {
            return Ok(());
        }
        // Looked up twice rather than cloning the key each time.
        if !self.objects.contains_key(&operation.key) {
            let new = Object::new(self.specification.initial());
            self.objects.insert(operation.key.clone(), new);
        }
        let object = self.objects.get_mut(&operation.key).expect("it is there by now");
        let model = Model { specification: &self.specification, budget: self.budget };
        match object.take(&model, history, effect) {
            Ok(()) => Ok(()),
            Err(Trouble::NotLinearizable(violation)) => Err(violation),
            Err(Trouble::BudgetSpent) => {
                let object = self.objects.remove(&operation.key).expect("it was just looked at");
                self.give_up(operation.key.clone(), &object);
                Ok(())
            }
        }
    }

    /// The history ends: nothing waits for an outcome any longer.
    ///
    /// # Errors
    /// The first violation that shows now.
    pub fn close(&mut self, end: Instant) -> Result<(), Violation> {
        for (key, mut object) in std::mem::take(&mut self.objects) {
            let model = Model { specification: &self.specification, budget: self.budget };
            match object.close(&model, end) {
                Ok(()) => self.judged += object.judged,
                Err(Trouble::NotLinearizable(violation)) => return Err(violation),
                Err(Trouble::BudgetSpent) => self.give_up(key, &object),
            }
        }
        Ok(())
    }

    fn give_up(&mut self, key: Value, object: &Object<S::State>) {
        let budget = self.budget;
        let concurrency = object.concurrency();
        let why = format!("the budget of {budget} steps is spent on key {key}: {concurrency}");
        self.given_up.insert(key, why);
    }
}

impl<S: SequentialSpecification> Checker for Linearizability<S> {
    fn name(&self) -> &'static str {
        "linearizability"
    }

    fn interest(&self) -> Interest {
        Interest::HISTORY
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        match &event.fact {
            Fact::History(history) => self.take(history),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, end: Instant) -> Judgement {
        if let Err(violation) = self.close(end) {
            return Judgement::Violation(violation);
        }
        if let Some(why) = self.given_up.values().next() {
            return Judgement::Unknown(why.clone());
        }
        if self.judged == 0 {
            return Judgement::Vacuous(format!(
                "no operation that the model knows completed; {} others were ignored",
                self.ignored
            ));
        }
        Judgement::Ok
    }
}
