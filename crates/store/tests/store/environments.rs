//! Environments that are kept: as long as a job asks for them, and no longer.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use jobctl_core::{Change, JobId, Spec};
use jobctl_store::Store;

use crate::place::{Place, at, completed, id, paused, place, spec, started};

fn hash(digit: char) -> String {
    std::iter::repeat_n(digit, 64).collect()
}

fn keep(place: &Place, hash: &str, text: &str) {
    drop(place.store.keep_environments(&BTreeMap::from([(hash, text)])).unwrap());
}

fn kept(place: &Place, hash: &str) -> Option<String> {
    place.store.kept_environment(hash).unwrap()
}

fn submit(place: &Place, id: JobId, hash: &str) {
    let environment = Some(hash.to_owned());
    let spec = Spec { environment, keep_environment: true, ..spec() };
    place.store.submit(&id.to_string(), &[(id, spec)], at(1)).unwrap();
}

#[test]
fn it_is_there_while_a_job_asks_for_it() {
    let place = place();
    let (a, b) = (hash('a'), hash('b'));
    keep(&place, &a, "A=1\0B=ä\u{1}");
    keep(&place, &b, "");
    submit(&place, id(1), &a);
    submit(&place, id(2), &a);
    place.store.sweep(at(2)).unwrap();
    assert_eq!(kept(&place, &a).as_deref(), Some("A=1\0B=ä\u{1}"));
    assert_eq!(kept(&place, &b), None, "nobody asked for it");
    place.record(1, vec![started(), completed()]);
    place.record(2, vec![started(), paused()]);
    place.store.sweep(at(3)).unwrap();
    assert!(kept(&place, &a).is_some(), "a paused job goes on some day");
    place.record(2, vec![Change::Cancelled { reason: None }]);
    place.store.sweep(at(4)).unwrap();
    assert_eq!(kept(&place, &a), None);
}

#[test]
fn it_is_closed_to_others_and_follows_no_link() {
    let place = place();
    let a = hash('a');
    let dir = place.root().join("environments");
    keep(&place, &a, "A=1");
    let mode = |name: &str| fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("."), mode(&a)), (0o700, 0o600));
    fs::write(place.dir.path().join("elsewhere"), "").unwrap();
    fs::remove_file(dir.join(&a)).unwrap();
    symlink(place.dir.path().join("elsewhere"), dir.join(&a)).unwrap();
    assert!(place.store.kept_environment(&a).is_err());
    for bad in ["", "../id", "a", &hash('g'), &hash('A')] {
        assert!(place.store.kept_environment(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn what_is_not_whole_is_lost_and_kept_anew() {
    let place = place();
    let a = hash('a');
    let path = place.root().join("environments").join(&a);
    keep(&place, &a, "A=1");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(kept(&place, &a), None, "byte {at}");
        fs::write(&path, &whole[..at]).unwrap();
        assert_eq!(kept(&place, &a), None, "cut at {at}");
    }
    keep(&place, &a, "A=1");
    assert_eq!(kept(&place, &a).as_deref(), Some("A=1"));
}

#[test]
fn a_job_that_cannot_be_read_keeps_them_all() {
    let place = place();
    let a = hash('a');
    keep(&place, &a, "A=1");
    fs::write(place.root().join("new/00000009.jsonl"), "{\"v\":1,\"id\":\"00000009\"\n").unwrap();
    place.store.sweep(at(2)).unwrap();
    assert!(kept(&place, &a).is_some());
}

#[test]
fn no_sweep_comes_between_an_environment_and_its_jobs() {
    let place = place();
    let a = hash('a');
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                place.store.sweep(at(2)).unwrap();
            }
        });
        let jobs = scope.spawn(|| {
            (1..200).find(|number| {
                let keeping = place.store.keep_environments(&BTreeMap::from([(a.as_str(), "A=1")]));
                submit(&place, id(*number), &a);
                drop(keeping.unwrap());
                let lost = kept(&place, &a).is_none();
                place.record(*number, vec![Change::Cancelled { reason: None }]);
                lost
            })
        });
        let lost = jobs.join();
        // Before it is looked at: the sweeps must end whatever came of it.
        over.store(true, Ordering::Relaxed);
        let lost = lost.unwrap_or_else(|panic| resume_unwind(panic));
        assert_eq!(lost, None, "the job whose environment was gone");
    });
}
