//! A job gets the environment of its call. It rests in memory, and what is lost comes back only
//! with a call that has the same.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use jobctl_tests::{Sandbox, processes, wait_until};

/// A text that occurs nowhere by chance.
const MARK: &str = "Zx81QvT4mWb6Lr0NsKd93HyUfPcA7eJgVo25";

/// Submits a command from a shell that holds the mark.
fn marked(sandbox: &Sandbox, args: &[&str]) -> String {
    let mut all = vec!["run"];
    all.extend(args);
    sandbox.submit_as(sandbox.call(&all).env("MARK", MARK))
}

/// Jobs may start again, once there is a runner; the call has another environment.
fn undrain(sandbox: &Sandbox) {
    sandbox.call(&["limits", "--no-drain", "--no-start"]).env("MARK", "other").run().ok();
}

/// The files of kept environments.
fn kept(sandbox: &Sandbox) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(sandbox.jobs().join("environments")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| !path.ends_with("lock")).collect()
}

const WAIT: &str = "until test -e go; do sleep 0.05; done; test -n \"$MARK\"";

#[test]
fn it_is_in_no_file_and_no_process_but_the_command() {
    let sandbox = Sandbox::new();
    let id = marked(&sandbox, &["--debug", "--shell", WAIT]);
    let waiting = marked(&sandbox, &["--after", &id, "--shell", WAIT]);
    sandbox.wait_for(&id, "running", 60);
    wait_until("the command runs", 60, || sandbox.processes().len() >= 3);
    for process in sandbox.processes() {
        let said = process.args.iter().any(|arg| arg.contains(MARK));
        assert!(!said, "{process:?}");
        if matches!(process.role(), Some("runner" | "worker")) {
            assert!(!process.environment.iter().any(|entry| entry.contains(MARK)), "{process:?}");
        }
    }
    // A worker that dies and a runner that goes leave nothing behind either.
    processes::kill(sandbox.wait_for_worker(&id).pid);
    wait_until("it is seen", 60, || sandbox.status(&id) != "running");
    fs::write(sandbox.work().join("go"), "").expect("room");
    sandbox.call(&["resume", &id]).env("MARK", MARK).run().ok();
    sandbox.waits(&waiting, 60, 0);
    assert_eq!(sandbox.files_with(MARK), Vec::<std::path::PathBuf>::new());
    assert!(!sandbox.said().contains(MARK));
}

#[test]
fn what_is_lost_comes_back_with_a_call_that_has_the_same() {
    let sandbox = Sandbox::new();
    sandbox.run(&["limits", "--drain"]).ok();
    let id = marked(&sandbox, &["--shell", "printf %s \"$MARK\" > mark"]);
    sandbox.kill_all();
    undrain(&sandbox);
    // Another environment starts a runner, which cannot start the job.
    sandbox.call(&["list"]).env("MARK", "other").run().ok();
    wait_until("it is known to be lost", 60, || {
        sandbox.reason(&id).as_deref() == Some("environment")
    });
    sandbox.call(&["list"]).env("MARK", "other").run().ok();
    assert_eq!(sandbox.reason(&id).as_deref(), Some("environment"));
    sandbox.run(&["wait", &id, "--timeout", "30s"]).exits(8);
    // The same but for what says where a call was made.
    let same = sandbox.call(&["list"]).env("MARK", MARK).env("SHLVL", "3").env("TERM", "vt100");
    same.run().ok();
    sandbox.wait_for(&id, "completed", 60);
    assert_eq!(sandbox.read_work("mark"), MARK);
}

#[test]
fn a_worker_hands_it_back_to_the_next_runner() {
    let sandbox = Sandbox::new();
    let first = marked(&sandbox, &["--shell", WAIT]);
    sandbox.wait_for(&first, "running", 60);
    wait_until("the command runs", 60, || sandbox.processes().len() >= 3);
    sandbox.run(&["limits", "--drain"]).ok();
    let second = marked(&sandbox, &["--shell", "printf %s \"$MARK\" > mark"]);
    processes::kill(sandbox.wait_for_runner().pid);
    wait_until("it is gone", 20, || sandbox.runner().is_none());
    undrain(&sandbox);
    sandbox.call(&["list"]).env("MARK", "other").run().ok();
    // While the first one runs, its worker has what the second one needs.
    sandbox.wait_for(&second, "completed", 60);
    fs::write(sandbox.work().join("go"), "").expect("room");
    sandbox.wait_for(&first, "completed", 60);
    assert_eq!(sandbox.read_work("mark"), MARK);
}

#[test]
fn what_is_kept_outlives_everything_until_its_jobs_have_ended() {
    let sandbox = Sandbox::new();
    let options = ["--keep-env", "--on-crash", "resume"];
    let first = marked(&sandbox, &[&options[..], &["--shell", WAIT]].concat());
    let again = ["--after", &first, "--shell", "printf %s \"$MARK\" > mark"];
    let second = marked(&sandbox, &[&options[..], &again].concat());
    let files = kept(&sandbox);
    assert_eq!(files.len(), 1, "one for both: {files:?}");
    let meta = fs::metadata(&files[0]).expect("it is there");
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    assert_eq!(sandbox.files_with(MARK), files);
    sandbox.wait_for(&first, "running", 60);
    sandbox.kill_all();
    fs::write(sandbox.work().join("go"), "").expect("room");
    sandbox.call(&["list"]).env("MARK", "other").run().ok();
    sandbox.wait_for(&second, "completed", 60);
    assert_eq!(sandbox.read_work("mark"), MARK);
    fs::remove_file(sandbox.work().join("mark")).expect("it is there");
    // The runner sweeps before it leaves.
    wait_until("it is swept", 60, || kept(&sandbox).is_empty());
    assert_eq!(sandbox.files_with(MARK), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_damaged_one_is_as_good_as_lost() {
    let sandbox = Sandbox::new();
    let id =
        marked(&sandbox, &["--keep-env", "--no-start", "--shell", "printf %s \"$MARK\" > mark"]);
    sandbox.kill_all();
    let [file] = kept(&sandbox).try_into().expect("one");
    let text = fs::read_to_string(&file).expect("it is there").replace(MARK, "forged");
    fs::write(&file, text).expect("it is ours");
    sandbox.call(&["list"]).env("MARK", "other").run().ok();
    wait_until("it is known to be lost", 60, || {
        sandbox.reason(&id).as_deref() == Some("environment")
    });
    sandbox.call(&["list"]).env("MARK", MARK).run().ok();
    sandbox.wait_for(&id, "completed", 60);
    assert_eq!(sandbox.read_work("mark"), MARK);
}

#[test]
fn large_ones_arrive_and_too_large_ones_are_refused() {
    let sandbox = Sandbox::new();
    let large = "x".repeat(100_000);
    let mut call = sandbox.call(&["run", "--wait", "--shell", "env | wc -c > size"]);
    for number in 0..4 {
        call = call.env(&format!("LARGE_{number}"), &large);
    }
    call.run().ok();
    let size: usize = sandbox.read_work("size").trim().parse().expect("a number");
    assert!(size > 400_000, "{size}");
    // Control characters take six times their room on the way.
    let huge = "\u{1}".repeat(120_000);
    let mut call = sandbox.call(&["run", "--", "true"]);
    for number in 0..13 {
        call = call.env(&format!("HUGE_{number}"), &huge);
    }
    let told = call.run().exits(2);
    assert!(told.stderr.contains("environment"), "{told:?}");
    assert_eq!(told.stdout, "");
}
