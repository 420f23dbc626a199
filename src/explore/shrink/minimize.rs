//! Which items of a list can be left out: delta debugging, knowing nothing of what the items are.
//!
//! ```text
//!   o o o o o o o o     without all of them?     no
//!   o o o o . . . .     without this half?       yes
//!   . . o o             without this half?       no ... and so on, in ever smaller pieces, down to
//!   o o .               without this one?        until no single one can be left out any more
//! ```
//!
//! What is left is *1-minimal*: it fails, and without any one item it does not. It need not be the smallest list that
//! fails; to find that is hopeless (Zeller and Hildebrandt 2002, *Simplifying and Isolating Failure-Inducing Input*, section
//! 3.3). Pieces are taken from the end, because what came last explains least.

/// Asks in order, for each number below the first argument, whether the list still fails that the function gives for it;
/// returns the first number for which it does.
pub(super) type First<'a> =
    &'a mut dyn FnMut(usize, &(dyn Fn(usize) -> Vec<usize> + Sync)) -> Option<usize>;

/// The places of the items, of `len` that fail together, that must stay. If `first` stops to answer (its budget is
/// spent), what is left so far.
pub(super) fn minimize(len: usize, first: First<'_>) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..len).collect();
    let mut size = len;
    while size > 0 && !kept.is_empty() {
        size = size.min(kept.len());
        let before = kept.len();
        remove_pieces(&mut kept, size, first);
        // A single item may become superfluous when a later one has gone, so single items are tried until all must stay.
        if size > 1 || kept.len() == before {
            size /= 2;
        }
    }
    kept
}

/// Goes over the list once, from the end to the beginning, and removes each piece of this size that can go.
fn remove_pieces(kept: &mut Vec<usize>, size: usize, first: First<'_>) {
    let mut end = kept.len();
    while end > 0 {
        let piece = |number: usize| {
            let end = end - number * size;
            end.saturating_sub(size)..end
        };
        let without = |number: usize| {
            let piece = piece(number);
            [&kept[..piece.start], &kept[piece.end..]].concat()
        };
        let Some(number) = first(end.div_ceil(size), &without) else { return };
        let piece = piece(number);
        end = piece.start;
        kept.drain(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Minimizes a list for which `fails` says whether it fails; returns what is left and how many lists were tried.
    fn minimized(len: usize, fails: impl Fn(&[usize]) -> bool) -> (Vec<usize>, usize) {
        let mut tried = 0;
        let kept = minimize(len, &mut |count, list| {
            (0..count).find(|&number| {
                tried += 1;
                fails(&list(number))
            })
        });
        (kept, tried)
    }

    #[test]
    fn the_items_that_fail_together_are_what_is_left() {
        for needed in [vec![], vec![0], vec![99], vec![3, 50, 51, 98], (20..40).collect()] {
            let (kept, _) = minimized(100, |list| needed.iter().all(|item| list.contains(item)));
            assert_eq!(kept, needed);
        }
    }

    #[test]
    fn no_single_item_of_what_is_left_can_go() {
        // Fails if an odd number of multiples of seven, at least three, is there: removing one of them never works.
        let fails = |list: &[usize]| {
            let count = list.iter().filter(|item| *item % 7 == 0).count();
            count >= 3 && count % 2 == 1
        };
        let (kept, _) = minimized(63, fails);
        assert!(fails(&kept), "{kept:?}");
        for place in 0..kept.len() {
            let without = [&kept[..place], &kept[place + 1..]].concat();
            assert!(!fails(&without), "{kept:?} fails without {}", kept[place]);
        }
    }

    #[test]
    fn an_item_that_only_a_later_one_needed_goes_too() {
        // Item 2 can go only after item 1 has gone, and pieces are tried from the end.
        let (kept, _) =
            minimized(3, |list| list.contains(&0) && (!list.contains(&1) || list.contains(&2)));
        assert_eq!(kept, [0]);
    }

    #[test]
    fn few_needed_items_of_many_are_found_in_few_tries() {
        let (kept, tried) =
            minimized(4_096, |list| [17, 2_000, 4_095].iter().all(|it| list.contains(it)));
        assert_eq!(kept.len(), 3);
        // Each level of twelve halvings tries about two pieces for each item that must stay.
        assert!(tried < 12 * 3 * 3, "{tried} tries");
    }

    #[test]
    fn a_spent_budget_leaves_what_is_left_so_far() {
        let mut budget = 4;
        let kept = minimize(100, &mut |count, list| {
            (0..count).find(|&number| {
                budget -= i32::from(budget > 0);
                budget > 0 && list(number).contains(&10)
            })
        });
        assert!(kept.contains(&10) && kept.len() > 1 && kept.len() < 100, "{kept:?}");
    }
}
