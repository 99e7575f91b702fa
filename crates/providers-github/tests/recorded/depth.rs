//! What a row says besides its text, what is asked of GitHub beyond its lists, and at what price.

use jobctl_provider::{
    Fact, IssueKind, IssueOrder, Item, Link, Mark, Marks, Order, Provider, Refusal, Size, Step,
    Task,
};
use jobctl_providers_github::GitHub;
use serde_json::{Value, json};
use url::Url;

use crate::{first, github, list, now, order, reply};

fn row(more: &Value) -> Value {
    let mut row = json!({
        "number": 5, "title": "t", "state": "open", "labels": [], "comments": 0,
        "url": "https://api.github.com/repos/hub4j/github-api/issues/5",
        "html_url": "https://github.com/hub4j/github-api/issues/5",
        "repository_url": "https://api.github.com/repos/hub4j/github-api",
        "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
    });
    for (name, value) in more.as_object().unwrap() {
        row[name] = value.clone();
    }
    row
}

fn read(task: &Task, body: &Value) -> Step {
    github().read(task, &reply(200, &[], &body.to_string())).unwrap()
}

fn issue(step: &Step) -> &jobctl_provider::Issue {
    let found = step.items.iter().find_map(|item| {
        let Item::Issue(issue) = item else { return None };
        Some(issue)
    });
    found.unwrap()
}

#[test]
fn a_row_tells_its_type_reactions_files_and_criteria() {
    let body = "See [log](https://github.com/hub4j/github-api/files/1/log.txt).\n\n\
                ## Acceptance criteria\n\n- it is fast\n\n## Notes\n\nnone";
    let step = read(
        &list(),
        &json!([row(&json!({
            "body": body, "type": { "id": 1, "name": "Bug" },
            "parent_issue_url": "https://api.github.com/repos/acme/web/issues/3",
            "reactions": { "url": "x", "total_count": 3, "+1": 2, "heart": 1, "eyes": 0 },
        }))]),
    );
    let issue = issue(&step);
    assert_eq!((issue.kind, issue.type_name.as_deref()), (IssueKind::Bug, Some("Bug")));
    assert_eq!(issue.parent.as_deref(), Some("github:acme/web#3"));
    assert_eq!(issue.reactions, [("+1".to_owned(), 2), ("heart".to_owned(), 1)].into());
    assert_eq!(issue.acceptance_criteria.as_deref(), Some("- it is fast"));
    assert_eq!(issue.attachments.len(), 1);
    assert_eq!(issue.attachments[0].name, "log");
    // A pull request stays one, whatever its type.
    let pull = json!({ "pull_request": {}, "type": { "name": "Bug" } });
    let step = read(&list(), &json!([row(&pull)]));
    assert_eq!(self::issue(&step).kind, IssueKind::PullRequest);
}

#[test]
fn an_issue_that_waits_for_others_comes_with_its_links_and_not_without() {
    let counts = json!({ "issue_dependencies_summary": {
        "blocked_by": 0, "total_blocked_by": 1, "blocking": 1, "total_blocking": 1,
    } });
    let step = read(&list(), &json!([row(&counts)]));
    let key = "github:hub4j/github-api#5".to_owned();
    assert_eq!(step.items, [Item::Met { key }]);
    let address = |task: &Task| github().request(task).unwrap().url.path().to_owned();
    assert!(address(&step.next[0]).ends_with("/issues/5/dependencies/blocked_by"));
    let other = |number: u64| {
        row(&json!({
            "url": format!("https://api.github.com/repos/acme/web/issues/{number}"),
        }))
    };
    let step = read(&step.next[0], &json!([other(7)]));
    assert_eq!(step.items, []);
    assert!(address(&step.next[0]).ends_with("/issues/5/dependencies/blocking"));
    let last = &step.next[0];
    let step = read(last, &json!([other(8)]));
    let link = |relation: &str, target: &str| Link {
        relation: relation.to_owned(),
        target: target.to_owned(),
    };
    let links = [link("blocked by", "github:acme/web#7"), link("blocks", "github:acme/web#8")];
    assert_eq!((issue(&step).links.as_slice(), step.next.len()), (links.as_slice(), 0));
    // What may not be seen costs the links, not the row.
    let refused = github().read(last, &reply(404, &[], "{}")).unwrap();
    assert_eq!((issue(&refused).links.len(), refused.skipped.len()), (1, 1));
}

/// A list whose last page was read with this tag.
fn tagged(length: usize) -> Option<Mark> {
    let rows = vec![row(&json!({})); length];
    let body = json!(rows).to_string();
    let step = github().read(&list(), &reply(200, &[("etag", "W/\"abc\"")], &body)).unwrap();
    step.facts.into_iter().find_map(|fact| {
        let Fact::Mark { mark, .. } = fact else { return None };
        Some(mark)
    })
}

