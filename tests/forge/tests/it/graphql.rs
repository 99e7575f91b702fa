//! The GraphQL interface is as strict as the real one, and its numbers are those of the world.

use jobctl_forge::{Config, Forge, IssueVolume};
use serde_json::{Value, json};

use crate::client::{Reply, get, send};

fn forge() -> Forge {
    let issues = IssueVolume {
        issues: 250,
        comments: 300,
        restless: 1,
        dependencies: 2,
        ..Default::default()
    };
    Forge::start(Config { issues, ..Config::small() }).expect("the forge starts")
}

fn post(forge: &Forge, path: &str, body: &Value) -> Reply {
    let token = format!("Bearer {}", forge.token());
    let headers = [("user-agent", "test"), ("authorization", token.as_str())];
    send("POST", &format!("{}{path}", forge.url()), &headers, &body.to_string()).expect("a reply")
}

/// The answer to a query about acme/api; `$n` is 60.
fn ask(forge: &Forge, fields: &str) -> Value {
    let query = format!(
        "query($owner:String!,$n:Int!){{repository(owner:$owner,name:\"api\"){{{fields}}} \
         rateLimit{{cost remaining}}}}"
    );
    let body = json!({ "query": query, "variables": { "owner": "acme", "n": 60 } });
    post(forge, "/graphql", &body).json()
}

/// The code or type of the first error.
fn refusal(answer: &Value) -> &str {
    let error = &answer["errors"][0];
    error["type"].as_str().or(error["extensions"]["code"].as_str()).unwrap_or_default()
}

#[test]
fn what_the_real_one_refuses_is_refused() {
    let forge = forge();
    for (fields, wanted) in [
        ("issues{totalCount}", "MISSING_PAGINATION_BOUNDARIES"),
        ("issues(first:101){totalCount}", "EXCESSIVE_PAGINATION"),
        ("issues(first:0){totalCount}", "EXCESSIVE_PAGINATION"),
        ("issue(number:$n){nonsense}", "undefinedField"),
        ("issue(number:$n){timelineItems(first:1){nodes{...on Nonsense{id}}}}", "undefinedType"),
        (
            "issue(number:$n){timelineItems(first:1){nodes{...on MergedEvent{id}}}}",
            "cannotSpreadFragment",
        ),
        (
            "issue(number:$n){timelineItems(first:1,itemTypes:[NONE]){totalCount}}",
            "argumentLiteralsIncompatible",
        ),
        ("issue{title}", "missingRequiredArguments"),
        ("issue(number:$x){title}", "variableNotDefined"),
        ("issue(number:$n)", "selectionMismatch"),
        ("issue(number:$n){title{x}}", "selectionMismatch"),
        (
            "issues(first:100){nodes{timelineItems(first:100){nodes{...on CrossReferencedEvent{source{...on Issue{comments(first:51){totalCount}}}}}}}}",
            "MAX_NODE_LIMIT_EXCEEDED",
        ),
        ("issue(number:100000){title}", "NOT_FOUND"),
    ] {
        let answer = ask(&forge, fields);
        assert_eq!(refusal(&answer), wanted, "{fields}: {answer}");
    }
    assert_eq!(
        refusal(&post(&forge, "/graphql", &json!({ "query": "{viewer{login}" })).json()),
        ""
    );
    let stranger = send("POST", &format!("{}/graphql", forge.url()), &[("user-agent", "t")], "{}");
    assert_eq!(stranger.expect("a reply").status, 401);
}

#[test]
fn the_cost_is_the_documented_one() {
    let forge = forge();
    let cost = |fields: &str| ask(&forge, fields)["data"]["rateLimit"]["cost"].clone();
    assert_eq!(cost("issues(first:100){totalCount}"), 1);
    assert_eq!(cost("issues(first:100){nodes{comments(first:100){totalCount}}}"), 1);
    assert_eq!(
        cost(
            "issues(first:100){nodes{comments(first:100){totalCount} labels(first:20){totalCount} \
             assignees(first:10){totalCount}}}"
        ),
        3
    );
    assert_eq!(
        cost(
            "issues(first:100){nodes{comments(first:100){totalCount} labels(first:20){totalCount} \
             assignees(first:10){totalCount} timelineItems(first:100){totalCount}}}"
        ),
        4
    );
}

#[test]
fn histories_are_paged_and_equal_the_truth() {
    let forge = forge();
    let truth = forge.truth("acme/api").expect("it is there");
    let (number, issue) = truth.issues.iter().max_by_key(|(_, i)| i.history.len()).expect("some");
    let mut found = vec![];
    let mut after = String::new();
    loop {
        let fields = format!(
            "i{number}:issue(number:{number}){{timelineItems(first:100{after},itemTypes:[LABELED_EVENT,\
             UNLABELED_EVENT,ASSIGNED_EVENT,MILESTONED_EVENT,CLOSED_EVENT,CROSS_REFERENCED_EVENT,\
             LOCKED_EVENT,SUB_ISSUE_ADDED_EVENT,PARENT_ISSUE_ADDED_EVENT])\
             {{pageInfo{{hasNextPage endCursor}} nodes{{__typename ...on LabeledEvent{{id label{{name}}}} \
             ...on UnlabeledEvent{{id}} ...on AssignedEvent{{id}} ...on ClosedEvent{{id}} \
             ...on MilestonedEvent{{id}} ...on CrossReferencedEvent{{id}} ...on LockedEvent{{id}} \
             ...on SubIssueAddedEvent{{id}} ...on ParentIssueAddedEvent{{id}}}}}}}}"
        );
        let answer = ask(&forge, &fields);
        let page = answer["data"]["repository"][format!("i{number}")]["timelineItems"].clone();
        let nodes = page["nodes"].as_array().unwrap_or_else(|| panic!("{answer}"));
        found.extend(nodes.iter().map(|n| {
            (
                n["id"].as_str().unwrap_or_default().to_owned(),
                n["__typename"].as_str().unwrap_or_default().to_owned(),
            )
        }));
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = format!(",after:{}", page["pageInfo"]["endCursor"]);
    }
    assert!(found.len() > 200);
    assert_eq!(found, issue.history);
}

