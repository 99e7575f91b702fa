//! What is found wrong, what a repair makes of it, and that nothing is lost by either.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jobctl_core::{Change, Reason, State, Status, Time};
use jobctl_store::{
    Checkup, ClaimError, FileStore, FindingKind, RealFs, RepairError, Store, Which, Wish,
};

use crate::place::{Place, at, completed, id, paused, place, resumed, spec, started};

/// A directory with a job in every state, each as its worker would leave it.
fn populated() -> Place {
    let place = place();
    place.complete(1);
    place.submit_and_record(2, vec![started(), paused()]);
    place.submit_and_record(3, vec![started(), Change::Failed { error: "x".into() }]);
    place.submit(4);
    place.store.submit("batch", &[(id(5), spec()), (id(6), spec())], at(5)).unwrap();
    place
}

/// As `doctor` opens it: without making the index anew.
fn peek(place: &Place) -> FileStore {
    FileStore::peek(place.root(), &place.registry, Arc::new(RealFs), "boot-1").unwrap()
}

fn examine(place: &Place) -> Checkup {
    peek(place).examine(later()).unwrap()
}

fn later() -> Time {
    at(100_000)
}

fn kinds(place: &Place) -> Vec<FindingKind> {
    examine(place).findings.iter().map(|finding| finding.kind).collect()
}

/// Repairs all that can be repaired, and gives what was done.
fn repair(place: &Place) -> Vec<String> {
    let store = peek(place);
    let checkup = store.examine(later()).unwrap();
    let repairs = checkup.findings.iter().filter_map(|finding| finding.repair.as_ref());
    repairs.map(|repair| store.repair(repair, later()).unwrap()).collect()
}

/// What is damaged after a repair.
fn damage(place: &Place) -> Vec<String> {
    let findings = examine(place).findings;
    let damaged = findings.into_iter().filter(|finding| finding.kind.is_damage());
    damaged.map(|finding| finding.message).collect()
}

/// Flips a bit at each of these places.
fn flip(path: &Path, places: &[usize]) -> Vec<u8> {
    let old = fs::read(path).unwrap();
    let mut bytes = old.clone();
    for place in places {
        bytes[*place] ^= 1;
    }
    write(path, &bytes);
    old
}

/// Everything with its bytes and the time of its last change.
fn stamped(root: &Path) -> BTreeMap<PathBuf, (i64, i64, u64, u32, Vec<u8>)> {
    let paths = crate::place::tree(root).into_iter();
    let stamp = |(path, (_, bytes)): (PathBuf, (u32, Vec<u8>))| {
        let meta = fs::symlink_metadata(&path).unwrap();
        (path, (meta.mtime(), meta.mtime_nsec(), meta.ino(), meta.mode(), bytes))
    };
    paths.map(stamp).collect()
}

/// Writes a file that only its owner may read, as this program does.
fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Flips a bit of the second record.
fn flip_second(path: &Path) {
    let first = fs::read(path).unwrap().iter().position(|byte| *byte == b'\n').unwrap();
    flip(path, &[first + 20]);
}

#[test]
fn a_healthy_directory_has_no_findings() {
    let place = populated();
    let checkup = examine(&place);
    assert!(checkup.findings.is_empty(), "{:#?}", checkup.findings);
    assert_eq!(checkup.jobs, 6);
}

#[test]
fn a_bad_record_is_mended_and_every_byte_is_kept() {
    let place = populated();
    place.record(2, vec![resumed(), started(), paused()]);
    flip_second(&place.journal(2));
    let bad = fs::read(place.journal(2)).unwrap();
    let found = examine(&place).findings;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].kind, found[0].id), (FindingKind::Journal, Some(id(2))));
    assert!(found[0].message.contains("record 2 at byte"), "{}", found[0].message);
    let words = found[0].repair.as_ref().unwrap().words();
    assert!(words.contains("record 2 lost") && words.contains("pause the job"), "{words}");

    let done = repair(&place);
    assert!(done[0].contains("jobctl resume 00000002"), "{done:?}");
    assert_eq!(damage(&place), Vec::<String>::new());
    let names = fs::read_dir(place.job(2)).unwrap().map(|entry| entry.unwrap().path());
    let kept: Vec<_> =
        names.filter(|path| path.to_string_lossy().contains("journal.damaged-")).collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(fs::read(&kept[0]).unwrap(), bad);
    let seen = place.store.look(id(2)).unwrap();
    assert_eq!((seen.status(), seen.damage), (Some(Status::Paused), None));
    assert!(place.store.list(Which::Active).unwrap().iter().any(|seen| seen.id == id(2)));
    place.record(2, vec![resumed(), started(), completed()]);
    assert_eq!(kinds(&place), [FindingKind::Aside]);
}

