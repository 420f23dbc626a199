//! What a wrong scenario is told: the place, the path, the problem and the cure, to the letter; and that nothing
//! whatever makes the parser panic.

use elara::scenario::Scenario;
use proptest::prelude::*;

/// A scenario that uses a little of everything.
const BASE: &str = r#"{
  "elara": 1, "name": "base", "seed": 1,
  "system": { "kind": "raft-kv", "options": { "election-timeout": ["300ms", "600ms"], "heartbeat": "60ms" } },
  "cluster": { "nodes": ["e1", "e2", "w1"], "regions": { "east": ["e1", "e2"], "west": ["w1"] } },
  "network": { "delay": { "uniform": ["1ms", "2ms"] }, "loss": 0.5,
               "links": [ { "between": ["east", "west"], "delay": "30ms" } ] },
  "workload": { "clients": [ { "count": 2, "near": "west" } ], "operations": { "write": 1 }, "routing": "leader" },
  "faults": [
    { "at": "10s", "partition": ["east", "west"], "mode": "cut", "for": "20s" },
    { "at": "30s", "heal": "all" }
  ],
  "nemesis": [ { "pause": { "target": "leader" }, "every": "8s", "for": "1s" } ],
  "duration": "60s",
  "checks": "default",
  "watch": { "minority": "west", "from": "12s", "to": "50s", "messages-max": 100 },
  "coverage": ["raft.elected"],
  "ablations": [ { "off": ["pre-vote"], "violates": ["stability"] } ],
  "expect": "ok"
}"#;

struct Case {
    replace: &'static str,
    by: &'static str,
    message: &'static str,
}

