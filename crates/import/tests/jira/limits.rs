//! Every way Jira says "slow down", and every way it says "no".

use std::time::Duration;

use jobctl_forge::jira::{CenterLimit, JiraForm, JiraRefusalRule};
use jobctl_forge::{Fault, FaultRule, Firing};
use jobctl_http::{Credential, Scheme, Secret};
use jobctl_import::{Ended, Import, ImportError};

use crate::common::{Notes, Way, behaving, done, hasty, import, import_as, middling, run};
use crate::compare::assert_equal;

fn refusing(reason: Option<&str>, form: JiraForm, seconds: f64) -> JiraRefusalRule {
    let reason = reason.map(str::to_owned);
    JiraRefusalRule { firing: Firing::Nth(4), path: None, reason, form, seconds }
}

#[tokio::test]
async fn every_form_of_a_limit_is_a_rest() {
    for form in [
        JiraForm::Seconds,
        JiraForm::Decimal,
        JiraForm::HttpDate,
        JiraForm::Reset,
        JiraForm::Html,
        JiraForm::Unavailable,
        JiraForm::Structured,
    ] {
        let rule = refusing(Some("jira-quota-tenant-based"), form, 2.0);
        let forge = behaving(|b| b.refusals = vec![rule]);
        let dir = tempfile::tempdir().unwrap();
        let notes = Notes::default();
        done(import(&forge, dir.path(), Way::Cloud), &notes).await;
        assert_equal(dir.path(), &forge);
        assert_eq!(hasty(&forge), [], "{form:?}");
        // A short failure is waited for where it is sent, like any other.
        let told = form != JiraForm::Unavailable;
        assert_eq!(!notes.rests.lock().unwrap().is_empty(), told, "{form:?}");
    }
}

#[tokio::test]
async fn every_reason_known_or_not_is_a_rest() {
    for reason in [
        Some("jira-burst-based"),
        Some("jira-quota-global-based"),
        Some("jira-per-issue-on-write"),
        Some("jira-cost-based"),
        Some("jira-max-concurrent-threads-17"),
        Some("something-from-tomorrow"),
        None,
    ] {
        let forge = behaving(|b| b.refusals = vec![refusing(reason, JiraForm::Seconds, 2.0)]);
        let dir = tempfile::tempdir().unwrap();
        done(import(&forge, dir.path(), Way::Cloud), &Notes::default()).await;
        assert_equal(dir.path(), &forge);
        assert_eq!(hasty(&forge), [], "{reason:?}");
    }
}

#[tokio::test]
async fn a_gateway_that_says_nothing_is_given_a_minute_which_is_left_to_the_caller() {
    let forge = behaving(|b| b.refusals = vec![refusing(None, JiraForm::Bare, 60.0)]);
    let dir = tempfile::tempdir().unwrap();
    let ended = run(import(&forge, dir.path(), Way::Cloud), &Notes::default()).await.unwrap();
    assert!(matches!(ended, Ended::Limited { .. }), "{ended:?}");
    assert_eq!(hasty(&forge), []);
    forge.jira().reset_limits();
    forge.jira().configure(|b| b.refusals.clear());
    let again = Import { epoch: 2, ..import(&forge, dir.path(), Way::Cloud) };
    done(again, &Notes::default()).await;
    assert_equal(dir.path(), &forge);
}

#[tokio::test]
async fn a_spent_quota_is_left_to_the_caller() {
    let forge = behaving(|b| b.limits.quota = Some(300));
    // It is full again at the top of the hour: put that far away.
    let past = forge.now().rem_euclid(3_600).unsigned_abs();
    forge.advance(Duration::from_secs(3_600 + 600 - past));
    let dir = tempfile::tempdir().unwrap();
    let ended = run(import(&forge, dir.path(), Way::Cloud), &Notes::default()).await.unwrap();
    assert!(matches!(ended, Ended::Limited { .. }), "{ended:?}");
    assert_eq!(hasty(&forge), []);
}

