//! The lock of `background-jobs.json`, as `SpecWeave` takes it: a file that is made exclusively,
//! holding process id and milliseconds since 1970, and removed afterwards.

use std::path::PathBuf;
use std::time::Duration;
use std::{io, thread};

use jiff::SignedDuration;
use jobctl_core::Time;

use crate::FileError;
use crate::fs::Open;
use crate::tree::{Told, Tree};

/// A lock file older than this was left by a process that died (the limit `SpecWeave` uses too).
pub(super) const STALE: SignedDuration = SignedDuration::from_secs(30);

/// How often it is tried to take a lock that somebody holds, and how long after each other. Whoever
/// holds it rewrites one file.
const TRIES: usize = 50;
const STEP: Duration = Duration::from_millis(1);

/// The lock, held.
#[must_use]
pub(super) struct Guard<'a> {
    tree: &'a Tree,
    path: PathBuf,
    text: String,
}

impl<'a> Guard<'a> {
    /// Takes the lock; `None` when somebody else holds it for so long that it is better to come
    /// back later.
    pub(super) fn take(tree: &'a Tree, now: Time) -> Result<Option<Self>, FileError> {
        let path = tree.at("background-jobs.lock");
        let text = format!("{}\n{}", std::process::id(), now.as_millisecond());
        for _ in 0..TRIES {
            match tree.fs.write(&path, Open::New) {
                Ok(mut file) => {
                    file.write_at(text.as_bytes(), 0).told("write", &path)?;
                    return Ok(Some(Self { tree, path, text }));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).told("make", &path),
            }
            // A clock that was set back makes locks of the future, which would stay for ever.
            let stale = |at| now.duration_since(at).abs() > STALE;
            match tree.metadata(&path)? {
                Some(meta) if stale(meta.modified) => tree.unlink(&path)?,
                Some(_) => thread::sleep(STEP),
                None => {}
            }
        }
        Ok(None)
    }

    /// Gives the lock back, unless another program took it by force and holds it now.
    pub(super) fn release(self) -> Result<(), FileError> {
        if self.tree.read(&self.path)?.is_some_and(|text| text == self.text.as_bytes()) {
            self.tree.unlink(&self.path)?;
        }
        Ok(())
    }
}
