//! What is found wrong, what a repair makes of it, and that nothing is lost by either.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jobctl_core::{Change, Reason, State, Status, Time};
use jobctl_store::{
    Checkup, ClaimError, FileStore, FindingKind, RealFs, RepairError, Store, Which, Wish,
};

use crate::place::{Place, at, completed, id, paused, place, resumed, spec, started};

/// A directory with a job in every state, each as its worker would leave it.
fn populated() -> Place {
    let place = place();
    place.complete(1);
    place.submit_and_record(2, vec![started(), paused()]);
    place.submit_and_record(3, vec![started(), Change::Failed { error: "x".into() }]);
    place.submit(4);
    place.store.submit("batch", &[(id(5), spec()), (id(6), spec())], at(5)).unwrap();
    place
}

/// As `doctor` opens it: without making the index anew.
fn peek(place: &Place) -> FileStore {
    FileStore::peek(place.root(), &place.registry, Arc::new(RealFs), "boot-1").unwrap()
}

fn examine(place: &Place) -> Checkup {
    peek(place).examine(later()).unwrap()
}

fn later() -> Time {
    at(100_000)
}

fn kinds(place: &Place) -> Vec<FindingKind> {
    examine(place).findings.iter().map(|finding| finding.kind).collect()
}

/// Repairs all that can be repaired, and gives what was done.
fn repair(place: &Place) -> Vec<String> {
    let store = peek(place);
    let checkup = store.examine(later()).unwrap();
    let repairs = checkup.findings.iter().filter_map(|finding| finding.repair.as_ref());
    repairs.map(|repair| store.repair(repair, later()).unwrap()).collect()
}

/// What is damaged after a repair.
fn damage(place: &Place) -> Vec<String> {
    let findings = examine(place).findings;
    let damaged = findings.into_iter().filter(|finding| finding.kind.is_damage());
    damaged.map(|finding| finding.message).collect()
}

/// Flips a bit at each of these places.
fn flip(path: &Path, places: &[usize]) -> Vec<u8> {
    let old = fs::read(path).unwrap();
    let mut bytes = old.clone();
    for place in places {
        bytes[*place] ^= 1;
    }
    fs::write(path, &bytes).unwrap();
    old
}

/// Everything with its bytes and the time of its last change.
fn stamped(root: &Path) -> BTreeMap<PathBuf, (i64, i64, u64, u32, Vec<u8>)> {
    let paths = crate::place::tree(root).into_iter();
    let stamp = |(path, (_, bytes)): (PathBuf, (u32, Vec<u8>))| {
        let meta = fs::symlink_metadata(&path).unwrap();
        (path, (meta.mtime(), meta.mtime_nsec(), meta.ino(), meta.mode(), bytes))
    };
    paths.map(stamp).collect()
}

#[test]
fn a_healthy_directory_has_no_findings() {
    let place = populated();
    let checkup = examine(&place);
    assert!(checkup.findings.is_empty(), "{:#?}", checkup.findings);
    assert_eq!(checkup.jobs, 6);
}

#[test]
fn a_bad_record_is_mended_and_every_byte_is_kept() {
    let place = populated();
    place.record(2, vec![resumed(), started(), paused()]);
    let old = flip(&place.journal(2), &[]);
    let first = old.iter().position(|byte| *byte == b'\n').unwrap();
    let bad = {
        flip(&place.journal(2), &[first + 20]);
        fs::read(place.journal(2)).unwrap()
    };
    let found = examine(&place).findings;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].kind, found[0].id), (FindingKind::Journal, Some(id(2))));
    assert!(found[0].message.contains("record 2 at byte"), "{}", found[0].message);
    let words = found[0].repair.as_ref().unwrap().words();
    assert!(words.contains("record 2 lost") && words.contains("pause the job"), "{words}");

    let done = repair(&place);
    assert!(done[0].contains("jobctl resume 00000002"), "{done:?}");
    assert_eq!(damage(&place), Vec::<String>::new());
    let names = fs::read_dir(place.job(2)).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<_> =
        names.filter(|path| path.to_string_lossy().contains("journal.damaged-")).collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(fs::read(&kept[0]).unwrap(), bad);
    let seen = place.store.look(id(2)).unwrap();
    assert_eq!((seen.status(), seen.damage), (Some(Status::Paused), None));
    assert!(place.store.list(Which::Active).unwrap().iter().any(|seen| seen.id == id(2)));
    place.record(2, vec![resumed(), started(), completed()]);
    assert_eq!(kinds(&place), [FindingKind::Aside]);
}
