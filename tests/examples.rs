//! The examples of the documentation, run.

#![allow(clippy::duplicate_mod, reason = "one example is built on the other")]

#[path = "../docs/examples/own_node.rs"]
mod own_node;
#[allow(dead_code, reason = "its parts are public for tests/own_nodes.rs")]
#[path = "../docs/examples/own_node_sweep.rs"]
mod own_node_sweep;

#[test]
fn the_planted_bug_in_ones_own_node_is_found() {
    own_node::main();
}

#[test]
fn the_planted_bug_is_found_by_a_sweep_and_found_again_in_what_was_written_down() {
    own_node_sweep::main();
}
