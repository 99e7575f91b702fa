use jobctl_provider::conformance::violations;
use jobctl_provider::{IssueOrder, Order, Provider, Refusal};
use serde_json::json;

use crate::{github, list, now, order, reply};

fn orders() -> Vec<Order> {
    let scope = order().scope;
    let since = Some("2026-01-01T00:00:00Z".parse().unwrap());
    vec![
        Order::Import(order()),
        Order::Import(IssueOrder { limit: Some(10), ..order() }),
        Order::Sync(order(), [].into()),
        Order::Sync(IssueOrder { since, labels: vec!["a b".to_owned()], ..order() }, [].into()),
        Order::Comments { scope, numbers: vec![1, 2] },
        Order::Items { order: order(), numbers: vec![3] },
        Order::Count(order()),
        Order::Sweep(order()),
        Order::Size(order()),
        Order::Identity,
        Order::Import(IssueOrder { timeline: true, ..order() }),
        Order::Import(IssueOrder { query: Some("memory leak".to_owned()), ..order() }),
        Order::Size(IssueOrder { query: Some("memory leak".to_owned()), ..order() }),
        Order::Repositories { of: "acme".to_owned() },
        Order::Repositories { of: "github:acme/api".to_owned() },
    ]
}

#[test]
fn the_kit_finds_nothing() {
    assert_eq!(violations(&github(), &orders(), now()), Vec::<String>::new());
}

#[test]
fn a_search_within_a_search_is_refused() {
    for query in ["repo:evil/other x", "-org:acme", "(user:me)", "an \"open quotation"] {
        let order = IssueOrder { query: Some(query.to_owned()), ..order() };
        assert!(github().plan(&Order::Import(order.clone())).is_err(), "{query}");
        assert!(github().plan(&Order::Size(order)).is_err(), "{query}");
    }
}

#[test]
fn scopes_that_are_no_repository_are_refused() {
    for scope in ["github:acme", "github:a/b/c", "github:../..", "github:a/b?c", "github:a/ b"] {
        let order = IssueOrder { scope: scope.to_owned(), ..order() };
        assert!(github().plan(&Order::Import(order)).is_err(), "{scope}");
    }
    for of in ["", "a b", "a/b/c", "../x"] {
        assert!(github().plan(&Order::Repositories { of: of.to_owned() }).is_err(), "{of}");
    }
}

#[test]
fn a_next_page_elsewhere_is_refused_and_never_asked() {
    for next in [
        "https://evil.example/repositories/1/issues?page=2",
        "http://api.github.com/repositories/1/issues?page=2",
        "https://api.github.com:444/repositories/1/issues?page=2",
        "https://token@api.github.com/repositories/1/issues?page=2",
    ] {
        let link = format!("<{next}>; rel=\"next\"");
        let read = github().read(&list(), &reply(200, &[("link", &link)], "[]"));
        assert!(matches!(read, Err(Refusal::Malformed { .. })), "{next}");
    }
    // Nor from a store that somebody wrote into.
    let mut task = list();
    task.state["stretch"] = json!({
        "next": "https://evil.example/x", "last": null, "pages": 1, "reading": 1,
        "seen": {"count": 0, "sum": 0}, "before": null, "goal": null,
    });
    assert!(matches!(github().request(&task), Err(Refusal::Malformed { .. })));
}

#[test]
fn a_page_that_is_its_own_next_is_refused() {
    let asked = github().request(&list()).unwrap().url;
    let link = format!("<{asked}>; rel=\"next\"");
    let read = github().read(&list(), &reply(200, &[("link", &link)], "[]"));
    assert!(matches!(read, Err(Refusal::Malformed { .. })));
}

#[test]
fn a_task_of_a_later_version_is_not_guessed_at() {
    let mut task = list();
    task.version = 99;
    assert!(matches!(github().request(&task), Err(Refusal::Malformed { .. })));
}
