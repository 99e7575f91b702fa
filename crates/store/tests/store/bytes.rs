//! What a state change costs: bytes written to the journal and the snapshot.

use std::collections::BTreeMap;
use std::fs;

use crate::place::{Place, at, id, place, started};
use jobctl_core::{
    Cause, Change, Counts, Event, JobId, Progress, Reason, Refused, ResumedBy, Time,
};
use jobctl_store::{Claim, RecordError, Store};
use proptest::prelude::*;

/// The most that journal line and snapshot of one state change may have together; the line that
/// brings `submitted` is no such line.
const MOST: u64 = 1024;

fn len(place: &Place, name: &str) -> u64 {
    fs::metadata(place.job(1).join(name)).map_or(0, |meta| meta.len())
}

/// What recording an event writes.
fn cost(place: &Place, claim: &mut dyn Claim, event: Event) -> Result<u64, RecordError> {
    let before = len(place, "journal.jsonl");
    claim.record(event)?;
    Ok(len(place, "journal.jsonl") - before + len(place, "status.json"))
}

/// A text that may be long, and may take six bytes a character once it is JSON.
fn text() -> BoxedStrategy<String> {
    let unit =
        prop_oneof![Just("x"), Just("ü"), Just("日"), Just("\u{1}"), Just("\""), Just("a b ")];
    (unit, prop_oneof![0..40usize, 0..3000usize])
        .prop_map(|(unit, times)| unit.repeat(times))
        .boxed()
}

fn time() -> BoxedStrategy<Time> {
    (0i64..4_000_000_000, 0i32..1_000_000_000).prop_map(|(s, ns)| Time::new(s, ns).unwrap()).boxed()
}

fn reason() -> BoxedStrategy<Reason> {
    prop_oneof![
        Just(Reason::User),
        (time(), text(), text()).prop_map(|(until, bucket, message)| Reason::RateLimited {
            until,
            bucket,
            message
        }),
        (any::<u32>(), any::<i32>())
            .prop_map(|(attempt, n)| Reason::Interrupted { attempt, cause: Cause::Exited(n) }),
        (text(), text(), proptest::option::of(text())).prop_map(|(connection, message, url)| {
            Reason::Unauthorized { connection, cause: Refused::Refused, message, url }
        }),
        Just(Reason::Environment),
        text().prop_map(|phase| Reason::Approval { phase }),
        text().prop_map(|message| Reason::Storage { message }),
        any::<u32>().prop_map(|bits| Reason::Dependency { on: JobId::from_bits(bits) }),
        proptest::collection::vec(any::<u32>(), 0..300).prop_map(|pids| Reason::Leftover { pids }),
    ]
    .boxed()
}

fn change() -> BoxedStrategy<Change> {
    let options = || proptest::option::of(text());
    prop_oneof![
        any::<u32>().prop_map(|pid| Change::Started { pid }),
        (text(), text(), options()).prop_map(|(item, error, hint)| Change::ItemFailed {
            item,
            error,
            hint
        }),
        "[a-z]{0,500}".prop_map(|token| Change::Checkpoint { token }),
        (reason(), proptest::option::of(time()))
            .prop_map(|(reason, resumes_at)| Change::Paused { reason, resumes_at }),
        Just(Change::Continued),
        Just(Change::Resumed { by: ResumedBy::Person }),
        (proptest::collection::vec(text(), 0..30), options())
            .prop_map(|(warnings, summary)| Change::Completed { warnings, summary }),
        text().prop_map(|error| Change::Failed { error }),
        options().prop_map(|reason| Change::Cancelled { reason }),
    ]
    .boxed()
}

fn counters() -> BoxedStrategy<BTreeMap<String, u64>> {
    proptest::collection::btree_map("[a-z]{1,60}", any::<u64>(), 0..25).boxed()
}

fn counts() -> BoxedStrategy<Counts> {
    (any::<u64>(), proptest::option::of(any::<u64>()), any::<u64>(), counters())
        .prop_map(|(current, total, failed, counters)| Counts { current, total, failed, counters })
        .boxed()
}

fn progress() -> BoxedStrategy<Progress> {
    let done = proptest::collection::vec(text(), 0..12);
    let options = || proptest::option::of(text());
    let measured = (proptest::option::of(0.0..1e9), proptest::option::of(any::<u64>()));
    (counts(), done, options(), options(), measured)
        .prop_map(|(counts, done, item, last, (rate, eta))| {
            let mut progress = Progress {
                current_item: item,
                last_event: last,
                rate,
                eta_seconds: eta,
                ..Progress::from(&counts)
            };
            for item in done {
                progress.did(item);
            }
            progress
        })
        .boxed()
}

