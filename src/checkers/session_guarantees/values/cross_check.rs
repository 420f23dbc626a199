//! The circles against the definition: some order of the values that every session agrees with.

use super::{Effect, Guarantee, check};
use crate::checkers::recorded::Verdict;
use crate::checkers::testing::{Access, any_order, for_random_accesses, recorded};

/// Whether some order of the values of the one key, the oldest first, fits these guarantees.
fn holds(accesses: &[Access], guarantees: &[Guarantee]) -> bool {
    let effect = |access: &Access| if access.writes { Effect::Changes } else { Effect::Observes };
    let values: Vec<usize> = accesses
        .iter()
        .filter(|access| access.writes)
        .map(|access| access.value as usize)
        .collect();
    let fits = |order: &[usize]| {
        let age = |value: i64| {
            order.iter().position(|other| *other == value as usize).map_or(0, |age| age + 1)
        };
        (0..accesses.len()).all(|later| {
            (0..later).all(|earlier| {
                let (earlier, later) = (&accesses[earlier], &accesses[later]);
                let guarantee = Guarantee::between(effect(earlier), effect(later));
                earlier.process != later.process
                    || !guarantees.contains(&guarantee)
                    || age(earlier.value) <= age(later.value)
            })
        })
    };
    any_order(&mut Vec::new(), &values, &|_, _| true, &fits)
}

#[test]
fn the_session_guarantees_agree_with_their_definition() {
    for_random_accesses(1, |accesses| {
        let (each, together) = check(&recorded(accesses));
        let is_kept = |verdict: &Verdict| !matches!(verdict, Verdict::Violation(_));
        for (guarantee, verdict) in &each {
            assert_eq!(
                is_kept(verdict),
                holds(accesses, &[*guarantee]),
                "{guarantee:?} {accesses:#?}"
            );
        }
        assert_eq!(is_kept(&together), holds(accesses, &Guarantee::ALL), "{accesses:#?}");
        is_kept(&together)
    });
}
