//! The lock of `background-jobs.json`, as `SpecWeave` takes it: a file that is made exclusively,
//! holding process id and milliseconds since 1970, and removed afterwards.

use std::io;
use std::path::PathBuf;

use jiff::SignedDuration;
use jobctl_core::Time;

use crate::FileError;
use crate::fs::Open;
use crate::tree::{Told, Tree};

/// A lock file older than this was left by a process that died (the limit `SpecWeave` uses too).
pub(super) const STALE: SignedDuration = SignedDuration::from_secs(30);

/// The lock, held.
#[must_use]
pub(super) struct Guard<'a> {
    tree: &'a Tree,
    path: PathBuf,
    text: String,
}

impl<'a> Guard<'a> {
    /// Takes the lock; `None` while somebody else holds it.
    pub(super) fn take(tree: &'a Tree, now: Time) -> Result<Option<Self>, FileError> {
        let path = tree.at("background-jobs.lock");
        let text = format!("{}\n{}", std::process::id(), now.as_millisecond());
        for _ in 0..2 {
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
            if !tree.metadata(&path)?.is_some_and(|meta| stale(meta.modified)) {
                return Ok(None);
            }
            tree.unlink(&path)?;
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
