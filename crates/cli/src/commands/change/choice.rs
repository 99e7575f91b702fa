//! Which jobs a change is about: those that were named, or all that it makes sense for.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

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
        .map(|job| (job.submitted_at, None, job.id));
    let ended = overview
        .ended
        .iter()
        .filter(|ended| is_of(ended.status, ended.kind) && verb.suits_ended(ended, &restarted))
        .map(|ended| (ended.submitted_at, Some(ended.ended_at), ended.id));
    // Jobs of one submission that ran one after the other keep their order.
    let mut found: Vec<_> = unended.chain(ended).collect();
    found.sort_unstable();
    Ok(found.into_iter().map(|(_, _, id)| id).collect())
}

/// Puts jobs into the order in which they are changed. What is stopped: what waits before what
/// runs, so that nothing starts because something else ended; a job before those that it waits
/// for; else the newest first. What starts: the oldest first.
pub(super) fn sort(verb: Verb, jobs: &mut [Job]) {
    match verb {
        Verb::Pause | Verb::Cancel => {
            let depths = depths(jobs);
            let depth = |job: &Job| depths.get(&job.id).copied().unwrap_or_default();
            jobs.sort_by_cached_key(|job| {
                (rank(job), Reverse((depth(job), job.submitted_at, job.id)))
            });
        }
        Verb::Resume | Verb::Restart => jobs.sort_by_key(|job| (job.submitted_at, job.id)),
    }
}

const fn rank(job: &Job) -> u8 {
    match job.state {
        State::Pending => 0,
        State::Paused { .. } => 1,
        State::Running => 2,
        State::Completed { .. } | State::Failed { .. } | State::Cancelled { .. } => 3,
    }
}

/// How many of these jobs stand one behind the other before each of them.
fn depths(jobs: &[Job]) -> HashMap<JobId, usize> {
    let known: HashMap<JobId, &Job> = jobs.iter().map(|job| (job.id, job)).collect();
    let mut depths = HashMap::new();
    let mut entered = HashSet::new();
    for job in jobs {
        // Not by recursion: a chain may have ten thousand links.
        let mut open = if entered.insert(job.id) { vec![job] } else { Vec::new() };
        while let Some(job) = open.last().copied() {
            let before = || job.spec.after.iter().filter_map(|after| known.get(&after.on));
            // One that was entered and has no depth waits for itself, which no submission allows.
            if let Some(first) = before().find(|job| entered.insert(job.id)) {
                open.push(first);
                continue;
            }
            let deepest = before().filter_map(|job| depths.get(&job.id)).max().copied();
            depths.insert(job.id, deepest.map_or(0, |deepest: usize| deepest + 1));
            open.pop();
        }
    }
    depths
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
    if screen.agrees(&format!("Cancel {jobs} for good?")) {
        return Ok(());
    }
    Err(Failure::not_allowed("nothing was cancelled", "jobctl list --active shows what there is"))
}

#[cfg(test)]
mod tests {
    use jobctl_core::{Condition, Dependency};

    use super::*;
    use crate::views::samples;

    fn sorted(verb: Verb, mut jobs: Vec<Job>) -> Vec<Job> {
        sort(verb, &mut jobs);
        jobs
    }

    #[test]
    fn what_waits_is_stopped_before_what_runs() {
        let jobs: Vec<_> = samples::all().into_iter().filter_map(|seen| seen.job).collect();
        let stopped = sorted(Verb::Cancel, jobs);
        assert!(stopped.is_sorted_by_key(rank), "{stopped:?}");
        assert_eq!(stopped[0].status(), Status::Pending);
    }

    #[test]
    fn a_job_is_stopped_before_those_that_it_waits_for_and_started_after_them() {
        let pending = samples::pending().job.unwrap();
        let job = |number: u32, after: &[u32]| {
            let on = after.iter().map(|on| JobId::from_bits(*on));
            let after = on.map(|on| Dependency { on, condition: Condition::Ended }).collect();
            let mut job = pending.clone();
            (job.id, job.spec.after) = (JobId::from_bits(number), after);
            job
        };
        // All of one moment, as the jobs of a batch are. 5 and 6 wait for each other.
        let jobs = vec![
            job(1, &[4]),
            job(2, &[]),
            job(3, &[1, 2, 99]),
            job(4, &[]),
            job(5, &[6]),
            job(6, &[5]),
        ];
        let place = |jobs: &[Job], number: u32| {
            jobs.iter().position(|job| job.id == JobId::from_bits(number)).unwrap()
        };
        let stopped = sorted(Verb::Cancel, jobs.clone());
        for (earlier, later) in [(3, 1), (3, 2), (1, 4)] {
            assert!(place(&stopped, earlier) < place(&stopped, later), "{earlier} {later}");
        }
        assert_eq!(stopped.len(), jobs.len());
        let started = sorted(Verb::Resume, jobs);
        assert!(started.is_sorted_by_key(|job| job.id));
        let chain: Vec<_> = (1..10_000).map(|number| job(number, &[number - 1])).rev().collect();
        assert_eq!(sorted(Verb::Cancel, chain)[0].id, JobId::from_bits(9_999));
    }

    #[test]
    fn what_is_usual_is_possible() {
        for verb in [Verb::Pause, Verb::Resume, Verb::Cancel, Verb::Restart] {
            assert!(verb.usual().iter().all(|status| verb.possible().contains(status)));
        }
    }
}
