//! Every question, against the description that Atlassian publishes.

use std::collections::BTreeSet;

use jobctl_provider::conformance::Stage as _;
use jobctl_provider::{Body, IssueOrder, Method, Order, Provider, Request};
use serde_json::Value;

use crate::world::World;
use crate::{cloud, fixture, order};

/// The described operation that a request is, and what is wrong with it.
fn check(paths: &Value, request: &Request) -> String {
    let path = request.url.path();
    let method = match request.method {
        Method::Get => "get",
        Method::Post => "post",
        Method::Patch => "patch",
    };
    let (path, operations) =
        paths.as_object().unwrap().iter().find(|(known, _)| fits(known, path)).unwrap();
    let operation = operations.get(method).unwrap_or_else(|| panic!("{method} {path}"));
    for (name, _) in request.url.query_pairs() {
        assert!(strings(&operation["query"]).contains(&*name), "{path} knows no {name}");
    }
    match (&request.body, operation.get("body")) {
        (Body::Empty, None) => {}
        (Body::Json(text), Some(described)) => {
            let sent: Value = serde_json::from_str(text).unwrap();
            for (name, value) in sent.as_object().unwrap() {
                let sort = described["properties"][name].as_str();
                let sort = sort.unwrap_or_else(|| panic!("{path} knows no {name}"));
                let is_so = match sort {
                    "string" => value.is_string(),
                    "integer" => value.is_u64(),
                    "array" => value.is_array(),
                    "boolean" => value.is_boolean(),
                    other => panic!("{other}"),
                };
                assert!(is_so, "{path}: {name} is no {sort}");
            }
            for name in strings(&described["required"]) {
                assert!(sent.get(name).is_some(), "{path} needs {name}");
            }
        }
        (Body::Empty, Some(_)) | (Body::Json(_), None) => panic!("{path}: a body too few or many"),
    }
    path.clone()
}

fn fits(known: &str, path: &str) -> bool {
    let (known, path): (Vec<&str>, Vec<&str>) =
        (known.split('/').collect(), path.split('/').collect());
    let same = |(known, part): (&&str, &&str)| known.starts_with('{') || known == part;
    known.len() == path.len() && known.iter().zip(&path).all(same)
}

fn strings(value: &Value) -> BTreeSet<&str> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[test]
fn all_questions_are_operations_that_exist_with_fields_that_exist() {
    let description: Value =
        serde_json::from_str(&fixture("atlassian/openapi-subset.json")).unwrap();
    let jira = cloud();
    let order = IssueOrder { timeline: true, ..order() };
    let mut met = BTreeSet::new();
    for order in [
        Order::Import(order.clone()),
        Order::Sync(order.clone(), [].into()),
        Order::Items { order: order.clone(), numbers: vec![1, 99] },
        Order::Comments { scope: order.scope.clone(), numbers: vec![1] },
        Order::Count(order.clone()),
        Order::Sweep(order.clone()),
        Order::Size(order),
    ] {
        let mut world = World::of(30);
        world.names = 20;
        let mut tasks = jira.plan(&order).unwrap();
        while let Some(task) = tasks.pop() {
            let request = jira.request(&task).unwrap();
            met.insert(check(&description["paths"], &request));
            tasks.extend(jira.read(&task, &world.answer(&request)).unwrap().next);
        }
    }
    let described = description["paths"].as_object().unwrap();
    let unmet: Vec<&String> = described.keys().filter(|path| !met.contains(*path)).collect();
    // Asked through the gateway only.
    assert_eq!(unmet, ["/rest/api/3/serverInfo"]);
}
