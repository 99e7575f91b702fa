//! Which pending job starts, which never can, and what the others wait for.

use std::collections::BTreeMap;

use jobctl_core::{
    Blocked, Candidate, Condition, Decision, Dependency, JobId, Kind, Limits, OnDependencyFailure,
    Outcome, Status, Time, Usage, Wait, decide, waits,
};

fn at(second: i64) -> Time {
    Time::from_second(1_800_000_000 + second).expect("a valid time")
}

const fn id(bits: u32) -> JobId {
    JobId::from_bits(bits)
}

/// A pending command, submitted in the order of the ids.
fn job(bits: u32) -> Candidate {
    Candidate {
        id: id(bits),
        kind: Kind::RunCommand,
        status: Status::Pending,
        clean: true,
        busy: false,
        waived: false,
        on_dependency_failure: OnDependencyFailure::Cancel,
        priority: 0,
        position: 0,
        submitted_at: at(i64::from(bits)),
        not_before: None,
        after: Box::default(),
        resources: Box::default(),
    }
}

fn running(bits: u32) -> Candidate {
    Candidate { status: Status::Running, busy: true, ..job(bits) }
}

fn taking(bits: u32, resources: &[(&str, u32)]) -> Candidate {
    let resources = resources.iter().map(|(name, units)| ((*name).into(), *units)).collect();
    Candidate { resources, ..job(bits) }
}

fn after(bits: u32, on: u32, condition: Condition) -> Candidate {
    Candidate { after: [Dependency { on: id(on), condition }].into(), ..job(bits) }
}

/// A queue, and how jobs ended that are no longer in it.
#[derive(Default)]
struct Queue {
    jobs: BTreeMap<JobId, Candidate>,
    past: BTreeMap<JobId, Outcome>,
}

impl Queue {
    fn of(jobs: impl IntoIterator<Item = Candidate>) -> Self {
        let jobs = jobs.into_iter().map(|job| (job.id, job)).collect();
        Self { jobs, past: BTreeMap::new() }
    }

    fn decide(&self, limits: &Limits) -> Decision {
        decide(&self.jobs, &self.past, limits, at(500))
    }

    fn starts(&self, limits: &Limits) -> Vec<JobId> {
        self.decide(limits).start
    }

    fn wait<'a>(&'a self, bits: u32, limits: &'a Limits) -> Option<Wait<'a>> {
        waits(&self.jobs, &self.past, limits, at(500)).remove(&id(bits))
    }
}

fn wide() -> Limits {
    Limits::parallel(9)
}

#[test]
fn first_come_first_served_within_a_priority_and_within_the_limit() {
    let mut urgent = job(3);
    urgent.priority = 5;
    let queue = Queue::of([job(1), job(2), urgent, job(4), running(9)]);
    assert_eq!(queue.starts(&Limits::parallel(3)), [id(3), id(1)]);
    assert_eq!(queue.starts(&Limits::parallel(1)), []);
    assert_eq!(queue.starts(&Limits::parallel(0)), []);
    let limits = Limits::parallel(2);
    assert_eq!(queue.wait(3, &limits), None);
    assert_eq!(queue.wait(1, &limits), Some(Wait::Slot { used: 2, of: 2 }));
}

#[test]
fn a_batch_starts_in_the_order_of_its_lines() {
    let line = |bits, position| Candidate { position, submitted_at: at(0), ..job(bits) };
    let queue = Queue::of([line(1, 2), line(2, 0), line(3, 1)]);
    assert_eq!(queue.starts(&wide()), [id(2), id(3), id(1)]);
}

#[test]
fn a_job_waits_for_its_time() {
    let mut late = job(1);
    late.not_before = Some(at(501));
    let queue = Queue::of([late.clone()]);
    let expected = Decision { wake_at: Some(at(501)), ..Decision::default() };
    assert_eq!(queue.decide(&wide()), expected);
    assert_eq!(queue.wait(1, &wide()), Some(Wait::Until(at(501))));
    late.not_before = Some(at(500));
    assert_eq!(Queue::of([late]).starts(&wide()), [id(1)]);
}

