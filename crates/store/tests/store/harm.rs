//! Files that were emptied, filled with zeros, cut, replaced or lost; and clocks that jump.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::place::{Place, at, completed, id, paused, place, resumed, spec, started};
use jobctl_core::{Status, Time};
use jobctl_store::{ClaimError, Store, Unread, Which, Wish};

/// What can happen to a file.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Empty,
    Zeros,
    ZerosAtItsEnd,
    Cut,
    Nonsense,
    Missing,
    Directory,
    Link,
}

const HARMS: [Harm; 8] = [
    Harm::Empty,
    Harm::Zeros,
    Harm::ZerosAtItsEnd,
    Harm::Cut,
    Harm::Nonsense,
    Harm::Missing,
    Harm::Directory,
    Harm::Link,
];

impl Harm {
    fn befalls(self, path: &Path) {
        let bytes = fs::read(path).unwrap_or_default();
        fs::remove_file(path).unwrap();
        match self {
            Self::Empty => fs::write(path, "").unwrap(),
            Self::Zeros => fs::write(path, vec![0; bytes.len()]).unwrap(),
            Self::ZerosAtItsEnd => fs::write(path, [&bytes[..], &[0; 512]].concat()).unwrap(),
            Self::Cut => fs::write(path, &bytes[..bytes.len() / 2]).unwrap(),
            Self::Nonsense => fs::write(path, "{\"v\":\n[]\u{1b}").unwrap(),
            Self::Missing => {}
            Self::Directory => fs::create_dir(path).unwrap(),
            Self::Link => symlink("/etc/hostname", path).unwrap(),
        }
    }

    fn is_over(path: &Path, bytes: &[u8]) {
        match fs::symlink_metadata(path) {
            Ok(meta) if meta.is_dir() => fs::remove_dir_all(path).unwrap(),
            Ok(_) => fs::remove_file(path).unwrap(),
            Err(_) => {}
        }
        fs::write(path, bytes).unwrap();
    }
}

/// Jobs that no harm to another file may hide: one ended, one paused, one waiting.
fn healthy() -> Place {
    let place = place();
    place.complete(11);
    place.submit_and_record(12, vec![started(), paused()]);
    place.submit(13);
    place
}

fn unread(place: &Place) -> Vec<Unread> {
    place.store.overview(Which::Active).unwrap().unread
}

fn healthy_are_seen(place: &Place, what: &str) {
    let all = place.store.list(Which::All).unwrap();
    for (number, status) in [(11, Status::Completed), (12, Status::Paused), (13, Status::Pending)] {
        let seen = all.iter().find(|seen| seen.id == id(number));
        let seen = seen.unwrap_or_else(|| panic!("{what}: {number} is hidden"));
        assert_eq!((seen.status(), &seen.damage), (Some(status), &None), "{what}: {number}");
        assert_eq!(place.store.look(id(number)).unwrap().status(), Some(status), "{what}");
        assert_eq!(place.store.resolve(&id(number).to_string()).unwrap(), id(number));
    }
}

#[test]
fn derived_files_may_be_harmed_in_any_way() {
    let place = healthy();
    for name in ["status.json", "config.json", "result.json", "worker.log"] {
        let path = place.job(11).join(name);
        if name == "worker.log" {
            fs::write(&path, "a line\n").unwrap();
        }
        let bytes = fs::read(&path).unwrap();
        for harm in HARMS {
            harm.befalls(&path);
            healthy_are_seen(&place, &format!("{name} {harm:?}"));
            Harm::is_over(&path, &bytes);
        }
    }
    for name in ["ended.jsonl", "boot", "ended.lock", "background-jobs.json", "runner.pid"] {
        let path = place.root().join(name);
        if !path.exists() {
            fs::write(&path, "{}").unwrap();
        }
        let bytes = fs::read(&path).unwrap();
        for harm in HARMS {
            harm.befalls(&path);
            let what = format!("{name} {harm:?}");
            healthy_are_seen(&place, &what);
            // Another call opens it anew, which may write the index.
            let store = place.reopen("boot-1");
            assert_eq!(store.list(Which::All).unwrap().len(), 3, "{what}");
            Harm::is_over(&path, &bytes);
            fs::remove_file(place.root().join("boot")).unwrap();
            drop(place.reopen("boot-1"));
        }
    }
}