/// The journal of a job that has seen much, cut short of its first record.
fn without_submitted(place: &Place, number: u32) {
    let bytes = fs::read(place.journal(number)).unwrap();
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    write(place.journal(number), &bytes[first + 1..]);
}

#[test]
fn what_a_job_was_to_do_comes_from_what_is_left_of_it() {
    let place = populated();
    without_submitted(&place, 2);
    without_submitted(&place, 1);
    fs::remove_file(place.job(1).join("result.json")).unwrap();
    let done = repair(&place).join("\n");
    assert!(done.contains("added: submitted"), "{done}");
    assert_eq!(damage(&place), Vec::<String>::new());
    assert_eq!(place.store.look(id(1)).unwrap().status(), Some(Status::Completed));
    assert_eq!(place.store.look(id(2)).unwrap().status(), Some(Status::Paused));
    place.record(2, vec![resumed()]);
}

#[test]
fn a_lost_journal_is_made_again_from_config_and_result() {
    for harm in ["missing", "empty", "zeros", "directory", "link"] {
        let place = populated();
        for number in [1, 2, 3] {
            let path = place.journal(number);
            let len = fs::read(&path).unwrap().len();
            fs::remove_file(&path).unwrap();
            match harm {
                "missing" => {}
                "empty" => write(&path, ""),
                "zeros" => write(&path, vec![0; len]),
                "directory" => fs::create_dir(&path).unwrap(),
                _ => symlink("/etc/hostname", &path).unwrap(),
            }
        }
        assert_eq!(damage(&place).len(), 3, "{harm}");
        assert_eq!(repair(&place).len(), 3, "{harm}");
        assert_eq!(damage(&place), Vec::<String>::new(), "{harm}");
        let status = |number| place.store.look(id(number)).unwrap().status();
        assert_eq!(status(1), Some(Status::Completed), "{harm}");
        assert_eq!(status(3), Some(Status::Failed), "{harm}");
        // Nothing tells where this one stood, so a person decides.
        assert_eq!(status(2), Some(Status::Paused), "{harm}");
        assert_eq!(place.store.list(Which::All).unwrap().len(), 6, "{harm}");
        assert!(Path::new("/etc/hostname").exists());
    }
}

#[test]
fn an_ended_job_that_a_repair_pauses_is_active_again() {
    let place = populated();
    assert!(!place.root().join("active/00000001").exists());
    write(place.journal(1), [0; 300]);
    fs::remove_file(place.job(1).join("result.json")).unwrap();
    repair(&place);
    let active = place.store.list(Which::Active).unwrap();
    let seen = active.iter().find(|seen| seen.id == id(1)).unwrap();
    assert_eq!((seen.status(), &seen.damage), (Some(Status::Paused), &None));
    assert_eq!(kinds(&place), [FindingKind::Aside]);
}

