//! Ended jobs that have had their time: which they are, and many removed at once.

use std::fs;

use crate::place::{Place, at, completed, id, place, spec, started};
use jiff::SignedDuration;
use jobctl_core::{
    Because, Change, Choice, Condition, Dependency, JobId, Retention, Rule, Spec, Time,
};
use jobctl_store::{
    ClaimError, Ended, Judged, LookError, REMOVED_TOGETHER, RemoveError, Store, Which,
};

fn days_later(days: i64) -> Time {
    at(0) + SignedDuration::from_hours(24 * days)
}

fn failed() -> Change {
    Change::Failed { error: "no".into() }
}

fn numbers(jobs: &[Ended]) -> Vec<JobId> {
    jobs.iter().map(|ended| ended.id).collect()
}

fn ids(numbers: impl IntoIterator<Item = u32>) -> Vec<JobId> {
    numbers.into_iter().map(id).collect()
}

fn submit(place: &Place, number: u32, spec: Spec) {
    place.store.submit(&format!("key-{number}"), &[(id(number), spec)], at(number)).unwrap();
}

#[test]
fn the_newest_of_each_sort_stay() {
    let place = place();
    for number in 1..=30 {
        place.submit_and_record(number, vec![started(), completed()]);
        place.submit_and_record(100 + number, vec![started(), failed()]);
    }
    let rule = Rule::Retention(Retention { completed: 10, failed: 5 });
    let today = place.store.judge(&rule, days_later(0)).unwrap();
    assert_eq!((today.go.len(), today.stay.len()), (0, 60));
    let Judged { go, stay, damaged } = place.store.judge(&rule, days_later(2)).unwrap();
    assert_eq!(numbers(&go), ids((1..=20).chain(101..=125)));
    assert!(stay.iter().all(|(_, because)| *because == Because::Newest), "{stay:?}");
    assert_eq!(damaged, []);

    let removed = place.store.remove_all(&numbers(&go), days_later(2)).unwrap();
    assert_eq!((removed.gone.len(), removed.left.len()), (45, 0));
    assert_eq!(place.store.list(Which::All).unwrap().len(), 15);
    assert!(place.store.judge(&rule, days_later(2)).unwrap().go.is_empty());
    let ended = place.store.ended(id(7)).unwrap().unwrap();
    assert_eq!(ended.id, id(7));
    assert!(matches!(place.store.look(id(7)), Err(LookError::Removed { .. })));
    let left: Vec<_> = fs::read_dir(place.root().join("jobs")).unwrap().collect();
    assert_eq!(left.len(), 15, "{left:?}");
}

#[test]
fn what_open_jobs_need_stays() {
    let place = place();
    // A batch of which the second has not ended, a job that a third waits for, and one to keep.
    place.store.submit("batch", &[(id(1), spec()), (id(2), spec())], at(1)).unwrap();
    place.record(1, vec![started(), completed()]);
    place.record(2, vec![started()]);
    place.complete(3);
    let after = vec![Dependency { on: id(3), condition: Condition::Success }];
    submit(&place, 4, Spec { after, ..spec() });
    submit(&place, 5, Spec { keep: true, ..spec() });
    place.record(5, vec![started(), completed()]);
    place.complete(6);
    let nothing = Rule::Retention(Retention { completed: 0, failed: 0 });
    let judged = place.store.judge(&nothing, days_later(2)).unwrap();
    assert_eq!(numbers(&judged.go), [id(6)]);
    let because = |number: u32| judged.stay.iter().find(|(job, _)| job.id == id(number)).unwrap().1;
    assert_eq!(because(1), Because::Unfinished);
    assert_eq!(because(3), Because::WaitedFor);
    assert_eq!(because(5), Because::Kept);

    let all = Rule::Chosen(Choice { kept: true, ..Choice::default() });
    let judged = place.store.judge(&all, days_later(0)).unwrap();
    assert_eq!(numbers(&judged.go), ids([5, 6]));
    // Once the batch has ended, all of it may go.
    place.record(2, vec![completed()]);
    let judged = place.store.judge(&nothing, days_later(2)).unwrap();
    assert_eq!(numbers(&judged.go), ids([1, 2, 6]));
}

