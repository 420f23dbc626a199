//! The search itself: see [`ordering`](super) for what it does and why it may leave out what it leaves out.

use crate::checkers::models::SequentialSpecification;
use crate::checkers::ordering::balance::Balance;
use crate::checkers::ordering::classes::{ClassId, Classes, Requires, StateId};
use crate::checkers::ordering::frontier::Frontier;
use crate::checkers::ordering::memo::{Memo, Used, count, unuse_one, use_one};
use crate::checkers::ordering::optional::Optional;
use crate::checkers::ordering::recording::Call;

/// How many of the next operations that need a certain state are looked at, whether it is lost.
const LOOKED_AHEAD: usize = 16;

/// Where an object stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    state: StateId,
    /// Whether the last to change it was an operation that need not have taken effect, and nothing has needed it since:
    /// then what comes next must not ignore the state (the fifth rule).
    is_unneeded: bool,
}

/// What takes effect in one step of the search.
#[derive(Clone, Copy, Debug)]
enum Taken {
    Required(u32),
    Optional(u32),
}

/// One step of the search.
#[derive(Clone, Copy, Debug)]
struct Move {
    /// An optional operation that sets the state right before, and the state.
    setter: Option<(u32, StateId)>,
    taken: Taken,
    class: ClassId,
    after: StateId,
}

/// What is taken back when the search goes back.
#[derive(Clone, Copy, Debug)]
enum Change {
    Placed(u32),
    Used(u32),
    Cell(usize, Cell),
}

/// A configuration that was entered, with what is left to try from it.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// How much is taken back to leave it.
    trail: usize,
    /// Its moves begin here.
    moves: usize,
    /// The next one to try.
    next: usize,
}

/// A search for one legal order of operations. It can be interrupted and continued.
#[derive(Debug)]
pub(in crate::checkers) struct Search<'a, S: SequentialSpecification + ?Sized, F> {
    classes: Classes<'a, S>,
    /// The class of each required operation.
    required: Vec<ClassId>,
    /// Those of them that need one state and no other.
    needing: Vec<u32>,
    /// The place of each required operation among all, and of each optional one.
    places: (Vec<usize>, Vec<usize>),
    optional: Optional,
    frontier: F,
    cells: Vec<Cell>,
    used: Used,
    balance: Balance,
    memo: Memo,
    trail: Vec<Change>,
    frames: Vec<Frame>,
    moves: Vec<Move>,
    /// The most required operations that were ever in order, and that order.
    longest: (usize, Vec<Change>),
    verdict: Option<bool>,
    /// Whether an answer needs a state that nothing brings about.
    is_hopeless: bool,
    /// Whether the search goes on where a state is lost.
    goes_on: bool,
    /// How many configurations were looked at.
    pub steps: u64,
    next: Vec<u32>,
    key: Vec<u64>,
}

impl<'a, S: SequentialSpecification + ?Sized, F: Frontier> Search<'a, S, F> {
    /// A search for a legal order of these operations, which are in the order of their invocations.
    pub fn new(specification: &'a S, calls: &[Call]) -> Self {
        let mut classes = Classes::new(specification);
        let numbered: Vec<ClassId> = calls.iter().map(|call| classes.class_of(call)).collect();
        let initial = classes.initial();
        let (required, optional): (Vec<usize>, Vec<usize>) =
            (0..calls.len()).partition(|&call| calls[call].answer.is_some());
        let pick = |places: &[usize]| places.iter().map(|&call| &calls[call]).collect::<Vec<_>>();
        let mut search = Self {
            frontier: F::new(&pick(&required), &pick(&optional)),
            required: required.iter().map(|&call| numbered[call]).collect(),
            needing: Vec::new(),
            optional: Optional::default(),
            cells: initial.iter().map(|&state| Cell { state, is_unneeded: false }).collect(),
            used: Used::new(),
            balance: Balance::new(&classes),
            memo: Memo::default(),
            trail: Vec::new(),
            frames: Vec::new(),
            moves: Vec::new(),
            longest: (0, Vec::new()),
            verdict: None,
            is_hopeless: false,
            goes_on: false,
            steps: 0,
            next: Vec::new(),
            key: Vec::new(),
            places: (required, optional),
            classes,
        };
        let classes_of: Vec<ClassId> = search.places.1.iter().map(|&call| numbered[call]).collect();
        search.optional = Optional::new(&search.classes, &classes_of);
        for class in &classes_of {
            search.balance.allow(&search.classes, *class);
        }
        for class in &search.required {
            search.balance.require(&search.classes, *class);
        }
        let needs_a_state = |call: &u32| {
            let class = search.classes.class(search.required[*call as usize]);
            matches!(class.requires, Requires::Exactly { .. })
        };
        search.needing = (0..search.required.len() as u32).filter(needs_a_state).collect();
        search.is_hopeless = search.balance.any_is_lost(&search.classes, &initial);
        search
    }