#[test]
fn a_harmed_journal_is_shown_and_nothing_else_is_touched() {
    let place = healthy();
    place.submit_and_record(1, vec![started(), paused(), resumed(), started()]);
    let bytes = fs::read(place.journal(1)).unwrap();
    for harm in HARMS {
        harm.befalls(&place.journal(1));
        healthy_are_seen(&place, &format!("{harm:?}"));
        let seen = place.store.look(id(1)).unwrap();
        let listed = place.store.list(Which::Active).unwrap();
        let listed = listed.iter().find(|seen| seen.id == id(1));
        let listed = listed.unwrap_or_else(|| panic!("{harm:?}: not listed"));
        assert_eq!(listed.damage, seen.damage, "{harm:?}");
        // Good records with nothing good behind them are an append that was stopped.
        let torn = matches!(harm, Harm::ZerosAtItsEnd | Harm::Cut);
        assert_eq!(seen.damage.is_some(), !torn, "{harm:?}: {seen:?}");
        assert_eq!(seen.job.is_some(), torn, "{harm:?}");
        if !torn {
            let refused = place.store.claim(id(1), at(2)).map(drop).unwrap_err();
            assert!(matches!(refused, ClaimError::Damaged { .. }), "{harm:?}: {refused}");
            let refused = place.store.remove(id(1), at(2)).unwrap_err();
            assert!(refused.to_string().contains("damaged"), "{harm:?}: {refused}");
        }
        Harm::is_over(&place.journal(1), &bytes);
    }
}

#[test]
fn files_that_a_job_needs_and_cannot_read_are_its_own_damage() {
    let place = healthy();
    place.submit_and_record(1, vec![started(), paused()]);
    for name in ["worker.lock", "requests"] {
        let path = place.job(1).join(name);
        fs::remove_file(&path).ok();
        if name == "requests" {
            fs::write(&path, "").unwrap();
        } else {
            fs::create_dir(&path).unwrap();
        }
        healthy_are_seen(&place, name);
        assert!(place.store.look(id(1)).unwrap().damage.unwrap().contains(name));
        fs::remove_dir(&path).or_else(|_| fs::remove_file(&path)).unwrap();
    }
    assert_eq!(place.store.look(id(1)).unwrap().damage, None);
}

#[test]
fn a_request_that_cannot_be_read_holds_nothing_up() {
    let place = healthy();
    place.submit_and_record(1, vec![started(), paused()]);
    let good = place.store.ask(id(1), Wish::Resume, at(2)).unwrap();
    let dir = place.job(1).join("requests");
    for (name, bytes) in [("0-empty.json", ""), ("0-zeros.json", "\0\0"), ("0-no.json", "{}")] {
        fs::write(dir.join(name), bytes).unwrap();
    }
    fs::create_dir(dir.join("0-dir.json")).unwrap();
    let claim = place.store.claim(id(1), at(3)).unwrap();
    let open: Vec<_> = claim.requests().unwrap().into_iter().map(|request| request.id).collect();
    assert_eq!(open, [good]);
    drop(claim);
    healthy_are_seen(&place, "requests");
}

#[test]
fn a_submission_line_that_cannot_be_read_is_seen_and_hides_no_other() {
    let place = healthy();
    let jobs = [(id(1), spec()), (id(2), spec()), (id(3), spec())];
    place.store.submit("batch", &jobs, at(1)).unwrap();
    let path = place.root().join("new/batch.jsonl");
    let bytes = fs::read(&path).unwrap();
    let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;

    // Where the id can still be read, the job is known and shown as damaged.
    let mut harmed = bytes.clone();
    harmed[second + 60] ^= 1;
    fs::write(&path, &harmed).unwrap();
    healthy_are_seen(&place, "batch");
    for number in [1, 3] {
        assert_eq!(place.store.look(id(number)).unwrap().status(), Some(Status::Pending));
    }
    let listed = place.store.list(Which::Active).unwrap();
    let listed = listed.iter().find(|seen| seen.id == id(2)).unwrap();
    assert!(listed.damage.as_ref().unwrap().contains("line 2 at byte"), "{:?}", listed.damage);
    assert_eq!(place.store.look(id(2)).unwrap().damage, listed.damage);
    assert_eq!(place.store.resolve("00000002").unwrap(), id(2));
    let refused = place.store.claim(id(2), at(2)).map(drop).unwrap_err();
    assert!(matches!(refused, ClaimError::Damaged { .. }), "{refused}");
    assert_eq!(unread(&place).len(), 1);

    // Where it cannot, it is at least told that something is lost.
    for byte in &mut harmed[second..second + 60] {
        *byte = 0;
    }
    fs::write(&path, &harmed).unwrap();
    assert_eq!(place.store.list(Which::Active).unwrap().len(), 4);
    let unread = unread(&place);
    assert_eq!((unread.len(), unread[0].id), (1, None));

    // The other jobs' beginnings do not take the file away that may stand for a third.
    for number in [1, 3] {
        place.record(number, vec![started(), completed()]);
    }
    place.store.sweep(at(9)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), harmed);
}

