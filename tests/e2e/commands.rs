//! Commands as jobs: what they print and report, how they end, and that nothing of them lives on.

use std::fs;

use jobctl_tests::{Sandbox, processes, wait_until};
use rustix::process::Signal;
use serde_json::Value;

/// A machine on which programs get little time to end when told to.
fn hasty() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.configure("stop_grace = \"1s\"\nmax_attempts = 4\n");
    sandbox
}

fn exists(sandbox: &Sandbox, name: &str) -> bool {
    sandbox.work().join(name).exists()
}

/// A number that a command wrote, once it has.
fn pid(sandbox: &Sandbox, name: &str) -> i32 {
    let mut found = None;
    wait_until(&format!("{name} holds a number"), 60, || {
        found = sandbox.read_work(name).strip_suffix('\n').and_then(|text| text.parse().ok());
        found.is_some()
    });
    found.expect("just seen")
}

fn lives(pid: i32) -> bool {
    jobctl_tests::Process::of(pid).is_some()
}

/// The lines of a job's log, without their times.
fn log(sandbox: &Sandbox, id: &str) -> Vec<String> {
    let text = fs::read(sandbox.job_directory(id).join("worker.log")).unwrap_or_default();
    let text = String::from_utf8(text).expect("a log is text whatever is printed");
    let untimed = |line: &str| line.split_once("] ").expect("each line has its time").1.to_owned();
    text.lines().map(untimed).collect()
}

fn logged(sandbox: &Sandbox, id: &str, text: &str) -> bool {
    log(sandbox, id).iter().any(|line| line.contains(text))
}

#[test]
fn what_it_prints_is_kept_with_its_stream_whatever_it_is() {
    let sandbox = Sandbox::new();
    let line = r"printf 'one\n\nt\303\251 \377\000\033[31mred\033[0m\r\nlast'; printf 'oops' >&2";
    let id = sandbox.shell(&[], line);
    sandbox.waits(&id, 60, 0);
    let lines = log(&sandbox, &id);
    let of = |mark: &str| -> Vec<&str> {
        lines.iter().filter_map(|line| line.strip_prefix(mark)).collect()
    };
    assert_eq!(of("out| "), ["one", "", r"té \xff\u{0}red", "last"]);
    assert_eq!(of("err| "), ["oops"]);
}

#[test]
fn much_output_is_kept_in_two_files_of_a_known_size_and_a_long_line_in_pieces() {
    let sandbox = Sandbox::new();
    let id = sandbox.shell(&[], "yes | head -c 3000000; echo end of lines");
    sandbox.waits(&id, 120, 0);
    assert_eq!(log(&sandbox, &id).last().map(String::as_str), Some("out| end of lines"));
    let id = sandbox.shell(&[], "head -c 30000000 /dev/zero | tr '\\0' x; printf y");
    sandbox.waits(&id, 120, 0);
    let lines = log(&sandbox, &id);
    let longest = lines.iter().map(String::len).max().unwrap_or_default();
    assert!(longest <= 16 * 1024 + 5, "{longest}");
    assert!(lines.last().is_some_and(|line| line.ends_with("xy")), "the end is there");
    for name in ["worker.log", "worker.log.1"] {
        let size = fs::metadata(sandbox.job_directory(&id).join(name)).expect("it is there").len();
        assert!(size < 9 * 1024 * 1024, "{name}: {size}");
    }
}

#[test]
fn how_it_ended_is_told_with_its_last_words() {
    let sandbox = Sandbox::new();
    for (line, error, code) in [
        ("echo first >&2; echo 'it broke' >&2; exit 3", "exited with code 3: it broke", 3),
        ("kill -KILL $$", "was killed by signal 9", 137),
        ("exit 0", "", 0),
    ] {
        let told = sandbox.run(&["run", "--wait", "--json", "--shell", line]);
        assert_eq!(told.code, Some(code), "{told:?}");
        let said = told.json()["job"]["error"].as_str().unwrap_or_default().to_owned();
        assert_eq!(said, error);
    }
    let told = sandbox.run(&["run", "--wait", "--", "no-such-program"]);
    assert_eq!(told.code, Some(127), "{told:?}");
    fs::write(sandbox.work().join("plain"), "no program").expect("room");
    assert_eq!(sandbox.run(&["run", "--wait", "--", "./plain"]).code, Some(126));
}

