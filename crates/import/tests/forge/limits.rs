//! Limits, faults, stops and kills.

use std::time::Duration;

use crate::common::{Notes, assert_equal, done, import, order, run};
use jobctl_forge::{Config, Fault, FaultRule, Firing, Forge, IssueVolume, Limits, SecondaryStyle};
use jobctl_import::{Ended, ImportError};
use jobctl_warehouse::Kinds;

const SCOPE: &str = "github:acme/api";

fn forge() -> Forge {
    let issues = IssueVolume { issues: 800, comments: 2_500, ..IssueVolume::default() };
    Forge::start(Config { issues, repos: 2, recorded: false, ..Config::default() }).unwrap()
}

fn while_limited(forge: &Forge) -> usize {
    forge.log().iter().filter(|entry| entry.while_limited).count()
}

#[tokio::test]
async fn a_spent_budget_stops_all_requests_until_it_is_full_again() {
    let forge = forge();
    forge.configure(|behaviour| {
        behaviour.limits = Limits { primary: Some(30), window_seconds: 4, ..Limits::default() };
    });
    // So few that the slowest machine spends them before the window ends.
    forge.spend(5);
    let dir = tempfile::tempdir().unwrap();
    let notes = Notes::default();
    let report = done(import(&forge, dir.path(), "1", 1, order(SCOPE)), &notes).await;
    assert_equal(dir.path(), &forge.truth("acme/api").unwrap(), Kinds::Issues);
    let rests = notes.rests.lock().unwrap();
    assert!(!rests.is_empty());
    assert!(rests.iter().all(|(_, bucket, _)| bucket == "core"), "{rests:?}");
    assert_eq!(while_limited(&forge), 0, "{report:?}");
}

#[tokio::test]
async fn every_form_of_a_secondary_limit_is_a_rest() {
    for style in [
        SecondaryStyle::Seconds,
        SecondaryStyle::Decimal,
        SecondaryStyle::HttpDate,
        SecondaryStyle::TooManyRequests,
        SecondaryStyle::Abuse,
    ] {
        let forge = forge();
        forge.secondary(style, 1.0);
        let dir = tempfile::tempdir().unwrap();
        let notes = Notes::default();
        let report = done(import(&forge, dir.path(), "1", 1, order(SCOPE)), &notes).await;
        assert_eq!(report.failures, [], "{style:?}");
        assert_equal(dir.path(), &forge.truth("acme/api").unwrap(), Kinds::Issues);
        // On a machine that is slow enough the limit is over before the first request.
        let told = forge.log().iter().filter(|entry| entry.limited.is_some()).count();
        let heard = notes.rests.lock().unwrap().len();
        assert_eq!(heard.min(1), told.min(1), "{style:?}: {told} told, {heard} heard");
        assert!(heard <= told, "what was in flight counts once, {style:?}");
    }
}

#[tokio::test]
async fn a_limit_that_does_not_say_how_long_holds_for_a_minute_and_is_left_to_the_caller() {
    for style in [SecondaryStyle::NoRetryAfter, SecondaryStyle::BodyOnly] {
        let forge = forge();
        forge.secondary(style, 60.0);
        let dir = tempfile::tempdir().unwrap();
        let notes = Notes::default();
        let ended = run(import(&forge, dir.path(), "1", 1, order(SCOPE)), &notes).await.unwrap();
        assert!(matches!(ended, Ended::Limited { .. }), "{ended:?}");
        forge.reset_limits();
        let notes = Notes::default();
        let report = done(import(&forge, dir.path(), "1", 2, order(SCOPE)), &notes).await;
        assert_eq!(report.failures, []);
        assert_equal(dir.path(), &forge.truth("acme/api").unwrap(), Kinds::Issues);
    }
}

#[tokio::test]
async fn faults_of_every_kind_lose_nothing() {
    for fault in [
        Fault::Status(502),
        Fault::Status(503),
        Fault::Html502,
        Fault::DropBeforeHead,
        Fault::DropAfterHead,
        Fault::DropMidBody,
    ] {
        let forge = forge();
        let rule = FaultRule { fault, firing: Firing::Every(6), path: None };
        forge.configure(|behaviour| behaviour.faults = vec![rule]);
        let dir = tempfile::tempdir().unwrap();
        let notes = Notes::default();
        let report = done(import(&forge, dir.path(), "1", 1, order(SCOPE)), &notes).await;
        assert_eq!((report.failures, report.warnings), (vec![], vec![]), "{fault:?}");
        assert_equal(dir.path(), &forge.truth("acme/api").unwrap(), Kinds::Issues);
    }
}

