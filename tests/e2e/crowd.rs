//! Many at once, and odd corners.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use jobctl_forge::{Config, Fault, FaultRule, Firing, Forge};
use jobctl_tests::compare::{Wanted, assert_equal};
use jobctl_tests::{Sandbox, Told, seeded, wait_until, worlds};
use serde_json::Value;

#[test]
fn a_crowd_of_first_calls_on_an_empty_machine() {
    let forge = worlds::start(Config { repos: 13, ..Config::small() });
    let sandbox = Sandbox::with_token_of(&forge);
    // Number 11 has its issues switched off.
    let numbers = (1..=13).filter(|n| *n != 11);
    let sources: Vec<String> = numbers.map(|n| format!("github:acme/repo-{n:03}")).collect();
    let ids: Vec<String> = thread::scope(|scope| {
        let calls: Vec<_> = sources
            .iter()
            .map(|source| scope.spawn(|| sandbox.submit(&forge, &["import", source])))
            .collect();
        calls.into_iter().map(|call| call.join().expect("it is submitted")).collect()
    });
    let runners = || sandbox.processes().iter().filter(|p| p.role() == Some("runner")).count();
    assert!(runners() <= 12);
    wait_until("one runner is left", 10, || runners() <= 1);
    for id in &ids {
        sandbox.waits(id, 60, 0);
    }
    for source in &sources {
        let repo = source.trim_start_matches("github:");
        let truth = forge.truth(repo).expect("it is there");
        assert_equal(&sandbox.export(&["--source", source]), &truth, Wanted::Issues);
    }
}

#[test]
fn no_more_jobs_run_at_once_than_may() {
    let forge = worlds::start(Config { repos: 8, ..Config::small() });
    forge.configure(|behaviour| behaviour.delay_ms = 150);
    let sandbox = Sandbox::with_token_of(&forge);
    sandbox.set("JOBCTL_MAX_PARALLEL", "2");
    let submit = |n: u32| sandbox.submit(&forge, &["import", &format!("github:acme/repo-{n:03}")]);
    let ids: Vec<String> = (1..=7).map(submit).collect();
    let mut most = 0;
    wait_until("all have ended", 60, || {
        let list = sandbox.call_without_token(&["list", "--all", "--json", "--no-start"]).run();
        let jobs = list.ok().json()["jobs"].as_array().cloned().unwrap_or_default();
        assert_eq!(jobs.len(), ids.len(), "every job is listed at every moment");
        most = most.max(jobs.iter().filter(|job| job["worker"] == "alive").count());
        jobs.iter().all(|job| job["status"] == "completed")
    });
    assert!((1..=2).contains(&most), "{most} at once");
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let forge = worlds::with_issues(2_000, 2_000);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["import", "github:acme/api"]);
    sandbox.waits(&id, 60, 0);
    for args in [&["export"][..], &["issues", "-L", "2000"], &["export", "--format", "csv"]] {
        let mut command = sandbox.call(args).into_command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut call = command.spawn().expect("the built jobctl runs");
        let mut first = [0; 16];
        let mut stdout = call.stdout.take().expect("it is piped");
        stdout.read_exact(&mut first).expect("it answers");
        drop(stdout);
        let output = call.wait_with_output().expect("it is our child");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said, "", "{args:?}: {:?}", output.status);
    }
}

#[test]
fn pages_that_are_silently_short_lose_nothing() {
    let forge = worlds::with_issues(900, 2_500);
    let rule = FaultRule { fault: Fault::ShortPage, firing: Firing::Every(5), path: None };
    forge.configure(|behaviour| behaviour.faults = vec![rule]);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["import", "github:acme/api"]);
    sandbox.waits(&id, 60, 0);
    worlds::assert_imported(&forge, &sandbox);
}

#[test]
fn an_import_that_found_nothing_says_why_it_may_be() {
    let forge = worlds::start(Config::small());
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["import", "github:acme/empty-001"]);
    sandbox.waits(&id, 30, 0);
    let job = sandbox.job(&id);
    assert_eq!(job["status"], "completed", "{job:#}");
    assert_eq!(job["warnings"].as_array().map(Vec::len), Some(1), "{job:#}");
    sandbox.run(&["wait", &id, "--strict"]).exits(1);
}

#[test]
fn what_lies_in_the_way_of_a_clone_is_left_alone() {
    let forge = worlds::start(Config::small());
    let sandbox = Sandbox::with_token_of(&forge);
    let owner = sandbox.work().join("acme");
    let outside = sandbox.root().join("outside");
    fs::create_dir_all(owner.join("api")).expect("room in /tmp");
    fs::create_dir(&outside).expect("room in /tmp");
    fs::write(owner.join("api/notes.txt"), "mine").expect("room in /tmp");
    fs::write(owner.join("repo-001"), "a file").expect("room in /tmp");
    std::os::unix::fs::symlink(&outside, owner.join("repo-002")).expect("room in /tmp");
    let id = sandbox.submit(&forge, &["clone", "github:acme"]);
    sandbox.run(&["wait", &id, "--timeout", "60s"]);
    let job = sandbox.job(&id);
    let items: Vec<_> = job["failures"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|failure| failure["item"].as_str())
        .collect();
    for item in ["acme/api", "acme/repo-001", "acme/repo-002"] {
        assert!(items.contains(&item), "{item}: {job:#}");
    }
    let notes = fs::read_to_string(owner.join("api/notes.txt")).expect("it is still there");
    assert_eq!(notes, "mine");
    assert_eq!(fs::read_to_string(owner.join("repo-001")).expect("still there"), "a file");
    assert_eq!(fs::read_dir(&outside).expect("it is there").count(), 0, "nothing goes outside");
    assert!(owner.join("repo-003/.git").exists());
}