#[test]
fn of_many_each_is_removed_or_says_why_not() {
    let place = place();
    place.store.submit("batch", &[(id(1), spec()), (id(2), spec())], at(1)).unwrap();
    place.record(1, vec![started(), completed()]);
    for number in 3..=5 {
        place.complete(number);
    }
    place.submit(6);
    let mut bytes = fs::read(place.journal(4)).unwrap();
    bytes[40] ^= 1;
    fs::write(place.journal(4), &bytes).unwrap();
    let held = place.store.claim(id(5), at(9)).unwrap();

    let removed = place.store.remove_all(&ids(1..=7), at(9)).unwrap();
    assert_eq!(removed.gone, [id(3)]);
    let why = |number: u32| &removed.left.iter().find(|(job, _)| *job == id(number)).unwrap().1;
    assert!(matches!(why(1), RemoveError::Shared(_)), "{:?}", why(1));
    assert!(matches!(why(2), RemoveError::NotEnded(_)), "{:?}", why(2));
    assert!(matches!(why(4), RemoveError::Claim(ClaimError::Damaged { .. })), "{:?}", why(4));
    assert!(matches!(why(5), RemoveError::Claim(ClaimError::Held(_))), "{:?}", why(5));
    assert!(matches!(why(6), RemoveError::NotEnded(_)), "{:?}", why(6));
    assert!(matches!(why(7), RemoveError::Claim(ClaimError::NoSuchJob(_))), "{:?}", why(7));
    assert_eq!(fs::read(place.journal(4)).unwrap(), bytes);
    drop(held);
}

#[test]
fn a_damaged_job_is_told_and_never_taken() {
    let place = place();
    for number in 1..=2 {
        place.complete(number);
    }
    let mut bytes = fs::read(place.journal(1)).unwrap();
    bytes[40] ^= 1;
    fs::write(place.journal(1), &bytes).unwrap();
    let all = Rule::Chosen(Choice { kept: true, ..Choice::default() });
    let judged = place.store.judge(&all, days_later(9)).unwrap();
    assert_eq!((numbers(&judged.go), judged.damaged), (ids([2]), ids([1])));
}

#[test]
fn a_submission_that_cannot_be_read_whole_is_not_removed_with_its_jobs() {
    let place = place();
    place.store.submit("batch", &[(id(1), spec()), (id(2), spec())], at(1)).unwrap();
    place.record(1, vec![started(), completed()]);
    let path = place.root().join("new/batch.jsonl");
    let text = fs::read_to_string(&path).unwrap().replacen("00000002", "0000000x", 1);
    fs::write(&path, &text).unwrap();
    let removed = place.store.remove_all(&[id(1)], at(9)).unwrap();
    assert!(matches!(removed.left[..], [(_, RemoveError::Shared(_))]), "{removed:?}");
    place.store.sweep(at(9)).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn two_that_remove_the_same_jobs_take_each_once() {
    let place = place();
    let all: Vec<_> = (1..=2 * u32::try_from(REMOVED_TOGETHER).unwrap()).collect();
    for number in &all {
        place.complete(*number);
    }
    let all = ids(all);
    let remove = || {
        let mut gone = Vec::new();
        for some in all.chunks(REMOVED_TOGETHER) {
            gone.extend(place.store.remove_all(some, at(999)).unwrap().gone);
        }
        gone
    };
    let (mut one, two) = std::thread::scope(|scope| {
        let other = scope.spawn(remove);
        (remove(), other.join().unwrap())
    });
    one.extend(two);
    one.sort();
    // Each may have met the other at a job, and left it to them.
    one.extend(remove());
    one.sort();
    assert_eq!(one, all);
    assert!(place.store.list(Which::All).unwrap().is_empty());
}
