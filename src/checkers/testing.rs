//! Hand-made traces for the checkers' tests: a script of facts, one millisecond apart, and what a checker
//! says of it.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::checkers::{Bounds, CheckerOptions, Judgement, build};
use crate::claim::membership::{Membership, Opinion};
use crate::claim::versioning::{Dot, Versioning};
use crate::claim::{Claim, Role};
use crate::history::{EndedBy, HistoryEvent, Operation, Phase, Value, functions};
use crate::kernel::ids::{ClientId, Generation, LogIndex, NodeId, RequestId};
use crate::kernel::time::Instant;
use crate::trace::{Endpoint, Event, Fact, Stop};

/// A trace under construction. Entries are written `(index, generation)`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script {
    events: Vec<Event>,
    now: u64,
    /// What each process has asked, and under which request.
    asked: BTreeMap<u64, (RequestId, Operation)>,
    sequence: u64,
}

/// The request of the `sequence`-th operation that a script invokes.
pub(crate) fn request(sequence: u64) -> RequestId {
    RequestId { session: 1, sequence }
}

/// The dot `(actor, counter)`.
pub(crate) fn dot((actor, counter): (u32, u64)) -> Dot {
    Dot { actor, counter }
}

/// A read of key 1.
pub(crate) fn read() -> Operation {
    Operation::new(functions::READ, 1, Value::Nil)
}

/// A write to key 1.
pub(crate) fn write(value: i64) -> Operation {
    Operation::new(functions::WRITE, 1, value)
}

/// Process 1 asks, and is answered.
pub(crate) fn does(script: Script, operation: Operation, answer: impl Into<Value>) -> Script {
    script.invoke(1, operation).ok(1, answer)
}

impl Script {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The next fact happens at this millisecond.
    pub fn at(mut self, millis: u64) -> Self {
        assert!(millis >= self.now, "a trace is in order");
        self.now = millis;
        self
    }

    /// The next fact happens at the same time as the last one.
    pub fn at_once(mut self) -> Self {
        self.now -= 1;
        self
    }

    fn push(mut self, node: Option<u32>, fact: Fact) -> Self {
        let at = Instant::from_nanos(self.now * 1_000_000);
        let number = self.events.len() as u64 + 1;
        self.events.push(Event { at, number, cause: 0, node: node.map(NodeId), fact });
        self.now += 1;
        self
    }

    pub fn claim(self, node: u32, claim: impl Into<Claim>) -> Self {
        self.push(Some(node), Fact::Claimed(claim.into()))
    }

    pub fn start(self, node: u32) -> Self {
        self.push(Some(node), Fact::Started { incarnation: 1 })
    }

    pub fn stop(self, node: u32) -> Self {
        self.push(Some(node), Fact::Stopped(Stop::PowerFailure))
    }

    pub fn pause(self, node: u32) -> Self {
        self.push(Some(node), Fact::Paused)
    }

    pub fn resume(self, node: u32) -> Self {
        self.push(Some(node), Fact::Resumed)
    }

    pub fn wipe(self, node: u32) -> Self {
        self.push(Some(node), Fact::Wiped)
    }

    pub fn disk_suspect(self, node: u32) -> Self {
        self.push(Some(node), Fact::DiskSuspect)
    }

    pub fn phase(self, name: &'static str) -> Self {
        self.push(None, Fact::PhaseBegan(name))
    }

    pub fn fault(self, kind: &'static str) -> Self {
        self.push(None, Fact::FaultBegan { place: 0, kind })
    }

    pub fn sent(self, from: u32, to: u32) -> Self {
        let fact = Fact::Sent {
            from: Endpoint(from),
            to: Endpoint(to),
            number: 0,
            kind: "probe",
            digest: 0,
        };
        self.push(Some(from), fact)
    }

    pub fn role(self, node: u32, generation: u64, role: Role) -> Self {
        self.claim(node, Claim::Role { generation: Generation(generation), role })
    }

    pub fn leader(self, node: u32, generation: u64) -> Self {
        self.role(node, generation, Role::Leader)
    }

