//! Cloning many repositories, some of which cannot be cloned.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jobctl_forge::{Config, Forge, IssueVolume};
use jobctl_tests::{Sandbox, processes, wait_until, worlds};
use serde_json::Value;

/// `acme/api`, `acme/empty-001` and this many more, three of which are broken.
const ORDINARY: u32 = 195;
const BROKEN: u32 = 3;
const WHOLE: u64 = 197;

fn organisation() -> Forge {
    worlds::start(Config {
        issues: IssueVolume { issues: 10, comments: 10, ..IssueVolume::default() },
        repos: ORDINARY,
        issues_per_repo: 1,
        broken_repos: BROKEN,
        recorded: false,
        ..Config::default()
    })
}

fn git(directory: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(directory)
        .args(args)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CEILING_DIRECTORIES", directory.parent().expect("clones have a parent"))
        .output()
        .expect("git is installed");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?} in {}: {said}", directory.display());
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What is there under a clone's final name.
fn clones(sandbox: &Sandbox) -> Vec<PathBuf> {
    let owner = sandbox.work().join("acme");
    let entries = fs::read_dir(&owner).into_iter().flatten().flatten();
    let shown = entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    let mut paths: Vec<_> = shown.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// What is there beside clones: unfinished ones, under names that nobody looks at.
fn hidden(sandbox: &Sandbox) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in [sandbox.work(), sandbox.work().join("acme")] {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let hidden = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with('.'));
        found.extend(hidden.map(|entry| entry.path()));
    }
    found
}

fn failed_items(job: &Value) -> Vec<String> {
    let failures = job["failures"].as_array().into_iter().flatten();
    let mut items: Vec<_> =
        failures.map(|failure| failure["item"].as_str().unwrap_or_default().to_owned()).collect();
    items.sort();
    items
}

fn reason_of<'a>(job: &'a Value, item: &str) -> &'a str {
    let mut failures = job["failures"].as_array().into_iter().flatten();
    let failure = failures.find(|failure| failure["item"] == item);
    failure.and_then(|failure| failure["error"].as_str()).unwrap_or_default()
}

