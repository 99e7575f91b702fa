//! What retention takes and what it leaves, over random pasts.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use jobctl_core::{
    Because, Choice, Condition, Dependency, Fate, JobId, Kind, Past, Retention, Rule, Spec, Status,
    Ties, Time, fates,
};
use proptest::prelude::*;

const HOUR: i64 = 3_600;

fn now() -> Time {
    Time::from_second(1_800_000_000).expect("a valid time")
}

fn hours_ago(hours: i64) -> Time {
    now() - SignedDuration::from_secs(hours * HOUR)
}

fn past(number: u32, status: Status, hours: i64) -> Past {
    let (id, ended_at) = (JobId::from_bits(number), hours_ago(hours));
    Past { id, status, ended_at, batch: None, keep: false }
}

fn in_batch(batch: &str, mut job: Past) -> Past {
    job.batch = Some(batch.into());
    job
}

/// A job that has not ended, came with `batch` and waits for `on`.
fn unended(batch: Option<&str>, on: Option<u32>) -> Spec {
    let wait = |on| Dependency { on: JobId::from_bits(on), condition: Condition::Ended };
    Spec {
        batch: batch.map(str::to_owned),
        after: on.into_iter().map(wait).collect(),
        ..Spec::new(Kind::RunCommand, "", "/")
    }
}

fn limits(completed: usize, failed: usize) -> Rule {
    Rule::Retention(Retention { completed, failed })
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![Just(Status::Completed), Just(Status::Failed), Just(Status::Cancelled)]
}

/// Up to 40 jobs, some of them in a few batches, ended from an hour ahead to five days ago.
fn pasts() -> impl Strategy<Value = Vec<Past>> {
    let batch = proptest::option::weighted(0.4, 0..5_u8);
    let one = (status(), -1..120_i64, batch, prop::bool::weighted(0.1));
    let one = one.prop_map(|(status, hours, batch, keep)| Past {
        batch: batch.map(|batch| format!("batch-{batch}")),
        keep,
        ..past(0, status, hours)
    });
    prop::collection::vec(one, 0..40).prop_map(|all| {
        (0..).zip(all).map(|(bits, job)| Past { id: JobId::from_bits(bits), ..job }).collect()
    })
}

fn ties() -> impl Strategy<Value = Ties> {
    let one = (proptest::option::of(0..5_u8), proptest::option::of(0..40_u32));
    prop::collection::vec(one, 0..4).prop_map(|all| {
        let spec = |(batch, on): (Option<u8>, _)| {
            unended(batch.map(|batch| format!("batch-{batch}")).as_deref(), on)
        };
        let specs: Vec<_> = all.into_iter().map(spec).collect();
        Ties::of(&specs)
    })
}

fn choices() -> impl Strategy<Value = Choice> {
    let until = proptest::option::of((-1..120_i64).prop_map(hours_ago));
    let statuses = prop::collection::vec(status(), 0..3);
    (until, statuses, any::<bool>()).prop_map(|(until, statuses, kept)| Choice {
        until,
        statuses,
        kept,
    })
}

/// The jobs by submission: those of a batch together, each other one alone.
fn submissions(jobs: &[Past]) -> Vec<Vec<usize>> {
    let mut together: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, job) in jobs.iter().enumerate() {
        let name = job.batch.clone().unwrap_or_else(|| format!("alone-{place}"));
        together.entry(name).or_default().push(place);
    }
    together.into_values().collect()
}

fn is_tied(job: &Past, ties: &Ties) -> bool {
    ties.wait_for(job.id) || job.batch.as_deref().is_some_and(|batch| ties.are_in(batch))
}

