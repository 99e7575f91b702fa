//! The paths of a state directory, and file operations that say what failed.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jobctl_core::JobId;

use crate::FileError;
use crate::fs::{Fs, Meta, Open, Sort, Writing};

/// A state directory: where things are in it.
#[derive(Clone)]
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) fs: Arc<dyn Fs>,
}

/// The name of a job's journal in its directory.
pub(crate) const JOURNAL: &str = "journal.jsonl";

/// The name of a job's snapshot.
pub(crate) const STATUS: &str = "status.json";

/// Whether written bytes must survive a power cut before the call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The bytes are synced before the file gets its name.
    Synced,
    /// Derived: made again if lost.
    Derived,
}

/// Turns an I/O error into one that names the verb and the path.
pub(crate) trait Told<T> {
    fn told(self, verb: &'static str, path: &Path) -> Result<T, FileError>;
}

impl<T> Told<T> for io::Result<T> {
    fn told(self, verb: &'static str, path: &Path) -> Result<T, FileError> {
        self.map_err(|source| FileError { verb, path: path.to_owned(), source })
    }
}

/// Paths.
impl Tree {
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn jobs(&self) -> PathBuf {
        self.at("jobs")
    }

    pub(crate) fn submissions(&self) -> PathBuf {
        self.at("new")
    }

    pub(crate) fn active(&self) -> PathBuf {
        self.at("active")
    }

    pub(crate) fn job(&self, id: JobId) -> PathBuf {
        self.jobs().join(id.to_string())
    }

    pub(crate) fn journal(&self, id: JobId) -> PathBuf {
        self.job(id).join(JOURNAL)
    }

    pub(crate) fn requests(&self, id: JobId) -> PathBuf {
        self.job(id).join("requests")
    }

    pub(crate) fn status(&self, id: JobId) -> PathBuf {
        self.job(id).join(STATUS)
    }

    pub(crate) fn claim_lock(&self, id: JobId) -> PathBuf {
        self.job(id).join("worker.lock")
    }

    pub(crate) fn tree_lock(&self, id: JobId) -> PathBuf {
        self.job(id).join("tree.lock")
    }

    pub(crate) fn log(&self, id: JobId) -> PathBuf {
        self.job(id).join("worker.log")
    }
}

/// Operations.
impl Tree {
    /// A file's bytes; `None` where there is no such file.
    pub(crate) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FileError> {
        absent(self.fs.read(path)).told("read", path)
    }

    /// What is at a path; `None` where nothing is.
    pub(crate) fn metadata(&self, path: &Path) -> Result<Option<Meta>, FileError> {
        absent(self.fs.metadata(path)).told("look at", path)
    }

    pub(crate) fn is_dir(&self, path: &Path) -> Result<bool, FileError> {
        Ok(self.metadata(path)?.is_some_and(|meta| meta.sort == Sort::Dir))
    }

    pub(crate) fn exists(&self, path: &Path) -> Result<bool, FileError> {
        Ok(self.metadata(path)?.is_some())
    }

    /// The names in a directory that are text, sorted; none where there is no such directory.
    pub(crate) fn names(&self, path: &Path) -> Result<Vec<String>, FileError> {
        let names = absent(self.fs.list(path)).told("list", path)?.unwrap_or_default();
        Ok(names.into_iter().filter_map(|name| name.into_string().ok()).collect())
    }

    /// The names in a directory that are job ids.
    pub(crate) fn ids(&self, path: &Path) -> Result<BTreeSet<JobId>, FileError> {
        Ok(self.names(path)?.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Makes a directory; fine if it is there. Says whether it was made.
    pub(crate) fn ensure_dir(&self, path: &Path) -> Result<bool, FileError> {
        match self.fs.create_dir(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error).told("make directory", path),
        }
    }

    /// Makes an empty file; fine if it is there.
    pub(crate) fn touch(&self, path: &Path) -> Result<(), FileError> {
        self.fs.write(path, Open::Any).map(drop).told("make", path)
    }

    /// Removes a file; fine if it is gone.
    pub(crate) fn unlink(&self, path: &Path) -> Result<(), FileError> {
        absent(self.fs.unlink(path)).map(|_| ()).told("remove", path)
    }

    pub(crate) fn sync_dir(&self, path: &Path) -> Result<(), FileError> {
        self.fs.sync_dir(path).told("sync", path)
    }

    pub(crate) fn open(&self, path: &Path, open: Open) -> Result<Box<dyn Writing>, FileError> {
        self.fs.write(path, open).told("open", path)
    }

    /// Gives a file new bytes in one step; readers see the old or the new ones, never a part.
    ///
    /// Only for files with one writer at a time: the temporary name is fixed, so that one left by
    /// a dead writer is used again. The directory is not synced.
    pub(crate) fn replace(
        &self,
        path: &Path,
        bytes: &[u8],
        keep: Keep,
    ) -> Result<Box<dyn Writing>, FileError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = path.with_file_name(format!(".{name}.tmp"));
        self.write_then_rename(&temporary, path, Open::Empty, bytes, keep)
    }

    /// Makes a synced file under a name that nobody else writes to. The directory is not synced.
    pub(crate) fn publish(&self, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
        self.publish_as(path, bytes, Keep::Synced)
    }

    /// The same for a file that is derived.
    pub(crate) fn hint(&self, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
        self.publish_as(path, bytes, Keep::Derived)
    }

    fn publish_as(&self, path: &Path, bytes: &[u8], keep: Keep) -> Result<(), FileError> {
        let pid = std::process::id();
        let temporary = path.with_file_name(format!(".tmp-{pid}-{}", random_name()));
        let written = self.write_then_rename(&temporary, path, Open::New, bytes, keep).map(drop);
        if written.is_err() {
            // Nobody would find it again; if even this fails, the sweep will.
            let _ = self.fs.unlink(&temporary);
        }
        written
    }

    fn write_then_rename(
        &self,
        temporary: &Path,
        path: &Path,
        open: Open,
        bytes: &[u8],
        keep: Keep,
    ) -> Result<Box<dyn Writing>, FileError> {
        let mut file = self.open(temporary, open)?;
        file.write_at(bytes, 0).told("write", temporary)?;
        match keep {
            Keep::Synced => file.sync().told("sync", temporary)?,
            Keep::Derived => {}
        }
        self.fs.rename(temporary, path).told("rename to", path)?;
        Ok(file)
    }
}

/// The canonical path of what is at `path`; where nothing is, a directory is made there, with those
/// above it that are missing. What it makes survives a power cut.
pub(crate) fn make_dirs(fs: &dyn Fs, path: &Path) -> Result<PathBuf, FileError> {
    match fs.canonical(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        known => return known.told("find", path),
    }
    let above = match path.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        Some(_) | None => Path::new("."),
    };
    let above = make_dirs(fs, above)?;
    let Some(name) = path.file_name() else { return fs.canonical(path).told("find", path) };
    let dir = above.join(name);
    match fs.create_dir(&dir) {
        // Another process may have made it since.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(error).told("make directory", &dir);
        }
        Ok(()) | Err(_) => {}
    }
    fs.sync_dir(&above).told("sync", &above)?;
    Ok(dir)
}

/// Makes "not there" an answer instead of an error.
fn absent<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Eight random hexadecimal digits.
pub(crate) fn random_name() -> String {
    format!("{:08x}", random_bits())
}

pub(crate) fn random_bits() -> u32 {
    getrandom::u32().expect("the operating system gives random numbers")
}
