//! Mending what was found. Keeps every byte: what is replaced is copied first, what is in the way
//! is moved aside. Each step is safe to repeat, so a repair that was cut short is simply begun
//! again.

use std::path::{Path, PathBuf};

use jobctl_core::{JobId, Time};

use super::{Repair, job};
use crate::fs::Sort;
use crate::mend::{Mended, Unmendable, mend};
use crate::tree::{Keep, Told, Tree};
use crate::{
    ClaimError, FileError, FileStore, Foreign, index, lock::Lock, record, remove, snapshot,
    submission,
};

/// Why a finding was not repaired. Nothing is lost then, and the repair can be tried again.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// The state directory came from somewhere else.
    #[error("{} is not a state directory of yours: {why}", .path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
        /// How that is known.
        why: Foreign,
    },
    /// The job could not be held, and nobody else may write to it.
    #[error(transparent)]
    Claim(#[from] ClaimError),
    /// The disk said no.
    #[error("could not repair")]
    File(#[from] FileError),
}

/// What can be done about a finding.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// Write a job's journal anew from what is left of it.
    Journal(JobId),
    /// Keep the good lines of a submission file.
    Submission(PathBuf),
    /// Make the index again from the journals.
    Index,
    /// Move what has the name of one of our files out of the way.
    Aside(PathBuf),
    /// Remove what a dead process left.
    Clear(PathBuf),
    /// The same in a job's directory, while nobody else holds the job.
    ClearInJob(JobId, PathBuf),
    /// Take the permissions of others away.
    Close(Vec<PathBuf>),
}

/// What there is to mend a journal from.
pub(super) enum Mending {
    /// These bytes.
    Records(Vec<u8>),
    /// No journal.
    Nothing,
    /// Something else at its place.
    Misplaced,
}

impl FileStore {
    /// Does what a repair says, and says what was done.
    pub fn repair(&self, repair: &Repair, now: Time) -> Result<String, RepairError> {
        self.own().map_err(|(path, why)| RepairError::Foreign { path, why })?;
        let tree = &self.tree;
        match &repair.action {
            Action::Journal(id) => self.mend_journal(*id, now),
            Action::Submission(path) => Ok(mend_submission(tree, path, now)?),
            Action::Index => Ok(self.rebuild_index(now)?),
            Action::Aside(path) => Ok(format!("moved to {}", aside(tree, path, now)?.display())),
            Action::Clear(path) => Ok(clear(tree, path)?),
            Action::ClearInJob(id, path) => {
                let _lock = self.lock_job(*id)?;
                tree.unlink(path)?;
                Ok("removed".to_owned())
            }
            Action::Close(paths) => Ok(close(tree, paths)?),
        }
    }

    fn mend_journal(&self, id: JobId, now: Time) -> Result<String, RepairError> {
        let tree = &self.tree;
        let lock = self.lock_job(id)?;
        // Everything known before the lock is void.
        let submissions = submission::all(tree)?;
        let Some(mending) = job::to_mend(tree, id, &submissions)? else {
            return Ok("nothing is wrong with it any more".to_owned());
        };
        let remains = job::remains(tree, id, &submissions)?;
        let old = match &mending {
            Mending::Records(bytes) => bytes.as_slice(),
            Mending::Nothing | Mending::Misplaced => &[],
        };
        match mend(id, old, &remains, now) {
            Ok(mended) => {
                let kept = keep_journal(tree, id, &mending, now)?;
                publish(tree, &mended)?;
                Ok(told(&mended, kept.as_deref()))
            }
            Err(Unmendable::NoSpec) => Ok(set_job_aside(tree, id, lock, now)?),
            Err(Unmendable::Newer) => {
                Ok("left alone: a newer jobctl wrote in it, so use that one".to_owned())
            }
        }
    }

    fn rebuild_index(&self, now: Time) -> Result<String, FileError> {
        let tree = &self.tree;
        let list = tree.at("ended.jsonl");
        if let Some(bytes) = tree.read(&list)? {
            copy_aside(tree, &list, &bytes, now)?;
        }
        index::rebuild_always(tree, &self.boot)?;
        Ok("made again from the journals; the old ended.jsonl is in set-aside".to_owned())
    }
}

/// Copies the journal beside itself, or moves away what is in its place; says where it is then.
fn keep_journal(
    tree: &Tree,
    id: JobId,
    mending: &Mending,
    now: Time,
) -> Result<Option<PathBuf>, FileError> {
    let name = format!("journal.damaged-{}", now.as_microsecond());
    let kept = free(tree, &tree.job(id).join(name))?;
    match mending {
        Mending::Records(bytes) => {
            tree.replace(&kept, bytes, Keep::Synced)?;
        }
        Mending::Misplaced => {
            tree.fs.rename(&tree.journal(id), &kept).told("move away", &tree.journal(id))?;
        }
        Mending::Nothing => return Ok(None),
    }
    tree.sync_dir(&tree.job(id))?;
    Ok(Some(kept))
}

/// Puts the new journal in its place, then what is derived from it.
fn publish(tree: &Tree, mended: &Mended) -> Result<(), FileError> {
    let job = &mended.job;
    // First, so that lists name the job whatever happens next.
    index::activate(tree, job.id)?;
    tree.replace(&tree.journal(job.id), &mended.journal(), Keep::Synced)?;
    tree.sync_dir(&tree.job(job.id))?;
    tree.sync_dir(&tree.jobs())?;
    snapshot::write_config(tree, job)?;
    if job.status().is_ended() {
        snapshot::write_result(tree, job)?;
        index::end(tree, job, Keep::Derived)?;
    }
    Ok(())
}

