//! What a pending job waits for.

use std::collections::{BTreeMap, BinaryHeap};

use super::room::Room;
use super::{Candidate, Limits, Outcome, Turn};
use crate::{Dependency, JobId, Kind, Status, Time};

/// Why a pending job has not started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait<'a> {
    /// Another job must end first.
    Job {
        /// Which, and how.
        on: Dependency,
        /// Where that job stands; nothing where it is gone. An ended one never meets it.
        status: Option<Status>,
    },
    /// Its time has not come.
    Until(Time),
    /// Nothing is started.
    Drain,
    /// As many jobs run as may.
    Slot {
        /// Jobs that run, or are about to.
        used: usize,
        /// How many may.
        of: usize,
    },
    /// As many jobs of its kind run as may.
    Kind {
        /// Its kind.
        kind: Kind,
        /// Jobs of it that run, or are about to.
        used: usize,
        /// How many may.
        of: usize,
    },
    /// Too little of a resource is free.
    Resource {
        /// Its name.
        name: &'a str,
        /// Units that the job wants.
        wanted: u32,
        /// Units in use, or about to be.
        used: u32,
        /// Units that there are.
        of: u32,
        /// The job whose turn is earlier and that waits for it too.
        kept_for: Option<JobId>,
    },
}

/// Whether a pending job may start as far as time and other jobs are concerned.
pub(super) enum Readiness {
    Ready,
    At(Time),
    After(Dependency, Status),
    Never(Dependency, Option<Status>),
}

pub(super) fn readiness(
    job: &Candidate,
    jobs: &BTreeMap<JobId, Candidate>,
    past: &BTreeMap<JobId, Outcome>,
    now: Time,
) -> Readiness {
    let mut unmet = None;
    for on in job.after.iter().filter(|_| !job.waived) {
        let (status, outcome) = match (jobs.get(&on.on), past.get(&on.on)) {
            (Some(other), _) => (Some(other.status), Outcome::of(other.status, other.clean)),
            (None, Some(outcome)) => (Some(outcome.status()), Some(*outcome)),
            (None, None) => (None, None),
        };
        match (status, outcome) {
            (_, Some(outcome)) if outcome.meets(on.condition) => {}
            (_, Some(_)) | (None, None) => return Readiness::Never(*on, status),
            (Some(status), None) => {
                unmet.get_or_insert(Readiness::After(*on, status));
            }
        }
    }
    unmet.unwrap_or(match job.not_before {
        Some(at) if at > now => Readiness::At(at),
        Some(_) | None => Readiness::Ready,
    })
}

/// What each pending job waits for; those that may start now are not among them.
///
/// Takes what [`decide`](crate::decide) takes, and agrees with it.
pub fn waits<'a>(
    jobs: &'a BTreeMap<JobId, Candidate>,
    past: &BTreeMap<JobId, Outcome>,
    limits: &'a Limits,
    now: Time,
) -> BTreeMap<JobId, Wait<'a>> {
    let mut waits = BTreeMap::new();
    let mut room = Room::new(limits);
    let mut turns = BinaryHeap::new();
    for job in jobs.values() {
        if job.busy {
            room.take(job);
        } else if job.status == Status::Pending {
            let wait = match readiness(job, jobs, past, now) {
                Readiness::Ready => {
                    turns.push(Turn(job));
                    continue;
                }
                Readiness::At(time) => Wait::Until(time),
                Readiness::After(on, status) => Wait::Job { on, status: Some(status) },
                Readiness::Never(on, status) => Wait::Job { on, status },
            };
            waits.insert(job.id, wait);
        }
    }
    while let Some(Turn(job)) = turns.pop() {
        if let Err(wait) = room.admit(job) {
            waits.insert(job.id, wait);
        }
    }
    waits
}
