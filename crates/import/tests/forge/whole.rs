//! Imports from the simulated forge, over the real client.

use crate::common::{Notes, assert_equal, done, import, order};
use jobctl_forge::{Config, Forge};
use jobctl_warehouse::Kinds;

#[tokio::test]
async fn a_small_repository_is_read_whole() {
    let forge = Forge::start(Config::small()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let notes = Notes::default();
    let report = done(import(&forge, dir.path(), "1", 1, order("github:acme/api")), &notes).await;
    assert_eq!((report.warnings, report.failures), (vec![], vec![]));
    // The repository, two lists of 3 and 9 pages and what overlaps, two looks, the count.
    assert!(report.requests <= 18, "{}", report.requests);
    assert_equal(dir.path(), &forge.truth("acme/api").unwrap(), Kinds::Issues);
}

#[tokio::test]
async fn a_large_repository_is_read_whole() {
    let forge = Forge::start(Config { recorded: false, ..Config::default() }).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let notes = Notes::default();
    let report = done(import(&forge, dir.path(), "1", 1, order("github:acme/api")), &notes).await;
    assert_eq!((report.warnings, report.failures), (vec![], vec![]));
    assert!(report.requests <= 605, "575 full pages and little more: {}", report.requests);
    // Progress never runs backwards, and its total ends as what was found.
    let standings = notes.standings.lock().unwrap();
    assert!(standings.is_sorted_by_key(|standing| (standing.issues, standing.comments)));
    assert_eq!(standings.last().unwrap().total, Some(report.issues));
    assert_equal(dir.path(), &forge.truth("acme/api").unwrap(), Kinds::Issues);
}
