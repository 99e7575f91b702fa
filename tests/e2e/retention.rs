//! Ended jobs that have had their time: what goes by itself, what is cleaned, what is removed.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use jobctl_core::{Change, JobId, Kind, Spec};
use jobctl_forge::Config;
use jobctl_store::{Adopt, FileStore, RealFs, Registry, Store as _, boot};
use jobctl_tests::{Sandbox, wait_until, worlds};
use serde_json::Value;

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The sandbox's default state directory, with nothing in it yet but these jobs: so many that
/// completed and so many that failed, the first of them ended `days` days ago, each later one
/// a minute after the one before. Gives the ids of both, the oldest first.
fn with_old_jobs(sandbox: &Sandbox, days: i32, each: u32) -> (Vec<String>, Vec<String>) {
    let registry = Registry::at(sandbox.root().join("state/jobctl"));
    let (path, fs) = (sandbox.jobs(), Arc::new(RealFs));
    fs::create_dir_all(path.parent().expect("it has one")).expect("room in /tmp");
    let store = FileStore::create(&path, &registry, fs, &boot::current(), Adopt::Fresh);
    let store = store.expect("room in /tmp");
    let first = Timestamp::now() - DAY * days;
    for number in 0..2 * each {
        let at = first + SignedDuration::from_mins(number.into());
        let spec = Spec::new(Kind::ImportIssues, format!("import {number}"), sandbox.work());
        let id = JobId::from_bits(number);
        store.submit(&id.to_string(), &[(id, spec)], at).expect("room in /tmp");
        let mut claim = store.claim(id, at).expect("it is there");
        let completed = Change::Completed { warnings: Vec::new(), summary: None };
        let failed = Change::Failed { error: "no such repository".into() };
        let end = if number.is_multiple_of(2) { completed } else { failed };
        for change in [Change::Started { pid: 1 }, end] {
            claim.record(change.at(at)).expect("room in /tmp");
        }
        claim.close(at).expect("room in /tmp");
    }
    let every_second = |from| (from..2 * each).step_by(2).map(|n| JobId::from_bits(n).to_string());
    (every_second(0).collect(), every_second(1).collect())
}

fn strings(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().expect("a list");
    list.iter().map(|one| one.as_str().expect("an id").to_owned()).collect()
}

fn listed(sandbox: &Sandbox) -> BTreeSet<String> {
    let list = sandbox.run(&["list", "--all", "--json"]).ok().json();
    let jobs = list["jobs"].as_array().expect("a list");
    jobs.iter().map(|job| job["id"].as_str().expect("an id").to_owned()).collect()
}

fn set(ids: &[String]) -> BTreeSet<String> {
    ids.iter().cloned().collect()
}

#[test]
fn a_runner_takes_three_hundred_old_jobs_down_to_the_newest() {
    let forge = worlds::start(Config::small());
    let sandbox = Sandbox::with_token_of(&forge);
    let (completed, failed) = with_old_jobs(&sandbox, 40, 150);
    assert_eq!(listed(&sandbox).len(), 300, "a call that runs no runner cleans nothing");
    let id = sandbox.submit(&forge, &["import", "github:acme/api"]);
    sandbox.waits(&id, 60, 0);
    wait_until("the runner has gone", 60, || sandbox.processes().is_empty());
    let mut newest = set(&completed[141..]);
    newest.extend(set(&failed[140..]));
    newest.insert(id);
    assert_eq!(listed(&sandbox), newest);
    // What went can still be asked for.
    sandbox.run(&["wait", &completed[0]]).exits(0);
    sandbox.run(&["wait", &failed[0]]).exits(1);
    let shown = sandbox.run(&["show", &failed[0], "--json"]).ok().json();
    assert_eq!(shown["job"]["error"], "no such repository", "{shown:#}");
    let mirror = fs::read_to_string(sandbox.jobs().join("background-jobs.json"));
    let mirror = mirror.expect("the runner wrote it");
    assert!(!mirror.contains(&completed[0]) && mirror.contains(&completed[149]), "{mirror}");
}

