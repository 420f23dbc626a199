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
        "c1" => histories::judge(&histories::register(size, 1_000)),
        _ => {
            eprintln!("usage: workload w1|w2|w3|w4|w5|r1|s1|c1 SIZE");
            std::process::exit(2);
        }
    };
    println!("{units}");
}
