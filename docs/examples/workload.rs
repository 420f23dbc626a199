//! Runs one of the measured workloads once, for counting instructions:
//!
//! ```text
//! cargo build --release --example workload
//! valgrind --tool=callgrind target/release/examples/workload w1 100000
//! ```
//!
//! Run two sizes and divide the difference in instructions by the difference in units.

#[path = "../../tests/bench/workloads.rs"]
mod workloads;

#[path = "../../tests/bench/histories.rs"]
mod histories;

#[path = "../../tests/bench/stories.rs"]
mod stories;

#[path = "../../tests/bench/recorded_transactions.rs"]
mod recorded;

use elara::checkers::transactions::Workload::{self, ListAppend, RwRegister};

/// Judges a recorded history of transactions.
fn c2(workload: Workload, size: u64) -> u64 {
    recorded::judge(&recorded::history(workload, size), workload)
}

/// Judges each history of C1 so many times and tells the CPU time of one.
fn c1(times: u64) -> u64 {
    let cases = histories::cases();
    for (name, judge) in &cases {
        let before = cpu_nanos();
        let linearizable = (0..times).filter(|_| judge()).count() > 0;
        let each = (cpu_nanos() - before) / times.max(1);
        let verdict = if linearizable { "linearizable" } else { "a violation" };
        println!("{name}: {:.1} ms, {verdict}", each as f64 / 1e6);
    }
    cases.len() as u64 * times
}

/// How long this thread has been running, as Linux counts it; 0 elsewhere.
fn cpu_nanos() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let size: u64 = arguments.next().and_then(|size| size.parse().ok()).unwrap_or(1_000);
    let units = match name.as_str() {
        "w1" => workloads::w1(size),
        "w2" => workloads::w2(size),
        "w3" => workloads::w3(size),
        "w4" => workloads::w4(size),
        "w5" => workloads::w5(size),
        "r1" => stories::r1(size),
        "s1" => stories::s1(size),
        "c1" => c1(size),
        // To be subtracted: the histories that the next two judge.
        "c2-record" => recorded::history(ListAppend, size).len() as u64,
        "c2-list-append" => c2(ListAppend, size),
        "c2-rw-register" => c2(RwRegister, size),
        _ => {
            eprintln!(
                "usage: workload w1|w2|w3|w4|w5|r1|s1|c1|c2-record|c2-list-append|c2-rw-register SIZE"
            );
            std::process::exit(2);
        }
    };
    println!("{units}");
}
