//! The life of a job, from submission to removal.

use crate::place::{at, completed, id, paused, place, resumed, spec, started};
use jobctl_core::{Change, Progress, Reason, Status};
use jobctl_store::{
    AskError, ClaimError, LookError, RecordError, RemoveError, Store, Which, Wish, Worker,
};

#[test]
fn a_submitted_job_is_pending_and_has_no_directory() {
    let place = place();
    place.submit(1);
    let seen = place.store.look(id(1)).unwrap();
    assert_eq!(seen.status(), Some(Status::Pending));
    assert_eq!(seen.worker, Worker::None);
    assert_eq!(seen.job.unwrap().spec, spec());
    assert!(!place.job(1).exists());
    assert_eq!(place.store.list(Which::Active).unwrap().len(), 1);
}

#[test]
fn a_completed_job_can_be_looked_at_and_its_submission_is_gone() {
    let place = place();
    place.complete(1);
    let seen = place.store.look(id(1)).unwrap();
    assert_eq!(seen.status(), Some(Status::Completed));
    assert_eq!((seen.worker, seen.damage), (Worker::None, None));
    assert_eq!(std::fs::read_dir(place.root().join("new")).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(place.root().join("active")).unwrap().count(), 0);
    assert!(place.job(1).join("result.json").exists());
    assert!(!place.job(1).join("worker.pid").exists());
}

#[test]
fn the_claim_is_exclusive_until_closed_and_seen_as_alive() {
    let place = place();
    place.submit(1);
    let mut claim = place.store.claim(id(1), at(1)).unwrap();
    claim.record(started().at(at(1))).unwrap();
    assert_eq!(claim.epoch(), 2);
    let pid = std::fs::read_to_string(place.job(1).join("worker.pid")).unwrap();
    assert_eq!(pid, "4711\n");

    let other = std::thread::scope(|scope| {
        scope.spawn(|| place.store.claim(id(1), at(1)).map(|_| ())).join().unwrap()
    });
    assert!(matches!(other, Err(ClaimError::Held(held)) if held == id(1)));
    let Worker::Alive(Some(holder)) = place.store.look(id(1)).unwrap().worker else { panic!() };
    assert_eq!(holder.pid, std::process::id());

    drop(claim);
    assert_eq!(place.store.look(id(1)).unwrap().worker, Worker::Dead);
    let claim = place.store.claim(id(1), at(2)).unwrap();
    assert_eq!(claim.job().status(), Status::Running);
}

#[test]
fn what_the_state_forbids_is_refused_and_leaves_the_claim_usable() {
    let place = place();
    place.submit(1);
    let mut claim = place.store.claim(id(1), at(1)).unwrap();
    let refused = claim.record(completed().at(at(1)));
    assert!(matches!(refused, Err(RecordError::Rejected(_))), "{refused:?}");
    assert!(!place.journal(1).exists());
    claim.record(started().at(at(1))).unwrap();
    let long = Change::Checkpoint { token: "t".repeat(2000) };
    assert!(matches!(claim.record(long.at(at(1))), Err(RecordError::TooLong { .. })));
    claim.record(completed().at(at(1))).unwrap();
    claim.close(at(1)).unwrap();
}

#[test]
fn a_holder_that_left_no_mark_has_its_journal_copied_before_the_next_event() {
    use std::os::unix::fs::MetadataExt;
    let place = place();
    place.submit(1);
    let mut claim = place.store.claim(id(1), at(1)).unwrap();
    claim.record(started().at(at(1))).unwrap();
    drop(claim);
    let before = std::fs::metadata(place.journal(1)).unwrap().ino();
    // Holding it alone changes nothing.
    place.store.claim(id(1), at(1)).unwrap().close(at(1)).unwrap();
    assert_eq!(std::fs::metadata(place.journal(1)).unwrap().ino(), before);

    place.record(1, vec![paused()]);
    let after = std::fs::metadata(place.journal(1)).unwrap().ino();
    assert_ne!(after, before);
    // A holder that left its mark is trusted.
    place.record(1, vec![resumed()]);
    assert_eq!(std::fs::metadata(place.journal(1)).unwrap().ino(), after);
    assert_eq!(place.store.look(id(1)).unwrap().status(), Some(Status::Pending));
}

