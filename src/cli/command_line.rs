//! Command lines that are printed for people to use: what runs a failure again.

/// The command line that runs a scenario in this way, without its seed.
pub fn run(scenario: &str, without: &[String], set: &[String]) -> String {
    let mut command = format!("elara run {}", quoted(scenario));
    for pattern in without {
        command += &format!(" --without {pattern}");
    }
    for option in set {
        command += &format!(" --set {}", quoted(option));
    }
    command
}

/// An argument as a shell reads it.
pub fn quoted(argument: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(&byte);
    if !argument.is_empty() && argument.bytes().all(plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_survives_the_shell() {
        assert_eq!(quoted("scenarios/a.json"), "scenarios/a.json");
        assert_eq!(quoted("faults[0].for=1s"), "'faults[0].for=1s'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
