//! Any history, and any prefix of it, replays to the same job, through text as well.

use jobctl_core::{
    Cause, Change, Counts, Event, Job, JobId, Kind, Progress, Reason, Refused, ResumedBy, Spec,
    Status, Time, Window,
};
use proptest::prelude::*;

fn at(second: i64) -> Time {
    Time::from_second(1_800_000_000 + second).expect("a valid time")
}

fn spec() -> Spec {
    Spec {
        name: Some("api".into()),
        sources: vec!["github:acme/api".into()],
        options: serde_json::json!({"comments": true}),
        priority: 1,
        ..Spec::new(Kind::ImportIssues, "import acme/api", "/project")
    }
}

fn reason() -> impl Strategy<Value = Reason> {
    prop_oneof![
        Just(Reason::User),
        Just(Reason::RateLimited { until: at(99), bucket: "core".into(), message: "m".into() }),
        (1u32..9, -2i32..200).prop_map(|(attempt, code)| Reason::Interrupted {
            attempt,
            cause: Cause::Exited(code)
        }),
        Just(Reason::Unauthorized {
            connection: "github".into(),
            cause: Refused::Missing,
            message: "m".into(),
            url: None,
        }),
        Just(Reason::Storage { message: "full".into() }),
        proptest::collection::vec(1u32..9, 0..3).prop_map(|pids| Reason::Leftover { pids }),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::Started { pid: 7 }),
        ("[abc]", ".{0,8}").prop_map(|(item, error)| Change::ItemFailed {
            item,
            error,
            hint: None
        }),
        ".{0,8}".prop_map(|token| Change::Checkpoint { token }),
        (reason(), proptest::option::of(0i64..99))
            .prop_map(|(reason, at_)| Change::Paused { reason, resumes_at: at_.map(at) }),
        Just(Change::Continued),
        Just(Change::Resumed { by: ResumedBy::Timer }),
        Just(Change::Resumed { by: ResumedBy::Person }),
        proptest::collection::vec(".{0,8}", 0..2)
            .prop_map(|warnings| Change::Completed { warnings, summary: None }),
        ".{0,8}".prop_map(|error| Change::Failed { error }),
        Just(Change::Cancelled { reason: None }),
        Just(Change::Closed),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    (change(), 0i64..1000, proptest::option::of(0u64..9)).prop_map(|(change, second, current)| {
        Event {
            answers: Vec::new(),
            counts: current.map(|current| Counts { current, ..Counts::default() }),
            ..change.at(at(second))
        }
    })
}

fn replay(events: &[Event]) -> Job {
    let mut events = events.iter().cloned();
    let first = events.next().expect("at least the submission");
    let job = Job::submitted(JobId::from_bits(1), first).expect("a submitted event");
    events.fold(job, |job, event| job.apply(event).expect("an accepted event"))
}

proptest! {
    #[test]
    fn any_prefix_of_any_history_replays_to_the_same_job(
        tried in proptest::collection::vec(event(), 0..40)
    ) {
        let submitted = Change::Submitted { spec: Box::new(spec()) }.at(at(0));
        let mut accepted = vec![submitted];
        let mut job = replay(&accepted);
        for event in tried {
            match job.clone().apply(event.clone()) {
                Ok(next) => {
                    accepted.push(event);
                    job = next;
                }
                Err(rejected) => prop_assert_eq!(&rejected.job, &job),
            }
            let text: Vec<String> = accepted
                .iter()
                .map(|event| serde_json::to_string(event).expect("events are JSON"))
                .collect();
            let read: Vec<Event> = text
                .iter()
                .map(|line| serde_json::from_str(line).expect("what was written is read"))
                .collect();
            prop_assert_eq!(replay(&read), job.clone());
        }
        if job.status() == Status::Cancelled {
            let revived = job.apply(Change::Resumed { by: ResumedBy::Person }.at(at(1)));
            prop_assert!(revived.is_err());
        }
    }
}

#[test]
fn the_rate_covers_the_recent_window_only() {
    let mut window = Window::default();
    for second in 0..100 {
        window.sample(at(second), second_items(second));
    }
    let rate = window.rate(at(99)).expect("many samples");
    assert!((rate - 10.0).abs() < 0.5, "ten a second of late, not the average: {rate}");
    assert_eq!(window.eta(at(99), second_items(99) + 100, 5.seconds()), Some(15));
    window.clear();
    assert_eq!(window.rate(at(100)), None, "after a pause nothing is known");
}

/// One a second for a minute, then ten a second.
fn second_items(second: i64) -> u64 {
    let second = second.unsigned_abs();
    if second < 60 { second } else { 60 + (second - 60) * 10 }
}

trait Seconds {
    fn seconds(self) -> jiff::SignedDuration;
}

impl Seconds for i64 {
    fn seconds(self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_secs(self)
    }
}

#[test]
fn a_clock_that_jumps_back_gives_no_negative_rate() {
    let mut window = Window::default();
    window.sample(at(100), 50);
    window.sample(at(40), 60);
    window.sample(at(42), 62);
    assert_eq!(window.rate(at(42)), Some(1.0));
}

#[test]
fn a_hundred_percent_means_all() {
    let of = |current, total| Progress { current, total, ..Progress::default() }.percentage();
    assert_eq!(of(999, Some(1000)), Some(99));
    assert_eq!(of(1000, Some(1000)), Some(100));
    assert_eq!(of(1001, Some(1000)), Some(100));
    assert_eq!((of(0, Some(0)), of(5, None)), (None, None));
}
