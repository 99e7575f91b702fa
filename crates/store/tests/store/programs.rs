//! The lock that a job's programs hold: as long as it is held, nobody else gets the claim.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::interloper::Interloper;
use crate::place::{at, id, place, place_on, started};
use jobctl_core::{Change, Reason, ResumedBy, State, Status};
use jobctl_store::{Claim, ClaimError, Fs, Holder, Leftover, Store, Which};

/// The claim, once the lock is free: another test's thread that is just starting a program has a
/// copy of every descriptor for a moment.
fn claim(store: &impl Store, number: u32) -> Box<dyn Claim> {
    let begun = Instant::now();
    loop {
        match store.claim(id(number), at(9)) {
            Ok(claim) => return claim,
            Err(error) => assert!(matches!(error, ClaimError::Leftover(_)), "{error}"),
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the lock does not get free");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn programs_that_outlive_their_worker_keep_the_claim_from_everybody() {
    let place = place();
    place.submit(1);
    let mut claim = place.store.claim(id(1), at(1)).unwrap();
    claim.record(started().at(at(1))).unwrap();
    let programs = claim.tree_lock().take().unwrap();
    // The worker dies; its programs have the descriptor.
    drop(claim);
    let Err(ClaimError::Leftover(left)) = place.store.claim(id(1), at(2)) else {
        panic!("a second copy could be started")
    };
    let Leftover { id: of, starter, lock } = left;
    let me = Holder::me(place.store.boot());
    assert_eq!((of, starter, lock), (id(1), Some(me), place.job(1).join("tree.lock")));
    assert!(place.store.remove(id(1), at(2)).is_err());
    drop(programs);
    assert_eq!(self::claim(&place.store, 1).job().status(), Status::Running);
}

#[test]
fn readers_do_not_make_a_worker_believe_that_programs_run() {
    let fs = Arc::new(Interloper::on("tree.lock"));
    let place = place_on(tempfile::tempdir().unwrap(), Arc::clone(&fs) as Arc<dyn Fs>);
    place.submit(1);
    let claim = place.store.claim(id(1), at(1)).unwrap();
    let lock = claim.tree_lock();
    fs.busy(3);
    drop(lock.take().unwrap());
    assert_eq!(fs.is_busy_for(), 0, "it was tried as often as that");
}

#[test]
fn a_lock_that_somebody_keeps_is_not_taken() {
    let place = place();
    place.submit(1);
    let claim = place.store.claim(id(1), at(1)).unwrap();
    let lock = claim.tree_lock();
    drop(lock.take().unwrap());
    let reader = File::open(lock.path()).unwrap();
    reader.lock_shared().unwrap();
    let error = lock.take().unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::WouldBlock, "{error}");
}

#[test]
fn what_cannot_be_stopped_is_on_record_once_and_only_where_the_job_would_go_on() {
    let place = place();
    for (bits, after) in [(1, None), (2, Some(started()))] {
        place.submit(bits);
        let mut claim = place.store.claim(id(bits), at(1)).unwrap();
        if let Some(change) = after {
            claim.record(change.at(at(1))).unwrap();
        }
        let programs = claim.tree_lock().take().unwrap();
        drop(claim);
        assert!(place.store.hold_up(id(bits), &[7, 8], at(2)).unwrap());
        assert!(!place.store.hold_up(id(bits), &[9], at(3)).unwrap(), "it stands still already");
        let job = place.store.look(id(bits)).unwrap().job.unwrap();
        let reason = Reason::Leftover { pids: vec![7, 8] };
        assert!(
            matches!(&job.state, State::Paused { reason: is, resumes_at: None, .. } if *is == reason)
        );
        assert!(matches!(place.store.claim(id(bits), at(4)), Err(ClaimError::Leftover(_))));
        drop(programs);
        let mut claim = self::claim(&place.store, bits);
        claim.record(Change::Resumed { by: ResumedBy::Person }.at(at(9))).unwrap();
        claim.close(at(9)).unwrap();
    }
}

#[test]
fn a_job_that_never_ran_a_program_has_no_such_file() {
    let place = place();
    place.submit(1);
    let mut claim = place.store.claim(id(1), at(1)).unwrap();
    claim.record(started().at(at(1))).unwrap();
    claim.close(at(2)).unwrap();
    place.store.list(Which::All).unwrap();
    assert!(!place.job(1).join("tree.lock").exists());
}

#[test]
fn what_is_no_file_of_ours_is_neither_followed_nor_waited_for() {
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("target");
    File::create(&target).unwrap().lock().unwrap();
    for stranger in ["link", "pipe", "directory"] {
        let place = place();
        place.submit(1);
        let claim = place.store.claim(id(1), at(1)).unwrap();
        let lock = claim.tree_lock();
        let path = lock.path().to_owned();
        match stranger {
            "link" => symlink(&target, &path).unwrap(),
            "pipe" => {
                let mode = rustix::fs::Mode::RWXU;
                rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0)
                    .unwrap();
            }
            _ => fs::create_dir(&path).unwrap(),
        }
        assert!(lock.take().is_err(), "{stranger}");
        drop(claim);
        let claimed = place.store.claim(id(1), at(2));
        assert!(matches!(claimed, Err(ClaimError::Damaged { .. })), "{stranger}");
        assert_eq!(fs::read(&target).unwrap(), b"", "{stranger}: nothing was written through it");
        place.store.look(id(1)).unwrap();
        let found = place.store.examine(at(3)).unwrap();
        assert!(
            found.findings.iter().any(|finding| finding.message.contains("tree.lock")),
            "{stranger}"
        );
    }
}
