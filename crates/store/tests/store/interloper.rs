//! Real files, and another program that writes to one of them, or has it, at the worst moment.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jobctl_store::{Fs, Held, Meta, Open, RealFs, Writing};

/// What the other program does.
type Deed = Box<dyn FnOnce(&Path) + Send>;

/// Real files; what the other program does, it does right after a file of this name was read so
/// many times more. Whoever wants to lend that file finds it busy so many times.
pub(crate) struct Interloper {
    name: &'static str,
    deed: Mutex<Option<(u32, Deed)>>,
    busy: Mutex<u32>,
}

impl Interloper {
    pub(crate) fn on(name: &'static str) -> Self {
        Self { name, deed: Mutex::new(None), busy: Mutex::new(0) }
    }

    pub(crate) fn busy(&self, times: u32) {
        *self.busy.lock().unwrap() = times;
    }

    /// How many times it is still busy.
    pub(crate) fn is_busy_for(&self) -> u32 {
        *self.busy.lock().unwrap()
    }

    pub(crate) fn after(&self, reads: u32, deed: impl FnOnce(&Path) + Send + 'static) {
        *self.deed.lock().unwrap() = Some((reads, Box::new(deed)));
    }

    /// Whether it has done it.
    pub(crate) fn is_done(&self) -> bool {
        self.deed.lock().unwrap().is_none()
    }
}

impl Fs for Interloper {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let read = RealFs.read(path);
        let mut deed = self.deed.lock().unwrap();
        if path.ends_with(self.name) {
            match deed.take() {
                Some((1, act)) => act(path),
                Some((reads, act)) => *deed = Some((reads - 1, act)),
                None => {}
            }
        }
        read
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        RealFs.canonical(path)
    }

    fn read_at(&self, path: &Path, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        RealFs.read_at(path, offset, most)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        RealFs.list(path)
    }

    fn metadata(&self, path: &Path) -> io::Result<Meta> {
        RealFs.metadata(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealFs.create_dir(path)
    }

    fn write(&self, path: &Path, open: Open) -> io::Result<Box<dyn Writing>> {
        RealFs.write(path, open)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealFs.rename(from, to)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        RealFs.unlink(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        RealFs.remove_dir(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        RealFs.sync_dir(path)
    }

    fn close_to_others(&self, path: &Path) -> io::Result<()> {
        RealFs.close_to_others(path)
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn io::Write + Send>> {
        RealFs.append(path)
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Held>>> {
        RealFs.try_lock(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Held>> {
        RealFs.lock(path)
    }

    fn lend(&self, path: &Path, text: &[u8]) -> io::Result<Option<OwnedFd>> {
        let mut busy = self.busy.lock().unwrap();
        if path.ends_with(self.name) && *busy > 0 {
            *busy -= 1;
            return Ok(None);
        }
        RealFs.lend(path, text)
    }

    fn probe(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        RealFs.probe(path)
    }
}
