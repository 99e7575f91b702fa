//! What is on a disk in memory: what readers see, what is synced, and what lies between.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Component, Path};
use std::sync::Arc;

/// Files and directories by number; 0 is the root. A copy costs next to nothing.
#[derive(Clone)]
pub(crate) struct Disk {
    nodes: Vec<Arc<Node>>,
}

#[derive(Clone)]
pub(crate) enum Node {
    File(File),
    Dir(Dir),
}

/// `live` is what readers see. It is more than what is synced and what waits to be where a failed
/// sync has lost something.
#[derive(Clone, Default)]
pub(crate) struct File {
    pub(crate) live: Vec<u8>,
    pub(crate) synced: Vec<u8>,
    pub(crate) edits: Vec<Edit>,
}

#[derive(Clone, Default)]
pub(crate) struct Dir {
    pub(crate) live: Names,
    pub(crate) synced: Names,
    pub(crate) steps: Vec<Step>,
}

pub(crate) type Names = BTreeMap<OsString, usize>;

/// A change to a file's bytes.
#[derive(Clone)]
pub(crate) enum Edit {
    Write(Vec<u8>, usize),
    Length(usize),
}

/// A change to a directory's names.
#[derive(Clone)]
pub(crate) enum Step {
    Name(OsString, usize),
    Forget(OsString),
    Rename(OsString, OsString),
}

impl Edit {
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(new, at) => {
                let end = at + new.len();
                if bytes.len() < end {
                    bytes.resize(end, 0);
                }
                bytes[*at..end].copy_from_slice(new);
            }
            Self::Length(len) => bytes.resize(*len, 0),
        }
    }
}

impl Step {
    pub(crate) fn apply(&self, names: &mut Names) {
        match self {
            Self::Name(name, node) => drop(names.insert(name.clone(), *node)),
            Self::Forget(name) => drop(names.remove(name)),
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }
}

impl File {
    fn settled(bytes: Vec<u8>) -> Self {
        Self { live: bytes.clone(), synced: bytes, edits: Vec::new() }
    }

    pub(crate) fn sync(&mut self) {
        for edit in self.edits.drain(..) {
            edit.apply(&mut self.synced);
        }
    }
}

impl Node {
    pub(crate) fn file(bytes: Vec<u8>) -> Self {
        Self::File(File::settled(bytes))
    }

    pub(crate) fn dir(names: Names) -> Self {
        Self::Dir(Dir { live: names.clone(), synced: names, steps: Vec::new() })
    }

    /// Whether a power cut would leave just what readers see.
    pub(crate) fn is_settled(&self) -> bool {
        match self {
            Self::File(file) => file.edits.is_empty() && file.live == file.synced,
            Self::Dir(dir) => dir.steps.is_empty(),
        }
    }

    fn as_dir(&self) -> Option<&Dir> {
        match self {
            Self::File(_) => None,
            Self::Dir(dir) => Some(dir),
        }
    }

    /// A number for what readers see of this node itself.
    pub(crate) fn print(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self {
            Self::File(file) => file.live.hash(&mut hasher),
            Self::Dir(dir) => dir.live.hash(&mut hasher),
        }
        hasher.finish()
    }
}

impl Disk {
    pub(crate) fn empty() -> Self {
        Self { nodes: vec![Arc::new(Node::dir(Names::new()))] }
    }

    pub(crate) fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// The same disk with other contents in some places.
    pub(crate) fn with(&self, others: impl IntoIterator<Item = (usize, Arc<Node>)>) -> Self {
        let mut disk = self.clone();
        for (place, node) in others {
            disk.nodes[place] = node;
        }
        disk
    }

    /// Everything that readers see counts as synced.
    pub(crate) fn settle(&mut self) {
        for node in &mut self.nodes {
            *node = Arc::new(match node.as_ref() {
                Node::File(file) => Node::file(file.live.clone()),
                Node::Dir(dir) => Node::dir(dir.live.clone()),
            });
        }
    }

    /// A number for all names and bytes that can be reached.
    pub(crate) fn print(&self, prints: &[u64]) -> u64 {
        fn walk(disk: &Disk, prints: &[u64], place: usize, hasher: &mut DefaultHasher) {
            match disk.nodes[place].as_ref() {
                Node::File(_) => prints[place].hash(hasher),
                Node::Dir(dir) => {
                    dir.live.len().hash(hasher);
                    for (name, child) in &dir.live {
                        name.hash(hasher);
                        walk(disk, prints, *child, hasher);
                    }
                }
            }
        }
        let mut hasher = DefaultHasher::new();
        walk(self, prints, 0, &mut hasher);
        hasher.finish()
    }

    pub(crate) fn find(&self, path: &Path) -> io::Result<usize> {
        let mut place = 0;
        for part in path.components() {
            if let Component::Normal(name) = part {
                let dir = self.nodes[place].as_dir().ok_or(io::ErrorKind::NotADirectory)?;
                place = *dir.live.get(name).ok_or(io::ErrorKind::NotFound)?;
            }
        }
        Ok(place)
    }

    pub(crate) fn node(&self, path: &Path) -> io::Result<&Node> {
        Ok(&self.nodes[self.find(path)?])
    }

    pub(crate) fn file_mut(&mut self, place: usize) -> io::Result<&mut File> {
        match Arc::make_mut(&mut self.nodes[place]) {
            Node::File(file) => Ok(file),
            Node::Dir(_) => Err(io::ErrorKind::IsADirectory.into()),
        }
    }

    pub(crate) fn dir_mut(&mut self, path: &Path) -> io::Result<&mut Dir> {
        let place = self.find(path)?;
        match Arc::make_mut(&mut self.nodes[place]) {
            Node::File(_) => Err(io::ErrorKind::NotADirectory.into()),
            Node::Dir(dir) => Ok(dir),
        }
    }

    pub(crate) fn step(&mut self, dir: &Path, step: Step) -> io::Result<()> {
        let dir = self.dir_mut(dir)?;
        step.apply(&mut dir.live);
        dir.steps.push(step);
        Ok(())
    }

    pub(crate) fn add(&mut self, path: &Path, node: Node) -> io::Result<usize> {
        let place = self.nodes.len();
        self.step(above(path), Step::Name(last(path).to_owned(), place))?;
        self.nodes.push(Arc::new(node));
        Ok(place)
    }

    pub(crate) fn edit(&mut self, place: usize, edit: Edit) -> io::Result<()> {
        let file = self.file_mut(place)?;
        edit.apply(&mut file.live);
        file.edits.push(edit);
        Ok(())
    }

    pub(crate) fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.step(above(path), Step::Forget(last(path).to_owned()))
    }
}

pub(crate) fn above(path: &Path) -> &Path {
    path.parent().unwrap()
}

pub(crate) fn last(path: &Path) -> &OsStr {
    path.file_name().unwrap()
}
