//! Staying with jobs: exit codes, output as it comes, many at once, and what Ctrl-C means.

use std::io::Read as _;
use std::process::{Child, Stdio};

use jobctl_tests::{Sandbox, Told, processes, wait_until, worlds};
use rustix::process::Signal;
use serde_json::Value;

/// `run --wait` of a line for the shell.
fn run_and_wait(sandbox: &Sandbox, options: &[&str], line: &str) -> Told {
    let mut args = vec!["run", "--wait"];
    args.extend(options);
    args.extend(["--shell", line]);
    sandbox.run(&args)
}

/// A call that stays with a job which it makes, and that job.
fn staying(sandbox: &Sandbox, args: &[&str]) -> (Child, String) {
    let call = sandbox.call(args).spawn();
    let mut found = None;
    let mut look = || {
        let listed = sandbox.call_without_token(&["list", "--json", "--no-start"]).run().ok();
        found = listed.json()["jobs"][0]["id"].as_str().map(str::to_owned);
        found.is_some()
    };
    wait_until("the job is there", 20, &mut look);
    (call, found.expect("just seen"))
}

fn code(mut call: Child) -> Option<i32> {
    call.wait().expect("it is our child").code()
}

#[test]
fn a_call_that_ran_one_command_exits_as_it_did() {
    let sandbox = Sandbox::new();
    for way in ["--wait", "--follow", "--foreground"] {
        for (line, code) in [("true", 0), ("exit 3", 3), ("exit 255", 255), ("kill -9 $$", 137)] {
            sandbox.run(&["run", way, "--shell", line]).exits(code);
        }
    }
    run_and_wait(&sandbox, &["--timeout", "1s"], "sleep 600").exits(124);
    sandbox.run(&["run", "--wait", "--", "no-such-program-anywhere"]).exits(127);
    // Another attempt counts, not the first.
    let line = "test -e again && exit 0; touch again; exit 7";
    run_and_wait(&sandbox, &["--retries", "1"], line).exits(0);
    // The job that is waited for by its id tells only whether it went well.
    let told = sandbox.run(&["list", "--all", "--json"]).ok();
    let jobs = told.json()["jobs"].as_array().expect("a list").clone();
    let of = |code: i64| {
        let job = jobs.iter().find(|job| job["exit_code"] == code).expect("it has run");
        job["id"].as_str().expect("an id").to_owned()
    };
    sandbox.run(&["wait", &of(3)]).exits(1);
    sandbox.run(&["wait", &of(0)]).exits(0);
    let killed = jobs.iter().find(|job| job["signal"] == 9).expect("it has run");
    assert_eq!((&killed["exit_code"], &killed["status"]), (&Value::Null, &"failed".into()));
}

#[test]
fn a_command_that_gave_no_code_is_told_by_a_code_of_ours() {
    let sandbox = Sandbox::new();
    let never = ["run", "--wait", "--delay", "1h", "--", "true"];
    for (verb, plain) in [("cancel", 9), ("pause", 8)] {
        let (call, id) = staying(&sandbox, &never);
        sandbox.run(&[verb, &id]).ok();
        assert_eq!(code(call), Some(125), "{verb}");
        sandbox.run(&["wait", &id]).exits(plain);
        sandbox.run(&["cancel", &id]).ok();
        sandbox.run(&["rm", &id]).ok();
    }
}

#[test]
fn ctrl_c_leaves_a_command_alone_and_says_so() {
    let sandbox = Sandbox::new();
    let line = "until test -e done; do sleep 0.05; done";
    for args in [&["run", "--wait", "--shell", line], &["run", "--follow", "--shell", line]] {
        let mut call = sandbox.call(args).into_command();
        call.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut call = call.spawn().expect("the built jobctl runs");
        let pid = i32::try_from(call.id()).expect("a pid");
        wait_until("it listens", 20, || processes::catches(pid, Signal::INT));
        let listed = sandbox.call_without_token(&["list", "--json", "--no-start"]).run().json();
        let id = listed["jobs"][0]["id"].as_str().expect("one job").to_owned();
        sandbox.wait_for(&id, "running", 20);
        processes::send(pid, Signal::INT);
        let mut said = String::new();
        call.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        assert_eq!(code(call), Some(130));
        assert!(said.contains(&format!("{id} goes on")), "{said}");
        assert_eq!(sandbox.status(&id), "running");
        std::fs::write(sandbox.work().join("done"), "").expect("room");
        sandbox.waits(&id, 30, 0);
        std::fs::remove_file(sandbox.work().join("done")).expect("it is there");
        sandbox.run(&["rm", &id]).ok();
    }
}