#[test]
fn a_job_of_which_nothing_is_left_is_set_aside_whole() {
    let place = populated();
    write(place.journal(2), "nothing of it\ncan be read\n");
    write(place.job(2).join("config.json"), "{}");
    write(place.job(2).join("worker.log"), "what it said");
    let found = examine(&place).findings;
    assert!(found[0].repair.as_ref().unwrap().words().contains("set-aside"));
    let done = repair(&place);
    assert!(done[0].contains("set-aside"), "{done:?}");
    assert!(place.store.look(id(2)).is_err());
    assert_eq!(place.store.list(Which::All).unwrap().len(), 5);
    assert!(!place.root().join("active/00000002").exists());
    assert_eq!(damage(&place), Vec::<String>::new());
    let aside = place.root().join("set-aside");
    let kept = fs::read_dir(aside).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read_to_string(kept.join("worker.log")).unwrap(), "what it said");
    assert!(kept.join("journal.jsonl").exists());
    assert_eq!(kinds(&place), [FindingKind::Aside]);
}

#[test]
fn the_good_lines_of_a_submission_are_kept_and_so_is_the_file() {
    let place = populated();
    let path = place.root().join("new/batch.jsonl");
    let old = flip(&path, &[100]);
    let bad = fs::read(&path).unwrap();
    let found = examine(&place).findings;
    assert_eq!((found[0].kind, found[0].id), (FindingKind::Submission, Some(id(5))));
    assert!(found[0].message.contains("line 1 at byte 0 is not readable"), "{:?}", found[0]);
    repair(&place);
    assert_eq!(damage(&place), Vec::<String>::new());
    let second = old.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    assert_eq!(fs::read(&path).unwrap(), &old[second..]);
    let aside = fs::read_dir(place.root().join("set-aside")).unwrap().next().unwrap().unwrap();
    assert_eq!(fs::read(aside.path()).unwrap(), bad);
    assert!(place.store.look(id(5)).is_err());
    assert_eq!(place.store.look(id(6)).unwrap().status(), Some(Status::Pending));

    // A lost line break costs no line.
    let (place, path) = (populated(), "new/batch.jsonl");
    flip(&place.root().join(path), &[second - 1]);
    assert!(!damage(&place).is_empty());
    repair(&place);
    assert_eq!(fs::read(place.root().join(path)).unwrap(), old);
}

#[test]
fn a_submission_of_which_nothing_is_left_goes_to_the_things_set_aside() {
    for harm in ["empty", "zeros", "directory"] {
        let place = populated();
        place.store.submit("00000007", &[(id(7), spec())], at(7)).unwrap();
        let path = place.root().join("new/00000007.jsonl");
        fs::remove_file(&path).unwrap();
        match harm {
            "empty" => write(&path, ""),
            "zeros" => write(&path, [0; 300]),
            _ => fs::create_dir(&path).unwrap(),
        }
        assert_eq!(examine(&place).findings[0].id, Some(id(7)), "{harm}");
        repair(&place);
        assert_eq!(damage(&place), Vec::<String>::new(), "{harm}");
        assert!(!path.exists(), "{harm}");
        assert_eq!(place.store.list(Which::All).unwrap().len(), 6, "{harm}");
        assert_eq!(kinds(&place), [FindingKind::Aside], "{harm}");
    }
}

#[test]
fn what_is_in_the_way_of_a_file_of_ours_is_moved_aside() {
    let place = populated();
    let in_job = |name: &str| place.job(2).join(name);
    for path in [
        in_job("status.json"),
        in_job("worker.lock"),
        in_job("worker.log"),
        place.root().join("boot"),
        place.root().join("ended.jsonl"),
        place.root().join("runner.lock"),
    ] {
        fs::remove_file(&path).ok();
        fs::create_dir_all(path.join("theirs")).unwrap();
    }
    fs::remove_dir_all(in_job("requests")).ok();
    symlink("/etc", in_job("requests")).unwrap();
    fs::remove_dir_all(place.root().join("active")).unwrap();
    write(place.root().join("active"), "");
    assert_eq!(damage(&place).len(), 8);
    repair(&place);
    drop(place.reopen("boot-1"));
    assert_eq!(damage(&place), Vec::<String>::new());
    assert_eq!(kinds(&place), [FindingKind::Aside]);
    assert_eq!(fs::read_dir(place.root().join("set-aside")).unwrap().count(), 8);
    place.record(2, vec![resumed(), started(), completed()]);
    assert_eq!(place.store.list(Which::All).unwrap().len(), 6);
}