#[test]
fn a_busy_git_server_is_not_pressed() {
    let forge = worlds::start(Config { repos: 30, issues_per_repo: 1, ..Config::small() });
    forge.configure(|behaviour| {
        behaviour.git_concurrent = Some(2);
        behaviour.git_delay_ms = 20;
    });
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["clone", "github:acme"]);
    sandbox.waits(&id, 120, 0);
    let job = sandbox.job(&id);
    assert_eq!(job["warnings"], serde_json::json!([]), "{job:#}");
    assert_eq!(job["progress"]["current"], 32, "{job:#}");
}

#[test]
fn a_temporary_directory_with_a_long_name_is_no_obstacle() {
    let forge = worlds::start(Config::small());
    let sandbox = Sandbox::with_token_of(&forge);
    let long = sandbox.root().join("t").join("x".repeat(120));
    fs::create_dir(&long).expect("room in /tmp");
    sandbox.set("TMPDIR", long.to_str().expect("a plain path"));
    let id = sandbox.submit(&forge, &["import", "github:acme/repo-001"]);
    sandbox.waits(&id, 30, 0);
}

#[test]
fn shells_with_different_temporary_directories_share_a_runner() {
    let forge = worlds::start(Config::small());
    forge.configure(|behaviour| behaviour.delay_ms = 100);
    let sandbox = Sandbox::with_token_of(&forge);
    let first = sandbox.submit(&forge, &["import", "github:acme/api"]);
    let runner = sandbox.wait_for_runner();
    let other = sandbox.root().join("other");
    fs::create_dir(&other).expect("room in /tmp");
    sandbox.set("TMPDIR", other.to_str().expect("a plain path"));
    let second = sandbox.submit(&forge, &["import", "github:acme/repo-001"]);
    assert_eq!(sandbox.wait_for_runner().pid, runner.pid);
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    sandbox.waits(&first, 30, 0);
    sandbox.waits(&second, 30, 0);
}

/// Calls that are made at once, and how often.
const CALLS: usize = 50;
const ROUNDS: usize = 4;

/// What calls have done so far.
#[derive(Default)]
struct Ledger {
    /// Jobs that were acknowledged.
    submitted: BTreeSet<String>,
    /// Jobs that somebody began to remove, and those that are.
    going: BTreeSet<String>,
    removed: BTreeSet<String>,
    /// How often a call said that it brought something about, by job and event.
    done: BTreeMap<(String, &'static str), usize>,
    /// Exit codes, by command.
    codes: BTreeMap<(&'static str, i32), usize>,
    /// Answers that must not be given.
    wrong: Vec<String>,
}

#[test]
fn fifty_calls_at_once_beside_eight_workers_lose_nothing_and_see_no_half_of_anything() {
    let forge = worlds::start(Config { repos: 8, ..Config::small() });
    forge.configure(|behaviour| behaviour.delay_ms = 250);
    let sandbox = Sandbox::with_token_of(&forge);
    sandbox.set("JOBCTL_MAX_PARALLEL", "8");
    let ledger = Mutex::new(Ledger::default());
    for n in 1..=8 {
        let id = sandbox.submit(&forge, &["import", &format!("github:acme/repo-{n:03}")]);
        ledger.lock().expect("no thread panicked").submitted.insert(id);
    }
    let ids: Vec<String> = ledger.lock().expect("as above").submitted.iter().cloned().collect();
    let (seed, mut random) = seeded();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        // Without this file the index counts as that of another boot, and is made anew.
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                let _ = fs::remove_file(sandbox.jobs().join("boot"));
                thread::sleep(Duration::from_millis(1));
            }
        });
        let crowd = scope.spawn(|| {
            for _ in 0..ROUNDS {
                thread::scope(|round| {
                    for _ in 0..CALLS {
                        let random = random.fork();
                        round.spawn(|| call(&forge, &sandbox, &ids, &ledger, random));
                    }
                });
            }
        });
        let crowd = crowd.join();
        over.store(true, Ordering::SeqCst);
        crowd.unwrap_or_else(|_| panic!("seed {seed}"));
    });
    let ledger = ledger.into_inner().expect("no thread panicked");
    println!("{:?}", ledger.codes);
    assert_eq!(ledger.wrong, Vec::<String>::new(), "seed {seed}");
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    settle(&sandbox, &ledger, seed);
}

