//! `kill -9` of the runner, again and again, while a batch of commands runs: every command runs
//! exactly once, and nothing is told wrongly in between.
//!
//! `JOBCTL_EXACTLY_ONCE=500x100` makes it 500 jobs and 100 kills.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use jobctl_tests::{Sandbox, processes, seeded, wait_until};
use serde_json::Value;

const JOBS: usize = 120;
const KILLS: usize = 25;
/// How long all jobs may take to end once nothing disturbs them, in seconds.
const PATIENCE: u64 = 240;
/// The longest time between a kill and the call before it.
const LONGEST_MS: u64 = 200;

/// How many jobs, and how many kills.
fn size() -> (usize, usize) {
    let Ok(text) = std::env::var("JOBCTL_EXACTLY_ONCE") else { return (JOBS, KILLS) };
    let (jobs, kills) = text.split_once('x').expect("such as 500x100");
    (jobs.parse().expect("a number of jobs"), kills.parse().expect("a number of kills"))
}

/// Commands that say that they ran, and cry out when they meet a second copy of themselves. The
/// last goes on until the kills are over.
fn batch(jobs: usize) -> String {
    let mut lines = String::new();
    for job in 1..jobs {
        let _ = writeln!(
            lines,
            "mkdir live/{job} || echo {job} >> twice; echo {job} >> ran; sleep 0.05; rmdir live/{job}"
        );
    }
    let _ = writeln!(lines, "until test -e over; do sleep 0.05; done; echo {jobs} >> ran");
    lines
}

#[test]
fn with_a_kept_environment_every_command_runs_exactly_once() {
    exactly_once(&["--keep-env"]);
}

#[test]
fn with_an_environment_that_calls_offer_every_command_runs_exactly_once() {
    exactly_once(&[]);
}

fn exactly_once(options: &[&str]) {
    let (jobs, kills) = size();
    let (seed, mut random) = seeded();
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.work().join("live")).expect("room in /tmp");
    fs::write(sandbox.work().join("batch"), batch(jobs)).expect("room in /tmp");
    let told = sandbox.run(&[&["run", "--batch", "batch"], options].concat()).ok();
    assert_eq!(told.ids().len(), jobs, "{told:?}");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&sandbox, jobs, &over));
        let killer = scope.spawn(|| {
            for _ in 0..kills {
                kill_and_call(&sandbox, &mut random);
            }
            fs::write(sandbox.work().join("over"), "").expect("room in /tmp");
            wait_until(&format!("seed {seed}: all have ended"), PATIENCE, || {
                let told = sandbox.run(&["list", "--active", "--json"]).ok();
                told.json()["jobs"].as_array().is_some_and(Vec::is_empty)
            });
        });
        let outcome = killer.join();
        // Before it is looked at: the watcher must end whatever came of it.
        over.store(true, Ordering::SeqCst);
        outcome.unwrap_or_else(|panic| resume_unwind(panic));
        let looks = watcher.join().unwrap_or_else(|panic| resume_unwind(panic));
        assert!(kills > 0 && looks > 0, "{kills} kills, {looks} looks");
    });
    for job in listed(&sandbox) {
        assert_eq!(job["status"], "completed", "seed {seed}: {job:#}");
    }
    assert!(!sandbox.work().join("twice").exists(), "seed {seed}: two copies at once");
    let ran = fs::read_to_string(sandbox.work().join("ran")).expect("they ran");
    let mut ran: Vec<usize> = ran.lines().map(|line| line.parse().expect("a number")).collect();
    ran.sort_unstable();
    assert_eq!(ran, (1..=jobs).collect::<Vec<_>>(), "seed {seed}");
    wait_until("the runner has gone", 60, || sandbox.processes().is_empty());
}

/// A random moment after the last call, the runner dies; then somebody calls.
fn kill_and_call(sandbox: &Sandbox, random: &mut Rng) {
    let runner = sandbox.wait_for_runner();
    thread::sleep(Duration::from_millis(random.u64(..LONGEST_MS)));
    processes::kill(runner.pid);
    wait_until("the runner is dead", 20, || processes::Process::of(runner.pid).is_none());
    let calls: [&[&str]; 4] = [&["list"], &[], &["show", "@last"], &["list", "--all", "--json"]];
    sandbox.run(calls[random.usize(..calls.len())]).ok();
}

fn listed(sandbox: &Sandbox) -> Vec<Value> {
    let told = sandbox.run(&["list", "--all", "--json", "--no-start"]).ok();
    told.json()["jobs"].as_array().expect("a list of jobs").clone()
}

/// Looks at all jobs until it is over; panics where what is told cannot be. Returns how often.
fn watch(sandbox: &Sandbox, jobs: usize, over: &AtomicBool) -> usize {
    let mut ended: BTreeMap<String, Value> = BTreeMap::new();
    let mut looks = 0;
    while !over.load(Ordering::SeqCst) {
        let all = listed(sandbox);
        assert_eq!(all.len(), jobs, "each is listed once");
        for job in all {
            // No worker was killed.
            assert_ne!(job["worker"], "dead", "{job:#}");
            let id = job["id"].as_str().unwrap_or_default().to_owned();
            let before = ended.get(&id);
            match job["status"].as_str().unwrap_or_default() {
                "completed" => {
                    let end = job["finished_at"].clone();
                    assert!(before.is_none_or(|before| *before == end), "{before:?}: {job:#}");
                    ended.insert(id, end);
                }
                "pending" | "running" => assert_eq!(before, None, "{job:#}"),
                // An attempt whose runner was killed before it handed the environment over ended
                // before its command began.
                "paused" if job["reason"]["kind"] == "environment" => {
                    assert_eq!(before, None, "{job:#}");
                }
                _ => panic!("nobody asked for this: {job:#}"),
            }
        }
        looks += 1;
    }
    looks
}
