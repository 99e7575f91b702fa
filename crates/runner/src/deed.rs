//! What the runner writes to jobs that nobody holds.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use jobctl_core::{
    Blocked, Cause, Change, Condition, Job, JobId, OnDependencyFailure, Reason, ResumedBy, State,
    Status, Time,
};

use crate::desk::STORAGE_BACKOFF;
use crate::plan::{Plan, interruption};

/// The exit code of a worker whose disk is full or failing.
const STORAGE_EXIT: i32 = 6;

/// What the runner writes to a job that nobody holds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Deed {
    /// Answers to requests, and nothing else.
    Answer,
    /// That its worker has gone without a word.
    Interrupted,
    /// That its pause is over.
    Resume(ResumedBy),
    /// That nobody has its environment.
    Homeless,
    /// That its dependency can no longer be met.
    Blocked(Blocked),
}

impl Deed {
    /// All that a plan asks for, in the order of urgency.
    pub(crate) fn all(plan: &Plan) -> Vec<(JobId, Self)> {
        let asked = plan.asked.iter().map(|id| (*id, Self::Answer));
        let interrupted = plan.interrupted.iter().map(|id| (*id, Self::Interrupted));
        let resume = plan.resume.iter().map(|(id, by)| (*id, Self::Resume(*by)));
        let blocked = plan.blocked.iter().map(|blocked| (blocked.id, Self::Blocked(*blocked)));
        let homeless = plan.homeless.iter().map(|id| (*id, Self::Homeless));
        asked.chain(interrupted).chain(resume).chain(blocked).chain(homeless).collect()
    }
}

/// A job in hand, and the time.
pub(crate) struct Standing<'a> {
    pub(crate) job: &'a Job,
    pub(crate) now: Time,
}

impl Standing<'_> {
    /// The event of a deed, where it still applies; `status`: how the worker ended.
    pub(crate) fn change(&self, deed: Deed, status: Option<ExitStatus>) -> Option<Change> {
        match deed {
            Deed::Answer => None,
            Deed::Interrupted => self.interrupted(status),
            Deed::Resume(by) => self.resumed(by),
            Deed::Homeless => self
                .is_pending()
                .then_some(Change::Paused { reason: Reason::Environment, resumes_at: None }),
            Deed::Blocked(blocked) => self.blocked(blocked),
        }
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.job.status() == Status::Pending
    }

    fn blocked(&self, Blocked { on, then, .. }: Blocked) -> Option<Change> {
        let is_so = self.is_pending() && !self.job.waived && self.job.spec.after.contains(&on);
        is_so.then(|| match then {
            OnDependencyFailure::Hold => {
                Change::Paused { reason: Reason::Dependency { on: on.on }, resumes_at: None }
            }
            OnDependencyFailure::Cancel => Change::Cancelled {
                reason: Some(format!("job {} {}", on.on, in_vain(on.condition))),
            },
        })
    }

    fn interrupted(&self, status: Option<ExitStatus>) -> Option<Change> {
        if self.job.status() != Status::Running {
            return None;
        }
        if is_storage(status.as_ref()) {
            let message = "the disk is full or failing".to_owned();
            let resumes_at = self.job.spec.auto_resume.then(|| self.now + STORAGE_BACKOFF);
            return Some(Change::Paused { reason: Reason::Storage { message }, resumes_at });
        }
        Some(interruption(self.job, cause(status), self.now))
    }

    fn resumed(&self, by: ResumedBy) -> Option<Change> {
        match &self.job.state {
            State::Paused { resumes_at, .. } => {
                let due = match by {
                    ResumedBy::Timer => resumes_at.is_some_and(|at| at <= self.now),
                    ResumedBy::Offer | ResumedBy::Person => true,
                };
                due.then_some(Change::Resumed { by })
            }
            State::Pending
            | State::Running
            | State::Completed { .. }
            | State::Failed { .. }
            | State::Cancelled { .. } => None,
        }
    }
}

/// Whether a worker ended because the disk is full or failing.
pub(crate) fn is_storage(status: Option<&ExitStatus>) -> bool {
    status.and_then(ExitStatus::code) == Some(STORAGE_EXIT)
}

fn cause(status: Option<ExitStatus>) -> Cause {
    match status {
        Some(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Cause::Exited(code),
            (None, Some(signal)) => Cause::Signalled(signal),
            (None, None) => Cause::Unknown,
        },
        None => Cause::Unknown,
    }
}

/// What a job did not do that another waited for.
const fn in_vain(condition: Condition) -> &'static str {
    match condition {
        Condition::Success => "did not succeed",
        Condition::Clean => "did not succeed without warnings",
        Condition::Failure => "did not fail",
        Condition::Ended => "is gone",
    }
}
