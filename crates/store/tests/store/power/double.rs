//! A file system that knows what a power cut would leave.
//!
//! Calls go to real files, so that locks and logs work as ever. Beside them a model keeps what was
//! synced and what was not. After a cut the model chooses what of the latter is left, and the
//! directory is made anew from that.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use jobctl_store::{Fs, Held, Meta, Open, RealFs, Writing};

/// What happens at one of the counted calls, those that change or sync something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// From this call on nothing happens any more.
    Cut(usize),
    /// This call alone fails. A failed sync loses what it should have kept, for good, while
    /// readers go on seeing it.
    Fault(usize),
}

#[derive(Clone)]
pub(crate) struct Double {
    model: Arc<Mutex<Model>>,
}

struct Model {
    root: PathBuf,
    nodes: Vec<Node>,
    calls: usize,
    trouble: Option<Trouble>,
}

enum Node {
    File { durable: Vec<u8>, pending: Vec<Edit> },
    Dir { durable: BTreeMap<OsString, usize>, live: BTreeMap<OsString, usize>, pending: Vec<Step> },
}

/// A change to a file's bytes that is not synced.
#[derive(Clone)]
enum Edit {
    Write(Vec<u8>, usize),
    Length(usize),
}

/// A change to a directory that is not synced.
#[derive(Clone)]
enum Step {
    Name(OsString, usize),
    Forget(OsString),
    Rename(OsString, OsString),
}

impl Double {
    /// Stands before a directory whose contents count as synced.
    pub(crate) fn new(root: &Path, trouble: Option<Trouble>) -> Self {
        let mut nodes = Vec::new();
        load(root, &mut nodes);
        let model = Model { root: root.to_owned(), nodes, calls: 0, trouble };
        Self { model: Arc::new(Mutex::new(model)) }
    }

    pub(crate) fn calls(&self) -> usize {
        self.model.lock().unwrap().calls
    }

    /// Loses all file bytes that are not synced, and tells nobody: the disk failed to write them in
    /// the background, and readers still see them.
    pub(crate) fn lose_unsynced(&self) {
        for node in &mut self.model.lock().unwrap().nodes {
            if let Node::File { pending, .. } = node {
                pending.clear();
            }
        }
    }

    /// Makes the directory what a power cut leaves of it.
    pub(crate) fn cut(&self, rng: &mut Rng) {
        let model = &mut *self.model.lock().unwrap();
        for node in &mut model.nodes {
            node.crash(rng);
        }
        fs::remove_dir_all(&model.root).unwrap();
        restore(&model.nodes, 0, &model.root);
    }
}

/// Reads a directory into nodes; returns the place of its own.
fn load(path: &Path, nodes: &mut Vec<Node>) -> usize {
    let place = nodes.len();
    if path.is_file() {
        nodes.push(Node::File { durable: fs::read(path).unwrap(), pending: Vec::new() });
        return place;
    }
    nodes.push(Node::Dir { durable: BTreeMap::new(), live: BTreeMap::new(), pending: Vec::new() });
    for entry in fs::read_dir(path).unwrap().map(|entry| entry.unwrap()) {
        let child = load(&entry.path(), nodes);
        let Node::Dir { durable, live, .. } = &mut nodes[place] else { unreachable!() };
        durable.insert(entry.file_name(), child);
        live.insert(entry.file_name(), child);
    }
    place
}

fn restore(nodes: &[Node], place: usize, path: &Path) {
    use std::os::unix::fs::DirBuilderExt;
    match &nodes[place] {
        Node::File { durable, .. } => fs::write(path, durable).unwrap(),
        Node::Dir { durable, .. } => {
            fs::DirBuilder::new().mode(0o700).create(path).unwrap();
            for (name, child) in durable {
                restore(nodes, *child, &path.join(name));
            }
        }
    }
}

impl Node {
    /// Keeps a part of what was not synced, as any file system might.
    fn crash(&mut self, rng: &mut Rng) {
        match self {
            Self::File { durable, pending } => {
                let kept = part(rng, pending.len());
                for edit in pending.drain(..kept) {
                    edit.apply(durable);
                }
                if let Some(Edit::Write(bytes, at)) = pending.first() {
                    match rng.u8(..3) {
                        0 => {}
                        // The first bytes of a write reached the disk.
                        1 => {
                            let some = bytes[..rng.usize(..=bytes.len())].to_vec();
                            Edit::Write(some, *at).apply(durable);
                        }
                        // The new length did, the bytes did not.
                        _ => Edit::Write(vec![0; bytes.len()], *at).apply(durable),
                    }
                }
                pending.clear();
            }
            Self::Dir { durable, pending, .. } => {
                let kept = part(rng, pending.len());
                for step in pending.drain(..kept) {
                    step.apply(durable);
                }
                pending.clear();
            }
        }
    }
}

/// None, all or some of a number, each often.
fn part(rng: &mut Rng, all: usize) -> usize {
    match rng.u8(..3) {
        0 => 0,
        1 => all,
        _ => rng.usize(..=all),
    }
}

impl Edit {
    fn apply(self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(new, at) => {
                let end = at + new.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[at..end].copy_from_slice(&new);
            }
            Self::Length(len) => bytes.resize(len, 0),
        }
    }
}

