//! GraphQL answers, as documented and as seen, and what is made of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use jobctl_provider::{Body, IssueOrder, Item, Method, Order, Provider, Refusal, Step, Task};
use serde_json::{Value, json};

use crate::{github, list, now, order, reply};

/// The tasks that a page of these issues and pull requests raises.
fn raised(numbers: &[u64], pulls: &[u64]) -> Vec<Task> {
    let row = |number: &u64| {
        json!({
            "number": number, "title": "t", "state": "open", "labels": [], "comments": 0,
            "html_url": "https://github.com/hub4j/github-api/issues/1",
            "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
        })
    };
    let mut rows: Vec<Value> = numbers.iter().map(row).collect();
    rows.extend(pulls.iter().map(|number| {
        let mut row = row(number);
        row["pull_request"] = json!({});
        row
    }));
    let order = IssueOrder { timeline: true, comments: false, ..order() };
    let list = github().plan(&Order::Sync(order, [].into())).unwrap().remove(0);
    let step = github().read(&list, &reply(200, &[], &json!(rows).to_string())).unwrap();
    step.next.into_iter().filter(|task| task.kind == "histories").collect()
}

/// The one task for the histories of these issues.
fn task(numbers: &[u64]) -> Task {
    let mut tasks = raised(numbers, &[]);
    assert_eq!(tasks.len(), 1);
    tasks.remove(0)
}

fn read(task: &Task, body: &Value) -> Result<Step, Refusal> {
    github().read(task, &reply(200, &[], &body.to_string()))
}

fn query(task: &Task) -> Value {
    let request = github().request(task).unwrap();
    assert_eq!((request.method, request.bucket), (Method::Post, "graphql"));
    assert_eq!(request.url.as_str(), "https://api.github.com/graphql");
    let Body::Json(text) = request.body else { panic!("nothing is posted") };
    serde_json::from_str(&text).unwrap()
}

/// The numbers whose histories a task asks for.
fn numbers(task: &Task) -> Vec<u64> {
    serde_json::from_value(task.state["numbers"].clone()).unwrap()
}

fn page(nodes: &[Value], next: Option<&str>) -> Value {
    let info = json!({ "hasNextPage": next.is_some(), "endCursor": next.unwrap_or("end") });
    json!({ "timelineItems": { "pageInfo": info, "nodes": nodes } })
}

fn event(type_name: &str, id: &str, more: &Value) -> Value {
    let mut node = json!({
        "__typename": type_name, "id": id, "createdAt": "2026-01-02T03:04:05Z",
        "actor": { "__typename": "User", "login": "octo" },
    });
    for (name, value) in more.as_object().unwrap() {
        node[name] = value.clone();
    }
    node
}

#[test]
fn the_issues_of_a_page_are_asked_for_in_queries_of_even_size() {
    let all: Vec<u64> = (1..=85).collect();
    let tasks = raised(&all, &[101, 102]);
    let sizes: Vec<usize> = tasks.iter().map(|task| numbers(task).len()).collect();
    assert_eq!(sizes, [22, 22, 22, 19, 2]);
    let asked: BTreeSet<u64> = tasks.iter().flat_map(numbers).collect();
    assert_eq!(asked.len(), 87);
    let pulls = query(&tasks[4])["query"].as_str().unwrap().to_owned();
    assert!(pulls.contains("i101:pullRequest(number:101)") && pulls.contains("MergedEvent"));
    let issues = query(&tasks[0])["query"].as_str().unwrap().to_owned();
    assert!(issues.contains("i1:issue(number:1)") && !issues.contains("MergedEvent"));
}

#[test]
fn without_histories_wanted_none_are_asked_for() {
    let rows = json!([{
        "number": 1, "title": "t", "state": "open", "comments": 0, "html_url": "x",
        "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
    }]);
    let step = github().read(&list(), &reply(200, &[], &rows.to_string())).unwrap();
    assert_eq!((step.items.len(), step.next), (1, vec![]));
}

