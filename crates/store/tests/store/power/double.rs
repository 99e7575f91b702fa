//! A file system in memory that can fail, and that remembers itself after each change.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{Disk, Edit, File, Names, Node, Step, above, last};
use super::told::Told;
use crate::place::at;
use jobctl_store::{Fs, Held, Meta, Open, Sort, Writing};

/// One call that fails, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) call: usize,
    pub(crate) how: How,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// With an I/O error and no effect. What a sync was asked for may still come to be kept.
    Broken,
    /// With no room left and no effect.
    Full,
    /// With no room left for all: a write writes its first half, and a sync loses for good what it
    /// should have kept, while readers go on seeing it and later syncs succeed.
    Half,
    /// Not at all, but the disk has lost by then what was written and never synced, of files that
    /// nobody has open any more: readers go on seeing it, and nobody is told.
    Silent,
}

/// What sort of call was made, as far as it matters for how it may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// Changes nothing.
    Look,
    /// Happens or does not.
    Change,
    /// Can happen by half: a write, or the sync of a file.
    Bytes,
}

impl How {
    fn error(self) -> io::Error {
        io::Error::from_raw_os_error(match self {
            Self::Broken => 5,
            Self::Full | Self::Half | Self::Silent => 28,
        })
    }
}

/// The disk as it was after a change, and what had been told until then.
#[derive(Clone)]
pub(crate) struct Moment {
    pub(crate) call: usize,
    pub(crate) disk: Disk,
    pub(crate) told: Arc<Told>,
}

#[derive(Clone)]
pub(crate) struct Double {
    machine: Arc<Mutex<Machine>>,
}

struct Machine {
    disk: Disk,
    told: Arc<Told>,
    /// Texts of the locks that are held.
    locks: BTreeMap<usize, Vec<u8>>,
    /// How often each file is open for writing.
    open: BTreeMap<usize, usize>,
    calls: Vec<Call>,
    fault: Option<Fault>,
    /// Since when the disk is remembered after each change, in calls.
    since: usize,
    moments: Vec<Moment>,
}

impl Double {
    /// Stands before a disk; `since` says from which call on it remembers.
    pub(crate) fn new(disk: Disk, told: Arc<Told>, fault: Option<Fault>, since: usize) -> Self {
        let machine = Machine {
            disk,
            told,
            locks: BTreeMap::new(),
            open: BTreeMap::new(),
            calls: Vec::new(),
            fault,
            since,
            moments: Vec::new(),
        };
        Self { machine: Arc::new(Mutex::new(machine)) }
    }

    /// Stands before a disk of which nothing more is to be remembered.
    pub(crate) fn plain(disk: Disk) -> Self {
        Self::new(disk, Arc::default(), None, usize::MAX)
    }

    /// The machine, even after a panic: what is dropped then must not panic too.
    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.machine().calls.clone()
    }

    /// The bytes of a file, if there is one; counts as no call.
    pub(crate) fn peek(&self, path: &Path) -> Option<Vec<u8>> {
        match self.machine().disk.node(path).ok()? {
            Node::File(file) => Some(file.live.clone()),
            Node::Dir(_) => None,
        }
    }

    /// From now on no call fails.
    pub(crate) fn mend(&self) {
        self.machine().fault = None;
    }

    pub(crate) fn moments(&self) -> Vec<Moment> {
        std::mem::take(&mut self.machine().moments)
    }

    pub(crate) fn disk(&self) -> Disk {
        self.machine().disk.clone()
    }

    pub(crate) fn told(&self) -> Arc<Told> {
        Arc::clone(&self.machine().told)
    }

    pub(crate) fn tell<T>(&self, tell: impl FnOnce(&mut Told) -> T) -> T {
        tell(Arc::make_mut(&mut self.machine().told))
    }

    /// Does something that changes the disk, unless this call must fail.
    fn change<T>(&self, act: impl FnOnce(&mut Machine) -> io::Result<T>) -> io::Result<T> {
        let machine = &mut *self.machine();
        if let Some(how) = machine.due(Call::Change) {
            return Err(how.error());
        }
        let done = act(machine)?;
        machine.remember();
        Ok(done)
    }

    /// Looks at the disk, unless this call must fail.
    fn look<T>(&self, act: impl FnOnce(&Machine) -> io::Result<T>) -> io::Result<T> {
        let machine = &mut *self.machine();
        match machine.due(Call::Look) {
            Some(how) => Err(how.error()),
            None => act(machine),
        }
    }
}