fn cloned_from(forge: &Forge) -> Vec<String> {
    let git = forge.log().into_iter().filter(|entry| entry.endpoint == "git");
    let mut names: Vec<_> = git
        .filter_map(|entry| {
            let path = entry.target.trim_start_matches('/');
            path.split(".git/").next().map(str::to_owned)
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn two_hundred_repositories_with_three_broken_ones() {
    let forge = organisation();
    let broken = ["acme/broken-001", "acme/broken-002", "acme/broken-003"];
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["clone", "github:acme"]);
    sandbox.waits(&id, 150, 0);
    let job = sandbox.job(&id);
    assert_eq!(job["status"], "completed", "{job:#}");
    assert_eq!(failed_items(&job), broken);
    assert_eq!(job["warnings"].as_array().map(Vec::len), Some(3), "{job:#}");
    assert_eq!(job["progress"]["current"], WHOLE, "{job:#}");
    assert_eq!(job["progress"]["failed"], 3, "{job:#}");
    assert!(reason_of(&job, broken[0]).contains("404"), "{}", reason_of(&job, broken[0]));
    assert!(reason_of(&job, broken[2]).contains("403"), "{}", reason_of(&job, broken[2]));
    println!("reasons: {:#}", job["failures"]);
    assert_eq!(clones(&sandbox).len() as u64, WHOLE);
    assert_eq!(hidden(&sandbox), Vec::<PathBuf>::new());
    sandbox.run(&["wait", &id, "--strict"]).exits(1);

    let api = sandbox.work().join("acme/api");
    git(&api, &["fsck", "--full"]);
    git(&api, &["log", "-1"]);
    let origin = git(&api, &["config", "remote.origin.url"]);
    assert!(origin.starts_with(forge.url()) && !origin.contains('@'), "{origin}");
    assert!(!origin.contains(forge.token()), "{origin}");

    // Retrying asks for the broken ones only.
    forge.clear_log();
    sandbox.run(&["resume", &id]).ok();
    sandbox.waits(&id, 60, 0);
    assert_eq!(cloned_from(&forge), broken);
    let job = sandbox.job(&id);
    assert_eq!(failed_items(&job), broken, "{job:#}");
    assert_eq!(clones(&sandbox).len() as u64, WHOLE);

    // A new job leaves what is there alone.
    forge.clear_log();
    let again = sandbox.submit(&forge, &["clone", "github:acme", "--exclude", "broken-*"]);
    assert_ne!(again, id);
    sandbox.waits(&again, 60, 0);
    assert_eq!(cloned_from(&forge), Vec::<String>::new());
    assert_eq!(sandbox.job(&again)["progress"]["current"], WHOLE);

    // When nothing succeeds the job has failed.
    let none = sandbox.submit(&forge, &["clone", "github:acme", "--match", "broken-*"]);
    sandbox.waits(&none, 60, 1);
    let job = sandbox.job(&none);
    assert_eq!(job["status"], "failed", "{job:#}");
    assert_eq!(failed_items(&job), broken);
    assert!(job["error"].as_str().is_some_and(|error| error.contains("acme/broken-")), "{job:#}");
}

#[test]
fn a_killed_clone_leaves_no_half_repository_and_goes_on() {
    let forge = worlds::start(Config { repos: 40, issues_per_repo: 1, ..Config::small() });
    forge.configure(|behaviour| behaviour.git_delay_ms = 150);
    let sandbox = Sandbox::with_token_of(&forge);
    // It goes on when told to, and not while its clones are looked at.
    let id = sandbox.submit(&forge, &["clone", "github:acme", "-j", "4", "--no-auto-resume"]);
    for wanted in [4, 12, 24] {
        let worker = sandbox.wait_for_worker(&id);
        wait_until("some are cloned", 60, || clones(&sandbox).len() >= wanted);
        processes::kill(worker.pid);
        wait_until("it is dead", 10, || processes::Process::of(worker.pid).is_none());
        for clone in clones(&sandbox) {
            git(&clone, &["fsck", "--full"]);
            git(&clone, &["status"]);
        }
        wait_until("it is seen", 20, || sandbox.status(&id) != "running");
        sandbox.run(&["resume", &id]).ok();
    }
    forge.configure(|behaviour| behaviour.git_delay_ms = 0);
    sandbox.waits(&id, 90, 0);
    let job = sandbox.job(&id);
    assert_eq!(job["warnings"], serde_json::json!([]), "{job:#}");
    assert_eq!(clones(&sandbox).len(), 42);
    assert_eq!(hidden(&sandbox), Vec::<PathBuf>::new());
    for clone in clones(&sandbox).iter().filter(|path| !path.ends_with("empty-001")) {
        git(clone, &["fsck", "--full"]);
        assert_eq!(git(clone, &["status", "--porcelain"]), "", "{}", clone.display());
    }
}

#[test]
fn names_that_no_file_system_should_believe_are_refused() {
    let forge = worlds::start(Config { hostile_names: true, ..Config::small() });
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, &["clone", "github:acme"]);
    sandbox.waits(&id, 60, 0);
    let job = sandbox.job(&id);
    assert!(!sandbox.root().join("evil").exists() && !sandbox.work().join("evil").exists());
    assert!(!sandbox.work().join("acme/.git").exists());
    assert!(!failed_items(&job).is_empty(), "{job:#}");
    for args in [["list", "--all"], ["show", &id], ["logs", &id]] {
        let told = sandbox.run(&args).ok();
        let is_shown = |c: char| !c.is_control() || c == '\n';
        assert!(told.stdout.chars().all(is_shown), "{args:?}: {:?}", told.stdout);
    }
}
