//! The scenario format as a whole: what is written is read back the same, and the JSON Schema knows what the parser
//! knows.
//!
//! Why this file is long: the format has many parts, and one strategy for each of them is needed to write any scenario.

mod support;

use std::time::Duration;

use elara::cli::shipped::SHIPPED;
use elara::client::script::Scripted;
use elara::client::workload::{ClientGroup, Routing, Workload};
use elara::history::{self, Operation};
use elara::kernel::distribution::Distribution;
use elara::kernel::ids::{ClientId, NodeId};
use elara::kernel::random::Probability;
use elara::kernel::time::Instant;
use elara::scenario::Scenario;
use elara::scenario::judgement::{Checks, Expectation, PairedRun, RecordedFailure, Watch};
use elara::scenario::schema::schema;
use elara::scenario::systems::{OptionValue, SYSTEMS, SystemChoice};
use elara::systems::raft_kv::options::OPTIONS;
use elara::world::assumptions::Budget;
use elara::world::cluster::{Cluster, Region};
use elara::world::fault::{
    ClockFault, DiskFault, DropMessage, Fault, LinkChange, LinkFault, Partition, PartitionMode,
    PowerFailure, ScheduledFault, Shape, Target, Trigger,
};
use elara::world::nemesis::{Generator, Nemesis, Tail};
use elara::world::network::fates::{ExplicitFate, MessageFate, Party, Passage};
use elara::world::options::{
    ClockOptions, CpuOptions, DiskOptions, LinkOptions, NetworkOptions, RegionLink,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::support::schema::complaint;

fn span() -> impl Strategy<Value = Duration> {
    (1_u64..10_000_000_000, 0_u32..4)
        .prop_map(|(n, scale)| {
            Duration::from_nanos(n / 1_000_u64.pow(scale) * 1_000_u64.pow(scale))
        })
        .prop_map(|span| span.max(Duration::from_nanos(1)))
}

fn probability() -> impl Strategy<Value = Probability> {
    prop_oneof![
        (0_u64..=1_000_000).prop_map(Probability::per_million),
        (0.0..=1.0).prop_map(|value| Probability::from_f64(value).expect("it is between 0 and 1")),
    ]
}

fn distribution() -> impl Strategy<Value = Distribution> {
    prop_oneof![
        span().prop_map(Distribution::Constant),
        (span(), span()).prop_map(|(a, b)| Distribution::Uniform(a.min(b), a.max(b))),
        span().prop_map(Distribution::Exponential),
        (span(), 0_u32..3_000)
            .prop_map(|(median, sigma)| Distribution::LogNormal { median, sigma }),
        (span(), 1_u32..9_000).prop_map(|(minimum, alpha)| Distribution::Pareto { minimum, alpha }),
    ]
}

fn node() -> impl Strategy<Value = NodeId> {
    (0_u32..4).prop_map(NodeId)
}

fn target() -> impl Strategy<Value = Target> {
    let one = prop_oneof![
        node().prop_map(Target::Node),
        (0_usize..2).prop_map(Target::Region),
        select(vec![
            Target::All,
            Target::Any,
            Target::Leader,
            Target::Follower,
            Target::Majority,
            Target::Minority,
            Target::Most,
            Target::There,
        ]),
    ];
    one.prop_recursive(2, 6, 3, |inner| vec(inner, 1..3).prop_map(Target::List))
}

fn change() -> impl Strategy<Value = LinkChange> {
    (of(distribution()), of(probability()), of(probability()), of(probability()), 1_u64..1 << 40)
        .prop_map(|(delay, loss, duplication, corruption, bandwidth)| LinkChange {
            delay,
            loss,
            duplication,
            corruption,
            bandwidth: Some(bandwidth),
        })
}

fn partition() -> impl Strategy<Value = Fault> {
    let shape = prop_oneof![
        Just(Shape::Sides(vec![Target::Region(0), Target::Region(1)])),
        Just(Shape::Sides(vec![Target::Leader, Target::List(vec![Target::Node(NodeId(1))])])),
        target().prop_map(Shape::Isolate),
        Just(Shape::OneWay(Target::Region(1), Target::Node(NodeId(0)))),
        Just(Shape::RandomSides),
        target().prop_map(Shape::Bridge),
        Just(Shape::RingMajority),
        Just(Shape::Pairs(vec![(NodeId(0), NodeId(1)), (NodeId(2), NodeId(1))])),
    ];
    let mode = prop_oneof![
        Just(PartitionMode::Cut),
        Just(PartitionMode::Stalled),
        distribution().prop_map(PartitionMode::Slowed),
    ];
    (shape, mode, of(span()), any::<bool>()).prop_map(|(shape, mode, flapping, keeps_in_flight)| {
        Fault::Partition(Partition { shape, mode, flapping, keeps_in_flight })
    })
}

fn disk_fault() -> impl Strategy<Value = DiskFault> {
    let chances = (
        of(probability()),
        of(probability()),
        of(probability()),
        of(probability()),
        of(probability()),
    );
    (chances, of(any::<bool>()), of(1_u32..100), of(any::<bool>()), of(1_u32..9), 1_u32..9)
        .prop_map(
            |(
                (sync_failure, lying_sync, read_error, write_error, misdirected_write),
                full,
                slower,
                stalled,
                rot,
                latent,
            )| {
                DiskFault {
                    sync_failure,
                    lying_sync,
                    read_error,
                    write_error,
                    full,
                    slower,
                    stalled,
                    bit_rot: rot,
                    misdirected_write,
                    latent_sectors: Some(latent),
                }
            },
        )
}

fn power_failure() -> impl Strategy<Value = Fault> {
    let again = (probability(), span(), of(1_u64..1_000));
    (target(), span(), of(distribution()), again).prop_map(|(target, within, restart, again)| {
        let (again, again_within, again_after_operations) = again;
        Fault::PowerFailure(PowerFailure {
            target,
            within,
            restart,
            again,
            again_within,
            again_after_operations,
        })
    })
}

/// A fault, and whether it can last for a stated time.
fn fault() -> impl Strategy<Value = (Fault, bool)> {
    let clock = (of(any::<i32>()), of(-500_000_i64..500_000), span());
    let spanning = prop_oneof![
        partition(),
        (change(), any::<bool>()).prop_map(|(change, both_ways)| {
            let (from, to) = (Target::Region(0), Target::Leader);
            Fault::Link(LinkFault { from, to, both_ways, change })
        }),
        target().prop_map(|target| Fault::Pause { target }),
        (target(), span()).prop_map(|(target, handler)| Fault::SlowCpu { target, handler }),
        (target(), disk_fault()).prop_map(|(target, effect)| Fault::Disk { target, effect }),
        (target(), clock).prop_map(|(target, (step, drift_ppm, bound))| {
            let effect = ClockFault { step: step.map(i64::from), drift_ppm, bound: Some(bound) };
            Fault::Clock { target, effect }
        }),
    ];
    let momentary = prop_oneof![
        (of(select(vec!["append", "vote"])), 1_u64..99).prop_map(|(kind, nth)| {
            let (from, to) = (Target::Any, Target::Node(NodeId(0)));
            Fault::DropMessage(DropMessage { from, to, kind: kind.map(str::to_owned), nth })
        }),
        (target(), of(distribution()))
            .prop_map(|(target, restart)| Fault::Crash { target, restart }),
        power_failure(),
        target().prop_map(|target| Fault::Restart { target }),
        (target(), of(distribution()))
            .prop_map(|(target, restart)| Fault::Wipe { target, restart }),
        Just(Fault::Reconfigure { members: Target::List(vec![Target::Node(NodeId(2))]) }),
        target().prop_map(|target| Fault::Heal { target }),
    ];
    prop_oneof![
        spanning.prop_map(|fault| (fault, true)),
        momentary.prop_map(|fault| (fault, false))
    ]
}

fn scheduled() -> impl Strategy<Value = ScheduledFault> {
    let waits = (of(trigger()), of(any::<u64>()), any::<bool>());
    (fault(), span(), of(span()), waits).prop_map(|((fault, spanning), at, lasts, waits)| {
        let (upon, draws, yields) = waits;
        let upon = upon.or_else(|| means_there(&fault).then_some(Trigger::Commit));
        ScheduledFault {
            at: Instant::ZERO + at,
            lasts: lasts.filter(|_| spanning),
            fault,
            upon,
            draws,
            yields,
        }
    })
}

fn means_there(fault: &Fault) -> bool {
    fault.targets().iter().any(|target| target.is_there())
}

fn trigger() -> impl Strategy<Value = Trigger> {
    prop_oneof![
        select(vec![Trigger::Commit, Trigger::Election, Trigger::Leadership, Trigger::Recovery]),
        (1_u64..).prop_map(Trigger::DiskOperation),
    ]
}

fn nemesis() -> impl Strategy<Value = Nemesis> {
    let times = (distribution(), of(distribution()), of(trigger()));
    let generator = (fault(), times).prop_map(|((fault, spanning), (every, lasts, upon))| {
        let upon = upon.or_else(|| means_there(&fault).then_some(Trigger::Election));
        Generator { every, lasts: lasts.filter(|_| spanning), fault, upon }
    });
    prop_oneof![Just(Nemesis::Swarm), vec(generator, 0..4).prop_map(Nemesis::Generators)]
        .prop_filter("a fault every 0s is refused", |nemesis| match nemesis {
            Nemesis::Swarm => true,
            Nemesis::Generators(all) => all.iter().all(|one| !one.every.upper().is_zero()),
        })
}

/// The fate of a message between two nodes, or to the administrator of no clients.
fn message_fate() -> impl Strategy<Value = MessageFate> {
    let passage = (span(), of(span()), any::<bool>()).prop_map(|(delay, duplicate, damaged)| {
        ExplicitFate::Passes(Passage { delay: Some(delay), duplicate, damaged })
    });
    let between = (any::<u64>(), prop_oneof![Just(ExplicitFate::Lost), passage]).prop_map(
        |(number, fate)| MessageFate {
            from: Party::Node(NodeId(0)),
            to: Party::Node(NodeId(3)),
            number,
            fate,
        },
    );
    let administrator = Party::Client(ClientId(0));
    let fate = ExplicitFate::Passes(Passage { damaged: true, ..Passage::default() });
    let number = 0;
    let from = Party::Node(NodeId(1));
    prop_oneof![4 => between, 1 => Just(MessageFate { from, to: administrator, number, fate })]
}

fn network() -> impl Strategy<Value = NetworkOptions> {
    let region = (0_usize..2, 0_usize..2, change());
    let regions = vec(region.prop_map(|(from, to, change)| RegionLink { from, to, change }), 0..3);
    let fates = vec(message_fate(), 0..3).prop_map(|mut fates| {
        fates.sort_by_key(|message| message.number);
        fates.dedup_by_key(|message| message.number);
        fates
    });
    let options = (change(), of(0_u64..1 << 40), regions, fates);
    options.prop_map(|(change, queue_bytes, regions, fates)| NetworkOptions {
        link: LinkOptions {
            delay: change.delay.unwrap_or_default(),
            loss: change.loss.unwrap_or_default(),
            duplication: change.duplication.unwrap_or_default(),
            corruption: change.corruption.unwrap_or_default(),
            bandwidth: change.bandwidth,
            queue_bytes,
        },
        regions,
        fates,
    })
}

fn machine() -> impl Strategy<Value = (DiskOptions, ClockOptions, CpuOptions)> {
    let disk =
        (
            distribution(),
            distribution(),
            0_u64..1 << 40,
            of(1_u64..1 << 50),
            probability(),
            probability(),
        )
            .prop_map(|(access, sync, nanos_per_kib, capacity, survival, tearing)| {
                DiskOptions { access, sync, nanos_per_kib, capacity, survival, tearing }
            });
    let clock =
        (any::<i32>(), any::<i32>(), -500_000_i64..=0, 0_i64..=500_000, of(span()), any::<bool>())
            .prop_map(|(a, b, slow, fast, bound, reset_on_boot)| ClockOptions {
                offset: (i64::from(a.min(b)), i64::from(a.max(b))),
                drift_ppm: (slow, fast),
                bound,
                reset_on_boot,
            });
    (disk, clock, span().prop_map(|handler| CpuOptions { handler }))
}

fn operations() -> impl Strategy<Value = Vec<(String, u32)>> {
    let some = prop::sample::subsequence(vec!["write", "read", "cas", "delete", "append"], 1..=5);
    (some, 1_u32..1_000).prop_map(|(names, weight)| {
        names.into_iter().map(|name| (name.to_owned(), weight)).collect()
    })
}

/// A value that an operation carries.
fn value() -> impl Strategy<Value = history::Value> {
    let leaf = prop_oneof![
        Just(history::Value::Nil),
        any::<i64>().prop_map(history::Value::Int),
        "\\PC{0,9}".prop_map(|text| text.as_str().into()),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| vec(inner, 0..4).prop_map(history::Value::list))
}

/// One operation of client 0, which every workload with a script has.
fn scripted() -> impl Strategy<Value = Scripted> {
    let number = |low: i64| (low..=i64::MAX).prop_map(history::Value::Int);
    let operation = prop_oneof![
        select(vec!["read", "read-bounded", "delete"]).prop_map(|f| (f, history::Value::Nil)),
        (select(vec!["write", "append"]), value()),
        (Just("increment"), number(i64::MIN)),
        (Just("read-session"), number(0)),
        (Just("cas"), [value(), value()].prop_map(history::Value::list)),
    ];
    let key = prop_oneof![any::<i64>().prop_map(history::Value::Int), Just("x".into())];
    (span(), key, operation).prop_map(|(at, key, (function, value))| Scripted {
        client: 0,
        at: Instant::ZERO + at,
        operation: Operation::new(function, key, value),
    })
}

fn script() -> impl Strategy<Value = Vec<Scripted>> {
    vec(scripted(), 0..4).prop_map(|mut script| {
        script.sort_by_key(|entry| entry.at);
        script
    })
}

fn workload() -> impl Strategy<Value = Workload> {
    let routing = || select(vec![Routing::Leader, Routing::ReadsNear, Routing::Roaming]);
    let own = prop_oneof![Just(Vec::new()), operations()];
    let group = (1_u32..99, of(0_usize..2), own, of(routing())).prop_map(
        |(count, near, operations, routing)| ClientGroup { count, near, operations, routing },
    );
    let times = (distribution(), span(), span(), span());
    let asked = (operations(), 1_u64..1_000, of(script()));
    (vec(group, 0..3), asked, times, of(any::<u64>()), routing()).prop_map(
        |(
            clients,
            (operations, keys, script),
            (think, timeout, retry, backoff),
            limit,
            routing,
        )| Workload {
            script: script.filter(|_| !clients.is_empty()),
            clients,
            operations,
            keys,
            think,
            timeout,
            retry,
            backoff,
            limit,
            routing,
        },
    )
}

fn system() -> impl Strategy<Value = SystemChoice> {
    let options = (span(), span(), 1_u64..99, 0_u64..1 << 40).prop_map(|(a, b, count, size)| {
        vec![
            ("election-timeout".to_owned(), OptionValue::DurationRange(a.min(b), a.max(b))),
            ("heartbeat".to_owned(), OptionValue::Duration(a)),
            ("window".to_owned(), OptionValue::Count(count)),
            ("segment-bytes".to_owned(), OptionValue::Size(size)),
            ("members".to_owned(), OptionValue::Nodes(vec![NodeId(2), NodeId(0)])),
            ("first-leader".to_owned(), OptionValue::Node(NodeId(1))),
        ]
    });
    options.prop_map(|options| SystemChoice { kind: "raft-kv".into(), options })
}

fn judged() -> impl Strategy<Value = Scenario> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let without = select(vec![vec![], names(&["pre-vote", "lease"])]);
    let checks = select(vec![Checks::Default, Checks::Only(names(&["durability", "progress"]))]);
    let expect = select(vec![Expectation::Ok, Expectation::Violation("durability".into())]);
    let paired = (1_u64..1_000).prop_map(move |within_seeds| PairedRun {
        off: names(&["pre-vote"]),
        violates: names(&["stability"]),
        within_seeds,
    });
    let watch = any::<u64>().prop_map(|messages_max| Watch {
        minority: Target::List(vec![Target::Region(1)]),
        from: Instant::from_nanos(5),
        to: Instant::from_nanos(9_000_000),
        messages_max,
    });
    let failure = "\\PC{0,20}".prop_map(|text| RecordedFailure {
        checker: "panic".into(),
        digest: text.clone(),
        elara: text.clone(),
        command: text,
    });
    let words = ("[a-z \"\\\\é]{0,30}x", any::<u64>(), span());
    let rest = (without, checks, expect, vec(paired, 0..3), of(watch), of(failure));
    (words, rest).prop_map(
        |((text, seed, quiet), (without, checks, expect, ablations, watch, failure))| {
            let region = |name: &str, nodes: [u32; 2]| Region {
                name: name.into(),
                nodes: nodes.map(NodeId).to_vec(),
            };
            Scenario {
                name: text.clone(),
                about: text,
                seed,
                system: SystemChoice { kind: "raft-kv".into(), options: Vec::new() },
                cluster: Cluster {
                    regions: vec![region("east", [0, 1]), region("west", [2, 3])],
                    ..Cluster::of_size(5)
                },
                network: NetworkOptions::default(),
                disk: DiskOptions::default(),
                clock: ClockOptions::default(),
                cpu: CpuOptions::default(),
                workload: Workload::default(),
                faults: Vec::new(),
                nemesis: Nemesis::default(),
                calm: quiet,
                budget: if seed % 2 == 0 { Budget::Assumptions } else { Budget::Unlimited },
                tail: if seed % 3 == 0 { Tail::All } else { Tail::Core },
                duration: Duration::from_secs(3_600),
                quiet,
                without,
                checks,
                watch,
                coverage: vec!["raft.elected".into()],
                expect,
                ablations,
                failure,
            }
        },
    )
}