#[test]
fn a_dependency_is_met_missed_or_waited_for() {
    use Condition::{Clean, Ended, Failure, Success};
    let conditions = [Success, Clean, Failure, Ended];
    let met = |outcome: Outcome| match outcome {
        Outcome::Clean => [true, true, false, true],
        Outcome::Warned => [true, false, false, true],
        Outcome::Failed => [false, false, true, true],
        Outcome::Cancelled => [false, false, false, true],
    };
    for outcome in [Outcome::Clean, Outcome::Warned, Outcome::Failed, Outcome::Cancelled] {
        for (condition, met) in conditions.into_iter().zip(met(outcome)) {
            let mut first = job(1);
            (first.status, first.clean) = (outcome.status(), outcome != Outcome::Warned);
            let inside = Queue::of([first, after(2, 1, condition)]);
            let mut outside = Queue::of([after(2, 1, condition)]);
            outside.past.insert(id(1), outcome);
            for queue in [inside, outside] {
                let decision = queue.decide(&wide());
                assert_eq!(decision.start.contains(&id(2)), met, "{condition:?} {outcome:?}");
                assert_eq!(decision.blocked.is_empty(), met, "{condition:?} {outcome:?}");
            }
        }
    }
    for status in [Status::Pending, Status::Running, Status::Paused] {
        for condition in conditions {
            let first = Candidate { status, not_before: Some(at(900)), ..job(1) };
            let queue = Queue::of([first, after(2, 1, condition)]);
            let decision = queue.decide(&wide());
            assert_eq!((decision.start, decision.blocked), (vec![], vec![]), "{status}");
            let on = Dependency { on: id(1), condition };
            assert_eq!(queue.wait(2, &wide()), Some(Wait::Job { on, status: Some(status) }));
        }
    }
}

#[test]
fn what_never_can_start_is_told_at_once_with_what_its_submitter_wants() {
    let mut held = after(2, 77, Condition::Ended);
    held.on_dependency_failure = OnDependencyFailure::Hold;
    held.not_before = Some(at(900));
    let queue = Queue::of([held]);
    let on = Dependency { on: id(77), condition: Condition::Ended };
    let blocked = Blocked { id: id(2), on, then: OnDependencyFailure::Hold };
    let expected = Decision { blocked: vec![blocked], ..Decision::default() };
    let drained = Limits { drain: true, ..wide() };
    assert_eq!(queue.decide(&drained), expected);
    assert_eq!(queue.wait(2, &drained), Some(Wait::Job { on, status: None }));
}

#[test]
fn a_waived_job_starts_whatever_became_of_its_dependencies() {
    let waived = Candidate { waived: true, ..after(2, 77, Condition::Success) };
    assert_eq!(Queue::of([waived]).starts(&wide()), [id(2)]);
}

#[test]
fn a_full_kind_lets_other_kinds_pass() {
    let clone = |bits| Candidate { kind: Kind::CloneRepos, ..job(bits) };
    let queue = Queue::of([clone(1), clone(2), job(3)]);
    let limits = Limits { kinds: [(Kind::CloneRepos, 1)].into(), ..wide() };
    assert_eq!(queue.starts(&limits), [id(1), id(3)]);
    let kind = Kind::CloneRepos;
    assert_eq!(queue.wait(2, &limits), Some(Wait::Kind { kind, used: 1, of: 1 }));
}

#[test]
fn there_is_one_of_a_resource_unless_settings_say_otherwise() {
    let queue = Queue::of([taking(1, &[("db", 1)]), taking(2, &[("db", 1)]), job(3)]);
    assert_eq!(queue.starts(&wide()), [id(1), id(3)]);
    let two = Limits { resources: [("db".to_owned(), 2)].into(), ..wide() };
    assert_eq!(queue.starts(&two), [id(1), id(2), id(3)]);
    let none = Limits { resources: [("db".to_owned(), 0)].into(), ..wide() };
    assert_eq!(queue.starts(&none), [id(3)]);
}

