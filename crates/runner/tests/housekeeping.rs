//! A runner that finds ended jobs which have had their time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use jobctl_core::{Change, JobId, Kind, Limits, Retention, Spec, Time};
use jobctl_runner::{Place, RunnerOptions, run};
use jobctl_store::{Adopt, FileStore, LookError, RealFs, Registry, Store, Which, boot};

fn hours_ago(hours: i64) -> Time {
    #[expect(clippy::disallowed_methods, reason = "the runner goes by the time of day")]
    let now = Time::now();
    now - SignedDuration::from_hours(hours)
}

/// A job that was submitted, and ended, so many hours ago.
fn ended(store: &FileStore, number: u32, hours: i64) {
    let (id, at) = (JobId::from_bits(number), hours_ago(hours));
    let spec = Spec::new(Kind::ImportIssues, "import", "/");
    store.submit(&format!("key-{number}"), &[(id, spec)], at).unwrap();
    let mut claim = store.claim(id, at).unwrap();
    claim.record(Change::Started { pid: 1 }.at(at)).unwrap();
    let end = if number.is_multiple_of(2) {
        Change::Completed { warnings: Vec::new(), summary: None }
    } else {
        Change::Failed { error: "no".into() }
    };
    claim.record(end.at(at)).unwrap();
    claim.close(at).unwrap();
}

#[test]
fn it_takes_many_old_jobs_down_to_twenty_before_it_leaves() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    let registry = Registry::at(dir.path().join("registry"));
    let fs = Arc::new(RealFs);
    let store = FileStore::create(&path, &registry, fs, &boot::current(), Adopt::Named).unwrap();
    (1..=130).for_each(|number| ended(&store, number, 1_000 - i64::from(number)));
    (131..=134).for_each(|number| ended(&store, number, 1));
    let place = Place::new(store.root(), dir.path());
    let store = Arc::new(store);
    run(RunnerOptions {
        store: Arc::clone(&store),
        place,
        limits: Box::new(|_| Limits::parallel(1)),
        grace: Duration::from_secs(5),
        announce: Box::new(|_, _, _| ()),
        retention: Retention::default(),
        program: "/bin/false".into(),
        worker_args: Box::new(|_| Vec::new()),
    })
    .unwrap();
    let left: Vec<_> = store.list(Which::All).unwrap().into_iter().map(|seen| seen.id).collect();
    let newest: Vec<_> = (115..=134).rev().map(JobId::from_bits).collect();
    assert_eq!(left.len(), 20);
    assert!(newest.iter().all(|id| left.contains(id)), "{left:?}");
    let gone = store.look(JobId::from_bits(1));
    assert!(matches!(gone, Err(LookError::Removed { .. })), "{gone:?}");
}
