//! Clones with the real git.

use std::path::Path;
use std::process::{Command, Output};

use base64::Engine;
use jobctl_forge::{Broken, Change, Config, Forge};

use crate::client::relaxed;

fn forge() -> Forge {
    let config = Config { repos: 4, broken_repos: 4, hostile_content: true, ..Config::small() };
    relaxed(config)
}

/// Runs git with nothing of this machine's settings.
fn git(dir: &Path, args: &[&str]) -> Output {
    Command::new("git")
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("GIT_DIR")
        .output()
        .expect("git runs")
}

fn clone(forge: &Forge, dir: &Path, name: &str, token: Option<&str>, into: &str) -> bool {
    let url = format!("{}/acme/{name}.git", forge.url());
    let header = token.map(|token| {
        let pair =
            base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{token}"));
        format!("http.extraHeader=Authorization: Basic {pair}")
    });
    let mut args = Vec::new();
    if let Some(header) = &header {
        args.extend(["-c", header]);
    }
    args.extend(["clone", "-q", &url, into]);
    git(dir, &args).status.success()
}

#[test]
fn private_repositories_need_the_token() {
    let (forge, dir) = (forge(), tempfile::tempdir().unwrap());
    let token = forge.token().to_owned();
    assert!(!clone(&forge, dir.path(), "repo-004", None, "none"));
    assert!(!clone(&forge, dir.path(), "repo-004", Some("wrong"), "wrong"));
    assert!(clone(&forge, dir.path(), "repo-004", Some(&token), "right"));
    assert!(clone(&forge, dir.path(), "repo-001", None, "public"));
    let readme = std::fs::read_to_string(dir.path().join("right/README.md")).unwrap();
    assert!(readme.starts_with("# acme/repo-004"));
    let log = git(&dir.path().join("right"), &["log", "--oneline"]);
    assert_eq!(String::from_utf8_lossy(&log.stdout).lines().count(), 3);
}

#[test]
fn broken_repositories_break_and_the_empty_one_does_not() {
    let (forge, dir) = (forge(), tempfile::tempdir().unwrap());
    let token = forge.token().to_owned();
    for (n, kind) in [Broken::Missing, Broken::DiesMidPack, Broken::Forbidden].iter().enumerate() {
        let name = format!("broken-{:03}", n + 1);
        assert!(!clone(&forge, dir.path(), &name, Some(&token), &name), "{kind:?}");
    }
    assert!(clone(&forge, dir.path(), "empty-001", Some(&token), "empty"));
    assert!(!git(&dir.path().join("empty"), &["rev-parse", "HEAD"]).status.success());
}

#[test]
fn a_stalling_clone_ends_with_the_forge() {
    let (forge, dir) = (forge(), tempfile::tempdir().unwrap());
    let url = format!("{}/acme/broken-004.git", forge.url());
    let path = dir.path().to_owned();
    let waiting = std::thread::spawn(move || git(&path, &["clone", "-q", &url]).status.success());
    while forge.log().is_empty() {
        std::thread::yield_now();
    }
    drop(forge);
    assert!(!waiting.join().unwrap());
}

#[test]
fn renamed_and_hostile_repositories_can_be_cloned() {
    let (forge, dir) = (forge(), tempfile::tempdir().unwrap());
    forge.change("acme/repo-001", &Change::RenameRepo { to: "renamed".into() }).unwrap();
    assert!(clone(&forge, dir.path(), "repo-001", None, "old"));
    assert!(clone(&forge, dir.path(), "trojan", None, "trojan"));
    assert!(dir.path().join("trojan/.jobs/new/0badcafe.jsonl").exists());
    assert!(dir.path().join("trojan/jobctl.toml").exists());
}

#[test]
fn shallow_and_partial_clones_work() {
    let (forge, dir) = (forge(), tempfile::tempdir().unwrap());
    let url = format!("{}/acme/repo-002.git", forge.url());
    let shallow = git(dir.path(), &["clone", "-q", "--depth", "1", &url, "shallow"]);
    assert!(shallow.status.success());
    let log = git(&dir.path().join("shallow"), &["log", "--oneline"]);
    assert_eq!(String::from_utf8_lossy(&log.stdout).lines().count(), 1);
    let partial = ["clone", "-q", "--filter=blob:none", "--no-checkout", &url, "partial"];
    assert!(git(dir.path(), &partial).status.success());
    let objects =
        git(&dir.path().join("partial"), &["rev-list", "--objects", "--missing=print", "HEAD"]);
    assert!(String::from_utf8_lossy(&objects.stdout).contains('?'), "blobs were left out");
}
