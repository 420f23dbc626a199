//! The architecture, as a test: who may import whom, what is banned where, how long files and lines may be, and what
//! every file must have. Each message names the cure.

use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom. A module may always import itself; `cli` may import everything.
const IMPORTS: &[(&str, &[&str])] = &[
    ("kernel", &[]),
    ("claim", &["kernel"]),
    ("history", &["kernel"]),
    ("node", &["kernel", "claim", "history"]),
    ("trace", &["kernel", "claim", "history", "node"]),
    ("world", &["kernel", "node", "trace"]),
    ("client", &["kernel", "history", "node", "world"]),
    ("checkers", &["kernel", "claim", "history", "trace"]),
    ("patterns", &["kernel"]),
    ("systems", &["kernel", "claim", "history", "node", "patterns"]),
    ("ablations", &["kernel", "patterns", "systems"]),
    ("simulation", &["kernel", "claim", "history", "node", "trace", "world", "client", "checkers"]),
    ("scenario", &["kernel", "history", "world", "client"]),
    (
        "run",
        &[
            "kernel",
            "claim",
            "history",
            "node",
            "trace",
            "world",
            "client",
            "checkers",
            "simulation",
            "systems",
            "ablations",
            "scenario",
        ],
    ),
    ("explore", &["kernel", "history", "trace", "world", "client", "scenario", "run"]),
    ("report", &["run", "explore", "kernel"]),
];

/// Where a run must be the same for ever: no order by address, no wall clock, no thread, no environment.
const DETERMINISTIC: &[&str] = &[
    "kernel",
    "claim",
    "history",
    "node",
    "trace",
    "world",
    "client",
    "checkers",
    "patterns",
    "systems",
    "ablations",
    "simulation",
];

const BANNED: &[(&str, &str)] = &[
    ("HashMap", "its order differs from run to run; use BTreeMap or Vec"),
    ("HashSet", "its order differs from run to run; use BTreeSet or Vec"),
    ("std::time::Instant", "the wall clock; use kernel::time::Instant"),
    ("SystemTime", "the wall clock; use kernel::time::Instant"),
    ("std::thread", "a run is one thread"),
    ("std::env", "a run depends on its scenario and seed only"),
    ("std::fs", "only the command line touches files"),
    ("println!", "only the command line prints"),
    ("unsafe", "nothing here needs it"),
];

const FILE_LINES_MAX: usize = 450;
const LINE_CHARACTERS_MAX: usize = 130;

/// All sources under a folder, by path.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    collect(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).as_path(), &mut files);
    assert!(!files.is_empty(), "no sources under {folder}");
    files
}

/// The sources of the library and the program, without the files that are compiled for tests only: those may reach
/// further.
fn product() -> Vec<(PathBuf, String)> {
    let all = sources("src");
    let tests: Vec<PathBuf> =
        all.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
    let is_test = |path: &Path| tests.iter().any(|test| path.starts_with(test));
    all.into_iter()
        .filter(|(path, _)| !is_test(path) && !is_test(&path.with_extension("")))
        .collect()
}

/// The modules that a file declares for tests only, as paths without ending.
fn test_modules(path: &Path, text: &str) -> Vec<PathBuf> {
    let folder = if path.ends_with("mod.rs") || path.ends_with("lib.rs") {
        path.parent().expect("a file in a folder").to_owned()
    } else {
        path.with_extension("")
    };
    let declared = text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| {
        let line = rest.lines().next().unwrap_or_default();
        line.strip_suffix(';').and_then(|line| line.rsplit_once("mod ")).map(|(_, name)| name)
    });
    declared.map(|name| folder.join(name)).collect()
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, String)>) {
    let entries = fs::read_dir(folder).expect("a folder of sources");
    let mut entries: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file in UTF-8");
            files.push((path, text));
        }
    }
}

