//! A state directory in a temporary place, and jobs to put into it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jobctl_core::{Change, JobId, Kind, Reason, ResumedBy, Spec, Time};
use jobctl_store::{Adopt, FileStore, Fs, RealFs, Registry, Store};
use tempfile::TempDir;

pub(crate) struct Place {
    pub(crate) dir: TempDir,
    pub(crate) registry: Registry,
    pub(crate) store: FileStore,
}

pub(crate) fn place() -> Place {
    place_on(tempfile::tempdir().unwrap(), Arc::new(RealFs))
}

pub(crate) fn place_on(dir: TempDir, fs: Arc<dyn Fs>) -> Place {
    let registry = Registry::on(dir.path().join("registry"), Arc::clone(&fs));
    let path = dir.path().join("state");
    let store = FileStore::create(&path, &registry, fs, "boot-1", Adopt::Fresh).unwrap();
    Place { dir, registry, store }
}

impl Place {
    pub(crate) fn root(&self) -> &Path {
        self.store.root()
    }

    pub(crate) fn reopen(&self, boot: &str) -> FileStore {
        FileStore::open(self.root(), &self.registry, Arc::new(RealFs), boot).unwrap()
    }

    pub(crate) fn job(&self, number: u32) -> PathBuf {
        self.root().join("jobs").join(id(number).to_string())
    }

    pub(crate) fn journal(&self, number: u32) -> PathBuf {
        self.job(number).join("journal.jsonl")
    }

    pub(crate) fn submit(&self, number: u32) {
        self.store.submit(&format!("key-{number}"), &[(id(number), spec())], at(number)).unwrap();
    }

    /// Submits a job and records what happens to it, one claim for all.
    pub(crate) fn submit_and_record(&self, number: u32, changes: Vec<Change>) {
        self.submit(number);
        self.record(number, changes);
    }

    pub(crate) fn record(&self, number: u32, changes: Vec<Change>) {
        let mut claim = self.store.claim(id(number), at(number)).unwrap();
        for change in changes {
            claim.record(change.at(at(number))).unwrap();
        }
        claim.close(at(number)).unwrap();
    }

    pub(crate) fn complete(&self, number: u32) {
        self.submit_and_record(number, vec![started(), completed()]);
    }
}

pub(crate) fn id(number: u32) -> JobId {
    JobId::from_bits(number)
}

/// A moment that is later for higher numbers.
pub(crate) fn at(number: u32) -> Time {
    Time::from_second(1_800_000_000 + i64::from(number)).unwrap()
}

pub(crate) fn spec() -> Spec {
    Spec {
        sources: vec!["github:acme/api".into(), "github:acme/web".into()],
        ..Spec::new(Kind::CloneRepos, "clones 2 repositories", "/home/u/project")
    }
}

pub(crate) fn started() -> Change {
    Change::Started { pid: 4711 }
}

pub(crate) fn completed() -> Change {
    Change::Completed { warnings: Vec::new(), summary: None }
}

pub(crate) fn paused() -> Change {
    Change::Paused { reason: Reason::User, resumes_at: None }
}

pub(crate) fn resumed() -> Change {
    Change::Resumed { by: ResumedBy::Person }
}

/// Everything in a directory: paths with modes, lengths and bytes.
pub(crate) fn tree(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let meta = fs::symlink_metadata(&path).unwrap();
        let bytes = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        if meta.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        found.insert(path, (meta.mode(), bytes));
    }
    found
}
