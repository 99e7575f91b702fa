//! Clones from the simulated forge, whose git server is git's own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod faults;
mod places;
mod world;

use std::collections::BTreeMap;
use std::process::Command;

use crate::world::World;

#[test]
fn an_organisation_is_cloned_over_few_connections() {
    let mut world = World::start(|config| config.repos = 24);
    world.options.jobs = 3;
    let proxy = world.count_connections();
    let names = world.names("repo-");
    let ended = world.clone_all(&names);
    assert!(ended.is_done(), "{ended:?}");
    assert_eq!(ended.cloned.len(), 24);
    for name in &names {
        let path = world.path(name);
        assert_eq!(git(&path, &["fsck", "--strict"]), "");
        assert_eq!(git(&path, &["status", "--porcelain"]), "");
        assert_eq!(git(&path, &["rev-parse", "HEAD"]), git(&path, &["rev-parse", "origin/HEAD"]));
    }
    // One per thread; now and then another, made while one was on its way back to the pool.
    assert!(proxy.connections() <= 6, "{} connections for 48 requests", proxy.connections());
    world.forge.clear_log();
    let again = world.clone_all(&names);
    assert_eq!(again.existing.len(), 24, "{again:?}");
    assert!(world.forge.log().is_empty(), "what is there costs no request");
}

#[test]
fn no_credential_is_written_down() {
    let world = World::start(|config| config.repos = 4);
    let names = world.names("repo-");
    assert!(world.clone_all(&names).is_done());
    let basic = world::basic(world.forge.token());
    for (path, bytes) in world.files() {
        for secret in [world.forge.token().as_bytes(), basic.as_bytes()] {
            let found = bytes.windows(secret.len()).any(|window| window == secret);
            assert!(!found, "{} holds the credential", path.display());
        }
    }
    let config = git(&world.path(&names[0]), &["config", "remote.origin.url"]);
    assert_eq!(config, world.url(&names[0]));
}

#[test]
fn an_empty_repository_is_cloned() {
    let world = World::start(|config| config.empty_repos = 1);
    let ended = world.clone_all(&["acme/empty-001".into()]);
    assert_eq!(ended.cloned, ["acme/empty-001"], "{ended:?}");
    assert_eq!(git(&world.path("acme/empty-001"), &["rev-list", "--all"]), "");
    assert_eq!(world.clone_all(&["acme/empty-001".into()]).existing, ["acme/empty-001"]);
}

#[test]
fn a_renamed_repository_is_found_where_it_went() {
    let world = World::start(|config| config.renamed = true);
    let ended = world.clone_all(&["acme/old-api".into()]);
    assert_eq!(ended.cloned, ["acme/old-api"], "{ended:?}");
}

#[test]
fn depth_is_the_number_of_commits() {
    let mut world = World::start(|_| {});
    let whole = world.clone_all(&["acme/repo-001".into()]);
    assert!(whole.is_done(), "{whole:?}");
    let count = |world: &World| git(&world.path("acme/repo-001"), &["rev-list", "--count", "HEAD"]);
    assert_ne!(count(&world), "1", "or the other half of this test shows nothing");
    world.options.into = world.options.into.join("shallow");
    world.options.depth = Some(1);
    assert!(world.clone_all(&["acme/repo-001".into()]).is_done());
    assert_eq!(count(&world), "1");
}

#[test]
fn a_users_git_configuration_plays_no_part() {
    let home = tempfile::tempdir().unwrap();
    let config = "[url \"http://127.0.0.1:9/\"]\n\tinsteadOf = http://\n";
    for file in [".gitconfig", "git/config"] {
        let file = home.path().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test's input need not be durable")]
        std::fs::write(file, config).unwrap();
    }
    // libgit2 reads the environment once per process.
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "no_credential_is_written_down"])
        .env("HOME", home.path())
        .env("XDG_CONFIG_HOME", home.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn events_tell_each_repository_once() {
    let world = World::start(|config| config.broken_repos = 1);
    let names = [world.names("repo-"), world.names("broken-")].concat();
    let ended = world.clone_all(&names);
    let mut told: BTreeMap<&str, u32> = BTreeMap::new();
    let failed = ended.failed.iter().map(|(name, _)| name);
    for name in ended.cloned.iter().chain(failed) {
        *told.entry(name).or_default() += 1;
    }
    assert_eq!(told.len(), names.len());
    assert!(told.values().all(|count| *count == 1), "{told:?}");
    assert_eq!(ended.started.len(), names.len());
}

/// What git says, without the last line break; git's own configuration is left out.
fn git(path: &std::path::Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .arg("-C")
        .arg(path)
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}
