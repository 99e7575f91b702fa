//! Which jobs a change is about: those that were named, or all that it makes sense for.

use std::cmp::Reverse;
use std::collections::HashSet;

use jobctl_core::{Job, JobId, Reason, State, Status};
use jobctl_store::{Ended, Which};

use crate::args::ChangeArgs;
use crate::error::Failure;
use crate::ids;
use crate::session::{Opened, Session};
use crate::text;

/// What can be done to many jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Pause,
    Resume,
    Cancel,
    Restart,
}

/// Jobs that were chosen.
pub(crate) struct Chosen {
    pub(crate) opened: Opened,
    /// Oldest first where nobody named them.
    pub(crate) ids: Vec<JobId>,
    /// Whether each of them was named.
    pub(crate) named: bool,
    /// What was named and is no job.
    pub(crate) failures: Vec<Failure>,
}

impl Verb {
    /// As a command.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Restart => "restart",
        }
    }

    /// What is true of a job once it is done.
    pub(crate) const fn participle(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Cancel => "cancelled",
            Self::Restart => "restarted",
        }
    }

    /// The statuses that it can be done in.
    const fn possible(self) -> &'static [Status] {
        use Status as S;
        match self {
            Self::Pause => &[S::Pending, S::Running, S::Paused],
            Self::Resume => &[S::Paused, S::Failed, S::Completed],
            Self::Cancel => &[S::Pending, S::Running, S::Paused, S::Failed],
            Self::Restart => &[S::Completed, S::Failed, S::Cancelled],
        }
    }

    /// Those that `--all` means.
    const fn usual(self) -> &'static [Status] {
        use Status as S;
        match self {
            Self::Pause | Self::Cancel => &[S::Pending, S::Running, S::Paused],
            Self::Resume => &[S::Paused],
            Self::Restart => &[S::Failed, S::Cancelled],
        }
    }

    /// Whether it would change anything for the better about a job that has not ended.
    fn suits(self, job: &Job) -> bool {
        let State::Paused { reason, resumes_at, .. } = &job.state else { return true };
        match self {
            // What waits for a person stands still already, and says why.
            Self::Pause => resumes_at.is_some() || reason.is_lacking(),
            // It would be asking too early, and goes on by itself.
            Self::Resume => !matches!(reason, Reason::RateLimited { .. }) || resumes_at.is_none(),
            Self::Cancel | Self::Restart => true,
        }
    }

    /// The same of one that has.
    fn suits_ended(self, ended: &Ended, restarted: &HashSet<JobId>) -> bool {
        match self {
            Self::Resume => ended.status != Status::Completed || ended.warnings > 0,
            Self::Restart => !restarted.contains(&ended.id),
            Self::Pause | Self::Cancel => true,
        }
    }
}

/// The jobs that the arguments mean; without any, the one that is picked. Asks before many are
/// given up.
pub(crate) fn choose(session: &Session, args: &ChangeArgs, verb: Verb) -> Result<Chosen, Failure> {
    let is_filtered = args.all || !args.status.is_empty() || args.kind.is_some();
    if !is_filtered {
        let (opened, ids, failures) = ids::each(session, &args.ids, verb.participle())?;
        opened.must_be_ours()?;
        return Ok(Chosen { opened, ids, named: true, failures });
    }
    if let Some(status) = args.status.iter().find(|status| !verb.possible().contains(status)) {
        let names: Vec<_> = verb.possible().iter().map(|status| status.name()).collect();
        return Err(Failure::usage(
            format!("a {status} job cannot be {}", verb.participle()),
            format!("--status {}", names.join(",")),
        ));
    }
    let Some(opened) = session.open()? else {
        return Err(Failure::no_such("no job here", "jobctl list --everywhere"));
    };
    opened.must_be_ours()?;
    let ids = all(&opened, args, verb)?;
    if verb == Verb::Cancel && !ids.is_empty() {
        agreed(session, ids.len())?;
    }
    Ok(Chosen { opened, ids, named: false, failures: Vec::new() })
}

