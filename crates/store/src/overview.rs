//! Many jobs at a glance: ended ones by their lines, as long as their journals are what they were.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashSet};
use std::thread;

use jobctl_core::JobId;

use crate::ended::{Ended, Line, Lines, Stamp};
use crate::index::{self, Index};
use crate::look::{damaged, has_journal, listed, waiting};
use crate::parts::in_parts;
use crate::submission::{self, Submissions, Submitted};
use crate::tree::Tree;
use crate::{FileError, Sighting, Standing, Unread, Which};

/// How many lines are looked at together.
const TOGETHER: usize = 4096;
/// How many of the newest lines are compared with their journals in a list of all. Looking at ten
/// thousand files takes longer than all the rest; what is older is read where it is shown whole.
const COMPARED: usize = 1000;
/// A line's length is rarely more than this, in bytes.
const LINE: u64 = 1024;

/// Jobs in a list: those that have not ended whole, ended ones in short.
#[derive(Debug, Default)]
pub struct Overview {
    /// Not ended, or damaged; oldest first.
    pub open: Vec<Sighting>,
    /// Ended, the newest first.
    pub ended: Vec<Ended>,
    /// What of the submissions cannot be read; jobs that it names are among the open ones.
    pub unread: Vec<Unread>,
}

impl Overview {
    /// Jobs by their index. `submitted` must have been read before `index`.
    pub(crate) fn of(
        tree: &Tree,
        submitted: &Submissions,
        index: &Index,
        which: Which,
    ) -> Result<Self, FileError> {
        let mut all = Self { unread: submitted.unread.clone(), ..Self::default() };
        for seen in unended(tree, submitted, &index.active)? {
            all.add(seen);
        }
        let most = match which {
            Which::Active => 0,
            Which::Recent(most) => {
                all.add_newest(tree, index, most)?;
                most
            }
            Which::All => {
                all.add_all(tree, index)?;
                usize::MAX
            }
        };
        all.sort();
        all.ended.truncate(most);
        Ok(all)
    }

    /// All jobs that were claimed and have not ended, of the others that wait so many that there are
    /// `most`, and the newest ended ones: of a long queue only what is shown is read.
    pub(crate) fn of_first(
        tree: &Tree,
        standing: &Standing,
        most: usize,
        ended: usize,
    ) -> Result<Self, FileError> {
        let files = submission::files(tree)?;
        let index = Index::of(tree, standing)?;
        let mut all = Self::default();
        for seen in all_listed(tree, index.active.iter().copied()) {
            all.add(seen);
        }
        let (mut known, mut failed) = (index.active.clone(), Ok(()));
        for path in files {
            if all.open.len() >= most {
                break;
            }
            submission::each(tree, &path, &mut |job| {
                if known.insert(job.id) {
                    match unmarked(tree, &job) {
                        Ok(seen) => seen.into_iter().for_each(|seen| all.add(seen)),
                        Err(error) => failed = Err(error),
                    }
                }
                failed.is_ok() && all.open.len() < most
            })?;
        }
        failed?;
        all.add_newest(tree, &index, ended)?;
        all.sort();
        all.ended.truncate(ended);
        Ok(all)
    }

    /// Its jobs, ended ones whole too; those that have not ended first.
    pub(crate) fn whole(self, tree: &Tree) -> Vec<Sighting> {
        let mut jobs = self.open;
        jobs.extend(all_listed(tree, self.ended.iter().map(|ended| ended.id)));
        jobs
    }

    fn add(&mut self, seen: Sighting) {
        let ended = seen.job.as_ref().filter(|_| seen.damage.is_none()).and_then(Ended::of);
        match ended {
            Some(ended) => self.ended.push(ended),
            None => self.open.push(seen),
        }
    }

    /// What has been seen: a job that began, or ended, since then is not seen a second time.
    fn known(&self) -> HashSet<JobId> {
        let open = self.open.iter().map(|seen| seen.id);
        open.chain(self.ended.iter().map(|ended| ended.id)).collect()
    }

    /// Adds at least so many of the newest ended jobs, if there are so many.
    fn add_newest(&mut self, tree: &Tree, index: &Index, most: usize) -> Result<(), FileError> {
        let length = LINE.saturating_mul(u64::try_from(most).unwrap_or(u64::MAX));
        let newest = index.lines(tree, length)?;
        if !self.add_recent(tree, index, &newest, most) && !newest.is_all() {
            self.add_all(tree, index)?;
        }
        Ok(())
    }

    /// Adds the newest jobs of these lines; false if there are not so many.
    fn add_recent(&mut self, tree: &Tree, index: &Index, lines: &Lines, most: usize) -> bool {
        let known = self.known();
        let mut lines = lines
            .newest_first()
            .filter(|line| !index.active.contains(&line.id) && !known.contains(&line.id));
        let mut left = most;
        while left > 0 {
            let some: Vec<_> = lines.by_ref().take(left.min(TOGETHER)).collect();
            if some.is_empty() {
                return false;
            }
            for known in compared(tree, &some) {
                if !known.is_there(tree) {
                    continue;
                }
                self.add_known(tree, known);
                left = left.saturating_sub(1);
            }
        }
        true
    }

