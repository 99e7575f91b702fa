//! What starts when, and what the others wait for: limits that change while jobs run, order,
//! dependencies.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use jobctl_tests::{Sandbox, processes};
use serde_json::{Value, json};

/// A job that runs until [`open`] lets it go.
fn held(sandbox: &Sandbox, gate: &str, options: &[&str]) -> String {
    let gate = sandbox.work().join(gate);
    let line = format!("until test -e '{}'; do sleep 0.05; done", gate.display());
    sandbox.shell(options, &line)
}

fn open(sandbox: &Sandbox, gate: &str) {
    fs::write(sandbox.work().join(gate), "").expect("room");
}

fn waits_for(sandbox: &Sandbox, id: &str) -> Value {
    sandbox.job(id)["waits_for"].clone()
}

/// What `list` says of a pending job, in words.
fn next(sandbox: &Sandbox, id: &str) -> String {
    let list = sandbox.run(&["list", "--no-start"]).ok().stdout;
    let line = list.lines().find(|line| line.starts_with(&format!("| {id}")));
    let cells = line.unwrap_or_else(|| panic!("{id} is not in {list}")).trim_matches(['|', ' ']);
    cells.rsplit('|').next().expect("cells").trim().to_owned()
}

fn settings(sandbox: &Sandbox) -> PathBuf {
    sandbox.jobs().join("jobctl.toml")
}

#[test]
fn a_limit_that_is_raised_lets_the_next_job_start_and_one_that_is_lowered_stops_nothing() {
    let sandbox = Sandbox::new();
    sandbox.run(&["limits", "max_parallel=1"]).ok();
    let [first, second, third] = ["one", "two", "three"].map(|gate| held(&sandbox, gate, &[]));
    sandbox.wait_for(&first, "running", 60);
    let slot = |limit| json!({"kind": "slot", "in_use": limit, "limit": limit});
    assert_eq!(waits_for(&sandbox, &second), slot(1));
    assert_eq!(next(&sandbox, &second), "waits for a slot (1 of 1 run)");

    sandbox.run(&["limits", "max_parallel=2"]).ok();
    sandbox.wait_for(&second, "running", 60);
    assert_eq!(waits_for(&sandbox, &third), slot(2));
    let told = sandbox.run(&["limits", "max_parallel=1", "--json"]).ok().json();
    let limit = &told["limits"]["max_parallel"];
    assert_eq!((&limit["value"], &limit["in_use"]), (&json!(1), &json!(2)));

    open(&sandbox, "one");
    sandbox.waits(&first, 60, 0);
    assert_eq!(
        (sandbox.status(&second), sandbox.status(&third)),
        ("running".into(), "pending".into())
    );
    open(&sandbox, "two");
    sandbox.wait_for(&third, "running", 60);
    open(&sandbox, "three");
    sandbox.waits(&third, 60, 0);
}

#[test]
fn nothing_starts_in_drain_and_what_runs_goes_on() {
    let sandbox = Sandbox::new();
    let runs = held(&sandbox, "gate", &[]);
    sandbox.wait_for(&runs, "running", 60);
    let told = sandbox.run(&["limits", "--drain"]).ok().stdout;
    assert!(told.contains("Draining: nothing starts"), "{told}");
    let waits = sandbox.shell(&[], "true");
    open(&sandbox, "gate");
    sandbox.waits(&runs, 60, 0);
    assert_eq!(waits_for(&sandbox, &waits), json!({"kind": "drain"}));
    assert_eq!(next(&sandbox, &waits), "draining: nothing starts");
    // A new runner keeps to it as well.
    processes::kill(sandbox.wait_for_runner().pid);
    sandbox.run(&["list"]).ok();
    sandbox.wait_for_runner();
    assert_eq!(sandbox.status(&waits), "pending");
    sandbox.run(&["limits", "--no-drain"]).ok();
    sandbox.waits(&waits, 60, 0);
}

#[test]
fn a_resource_and_a_kind_are_taken_by_as_many_as_there_are() {
    let sandbox = Sandbox::new();
    let of_db = |gate, units: &str| held(&sandbox, gate, &["--resource", &format!("db={units}")]);
    let first = of_db("one", "1");
    let all = of_db("two", "9");
    let small = of_db("three", "1");
    let free = held(&sandbox, "four", &[]);
    for id in [&first, &free] {
        sandbox.wait_for(id, "running", 60);
    }
    let db = |wanted, limit| {
        let (kind, name) = ("resource", "db");
        json!({"kind": kind, "name": name, "wanted": wanted, "in_use": 1, "limit": limit})
    };
    assert_eq!(waits_for(&sandbox, &all), db(9, 1));
    assert_eq!(next(&sandbox, &all), "waits for 9 db (1 of 1 in use)");

    // There is room for the small one now, but the one that wants all came first.
    sandbox.run(&["limits", "db=2"]).ok();
    let mut kept = db(1, 2);
    kept["kept_for"] = json!(all);
    assert_eq!(waits_for(&sandbox, &small), kept);
    open(&sandbox, "one");
    sandbox.wait_for(&all, "running", 60);
    let told = sandbox.run(&["limits", "run=2", "--json"]).ok().json();
    let db = &told["limits"]["resources"]["db"];
    assert_eq!((&db["value"], &db["in_use"]), (&json!(2), &json!(2)));

    open(&sandbox, "two");
    sandbox.wait_for(&small, "running", 60);
    let last = held(&sandbox, "five", &[]);
    let kind = json!({"kind": "kind", "name": "run-command", "in_use": 2, "limit": 2});
    assert_eq!(waits_for(&sandbox, &last), kind);
    sandbox.run(&["limits", "run="]).ok();
    sandbox.wait_for(&last, "running", 60);
}

