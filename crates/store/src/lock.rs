//! Locks between processes. They need no durability: a power cut frees them all.

use std::fs::{File, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::OFlags;

use crate::Holder;
use crate::fs::{Fs, Held, open_file};

/// How often a held lock is tried again, a millisecond apart, before it is believed: somebody may
/// only be looking whether it is held.
const TRIES: u32 = 50;

/// A lock that this process holds; unlocked when dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    held: Box<dyn Held>,
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
    pub(crate) fn take(fs: &dyn Fs, path: &Path) -> io::Result<Option<Self>> {
        for _ in 0..TRIES {
            match fs.try_lock(path)? {
                Some(held) if held.is_at_its_path()? => return Ok(Some(Self { held })),
                Some(_) => {}
                None => thread::sleep(Duration::from_millis(1)),
            }
        }
        Ok(None)
    }

    /// Waits for the lock. Only for locks that are held for the time of a few writes.
    pub(crate) fn wait(fs: &dyn Fs, path: &Path) -> io::Result<Self> {
        Ok(Self { held: fs.lock(path)? })
    }

    /// Whether its path still names it. What cannot be looked at is believed to.
    pub(crate) fn is_at_its_path(&self) -> bool {
        self.held.is_at_its_path().unwrap_or(true)
    }

    /// Writes who holds it, for readers who want to ring.
    pub(crate) fn sign(&self, holder: &Holder) -> io::Result<()> {
        self.held.sign(&serde_json::to_vec(holder)?)
    }
}

/// Takes a lock that passes to whoever inherits its descriptor; `None` while somebody has it.
pub(crate) fn lend(fs: &dyn Fs, path: &Path, holder: &Holder) -> io::Result<Option<OwnedFd>> {
    let text = serde_json::to_vec(holder)?;
    for _ in 0..TRIES {
        match fs.lend(path, &text)? {
            Some(lent) => return Ok(Some(lent)),
            None => thread::sleep(Duration::from_millis(1)),
        }
    }
    Ok(None)
}

/// Looks whether a lock is held, without keeping others from it and without making its file.
pub(crate) fn probe(fs: &dyn Fs, path: &Path) -> io::Result<Probe> {
    Ok(match fs.probe(path)? {
        Some(text) => Probe::Held(serde_json::from_slice(&text).ok()),
        None => Probe::Free,
    })
}

/// A locked file of this machine.
#[derive(Debug)]
pub(crate) struct Locked {
    file: File,
    path: PathBuf,
}

impl Locked {
    /// Locks a file; `None` while another has locked it.
    pub(crate) fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = open_file(path, OFlags::RDWR | OFlags::CREATE)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file, path: path.to_owned() })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Locks a file once nobody else has.
    pub(crate) fn wait(path: &Path) -> io::Result<Self> {
        let file = open_file(path, OFlags::RDWR | OFlags::CREATE)?;
        file.lock()?;
        Ok(Self { file, path: path.to_owned() })
    }
}

/// Locks and signs a file, and gives the descriptor that holds the lock; `None` while another has
/// locked it. Closing the descriptor does not unlock: whoever inherited it holds the lock too.
pub(crate) fn lend_file(path: &Path, text: &[u8]) -> io::Result<Option<OwnedFd>> {
    let file = open_file(path, OFlags::RDWR | OFlags::CREATE)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    file.set_len(0)?;
    file.write_all_at(text, 0)?;
    Ok(Some(file.into()))
}

impl Held for Locked {
    fn is_at_its_path(&self) -> io::Result<bool> {
        let held = self.file.metadata()?;
        match std::fs::symlink_metadata(&self.path) {
            Ok(named) => Ok((held.dev(), held.ino()) == (named.dev(), named.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn sign(&self, text: &[u8]) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.write_all_at(text, 0)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // A reader between the next holder's lock and its signature must not ring the wrong one.
        let _ = self.file.set_len(0);
        // Closing alone would leave the lock to a child that was forked a moment ago. A failure
        // here means that the descriptor is closed, and so the lock free.
        let _ = self.file.unlock();
    }
}

/// What the holder of a file's lock wrote into it; `None` if nobody holds it.
pub(crate) fn text_of_holder(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match open_file(path, OFlags::RDONLY) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => {
            file.unlock()?;
            Ok(None)
        }
        Err(TryLockError::WouldBlock) => {
            let mut text = Vec::new();
            // That it is held is known, even where it cannot be read by whom.
            let _ = io::Read::read_to_end(&mut &file, &mut text);
            Ok(Some(text))
        }
        Err(TryLockError::Error(error)) => Err(error),
    }
}
