//! Jobs that were interrupted: by a crash, a reboot, or by losing what only a process had.

use std::collections::BTreeMap;

use jobctl_core::{Cause, Change, Job, JobId, Reason, Refused, State, Time};
use jobctl_runner::interruption;
use jobctl_store::{Sighting, Worker};

/// What becomes of an interrupted job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// It goes on by itself.
    GoesOn,
    /// Somebody has to do something.
    Waits,
}

/// Which attempt of a job somebody was told of that was interrupted.
pub(crate) type Told = BTreeMap<JobId, u32>;

/// How the error of a job begins whose workers died too often. The runner writes it.
const CRASHES: [&str; 2] = ["the worker ", "its worker "];

/// What becomes of a job if it was interrupted; `None` where it was not.
pub(crate) fn outlook(seen: &Sighting) -> Option<Outlook> {
    let job = seen.job.as_ref().filter(|_| seen.damage.is_none())?;
    if is_worked_on(seen, job) {
        return None;
    }
    match &job.state {
        State::Running => Some(after_crash(job)),
        State::Paused { reason, resumes_at, .. } => of_pause(job, reason, *resumes_at),
        State::Failed { error, .. } => {
            CRASHES.iter().any(|crash| error.starts_with(crash)).then_some(Outlook::Waits)
        }
        State::Pending | State::Completed { .. } | State::Cancelled { .. } => None,
    }
}

/// Whether the worker of the job's last attempt lives. Somebody else may hold the claim for the
/// milliseconds that one event takes.
fn is_worked_on(seen: &Sighting, job: &Job) -> bool {
    match &seen.worker {
        Worker::Alive(Some(holder)) => job.pid == Some(holder.pid),
        Worker::Alive(None) | Worker::Dead | Worker::None => false,
    }
}

fn of_pause(job: &Job, reason: &Reason, resumes_at: Option<Time>) -> Option<Outlook> {
    match reason {
        // Its program ended, and was seen to: it failed, and was not interrupted.
        Reason::Interrupted { .. } if job.exit.is_some() => None,
        Reason::Interrupted { .. } if resumes_at.is_some() => Some(Outlook::GoesOn),
        Reason::Interrupted { .. }
        | Reason::Environment
        | Reason::Leftover { .. }
        | Reason::Unauthorized { cause: Refused::Missing, .. } => Some(Outlook::Waits),
        Reason::User
        | Reason::RateLimited { .. }
        | Reason::Unauthorized { cause: Refused::Refused, .. }
        | Reason::Approval { .. }
        | Reason::Storage { .. }
        | Reason::Dependency { .. } => None,
    }
}

/// What the next runner does with a job whose worker died.
fn after_crash(job: &Job) -> Outlook {
    let change = interruption(job, Cause::Unknown, job.updated_at);
    let goes_on = matches!(change, Change::Paused { resumes_at: Some(_), .. });
    if goes_on { Outlook::GoesOn } else { Outlook::Waits }
}

/// The line for somebody who comes back, where jobs were interrupted that nobody was told of; and
/// what has been told then. `told` is asked only where there is anything to tell.
pub(crate) fn news(open: &[Sighting], told: impl FnOnce() -> Told) -> Option<(String, Told)> {
    let interrupted: Vec<_> = open
        .iter()
        .filter_map(|seen| Some((seen.id, seen.job.as_ref()?.attempts, outlook(seen)?)))
        .collect();
    if interrupted.is_empty() {
        return None;
    }
    let told = told();
    let is_new = |id: &JobId, attempt: &u32| told.get(id) != Some(attempt);
    let new: Vec<Outlook> = interrupted
        .iter()
        .filter(|(id, attempt, _)| is_new(id, attempt))
        .map(|(_, _, outlook)| *outlook)
        .collect();
    let now = interrupted.iter().map(|(id, attempt, _)| (*id, *attempt)).collect();
    (!new.is_empty()).then(|| (line(&new), now))
}

fn line(new: &[Outlook]) -> String {
    let waiting = new.iter().filter(|outlook| **outlook == Outlook::Waits).count();
    let going = new.len() - waiting;
    let jobs =
        if new.len() == 1 { "1 job was".to_owned() } else { format!("{} jobs were", new.len()) };
    let what = match (going, waiting) {
        (1, 0) => "it goes on by itself".to_owned(),
        (_, 0) => "all go on by themselves".to_owned(),
        (0, 1) => "it waits for you".to_owned(),
        (0, _) => "all wait for you".to_owned(),
        (going, waiting) => {
            let goes = if going == 1 { "goes on by itself" } else { "go on by themselves" };
            let waits = if waiting == 1 { "waits for you" } else { "wait for you" };
            format!("{going} {goes}, {waiting} {waits}")
        }
    };
    format!("{jobs} interrupted since your last call: {what} (jobctl recover)")
}

