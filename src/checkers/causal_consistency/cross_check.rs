//! The bad patterns against the definitions: some order of all causes explains each read (causal consistency), and one
//! order of all writes explains all reads (causal convergence).

use super::{Strength, check};
use crate::checkers::recorded::Verdict;
use crate::checkers::testing::{Access, any_order, for_random_accesses, recorded};

/// For each pair of operations whether the first is a cause of the second, by the definition; `None` if a read reads
/// what nobody wrote, or an operation is a cause of itself.
fn causes(accesses: &[Access]) -> Option<Vec<Vec<bool>>> {
    let count = accesses.len();
    let mut is_cause = vec![vec![false; count]; count];
    for (later, access) in accesses.iter().enumerate() {
        for (earlier, other) in accesses.iter().enumerate() {
            let in_process = earlier < later && other.process == access.process;
            let reads = !access.writes && other.writes && other.value == access.value;
            is_cause[earlier][later] = in_process || (reads && other.key == access.key);
        }
    }
    for through in 0..count {
        for first in 0..count {
            for last in 0..count {
                is_cause[first][last] |= is_cause[first][through] && is_cause[through][last];
            }
        }
    }
    (0..count).all(|number| !is_cause[number][number]).then_some(is_cause)
}

/// The value of a key after these operations.
fn value(accesses: &[Access], order: &[usize], key: i64) -> i64 {
    let mut writes = order.iter().map(|number| &accesses[*number]);
    let last = writes.rfind(|access| access.writes && access.key == key);
    last.map_or(0, |access| access.value)
}

fn reads(accesses: &[Access]) -> impl Iterator<Item = (usize, &Access)> {
    accesses.iter().enumerate().filter(|(_, access)| !access.writes)
}

fn is_causal(accesses: &[Access]) -> bool {
    let Some(is_cause) = causes(accesses) else { return false };
    reads(accesses).all(|(read, access)| {
        let past: Vec<usize> = (0..accesses.len()).filter(|&other| is_cause[other][read]).collect();
        let may_follow = |placed: &[usize], next: usize| {
            past.iter().all(|&other| !is_cause[other][next] || placed.contains(&other))
        };
        let explains = |order: &[usize]| value(accesses, order, access.key) == access.value;
        any_order(&mut Vec::new(), &past, &may_follow, &explains)
    })
}

fn is_convergent(accesses: &[Access]) -> bool {
    let Some(is_cause) = causes(accesses) else { return false };
    let writes: Vec<usize> =
        (0..accesses.len()).filter(|&number| accesses[number].writes).collect();
    let may_follow = |placed: &[usize], next: usize| {
        writes.iter().all(|&other| !is_cause[other][next] || placed.contains(&other))
    };
    let explains_all = |order: &[usize]| {
        reads(accesses).all(|(read, access)| {
            let seen = order.iter().copied().filter(|&write| is_cause[write][read]);
            value(accesses, &seen.collect::<Vec<_>>(), access.key) == access.value
        })
    };
    any_order(&mut Vec::new(), &writes, &may_follow, &explains_all)
}

fn holds(accesses: &[Access], strength: Strength) -> bool {
    !matches!(check(&recorded(accesses), strength), Verdict::Violation(_))
}

#[test]
fn causal_consistency_agrees_with_its_definition() {
    for_random_accesses(2, |accesses| {
        let found = holds(accesses, Strength::Causal);
        assert_eq!(found, is_causal(accesses), "{accesses:#?}");
        found
    });
}

#[test]
fn causal_convergence_agrees_with_its_definition() {
    let mut only_convergence = 0;
    for_random_accesses(1, |accesses| {
        let found = holds(accesses, Strength::Convergent);
        assert_eq!(found, is_convergent(accesses), "{accesses:#?}");
        only_convergence += u64::from(!found && holds(accesses, Strength::Causal));
        found
    });
    assert!(only_convergence > 20, "{only_convergence} histories tell the two claims apart");
}