    pub fn follower(self, node: u32, generation: u64) -> Self {
        self.role(node, generation, Role::Follower)
    }

    pub fn vote(self, node: u32, generation: u64, candidate: u32) -> Self {
        let candidate = NodeId(candidate);
        self.claim(node, Claim::Vote { generation: Generation(generation), candidate })
    }

    pub fn append(self, node: u32, entry: (u64, u64), digest: u64) -> Self {
        let (index, generation) = (LogIndex(entry.0), Generation(entry.1));
        self.claim(node, Claim::Append { index, generation, digest })
    }

    pub fn truncate(self, node: u32, from: u64) -> Self {
        self.claim(node, Claim::Truncate { from: LogIndex(from) })
    }

    pub fn durable(self, node: u32, index: u64) -> Self {
        self.claim(node, Claim::Durable { index: LogIndex(index) })
    }

    pub fn snapshot(self, node: u32, entry: (u64, u64), state: u64) -> Self {
        let (index, generation) = (LogIndex(entry.0), Generation(entry.1));
        self.claim(node, Claim::Snapshot { index, generation, state })
    }

    pub fn commit(self, node: u32, index: u64) -> Self {
        self.claim(node, Claim::Commit { index: LogIndex(index) })
    }

    /// An entry without a request is applied.
    pub fn apply(self, node: u32, index: u64, digest: u64) -> Self {
        self.claim(node, Claim::Apply { index: LogIndex(index), digest, request: None })
    }

    /// An entry is applied that does what the `sequence`-th operation asked.
    pub fn apply_for(self, node: u32, index: u64, digest: u64, sequence: u64) -> Self {
        let request = Some(request(sequence));
        self.claim(node, Claim::Apply { index: LogIndex(index), digest, request })
    }

    /// An entry with a digest is shown to a reader, with the mark.
    pub fn shown(self, node: u32, entry: (u64, u64), mark: u64) -> Self {
        let (index, digest) = (LogIndex(entry.0), entry.1);
        self.claim(node, Claim::Shown { index, digest, mark: LogIndex(mark) })
    }

    /// A node thinks something of another one.
    pub fn thinks(self, node: u32, of: u32, opinion: Opinion) -> Self {
        self.claim(node, Membership::Thinks { of: NodeId(of), opinion })
    }

    /// A version `(actor, counter)` of an object is written at node 0 for the n-th operation of the script.
    pub fn writes(self, object: u64, version: (u32, u64), sequence: u64) -> Self {
        let (dot, request) = (dot(version), request(sequence));
        self.claim(0, Versioning::Wrote { object, dot, request })
    }

    /// A version of an object was written knowing another one.
    pub fn supersedes(self, object: u64, newer: (u32, u64), older: (u32, u64)) -> Self {
        let (newer, older) = (dot(newer), dot(older));
        self.claim(0, Versioning::Supersedes { object, newer, older })
    }

    pub fn recovering(self, node: u32) -> Self {
        self.claim(node, Claim::Recovering)
    }

    /// The log ends at `last`; the state after an index has a digest.
    pub fn recovered(self, node: u32, last: u64, state: (u64, u64)) -> Self {
        let (applied, state) = (LogIndex(state.0), state.1);
        self.claim(node, Claim::Recovered { last: LogIndex(last), applied, state })
    }

    /// A process (and the client of the same number) asks; the n-th operation of a script has request n.
    pub fn invoke(mut self, process: u64, operation: Operation) -> Self {
        self.sequence += 1;
        self.asked.insert(process, (request(self.sequence), operation));
        self.history(process, Phase::Invoke, None, 0)
    }

    pub fn ok(self, process: u64, value: impl Into<Value>) -> Self {
        self.history(process, Phase::Ok, Some(value.into()), 0)
    }

    /// An `ok` that shows the version of the state.
    pub fn ok_at(self, process: u64, version: u64) -> Self {
        self.history(process, Phase::Ok, None, version)
    }

