//! `background-jobs.json` beside another program that writes it too.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::interloper::Interloper;
use crate::place::{Place, at, completed, id, paused, place, place_on, resumed, spec, started};
use crate::specweave::{SpecWeave, assert_result_shown, assert_shown};
use jobctl_core::{
    Cause, Change, JobId, Kind, Progress, Reason, Refused, ResumedBy, Spec, Status, Time,
};
use jobctl_store::{Fs, Store, Wish};
use serde_json::{Value, json};

fn list(place: &Place) -> Value {
    let bytes = fs::read(place.root().join("background-jobs.json")).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn entry(place: &Place, number: u32) -> Value {
    SpecWeave::at(place.root()).entry(&id(number).to_string())
}

/// Now is when the file system says; the file's age is measured against it.
fn later(seconds: i64) -> Time {
    let dir = tempfile::tempdir().unwrap();
    let modified = fs::metadata(dir.path()).unwrap().modified().unwrap();
    Time::try_from(modified).unwrap() + jiff::SignedDuration::from_secs(seconds)
}

fn wishes(place: &Place, number: u32) -> Vec<Wish> {
    let seen = place.store.look(id(number)).unwrap();
    seen.requests.iter().map(|request| request.wish).collect()
}

fn pause(reason: Reason, resumes_at: Option<Time>) -> Change {
    Change::Paused { reason, resumes_at }
}

fn limited() -> Change {
    let (bucket, message) = ("core".to_owned(), "API rate limit exceeded".to_owned());
    pause(Reason::RateLimited { until: at(90), bucket, message }, Some(at(90)))
}

fn terminated() -> Change {
    pause(Reason::Interrupted { attempt: 1, cause: Cause::Terminated }, Some(at(90)))
}

#[test]
fn every_job_has_what_the_other_program_reads() {
    let place = place();
    let failed = Change::ItemFailed { item: "a/b".into(), error: "gone".into(), hint: None };
    let unauthorized = Reason::Unauthorized {
        connection: "github".into(),
        cause: Refused::Missing,
        message: "no credential".into(),
        url: None,
    };
    let histories = [
        (vec![], "pending", None),
        (vec![started()], "running", None),
        (vec![started(), completed()], "completed", None),
        (vec![started(), failed, completed()], "completed_with_warnings", Some("a/b: gone")),
        (vec![started(), Change::Failed { error: "no".into() }], "failed", Some("no")),
        (vec![Change::Cancelled { reason: None }], "failed", Some("Cancelled")),
        (vec![started(), paused()], "paused", None),
        (vec![started(), limited()], "paused", Some("the forge asked for less")),
        (vec![started(), terminated()], "paused", Some("the worker ended before its work")),
        (vec![started(), pause(unauthorized, None)], "paused", Some("a credential for github")),
        (vec![started(), paused(), resumed()], "pending", None),
    ];
    for (number, (changes, _, _)) in (1..).zip(&histories) {
        if changes.is_empty() {
            place.submit(number);
        } else {
            place.submit_and_record(number, changes.clone());
        }
    }
    place.store.mirror(at(9)).unwrap();
    for (number, (_, status, error)) in (1..).zip(&histories) {
        let entry = entry(&place, number);
        assert_shown(&entry);
        assert_eq!(entry["status"], *status);
        let told = entry["error"].as_str();
        assert_eq!(told.is_some(), error.is_some(), "{entry:#}");
        assert!(told.unwrap_or_default().contains(error.unwrap_or_default()), "{entry:#}");
        assert_eq!(entry["config"]["provider"], "github");
        let seen = place.store.look(id(number)).unwrap();
        if seen.status().is_some_and(Status::is_ended) {
            assert_result_shown(&place.job(number));
        }
    }
    assert_eq!(entry(&place, 4)["progress"]["itemsFailed"], json!(["a/b"]));
    assert!(!place.root().join("background-jobs.lock").exists());
}

#[test]
fn a_bar_is_never_more_than_whole_and_names_what_was_done_last() {
    let place = place();
    place.submit_and_record(1, vec![started()]);
    let mut claim = place.store.claim(id(1), at(1)).unwrap();
    let mut progress = Progress { current: 17, total: Some(9), ..Progress::default() };
    progress.current_item = Some("acme/web".into());
    progress.rate = Some(12.345_678);
    progress.did("acme/api".into());
    claim.progress(&progress, at(2)).unwrap();
    place.store.mirror(at(9)).unwrap();
    let entry = entry(&place, 1);
    assert_shown(&entry);
    let told = &entry["progress"];
    assert_eq!((&told["current"], &told["total"]), (&json!(18), &json!(18)));
    assert_eq!((&told["currentItem"], &told["rate"]), (&json!("acme/web"), &json!(12.3)));
    assert_eq!(told["itemsCompleted"], json!(["acme/api"]));
}

#[test]
fn an_address_names_no_provider_and_a_damaged_job_is_shown_as_such() {
    let place = place();
    for (number, source) in (1..).zip(["https://example.org/a.git", "git@example.org:a.git"]) {
        let spec = Spec {
            sources: vec![source.into()],
            ..Spec::new(Kind::CloneRepos, "clones it", "/home/u/project")
        };
        place.store.submit(&number.to_string(), &[(id(number), spec)], at(number)).unwrap();
    }
    place.submit_and_record(3, vec![started()]);
    fs::write(place.journal(3), "not a journal\n").unwrap();
    place.store.mirror(at(9)).unwrap();
    for number in 1..=3 {
        assert_shown(&entry(&place, number));
        assert_eq!(entry(&place, number)["config"]["provider"], Value::Null);
    }
    assert!(entry(&place, 3)["error"].as_str().unwrap().starts_with("Damaged: "));
}

#[test]
fn entries_of_others_are_kept_byte_for_byte_and_ours_go_with_the_job() {
    let place = place();
    let others = r#"{"id":"feedbeef",   "status":"paused","z":1,"a":[1.50,  2]}"#;
    let path = place.root().join("background-jobs.json");
    fs::write(&path, format!(r#"{{"version":3.10,"jobs":[{others}, 17]}}"#)).unwrap();
    place.complete(1);
    place.store.mirror(later(5)).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(others) && text.contains("3.10"), "{text}");
    assert_eq!(list(&place)["jobs"].as_array().unwrap().len(), 3);
    place.store.remove(id(1), at(2)).unwrap();
    place.store.mirror(later(10)).unwrap();
    let left = list(&place)["jobs"].clone();
    assert_eq!(left, json!([serde_json::from_str::<Value>(others).unwrap(), 17]));
}

#[test]
fn the_list_is_written_once_a_second_however_often_others_do() {
    let place = place();
    place.submit(1);
    place.store.mirror(at(10)).unwrap();
    place.submit(2);
    let soon = place.store.mirror(at(10) + jiff::SignedDuration::from_millis(900)).unwrap();
    assert!(soon.is_put_off, "{soon:?}");
    assert_eq!(entry(&place, 2), Value::Null);
    // What others write makes the file young, and us no later.
    SpecWeave::at(place.root()).save(&json!({ "id": "theirs" }));
    assert!(!place.store.mirror(at(11)).unwrap().is_put_off);
    assert_eq!(entry(&place, 2)["status"], "pending");
    let text = fs::read(place.root().join("background-jobs.json")).unwrap();
    place.store.mirror(at(20)).unwrap();
    let again = fs::read(place.root().join("background-jobs.json")).unwrap();
    assert_eq!(text, again, "nothing is written where nothing changed");
}

#[test]
fn a_locked_file_is_left_alone() {
    let place = place();
    place.submit(1);
    let lock = place.root().join("background-jobs.lock");
    fs::write(&lock, "1\n1").unwrap();
    place.store.mirror(later(5)).unwrap();
    assert_eq!(entry(&place, 1), Value::Null);
    place.store.mirror(later(60)).unwrap();
    assert_eq!(entry(&place, 1)["status"], "pending", "a dead program's lock is broken");
    assert!(!lock.exists());
}

#[test]
fn half_a_list_is_left_to_its_writer_and_kept_aside_once_it_is_old() {
    let place = place();
    place.submit(1);
    let path = place.root().join("background-jobs.json");
    let half = r#"{"jobs":[{"id":"feedbeef","sta"#;
    fs::write(&path, half).unwrap();
    place.store.mirror(later(5)).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), half);
    place.store.mirror(later(60)).unwrap();
    assert_eq!(entry(&place, 1)["status"], "pending");
    let aside: Vec<_> = fs::read_dir(place.root())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains(".torn-"))
        .collect();
    assert_eq!(aside.len(), 1);
    assert_eq!(fs::read_to_string(&aside[0]).unwrap(), half);
}