const CASES: &[Case] = &[
    Case {
        replace: r#""name""#,
        by: r#""nmae""#,
        message: "s.json:2:15: nmae: unknown key `nmae` in the scenario; did you mean `name`?",
    },
    Case {
        replace: r#""seed": 1,"#,
        by: r#""seed": 1, "sede": 2,"#,
        message: "s.json:2:42: sede: unknown key `sede` in the scenario; did you mean `seed`?",
    },
    Case {
        replace: r#""seed": 1,"#,
        by: r#""seed": 1, "seed": 2,"#,
        message: "s.json:2:42: seed: the key `seed` is there twice; keep one of them",
    },
    Case {
        replace: r#""seed": 1"#,
        by: r#""seed": -1"#,
        message: "s.json:2:39: seed: expected a seed: a whole number below 2^64, or a git commit hash, found the number -1",
    },
    Case {
        replace: r#""seed": 1"#,
        by: r#""seed": "main""#,
        message: r#"s.json:2:39: seed: expected a seed: a whole number below 2^64, or a git commit hash, found the text "main""#,
    },
    Case {
        replace: r#""elara": 1"#,
        by: r#""elara": 2"#,
        message: "s.json:2:12: elara: unknown version of the format: the number 2; this elara reads version 1",
    },
    Case {
        replace: r#""name": "base","#,
        by: "",
        message: "s.json:1:1: the scenario lacks the key `name`; add `name`: the scenario's name",
    },
    Case {
        replace: r#""name": "base""#,
        by: r#""name": """#,
        message: r#"s.json:2:23: name: expected a name of 1 to 200 characters, found the text """#,
    },
    Case {
        replace: r#""raft-kv""#,
        by: r#""raft-vk""#,
        message: r#"s.json:3:23: system.kind: unknown system "raft-vk"; did you mean `raft-kv`?"#,
    },
    Case {
        replace: r#""heartbeat""#,
        by: r#""heart-beat""#,
        message: "s.json:3:87: system.options.heart-beat: raft-kv has no option `heart-beat`; did you mean `heartbeat`?",
    },
    Case {
        replace: r#""60ms""#,
        by: "60",
        message: r#"s.json:3:100: system.options.heartbeat: a time span needs a unit, found the number 60; write "60ms" or "60s""#,
    },
    Case {
        replace: r#""60ms""#,
        by: r#""60""#,
        message: r#"s.json:3:100: system.options.heartbeat: a time span needs a unit, found the text "60"; write "60ms" or "60s""#,
    },
    Case {
        replace: r#""60ms""#,
        by: r#""60 mss""#,
        message: r#"s.json:3:100: system.options.heartbeat: expected a time span with a unit, such as "150ms" or "2.5s", found the text "60 mss"; did you mean `ms`?"#,
    },
    Case {
        replace: r#""60ms""#,
        by: r#""-60ms""#,
        message: r#"s.json:3:100: system.options.heartbeat: a time span cannot be negative here: the text "-60ms""#,
    },
    Case {
        replace: r#""60ms""#,
        by: r#""0s""#,
        message: "s.json:3:100: system.options.heartbeat: a time span of zero makes no sense here",
    },
    Case {
        replace: r#""60ms""#,
        by: r#""5000h""#,
        message: "s.json:3:100: system.options.heartbeat: 5000h is too long; the limit here is 1000h",
    },
    Case {
        replace: r#""60ms""#,
        by: "null",
        message: r#"s.json:3:100: system.options.heartbeat: expected a time span with a unit, such as "150ms" or "2.5s", found `null`"#,
    },
    Case {
        replace: r#"["300ms", "600ms"]"#,
        by: r#"["600ms", "300ms"]"#,
        message: "s.json:3:67: system.options.election-timeout: the first value is greater than the second; exchange them",
    },
    Case {
        replace: r#"["300ms", "600ms"]"#,
        by: r#"["300ms"]"#,
        message: "s.json:3:67: system.options.election-timeout: expected two values, found 1; write the least and the greatest",
    },
    Case {
        replace: r#"["300ms", "600ms"]"#,
        by: r#""300ms""#,
        message: r#"s.json:3:67: system.options.election-timeout: expected a list of two: the least and the greatest, found the text "300ms""#,
    },
    Case {
        replace: r#"["e1", "e2", "w1"]"#,
        by: "[]",
        message: "s.json:4:25: cluster.nodes: the cluster is empty; declare at least one node",
    },
    Case {
        replace: r#"["e1", "e2", "w1"]"#,
        by: "0",
        message: "s.json:4:25: cluster.nodes: expected a whole number from 1 to 10000, found the number 0",
    },
    Case {
        replace: r#"["e1", "e2", "w1"]"#,
        by: r#"["e1", "e2", "w1", "e1"]"#,
        message: "s.json:4:44: cluster.nodes[3]: the node `e1` is declared twice; keep one of them",
    },
    Case {
        replace: r#"["e1", "e2", "w1"]"#,
        by: r#"["e1", "e2", "w1", "leader"]"#,
        message: "s.json:4:44: cluster.nodes[3]: `leader` cannot be the name of a node; faults are aimed at roles by this name",
    },
    Case {
        replace: r#"["e1", "e2", "w1"]"#,
        by: r#"["e1", "e2", "w1", "node one"]"#,
        message: r#"s.json:4:44: cluster.nodes[3]: "node one" cannot be the name of a node; use 1 to 64 letters, digits, `-` and `_`, a letter or digit first"#,
    },
    Case {
        replace: r#""west": ["w1"]"#,
        by: r#""west": ["w2"]"#,
        message: "s.json:4:89: cluster.regions.west[0]: there is no node `w2` in the cluster; did you mean `e2`?",
    },
    Case {
        replace: r#""west": ["w1"]"#,
        by: r#""west": ["w1", "e1"]"#,
        message: "s.json:4:95: cluster.regions.west[1]: the node `e1` is in a region already; a node is in at most one region",
    },
    Case {
        replace: r#""west": ["w1"]"#,
        by: r#""west": []"#,
        message: "s.json:4:88: cluster.regions.west: the list is empty",
    },
    Case {
        replace: r#""west": ["w1"]"#,
        by: r#""east": ["w1"]"#,
        message: "s.json:4:80: cluster.regions.east: the key `east` is there twice; keep one of them",
    },
    Case {
        replace: r#""west": ["w1"]"#,
        by: r#""w1": ["w1"]"#,
        message: "s.json:4:80: cluster.regions.w1: `w1` is the name of a node already; give the region another name",
    },
    Case {
        replace: r#""loss": 0.5"#,
        by: r#""loss": 1.5"#,
        message: "s.json:5:64: network.loss: expected a probability from 0 to 1, found the number 1.5; write one percent as 0.01",
    },
    Case {
        replace: r#""loss": 0.5"#,
        by: r#""loss": -0.5"#,
        message: "s.json:5:64: network.loss: expected a probability from 0 to 1, found the number -0.5",
    },
    Case {
        replace: r#""loss": 0.5"#,
        by: r#""loss": "50%""#,
        message: r#"s.json:5:64: network.loss: expected a probability from 0 to 1, found the text "50%"; write one percent as 0.01"#,
    },
    Case {
        replace: r#""loss": 0.5"#,
        by: r#""lost": 0.5"#,
        message: "s.json:5:56: network.lost: unknown key `lost` in the network; did you mean `loss`?",
    },
    Case {
        replace: r#"{ "uniform": ["1ms", "2ms"] }"#,
        by: r#"{ "unifrom": ["1ms", "2ms"] }"#,
        message: "s.json:5:27: network.delay.unifrom: unknown key `unifrom` in the distribution; did you mean `uniform`?",
    },
    Case {
        replace: r#"{ "uniform": ["1ms", "2ms"] }"#,
        by: r#"{ "uniform": ["1ms", "2ms"], "exponential": "1ms" }"#,
        message: "s.json:5:54: network.delay.exponential: the distribution has one key, and `uniform` is there already; keep one of them",
    },
    Case {
        replace: r#"{ "uniform": ["1ms", "2ms"] }"#,
        by: "{}",
        message: "s.json:5:25: network.delay: the distribution says nothing; expected `uniform`, `exponential`, `log-normal` or `pareto`",
    },
    Case {
        replace: r#"{ "uniform": ["1ms", "2ms"] }"#,
        by: r#"{ "pareto": { "minimum": "1ms", "alpha": 0 } }"#,
        message: "s.json:5:66: network.delay.pareto.alpha: expected a number from 0.001 to 100 with at most three decimals, found the number 0",
    },
    Case {
        replace: r#"{ "uniform": ["1ms", "2ms"] }"#,
        by: r#"{ "log-normal": { "median": "2h", "sigma": 0.5 } }"#,
        message: "s.json:5:53: network.delay.log-normal.median: 2h is too long; the limit here is 1h",
    },
    Case {
        replace: r#""between": ["east", "west"]"#,
        by: r#""between": ["east", "vest"]"#,
        message: "s.json:6:49: network.links[0].between[1]: there is no region `vest` in the cluster; did you mean `west`?",
    },
    Case {
        replace: r#""between": ["east", "west"]"#,
        by: r#""from": "east""#,
        message: "s.json:6:27: network.links[0]: the link does not say between which regions it is; write `between` with two regions, or `from` and `to`",
    },
    Case {
        replace: r#""count": 2"#,
        by: r#""count": 0"#,
        message: "s.json:7:41: workload.clients[0].count: expected a whole number from 1 to 10000, found the number 0",
    },
    Case {
        replace: r#""count": 2"#,
        by: r#""count": 2.5"#,
        message: "s.json:7:41: workload.clients[0].count: expected a whole number from 1 to 10000, found the number 2.5",
    },
    Case {
        replace: r#""near": "west""#,
        by: r#""near": "e1""#,
        message: "s.json:7:52: workload.clients[0].near: there is no region `e1` in the cluster; expected `east` or `west`",
    },
    Case {
        replace: r#"{ "write": 1 }"#,
        by: r#"{ "wirte": 1 }"#,
        message: "s.json:7:80: workload.operations.wirte: unknown function `wirte`; did you mean `write`?",
    },
    Case {
        replace: r#"{ "write": 1 }"#,
        by: r#"{ "write": 0 }"#,
        message: "s.json:7:78: workload.operations: no function has a weight above 0",
    },
    Case {
        replace: r#""routing": "leader""#,
        by: r#""routing": "laeder""#,
        message: r#"s.json:7:105: workload.routing: unknown routing "laeder"; did you mean `leader`?"#,
    },
    Case {
        replace: r#""partition": ["east", "west"]"#,
        by: r#""partion": ["east", "west"]"#,
        message: "s.json:9:20: faults[0].partion: unknown key `partion` in a fault; did you mean `partition`?",
    },
    Case {
        replace: r#""partition": ["east", "west"]"#,
        by: r#""partition": ["east", "north"]"#,
        message: "s.json:9:42: faults[0].partition[1]: there is no node or region `north` in the cluster; expected `e1`, `e2`, `w1`, `east`, `west`, `all`, `any`, `leader`, `follower`, `majority` or `minority`",
    },
    Case {
        replace: r#""partition": ["east", "west"]"#,
        by: r#""partition": ["east", ["w1", "e2"]]"#,
        message: "s.json:9:42: faults[0].partition[1]: the node `e2` would be cut from itself; name each node on one side only",
    },
    Case {
        replace: r#""partition": ["east", "west"]"#,
        by: r#""partition": ["east"]"#,
        message: r#"s.json:9:33: faults[0].partition: a partition has at least two sides, found 1; add a side, or write {"isolate": ...} to cut one off from everybody"#,
    },
    Case {
        replace: r#""partition": ["east", "west"]"#,
        by: r#""partition": { "isolat": "e1" }"#,
        message: "s.json:9:35: faults[0].partition.isolat: unknown key `isolat` in the partition; did you mean `isolate`?",
    },
    Case {
        replace: r#""partition": ["east", "west"]"#,
        by: r#""partition": { "one-way": { "from": "e1", "to": "e1" } }"#,
        message: "s.json:9:46: faults[0].partition.one-way: the node `e1` would be cut from itself; name each node on one side only",
    },
    Case {
        replace: r#""partition": ["east", "west"]"#,
        by: r#""partition": { "pairs": [["e1", "e1"]] }"#,
        message: "s.json:9:45: faults[0].partition.pairs[0]: the node `e1` would be cut from itself; a pair is two nodes",
    },
    Case {
        replace: r#""partition": ["east", "west"]"#,
        by: r#""partition": "random""#,
        message: r#"s.json:9:33: faults[0].partition: unknown form of a partition "random"; expected `random-sides` or `ring-majority`"#,
    },
    Case {
        replace: r#""partition": ["east", "west"]"#,
        by: r#""crash": "leader""#,
        message: "s.json:9:39: faults[0].mode: unknown key `mode` in crash; expected `at`, `crash` or `restart`",
    },
    Case {
        replace: r#""partition": ["east", "west"]"#,
        by: r#""mode": "cut""#,
        message: "s.json:9:5: faults[0]: the fault does not say what goes wrong; add one of `partition`, `link`, `drop-message`, `crash`, `power-failure`, `wipe`, `pause`, `slow-cpu`, `disk`, `clock`, `reconfigure`, `restart` or `heal`",
    },
    Case {
        replace: r#""mode": "cut""#,
        by: r#""mode": "cute""#,
        message: r#"s.json:9:59: faults[0].mode: unknown mode of a partition "cute"; did you mean `cut`?"#,
    },
    Case {
        replace: r#""at": "10s""#,
        by: r#""at": "2m""#,
        message: "s.json:9:13: faults[0].at: the fault begins at 120s; the time of faults ends at 60s (`duration`)",
    },
    Case {
        replace: r#""at": "10s", "#,
        by: "",
        message: "s.json:9:5: faults[0]: partition lacks the key `at`; add `at`: when it begins",
    },
    Case {
        replace: r#""for": "20s""#,
        by: r#""for": "0s""#,
        message: "s.json:9:73: faults[0].for: a time span of zero makes no sense here",
    },
    Case {
        replace: r#""for": "20s""#,
        by: r#""crash": "e1""#,
        message: "s.json:9:66: faults[0].crash: unknown key `crash` in partition; expected `at`, `partition`, `mode`, `flapping`, `in-flight` or `for`",
    },
    Case {
        replace: r#"{ "at": "30s", "heal": "all" }"#,
        by: r#"{ "at": "30s", "disk": { "nodes": "e1" } }"#,
        message: "s.json:10:28: faults[1].disk: the disk fault does not say what is wrong; add `sync-failure`, `lying-sync`, `read-error`, `write-error`, `full`, `slower`, `stalled`, `bit-rot`, `misdirected-write` or `latent-sectors`",
    },
    Case {
        replace: r#"{ "at": "30s", "heal": "all" }"#,
        by: r#"{ "at": "30s", "disk": { "nodes": "e1", "full": "yes" } }"#,
        message: r#"s.json:10:53: faults[1].disk.full: expected `true` or `false`, found the text "yes""#,
    },
    Case {
        replace: r#"{ "at": "30s", "heal": "all" }"#,
        by: r#"{ "at": "30s", "clock": { "nodes": "e1", "step": "5" } }"#,
        message: r#"s.json:10:54: faults[1].clock.step: a time span needs a unit, found the text "5"; write "5ms" or "5s""#,
    },
    Case {
        replace: r#"{ "at": "30s", "heal": "all" }"#,
        by: r#"{ "at": "30s", "link": { "from": "e1", "to": "e1", "loss": 1 } }"#,
        message: "s.json:10:28: faults[1].link: there is no link from a node to itself; name two different nodes",
    },
    Case {
        replace: r#"{ "at": "30s", "heal": "all" }"#,
        by: r#"{ "at": "30s", "reconfigure": ["e1", "e1"] }"#,
        message: "s.json:10:35: faults[1].reconfigure: the node `e1` is there twice; keep one of them",
    },
    Case {
        replace: r#"{ "at": "30s", "heal": "all" }"#,
        by: r#"{ "at": "30s" }"#,
        message: "s.json:10:5: faults[1]: the fault does not say what goes wrong; add one of `partition`, `link`, `drop-message`, `crash`, `power-failure`, `wipe`, `pause`, `slow-cpu`, `disk`, `clock`, `reconfigure`, `restart` or `heal`",
    },
    Case {
        replace: r#"{ "at": "30s", "heal": "all" }"#,
        by: r#""heal""#,
        message: r#"s.json:10:5: faults[1]: expected an object (a fault), found the text "heal""#,
    },
    Case {
        replace: r#""every": "8s""#,
        by: r#""every": "0s""#,
        message: "s.json:12:60: nemesis[0].every: a fault every 0s would never let time pass",
    },
    Case {
        replace: r#""every": "8s""#,
        by: r#""evry": "8s""#,
        message: "s.json:12:51: nemesis[0].evry: unknown key `evry` in pause; did you mean `every`?",
    },
    Case {
        replace: r#""every": "8s""#,
        by: r#""at": "8s""#,
        message: "s.json:12:51: nemesis[0].at: unknown key `at` in pause; expected `every`, `pause` or `for`",
    },
    Case {
        replace: r#""duration": "60s""#,
        by: r#""duration": "0s""#,
        message: "s.json:13:15: duration: a time span of zero makes no sense here",
    },
    Case {
        replace: r#""duration": "60s","#,
        by: "",
        message: "s.json:1:1: the scenario lacks the key `duration`; add `duration`: how long clients ask and faults happen",
    },
    Case {
        replace: r#""checks": "default""#,
        by: r#""checks": "all""#,
        message: r#"s.json:14:13: checks: expected "default" or a list of checkers, found the text "all""#,
    },
    Case {
        replace: r#""checks": "default""#,
        by: r#""checks": ["linearisability"]"#,
        message: r#"s.json:14:14: checks[0]: unknown checker "linearisability"; did you mean `linearizability`?"#,
    },
    Case {
        replace: r#""raft.elected""#,
        by: r#""elected""#,
        message: r#"s.json:16:16: coverage[0]: expected a coverage mark, found the text "elected"; write where and what, as "raft.elected""#,
    },
    Case {
        replace: r#""expect": "ok""#,
        by: r#""expect": "fine""#,
        message: r#"s.json:18:13: expect: expected "ok" or {"violation": CHECKER}, found the text "fine""#,
    },
    Case {
        replace: r#""expect": "ok""#,
        by: r#""expect": { "violation": "split-brain" }"#,
        message: r#"s.json:18:28: expect.violation: unknown checker "split-brain"; expected one of 32 names, such as `election-safety`, `leader-append-only` or `log-matching`"#,
    },
    Case {
        replace: r#""off": ["pre-vote"]"#,
        by: r#""off": ["prevote"]"#,
        message: r#"s.json:17:28: ablations[0].off[0]: unknown pattern "prevote"; did you mean `pre-vote`?"#,
    },
    Case {
        replace: r#""off": ["pre-vote"]"#,
        by: r#""off": []"#,
        message: "s.json:17:27: ablations[0].off: the list is empty",
    },
    Case {
        replace: r#""to": "50s""#,
        by: r#""to": "5s""#,
        message: "s.json:15:12: watch: the watched window is empty or ends after the run; `from` < `to` <= 70s",
    },
    Case {
        replace: r#""minority": "west""#,
        by: r#""minority": "leader""#,
        message: "s.json:15:26: watch.minority: a role cannot be watched: it moves from node to node; name nodes or regions",
    },
    Case {
        replace: r#""expect": "ok""#,
        by: r#""expect": "ok","#,
        message: "s.json:19:1: not JSON: trailing comma",
    },
    Case {
        replace: r#""expect": "ok""#,
        by: r#""expect": ok"#,
        message: "s.json:18:13: not JSON: expected value",
    },
];

