//! Recorded pages as steps.

use std::fmt::Write as _;

use insta::assert_snapshot;
use jobctl_provider::{Answer, Item, Order, Provider, Step};
use serde_json::{Value, json};

use crate::{fixture, github, list, order, reply};

/// A step in a few lines: what a reader of a golden wants to see.
fn told(step: &Step) -> String {
    let mut text = String::new();
    for item in &step.items {
        let line = match item {
            Item::Issue(i) => format!(
                "{} {:?} {:?} {:?} by {:?} to {:?} labels {:?} milestone {:?} comments {:?} \
                 updated {} closed {:?} {}",
                i.key,
                i.kind,
                i.state_category,
                i.title,
                i.author,
                i.assignees,
                i.labels,
                i.milestone,
                i.comments,
                i.updated_at,
                i.closed_at,
                i.url
            ),
            Item::Comment(c) => {
                format!("{} comment {} by {:?} {:?}", c.issue, c.id, c.author, c.body)
            }
            Item::Repository(r) => format!("{r:?}"),
            Item::Entry(e) => format!("{} {}", e.issue, e.what),
            Item::Scope(scope) => scope.clone(),
            Item::Passed(p) => format!("{} passed", p.key),
            Item::Met { key } => format!("{key} met"),
        };
        writeln!(text, "{line}").unwrap();
    }
    for skipped in &step.skipped {
        writeln!(text, "skipped {}: {}", skipped.item, skipped.why).unwrap();
    }
    for task in &step.next {
        let request = github().request(task).unwrap();
        writeln!(text, "next {} {} {:?}", task.kind, request.url, request.body).unwrap();
    }
    for fact in &step.facts {
        writeln!(text, "fact {}", serde_json::to_string(fact).unwrap()).unwrap();
    }
    if let Some(budget) = &step.budget {
        writeln!(text, "budget {budget:?}").unwrap();
    }
    text
}

fn recorded_page(name: &str) -> Answer {
    let mapping = fixture(&format!("hub4j/list-issues/{name}.mapping.json"));
    let mapping: Value = serde_json::from_slice(&mapping).unwrap();
    let headers: Vec<(String, String)> = mapping["response"]["headers"]
        .as_object()
        .unwrap()
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        // The recording is from 2020: as a difference of clocks it would only confuse.
        .filter(|(name, _)| name != "Date")
        .collect();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let body = String::from_utf8(fixture(&format!("hub4j/list-issues/{name}.json"))).unwrap();
    reply(200, &headers, &body)
}

#[test]
fn the_first_page_of_a_real_list() {
    let step = github().read(&list(), &recorded_page("4-r_h_g_issues")).unwrap();
    assert_snapshot!(told(&step));
}

#[test]
fn the_last_page_of_a_real_list_ends_the_chain() {
    let page = recorded_page("24-repositories_617210_issues");
    assert_snapshot!(told(&github().read(&list(), &page).unwrap()));
}

#[test]
fn pull_requests_are_passed_unless_wanted() {
    let mut order = order();
    order.pulls = false;
    let task = github().plan(&Order::Sync(order, [].into())).unwrap().remove(0);
    let step = github().read(&task, &recorded_page("24-repositories_617210_issues")).unwrap();
    let issues = step.items.iter().filter(|item| matches!(item, Item::Issue(_))).count();
    let passed = step.items.iter().filter(|item| matches!(item, Item::Passed(_))).count();
    assert_eq!((issues, passed), (2, 4));
}

#[test]
fn a_renamed_repository_says_so_and_its_lists_are_opened() {
    let pairs: Value = serde_json::from_slice(&fixture("octokit/rename-repository.json")).unwrap();
    // The client follows the 301; what the provider sees is the reply behind it.
    let body = pairs[2]["response"].to_string();
    let mut order = order();
    order.scope = "github:octokit-fixture-org/rename-repository".to_owned();
    let task = github().plan(&Order::Import(order)).unwrap().remove(0);
    assert_snapshot!(told(&github().read(&task, &reply(200, &[], &body)).unwrap()));
}

#[test]
fn one_bad_row_is_not_a_lost_page() {
    let good = json!({
        "number": 1, "title": "ok", "body": null, "state": "open", "user": null, "labels": ["a"],
        "assignees": [null], "milestone": null, "html_url": "https://github.com/a/b/issues/1",
        "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
        "closed_at": null, "comments": 0,
    });
    let mut bad = good.clone();
    bad["number"] = json!(2);
    bad["updated_at"] = json!("yesterday");
    let body = json!([good, bad, "what?"]).to_string();
    assert_snapshot!(told(&github().read(&list(), &reply(200, &[], &body)).unwrap()));
}

#[test]
fn comments_of_pull_requests_are_left_out_unless_wanted() {
    let comment = |id: u64, kind: &str| {
        json!({
            "id": id, "user": {"login": "mona"}, "body": "hi\u{0}",
            "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-02T00:00:00Z",
            "issue_url": "https://api.github.com/repos/hub4j/github-api/issues/7",
            "html_url": format!("https://github.com/hub4j/github-api/{kind}/7#issuecomment-{id}"),
        })
    };
    let body = json!([comment(1, "issues"), comment(2, "pull")]).to_string();
    for (pulls, wanted) in [(false, 1), (true, 2)] {
        let mut order = order();
        order.pulls = pulls;
        let task = github().plan(&Order::Sync(order, [].into())).unwrap().remove(1);
        let step = github().read(&task, &reply(200, &[], &body)).unwrap();
        assert_eq!(step.items.len(), wanted);
    }
}