    /// Goes on for so many steps. Whether there is a legal order; `None` if that is not known yet.
    pub fn run(&mut self, steps: u64) -> Option<bool> {
        if self.is_hopeless { Some(false) } else { self.go_on(steps) }
    }

    /// Looks for as long an order as possible where there is none of all operations, for at most so many steps. It is to
    /// be called first.
    pub fn explore(&mut self, steps: u64) {
        self.goes_on = true;
        self.go_on(steps);
    }

    fn go_on(&mut self, steps: u64) -> Option<bool> {
        if self.steps == 0 {
            self.steps = 1;
            if self.enter(0) {
                self.verdict = Some(true);
            }
        }
        let end = self.steps.saturating_add(steps);
        while self.verdict.is_none() {
            let Some(&Frame { trail, moves, next }) = self.frames.last() else {
                self.verdict = Some(false);
                break;
            };
            if next == self.moves.len() {
                self.remember_longest();
                self.moves.truncate(moves);
                self.take_back(trail);
                self.frames.pop();
                continue;
            }
            if self.steps >= end {
                return None;
            }
            self.steps += 1;
            self.frames.last_mut().expect("it was just there").next += 1;
            let trail = self.trail.len();
            if !self.apply(self.moves[next]) {
                self.take_back(trail);
            } else if self.enter(trail) {
                self.verdict = Some(true);
            }
        }
        self.verdict
    }

    /// Lets operations take effect; whether no state is lost by that.
    fn apply(&mut self, Move { setter, taken, class, after }: Move) -> bool {
        let object = self.classes.class(class).object;
        let before = self.cells[object];
        self.trail.push(Change::Cell(object, before));
        if let Some((group, _)) = setter {
            self.take_optional(group);
        }
        let is_unneeded = match taken {
            Taken::Required(call) => {
                self.place(call);
                false
            }
            Taken::Optional(group) => {
                self.take_optional(group);
                true
            }
        };
        self.cells[object] = Cell { state: after, is_unneeded };
        let left = [Some(before.state), setter.map(|(_, state)| state)];
        let mut left = left.into_iter().flatten().filter(|state| *state != after);
        self.goes_on || left.all(|state| !self.balance.is_lost(&self.classes, (state, after)))
    }

    /// Whether a state is lost that one of the next operations needs. All could be looked at, but this is done for each
    /// configuration, and what is lost was lost by the last few steps.
    fn is_dead(&self) -> bool {
        if self.goes_on || !self.balance.looks_ahead() {
            return false;
        }
        let from = self.needing.partition_point(|call| *call < self.frontier.first_left());
        let left = self.needing[from..].iter().filter(|call| self.frontier.is_left(**call));
        let mut needed = left.take(LOOKED_AHEAD).map(|call| {
            let class = self.classes.class(self.required[*call as usize]);
            let Requires::Exactly { before, .. } = class.requires else {
                unreachable!("only those that need a state are listed");
            };
            (before, self.cells[class.object].state)
        });
        needed.any(|needed| self.balance.is_lost(&self.classes, needed))
    }

    fn place(&mut self, call: u32) {
        self.frontier.place(call);
        self.balance.satisfy(&self.classes, self.required[call as usize]);
        self.trail.push(Change::Placed(call));
    }

    fn take_optional(&mut self, group: u32) {
        use_one(&mut self.used, group);
        self.balance.spend(&self.classes, self.optional.groups[group as usize].class);
        self.trail.push(Change::Used(group));
    }

    /// Takes back all but the first so many changes.
    fn take_back(&mut self, trail: usize) {
        while self.trail.len() > trail {
            match self.trail.pop().expect("it is longer") {
                Change::Placed(call) => {
                    self.frontier.take_back(call);
                    self.balance.require(&self.classes, self.required[call as usize]);
                }
                Change::Used(group) => {
                    unuse_one(&mut self.used, group);
                    self.balance.allow(&self.classes, self.optional.groups[group as usize].class);
                }
                Change::Cell(object, cell) => self.cells[object] = cell,
            }
        }
    }