#[test]
fn of_several_jobs_the_first_code_in_order_counts() {
    let sandbox = Sandbox::new();
    let fine = sandbox.command(&["--", "true"]);
    let failed = sandbox.command(&["--shell", "exit 3"]);
    let [paused, cancelled] = [(); 2].map(|()| sandbox.command(&["--delay", "1h", "--", "true"]));
    sandbox.run(&["pause", &paused]).ok();
    sandbox.run(&["cancel", &cancelled]).ok();
    let ids = [(&fine, 0), (&cancelled, 9), (&paused, 8), (&failed, 1)];
    // Of those so far, the last in this list always counts, in whatever order they are named.
    for (last, (_, code)) in ids.iter().enumerate() {
        let mut args = vec!["wait", "--timeout", "60s"];
        args.extend(ids[..=last].iter().rev().map(|(id, _)| id.as_str()));
        let told = sandbox.run(&args).exits(*code);
        let named: Vec<_> = told.stdout.lines().map(|line| &line[..8]).collect();
        assert_eq!(named, args[3..], "told in the order in which they were named");
    }
    sandbox.run(&["wait", &fine, &paused, "--timeout", "60s"]).exits(8);
    let line = format!("{fine} and {failed}");
    let waits = sandbox.run(&["run", "--delay", "1h", "--", "echo", &line]).ok().ids();
    sandbox.run(&["wait", &fine, &waits[0], "--timeout", "300ms"]).exits(124);
}

#[test]
fn a_removed_job_is_told_by_what_is_left_of_it() {
    let sandbox = Sandbox::new();
    let id = sandbox.command(&["--shell", "exit 3"]);
    sandbox.waits(&id, 30, 1);
    sandbox.run(&["rm", &id]).ok();
    sandbox.run(&["wait", &id]).exits(1);
    let job = sandbox.job(&id);
    assert_eq!((&job["exit_code"], &job["status"]), (&3.into(), &"failed".into()), "{job:#}");
    sandbox.run(&["wait", "00000000"]).exits(3);
}

#[test]
fn what_a_command_prints_is_shown_as_it_comes() {
    let sandbox = Sandbox::new();
    let line = r#"echo "one"; echo "  two" >&2; printf '\033[2Jthree\a\377\n'; printf unfinished"#;
    let told = sandbox.run(&["run", "--follow", "--shell", line]).ok();
    let lines: Vec<_> = told.stdout.lines().collect();
    // The streams are two pipes: their lines come in any order.
    for expected in ["one", "err|   two", "unfinished"] {
        assert!(lines.contains(&expected), "{expected:?}: {told:?}");
    }
    assert!(lines.iter().any(|line| line.contains("three")), "{told:?}");
    assert!(lines.last().is_some_and(|line| line.contains("Completed")), "{told:?}");
    assert!(!told.stdout.contains(['\u{1b}', '\u{7}']), "{told:?}");
    let listed = sandbox.run(&["list", "--all", "--json"]).ok().json();
    let id = listed["jobs"][0]["id"].as_str().expect("one job").to_owned();

    let logs = sandbox.run(&["logs", &id]).ok();
    assert!(logs.stdout.lines().any(|line| line.ends_with("Z] out| one")), "{logs:?}");
    assert!(logs.stdout.lines().any(|line| line.ends_with("Z] err|   two")), "{logs:?}");
    let logs = sandbox.run(&["logs", &id, "--json"]).ok();
    let lines = logs.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let lines: Vec<Value> = lines.collect();
    let two = lines.iter().find(|line| line["text"] == "  two").expect("it was said");
    assert_eq!((&two["stream"], &two["id"]), (&"err".into(), &id.as_str().into()), "{two}");
    assert!(two["at"].is_string(), "{two}");
}