#[test]
fn a_short_last_page_is_asked_again_by_its_tag() {
    let mark = tagged(3).unwrap();
    let marks: Marks = [("issues+pulls".to_owned(), mark.clone())].into();
    let probe = first(&Order::Sync(order(), marks.clone()));
    let request = github().request(&probe).unwrap();
    let plain = github().request(&list()).unwrap();
    assert_eq!(request.url, plain.url, "the same page, or the tag means nothing");
    assert!(request.headers.contains(&("if-none-match", "W/\"abc\"".to_owned())));
    assert!(plain.headers.iter().all(|(name, _)| *name != "if-none-match"));
    let step = github().read(&probe, &reply(304, &[], "")).unwrap();
    let fact = Fact::Mark { chain: "issues+pulls".to_owned(), mark };
    assert_eq!((step.items, step.facts, step.next), (vec![], vec![fact], vec![]));
    // An order with another beginning asks another page.
    let since = Some("2021-01-01T00:00:00Z".parse().unwrap());
    let other = first(&Order::Sync(IssueOrder { since, ..order() }, marks));
    let headers = github().request(&other).unwrap().headers;
    assert!(headers.iter().all(|(name, _)| *name != "if-none-match"));
}

#[test]
fn a_long_last_page_is_not_worth_its_tag() {
    assert!(tagged(50).unwrap().token.is_some());
    assert_eq!(tagged(51).unwrap().token, None);
}

#[test]
fn a_304_that_nobody_asked_for_is_no_page() {
    let read = github().read(&list(), &reply(304, &[], ""));
    assert!(matches!(read, Err(Refusal::Malformed { .. })), "{read:?}");
}

#[test]
fn partial_results_are_said_with_the_place_to_change_that() {
    let header = [("x-github-sso", "partial-results; organizations=21955855,20582480")];
    let step = github().read(&list(), &reply(200, &header, "[]")).unwrap();
    let said =
        |step: &Step| match step.facts.iter().find(|fact| matches!(fact, Fact::Partial { .. })) {
            Some(Fact::Partial { what }) => what.clone(),
            _ => panic!("nothing said: {step:?}"),
        };
    assert!(said(&step).ends_with(": https://github.com/orgs/hub4j/sso"), "{}", said(&step));
    let repositories = first(&Order::Repositories { of: "acme".to_owned() });
    let step = github().read(&repositories, &reply(200, &header, "[]")).unwrap();
    assert!(said(&step).ends_with(": https://github.com/orgs/acme/sso"), "{}", said(&step));
}