/// What became of the records, in a few words.
pub(super) fn summary(mended: &Mended) -> String {
    let number = |seq: &u64| seq.to_string();
    let mut parts = vec![match mended.kept {
        0 => "no record is left".to_owned(),
        1 => "1 record kept".to_owned(),
        kept => format!("{kept} records kept"),
    }];
    match mended.lost.as_slice() {
        [] => {}
        [one] => parts.push(format!("record {one} lost")),
        many if many.len() <= 8 => {
            parts.push(format!(
                "records {} lost",
                many.iter().map(number).collect::<Vec<_>>().join(", ")
            ));
        }
        many => parts.push(format!("{} records lost", many.len())),
    }
    if let [(seq, name), rest @ ..] = mended.dropped.as_slice() {
        let more =
            if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        parts.push(format!(
            "record {seq} ({name}){more} left out, as nothing that is left leads to it"
        ));
    }
    if !mended.added.is_empty() {
        parts.push(format!("added: {}", mended.added.join(", ")));
    }
    parts.join("; ")
}

fn told(mended: &Mended, kept: Option<&Path>) -> String {
    let id = mended.job.id;
    let old = kept.map_or_else(String::new, |path| format!(". The old one is {}", path.display()));
    let then = if mended.paused {
        format!("the job is paused: jobctl resume {id}, or jobctl cancel {id}")
    } else {
        format!("the job is {}", mended.job.status())
    };
    format!("written anew ({}); {then}{old}", summary(mended))
}

/// Takes a job of which nothing can be made out of the lists, keeping all its files.
fn set_job_aside(tree: &Tree, id: JobId, lock: Lock, now: Time) -> Result<String, FileError> {
    let kept = aside(tree, &tree.job(id), now)?;
    tree.sync_dir(&tree.jobs())?;
    index::deactivate(tree, id)?;
    drop(lock);
    Ok(format!("nothing says what the job was to do; its files are in {}", kept.display()))
}

fn mend_submission(tree: &Tree, path: &Path, now: Time) -> Result<String, FileError> {
    let bytes = match submission::read(tree, path)? {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok("it is gone: all its jobs have begun".to_owned()),
        Err(_) => return Ok(format!("moved to {}", aside(tree, path, now)?.display())),
    };
    if submission::unread(path, &bytes).is_empty() {
        return Ok("nothing is wrong with it any more".to_owned());
    }
    let kept = copy_aside(tree, path, &bytes, now)?;
    let good: Vec<u8> = bytes
        .split(|byte| *byte == b'\n')
        .flat_map(record::sealed)
        .flat_map(|line| [line, b"\n"].concat())
        .collect();
    if good.is_empty() {
        tree.unlink(path)?;
    } else {
        tree.publish(path, &good)?;
    }
    tree.sync_dir(&tree.submissions())?;
    let jobs = submission::jobs(&good).len();
    Ok(format!("{jobs} jobs kept; the old file is {}", kept.display()))
}

/// Copies a file to `set-aside`, synced.
fn copy_aside(tree: &Tree, path: &Path, bytes: &[u8], now: Time) -> Result<PathBuf, FileError> {
    let kept = aside_name(tree, path, now)?;
    tree.replace(&kept, bytes, Keep::Synced)?;
    sync_aside(tree)?;
    Ok(kept)
}

/// Moves anything to `set-aside`.
fn aside(tree: &Tree, path: &Path, now: Time) -> Result<PathBuf, FileError> {
    let kept = aside_name(tree, path, now)?;
    // A power cut may undo the move, but not lose what is moved.
    tree.fs.rename(path, &kept).told("move away", path)?;
    sync_aside(tree)?;
    Ok(kept)
}

fn sync_aside(tree: &Tree) -> Result<(), FileError> {
    tree.sync_dir(&tree.at("set-aside"))?;
    tree.sync_dir(&tree.root)
}

/// A free name in `set-aside`, made from the path in the state directory and the time.
fn aside_name(tree: &Tree, path: &Path, now: Time) -> Result<PathBuf, FileError> {
    let dir = tree.at("set-aside");
    tree.ensure_dir(&dir)?;
    let inner = path.strip_prefix(&tree.root).unwrap_or(path);
    let inner = inner.strip_prefix("jobs").unwrap_or(inner);
    let names: Vec<_> = inner.iter().map(|part| part.to_string_lossy()).collect();
    free(tree, &dir.join(format!("{}-{}", names.join("-"), now.as_microsecond())))
}

/// The path itself, or a similar one where nothing is yet.
fn free(tree: &Tree, path: &Path) -> Result<PathBuf, FileError> {
    let mut candidate = path.to_owned();
    let mut count = 1;
    while tree.exists(&candidate)? {
        count += 1;
        let mut name = path.as_os_str().to_owned();
        name.push(format!("-{count}"));
        candidate = name.into();
    }
    Ok(candidate)
}

fn clear(tree: &Tree, path: &Path) -> Result<String, FileError> {
    if tree.is_dir(path)? {
        remove::clear(tree, path)?;
    } else {
        tree.unlink(path)?;
    }
    Ok("removed".to_owned())
}

fn close(tree: &Tree, paths: &[PathBuf]) -> Result<String, FileError> {
    for path in paths {
        match tree.metadata(path)?.map(|meta| meta.sort) {
            Some(Sort::Dir) => tree.fs.close_to_others(path).told("close to others", path)?,
            // Opening a file to write it gives it the mode that it must have.
            Some(Sort::File) => tree.touch(path)?,
            Some(Sort::Other) | None => {}
        }
    }
    Ok("closed to others".to_owned())
}
