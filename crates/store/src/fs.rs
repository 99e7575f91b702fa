//! The file operations that durability rests on, behind one trait.
//!
//! Tests put a double here that forgets what was not synced and cuts the power after any call.

use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

use jobctl_core::Time;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags};

use crate::lock::Locked;

/// File operations on absolute paths without symbolic links in them.
///
/// What a call did is visible to others at once, and survives a power cut only after the matching
/// sync: a file's bytes after [`Writing::sync`], its name after [`Fs::sync_dir`] on its directory.
pub trait Fs: Send + Sync {
    /// The absolute path of what is there, every symbolic link in `path` followed: what all other
    /// calls are given comes from here.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf>;

    /// All bytes of a regular file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// At most `most` bytes of a regular file from `offset` on.
    fn read_at(&self, path: &Path, offset: u64, most: usize) -> io::Result<Vec<u8>>;

    /// The names in a directory, sorted.
    fn list(&self, path: &Path) -> io::Result<Vec<OsString>>;

    /// What is at a path; a symbolic link is reported, not followed.
    fn metadata(&self, path: &Path) -> io::Result<Meta>;

    /// What is at each of these relative paths in a directory; `None` where it cannot be looked at.
    ///
    /// Links between the directory and the last name may be followed: good enough to compare with
    /// what was there before, and several times as fast as one after the other.
    fn glance(&self, dir: &Path, paths: &[String]) -> Vec<Option<Meta>> {
        paths.iter().map(|path| self.metadata(&dir.join(path)).ok()).collect()
    }

    /// Makes a directory with mode 0700, whatever the umask.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Opens a file to write it, made with mode 0600 where `open` allows, whatever the umask.
    fn write(&self, path: &Path, open: Open) -> io::Result<Box<dyn Writing>>;

    /// Gives a file or directory another name, replacing a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's name.
    fn unlink(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Waits until the names in a directory would survive a power cut.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Takes away the permission of others than the owner to write to a directory.
    fn close_to_others(&self, path: &Path) -> io::Result<()>;

    /// Opens a file whose writes all go to its end, made with mode 0600 if it is not there.
    fn append(&self, path: &Path) -> io::Result<Box<dyn io::Write + Send>>;

    /// Locks a file, which is made if it is not there; `None` while somebody else has locked it.
    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Held>>>;

    /// Locks a file, which is made if it is not there; waits while somebody else has locked it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Held>>;

    /// Locks a file as [`Fs::try_lock`] does, writes `text` into it, and gives the descriptor that
    /// holds the lock: locked it stays as long as any process has that open, by inheritance too.
    fn lend(&self, path: &Path, text: &[u8]) -> io::Result<Option<OwnedFd>> {
        let _ = (path, text);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// What the holder of a lock wrote into its file; `None` if nobody holds it. Keeps nobody from
    /// locking, and does not make the file.
    fn probe(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;
}

/// A lock that this process holds. A power cut frees it; dropping it clears what was written into
/// its file, and then unlocks.
pub trait Held: Debug + Send + Sync {
    /// Whether the path still names the locked file: its directory may have been removed, and made
    /// again, between opening and locking.
    fn is_at_its_path(&self) -> io::Result<bool>;

    /// Replaces what the file holds.
    fn sign(&self, text: &[u8]) -> io::Result<()>;
}

/// A file open for writing.
pub trait Writing: Send {
    /// Writes all of `bytes` at `offset`.
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts the file, or fills it with zeros, to this length in bytes.
    fn set_len(&mut self, len: u64) -> io::Result<()>;

    /// The length in bytes.
    fn measure(&self) -> io::Result<u64>;

    /// Waits until the bytes would survive a power cut. After a failure nothing is known.
    fn sync(&mut self) -> io::Result<()>;
}

/// What opening a file for writing may do to the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Open {
    /// The file must be there.
    Existing,
    /// It is made if it is not there.
    Any,
    /// It is made, and must not be there.
    New,
    /// It is made, or emptied.
    Empty,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// File, directory or neither.
    pub sort: Sort,
    /// Length in bytes.
    pub len: u64,
    /// When its bytes last changed.
    pub modified: Time,
    /// Permission bits.
    pub mode: u32,
    /// User id of the owner.
    pub owner: u32,
}

/// What sort of thing a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link, socket or anything else.
    Other,
}

/// The file system of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealFs;

#[cfg(target_os = "linux")]
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY);
#[cfg(not(target_os = "linux"))]
const DIRECTORY: OFlags = OFlags::DIRECTORY;

