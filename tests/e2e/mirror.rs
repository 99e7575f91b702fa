//! `background-jobs.json`: the list that `SpecWeave` reads, and writes into what it wants of jobs.

use std::fs;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use jobctl_forge::{Config, Forge};
use jobctl_tests::{Sandbox, processes, wait_until, worlds};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::specweave::{SpecWeave, assert_result_shown, assert_shown};

/// What another program put into the list.
fn stranger(number: u32, status: &str) -> Value {
    json!({
        "id": format!("theirs-{number}"), "type": "sync-external", "status": status,
        "progress": { "current": number, "total": 1.5 }, "startedAt": "2026-01-01T00:00:00.000Z",
        "config": { "type": "sync-external", "provider": "jira" }
    })
}

/// What its `--kill` does: a signal first, and then its mark.
fn kill(sandbox: &Sandbox, id: &str) {
    let path = sandbox.job_directory(id).join("worker.pid");
    let pid = fs::read_to_string(path).expect("a worker is at it");
    processes::send(pid.trim().parse().expect("a pid, and nothing else"), Signal::TERM);
    SpecWeave::at(&sandbox.jobs()).mark(id, "paused");
}

/// An import that takes its time, shown as running.
fn running() -> (Forge, Sandbox, String) {
    let forge = worlds::slow(600, 2_000, 200);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["import", "github:acme/api"]);
    drop(sandbox.wait_for_worker(&id));
    let list = SpecWeave::at(&sandbox.jobs());
    wait_until("the list shows it", 20, || list.entry(&id)["status"] == "running");
    (forge, sandbox, id)
}

#[test]
fn the_list_has_what_the_other_program_reads_and_says_how_a_job_ended() {
    let (_forge, sandbox, id) = running();
    let list = SpecWeave::at(&sandbox.jobs());
    wait_until("the list shows progress", 30, || {
        list.entry(&id)["progress"]["current"].as_u64().is_some_and(|current| current > 0)
    });
    assert_shown(&list.entry(&id));
    assert_eq!(list.entry(&id)["type"], "import-issues");
    sandbox.waits(&id, 90, 0);
    wait_until("the list shows its end", 20, || list.entry(&id)["status"] == "completed");
    assert_shown(&list.entry(&id));
    assert_result_shown(&sandbox.job_directory(&id));
}

#[test]
fn clones_name_what_was_done_last() {
    let forge = worlds::start(Config { broken_repos: 1, ..Config::small() });
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["clone", "github:acme"]);
    sandbox.waits(&id, 90, 0);
    let list = SpecWeave::at(&sandbox.jobs());
    let warned = || list.entry(&id)["status"] == "completed_with_warnings";
    wait_until("the list shows its end", 20, warned);
    let entry = list.entry(&id);
    assert_shown(&entry);
    let named = |name: &str| entry["progress"][name].as_array().map_or(0, Vec::len);
    assert!(named("itemsCompleted") > 0 && named("itemsFailed") == 1, "{entry:#}");
}

#[test]
fn the_other_programs_kill_is_a_pause_by_the_user_and_its_resume_is_one_too() {
    let (_forge, sandbox, id) = running();
    kill(&sandbox, &id);
    wait_until("the user has paused it", 30, || {
        sandbox.reason(&id).as_deref() == Some("user") && sandbox.worker(&id).is_none()
    });
    assert!(!sandbox.job_directory(&id).join("worker.pid").exists());
    // What a person paused, no timer resumes.
    assert_eq!(sandbox.job(&id)["reason"]["resumes_at"], Value::Null);
    let list = SpecWeave::at(&sandbox.jobs());
    wait_until("the list agrees", 20, || list.entry(&id)["status"] == "paused");

    // With no runner, nobody hears its wish until the next call looks.
    sandbox.kill_all();
    list.mark(&id, "running");
    sandbox.run(&["list"]).ok();
    drop(sandbox.wait_for_worker(&id));
    sandbox.waits(&id, 90, 0);
}

#[test]
fn a_pause_in_the_list_goes_before_a_timer() {
    let (_forge, sandbox, id) = running();
    processes::kill(sandbox.wait_for_runner().pid);
    kill(&sandbox, &id);
    let job = sandbox.wait_for(&id, "paused", 30);
    assert_eq!(job["reason"]["kind"], "interrupted", "nobody has read the list: {job:#}");
    wait_until("the timer is due", 30, || {
        let at = sandbox.job(&id)["reason"]["resumes_at"].as_str().and_then(|at| at.parse().ok());
        at.is_some_and(|at: Timestamp| at < Timestamp::now())
    });
    let state = sandbox.jobs();
    drop(sandbox.call(&["runner", "--state-dir", state.to_str().expect("plain")]).spawn());
    wait_until("the user has paused it", 30, || sandbox.reason(&id).as_deref() == Some("user"));
    let journal = sandbox.job_directory(&id).join("journal.jsonl");
    let journal = fs::read_to_string(journal).expect("it is there");
    assert!(!journal.contains(r#""event":"resumed""#), "{journal}");
}

#[test]
fn a_pause_without_a_signal_is_heard_too() {
    let (_forge, sandbox, id) = running();
    let list = SpecWeave::at(&sandbox.jobs());
    list.save(&stranger(1, "completed"));
    list.mark(&id, "paused");
    let job = sandbox.wait_for(&id, "paused", 20);
    assert_eq!(job["reason"]["kind"], "user", "{job:#}");
    wait_until("the list agrees", 20, || list.entry(&id)["status"] == "paused");
    assert_eq!(list.entry("theirs-1"), stranger(1, "completed"));
}

#[test]
fn nothing_that_the_other_program_writes_is_lost_while_jobs_run() {
    let forge = worlds::slow(300, 300, 20);
    let sandbox = Sandbox::with_token_of(&forge);
    let submit = |_| sandbox.submit(&forge, &["import", "github:acme/api", "--again"]);
    let first = submit(0);
    let list = SpecWeave::at(&sandbox.jobs());
    let done = AtomicBool::new(false);
    let (written, ids) = std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let mut written = 0;
            while !done.load(Ordering::SeqCst) {
                list.save(&stranger(written, "running"));
                list.save(&stranger(written, "completed"));
                written += 1;
            }
            written
        });
        let ours = scope.spawn(|| {
            let ids: Vec<String> = (1..4).map(submit).collect();
            for id in ids.iter().chain([&first]) {
                sandbox.waits(id, 90, 0);
            }
            ids
        });
        let ids = ours.join();
        // Before it is looked at: the other program must end whatever came of it.
        done.store(true, Ordering::SeqCst);
        let ids = ids.unwrap_or_else(|panic| resume_unwind(panic));
        (other.join().expect("it does not panic"), ids)
    });
    assert!(written > 1, "both were at work");
    for id in ids.iter().chain([&first]) {
        wait_until("the list shows its end", 20, || list.entry(id)["status"] == "completed");
        assert_shown(&list.entry(id));
    }
    for number in 0..written {
        assert_eq!(list.entry(&format!("theirs-{number}")), stranger(number, "completed"));
    }
}
