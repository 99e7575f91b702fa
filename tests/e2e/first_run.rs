//! What a user types and sees: commands, flags, exit codes, shapes.

use std::fs;

use jobctl_forge::{Config, Forge};
use jobctl_tests::shape::{COMMENT, ISSUE, assert_job, assert_shape};
use jobctl_tests::{Sandbox, Told, worlds};
use serde_json::Value;

fn small() -> (Forge, Sandbox) {
    let forge = worlds::start(Config::small());
    let sandbox = Sandbox::with_token_of(&forge);
    (forge, sandbox)
}

fn is_printable(text: &str) -> bool {
    // What the terminal acts on: all controls but line breaks, C1 included, and turns of direction.
    let acts = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    !text.chars().any(acts)
}

#[test]
fn an_empty_home_is_enough() {
    let sandbox = Sandbox::new();
    let first = sandbox.run(&[]).ok();
    assert!(first.stdout.contains("jobctl clone"), "it says where to begin: {}", first.stdout);
    assert!(first.stdout.contains("github"), "it says what is built in: {}", first.stdout);
    let version = sandbox.run(&["--version"]).ok();
    assert!(version.stdout.starts_with("jobctl ") && version.stdout.contains("github"));
    for args in [&["list"][..], &["list", "--all"], &["--active"], &["--all"]] {
        sandbox.run(args).ok();
    }
    let listed = sandbox.run(&["list", "--json"]).ok().json();
    assert_eq!(listed, serde_json::json!({ "schema": 1, "jobs": [] }));
    assert_eq!(sandbox.processes(), Vec::new(), "looking starts nothing");
    assert!(!sandbox.jobs().exists(), "looking makes nothing");
}

#[test]
fn what_makes_no_sense_is_told_so() {
    let sandbox = Sandbox::new();
    for args in [
        &["frobnicate"][..],
        &["--frobnicate"],
        &["clone"],
        &["import"],
        &["import", "github:acme/api", "--since", "3m"],
        &["import", "nonsense"],
        &["import", "jira:PAY"],
        &["import", "github:acme/api", "--jql", "project = PAY"],
        &["clone", "jira:https://acme.atlassian.net/PAY"],
        &["kill", "1234"],
        &["stop", "1234"],
        &["show", "--no-input"],
        &["pause", "--no-input"],
        &["--id", "x", "--kill", "y"],
    ] {
        let told = sandbox.run(args).exits(2);
        assert!(told.stdout.is_empty() && !told.stderr.is_empty(), "{args:?}: {told:?}");
    }
    let asked = sandbox.run(&["kill", "1234"]);
    assert!(asked.stderr.contains("pause") && asked.stderr.contains("cancel"), "{}", asked.stderr);
    let jira = sandbox.run(&["import", "jira:PAY"]).stderr;
    assert!(jira.contains("JIRA_URL") && jira.contains("atlassian.net"), "{jira}");
    for args in
        [["show", "0badcafe"], ["wait", "0badcafe"], ["logs", "0badcafe"], ["--id", "0badcafe"]]
    {
        sandbox.run(&args).exits(3);
    }
    sandbox.run(&["issue", "view", "github:acme/api#1"]).exits(3);
}

#[test]
fn a_job_can_be_seen_from_every_side() {
    let (forge, sandbox) = small();
    let told = sandbox.submission(&forge, &["clone", "github:acme"]).run().ok();
    let id = told.ids().concat();
    assert!(told.stderr.contains(&id), "where, what and the next command: {}", told.stderr);
    assert!(told.stderr.contains("jobctl"), "{}", told.stderr);
    sandbox.waits(&id, 60, 0);
    let job = sandbox.job(&id);
    assert_job(&job);
    assert_eq!((&job["kind"], &job["status"]), (&"clone-repos".into(), &"completed".into()));
    assert_eq!(job["sources"], serde_json::json!(["github:acme"]));
    assert_eq!(job["progress"]["percentage"], 100);
    assert_eq!(job["progress"]["current"], job["progress"]["total"]);
    assert_eq!((&job["worker"], &job["pid"]), (&"none".into(), &Value::Null));
    assert!(job["started_at"].is_string() && job["finished_at"].is_string());
    assert!(job["summary"].is_string(), "{job:#}");
    let log = job["log"].as_str().expect("a path");
    assert!(fs::read_to_string(log).expect("the log is there").contains("acme/api"));

    let prefix = &id[..6];
    for args in [
        &["show", &id][..],
        &["view", prefix],
        &["describe", prefix],
        &["inspect", prefix],
        &["status", prefix],
        &["--id", &id],
        &["show", "@last"],
    ] {
        let shown = sandbox.run(args).ok();
        assert!(shown.stdout.contains(&id) && is_printable(&shown.stdout), "{args:?}: {shown:?}");
    }
    for args in [&["list", "--all"][..], &["ls", "--all"], &["ps", "--all"], &["--all"], &[]] {
        let listed = sandbox.run(args).ok();
        assert!(listed.stdout.contains(&id), "{args:?}: {listed:?}");
    }
    for args in [&["logs", &id][..], &["log", &id], &["tail", &id], &["--logs", &id]] {
        let said = sandbox.run(args).ok();
        assert!(said.stdout.contains("acme/api"), "{args:?}: {said:?}");
    }
    for args in [&["follow", &id][..], &["watch", &id], &["attach", &id], &["--follow", &id]] {
        sandbox.run(args).ok();
    }
    let listed = sandbox.run(&["list", "--all", "--json"]).ok().json();
    assert_eq!(listed["schema"], 1);
    listed["jobs"].as_array().expect("a list").iter().for_each(assert_job);
    let both = sandbox.run(&["show", &id, "@last", "--json"]).ok().json();
    assert!(both["job"].is_object() || both["jobs"].is_array(), "{both:#}");
    sandbox.run(&["pause", &id]).exits(4);
    sandbox.run(&["cancel", &id]).exits(4);
    sandbox.run(&["resume", &id]).exits(4);
}

