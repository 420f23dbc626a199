//! A little multi-version store for transactions, with isolation bugs that can be planted.
//!
//! It knows nothing of the checker: processes execute their transactions one operation at a time, in an order that a
//! seed draws, and what they invoke and get is the history. Without a bug it validates at commit that nothing which a
//! transaction read was overwritten, so it is strictly serializable: each transaction takes effect when it commits.

use std::collections::BTreeMap;

use elara::checkers::transactions::{Function, MicroOperation, TransactionEvent, Workload};
use elara::history::{Phase, Value};
use elara::kernel::random::{Purpose, Stream};

/// What is wrong with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    None,
    /// Appends go in place at once, between those of others.
    DirtyWrite,
    /// What a transaction wrote shows before it commits, and it may still abort.
    AbortedRead,
    /// What a transaction writes shows at once.
    IntermediateRead,
    /// The same, but nobody writes a key twice.
    CircularFlow,
    /// Reads of a snapshot; nobody looks whether what is overwritten is what was read.
    LostUpdate,
    /// Each read shows what is committed just then; only writes are validated.
    ReadSkew,
    /// Snapshot isolation: only writes are validated.
    WriteSkew,
    /// Transactions that only read use an old snapshot.
    StaleRead,
    /// The same, but never older than what the process has seen.
    StaleButMonotonic,
    /// Two sites with snapshots of their own, which exchange what is committed later.
    LongFork,
}

/// How much of it.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub workload: Workload,
    pub transactions: u64,
    pub processes: u64,
    /// Keys in use at a time.
    pub keys: u64,
    /// A key is given up for a new one after so many writes.
    pub writes_per_key: u64,
    pub operations_max: u64,
    /// One of so many completions is lost: `info`.
    pub info_one_in: u64,
    /// Whoever writes a key has read it before.
    pub updates_only: bool,
}

impl Load {
    pub const fn new(workload: Workload, transactions: u64) -> Self {
        Self {
            workload,
            transactions,
            processes: 6,
            keys: 4,
            writes_per_key: 16,
            operations_max: 4,
            info_one_in: 50,
            updates_only: false,
        }
    }
}

/// A written element, and who sees it.
#[derive(Clone, Copy, Debug)]
struct Element {
    value: i64,
    /// The transaction, until it commits.
    pending: Option<u64>,
    /// The number of the commit.
    commit: u64,
    site: u64,
}

/// A transaction under way.
#[derive(Clone, Debug)]
struct Running {
    process: u64,
    number: u64,
    operations: Vec<MicroOperation>,
    next: usize,
    /// All commits up to here are seen...
    snapshot: u64,
    /// ... but of the other site only up to here.
    remote: u64,
    /// What was written and does not show yet.
    buffer: Vec<(i64, i64)>,
    /// For each key that was read: the newest commit on it.
    read: BTreeMap<i64, u64>,
    /// It has put its writes in place and is about to end.
    shown: bool,
}

/// The store with its clients.
pub struct Store {
    bug: Bug,
    load: Load,
    stream: Stream,
    keys: BTreeMap<i64, Vec<Element>>,
    active: Vec<i64>,
    written: BTreeMap<i64, u64>,
    next_key: i64,
    next_value: i64,
    commits: u64,
    running: Vec<Option<Running>>,
    processes: Vec<u64>,
    /// For each site: the newest commit of the other one that has arrived.
    arrived: [u64; 2],
    /// The newest commit that each client has seen.
    seen: Vec<u64>,
    history: Vec<TransactionEvent>,
}

/// The history of a run.
pub fn run(bug: Bug, load: Load, seed: u64) -> Vec<TransactionEvent> {
    let clients = load.processes as usize;
    let mut store = Store {
        bug,
        load,
        stream: Stream::new(seed, Purpose::User, 7, 7),
        keys: BTreeMap::new(),
        active: (0..load.keys as i64).collect(),
        written: BTreeMap::new(),
        next_key: load.keys as i64,
        next_value: 0,
        commits: 0,
        running: vec![None; clients],
        processes: (0..load.processes).collect(),
        arrived: [0; 2],
        seen: vec![0; clients],
        history: Vec::new(),
    };
    let mut begun = 0;
    loop {
        let client = store.stream.below(load.processes) as usize;
        if store.running[client].is_some() {
            store.step(client);
        } else if begun < load.transactions {
            begun += 1;
            store.begin(client, begun);
        } else if store.running.iter().all(Option::is_none) {
            return store.history;
        }
    }
}