impl Fs for RealFs {
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        path.canonicalize()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut open_file(path, OFlags::RDONLY)?, &mut bytes)?;
        Ok(bytes)
    }

    fn read_at(&self, path: &Path, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        let mut file = open_file(path, OFlags::RDONLY)?;
        io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        io::Read::read_to_end(&mut io::Read::take(file, most as u64), &mut bytes)?;
        Ok(bytes)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        let dir = open_plain(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::new(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(std::os::unix::ffi::OsStringExt::from_vec(name.to_vec()));
            }
        }
        names.sort();
        Ok(names)
    }

    fn metadata(&self, path: &Path) -> io::Result<Meta> {
        let (dir, name) = parent(path)?;
        let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(Meta::from(stat))
    }

    fn glance(&self, dir: &Path, paths: &[String]) -> Vec<Option<Meta>> {
        let Ok(opened) = open_plain(dir, DIRECTORY, Mode::empty()) else {
            return paths.iter().map(|_| None).collect();
        };
        let look = |path: &String| {
            rustix::fs::statat(&opened, path, AtFlags::SYMLINK_NOFOLLOW).ok().map(Meta::from)
        };
        paths.iter().map(look).collect()
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let (dir, name) = parent(path)?;
        rustix::fs::mkdirat(&dir, name, Mode::RWXU)?;
        // A strange umask may have taken the owner's own permissions away.
        rustix::fs::chmodat(&dir, name, Mode::RWXU, AtFlags::empty())?;
        Ok(())
    }

    fn write(&self, path: &Path, open: Open) -> io::Result<Box<dyn Writing>> {
        let flags = OFlags::WRONLY
            | match open {
                Open::Existing => OFlags::empty(),
                Open::Any => OFlags::CREATE,
                Open::New => OFlags::CREATE | OFlags::EXCL,
                Open::Empty => OFlags::CREATE | OFlags::TRUNC,
            };
        Ok(Box::new(open_file(path, flags)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (old_dir, old) = parent(from)?;
        let (new_dir, new) = parent(to)?;
        Ok(rustix::fs::renameat(old_dir, old, new_dir, new)?)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        let (dir, name) = parent(path)?;
        Ok(rustix::fs::unlinkat(dir, name, AtFlags::empty())?)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let (dir, name) = parent(path)?;
        Ok(rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR)?)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let dir = open_plain(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        File::from(dir).sync_all()
    }

    fn close_to_others(&self, path: &Path) -> io::Result<()> {
        let dir = open_plain(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
        let mode = Mode::from_raw_mode(rustix::fs::fstat(&dir)?.st_mode);
        Ok(rustix::fs::fchmod(&dir, mode.difference(Mode::WGRP | Mode::WOTH))?)
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn io::Write + Send>> {
        Ok(Box::new(open_file(path, OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE)?))
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Held>>> {
        Ok(Locked::take(path)?.map(|locked| Box::new(locked) as Box<dyn Held>))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Held>> {
        Ok(Box::new(Locked::wait(path)?))
    }

    fn lend(&self, path: &Path, text: &[u8]) -> io::Result<Option<OwnedFd>> {
        crate::lock::lend_file(path, text)
    }

    fn probe(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        crate::lock::text_of_holder(path)
    }
}

impl From<rustix::fs::Stat> for Meta {
    fn from(stat: rustix::fs::Stat) -> Self {
        let sort = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Sort::File,
            FileType::Directory => Sort::Dir,
            FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => Sort::Other,
        };
        let nanosecond = i32::try_from(stat.st_mtime_nsec).unwrap_or(0);
        Self {
            sort,
            len: u64::try_from(stat.st_size).unwrap_or(0),
            modified: Time::new(stat.st_mtime, nanosecond).unwrap_or(Time::UNIX_EPOCH),
            mode: wide(Mode::from_raw_mode(stat.st_mode).bits()),
            owner: stat.st_uid,
        }
    }
}

impl Writing for File {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        File::set_len(self, len)
    }

    fn measure(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }
}

/// Mode bits have 16 bits on some systems and 32 on others.
fn wide(bits: impl Into<u32>) -> u32 {
    bits.into()
}

/// Opens a regular file of a state directory to read it, on its canonical path: never through a
/// symbolic link, never waiting for a pipe's other end.
pub fn open_to_read(path: &Path) -> io::Result<File> {
    open_file(path, OFlags::RDONLY)
}

/// Opens a regular file, never through a symbolic link, never waiting for a pipe's other end.
pub(crate) fn open_file(path: &Path, flags: OFlags) -> io::Result<File> {
    let makes = flags.contains(OFlags::CREATE);
    let mode = if makes { Mode::RUSR | Mode::WUSR } else { Mode::empty() };
    let file = File::from(open_plain(path, flags | OFlags::NONBLOCK, mode)?);
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    if makes && std::os::unix::fs::MetadataExt::mode(&meta) & 0o777 != 0o600 {
        rustix::fs::fchmod(&file, mode)?;
    }
    Ok(file)
}

/// The directory of a path, opened without following a link, and the last name in it.
fn parent(path: &Path) -> io::Result<(OwnedFd, &Path)> {
    match (path.parent(), path.components().next_back()) {
        (Some(dir), Some(Component::Normal(name))) => {
            Ok((open_plain(dir, DIRECTORY, Mode::empty())?, Path::new(name)))
        }
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a path with a name")),
    }
}

/// Opens an absolute path in which no component is a symbolic link.
///
/// A cloned repository may bring links that lead out of the state directory, so all of it counts.
fn open_plain(path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::ResolveFlags;
        use rustix::io::Errno;
        match rustix::fs::openat2(CWD, path, flags, mode, ResolveFlags::NO_SYMLINKS) {
            // Kernels before 5.6 and some sandboxes do not know the call.
            Err(Errno::NOSYS | Errno::PERM) => {}
            Err(Errno::LOOP) => return Err(is_a_link()),
            other => return Ok(other?),
        }
    }
    let mut so_far = std::path::PathBuf::new();
    for part in path.parent().unwrap_or(Path::new("/")).components() {
        so_far.push(part);
        let stat = rustix::fs::statat(CWD, &so_far, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            return Err(is_a_link());
        }
    }
    rustix::fs::openat(CWD, path, flags, mode).map_err(|error| match error {
        rustix::io::Errno::LOOP => is_a_link(),
        error => error.into(),
    })
}

/// The system would speak of too many levels of links.
fn is_a_link() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "a symbolic link is there, and is not followed")
}