#[test]
fn entries_say_what_became_what() {
    let label = json!({ "label": { "name": "bug" } });
    let tie = json!({ "number": 7, "repository": { "nameWithOwner": "acme/web" } });
    let nodes = [
        event("LabeledEvent", "1", &label),
        event("UnlabeledEvent", "2", &label),
        event("RenamedTitleEvent", "3", &json!({ "previousTitle": "a", "currentTitle": "b" })),
        event("CrossReferencedEvent", "4", &json!({ "source": tie })),
        event("ClosedEvent", "5", &json!({ "stateReason": "COMPLETED", "closer": null })),
        event("ClosedEvent", "6", &json!({ "closer": tie })),
        event(
            "AssignedEvent",
            "7",
            &json!({
                "actor": null, "assignee": { "login": "ann" },
            }),
        ),
        event(
            "ReferencedEvent",
            "8",
            &json!({
                "actor": { "__typename": "Bot", "login": "renovate" }, "commit": { "oid": "c0ffee" },
            }),
        ),
        event("SubIssueAddedEvent", "9", &json!({ "subIssue": tie })),
        event("UnassignedEvent", "10", &json!({ "assignee": null })),
    ];
    let body = json!({ "data": { "repository": { "i5": page(&nodes, None) } } });
    let step = read(&task(&[5]), &body).unwrap();
    assert_eq!((step.skipped, step.next), (vec![], vec![]));
    let told: Vec<String> = step
        .items
        .iter()
        .map(|item| {
            let Item::Entry(entry) = item else { panic!("no entry: {item:?}") };
            assert_eq!(entry.issue, "github:hub4j/github-api#5");
            let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
            let (by, from, to) = (text(&entry.author), text(&entry.from), text(&entry.to));
            format!("{} {} {by}: {from} > {to}", entry.id, entry.what)
        })
        .collect();
    assert_eq!(
        told,
        [
            "1 labeled octo: - > bug",
            "2 unlabeled octo: bug > -",
            "3 renamed octo: a > b",
            "4 cross-referenced octo: - > github:acme/web#7",
            "5 closed octo: - > COMPLETED",
            "6 closed octo: - > github:acme/web#7",
            "7 assigned -: - > ann",
            "8 referenced renovate[bot]: - > c0ffee",
            "9 sub_issue_added octo: - > github:acme/web#7",
            "10 unassigned octo: - > -",
        ]
    );
}

#[test]
fn a_long_history_goes_on_alone() {
    let body = json!({ "data": { "repository": {
        "i5": page(&[event("PinnedEvent", "1", &json!({}))], Some("c1")), "i6": page(&[], None),
    } } });
    let step = read(&task(&[5, 6]), &body).unwrap();
    assert_eq!((step.items.len(), step.next.len()), (1, 1));
    let next = &step.next[0];
    assert_eq!(numbers(next), [5]);
    assert_eq!(query(next)["variables"]["after"], "c1");
    // A server that turns in a circle is not followed.
    let same = json!({ "data": { "repository": { "i5": page(&[], Some("c1")) } } });
    let step = read(next, &same).unwrap();
    assert_eq!((step.next, step.skipped.len()), (vec![], 1));
}

#[test]
fn what_was_too_heavy_is_asked_again_in_halves_down_to_the_last() {
    let heavy = |task: &Task| github().read(task, &reply(502, &[], "<html>")).unwrap().next;
    let halves = heavy(&task(&[1, 2, 3, 4, 5]));
    assert_eq!(halves.iter().map(numbers).collect::<Vec<_>>(), [vec![1, 2], vec![3, 4, 5]]);
    let mut one = task(&[1]);
    for first in [50, 25, 12] {
        one = heavy(&one).remove(0);
        assert_eq!(query(&one)["variables"]["first"], first);
    }
    let last = github().read(&one, &reply(504, &[], ""));
    assert!(matches!(last, Err(Refusal::Transient { .. })), "{last:?}");
    // Where GitHub says when to come back, that is what it wants.
    let rest = github().read(&task(&[1, 2]), &reply(502, &[("retry-after", "5")], ""));
    assert!(matches!(rest, Err(Refusal::Throttled { .. })), "{rest:?}");
}

#[test]
fn parts_of_an_answer_are_kept_and_the_others_asked_again() {
    let at = |number: u64| json!(["repository", format!("i{number}"), "timelineItems"]);
    let body = json!({
        "data": { "repository": {
            "i1": page(&[event("PinnedEvent", "1", &json!({}))], None),
            "i2": { "timelineItems": null }, "i3": null, "i4": null, "i5": null,
        } },
        "errors": [
            { "type": "RESOURCE_LIMITS_EXCEEDED", "path": at(2), "message": "Resource limits" },
            { "type": "NOT_FOUND", "path": ["repository", "i3"], "message": "Could not resolve" },
            { "type": "FORBIDDEN", "path": ["repository", "i4"], "message": "Resource protected \
              by organization SAML enforcement.", "extensions": { "saml_failure": true } },
            { "message": "Something went wrong while executing your query.",
              "path": ["repository", "i5"] },
        ],
    });
    let step = read(&task(&[1, 2, 3, 4, 5]), &body).unwrap();
    assert_eq!(step.items.len(), 1);
    assert_eq!(step.next.iter().map(numbers).collect::<Vec<_>>(), [vec![2, 5]]);
    let skipped: Vec<&str> = step.skipped.iter().map(|skipped| skipped.item.as_str()).collect();
    assert_eq!(skipped, ["history of github:hub4j/github-api#4"]);
    assert!(step.skipped[0].why.contains("SAML"));
}

#[test]
fn one_bad_entry_is_not_a_lost_page() {
    let nodes = [event("PinnedEvent", "1", &json!({})), Value::Null, json!({ "__typename": "X" })];
    let body = json!({ "data": { "repository": { "i5": page(&nodes, None) } } });
    let step = read(&task(&[5]), &body).unwrap();
    assert_eq!((step.items.len(), step.skipped.len()), (1, 2));
}

