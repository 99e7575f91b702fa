//! Who lives how long: the terminal, the runner, workers.

use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::thread;

use jobctl_tests::{Sandbox, processes, wait_until, worlds};
use rustix::process::{Pid, Signal, kill_process_group};

const IMPORT: &[&str] = &["import", "github:acme/api"];

fn socket_count(sandbox: &Sandbox) -> usize {
    let mut found = 0;
    let mut open = vec![sandbox.root().join("t")];
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else if entry.file_name() == "runner.sock" {
                found += 1;
            }
        }
    }
    found
}

#[test]
fn a_job_survives_the_terminal_it_was_typed_in() {
    let forge = worlds::slow(600, 2_000, 100);
    let sandbox = Sandbox::with_token_of(&forge);
    // A shell with a process group of its own, as a terminal gives it, that goes on to sit there.
    let import = sandbox.submission(&forge, IMPORT).into_command();
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", "\"$@\" > submitted; exec sleep 600", "sh"]).arg(import.get_program());
    shell.args(import.get_args()).current_dir(sandbox.work()).env_clear();
    shell.envs(import.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut shell = shell.spawn().expect("there is a shell");
    let submitted = sandbox.work().join("submitted");
    let read = || std::fs::read_to_string(&submitted).unwrap_or_default();
    wait_until("it is submitted", 20, || read().ends_with('\n'));
    let id = read().trim().to_owned();
    drop(sandbox.wait_for_worker(&id));

    // The terminal is closed: first politely, then not.
    let group = i32::try_from(shell.id()).ok().and_then(Pid::from_raw).expect("a pid");
    kill_process_group(group, Signal::HUP).expect("the group is there");
    let _ = kill_process_group(group, Signal::KILL);
    let _ = shell.wait();
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    sandbox.waits(&id, 60, 0);
    assert_eq!(sandbox.job(&id)["attempts"], 1);
    worlds::assert_imported(&forge, &sandbox);
}

#[test]
fn the_runner_goes_when_nothing_is_left_and_comes_when_there_is() {
    let forge = worlds::with_issues(50, 50);
    let sandbox = Sandbox::with_token_of(&forge);
    forge.configure(|behaviour| behaviour.delay_ms = 50);
    let first = sandbox.submit(&forge, IMPORT);
    let runner = sandbox.wait_for_runner();
    let pid = std::fs::read_to_string(sandbox.jobs().join("runner.pid")).expect("it is written");
    assert_eq!(pid.trim(), runner.pid.to_string());
    assert_eq!(socket_count(&sandbox), 1);
    sandbox.waits(&first, 30, 0);
    wait_until("the runner has gone", 20, || sandbox.processes().is_empty());
    assert_eq!(socket_count(&sandbox), 0, "its socket with it");
    // Looking starts nothing.
    sandbox.run(&["list", "--all"]).ok();
    assert_eq!(sandbox.processes(), Vec::new());
    let second = sandbox.submit(&forge, IMPORT);
    sandbox.waits(&second, 30, 0);
    wait_until("the runner has gone", 20, || sandbox.processes().is_empty());
}

#[test]
fn a_worker_goes_on_without_a_runner_and_the_next_one_adopts_it() {
    let forge = worlds::slow(600, 2_000, 150);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, IMPORT);
    let worker = sandbox.wait_for_worker(&id);
    let runner = sandbox.wait_for_runner();
    // It has its token by now; before, only the runner had.
    wait_until("the worker works", 20, || worlds::asked(&forge) > 0);
    processes::kill(runner.pid);
    wait_until("the runner is dead", 10, || processes::Process::of(runner.pid).is_none());
    let asked = worlds::asked(&forge);
    wait_until("the worker goes on", 20, || worlds::asked(&forge) > asked);
    let job = sandbox.job(&id);
    assert_eq!((&job["status"], &job["worker"]), (&"running".into(), &"alive".into()), "{job:#}");
    // Any call that looks starts a runner, which adopts the worker: it hands back the token.
    sandbox.call_without_token(&["list"]).run().ok();
    let next = sandbox.wait_for_runner();
    assert_ne!(next.pid, runner.pid);
    wait_until("the worker is the same", 5, || sandbox.worker(&id).is_some());
    assert_eq!(sandbox.worker(&id).map(|process| process.pid), Some(worker.pid));
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    sandbox.waits(&id, 60, 0);
    assert_eq!(sandbox.job(&id)["attempts"], 1);
    wait_until("all have gone", 20, || sandbox.processes().is_empty());
}

