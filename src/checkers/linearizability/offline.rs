//! The judgement of a whole recorded history: each key is searched for a legal order, and a key without one is told from
//! the line on which it went wrong.

use crate::checkers::Violation;
use crate::checkers::models::SequentialSpecification;
use crate::checkers::ordering::{Call, Dead, RealTime, Recording, Search, describe, prefix};
use crate::checkers::recorded::{Counterexample, Options, Verdict};
use crate::history::{HistoryEvent, Value};

/// How many steps each key gets in the first round. Each round gives four times as many as the one before, so that a key
/// that is wrong is found soon, wherever it stands, and no key that is hard holds the others up.
const FIRST_ROUND: u64 = 1 << 12;
/// How many steps the search for the longest legal order of a history without one may take.
const EXPLAIN: u64 = 1 << 12;

/// Judges that each object of a recorded history behaves like a sequential one: see
/// [`linearizability`](crate::checkers::linearizability) for what that means.
///
/// The history is in the order of time. Operations whose outcome is unknown, and those that never end, may take effect
/// at any time after their invocation, once or never; those that failed did not. The verdict is exact, or unknown when
/// the steps are spent.
///
/// ```
/// # use elara::checkers::linearizability;
/// # use elara::checkers::models::Register;
/// # use elara::checkers::recorded::{Options, Verdict};
/// let verdict = linearizability::check(&[], &Register, Options::default());
/// assert!(matches!(verdict, Verdict::Vacuous(_)));
/// ```
pub fn check<S: SequentialSpecification + ?Sized>(
    history: &[HistoryEvent],
    specification: &S,
    options: Options,
) -> Verdict {
    judge(Recording::of(history, specification), specification, options)
}

/// Judges operations; their lines are their times.
pub(in crate::checkers) fn judge<S: SequentialSpecification + ?Sized>(
    recording: Recording,
    specification: &S,
    options: Options,
) -> Verdict {
    if recording.answered() == 0 {
        return Verdict::Vacuous(format!(
            "no operation that the model knows completed; {} others were ignored",
            recording.ignored
        ));
    }
    let keys = recording.by_key();
    let searches = keys.iter().map(|calls| (calls, Search::new(specification, calls)));
    let mut open: Vec<(&Vec<Call>, Search<'_, S, RealTime>)> = searches.collect();
    let mut left = options.steps;
    let mut round = FIRST_ROUND;
    while !open.is_empty() {
        let mut undecided = Vec::new();
        for (calls, mut search) in open {
            let before = search.steps;
            let verdict = search.run(round.min(left));
            left = left.saturating_sub(search.steps - before);
            match verdict {
                Some(true) => {}
                Some(false) => return violation(specification, calls, search.steps),
                None => undecided.push((calls, search)),
            }
        }
        open = undecided;
        if let (0, Some((calls, _))) = (left, open.first()) {
            return spent(options, open.len(), calls);
        }
        round *= 4;
    }
    Verdict::Ok
}

fn spent(options: Options, keys: usize, calls: &[Call]) -> Verdict {
    let key = &calls[0].operation.key;
    Verdict::Unknown(format!(
        "the budget of {} steps is spent, and {keys} keys are not decided; the first is key {key} with {} operations",
        options.steps,
        calls.len()
    ))
}

/// Tells why operations on one key have no legal order; it took this many steps to find out.
fn violation<S: SequentialSpecification + ?Sized>(
    specification: &S,
    calls: &[Call],
    steps: u64,
) -> Verdict {
    let last = shortest_prefix(specification, calls, steps.saturating_mul(2).max(EXPLAIN));
    let calls = prefix(calls, last);
    let mut search: Search<'_, S, RealTime> = Search::new(specification, &calls);
    search.explore(EXPLAIN);
    let dead = Dead::new(specification, &calls, search.longest());
    let ended =
        calls.iter().find(|call| call.answer.as_ref().is_some_and(|answer| answer.line == last));
    let ended = ended.expect("the prefix ends with an answer");
    let Call { process, operation, answer, .. } = ended;
    let answer = answer.as_ref().expect("it was just found by it");
    let of_key = match &operation.key {
        Value::Nil => String::new(),
        key => format!(" on key {key}"),
    };
    let message = format!(
        "{operation} of p{process} is answered with {}, and no legal order of the operations{of_key} explains it",
        answer.value
    );
    let violation = Violation {
        at: answer.at,
        message,
        evidence: std::iter::once(format!("the history is in order until {}", describe(ended)))
            .chain(dead.evidence(|later, earlier| ends_before(earlier, later)))
            .collect(),
    };
    Verdict::Violation(Counterexample {
        violation,
        operations: dead.unplaced().iter().map(|call| call.line).collect(),
        prefix: Some(last),
        order: dead.order(),
    })
}

fn ends_before(earlier: &Call, later: &Call) -> bool {
    earlier.answer.as_ref().is_some_and(|answer| answer.line < later.line)
}

/// The last line of the shortest prefix without a legal order. A prefix of a linearizable history is linearizable, so it
/// is found by bisection. A prefix that is too hard to judge counts as linearizable: then a longer one is told.
fn shortest_prefix<S: SequentialSpecification + ?Sized>(
    specification: &S,
    calls: &[Call],
    steps: u64,
) -> usize {
    let answers = calls.iter().filter_map(|call| call.answer.as_ref());
    let mut lines: Vec<usize> = answers.map(|answer| answer.line).collect();
    lines.sort_unstable();
    let fails = |last: usize| {
        let mut search: Search<'_, S, RealTime> = Search::new(specification, &prefix(calls, last));
        search.run(steps) == Some(false)
    };
    let shortest = lines[..lines.len() - 1].partition_point(|&last| !fails(last));
    lines[shortest]
}
