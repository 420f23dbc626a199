//! Which operations may take effect next.
//!
//! Operations that were answered are *required*: they are numbered by their invocation. Those of unknown outcome are
//! *optional*: they may take effect from some moment on.

use std::collections::BTreeMap;

use crate::checkers::ordering::recording::Call;

/// What stands for the end of an operation that never ends.
const NEVER: usize = usize::MAX;

/// Which required operations have taken effect, and which may be next.
pub(in crate::checkers) trait Frontier {
    /// Whether operations that ask the same and are answered the same can stand for each other, so that only the first
    /// of them has to be tried.
    const TWINS_ARE_EQUAL: bool;

    /// Nothing has taken effect. Both lists are in the order of invocation.
    fn new(required: &[&Call], optional: &[&Call]) -> Self;

    /// The required operations that may be next, the most urgent one first.
    fn next(&mut self, next: &mut Vec<u32>);

    /// How many of these optional operations, given in order, may be next. It is asked after [`Self::next`].
    fn available(&self, optional: &[u32]) -> usize;

    /// A required operation takes effect.
    fn place(&mut self, call: u32);

    /// The required operation that took effect last is taken back.
    fn take_back(&mut self, call: u32);

    /// How many required operations are left.
    fn left(&self) -> usize;

    /// Whether a required operation is left.
    fn is_left(&self, call: u32) -> bool;

    /// No required operation before this one is left.
    fn first_left(&self) -> u32;

    /// Which have taken effect, in words that tell all such sets apart. It is asked after [`Self::next`].
    fn key(&self, key: &mut Vec<u64>);
}

/// The order of real time: an operation takes effect between its invocation and its answer. This is linearizability.
///
/// Times are places in the history; intervals are closed, and no two places are equal.
#[derive(Debug)]
pub(in crate::checkers) struct RealTime {
    /// From when to when each required operation lasted.
    spans: Vec<(usize, usize)>,
    optional_from: Vec<usize>,
    /// One bit for each required operation, and at least one more that is never set.
    placed: Vec<u64>,
    /// All before it have taken effect.
    base: usize,
    /// None from here on has taken effect.
    limit: usize,
    /// The first end of an operation that is left: whatever began later comes later.
    horizon: usize,
    left: usize,
}

impl RealTime {
    fn is_placed(&self, call: usize) -> bool {
        self.placed[call / 64] >> (call % 64) & 1 == 1
    }
}

impl Frontier for RealTime {
    const TWINS_ARE_EQUAL: bool = true;

    fn new(required: &[&Call], optional: &[&Call]) -> Self {
        let span =
            |call: &&Call| (call.line, call.answer.as_ref().map_or(NEVER, |answer| answer.line));
        Self {
            spans: required.iter().map(span).collect(),
            optional_from: optional.iter().map(|call| call.line).collect(),
            placed: vec![0; required.len() / 64 + 1],
            base: 0,
            limit: 0,
            horizon: NEVER,
            left: required.len(),
        }
    }

    fn next(&mut self, next: &mut Vec<u32>) {
        next.clear();
        self.horizon = NEVER;
        self.limit = self.spans.len();
        for (call, &(from, to)) in self.spans.iter().enumerate().skip(self.base) {
            if from > self.horizon {
                self.limit = call;
                break;
            }
            if !self.is_placed(call) {
                next.push(call as u32);
                self.horizon = self.horizon.min(to);
            }
        }
        next.sort_unstable_by_key(|&call| self.spans[call as usize].1);
    }

    fn available(&self, optional: &[u32]) -> usize {
        optional.partition_point(|&call| self.optional_from[call as usize] < self.horizon)
    }

    fn place(&mut self, call: u32) {
        let call = call as usize;
        self.placed[call / 64] |= 1 << (call % 64);
        self.left -= 1;
        while self.is_placed(self.base) {
            self.base += 1;
        }
    }

    fn take_back(&mut self, call: u32) {
        let call = call as usize;
        self.placed[call / 64] &= !(1 << (call % 64));
        self.left += 1;
        self.base = self.base.min(call);
    }

    fn left(&self) -> usize {
        self.left
    }

    fn is_left(&self, call: u32) -> bool {
        !self.is_placed(call as usize)
    }

    fn first_left(&self) -> u32 {
        self.base as u32
    }

    fn key(&self, key: &mut Vec<u64>) {
        key.push(self.base as u64);
        key.extend_from_slice(&self.placed[self.base / 64..=self.limit / 64]);
    }
}

/// The order in which each process invoked its operations, whatever the time. This is sequential consistency.
#[derive(Debug)]
pub(in crate::checkers) struct ProgramOrder {
    /// The required operations of each process, in order.
    processes: Vec<Vec<u32>>,
    /// How many of each process have taken effect.
    done: Vec<u32>,
    /// The process of each required operation.
    process_of: Vec<u32>,
    /// For each optional operation its process, and how many required ones come before it there.
    optional_after: Vec<(u32, u32)>,
    left: usize,
}

impl Frontier for ProgramOrder {
    /// What follows them in their processes differs.
    const TWINS_ARE_EQUAL: bool = false;

