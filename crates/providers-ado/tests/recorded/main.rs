//! Recorded and documented answers of the real Azure DevOps, and made-up ones it must not fall
//! for.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod conformance;
mod limits;
mod listing;
mod pages;
mod requests;
mod walk;
mod world;

use jobctl_provider::{Answer, IssueOrder, Order, Provider, Task, Time};
use jobctl_providers_ado::AzureDevOps;
use serde_json::Value;
use url::Url;

/// The moment at which all answers here arrive.
fn now() -> Time {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn ado() -> AzureDevOps {
    AzureDevOps::new(Url::parse("https://dev.azure.com/").unwrap()).within("fabrikam")
}

const SCOPE: &str = "ado:fabrikam/Fabrikam-Fiber-Git";

fn order() -> IssueOrder {
    IssueOrder::all(SCOPE)
}

/// The first task of an order.
fn first(order: &Order) -> Task {
    ado().plan(order).unwrap().remove(0)
}

fn fixture(path: &str) -> Value {
    let path = format!("{}/tests/fixtures/{path}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    jobctl_provider::conformance::reply(status, headers, body.as_bytes(), now())
}

/// A good answer.
fn good(body: &Value) -> Answer {
    reply(200, &[("content-type", "application/json; charset=utf-8")], &body.to_string())
}

/// A whole answer as it was recorded.
fn recorded(name: &str) -> Answer {
    let recording = fixture(&format!("azure-devops-cli/{name}"));
    let headers: Vec<(String, String)> =
        serde_json::from_value::<std::collections::BTreeMap<_, _>>(recording["headers"].clone())
            .unwrap()
            .into_iter()
            .collect();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let body = recording["body"].as_str();
    let body = body.map_or_else(|| recording["body"].to_string(), str::to_owned);
    reply(u16::try_from(recording["status"].as_u64().unwrap()).unwrap(), &headers, &body)
}
