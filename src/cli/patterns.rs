//! The patterns that are built, each with the header of its file: what `elara explain` shows is what a reader of the
//! source reads, so it cannot go stale.

macro_rules! built {
    ($($name:literal => $file:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../patterns/", $file, ".rs")))),*]
    };
}

/// The name of each pattern that has a file, and the file.
const BUILT: &[(&str, &str)] = built![
    "write-ahead-log" => "write_ahead_log",
    "segmented-log" => "segmented_log",
    "low-water-mark" => "low_water_mark",
    "leader-and-followers" => "leader_and_followers",
    "heartbeat" => "heartbeat",
    "majority-quorum" => "majority_quorum",
    "generation-clock" => "generation_clock",
    "high-water-mark" => "high_water_mark",
    "replicated-log" => "replicated_log",
    "request-waiting-list" => "request_waiting_list",
    "idempotent-receiver" => "idempotent_receiver",
    "follower-reads" => "follower_reads",
    "request-batch" => "request_batch",
    "request-pipeline" => "request_pipeline",
];

/// The header of a pattern's file: problem, rule, invariant, the owner's duty, source; `None` if it has no file.
#[must_use]
pub fn header(name: &str) -> Option<String> {
    let (_, text) = BUILT.iter().find(|(known, _)| *known == name)?;
    let lines = text.lines().map_while(|line| line.strip_prefix("//!"));
    let lines: Vec<&str> =
        lines.skip(1).map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let paragraphs: Vec<String> = lines.join("\n").split("\n\n").map(paragraph).collect();
    Some(paragraphs.join("\n\n").replace("**", "").trim().to_owned())
}

/// A paragraph of prose on one line, for a terminal to wrap; lists and drawings as they are.
fn paragraph(text: &str) -> String {
    let drawn = |line: &str| line.starts_with([' ', '-', '|', '`']);
    if text.lines().any(drawn) { text.to_owned() } else { text.replace('\n', " ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_a_pattern_is_listed() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/patterns");
        for entry in std::fs::read_dir(folder).expect("the patterns") {
            let path = entry.expect("a file").path();
            let stem = path.file_stem().expect("a name").to_string_lossy().replace('_', "-");
            assert!(header(&stem).is_some_and(|text| text.contains("Source")), "list {stem} here");
        }
    }
}
