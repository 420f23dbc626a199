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

/// One mistake in a block: `replace` and `by` change the base, or `set` is an override; `told` is the message.
const CASES: &str = include_str!("golden/scenario_errors.txt");

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

/// The value of a line of a block.
fn line<'a>(block: &'a str, name: &str) -> Option<&'a str> {
    block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_start)
}

#[test]
fn each_mistake_is_told_with_its_place_and_its_cure() {
    let blocks: Vec<&str> = CASES.split("\n\n").collect();
    assert!(blocks.len() > 90, "all cases are read");
    for block in blocks {
        let expected = line(block, "told").expect("a block says what is told");
        let message = match (line(block, "replace"), line(block, "set")) {
            (Some(part), None) => {
                assert!(BASE.contains(part), "the base has no {part}");
                let other = line(block, "by").expect("a block says by what");
                told(BASE.replacen(part, other, 1).as_bytes(), &[])
            }
            (None, Some(option)) => told(BASE.as_bytes(), &[option]),
            _ => panic!("a block either replaces or sets: {block}"),
        };
        assert_eq!(message, expected, "{block}");
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