    /// A node says that it is not done.
    pub fn fail(self, process: u64) -> Self {
        self.history(process, Phase::Fail, None, 0)
    }

    /// The client's time is up.
    pub fn info(self, process: u64) -> Self {
        self.gives_up(process, Phase::Info, EndedBy::Timeout)
    }

    /// The client gives up.
    pub fn gives_up(self, process: u64, phase: Phase, ended_by: EndedBy) -> Self {
        let event = HistoryEvent { phase, ended_by, ..self.asked_by(process) };
        self.push(None, Fact::History(event))
    }

    fn history(self, process: u64, phase: Phase, value: Option<Value>, version: u64) -> Self {
        let ended_by = if phase == Phase::Invoke { EndedBy::Nothing } else { EndedBy::Answer };
        let mut event = HistoryEvent { phase, version, ended_by, ..self.asked_by(process) };
        if let Some(value) = value {
            event.operation.value = value;
        }
        self.push(None, Fact::History(event))
    }

    /// The invocation that a process made last, as of now.
    fn asked_by(&self, process: u64) -> HistoryEvent {
        let (request, operation) = self.asked[&process].clone();
        HistoryEvent {
            at: Instant::from_nanos(self.now * 1_000_000),
            process,
            client: ClientId(process as u32),
            request,
            phase: Phase::Invoke,
            operation,
            version: 0,
            reason: "",
            ended_by: EndedBy::Nothing,
        }
    }

    /// A transaction of reads and writes; a read of 0 finds nothing.
    pub fn asked(steps: &[(&str, &str, i64)]) -> Operation {
        let step = |&(function, key, value): &(&str, &str, i64)| {
            let value = if (function, value) == ("r", 0) { Value::Nil } else { Value::Int(value) };
            Value::list([function.into(), key.into(), value])
        };
        Operation::new(functions::TRANSACTION, Value::Nil, Value::list(steps.iter().map(step)))
    }

    /// A process has its transaction done, with these results, at a timestamp.
    pub fn answered(self, process: u64, steps: &[(&str, &str, i64)], timestamp: u64) -> Self {
        self.history(process, Phase::Ok, Some(Self::asked(steps).value), timestamp)
    }

    /// A process asks for a transaction and has it done.
    pub fn transaction(self, process: u64, steps: &[(&str, &str, i64)], timestamp: u64) -> Self {
        self.invoke(process, Self::asked(steps)).answered(process, steps, timestamp)
    }

    /// What clients asked and saw.
    pub fn recorded(&self) -> Vec<HistoryEvent> {
        let history = self.events.iter().filter_map(|event| match &event.fact {
            Fact::History(history) => Some(history.clone()),
            _ => None,
        });
        history.collect()
    }

    /// What the checker of this name says of this trace in a cluster of three.
    pub fn judged_by(&self, name: &str) -> Judgement {
        self.judged(name, &CheckerOptions::new(3))
    }

    pub fn judged(&self, name: &str, options: &CheckerOptions) -> Judgement {
        let mut checker = build(name, options).expect("the checker is registered");
        assert_eq!(checker.name(), name);
        for event in &self.events {
            if !checker.interest().meets(event.fact.class()) {
                continue;
            }
            if let Err(violation) = checker.observe(event) {
                return Judgement::Violation(violation);
            }
        }
        checker.finish(Instant::from_nanos(self.now * 1_000_000))
    }
}

/// Ten milliseconds: a bound that scripts can state in facts.
pub(crate) const TEN_MILLIS: Duration = Duration::from_millis(10);

/// A cluster of three, in which everything must settle within ten milliseconds.
pub(crate) fn settling() -> CheckerOptions {
    CheckerOptions { bounds: Bounds::all(TEN_MILLIS), ..CheckerOptions::new(3) }
}

/// The claim must hold.
#[track_caller]
pub(crate) fn assert_ok(judgement: &Judgement) {
    assert_eq!(*judgement, Judgement::Ok);
}