#[test]
fn its_budget_is_its_own_and_told_with_status_200() {
    let forge = forge();
    forge.configure(|behaviour| behaviour.graphql.limit = Some(2));
    let body = json!({ "query": "{viewer{login} rateLimit{remaining}}" });
    let first = post(&forge, "/api/graphql", &body);
    assert_eq!(
        first.json()["data"],
        json!({ "viewer": { "login": "octo" }, "rateLimit": { "remaining": 1 } })
    );
    assert_eq!(first.header("x-ratelimit-resource"), Some("graphql"));
    post(&forge, "/graphql", &body);
    let third = post(&forge, "/graphql", &body);
    assert_eq!(
        (third.status, third.json()["errors"][0]["type"].as_str()),
        (200, Some("RATE_LIMITED"))
    );
    assert_eq!(third.header("x-ratelimit-remaining"), Some("0"));
    forge.configure(|behaviour| behaviour.graphql.new_limit_word = true);
    assert_eq!(refusal(&post(&forge, "/graphql", &body).json()), "RATE_LIMIT");
    let core = get(&forge, "/user").header("x-ratelimit-used").map(str::to_owned);
    assert_eq!(core.as_deref(), Some("1"), "the other budget is not touched");
}

#[test]
fn heavy_queries_are_cut_or_fail() {
    let forge = forge();
    forge.configure(|behaviour| behaviour.graphql.nodes_in_time = Some(150));
    let fields = "a:issue(number:60){timelineItems(first:100){totalCount}} \
                  b:issue(number:61){timelineItems(first:100){totalCount}}";
    let answer = ask(&forge, fields);
    assert!(answer["data"]["repository"]["a"]["timelineItems"].is_object(), "{answer}");
    assert_eq!(answer["data"]["repository"]["b"]["timelineItems"], Value::Null);
    assert_eq!(refusal(&answer), "RESOURCE_LIMITS_EXCEEDED");
    assert_eq!(answer["errors"][0]["path"], json!(["repository", "b", "timelineItems"]));
    forge.configure(|behaviour| behaviour.graphql.heavy_nodes = Some(150));
    let query = format!("{{repository(owner:\"acme\",name:\"api\"){{{fields}}}}}");
    assert_eq!(post(&forge, "/graphql", &json!({ "query": query })).status, 502);
}

#[test]
fn the_search_ends_after_a_thousand_and_has_thirty_a_minute() {
    let forge = forge();
    forge.configure(|behaviour| behaviour.search.cap = 50);
    let search = |query: &str| get(&forge, &format!("/search/issues?per_page=40&{query}"));
    assert_eq!(search("q=repo:acme/api").status, 422, "it must say what it is for");
    let first = search("q=repo:acme/api+is:issue&sort=created&order=asc");
    let issues = forge.truth("acme/api").expect("it is there").issues;
    let wanted = issues.values().filter(|issue| !issue.is_pull).count();
    assert_eq!(first.json()["total_count"], wanted);
    assert_eq!(first.header("x-ratelimit-resource"), Some("search"));
    let second = search("q=repo:acme/api+is:issue&sort=created&order=asc&page=2");
    assert_eq!(second.json()["items"].as_array().map(Vec::len), Some(10));
    assert_eq!(search("q=repo:acme/api+is:issue&page=3").status, 422);
    forge.configure(|behaviour| behaviour.search.per_minute = Some(4));
    assert_eq!(search("q=repo:acme/api+is:issue").status, 403);
}

#[test]
fn issues_say_their_type_and_how_they_hang_together() {
    let forge = forge();
    let truth = forge.truth("acme/api").expect("it is there");
    let (child, issue) = truth.issues.iter().find(|(_, i)| i.parent.is_some()).expect("a child");
    let shown = get(&forge, &format!("/repos/acme/api/issues/{child}")).json();
    let parent = issue.parent.expect("a parent");
    let wanted = format!("{}/repos/acme/api/issues/{parent}", forge.url());
    assert_eq!(shown["parent_issue_url"], wanted);
    assert_eq!(shown["type"]["name"].as_str(), issue.type_name.as_deref());
    let (late, waits) = truth.issues.iter().find(|(_, i)| !i.blocked_by.is_empty()).expect("one");
    let path = format!("/repos/acme/api/issues/{late}/dependencies/blocked_by");
    assert_eq!(get(&forge, &path).numbers("number"), waits.blocked_by);
}
