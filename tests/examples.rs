//! The examples of the documentation, run.

#[path = "../docs/examples/own_node.rs"]
mod own_node;

#[test]
fn the_planted_bug_in_ones_own_node_is_found() {
    own_node::main();
}