#[test]
fn a_directory_that_has_gone_is_named() {
    let sandbox = Sandbox::new();
    let place = sandbox.work().join("away");
    fs::create_dir(&place).expect("room");
    let call = sandbox.call(&["run", "--no-start", "--", "true"]).at(&place);
    let id = sandbox.submit_as(call);
    fs::remove_dir(&place).expect("it is empty");
    sandbox.waits(&id, 60, 1);
    let error = sandbox.job(&id)["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("away") && error.contains("No such file"), "{error}");
}

#[test]
fn it_reports_by_lines_and_gets_its_checkpoint_back() {
    let sandbox = Sandbox::new();
    let line = "echo \"::status warming up\"; echo ::counter files 7; echo ::progress 2/5 third; \
                if [ -z \"$JOBCTL_CHECKPOINT\" ]; then \
                  for n in $(seq 200); do echo ::checkpoint page=$n; done; exit 1; \
                fi; echo \"$JOBCTL_CHECKPOINT $JOBCTL_ATTEMPT\" > got; echo ::progress 5/5; \
                echo ::summary all five; echo ::progress much";
    let id = sandbox.shell(&[], line);
    sandbox.waits(&id, 60, 1);
    let job = sandbox.job(&id);
    assert_eq!(job["progress"]["current"], 2, "{job:#}");
    assert_eq!(job["progress"]["total"], 5);
    assert_eq!(job["counters"]["files"], 7);
    let checkpoints = sandbox.events(&id);
    let checkpoints: Vec<_> =
        checkpoints.iter().filter(|event| event["event"] == "checkpoint").collect();
    assert_eq!(checkpoints.last().map(|event| &event["token"]), Some(&Value::from("page=200")));
    assert!(checkpoints.len() < 20, "not one for each: {}", checkpoints.len());
    sandbox.run(&["resume", &id]).ok();
    sandbox.waits(&id, 60, 0);
    assert_eq!(sandbox.read_work("got"), "page=200 2\n");
    let job = sandbox.job(&id);
    assert_eq!(job["summary"], "all five");
    assert_eq!(job["progress"]["percentage"], 100);
    assert!(logged(&sandbox, &id, "not understood"), "{:?}", log(&sandbox, &id));
}

#[test]
fn a_checkpoint_that_the_journal_cannot_take_harms_nothing() {
    let sandbox = Sandbox::new();
    let line = "echo ::checkpoint good; printf '::checkpoint %01000d\\n' 7; \
                printf '::checkpoint %0200d\\n' 7 | tr 0 '\\1'; echo done";
    let id = sandbox.shell(&[], line);
    sandbox.waits(&id, 60, 0);
    let refused = log(&sandbox, &id).iter().filter(|line| line.contains("refused")).count();
    assert_eq!(refused, 2);
    let events = sandbox.events(&id);
    let last = events.iter().rfind(|event| event["event"] == "checkpoint");
    assert_eq!(last.map(|event| &event["token"]), Some(&Value::from("good")));
}

#[test]
fn what_it_leaves_behind_is_stopped_when_it_has_ended() {
    let sandbox = hasty();
    let line = "setsid sh -c 'echo $$ > left; exec sleep 600' & \
                until test -s left; do sleep 0.01; done; echo done";
    let id = sandbox.shell(&[], line);
    sandbox.waits(&id, 60, 0);
    let left = pid(&sandbox, "left");
    assert!(!lives(left));
    assert!(logged(&sandbox, &id, &format!("stopping what it left: [{left}]")));
}

/// Starts what does not want to be stopped, each leaving its number in a file of this name.
const UNWILLING: &str = "
    sh -c 'trap \"\" TERM HUP INT; echo $$ > deaf; while :; do sleep 600; done' &
    setsid sh -c 'echo $$ > away; exec sleep 600' &
    (setsid sh -c 'sh -c \"echo \\$\\$ > twice; exec sleep 600\" &' &)
    sh -c 'echo $$ > stopped; kill -STOP $$; exec sleep 600' &
    echo $$ > main
    wait; sleep 600";
const NAMES: [&str; 5] = ["deaf", "away", "twice", "stopped", "main"];

#[test]
fn cancel_and_timeout_stop_all_of_it() {
    let sandbox = hasty();
    let id = sandbox.shell(&[], UNWILLING);
    let pids = NAMES.map(|name| pid(&sandbox, name));
    assert!(pids.iter().all(|pid| lives(*pid)));
    sandbox.run(&["cancel", &id]).ok();
    assert_eq!(sandbox.status(&id), "cancelled");
    assert_eq!(pids.iter().filter(|pid| lives(**pid)).count(), 0, "once it is told, it is true");
    for name in NAMES {
        fs::remove_file(sandbox.work().join(name)).expect("it was there");
    }
    let id = sandbox.shell(&["--timeout", "10s"], UNWILLING);
    let pids = NAMES.map(|name| pid(&sandbox, name));
    sandbox.waits(&id, 60, 1);
    assert_eq!(pids.iter().filter(|pid| lives(**pid)).count(), 0);
    let error = sandbox.job(&id)["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("took longer than 10s"), "{error}");
}

#[test]
fn a_paused_command_runs_again_from_the_beginning() {
    let sandbox = hasty();
    let line = "echo $$ > main.$JOBCTL_ATTEMPT; test $JOBCTL_ATTEMPT = 2 || exec sleep 600";
    let id = sandbox.shell(&[], line);
    let first = pid(&sandbox, "main.1");
    sandbox.run(&["pause", &id]).ok();
    assert_eq!((sandbox.reason(&id).as_deref(), lives(first)), (Some("user"), false));
    sandbox.run(&["resume", &id]).ok();
    sandbox.waits(&id, 60, 0);
}

/// Notes in `copies` every process of an earlier attempt that still lives, and then stays, with a
/// grandchild in a session of its own, until the fourth attempt.
const ALONE: &str = "
    for file in main.* grand.*; do
        test -e \"$file\" && test -e /proc/$(cat $file)/exe && echo $file >> copies
    done
    setsid sh -c 'echo $$ > grand.$JOBCTL_ATTEMPT; trap \"\" TERM; while :; do sleep 600; done' &
    until test -s grand.$JOBCTL_ATTEMPT; do sleep 0.01; done
    test $JOBCTL_ATTEMPT = 4 && exit
    echo $$ > main.$JOBCTL_ATTEMPT
    while :; do sleep 600; done";

#[test]
fn a_killed_worker_leaves_no_second_copy() {
    let sandbox = hasty();
    let id = sandbox.shell(&["--on-crash", "resume"], ALONE);
    for attempt in 1..=3 {
        let main = pid(&sandbox, &format!("main.{attempt}"));
        let grandchild = pid(&sandbox, &format!("grand.{attempt}"));
        processes::kill(sandbox.wait_for_worker(&id).pid);
        // Sometimes nobody sees how it died.
        if attempt == 2 {
            processes::kill(sandbox.wait_for_runner().pid);
            wait_until("it waits", 60, || {
                sandbox.run(&["list"]);
                sandbox.status(&id) != "running" || !lives(main)
            });
        }
        wait_until("all of it is gone", 60, || !lives(main) && !lives(grandchild));
    }
    sandbox.waits(&id, 90, 0);
    assert_eq!(sandbox.read_work("copies"), "");
    let causes: Vec<Value> = sandbox
        .events(&id)
        .iter()
        .filter(|event| event["event"] == "paused")
        .map(|event| event["reason"]["cause"].clone())
        .collect();
    assert_eq!(causes[0]["signalled"], 9, "{causes:?}");
    assert_eq!(causes.len(), 3, "{causes:?}");
}

#[test]
fn after_a_crash_it_waits_for_a_person_and_its_programs_are_gone() {
    let sandbox = hasty();
    let id = sandbox.shell(&[], ALONE);
    let main = pid(&sandbox, "main.1");
    processes::kill(sandbox.wait_for_worker(&id).pid);
    sandbox.waits(&id, 60, 8);
    assert_eq!(sandbox.reason(&id).as_deref(), Some("interrupted"));
    assert!(!lives(main) && !lives(pid(&sandbox, "grand.1")));
    let failing = sandbox.shell(&["--on-crash", "fail"], "echo $$ > other; exec sleep 600");
    pid(&sandbox, "other");
    processes::kill(sandbox.wait_for_worker(&failing).pid);
    sandbox.waits(&failing, 60, 1);
}

#[test]
fn whoever_cancels_stops_what_is_left_where_no_runner_does() {
    let sandbox = hasty();
    let id = sandbox.shell(&[], ALONE);
    let (main, grandchild) = (pid(&sandbox, "main.1"), pid(&sandbox, "grand.1"));
    let (runner, worker) = (sandbox.wait_for_runner(), sandbox.wait_for_worker(&id));
    processes::kill(runner.pid);
    processes::kill(worker.pid);
    wait_until("both are gone", 60, || !lives(runner.pid) && !lives(worker.pid));
    assert!(lives(main) && lives(grandchild), "nobody stopped them yet");
    sandbox.run(&["cancel", &id, "--no-start"]).ok();
    assert_eq!(sandbox.status(&id), "cancelled");
    assert!(!lives(main) && !lives(grandchild));
}

#[test]
fn a_worker_that_is_told_to_end_stops_its_command_and_a_person_decides() {
    let sandbox = hasty();
    let id = sandbox.shell(&[], ALONE);
    let main = pid(&sandbox, "main.1");
    processes::send(sandbox.wait_for_worker(&id).pid, Signal::TERM);
    sandbox.waits(&id, 60, 8);
    assert!(!lives(main) && !lives(pid(&sandbox, "grand.1")));
    let job = sandbox.job(&id);
    assert_eq!(
        (&job["reason"]["kind"], &job["reason"]["resumes_at"]),
        (&"interrupted".into(), &Value::Null)
    );
}

#[test]
fn a_command_that_fails_is_tried_again_as_often_as_asked() {
    let sandbox = Sandbox::new();
    let line = "echo x >> tries; test $JOBCTL_ATTEMPT = 3";
    let id = sandbox.shell(&["--retries", "2"], line);
    sandbox.waits(&id, 120, 0);
    assert_eq!(sandbox.read_work("tries"), "x\nx\nx\n");
    let id = sandbox.shell(&["--retries", "1"], "echo y >> tried; exit 9");
    sandbox.waits(&id, 120, 1);
    assert_eq!(sandbox.read_work("tried"), "y\ny\n");
    assert_eq!(sandbox.job(&id)["exit_code"], 9);
}

#[test]
fn jobs_that_a_command_submits_outlive_it() {
    let sandbox = hasty();
    let program = jobctl_tests::sandbox::program();
    let other = sandbox.root().join("other");
    let line = format!(
        "{} --state-dir {} run --shell 'echo $$ > inner; until test -e go; do sleep 0.05; done'",
        program.display(),
        other.display(),
    );
    let id = sandbox.shell(&[], &line);
    sandbox.waits(&id, 60, 0);
    let inner = pid(&sandbox, "inner");
    sandbox.run(&["rm", &id]).ok();
    assert!(lives(inner), "it belongs to another job");
    assert!(!exists(&sandbox, "go"));
    fs::write(sandbox.work().join("go"), "").expect("room");
    let state = other.to_str().expect("plain");
    let told = sandbox.run(&["--state-dir", state, "wait", "@last", "--timeout", "60s"]);
    assert_eq!(told.code, Some(0), "{told:?}");
}

#[test]
fn after_a_reboot_it_goes_on_only_where_that_was_asked() {
    let sandbox = hasty();
    let line = |name| format!("echo x >> {name}; test $JOBCTL_ATTEMPT = 2 || exec sleep 600");
    let held = sandbox.shell(&[], &line("held"));
    let resumed = sandbox.shell(&["--on-crash", "resume", "--keep-env"], &line("resumed"));
    wait_until("both run", 60, || {
        ["held", "resumed"].iter().all(|name| sandbox.read_work(name) == "x\n")
    });
    sandbox.kill_all();
    sandbox.set("JOBCTL_BOOT_ID", "the next one");
    sandbox.run(&["list"]).ok();
    sandbox.waits(&resumed, 60, 0);
    sandbox.waits(&held, 60, 8);
    assert_eq!(
        (sandbox.read_work("held"), sandbox.read_work("resumed")),
        ("x\n".into(), "x\nx\n".into())
    );
    let paused = sandbox.events(&held);
    let cause = paused.iter().find(|event| event["event"] == "paused");
    assert_eq!(cause.map(|event| &event["reason"]["cause"]), Some(&"unknown".into()));
}

#[test]
fn a_command_whose_worker_always_dies_is_given_up() {
    let sandbox = hasty();
    let line = "echo $$ > main.$JOBCTL_ATTEMPT; exec sleep 600";
    let id = sandbox.shell(&["--on-crash", "resume"], line);
    for attempt in 1..=4 {
        pid(&sandbox, &format!("main.{attempt}"));
        processes::kill(sandbox.wait_for_worker(&id).pid);
    }
    sandbox.waits(&id, 90, 1);
    let error = sandbox.job(&id)["error"].as_str().unwrap_or_default().to_owned();
    assert!(error.contains("signal 9") && error.contains("attempt 4"), "{error}");
}

#[test]
fn in_the_foreground_it_is_stopped_whole_too_and_nothing_else_is() {
    let sandbox = hasty();
    let other = sandbox.shell(&[], "until test -e go; do sleep 0.05; done");
    sandbox.wait_for_worker(&other);
    let line = "setsid sh -c 'echo $$ > left; exec sleep 600' & \
                until test -s left; do sleep 0.01; done; exit 5";
    let told = sandbox.run(&["run", "--foreground", "--shell", line]);
    assert_eq!(told.code, Some(5), "{told:?}");
    assert!(!lives(pid(&sandbox, "left")));
    fs::write(sandbox.work().join("go"), "").expect("room");
    sandbox.waits(&other, 60, 0);
}

#[test]
fn a_large_environment_arrives_whole() {
    let sandbox = Sandbox::new();
    let value = |letter: &str| letter.repeat(100_000);
    let line = "printf '%s' \"$A$B$C\" > big";
    let call = ["A", "B", "C"]
        .into_iter()
        .fold(sandbox.call(&["run", "--shell", line]), |call, name| call.env(name, &value(name)));
    let id = sandbox.submit_as(call);
    sandbox.waits(&id, 60, 0);
    assert!(sandbox.read_work("big") == ["A", "B", "C"].map(value).concat(), "another one arrived");
}
