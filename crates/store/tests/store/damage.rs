//! Journals that were cut, flipped, lost or written by somebody else.

use std::fs;

use crate::place::{Place, at, completed, id, paused, place, resumed, started};
use jobctl_core::{Change, Status};
use jobctl_store::{ClaimError, Store, Which, Worker};

/// A job whose holder died after `paused`: four records, no mark.
fn paused_job() -> (Place, Vec<u8>) {
    let place = place();
    place.submit(1);
    let mut claim = place.store.claim(id(1), at(1)).unwrap();
    let failed = Change::ItemFailed { item: "acme/api".into(), error: "gone".into(), hint: None };
    for change in [started(), failed, paused()] {
        claim.record(change.at(at(1))).unwrap();
    }
    drop(claim);
    let bytes = fs::read(place.journal(1)).unwrap();
    (place, bytes)
}

/// Where each line ends.
fn ends(bytes: &[u8]) -> Vec<usize> {
    bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1).collect()
}

fn asides(place: &Place) -> Vec<Vec<u8>> {
    let names = fs::read_dir(place.job(1)).unwrap().map(|entry| entry.unwrap());
    names
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("journal.torn-"))
        .map(|entry| fs::read(entry.path()).unwrap())
        .collect()
}

#[test]
fn a_journal_cut_at_any_byte_keeps_its_whole_records_and_goes_on() {
    let (place, bytes) = paused_job();
    let ends = ends(&bytes);
    let statuses = [Status::Pending, Status::Running, Status::Running, Status::Paused];
    for cut in ends[0]..bytes.len() {
        fs::write(place.journal(1), &bytes[..cut]).unwrap();
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let seen = place.store.look(id(1)).unwrap();
        assert_eq!(seen.status(), Some(statuses[whole - 1]), "cut at {cut}");
        assert_eq!(seen.damage, None);
        assert_eq!(fs::read(place.journal(1)).unwrap(), &bytes[..cut], "a reader changes nothing");

        let mut claim = place.store.claim(id(1), at(2)).unwrap();
        let good = ends[whole - 1];
        assert_eq!(fs::read(place.journal(1)).unwrap(), &bytes[..good]);
        let torn = &bytes[good..cut];
        assert_eq!(asides(&place), if torn.is_empty() { vec![] } else { vec![torn.to_vec()] });
        claim.record(Change::Cancelled { reason: None }.at(at(2))).unwrap();
        claim.close(at(2)).unwrap();
        let seen = place.store.look(id(1)).unwrap();
        assert_eq!((seen.status(), seen.damage), (Some(Status::Cancelled), None), "cut at {cut}");
        for entry in fs::read_dir(place.job(1)).unwrap().map(|entry| entry.unwrap()) {
            if entry.file_name().to_string_lossy().starts_with("journal.torn-") {
                fs::remove_file(entry.path()).unwrap();
            }
        }
    }
}

#[test]
fn any_flipped_bit_of_the_last_three_records_is_noticed() {
    let (place, bytes) = paused_job();
    let ends = ends(&bytes);
    let statuses = [Status::Pending, Status::Running, Status::Running, Status::Paused];
    for bit in ends[0] * 8..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        fs::write(place.journal(1), &flipped).unwrap();
        let record = ends.iter().filter(|end| **end <= bit / 8).count();
        let seen = place.store.look(id(1)).unwrap();
        assert_eq!(seen.status(), Some(statuses[record - 1]), "bit {bit}");
        // The last record looks like an append that a crash stopped; any other has been followed.
        let is_last = record + 1 == ends.len();
        assert_eq!(seen.damage.is_some(), !is_last, "bit {bit}: {:?}", seen.damage);
        let claimed = place.store.claim(id(1), at(2));
        assert_eq!(claimed.is_ok(), is_last, "bit {bit}");
        drop(claimed);
        if !is_last {
            assert_eq!(fs::read(place.journal(1)).unwrap(), flipped, "nothing is cut off");
        }
    }
}

#[test]
fn a_bad_record_before_good_ones_is_damage_and_nothing_is_changed() {
    let (place, bytes) = paused_job();
    place.submit(2);
    let first = ends(&bytes)[0];
    for offset in [0, first / 2, first + 3] {
        let mut bad = bytes.clone();
        bad[offset] ^= 1;
        fs::write(place.journal(1), &bad).unwrap();
        let seen = place.store.look(id(1)).unwrap();
        assert!(seen.damage.unwrap().contains("not readable"));
        assert_eq!(seen.job.is_some(), offset > first);
        let refused = place.store.claim(id(1), at(2)).map(drop).unwrap_err();
        assert!(matches!(refused, ClaimError::Damaged { .. }), "{refused}");
        assert_eq!(fs::read(place.journal(1)).unwrap(), bad);
        let listed = place.store.list(Which::All).unwrap();
        assert_eq!(listed.len(), 2, "a damaged job hides no other and is shown itself");
    }
}

