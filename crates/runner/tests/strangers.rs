//! A claim that is held, and a number in it that belongs to somebody else by now.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use jobctl_core::{Change, JobId, Kind, Spec, Status, Time};
use jobctl_runner::{Answered, WishError, ask};
use jobctl_store::{Adopt, Claim, FileStore, Holder, RealFs, Registry, Store as _, Wish, boot};
use tempfile::TempDir;

const ID: JobId = JobId::from_bits(7);

#[expect(clippy::disallowed_methods, reason = "the store is given the time of day")]
fn now() -> Time {
    Time::now()
}

/// A job that runs, as far as its journal says.
struct Bench {
    store: FileStore,
    claim: Option<Box<dyn Claim>>,
    innocent: Child,
    _dir: TempDir,
}

impl Bench {
    /// The job's worker had the number that an innocent process has now.
    fn new() -> Self {
        let innocent = Command::new("sleep").arg("600").spawn().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::at(dir.path().join("registry"));
        let path = dir.path().join("state");
        let fs = Arc::new(RealFs);
        let store =
            FileStore::create(&path, &registry, fs, &boot::current(), Adopt::Named).unwrap();
        let spec = Spec::new(Kind::ImportIssues, "import", "/");
        store.submit("key", &[(ID, spec)], now()).unwrap();
        let mut claim = store.claim(ID, now()).unwrap();
        claim.record(Change::Started { pid: innocent.id() }.at(now())).unwrap();
        Self { store, claim: Some(claim), innocent, _dir: dir }
    }

    /// What the lock says from now on of whoever holds it.
    fn sign(&self, holder: &Holder) {
        let path = self.store.root().join(format!("jobs/{ID}/worker.lock"));
        let mut file = OpenOptions::new().write(true).truncate(true).open(path).unwrap();
        file.write_all(&serde_json::to_vec(holder).unwrap()).unwrap();
    }

    fn ask(&self, wish: Wish) -> Result<Answered, WishError> {
        ask(&self.store, ID, wish, Duration::ZERO, &now)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.innocent.kill();
        let _ = self.innocent.wait();
    }
}

#[test]
fn a_stranger_with_the_number_of_a_worker_is_never_signalled() {
    std::thread::scope(|scope| {
        for wish in [Wish::Pause, Wish::Cancel] {
            for another_boot in [false, true] {
                scope.spawn(move || {
                    let mut bench = Bench::new();
                    let pid = bench.innocent.id();
                    let started = boot::process_start(pid).unwrap();
                    let holder = Holder { pid, started, boot: boot::current(), session: pid };
                    let stale = if another_boot {
                        Holder { boot: "another".into(), ..holder }
                    } else {
                        Holder { started: started - 1, ..holder }
                    };
                    bench.sign(&stale);
                    // First told to stop, then killed, then given up: none of it may hit.
                    let asked = bench.ask(wish);
                    let Err(error @ WishError::Stuck { .. }) = asked else { panic!("{asked:?}") };
                    assert!(error.to_string().contains(&format!("process {pid}")), "{error}");
                    assert!(bench.innocent.try_wait().unwrap().is_none(), "it was killed");
                    // The wish is not lost by that.
                    assert_eq!(bench.claim.as_ref().unwrap().requests().unwrap().len(), 1);
                });
            }
        }
    });
}

#[test]
fn a_holder_that_nothing_is_known_of_does_not_hold_a_call_up_for_ever() {
    let bench = Bench::new();
    let path = bench.store.root().join(format!("jobs/{ID}/worker.lock"));
    OpenOptions::new().write(true).truncate(true).open(path).unwrap();
    let asked = bench.ask(Wish::Pause);
    assert!(matches!(asked, Err(WishError::Stuck { pid: None, .. })), "{asked:?}");
}

#[test]
fn a_worker_that_nobody_has_reaped_is_dead() {
    let mut bench = Bench::new();
    bench.innocent.kill().unwrap();
    // Not waited for: it has a number and a start time still, and takes signals.
    let pid = bench.innocent.id();
    while !std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") Z ") {
        std::thread::yield_now();
    }
    assert!(boot::process_start(pid).is_some());
    bench.claim = None;
    assert_eq!(bench.store.look(ID).unwrap().worker, jobctl_store::Worker::Dead);
    assert_eq!(bench.ask(Wish::Pause).unwrap(), Answered::Done);
    assert_eq!(bench.store.look(ID).unwrap().status(), Some(Status::Paused));
    bench.innocent.wait().unwrap();
}
