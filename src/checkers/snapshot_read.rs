//! **Snapshot read**: a read-only transaction sees one state of the past, whole.
//!
//! At timestamp t it sees exactly the writes of transactions with commit timestamps up to t: no older value (a stale or
//! half-applied write), no newer one (read skew). If the scenario says that transactions conserve a sum, every transaction
//! that reads all of it finds it, with or without timestamps. Source: Berenson et al. 1995, section 4.2 and A5A (read
//! skew); Corbett et al. 2012 (Spanner), section 4.1.
//!
//! What it needs to see: transactions (`txn`) of `r` and `w` in the history, whose `ok` tells the timestamp as its
//! version; or the option `conserved`. What it cannot see: whether a value that a write of unknown outcome may have put
//! there was really there, and what transactions that also write have read (`external-consistency` judges those).

use crate::checkers::multiversion::{Transaction, Transactions};
use crate::checkers::options::Conserved;
use crate::checkers::{Checker, Judgement, Violation};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// Judges that read-only transactions see one state.
#[derive(Debug)]
pub struct SnapshotRead {
    conserved: Option<Conserved>,
    transactions: Transactions,
    judged: u64,
}

impl SnapshotRead {
    /// A judge; if a sum is conserved, it is held to it.
    #[must_use]
    pub fn new(conserved: Option<Conserved>) -> Self {
        Self { conserved, transactions: Transactions::default(), judged: 0 }
    }
}

/// The sum of what a transaction read, if it read all of what is conserved.
fn sum(done: &Transaction, conserved: Conserved) -> Option<i64> {
    let reads = &done.accesses.reads;
    if reads.len() != conserved.objects {
        return None;
    }
    reads.iter().try_fold(0_i64, |sum, (_, value)| sum.checked_add(value.as_int()?))
}

