//! `jobctl run`: what is asked for is what the job is.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;

use jobctl_tests::{Sandbox, wait_until};
use serde_json::{Value, json};

/// What the job was asked to be, as its submission says.
fn spec(sandbox: &Sandbox, id: &str) -> Value {
    let path = sandbox.jobs().join(format!("new/{id}.jsonl"));
    let text = fs::read_to_string(path).expect("a job alone has a file of its name");
    let line: Value = serde_json::from_str(&text).expect("a submission is JSON");
    line["spec"].clone()
}

/// A job that is submitted and stays where it is.
fn quiet(sandbox: &Sandbox, args: &[&str]) -> String {
    let mut all = vec!["run", "--no-start"];
    all.extend(args);
    sandbox.submit_as(sandbox.call(&all))
}

#[test]
fn a_command_has_directory_umask_and_environment_of_its_call() {
    let sandbox = Sandbox::new();
    let place = sandbox.work().join("a place");
    fs::create_dir(&place).expect("room");
    let line = "pwd > where; env -0 > env; umask > mask; touch made; printf '%s|' \"$@\" > args";
    let mut command = sandbox
        .call(&["run", "-e", "GIVEN=a=b", "-e", "TAKEN", "--", "sh", "-c", line, "-", "a b", ""])
        .env("PLAIN", "one\ntwo")
        .env("TAKEN", "now")
        .env("TERM", "xterm")
        .at(&place)
        .through(&["sh", "-c", "umask 0027; exec \"$@\"", "-"])
        .into_command();
    // A value that is no text.
    command.env("RAW", OsStr::from_bytes(b"x\xff"));
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    sandbox.waits(&id, 60, 0);
    let read = |name: &str| fs::read_to_string(place.join(name)).expect("the job wrote it");
    assert_eq!(read("where").trim_end(), place.to_str().expect("plain"));
    assert_eq!(read("args"), "a b||");
    assert_eq!(read("mask").trim_end(), "0027");
    let made = fs::metadata(place.join("made")).expect("the job made it");
    assert_eq!(made.permissions().mode() & 0o777, 0o640);
    let env = fs::read(place.join("env")).expect("the job wrote it");
    let shown = env.escape_ascii();
    let has = |entry: &[u8]| env.split(|byte| *byte == 0).any(|known| known == entry);
    for entry in [&b"PLAIN=one\ntwo"[..], b"TAKEN=now", b"GIVEN=a=b", b"RAW=x\xff"] {
        assert!(has(entry), "{} in {shown}", entry.escape_ascii());
    }
    assert!(has(format!("PWD={}", place.display()).as_bytes()), "{shown}");
    assert!(has(format!("JOBCTL_JOB_ID={id}").as_bytes()) && has(b"JOBCTL_ATTEMPT=1"), "{shown}");
    assert!(!env.windows(5).any(|part| part == b"TERM="), "a job has no terminal: {shown}");
}

#[test]
fn every_option_arrives() {
    let sandbox = Sandbox::new();
    let first = quiet(&sandbox, &["--name", "first", "--", "true"]);
    let id = quiet(
        &sandbox,
        &[
            "--name=second",
            "--description=what it is",
            "--after=first:ended,@last:clean",
            "--on-dependency-failure=hold",
            "--priority=-5",
            "--timeout=2min",
            "--retries=7",
            "--on-crash=resume",
            "--resource=db=2",
            "--resource=net",
            "--no-announce",
            "--at=2099-01-01T00:00:00Z",
            "--shell",
            "echo $HOME",
        ],
    );
    let spec = spec(&sandbox, &id);
    let wanted = json!({
        "name": "second",
        "description": "what it is",
        "after": [{"on": first, "condition": "ended"}, {"on": first, "condition": "clean"}],
        "on_dependency_failure": "hold",
        "priority": -5,
        "retries": 7,
        "max_attempts": 8,
        "on_crash": "resume",
        "resources": {"db": 2, "net": 1},
        "announce": [],
        "not_before": "2099-01-01T00:00:00Z",
    });
    for (field, value) in wanted.as_object().expect("it is one") {
        assert_eq!(spec[field], *value, "{field} of {spec:#}");
    }
    assert_eq!(spec["options"]["command"], json!({"shell": "echo $HOME"}));
    assert_eq!(spec["timeout"], "PT2M");
    assert_eq!(spec["environment"].as_str().map(str::len), Some(64));
    let job = sandbox.job("second");
    assert_eq!(job["id"], *id, "a name stands where an id does");
}