fn told(bytes: &[u8], overrides: &[&str]) -> String {
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    match Scenario::parse("s.json", bytes, &overrides) {
        Ok(scenario) => format!("nothing is wrong with {}", scenario.name),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_base_of_all_cases_is_sound() {
    assert_eq!(told(BASE.as_bytes(), &[]), "nothing is wrong with base");
}

#[test]
fn each_mistake_is_told_with_its_place_and_its_cure() {
    for Case { replace, by, message } in CASES {
        assert!(BASE.contains(replace), "the base has no {replace}");
        let text = BASE.replacen(replace, by, 1);
        assert_eq!(&told(text.as_bytes(), &[]), message, "{replace} -> {by}");
    }
}

#[test]
fn what_is_no_scenario_at_all_is_told_so() {
    let deep = "[".repeat(200_000);
    let large = vec![b' '; (16 << 20) + 1];
    let cases: [(&[u8], &str); 12] = [
        (b"", "s.json: the file is empty; `elara schema` says what a scenario looks like"),
        (b" \n ", "s.json: the file is empty; `elara schema` says what a scenario looks like"),
        (b"[]", "s.json:1:1: expected an object (the scenario), found a list"),
        (
            b"{}",
            "s.json:1:1: the scenario lacks the key `elara`; add `elara`: the version of the format: 1",
        ),
        (b"{\"elara\": 1,\n  \"name\"", "s.json:2:8: not JSON: EOF while parsing an object"),
        (b"{\"elara\": 1e999}", "s.json:1:15: not JSON: number out of range"),
        (b"\x00\x01\x02", "s.json:1:1: not JSON: expected value"),
        (
            b"{\"a\": \"\xff\"}",
            "s.json: not UTF-8 text: byte 8 is wrong; a scenario is a JSON file",
        ),
        (b"\xff\xfe{\x00}\x00", "s.json: the file is UTF-16 text; save it as UTF-8"),
        (b"\xef\xbb\xbf[]", "s.json:1:1: expected an object (the scenario), found a list"),
        (
            deep.as_bytes(),
            "s.json:1:128: not JSON: recursion limit exceeded; lists and objects may be nested 128 deep",
        ),
        (&large, "s.json: the file is larger than 16 MiB; a scenario is a JSON file of a few KiB"),
    ];
    for (bytes, message) in cases {
        assert_eq!(told(bytes, &[]), message);
    }
}

#[test]
fn a_wrong_override_is_told_with_its_option() {
    let cases = [
        ("network.loss=0.25", "nothing is wrong with base"),
        ("seed=9d07025f3a16a1b2", "nothing is wrong with base"),
        ("disk.sync=2ms", "nothing is wrong with base"),
        ("faults[2]={\"at\":\"31s\",\"restart\":\"e1\"}", "nothing is wrong with base"),
        (
            "network.loss=2",
            "--set network.loss=2: network.loss: expected a probability from 0 to 1, found the number 2; write one percent as 0.01",
        ),
        (
            "netwrok.loss=0",
            "--set netwrok.loss=0: netwrok: unknown key `netwrok` in the scenario; did you mean `network`?",
        ),
        (
            "faults[0].for=soon",
            "--set faults[0].for=soon: faults[0].for: expected a time span with a unit, such as \"150ms\" or \"2.5s\", found the text \"soon\"; expected `ns`, `us`, `µs`, `ms`, `s`, `m`, `h` or `min`",
        ),
        (
            "faults[7].for=1s",
            "--set faults[7].for=1s: faults[7].for: there is no faults[7]: the list has 2 entries",
        ),
        ("name.first=x", "--set name.first=x: name.first: name is not an object"),
        ("seed[0]=1", "--set seed[0]=1: seed[0]: there is no seed[0]: it is not a list"),
        (
            "seed",
            "--set seed: expected PATH=VALUE; write a path and a value, as network.loss=0.01 or faults[0].for=30s",
        ),
        (
            "=1",
            "--set =1: `` is not a path; write a path and a value, as network.loss=0.01 or faults[0].for=30s",
        ),
    ];
    for (option, message) in cases {
        assert_eq!(told(BASE.as_bytes(), &[option]), message);
    }
}

#[test]
fn an_error_shows_the_line_it_is_about() {
    let text = BASE.replace("\"heal\"", "\"hael\"");
    let error = Scenario::parse("s.json", text.as_bytes(), &[]).expect_err("it is wrong");
    let excerpt = error.excerpt.expect("it is about a line");
    assert_eq!(excerpt.line, r#"    { "at": "30s", "hael": "all" }"#);
    assert_eq!(&excerpt.line[excerpt.column - 1..excerpt.column + 5], "\"hael\"");
}

/// A part of the text replaced by something that may fit or not.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\"".to_vec()),
        Just(b"{".to_vec()),
        Just(b"]".to_vec()),
        Just(b",".to_vec()),
        Just(b"null".to_vec()),
        Just(b"-1e308".to_vec()),
        Just(b"99999999999999999999".to_vec()),
        Just(b"\"all\"".to_vec()),
        Just(b"[[]]".to_vec()),
        Just("\"\u{1f4a5}\"".as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    let edit = (any::<prop::sample::Index>(), 0_usize..12, piece);
    prop::collection::vec(edit, 1..5).prop_map(|edits| {
        let mut bytes = BASE.as_bytes().to_vec();
        for (place, length, piece) in edits {
            let from = place.index(bytes.len());
            let to = (from + length).min(bytes.len());
            bytes.splice(from..to, piece);
        }
        bytes
    })
}

/// A value of the tree replaced by another value, so that the text stays JSON.
fn retyped() -> impl Strategy<Value = String> {
    let values: Vec<&str> = BASE.split('"').skip(1).step_by(2).collect();
    let other = prop::sample::select(vec![
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "18446744073709551616",
        "\"\"",
        "\"1000h\"",
        "\"all\"",
        "\"e1\"",
        "[]",
        "{}",
        "[\"e1\"]",
        "[[[]]]",
        "{\"uniform\":[]}",
        "{\"target\":{}}",
        "\"-0.000000001s\"",
    ]);
    (prop::sample::select(values), other)
        .prop_map(|(value, other)| BASE.replacen(&format!("\"{value}\""), other, 1))
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        told(&bytes, &[]);
    }

    #[test]
    fn no_damage_to_a_scenario_makes_the_parser_panic(bytes in mutated()) {
        told(&bytes, &[]);
    }

    #[test]
    fn no_value_in_a_wrong_place_makes_the_parser_panic(text in retyped()) {
        told(text.as_bytes(), &[]);
    }

    #[test]
    fn no_override_makes_the_parser_panic(option in "[a-z.\\[\\]0-9=\"{}:]{0,24}") {
        told(BASE.as_bytes(), &[&option]);
    }
}
