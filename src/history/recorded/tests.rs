//! What is read, what is refused, and that nothing panics.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Vec<Entry>, RecordedError> {
    Reader::new("h", text.as_bytes()).collect()
}

fn entries(text: &str) -> Vec<Entry> {
    read(text).unwrap_or_else(|error| panic!("{error}"))
}

/// The only value of a history of one invocation.
fn value(edn: &str) -> Value {
    let text = format!("{{:process 0, :type :invoke, :f :write, :value {edn}}}");
    entries(&text).remove(0).value
}

fn refused(text: &str, because: &str) {
    let error = read(text).expect_err(text).to_string();
    assert!(error.contains(because), "{text}\n{error}");
}

#[test]
fn lines_arrays_vectors_and_tagged_maps_say_the_same() {
    let lines = "{\"index\":4,\"process\":1,\"type\":\"invoke\",\"f\":\"cas\",\"value\":[7,[1,\"x\"]],\"time\":9}\n\
                 {\"index\":5,\"process\":1,\"type\":\"ok\",\"f\":\"cas\",\"value\":null,\"time\":10,\"error\":{\"a\":[1.5e3]}}\n";
    let edn = "; a comment\n#jepsen.history.Op{:index 4, :process 1, :type :invoke, :f :cas, :value [7 [1 \"x\"]], :time 9}\n\
               #_ {:process nobody} {:index 5 :process 1 :type :ok :f :cas :time 10 :error #error {:at #inst \"2026\"}}";
    let array = format!("[{}]", lines.trim().replace('\n', ",\n"));
    let expected = entries(lines);
    assert_eq!(expected.len(), 2);
    assert_eq!((expected[0].index, expected[0].process, expected[0].time), (4, 1, Some(9)));
    assert_eq!(expected[0].value.to_string(), "[7, [1, \"x\"]]");
    assert_eq!(&*expected[1].function, "cas");
    assert_eq!(expected[1].invoked.as_ref().map(|invoked| invoked.line), Some(1));
    let without_lines = |mut entries: Vec<Entry>| {
        for entry in &mut entries {
            entry.line = 0;
            entry.invoked.as_mut().into_iter().for_each(|invoked| invoked.line = 0);
        }
        entries
    };
    let expected = without_lines(expected);
    for text in [array, edn.to_owned(), format!("[{edn}]"), format!(" ({edn})\n")] {
        assert_eq!(without_lines(entries(&text)), expected, "{text}");
    }
}