#[test]
fn requests_wait_for_the_holder_until_an_event_answers_them() {
    let place = place();
    place.submit(1);
    let mut claim = place.store.claim(id(1), at(1)).unwrap();
    claim.record(started().at(at(1))).unwrap();
    let pause = place.store.ask(id(1), Wish::Pause, at(2)).unwrap();
    let cancel = place.store.ask(id(1), Wish::Cancel, at(3)).unwrap();
    let open: Vec<_> = claim.requests().unwrap().into_iter().map(|r| (r.id, r.wish)).collect();
    assert_eq!(open, [(pause.clone(), Wish::Pause), (cancel.clone(), Wish::Cancel)]);
    assert_eq!(place.store.look(id(1)).unwrap().requests.len(), 2);

    let mut event = Change::Paused { reason: Reason::User, resumes_at: None }.at(at(4));
    event.answers = vec![pause.0.clone()];
    claim.record(event).unwrap();
    let left = claim.requests().unwrap();
    assert_eq!(left.iter().map(|r| &r.id).collect::<Vec<_>>(), [&cancel]);

    // An answered file that a power cut brings back stays dead.
    let path = place.job(1).join("requests").join(format!("{pause}.json"));
    assert!(!path.exists());
    let other = place.job(1).join("requests").join(format!("{cancel}.json"));
    std::fs::copy(other, &path).unwrap();
    assert_eq!(place.store.look(id(1)).unwrap().requests.len(), 1);
    claim.requests().unwrap();
    assert!(!path.exists());
    claim.forget(&[cancel]).unwrap();
    assert!(claim.requests().unwrap().is_empty());
}

#[test]
fn a_job_that_nobody_claimed_can_be_asked() {
    let place = place();
    place.submit(1);
    place.store.ask(id(1), Wish::Cancel, at(2)).unwrap();
    let seen = place.store.look(id(1)).unwrap();
    assert_eq!((seen.status(), seen.requests.len()), (Some(Status::Pending), 1));
    assert_eq!(place.store.list(Which::All).unwrap().len(), 1);
    assert_eq!(place.store.claim(id(1), at(3)).unwrap().requests().unwrap().len(), 1);
    let nobody = place.store.ask(id(9), Wish::Cancel, at(2));
    assert!(matches!(nobody, Err(AskError::NoSuchJob(_))));
}

#[test]
fn progress_is_written_at_most_once_a_second_and_yields_to_later_counts() {
    let place = place();
    place.submit(1);
    let mut claim = place.store.claim(id(1), at(1)).unwrap();
    claim.record(started().at(at(1))).unwrap();
    let current = |current| Progress { current, total: Some(9), ..Progress::default() };
    claim.progress(&current(1), at(1)).unwrap();
    claim.progress(&current(2), at(1)).unwrap();
    assert_eq!(place.store.look(id(1)).unwrap().progress.current, 1);
    claim.progress(&current(3), at(2)).unwrap();
    let seen = place.store.look(id(1)).unwrap();
    assert_eq!((seen.progress.current, seen.progress_at), (3, Some(at(2))));

    let stale = std::fs::read(place.job(1).join("status.json")).unwrap();
    let mut event = completed().at(at(3));
    event.counts = Some(current(9).counts());
    claim.record(event).unwrap();
    assert_eq!(place.store.look(id(1)).unwrap().progress.current, 9);
    std::fs::write(place.job(1).join("status.json"), stale).unwrap();
    assert_eq!(place.store.look(id(1)).unwrap().progress.current, 9);
    claim.close(at(3)).unwrap();
}

#[test]
fn only_ended_jobs_are_removed_and_leave_their_line() {
    let place = place();
    place.submit(1);
    assert!(matches!(place.store.remove(id(1), at(2)), Err(RemoveError::NotEnded(_))));
    place.record(1, vec![started(), completed()]);
    place.store.remove(id(1), at(2)).unwrap();
    let gone = place.store.look(id(1)).unwrap_err();
    assert!(matches!(gone, LookError::Removed { status: Status::Completed, .. }), "{gone}");
    assert!(place.store.list(Which::All).unwrap().is_empty());
    assert_eq!(std::fs::read_dir(place.root().join("jobs")).unwrap().count(), 0);
    assert!(matches!(place.store.claim(id(1), at(2)), Err(ClaimError::NoSuchJob(_))));
    assert_eq!(place.store.ended(id(1)).unwrap().unwrap().status, Status::Completed);
    // The next boot makes the list anew from the journals and keeps this line.
    let store = place.reopen("boot-2");
    assert!(matches!(store.look(id(1)), Err(LookError::Removed { .. })));
}