#[test]
fn lines_of_several_jobs_say_whose_they_are() {
    let sandbox = Sandbox::new();
    // Both are there before either says a word.
    let line = |word: &str| format!("until test -e go; do sleep 0.05; done; echo {word}; exit 2");
    let first = sandbox.command(&["--shell", &line("first")]);
    let second = sandbox.command(&["--shell", &line("second")]);
    for command in ["follow", "logs"] {
        let mut args = vec![command, &first, &second];
        if command == "logs" {
            args.push("-f");
        } else {
            std::fs::write(sandbox.work().join("go"), "").expect("room");
        }
        let told = sandbox.run(&args).exits(i32::from(command == "follow"));
        for (id, word) in [(&first, "first"), (&second, "second")] {
            let is_named =
                |line: &str| line.starts_with(&format!("[{id}] ")) && line.ends_with(word);
            assert!(told.stdout.lines().any(is_named), "{command}: {told:?}");
        }
    }
}

#[test]
fn five_hundred_jobs_are_waited_for_at_once() {
    let sandbox = Sandbox::new();
    let lines = worlds::echoes(500);
    let file = sandbox.work().join("batch");
    std::fs::write(&file, lines).expect("room");
    let file = file.to_str().expect("a plain name");
    let ids = sandbox.run(&["run", "--batch", file, "--delay", "1h"]).ok().ids();
    assert_eq!(ids.len(), 500);
    let mut args = vec!["wait", "--json", "--timeout", "300s"];
    args.extend(ids.iter().map(String::as_str));
    let mut call = sandbox.call(&args).into_command();
    call.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let call = call.spawn().expect("the built jobctl runs");
    let pid = i32::try_from(call.id()).expect("a pid");
    wait_until("it listens", 60, || processes::catches(pid, Signal::INT));
    let (last, others) = ids.split_last().expect("there are many");
    let mut args = vec!["cancel"];
    args.extend(others.iter().map(String::as_str));
    sandbox.run(&args).ok();
    sandbox.run(&["pause", last]).ok();
    let output = call.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(8));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let told: Vec<_> = told["jobs"].as_array().expect("a list").iter().collect();
    let named: Vec<_> = told.iter().map(|job| job["id"].as_str().expect("an id")).collect();
    assert_eq!(named, ids);
    assert!(told[..499].iter().all(|job| job["status"] == "cancelled"));
}

#[test]
fn the_original_flags_work_on_commands() {
    let sandbox = Sandbox::new();
    let line = "test -e again && { echo begun; exit 0; }; touch again; echo begun; sleep 600";
    let id = sandbox.command(&["--shell", line]);
    let begun = || sandbox.run(&["--logs", &id]).ok().stdout.contains("begun");
    wait_until("it has begun", 30, begun);
    assert!(sandbox.run(&["--active"]).ok().stdout.contains(&id));
    assert!(sandbox.run(&["--all"]).ok().stdout.contains(&id));
    assert!(sandbox.run(&["--id", &id]).ok().stdout.contains("sleep 600"));
    let killed = sandbox.run(&["--kill", &id]).ok();
    assert!(killed.stdout.contains("Status changed to 'paused'"), "{killed:?}");
    assert_eq!(sandbox.status(&id), "paused");
    let resumed = sandbox.run(&["--resume", &id]).ok();
    assert!(resumed.stdout.contains("Job resumed in background"), "{resumed:?}");
    let followed = sandbox.run(&["--follow", &id]).ok();
    assert!(followed.stdout.contains("begun"), "{followed:?}");
    assert_eq!(sandbox.status(&id), "completed");
}
