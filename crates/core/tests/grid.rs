//! The whole state machine as one golden table: every state against every event.

use jobctl_core::{Cause, Change, Event, Job, JobId, Kind, Reason, ResumedBy, Spec, State, Time};

fn at(second: i64) -> Time {
    Time::from_second(1_800_000_000 + second).expect("a valid time")
}

fn spec() -> Spec {
    Spec::new(Kind::CloneRepos, "clone acme", "/project")
}

fn limited() -> Reason {
    Reason::RateLimited { until: at(60), bucket: "core".into(), message: "slow down".into() }
}

fn changes() -> Vec<(&'static str, Change)> {
    let paused = |reason, resumes_at| Change::Paused { reason, resumes_at };
    vec![
        ("submitted", Change::Submitted { spec: Box::new(spec()) }),
        ("started", Change::Started { pid: 7 }),
        ("item_failed", Change::ItemFailed { item: "a".into(), error: "404".into(), hint: None }),
        ("checkpoint", Change::Checkpoint { token: "t".into() }),
        ("paused by user", paused(Reason::User, None)),
        ("paused by forge", paused(limited(), Some(at(60)))),
        ("continued", Change::Continued),
        ("resumed", Change::Resumed { by: ResumedBy::Person }),
        ("completed", Change::Completed { warnings: vec![], summary: None }),
        ("failed", Change::Failed { error: "no".into() }),
        ("cancelled", Change::Cancelled { reason: None }),
        ("closed", Change::Closed),
    ]
}

fn job(history: &[Change]) -> Job {
    let submitted = Change::Submitted { spec: Box::new(spec()) }.at(at(0));
    let job = Job::submitted(JobId::from_bits(1), submitted).expect("a submitted event");
    history
        .iter()
        .fold(job, |job, change| job.apply(change.clone().at(at(1))).expect("an allowed history"))
}

fn states() -> Vec<(&'static str, Job)> {
    let started = Change::Started { pid: 7 };
    let failed_item = Change::ItemFailed { item: "a".into(), error: "404".into(), hint: None };
    let user = Change::Paused { reason: Reason::User, resumes_at: None };
    let forge = Change::Paused { reason: limited(), resumes_at: Some(at(60)) };
    let done = Change::Completed { warnings: vec![], summary: None };
    let warned = Change::Completed { warnings: vec!["w".into()], summary: None };
    vec![
        ("pending", job(&[])),
        ("running", job(std::slice::from_ref(&started))),
        ("paused, no worker", job(std::slice::from_ref(&user))),
        ("paused, worker waits", job(&[started.clone(), forge.clone()])),
        ("paused, worker left", job(&[started.clone(), forge, Change::Closed])),
        ("completed", job(&[started.clone(), done.clone()])),
        ("completed, warned", job(&[started.clone(), warned])),
        ("completed, item failed", job(&[started.clone(), failed_item, done])),
        ("failed", job(&[started, Change::Failed { error: "no".into() }])),
        ("cancelled", job(&[Change::Cancelled { reason: None }])),
    ]
}

fn outcome(job: &Job, change: &Change) -> String {
    match job.clone().apply(change.clone().at(at(2))) {
        Ok(after) => match &after.state {
            State::Paused { reason, waiting, .. } => {
                let worker = if *waiting { "worker waits" } else { "no worker" };
                format!("paused ({}, {worker})", reason.name())
            }
            State::Pending
            | State::Running
            | State::Completed { .. }
            | State::Failed { .. }
            | State::Cancelled { .. } => after.status().to_string(),
        },
        Err(rejected) => {
            assert_eq!(&rejected.job, job, "a refusal gives the job back unchanged");
            assert_eq!(&rejected.event.change, change, "and the event");
            "-".into()
        }
    }
}

#[test]
fn every_state_against_every_event() {
    let mut table = String::new();
    for (state, job) in states() {
        for (event, change) in changes() {
            use std::fmt::Write as _;
            writeln!(table, "{state:<24} {event:<16} {}", outcome(&job, &change))
                .expect("a string takes it");
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn only_a_submitted_event_makes_a_job() {
    for (name, change) in changes() {
        let event: Event = change.at(at(0));
        let made = Job::submitted(JobId::from_bits(1), event.clone());
        assert_eq!(made.is_ok(), name == "submitted", "{name}");
        if let Err(back) = made {
            assert_eq!(*back, event);
        }
    }
}

#[test]
fn resuming_an_ended_job_retries_only_what_failed() {
    let failed =
        |item: &str| Change::ItemFailed { item: item.into(), error: "no route".into(), hint: None };
    let resumed = Change::Resumed { by: ResumedBy::Person };
    let started = Change::Started { pid: 7 };
    let again = job(&[
        started.clone(),
        failed("a"),
        failed("b"),
        Change::Completed { warnings: vec![], summary: None },
        resumed.clone(),
    ]);
    assert_eq!(again.retry, ["a", "b"]);
    assert!(again.failures.is_empty());

    let interrupted = Change::Paused {
        reason: Reason::Interrupted { attempt: 2, cause: Cause::Signalled(9) },
        resumes_at: Some(at(2)),
    };
    let timer = Change::Resumed { by: ResumedBy::Timer };
    let replayed = [started, failed("a"), interrupted, timer]
        .into_iter()
        .fold(again, |job, change| job.apply(change.at(at(3))).expect("allowed"));
    assert_eq!(replayed.retry, ["a", "b"], "an interruption does not widen or narrow the retry");
}

#[test]
fn dying_counts_and_being_told_to_stop_does_not() {
    let pause = |cause| Change::Paused {
        reason: Reason::Interrupted { attempt: 1, cause },
        resumes_at: Some(at(2)),
    };
    let timer = Change::Resumed { by: ResumedBy::Timer };
    let started = Change::Started { pid: 7 };
    let died = job(&[
        started.clone(),
        pause(Cause::Unknown),
        timer.clone(),
        started.clone(),
        pause(Cause::Terminated),
        timer,
        started,
        pause(Cause::Exited(1)),
    ]);
    assert_eq!((died.crashes, died.attempts), (2, 3));
    let resumed = died.apply(Change::Resumed { by: ResumedBy::Person }.at(at(4))).expect("allowed");
    assert_eq!(resumed.crashes, 0);
}
