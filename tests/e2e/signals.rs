//! Ctrl-C, `kill`, and workers that die again and again.

use jobctl_tests::{Sandbox, processes, wait_until, worlds};
use rustix::process::Signal;

const IMPORT: &[&str] = &["import", "github:acme/api"];

#[test]
fn ctrl_c_leaves_a_watched_job_alone() {
    let forge = worlds::slow(600, 2_000, 200);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, IMPORT);
    drop(sandbox.wait_for_worker(&id));
    sandbox.wait_for(&id, "running", 20);
    for verb in ["wait", "follow"] {
        let mut call = sandbox.call(&[verb, &id]).spawn();
        let pid = i32::try_from(call.id()).expect("a pid");
        // Once it catches the signal, it is watching.
        wait_until("it listens", 20, || processes::catches(pid, Signal::INT));
        processes::send(pid, Signal::INT);
        let ended = call.wait().expect("it is our child");
        assert_eq!(ended.code(), Some(130), "{verb}: {ended:?}");
        let job = sandbox.job(&id);
        assert_eq!((&job["status"], &job["worker"]), (&"running".into(), &"alive".into()));
    }
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    sandbox.waits(&id, 60, 0);
    assert_eq!(sandbox.job(&id)["attempts"], 1);
}

#[test]
fn ctrl_c_pauses_a_job_in_the_foreground() {
    let forge = worlds::slow(600, 2_000, 200);
    let sandbox = Sandbox::with_token_of(&forge);
    let call = sandbox.submission(&forge, &["import", "github:acme/api", "--foreground"]);
    let mut call = call.spawn();
    let pid = i32::try_from(call.id()).expect("a pid");
    wait_until("it works", 20, || worlds::asked(&forge) > 2);
    let listed = sandbox.call_without_token(&["list", "--json", "--no-start"]).run().ok().json();
    let id = listed["jobs"][0]["id"].as_str().expect("one job").to_owned();
    let job = sandbox.job(&id);
    assert_eq!((&job["worker"], &job["pid"]), (&"alive".into(), &pid.into()), "{job:#}");
    processes::send(pid, Signal::INT);
    let ended = call.wait().expect("it is our child");
    assert_ne!(ended.code(), Some(0), "{ended:?}");
    let job = sandbox.job(&id);
    assert_eq!(job["status"], "paused", "{job:#}");
    assert_eq!(job["reason"]["kind"], "user", "{job:#}");

    forge.configure(|behaviour| behaviour.delay_ms = 0);
    sandbox.run(&["resume", &id]).ok();
    sandbox.waits(&id, 60, 0);
    worlds::assert_imported(&forge, &sandbox);
}

#[test]
fn a_worker_that_is_told_to_stop_leaves_well_and_comes_back() {
    let forge = worlds::slow(600, 2_000, 200);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, IMPORT);
    let worker = sandbox.wait_for_worker(&id);
    wait_until("it works", 20, || worlds::asked(&forge) > 0);
    processes::send(worker.pid, Signal::TERM);
    let job = sandbox.wait_for(&id, "paused", 20);
    assert_eq!(job["reason"]["kind"], "interrupted", "{job:#}");
    assert!(job["reason"]["resumes_at"].is_string(), "{job:#}");
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    sandbox.waits(&id, 60, 0);
    assert_eq!(sandbox.job(&id)["attempts"], 2);
}

#[test]
fn a_job_whose_worker_dies_again_and_again_fails_in_the_end() {
    let forge = worlds::slow(600, 2_000, 500);
    let sandbox = Sandbox::with_token_of(&forge);
    sandbox.set("JOBCTL_MAX_ATTEMPTS", "2");
    let id = sandbox.submit(&forge, IMPORT);
    for attempt in 1..=2 {
        wait_until("the attempt has begun", 20, || {
            let job = sandbox.job(&id);
            job["attempts"] == attempt && job["worker"] == "alive"
        });
        let worker = sandbox.wait_for_worker(&id);
        processes::kill(worker.pid);
        wait_until("it is seen", 20, || sandbox.status(&id) != "running");
    }
    sandbox.waits(&id, 20, 1);
    let job = sandbox.job(&id);
    assert_eq!(job["status"], "failed", "{job:#}");
    assert!(job["error"].as_str().is_some_and(|error| error.contains("signal 9")), "{job:#}");
    // A person may try once more, from where it was.
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    sandbox.run(&["resume", &id]).ok();
    sandbox.waits(&id, 60, 0);
    worlds::assert_imported(&forge, &sandbox);
}

#[test]
fn a_job_that_must_not_be_started_waits_for_a_call_that_may() {
    let forge = worlds::with_issues(50, 50);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["import", "github:acme/api", "--no-start"]);
    assert_eq!(sandbox.status(&id), "pending");
    sandbox.run(&["list", "--no-start"]).ok();
    assert_eq!(sandbox.processes(), Vec::new());
    sandbox.run(&["list"]).ok();
    wait_until("the job has ended", 60, || sandbox.status(&id) == "completed");
}
