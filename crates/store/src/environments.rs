//! Environments that are kept on request until their jobs have ended: a file for each, by the
//! keyed hash that jobs name it by.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::lock::Lock;
use crate::record::{VERSION, is_sealed, seal};
use crate::tree::{Told, Tree};
use crate::{FileError, FileStore, Sighting, Which};

/// Keeps the sweep away until the jobs exist that an environment was kept for.
#[derive(Debug)]
#[must_use = "without it the environment may be gone before the jobs are there that need it"]
pub struct Keeping {
    _lock: Lock,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    v: u32,
    environment: String,
}

impl FileStore {
    /// Keeps environments by their hashes, readable by the user alone, for jobs that are submitted
    /// before the returned value is dropped. Once this returns `Ok`, they survive a power cut.
    pub fn keep_environments(
        &self,
        environments: &BTreeMap<&str, &str>,
    ) -> Result<Keeping, FileError> {
        let tree = &self.tree;
        let dir = folder(tree);
        if let Err((_, why)) = self.own() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why.to_string()))
                .told("write to", &dir);
        }
        tree.ensure_dir(&dir)?;
        let lock = lock(tree)?;
        for (hash, text) in environments {
            if kept(tree, hash)?.as_deref() != Some(*text) {
                let environment = (*text).to_owned();
                tree.publish(&path(tree, hash)?, &seal(&Kept { v: VERSION, environment }))?;
            }
        }
        // What is there already may have been written by who died before these.
        tree.sync_dir(&dir)?;
        tree.sync_dir(&tree.root)?;
        Ok(Keeping { _lock: lock })
    }

    /// An environment that was kept, if it is there and whole.
    pub fn kept_environment(&self, hash: &str) -> Result<Option<String>, FileError> {
        kept(&self.tree, hash)
    }

    /// Removes the environments that no unended job asks for.
    pub(crate) fn sweep_environments(&self) -> Result<(), FileError> {
        let tree = &self.tree;
        let dir = folder(tree);
        if !tree.names(&dir)?.iter().any(|name| is_hash(name)) {
            return Ok(());
        }
        // Before the jobs are listed: whoever keeps one now is done with its submission then.
        let _lock = lock(tree)?;
        let jobs = self.seen(Which::Active)?;
        // What a job asks for that cannot be read, nobody knows.
        if jobs.iter().any(|seen| seen.job.is_none()) {
            return Ok(());
        }
        let asked: HashSet<&str> = jobs.iter().filter_map(asks_for).collect();
        for name in tree.names(&dir)? {
            if is_hash(&name) && !asked.contains(name.as_str()) {
                tree.unlink(&dir.join(name))?;
            }
        }
        Ok(())
    }
}

fn asks_for(seen: &Sighting) -> Option<&str> {
    seen.job.as_ref()?.spec.environment.as_deref()
}

pub(crate) fn folder(tree: &Tree) -> PathBuf {
    tree.at("environments")
}

fn lock(tree: &Tree) -> Result<Lock, FileError> {
    let path = folder(tree).join("lock");
    Lock::wait(tree.fs.as_ref(), &path).told("lock", &path)
}

fn path(tree: &Tree, hash: &str) -> Result<PathBuf, FileError> {
    let dir = folder(tree);
    // A hash comes from a journal, which may be anybody's; it must not name another file.
    if is_hash(hash) {
        return Ok(dir.join(hash));
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("not a hash: {hash:?}")))
        .told("look into", &dir)
}

fn kept(tree: &Tree, hash: &str) -> Result<Option<String>, FileError> {
    let Some(bytes) = tree.read(&path(tree, hash)?)? else { return Ok(None) };
    let line = bytes.strip_suffix(b"\n").filter(|line| is_sealed(line));
    let kept = line.and_then(|line| serde_json::from_slice::<Kept>(line).ok());
    // What is not whole, or of a newer version, is as good as lost: a call may still bring it.
    Ok(kept.filter(|kept| kept.v == VERSION).map(|kept| kept.environment))
}

/// Whether text has the form of a keyed hash: 64 hexadecimal digits.
fn is_hash(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
