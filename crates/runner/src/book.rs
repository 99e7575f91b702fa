//! All that has not ended, as the runner remembers it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jobctl_core::{Candidate, Job, JobId, Need, Outcome, State, Status, Time};
use jobctl_store::{Ended, FileStore, Last, News, Sighting, Worker};

/// Jobs that have not ended, and how those ended that they may depend on. Ten thousand that wait
/// take two megabytes.
#[derive(Debug, Default)]
pub(crate) struct Book {
    /// All that has not ended.
    pub(crate) jobs: BTreeMap<JobId, Candidate>,
    /// How jobs ended that others may depend on.
    pub(crate) past: BTreeMap<JobId, Outcome>,
    /// More about jobs that were claimed once.
    pub(crate) begun: BTreeMap<JobId, Begun>,
    /// What jobs need; few sets of needs are shared by many jobs.
    needs: HashMap<JobId, Arc<[Need]>>,
    sets: BTreeSet<Arc<[Need]>>,
    /// Jobs that others depend on and of which nothing is known yet.
    unknown: BTreeSet<JobId>,
    /// Whether anything was news since that was last asked.
    is_news: bool,
}

/// A job that was claimed once and has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Begun {
    /// Where it stands.
    pub(crate) stand: Stand,
    /// Whether its claim is held, and by whom.
    pub(crate) worker: Worker,
    /// Whether requests wait for an answer.
    pub(crate) is_asked: bool,
    /// Whether nobody can claim it: it waits for a person, and the runner not for it.
    pub(crate) is_damaged: bool,
    /// How many attempts it had.
    attempts: u32,
}

/// Where a job stands, as far as the runner cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    /// It waits for its turn.
    Pending,
    /// A worker is at it, or should be.
    Running,
    /// It goes on at this time.
    Until(Time),
    /// It goes on once all that it needs is there.
    Lacking,
    /// It waits for a person.
    Still,
}

/// A change that people may want to hear of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Which job.
    pub(crate) id: JobId,
    /// What became of it: paused, or ended.
    pub(crate) status: Status,
    /// When.
    pub(crate) at: Time,
}

impl Book {
    /// Takes note of what happened; what is told again as it was is no news.
    pub(crate) fn learn(&mut self, news: News) -> Option<Turn> {
        match news {
            News::Anew => {
                self.jobs.clear();
                self.begun.clear();
                self.needs.clear();
                None
            }
            News::Submitted { job, position } => {
                self.is_news = true;
                self.keep(&job, position, false);
                None
            }
            News::Seen(seen) => self.see(*seen),
            News::Ended(ended) => self.end(&ended),
            News::Gone(id) => {
                self.forget(id);
                None
            }
        }
    }

    fn see(&mut self, seen: Sighting) -> Option<Turn> {
        let is_held = matches!(seen.worker, Worker::Alive(_));
        let Some(job) = &seen.job else {
            // Nothing can be read of it: who depends on it waits, as for one that stands still.
            self.jobs.entry(seen.id).or_insert_with(|| Candidate::unreadable(seen.id));
            self.begun.insert(seen.id, Begun { worker: seen.worker, ..Begun::damaged() });
            return None;
        };
        let position = self.jobs.get(&job.id).map_or(0, |known| known.position);
        let was_paused = self.jobs.get(&job.id).is_none_or(|job| job.status == Status::Paused);
        self.keep(job, position, is_held);
        if seen.damage.is_some() && !is_held {
            // Nobody can claim it: it does not start, and who depends on it waits.
            self.jobs.entry(job.id).and_modify(|job| job.status = Status::Paused);
        }
        let begun = Begun {
            stand: Stand::of(job),
            is_asked: !seen.requests.is_empty(),
            is_damaged: seen.damage.is_some(),
            worker: seen.worker,
            attempts: job.attempts,
        };
        let before = self.begun.insert(job.id, begun.clone());
        self.is_news |= before != Some(begun);
        let paused = job.status() == Status::Paused && !was_paused;
        paused.then_some(Turn { id: job.id, status: Status::Paused, at: job.updated_at })
    }

    fn keep(&mut self, job: &Job, position: u32, busy: bool) {
        for on in job.spec.after.iter().map(|dependency| dependency.on) {
            if !self.jobs.contains_key(&on) && !self.past.contains_key(&on) {
                self.unknown.insert(on);
            }
        }
        self.unknown.remove(&job.id);
        let set: Arc<[Need]> = job.spec.all_needs().collect();
        if !set.is_empty() {
            let known = self.sets.get(&set).cloned();
            self.sets.insert(Arc::clone(&set));
            self.needs.insert(job.id, known.unwrap_or(set));
        }
        self.past.remove(&job.id);
        self.jobs.insert(job.id, Candidate::of(job, position, busy));
    }

