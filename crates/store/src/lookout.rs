//! Many jobs by their ids, and the same jobs again and again: only what changed is read.

use std::collections::{HashMap, HashSet};

use jobctl_core::JobId;

use crate::ended::{self, Ended, Stamp};
use crate::look::{pending, sighting};
use crate::parts::in_parts;
use crate::submission::{self, Submitted};
use crate::tree::STATUS;
use crate::{FileError, FileStore, LookError, Sighting};

/// The last that is known of a job.
#[derive(Debug)]
pub enum Last {
    /// It stands like this.
    Seen(Box<Sighting>),
    /// It ended like this and was removed.
    Removed(Box<Ended>),
    /// There is no such job.
    Unknown(JobId),
}

/// Jobs that are looked at again and again.
pub struct Lookout {
    store: FileStore,
    jobs: Vec<(JobId, Option<Stamps>)>,
}

/// What tells whether anything about a job has changed; `None` where a file is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamps {
    journal: Option<Stamp>,
    snapshot: Option<Stamp>,
}

impl FileStore {
    /// The last that is known of each of these jobs, in their order.
    ///
    /// Submissions and the list of ended jobs are read once for all of them.
    pub fn last_of(&self, ids: &[JobId]) -> Result<Vec<Last>, FileError> {
        let tree = &self.tree;
        let begun = Stamp::of_all(tree, ids);
        // Read after the journals were looked for: a job that begins in between is found here, or
        // by its journal below.
        let (submitted, unread) = if begun.contains(&None) {
            let submitted = submission::all(tree)?;
            let unread = submitted.unread.into_iter().filter_map(|line| line.id).collect();
            (submitted.jobs.into_iter().map(|job| (job.id, job)).collect(), unread)
        } else {
            (HashMap::<JobId, Submitted>::new(), HashSet::<JobId>::new())
        };
        let begun: Vec<(JobId, bool)> =
            ids.iter().copied().zip(begun.iter().map(Option::is_some)).collect();
        let seen = in_parts(&begun, |jobs| {
            let look = |(id, begun): &(JobId, bool)| match submitted.get(id) {
                Some(job) if !begun => Some(pending(tree, job).map_err(LookError::from)),
                // What has no trace but a line is looked for in the list below.
                None if !begun && !unread.contains(id) && !tree.is_dir(&tree.job(*id)).ok()? => {
                    None
                }
                Some(_) | None => Some(sighting(tree, *id)),
            };
            jobs.iter().map(look).collect()
        });
        let gone = |(id, seen): (&JobId, &Option<_>)| {
            let gone = matches!(seen, None | Some(Err(LookError::Removed { .. })));
            gone.then_some(*id)
        };
        let gone: HashSet<JobId> = ids.iter().zip(&seen).filter_map(gone).collect();
        let removed = ended::find_all(tree, &gone)?;
        let last = |(id, seen): (&JobId, Option<Result<Sighting, LookError>>)| match seen {
            Some(Ok(seen)) => Ok(Last::Seen(Box::new(seen))),
            Some(Err(LookError::File(error))) => Err(error),
            Some(Err(LookError::Removed { .. } | LookError::NoSuchJob(_))) | None => {
                let ended = removed.get(id).map(|ended| Last::Removed(Box::new(ended.clone())));
                Ok(ended.unwrap_or(Last::Unknown(*id)))
            }
        };
        ids.iter().zip(seen).map(last).collect()
    }

    /// Begins to look at these jobs, each of them once.
    pub fn lookout(&self, ids: &[JobId]) -> Lookout {
        Lookout { store: self.clone(), jobs: ids.iter().map(|id| (*id, None)).collect() }
    }
}

impl Lookout {
    /// The jobs that changed since the last call, all of them at the first. Costs a glance at two
    /// files of each, and a look at what changed.
    pub fn look(&mut self) -> Result<Vec<(JobId, Last)>, FileError> {
        let tree = &self.store.tree;
        let ids: Vec<JobId> = self.jobs.iter().map(|(id, _)| *id).collect();
        // Before the files are read: if they change in between, they are read again next time.
        let journals = Stamp::of_all(tree, &ids);
        let snapshots = Stamp::of_files(tree, &ids, STATUS);
        let mut changed = Vec::new();
        let stamps = journals.into_iter().zip(snapshots);
        for ((id, known), (journal, snapshot)) in self.jobs.iter_mut().zip(stamps) {
            let now = Some(Stamps { journal, snapshot });
            if *known != now {
                *known = now;
                changed.push(*id);
            }
        }
        let last = self.store.last_of(&changed)?;
        Ok(changed.into_iter().zip(last).collect())
    }

    /// Whether no job is left to be looked at.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// Looks no more at jobs that are done.
    pub fn leave(&mut self, done: impl Fn(JobId) -> bool) {
        self.jobs.retain(|(id, _)| !done(*id));
    }
}