#[test]
fn a_pause_that_another_wrote_becomes_a_request_once_and_at_once() {
    let place = place();
    place.submit_and_record(1, vec![started()]);
    let now = later(5);
    assert_eq!(place.store.mirror(now).unwrap().asked, []);
    SpecWeave::at(place.root()).mark(&id(1).to_string(), "paused");
    assert!(place.store.is_mirror_touched().unwrap());
    // Just written, but touched.
    assert_eq!(place.store.mirror(now).unwrap().asked, [(id(1), Wish::Pause)]);
    assert_eq!(wishes(&place, 1), [Wish::Pause]);
    assert!(!place.store.is_mirror_touched().unwrap());
    assert_eq!(place.store.mirror(later(10)).unwrap().asked, []);

    // A pause that we wrote ourselves is none after the job went on.
    place.record(1, vec![paused()]);
    place.store.mirror(later(15)).unwrap();
    place.record(1, vec![resumed(), started()]);
    assert_eq!(place.store.mirror(later(20)).unwrap().asked, []);
    assert_eq!(entry(&place, 1)["status"], "running");
}

#[test]
fn a_pause_written_over_a_pause_that_ends_by_itself_is_news() {
    let place = place();
    let own = |number: u32| id(number).to_string();
    place.submit_and_record(1, vec![started(), terminated()]);
    place.submit_and_record(2, vec![started(), limited()]);
    place.submit_and_record(3, vec![started(), paused()]);
    place.complete(4);
    place.store.mirror(later(5)).unwrap();
    // The worker was signalled first: the list said paused before the other program wrote it.
    for number in 1..=4 {
        SpecWeave::at(place.root()).mark(&own(number), "paused");
    }
    let mut asked = place.store.mirror(later(10)).unwrap().asked;
    asked.sort_by_key(|(id, _)| id.to_string());
    assert_eq!(asked, [(id(1), Wish::Pause), (id(2), Wish::Pause)]);
    assert_eq!(entry(&place, 4)["status"], "completed");
}