/// What happens to a job.
#[derive(Debug, Clone)]
enum Step {
    Record(Box<Event>),
    Learn(Box<Progress>),
    /// Another process takes the claim.
    HandOver,
}

fn step() -> BoxedStrategy<Step> {
    prop_oneof![
        6 => (change(), time(), proptest::option::of(counts())).prop_map(|(change, at, counts)| {
            Step::Record(Box::new(Event { counts, ..change.at(at) }))
        }),
        2 => progress().prop_map(|progress| Step::Learn(Box::new(progress))),
        1 => Just(Step::HandOver),
    ]
    .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn no_state_change_writes_more_than_a_kilobyte(
        steps in proptest::collection::vec(step(), 1..30)
    ) {
        let place = place();
        place.submit_and_record(1, vec![started()]);
        let mut claim = place.store.claim(id(1), at(1)).unwrap();
        // What a holder writes first is preceded by the mark of the last one, written again.
        let mut mark = closed(&place);
        for step in steps {
            match step {
                Step::Record(event) => match cost(&place, claim.as_mut(), *event) {
                    Ok(cost) => {
                        prop_assert!(cost + mark <= MOST, "{cost} + {mark}");
                        mark = 0;
                    }
                    Err(RecordError::Rejected(_)) => {}
                    Err(error) => prop_assert!(false, "{error}"),
                },
                Step::Learn(progress) => {
                    claim.learn(&progress, at(2));
                    claim.progress(&progress, at(2)).unwrap();
                    prop_assert!(len(&place, "status.json") <= MOST);
                }
                Step::HandOver => {
                    claim.close(at(3)).unwrap();
                    claim = place.store.claim(id(1), at(3)).unwrap();
                    mark = closed(&place);
                }
            }
        }
    }
}

/// The length of the last line of the journal.
fn closed(place: &Place) -> u64 {
    let journal = fs::read_to_string(place.journal(1)).unwrap();
    let last = journal.lines().last().unwrap();
    assert!(last.contains(r#""event":"closed""#), "{last}");
    last.len() as u64 + 1
}

#[test]
fn a_snapshot_leaves_out_what_is_least_missed() {
    let place = place();
    place.submit(1);
    let mut claim = place.store.claim(id(1), at(1)).unwrap();
    let mut progress = Progress { current_item: Some("i".repeat(500)), ..Progress::default() };
    progress.last_event = Some("cloned: acme/api".into());
    progress.counters = (0..20).map(|n| (format!("counter {n:02}"), 1_000_000 + n)).collect();
    for n in 0..30 {
        progress.did(format!("acme/repository-{n}"));
    }
    claim.record(started().at(at(1))).unwrap();
    claim.progress(&progress, at(2)).unwrap();
    let seen = place.store.look(id(1)).unwrap().progress;
    assert_eq!((seen.current, &seen.counters), (30, &progress.counters), "counts stay");
    assert!(seen.current_item.unwrap().ends_with('…'));

    progress.current_item = None;
    progress.counters.clear();
    claim.progress(&progress, at(3)).unwrap();
    let seen = place.store.look(id(1)).unwrap().progress;
    assert_eq!(seen.done.len(), 10);
    assert_eq!(seen.done.last().unwrap(), "acme/repository-29");
}

#[test]
fn what_one_more_item_costs_does_not_grow() {
    let place = place();
    place.submit_and_record(1, vec![started()]);
    let mut claim = place.store.claim(id(1), at(1)).unwrap();
    let mut fail = |number: u64| {
        let item = format!("acme/repository-{number:06}");
        let event = Change::ItemFailed { item, error: "gone".into(), hint: None }.at(at(2));
        let counts = Counts { current: 0, total: Some(3_000), failed: number, ..Counts::default() };
        cost(&place, claim.as_mut(), Event { counts: Some(counts), ..event }).unwrap()
    };
    let early = (100..110).map(&mut fail).max();
    for number in 110..2_990 {
        fail(number);
    }
    let late = (2_990..3_000).map(&mut fail).min();
    assert!(late.unwrap() <= early.unwrap() + 8, "{early:?} {late:?}: longer numbers only");
}