#[tokio::test]
async fn data_centers_limit_is_no_pause_until_it_is_one() {
    let limit = CenterLimit { limit: 3, fill_rate: 1, interval_seconds: 1 };
    let forge = behaving(|b| b.limits.center = Some(limit));
    let dir = tempfile::tempdir().unwrap();
    done(import(&forge, dir.path(), Way::Center), &Notes::default()).await;
    assert_equal(dir.path(), &forge);
    assert_eq!(hasty(&forge), []);
}

#[tokio::test]
async fn faults_of_every_kind_lose_nothing() {
    for way in Way::BOTH {
        for fault in [
            Fault::Status(500),
            Fault::Status(503),
            Fault::Html502,
            Fault::Html200,
            Fault::TruncatedJson,
            Fault::DropBeforeHead,
            Fault::DropMidBody,
        ] {
            let forge = middling();
            let rule = FaultRule { fault, firing: Firing::Every(5), path: None };
            forge.configure(|behaviour| behaviour.faults = vec![rule]);
            let dir = tempfile::tempdir().unwrap();
            done(import(&forge, dir.path(), way), &Notes::default()).await;
            assert_equal(dir.path(), &forge);
        }
    }
}

#[tokio::test]
async fn a_wrong_credential_is_never_an_empty_success() {
    let forge = middling();
    let (jira, config) = (forge.jira(), forge.jira().config());
    let basic = |user: &str, secret: &str| Credential {
        scheme: Scheme::Basic { user: user.to_owned() },
        secret: Secret::new(secret.to_owned()).unwrap(),
        expires_at: None,
    };
    let wrong = |user: &str| basic(user, "expired");
    for (base, way, credential) in [
        (jira.cloud_url(), Way::Cloud, wrong(&config.email)),
        (jira.cloud_url(), Way::Cloud, basic("somebody@example.com", &config.token)),
        (jira.cloud_url(), Way::Cloud, basic(&config.email, &config.scoped_token)),
        (jira.scoped_url(), Way::Scoped, wrong(&config.email)),
        (jira.center_url(), Way::Center, Credential::bearer(wrong("").secret)),
        (jira.center_url(), Way::CenterPassword, wrong(&config.user)),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let import = import_as(&base, dir.path(), way, credential);
        let ended = run(import, &Notes::default()).await;
        assert!(matches!(ended, Err(ImportError::Unauthorized { .. })), "{base}: {ended:?}");
    }
}

#[tokio::test]
async fn a_token_that_ends_in_the_middle_is_noticed_and_costs_nothing() {
    let forge = middling();
    let dir = tempfile::tempdir().unwrap();
    let rule = FaultRule {
        fault: Fault::Status(401),
        firing: Firing::Always,
        path: Some("bulkfetch".to_owned()),
    };
    forge.configure(|behaviour| behaviour.faults = vec![rule]);
    let ended = run(import(&forge, dir.path(), Way::Cloud), &Notes::default()).await;
    assert!(matches!(ended, Err(ImportError::Unauthorized { .. })), "{ended:?}");
    forge.configure(|behaviour| behaviour.faults.clear());
    let again = Import { epoch: 2, ..import(&forge, dir.path(), Way::Cloud) };
    done(again, &Notes::default()).await;
    assert_equal(dir.path(), &forge);
}

#[tokio::test]
async fn a_token_of_a_page_that_comes_again_leads_nowhere_twice() {
    for every in [1, 2] {
        let forge = behaving(|b| {
            b.page_of_ids = 100;
            b.repeat_token_every = Some(every);
        });
        let dir = tempfile::tempdir().unwrap();
        let import = import(&forge, dir.path(), Way::Cloud);
        let notes = Notes::default();
        let long = Duration::from_secs(300);
        let ended = tokio::time::timeout(long, run(import, &notes)).await.unwrap().unwrap();
        let Ended::Done(report) = ended else { panic!("{ended:?}") };
        // It goes on behind the last id, or fails: it is no success that lacks issues.
        if report.failures.is_empty() {
            assert_equal(dir.path(), &forge);
        }
        assert!(report.requests < 60, "{report:?}");
    }
}