#[test]
fn a_resume_that_another_wrote_becomes_a_request_where_it_can_be_had() {
    let place = place();
    let failed = Change::ItemFailed { item: "a/b".into(), error: "gone".into(), hint: None };
    place.submit_and_record(1, vec![started(), paused()]);
    place.submit_and_record(2, vec![started(), Change::Failed { error: "no".into() }]);
    place.submit_and_record(3, vec![started(), failed, completed()]);
    place.submit_and_record(4, vec![Change::Cancelled { reason: None }]);
    place.complete(5);
    place.submit(6);
    place.store.mirror(later(5)).unwrap();
    for number in 1..=6 {
        SpecWeave::at(place.root()).mark(&id(number).to_string(), "running");
    }
    let mut asked = place.store.mirror(later(10)).unwrap().asked;
    asked.sort_by_key(|(id, _)| id.to_string());
    assert_eq!(asked, [1, 2, 3].map(|number| (id(number), Wish::Resume)));
    let statuses: Vec<_> = (4..=6).map(|number| entry(&place, number)["status"].clone()).collect();
    assert_eq!(statuses, ["failed", "completed", "pending"], "what cannot be had is put right");
}

#[test]
fn no_worker_pid_stays_behind_a_killed_worker() {
    let place = place();
    place.submit(1);
    let mut claim = place.store.claim(id(1), at(1)).unwrap();
    claim.record(started().at(at(1))).unwrap();
    drop(claim);
    let pid = place.job(1).join("worker.pid");
    assert_eq!(fs::read_to_string(&pid).unwrap(), "4711\n", "the other program prints it as it is");
    // Whoever records its end; the other program would signal this pid, whosever it is by then.
    place.record(1, vec![terminated()]);
    assert!(!pid.exists());
}

#[test]
fn a_job_that_goes_on_has_no_result() {
    let place = place();
    place.submit_and_record(1, vec![started(), Change::Failed { error: "no".into() }]);
    assert_result_shown(&place.job(1));
    place.record(1, vec![Change::Resumed { by: ResumedBy::Person }]);
    assert!(!place.job(1).join("result.json").exists());
}

#[test]
fn of_many_jobs_the_open_ones_and_the_newest_ended_are_listed() {
    let place = place();
    let others: Vec<Value> = (0..1000).map(|n| json!({ "id": format!("theirs-{n}") })).collect();
    let path = place.root().join("background-jobs.json");
    fs::write(&path, json!({ "jobs": others }).to_string()).unwrap();
    for number in 1..=130 {
        place.complete(number);
    }
    let jobs: Vec<(JobId, Spec)> = (200..=1_300).map(|number| (id(number), spec())).collect();
    place.store.submit("many", &jobs[..20], at(1_000)).unwrap();
    place.store.mirror(later(5)).unwrap();
    let ids = |list: &Value| -> Vec<String> {
        let jobs = list["jobs"].as_array().unwrap();
        jobs.iter().filter_map(|job| job["id"].as_str().map(str::to_owned)).collect()
    };
    let listed = ids(&list(&place));
    assert_eq!(listed.len(), 20 + 100 + 1000);
    for number in (200..220).chain(31..=130) {
        assert!(listed.contains(&id(number).to_string()), "{number}");
    }
    place.store.submit("more", &jobs[20..], at(1_001)).unwrap();
    place.store.mirror(later(10)).unwrap();
    assert_eq!(ids(&list(&place)).len(), 1000 + 1000);
}