#[test]
fn everything_that_clojure_prints_is_a_value() {
    for (edn, expected) in [
        ("nil", "nil"),
        ("-3", "-3"),
        ("+3", "3"),
        ("3N", "3"),
        ("123456789012345678901N", "\"123456789012345678901\""),
        ("1/2", "\"1/2\""),
        ("1.50", "\"1.50\""),
        ("true", "\"true\""),
        (":a/b", "\"a/b\""),
        ("sym$1", "\"sym$1\""),
        (r#""a\"\\\n\u00e9""#, "\"a\\\"\\\\\\né\""),
        (r"[\a \newline \u0041 \( \space]", r#"["a", "\n", "A", "(", " "]"#),
        ("#{3 1 2}", "[1, 2, 3]"),
        ("{:b 1, :a [2]}", "[[\"a\", [2]], [\"b\", 1]]"),
        ("(1 #_ (2 #_ 3 4) 5)", "[1, 5]"),
        ("#object[java.lang.Object 0x1f \"o\"]", "[\"java.lang.Object\", \"0x1f\", \"o\"]"),
        ("##Inf", "\"##Inf\""),
        ("#\"[a-z]\"", "\"[a-z]\""),
    ] {
        assert_eq!(value(edn).to_string(), expected, "{edn}");
    }
}

#[test]
fn numbers_are_taken_as_they_are_written() {
    let text = |value: &str| {
        format!("{{\"process\":0,\"type\":\"invoke\",\"f\":\"write\",\"value\":{value}}}")
    };
    for (written, expected) in [
        ("9007199254740993", "9007199254740993"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775808", "\"9223372036854775808\""),
        ("1.25e+3", "\"1.25e+3\""),
        ("false", "\"false\""),
        (r#""\ud83d\ude00\t\/""#, "\"😀\\t/\""),
        ("{\"b\":1,\"a\":{}}", "[[\"a\", []], [\"b\", 1]]"),
    ] {
        assert_eq!(entries(&text(written))[0].value.to_string(), expected);
    }
    for wrong in
        ["01", "1.", ".5", "-", "1e", "+1", "NaN", "'a'", "\"\\x\"", "\"\\ud800\"", "\"a\nb\""]
    {
        assert!(read(&text(wrong)).is_err(), "{wrong}");
    }
}

#[test]
fn entries_of_processes_without_a_number_are_passed_over_and_counted() {
    let text = "{:process :nemesis, :type :info, :f :start}\n{:process 0, :type :invoke, :f :read}";
    let mut reader = Reader::new("h", text.as_bytes());
    let entry = reader.next().expect("there is one").expect("it is right");
    assert_eq!((entry.line, entry.index), (2, 1), "the nemesis has a number of its own");
    assert!(reader.next().is_none());
    assert_eq!(reader.ignored(), 1);
}

#[test]
fn the_language_is_seen_from_the_first_bytes_or_else_from_the_name() {
    assert!(entries("").is_empty() && entries(" \n").is_empty() && entries("[]").is_empty());
    assert!(entries("\u{feff}[]").is_empty());
    let map = "{,:process 0 :type :invoke :f :read}";
    assert_eq!(entries(map).len(), 1);
    let empty = |name: &str| Reader::new(name, "{}".as_bytes()).next();
    for name in ["a.edn", "a.json"] {
        let error = empty(name).expect("it is something").expect_err("it says nothing");
        assert!(error.message.contains("no `process`"), "{error}");
    }
    assert!(Reader::new("a.EDN", "  ; nothing".as_bytes()).next().is_none());
}

#[test]
fn the_order_of_entries_must_be_plain() {
    let invoke = |process: u32, rest: &str| {
        format!("{{:process {process} :type :invoke :f :read {rest}}}\n")
    };
    refused(&(invoke(0, ":index 3") + &invoke(1, ":index 3")), "h:2: index 3 comes after index 3");
    refused(&(invoke(0, ":time 9") + &invoke(1, ":time 8")), "h:2: time goes back from 9 to 8");
    let late = invoke(0, ":index 0 :time 9") + &invoke(1, ":index 1 :time 8");
    assert_eq!(entries(&late).len(), 2, "the index decides");
}

#[test]
fn after_an_error_there_is_nothing_more() {
    let mut reader = Reader::new("h", "{\"process\":0}\n{\"process\":0}".as_bytes());
    assert!(reader.next().is_some_and(|entry| entry.is_err()));
    assert!(reader.next().is_none());
}

#[test]
fn deep_nesting_is_refused_and_does_not_exhaust_the_stack() {
    for open in ["[", "(", "#{", "{1 ", "#a ", "#_", "{"] {
        let text = format!("{{:process 0 :value {}", open.repeat(100_000));
        refused(&text, "nested");
    }
    for open in ["[", "{\"a\":"] {
        refused(&format!("{{\"value\":{}", open.repeat(100_000)), "nested");
    }
}

/// Pieces that are likely to lead far into the reader.
fn piece() -> impl Strategy<Value = String> {
    let pieces: Vec<&str> = "{ } [ ] ( ) #{ #_ #inst # ## \" \\ \\u00 \\ud800 ; , : :process \"process\" 0 -1 1/2 3N nil \
         null :invoke \"ok\" :type \"type\" :f \"f\" :value \"value\" \"index\" \"time\" 1e9 \\a \n"
        .split(' ')
        .collect();
    prop_oneof![
        8 => prop::sample::select(pieces).prop_map(|piece| format!("{piece} ")),
        1 => any::<String>(),
    ]
}

proptest! {
    #[test]
    fn no_bytes_are_a_reason_to_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for start in [&b""[..], b"[", b"{:", b"{\"", b"#a"] {
            let bytes = [start, &bytes].concat();
            let _ = Reader::new("h", bytes.as_slice()).count();
        }
    }

    #[test]
    fn no_broken_history_is_a_reason_to_panic(pieces in prop::collection::vec(piece(), 0..60)) {
        let text = pieces.concat();
        for start in ["", "{:", "{\""] {
            let _ = Reader::new("h", format!("{start}{text}").as_bytes()).count();
        }
    }

    /// Wherever the file is cut off, what is read is the beginning of what was written.
    #[test]
    fn a_cut_off_file_is_refused_unless_it_ends_between_two_entries(at in 0_usize..200) {
        for text in [
            "{\"process\":0,\"type\":\"invoke\",\"f\":\"write\",\"value\":[1,\"a\"]}\n{\"process\":0,\"type\":\"ok\",\"f\":\"write\"}\n",
            "#op{:process 0 :type :invoke :f :write :value [1 \"a\" #{}]}\n#op{:process 0 :type :ok :f :write :value 1}\n",
        ] {
            let cut = &text[..at.min(text.len())];
            let whole = ["}\n", "}"].iter().any(|end| cut.ends_with(end)) && cut.matches('{').count() == cut.matches('}').count();
            let only_tag = cut.rsplit('\n').next().is_some_and(|line| "#op".starts_with(line));
            prop_assert_eq!(read(cut).is_ok(), whole || only_tag || cut.is_empty(), "{}", cut);
        }
    }
}
