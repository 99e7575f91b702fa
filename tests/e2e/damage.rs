//! Files that were harmed, moved, or written by others.

use std::fs;

use jobctl_forge::{Config, Forge};
use jobctl_tests::{Sandbox, wait_until, worlds};
use serde_json::Value;

/// A sandbox with three ended jobs.
fn with_jobs() -> (Forge, Sandbox, Vec<String>) {
    let forge = worlds::start(Config::small());
    let sandbox = Sandbox::with_token_of(&forge);
    let submit = |source| sandbox.submit(&forge, &["import", source]);
    let ids = ["github:acme/repo-001", "github:acme/repo-002", "github:acme/api"].map(submit);
    for id in &ids {
        sandbox.waits(id, 60, 0);
    }
    wait_until("the runner has gone", 20, || sandbox.processes().is_empty());
    (forge, sandbox, ids.into())
}

fn listed(sandbox: &Sandbox) -> Vec<Value> {
    let list = sandbox.run(&["list", "--all", "--json"]).ok().json();
    list["jobs"].as_array().expect("a list").clone()
}

#[test]
fn a_damaged_job_is_shown_as_such_and_hides_no_other() {
    let (_forge, sandbox, ids) = with_jobs();
    let journal = sandbox.job_directory(&ids[1]).join("journal.jsonl");
    let mut bytes = fs::read(&journal).expect("it is there");
    let second = bytes.iter().position(|byte| *byte == b'\n').expect("a line") + 20;
    bytes[second] ^= 1;
    fs::write(&journal, &bytes).expect("it is ours");
    let jobs = listed(&sandbox);
    assert_eq!(jobs.len(), 3, "{jobs:#?}");
    let damaged = |job: &&Value| job.get("damaged").is_some();
    let harmed: Vec<_> = jobs.iter().filter(damaged).filter_map(|job| job["id"].as_str()).collect();
    assert_eq!(harmed, [ids[1].as_str()], "{jobs:#?}");
    sandbox.run(&["show", &ids[1]]).exits(5);
    sandbox.run(&["resume", &ids[1]]).exits(5);
    sandbox.run(&["show", &ids[0]]).ok();
    assert_eq!(fs::read(&journal).expect("it is there"), bytes, "nothing is lost by looking");
}

#[test]
fn a_torn_last_line_is_no_damage() {
    let (forge, sandbox, ids) = with_jobs();
    let journal = sandbox.job_directory(&ids[0]).join("journal.jsonl");
    let mut bytes = fs::read(&journal).expect("it is there");
    bytes.extend_from_slice(b"{\"v\":1,\"seq\":9,\"at\":\"20");
    fs::write(&journal, &bytes).expect("it is ours");
    let job = sandbox.job(&ids[0]);
    assert!(job.get("damaged").is_none(), "{job:#}");
    assert_eq!(job["status"], "completed");
    drop(forge);
}

#[test]
fn lists_and_snapshots_that_are_lost_are_made_again() {
    let (_forge, sandbox, ids) = with_jobs();
    for name in ["ended.jsonl", "background-jobs.json"] {
        fs::remove_file(sandbox.jobs().join(name)).expect("it is there");
    }
    for id in &ids {
        fs::remove_file(sandbox.job_directory(id).join("status.json")).expect("it is there");
    }
    for id in &ids {
        assert_eq!(sandbox.status(id), "completed");
    }
}

#[test]
fn a_state_directory_that_was_moved_is_foreign_until_it_is_trusted() {
    let forge = worlds::start(Config::small());
    let sandbox = Sandbox::with_token_of(&forge);
    sandbox.run(&["init"]).ok();
    let call = sandbox.submission(&forge, &["import", "github:acme/repo-001", "--no-start"]);
    let id = sandbox.submit_as(call);
    let moved = sandbox.root().join("moved");
    fs::rename(sandbox.work(), &moved).expect("same file system");
    fs::create_dir(sandbox.work()).expect("room in /tmp");
    let shown = sandbox.call(&["show", &id, "--json"]).at(&moved).run().ok().json();
    assert_eq!(shown["job"]["status"], "pending");
    sandbox.call(&["list"]).at(&moved).run().ok();
    assert_eq!(sandbox.processes(), Vec::new(), "nothing is started");
    sandbox.call(&["cancel", &id]).at(&moved).run().exits(4);
    let again = sandbox.submission(&forge, &["import", "github:acme/api"]).at(&moved);
    again.run().exits(4);
    assert_eq!(forge.log(), Vec::new());

    let path = moved.to_str().expect("a plain path").to_owned();
    sandbox.run(&["trust", &path, "--yes"]).ok();
    sandbox.call(&["list"]).at(&moved).run().ok();
    sandbox.call(&["wait", &id, "--timeout", "30s"]).at(&moved).run().ok();
}