#[test]
fn an_older_server_is_asked_for_what_it_knows() {
    let unknown = json!({ "errors": [{
        "message": "No such type SubIssueAddedEvent, so it can't be a fragment condition",
        "extensions": { "code": "undefinedType" },
    }] });
    let first = task(&[5]);
    assert!(query(&first)["query"].as_str().unwrap().contains("SubIssueAddedEvent"));
    let step = read(&first, &unknown).unwrap();
    let classic = &step.next[0];
    assert!(!query(classic).to_string().contains("SubIssue"));
    assert!(!query(classic).to_string().contains("SUB_ISSUE"));
    assert!(matches!(read(classic, &unknown), Err(Refusal::Malformed { .. })));
}

#[test]
fn a_limit_in_a_good_answer_is_a_limit() {
    let reset = (now() + SignedDuration::from_secs(90)).as_second().to_string();
    let headers = [
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-limit", "5000"),
        ("x-ratelimit-resource", "graphql"),
        ("x-ratelimit-reset", reset.as_str()),
    ];
    let until = Some(now() + SignedDuration::from_secs(90));
    for error in [
        json!({ "type": "RATE_LIMITED", "message": "API rate limit exceeded for user ID 7." }),
        json!({ "type": "RATE_LIMIT", "code": "graphql_rate_limit",
                "message": "API rate limit already exceeded for user ID 7." }),
        // The type says it, whatever the words.
        json!({ "type": "RATE_LIMITED", "message": "Come back later." }),
        json!({ "type": "RATE_LIMIT", "message": "Come back later." }),
    ] {
        let body = json!({ "errors": [error] }).to_string();
        let Err(Refusal::Throttled { until: found, bucket, message }) =
            github().read(&task(&[5]), &reply(200, &headers, &body))
        else {
            panic!("no limit: {body}");
        };
        assert_eq!((found, bucket.as_deref()), (until, Some("graphql")));
        assert!(!message.is_empty());
        // Without headers the client backs off by itself.
        let bare = github().read(&task(&[5]), &reply(200, &[], &body));
        assert!(matches!(bare, Err(Refusal::Throttled { until: None, .. })), "{bare:?}");
    }
}

#[test]
fn a_secondary_limit_in_a_good_answer_holds_everything() {
    let message = "You have exceeded a secondary rate limit. Please wait a few minutes.";
    let body = json!({ "errors": [{ "message": message }] }).to_string();
    let headers = [("retry-after", "30"), ("x-ratelimit-remaining", "4000")];
    let read = github().read(&task(&[5]), &reply(200, &headers, &body));
    let until = Some(now() + SignedDuration::from_secs(30));
    assert_eq!(read, Err(Refusal::Throttled { until, bucket: None, message: message.to_owned() }));
    let refused =
        github().read(&task(&[5]), &reply(403, &[], &json!({ "message": message }).to_string()));
    assert!(matches!(refused, Err(Refusal::Throttled { bucket: None, .. })), "{refused:?}");
}

#[test]
fn a_repository_that_may_not_be_seen_is_no_empty_history() {
    for (sort, hint) in [
        ("NOT_FOUND", "spelling"),
        ("INSUFFICIENT_SCOPES", "permission"),
        ("FORBIDDEN", "permission"),
    ] {
        let body = json!({
            "data": { "repository": null },
            "errors": [{ "type": sort, "path": ["repository"], "message": "no" }],
        });
        let Err(Refusal::Forbidden { hint: Some(found), .. }) = read(&task(&[5]), &body) else {
            panic!("not refused: {sort}");
        };
        assert!(found.contains(hint), "{found}");
    }
    for body in [json!({ "data": {} }), json!({ "data": { "repository": 5 } }), json!({})] {
        let read = read(&task(&[5]), &body);
        assert!(matches!(read, Err(Refusal::Malformed { .. })), "{body}: {read:?}");
    }
}

/// The names in a query that the published schema must have.
#[test]
fn every_sort_of_entry_is_asked_for_by_its_published_name() {
    let schema = include_str!("../../../../tests/forge/fixtures/octokit/schema-table.txt");
    let listed = |head: &str| -> BTreeSet<&str> {
        let line = schema.lines().find(|line| line.starts_with(head)).unwrap();
        line[head.len()..].split(' ').collect()
    };
    let members = BTreeMap::from([
        ("issue(", ("union IssueTimelineItems ", "enum IssueTimelineItemsItemType ")),
        (
            "pullRequest(",
            ("union PullRequestTimelineItems ", "enum PullRequestTimelineItemsItemType "),
        ),
    ]);
    for task in raised(&[1], &[2]) {
        let query = query(&task);
        let text = query["query"].as_str().unwrap();
        let (union, words) = members.iter().find(|(field, _)| text.contains(**field)).unwrap().1;
        for word in query["variables"]["types"].as_array().unwrap() {
            assert!(listed(words).contains(word.as_str().unwrap()), "{word}");
        }
        for part in text.split("...on ").skip(1).filter(|part| part.contains("{id createdAt")) {
            let name = part.split('{').next().unwrap();
            assert!(listed(union).contains(name), "{name}");
        }
    }
}
