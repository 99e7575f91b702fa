//! A connection to a simulated forge, and answers made of its good ones.

use std::cell::RefCell;
use std::collections::HashMap;

use jobctl_http::{Client, Credential, Endpoint, Sent, Transport};
use jobctl_provider::conformance::Form;
use jobctl_provider::{Answer, Descriptor, Request};
use serde_json::Value;
use url::Url;

/// Asks without budgets, pace or repeats: those are the client's, and not on trial here.
pub(crate) struct Line {
    client: Client,
    runtime: tokio::runtime::Runtime,
    /// What was answered. The forge does not change, and hundreds of readings are no import:
    /// asking it again would only run into its limits.
    answered: RefCell<HashMap<String, Answer>>,
}

impl Line {
    pub(crate) fn new(base: &Url, credential: Credential) -> Self {
        let host = format!("{}:{}", base.host_str().unwrap(), base.port().unwrap());
        let endpoint = Endpoint {
            name: "judged".to_owned(),
            base: base.clone(),
            hosts: vec![host],
            credentials: vec![credential],
            allow_http: false,
        };
        let descriptor = Descriptor {
            name: "judged",
            title: "judged",
            max_in_flight: 1,
            buckets: Vec::new(),
            shared: None,
        };
        let client = Client::new(endpoint, &descriptor).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { client, runtime, answered: RefCell::default() }
    }

    pub(crate) fn ask(&self, request: &Request) -> Answer {
        let asked = format!("{:?} {} {:?}", request.method, request.url, request.body);
        let mut answered = self.answered.borrow_mut();
        let ask = || match self.runtime.block_on(self.client.send(request)) {
            Sent::Answer { answer, .. } => answer,
            limited @ Sent::Limited { .. } => panic!("nothing limits it: {limited:?}"),
        };
        answered.entry(asked).or_insert_with(ask).clone()
    }
}

/// The JSON of a good answer.
pub(crate) fn json(good: &Answer) -> Option<Value> {
    let Answer::Reply { body, .. } = good else { return None };
    serde_json::from_slice(body).ok()
}

/// A form with a status, headers and a text.
pub(crate) fn form(good: &Answer, status: u16, headers: &[(&str, &str)], body: &str) -> Form {
    let name = format!("{status} {headers:?} {body:.40}");
    let at = match good {
        Answer::Reply { received_at, .. } => *received_at,
        Answer::Fault { at, .. } => *at,
    };
    let answer = jobctl_provider::conformance::reply(status, headers, body.as_bytes(), at);
    Form { name, answer }
}

/// A good answer with another body.
pub(crate) fn with_body(good: &Answer, body: &Value) -> Option<Answer> {
    let Answer::Reply { status, headers, received_at, .. } = good else { return None };
    let (status, headers, received_at) = (*status, headers.clone(), *received_at);
    Some(Answer::Reply { status, headers, body: body.to_string().into_bytes(), received_at })
}

/// A good answer with further headers.
pub(crate) fn with_headers(good: &Answer, more: &[(&str, &str)]) -> Option<Form> {
    let Answer::Reply { status, headers, body, received_at } = good else { return None };
    let kept = ["content-type", "etag", "link", "x-ms-continuationtoken"];
    let kept = kept.into_iter().filter_map(|name| Some((name, headers.get(name)?)));
    let headers = kept.chain(more.iter().copied()).collect();
    let (status, body, received_at) = (*status, body.clone(), *received_at);
    let name = format!("{status} {more:?}");
    Some(Form { name, answer: Answer::Reply { status, headers, body, received_at } })
}