/// There must be a violation whose message and evidence say this.
#[track_caller]
pub(crate) fn assert_violation(judgement: &Judgement, says: &str) {
    let Judgement::Violation(violation) = judgement else {
        panic!("expected a violation, not {judgement:?}");
    };
    let text = format!("{}\n{}", violation.message, violation.evidence.join("\n"));
    assert!(text.contains(says), "expected {says:?} in:\n{text}");
    assert!(!violation.evidence.is_empty(), "a violation is proved: {text}");
}

/// Nobody can say, for a reason that says this.
#[track_caller]
pub(crate) fn assert_unknown(judgement: &Judgement, says: &str) {
    let (Judgement::Vacuous(why) | Judgement::Unknown(why)) = judgement else {
        panic!("expected unknown, not {judgement:?}");
    };
    assert!(why.contains(says), "expected {says:?} in {why:?}");
}

/// An operation of a random history of registers: who, on which key, and the value that it writes or reads. Nobody
/// writes a value twice; 0 is nil.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub process: u64,
    pub key: i64,
    pub writes: bool,
    pub value: i64,
}

/// Random histories of registers, one operation after the other. A read returns anything that was, is or will be written
/// to its key, or nil.
pub(crate) fn accesses(keys: i64) -> impl Strategy<Value = Vec<Access>> {
    let access = (0..3_u64, 0..keys, any::<bool>(), any::<Index>());
    proptest::collection::vec(access, 2..=7).prop_map(|drawn| {
        let written: Vec<(i64, i64)> = (1..)
            .zip(&drawn)
            .filter(|(_, (_, _, writes, _))| *writes)
            .map(|(value, (_, key, ..))| (*key, value))
            .collect();
        let access = |(value, (process, key, writes, read)): (i64, &(u64, i64, bool, Index))| {
            let readable = written.iter().filter(|(of, _)| of == key).map(|(_, value)| *value);
            let readable: Vec<i64> = readable.chain([0]).collect();
            let value = if *writes { value } else { *read.get(&readable) };
            Access { process: *process, key: *key, writes: *writes, value }
        };
        (1..).zip(&drawn).map(access).collect()
    })
}

/// What clients saw who did this.
pub(crate) fn recorded(accesses: &[Access]) -> Vec<HistoryEvent> {
    let value = |value: i64| if value == 0 { Value::Nil } else { Value::Int(value) };
    let done = |script: Script, access: &Access| {
        let Access { process, key, writes, value: shown } = *access;
        let (function, argument) =
            if writes { ("write", value(shown)) } else { ("read", Value::Nil) };
        script.invoke(process, Operation::new(function, key, argument)).ok(process, value(shown))
    };
    accesses.iter().fold(Script::new(), done).recorded()
}

/// Calls this with random histories, always the same ones; it says which of two verdicts came out, and both have to.
pub(crate) fn for_random_accesses(keys: i64, mut judge: impl FnMut(&[Access]) -> bool) {
    let mut runner = TestRunner::deterministic();
    let strategy = accesses(keys);
    let mut verdicts = [0, 0];
    for _ in 0..5_000 {
        let tree = strategy.new_tree(&mut runner).expect("nothing is rejected");
        verdicts[usize::from(judge(&tree.current()))] += 1;
    }
    assert!(verdicts.iter().all(|count| *count > 200), "{verdicts:?}");
}

/// Whether there is an order of these things, each placed only when `may_follow` allows it after those before, that is
/// `wanted`.
pub(crate) fn any_order(
    placed: &mut Vec<usize>,
    left: &[usize],
    may_follow: &impl Fn(&[usize], usize) -> bool,
    wanted: &impl Fn(&[usize]) -> bool,
) -> bool {
    if left.is_empty() {
        return wanted(placed);
    }
    left.iter().enumerate().any(|(place, &next)| {
        if !may_follow(placed, next) {
            return false;
        }
        let others = [&left[..place], &left[place + 1..]].concat();
        placed.push(next);
        let found = any_order(placed, &others, may_follow, wanted);
        placed.pop();
        found
    })
}