#[test]
fn an_index_that_says_other_than_the_journals_is_made_again() {
    let place = populated();
    fs::remove_file(place.root().join("active/00000002")).unwrap();
    let list = place.root().join("ended.jsonl");
    let old = flip(&list, &[40]);
    let bad = fs::read(&list).unwrap();
    assert_ne!(old, bad);
    let found = examine(&place).findings;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].message.contains("cannot be read: 1"), "{:?}", found[0].message);
    assert!(found[0].message.contains("not listed: 00000001, 00000002"), "{:?}", found[0].message);
    assert!(!found[0].kind.is_damage(), "it is derived");
    repair(&place);
    assert_eq!(kinds(&place), [FindingKind::Aside]);
    assert_eq!(place.store.list(Which::Active).unwrap().len(), 4);
    assert_eq!(place.store.overview(Which::All).unwrap().ended.len(), 2);
}

#[test]
fn what_dead_processes_left_is_found_and_removed() {
    let place = populated();
    let root = place.root();
    let mut gone = std::process::Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let dead = gone.id();
    let left = [
        root.join(format!(".tmp-{dead}-00000000")),
        root.join(format!("new/.tmp-{dead}-00000000")),
        root.join("background-jobs.lock"),
        place.job(1).join(".status.json.tmp"),
        place.job(2).join(".journal.jsonl.tmp"),
    ];
    for path in &left {
        write(path, "x");
    }
    let alive = root.join(format!(".tmp-{}-00000000", std::process::id()));
    write(&alive, "x");
    fs::create_dir(root.join("jobs/.gone-00000009-00000000")).unwrap();
    write(root.join("background-jobs.json"), "[1");
    let found = examine(&place).findings;
    assert_eq!(found.len(), 7, "{found:#?}");
    repair(&place);
    assert!(left.iter().all(|path| !path.exists()));
    assert!(!root.join("jobs/.gone-00000009-00000000").exists());
    assert!(alive.exists(), "its writer lives");
    assert_eq!(kinds(&place), [FindingKind::Aside], "the list that is none");
}

#[test]
fn what_others_may_read_is_closed_to_them() {
    let place = populated();
    let open = [place.journal(1), place.job(2).join("worker.log"), place.root().join("boot")];
    write(&open[1], "x");
    for path in &open {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    fs::set_permissions(place.job(1), fs::Permissions::from_mode(0o777)).unwrap();
    let found = examine(&place).findings;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].message.contains("and 3 more"), "{}", found[0].message);
    repair(&place);
    assert_eq!(kinds(&place), []);
    for path in &open {
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o600, "{}", path.display());
    }
}

#[test]
fn what_needs_nobody_is_told_all_the_same() {
    let place = populated();
    place.record(2, vec![resumed(), started()]);
    place.store.ask(id(2), Wish::Pause, at(9)).unwrap();
    let journal = fs::read(place.journal(3)).unwrap();
    write(place.journal(3), [&journal[..], b"{\"v\":1,\"se"].concat());
    write(place.root().join("jobs/notes.txt"), "");
    let told = kinds(&place);
    let expected =
        [FindingKind::NoWorker, FindingKind::Unanswered, FindingKind::Torn, FindingKind::Stray];
    assert_eq!(told, expected);
    assert_eq!(repair(&place), Vec::<String>::new());
    assert_eq!(fs::read(place.journal(3)).unwrap().len(), journal.len() + 10);
}