impl Machine {
    /// Counts a call; says how it fails, if it does.
    fn due(&mut self, sort: Call) -> Option<How> {
        let call = self.calls.len();
        self.calls.push(sort);
        let how = self.fault.filter(|fault| fault.call == call)?.how;
        if how == How::Silent {
            self.lose();
            return None;
        }
        Some(how)
    }

    fn remember(&mut self) {
        if self.calls.len() > self.since {
            let (disk, told) = (self.disk.clone(), Arc::clone(&self.told));
            self.moments.push(Moment { call: self.calls.len(), disk, told });
        }
    }

    /// Loses what was written and never synced of files that nobody has open.
    fn lose(&mut self) {
        for place in 0..self.disk.nodes().len() {
            if !self.open.contains_key(&place)
                && let Ok(file) = self.disk.file_mut(place)
            {
                file.edits.clear();
            }
        }
    }

    /// The file at a path, made if it is not there.
    fn made(&mut self, path: &Path) -> io::Result<usize> {
        match self.disk.find(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.disk.add(path, Node::File(File::default()))
            }
            known => known,
        }
    }

    fn locked(&mut self, double: &Double, path: &Path) -> io::Result<Option<Box<dyn Held>>> {
        let place = self.made(path)?;
        if self.locks.contains_key(&place) {
            return Ok(None);
        }
        self.locks.insert(place, Vec::new());
        let double = double.clone();
        Ok(Some(Box::new(HeldLock { double, path: path.to_owned(), place })))
    }
}

