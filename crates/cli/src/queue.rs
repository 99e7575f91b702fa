//! The queue as a call sees it: what pending jobs wait for, and what is in use.

use std::collections::{BTreeMap, BTreeSet};

use jobctl_core::{Candidate, JobId, Limits, Outcome, Status, Time, Usage, Wait, waits};
use jobctl_store::{FileError, FileStore, Last, Sighting, Worker};

/// What each pending job waits for; those that may start are not among them.
pub(crate) type Waits<'a> = BTreeMap<JobId, Wait<'a>>;

/// The unended jobs of a state directory, what they depend on, and what may run at once.
#[derive(Debug)]
pub(crate) struct Queue {
    jobs: BTreeMap<JobId, Candidate>,
    past: BTreeMap<JobId, Outcome>,
    limits: Limits,
}

impl Queue {
    /// The queue that these jobs make: all that have not ended must be among them.
    pub(crate) fn of(
        store: &FileStore,
        open: &[Sighting],
        limits: Limits,
    ) -> Result<Self, FileError> {
        let mut queue = Self::of_open(open, limits);
        let others: Vec<JobId> = queue.depended_on().into_iter().collect();
        for last in store.last_of(&others)? {
            match last {
                Last::Seen(seen) => queue.add(&seen),
                Last::Removed(ended) => {
                    queue.past.extend(ended.outcome().map(|outcome| (ended.id, outcome)));
                }
                Last::Unknown(_) => {}
            }
        }
        Ok(queue)
    }

    /// The same, without what is known of jobs that have ended.
    pub(crate) fn of_open(open: &[Sighting], limits: Limits) -> Self {
        let mut queue = Self::empty(limits);
        for seen in open {
            queue.add(seen);
        }
        queue
    }

    /// The queue of a state directory that is not there yet.
    pub(crate) const fn empty(limits: Limits) -> Self {
        Self { jobs: BTreeMap::new(), past: BTreeMap::new(), limits }
    }

    fn add(&mut self, seen: &Sighting) {
        let Some(job) = &seen.job else {
            self.jobs.insert(seen.id, Candidate::unreadable(seen.id));
            return;
        };
        let busy = match seen.worker {
            Worker::Alive(_) => true,
            Worker::Dead | Worker::None => false,
        };
        match job.outcome() {
            Some(outcome) if !busy => {
                self.past.insert(job.id, outcome);
            }
            Some(_) | None => {
                let mut candidate = Candidate::of(job, 0, busy);
                if seen.damage.is_some() && !busy {
                    // Nobody can claim it.
                    candidate.status = Status::Paused;
                }
                self.jobs.insert(job.id, candidate);
            }
        }
    }

    /// Jobs that others wait for, and that are not in the queue.
    fn depended_on(&self) -> BTreeSet<JobId> {
        let pending = self.jobs.values().filter(|job| job.status == Status::Pending);
        let on = pending.flat_map(|job| job.after.iter().map(|after| after.on));
        on.filter(|on| !self.jobs.contains_key(on)).collect()
    }

    /// What each pending job waits for.
    pub(crate) fn waits(&self, now: Time) -> Waits<'_> {
        waits(&self.jobs, &self.past, &self.limits, now)
    }

    /// What running jobs take.
    pub(crate) fn usage(&self) -> Usage<'_> {
        Usage::of(&self.jobs, &self.limits)
    }

    /// How many jobs have not started.
    pub(crate) fn pending(&self) -> usize {
        self.jobs.values().filter(|job| job.status == Status::Pending && !job.busy).count()
    }

    /// Resources that jobs take or wait for.
    pub(crate) fn resources(&self) -> BTreeSet<&str> {
        let of = |job: &'_ Candidate| job.busy || job.status == Status::Pending;
        let jobs = self.jobs.values().filter(|job| of(job));
        jobs.flat_map(|job| job.resources.iter().map(|(name, _)| &**name)).collect()
    }
}
