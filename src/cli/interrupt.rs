//! Ctrl-C: the first one asks, the second one ends the program at once.

use std::io::{Write, stderr};
use std::sync::atomic::{AtomicBool, Ordering};

/// What a shell expects of a program that Ctrl-C has ended.
const EXIT: i32 = 130;

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// From now on an interruption is only noted, until there is another one.
pub fn note() {
    let handler = || {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            std::process::exit(EXIT);
        }
        // There may be nobody left to tell.
        let _ =
            writeln!(stderr(), "ending when the runs under way have ended; again to end at once");
    };
    // Somebody else in this process may handle signals already; then it is theirs to end it.
    let _ = ctrlc::set_handler(handler);
}

/// Whether there was one.
pub fn noted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
