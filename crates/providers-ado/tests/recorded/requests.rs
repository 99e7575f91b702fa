//! Requests, checked against Microsoft's description of the interface.

use std::collections::BTreeSet;

use jobctl_provider::{Body, IssueOrder, Mark, Method, Order, Provider, Request, Task};
use serde_json::{Value, json};

use crate::{SCOPE, ado, first, fixture, good, now, order};

/// One task of each sort.
fn tasks() -> Vec<Task> {
    let read = |task: &Task, body: &Value| ado().read(task, &good(body)).unwrap().next;
    let order = IssueOrder {
        timeline: true,
        since: Some(now()),
        state: "closed".to_owned(),
        labels: vec!["a".to_owned()],
        query: Some("[System.Title] CONTAINS 'x'".to_owned()),
        ..order()
    };
    let project = first(&Order::Import(order.clone()));
    let states = read(&project, &json!({"name": "Fabrikam-Fiber-Git"})).remove(0);
    let window = read(&states, &json!({"value": []})).remove(0);
    let batch = read(&window, &json!({"workItems": [{"id": 1}]})).remove(0);
    let row = json!({"id": 1, "fields": {
        "System.WorkItemType": "Bug", "System.State": "Closed", "System.Title": "x",
        "System.CreatedDate": "2026-01-02T10:00:00Z", "System.ChangedDate": "2026-11-22T10:00:00Z",
        "System.Tags": "a",
    }});
    let details = read(&batch, &json!({"value": [row]}));
    assert_eq!(details.len(), 2, "comments and history");
    let mark = |token: Option<&str>| {
        let mark = Mark { at: now(), token: token.map(str::to_owned) };
        first(&Order::Sync(
            IssueOrder::all(SCOPE),
            [("work items+comments".to_owned(), mark)].into(),
        ))
    };
    let mut tasks = vec![project, states, window, batch, mark(None), mark(Some("1;2;3"))];
    tasks.extend(details);
    tasks.extend([
        first(&Order::Count(IssueOrder::all(SCOPE))),
        first(&Order::Scopes { of: "fabrikam".to_owned() }),
        first(&Order::Repositories { of: "fabrikam/Fabrikam-Fiber-Git".to_owned() }),
        first(&Order::Repositories { of: "fabrikam/Fabrikam-Fiber-Git/x".to_owned() }),
    ]);
    let check = first(&Order::Items { order, numbers: vec![1] });
    tasks.push(read(&check, &json!({"value": []})).remove(0));
    tasks
}

/// Whether a path is of the form of a documented one.
fn fits(path: &str, documented: &str) -> bool {
    let parts = |path: &str| path.trim_matches('/').split('/').map(str::to_owned).collect();
    let (path, documented): (Vec<String>, Vec<String>) = (parts(path), parts(documented));
    let same = |(is, wanted): (&String, &String)| wanted.starts_with('{') || is == wanted;
    path.len() == documented.len() && path.iter().zip(&documented).all(same)
}

fn violation(operations: &Value, request: &Request) -> Option<String> {
    let method = match request.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Patch => "PATCH",
    };
    let known = operations.as_object().unwrap().iter().find(|(name, _)| {
        let (verb, path) = name.split_once(' ').unwrap();
        verb == method && fits(request.url.path(), path)
    });
    let Some((_, operation)) = known else {
        return Some(format!("{method} {} is not documented", request.url));
    };
    let texts = |field: &str| -> BTreeSet<String> {
        serde_json::from_value(operation[field].clone()).unwrap()
    };
    let mut sent: Vec<(String, BTreeSet<String>)> = vec![];
    sent.extend(request.url.query_pairs().map(|(name, _)| (name.into_owned(), texts("query"))));
    if let Body::Json(body) = &request.body {
        let body: Value = serde_json::from_str(body).unwrap();
        sent.extend(body.as_object().unwrap().keys().map(|name| (name.clone(), texts("body"))));
    }
    let unknown = sent.into_iter().find(|(name, known)| !known.contains(name));
    unknown.map(|(name, _)| format!("{method} {} has no {name}", request.url))
}

#[test]
fn every_request_is_documented_with_all_its_parts() {
    let operations = fixture("openapi/operations");
    let mut met = BTreeSet::new();
    for task in tasks() {
        let request = ado().request(&task).unwrap();
        assert_eq!(violation(&operations, &request), None);
        assert!(request.url.query_pairs().any(|(name, _)| name == "api-version"));
        met.insert(task.kind);
    }
    assert_eq!(met.len(), 10, "{met:?}");
}

#[test]
fn comments_are_asked_for_in_the_version_that_has_them() {
    let task = first(&Order::Comments { scope: SCOPE.to_owned(), numbers: vec![1] });
    let url = ado().request(&task).unwrap().url;
    assert!(url.as_str().ends_with("api-version=7.1-preview.4"), "{url}");
}

#[test]
fn the_newest_are_asked_for_in_one_query_and_no_more_than_it_gives() {
    let order = IssueOrder { limit: Some(50), ..order() };
    let project = first(&Order::Import(order.clone()));
    let read = |task: &Task, body: &Value| ado().read(task, &good(body)).unwrap().next.remove(0);
    let newest = read(&read(&project, &json!({"name": "x"})), &json!({"value": []}));
    let request = ado().request(&newest).unwrap();
    assert!(request.url.as_str().contains("%24top=50"), "{}", request.url);
    let Body::Json(body) = request.body else { panic!("no body") };
    assert!(body.contains("ORDER BY [System.ChangedDate] DESC"), "{body}");
    let too_many = IssueOrder { limit: Some(20_000), ..order };
    let refused = ado().plan(&Order::Import(too_many)).unwrap_err();
    assert!(refused.to_string().contains("19999"), "{refused}");
}

#[test]
fn the_states_of_all_types_narrow_a_query() {
    let order = IssueOrder { state: "open".to_owned(), ..order() };
    let read = |task: &Task, body: &Value| ado().read(task, &good(body)).unwrap().next.remove(0);
    let states = read(&first(&Order::Import(order)), &json!({"name": "x"}));
    let types = json!({"value": [
        {"name": "Bug", "states": fixture("openapi/states")["value"]},
        {"name": "Task", "states": [{"name": "Closed", "category": "InProgress"}]},
    ]});
    let Body::Json(body) = ado().request(&read(&states, &types)).unwrap().body else {
        panic!("no body")
    };
    let wanted = "[System.State] IN ('New', 'Active', 'CustomState', 'Resolved', 'Closed')";
    let sorted = |text: &str| {
        text.split([',', '(', ')']).map(|s| s.trim().to_owned()).collect::<BTreeSet<_>>()
    };
    let part = body.split("[System.State] IN").nth(1).unwrap().split(" AND").next().unwrap();
    assert_eq!(sorted(part), sorted(wanted.split("IN").nth(1).unwrap()), "{body}");
}