#[test]
fn a_job_that_wants_more_than_there_is_takes_all_of_it() {
    let limits = Limits { resources: [("db".to_owned(), 2)].into(), ..wide() };
    let queue = Queue::of([taking(1, &[("db", 7)]), taking(2, &[("db", 1)])]);
    assert_eq!(queue.starts(&limits), [id(1)]);
    let mut busy = taking(1, &[("db", 1)]);
    (busy.status, busy.busy) = (Status::Running, true);
    assert_eq!(Queue::of([busy, taking(2, &[("db", 7)])]).starts(&limits), []);
}

#[test]
fn what_a_job_waits_for_is_kept_for_it_and_the_rest_is_not() {
    let limits = Limits { resources: [("db".to_owned(), 3)].into(), ..wide() };
    let mut busy = taking(1, &[("db", 2)]);
    (busy.status, busy.busy) = (Status::Running, true);
    let queue = Queue::of([
        busy,
        taking(2, &[("db", 2), ("gpu", 1)]),
        taking(3, &[("db", 1)]),
        taking(4, &[("gpu", 1)]),
    ]);
    assert_eq!(queue.starts(&limits), [id(4)]);
    let wait = |wanted, kept_for| Wait::Resource { name: "db", wanted, used: 2, of: 3, kept_for };
    assert_eq!(queue.wait(2, &limits), Some(wait(2, None)));
    assert_eq!(queue.wait(3, &limits), Some(wait(1, Some(id(2)))));
}

#[test]
fn in_drain_nothing_starts_and_all_say_so() {
    let queue = Queue::of([running(1), job(2)]);
    let drained = Limits { drain: true, ..wide() };
    assert_eq!(queue.decide(&drained), Decision::default());
    assert_eq!(queue.wait(2, &drained), Some(Wait::Drain));
    assert_eq!(queue.wait(1, &drained), None);
}

#[test]
fn what_is_in_use_is_what_busy_jobs_take() {
    let mut busy = taking(1, &[("db", 7), ("gpu", 1)]);
    (busy.status, busy.busy) = (Status::Running, true);
    let queue = Queue::of([busy, running(2), taking(3, &[("disk", 1)])]);
    let limits = Limits { resources: [("db".to_owned(), 2)].into(), ..wide() };
    let usage = Usage::of(&queue.jobs, &limits);
    assert_eq!((usage.slots, usage.kinds), (2, [(Kind::RunCommand, 2)].into()));
    assert_eq!(usage.resources, [("db", 2), ("gpu", 1)].into());
}

/// Who starts does so at once: what started is no reason for yet another to start.
#[test]
fn what_is_kept_for_a_job_stays_kept_when_its_kind_is_full_too() {
    let sync = |bits| Candidate { kind: Kind::SyncExternal, ..job(bits) };
    let mut busy = taking(1, &[("db", 2)]);
    (busy.status, busy.busy, busy.kind) = (Status::Running, true, Kind::SyncExternal);
    let wants_all = Candidate { kind: Kind::SyncExternal, priority: 1, ..taking(2, &[("db", 3)]) };
    let mut queue = Queue::of([busy, wants_all, sync(3), taking(4, &[("db", 1)])]);
    let limits = Limits {
        kinds: [(Kind::SyncExternal, 2)].into(),
        resources: [("db".to_owned(), 3)].into(),
        ..wide()
    };
    assert_eq!(queue.starts(&limits), [id(3)]);
    let started = queue.jobs.get_mut(&id(3)).expect("it is there");
    (started.status, started.busy) = (Status::Running, true);
    assert_eq!(queue.starts(&limits), []);
    let (kind, used, of) = (Kind::SyncExternal, 2, 2);
    assert_eq!(queue.wait(2, &limits), Some(Wait::Kind { kind, used, of }));
}