    fn new(required: &[&Call], optional: &[&Call]) -> Self {
        let mut numbers: BTreeMap<u64, u32> = BTreeMap::new();
        let mut number = |call: &&Call| {
            let new = numbers.len() as u32;
            *numbers.entry(call.process).or_insert(new)
        };
        let process_of: Vec<u32> = required.iter().map(&mut number).collect();
        let optional_of: Vec<u32> = optional.iter().map(&mut number).collect();
        let mut processes = vec![Vec::new(); numbers.len()];
        for (call, process) in process_of.iter().enumerate() {
            processes[*process as usize].push(call as u32);
        }
        let after = |(call, process): (&&Call, u32)| {
            let earlier = |other: &u32| required[*other as usize].line < call.line;
            (process, processes[process as usize].partition_point(earlier) as u32)
        };
        Self {
            optional_after: optional.iter().zip(optional_of).map(after).collect(),
            done: vec![0; processes.len()],
            left: required.len(),
            processes,
            process_of,
        }
    }

    fn next(&mut self, next: &mut Vec<u32>) {
        next.clear();
        let processes = self.processes.iter().zip(&self.done);
        next.extend(processes.filter_map(|(calls, done)| calls.get(*done as usize)));
        // What real systems do comes close to the order of time: try that first.
        next.sort_unstable();
    }

    fn available(&self, optional: &[u32]) -> usize {
        let is_next = |call: &&u32| {
            let (process, after) = self.optional_after[**call as usize];
            self.done[process as usize] >= after
        };
        optional.iter().filter(is_next).count()
    }

    fn place(&mut self, call: u32) {
        self.done[self.process_of[call as usize] as usize] += 1;
        self.left -= 1;
    }

    fn take_back(&mut self, call: u32) {
        self.done[self.process_of[call as usize] as usize] -= 1;
        self.left += 1;
    }

    fn left(&self) -> usize {
        self.left
    }

    fn is_left(&self, call: u32) -> bool {
        let process = self.process_of[call as usize] as usize;
        let next = self.processes[process].get(self.done[process] as usize);
        next.is_some_and(|next| *next <= call)
    }

    fn first_left(&self) -> u32 {
        let processes = self.processes.iter().zip(&self.done);
        let next = processes.filter_map(|(calls, done)| calls.get(*done as usize));
        next.min().copied().unwrap_or(0)
    }

    fn key(&self, key: &mut Vec<u64>) {
        key.extend(self.done.iter().map(|done| u64::from(*done)));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::checkers::models::Register;
    use crate::checkers::ordering::recording::Recording;
    use crate::checkers::testing::Script;
    use crate::history::{Operation, Value};

    /// Where nothing has taken effect yet of what this script did.
    fn frontier<F: Frontier>(script: &Script) -> F {
        let calls = Recording::of(&script.recorded(), &Register).calls;
        F::new(&calls.iter().collect::<Vec<_>>(), &[])
    }

    fn write() -> Operation {
        Operation::new("write", 1, 1)
    }

    fn one_after_the_other(operations: u64) -> Script {
        let write = |script: Script, _| script.invoke(1, write()).ok(1, Value::Nil);
        (0..operations).fold(Script::new(), write)
    }

    fn all_at_once(operations: u64) -> Script {
        let script = (0..operations).fold(Script::new(), |script, one| script.invoke(one, write()));
        (0..operations).fold(script, |script, one| script.ok(one, Value::Nil))
    }

    fn next(frontier: &mut impl Frontier) -> Vec<u32> {
        let mut next = Vec::new();
        frontier.next(&mut next);
        next
    }

    fn key(frontier: &mut impl Frontier) -> Vec<u64> {
        next(frontier);
        let mut key = Vec::new();
        frontier.key(&mut key);
        key
    }

    #[test]
    fn no_two_sets_of_operations_have_the_same_key() {
        let mut keys = BTreeSet::new();
        let mut frontier: RealTime = self::frontier(&one_after_the_other(200));
        assert!(keys.insert(key(&mut frontier)));
        for call in 0..200 {
            frontier.place(call);
            assert!(keys.insert(key(&mut frontier)), "{call}");
        }
        let longest = keys.iter().map(Vec::len).max();
        assert!(longest <= Some(3), "where the order is known the key is short, not {longest:?}");
        let mut keys = BTreeSet::new();
        let mut frontier: RealTime = self::frontier(&all_at_once(100));
        for call in 0..100 {
            frontier.place(call);
            assert!(keys.insert(key(&mut frontier)), "{call}");
            frontier.take_back(call);
        }
    }

    #[test]
    fn what_was_taken_back_is_left() {
        let mut frontier: RealTime = self::frontier(&all_at_once(3));
        frontier.place(0);
        frontier.place(2);
        let left = |frontier: &RealTime| [0, 1, 2].map(|call| frontier.is_left(call));
        assert_eq!((left(&frontier), frontier.first_left()), ([false, true, false], 1));
        frontier.take_back(2);
        frontier.take_back(0);
        assert_eq!((left(&frontier), frontier.first_left()), ([true; 3], 0));
    }

    #[test]
    fn by_the_order_of_each_process_the_oldest_is_tried_first() {
        // Process 1 invokes the operations 0 and 2, process 2 invokes 1.
        let script = [1, 2, 1].into_iter().fold(Script::new(), |script, process| {
            script.invoke(process, write()).ok(process, Value::Nil)
        });
        let mut frontier: ProgramOrder = self::frontier(&script);
        let left = |frontier: &ProgramOrder| [0, 1, 2].map(|call| frontier.is_left(call));
        assert_eq!((next(&mut frontier), left(&frontier)), (vec![0, 1], [true; 3]));
        frontier.place(0);
        assert_eq!((next(&mut frontier), left(&frontier)), (vec![1, 2], [false, true, true]));
        frontier.place(2);
        assert_eq!((next(&mut frontier), left(&frontier)), (vec![1], [false, true, false]));
    }
}