#[test]
fn a_job_whose_token_was_lost_waits_until_somebody_offers_it() {
    let forge = worlds::slow(600, 2_000, 150);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, IMPORT);
    drop(sandbox.wait_for_worker(&id));
    sandbox.kill_all();
    // A call without the token: the job stands still and says what it lacks.
    sandbox.call_without_token(&["list"]).run().ok();
    let lacks = || sandbox.reason(&id).as_deref() == Some("unauthorized");
    wait_until("the job says what it lacks", 60, lacks);
    let job = sandbox.job(&id);
    assert_eq!(job["status"], "paused", "{job:#}");
    assert!(job["reason"].get("resumes_at").is_none(), "{job:#}");
    sandbox.call_without_token(&["wait", &id, "--timeout", "5s"]).run().exits(7);
    sandbox.call_without_token(&["list"]).run().ok();
    assert_eq!(sandbox.reason(&id).as_deref(), Some("unauthorized"));

    // A call that has it is enough: nobody needs to type resume.
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    sandbox.run(&["list"]).ok();
    wait_until("the job has ended", 60, || sandbox.status(&id) == "completed");
    worlds::assert_imported(&forge, &sandbox);
}

#[test]
fn a_job_goes_on_after_everything_was_killed() {
    let forge = worlds::slow(600, 2_000, 100);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, IMPORT);
    wait_until("it works", 20, || worlds::asked(&forge) > 0);
    sandbox.kill_all();
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    // One look from a shell that has the token; then it goes on by itself.
    sandbox.run(&["list"]).ok();
    wait_until("the job has ended", 60, || sandbox.status(&id) == "completed");
    let job = sandbox.job(&id);
    assert_eq!(job["attempts"], 2, "{job:#}");
    worlds::assert_imported(&forge, &sandbox);
}

#[test]
fn the_same_thing_twice_at_once_is_one_job_and_different_things_are_two() {
    let forge = worlds::start(jobctl_forge::Config::small());
    forge.configure(|behaviour| behaviour.delay_ms = 50);
    let sandbox = Sandbox::with_token_of(&forge);
    let submit = |source: &'static str| {
        let (sandbox, forge) = (&sandbox, &forge);
        move || sandbox.submit(forge, &["import", source])
    };
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(submit("github:acme/api"));
        let second = scope.spawn(submit("github:acme/repo-001"));
        (first.join().expect("it is submitted"), second.join().expect("it is submitted"))
    });
    assert_ne!(first, second);
    assert_eq!(sandbox.submit(&forge, &["import", "github:acme/api"]), first, "it is not ended");
    sandbox.waits(&first, 60, 0);
    sandbox.waits(&second, 60, 0);
    assert_ne!(sandbox.submit(&forge, &["import", "github:acme/api"]), first, "it has ended");
}

#[test]
fn looks_never_fail_while_jobs_run() {
    let forge = worlds::start(jobctl_forge::Config { repos: 6, ..worlds::config(600, 2_000) });
    forge.configure(|behaviour| behaviour.delay_ms = 40);
    let sandbox = Sandbox::with_token_of(&forge);
    let import = sandbox.submit(&forge, IMPORT);
    let clone = sandbox.submit(&forge, &["clone", "github:acme"]);
    thread::scope(|scope| {
        for number in 0..50 {
            let (sandbox, import, clone) = (&sandbox, &import, &clone);
            scope.spawn(move || {
                let told = match number % 5 {
                    0 => sandbox.run(&["list", "--json"]),
                    1 => sandbox.run(&["show", import, "--json"]),
                    2 => sandbox.run(&["show", clone]),
                    3 => sandbox.run(&["issues", "--json"]),
                    _ => sandbox.run(&["logs", import]),
                };
                let told = told.ok();
                assert!(!told.stdout.contains("damaged"), "{}", told.stdout);
                assert!(!told.stderr.contains("panicked"), "{}", told.stderr);
            });
        }
    });
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    sandbox.waits(&import, 60, 0);
    sandbox.waits(&clone, 60, 0);
    assert_eq!(sandbox.job(&import)["attempts"], 1);
}
