//! Budgets, holds and concurrency.

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use jobctl_forge::{Config, Forge};
use jobctl_http::{Credential, Identity, Secret, Sent, Transport};
use jobctl_provider::Budget;

use crate::{client, filed, get, reply};

const ISSUES: &str = "/repos/acme/api/issues?per_page=1";

#[expect(clippy::disallowed_methods, reason = "budgets are told in the time of the day")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn later(minutes: i64) -> Timestamp {
    now().checked_add(SignedDuration::from_mins(minutes)).unwrap()
}

#[tokio::test]
async fn a_spent_budget_sends_nothing() {
    let forge = Forge::start(Config::small()).unwrap();
    let client = client(&forge);
    let resets_at = later(30);
    let spent = Budget {
        bucket: "core".into(),
        limit: Some(5_000),
        remaining: 0,
        resets_at: Some(resets_at),
    };
    client.learn(Identity::default(), &spent);
    match client.send(&get(forge.url(), ISSUES)).await {
        Sent::Limited { until, bucket, .. } => {
            assert!(until >= resets_at);
            assert_eq!(bucket, "core");
        }
        Sent::Answer { answer, .. } => panic!("asked: {answer:?}"),
    }
    assert!(filed(&forge).is_empty());
    assert!(client.certain_pause(1, now()) > SignedDuration::from_mins(29));
}

#[tokio::test]
async fn a_hold_sends_nothing_and_another_credential_is_not_held() {
    let forge = Forge::start(Config::small()).unwrap();
    let client = client(&forge);
    client.hold(Identity::default(), Some(later(30)), None, "secondary limit", now());
    match client.send(&get(forge.url(), ISSUES)).await {
        Sent::Limited { message, .. } => assert_eq!(message, "secondary limit"),
        Sent::Answer { answer, .. } => panic!("asked: {answer:?}"),
    }
    let other = Secret::new("another-token".into()).unwrap();
    client.set_credentials(vec![Credential::bearer(other)]);
    assert_eq!(reply(client.send(&get(forge.url(), ISSUES)).await).0, 401);
}

#[tokio::test]
async fn concurrency_starts_low_grows_to_the_ceiling_and_halves() {
    let forge = Forge::start(Config::small()).unwrap();
    forge.configure(|behaviour| behaviour.delay_ms = 20);
    let client = client(&forge);
    assert_eq!(client.in_flight_limit(), 2);
    let request = get(forge.url(), ISSUES);
    for sent in join_all((0..60).map(|_| client.send(&request))).await {
        assert_eq!(reply(sent).0, 200);
    }
    let log = filed(&forge);
    assert!(log[..2].iter().all(|entry| entry.in_flight <= 2));
    let most = log.iter().map(|entry| entry.in_flight).max().unwrap();
    assert!((2..=4).contains(&most), "{most}");
    let before = client.in_flight_limit();
    client.hold(Identity::default(), None, None, "secondary limit", now());
    assert_eq!(client.in_flight_limit(), before / 2);
}