#[test]
fn an_issue_that_answers_404_is_gone_only_if_its_repository_answers() {
    let order = Order::Comments { scope: order().scope, numbers: vec![5] };
    let task = github().plan(&order).unwrap().remove(0);
    let step = github().read(&task, &reply(404, &[], "{}")).unwrap();
    assert_snapshot!(told(&step), @"next repository https://api.github.com/repos/hub4j/github-api Empty");
    let again = &step.next[0];
    assert!(github().read(again, &reply(404, &[], "{}")).is_err());
    let step = github().read(again, &reply(200, &[], "{}")).unwrap();
    assert_snapshot!(told(&step), @r#"fact {"fact":"gone","key":"github:hub4j/github-api#5"}"#);
    let step = github().read(&task, &reply(410, &[], "{}")).unwrap();
    assert_snapshot!(told(&step), @r#"fact {"fact":"gone","key":"github:hub4j/github-api#5"}"#);
}

#[test]
fn an_owner_is_an_organisation_the_token_itself_or_another_user() {
    let order = Order::Repositories { of: "Mona".to_owned() };
    let organisation = github().plan(&order).unwrap().remove(0);
    let missing = reply(404, &[], "{}");
    let who = github().read(&organisation, &missing).unwrap().next.remove(0);
    let own = github().read(&who, &reply(200, &[], r#"{"login":"mona"}"#)).unwrap();
    assert!(told(&own).contains("/user/repos?affiliation=owner"), "{}", told(&own));
    for nobody in [reply(401, &[], "{}"), reply(200, &[], r#"{"login":"hubot"}"#)] {
        let user = github().read(&who, &nobody).unwrap();
        assert!(told(&user).contains("/users/Mona/repos?"), "{}", told(&user));
    }
    let partial = [("x-github-sso", "partial-results; organizations=1,2")];
    let step = github().read(&organisation, &reply(200, &partial, "[]")).unwrap();
    assert!(told(&step).contains(r#""fact":"partial""#), "{}", told(&step));
}

#[test]
fn totals_come_from_the_last_page_or_from_graphql_or_are_added_up() {
    let count = github().plan(&Order::Count(order())).unwrap().remove(0);
    let page = |links: &str| reply(200, &[("link", links)], "[{}]");
    let total = r#"{"fact":"total","count":12}"#;
    let last = r#"<https://api.github.com/repositories/1/issues?page=2>; rel="next", <https://api.github.com/repositories/1/issues?page=12>; rel="last""#;
    assert!(told(&github().read(&count, &page(last)).unwrap()).contains(total));
    assert!(told(&github().read(&count, &page("")).unwrap()).contains(r#""count":1}"#));
    let no_last = r#"<https://api.github.com/repositories/1/issues?after=x>; rel="next""#;
    let totals = github().read(&count, &page(no_last)).unwrap().next.remove(0);
    assert_eq!(github().request(&totals).unwrap().url.path(), "/graphql");
    let answer =
        r#"{"data":{"repository":{"issues":{"totalCount":7},"pullRequests":{"totalCount":5}}}}"#;
    assert!(told(&github().read(&totals, &reply(200, &[], answer)).unwrap()).contains(total));
    let open = github().read(&totals, &reply(404, &[], "{}")).unwrap().next.remove(0);
    let closed = github().read(&open, &page("")).unwrap().next.remove(0);
    let eleven = last.replace("page=12", "page=11");
    assert!(told(&github().read(&closed, &page(&eleven)).unwrap()).contains(total));
}

#[test]
fn a_page_that_takes_too_long_is_asked_with_fewer_rows() {
    let mut task = list();
    for rows in [50, 25] {
        let step = github().read(&task, &reply(502, &[], "<html>")).unwrap();
        task = step.next[0].clone();
        let url = github().request(&task).unwrap().url.to_string();
        assert!(url.contains(&format!("per_page={rows}")), "{url}");
    }
    assert!(github().read(&task, &reply(504, &[], "")).is_err());
    let rows = (0..25).map(|n| {
        json!({
            "number": n, "title": "t", "state": "open", "html_url": "https://github.com/a/b",
            "created_at": "2020-01-01T00:00:00Z",
            "updated_at": format!("2020-01-01T00:00:{n:02}Z"),
        })
    });
    let next = "<https://api.github.com/x?page=2>; rel=\"next\"";
    let body = json!(rows.collect::<Vec<_>>()).to_string();
    let step = github().read(&task, &reply(200, &[("link", next)], &body)).unwrap();
    let told = told(&step);
    // It does not say how long it is, and goes on with whole pages.
    assert!(told.contains("next highest number"), "{told}");
    let step = github().read(&step.next[0], &reply(200, &[], "[]")).unwrap();
    assert!(self::told(&step).contains("per_page=100"), "{step:?}");
}
