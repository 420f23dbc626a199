//! Names: what is pending, what is durable, and what a power failure makes of them.

use super::*;

fn create(tree: &mut Tree, path: &str) -> InodeId {
    let place = tree.locate(path).unwrap();
    tree.create_file(place)
}

fn create_directory(tree: &mut Tree, path: &str) -> InodeId {
    let place = tree.locate(path).unwrap();
    tree.create_directory(place)
}

fn rename(tree: &mut Tree, from: &str, to: &str) {
    let change = tree.plan_rename(from, to).unwrap().unwrap();
    tree.apply(change);
}

fn remove(tree: &mut Tree, path: &str) {
    let change = tree.plan_remove(path).unwrap();
    tree.apply(change);
}

/// The root's names after a power failure in which the changes survive as listed.
fn survivors(tree: &mut Tree, survival: &[bool]) -> Vec<String> {
    let mut survival = survival.iter();
    tree.lose_cache(|| *survival.next().expect("a fate for each pending change"));
    assert!(survival.next().is_none(), "a pending change for each fate");
    tree.list(ROOT)
}

#[test]
fn a_rename_that_was_not_synced_may_come_back() {
    for (survives, expected) in [(true, "b"), (false, "a")] {
        let mut tree = Tree::default();
        create(&mut tree, "a");
        tree.sync(ROOT);
        rename(&mut tree, "a", "b");
        assert_eq!(survivors(&mut tree, &[survives]), [expected]);
    }
}

#[test]
fn a_replaced_file_is_there_again_if_the_rename_is_lost() {
    let mut tree = Tree::default();
    let old = create(&mut tree, "current");
    tree.sync(ROOT);
    create(&mut tree, "next");
    rename(&mut tree, "next", "current");
    assert_eq!(survivors(&mut tree, &[true, false]), ["current", "next"]);
    let place = tree.locate("current").unwrap();
    assert_eq!(tree.look_up(place), Some(old));
}

#[test]
fn a_file_never_has_two_names_after_a_power_failure() {
    let mut tree = Tree::default();
    create(&mut tree, "a");
    tree.sync(ROOT);
    rename(&mut tree, "a", "b");
    rename(&mut tree, "b", "c");
    assert_eq!(survivors(&mut tree, &[false, true]), ["c"]);
}

#[test]
fn a_lost_directory_takes_its_synced_files_with_it() {
    let mut tree = Tree::default();
    let directory = create_directory(&mut tree, "d");
    create(&mut tree, "d/f");
    tree.sync(directory);
    assert!(survivors(&mut tree, &[false]).is_empty());
    tree.collect([].into_iter());
    assert_eq!(tree.free.len(), 2);
}

#[test]
fn a_sync_takes_along_what_it_depends_on_and_nothing_else() {
    let mut tree = Tree::default();
    let directory = create_directory(&mut tree, "d");
    create(&mut tree, "moved");
    create(&mut tree, "other");
    rename(&mut tree, "moved", "d/moved");
    tree.sync(directory);
    // The creation of `d` and of `other` are pending; that of `moved` is not, or the file could come back
    // under the name that it lost durably.
    assert_eq!(survivors(&mut tree, &[true, false]), ["d"]);
    assert_eq!(tree.list(directory), ["moved"]);
}

#[test]
fn undoing_a_sync_makes_its_changes_pending_again() {
    let mut tree = Tree::default();
    create(&mut tree, "a");
    remove(&mut tree, "a");
    create(&mut tree, "b");
    let sync = tree.sync(ROOT);
    tree.undo_sync(sync);
    assert_eq!(survivors(&mut tree, &[true, false, false]), ["a"]);
}

#[test]
fn undoing_changes_restores_the_names() {
    let mut tree = Tree::default();
    create(&mut tree, "a");
    create(&mut tree, "b");
    rename(&mut tree, "a", "b");
    remove(&mut tree, "b");
    tree.undo();
    tree.undo();
    assert_eq!(tree.list(ROOT), ["a", "b"]);
}

#[test]
fn what_only_the_platter_names_is_kept_and_the_rest_is_freed() {
    let mut tree = Tree::default();
    create(&mut tree, "durable");
    tree.sync(ROOT);
    create(&mut tree, "volatile");
    remove(&mut tree, "durable");
    remove(&mut tree, "volatile");
    tree.collect([].into_iter());
    assert!(tree.free.is_empty(), "pending changes may still be lost");
    tree.sync(ROOT);
    tree.collect([].into_iter());
    assert_eq!(tree.free.len(), 2);
}