    /// Enters the configuration that was reached, unless it was entered before; whether it is the end of the search.
    fn enter(&mut self, trail: usize) -> bool {
        self.observe();
        if self.frontier.left() == 0 {
            return true;
        }
        self.key.clear();
        self.frontier.key(&mut self.key);
        let words = self.cells.iter();
        let words = words.map(|cell| u64::from(cell.state) << 1 | u64::from(cell.is_unneeded));
        self.key.extend(words);
        if self.is_dead() || !self.memo.enter(&self.key, &self.used) {
            self.take_back(trail);
            return false;
        }
        let moves = self.moves.len();
        self.collect_moves();
        if self.moves.len() == moves {
            self.remember_longest();
            self.take_back(trail);
        } else {
            self.frames.push(Frame { trail, moves, next: moves });
        }
        false
    }

    /// Lets each operation take effect that only observes and is explained by the state (the first rule).
    fn observe(&mut self) {
        let mut next = std::mem::take(&mut self.next);
        loop {
            self.frontier.next(&mut next);
            let left = self.frontier.left();
            for &call in &next {
                let class = self.required[call as usize];
                let Some(object) = self.observed(class) else { continue };
                let cell = self.cells[object];
                if cell.is_unneeded {
                    self.trail.push(Change::Cell(object, cell));
                    self.cells[object].is_unneeded = false;
                }
                self.place(call);
            }
            if self.frontier.left() == left {
                break;
            }
        }
        self.next = next;
    }

    /// The object of an observer that is explained by the state.
    fn observed(&mut self, class: ClassId) -> Option<usize> {
        let known = self.classes.class(class);
        let (observes, object) = (known.observes, known.object);
        let state = self.cells[object].state;
        (observes && self.classes.step(state, class).is_some()).then_some(object)
    }

    /// Everything that can be done next.
    fn collect_moves(&mut self) {
        for place in 0..self.next.len() {
            let call = self.next[place];
            let class = self.required[call as usize];
            let is_twin = |other: &u32| self.required[*other as usize] == class;
            if F::TWINS_ARE_EQUAL && self.next[..place].iter().any(is_twin) {
                continue;
            }
            self.collect(Taken::Required(call), class);
        }
        for object in 0..self.classes.objects() {
            for place in 0..self.optional.on[object].modifiers.len() {
                let group = self.optional.on[object].modifiers[place];
                if self.is_available(group) {
                    self.collect(
                        Taken::Optional(group),
                        self.optional.groups[group as usize].class,
                    );
                }
            }
        }
    }

    fn is_available(&self, group: u32) -> bool {
        let calls = &self.optional.groups[group as usize].calls;
        count(&self.used, group) < self.frontier.available(calls)
    }

    /// All ways in which this one can take effect: as things are, or after an optional operation has set the state that
    /// it needs (the sixth rule).
    fn collect(&mut self, taken: Taken, class: ClassId) {
        let known = self.classes.class(class);
        let (requires, object) = (known.requires, known.object);
        let Cell { state, is_unneeded } = self.cells[object];
        if is_unneeded && matches!(requires, Requires::Nothing { .. }) {
            return;
        }
        if let Some(after) = self.classes.step(state, class) {
            self.moves.push(Move { setter: None, taken, class, after });
        }
        let on = &self.optional.on[object];
        let set: Vec<StateId> = match requires {
            Requires::Exactly { before, .. } if on.setters.contains_key(&before) => vec![before],
            Requires::Nothing { .. } | Requires::Exactly { .. } => return,
            Requires::Something => on.setters.keys().copied().collect(),
        };
        for set in set.into_iter().filter(|set| *set != state) {
            let groups = &self.optional.on[object].setters[&set];
            let setter = groups.iter().copied().find(|group| self.is_available(*group));
            let Some(setter) = setter else { continue };
            if let Some(after) = self.classes.step(set, class) {
                self.moves.push(Move { setter: Some((setter, set)), taken, class, after });
            }
        }
    }

    fn remember_longest(&mut self) {
        let placed = self.required.len() - self.frontier.left();
        // To copy the order costs as much as to find it, so it is done for explanations only.
        if self.goes_on && placed > self.longest.0 {
            let order = self.trail.iter().copied();
            let order = order.filter(|change| !matches!(change, Change::Cell(..)));
            self.longest = (placed, order.collect());
        }
    }

    /// The longest legal order that was found, as places among the operations that were given.
    pub fn longest(&self) -> Vec<usize> {
        let mut times = vec![0; self.optional.groups.len()];
        let place = |change: &Change| match *change {
            Change::Placed(call) => self.places.0[call as usize],
            Change::Used(group) => {
                let uses = &mut times[group as usize];
                *uses += 1;
                let group = &self.optional.groups[group as usize];
                self.places.1[group.calls[*uses - 1] as usize]
            }
            Change::Cell(..) => unreachable!("the order is of operations only"),
        };
        self.longest.1.iter().map(place).collect()
    }
}

#[cfg(test)]
mod tests;