impl Checker for SnapshotRead {
    fn name(&self) -> &'static str {
        "snapshot-read"
    }

    fn interest(&self) -> Interest {
        Interest::HISTORY
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        let Fact::History(history) = &event.fact else { return Ok(()) };
        let done = self.transactions.observe(history).filter(|done| done.is_read_only());
        let Some(done) = done else { return Ok(()) };
        self.judged += u64::from(done.timestamp > 0);
        let Some(conserved) = self.conserved else { return Ok(()) };
        let Some(sum) = sum(done, conserved) else { return Ok(()) };
        self.judged += 1;
        if sum == conserved.total {
            return Ok(());
        }
        let message = format!(
            "request {} reads all {} objects and finds the sum {sum} instead of {}",
            done.request, conserved.objects, conserved.total
        );
        Err(Violation::new(event.at, message).because(done))
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.judged == 0 {
            let why = "no read-only transaction was answered with a timestamp, or read a whole sum";
            return Judgement::Vacuous(why.into());
        }
        let misread = self.transactions.misread(Transaction::is_read_only);
        misread.map_or(Judgement::Ok, Judgement::Violation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};
    use crate::checkers::{CheckerOptions, recent};
    use crate::history::{Operation, Value, functions};

    const NAME: &str = "snapshot-read";

    fn judge(script: &Script) -> Judgement {
        script.judged_by(NAME)
    }

    /// x is 5 from timestamp 10 on and 6 from 20 on; y is 1 from 20 on.
    fn written() -> Script {
        let script = Script::new().transaction(1, &[("w", "x", 5)], 10);
        script.transaction(1, &[("w", "x", 6), ("w", "y", 1)], 20)
    }

    #[test]
    fn reads_of_one_past_state_are_snapshots() {
        let script = written()
            .transaction(2, &[("r", "x", 0), ("r", "y", 0)], 9)
            .transaction(2, &[("r", "x", 5), ("r", "y", 0)], 10)
            .transaction(2, &[("r", "x", 5), ("r", "y", 0)], 19)
            .transaction(2, &[("r", "x", 6), ("r", "y", 1)], 20);
        assert_ok(&judge(&script));
    }

    #[test]
    fn a_mixture_of_two_states_is_a_violation() {
        let judgement = judge(&written().transaction(2, &[("r", "x", 6), ("r", "y", 0)], 25));
        assert_violation(
            &judgement,
            "reads k\"y\" = nil at timestamp 25, as if nobody had written it",
        );
        assert_violation(&judgement, "writes k\"x\" = 6 writes k\"y\" = 1");
    }

    #[test]
    fn a_value_from_the_future_is_a_violation() {
        let judgement = judge(&written().transaction(2, &[("r", "x", 6)], 19));
        assert_violation(
            &judgement,
            "reads k\"x\" = 6 at timestamp 19, which is from then or later: it was 5 then",
        );
    }

    #[test]
    fn a_value_that_was_overwritten_is_a_violation() {
        let judgement = judge(&written().transaction(2, &[("r", "x", 5)], 20));
        assert_violation(&judgement, "which is older: it was 6 then");
        assert_violation(&judgement, "c1 request s1.1 at timestamp 10");
    }

    #[test]
    fn a_value_that_nobody_wrote_is_a_violation() {
        let judgement = judge(&written().transaction(2, &[("r", "z", 7)], 20));
        assert_violation(&judgement, "which nobody is known to have written: it was nil then");
    }

    #[test]
    fn a_write_of_unknown_fate_may_be_seen_or_not() {
        let asked = Script::asked(&[("w", "x", 9)]);
        let unknown = written().invoke(3, asked.clone()).info(3);
        let reads = |script: Script, value| judge(&script.transaction(2, &[("r", "x", value)], 30));
        assert_ok(&reads(unknown.clone(), 9));
        assert_ok(&reads(unknown.clone(), 6));
        assert_violation(&reads(unknown, 5), "which is older");
        assert_ok(&reads(written().invoke(3, asked.clone()), 9));
        assert_violation(&reads(written().invoke(3, asked).fail(3), 9), "nobody is known");
        let untold = written().transaction(3, &[("w", "x", 9)], 0);
        assert_ok(&reads(untold.clone(), 9));
        assert_ok(&reads(untold, 6));
    }

    #[test]
    fn what_a_transaction_wrote_itself_and_read_while_writing_is_not_judged() {
        let own = written().transaction(2, &[("w", "x", 7), ("r", "x", 9), ("w", "x", 8)], 30);
        assert_ok(&judge(&own.clone().transaction(2, &[("r", "x", 8)], 30)));
        assert_violation(&judge(&own.transaction(2, &[("r", "x", 7)], 30)), "nobody is known");
        let mixed = written().transaction(2, &[("r", "x", 99), ("w", "y", 2)], 30);
        assert_ok(&judge(&mixed.transaction(2, &[("r", "y", 2)], 30)));
    }

    #[test]
    fn a_sum_that_is_not_conserved_is_a_violation() {
        let conserved = Some(Conserved { objects: 2, total: 100 });
        let options = CheckerOptions { conserved, ..CheckerOptions::new(3) };
        let reads = |x, y| Script::new().transaction(2, &[("r", "x", x), ("r", "y", y)], 0);
        assert_ok(&reads(30, 70).judged(NAME, &options));
        assert_violation(&reads(30, 60).judged(NAME, &options), "finds the sum 90 instead of 100");
        assert_violation(
            &reads(30, 60).judged(NAME, &options),
            "reads k\"x\" = 30 reads k\"y\" = 60",
        );
        assert_unknown(&reads(30, 60).judged_by(NAME), "no read-only transaction");
        let part = Script::new().transaction(2, &[("r", "x", 30)], 0);
        assert_unknown(&part.judged(NAME, &options), "or read a whole sum");
        let moves = Script::new().transaction(2, &[("r", "x", 1), ("r", "y", 1), ("w", "x", 2)], 0);
        assert_unknown(&moves.judged(NAME, &options), "or read a whole sum");
    }

    #[test]
    fn what_is_no_transaction_of_reads_and_writes_is_not_judged() {
        let append = Script::new().transaction(1, &[("append", "x", 5), ("r", "x", 9)], 10);
        assert_unknown(&judge(&append), "no read-only transaction");
        let other = Operation::new(functions::READ, 1, Value::list([]));
        assert_unknown(&judge(&Script::new().invoke(1, other).ok_at(1, 5)), "no read-only");
        assert_unknown(&judge(&written()), "no read-only");
    }

    #[test]
    fn what_was_forgotten_is_not_held_against_anybody() {
        let many = (0..recent::KEPT as u64)
            .fold(written(), |script, more| script.transaction(1, &[("w", "z", 1)], 100 + more));
        let script = many.transaction(2, &[("r", "x", 5)], 15);
        assert_ok(&judge(&script.clone().transaction(2, &[("r", "x", 4)], 50)));
        assert_ok(&judge(&script.clone().transaction(2, &[("r", "x", 6)], 1 << 20)));
        let fresh = script.transaction(2, &[("r", "z", 2)], 1 << 20);
        assert_violation(&judge(&fresh), "nobody is known to have written");
    }
}
