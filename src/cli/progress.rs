//! Progress of a long run, on a terminal only, and only once one begins to wonder.

use std::io::{IsTerminal, stderr};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::kernel::time::nanos;
use crate::run::options::Progress;

/// For so long nothing is shown.
const PATIENCE: Duration = Duration::from_secs(1);
const REFRESH: Duration = Duration::from_millis(100);

/// Does the work, and shows how far it is of `length` of virtual time if it takes long.
pub fn watch<T>(name: &str, length: Duration, progress: &Progress, work: impl FnOnce() -> T) -> T {
    if !stderr().is_terminal() {
        return work();
    }
    let (end, ended) = channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if ended.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let bar = bar(name, length);
            while ended.recv_timeout(REFRESH) == Err(RecvTimeoutError::Timeout) {
                bar.set_position(progress.at().as_nanos());
            }
            bar.finish_and_clear();
        });
        let result = work();
        drop(end);
        result
    })
}

fn bar(name: &str, length: Duration) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{msg} [{bar:40}] {percent}% of virtual time, {elapsed}")
            .expect("the template is well formed");
    ProgressBar::new(nanos(length)).with_style(style).with_message(name.to_owned())
}
