//! Servers that fail, refuse, stall or lead elsewhere.

use std::time::Duration;

use jobctl_forge::{Auth, Delivery, Fault, FaultRule, Firing, Listener};
use jobctl_git::{CloneError, CloneOutcome, StopFlag};
use jobctl_http::StreamError;

use crate::world::{World, wanted};

const ONE: &str = "acme/repo-001";

fn with_fault(fault: Fault, firing: Firing, path: &str) -> World {
    let world = World::start(|_| {});
    world.forge.configure(|behaviour| {
        behaviour.faults.push(FaultRule { fault, firing, path: Some(path.to_owned()) });
    });
    world
}

#[test]
fn a_missing_repository_says_so() {
    let world = World::start(|_| {});
    let ended = world.clone_all(&["acme/nowhere".into()]);
    let error = ended.error();
    assert!(matches!(error, CloneError::NotFound { .. }), "{error:?}");
    assert!(error.to_string().starts_with("repository not found or no access (404)"), "{error}");
    assert!(error.hint().is_some());
    assert!(world.listed().is_empty());
}

#[test]
fn a_forbidden_repository_says_so() {
    let world = with_fault(Fault::Status(403), Firing::Always, "/info/refs");
    let ended = world.clone_all(&[ONE.into()]);
    assert!(matches!(ended.error(), CloneError::Forbidden { .. }), "{ended:?}");
}

#[test]
fn a_refused_credential_ends_the_run() {
    let mut world = World::start(|_| {});
    world.token = Some("wrong-token-value".into());
    world.options.jobs = 1;
    let ended = world.clone_all(&world.names("repo-"));
    assert!(matches!(ended.outcome, CloneOutcome::Unauthorized(_)), "{ended:?}");
    assert!(ended.failed.is_empty(), "none of them is at fault");
    assert_eq!(world.forge.log().len(), 1, "one refusal is enough");
    assert!(!format!("{ended:?}").contains("wrong-token-value"));
}

#[test]
fn without_a_credential_only_the_private_ones_fail() {
    let mut world = World::start(|config| config.repos = 4);
    world.token = None;
    let ended = world.clone_all(&world.names("repo-"));
    let error = ended.error();
    assert!(matches!(error, CloneError::Unauthorized { refused: false, .. }), "{error:?}");
    assert_eq!((ended.cloned.len(), ended.failed.len()), (3, 1));
}

#[test]
fn a_pack_that_breaks_off_leaves_nothing() {
    let world = with_fault(Fault::DropMidBody, Firing::Always, "/git-upload-pack");
    let ended = world.clone_all(&[ONE.into()]);
    let error = ended.error();
    assert!(matches!(error, CloneError::Network(StreamError::Broken { .. })), "{error:?}");
    assert!(world.listed().is_empty(), "{:?}", world.listed());
}

#[test]
fn a_pack_that_breaks_off_once_is_asked_for_again() {
    let mut world = with_fault(Fault::DropMidBody, Firing::Next(1), "/git-upload-pack");
    world.options.tries = 2;
    assert_eq!(world.clone_all(&[ONE.into()]).cloned, [ONE]);
    assert_eq!(world.listed(), ["repo-001"]);
}

#[test]
fn a_server_that_falls_silent_is_given_up() {
    let mut world = with_fault(Fault::Stall, Firing::Always, "/git-upload-pack");
    world.options.stall = Duration::from_millis(300);
    let ended = world.clone_all(&[ONE.into()]);
    let error = ended.error();
    assert!(matches!(error, CloneError::Network(StreamError::Stalled { .. })), "{error:?}");
    assert!(world.listed().is_empty());
}

#[test]
fn the_stop_flag_ends_a_silence() {
    let mut world = with_fault(Fault::Stall, Firing::Always, "/git-upload-pack");
    // Longer than any test run: only the flag can end it.
    world.options.stall = Duration::from_hours(24);
    let stop = StopFlag::default();
    let all = vec![wanted(ONE, &world.url(ONE))];
    let ended = std::thread::scope(|scope| {
        let run = scope.spawn(|| world.clone_until(all, &stop));
        let stalled = |entry: &jobctl_forge::Entry| {
            entry.method == "POST" && entry.delivery == Delivery::Open
        };
        while !world.forge.log().iter().any(stalled) {
            std::thread::yield_now();
        }
        assert_eq!(world.listed().len(), 1, "it is unfinished, and not at its place");
        assert!(world.listed()[0].starts_with(".repo-001.jobctl-0badcafe-"));
        stop.raise();
        run.join().unwrap()
    });
    assert!(matches!(ended.outcome, CloneOutcome::Stopped), "{ended:?}");
    assert!(ended.failed.is_empty());
    assert!(world.listed().is_empty());
}

#[test]
fn a_raised_flag_begins_nothing() {
    let world = World::start(|_| {});
    let stop = StopFlag::default();
    stop.raise();
    let ended = world.clone_until(vec![wanted(ONE, &world.url(ONE))], &stop);
    assert!(matches!(ended.outcome, CloneOutcome::Stopped));
    assert!(world.forge.log().is_empty());
}

#[test]
fn the_credential_does_not_follow_a_redirect_elsewhere() {
    let world = with_fault(Fault::RedirectElsewhere, Firing::Always, "/info/refs");
    let ended = world.clone_all(&[ONE.into()]);
    assert_eq!(ended.failed.len(), 1, "{ended:?}");
    let log = world.forge.log();
    let elsewhere: Vec<_> = log.iter().filter(|entry| entry.listener == Listener::Other).collect();
    assert!(!elsewhere.is_empty(), "the redirect was followed");
    assert!(elsewhere.iter().all(|entry| entry.auth == Auth::None), "{elsewhere:?}");
    assert!(log.iter().any(|entry| entry.auth == Auth::Ok), "the forge itself got it");
}

#[test]
fn a_sign_in_page_is_no_repository() {
    let world = with_fault(Fault::Html200, Firing::Always, "/info/refs");
    let ended = world.clone_all(&[ONE.into()]);
    assert!(matches!(ended.error(), CloneError::NotGit { .. }), "{ended:?}");
}

#[test]
fn a_busy_server_is_given_time() {
    let mut world = World::start(|config| config.repos = 6);
    world.options.jobs = 6;
    world.forge.configure(|behaviour| {
        behaviour.git_concurrent = Some(1);
        behaviour.git_delay_ms = 30;
    });
    let ended = world.clone_all(&world.names("repo-"));
    assert!(ended.is_done(), "{ended:?}");
    assert_eq!(ended.cloned.len(), 6);
    assert!(world.forge.log().iter().any(|entry| entry.status == 429), "or it was not busy");
}
