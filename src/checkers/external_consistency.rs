//! **External consistency** (strict serializability by timestamps): the order of timestamps respects real time.
//!
//! If a transaction ended before another one began, in true time, then the later one has the greater timestamp; a
//! read-only transaction may share it. And each read equals the state at its transaction's timestamp. Source: Gifford 1981
//! (*Information Storage in a Decentralized Computer System*); Corbett et al. 2012 (Spanner), section 4.1.2.
//!
//! What it needs to see: transactions (`txn`) of `r` and `w` in the history, whose `ok` tells the commit timestamp as its
//! version. What it cannot see: the order of transactions without a timestamp, and of those that overlap in time.

use std::collections::BTreeMap;

use crate::checkers::multiversion::{Transaction, Transactions};
use crate::checkers::{Checker, Judgement, Violation};
use crate::history::{HistoryEvent, Phase};
use crate::kernel::time::Instant;
use crate::trace::{Event, Fact, Interest};

/// Judges that timestamps follow real time, and reads follow timestamps.
#[derive(Debug, Default)]
pub struct ExternalConsistency {
    transactions: Transactions,
    /// Of the transactions that have ended: the one with the greatest timestamp.
    latest: Option<Transaction>,
    /// For each open transaction, by its process: the latest when it began.
    before: BTreeMap<u64, Transaction>,
    judged: u64,
}

impl ExternalConsistency {
    fn history(&mut self, history: &HistoryEvent) -> Result<(), Violation> {
        let earlier = if history.phase == Phase::Invoke {
            if let Some(latest) = &self.latest {
                self.before.insert(history.process, latest.clone());
            }
            None
        } else {
            self.before.remove(&history.process)
        };
        let done = self.transactions.observe(history).filter(|done| done.timestamp > 0);
        let Some(done) = done else { return Ok(()) };
        self.judged += 1;
        if let Some(earlier) = earlier {
            in_order(&earlier, done)?;
        }
        if self.latest.as_ref().is_none_or(|latest| latest.timestamp < done.timestamp) {
            self.latest = Some(done.clone());
        }
        Ok(())
    }
}

/// The later transaction began after the earlier one had ended.
fn in_order(earlier: &Transaction, later: &Transaction) -> Result<(), Violation> {
    let least = earlier.timestamp + u64::from(!later.is_read_only());
    if later.timestamp >= least {
        return Ok(());
    }
    let message = format!(
        "request {} began after request {} had ended, but its timestamp {} is not after {}",
        later.request, earlier.request, later.timestamp, earlier.timestamp
    );
    Err(Violation::new(later.ended, message).because(earlier).because(later))
}

impl Checker for ExternalConsistency {
    fn name(&self) -> &'static str {
        "external-consistency"
    }

    fn interest(&self) -> Interest {
        Interest::HISTORY
    }

    fn observe(&mut self, event: &Event) -> Result<(), Violation> {
        match &event.fact {
            Fact::History(history) => self.history(history),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, _end: Instant) -> Judgement {
        if self.judged == 0 {
            return Judgement::Vacuous("no transaction was answered with a timestamp".into());
        }
        self.transactions.misread(|_| true).map_or(Judgement::Ok, Judgement::Violation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkers::testing::{Script, assert_ok, assert_unknown, assert_violation};
    use crate::history::{Operation, Value, functions};

    const NAME: &str = "external-consistency";

    fn judge(script: &Script) -> Judgement {
        script.judged_by(NAME)
    }

    /// Process 1 writes 5 to x at timestamp 10, and is done.
    fn written() -> Script {
        Script::new().transaction(1, &[("w", "x", 5)], 10)
    }

    #[test]
    fn timestamps_in_the_order_of_real_time_are_consistent() {
        let script = written().transaction(2, &[("r", "x", 5), ("w", "x", 6)], 20);
        assert_ok(&judge(&script.clone().transaction(1, &[("r", "x", 6)], 20)));
        assert_ok(&judge(&script.transaction(3, &[("w", "y", 1)], 21)));
    }

    #[test]
    fn a_later_write_with_a_smaller_timestamp_is_a_violation() {
        let judgement = judge(&written().transaction(2, &[("w", "y", 6)], 9));
        assert_violation(&judgement, "request s1.2 began after request s1.1 had ended");
        assert_violation(&judgement, "its timestamp 9 is not after 10");
        assert_violation(
            &judge(&written().transaction(2, &[("w", "y", 6)], 10)),
            "10 is not after 10",
        );
    }

    #[test]
    fn a_later_read_of_an_earlier_state_is_a_violation() {
        let judgement = judge(&written().transaction(2, &[("r", "y", 0)], 9));
        assert_violation(&judgement, "c2 request s1.2 at timestamp 9: reads k\"y\" = nil");
        let script =
            written().transaction(2, &[("w", "y", 6)], 30).transaction(3, &[("w", "z", 1)], 20);
        assert_violation(&judge(&script), "20 is not after 30");
    }

    #[test]
    fn a_read_that_is_not_of_its_timestamp_is_a_violation() {
        let script = written().transaction(2, &[("r", "x", 0), ("w", "x", 6)], 20);
        assert_violation(&judge(&script), "reads k\"x\" = nil at timestamp 20");
    }

    #[test]
    fn transactions_that_overlap_may_have_any_order() {
        let both = Script::new()
            .invoke(1, Script::asked(&[("w", "x", 5)]))
            .invoke(2, Script::asked(&[("w", "x", 6)]));
        let script = both.answered(1, &[("w", "x", 5)], 10).answered(2, &[("w", "x", 6)], 9);
        assert_ok(&judge(&script));
        assert_violation(&judge(&script.transaction(1, &[("r", "x", 6)], 10)), "which is older");
        let asked = written().invoke(2, Script::asked(&[("r", "x", 0), ("w", "y", 1)]));
        let same = asked.transaction(1, &[("w", "x", 7)], 20);
        let judgement = judge(&same.answered(2, &[("r", "x", 7), ("w", "y", 1)], 20));
        assert_violation(&judgement, "which is from then or later: it was 5 then");
    }

    #[test]
    fn what_ended_before_counts_and_not_what_ended_meanwhile() {
        let script = written().invoke(2, Script::asked(&[("w", "y", 1)]));
        let script = script.transaction(1, &[("w", "z", 1)], 30);
        assert_ok(&judge(&script.clone().answered(2, &[("w", "y", 1)], 20)));
        assert_violation(&judge(&script.answered(2, &[("w", "y", 1)], 5)), "5 is not after 10");
    }

    #[test]
    fn without_timestamps_there_is_nothing_to_check() {
        let script = Script::new().transaction(1, &[("w", "x", 5)], 0);
        assert_unknown(&judge(&script), "no transaction was answered with a timestamp");
        let other = Script::new().invoke(1, Operation::new(functions::WRITE, 1, 1)).ok_at(1, 7);
        assert_unknown(&judge(&other), "no transaction");
        let odd = Script::new()
            .invoke(1, Operation::new(functions::TRANSACTION, Value::Nil, 1))
            .ok_at(1, 7);
        assert_unknown(&judge(&odd), "no transaction");
    }
}
