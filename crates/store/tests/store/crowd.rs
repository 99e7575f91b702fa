//! Many at once: writers exclude each other, readers see no job come, go or die by mistake.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use crate::place::{at, completed, id, place, started};
use jobctl_core::{Change, Progress};
use jobctl_store::{
    Adopt, ClaimError, FileStore, LookError, RealFs, Registry, Standing, Store, Which, Worker,
};

#[test]
fn first_calls_at_once_agree_on_one_directory() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::at(dir.path().join("registry"));
        let create = || {
            let path = dir.path().join("a/b/state");
            let fs = Arc::new(RealFs);
            FileStore::create(&path, &registry, fs, "boot-1", Adopt::Fresh).unwrap()
        };
        let stores: Vec<_> = thread::scope(|scope| {
            let calls: Vec<_> = (0..4).map(|_| scope.spawn(create)).collect();
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        });
        assert!(stores.iter().all(|store| store.standing() == &Standing::Ours));
        let ids: BTreeSet<_> = stores.iter().map(FileStore::id).collect();
        assert_eq!(ids.len(), 1);
        assert_eq!(registry.all().unwrap(), [stores[0].root()]);
    }
}

#[test]
fn no_event_is_written_twice_or_lost_by_many_holders() {
    let place = place();
    place.submit(1);
    place.record(1, vec![started()]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut left = 25;
                while left > 0 {
                    match place.store.claim(id(1), at(2)) {
                        Ok(mut claim) => {
                            let mark = Change::Checkpoint { token: left.to_string() };
                            claim.record(mark.at(at(2))).unwrap();
                            claim.close(at(2)).unwrap();
                            left -= 1;
                        }
                        Err(ClaimError::Held(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    let journal = std::fs::read_to_string(place.journal(1)).unwrap();
    let count = journal.lines().filter(|line| line.contains("\"checkpoint\"")).count();
    assert_eq!(count, 100);
    assert_eq!(place.store.look(id(1)).unwrap().damage, None);
}

#[test]
fn readers_are_never_told_of_a_death_or_a_loss_that_did_not_happen() {
    let place = place();
    let (submitted, over) = (AtomicU32::new(0), AtomicBool::new(false));
    let read = || {
        while !over.load(Ordering::SeqCst) {
            let known = submitted.load(Ordering::SeqCst);
            for number in 1..=known {
                match place.store.look(id(number)) {
                    Ok(seen) => {
                        assert_eq!(seen.damage, None);
                        assert_ne!(seen.worker, Worker::Dead);
                    }
                    Err(LookError::Removed { .. }) if number % 3 == 0 => {}
                    Err(error) => panic!("{error}"),
                }
            }
            let all = place.store.list(Which::All).unwrap();
            assert!(all.iter().all(|seen| seen.damage.is_none()), "{all:?}");
            let listed: BTreeSet<_> = all.iter().map(|seen| seen.id).collect();
            assert_eq!(listed.len(), all.len(), "a job is listed twice: {all:?}");
            let kept = (1..=known).filter(|number| number % 3 != 0);
            assert!(kept.map(id).all(|id| listed.contains(&id)), "{known}: {listed:?}");
        }
    };
    let write = || {
        for number in 1..=40 {
            place.submit(number);
            submitted.store(number, Ordering::SeqCst);
            let mut claim = place.store.claim(id(number), at(number)).unwrap();
            claim.record(started().at(at(number))).unwrap();
            claim.progress(&Progress::default(), at(number)).unwrap();
            claim.record(completed().at(at(number))).unwrap();
            claim.close(at(number)).unwrap();
            if number % 3 == 0 {
                place.store.remove(id(number), at(number)).unwrap();
            }
            place.store.sweep(at(number)).unwrap();
        }
        over.store(true, Ordering::SeqCst);
    };
    thread::scope(|scope| {
        let readers = [scope.spawn(read), scope.spawn(read)];
        let written = scope.spawn(write).join();
        over.store(true, Ordering::SeqCst);
        for reader in readers {
            reader.join().unwrap();
        }
        written.unwrap();
    });
}

#[test]
fn a_claim_is_free_the_moment_it_is_closed_although_other_threads_start_programs() {
    let place = place();
    place.submit_and_record(1, vec![started()]);
    let over = AtomicBool::new(false);
    // Between fork and exec a child has every descriptor of this process, and with it its locks.
    let spawn = || {
        while !over.load(Ordering::SeqCst) {
            Command::new("true").status().unwrap();
        }
    };
    let lock = place.job(1).join("worker.lock");
    let claim = || {
        for number in 0..3_000 {
            let claim = place.store.claim(id(1), at(2)).unwrap();
            claim.close(at(2)).unwrap();
            // Looked at as it is: a claim would be tried for again.
            let file = fs::File::open(&lock).unwrap();
            file.try_lock().unwrap_or_else(|error| panic!("after claim {number}: {error}"));
            file.unlock().unwrap();
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(spawn);
        }
        let claimed = scope.spawn(claim).join();
        over.store(true, Ordering::SeqCst);
        claimed.unwrap();
    });
}

#[test]
fn readers_never_keep_a_lock_from_whoever_wants_it() {
    let place = place();
    drop(place.store.run_lock().unwrap());
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    place.store.runner_alive().unwrap();
                }
            });
        }
        let claim = || {
            for number in 0..1_000 {
                assert!(place.store.run_lock().unwrap().is_some(), "refused: {number}");
            }
        };
        let claimed = scope.spawn(claim).join();
        over.store(true, Ordering::SeqCst);
        claimed.unwrap();
    });
}
