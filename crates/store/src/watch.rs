//! A look that goes on: tells what changed since the last time, so that a queue of thousands is
//! read once.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::mem;
use std::path::PathBuf;

use jobctl_core::{Job, JobId};

use crate::ended::{self, Ended, Stamp};
use crate::look::{has_journal, listed};
use crate::submission;
use crate::{FileError, FileStore, Sighting, Worker};

/// How many bytes before the unread part of the list of ended jobs must be what they were.
const OVERLAP: u64 = 64;

/// Something that happened to a job since the last look.
#[derive(Debug)]
pub enum News {
    /// All that was told before is void, and told again.
    Anew,
    /// It was submitted, and nobody has touched it yet.
    Submitted {
        /// The job.
        job: Box<Job>,
        /// Its place in its submission, beginning with 0.
        position: u32,
    },
    /// It was claimed once and has not ended, and stands like this now.
    Seen(Box<Sighting>),
    /// It has ended like this.
    Ended(Box<Ended>),
    /// It is no more.
    Gone(JobId),
}

/// All that is remembered between two looks.
pub struct Watch {
    store: FileStore,
    submissions: HashSet<PathBuf>,
    begun: BTreeMap<JobId, Begun>,
    list: Option<List>,
}

/// A job that was claimed and has not ended.
#[derive(Clone, Copy)]
struct Begun {
    journal: Option<Stamp>,
    /// Whether only a change of its journal can change what is seen of it.
    settled: bool,
}

/// The list of ended jobs, as far as it was read.
struct List {
    length: u64,
    /// Its last bytes: they tell whether it was written anew.
    last: Vec<u8>,
}

impl FileStore {
    /// Begins a look that goes on. What has ended already is not told.
    pub fn watch(&self) -> Watch {
        Watch {
            store: self.clone(),
            submissions: HashSet::new(),
            begun: BTreeMap::new(),
            list: None,
        }
    }
}

impl Watch {
    /// Tells what changed since the last call, what is there now at the first one. Costs about as
    /// much as listing the submissions and looking at the journals of jobs that have begun.
    ///
    /// A job may be told of more than once; the last word counts.
    pub fn look(&mut self, tell: &mut dyn FnMut(News)) -> Result<(), FileError> {
        // The order matters: a job that moves on meanwhile is told of twice rather than never.
        let files = submission::files(&self.store.tree)?;
        let active = self.store.index()?.active;
        let ended = self.ends(tell)?;
        if ended.is_none() {
            self.submissions.clear();
            self.begun.clear();
            tell(News::Anew);
        }
        self.submitted(files, &active, tell)?;
        self.active(active, &ended.unwrap_or_default(), tell);
        Ok(())
    }

    /// Reads this job again at the next look, whatever its journal says.
    pub fn again(&mut self, id: JobId) {
        if let Some(begun) = self.begun.get_mut(&id) {
            begun.settled = false;
        }
    }

    fn submitted(
        &mut self,
        files: Vec<PathBuf>,
        active: &BTreeSet<JobId>,
        tell: &mut dyn FnMut(News),
    ) -> Result<(), FileError> {
        let tree = &self.store.tree;
        let known = mem::take(&mut self.submissions);
        for path in files {
            if !known.contains(&path) {
                let mut position = 0;
                submission::each(tree, &path, &mut |job| {
                    let begun =
                        active.contains(&job.id) || has_journal(tree, job.id).unwrap_or(true);
                    if let Some(job) = job.job().filter(|_| !begun) {
                        tell(News::Submitted { job: Box::new(job), position });
                    }
                    position += 1;
                    true
                })?;
            }
            // What cannot be read stays so until somebody mends it, which rings.
            self.submissions.insert(path);
        }
        Ok(())
    }

    fn active(
        &mut self,
        active: BTreeSet<JobId>,
        ended: &BTreeSet<JobId>,
        tell: &mut dyn FnMut(News),
    ) {
        let tree = &self.store.tree;
        let mut known = mem::take(&mut self.begun);
        let ids: Vec<JobId> = active.into_iter().collect();
        for (&id, journal) in ids.iter().zip(Stamp::of_all(tree, &ids)) {
            let before = known.remove(&id);
            if let Some(before) = before
                && before.settled
                && before.journal == journal
            {
                self.begun.insert(id, before);
                continue;
            }
            let Some(seen) = listed(tree, id) else {
                tell(News::Gone(id));
                continue;
            };
            let settled = seen.worker == Worker::None && seen.requests.is_empty();
            self.begun.insert(id, Begun { journal, settled });
            tell(told(seen));
        }
        // Their marks have gone: where no line told of an end, they may have been removed.
        for id in known.into_keys().filter(|id| !ended.contains(id)) {
            tell(listed(tree, id).map_or(News::Gone(id), told));
        }
    }

    /// Tells what was added to the list of ended jobs; `None` where it was written anew.
    fn ends(&mut self, tell: &mut dyn FnMut(News)) -> Result<Option<BTreeSet<JobId>>, FileError> {
        let tree = &self.store.tree;
        let length = ended::length(tree)?;
        let mut told = BTreeSet::new();
        let Some(list) = &self.list else {
            self.list = Some(List { length, last: ended::part(tree, length, OVERLAP)? });
            return Ok(Some(told));
        };
        if length == list.length {
            return Ok(Some(told));
        }
        let from = list.length - list.last.len() as u64;
        let bytes = ended::part(tree, length, length.saturating_sub(from))?;
        let (is_same, fresh) = match bytes.strip_prefix(list.last.as_slice()) {
            Some(fresh) if length > list.length => (true, fresh),
            Some(_) | None => (false, &[][..]),
        };
        // A line that is just being written is read once it is whole.
        let whole = memchr::memrchr(b'\n', fresh).map_or(0, |at| at + 1);
        for ended in ended::lines(&fresh[..whole]) {
            told.insert(ended.id);
            tell(News::Ended(Box::new(ended)));
        }
        let length = if is_same { list.length + whole as u64 } else { length };
        self.list = Some(List { length, last: ended::part(tree, length, OVERLAP)? });
        Ok(is_same.then_some(told))
    }
}

fn told(seen: Sighting) -> News {
    let ended = seen.job.as_ref().filter(|_| seen.damage.is_none()).and_then(Ended::of);
    match ended {
        Some(ended) => News::Ended(Box::new(ended)),
        None => News::Seen(Box::new(seen)),
    }
}