#[test]
fn a_harmed_submission_file_is_seen_and_hides_no_other() {
    let place = healthy();
    place.store.submit("00000001", &[(id(1), spec())], at(1)).unwrap();
    let path = place.root().join("new/00000001.jsonl");
    let bytes = fs::read(&path).unwrap();
    for harm in HARMS {
        harm.befalls(&path);
        healthy_are_seen(&place, &format!("{harm:?}"));
        let seen = place.store.look(id(1));
        match harm {
            // Nobody can know of it.
            Harm::Missing => assert!(seen.is_err()),
            Harm::ZerosAtItsEnd => {
                assert_eq!(seen.unwrap().status(), Some(Status::Pending));
                assert_eq!(unread(&place).len(), 1);
            }
            Harm::Empty
            | Harm::Zeros
            | Harm::Cut
            | Harm::Nonsense
            | Harm::Directory
            | Harm::Link => {
                assert!(seen.unwrap().damage.is_some(), "{harm:?}");
                let listed = place.store.list(Which::Active).unwrap();
                assert!(listed.iter().any(|seen| seen.id == id(1)), "{harm:?}");
                let refused = place.store.claim(id(1), at(2)).map(drop).unwrap_err();
                assert!(matches!(refused, ClaimError::Damaged { .. }), "{harm:?}: {refused}");
            }
        }
        Harm::is_over(&path, &bytes);
    }
    let newer = String::from_utf8(bytes).unwrap().replace("{\"v\":1,", "{\"v\":2,");
    let (body, _) = newer.rsplit_once(",\"crc\"").unwrap();
    let crc = crc32fast::hash(body.as_bytes());
    fs::write(&path, format!("{body},\"crc\":\"{crc:08x}\"}}\n")).unwrap();
    let seen = place.store.look(id(1)).unwrap();
    assert!(seen.damage.unwrap().contains("newer jobctl"));
    assert!(unread(&place)[0].newer);
}

#[test]
fn a_clock_that_jumps_back_confuses_nothing() {
    let place = healthy();
    place.submit(1);
    let mut claim = place.store.claim(id(1), at(100)).unwrap();
    let events = [
        started().at(at(100)),
        paused().at(at(50)),
        resumed().at(at(10)),
        started().at(Time::UNIX_EPOCH),
        completed().at(at(5)),
    ];
    for event in events {
        claim.record(event).unwrap();
    }
    claim.close(at(1)).unwrap();
    let seen = place.store.look(id(1)).unwrap();
    assert_eq!((seen.status(), seen.damage), (Some(Status::Completed), None));
    assert_eq!(seen.job.unwrap().ended_at(), Some(at(5)));
    healthy_are_seen(&place, "a job that ended before it began");
    let overview = place.store.overview(Which::All).unwrap();
    let ended: Vec<_> = overview.ended.iter().map(|ended| ended.id).collect();
    assert_eq!(ended, [id(11), id(1)], "by the time that they say");
    fs::remove_file(place.root().join("boot")).unwrap();
    assert_eq!(place.reopen("boot-2").list(Which::All).unwrap().len(), 4);
}

#[test]
fn files_of_the_future_hold_nothing_up() {
    let place = healthy();
    let future = SystemTime::now() + Duration::from_secs(10 * 365 * 24 * 3600);
    let dated = |path: &Path| {
        let file = fs::File::options().write(true).create(true).truncate(false).open(path);
        file.unwrap().set_modified(future).unwrap();
    };
    let mark = place.root().join("active/0000dead");
    let mirror = place.root().join("background-jobs.json");
    let lock = place.root().join("background-jobs.lock");
    fs::write(&mirror, "{}").unwrap();
    for path in [&mark, &mirror, &lock] {
        dated(path);
    }
    let now = Time::try_from(SystemTime::now()).unwrap();
    place.store.sweep(now).unwrap();
    assert!(!mark.exists(), "a mark of nobody's job is swept");
    place.store.mirror(now).unwrap();
    let mirrored = fs::read_to_string(&mirror).unwrap();
    assert!(mirrored.contains("00000012") || mirrored.contains("0000000c"), "{mirrored}");
}
