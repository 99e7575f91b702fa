//! Where requests go, with what, and how often.

use jobctl_forge::{Auth, Config, Fault, FaultRule, Firing, Forge, Listener};
use jobctl_http::{Client, ClientError, Endpoint, Transport};
use jobctl_provider::{Body, Method, Request};

use crate::{ask_first, client, descriptor, fault, filed, get, reply};

const ISSUES: &str = "/repos/acme/api/issues";

fn forge(fault: Fault, firing: Firing) -> Forge {
    let forge = Forge::start(Config::small()).unwrap();
    forge.configure(|behaviour| behaviour.faults.push(FaultRule { fault, firing, path: None }));
    forge
}

/// An edit that must not be sent twice.
fn edit(forge: &Forge) -> Request {
    Request {
        method: Method::Patch,
        body: Body::Json(r#"{"title":"new"}"#.into()),
        repeat: ask_first(),
        ..get(forge.url(), "/repos/acme/api/issues/7")
    }
}

#[tokio::test]
async fn a_request_says_who_asks() {
    let forge = Forge::start(Config::small()).unwrap();
    let client = client(&forge);
    let (status, body) = reply(client.send(&get(forge.url(), ISSUES)).await);
    assert_eq!((status, body.first()), (200, Some(&b'[')));
    let log = filed(&forge);
    assert_eq!(log[0].auth, Auth::Ok);
    assert!(log[0].user_agent.as_deref().is_some_and(|name| name.starts_with("jobctl/")));
    assert_eq!(client.sent(), 1);
}

#[tokio::test]
async fn the_credential_does_not_follow_a_redirect_elsewhere() {
    let forge = forge(Fault::RedirectElsewhere, Firing::Next(1));
    client(&forge).send(&get(forge.url(), ISSUES)).await;
    let log = filed(&forge);
    let auths: Vec<_> = log.iter().map(|entry| (entry.listener, entry.auth)).collect();
    assert_eq!(auths, [(Listener::Forge, Auth::Ok), (Listener::Other, Auth::None)]);
}

#[tokio::test]
async fn the_credential_stays_on_a_redirect_within_the_forge() {
    let forge = Forge::start(Config::small()).unwrap();
    let (status, _) = reply(client(&forge).send(&get(forge.url(), "/repos/acme/old-api")).await);
    assert_eq!(status, 200);
    let log = filed(&forge);
    assert_eq!(log.iter().map(|entry| entry.status).collect::<Vec<_>>(), [301, 200]);
    assert!(log.iter().all(|entry| entry.auth == Auth::Ok));
}

#[tokio::test]
async fn a_foreign_address_is_not_asked() {
    let forge = Forge::start(Config::small()).unwrap();
    let client = client(&forge);
    let message = fault(client.send(&get(forge.other_url(), "/x?access_token=abc")).await);
    assert!(message.contains("does not belong to this connection"), "{message}");
    assert!(message.contains("access_token=***"), "{message}");
    assert_eq!((client.sent(), filed(&forge).len()), (0, 0));
}

#[tokio::test]
async fn what_breaks_off_is_asked_again() {
    let forge = forge(Fault::DropMidBody, Firing::Next(1));
    let client = client(&forge);
    assert_eq!(reply(client.send(&get(forge.url(), ISSUES)).await).0, 200);
    assert_eq!(client.sent(), 2);
}

#[tokio::test]
async fn a_server_in_trouble_is_asked_again() {
    let forge = forge(Fault::Html502, Firing::Next(1));
    let client = client(&forge);
    assert_eq!(reply(client.send(&get(forge.url(), ISSUES)).await).0, 200);
    assert_eq!(filed(&forge).iter().map(|entry| entry.status).collect::<Vec<_>>(), [502, 200]);
}

#[tokio::test]
async fn what_must_not_be_sent_twice_is_not() {
    let forge = forge(Fault::LoseReply, Firing::Next(1));
    let message = fault(client(&forge).send(&edit(&forge)).await);
    assert!(message.contains("broke off"), "{message}");
    assert_eq!(filed(&forge).len(), 1);
}

#[tokio::test]
async fn refusals_come_back_as_they_are() {
    let forge = forge(Fault::Forbidden, Firing::Always);
    assert_eq!(reply(client(&forge).send(&get(forge.url(), ISSUES)).await).0, 403);
    assert_eq!(filed(&forge).len(), 1);
}

#[test]
fn plain_http_is_for_this_machine() {
    let endpoint = |allow_http| Endpoint {
        name: "ghe".into(),
        base: "http://user:pw@ghe.example/api/v3/".parse().unwrap(),
        hosts: Vec::new(),
        credentials: Vec::new(),
        allow_http,
    };
    let error = Client::new(endpoint(false), &descriptor()).unwrap_err();
    assert!(matches!(error, ClientError::Insecure { .. }));
    assert!(!error.to_string().contains("pw"), "{error}");
    assert!(Client::new(endpoint(true), &descriptor()).is_ok());
}
