//! Locks between processes. They need no durability: a power cut frees them all.

use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::OFlags;

use crate::Holder;
use crate::fs::open_file;

/// How often a held lock is tried again, a millisecond apart, before it is believed: somebody may
/// only be looking whether it is held.
const TRIES: u32 = 50;

/// A lock that this process holds; unlocked when dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

/// What a look at a lock shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Probe {
    /// Nobody holds it.
    Free,
    /// Somebody does, and wrote this into it.
    Held(Option<Holder>),
}

impl Lock {
    /// Takes the lock whose file is at `path`, made if missing; `None` while another holds it.
    pub(crate) fn take(path: &Path) -> io::Result<Option<Self>> {
        for _ in 0..TRIES {
            let file = open_file(path, OFlags::RDWR | OFlags::CREATE)?;
            match file.try_lock() {
                Ok(()) => {
                    let lock = Self { file, path: path.to_owned() };
                    if lock.is_at_its_path()? {
                        return Ok(Some(lock));
                    }
                }
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(1)),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Waits for the lock. Only for locks that are held for the time of a few writes.
    pub(crate) fn wait(path: &Path) -> io::Result<Self> {
        let file = open_file(path, OFlags::RDWR | OFlags::CREATE)?;
        file.lock()?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Writes who holds it, for readers who want to ring.
    pub(crate) fn sign(&self, holder: &Holder) -> io::Result<()> {
        let text = serde_json::to_vec(holder)?;
        self.file.set_len(0)?;
        self.file.write_all_at(&text, 0)
    }

    /// Whether the path still names the locked file: its directory may have been removed, and made
    /// again, between opening and locking.
    fn is_at_its_path(&self) -> io::Result<bool> {
        let held = self.file.metadata()?;
        match std::fs::symlink_metadata(&self.path) {
            Ok(named) => Ok((held.dev(), held.ino()) == (named.dev(), named.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A reader between the next holder's lock and its signature must not ring the wrong one.
        let _ = self.file.set_len(0);
        // Closing alone would leave the lock to a child that was forked a moment ago. A failure
        // here means that the descriptor is closed, and so the lock free.
        let _ = self.file.unlock();
    }
}

/// Looks whether a lock is held, without keeping others from it and without making its file.
pub(crate) fn probe(path: &Path) -> io::Result<Probe> {
    let file = match open_file(path, OFlags::RDONLY) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Probe::Free),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => {
            file.unlock()?;
            Ok(Probe::Free)
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let read = io::Read::read_to_string(&mut &file, &mut text);
            Ok(Probe::Held(read.ok().and_then(|_| serde_json::from_str(&text).ok())))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}
