use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use jiff::SignedDuration;

use crate::{JobId, Spec, Status, Time};

/// What ended within this time stays: somebody may still want to know how it went.
const RECENT: SignedDuration = SignedDuration::from_hours(24);

/// How many ended submissions stay, the newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Of those whose jobs all completed.
    pub completed: usize,
    /// Of those in which a job failed or was cancelled.
    pub failed: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self { completed: 10, failed: 10 }
    }
}

/// A job that has ended, as retention sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Past {
    /// Its name.
    pub id: JobId,
    /// How it ended.
    pub status: Status,
    /// When it ended.
    pub ended_at: Time,
    /// The submission that it came with, where it did not come alone.
    pub batch: Option<String>,
    /// Whether only a person may remove it.
    pub keep: bool,
}

/// What jobs that have not ended still need of ended ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ties {
    waited_for: HashSet<JobId>,
    unfinished: HashSet<String>,
}

impl Ties {
    /// The ties of these jobs, none of which has ended.
    pub fn of<'a>(unended: impl IntoIterator<Item = &'a Spec>) -> Self {
        let mut ties = Self::default();
        unended.into_iter().for_each(|spec| ties.add(spec));
        ties
    }

    /// Adds the ties of one more.
    pub fn add(&mut self, spec: &Spec) {
        self.waited_for.extend(spec.after.iter().map(|dependency| dependency.on));
        if let Some(batch) = spec.batch.as_ref().filter(|batch| !self.are_in(batch)) {
            self.unfinished.insert(batch.clone());
        }
    }

    /// Whether a job that has not ended waits for this one.
    pub fn wait_for(&self, id: JobId) -> bool {
        self.waited_for.contains(&id)
    }

    /// Whether a job of this submission has not ended.
    pub fn are_in(&self, batch: &str) -> bool {
        self.unfinished.contains(batch)
    }
}

/// Which ended jobs are to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Those that are older than a day and not among the newest.
    Retention(Retention),
    /// Those that a person chose; age and number do not count.
    Chosen(Choice),
}

/// What a person chose to remove.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Only what ended until then.
    pub until: Option<Time>,
    /// Only what ended in one of these ways; empty means in any.
    pub statuses: Vec<Status>,
    /// Also what only a person may remove.
    pub kept: bool,
}

/// What becomes of an ended job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is removed.
    Goes,
    /// It stays.
    Stays(Because),
}

/// Why an ended job stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Because {
    /// It is among the newest.
    Newest,
    /// It ended within a day.
    Recent,
    /// A job that has not ended waits for it.
    WaitedFor,
    /// A job that came with it has not ended.
    Unfinished,
    /// Only a person may remove it.
    Kept,
    /// It, or a job that came with it, was not chosen.
    NotChosen,
}

/// What becomes of each of these jobs, in their order. The jobs of one submission share one fate.
pub fn fates(jobs: &[Past], ties: &Ties, rule: &Rule, now: Time) -> Vec<Fate> {
    let mut fates = vec![Fate::Goes; jobs.len()];
    let mut submissions = submissions(jobs);
    submissions.sort_by_key(|places| Reverse(newest(jobs, places)));
    let (mut completed, mut failed) = match rule {
        Rule::Retention(limits) => (limits.completed, limits.failed),
        Rule::Chosen(_) => (0, 0),
    };
    for places in submissions {
        let all = || places.iter().map(|place| &jobs[*place]);
        let left = if all().all(|job| job.status == Status::Completed) {
            &mut completed
        } else {
            &mut failed
        };
        let fate = if *left > 0 {
            *left -= 1;
            Fate::Stays(Because::Newest)
        } else {
            // A job may have several reasons to stay; the first in their order is told.
            let because = all().filter_map(|job| because(job, ties, rule, now)).min();
            because.map_or(Fate::Goes, Fate::Stays)
        };
        for place in places {
            fates[place] = fate;
        }
    }
    fates
}

/// The places of the jobs of each submission.
fn submissions(jobs: &[Past]) -> Vec<Vec<usize>> {
    let mut batches: HashMap<&str, usize> = HashMap::new();
    let mut submissions: Vec<Vec<usize>> = Vec::new();
    for (place, job) in jobs.iter().enumerate() {
        let known = job.batch.as_deref().map(|batch| batches.entry(batch));
        let at = known.map_or(submissions.len(), |batch| *batch.or_insert(submissions.len()));
        match submissions.get_mut(at) {
            Some(places) => places.push(place),
            None => submissions.push(vec![place]),
        }
    }
    submissions
}

/// When the last job of a submission ended; ids tell apart what ended at the same time.
fn newest(jobs: &[Past], places: &[usize]) -> Option<(Time, JobId)> {
    places.iter().map(|place| (jobs[*place].ended_at, jobs[*place].id)).max()
}

/// Why a job must stay that is not among the newest.
fn because(job: &Past, ties: &Ties, rule: &Rule, now: Time) -> Option<Because> {
    if ties.wait_for(job.id) {
        return Some(Because::WaitedFor);
    }
    if job.batch.as_deref().is_some_and(|batch| ties.are_in(batch)) {
        return Some(Because::Unfinished);
    }
    match rule {
        Rule::Retention(_) if job.keep => Some(Because::Kept),
        // A time to come means that the clock was set back: that is no reason to lose anything.
        Rule::Retention(_) => {
            (now.duration_since(job.ended_at) <= RECENT).then_some(Because::Recent)
        }
        Rule::Chosen(choice) if job.keep && !choice.kept => Some(Because::Kept),
        Rule::Chosen(choice) => (!choice.fits(job)).then_some(Because::NotChosen),
    }
}

impl Choice {
    fn fits(&self, job: &Past) -> bool {
        self.until.is_none_or(|until| job.ended_at <= until)
            && (self.statuses.is_empty() || self.statuses.contains(&job.status))
    }
}