impl Store {
    fn begin(&mut self, client: usize, number: u64) {
        let operations = self.draw();
        let only_reads = operations.iter().all(|o| o.function == Function::Read);
        let lag = self.stream.below(12);
        let mut snapshot = self.commits;
        if only_reads && matches!(self.bug, Bug::StaleRead | Bug::StaleButMonotonic) {
            snapshot = snapshot.saturating_sub(lag);
            if self.bug == Bug::StaleButMonotonic {
                snapshot = snapshot.max(self.seen[client]);
            }
        }
        let process = self.processes[client];
        // What has arrived at a site stays there.
        let arrived = &mut self.arrived[(process % 2) as usize];
        *arrived = (*arrived).max(snapshot.saturating_sub(lag));
        let remote = if self.bug == Bug::LongFork { *arrived } else { snapshot };
        self.history.push(TransactionEvent {
            index: self.history.len() as u64,
            process,
            phase: Phase::Invoke,
            operations: operations.clone(),
        });
        let (buffer, read) = (Vec::new(), BTreeMap::new());
        self.running[client] = Some(Running {
            process,
            number,
            operations,
            next: 0,
            snapshot,
            remote,
            buffer,
            read,
            shown: false,
        });
    }

    fn draw(&mut self) -> Vec<MicroOperation> {
        let count = 1 + self.stream.below(self.load.operations_max);
        let reads_only = self.stream.below(3) == 0;
        let mut operations: Vec<MicroOperation> = Vec::new();
        for _ in 0..count {
            let slot = self.stream.below(self.load.keys) as usize;
            let key = self.active[slot];
            let again =
                |o: &MicroOperation| o.function != Function::Read && o.key == Value::Int(key);
            let twice = self.bug == Bug::CircularFlow && operations.iter().any(again);
            // Reads would wait for the writes that are in place.
            let only_writes = self.bug == Bug::DirtyWrite && !reads_only;
            let touched = operations.iter().any(|o| o.key == Value::Int(key));
            if self.load.updates_only && !touched && !only_writes {
                let (function, key) = (Function::Read, Value::Int(key));
                operations.push(MicroOperation { function, key, value: Value::Nil });
            }
            let draws_read = !only_writes && self.stream.below(2) == 0;
            let (function, value) = if reads_only || twice || draws_read {
                (Function::Read, Value::Nil)
            } else {
                self.next_value += 1;
                let written = self.written.entry(key).or_default();
                *written += 1;
                if *written >= self.load.writes_per_key {
                    self.active[slot] = self.next_key;
                    self.next_key += 1;
                }
                let write = match self.load.workload {
                    Workload::ListAppend => Function::Append,
                    Workload::RwRegister => Function::Write,
                };
                (write, Value::Int(self.next_value))
            };
            // Who reads what it wrote itself sees where its write would stand, had nobody come between.
            let own = function == Function::Read && operations.iter().any(again);
            if self.bug != Bug::LostUpdate || !own {
                operations.push(MicroOperation { function, key: Value::Int(key), value });
            }
        }
        operations
    }

    fn step(&mut self, client: usize) {
        let mut running = self.running[client].take().expect("it is running");
        if running.next == running.operations.len() {
            if self.bug == Bug::AbortedRead && !running.shown {
                running.shown = true;
                self.show(&mut running);
                self.running[client] = Some(running);
            } else {
                self.end(client, running);
            }
            return;
        }
        let MicroOperation { function, key, value } = running.operations[running.next].clone();
        let key = key.as_int().expect("keys are numbers");
        if function == Function::Read {
            match self.read(&mut running, key) {
                Some(value) => running.operations[running.next].value = value,
                None => return self.complete(client, running, Phase::Fail),
            }
        } else {
            let value = value.as_int().expect("values are numbers");
            running.buffer.push((key, value));
            if matches!(self.bug, Bug::DirtyWrite | Bug::IntermediateRead | Bug::CircularFlow) {
                // Only dirty writes go between those of others.
                let other = |e: &Element| e.pending.is_some_and(|other| other != running.number);
                let busy = self.keys.entry(key).or_default().iter().any(other);
                if busy && self.bug != Bug::DirtyWrite {
                    return self.complete(client, running, Phase::Fail);
                }
                self.show(&mut running);
            }
        }
        running.next += 1;
        self.running[client] = Some(running);
    }

    /// Puts what was written in place, where it shows before it is committed.
    fn show(&mut self, running: &mut Running) {
        for (key, value) in running.buffer.drain(..) {
            let pending = Some(running.number);
            let element = Element { value, pending, commit: u64::MAX, site: 0 };
            self.keys.entry(key).or_default().push(element);
        }
    }

