//! Benchmarks of the engine: the workloads of `docs/performance.md`, per unit.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

mod histories;
mod stories;
mod workloads;

/// A name, a workload, and its size.
type Case = (&'static str, fn(u64) -> u64, u64);

fn engine(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("engine");
    group.sample_size(20);
    let cases: [Case; 9] = [
        ("w1 delivered message", workloads::w1, 20_000),
        ("w2 delivered message", workloads::w2, 6),
        ("w3 timer firing", workloads::w3, 10),
        ("w4 run", workloads::w4, 100),
        ("w5 append, 1,000", workloads::w5, 1_000),
        ("w5 append, 10,000", workloads::w5, 10_000),
        ("w5 append, 100,000", workloads::w5, 100_000),
        ("r1 operation, raft-kv", stories::r1, 10),
        ("s1 run of the West Coast story", stories::s1, 3),
    ];
    for (name, workload, size) in cases {
        group.throughput(Throughput::Elements(workload(size)));
        group.bench_function(name, |bencher| bencher.iter(|| workload(size)));
    }
    group.finish();
}

fn linearizability(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("linearizability");
    group.sample_size(10);
    for (name, judge) in histories::cases() {
        group.bench_function(name, |bencher| bencher.iter(&judge));
    }
    group.finish();
}

criterion_group!(benches, engine, linearizability);
criterion_main!(benches);
