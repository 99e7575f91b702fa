//! Wishes of others, each a file that waits for the holder of a job's claim.

use std::path::{Path, PathBuf};

use jobctl_core::{JobId, Time};

use crate::tree::{Tree, random_name};
use crate::{FileError, Request, RequestId, Wish};

/// Writes a request that survives a power cut.
pub(crate) fn put(tree: &Tree, id: JobId, wish: Wish, now: Time) -> Result<RequestId, FileError> {
    // Fixed width, so that names sort by time.
    let name = format!("{:020}-{}", now.as_microsecond().max(0), random_name());
    let request = Request { id: RequestId(name), wish, at: now };
    let dir = tree.requests(id);
    tree.ensure_dir(&dir)?;
    let bytes = serde_json::to_vec(&request).expect("our own shapes have string keys only");
    tree.publish(&dir.join(format!("{}.json", request.id)), &bytes)?;
    // Whoever made these directories may not have lived to sync them.
    for dir in [dir, tree.job(id), tree.jobs()] {
        tree.sync_dir(&dir)?;
    }
    Ok(request.id)
}

/// The requests of a job that no event answered, oldest first; and the ids of answered ones whose
/// files are still there.
pub(crate) fn open(
    tree: &Tree,
    id: JobId,
    answered: &[String],
) -> Result<(Vec<Request>, Vec<String>), FileError> {
    let dir = tree.requests(id);
    let (mut open, mut dead) = (Vec::new(), Vec::new());
    for name in tree.names(&dir)? {
        let Some(stem) = name.strip_suffix(".json").filter(|stem| !stem.starts_with('.')) else {
            continue;
        };
        if answered.iter().any(|known| known == stem) {
            dead.push(stem.to_owned());
            continue;
        }
        // Requests appear whole; what cannot be read is not one.
        open.extend(read(tree, &dir.join(&name), stem)?);
    }
    Ok((open, dead))
}

/// What has the name of a request and cannot be read as one.
pub(crate) fn unreadable(tree: &Tree, id: JobId) -> Result<Vec<PathBuf>, FileError> {
    let dir = tree.requests(id);
    let mut found = Vec::new();
    for name in tree.names(&dir)? {
        let stem = name.strip_suffix(".json").filter(|stem| !stem.starts_with('.'));
        let path = dir.join(&name);
        if let Some(stem) = stem
            && read(tree, &path, stem)?.is_none()
            && tree.exists(&path)?
        {
            found.push(path);
        }
    }
    Ok(found)
}

/// The request in a file; `None` where it is gone, or is none.
fn read(tree: &Tree, path: &Path, stem: &str) -> Result<Option<Request>, FileError> {
    let bytes = match tree.read(path) {
        Ok(bytes) => bytes.unwrap_or_default(),
        Err(error) if error.is_storage() => return Err(error),
        Err(_) => return Ok(None),
    };
    let request = serde_json::from_slice::<Request>(&bytes).ok();
    Ok(request.filter(|request| request.id.0 == stem))
}

/// Unlinks the files of answered requests. Not synced: one that comes back is still answered.
pub(crate) fn unlink(tree: &Tree, id: JobId, answered: &[String]) -> Result<(), FileError> {
    let dir = tree.requests(id);
    for name in answered {
        tree.unlink(&dir.join(format!("{name}.json")))?;
    }
    Ok(())
}
