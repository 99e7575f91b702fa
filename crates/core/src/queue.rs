use std::collections::HashMap;

use crate::{Condition, Dependency, JobId, Kind, Status, Time};

/// What the queue knows of a job that has not ended, or that another depends on.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its name.
    pub id: JobId,
    /// What sort of work.
    pub kind: Kind,
    /// Where it stands.
    pub status: Status,
    /// Whether it is completed without warnings.
    pub clean: bool,
    /// Higher starts first.
    pub priority: i32,
    /// Earlier starts first within one priority.
    pub submitted_at: Time,
    /// Not to be started earlier.
    pub not_before: Option<Time>,
    /// Jobs that must end first.
    pub after: Vec<Dependency>,
    /// Whether a worker holds its claim, or is about to: it takes a slot.
    pub busy: bool,
}

/// How many jobs may run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Over all kinds.
    pub max_parallel: usize,
}

/// The pending jobs that may start now, in the order in which they should.
pub fn startable(jobs: &[Candidate], limits: Limits, now: Time) -> Vec<JobId> {
    let by_id: HashMap<JobId, &Candidate> = jobs.iter().map(|job| (job.id, job)).collect();
    let busy = jobs.iter().filter(|job| job.busy).count();
    let mut ready: Vec<&Candidate> = jobs
        .iter()
        .filter(|job| job.status == Status::Pending && !job.busy)
        .filter(|job| job.not_before.is_none_or(|at| at <= now))
        .filter(|job| job.after.iter().all(|dependency| is_met(*dependency, &by_id)))
        .collect();
    ready.sort_by_key(|job| (std::cmp::Reverse(job.priority), job.submitted_at, job.id));
    ready.iter().take(limits.max_parallel.saturating_sub(busy)).map(|job| job.id).collect()
}

/// Whether a dependency holds. A job that is not there any more never meets one.
fn is_met(dependency: Dependency, jobs: &HashMap<JobId, &Candidate>) -> bool {
    let Some(job) = jobs.get(&dependency.on) else { return false };
    match dependency.condition {
        Condition::Success => job.status == Status::Completed,
        Condition::Clean => job.status == Status::Completed && job.clean,
        Condition::Failure => job.status == Status::Failed,
        Condition::Ended => job.status.is_ended(),
    }
}
