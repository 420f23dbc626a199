//! "Did you mean": the known name that is nearest to a name that is not known.

/// The nearest of the known names, if one is near enough to have been meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The distance takes quadratic time, and no name of ours is nearly that long.
    const LENGTH_MAX: usize = 64;
    if name.len() > LENGTH_MAX {
        return None;
    }
    let lower = name.to_lowercase().replace('_', "-");
    let distance = |known: &str| strsim::damerau_levenshtein(&lower, &known.to_lowercase());
    let limit = (name.chars().count() / 3).max(1);
    let near = known.into_iter().map(|known| (distance(known), known));
    near.filter(|&(distance, _)| distance <= limit).min().map(|(_, known)| known)
}

/// The cure for an unknown name: the nearest known one, or all of them if they are few.
pub fn cure<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    const SHOWN_MAX: usize = 16;
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(name, known.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    match known.len() {
        0 => String::new(),
        1..=SHOWN_MAX => format!("expected {}", one_of(&known)),
        _ => format!("expected one of {} names, such as {}", known.len(), one_of(&known[..3])),
    }
}

/// The names as alternatives: `a`, `b` or `c`.
#[must_use]
pub fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_name_that_was_meant() {
        let known = ["partition", "pause", "power-failure"];
        assert_eq!(nearest("partion", known), Some("partition"));
        assert_eq!(nearest("power_failure", known), Some("power-failure"));
        assert_eq!(nearest("Puase", known), Some("pause"));
        assert_eq!(nearest("earthquake", known), None);
        assert_eq!(nearest(&"p".repeat(10_000), known), None);
    }

    #[test]
    fn few_names_are_all_shown() {
        assert_eq!(cure("x", ["cut", "stalled"]), "expected `cut` or `stalled`");
        assert_eq!(cure("cutt", ["cut", "stalled"]), "did you mean `cut`?");
    }
}