fn scenario() -> impl Strategy<Value = Scenario> {
    (judged(), system(), network(), machine(), workload(), vec(scheduled(), 0..6), nemesis())
        .prop_map(|(judged, system, network, (disk, clock, cpu), workload, faults, nemesis)| {
            Scenario { system, network, disk, clock, cpu, workload, faults, nemesis, ..judged }
        })
}

fn parse(text: &str) -> Result<Scenario, String> {
    Scenario::parse("s.json", text.as_bytes(), &[]).map_err(|error| error.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_written_is_read_back_the_same_and_fits_the_schema(scenario in scenario()) {
        let text = scenario.to_json();
        let read = parse(&text);
        prop_assert_eq!(read.as_ref(), Ok(&scenario), "{}", text);
        let value = serde_json::from_str(&text).expect("it is JSON");
        prop_assert_eq!(complaint(&schema(), &value), None, "{}", text);
    }
}

/// Every object of a value, by the path of keys and places that leads to it.
fn objects(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            found.push(path.to_owned());
            for (key, item) in entries {
                objects(item, &format!("{path}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                objects(item, &format!("{path}/{place}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn parser_and_schema_refuse_the_same_unknown_keys() {
    for (name, text) in SHIPPED {
        let value: Value = serde_json::from_str(text).expect("it is JSON");
        let mut paths = Vec::new();
        objects(&value, "", &mut paths);
        assert!(paths.len() > 10, "{name} has objects to try");
        for path in paths {
            let mut wrong = value.clone();
            let object = wrong.pointer_mut(&path).expect("the path was found in it");
            object["an-unknown-key"] = json!(1);
            let error = parse(&wrong.to_string()).expect_err("an unknown key is refused");
            assert!(error.contains("an-unknown-key"), "{name}{path}: {error}");
            assert!(complaint(&schema(), &wrong).is_some(), "the schema allows it at {name}{path}");
        }
    }
}

#[test]
fn every_object_may_have_a_comment_that_changes_nothing() {
    for (name, text) in SHIPPED {
        let mut value: Value = serde_json::from_str(text).expect("it is JSON");
        let mut paths = Vec::new();
        objects(&value, "", &mut paths);
        for (place, path) in paths.iter().enumerate() {
            let comments = [json!("why"), json!(["why", "and what for"]), json!([])];
            let object = value.pointer_mut(path).expect("the path was found in it");
            object["$comment"] = comments[place % comments.len()].clone();
        }
        assert_eq!(parse(&value.to_string()), parse(text), "{name}");
        assert_eq!(complaint(&schema(), &value), None, "{name}");
    }
}

#[test]
fn parser_and_schema_require_the_same_keys() {
    for (name, text) in SHIPPED {
        let value: Value = serde_json::from_str(text).expect("it is JSON");
        for key in value.as_object().expect("it is an object").keys() {
            let mut less = value.clone();
            less.as_object_mut().expect("it is an object").shift_remove(key);
            let parsed = parse(&less.to_string());
            // The West is named by other parts, so leaving the cluster out is refused by both; all else is one key.
            assert_eq!(
                parsed.is_ok(),
                complaint(&schema(), &less).is_none(),
                "{name} without {key}: {parsed:?}"
            );
        }
    }
}

#[test]
fn every_shipped_scenario_is_read_and_fits_the_schema() {
    for (name, text) in SHIPPED {
        let scenario = parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!scenario.about.is_empty(), "{name} says what it is about");
        let value = serde_json::from_str(text).expect("it is JSON");
        assert_eq!(complaint(&schema(), &value), None, "{name}");
        assert_eq!(parse(&scenario.to_json()), Ok(scenario), "{name}");
    }
}

#[test]
fn every_scenario_file_is_shipped() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = support::files_under(&folder, "json");
    let mut names: Vec<String> = files
        .iter()
        .map(|file| file.strip_prefix(&folder).expect("it is in the folder").with_extension(""))
        .map(|path| path.to_string_lossy().replace('\\', "/"))
        .collect();
    names.sort_unstable();
    let mut shipped: Vec<&str> = SHIPPED.iter().map(|(name, _)| *name).collect();
    shipped.sort_unstable();
    assert_eq!(names, shipped, "list each file of scenarios/ in src/cli/shipped.rs");
}

#[test]
fn the_fault_examples_of_the_reference_are_read() {
    let reference = include_str!("../docs/scenarios.md");
    for form in elara::scenario::fault::FAULTS {
        assert!(reference.contains(form.example), "docs/scenarios.md shows: {}", form.example);
        let text = format!(
            r#"{{ "elara": 1, "name": "x", "duration": "60s", "system": {{ "kind": "raft-kv" }},
                 "cluster": {{ "nodes": 4, "regions": {{ "east": ["n1"], "west": ["n2"] }} }}, "faults": [{}] }}"#,
            form.example
        );
        let scenario = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", form.name));
        assert_eq!(scenario.faults[0].fault.kind(), form.name);
        let value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(complaint(&schema(), &value), None, "{}", form.name);
    }
}

#[test]
fn a_scenario_knows_every_option_of_its_system() {
    let known: Vec<&str> = SYSTEMS[0].options.iter().map(|option| option.name).collect();
    let options: Vec<&str> = OPTIONS.iter().map(|(name, _)| *name).collect();
    assert_eq!(known, options);
}

#[test]
fn every_key_is_in_the_reference() {
    let reference = include_str!("../docs/scenarios.md");
    let mut keys = Vec::new();
    support::schema::keys(&schema(), &mut keys);
    let missing: Vec<_> =
        keys.iter().filter(|key| !reference.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "docs/scenarios.md does not explain {missing:?}");
}

/// Code and files must not disagree about what is left out.
#[test]
fn a_scenario_begun_in_code_is_the_shortest_file() {
    let text = concat!(
        r#"{ "elara": 1, "name": "short", "duration": "10s", "#,
        r#""system": { "kind": "raft-kv" }, "cluster": { "nodes": 3 } }"#
    );
    let begun = Scenario::new("short", SystemChoice::named("raft-kv"), Cluster::of_size(3));
    assert_eq!(parse(text), Ok(begun));
}
