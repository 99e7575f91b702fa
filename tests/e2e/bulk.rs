//! Changing many jobs at once, and running ended ones again.

use std::collections::BTreeSet;

use jobctl_tests::{Sandbox, wait_until};
use serde_json::Value;

/// The ids of a batch of these lines.
fn batch(sandbox: &Sandbox, options: &[&str], lines: &[String]) -> Vec<String> {
    let file = sandbox.work().join("batch");
    std::fs::write(&file, lines.join("\n")).expect("room");
    let mut args = vec!["run", "--batch", file.to_str().expect("a plain name")];
    args.extend(options);
    let ids = sandbox.run(&args).ok().ids();
    assert_eq!(ids.len(), lines.len());
    ids
}

fn statuses(sandbox: &Sandbox, ids: &[String]) -> Vec<String> {
    let mut args = vec!["show", "--json", "--no-start"];
    args.extend(ids.iter().map(String::as_str));
    let told = sandbox.run(&args).ok().json();
    let status = |job: &Value| job["status"].as_str().unwrap_or_default().to_owned();
    match told["jobs"].as_array() {
        Some(jobs) => jobs.iter().map(status).collect(),
        None => vec![status(&told["job"])],
    }
}

#[test]
fn nothing_starts_while_a_queue_is_cancelled() {
    let sandbox = Sandbox::new();
    sandbox.set("JOBCTL_MAX_PARALLEL", "1");
    let lines: Vec<_> =
        (0..40).map(|number| format!("touch started-{number}; exec sleep 600")).collect();
    let ids = batch(&sandbox, &[], &lines);
    wait_until("the first has begun", 30, || sandbox.work().join("started-0").exists());
    let told = sandbox.run(&["cancel", "--all"]).ok();
    assert!(told.stdout.starts_with("40 jobs cancelled: "), "{told:?}");
    assert_eq!(statuses(&sandbox, &ids), vec!["cancelled"; 40]);
    let begun = (1..40).filter(|n| sandbox.work().join(format!("started-{n}")).exists()).count();
    assert_eq!(begun, 0, "what waited was cancelled first");
    let told = sandbox.run(&["cancel", "--all"]).ok();
    assert_eq!(told.stdout, "No job to cancel\n");
    wait_until("nothing is left behind", 30, || sandbox.processes().is_empty());
}

#[test]
fn all_are_paused_and_go_on_again() {
    let sandbox = Sandbox::new();
    let line = "until test -e go; do sleep 0.05; done";
    let running = sandbox.command(&["--shell", line]);
    sandbox.wait_for(&running, "running", 30);
    let waiting = sandbox.command(&["--delay", "1h", "--", "true"]);
    let failed = sandbox.command(&["--", "false"]);
    sandbox.waits(&failed, 30, 1);
    let told = sandbox.run(&["pause", "--all", "--json"]).ok().json();
    assert_eq!(told["jobs"].as_array().map(Vec::len), Some(2), "{told:#}");
    let ids = [running, waiting, failed];
    assert_eq!(statuses(&sandbox, &ids), ["paused", "paused", "failed"]);
    assert_eq!(sandbox.run(&["pause", "--all"]).ok().stdout, "No job to pause\n");
    std::fs::write(sandbox.work().join("go"), "").expect("room");
    let told = sandbox.run(&["resume", "--all", "--kind", "run"]).ok();
    assert!(told.stdout.starts_with("2 jobs resumed: "), "{told:?}");
    sandbox.waits(&ids[0], 30, 0);
    assert_eq!(statuses(&sandbox, &ids), ["completed", "pending", "failed"]);
    assert_eq!(
        sandbox.run(&["resume", "--all", "--kind", "clone"]).ok().stdout,
        "No job to resume\n"
    );
    let told = sandbox.run(&["resume", "--status", "failed"]).ok();
    assert!(told.stdout.contains(&ids[2]), "{told:?}");
    sandbox.waits(&ids[2], 30, 1);
    assert_eq!(sandbox.job(&ids[2])["attempts"], 2);
}