/// One call of the crowd, and what must be true of its answer.
fn call(forge: &Forge, sandbox: &Sandbox, ids: &[String], ledger: &Mutex<Ledger>, mut random: Rng) {
    let ledger = || ledger.lock().expect("no thread panicked while it held it");
    let id = ids[random.usize(..ids.len())].as_str();
    // Few end jobs, so that there is something left to be at odds about.
    let verb = match random.u32(..100) {
        ..30 => "list",
        30..40 => "show",
        40..50 => "logs",
        50..65 => "pause",
        65..80 => "resume",
        80..83 => "cancel",
        83..86 => "rm",
        _ => "import",
    };
    let known: Vec<String> = ledger().submitted.iter().cloned().collect();
    let told = match verb {
        "list" => sandbox.run(&["list", "--all", "--json"]),
        "show" | "logs" => sandbox.run(&[verb, id, "--json"]),
        "import" => {
            let repo = format!("github:acme/repo-{:03}", random.u32(1..=8));
            sandbox.submission(forge, &["import", &repo, "--again"]).run()
        }
        "rm" => {
            ledger().going.insert(id.to_owned());
            sandbox.run(&["rm", id])
        }
        _ => sandbox.run(&[verb, id]),
    };
    ledger().enter(verb, id, &known, &told);
}

impl Ledger {
    /// Notes what a call did, and what is wrong with its answer. `known`: the jobs before it.
    fn enter(&mut self, verb: &'static str, id: &str, known: &[String], told: &Told) {
        let code = told.code.unwrap_or(-1);
        *self.codes.entry((verb, code)).or_default() += 1;
        // Refused because of where the job stands, or because it is there no more; nothing else.
        let gone = code == 3 && self.going.contains(id);
        let refused = match verb {
            "list" | "import" => false,
            "show" | "logs" => gone,
            _ => gone || code == 4,
        };
        if (code != 0 && !refused) || told.stderr.contains("held by") {
            self.wrong.push(format!("{verb} {id}: {told:?}"));
        }
        if code != 0 {
            return;
        }
        let began = |word| told.stdout.starts_with(word);
        match verb {
            "pause" if began("Paused") => self.note(id, "paused"),
            "resume" if began("Resumed") => self.note(id, "resumed"),
            "cancel" if began("Cancelled") => self.note(id, "cancelled"),
            "rm" if began("Removed") => self.removed.extend([id.to_owned()]),
            "import" => self.submitted.extend(told.ids()),
            "list" => self.look_through(known, &told.json()["jobs"]),
            "show" => assert_eq!(told.json()["job"]["id"], id),
            "logs" => {
                let whole = |line: &str| serde_json::from_str::<Value>(line).is_ok();
                assert!(told.stdout.lines().all(whole), "{told:?}");
            }
            _ => {}
        }
    }

    fn note(&mut self, id: &str, event: &'static str) {
        *self.done.entry((id.to_owned(), event)).or_default() += 1;
    }

    fn look_through(&mut self, known: &[String], listed: &Value) {
        let jobs = listed.as_array().map(Vec::as_slice).unwrap_or_default();
        for id in known.iter().filter(|id| !self.going.contains(*id)) {
            let times = jobs.iter().filter(|job| job["id"] == id.as_str()).count();
            if times != 1 {
                self.wrong.push(format!("{id} is listed {times} times"));
            }
        }
        for job in jobs.iter().filter(|job| job.get("damaged").is_some()) {
            self.wrong.push(format!("{job}"));
        }
    }
}

/// Lets all jobs end, and holds what is on disk against what calls were told.
fn settle(sandbox: &Sandbox, ledger: &Ledger, seed: u64) {
    let kept: Vec<&String> = ledger.submitted.difference(&ledger.removed).collect();
    for id in &kept {
        let told = sandbox.run(&["resume", id]);
        assert!([Some(0), Some(4)].contains(&told.code), "{told:?}");
        let cancelled = sandbox.status(id) == "cancelled";
        sandbox.waits(id, 60, if cancelled { 9 } else { 0 });
    }
    for id in &kept {
        let events = sandbox.events(id);
        for (at, event) in events.iter().enumerate() {
            assert_eq!(event["seq"], at + 1, "seed {seed}: {events:#?}");
        }
        let count = |name: &str, by: fn(&Value) -> bool| {
            events.iter().filter(|event| event["event"] == name && by(event)).count()
        };
        let said = |event| ledger.done.get(&((*id).clone(), event)).copied().unwrap_or(0);
        let paused = count("paused", |event| event["reason"]["kind"] == "user");
        assert_eq!(paused, said("paused"), "seed {seed}: {events:#?}");
        assert_eq!(count("cancelled", |_| true), said("cancelled"), "seed {seed}: {events:#?}");
        let resumed = count("resumed", |event| event["by"] == "person");
        // One more is this function's own.
        assert!(
            (said("resumed")..=said("resumed") + 1).contains(&resumed),
            "seed {seed}: {events:#?}"
        );
    }
    let listed = sandbox.run(&["list", "--all", "--json"]).ok().json();
    assert_eq!(
        listed["jobs"].as_array().map(Vec::len),
        Some(kept.len()),
        "seed {seed}: {listed:#}"
    );
}