#[cfg(test)]
mod tests {
    use jobctl_core::OnCrash;

    use super::*;
    use crate::views::samples;

    /// A job that was started and then met this.
    fn after(changes: Vec<Change>, adjust: impl FnOnce(&mut Job)) -> Sighting {
        let mut seen = samples::pending();
        let mut job = seen.job.take().unwrap();
        adjust(&mut job);
        for change in [Change::Started { pid: 7 }].into_iter().chain(changes) {
            job = job.apply(change.at(samples::now())).unwrap();
        }
        seen.job = Some(job);
        seen
    }

    fn paused(reason: Reason, resumes_at: Option<Time>) -> Change {
        Change::Paused { reason, resumes_at }
    }

    fn died(resumes_at: Option<Time>) -> Change {
        paused(Reason::Interrupted { attempt: 1, cause: Cause::Unknown }, resumes_at)
    }

    #[test]
    fn what_was_interrupted_is_told_from_what_was_not() {
        let later = Some(samples::now());
        let missing = |cause| Reason::Unauthorized {
            connection: "github".into(),
            cause,
            message: String::new(),
            url: None,
        };
        let failed = |error: &str| Change::Failed { error: error.into() };
        let cases = [
            (died(later), Some(Outlook::GoesOn)),
            (died(None), Some(Outlook::Waits)),
            (paused(Reason::Environment, None), Some(Outlook::Waits)),
            (paused(Reason::Leftover { pids: vec![7] }, None), Some(Outlook::Waits)),
            (paused(missing(Refused::Missing), None), Some(Outlook::Waits)),
            (paused(missing(Refused::Refused), None), None),
            (paused(Reason::User, None), None),
            (failed("the worker died (cause unknown), attempt 5"), Some(Outlook::Waits)),
            (failed("its worker ended 3 times before it began"), Some(Outlook::Waits)),
            (failed("exited with code 1"), None),
        ];
        for (change, wanted) in cases {
            let seen = after(vec![change.clone()], |_| ());
            assert_eq!(outlook(&seen), wanted, "{change:?}");
        }
        assert!(samples::all().iter().filter_map(outlook).eq([Outlook::GoesOn]));
    }

    #[test]
    fn a_dead_worker_is_an_interruption_and_a_living_one_is_not() {
        let dead = |adjust: fn(&mut Job)| {
            let mut seen = after(Vec::new(), adjust);
            seen.worker = Worker::Dead;
            outlook(&seen)
        };
        assert_eq!(outlook(&samples::running()), None);
        assert_eq!(dead(|_| ()), Some(Outlook::GoesOn));
        assert_eq!(dead(|job| job.spec.on_crash = OnCrash::Hold), Some(Outlook::Waits));
        assert_eq!(dead(|job| job.spec.auto_resume = false), Some(Outlook::Waits));
        assert_eq!(dead(|job| job.spec.max_attempts = 1), Some(Outlook::Waits));
        // Whoever records the death holds the claim for a moment.
        let mut recorded = samples::running();
        let Worker::Alive(Some(holder)) = &mut recorded.worker else { panic!() };
        holder.pid += 1;
        assert_eq!(outlook(&recorded), Some(Outlook::GoesOn));
    }

    #[test]
    fn a_program_that_failed_was_not_interrupted() {
        let mut seen = after(vec![died(Some(samples::now()))], |_| ());
        seen.job.as_mut().unwrap().exit = Some(Cause::Exited(1));
        assert_eq!(outlook(&seen), None);
    }

    #[test]
    fn each_interruption_is_told_once() {
        let seen = [after(vec![died(None)], |_| ())];
        let (line, told) = news(&seen, Told::new).unwrap();
        assert!(line.starts_with("1 job was interrupted"), "{line}");
        assert_eq!(news(&seen, || told.clone()), None);
        assert_eq!(news(&[], || told.clone()), None);
        let again = vec![
            died(None),
            Change::Resumed { by: jobctl_core::ResumedBy::Person },
            Change::Started { pid: 8 },
            died(None),
        ];
        assert!(news(&[after(again, |_| ())], || told.clone()).is_some());
    }

    #[test]
    fn the_line_says_what_becomes_of_them() {
        use Outlook::{GoesOn, Waits};
        let lines: Vec<String> = [
            &[GoesOn][..],
            &[Waits],
            &[GoesOn, GoesOn],
            &[Waits, Waits],
            &[GoesOn, Waits],
            &[Waits, GoesOn, GoesOn, Waits],
        ]
        .map(line)
        .into();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