#[tokio::test]
async fn a_stop_is_prompt_and_the_next_attempt_goes_on_where_it_was() {
    let forge = forge();
    forge.configure(|behaviour| behaviour.delay_ms = 5);
    let dir = tempfile::tempdir().unwrap();
    let mut epoch = 0;
    loop {
        epoch += 1;
        let notes = Notes::stopping_after(4);
        match run(import(&forge, dir.path(), "1", epoch, order(SCOPE)), &notes).await.unwrap() {
            Ended::Stopped => {}
            Ended::Done(_) => break,
            ended @ Ended::Limited { .. } => panic!("{ended:?}"),
        }
    }
    assert!(epoch > 5, "{epoch}");
    assert_equal(dir.path(), &forge.truth("acme/api").unwrap(), Kinds::Issues);
    // Stops wait for what is in flight, so no answered request was asked again but the rounds
    // of catching up, which look twice when a stop fell into them.
    let mut targets: Vec<String> = forge.log().into_iter().map(|entry| entry.target).collect();
    let all = targets.len();
    targets.sort();
    targets.dedup();
    assert!(all - targets.len() <= 8, "{all} requests, {} different", targets.len());
}

#[tokio::test]
async fn a_kill_repeats_only_what_was_in_flight() {
    let forge = forge();
    forge.configure(|behaviour| behaviour.delay_ms = 20);
    let dir = tempfile::tempdir().unwrap();
    for (epoch, life) in (1..).zip([30, 60, 100, 150, 200, 120, 90]) {
        let notes = Notes::default();
        let mut import = import(&forge, dir.path(), "1", epoch, order(SCOPE));
        let life = Duration::from_millis(life);
        // Dropped in the middle, as by a kill: whatever is in flight is lost.
        if tokio::time::timeout(life, import.run(&notes)).await.is_ok() {
            break;
        }
    }
    let report = done(import(&forge, dir.path(), "1", 99, order(SCOPE)), &Notes::default()).await;
    assert_eq!((report.failures, report.warnings), (vec![], vec![]));
    assert_equal(dir.path(), &forge.truth("acme/api").unwrap(), Kinds::Issues);
}

#[tokio::test]
async fn a_refused_credential_ends_the_run() {
    let forge = forge();
    let dir = tempfile::tempdir().unwrap();
    let rule = FaultRule { fault: Fault::Status(401), firing: Firing::Always, path: None };
    forge.configure(|behaviour| behaviour.faults = vec![rule]);
    let notes = Notes::default();
    let ended = run(import(&forge, dir.path(), "1", 1, order(SCOPE)), &notes).await;
    assert!(matches!(ended, Err(ImportError::Unauthorized { .. })), "{ended:?}");
    forge.configure(|behaviour| behaviour.faults.clear());
    done(import(&forge, dir.path(), "1", 2, order(SCOPE)), &Notes::default()).await;
    assert_equal(dir.path(), &forge.truth("acme/api").unwrap(), Kinds::Issues);
}

#[tokio::test]
async fn one_scope_fails_the_others_go_on_and_a_new_attempt_tries_it_again() {
    let forge = forge();
    let dir = tempfile::tempdir().unwrap();
    let rule = FaultRule {
        fault: Fault::Forbidden,
        firing: Firing::Always,
        path: Some("/repos/acme/repo-001".to_owned()),
    };
    forge.configure(|behaviour| behaviour.faults = vec![rule]);
    let two = |epoch| {
        let mut import = import(&forge, dir.path(), "1", epoch, order("github:acme/repo-001"));
        import.orders.push(order("github:acme/nothing"));
        import.orders.push(order(SCOPE));
        import
    };
    let report = done(two(1), &Notes::default()).await;
    let failed: Vec<&str> = report.failures.iter().map(|f| f.item.as_str()).collect();
    assert_eq!(failed, ["github:acme/repo-001", "github:acme/nothing"]);
    assert!(report.failures[1].error.contains("may not see it"), "{report:?}");
    forge.configure(|behaviour| behaviour.faults.clear());
    forge.clear_log();
    let report = done(two(2), &Notes::default()).await;
    let failed: Vec<&str> = report.failures.iter().map(|f| f.item.as_str()).collect();
    assert_eq!(failed, ["github:acme/nothing"]);
    let again = |entry: &jobctl_forge::Entry| entry.target.contains("/acme/api/issues?");
    assert!(forge.log().iter().filter(|entry| again(entry)).count() <= 3);
}
