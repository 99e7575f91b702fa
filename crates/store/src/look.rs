//! What can be seen of jobs without a claim. Writes nothing, and makes no writer wait.

use jobctl_core::{Job, JobId, Progress, Status};

use crate::ended;
use crate::lock::{Probe, probe};
use crate::replay::{Replay, Rest, replay};
use crate::submission::{self, Submitted};
use crate::tree::{Told, Tree};
use crate::{FileError, LookError, Sighting, Worker, mend, request, snapshot};

/// How often a job that changes under the reader's eyes is read again.
const TRIES: usize = 4;

/// What can be seen of one job. Files that cannot be read are damage, unless the disk is failing.
pub(crate) fn sighting(tree: &Tree, id: JobId) -> Result<Sighting, LookError> {
    match read(tree, id) {
        Err(LookError::File(error)) if !error.is_storage() => Ok(unreadable(tree, id, &error)),
        read => read,
    }
}

fn read(tree: &Tree, id: JobId) -> Result<Sighting, LookError> {
    for _ in 0..TRIES {
        if let Some(seen) = begun(tree, id)? {
            return Ok(seen);
        }
        if let Some(found) = submission::find(tree, id)? {
            return Ok(pending(tree, &found.job)?);
        }
        // Between the two looks a claim may have written the journal and removed the submission.
        if !has_journal(tree, id)? {
            break;
        }
    }
    gone(tree, id)
}

/// A job with a journal, or with other traces that say that it had one.
fn begun(tree: &Tree, id: JobId) -> Result<Option<Sighting>, FileError> {
    let dir = tree.job(id);
    match tree.metadata(&dir)? {
        None => return Ok(None),
        Some(meta) if meta.sort != crate::fs::Sort::Dir => {
            return Ok(Some(damaged(tree, id, format!("{} is not a directory", dir.display()))));
        }
        Some(_) => {}
    }
    for _ in 0..TRIES {
        let bytes = tree.read(&tree.journal(id))?.unwrap_or_default();
        let replay = replay(id, &bytes);
        if replay.job.is_none() && replay.rest == Rest::Nothing {
            return Ok(None);
        }
        let seen = seen(tree, id, replay)?;
        // A worker that ended between the two looks is not dead: its journal has grown.
        if seen.worker != Worker::Dead || unchanged(tree, id, bytes.len())? {
            return Ok(Some(seen));
        }
    }
    Ok(Some(damaged(tree, id, "its journal changes faster than it can be read".to_owned())))
}

/// The sighting that a replayed journal makes.
fn seen(tree: &Tree, id: JobId, replay: Replay) -> Result<Sighting, FileError> {
    let damage = match (&replay.rest, &replay.job) {
        (Rest::Damage(what), _) => Some(format!("{}: {what}", tree.journal(id).display())),
        (Rest::Newer, None) => Some("written by a newer jobctl".to_owned()),
        (Rest::Torn, None) => Some("its journal holds no whole record".to_owned()),
        (Rest::Nothing | Rest::Torn | Rest::Newer, _) => None,
    };
    let status = replay.job.as_ref().map(Job::status);
    let at_rest = status.is_some_and(Status::is_ended) && replay.closed.is_some();
    let worker = if at_rest { Worker::None } else { worker(tree, id, status)? };
    let (progress, progress_at) = progress(tree, id, &replay);
    let answered = replay.job.as_ref().map_or(&[][..], |job| &job.answered);
    let (requests, _) = request::open(tree, id, answered)?;
    Ok(Sighting {
        id,
        job: replay.job,
        progress,
        progress_at,
        worker,
        requests,
        damage,
        log: tree.log(id),
    })
}

/// The newest progress: the snapshot, unless a later event carried counts.
fn progress(tree: &Tree, id: JobId, replay: &Replay) -> (Progress, Option<jobctl_core::Time>) {
    match snapshot::read(tree, id).filter(|seen| seen.seq >= replay.counted) {
        Some(seen) => (seen.progress, Some(seen.progress_at)),
        None => {
            (replay.job.as_ref().map_or_else(Progress::default, |job| (&job.counts).into()), None)
        }
    }
}

