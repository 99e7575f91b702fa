//! `kill -9` at any moment of an import, twenty times.

use std::time::Duration;

use fastrand::Rng;
use jobctl_forge::{Config, Forge};
use jobctl_tests::compare::{Wanted, assert_equal};
use jobctl_tests::{Sandbox, processes, seeded, wait_until, worlds};
use serde_json::Value;

const KILLS: usize = 20;
/// Requests that one worker has under way at most; those of a killed worker are asked again.
const CEILING: usize = 8;
/// How slowly the forge answers while the storm goes on.
const SLOW_MS: u64 = 250;
const IMPORT: &[&str] = &["import", "github:acme/api"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Worker,
    Runner,
    Both,
}

#[test]
fn an_import_survives_twenty_kills_and_asks_nothing_twice() {
    let forge = worlds::with_issues(4_000, 12_000);
    let undisturbed = undisturbed(&forge);
    forge.clear_log();
    forge.configure(|behaviour| behaviour.delay_ms = SLOW_MS);
    let (seed, mut random) = seeded();
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, IMPORT);
    let mut workers_killed = 0;
    for round in 0..KILLS {
        let victim = [Victim::Worker, Victim::Runner, Victim::Both][random.usize(..3)];
        let killed = strike(&sandbox, &forge, &id, victim, &mut random);
        workers_killed += usize::from(killed);
        println!("{round}: {victim:?}, {} requests so far", worlds::asked(&forge));
    }
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    go_on(&sandbox, &id);
    sandbox.waits(&id, 120, 0);

    let job = sandbox.job(&id);
    assert_eq!(job["warnings"], serde_json::json!([]), "{job:#}");
    worlds::assert_imported(&forge, &sandbox);
    let requests = worlds::asked(&forge);
    let most = forge.log().iter().map(|entry| entry.in_flight).max().unwrap_or(0);
    println!("{requests} requests, {undisturbed} undisturbed, {workers_killed} workers killed");
    println!("at most {most} in flight, {} attempts", job["attempts"]);
    // A frontier that a killed worker left may have brought something: one more look.
    let looks = 3 * (workers_killed + 1);
    assert!(
        requests <= undisturbed + workers_killed * CEILING + looks,
        "seed {seed}: {requests} requests, {undisturbed} undisturbed, {workers_killed} kills"
    );
}

/// Requests of an import that nothing happens to.
fn undisturbed(forge: &Forge) -> usize {
    let sandbox = Sandbox::with_token_of(forge);
    let id = sandbox.submit(forge, IMPORT);
    sandbox.waits(&id, 120, 0);
    worlds::asked(forge)
}

/// Kills while the job runs; says whether its worker was hit.
fn strike(sandbox: &Sandbox, forge: &Forge, id: &str, victim: Victim, random: &mut Rng) -> bool {
    go_on(sandbox, id);
    let worker = sandbox.wait_for_worker(id);
    let runner = sandbox.wait_for_runner();
    let asked = worlds::asked(forge);
    if random.bool() {
        wait_until("it works", 20, || worlds::asked(forge) > asked);
    }
    // The moment is the point: anywhere in the life of a request.
    std::thread::sleep(Duration::from_millis(random.u64(..SLOW_MS)));
    let hits_worker = victim != Victim::Runner;
    if hits_worker {
        processes::kill(worker.pid);
    }
    if victim != Victim::Worker {
        processes::kill(runner.pid);
    }
    let dead = |pid| processes::Process::of(pid).is_none();
    wait_until("the killed are gone", 20, || {
        (!hits_worker || dead(worker.pid)) && (victim == Victim::Worker || dead(runner.pid))
    });
    hits_worker
}

/// Sees to it that the job runs: a person's next call, and `resume` where it waits for its backoff.
fn go_on(sandbox: &Sandbox, id: &str) {
    let unstopped = |job: &Value| job["status"] == "running" && job["worker"] == "alive";
    wait_until("the job goes on", 60, || {
        sandbox.run(&["list"]).ok();
        let job = sandbox.job(id);
        assert_ne!(job["status"], "failed", "{job:#}");
        if job["status"] == "paused" {
            // A worker whose runner was killed before it handed the token over lacks it.
            let reason = job["reason"]["kind"].as_str().unwrap_or_default();
            assert!(["interrupted", "unauthorized"].contains(&reason), "{job:#}");
            sandbox.run(&["resume", id]).ok();
        }
        unstopped(&job) || job["status"] == "completed"
    });
}

#[test]
fn many_jobs_survive_several_power_cuts() {
    let config = Config { repos: 8, issues_per_repo: 30, ..worlds::config(700, 2_000) };
    let forge = worlds::start(config);
    forge.configure(|behaviour| {
        behaviour.delay_ms = 100;
        behaviour.git_delay_ms = 100;
    });
    let (seed, mut random) = seeded();
    let sandbox = Sandbox::with_token_of(&forge);
    let commands: [&[&str]; 5] = [
        IMPORT,
        &["import", "github:acme", "--with", "pulls"],
        &["clone", "github:acme"],
        &["clone", "github:acme", "--into", "flat", "--depth", "1"],
        &["import", "github:acme/repo-001", "github:acme/repo-002"],
    ];
    let ids = commands.map(|command| sandbox.submit(&forge, command));
    for _ in 0..6 {
        std::thread::sleep(Duration::from_millis(random.u64(50..700)));
        sandbox.kill_all();
        sandbox.run(&["list"]).ok();
        wait_until("every death is seen", 30, || {
            ids.iter().all(|id| sandbox.job(id)["worker"] != "dead")
        });
        for id in &ids {
            if sandbox.status(id) == "paused" {
                sandbox.run(&["resume", id]).ok();
            }
        }
    }
    forge.configure(|behaviour| {
        behaviour.delay_ms = 0;
        behaviour.git_delay_ms = 0;
    });
    for id in &ids {
        sandbox.waits(id, 90, 0);
        let job = sandbox.job(id);
        assert_eq!(job["warnings"], serde_json::json!([]), "seed {seed}: {job:#}");
    }
    for repo in ["acme/api", "acme/repo-001", "acme/repo-008"] {
        let truth = forge.truth(repo).expect("it is there");
        let source = format!("github:{repo}");
        assert_equal(&sandbox.export(&["is:any", "--source", &source]), &truth, Wanted::WithPulls);
    }
    for clone in ["acme/api", "acme/repo-008", "flat/repo-004"] {
        assert!(sandbox.work().join(clone).join(".git/HEAD").exists(), "{clone}");
    }
    wait_until("all have gone", 20, || sandbox.processes().is_empty());
}