impl Step {
    fn apply(self, names: &mut BTreeMap<OsString, usize>) {
        match self {
            Self::Name(name, node) => drop(names.insert(name, node)),
            Self::Forget(name) => drop(names.remove(&name)),
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(&from) {
                    names.insert(to, node);
                }
            }
        }
    }
}

impl Model {
    /// Counts a call; fails where it must not happen.
    fn count(&mut self) -> io::Result<()> {
        self.calls += 1;
        match self.trouble {
            Some(Trouble::Cut(at)) if self.calls > at => Err(io::Error::other("no power")),
            Some(Trouble::Fault(at)) if self.calls == at + 1 => {
                Err(io::Error::from_raw_os_error(5))
            }
            Some(Trouble::Cut(_) | Trouble::Fault(_)) | None => Ok(()),
        }
    }

    /// The node of a path; `None` for what was made beside the double, such as locks.
    fn find(&self, path: &Path) -> Option<usize> {
        let mut place = 0;
        for part in path.strip_prefix(&self.root).ok()? {
            let Node::Dir { live, .. } = &self.nodes[place] else { return None };
            place = *live.get(part)?;
        }
        Some(place)
    }

    fn step(&mut self, path: &Path, step: Step) {
        let Some(place) = self.find(path.parent().unwrap()) else { return };
        let Node::Dir { live, pending, .. } = &mut self.nodes[place] else { return };
        step.clone().apply(live);
        pending.push(step);
    }

    fn add(&mut self, path: &Path, node: Node) -> usize {
        self.nodes.push(node);
        let place = self.nodes.len() - 1;
        self.step(path, Step::Name(path.file_name().unwrap().into(), place));
        place
    }

    fn edit(&mut self, place: usize, edit: Edit) {
        if let Node::File { pending, .. } = &mut self.nodes[place] {
            pending.push(edit);
        }
    }
}

impl Fs for Double {
    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        RealFs.canonical(path)
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

    fn probe(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        RealFs.probe(path)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        RealFs.read(path)
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
        let mut model = self.model.lock().unwrap();
        model.count()?;
        RealFs.create_dir(path)?;
        let empty =
            Node::Dir { durable: BTreeMap::new(), live: BTreeMap::new(), pending: Vec::new() };
        model.add(path, empty);
        Ok(())
    }

    fn write(&self, path: &Path, open: Open) -> io::Result<Box<dyn Writing>> {
        let mut model = self.model.lock().unwrap();
        model.count()?;
        let real = RealFs.write(path, open)?;
        let place = match model.find(path) {
            Some(place) => place,
            None => model.add(path, Node::File { durable: Vec::new(), pending: Vec::new() }),
        };
        if open == Open::Empty {
            model.edit(place, Edit::Length(0));
        }
        Ok(Box::new(OpenFile { real, place, model: Arc::clone(&self.model) }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut model = self.model.lock().unwrap();
        model.count()?;
        assert_eq!(from.parent(), to.parent(), "the model knows renames within a directory only");
        RealFs.rename(from, to)?;
        let name = |path: &Path| path.file_name().unwrap().to_owned();
        model.step(from, Step::Rename(name(from), name(to)));
        Ok(())
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        let mut model = self.model.lock().unwrap();
        model.count()?;
        RealFs.unlink(path)?;
        model.step(path, Step::Forget(path.file_name().unwrap().into()));
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        let mut model = self.model.lock().unwrap();
        model.count()?;
        RealFs.remove_dir(path)?;
        model.step(path, Step::Forget(path.file_name().unwrap().into()));
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut model = self.model.lock().unwrap();
        model.count()?;
        RealFs.metadata(path)?;
        let Some(place) = model.find(path) else { return Ok(()) };
        if let Node::Dir { durable, pending, .. } = &mut model.nodes[place] {
            pending.drain(..).for_each(|step| step.apply(durable));
        }
        Ok(())
    }

    fn close_to_others(&self, path: &Path) -> io::Result<()> {
        RealFs.close_to_others(path)
    }
}

struct OpenFile {
    real: Box<dyn Writing>,
    place: usize,
    model: Arc<Mutex<Model>>,
}

impl Writing for OpenFile {
    fn write_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut model = self.model.lock().unwrap();
        let counted = model.count();
        // A write that fails may have written something.
        let written = if counted.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        let off = matches!(model.trouble, Some(Trouble::Cut(_))) && counted.is_err();
        if !off {
            self.real.write_at(written, offset)?;
            let at = usize::try_from(offset).unwrap();
            model.edit(self.place, Edit::Write(written.to_vec(), at));
        }
        counted
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        let mut model = self.model.lock().unwrap();
        model.count()?;
        self.real.set_len(len)?;
        model.edit(self.place, Edit::Length(usize::try_from(len).unwrap()));
        Ok(())
    }

    fn measure(&self) -> io::Result<u64> {
        self.real.measure()
    }

    fn sync(&mut self) -> io::Result<()> {
        let model = &mut *self.model.lock().unwrap();
        let counted = model.count();
        let lost = matches!(model.trouble, Some(Trouble::Fault(_))) && counted.is_err();
        if let Node::File { durable, pending } = &mut model.nodes[self.place] {
            if lost {
                pending.clear();
            } else if counted.is_ok() {
                pending.drain(..).for_each(|edit| edit.apply(durable));
            }
        }
        counted
    }
}
