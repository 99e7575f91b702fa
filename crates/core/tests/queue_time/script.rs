//! What is going to happen to some jobs, as far as the queue does not decide it.

use jobctl_core::{Condition, Kind, Limits, OnDependencyFailure};
use proptest::prelude::*;

/// From this second on there is room for everything.
const FREE: i64 = 60;

#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// In the order of submission: no job depends on a later one.
    pub(crate) jobs: Vec<Planned>,
    /// Limits and since when they count; the first since ever, the last allow everything to end.
    pub(crate) limits: Vec<(i64, Limits)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) submitted: i64,
    pub(crate) position: u32,
    pub(crate) kind: Kind,
    pub(crate) priority: i32,
    pub(crate) not_before: Option<i64>,
    pub(crate) resources: Vec<(&'static str, u32)>,
    /// Jobs by their place in the script, and how they must end; nothing stands for a job that
    /// never was.
    pub(crate) after: Vec<(Option<usize>, Condition)>,
    pub(crate) on_dependency_failure: OnDependencyFailure,
    /// Stretches of work and what follows each.
    pub(crate) stretches: Vec<(i64, Pause)>,
    /// The last stretch and how the job ends.
    pub(crate) last: (i64, End),
    /// When somebody cancels it, if it does not run then.
    pub(crate) cancelled: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Pause {
    pub(crate) seconds: i64,
    /// Whether its worker waits, and keeps its slot.
    pub(crate) waiting: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Clean,
    Warned,
    Failed,
    Cancelled,
}

impl Script {
    pub(crate) fn limits_at(&self, second: i64) -> &Limits {
        let since = self.limits.iter().rev().find(|(since, _)| *since <= second);
        &since.expect("the first limits count since ever").1
    }
}

impl Planned {
    /// How long a stretch of work takes, and what follows it: a pause, or the end.
    pub(crate) fn stretch(&self, number: usize) -> (i64, Result<Pause, End>) {
        match self.stretches.get(number) {
            Some((seconds, pause)) => (*seconds, Ok(*pause)),
            None => (self.last.0, Err(self.last.1)),
        }
    }
}

pub(crate) fn scripts() -> impl Strategy<Value = Script> {
    let jobs = prop::collection::vec((planned(), 0..3_i64), 1..24).prop_map(|jobs| {
        let mut now = 0;
        let mut all: Vec<Planned> = Vec::new();
        for (mut job, later) in jobs {
            now += later;
            job.submitted = now;
            job.not_before = job.not_before.map(|wait| now + wait);
            job.cancelled = job.cancelled.map(|wait| now + wait);
            for (on, _) in &mut job.after {
                // One in about twenty stays a job that never was.
                *on = on.filter(|_| !all.is_empty()).map(|on| on % all.len());
            }
            job.after.retain(|(on, _)| on.is_some() || job.priority == 2);
            all.push(job);
        }
        all
    });
    let changes = prop::collection::vec((1..FREE, limits()), 0..5);
    (jobs, limits(), changes, free()).prop_map(|(jobs, first, mut limits, free)| {
        limits.push((i64::MIN, first));
        limits.push((FREE, free));
        limits.sort_by_key(|(since, _)| *since);
        Script { jobs, limits }
    })
}

fn planned() -> impl Strategy<Value = Planned> {
    let on = prop::option::weighted(0.9, 0..99_usize);
    let how = (kind(), -1..3_i32, 0..4_u32, prop::option::weighted(0.2, 0..30_i64));
    let asks = (
        prop::collection::vec((on, condition()), 0..3),
        prop_oneof![Just(OnDependencyFailure::Cancel), Just(OnDependencyFailure::Hold)],
        prop::sample::subsequence(vec!["cpu", "db", "gpu"], 0..3),
        prop::collection::vec(1..4_u32, 3),
    );
    let pause = (1..6_i64, any::<bool>()).prop_map(|(seconds, waiting)| Pause { seconds, waiting });
    let does = (
        prop::collection::vec((1..6_i64, pause), 0..2),
        (1..9_i64, end()),
        prop::option::weighted(0.1, 0..40_i64),
    );
    (how, asks, does).prop_map(|(how, asks, does)| {
        let (kind, priority, position, not_before) = how;
        let (after, on_dependency_failure, names, units) = asks;
        let (stretches, last, cancelled) = does;
        Planned {
            submitted: 0,
            position,
            kind,
            priority,
            not_before,
            resources: names.into_iter().zip(units).collect(),
            after,
            on_dependency_failure,
            stretches,
            last,
            cancelled,
        }
    })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::CloneRepos),
        Just(Kind::ImportIssues),
        Just(Kind::SyncExternal),
        Just(Kind::RunCommand)
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        3 => Just(Condition::Success),
        1 => Just(Condition::Clean),
        1 => Just(Condition::Failure),
        2 => Just(Condition::Ended)
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        4 => Just(End::Clean),
        1 => Just(End::Warned),
        1 => Just(End::Failed),
        1 => Just(End::Cancelled)
    ]
}

/// Limits as somebody may set them, those that let nothing start among them.
fn limits() -> impl Strategy<Value = Limits> {
    let resource = prop::sample::select(vec!["cpu", "db", "gpu"]).prop_map(str::to_owned);
    (
        0..5_usize,
        prop::collection::btree_map(kind(), 0..3_usize, 0..3),
        prop::collection::btree_map(resource, 0..5_u32, 0..4),
        prop::bool::weighted(0.15),
    )
        .prop_map(|(max_parallel, kinds, resources, drain)| Limits {
            max_parallel,
            kinds,
            resources,
            drain,
        })
}

/// Limits under which everything ends.
fn free() -> impl Strategy<Value = Limits> {
    limits().prop_map(|mut limits| {
        limits.max_parallel += 1;
        limits.kinds.values_mut().for_each(|most| *most += 1);
        limits.resources.values_mut().for_each(|units| *units += 1);
        limits.drain = false;
        limits
    })
}
