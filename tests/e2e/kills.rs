//! `kill -9` of the calls that people make.

use std::fs;
use std::time::Duration;

use fastrand::Rng;
use jobctl_tests::{Sandbox, processes, seeded, wait_until, worlds};

const IMPORT: &[&str] = &["import", "github:acme/api"];
const ROUNDS: usize = 15;
/// Longer than a call takes on a busy machine, so that some rounds are not hit at all.
const LONGEST_US: u64 = 250_000;

/// Makes a call and kills it after a random while; waits until nothing of its wish is open.
fn killed(sandbox: &Sandbox, id: &str, verb: &str, random: &mut Rng) {
    let mut call = sandbox.call(&[verb, id]).spawn();
    std::thread::sleep(Duration::from_micros(random.u64(..LONGEST_US)));
    let _ = call.kill();
    let _ = call.wait();
    let requests = sandbox.job_directory(id).join("requests");
    let is_request = |name: &str| !name.starts_with('.');
    wait_until("no request is open", 30, || {
        let open = fs::read_dir(&requests).into_iter().flatten().flatten();
        let open = open.filter(|entry| is_request(&entry.file_name().to_string_lossy()));
        open.count() == 0
    });
}

#[test]
fn a_pause_that_is_killed_happens_for_good_or_not_at_all() {
    let forge = worlds::slow(1_000, 3_000, 400);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, IMPORT);
    let (seed, mut random) = seeded();
    let mut paused = 0;
    for _ in 0..ROUNDS {
        sandbox.wait_for_worker(&id);
        sandbox.wait_for(&id, "running", 20);
        killed(&sandbox, &id, "pause", &mut random);
        let job = sandbox.job(&id);
        if job["status"] == "running" {
            continue;
        }
        assert_eq!(job["status"], "paused", "seed {seed}: {job:#}");
        assert_eq!(job["reason"]["kind"], "user", "seed {seed}: {job:#}");
        assert!(job["reason"].get("resumes_at").is_none(), "seed {seed}: {job:#}");
        paused += 1;
        // Every call looks whether something may run; what a person paused may not.
        sandbox.run(&["list"]).ok();
        sandbox.waits(&id, 5, 8);
        let after = sandbox.job(&id);
        assert_eq!(after["attempts"], job["attempts"], "seed {seed}: {after:#}");
        sandbox.run(&["resume", &id]).ok();
    }
    println!("{paused} of {ROUNDS} calls paused the job before they died");
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    sandbox.waits(&id, 60, 0);
    worlds::assert_imported(&forge, &sandbox);
}

#[test]
fn a_cancel_that_is_killed_happens_for_good_or_not_at_all() {
    let forge = worlds::slow(1_000, 3_000, 400);
    let sandbox = Sandbox::with_token_of(&forge);
    let (seed, mut random) = seeded();
    let mut cancelled = 0;
    let mut id = sandbox.submit(&forge, IMPORT);
    for _ in 0..ROUNDS {
        sandbox.wait_for_worker(&id);
        sandbox.wait_for(&id, "running", 20);
        killed(&sandbox, &id, "cancel", &mut random);
        let job = sandbox.job(&id);
        if job["status"] == "running" {
            continue;
        }
        assert_eq!(job["status"], "cancelled", "seed {seed}: {job:#}");
        cancelled += 1;
        sandbox.run(&["list"]).ok();
        sandbox.run(&["resume", &id]).exits(4);
        sandbox.waits(&id, 5, 9);
        id = sandbox.submit(&forge, IMPORT);
    }
    println!("{cancelled} of {ROUNDS} calls cancelled the job before they died");
}

#[test]
fn a_pause_that_was_answered_is_kept_whoever_is_killed_meanwhile() {
    let forge = worlds::slow(1_000, 3_000, 400);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, IMPORT);
    let (seed, mut random) = seeded();
    for round in 0..8 {
        let worker = sandbox.wait_for_worker(&id);
        sandbox.wait_for(&id, "running", 20);
        let runner = sandbox.wait_for_runner();
        let mut victims = [worker.pid, runner.pid].to_vec();
        random.shuffle(&mut victims);
        victims.truncate(random.usize(1..=2));
        let moment = Duration::from_micros(random.u64(..LONGEST_US));
        let told = std::thread::scope(|scope| {
            let call = scope.spawn(|| sandbox.run(&["pause", &id]));
            std::thread::sleep(moment);
            victims.iter().copied().for_each(processes::kill);
            call.join().expect("the call is made")
        });
        told.ok();
        let job = sandbox.job(&id);
        assert_eq!(job["status"], "paused", "seed {seed}, round {round}: {job:#}");
        assert_eq!(job["reason"]["kind"], "user", "seed {seed}, round {round}: {job:#}");
        sandbox.run(&["list"]).ok();
        assert_eq!(sandbox.status(&id), "paused", "seed {seed}, round {round}");
        sandbox.run(&["resume", &id]).ok();
    }
}

#[test]
fn a_submission_that_is_killed_makes_one_job_or_none() {
    let forge = worlds::slow(100, 100, 400);
    let sandbox = Sandbox::with_token_of(&forge);
    let (seed, mut random) = seeded();
    let mut known = 0;
    for _ in 0..ROUNDS {
        let mut call =
            sandbox.submission(&forge, &["import", "github:acme/api", "--again"]).spawn();
        std::thread::sleep(Duration::from_micros(random.u64(..LONGEST_US)));
        let _ = call.kill();
        let _ = call.wait();
        let listed = sandbox.run(&["list", "--all", "--json"]).ok().json();
        let jobs = listed["jobs"].as_array().expect("a list of jobs").clone();
        assert!((known..=known + 1).contains(&jobs.len()), "seed {seed}: {listed:#}");
        assert!(jobs.iter().all(|job| job.get("damaged").is_none()), "seed {seed}: {listed:#}");
        known = jobs.len();
    }
    println!("{known} of {ROUNDS} calls made a job before they died");
}