#[test]
fn pausing_resuming_cancelling_and_removing() {
    let (forge, sandbox) = small();
    forge.configure(|behaviour| behaviour.delay_ms = 300);
    let id = sandbox.submit(&forge, &["import", "github:acme/api"]);
    drop(sandbox.wait_for_worker(&id));
    let running = sandbox.wait_for(&id, "running", 20);
    assert_job(&running);
    assert_eq!(running["worker"], "alive");
    assert!(running["pid"].is_u64());
    sandbox.run(&["rm", &id]).exits(4);
    sandbox.run(&["wait", &id, "--timeout", "200ms"]).exits(124);
    sandbox.run(&["pause", &id]).ok();
    let paused = sandbox.job(&id);
    assert_job(&paused);
    assert_eq!(paused["reason"], serde_json::json!({ "kind": "user" }), "{paused:#}");
    sandbox.run(&["pause", &id]).ok();
    sandbox.run(&["wait", &id]).exits(8);
    assert!(sandbox.run(&["list"]).ok().stdout.contains(&id));

    sandbox.run(&["resume", &id]).ok();
    sandbox.wait_for(&id, "running", 20);
    sandbox.run(&["resume", &id]).ok();
    let killed = sandbox.run(&["--kill", &id]).ok();
    assert!(killed.stdout.contains("Killing job"), "{}", killed.stdout);
    assert_eq!(sandbox.reason(&id).as_deref(), Some("user"));
    let resumed = sandbox.run(&["--resume", &id]).ok();
    assert!(resumed.stdout.contains("Resuming job"), "{}", resumed.stdout);
    sandbox.wait_for(&id, "running", 20);
    sandbox.run(&["cancel", &id]).ok();
    sandbox.run(&["cancel", &id]).ok();
    sandbox.run(&["wait", &id]).exits(9);
    let cancelled = sandbox.job(&id);
    assert_job(&cancelled);
    assert_eq!(cancelled["status"], "cancelled");
    sandbox.run(&["resume", &id]).exits(4);
    sandbox.run(&["rm", &id]).ok();
    assert!(!sandbox.job_directory(&id).exists());
    assert!(!sandbox.run(&["list", "--all"]).ok().stdout.contains(&id));
    // What ended is still known to whoever waits for it.
    sandbox.run(&["wait", &id]).exits(9);
}

#[test]
fn waiting_where_the_job_is_made() {
    let (forge, sandbox) = small();
    for flag in ["--wait", "--follow", "--foreground"] {
        let told = sandbox.submission(&forge, &["import", "github:acme/repo-001", flag]).run().ok();
        let is_id = |word: &str| word.len() == 8 && word.bytes().all(|b| b.is_ascii_hexdigit());
        let ids: Vec<_> = told.stderr.lines().filter(|line| is_id(line)).collect();
        assert_eq!(ids.len(), 1, "{flag}: the id is a line of stderr: {told:?}");
        assert!(!told.stdout.lines().any(is_id), "{flag}: {}", told.stdout);
    }
    let args = ["import", "github:acme/repo-001", "--wait", "--json"];
    let told = sandbox.submission(&forge, &args).run().ok();
    assert_job(&told.json()["job"]);
    assert_eq!(told.json()["job"]["status"], "completed");
    let missing = ["import", "github:acme/nothing", "--wait"];
    let told = sandbox.submission(&forge, &missing).run().exits(1);
    assert!(told.stderr.contains("acme/nothing"), "{}", told.stderr);
    // What a shell has not, it cannot give.
    let none = ["import", "github:acme/api", "--token-env", "NO_SUCH_VARIABLE"];
    sandbox.submission(&forge, &none).run().exits(7);
    // One token is for one forge.
    let two = ["clone", "github:acme/api", "https://git.example/x/y", "--token-env", "GH_TOKEN"];
    sandbox.submission(&forge, &two).run().exits(2);
    // A token that the forge does not know.
    let wrong = sandbox.submission(&forge, &["import", "github:acme/repo-002", "--wait"]);
    wrong.env("GH_TOKEN", "not-a-token-of-this-forge").run().exits(7);
}