    fn add_all(&mut self, tree: &Tree, index: &Index) -> Result<(), FileError> {
        // Both take a while where there are many jobs, so they are read side by side.
        let (kept, lines) = thread::scope(|scope| {
            let lines = scope.spawn(|| index.lines(tree, u64::MAX));
            let kept = tree.ids(&tree.jobs());
            (kept, lines.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let (mut kept, lines): (HashSet<JobId>, _) = (kept?.into_iter().collect(), lines?);
        let known = self.known();
        kept.retain(|id| !index.active.contains(id) && !known.contains(id));
        let lines: Vec<_> = lines.newest_first().filter(|line| kept.remove(&line.id)).collect();
        let (newest, older) = lines.split_at(lines.len().min(COMPARED));
        self.ended.reserve(lines.len());
        for known in compared(tree, newest) {
            self.add_known(tree, known);
        }
        let older =
            in_parts(older, |lines| lines.iter().map(|line| (line.id, line.decode())).collect());
        for (id, line) in older {
            match line {
                Some(ended) => self.ended.push(ended),
                None => self.add_listed(tree, id),
            }
        }
        // A job that the index lost is found by its directory.
        for seen in all_listed(tree, kept) {
            self.add(seen);
        }
        Ok(())
    }

    fn add_known(&mut self, tree: &Tree, known: Known) {
        match known.line.filter(|ended| ended.is_of(known.journal)) {
            Some(ended) => self.ended.push(ended),
            None => self.add_listed(tree, known.id),
        }
    }

    fn add_listed(&mut self, tree: &Tree, id: JobId) {
        if let Some(seen) = listed(tree, id) {
            self.add(seen);
        }
    }

    fn sort(&mut self) {
        self.open.sort_by_key(|seen| (seen.job.as_ref().map(|job| job.submitted_at), seen.id));
        self.ended.sort_by_key(|ended| (Reverse(ended.ended_at), ended.id));
    }
}

/// A line, beside the journal as it is now.
struct Known {
    id: JobId,
    /// `None` where it cannot be understood.
    line: Option<Ended>,
    journal: Option<Stamp>,
}

impl Known {
    /// Whether the job was not removed.
    fn is_there(&self, tree: &Tree) -> bool {
        self.journal.is_some() || tree.exists(&tree.job(self.id)).unwrap_or(true)
    }
}

/// Reads lines and looks at their journals.
fn compared(tree: &Tree, lines: &[Line<'_>]) -> Vec<Known> {
    in_parts(lines, |lines| {
        let ids: Vec<JobId> = lines.iter().map(|line| line.id).collect();
        let journals = Stamp::of_all(tree, &ids);
        let known = lines.iter().zip(journals);
        known.map(|(line, journal)| Known { id: line.id, line: line.decode(), journal }).collect()
    })
}

/// Jobs of a list, read whole.
fn all_listed(tree: &Tree, ids: impl IntoIterator<Item = JobId>) -> Vec<Sighting> {
    let ids: Vec<JobId> = ids.into_iter().collect();
    in_parts(&ids, |ids| ids.iter().filter_map(|id| listed(tree, *id)).collect())
}

/// Jobs that have not ended, as far as the index tells, and those that ended so lately that it
/// does not tell yet, in any order.
///
/// `submitted` must have been read before `index`: a job that begins in between is then seen twice
/// rather than never.
pub(crate) fn unended(
    tree: &Tree,
    submitted: &Submissions,
    active: &BTreeSet<JobId>,
) -> Result<Vec<Sighting>, FileError> {
    let mut jobs = Vec::new();
    let mut known = HashSet::new();
    for job in submitted.jobs.iter().filter(|job| known.insert(job.id)) {
        if !active.contains(&job.id) {
            jobs.extend(unmarked(tree, job)?);
        }
    }
    for line in &submitted.unread {
        if let Some(id) = line.id.filter(|id| !active.contains(id) && known.insert(*id))
            && !has_journal(tree, id).unwrap_or(false)
        {
            jobs.push(damaged(tree, id, line.to_string()));
        }
    }
    jobs.extend(all_listed(tree, active.iter().copied()));
    Ok(jobs)
}

/// A job of a submission that had no mark when those were read, as it stands now; `None` where it
/// has ended since: its line is there.
fn unmarked(tree: &Tree, job: &Submitted) -> Result<Option<Sighting>, FileError> {
    Ok(match has_journal(tree, job.id) {
        Ok(false) => Some(waiting(tree, job)),
        // It began after the marks were read.
        Ok(true) if index::is_active(tree, job.id)? => listed(tree, job.id),
        Ok(true) => None,
        // What is in the way of this job hides no other.
        Err(_) => listed(tree, job.id),
    })
}