#[test]
fn a_list_that_another_program_is_at_is_put_off() {
    let place = place();
    place.submit(1);
    let lock = place.root().join("background-jobs.lock");
    fs::write(&lock, "1\n1").unwrap();
    let now = later(0);
    assert!(place.store.mirror(now).unwrap().is_put_off);
    fs::remove_file(&lock).unwrap();
    assert!(!place.store.mirror(now).unwrap().is_put_off);
    assert_eq!(entry(&place, 1)["status"], "pending");
}

#[test]
fn a_job_that_begins_while_the_list_is_made_is_in_it() {
    let fs = Arc::new(Interloper::on("journal.jsonl"));
    let place = place_on(tempfile::tempdir().unwrap(), Arc::clone(&fs) as Arc<dyn Fs>);
    place.submit_and_record(1, vec![started()]);
    place.store.submit("two", &[(id(2), spec()), (id(3), spec())], at(2)).unwrap();
    place.record(2, vec![started()]);
    let [job, mark] = ["jobs", "active"].map(|dir| place.root().join(dir).join(id(2).to_string()));
    fs::rename(&job, place.root().join("job")).unwrap();
    fs::rename(&mark, place.root().join("mark")).unwrap();
    // The marks have been read when the first journal is.
    let root = place.root().to_owned();
    fs.after(1, move |_| {
        fs::rename(root.join("mark"), mark).unwrap();
        fs::rename(root.join("job"), job).unwrap();
    });
    place.store.mirror(at(9)).unwrap();
    assert!(fs.is_done());
    assert_eq!(entry(&place, 2)["status"], "running");
    assert_eq!(entry(&place, 3)["status"], "pending");
}

#[test]
fn what_another_writes_after_it_took_the_lock_by_force_is_kept() {
    let fs = Arc::new(Interloper::on("background-jobs.json"));
    let place = place_on(tempfile::tempdir().unwrap(), Arc::clone(&fs) as Arc<dyn Fs>);
    place.submit_and_record(1, vec![started()]);
    place.store.mirror(later(5)).unwrap();
    place.submit(2);
    // After the second look at the list: the first one is without the lock.
    fs.after(2, |path| {
        let other = SpecWeave::at(path.parent().unwrap());
        fs::remove_file(path.with_extension("lock")).unwrap();
        other.save(&json!({ "id": "theirs" }));
        other.mark(&id(1).to_string(), "paused");
        // Another of them has it now.
        fs::write(path.with_extension("lock"), "1\n1").unwrap();
    });
    assert_eq!(place.store.mirror(later(10)).unwrap().asked, [(id(1), Wish::Pause)]);
    assert!(fs.is_done());
    let other = SpecWeave::at(place.root());
    assert_eq!(other.entry("theirs"), json!({ "id": "theirs" }));
    assert_eq!(other.entry(&id(2).to_string())["status"], "pending");
    assert!(place.root().join("background-jobs.lock").exists(), "the lock is somebody else's");
}

#[test]
fn nothing_of_others_is_lost_while_both_write() {
    /// How many entries the other program adds, each changed once.
    const THEIRS: u32 = 150;
    let place = place();
    let other = SpecWeave::at(place.root());
    let done = AtomicBool::new(false);
    let theirs = |number: u32, status: &str| json!({ "id": format!("theirs-{number}"), "status": status, "exact": [1.5, number] });
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..THEIRS {
                other.save(&theirs(number, "running"));
                other.save(&theirs(number, "completed"));
            }
            done.store(true, Ordering::SeqCst);
        });
        let mut number = 0;
        while !done.load(Ordering::SeqCst) {
            number += 1;
            place.submit_and_record(number, vec![started()]);
            place.store.mirror(later(5)).unwrap();
            place.record(number, vec![completed()]);
            place.store.mirror(later(3)).unwrap();
        }
        assert!(number > 1, "both were at work");
        place.complete(5_000);
        place.store.mirror(later(10)).unwrap();
    });
    for number in 0..THEIRS {
        assert_eq!(other.entry(&format!("theirs-{number}")), theirs(number, "completed"));
    }
    assert_shown(&entry(&place, 5_000));
}
