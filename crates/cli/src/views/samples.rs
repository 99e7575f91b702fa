//! Jobs in every state, for tests.

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use jobctl_core::{
    Budget, Cause, Change, Event, Job, JobId, Kind, Need, Progress, Reason, Spec, Time,
};
use jobctl_store::{Ended, Holder, Overview, Sighting, Worker};

use super::{Paint, Scene};

pub(crate) fn now() -> Time {
    "2026-01-15T10:53:15Z".parse().unwrap()
}

pub(crate) fn scene() -> Scene {
    Scene { now: now(), zone: || TimeZone::UTC, width: None, paint: Paint(false) }
}

fn at(seconds_ago: i64) -> Time {
    now() - SignedDuration::from_secs(seconds_ago)
}

fn spec(kind: Kind, source: &str) -> Spec {
    let verb = if kind == Kind::CloneRepos { "clone" } else { "import" };
    Spec {
        sources: vec![source.to_owned()],
        needs: vec![Need { connection: "github".into(), origin: "env:GH_TOKEN".into() }],
        ..Spec::new(kind, format!("{verb} {source}"), "/home/a/acme")
    }
}

/// A job after these changes, each so many seconds ago.
fn seen(bits: u32, spec: Spec, changes: Vec<(i64, Change)>) -> Sighting {
    let id = JobId::from_bits(bits);
    let submitted = Change::Submitted { spec: Box::new(spec) }.at(at(1_400));
    let mut job = Job::submitted(id, submitted).unwrap();
    for (ago, change) in changes {
        let event: Event = change.at(at(ago));
        job = job.apply(event).unwrap();
    }
    Sighting {
        id,
        progress: Progress::default(),
        progress_at: None,
        worker: Worker::None,
        requests: Vec::new(),
        damage: None,
        log: format!("/home/a/acme/.jobs/jobs/{id}/worker.log").into(),
        job: Some(job),
    }
}

/// These jobs as a list shows them.
pub(crate) fn overview(jobs: Vec<Sighting>) -> Overview {
    let mut overview = Overview::default();
    for seen in jobs {
        let counts = seen.progress.counts();
        let job = seen.job.clone().map(|mut job| {
            job.counts = counts;
            job
        });
        match job.as_ref().filter(|_| seen.damage.is_none()).and_then(Ended::of) {
            Some(ended) => overview.ended.push(ended),
            None => overview.open.push(seen),
        }
    }
    overview
}

fn started() -> (i64, Change) {
    (1_380, Change::Started { pid: 45_678 })
}

fn item_failed(item: &str) -> (i64, Change) {
    let item = item.to_owned();
    let hint = Some("ask for access, then resume".to_owned());
    (600, Change::ItemFailed { item, error: "permission denied".to_owned(), hint })
}

fn paused(reason: Reason, resumes_at: Option<Time>) -> (i64, Change) {
    (60, Change::Paused { reason, resumes_at })
}

pub(crate) fn running() -> Sighting {
    let spec = spec(Kind::CloneRepos, "github:acme");
    let mut seen = seen(0xae36_2dfe, spec, vec![started(), item_failed("acme/infrastructure-adp")]);
    let holder = Holder { pid: 45_678, started: 1, boot: String::new(), session: 1 };
    seen.worker = Worker::Alive(Some(holder));
    seen.progress_at = Some(at(30));
    seen.progress = Progress {
        current: 154,
        total: Some(245),
        current_item: Some("infrastructure-apo-platform".into()),
        failed: 1,
        rate: Some(0.1),
        eta_seconds: Some(900),
        last_event: Some("cloned acme/data".into()),
        ..Progress::default()
    };
    seen
}

pub(crate) fn rate_limited() -> Sighting {
    let until = now() + SignedDuration::from_secs(45);
    let reason = Reason::RateLimited {
        until,
        bucket: "core".into(),
        message: "API rate limit exceeded".into(),
    };
    let changes = vec![started(), paused(reason, Some(until))];
    let mut seen = seen(0x0b1c_2d3e, spec(Kind::ImportIssues, "github:acme/api"), changes);
    seen.progress.current = 1_234;
    seen.progress.total = Some(10_000);
    seen.progress.counters.insert("comments".into(), 4_500);
    let bucket = "core".to_owned();
    let budget = Budget { bucket, remaining: 12, limit: Some(5_000), resets_at: Some(until) };
    seen.progress.budget = Some(budget);
    seen
}

fn paused_by_person() -> Sighting {
    let changes = vec![started(), paused(Reason::User, None)];
    seen(0x1111_1111, spec(Kind::CloneRepos, "github:acme"), changes)
}

fn refused() -> Sighting {
    let reason = Reason::Unauthorized {
        connection: "github".into(),
        cause: jobctl_core::Refused::Refused,
        message: "Bad credentials".into(),
        url: Some("https://api.github.com/orgs/acme/repos".into()),
    };
    let changes = vec![started(), paused(reason, None)];
    seen(0x2222_2222, spec(Kind::CloneRepos, "github:acme"), changes)
}

fn interrupted() -> Sighting {
    let reason = Reason::Interrupted { attempt: 1, cause: Cause::Signalled(9) };
    let changes = vec![started(), paused(reason, Some(now() + SignedDuration::from_secs(3)))];
    seen(0x3333_3333, spec(Kind::ImportIssues, "github:acme/web"), changes)
}

pub(crate) fn pending() -> Sighting {
    seen(0x4444_4444, spec(Kind::CloneRepos, "github:other"), Vec::new())
}

fn failed() -> Sighting {
    let error = "no such repository, or this token may not see it".to_owned();
    let changes = vec![started(), (300, Change::Failed { error })];
    let mut seen = seen(0x5555_5555, spec(Kind::ImportIssues, "github:acme/gone"), changes);
    seen.progress.current = 5_000;
    seen.progress.total = Some(10_000);
    seen
}

pub(crate) fn with_warnings() -> Sighting {
    let completed = Change::Completed {
        warnings: vec!["2 comments could not be read".into()],
        summary: Some("4,500 issues, 9,000 comments".into()),
    };
    let changes = vec![started(), item_failed("github:acme/old"), (300, completed)];
    let mut seen = seen(0xdef6_7890, spec(Kind::ImportIssues, "github:acme"), changes);
    seen.progress.current = 4_500;
    seen.progress.total = Some(4_500);
    seen
}

fn cancelled() -> Sighting {
    let changes = vec![started(), (120, Change::Cancelled { reason: None })];
    seen(0x6666_6666, spec(Kind::CloneRepos, "github:acme"), changes)
}

pub(crate) fn damaged() -> Sighting {
    let mut seen = seen(0x7777_7777, spec(Kind::CloneRepos, "github:acme"), Vec::new());
    seen.job = None;
    seen.damage = Some("its journal: record 3 does not fit its checksum".into());
    seen
}

pub(crate) fn all() -> Vec<Sighting> {
    vec![
        running(),
        rate_limited(),
        paused_by_person(),
        refused(),
        interrupted(),
        pending(),
        failed(),
        with_warnings(),
        cancelled(),
        damaged(),
    ]
}