#[test]
fn one_job_that_refuses_does_not_stand_in_the_way_of_the_others() {
    let sandbox = Sandbox::new();
    let done = sandbox.command(&["--", "true"]);
    sandbox.waits(&done, 30, 0);
    let waiting = sandbox.command(&["--delay", "1h", "--", "true"]);
    let told = sandbox.run(&["cancel", "ffffffff", &done, &waiting]).exits(3);
    assert!(told.stdout.contains(&format!("Cancelled {waiting}")), "{told:?}");
    assert!(told.stderr.contains(&format!("job {done} is completed")), "{told:?}");
    assert_eq!(statuses(&sandbox, &[waiting]), ["cancelled"]);
    // What makes no sense is refused before anything is done.
    for args in [
        &["pause", "--status", "completed"][..],
        &["cancel", "--all", &done],
        &["restart", "--status", "running"],
        &["resume", "--status", "nonsense"],
    ] {
        sandbox.run(args).exits(2);
    }
}

#[test]
fn nobody_is_asked_where_nobody_may_be() {
    let sandbox = Sandbox::new();
    let id = sandbox.command(&["--delay", "1h", "--", "true"]);
    sandbox.run(&["cancel", "--all", "--no-input"]).exits(2);
    assert_eq!(sandbox.status(&id), "pending");
    sandbox.run(&["cancel", "--all", "--no-input", "--yes"]).ok();
    assert_eq!(sandbox.status(&id), "cancelled");
}

#[test]
fn an_ended_job_runs_again_as_a_new_one() {
    let sandbox = Sandbox::new();
    let first = sandbox.command(&["--", "true"]);
    let shell = "echo \"$WHO in $(pwd)\"; test -e good";
    let failed = sandbox.command(&["--after", &first, "--name", "shy", "--shell", shell]);
    sandbox.waits(&failed, 30, 1);
    // As the environment was.
    let new = sandbox.submit_as(sandbox.call(&["restart", &failed]));
    assert_ne!(new, failed);
    sandbox.waits(&new, 30, 1);
    let job = sandbox.job(&new);
    assert_eq!(job["restarted_from"], failed.as_str(), "{job:#}");
    assert_eq!((&job["name"], &job["depends_on"]), (&"shy".into(), &Value::Array(Vec::new())));
    assert!(!sandbox.said().contains("had another environment"));
    // From elsewhere: the new job gets what this call has, in its old directory.
    std::fs::write(sandbox.work().join("good"), "").expect("room");
    let call = sandbox.call(&["restart", &failed, "--wait"]).env("WHO", "somebody");
    let told = call.at(sandbox.root()).run().ok();
    assert!(told.stderr.contains("1 job had another environment"), "{told:?}");
    let newest = sandbox.run(&["show", "@last", "--json"]).ok().json()["job"].clone();
    let log = sandbox.run(&["logs", newest["id"].as_str().expect("an id")]).ok().stdout;
    let work = std::fs::canonicalize(sandbox.work()).expect("it is there");
    assert!(log.contains(&format!("somebody in {}", work.display())), "{log}");
}

#[test]
fn what_failed_is_restarted_once() {
    let sandbox = Sandbox::new();
    let lines: Vec<_> = (0..3).map(|number| format!("test -e good || exit {number}")).collect();
    let ids = batch(&sandbox, &[], &lines);
    for (number, id) in ids.iter().enumerate() {
        sandbox.waits(id, 30, i32::from(number > 0));
    }
    std::fs::write(sandbox.work().join("good"), "").expect("room");
    let told = sandbox.run(&["restart", "--all", "--wait", "--json"]).ok().json();
    let again = told["jobs"].as_array().expect("two").clone();
    // Both failed at about the same time: either may come first.
    let from: BTreeSet<_> = again.iter().filter_map(|job| job["restarted_from"].as_str()).collect();
    assert_eq!(from, ids[1..].iter().map(String::as_str).collect(), "{told:#}");
    assert!(again.iter().all(|job| job["status"] == "completed"), "{told:#}");
    let told = sandbox.run(&["restart", "--all"]).ok();
    assert_eq!((told.stdout.as_str(), told.stderr.as_str()), ("", "No job to restart\n"));
    // One that has not ended is not run a second time beside itself.
    let waiting = sandbox.command(&["--delay", "1h", "--", "true"]);
    let told = sandbox.run(&["restart", &waiting, &ids[1]]).exits(4);
    assert_eq!(told.ids().len(), 1, "{told:?}");
    assert!(told.stderr.contains(&format!("jobctl resume {waiting}")), "{told:?}");
}