/// All jobs that the filters let through and that the verb makes sense for.
fn all(opened: &Opened, args: &ChangeArgs, verb: Verb) -> Result<Vec<JobId>, Failure> {
    let statuses = if args.status.is_empty() { verb.usual() } else { &args.status };
    let which =
        if statuses.iter().any(|status| status.is_ended()) { Which::All } else { Which::Active };
    let overview = opened.store.overview(which)?;
    let open = || overview.open.iter().filter(|seen| seen.damage.is_none());
    let open = || open().filter_map(|seen| seen.job.as_ref());
    let restarted = open()
        .filter_map(|job| job.spec.restarted_from)
        .chain(overview.ended.iter().filter_map(|ended| ended.restarted_from))
        .collect();
    let is_of = |status: Status, kind| {
        statuses.contains(&status) && args.kind.is_none_or(|wanted| wanted == kind)
    };
    let unended = open()
        .filter(|job| is_of(job.status(), job.spec.kind) && verb.suits(job))
        .map(|job| (job.submitted_at, job.id));
    let ended = overview
        .ended
        .iter()
        .filter(|ended| is_of(ended.status, ended.kind) && verb.suits_ended(ended, &restarted))
        .map(|ended| (ended.submitted_at, ended.id));
    let mut found: Vec<_> = unended.chain(ended).collect();
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, id)| id).collect())
}

/// In which order jobs are changed, by where they stand: what waits before what runs, so that
/// nothing starts because something else ended; the newest first, since others may wait for older
/// ones. Where jobs are to start, the oldest goes first.
pub(super) fn turn(verb: Verb, job: &Job) -> impl Ord + use<> {
    let rank = match job.state {
        State::Pending => 0,
        State::Paused { .. } => 1,
        State::Running => 2,
        State::Completed { .. } | State::Failed { .. } | State::Cancelled { .. } => 3,
    };
    let submitted = (job.submitted_at, job.id);
    match verb {
        Verb::Pause | Verb::Cancel => (rank, Some(Reverse(submitted)), None),
        Verb::Resume | Verb::Restart => (0, None, Some(submitted)),
    }
}

/// Fails unless somebody agrees that so many jobs are given up. Where nobody can be asked, who
/// typed it meant it.
fn agreed(session: &Session, count: usize) -> Result<(), Failure> {
    let screen = &session.screen;
    if screen.yes() || (!screen.can_ask() && !session.globals.no_input) {
        return Ok(());
    }
    let jobs = text::plural(count as u64, "job", "jobs");
    if session.globals.no_input {
        return Err(Failure::usage(
            format!("whether to cancel {jobs} cannot be asked here"),
            "look at them with jobctl list --active, then pass --yes",
        ));
    }
    let answer = screen.ask(&format!("Cancel {jobs} for good? [y/N]"));
    if answer.is_some_and(|answer| matches!(answer.to_lowercase().as_str(), "y" | "yes")) {
        return Ok(());
    }
    Err(Failure::not_allowed("nothing was cancelled", "jobctl list --active shows what there is"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::samples;

    #[test]
    fn what_waits_is_stopped_before_what_runs_and_the_newest_first() {
        let mut jobs: Vec<_> = samples::all().into_iter().filter_map(|seen| seen.job).collect();
        let mut again = samples::pending().job.unwrap();
        again.id = JobId::from_bits(0x4444_4445);
        jobs.push(again);
        let order = |verb: Verb, mut jobs: Vec<Job>| -> Vec<Status> {
            jobs.sort_by_key(|job| turn(verb, job));
            jobs.iter().map(Job::status).collect()
        };
        let stopped = order(Verb::Cancel, jobs.clone());
        assert!(stopped.is_sorted_by_key(|status| match status {
            Status::Pending => 0,
            Status::Paused => 1,
            Status::Running => 2,
            Status::Completed | Status::Failed | Status::Cancelled => 3,
        }));
        jobs.retain(|job| job.status() == Status::Pending);
        jobs.sort_by_key(|job| turn(Verb::Cancel, job));
        assert_eq!(
            jobs.iter().map(|job| job.id.to_string()).collect::<Vec<_>>(),
            ["44444445", "44444444"]
        );
        jobs.sort_by_key(|job| turn(Verb::Resume, job));
        assert_eq!(jobs[0].id.to_string(), "44444444");
    }

    #[test]
    fn what_is_usual_is_possible() {
        for verb in [Verb::Pause, Verb::Resume, Verb::Cancel, Verb::Restart] {
            assert!(verb.usual().iter().all(|status| verb.possible().contains(status)));
        }
    }
}