#[test]
fn how_many_stay_is_set_in_files_and_variables() {
    let forge = worlds::start(Config::small());
    let sandbox = Sandbox::with_token_of(&forge);
    let (completed, failed) = with_old_jobs(&sandbox, 3, 8);
    sandbox.configure("keep_completed = 9\nkeep_failed = 9\n");
    let projects = sandbox.jobs().join("jobctl.toml");
    fs::write(projects, "keep_completed = 4\n").expect("room in /tmp");
    sandbox.set("JOBCTL_KEEP_FAILED", "2");
    let id = sandbox.submit(&forge, &["import", "github:acme/api"]);
    sandbox.waits(&id, 60, 0);
    wait_until("the runner has gone", 60, || sandbox.processes().is_empty());
    let mut newest = set(&completed[5..]);
    newest.extend(set(&failed[6..]));
    newest.insert(id);
    assert_eq!(listed(&sandbox), newest);
}

#[test]
fn clean_says_what_goes_and_what_stays() {
    let sandbox = Sandbox::new();
    let (completed, failed) = with_old_jobs(&sandbox, 3, 14);
    let mut oldest = set(&completed[..4]);
    oldest.extend(set(&failed[..4]));
    let foreseen = sandbox.run(&["clean", "--dry-run", "--json"]).ok().json();
    assert_eq!(strings(&foreseen["would_remove"]), oldest);
    assert_eq!((&foreseen["schema"], &foreseen["kept"]), (&1.into(), &20.into()));
    assert!(foreseen.get("removed").is_none(), "{foreseen}");
    let told = sandbox.run(&["clean", "--dry-run"]).ok().stdout;
    assert!(told.starts_with("Would remove 8 jobs:\n"), "{told}");
    assert!(told.contains("… and 3 more"), "{told}");
    assert!(told.contains("20  among the newest (keep_completed 10, keep_failed 10)"), "{told}");
    let all = sandbox.run(&["clean", "--dry-run", "-v"]).ok().stdout;
    assert!(oldest.iter().all(|id| all.contains(id)), "{all}");
    assert_eq!(listed(&sandbox).len(), 28, "nothing was removed");

    let cleaned = sandbox.run(&["clean", "--json"]).ok().json();
    assert_eq!((strings(&cleaned["removed"]), &cleaned["kept"]), (oldest, &20.into()));
    assert_eq!(listed(&sandbox).len(), 20);
    let told = sandbox.run(&["clean"]).ok().stdout;
    assert!(told.starts_with("Nothing to remove.\nKept 20 jobs:\n"), "{told}");
    let left = fs::read_dir(sandbox.jobs().join("jobs")).expect("it is there").count();
    assert_eq!(left, 20, "no directory is left of them");
}

#[test]
fn clean_takes_what_was_chosen_whatever_its_number() {
    let sandbox = Sandbox::new();
    let (completed, failed) = with_old_jobs(&sandbox, 3, 6);
    sandbox.run(&["clean", "--older-than", "3m"]).exits(2);
    sandbox.run(&["clean", "--older-than", "soon"]).exits(2);
    sandbox.run(&["clean", "--status", "running"]).exits(2);
    let removed = |args: &[&str]| {
        let mut all = vec!["clean", "--json"];
        all.extend(args);
        strings(&sandbox.run(&all).ok().json()["removed"])
    };
    assert_eq!(removed(&["--older-than", "4d"]), BTreeSet::new());
    assert_eq!(removed(&["--status", "cancelled"]), BTreeSet::new());
    let failed = set(&failed);
    assert_eq!(removed(&["--status", "failed,cancelled", "--older-than", "2d"]), failed);
    assert_eq!(removed(&["--older-than", "0d"]), set(&completed));
    assert_eq!(listed(&sandbox), BTreeSet::new());
    assert_eq!(sandbox.run(&["clean"]).ok().stdout, "Nothing to remove.\n");
}