proptest! {
    #[test]
    fn the_limits_hold_and_what_is_protected_stays(
        jobs in pasts(), ties in ties(), completed in 0..5_usize, failed in 0..5_usize,
    ) {
        let fates = fates(&jobs, &ties, &limits(completed, failed), now());
        prop_assert_eq!(fates.len(), jobs.len());
        let day = SignedDuration::from_hours(24);
        let is_protected = |place: &usize| {
            let job = &jobs[*place];
            job.keep || is_tied(job, &ties) || now().duration_since(job.ended_at) <= day
        };
        let mut stay: BTreeMap<bool, Vec<Time>> = BTreeMap::new();
        let mut go: BTreeMap<bool, Vec<Time>> = BTreeMap::new();
        for places in submissions(&jobs) {
            let goes = fates[places[0]] == Fate::Goes;
            for place in &places {
                prop_assert_eq!(fates[*place], fates[places[0]], "whole or not at all");
            }
            let all_completed = places.iter().all(|place| jobs[*place].status == Status::Completed);
            let ended = places.iter().map(|place| jobs[*place].ended_at).max().unwrap_or_default();
            if goes {
                prop_assert!(!places.iter().any(is_protected), "{:?} is protected", places);
                go.entry(all_completed).or_default().push(ended);
            } else if !places.iter().any(is_protected) {
                stay.entry(all_completed).or_default().push(ended);
            }
        }
        for (all_completed, limit) in [(true, completed), (false, failed)] {
            let stay = stay.remove(&all_completed).unwrap_or_default();
            let go = go.remove(&all_completed).unwrap_or_default();
            prop_assert!(stay.len() <= limit, "{} stay of {}", stay.len(), limit);
            let oldest = stay.iter().min();
            prop_assert!(oldest.is_none_or(|oldest| go.iter().all(|ended| ended <= oldest)));
        }
    }

    #[test]
    fn what_goes_was_chosen_and_what_was_chosen_goes(
        jobs in pasts(), ties in ties(), choice in choices(),
    ) {
        let fates = fates(&jobs, &ties, &Rule::Chosen(choice.clone()), now());
        for places in submissions(&jobs) {
            let may_go = |job: &Past| {
                !is_tied(job, &ties)
                    && (choice.kept || !job.keep)
                    && choice.until.is_none_or(|until| job.ended_at <= until)
                    && (choice.statuses.is_empty() || choice.statuses.contains(&job.status))
            };
            let all = places.iter().all(|place| may_go(&jobs[*place]));
            for place in places {
                prop_assert_eq!(fates[place] == Fate::Goes, all);
            }
        }
    }

    #[test]
    fn the_order_of_the_list_does_not_matter(jobs in pasts(), ties in ties()) {
        let gone = |jobs: &[Past]| -> BTreeSet<JobId> {
            let fates = fates(jobs, &ties, &limits(2, 2), now());
            let goes = |(job, fate): (&Past, Fate)| (fate == Fate::Goes).then_some(job.id);
            jobs.iter().zip(fates).filter_map(goes).collect()
        };
        let mut backwards = jobs.clone();
        backwards.reverse();
        prop_assert_eq!(gone(&jobs), gone(&backwards));
    }

    #[test]
    fn what_was_taken_once_leaves_nothing_to_take(jobs in pasts(), ties in ties()) {
        let rule = limits(2, 2);
        let fates_once = fates(&jobs, &ties, &rule, now());
        let stays = |(job, fate): (&Past, &Fate)| (*fate != Fate::Goes).then(|| job.clone());
        let left: Vec<_> = jobs.iter().zip(&fates_once).filter_map(stays).collect();
        prop_assert!(!fates(&left, &ties, &rule, now()).contains(&Fate::Goes));
    }
}

#[test]
fn each_reason_is_told() {
    let done = Status::Completed;
    let jobs = [
        past(1, done, 30),
        past(2, done, 24),
        past(3, done, 31),
        in_batch("open", past(4, done, 32)),
        Past { keep: true, ..past(5, done, 33) },
        past(6, done, 34),
        past(7, Status::Failed, 35),
        past(8, Status::Cancelled, 36),
    ];
    let ties = Ties::of(&[unended(Some("open"), Some(3))]);
    let stays = Fate::Stays;
    let expected = [
        stays(Because::Recent),
        stays(Because::Newest),
        stays(Because::WaitedFor),
        stays(Because::Unfinished),
        stays(Because::Kept),
        Fate::Goes,
        stays(Because::Newest),
        Fate::Goes,
    ];
    let mut jobs_at = jobs.clone();
    jobs_at[0].ended_at = hours_ago(24);
    jobs_at[1].ended_at = hours_ago(-1);
    assert_eq!(fates(&jobs_at, &ties, &limits(1, 1), now()), expected);

    let choice = Choice { until: Some(hours_ago(31)), statuses: vec![done], kept: false };
    let chosen = fates(&jobs, &ties, &Rule::Chosen(choice), now());
    assert_eq!(chosen[0], stays(Because::NotChosen));
    assert_eq!(chosen[5..], [Fate::Goes, stays(Because::NotChosen), stays(Because::NotChosen)]);
}

#[test]
fn a_batch_counts_once_and_as_failed_when_one_of_its_jobs_did() {
    let mut jobs: Vec<_> =
        (0..100).map(|n| in_batch("big", past(n, Status::Completed, 50))).collect();
    jobs.push(past(100, Status::Completed, 60));
    let ties = Ties::default();
    let goes = |jobs: &[Past]| -> Vec<JobId> {
        let fates = fates(jobs, &ties, &limits(1, 0), now());
        let all = jobs.iter().zip(fates);
        all.filter(|(_, fate)| *fate == Fate::Goes).map(|(job, _)| job.id).collect()
    };
    assert_eq!(goes(&jobs), [JobId::from_bits(100)]);
    jobs[7].status = Status::Failed;
    assert_eq!(goes(&jobs), (0..100).map(JobId::from_bits).collect::<Vec<_>>());
}