    /// What a transaction reads; nothing if it must give up.
    fn read(&mut self, running: &mut Running, key: i64) -> Option<Value> {
        let (bug, number) = (self.bug, running.number);
        let site = running.process % 2;
        let elements = self.keys.entry(key).or_default();
        let own = |e: &Element| e.pending == Some(number);
        let pending = |e: &Element| e.pending.is_some() && !own(e);
        if bug == Bug::DirtyWrite && elements.iter().any(pending) {
            return None;
        }
        let shows_pending =
            matches!(bug, Bug::AbortedRead | Bug::IntermediateRead | Bug::CircularFlow);
        let (snapshot, remote) = (running.snapshot, running.remote);
        let visible = |e: &Element| match bug {
            _ if e.pending.is_some() => own(e) || shows_pending,
            Bug::LongFork if e.site != site => e.commit <= remote,
            Bug::None | Bug::DirtyWrite | Bug::ReadSkew => true,
            _ if shows_pending => true,
            _ => e.commit <= snapshot,
        };
        let seen: Vec<Element> = elements.iter().copied().filter(visible).collect();
        let newest = seen.iter().filter(|e| e.pending.is_none()).map(|e| e.commit).max();
        running.read.entry(key).or_insert(newest.unwrap_or(0));
        let buffered = running.buffer.iter().filter(|(of, _)| *of == key).map(|(_, value)| *value);
        let mut values: Vec<Value> = seen.iter().map(|e| Value::Int(e.value)).collect();
        values.extend(buffered.map(Value::Int));
        Some(match self.load.workload {
            Workload::ListAppend if values.is_empty() => Value::Nil,
            Workload::ListAppend => Value::list(values),
            Workload::RwRegister => values.pop().unwrap_or_default(),
        })
    }

    /// The newest commit on a key.
    fn newest(&self, key: i64) -> u64 {
        let elements = self.keys.get(&key).map_or(&[][..], Vec::as_slice);
        elements.iter().filter(|e| e.pending.is_none()).map(|e| e.commit).max().unwrap_or(0)
    }

    fn validates(&self, running: &Running) -> bool {
        let site = running.process % 2;
        let only_reads = running.operations.iter().all(|o| o.function == Function::Read);
        let fresh = running.read.iter().all(|(key, seen)| self.newest(*key) == *seen);
        let unchanged = running.buffer.iter().all(|(key, _)| {
            let read = running.read.get(key).is_none_or(|seen| self.newest(*key) == *seen);
            let elements = self.keys.get(key).map_or(&[][..], Vec::as_slice);
            let sees = |e: &Element| {
                e.commit <= running.remote || (e.site == site && e.commit <= running.snapshot)
            };
            read && (self.bug == Bug::ReadSkew || elements.iter().all(sees))
        });
        match self.bug {
            Bug::None | Bug::DirtyWrite => fresh,
            Bug::AbortedRead | Bug::IntermediateRead | Bug::CircularFlow | Bug::LostUpdate => true,
            Bug::ReadSkew | Bug::WriteSkew | Bug::LongFork => unchanged,
            Bug::StaleRead | Bug::StaleButMonotonic => only_reads || fresh,
        }
    }

    fn end(&mut self, client: usize, mut running: Running) {
        let aborts = self.bug == Bug::AbortedRead && self.stream.below(4) == 0;
        if aborts || !self.validates(&running) {
            return self.complete(client, running, Phase::Fail);
        }
        self.show(&mut running);
        self.commits += 1;
        let (commit, site) = (self.commits, running.process % 2);
        for operation in running.operations.iter().filter(|o| o.function != Function::Read) {
            let key = operation.key.as_int().expect("keys are numbers");
            let elements = self.keys.get_mut(&key).expect("it was written");
            for element in elements.iter_mut().filter(|e| e.pending == Some(running.number)) {
                *element = Element { pending: None, commit, site, ..*element };
            }
        }
        let only_reads = running.operations.iter().all(|o| o.function == Function::Read);
        let seen = if only_reads { running.snapshot } else { commit };
        self.seen[client] = self.seen[client].max(seen);
        let lost = self.stream.below(self.load.info_one_in) == 0;
        self.complete(client, running, if lost { Phase::Info } else { Phase::Ok });
    }

    fn complete(&mut self, client: usize, running: Running, phase: Phase) {
        let Running { process, number, mut operations, .. } = running;
        if phase == Phase::Fail {
            for operation in operations.iter().filter(|o| o.function != Function::Read) {
                let key = operation.key.as_int().expect("keys are numbers");
                if let Some(elements) = self.keys.get_mut(&key) {
                    elements.retain(|element| element.pending != Some(number));
                }
            }
        }
        if phase != Phase::Ok {
            for operation in operations.iter_mut().filter(|o| o.function == Function::Read) {
                operation.value = Value::Nil;
            }
        }
        if phase == Phase::Info {
            self.processes[client] += self.load.processes;
        }
        let index = self.history.len() as u64;
        self.history.push(TransactionEvent { index, process, phase, operations });
    }
}