    fn end(&mut self, ended: &Ended) -> Option<Turn> {
        let was_known = self.forget(ended.id);
        self.is_news = true;
        self.recall(ended.id, ended.outcome());
        was_known.then_some(Turn { id: ended.id, status: ended.status, at: ended.ended_at })
    }

    /// Forgets a job that has ended or was removed; says whether it was known.
    fn forget(&mut self, id: JobId) -> bool {
        self.begun.remove(&id);
        self.needs.remove(&id);
        self.jobs.remove(&id).is_some()
    }

    /// Whether anything was news since this was last asked.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.is_news)
    }

    /// Jobs that others depend on and of which nothing is known yet; each is told once.
    pub(crate) fn take_unknown(&mut self) -> Vec<JobId> {
        let unknown = std::mem::take(&mut self.unknown);
        let is_known = |id: &JobId| self.jobs.contains_key(id) || self.past.contains_key(id);
        unknown.into_iter().filter(|id| !is_known(id)).collect()
    }

    /// Learns how the jobs ended that others depend on and nothing was heard of.
    pub(crate) fn look_back(&mut self, store: &FileStore) {
        let unknown = self.take_unknown();
        // One that cannot be looked at is in the way of no other.
        let each =
            || unknown.iter().filter_map(|id| store.last_of(&[*id]).ok()).flatten().collect();
        for last in store.last_of(&unknown).unwrap_or_else(|_| each()) {
            match last {
                Last::Seen(seen) => {
                    let job = seen.job.filter(|_| seen.damage.is_none());
                    self.recall(seen.id, job.and_then(|job| job.outcome()));
                }
                Last::Removed(ended) => self.recall(ended.id, ended.outcome()),
                Last::Unknown(_) => {}
            }
        }
    }

    /// Takes note of how a job ended that others depend on; `None`: it is gone.
    pub(crate) fn recall(&mut self, id: JobId, outcome: Option<Outcome>) {
        if let Some(outcome) = outcome {
            self.past.insert(id, outcome);
        }
    }

    /// Takes note that somebody works on jobs, or is about to, whoever holds their claims.
    pub(crate) fn mark_busy(&mut self, ids: impl IntoIterator<Item = JobId>) {
        for id in ids {
            if let Some(job) = self.jobs.get_mut(&id) {
                job.busy = true;
            }
        }
    }

    /// Takes note that a worker has gone.
    pub(crate) fn mark_free(&mut self, id: JobId) {
        let held = self.begun.get(&id).is_some_and(Begun::is_held);
        if let Some(job) = self.jobs.get_mut(&id) {
            job.busy = held;
        }
    }

    /// What a job needs.
    pub(crate) fn needs_of(&self, id: JobId) -> &[Need] {
        self.needs.get(&id).map_or(&[], |set| set)
    }

    /// What all jobs together need.
    pub(crate) fn all_needs(&mut self) -> BTreeSet<Need> {
        // One reference is the set's own.
        self.sets.retain(|set| Arc::strong_count(set) > 1);
        self.sets.iter().flat_map(|set| set.iter().cloned()).collect()
    }

    /// What jobs wait for that is not among `values`: all environments, and the credentials without
    /// which a job stands still.
    pub(crate) fn lacking(&self, needs: &BTreeSet<Need>, values: &HashSet<Need>) -> Vec<Need> {
        let mut lacking = needs.clone();
        lacking.retain(Need::is_environment);
        for (id, begun) in &self.begun {
            if begun.stand == Stand::Lacking {
                lacking.extend(self.needs_of(*id).iter().cloned());
            }
        }
        lacking.into_iter().filter(|need| !values.contains(need)).collect()
    }

    /// Whether a job should have a worker.
    pub(crate) fn is_running(&self, id: JobId) -> bool {
        self.jobs.get(&id).is_some_and(|job| job.status == Status::Running)
    }

    /// Whether a job waits for its turn.
    pub(crate) fn is_pending(&self, id: JobId) -> bool {
        self.jobs.get(&id).is_some_and(|job| job.status == Status::Pending)
    }
}

impl Begun {
    const fn damaged() -> Self {
        Self {
            stand: Stand::Still,
            worker: Worker::None,
            is_asked: false,
            is_damaged: true,
            attempts: 0,
        }
    }

    const fn is_held(&self) -> bool {
        matches!(self.worker, Worker::Alive(_))
    }
}

impl Stand {
    fn of(job: &Job) -> Self {
        match &job.state {
            State::Pending => Self::Pending,
            State::Running => Self::Running,
            State::Paused { resumes_at: Some(at), .. } => Self::Until(*at),
            State::Paused { reason, resumes_at: None, .. } if reason.is_lacking() => Self::Lacking,
            State::Paused { resumes_at: None, .. }
            | State::Completed { .. }
            | State::Failed { .. }
            | State::Cancelled { .. } => Self::Still,
        }
    }
}