#[test]
fn issues_are_found_shown_and_exported() {
    let (forge, sandbox) = small();
    let id = sandbox.submit(&forge, &["import", "github:acme/api"]);
    sandbox.waits(&id, 60, 0);
    let found = sandbox.run(&["issues", "--json", "-L", "5"]).ok().json();
    assert_eq!(found["schema"], 1);
    let truth = forge.truth(worlds::REPO).expect("it is there");
    let issues: Vec<_> = truth.issues.values().filter(|issue| !issue.is_pull).collect();
    assert_eq!(found["total"].as_u64(), Some(issues.len() as u64));
    let listed = found["issues"].as_array().expect("a list");
    assert_eq!(listed.len(), 5);
    for issue in listed {
        assert_shape(issue, ISSUE);
        assert!(issue.get("comments").is_none(), "without comments: {issue:#}");
    }
    for row in sandbox.export(&[]) {
        assert_shape(&row, ISSUE);
        row["comments"]
            .as_array()
            .expect("a list")
            .iter()
            .for_each(|one| assert_shape(one, COMMENT));
    }
    let open = sandbox.run(&["issues", "state:open", "--json"]).ok().json();
    let there = issues.iter().filter(|issue| issue.state == "open").count();
    assert_eq!(open["total"].as_u64(), Some(there as u64));

    let some = issues.iter().find(|issue| issue.comments.len() > 1).expect("one with comments");
    let key = format!("github:acme/api#{}", some.number);
    let shown = sandbox.run(&["issue", "view", &key]).ok().stdout;
    assert!(shown.contains(&some.number.to_string()), "{shown}");
    assert!(is_printable(&shown), "{shown:?}");

    let path = sandbox.work().join("issues.csv");
    let to = path.to_str().expect("a plain path");
    let told = sandbox.run(&["export", "--format", "csv", "-o", to]).ok();
    assert_eq!(told.stdout, "");
    assert!(fs::read_to_string(&path).expect("it is written").lines().count() > issues.len());
    let markdown = sandbox.run(&["export", "--format", "markdown"]).ok().stdout;
    assert!(markdown.contains("github:acme/api#"), "{markdown:.200}");
    // The order is stable.
    assert_eq!(sandbox.run(&["export"]).stdout, sandbox.run(&["export"]).stdout);
}

#[test]
fn remote_texts_do_nothing_to_the_terminal() {
    let (forge, sandbox) = small();
    let id = sandbox.submit(&forge, &["import", "github:acme/api", "--with", "pulls"]);
    sandbox.waits(&id, 60, 0);
    let said = |args: &[&str]| -> Told { sandbox.run(args).ok() };
    let found = said(&["issues", "is:any", "-L", "1000"]);
    assert!(found.stdout.contains("red"), "the title in colour is among them");
    let mut all = vec![found, said(&["list", "--all"]), said(&["show", &id]), said(&["logs", &id])];
    for number in 1..=25 {
        let key = format!("github:acme/api#{number}");
        let shown = sandbox.run(&["issue", "view", &key]);
        assert!(matches!(shown.code, Some(0 | 3)), "{shown:?}");
        all.push(shown);
    }
    for told in all {
        let acts: String = told.stdout.chars().filter(|c| !is_printable(&c.to_string())).collect();
        // A tab moves the cursor within its line: that is all right.
        assert_eq!(acts.replace('\t', ""), "", "{told:?}");
    }
}

#[test]
fn every_shell_gets_its_completions() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = sandbox.run(&["completions", shell]).ok().stdout;
        assert!(script.contains("jobctl") && script.contains("import"), "{shell}");
    }
    sandbox.run(&["completions", "nosuchshell"]).exits(2);
}

#[test]
fn a_project_has_jobs_of_its_own() {
    let (forge, sandbox) = small();
    sandbox.run(&["init"]).ok();
    sandbox.run(&["init"]).ok();
    let jobs = sandbox.work().join(".jobs");
    assert!(jobs.join("id").exists());
    let below = sandbox.work().join("a/b");
    fs::create_dir_all(&below).expect("room in /tmp");
    let call = sandbox.submission(&forge, &["import", "github:acme/repo-001"]).at(&below);
    let id = sandbox.submit_as(call);
    sandbox.call(&["wait", &id, "--timeout", "30s"]).at(&below).run().ok();
    assert!(jobs.join("jobs").join(&id).exists());
    assert!(!sandbox.jobs().join("jobs").join(&id).exists());
    let elsewhere = sandbox.root().join("home");
    sandbox.call(&["show", &id]).at(&elsewhere).run().exits(3);
    let work = sandbox.work();
    let work = work.to_str().expect("a plain path");
    sandbox.call(&["-C", work, "show", &id]).at(&elsewhere).run().ok();
    let modes = |path: &std::path::Path| {
        use std::os::unix::fs::PermissionsExt as _;
        fs::metadata(path).expect("it is there").permissions().mode() & 0o777
    };
    assert_eq!(modes(&jobs), 0o700);
    assert_eq!(modes(&jobs.join("issues.db")), 0o600);
    assert_eq!(modes(&jobs.join("jobs").join(&id).join("journal.jsonl")), 0o600);
}
