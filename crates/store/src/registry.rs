//! Which state directories are this user's own. Lives outside all of them.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::FileError;
use crate::fs::{Fs, RealFs};
use crate::lock::Lock;
use crate::tree::{Told, Tree, make_dirs};

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
        let bytes = tree.read(&tree.at("states").join(id))?;
        Ok(bytes.map(|bytes| PathBuf::from(OsStr::from_bytes(&bytes))))
    }

    /// Every registered state directory, by path.
    pub fn all(&self) -> Result<Vec<PathBuf>, FileError> {
        let Some(tree) = self.found()? else { return Ok(Vec::new()) };
        let ids = tree.names(&tree.at("states"))?;
        let mut paths: Vec<PathBuf> =
            ids.iter().filter_map(|id| self.path_of(id).transpose()).collect::<Result<_, _>>()?;
        paths.sort();
        Ok(paths)
    }

    /// Makes the directory with this id and path one of the user's own. Survives a power cut.
    pub(crate) fn register(&self, id: &str, path: &Path) -> Result<(), FileError> {
        let tree = self.made()?;
        let states = tree.at("states");
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
