//! The workload C2 of `docs/performance.md`: judging a correct history of transactions, from 1,000 to 1,000,000.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use elara::checkers::transactions::Workload;

#[path = "recorded_transactions.rs"]
mod recorded;

fn transactions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("c2 transactions");
    group.sample_size(10);
    for (name, workload) in
        [("list-append", Workload::ListAppend), ("rw-register", Workload::RwRegister)]
    {
        for size in [1_000, 10_000, 100_000, 1_000_000] {
            let history = recorded::history(workload, size);
            group.throughput(Throughput::Elements(size));
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                bencher.iter(|| recorded::judge(&history, workload));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, transactions);
criterion_main!(benches);
