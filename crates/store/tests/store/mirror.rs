//! `background-jobs.json` beside another program that writes it too.

use std::fs;

use crate::place::{Place, at, completed, id, paused, place, resumed, started};
use jobctl_core::{Change, Time};
use jobctl_store::{Store, Wish};
use serde_json::{Value, json};

fn list(place: &Place) -> Value {
    let bytes = fs::read(place.root().join("background-jobs.json")).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn entry(place: &Place, number: u32) -> Value {
    let list = list(place);
    let jobs = list["jobs"].as_array().unwrap();
    jobs.iter().find(|job| job["id"] == json!(id(number))).unwrap().clone()
}

/// Now is when the file system says; the file's age is measured against it.
fn later(seconds: i64) -> Time {
    let dir = tempfile::tempdir().unwrap();
    let modified = fs::metadata(dir.path()).unwrap().modified().unwrap();
    Time::try_from(modified).unwrap() + jiff::SignedDuration::from_secs(seconds)
}

#[test]
fn every_job_has_what_the_other_program_reads() {
    let place = place();
    place.submit(1);
    place.submit_and_record(2, vec![started()]);
    let failed = Change::ItemFailed { item: "a/b".into(), error: "gone".into(), hint: None };
    place.submit_and_record(3, vec![started(), failed, completed()]);
    place.submit_and_record(4, vec![Change::Cancelled { reason: None }]);
    place.submit_and_record(5, vec![started(), paused()]);
    place.store.mirror(at(9)).unwrap();
    let statuses: Vec<_> = (1..=5).map(|n| entry(&place, n)["status"].clone()).collect();
    assert_eq!(statuses, ["pending", "running", "completed_with_warnings", "failed", "paused"]);
    assert_eq!(entry(&place, 4)["error"], "Cancelled");
    assert_eq!(entry(&place, 3)["progress"]["itemsFailed"], json!(["a/b"]));
    for number in 1..=5 {
        let entry = entry(&place, number);
        assert_eq!(entry["config"]["type"], "clone-repos");
        assert_eq!(entry["config"]["provider"], "github");
        assert!(entry["startedAt"].is_string() && entry["updatedAt"].is_string());
        assert!(entry["progress"]["total"].is_u64());
    }
    assert!(!place.root().join("background-jobs.lock").exists());
}

#[test]
fn entries_of_others_are_kept_byte_for_byte_and_ours_go_with_the_job() {
    let place = place();
    let others = r#"{"id":"feedbeef",   "status":"paused","z":1,"a":[1.50,  2]}"#;
    let path = place.root().join("background-jobs.json");
    fs::write(&path, format!(r#"{{"version":3,"jobs":[{others}, 17]}}"#)).unwrap();
    place.complete(1);
    place.store.mirror(later(5)).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(others), "{text}");
    assert_eq!(list(&place)["version"], 3);
    assert_eq!(list(&place)["jobs"].as_array().unwrap().len(), 3);
    place.store.remove(id(1), at(2)).unwrap();
    place.store.mirror(later(5)).unwrap();
    let left = list(&place)["jobs"].clone();
    assert_eq!(left, json!([serde_json::from_str::<Value>(others).unwrap(), 17]));
}

#[test]
fn a_young_or_locked_file_is_left_alone() {
    let place = place();
    place.submit(1);
    let path = place.root().join("background-jobs.json");
    fs::write(&path, "{}").unwrap();
    place
        .store
        .mirror(Time::try_from(fs::metadata(&path).unwrap().modified().unwrap()).unwrap())
        .unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "{}");

    let lock = place.root().join("background-jobs.lock");
    fs::write(&lock, "1\n1").unwrap();
    place.store.mirror(later(5)).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
    place.store.mirror(later(60)).unwrap();
    assert_eq!(entry(&place, 1)["status"], "pending", "a dead program's lock is broken");
    assert!(!lock.exists());
}

#[test]
fn a_pause_that_another_wrote_becomes_a_request_once() {
    let place = place();
    place.submit_and_record(1, vec![started()]);
    assert_eq!(place.store.mirror(later(5)).unwrap(), []);
    let path = place.root().join("background-jobs.json");
    let text = fs::read_to_string(&path).unwrap();
    let marked = text.replace(r#""status":"running""#, r#""status":"paused""#);
    assert_ne!(text, marked);
    fs::write(&path, marked).unwrap();
    assert_eq!(place.store.mirror(later(5)).unwrap(), [id(1)]);
    let requests = place.store.look(id(1)).unwrap().requests;
    assert_eq!(requests.iter().map(|r| r.wish).collect::<Vec<_>>(), [Wish::Pause]);
    assert_eq!(place.store.mirror(later(5)).unwrap(), []);

    // A pause that we wrote ourselves is none after the job went on.
    place.record(1, vec![paused()]);
    place.store.mirror(later(5)).unwrap();
    place.record(1, vec![resumed(), started()]);
    assert_eq!(place.store.mirror(later(5)).unwrap(), []);
    assert_eq!(entry(&place, 1)["status"], "running");
}
