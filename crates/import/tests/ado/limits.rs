//! Throttling in its three stages, faults, and credentials that are not good.

use jobctl_forge::ado::{AdoLimits, AdoStage, AdoThrottle, AdoToken, SignIn};
use jobctl_forge::{Fault, FaultRule, Firing};
use jobctl_import::{Ended, ImportError};

use crate::common::{
    Notes, basic, behaving, done, import, import_as, middling, run, while_limited, with,
};
use crate::compare::assert_equal;

/// What may be sent before the answer that tells of a rest has been read: the provider's ceiling.
/// A client that does not rest sends ten times as much in two seconds.
const ON_THEIR_WAY: usize = 6;

fn rule(stage: AdoStage, firing: Firing) -> AdoThrottle {
    AdoThrottle { stage, firing, seconds: 2, delay_ms: 30 }
}

#[tokio::test]
async fn a_flag_is_no_pause() {
    let forge = behaving(|b| b.throttle = vec![rule(AdoStage::Flag, Firing::Always)]);
    let (dir, notes) = (tempfile::tempdir().unwrap(), Notes::default());
    done(import(&forge, dir.path()), &notes).await;
    assert_equal(dir.path(), &forge);
    assert!(notes.rests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_delayed_reply_is_taken_and_the_rest_it_asks_for_is_kept() {
    let forge = behaving(|b| b.throttle = vec![rule(AdoStage::Delay, Firing::Nth(9))]);
    let (dir, notes) = (tempfile::tempdir().unwrap(), Notes::default());
    let report = done(import(&forge, dir.path()), &notes).await;
    assert_equal(dir.path(), &forge);
    assert_eq!(report.warnings, Vec::<String>::new());
    let log = forge.log();
    let told = log.iter().find(|entry| entry.limited.is_some()).unwrap();
    assert_eq!(told.status, 200);
    assert!(while_limited(&forge) <= ON_THEIR_WAY);
    // The answer was good: it was not asked for again.
    let again = log.iter().filter(|entry| entry.target == told.target && entry.method == "GET");
    assert!(again.count() <= 1);
}

#[tokio::test]
async fn a_block_is_a_rest_and_nothing_is_lost() {
    let forge = behaving(|b| b.throttle = vec![rule(AdoStage::Block, Firing::Nth(7))]);
    let (dir, notes) = (tempfile::tempdir().unwrap(), Notes::default());
    done(import(&forge, dir.path()), &notes).await;
    assert_equal(dir.path(), &forge);
    assert!(while_limited(&forge) <= ON_THEIR_WAY);
    let rests = notes.rests.lock().unwrap();
    assert_eq!(rests[0].0, "ado");
    assert!(rests[0].1.contains("TF400733"), "{rests:?}");
}

#[tokio::test]
async fn usage_that_is_spent_is_left_to_the_caller_and_nothing_is_lost() {
    // The window is long: whoever is told waits for an hour.
    let limits = AdoLimits { tstu: Some(1.5), window_seconds: 3_600, ..AdoLimits::default() };
    let forge = behaving(|b| b.limits = limits);
    let (dir, notes) = (tempfile::tempdir().unwrap(), Notes::default());
    let ended = run(import(&forge, dir.path()), &notes).await.unwrap();
    assert!(matches!(ended, Ended::Limited { .. }), "{ended:?}");
    assert_eq!(notes.rests.lock().unwrap()[0].0, "ado");
    forge.ado().configure(|b| b.limits.tstu = None);
    forge.ado().reset_limits();
    let mut again = import(&forge, dir.path());
    again.epoch = 2;
    let report = done(again, &Notes::default()).await;
    assert_eq!(report.warnings, Vec::<String>::new());
    assert_equal(dir.path(), &forge);
}

#[tokio::test]
async fn faults_of_every_kind_lose_nothing() {
    for fault in [
        Fault::Status(503),
        Fault::Html502,
        Fault::DropBeforeHead,
        Fault::DropAfterHead,
        Fault::DropMidBody,
        Fault::TruncatedJson,
    ] {
        let forge = middling();
        let rule = FaultRule { fault, firing: Firing::Every(25), path: None };
        forge.configure(|behaviour| behaviour.faults = vec![rule]);
        let dir = tempfile::tempdir().unwrap();
        let report = done(import(&forge, dir.path()), &Notes::default()).await;
        assert_eq!(report.warnings, Vec::<String>::new(), "{fault:?}");
        assert_equal(dir.path(), &forge);
    }
}

#[tokio::test]
async fn lists_that_are_cut_short_are_completed() {
    for path in ["wiql", "workitemsbatch", "comments"] {
        let forge = middling();
        let path = Some(path.to_owned());
        let rule = FaultRule { fault: Fault::ShortPage, firing: Firing::Nth(1), path };
        forge.configure(|behaviour| behaviour.faults = vec![rule.clone()]);
        let dir = tempfile::tempdir().unwrap();
        done(import(&forge, dir.path()), &Notes::default()).await;
        assert_equal(dir.path(), &forge);
    }
}

#[tokio::test]
async fn every_form_of_a_refused_credential_is_unauthorized_and_never_an_empty_success() {
    for form in [SignIn::Page, SignIn::Redirect, SignIn::Json] {
        let forge = behaving(|b| b.sign_in = form);
        let bearer = jobctl_http::Secret::new(forge.ado().token().to_owned()).unwrap();
        for credential in [basic("expired"), jobctl_http::Credential::bearer(bearer)] {
            let dir = tempfile::tempdir().unwrap();
            let import = import_as(&forge.ado().url(), dir.path(), credential);
            let ended = run(import, &Notes::default()).await;
            assert!(matches!(ended, Err(ImportError::Unauthorized { .. })), "{form:?}: {ended:?}");
        }
        let dir = tempfile::tempdir().unwrap();
        let import = import_as(&forge.ado().server_url(), dir.path(), basic("expired"));
        let ended = run(import, &Notes::default()).await;
        assert!(matches!(ended, Err(ImportError::Unauthorized { .. })), "{ended:?}");
    }
}

#[tokio::test]
async fn a_project_that_may_not_be_read_is_a_failure_that_says_so() {
    type Made = fn(&mut AdoToken);
    let cases: [(Made, &str); 2] = [
        (|token| token.hidden_projects = vec!["Shop".to_owned()], "TF200016"),
        (|token| token.denied_projects = vec!["Shop".to_owned()], "TF50309"),
    ];
    for (change, words) in cases {
        let mut token = AdoToken::default();
        change(&mut token);
        let config = jobctl_forge::ado::AdoConfig {
            tokens: vec![token],
            ..jobctl_forge::ado::AdoConfig::small()
        };
        let forge = with(config);
        let dir = tempfile::tempdir().unwrap();
        let ended = run(import(&forge, dir.path()), &Notes::default()).await.unwrap();
        let Ended::Done(report) = ended else { panic!("{ended:?}") };
        assert!(report.failures[0].error.contains(words), "{report:?}");
    }
}