#[test]
fn records_that_cannot_stand_where_they_do_are_damage() {
    let (place, bytes) = paused_job();
    let ends = ends(&bytes);
    let without_second = [&bytes[..ends[0]], &bytes[ends[1]..]].concat();
    let twice = [&bytes[..], &bytes[ends[2]..]].concat();
    for bad in [without_second, twice, bytes[ends[0]..].to_vec()] {
        fs::write(place.journal(1), &bad).unwrap();
        assert!(place.store.look(id(1)).unwrap().damage.is_some());
        assert!(place.store.claim(id(1), at(2)).is_err());
    }
}

#[test]
fn a_half_written_line_is_not_there_yet_and_its_worker_is_alive() {
    let (place, bytes) = paused_job();
    let claim = place.store.claim(id(1), at(2)).unwrap();
    let half = [&bytes[..], br#"{"v":1,"seq":5,"at":"2027-01-1"#].concat();
    fs::write(place.journal(1), &half).unwrap();
    let seen = place.store.look(id(1)).unwrap();
    assert_eq!((seen.status(), seen.damage), (Some(Status::Paused), None));
    assert!(matches!(seen.worker, Worker::Alive(Some(_))));
    drop(claim);
}

#[test]
fn what_a_newer_version_wrote_is_read_and_never_rewritten() {
    let (place, bytes) = paused_job();
    let newer = |body: &str| {
        let crc = crc32fast::hash(body.as_bytes());
        let mut bytes = bytes.clone();
        bytes.extend_from_slice(format!("{body},\"crc\":\"{crc:08x}\"}}\n").as_bytes());
        bytes
    };
    let known = newer(
        r#"{"v":2,"seq":5,"at":"2027-01-15T08:00:00Z","event":"resumed","by":"person","mood":1"#,
    );
    let unknown = newer(r#"{"v":2,"seq":5,"at":"2027-01-15T08:00:00Z","event":"dreamt""#);
    for (journal, status) in [(known, Status::Pending), (unknown, Status::Paused)] {
        fs::write(place.journal(1), &journal).unwrap();
        let seen = place.store.look(id(1)).unwrap();
        assert_eq!((seen.status(), seen.damage), (Some(status), None));
        let refused = place.store.claim(id(1), at(2)).map(drop).unwrap_err();
        assert!(refused.to_string().contains("newer jobctl"), "{refused}");
        assert_eq!(fs::read(place.journal(1)).unwrap(), journal);
    }
}

#[test]
fn a_lost_journal_is_damage_if_there_was_one() {
    let place = place();
    place.complete(1);
    fs::remove_file(place.journal(1)).unwrap();
    for left in ["status.json", "config.json", "result.json"] {
        let others =
            ["status.json", "config.json", "result.json"].map(|name| place.job(1).join(name));
        let others: Vec<_> = others
            .iter()
            .filter(|path| !path.ends_with(left))
            .map(|path| (path, fs::read(path).unwrap()))
            .collect();
        for (path, _) in &others {
            fs::remove_file(path).unwrap();
        }
        let seen = place.store.look(id(1)).unwrap();
        assert!(seen.damage.unwrap().contains("is missing"), "{left} tells of it");
        for (path, bytes) in others {
            fs::write(path, bytes).unwrap();
        }
    }
    assert!(matches!(place.store.claim(id(1), at(2)), Err(ClaimError::Damaged { .. })));
    assert_eq!(place.store.list(Which::All).unwrap().len(), 1);
}

#[test]
fn strangers_among_the_jobs_hide_none() {
    use std::os::unix::fs::symlink;
    let place = place();
    place.complete(1);
    place.submit_and_record(2, vec![started(), paused()]);
    let jobs = place.root().join("jobs");
    fs::write(jobs.join("notes.txt"), "x").unwrap();
    fs::write(jobs.join("0000000a"), "not a directory").unwrap();
    symlink("/etc", jobs.join("0000000b")).unwrap();
    fs::create_dir(jobs.join("0000000c")).unwrap();
    fs::create_dir(jobs.join("0000000d")).unwrap();
    fs::create_dir(jobs.join("0000000d/journal.jsonl")).unwrap();
    fs::write(place.root().join("new/broken.jsonl"), "{\"v\":1,\"id\":\"0000000e\"}\n\0\0")
        .unwrap();
    fs::write(place.root().join("active/README"), "").unwrap();
    fs::write(place.root().join("active/0000000f"), "").unwrap();
    for _ in 0..2 {
        let mut good: Vec<_> = place.store.list(Which::All).unwrap();
        good.retain(|seen| seen.damage.is_none());
        let ids: Vec<_> = good.iter().map(|seen| seen.id).collect();
        assert_eq!(ids, [id(2), id(1)]);
        // The second time without the index, by the journals alone.
        fs::remove_file(place.root().join("ended.jsonl")).ok();
    }
    let strays: Vec<_> = place.store.strays().unwrap();
    let names: Vec<_> = strays.iter().map(|path| path.file_name().unwrap()).collect();
    assert_eq!(names, ["0000000a", "0000000b", "notes.txt"]);
    assert!(place.store.claim(id(0xb), at(3)).is_err());
    place.store.sweep(at(3)).unwrap();
    place.record(2, vec![resumed(), started(), completed()]);
}