#[test]
fn priority_first_and_then_first_come_first_served() {
    let sandbox = Sandbox::new();
    sandbox.run(&["limits", "max_parallel=0"]).ok();
    let order = sandbox.work().join("order");
    let note = |name: &str| format!("echo {name} >> '{}'", order.display());
    let lines: Vec<_> = ["a", "b", "c", "d"].map(note).into();
    let batch = sandbox.work().join("batch");
    fs::write(&batch, lines.join("\n")).expect("room");
    sandbox.run(&["run", "--batch", batch.to_str().expect("plain")]).ok();
    sandbox.shell(&["--priority=-1"], &note("late"));
    sandbox.shell(&["--priority=7"], &note("soon"));
    let last = sandbox.shell(&["--priority=-1"], &note("last"));
    assert_eq!(next(&sandbox, &last), "max_parallel is 0: nothing starts");
    sandbox.run(&["limits", "max_parallel=1"]).ok();
    sandbox.waits(&last, 60, 0);
    let order = fs::read_to_string(&order).expect("jobs wrote it");
    assert_eq!(order, "soon\na\nb\nc\nd\nlate\nlast\n");
}

#[test]
fn a_job_whose_condition_can_no_longer_hold_is_cancelled_or_waits_for_a_person() {
    let sandbox = Sandbox::new();
    let fails = held(&sandbox, "gate", &["--name", "fails"]);
    let fine = sandbox.shell(&["--after", "fails:failure"], "true");
    let gone = sandbox.shell(&["--after", "fails"], "true");
    let chained = sandbox.shell(&["--after", &format!("{gone}:ended")], "true");
    let held = sandbox.shell(&["--after=fails", "--on-dependency-failure=hold"], "true");
    let after = json!({"kind": "job", "id": fails, "condition": "success", "status": "running"});
    sandbox.wait_for(&fails, "running", 60);
    assert_eq!(waits_for(&sandbox, &gone), after);
    assert_eq!(next(&sandbox, &gone), format!("waits for {fails} to succeed"));

    sandbox.run(&["cancel", &fails]).ok();
    let cancelled = sandbox.wait_for(&gone, "cancelled", 60);
    let why = cancelled["error"].as_str().expect("a reason");
    assert!(why.contains(&fails), "{why}");
    sandbox.wait_for(&fine, "cancelled", 60);
    sandbox.waits(&chained, 60, 0);
    sandbox.wait_for(&held, "paused", 60);
    assert_eq!(sandbox.reason(&held).as_deref(), Some("dependency"));
    sandbox.run(&["resume", &held]).ok();
    sandbox.waits(&held, 60, 0);
}

#[test]
fn limits_leave_the_rest_of_the_settings_alone() {
    let sandbox = Sandbox::new();
    sandbox.shell(&["--no-start"], "true");
    let path = settings(&sandbox);
    let before = "# ours\nkeep_failed = 3 # enough\nmax_parallel = 3 # the laptop\n";
    fs::write(&path, before).expect("room");
    sandbox.run(&["limits", "max_parallel=2", "--no-start"]).ok();
    let after = fs::read_to_string(&path).expect("it is there");
    assert_eq!(after, before.replace("= 3 # the", "= 2 # the"));
    let mode = fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let told = sandbox.run(&["limits"]).ok().stdout;
    assert!(told.contains("jobctl.toml"), "it says where the limit is set: {told}");

    let elsewhere = sandbox.work().join("elsewhere.toml");
    fs::rename(&path, &elsewhere).expect("a file");
    symlink(&elsewhere, &path).expect("a link");
    let told = sandbox.run(&["limits", "db=3"]).exits(2);
    assert!(told.stderr.contains("symbolic link"), "{}", told.stderr);
    assert_eq!(fs::read_to_string(&elsewhere).expect("it is there"), after);
}

#[test]
fn calls_that_change_limits_at_once_lose_none() {
    let sandbox = Sandbox::new();
    sandbox.shell(&["--no-start"], "true");
    let names: Vec<String> = (0..12).map(|number| format!("r{number}")).collect();
    let calls = names
        .iter()
        .map(|name| sandbox.call(&["limits", "--no-start", "-q", &format!("{name}=5")]).spawn());
    for mut call in calls.collect::<Vec<_>>() {
        assert!(call.wait().expect("it ends").success());
    }
    let told = sandbox.run(&["limits", "--json"]).ok().json();
    for name in &names {
        assert_eq!(told["limits"]["resources"][name]["value"], 5, "{name}");
    }
}