#[test]
fn the_account_its_scopes_and_its_end_are_told() {
    let task = first(&Order::Identity);
    assert_eq!(github().request(&task).unwrap().url.as_str(), "https://api.github.com/user");
    let headers = [
        ("x-oauth-scopes", "repo, read:org"),
        ("github-authentication-token-expiration", "2026-12-31 10:00:00 UTC"),
        ("x-ratelimit-limit", "5000"),
        ("x-ratelimit-remaining", "4999"),
    ];
    let step = github().read(&task, &reply(200, &headers, r#"{"login":"octo"}"#)).unwrap();
    let fact = Fact::Identity {
        name: "octo".to_owned(),
        scopes: vec!["repo".to_owned(), "read:org".to_owned()],
        expires_at: Some("2026-12-31T10:00:00Z".parse().unwrap()),
    };
    assert_eq!(step.facts, [fact]);
    assert_eq!(step.budget.unwrap().remaining, 4999);
    let app = r#"{"message":"Resource not accessible by integration"}"#;
    let step = github().read(&task, &reply(403, &[], app)).unwrap();
    assert!(matches!(&step.facts[..], [Fact::Identity { .. }]));
    let bad = github().read(&task, &reply(401, &[], r#"{"message":"Bad credentials"}"#));
    assert!(matches!(bad, Err(Refusal::Unauthorized { .. })));
}

#[test]
fn sizes_are_read_from_the_number_of_the_last_page() {
    let tasks = github().plan(&Order::Size(order())).unwrap();
    let facts: Vec<Fact> = tasks
        .iter()
        .map(|task| {
            let mut next = github().request(task).unwrap().url;
            next.query_pairs_mut().append_pair("page", "2");
            let link = format!(
                "<{next}>; rel=\"next\", <https://api.github.com/x?page=4711>; rel=\"last\""
            );
            let step = github().read(task, &reply(200, &[("link", &link)], "[{}]")).unwrap();
            assert_eq!(step.items, []);
            step.facts.into_iter().next().unwrap()
        })
        .collect();
    let estimate = |what: &str| Fact::Estimate { what: what.to_owned(), count: 4711 };
    assert_eq!(facts, [estimate("issues"), estimate("comments")]);
}

#[test]
fn forecasts_follow_what_is_asked_for() {
    let size = Size { issues: 10_000, comments: Some(30_000) };
    let plain = IssueOrder { pulls: false, ..order() };
    let cost = |order: &IssueOrder| github().forecast(order, size);
    assert_eq!(cost(&plain), 403);
    assert_eq!(cost(&IssueOrder { comments: false, ..plain.clone() }), 103);
    assert_eq!(cost(&IssueOrder { timeline: true, ..plain.clone() }), 803);
    assert_eq!(cost(&IssueOrder { limit: Some(50), comments: false, ..plain.clone() }), 4);
    assert_eq!(cost(&IssueOrder { state: "open".to_owned(), ..plain }), 10_103);
}

fn search(query: &str) -> Task {
    let order = IssueOrder { query: Some(query.to_owned()), pulls: false, ..order() };
    first(&Order::Sync(order, [].into()))
}

fn words(task: &Task) -> String {
    let url = github().request(task).unwrap().url;
    url.query_pairs().find(|(name, _)| name == "q").unwrap().1.into_owned()
}

#[test]
fn a_search_goes_on_by_creation_and_never_by_offset() {
    let task = search("memory OR leak");
    assert_eq!(words(&task), "repo:hub4j/github-api is:issue (memory OR leak)");
    assert_eq!(github().request(&task).unwrap().bucket, "search");
    let next = "<https://api.github.com/search/issues?q=x&page=2>; rel=\"next\"";
    let body = json!({
        "total_count": 5_000, "incomplete_results": false,
        "items": [row(&json!({ "score": 1.0 })), row(&json!({
            "number": 6, "created_at": "2020-02-01T00:00:00Z", "score": 0.5,
        }))],
    });
    let step = github().read(&task, &reply(200, &[("link", next)], &body.to_string())).unwrap();
    assert_eq!(step.items.len(), 2);
    assert_eq!(issue(&step).raw.get("score"), None);
    assert!(words(&step.next[0]).contains("created:>=2020-02-01T00:00:00Z"));
    // All made in that one second: only then are pages turned.
    let same = json!({
        "total_count": 4_000, "incomplete_results": false,
        "items": [row(&json!({ "created_at": "2020-02-01T00:00:00Z" }))],
    });
    let step =
        github().read(&step.next[0], &reply(200, &[("link", next)], &same.to_string())).unwrap();
    assert!(github().request(&step.next[0]).unwrap().url.as_str().ends_with("page=2"));
    // And what lies behind the thousandth of that second is said to be missing.
    let step = github().read(&step.next[0], &reply(200, &[], &same.to_string())).unwrap();
    assert!(step.facts.iter().any(|fact| matches!(fact, Fact::Partial { .. })), "{step:?}");
    assert!(words(&step.next[0]).contains("created:>=2020-02-01T00:00:01Z"));
}

#[test]
fn a_search_that_ran_out_of_time_is_no_result() {
    let body = json!({ "total_count": 1, "incomplete_results": true, "items": [row(&json!({}))] });
    let read = github().read(&search("x"), &reply(200, &[], &body.to_string()));
    assert!(matches!(read, Err(Refusal::Transient { .. })), "{read:?}");
}

#[test]
fn results_of_another_repository_are_left_out() {
    let foreign = row(&json!({ "repository_url": "https://api.github.com/repos/evil/other" }));
    let body = json!({ "total_count": 1, "incomplete_results": false, "items": [foreign] });
    let step = read(&search("x"), &body);
    assert_eq!((step.items.len(), step.skipped.len()), (0, 1));
}

#[test]
fn a_search_goes_on_where_the_last_one_began() {
    let body = json!({ "total_count": 0, "incomplete_results": false, "items": [] });
    let step = read(&search("x"), &body);
    let marks: Marks = step
        .facts
        .into_iter()
        .filter_map(|fact| {
            let Fact::Mark { chain, mark } = fact else { return None };
            Some((chain, mark))
        })
        .collect();
    assert!(marks.keys().all(|chain| chain.contains('?')), "{marks:?}");
    assert!(marks.values().all(|mark| mark.at < now()));
    let order = IssueOrder { query: Some("x".to_owned()), pulls: false, ..order() };
    let sync = first(&Order::Sync(order, marks));
    assert!(words(&sync).contains("updated:>=2026-11-21T11:45:00Z"), "{}", words(&sync));
}

#[test]
fn every_sort_of_host_has_its_addresses() {
    for (base, rest, graphql) in [
        (
            "https://api.github.com/",
            "https://api.github.com/user",
            "https://api.github.com/graphql",
        ),
        (
            "https://ghe.example/api/v3/",
            "https://ghe.example/api/v3/user",
            "https://ghe.example/api/graphql",
        ),
        (
            "https://api.acme.ghe.com/",
            "https://api.acme.ghe.com/user",
            "https://api.acme.ghe.com/graphql",
        ),
    ] {
        let github = GitHub::new(Url::parse(base).unwrap());
        let task = github.plan(&Order::Identity).unwrap().remove(0);
        assert_eq!(github.request(&task).unwrap().url.as_str(), rest);
        let order = IssueOrder { timeline: true, comments: false, ..order() };
        let list = github.plan(&Order::Sync(order, [].into())).unwrap().remove(0);
        let page = json!([row(&json!({}))]).to_string();
        let step = github.read(&list, &reply(200, &[], &page)).unwrap();
        let history = step.next.iter().find(|task| task.kind == "histories").unwrap();
        assert_eq!(github.request(history).unwrap().url.as_str(), graphql);
    }
}