#[test]
fn a_damaged_job_is_told_and_stays_and_a_foreign_directory_is_refused() {
    let sandbox = Sandbox::new();
    let (completed, _) = with_old_jobs(&sandbox, 3, 2);
    let journal = sandbox.job_directory(&completed[0]).join("journal.jsonl");
    let mut bytes = fs::read(&journal).expect("it is there");
    bytes[30] ^= 1;
    fs::write(&journal, &bytes).expect("it is ours");
    let cleaned = sandbox.run(&["clean", "--all", "--json"]).ok();
    assert!(cleaned.stderr.contains("damaged") && cleaned.stderr.contains(&completed[0]));
    let damaged = strings(&cleaned.json()["damaged"]);
    assert_eq!(damaged, set(&completed[..1]));
    assert_eq!(listed(&sandbox), damaged);
    sandbox.run(&["rm", &completed[0]]).exits(5);
    assert_eq!(fs::read(&journal).expect("it is there"), bytes);

    let moved = sandbox.root().join("moved");
    fs::rename(sandbox.jobs(), &moved).expect("same file system");
    let place = moved.to_str().expect("a plain path");
    sandbox.run(&["clean", "--all", "--state-dir", place]).exits(4);
    sandbox.run(&["clean", "--dry-run", "--state-dir", place]).exits(4);
    sandbox.run(&["rm", &completed[1], "--state-dir", place]).exits(4);
}

#[test]
fn what_was_made_with_debug_only_a_person_removes() {
    let forge = worlds::start(Config::small());
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["import", "github:acme/api", "--debug"]);
    sandbox.waits(&id, 60, 0);
    let told = sandbox.run(&["clean", "--older-than", "0d"]).ok().stdout;
    assert!(told.contains("Nothing to remove") && told.contains("--debug"), "{told}");
    let issues = sandbox.export(&[]).len();
    assert!(issues > 0);
    let cleaned = sandbox.run(&["clean", "--all", "--json"]).ok().json();
    assert_eq!(strings(&cleaned["removed"]), BTreeSet::from([id]));
    assert_eq!(sandbox.export(&[]).len(), issues, "issues stay");
}

#[test]
fn rm_says_what_stands_in_the_way_and_removes_the_others() {
    let forge = worlds::slow(600, 2_000, 150);
    let sandbox = Sandbox::with_token_of(&forge);
    let (completed, failed) = with_old_jobs(&sandbox, 3, 1);
    let running = sandbox.submit(&forge, &["import", "github:acme/api"]);
    drop(sandbox.wait_for_worker(&running));
    let told = sandbox.run(&["rm", &running, "ffffffff", &completed[0]]).exits(3);
    assert_eq!(told.stdout, format!("Removed {}\n", completed[0]));
    assert!(told.stderr.contains(&format!("job {running} is running")), "{}", told.stderr);
    assert!(told.stderr.contains(&format!("jobctl cancel {running}")), "{}", told.stderr);
    sandbox.run(&["rm", &running]).exits(4);
    assert_eq!(sandbox.status(&running), "running");
    sandbox.run(&["clean", "--all"]).ok();
    assert_eq!(listed(&sandbox), BTreeSet::from([running]));
    let told = sandbox.run(&["rm", &failed[0], "--json"]).ok().json();
    assert_eq!(strings(&told["removed"]), set(&failed), "it was removed already");
}

#[test]
fn what_came_together_goes_together() {
    let sandbox = Sandbox::new();
    let addresses = ["https://one.example.org/a/b", "https://two.example.org/a/b"];
    let ids = sandbox.run(&["clone", addresses[0], addresses[1], "--no-start"]).ok().ids();
    assert_eq!(ids.len(), 2, "a job for each server");
    let (one, two) = (ids[0].as_str(), ids[1].as_str());
    sandbox.run(&["cancel", one, "--no-start"]).ok();
    let told = sandbox.run(&["rm", one]).exits(4);
    assert!(told.stderr.contains("came together"), "{}", told.stderr);
    let cleaned = sandbox.run(&["clean", "--all", "--json"]).ok().json();
    assert_eq!((strings(&cleaned["removed"]), &cleaned["kept"]), (BTreeSet::new(), &1.into()));
    sandbox.run(&["cancel", two, "--no-start"]).ok();
    sandbox.run(&["rm", one]).ok();
    assert_eq!(listed(&sandbox), BTreeSet::from([two.to_owned()]));
    sandbox.run(&["clean", "--all"]).ok();
    assert_eq!(listed(&sandbox), BTreeSet::new());
}
