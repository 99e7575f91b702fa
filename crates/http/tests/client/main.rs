//! The client against the simulated forge, and against servers of a few lines that do what no
//! forge does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod asked;
mod limits;
mod raw;
mod webhook;

use jobctl_forge::{Entry, Forge};
use jobctl_http::{Client, Credential, Endpoint, Secret, Sent};
use jobctl_provider::{Answer, Body, Descriptor, Method, Repeat, Request, Task};
use url::Url;

/// A client of this forge with its token.
fn client(forge: &Forge) -> Client {
    connect(forge.url(), forge.token())
}

fn connect(base: &str, token: &str) -> Client {
    let base: Url = base.parse().unwrap();
    let endpoint = Endpoint {
        name: "github".into(),
        hosts: vec![base.authority().to_owned()],
        base,
        credentials: vec![Credential::bearer(Secret::new(token.into()).unwrap())],
        allow_http: false,
    };
    Client::new(endpoint, &descriptor()).unwrap()
}

fn descriptor() -> Descriptor {
    Descriptor {
        name: "github",
        title: "GitHub",
        max_in_flight: 4,
        buckets: Vec::new(),
        shared: None,
    }
}

fn get(base: &str, path: &str) -> Request {
    Request {
        method: Method::Get,
        url: format!("{base}{path}").parse().unwrap(),
        headers: vec![("accept", "application/vnd.github+json".into())],
        body: Body::Empty,
        bucket: "core",
        cost: 1,
        repeat: Repeat::Safe,
    }
}

/// The forge's log once every reply is filed: it files them after sending them.
fn filed(forge: &Forge) -> Vec<Entry> {
    loop {
        let log = forge.log();
        if log.iter().all(|entry| entry.ended_ms.is_some()) {
            return log;
        }
        std::thread::yield_now();
    }
}

/// For requests that must not be sent twice.
fn ask_first() -> Repeat {
    let state = serde_json::Value::Null;
    let (scope, kind) = ("github:acme/api".into(), "probe".into());
    Repeat::AskFirst { probe: Box::new(Task { scope, kind, state, version: 1 }) }
}

/// The status and body of a whole reply.
fn reply(sent: Sent) -> (u16, Vec<u8>) {
    match sent {
        Sent::Answer { answer: Answer::Reply { status, body, .. }, .. } => (status, body),
        other @ (Sent::Answer { .. } | Sent::Limited { .. }) => {
            panic!("no reply: {other:?}")
        }
    }
}

/// What a fault says.
fn fault(sent: Sent) -> String {
    match sent {
        Sent::Answer { answer: Answer::Fault { message, .. }, .. } => message,
        other @ (Sent::Answer { .. } | Sent::Limited { .. }) => {
            panic!("no fault: {other:?}")
        }
    }
}