impl Fs for Double {
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        self.look(|machine| machine.disk.find(path).map(|_| path.to_owned()))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.look(|machine| match machine.disk.node(path)? {
            Node::File(file) => Ok(file.live.clone()),
            Node::Dir(_) => Err(io::ErrorKind::IsADirectory.into()),
        })
    }

    fn read_at(&self, path: &Path, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        let bytes = self.read(path)?;
        let start = usize::try_from(offset).unwrap().min(bytes.len());
        Ok(bytes[start..bytes.len().min(start.saturating_add(most))].to_vec())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<OsString>> {
        self.look(|machine| match machine.disk.node(path)? {
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
            Node::Dir(dir) => Ok(dir.live.keys().cloned().collect()),
        })
    }

    fn metadata(&self, path: &Path) -> io::Result<Meta> {
        let (sort, len, mode) = self.look(|machine| match machine.disk.node(path)? {
            Node::File(file) => Ok((Sort::File, file.live.len(), 0o600)),
            Node::Dir(_) => Ok((Sort::Dir, 0, 0o700)),
        })?;
        let owner = rustix::process::geteuid().as_raw();
        Ok(Meta { sort, len: len as u64, modified: at(0), mode, owner })
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.change(|machine| match machine.disk.find(path) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => machine.disk.add(path, Node::dir(Names::new())).map(drop),
        })
    }

    fn write(&self, path: &Path, open: Open) -> io::Result<Box<dyn Writing>> {
        self.change(|machine| {
            let there = machine.disk.find(path);
            if open == Open::New && there.is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let place = match open {
                Open::Existing => there?,
                Open::Any | Open::Empty | Open::New => machine.made(path)?,
            };
            if open == Open::Empty && !machine.disk.file_mut(place)?.live.is_empty() {
                machine.disk.edit(place, Edit::Length(0))?;
            }
            Ok(Box::new(OpenFile::new(self, machine, place)) as Box<dyn Writing>)
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        assert_eq!(from.parent(), to.parent(), "known are renames within a directory only");
        self.change(|machine| {
            machine.disk.find(from)?;
            let step = Step::Rename(last(from).to_owned(), last(to).to_owned());
            machine.disk.step(above(from), step)
        })
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.change(|machine| match machine.disk.node(path)? {
            Node::File(_) => machine.disk.remove(path),
            Node::Dir(_) => Err(io::ErrorKind::IsADirectory.into()),
        })
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.change(|machine| {
            if !machine.disk.dir_mut(path)?.live.is_empty() {
                return Err(io::ErrorKind::DirectoryNotEmpty.into());
            }
            machine.disk.remove(path)
        })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        // A failure loses nothing here: names go through a file system's journal, and one that
        // cannot write its journal takes no more changes.
        self.change(|machine| {
            let dir = machine.disk.dir_mut(path)?;
            dir.steps.drain(..).for_each(|step| step.apply(&mut dir.synced));
            Ok(())
        })
    }

    fn close_to_others(&self, path: &Path) -> io::Result<()> {
        self.look(|machine| machine.disk.find(path).map(drop))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn io::Write + Send>> {
        self.change(|machine| {
            let place = machine.made(path)?;
            Ok(Box::new(OpenFile::new(self, machine, place)) as Box<dyn io::Write + Send>)
        })
    }

    fn try_lock(&self, path: &Path) -> io::Result<Option<Box<dyn Held>>> {
        self.change(|machine| machine.locked(self, path))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Held>> {
        let held = self.change(|machine| machine.locked(self, path))?;
        Ok(held.expect("one thread would wait for itself"))
    }

    fn probe(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        self.look(|machine| {
            let place = machine.disk.find(path).ok();
            Ok(place.and_then(|place| machine.locks.get(&place).cloned()))
        })
    }
}

/// A lock's text is kept beside the disk: nobody reads it once the power was cut.
struct HeldLock {
    double: Double,
    path: PathBuf,
    place: usize,
}

impl std::fmt::Debug for HeldLock {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("HeldLock").field(&self.path).finish()
    }
}

impl Held for HeldLock {
    fn is_at_its_path(&self) -> io::Result<bool> {
        self.double.look(|machine| Ok(machine.disk.find(&self.path).ok() == Some(self.place)))
    }

    fn sign(&self, text: &[u8]) -> io::Result<()> {
        self.double.change(|machine| {
            machine.locks.insert(self.place, text.to_vec());
            Ok(())
        })
    }
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        self.double.machine().locks.remove(&self.place);
    }
}

struct OpenFile {
    double: Double,
    place: usize,
}

impl OpenFile {
    fn new(double: &Double, machine: &mut Machine, place: usize) -> Self {
        *machine.open.entry(place).or_default() += 1;
        Self { double: double.clone(), place }
    }

    fn put(&self, bytes: &[u8], offset: Option<u64>) -> io::Result<()> {
        let machine = &mut *self.double.machine();
        let due = machine.due(Call::Bytes);
        let written = match due {
            None => bytes,
            Some(How::Half) => &bytes[..bytes.len() / 2],
            Some(how) => return Err(how.error()),
        };
        let at = match offset {
            Some(offset) => usize::try_from(offset).unwrap(),
            None => machine.disk.file_mut(self.place)?.live.len(),
        };
        machine.disk.edit(self.place, Edit::Write(written.to_vec(), at))?;
        machine.remember();
        due.map_or(Ok(()), |how| Err(how.error()))
    }
}

impl Writing for OpenFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.put(bytes, Some(offset))
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let edit = Edit::Length(usize::try_from(len).unwrap());
        self.double.change(|machine| machine.disk.edit(self.place, edit))
    }

    fn measure(&self) -> io::Result<u64> {
        self.double.look(|machine| match machine.disk.nodes()[self.place].as_ref() {
            Node::File(file) => Ok(file.live.len() as u64),
            Node::Dir(_) => Err(io::ErrorKind::IsADirectory.into()),
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        let machine = &mut *self.double.machine();
        let due = machine.due(Call::Bytes);
        let file = machine.disk.file_mut(self.place)?;
        match due {
            None => file.sync(),
            Some(How::Half) => file.edits.clear(),
            Some(How::Broken | How::Full | How::Silent) => {}
        }
        machine.remember();
        due.map_or(Ok(()), |how| Err(how.error()))
    }
}

impl io::Write for OpenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put(bytes, None).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let machine = &mut *self.double.machine();
        let left = machine.open.get_mut(&self.place).map_or(0, |count| {
            *count -= 1;
            *count
        });
        if left == 0 {
            machine.open.remove(&self.place);
        }
    }
}
