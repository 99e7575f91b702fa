//! The index: which jobs have not ended, and a line for each that has. Derived from the journals.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use jobctl_core::{Job, JobId};

use crate::ended::{self, Ended, Lines, Stamp};
use crate::record::seal;
use crate::replay::{Rest, replay};
use crate::submission::{self, Submitted};
use crate::tree::{Keep, Tree};
use crate::{FileError, Standing, look, same};

/// How many ended jobs are remembered at least, removed ones among them.
const MOST: usize = 10_000;

/// Notes that a job may be claimed: before its directory is made, and before it is resumed.
pub(crate) fn activate(tree: &Tree, id: JobId) -> Result<(), FileError> {
    tree.ensure_dir(&tree.active())?;
    tree.touch(&mark(tree, id))
}

/// Whether a job is noted as claimed and not ended.
pub(crate) fn is_active(tree: &Tree, id: JobId) -> Result<bool, FileError> {
    tree.exists(&mark(tree, id))
}

/// Takes the note back: the job is no more.
pub(crate) fn deactivate(tree: &Tree, id: JobId) -> Result<(), FileError> {
    tree.unlink(&mark(tree, id))
}

fn mark(tree: &Tree, id: JobId) -> PathBuf {
    tree.active().join(id.to_string())
}

/// Notes that a job has ended: first its line, then its mark, so that neither is ever missing.
///
/// Its journal should be written to its end: a later change makes lists read it again.
pub(crate) fn end(tree: &Tree, job: &Job, keep: Keep) -> Result<(), FileError> {
    end_all(tree, &[job], keep)
}

/// The same for many jobs, in one write.
pub(crate) fn end_all(tree: &Tree, jobs: &[&Job], keep: Keep) -> Result<(), FileError> {
    let mut all = Vec::new();
    for (job, ended) in jobs.iter().filter_map(|job| Some((job, Ended::of(job)?))) {
        all.push(ended.made_from(Stamp::of(tree, job.id)?));
    }
    ended::append(tree, &all, keep)?;
    jobs.iter().try_for_each(|job| tree.unlink(&mark(tree, job.id)))
}

/// Which jobs there are, without those that wait in `new/`.
pub(crate) struct Index {
    /// Claimed and not ended; may name too many, never too few.
    pub(crate) active: BTreeSet<JobId>,
    /// What the journals say where the list cannot be trusted, the newest last.
    journals: Option<Vec<Ended>>,
}

impl Index {
    /// The index from disk, or from the journals where it cannot be trusted.
    pub(crate) fn of(tree: &Tree, standing: &Standing) -> Result<Self, FileError> {
        if *standing != Standing::Ours || !is_there(tree)? {
            let Scan { active, ended } = scan(tree)?;
            return Ok(Self { active, journals: Some(ended) });
        }
        Ok(Self { active: tree.ids(&tree.active())?, journals: None })
    }

    /// The lines of ended jobs, which may be active again, or removed; at least those within this
    /// many last bytes of the list.
    ///
    /// Read after the marks: a job that ends in between is then seen twice rather than never.
    pub(crate) fn lines(&self, tree: &Tree, length: u64) -> Result<Lines<'_>, FileError> {
        match &self.journals {
            Some(ended) => Ok(Lines::Made(ended)),
            None => ended::read(tree, length),
        }
    }
}

/// Whether both parts of the index are there.
fn is_there(tree: &Tree) -> Result<bool, FileError> {
    let list = tree.metadata(&tree.at("ended.jsonl"))?;
    Ok(tree.is_dir(&tree.active())? && list.is_some_and(|meta| meta.sort == crate::fs::Sort::File))
}

/// The index as the journals make it, with the lines of removed jobs.
struct Scan {
    active: BTreeSet<JobId>,
    /// The newest last.
    ended: Vec<Ended>,
}

