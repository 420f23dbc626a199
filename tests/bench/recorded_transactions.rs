//! Histories of transactions for the benchmark and for measuring memory, by the store of the tests.

use elara::checkers::transactions::{Consistency, TransactionEvent, Verdict, Workload, check};

#[path = "../transactions/store.rs"]
#[allow(dead_code, reason = "no bug is planted here")]
mod store;

/// What a correct store with 20 clients answers: about four operations in a transaction, 16 writes for each key.
pub fn history(workload: Workload, transactions: u64) -> Vec<TransactionEvent> {
    let load = store::Load { processes: 20, keys: 20, ..store::Load::new(workload, transactions) };
    store::run(store::Bug::None, load, 1)
}

/// Judges a history, by the strongest level; returns how many events were judged.
pub fn judge(history: &[TransactionEvent], workload: Workload) -> u64 {
    let level = Consistency::named("strict-serializable").expect("the level is known");
    let verdict = check(history, workload, level).expect("the history is well formed");
    assert_eq!(verdict, Verdict::Ok);
    history.len() as u64
}
