//! After a power cut: all that was told is true, and life goes on.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::Disk;
use super::double::Double;
use super::outcomes;
use super::told::{Told, check_mirror};
use super::world::{make, registry};
use crate::place::{at, completed, id, spec, started};
use jobctl_core::{Change, JobId, Status};
use jobctl_store::{FileStore, Fs, LookError, Store, Which};

/// A job that no scenario knows.
const NEW: u32 = 999;

fn boot(fs: &Double, told: &Told, boot: &str, what: &str) -> FileStore {
    let registry = registry(fs);
    if told.made {
        let fs = Arc::new(fs.clone());
        return FileStore::open(Path::new("/state"), &registry, fs, boot).expect(what);
    }
    make(fs, &registry, boot).expect(what)
}

/// Starts on what a power cut left, and checks it.
pub(crate) fn recover(disk: Disk, told: &Told, what: &str) -> (Double, FileStore) {
    let fs = Double::plain(disk);
    let store = boot(&fs, told, "boot-8", what);
    told.check(&store, &fs, what);
    (fs, store)
}

fn journal(fs: &Double, job: JobId) -> Vec<u8> {
    fs.peek(&dir(job).join("journal.jsonl")).unwrap_or_default()
}

fn dir(job: JobId) -> PathBuf {
    Path::new("/state/jobs").join(job.to_string())
}

/// What a claim cut off a journal is kept beside it.
fn check_tail(fs: &Double, job: JobId, before: &[u8], what: &str) {
    let now = journal(fs, job);
    let same = before.iter().zip(&now).take_while(|(before, now)| before == now).count();
    let torn = &before[same..];
    let names = fs.list(&dir(job)).unwrap();
    let kept = |name: &OsString| {
        name.as_encoded_bytes().starts_with(b"journal.torn-")
            && fs.peek(&dir(job).join(name)).unwrap() == torn
    };
    assert!(torn.is_empty() || names.iter().any(kept), "{what}: lost {torn:?} of {job}");
}

/// Ends every job and removes all.
pub(crate) fn live_on(fs: &Double, store: &FileStore, what: &str) {
    store.sweep(at(90)).unwrap();
    for seen in store.list(Which::Active).unwrap() {
        let before = journal(fs, seen.id);
        let mut claim = store.claim(seen.id, at(91)).unwrap();
        check_tail(fs, seen.id, &before, what);
        claim.record(Change::Cancelled { reason: None }.at(at(91))).unwrap();
        claim.close(at(91)).unwrap();
        assert_eq!(store.look(seen.id).unwrap().status(), Some(Status::Cancelled), "{what}");
    }
    store.submit("new", &[(id(NEW), spec())], at(92)).unwrap();
    let mut claim = store.claim(id(NEW), at(92)).unwrap();
    claim.record(started().at(at(92))).unwrap();
    claim.record(completed().at(at(93))).unwrap();
    assert_eq!(store.list(Which::Active).unwrap().len(), 0, "{what}");

    // The power fails again at once: nothing of this was synced but what had to be.
    let ids: Vec<_> = store.list(Which::All).unwrap().iter().map(|seen| seen.id).collect();
    let lost = Double::plain(outcomes::least(&fs.disk()));
    let made = Told { made: true, ..Told::default() };
    let again = boot(&lost, &made, "boot-9", what);
    for job in &ids {
        let seen = again.look(*job).unwrap();
        assert!(seen.status().unwrap().is_ended() && seen.damage.is_none(), "{what}: {seen:?}");
    }

    claim.close(at(94)).unwrap();
    store.sweep(at(95)).unwrap();
    store.mirror(at(96)).unwrap();
    check_mirror(store, fs, what);
    for job in &ids {
        store.remove(*job, at(97)).unwrap();
    }
    assert_eq!(store.list(Which::All).unwrap().len(), 0, "{what}");
    let rest = Double::plain(outcomes::least(&fs.disk()));
    let again = boot(&rest, &made, "boot-10", what);
    assert_eq!(again.list(Which::All).unwrap().len(), 0, "{what}");
    for job in &ids {
        assert!(matches!(again.look(*job), Err(LookError::Removed { .. })), "{what}: {job}");
    }
}
