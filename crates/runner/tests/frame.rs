//! The frame around one attempt: a real store, scripted work, and people who want things of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use jobctl_core::{
    Change, Job, JobId, Kind, Need, Progress, Reason, ResumedBy, Spec, State, Status, Time,
};
use jobctl_runner::{
    Answered, Credentials, Desk, Ending, Go, Offer, Value, WishError, Work, WorkOptions, ask, work,
};
use jobctl_store::{Adopt, FileStore, RealFs, Registry, Store, Wish, boot};

const ID: JobId = JobId::from_bits(7);

#[expect(clippy::disallowed_methods, reason = "the store is given the time of day")]
fn now() -> Time {
    Time::now()
}

/// The bell is a signal to the whole process, and all tests of this file share one.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

struct Bench {
    store: Arc<FileStore>,
    _turn: MutexGuard<'static, ()>,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(adjust: impl FnOnce(&mut Spec)) -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::at(dir.path().join("registry"));
        let store = FileStore::create(
            &dir.path().join("state"),
            &registry,
            Arc::new(RealFs),
            &boot::current(),
            Adopt::Named,
        )
        .unwrap();
        let mut spec = Spec::new(Kind::ImportIssues, "import", "/");
        adjust(&mut spec);
        store.submit("key", &[(ID, spec)], now()).unwrap();
        Self { store: Arc::new(store), _turn: turn, _dir: dir }
    }

    /// Does the job with this work, on a thread of its own.
    fn start(&self, work_: impl Work + 'static) -> JoinHandle<()> {
        self.start_with(work_, Vec::new())
    }

    fn start_with(&self, work_: impl Work + 'static, offers: Vec<Offer>) -> JoinHandle<()> {
        let store: Arc<dyn Store> = self.store.clone();
        std::thread::spawn(move || {
            let options = WorkOptions {
                store,
                id: ID,
                claim: None,
                credentials: Credentials::Given(offers),
                make: Box::new(|_| Box::new(work_)),
                grace: Duration::from_secs(5),
            };
            work(options).unwrap();
        })
    }

    fn ask(&self, wish: Wish) -> Result<Answered, WishError> {
        ask(self.store.as_ref(), ID, wish, Duration::from_secs(5), &now)
    }

    fn job(&self) -> Job {
        self.store.look(ID).unwrap().job.unwrap()
    }

    fn wait_for(&self, what: &str, holds: impl Fn(&Job) -> bool) {
        let begun = std::time::Instant::now();
        while !holds(&self.job()) {
            assert!(begun.elapsed() < Duration::from_secs(30), "never {what}: {:?}", self.job());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Works until told to stop.
struct Endless;

#[async_trait]
impl Work for Endless {
    async fn perform(&mut self, desk: &Desk) -> Ending {
        desk.progress(
            Progress { current: 5, total: Some(9), ..Progress::default() },
            SignedDuration::ZERO,
        );
        desk.stopped().await;
        Ending::Stopped
    }
}

/// Meets a limit that ends so many seconds from now, once.
struct Limited(i64);

#[async_trait]
impl Work for Limited {
    async fn perform(&mut self, desk: &Desk) -> Ending {
        let until = desk.now() + SignedDuration::from_millis(self.0);
        match desk.limited(until, "core", "slow down").await {
            Go::On => Ending::Completed { warnings: Vec::new(), summary: Some("done".into()) },
            Go::Stop => Ending::Stopped,
        }
    }
}

#[test]
fn a_pause_is_answered_by_the_worker_and_keeps_its_counts() {
    let bench = Bench::new();
    let worker = bench.start(Endless);
    bench.wait_for("running", |job| job.status() == Status::Running);
    assert_eq!(bench.ask(Wish::Pause).unwrap(), Answered::Done);
    worker.join().unwrap();
    let job = bench.job();
    assert!(
        matches!(job.state, State::Paused { reason: Reason::User, resumes_at: None, .. }),
        "{job:?}"
    );
    assert_eq!((job.counts.current, job.counts.total), (5, Some(9)));
    assert_eq!(bench.ask(Wish::Pause).unwrap(), Answered::Already);
    assert_eq!(bench.ask(Wish::Resume).unwrap(), Answered::Done);
    assert_eq!(bench.job().status(), Status::Pending);
}

#[test]
fn a_job_whose_worker_has_gone_is_resumed_and_not_taken_for_running() {
    let bench = Bench::new();
    let mut claim = bench.store.claim(ID, now()).unwrap();
    claim.record(Change::Started { pid: 1 }.at(now())).unwrap();
    drop(claim);
    assert_eq!(bench.job().status(), Status::Running);
    assert_eq!(bench.ask(Wish::Resume).unwrap(), Answered::Done);
    let job = bench.job();
    assert_eq!((job.status(), job.attempts, job.crashes), (Status::Pending, 1, 0));
}

#[test]
fn a_cancelled_job_is_final() {
    let bench = Bench::new();
    let worker = bench.start(Endless);
    bench.wait_for("running", |job| job.status() == Status::Running);
    assert_eq!(bench.ask(Wish::Cancel).unwrap(), Answered::Done);
    worker.join().unwrap();
    assert_eq!(bench.job().status(), Status::Cancelled);
    assert!(matches!(
        bench.ask(Wish::Resume),
        Err(WishError::Refused { status: Status::Cancelled, what: "resumed", .. })
    ));
    assert_eq!(bench.ask(Wish::Cancel).unwrap(), Answered::Already);
}

#[test]
fn a_request_put_by_a_call_that_was_killed_is_answered_before_anything_else() {
    let bench = Bench::new();
    bench.store.ask(ID, Wish::Pause, now()).unwrap();
    bench.start(Endless).join().unwrap();
    let job = bench.job();
    assert!(matches!(job.state, State::Paused { reason: Reason::User, .. }), "{job:?}");
    assert_eq!(job.attempts, 0, "it never began");
}

#[test]
fn a_short_limit_is_sat_out_within_the_attempt() {
    let bench = Bench::new();
    bench.start(Limited(50)).join().unwrap();
    let job = bench.job();
    assert!(matches!(job.state, State::Completed { .. }), "{job:?}");
    assert_eq!(job.attempts, 1);
}

#[test]
fn a_long_limit_ends_the_attempt_with_the_time_on_record() {
    let bench = Bench::new();
    bench.start(Limited(3_600_000)).join().unwrap();
    let State::Paused { reason, resumes_at, waiting } = bench.job().state else { panic!() };
    assert!(matches!(reason, Reason::RateLimited { until, .. } if Some(until) == resumes_at));
    assert!(!waiting, "nobody holds the claim any more");
}

#[test]
fn without_auto_resume_even_a_short_limit_waits_for_a_person() {
    let bench = Bench::with(|spec| spec.auto_resume = false);
    bench.start(Limited(50)).join().unwrap();
    let job = bench.job();
    assert!(matches!(job.state, State::Paused { resumes_at: None, .. }), "{job:?}");
}

#[test]
fn resume_reaches_a_worker_that_waits() {
    let bench = Bench::new();
    let worker = bench.start(Limited(50_000));
    bench.wait_for("paused", |job| job.status() == Status::Paused);
    assert_eq!(bench.ask(Wish::Resume).unwrap(), Answered::Done);
    worker.join().unwrap();
    let job = bench.job();
    assert_eq!((job.status(), job.attempts), (Status::Completed, 1), "the same attempt went on");
}

#[test]
fn a_pause_outlives_the_limit_it_was_typed_in() {
    let bench = Bench::new();
    let worker = bench.start(Limited(50_000));
    bench.wait_for("paused", |job| job.status() == Status::Paused);
    assert_eq!(bench.ask(Wish::Pause).unwrap(), Answered::Done);
    worker.join().unwrap();
    let job = bench.job();
    assert!(
        matches!(job.state, State::Paused { reason: Reason::User, resumes_at: None, .. }),
        "{job:?}"
    );
}

#[test]
fn a_job_that_is_not_pending_is_left_alone() {
    let bench = Bench::new();
    let mut claim = bench.store.claim(ID, now()).unwrap();
    claim.record(Change::Paused { reason: Reason::User, resumes_at: None }.at(now())).unwrap();
    claim.close(now()).unwrap();
    bench.start(Endless).join().unwrap();
    assert_eq!(bench.job().attempts, 0);
}

/// Fails one item, then gives up with what it got as credential.
struct Credentialed(Need);

#[async_trait]
impl Work for Credentialed {
    async fn perform(&mut self, desk: &Desk) -> Ending {
        desk.item_failed("acme/api", "404", Some("check the name")).await;
        let value = desk.credential(&self.0).await;
        let length = value.map_or(0, |value| value.expose().len());
        Ending::Completed { warnings: Vec::new(), summary: Some(length.to_string()) }
    }
}

#[test]
fn failed_items_and_credentials_reach_the_work_and_no_file() {
    let bench = Bench::new();
    let need = Need { connection: "github".into(), origin: "env:GH_TOKEN".into() };
    let offer = Offer { need: need.clone(), value: Value::new("s3cr3t-value".into()) };
    bench.start_with(Credentialed(need), vec![offer]).join().unwrap();
    let job = bench.job();
    assert_eq!(job.failures[0].item, "acme/api");
    assert_eq!(job.warnings(), 1);
    assert!(
        matches!(&job.state, State::Completed { summary: Some(summary), .. } if summary == "12")
    );
    let resumed = job.clone().apply(Change::Resumed { by: ResumedBy::Person }.at(now())).unwrap();
    assert_eq!(resumed.retry, ["acme/api"]);
    assert!(!holds(bench.store.root(), b"s3cr3t-value"));
}

fn holds(dir: &std::path::Path, needle: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        std::fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle)
    })
}
