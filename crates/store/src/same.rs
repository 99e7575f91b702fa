//! Which unended job asks for the same as another: a file for each identity, naming the job.
//! Derived from the journals, and never synced.

use std::path::PathBuf;

use jobctl_core::{Job, JobId};
use sha2::{Digest, Sha256};

use crate::tree::Tree;
use crate::{FileError, Sighting, look};

/// 32 hexadecimal digits that stand for a text: for identities and file names.
pub fn digest(text: &str) -> String {
    let bits = Sha256::digest(text.as_bytes())
        .iter()
        .take(16)
        .fold(0, |bits: u128, byte| bits << 8 | u128::from(*byte));
    format!("{bits:032x}")
}

fn path(tree: &Tree, identity: &str) -> PathBuf {
    // An identity comes from a journal, which may be anybody's; it must not name another file.
    tree.at("same").join(digest(identity))
}

/// Notes that a job is the one of its identity.
pub(crate) fn note(tree: &Tree, identity: Option<&str>, id: JobId) -> Result<(), FileError> {
    let Some(identity) = identity else { return Ok(()) };
    tree.ensure_dir(&tree.at("same"))?;
    tree.hint(&path(tree, identity), id.to_string().as_bytes())
}

/// Forgets a job that has ended.
pub(crate) fn forget(tree: &Tree, job: &Job) -> Result<(), FileError> {
    let Some(identity) = &job.spec.identity else { return Ok(()) };
    if noted(tree, identity)? == Some(job.id) {
        tree.unlink(&path(tree, identity))?;
    }
    Ok(())
}

fn noted(tree: &Tree, identity: &str) -> Result<Option<JobId>, FileError> {
    let bytes = tree.read(&path(tree, identity))?.unwrap_or_default();
    Ok(std::str::from_utf8(&bytes).ok().and_then(|text| text.parse().ok()))
}

/// The job that has this identity and has not ended, if there is one.
pub(crate) fn find(tree: &Tree, identity: &str) -> Result<Option<Sighting>, FileError> {
    let Some(id) = noted(tree, identity)? else { return Ok(None) };
    Ok(look::listed(tree, id).filter(|seen| {
        let job = seen.job.as_ref().filter(|_| seen.damage.is_none());
        job.is_some_and(|job| {
            !job.status().is_ended() && job.spec.identity.as_deref() == Some(identity)
        })
    }))
}
