//! Recorded answers of the real Jira, and a small one in memory that the provider is played
//! against.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod conformance;
mod described;
mod document;
mod limits;
mod pages;
mod single;
mod tokens;
mod walk;
mod world;

use jobctl_provider::{Answer, IssueOrder, Order, Provider, Task, Time};
use jobctl_providers_jira::Jira;
use serde_json::Value;
use url::Url;

/// The moment at which all answers here arrive.
fn now() -> Time {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn cloud() -> Jira {
    Jira::cloud(Url::parse("https://acme.atlassian.net/").unwrap())
}

fn center() -> Jira {
    Jira::data_center(Url::parse("https://jira.example/base/").unwrap())
}

fn order() -> IssueOrder {
    IssueOrder::all("jira:PAY")
}

/// The first task of an order.
fn first(jira: &Jira, order: &Order) -> Task {
    jira.plan(order).unwrap().remove(0)
}

fn fixture(path: &str) -> String {
    let path = format!("{}/tests/fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    jobctl_provider::conformance::reply(status, headers, body.as_bytes(), now())
}

fn json(body: &Value) -> Answer {
    reply(200, &[("content-type", "application/json")], &body.to_string())
}

/// What a request posts.
fn posted(jira: &Jira, task: &Task) -> Value {
    match jira.request(task).unwrap().body {
        jobctl_provider::Body::Json(text) => serde_json::from_str(&text).unwrap(),
        jobctl_provider::Body::Empty => Value::Null,
    }
}