/// The top-level module of a source file.
fn module(path: &Path) -> String {
    let inside = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let first = inside.expect("a file under src").components().next().expect("a name");
    first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The code of a file without its tests: test code may reach further.
fn code(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod ").map_or(text, |end| &text[..end])
}

/// The lines of code, numbered from 1, without comments.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = code(text).lines().enumerate().map(|(number, line)| (number + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// All problems at once, so that one run shows them all.
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn imports_point_down_the_table_only() {
    let mut problems = Vec::new();
    for (path, text) in product() {
        let module = module(&path);
        if ["lib", "main", "cli"].contains(&module.as_str()) {
            continue;
        }
        let shown = path.display();
        let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == module) else {
            problems.push(format!("{shown}: `{module}` has no row in the import table"));
            continue;
        };
        for (number, line) in code_lines(&text) {
            for rest in line.split("crate::").skip(1) {
                let name: String =
                    rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let known = IMPORTS.iter().any(|(known, _)| *known == name);
                if known && name != module && !allowed.contains(&name.as_str()) {
                    problems.push(format!(
                        "{shown}:{number}: `{module}` must not import `{name}`; change the design, not this test",
                    ));
                }
            }
        }
    }
    none(&problems);
}

/// The architecture's four absences, said once more in words: the table must not be loosened by accident.
#[test]
fn the_four_absences_hold() {
    let may = |from: &str, to: &str| {
        IMPORTS.iter().any(|(name, allowed)| *name == from && allowed.contains(&to))
    };
    assert!(!may("patterns", "node"), "patterns know no nodes");
    assert!(!may("systems", "world"), "systems do not know the world");
    assert!(!may("systems", "simulation"), "systems do not know the simulation");
    assert!(!may("checkers", "systems"), "checkers know no systems");
    assert!(!may("report", "simulation"), "reports know no simulation");
}

#[test]
fn nothing_banned_is_used_where_runs_must_repeat() {
    let mut problems = Vec::new();
    for (path, text) in product() {
        if !DETERMINISTIC.contains(&module(&path).as_str()) {
            continue;
        }
        for (number, line) in code_lines(&text) {
            for (word, cure) in BANNED.iter().filter(|(word, _)| line.contains(word)) {
                problems.push(format!("{}:{number}: `{word}`: {cure}", path.display()));
            }
        }
    }
    none(&problems);
}

#[test]
fn files_open_with_why_and_stay_short() {
    let mut problems = Vec::new();
    for (path, text) in product().into_iter().chain(sources("tests")) {
        let shown = path.display();
        if !text.starts_with("//!") {
            problems.push(format!("{shown}: opens without `//!`: say why it is as it is"));
        }
        let lines = code(&text).lines().count();
        if lines > FILE_LINES_MAX && !text.contains("//! Why this file is long:") {
            problems.push(format!(
                "{shown}: {lines} lines; split along an idea, or say `//! Why this file is long:`"
            ));
        }
        for (number, line) in text.lines().enumerate() {
            if line.chars().count() > LINE_CHARACTERS_MAX {
                problems
                    .push(format!("{shown}:{}: over {LINE_CHARACTERS_MAX}; wrap it", number + 1));
            }
        }
    }
    none(&problems);
}

#[test]
fn nothing_is_left_behind() {
    // Written in two parts, so that this file does not find itself.
    let left =
        [("TO", "DO"), ("FIX", "ME"), ("#[ig", "nore"), ("unimple", "mented!("), ("db", "g!(")];
    let left = left.map(|(first, second)| format!("{first}{second}"));
    let mut problems = Vec::new();
    for (path, text) in sources("src").into_iter().chain(sources("tests")) {
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = left.iter().find(|word| line.contains(word.as_str())) {
                problems.push(format!(
                    "{}:{}: `{word}`: do it or delete it",
                    path.display(),
                    number + 1
                ));
            }
        }
    }
    none(&problems);
}

/// A pattern's header has five fixed parts, and the pattern has tests of its own.
#[test]
fn every_pattern_states_its_problem_rule_invariant_duty_and_source() {
    let mut problems = Vec::new();
    for (path, text) in sources("src/patterns") {
        let header: String = text.lines().take_while(|line| line.starts_with("//!")).collect();
        for part in ["**Problem**", "**Rule**", "**Invariant**", "**Owner's duty**", "**Source**"] {
            if !header.contains(part) {
                problems.push(format!("{}: the header has no {part}", path.display()));
            }
        }
        if !text.contains("#[test]") {
            problems.push(format!("{}: a pattern has tests of its own", path.display()));
        }
    }
    none(&problems);
}

/// Code that is not test code does not unwrap: it says with `expect` why the value is there.
#[test]
fn nothing_unwraps_outside_tests() {
    let mut problems = Vec::new();
    for (path, text) in product() {
        for (number, _) in code_lines(&text).filter(|(_, line)| line.contains(".unwrap()")) {
            problems.push(format!("{}:{number}: use expect(\"why it holds\")", path.display()));
        }
    }
    none(&problems);
}