/// Reads all journals; writes nothing.
fn scan(tree: &Tree) -> Result<Scan, FileError> {
    let mut active = BTreeSet::new();
    let lines = ended::read(tree, u64::MAX)?;
    let lines = lines.newest_first().filter_map(|line| line.decode());
    let mut over: HashMap<JobId, Ended> = lines.map(|ended| (ended.id, ended)).collect();
    for id in tree.ids(&tree.jobs())? {
        if let Some(ended) = ended_by_journal(tree, id) {
            over.insert(id, ended);
        } else if is_job(tree, id) {
            active.insert(id);
        }
    }
    let mut ended: Vec<Ended> = over.into_values().collect();
    ended.sort_by_key(|ended| (ended.ended_at, ended.id));
    Ok(Scan { active, ended })
}

/// Whether a directory among the jobs shows signs of one of ours, as opposed to another program's.
fn is_job(tree: &Tree, id: JobId) -> bool {
    // What cannot be looked at is listed, so that somebody hears of it.
    let there = |path: PathBuf| tree.exists(&path).unwrap_or(true);
    let had_journal = || look::had_journal(tree, id).unwrap_or(true);
    there(tree.journal(id)) || there(tree.requests(id)) || had_journal()
}

/// The line that a job's journal makes. A journal that cannot be read, or not to its end, makes
/// none: the job counts as not ended, so that its damage is shown.
fn ended_by_journal(tree: &Tree, id: JobId) -> Option<Ended> {
    // Before the bytes: if they change in between, the line does not pass for theirs.
    let stamp = Stamp::of(tree, id).ok()?;
    let bytes = tree.read(&tree.journal(id)).ok()??;
    let replay = replay(id, &bytes);
    match replay.rest {
        Rest::Nothing | Rest::Torn | Rest::Newer => Some(Ended::of(&replay.job?)?.made_from(stamp)),
        Rest::Damage(_) => None,
    }
}

/// Whether the index is there, and was kept in this boot: it is never synced.
pub(crate) fn is_fresh(tree: &Tree, boot: &str) -> Result<bool, FileError> {
    let known = tree.read(&tree.at("boot"))?.unwrap_or_default();
    Ok(known == boot.as_bytes() && is_there(tree)?)
}

/// Writes the index anew from the journals, keeping the lines of removed jobs.
pub(crate) fn rebuild(tree: &Tree, boot: &str) -> Result<(), FileError> {
    tree.ensure_dir(&tree.active())?;
    let _lock = ended::lock(tree)?;
    if is_fresh(tree, boot)? {
        // Another process did it while this one waited.
        return Ok(());
    }
    write(tree, boot)
}

/// The same, however fresh the index says it is.
pub(crate) fn rebuild_always(tree: &Tree, boot: &str) -> Result<(), FileError> {
    tree.ensure_dir(&tree.active())?;
    let _lock = ended::lock(tree)?;
    write(tree, boot)
}

/// Under the lock of `ended.jsonl`.
fn write(tree: &Tree, boot: &str) -> Result<(), FileError> {
    let mut scan = scan(tree)?;
    forget_oldest(tree, &mut scan.ended)?;
    for id in &scan.active {
        activate(tree, *id)?;
        if let Some(job) = look::listed(tree, *id).and_then(|seen| seen.job) {
            same::note(tree, job.spec.identity.as_deref(), *id)?;
        }
    }
    for job in submission::all(tree)?.jobs.iter().filter_map(Submitted::job) {
        same::note(tree, job.spec.identity.as_deref(), job.id)?;
    }
    // Marks of ended jobs stay: without its claim nobody knows that a job is not being resumed.
    let lines: Vec<u8> = scan.ended.iter().flat_map(seal).collect();
    tree.replace(&tree.at("ended.jsonl"), &lines, Keep::Derived)?;
    tree.replace(&tree.at("boot"), boot.as_bytes(), Keep::Derived).map(drop)
}

/// Drops the oldest lines of removed jobs, so that the file does not grow for ever.
fn forget_oldest(tree: &Tree, ended: &mut Vec<Ended>) -> Result<(), FileError> {
    let mut excess = ended.len().saturating_sub(MOST);
    let kept = if excess > 0 { tree.ids(&tree.jobs())? } else { BTreeSet::new() };
    ended.retain(|ended| {
        let forgotten = excess > 0 && !kept.contains(&ended.id);
        excess -= usize::from(forgotten);
        !forgotten
    });
    Ok(())
}
