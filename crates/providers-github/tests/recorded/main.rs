//! Recorded answers of the real GitHub, and made-up ones it must not fall for.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod conformance;
mod depth;
mod histories;
mod limits;
mod pages;
mod walk;

use jobctl_provider::{Answer, IssueOrder, Order, Provider, Task, Time};
use jobctl_providers_github::GitHub;
use url::Url;

/// The moment at which all answers here arrive.
fn now() -> Time {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn github() -> GitHub {
    GitHub::new(Url::parse("https://api.github.com/").unwrap())
}

fn order() -> IssueOrder {
    IssueOrder { pulls: true, ..IssueOrder::all("github:hub4j/github-api") }
}

/// The first task of an order.
fn first(order: &Order) -> Task {
    github().plan(order).unwrap().remove(0)
}

/// The task of the whole issue list.
fn list() -> Task {
    first(&Order::Sync(order(), [].into()))
}

fn fixture(path: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    jobctl_provider::conformance::reply(status, headers, body.as_bytes(), now())
}