#[test]
fn a_job_of_a_batch_stays_until_the_whole_batch_has_begun() {
    let place = place();
    place.store.submit("batch", &[(id(1), spec()), (id(2), spec())], at(1)).unwrap();
    place.record(1, vec![started(), completed()]);
    assert!(matches!(place.store.remove(id(1), at(2)), Err(RemoveError::Shared(_))));
    assert_eq!(place.store.look(id(1)).unwrap().status(), Some(Status::Completed));
    place.record(2, vec![started(), completed()]);
    place.store.remove(id(1), at(2)).unwrap();
    assert!(matches!(place.store.look(id(1)), Err(LookError::Removed { .. })));
    assert_eq!(place.store.look(id(2)).unwrap().status(), Some(Status::Completed));
}

#[test]
fn a_batch_is_one_file_and_a_key_counts_once() {
    let place = place();
    let batch: Vec<_> = (0..1000).map(|n| (id(n), spec())).collect();
    place.store.submit("batch", &batch, at(1)).unwrap();
    place.store.submit("batch", &batch, at(2)).unwrap();
    assert_eq!(std::fs::read_dir(place.root().join("new")).unwrap().count(), 1);
    let listed = place.store.list(Which::All).unwrap();
    assert_eq!(listed.len(), 1000);
    assert!(listed.iter().all(|seen| seen.job.as_ref().unwrap().submitted_at == at(1)));
}

#[test]
fn a_key_that_comes_again_after_its_job_ended_changes_nothing() {
    let place = place();
    place.complete(1);
    place.submit(1);
    assert_eq!(place.store.look(id(1)).unwrap().status(), Some(Status::Completed));
    assert_eq!(std::fs::read_dir(place.root().join("new")).unwrap().count(), 0);
}

#[test]
fn a_job_can_be_held_from_before_it_exists() {
    let place = place();
    let mut claim = place.store.submit_held(id(1), spec(), at(1)).unwrap();
    assert!(matches!(place.store.claim(id(1), at(1)), Err(ClaimError::Held(_))));
    claim.record(started().at(at(1))).unwrap();
    claim.close(at(1)).unwrap();
}

#[test]
fn there_is_one_runner() {
    let place = place();
    assert_eq!(place.store.runner_alive().unwrap(), None);
    let lock = place.store.run_lock().unwrap().unwrap();
    assert!(place.store.run_lock().unwrap().is_none());
    let holder = place.store.runner_alive().unwrap().unwrap().unwrap();
    assert_eq!((holder.pid, holder.boot.as_str()), (std::process::id(), "boot-1"));
    drop(lock);
    assert!(place.store.run_lock().unwrap().is_some());
}

#[test]
fn a_log_keeps_time_and_lines_and_one_predecessor() {
    let place = place();
    place.submit(1);
    let mut claim = place.store.claim(id(1), at(1)).unwrap();
    claim.log(at(1), "one\n\u{1b}[2Jtwo");
    let writer = claim.log_writer();
    std::thread::spawn(move || writer.write(at(2), "three")).join().unwrap();
    let path = place.store.look(id(1)).unwrap().log;
    let text = std::fs::read_to_string(&path).unwrap();
    let expected = "[2027-01-15T08:00:01.000Z] one\n\
                    [2027-01-15T08:00:01.000Z] \\u{1b}[2Jtwo\n\
                    [2027-01-15T08:00:02.000Z] three\n";
    assert_eq!(text, expected);
    claim.close(at(2)).unwrap();

    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(8 * 1024 * 1024).unwrap();
    let mut claim = place.store.claim(id(1), at(3)).unwrap();
    claim.log(at(3), "before");
    claim.log(at(3), "after");
    let lengths = [&path, &path.with_extension("log.1")].map(|path| path.metadata().unwrap().len());
    assert!(lengths[0] < 100 && lengths[1] > 8 * 1024 * 1024, "{lengths:?}");
}
