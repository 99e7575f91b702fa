//! A repair that a power cut ends at any moment is begun again, and ends like one that was not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::Disk;
use super::double::Double;
use super::outcomes::{Left, after_cut};
use super::world::{make, registry};
use super::{Known, share};
use crate::place::{at, completed, id, paused, resumed, spec, started};
use jobctl_core::{Change, Status};
use jobctl_store::{FileStore, Fs, Open, Store, Which};

fn dir(number: u32) -> PathBuf {
    Path::new("/state/jobs").join(id(number).to_string())
}

fn journal(number: u32) -> PathBuf {
    dir(number).join("journal.jsonl")
}

fn write(fs: &Double, path: &Path, bytes: &[u8]) {
    let mut file = fs.write(path, Open::Empty).unwrap();
    file.write_at(bytes, 0).unwrap();
    file.sync().unwrap();
}

fn flipped(fs: &Double, path: &Path, place: usize) -> Vec<u8> {
    let mut bytes = fs.read(path).unwrap();
    bytes[place] ^= 1;
    bytes
}

const SUBMISSION: &str = "/state/new/batch.jsonl";

/// A disk with a journal that lost a record, one that was lost, and a submission with a bad line.
fn damaged() -> (Disk, Vec<u8>, Vec<u8>) {
    let fs = Double::plain(Disk::empty());
    let store = make(&fs, &registry(&fs), "boot-1").unwrap();
    for (number, last) in [(1, vec![paused(), resumed(), started()]), (2, vec![completed()])] {
        store.submit(&format!("key-{number}"), &[(id(number), spec())], at(1)).unwrap();
        let mut claim = store.claim(id(number), at(1)).unwrap();
        for change in [started()].into_iter().chain(last) {
            claim.record(change.at(at(2))).unwrap();
        }
        claim.close(at(3)).unwrap();
    }
    store.submit("batch", &[(id(3), spec()), (id(4), spec())], at(1)).unwrap();
    let first = fs.read(&journal(1)).unwrap().iter().position(|byte| *byte == b'\n').unwrap();
    let bad = flipped(&fs, &journal(1), first + 20);
    write(&fs, &journal(1), &bad);
    let bad_lines = flipped(&fs, Path::new(SUBMISSION), 100);
    write(&fs, Path::new(SUBMISSION), &bad_lines);
    fs.unlink(&journal(2)).unwrap();
    let mut disk = fs.disk();
    disk.settle();
    (disk, bad, bad_lines)
}

/// Repairs all that is damaged; says how much that was.
fn repair(store: &FileStore) -> usize {
    let findings = store.examine(at(50)).unwrap().findings;
    let damage: Vec<_> = findings.iter().filter(|finding| finding.kind.is_damage()).collect();
    for finding in &damage {
        store.repair(finding.repair.as_ref().unwrap(), at(50)).unwrap();
    }
    damage.len()
}

fn opened(fs: &Double, boot: &str) -> FileStore {
    let registry = registry(fs);
    FileStore::open(Path::new("/state"), &registry, Arc::new(fs.clone()), boot).unwrap()
}

/// Whether these bytes are in one of the files of a directory that begin so.
fn is_kept(fs: &Double, dir: &Path, begin: &str, bytes: &[u8]) -> bool {
    let names = fs.list(dir).unwrap_or_default();
    let mut files = names.iter().filter(|name| name.to_string_lossy().starts_with(begin));
    files.any(|name| fs.read(&dir.join(name)).unwrap() == bytes)
}

#[test]
fn a_repair_that_is_cut_short_is_begun_again_and_loses_nothing() {
    let (disk, bad, bad_lines) = damaged();
    let fs = Double::new(disk, Arc::default(), None, 0);
    assert_eq!(repair(&opened(&fs, "boot-1")), 3);
    let moments = fs.moments();
    let pairs: Vec<_> =
        std::iter::once(None).chain(moments.iter().map(Some)).zip(&moments).collect();
    let checked = Known::new();
    share(&pairs, |(before, moment)| {
        let before = before.map(|before| &before.disk);
        for Left { disk, ways, print, .. } in after_cut(before, &moment.disk, 4, moment.call as u64)
        {
            if !checked.is_new(print) {
                continue;
            }
            let what = format!("cut after call {}, outcome {ways:?}", moment.call);
            let fs = Double::plain(disk);
            let store = opened(&fs, "boot-2");
            repair(&store);
            assert_eq!(repair(&store), 0, "{what}");
            let status = |number| store.look(id(number)).unwrap().status();
            assert_eq!(status(1), Some(Status::Paused), "{what}");
            assert_eq!(status(2), Some(Status::Completed), "{what}");
            assert_eq!(status(4), Some(Status::Pending), "{what}");
            assert_eq!(store.list(Which::All).unwrap().len(), 3, "{what}");
            assert!(is_kept(&fs, &dir(1), "journal.damaged-", &bad), "{what}");
            let aside = Path::new("/state/set-aside");
            assert!(is_kept(&fs, aside, "new-batch.jsonl-", &bad_lines), "{what}");
            let mut claim = store.claim(id(1), at(60)).unwrap();
            claim.record(Change::Cancelled { reason: None }.at(at(60))).unwrap();
        }
    });
    assert!(checked.count() > 50, "{}", checked.count());
}