#[test]
fn what_a_newer_version_wrote_is_left_alone() {
    let place = populated();
    let newer = |body: &str| {
        let crc = crc32fast::hash(body.as_bytes());
        format!("{body},\"crc\":\"{crc:08x}\"}}\n").into_bytes()
    };
    let line = newer(r#"{"v":2,"seq":4,"at":"2027-01-15T08:00:00Z","event":"dreamt""#);
    let old = fs::read(place.journal(2)).unwrap();
    write(place.journal(2), [&old[..], &line].concat());
    let old = fs::read(place.journal(1)).unwrap();
    write(place.journal(1), [&old[1..], &line].concat());
    let waiting = newer(r#"{"v":2,"id":"00000008","at":"2027-01-15T08:00:00Z","event":"wished""#);
    write(place.root().join("new/00000008.jsonl"), waiting);
    let before = stamped(place.root());
    assert_eq!(kinds(&place), [FindingKind::Newer; 3]);
    assert_eq!(repair(&place), Vec::<String>::new());
    assert_eq!(stamped(place.root()), before);
}

/// A directory with every sort of damage at once.
fn ruined() -> Place {
    let place = populated();
    place.record(2, vec![resumed(), started(), paused()]);
    flip_second(&place.journal(2));
    fs::remove_file(place.journal(1)).unwrap();
    write(place.journal(3), [0; 400]);
    flip(&place.root().join("new/batch.jsonl"), &[100]);
    flip(&place.root().join("ended.jsonl"), &[40]);
    write(place.root().join("new/lost.jsonl"), "");
    fs::create_dir(place.job(2).join("worker.pid")).unwrap();
    write(place.root().join("background-jobs.json"), "x");
    write(place.root().join("jobs/.gone-x"), "");
    place
}

#[test]
fn looking_writes_nothing() {
    let place = ruined();
    // Another call would make the index anew.
    fs::remove_file(place.root().join("boot")).unwrap();
    let before = stamped(place.dir.path());
    assert!(examine(&place).findings.len() >= 8);
    assert_eq!(stamped(place.dir.path()), before);
}

#[test]
fn a_foreign_directory_is_explained_and_never_repaired() {
    let place = ruined();
    let moved = place.dir.path().join("moved");
    fs::rename(place.root(), &moved).unwrap();
    let before = stamped(&moved);
    let fs: Arc<RealFs> = Arc::new(RealFs);
    let store = FileStore::peek(&moved, &place.registry, fs, "boot-1").unwrap();
    let found = store.examine(later()).unwrap().findings;
    assert_eq!(found[0].kind, FindingKind::Foreign);
    assert!(found.len() >= 8 && found.iter().all(|finding| finding.repair.is_none()));

    // A repair that was thought of where it was one's own is refused where it is not.
    fs::rename(&moved, place.root()).unwrap();
    let repair = examine(&place).findings.into_iter().find_map(|finding| finding.repair).unwrap();
    fs::rename(place.root(), &moved).unwrap();
    let refused = store.repair(&repair, later()).unwrap_err();
    assert!(matches!(refused, RepairError::Foreign { .. }), "{refused}");
    assert_eq!(stamped(&moved), before);
}

#[test]
fn a_job_that_somebody_holds_is_not_repaired_under_his_hands() {
    let place = populated();
    let claim = place.store.claim(id(2), at(9)).unwrap();
    flip_second(&place.journal(2));
    let bad = fs::read(place.journal(2)).unwrap();
    let found = examine(&place).findings;
    let repair = found[0].repair.as_ref().unwrap();
    let refused = place.store.repair(repair, later()).unwrap_err();
    assert!(matches!(refused, RepairError::Claim(ClaimError::Held(_))), "{refused}");
    assert_eq!(fs::read(place.journal(2)).unwrap(), bad);
    drop(claim);
}

#[test]
fn everything_at_once_is_mended_and_mending_again_changes_nothing() {
    let place = ruined();
    repair(&place);
    drop(place.reopen("boot-1"));
    assert_eq!(damage(&place), Vec::<String>::new());
    let status = |number| place.store.look(id(number)).unwrap().job.map(|job| job.state);
    let paused = Some(State::Paused { reason: Reason::User, resumes_at: None, waiting: false });
    assert_eq!(status(2), paused);
    assert!(matches!(status(1), Some(State::Completed { .. })));
    assert!(matches!(status(3), Some(State::Failed { .. })));
    let before = stamped(place.root());
    assert_eq!(repair(&place), Vec::<String>::new());
    assert_eq!(stamped(place.root()), before);
    for number in [4, 6] {
        place.record(number, vec![started(), completed()]);
    }
}