fn worker(tree: &Tree, id: JobId, status: Option<Status>) -> Result<Worker, FileError> {
    let path = tree.claim_lock(id);
    match probe(tree.fs.as_ref(), &path).told("look at", &path)? {
        Probe::Held(holder) => Ok(Worker::Alive(holder)),
        Probe::Free if status == Some(Status::Running) => Ok(Worker::Dead),
        Probe::Free => Ok(Worker::None),
    }
}

fn unchanged(tree: &Tree, id: JobId, len: usize) -> Result<bool, FileError> {
    let meta = tree.metadata(&tree.journal(id))?;
    Ok(meta.is_some_and(|meta| meta.len == len as u64))
}

pub(crate) fn has_journal(tree: &Tree, id: JobId) -> Result<bool, FileError> {
    Ok(tree.metadata(&tree.journal(id))?.is_some_and(|meta| meta.len > 0))
}

/// Whether files that are written after a job's first record show that it had a journal. Other
/// programs keep a `config.json` of their own in directories of this form.
pub(crate) fn had_journal(tree: &Tree, id: JobId) -> Result<bool, FileError> {
    if tree.exists(&tree.status(id))? {
        return Ok(true);
    }
    let read = |name: &str| tree.read(&tree.job(id).join(name));
    Ok(read("config.json")?.is_some_and(|bytes| mend::config(id, &bytes).is_some())
        || read("result.json")?.is_some_and(|bytes| mend::result(id, &bytes).is_some()))
}

/// A job that is only a line of a submission; others may already ask something of it.
pub(crate) fn pending(tree: &Tree, found: &Submitted) -> Result<Sighting, FileError> {
    let worker = worker(tree, found.id, None)?;
    let (requests, _) = request::open(tree, found.id, &[])?;
    Ok(Sighting { worker, requests, ..waiting(tree, found) })
}

/// A job that nobody has touched yet.
pub(crate) fn waiting(tree: &Tree, found: &Submitted) -> Sighting {
    Sighting {
        id: found.id,
        job: found.job(),
        progress: Progress::default(),
        progress_at: None,
        worker: Worker::None,
        requests: Vec::new(),
        damage: None,
        log: tree.log(found.id),
    }
}

pub(crate) fn damaged(tree: &Tree, id: JobId, what: String) -> Sighting {
    Sighting {
        id,
        job: None,
        progress: Progress::default(),
        progress_at: None,
        worker: Worker::None,
        requests: Vec::new(),
        damage: Some(what),
        log: tree.log(id),
    }
}

fn unreadable(tree: &Tree, id: JobId, error: &FileError) -> Sighting {
    damaged(tree, id, format!("{error}: {}", error.source))
}

/// What is left of a job without journal and submission.
fn gone(tree: &Tree, id: JobId) -> Result<Sighting, LookError> {
    if had_journal(tree, id)? {
        let what = format!("{} is missing or empty", tree.journal(id).display());
        return Ok(damaged(tree, id, what));
    }
    if let Some(unread) = submission::all(tree)?.unread.iter().find(|line| line.id == Some(id)) {
        return Ok(damaged(tree, id, unread.to_string()));
    }
    match ended::find(tree, id)? {
        Some(ended) => Err(LookError::Removed { id, status: ended.status, at: ended.ended_at }),
        None => Err(LookError::NoSuchJob(id)),
    }
}

/// One job of a list, where no job may hide another; `None` if it is gone.
pub(crate) fn listed(tree: &Tree, id: JobId) -> Option<Sighting> {
    match sighting(tree, id) {
        Ok(seen) => Some(seen),
        Err(LookError::NoSuchJob(_) | LookError::Removed { .. }) => None,
        Err(LookError::File(error)) => Some(unreadable(tree, id, &error)),
    }
}

/// Whether the snapshot says that a job has ended: a cheap hint, to be checked under its claim.
pub(crate) fn may_have_ended(tree: &Tree, id: JobId) -> bool {
    snapshot::read(tree, id).is_some_and(|seen| seen.status.is_ended())
}
