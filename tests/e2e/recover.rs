//! Coming back after jobs were interrupted.

use std::fs;

use jobctl_tests::{Sandbox, Terminal, Told, wait_until};

/// Goes on for long until a file says that it may end.
const LINE: &str = "test -e go || sleep 1000";
const INTERRUPTED: &str = "interrupted since your last call";

/// Jobs that run, and then everything is killed.
fn interrupted(sandbox: &Sandbox, options: &[&[&str]]) -> Vec<String> {
    let run = |more: &&[&str]| {
        let id = sandbox.run(&[&["run", "--shell", LINE], *more].concat()).ok().ids().remove(0);
        sandbox.wait_for(&id, "running", 30);
        id
    };
    let ids = options.iter().map(run).collect();
    kill(sandbox);
    ids
}

/// A power cut, and no time to wait for.
fn kill(sandbox: &Sandbox) {
    sandbox.kill_all();
    fs::write(sandbox.work().join("go"), "").expect("room in /tmp");
}

/// The lines of a call that tell of interruptions.
fn news(told: &Told) -> Vec<&str> {
    told.stderr.lines().filter(|line| line.contains(INTERRUPTED)).collect()
}

#[test]
fn the_first_call_says_once_what_was_interrupted() {
    let sandbox = Sandbox::new();
    let told = sandbox.run(&["list"]).ok();
    assert_eq!(news(&told), [] as [&str; 0]);
    interrupted(&sandbox, &[&["--on-crash", "resume"], &[]]);
    // Whoever reads no notes has not been told.
    for quiet in [&["list", "-q"][..], &["list", "--json"], &["list", "--no-start"]] {
        assert_eq!(news(&sandbox.run(quiet).ok()), [] as [&str; 0], "{quiet:?}");
    }
    let told = sandbox.run(&[]).ok();
    let [line] = news(&told)[..] else { panic!("one line: {told:?}") };
    assert!(line.starts_with("2 jobs were") || line.starts_with("1 job was"), "{line}");
    assert!(line.contains("waits for you"), "{line}");
    for call in [&["list"][..], &[]] {
        assert_eq!(news(&sandbox.run(call).ok()), [] as [&str; 0], "{call:?}");
    }
}

#[test]
fn without_a_terminal_recover_lists_what_to_type_and_with_yes_it_resumes() {
    let sandbox = Sandbox::new();
    sandbox.run(&["recover"]).ok();
    let held = interrupted(&sandbox, &[&[], &[]]);
    let told = sandbox.run(&["recover"]).exits(8);
    for id in &held {
        assert!(told.stdout.contains(&format!("Resume: jobctl resume {id}")), "{told:?}");
        assert!(told.stdout.contains(&format!("jobctl cancel {id} && jobctl rm {id}")), "{told:?}");
    }
    // Looking recorded the deaths; nothing else came of it.
    let told = sandbox.run(&["recover", "--json"]).exits(8).json();
    let jobs = told["jobs"].as_array().expect("a list of jobs");
    assert_eq!(jobs.len(), 2, "{told:#}");
    sandbox.run(&["recover", "--yes"]).ok();
    for id in &held {
        sandbox.waits(id, 60, 0);
        assert_eq!(sandbox.job(id)["attempts"], 2, "{:#}", sandbox.job(id));
    }
    assert!(sandbox.run(&["recover"]).ok().stdout.contains("No job was interrupted"));
}

#[test]
fn a_job_whose_workers_died_too_often_is_offered_and_one_that_failed_is_not() {
    let sandbox = Sandbox::new();
    let failed = sandbox.run(&["run", "--shell", "exit 3"]).ok().ids().remove(0);
    sandbox.waits(&failed, 60, 1);
    let ids = interrupted(&sandbox, &[&["--on-crash", "fail"]]);
    sandbox.run(&["list"]).ok();
    sandbox.wait_for(&ids[0], "failed", 30);
    let told = sandbox.run(&["recover"]).exits(8);
    assert!(told.stdout.contains(&ids[0]) && !told.stdout.contains(&failed), "{told:?}");
    assert!(!told.stdout.contains("cancel"), "it has ended: {told:?}");
    sandbox.run(&["rm", &ids[0]]).ok();
    sandbox.run(&["recover"]).ok();
}

/// Types these lines at a terminal; what was shown, and the exit code. `None` where there is no
/// `script` to make a terminal with.
fn typed(sandbox: &Sandbox, lines: &str) -> Option<(String, Option<i32>)> {
    let mut terminal = Terminal::of(sandbox, &["recover"])?;
    terminal.type_in(lines);
    Some(terminal.end())
}

#[test]
fn at_a_terminal_each_job_is_asked_about() {
    let sandbox = Sandbox::new();
    let ids = interrupted(&sandbox, &[&[], &[], &[]]);
    let [first, second, third] = &ids[..] else { panic!("three jobs: {ids:?}") };
    // Seen, refused and kept; then deleted for sure; then an answer that is none, and resumed.
    let Some((shown, code)) = typed(&sandbox, "v\nd\nn\nd\ny\nwhat\nr\n") else { return };
    assert_eq!(code, Some(8), "one is kept and waits: {shown}");
    assert!(shown.contains(&format!("Job Details: {first}")), "{shown}");
    assert!(shown.contains(&format!("Delete job {first} for good?")), "{shown}");
    assert!(shown.contains(&format!("Removed {second}")), "{shown}");
    assert!(shown.contains("one of v, r, d, k"), "{shown}");
    sandbox.waits(third, 60, 0);
    assert!(!sandbox.job_directory(second).exists(), "{shown}");
    assert_eq!(sandbox.reason(first).as_deref(), Some("interrupted"));
    let Some((shown, code)) = typed(&sandbox, "R\n") else { return };
    assert_eq!(code, Some(0), "{shown}");
    sandbox.waits(first, 60, 0);
}

#[test]
fn at_a_terminal_all_the_rest_are_seen_to_at_once() {
    let sandbox = Sandbox::new();
    let ids = interrupted(&sandbox, &[&[], &[], &[]]);
    let Some((shown, code)) = typed(&sandbox, "q\n") else { return };
    assert_eq!(code, Some(8), "{shown}");
    assert!(ids.iter().all(|id| sandbox.job(id)["finished_at"].is_null()), "{shown}");
    let Some((shown, code)) = typed(&sandbox, "k\nD\ny\n") else { return };
    assert_eq!(code, Some(8), "{shown}");
    assert!(shown.contains("Delete these 2 jobs for good?"), "{shown}");
    wait_until("two are gone", 20, || {
        let told = sandbox.run(&["list", "--all", "--json", "--no-start"]).ok();
        told.json()["jobs"].as_array().is_some_and(|jobs| jobs.len() == 1)
    });
    assert_eq!(sandbox.reason(&ids[0]).as_deref(), Some("interrupted"));
}
