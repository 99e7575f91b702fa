use std::fs::{DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The name of the socket, and of the link in the state directory that leads to it.
const SOCKET: &str = "runner.sock";
/// The mode of its directories.
const OWN: u32 = 0o700;
/// The longest path of a socket that every system takes.
const LONGEST: usize = 100;

/// Where the runner of one state directory listens.
///
/// Shells may have different temporary directories, and share a runner all the same: the one that
/// listens leaves a link to its socket in the state directory.
#[derive(Debug, Clone)]
pub struct Place {
    directory: PathBuf,
    parent: PathBuf,
    link: PathBuf,
}

/// Why a socket directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It could not be made or looked at.
    #[error("could not prepare {}", .path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It belongs to somebody else, or others may enter it.
    #[error("{} is not private to you; remove it or set TMPDIR", .0.display())]
    NotPrivate(PathBuf),
}

impl Place {
    /// The place for the state directory `root` (canonical), under the system's temporary
    /// directory. Socket paths have about 100 bytes, so the directory's name is a hash, and `/tmp`
    /// takes the place of a temporary directory with a long name.
    pub fn new(root: &Path, temporary: &Path) -> Self {
        let hash = Sha256::digest(root.as_os_str().as_encoded_bytes());
        let name =
            hash.iter().take(8).fold(String::new(), |name, byte| format!("{name}{byte:02x}"));
        let below = Path::new(&format!("jobctl-{}", rustix::process::getuid().as_raw())).join(name);
        let is_long = |base: &Path| base.join(&below).join(SOCKET).as_os_str().len() > LONGEST;
        let base = if is_long(temporary) { Path::new("/tmp") } else { temporary };
        Self::at(base.join(below), root.join(SOCKET))
    }

    fn at(directory: PathBuf, link: PathBuf) -> Self {
        let parent = directory.parent().unwrap_or(&directory).to_owned();
        Self { directory, parent, link }
    }

    /// Where the runner that listens now says it does; where none says so, here.
    pub(crate) fn found(&self) -> Self {
        let said = std::fs::read_link(&self.link).ok().filter(|path| path.is_absolute());
        match said.as_deref().and_then(Path::parent) {
            Some(directory) => Self::at(directory.to_owned(), self.link.clone()),
            None => self.clone(),
        }
    }

    /// Leaves the link to the socket, in the place of an older one, whose socket goes: only the
    /// runner does, and there is only one.
    pub(crate) fn announce(&self) -> io::Result<()> {
        let last = self.found();
        if last.directory != self.directory && matches!(last.exists(), Ok(true)) {
            last.clear();
        }
        let new = self.link.with_file_name(format!(".{SOCKET}.tmp"));
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        symlink(self.socket(), &new)?;
        std::fs::rename(&new, &self.link)
    }

    /// Takes socket and link away again; what is left of them harms nobody.
    pub(crate) fn withdraw(&self) {
        self.clear();
        let _ = std::fs::remove_file(&self.link);
    }

    fn clear(&self) {
        let _ = std::fs::remove_file(self.socket());
        let _ = std::fs::remove_dir(&self.directory);
    }

    /// The socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.join(SOCKET)
    }

    /// Makes the directories, 0700, and refuses them where they are not private to this user.
    pub(crate) fn prepare(&self) -> Result<(), PlaceError> {
        for path in [&self.parent, &self.directory] {
            let wrap = |source| PlaceError::Directory { path: path.clone(), source };
            match DirBuilder::new().mode(OWN).create(path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(wrap(error)),
            }
            let found = path.symlink_metadata().map_err(wrap)?;
            private(path, &found)?;
            // A strange umask may have taken the owner's own permissions away.
            if found.mode() & OWN != OWN {
                std::fs::set_permissions(path, Permissions::from_mode(OWN)).map_err(wrap)?;
            }
        }
        Ok(())
    }

    /// Lets the owner, and nobody else, connect to the socket, whatever the umask.
    pub(crate) fn close(&self) -> io::Result<()> {
        std::fs::set_permissions(self.socket(), Permissions::from_mode(0o600))
    }

    /// Whether the directories are there and private; a missing one is no error.
    pub(crate) fn exists(&self) -> Result<bool, PlaceError> {
        for path in [&self.parent, &self.directory] {
            match path.symlink_metadata() {
                Ok(found) => private(path, &found)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(source) => return Err(PlaceError::Directory { path: path.clone(), source }),
            }
        }
        Ok(true)
    }
}

fn private(path: &Path, found: &Metadata) -> Result<(), PlaceError> {
    const OTHERS: u32 = 0o077;
    let mine = found.uid() == rustix::process::getuid().as_raw();
    let others = found.mode() & OTHERS != 0;
    if found.is_dir() && mine && !others {
        Ok(())
    } else {
        Err(PlaceError::NotPrivate(path.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_temporary_directory_is_not_used() {
        let root = Path::new("/state");
        let short = Place::new(root, Path::new("/var/tmp"));
        assert!(short.socket().starts_with("/var/tmp"), "{short:?}");
        let long = Place::new(root, &Path::new("/var").join("x".repeat(100)));
        assert!(long.socket().starts_with("/tmp"), "{long:?}");
        assert!(long.socket().as_os_str().len() <= LONGEST);
    }

    #[test]
    fn whoever_looks_finds_the_runner_that_listens() {
        let directory = tempfile::tempdir().unwrap();
        let (root, one, other) =
            (directory.path().join("r"), directory.path().join("a"), directory.path().join("b"));
        for path in [&root, &one, &other] {
            std::fs::create_dir(path).unwrap();
        }
        let (one, other) = (Place::new(&root, &one), Place::new(&root, &other));
        assert_eq!(other.found().socket(), other.socket());
        one.announce().unwrap();
        assert_eq!(other.found().socket(), one.socket());
        other.announce().unwrap();
        assert_eq!(one.found().socket(), other.socket());
        other.withdraw();
        assert_eq!(one.found().socket(), one.socket());
    }

    #[test]
    fn the_socket_that_a_dead_runner_left_elsewhere_goes() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("r");
        let place = |name: &str| {
            let temporary = directory.path().join(name);
            std::fs::create_dir(&temporary).unwrap();
            let place = Place::new(&root, &temporary);
            place.prepare().unwrap();
            std::fs::File::create(place.socket()).unwrap();
            place
        };
        std::fs::create_dir(&root).unwrap();
        let (dead, living) = (place("a"), place("b"));
        dead.announce().unwrap();
        living.announce().unwrap();
        assert!(!dead.directory.exists());
        assert!(living.socket().exists());
    }

    #[test]
    fn only_its_owner_enters_and_a_lost_permission_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::new(Path::new("/state"), directory.path());
        place.prepare().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
        for lost in [0o000, 0o500] {
            std::fs::set_permissions(&place.directory, Permissions::from_mode(lost)).unwrap();
            place.prepare().unwrap();
            assert_eq!((mode(&place.parent), mode(&place.directory)), (0o700, 0o700));
        }
        for open in [0o750, 0o701, 0o722] {
            std::fs::set_permissions(&place.parent, Permissions::from_mode(open)).unwrap();
            assert!(matches!(place.prepare(), Err(PlaceError::NotPrivate(_))), "{open:o}");
            assert!(matches!(place.exists(), Err(PlaceError::NotPrivate(_))), "{open:o}");
        }
    }
}
