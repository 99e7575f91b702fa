//! Which state directories are this user's own. Lives outside all of them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::FileError;
use crate::fs::{Fs, RealFs, Sort};
use crate::lock::Lock;
use crate::tree::{Told, Tree, make_dirs};

/// A file for each directory in here: its name is the id, its bytes are the path.
const STATES: &str = "states";
/// The bit of directories in which everybody makes files of their own.
const STICKY: u32 = 0o1000;
/// Below these, disks and network drives come and go with their mount points: what is not there
/// now may be there tomorrow.
const MOUNTED: [&str; 6] = ["/media", "/mnt", "/net", "/run", "/Volumes", "/autofs"];

/// The state directories that this user made or trusted, and a key for keyed hashes.
#[derive(Clone)]
pub struct Registry {
    dir: PathBuf,
    fs: Arc<dyn Fs>,
}

impl Registry {
    /// The registry in a directory, which is made when something is first written to it.
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self::on(dir, Arc::new(RealFs))
    }

    /// The same on another file system, for tests.
    pub fn on(dir: impl Into<PathBuf>, fs: Arc<dyn Fs>) -> Self {
        Self { dir: dir.into(), fs }
    }

    /// Where the state directory with this id was when it was registered.
    pub fn path_of(&self, id: &str) -> Result<Option<PathBuf>, FileError> {
        // The id comes from a directory that may be anybody's; it must not name another file.
        let (Some(tree), true) = (self.found()?, is_id(id)) else { return Ok(None) };
        let bytes = tree.read(&tree.at(STATES).join(id))?;
        Ok(bytes.map(|bytes| PathBuf::from(OsStr::from_bytes(&bytes))))
    }

    /// Every registered state directory, by path, each once. Some may not be there now.
    pub fn all(&self) -> Result<Vec<PathBuf>, FileError> {
        let Some(tree) = self.found()? else { return Ok(Vec::new()) };
        let mut paths: Vec<PathBuf> = self.entries(&tree)?.into_values().collect();
        paths.sort();
        paths.dedup();
        Ok(paths)
    }

    /// Forgets directories that are gone for good, and says which. What only cannot be reached now,
    /// on a disk that is not mounted or behind a closed door, stays: forgotten wrongly, it would be
    /// foreign when it is back.
    pub fn forget_gone(&self) -> Result<Vec<PathBuf>, FileError> {
        let Some(tree) = self.found()? else { return Ok(Vec::new()) };
        if !self.entries(&tree)?.iter().any(|(id, path)| self.is_gone(id, path)) {
            return Ok(Vec::new());
        }
        // Again under the lock: a directory that is being made has an id before it has an entry.
        let _lock = self.lock()?;
        let mut forgotten = Vec::new();
        for (id, path) in self.entries(&tree)? {
            if self.is_gone(&id, &path) {
                tree.unlink(&tree.at(STATES).join(id))?;
                forgotten.push(path);
            }
        }
        tree.sync_dir(&tree.at(STATES))?;
        forgotten.sort();
        Ok(forgotten)
    }

    /// Ids and paths, as they were registered.
    fn entries(&self, tree: &Tree) -> Result<BTreeMap<String, PathBuf>, FileError> {
        let ids = tree.names(&tree.at(STATES))?.into_iter().filter(|name| is_id(name));
        let entry = |id: String| Ok(self.path_of(&id)?.map(|path| (id, path)));
        ids.filter_map(|id| entry(id).transpose()).collect()
    }

    /// Whether the directory with this id will not be at this path again; no where that is not
    /// certain.
    fn is_gone(&self, id: &str, path: &Path) -> bool {
        match self.fs.metadata(path) {
            Ok(_) => self.is_succeeded(id, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.was_removed(path),
            Err(_) => false,
        }
    }

    /// Whether another registered directory has taken the place of the one with this id.
    fn is_succeeded(&self, id: &str, path: &Path) -> bool {
        let tree = Tree { root: path.to_owned(), fs: Arc::clone(&self.fs) };
        let Ok(Some(there)) = id_of(&tree) else { return false };
        there != id && self.path_of(&there).is_ok_and(|known| known.as_deref() == Some(path))
    }

    /// Whether a path that names nothing was removed, as opposed to not being mounted: the nearest
    /// directory above it that is there is the user's, or one like `/tmp`, and holds something. A
    /// mount point is empty without its disk.
    fn was_removed(&self, path: &Path) -> bool {
        if MOUNTED.iter().any(|place| path.starts_with(place)) {
            return false;
        }
        let above = path.ancestors().skip(1).find_map(|above| match self.fs.metadata(above) {
            Ok(meta) => Some(Some((above, meta))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(_) => Some(None),
        });
        let Some(Some((above, meta))) = above else { return false };
        let is_own = meta.owner == rustix::process::geteuid().as_raw() || meta.mode & STICKY != 0;
        let holds_something = || self.fs.list(above).is_ok_and(|names| !names.is_empty());
        meta.sort == Sort::Dir && is_own && holds_something()
    }

    /// Makes the directory with this id and path one of the user's own. Survives a power cut.
    pub(crate) fn register(&self, id: &str, path: &Path) -> Result<(), FileError> {
        let tree = self.made()?;
        let states = tree.at(STATES);
        tree.ensure_dir(&states)?;
        tree.publish(&states.join(id), path.as_os_str().as_bytes())?;
        tree.sync_dir(&states)?;
        tree.sync_dir(&tree.root)
    }

    /// Keeps others from registering until it is dropped: two first calls at once must agree on one
    /// id for a directory.
    pub(crate) fn lock(&self) -> Result<Lock, FileError> {
        let tree = self.made()?;
        let path = tree.at("lock");
        Lock::wait(tree.fs.as_ref(), &path).told("lock", &path)
    }

    /// A secret of this user and machine, for hashes that nobody else can compute. Made once.
    pub fn key(&self) -> Result<[u8; 32], FileError> {
        let tree = self.made()?;
        let path = tree.at("key");
        if let Some(bytes) = tree.read(&path)?
            && let Ok(key) = bytes.try_into()
        {
            return Ok(key);
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(io::Error::other).told("make a key for", &path)?;
        tree.publish(&path, &key)?;
        tree.sync_dir(&tree.root)?;
        // Two first calls at once make two keys; the one whose name stayed counts for both.
        let kept = tree.read(&path)?.and_then(|bytes| bytes.try_into().ok());
        Ok(kept.unwrap_or(key))
    }

    /// The registry if it is there.
    fn found(&self) -> Result<Option<Tree>, FileError> {
        match self.fs.canonical(&self.dir) {
            Ok(root) => Ok(Some(Tree { root, fs: Arc::clone(&self.fs) })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).told("find", &self.dir),
        }
    }

    fn made(&self) -> Result<Tree, FileError> {
        let root = make_dirs(self.fs.as_ref(), &self.dir)?;
        Ok(Tree { root, fs: Arc::clone(&self.fs) })
    }
}

/// The id that a state directory says it has, if it says one.
pub(crate) fn id_of(tree: &Tree) -> Result<Option<String>, FileError> {
    let text = tree.read(&tree.at("id"))?.and_then(|bytes| String::from_utf8(bytes).ok());
    Ok(text.map(|text| text.trim().to_owned()).filter(|text| is_id(text)))
}

/// A new random id of a state directory: 32 hexadecimal digits.
pub(crate) fn new_id() -> String {
    let bits: [u64; 2] = std::array::from_fn(|_| {
        getrandom::u64().expect("the operating system gives random numbers")
    });
    format!("{:016x}{:016x}", bits[0], bits[1])
}

/// Whether text has the form of such an id.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}