#[test]
fn what_makes_no_sense_makes_no_job() {
    let sandbox = Sandbox::new();
    let there = quiet(&sandbox, &["--", "true"]);
    for (args, code, said) in [
        (&["--after", "nosuch", "--", "true"][..], 3, "no job nosuch"),
        (&["--name", "00c0ffee", "--", "true"], 2, "looks like an id"),
        (&["--name", "", "--", "true"], 2, "at least"),
        (&["--at", "2020-01-01", "--", "true"], 2, "in the past"),
        (&["--at", "later", "--", "true"], 2, "not a time"),
        (&["--at", "09:00", "--delay", "1h", "--", "true"], 2, "cannot be used with"),
        (&["--resource", "db=none", "--", "true"], 2, "not a resource"),
        (&["--timeout", "0", "--", "true"], 2, "lets nothing run"),
        (&["-e", "NOT_SET_ANYWHERE", "--", "true"], 2, "is not set"),
        (&["--shell", "true", "--", "true"], 2, "cannot be used with"),
        (&["--foreground", "--after", &there, "--", "true"], 2, "cannot be used with"),
        (&["--announce", "nosuch", "--", "true"], 2, "nosuch"),
        (&[], 2, "required"),
    ] {
        let mut all = vec!["run", "--no-start"];
        all.extend(args);
        let told = sandbox.run(&all).exits(code);
        assert!(told.stderr.contains(said), "{args:?}: {told:?}");
        assert_eq!(told.stdout, "", "{args:?}");
    }
    let told = sandbox.run(&["list", "--all", "--json", "--no-start"]).ok().json();
    assert_eq!(told["jobs"].as_array().map(Vec::len), Some(1), "{told:#}");
}

#[test]
fn a_program_that_is_not_there_is_told_of_at_once() {
    let sandbox = Sandbox::new();
    let told = sandbox.run(&["run", "--wait", "--", "no-such-program"]).exits(127);
    assert!(told.stderr.contains("there is no program no-such-program"), "{told:?}");
    let script = sandbox.work().join("script");
    fs::write(&script, "#!/bin/sh\nexit 0\n").expect("room");
    let told = sandbox.run(&["run", "--no-start", "--", "./script"]).ok();
    assert!(told.stderr.contains("there is no program ./script"), "it may not run: {told:?}");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let told = sandbox.run(&["run", "--no-start", "--", "./script"]).ok();
    assert!(!told.stderr.contains("there is no program"), "{told:?}");
}

#[test]
fn a_job_after_one_that_has_failed_is_made_and_given_up() {
    let sandbox = Sandbox::new();
    let failed = sandbox.submit_as(sandbox.call(&["run", "--", "false"]));
    sandbox.waits(&failed, 60, 1);
    let told = sandbox.run(&["run", "--after", &failed, "--", "touch", "after"]).ok();
    assert!(told.stderr.contains(&format!("{failed} is failed already")), "{told:?}");
    sandbox.waits(&told.ids()[0], 60, 9);
    assert!(!sandbox.work().join("after").exists());
    let told = sandbox.run(&["run", "--after", &format!("{failed}:failure"), "--", "true"]).ok();
    assert!(!told.stderr.contains("already"), "{told:?}");
    sandbox.waits(&told.ids()[0], 60, 0);
}

#[test]
fn a_chain_of_names_runs_in_its_order_and_a_delay_holds_it() {
    let sandbox = Sandbox::new();
    let line = |text: &str| format!("echo {text} >> order");
    sandbox.run(&["run", "--name", "a", "--delay", "1s", "--shell", &line("a")]).ok();
    sandbox.run(&["run", "--name", "b", "--after", "a", "--shell", &line("b")]).ok();
    let last = sandbox.run(&["run", "--after", "b,a:ended", "--shell", &line("c")]).ok();
    sandbox.waits(&last.ids()[0], 60, 0);
    let order = fs::read_to_string(sandbox.work().join("order")).expect("the jobs wrote it");
    assert_eq!(order, "a\nb\nc\n");
}

#[test]
fn imports_and_clones_wait_for_other_jobs_too() {
    let sandbox = Sandbox::new();
    let first = quiet(&sandbox, &["--", "true"]);
    let args = ["clone", "https://forge.invalid/acme/api.git", "--no-start"];
    let queue = ["--name", "copy", "--after", &first, "--priority", "3", "--resource", "net"];
    let id = sandbox.submit_as(sandbox.call(&[&args[..], &queue[..]].concat()));
    let spec = spec(&sandbox, &id);
    assert_eq!(spec["after"], json!([{"on": first, "condition": "success"}]));
    assert_eq!((&spec["name"], &spec["priority"]), (&json!("copy"), &json!(3)));
    assert_eq!(spec["resources"], json!({"net": 1}));
    let two = ["clone", "https://forge.invalid/a/b.git", "https://other.invalid/a/b.git"];
    let told = sandbox.run(&[&two[..], &["--name", "x"]].concat()).exits(2);
    assert!(told.stderr.contains("one name for 2 jobs"), "{told:?}");
}

#[test]
fn a_command_in_the_foreground_has_the_environment_too() {
    let sandbox = Sandbox::new();
    let args = ["run", "--foreground", "--shell", "printf %s \"$MARK\" > mark; exit 3"];
    sandbox.call(&args).env("MARK", "here").run().exits(3);
    assert_eq!(fs::read_to_string(sandbox.work().join("mark")).expect("written"), "here");
    wait_until("nothing is left", 30, || sandbox.processes().is_empty());
}
