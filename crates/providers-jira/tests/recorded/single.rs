//! Accounts, the gateway, threads that move, issues that are gone.

use jobctl_provider::{Fact, IssueOrder, Item, Order, Provider, Refusal, Step, Task};
use jobctl_providers_jira::Jira;
use serde_json::{Value, json};
use url::Url;

use crate::{center, cloud, first, json as good, order, posted, reply};

fn path(jira: &Jira, task: &Task) -> String {
    let url = jira.request(task).unwrap().url;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{query}", url.path())
}

fn only(step: Step) -> Task {
    let [task] = <[Task; 1]>::try_from(step.next).unwrap();
    task
}

#[test]
fn an_account_has_a_name() {
    for jira in [cloud(), center()] {
        let task = first(&jira, &Order::Identity);
        let me =
            json!({ "accountId": "5", "displayName": "Ann", "emailAddress": "a@acme.example" });
        let step = jira.read(&task, &good(&me)).unwrap();
        let name = "Ann".to_owned();
        assert_eq!(step.facts, [Fact::Identity { name, scopes: vec![], expires_at: None }]);
        assert!(matches!(jira.read(&task, &good(&json!({}))), Err(Refusal::Malformed { .. })));
    }
    assert_eq!(path(&center(), &first(&center(), &Order::Identity)), "/base/rest/api/2/myself");
}

#[test]
fn through_the_gateway_the_site_is_asked_for_what_browsers_open() {
    let base = "https://api.atlassian.com/ex/jira/c-1/";
    let jira = Jira::cloud(Url::parse(base).unwrap());
    let fields = first(&jira, &Order::Items { order: order(), numbers: vec![1] });
    assert_eq!(path(&jira, &fields), "/ex/jira/c-1/rest/api/3/field");
    let site = only(jira.read(&fields, &good(&json!([]))).unwrap());
    assert_eq!(path(&jira, &site), "/ex/jira/c-1/rest/api/3/serverInfo");
    let at = json!({ "baseUrl": "https://acme.atlassian.net" });
    let fetch = only(jira.read(&site, &good(&at)).unwrap());
    let page = json!({ "issues": [{ "id": "1", "key": "PAY-1", "fields": {
        "summary": "s", "created": "2020-01-01T00:00:00Z", "updated": "2020-01-01T00:00:00Z" } }] });
    let step = jira.read(&fetch, &good(&page)).unwrap();
    let Item::Issue(issue) = &step.items[0] else { panic!("{step:?}") };
    assert_eq!(issue.url, "https://acme.atlassian.net/browse/PAY-1");
}

#[test]
fn issues_that_are_not_given_are_gone_only_if_their_project_answers() {
    let jira = cloud();
    let fields = first(&jira, &Order::Items { order: order(), numbers: vec![1, 2, 3] });
    let fetch = only(jira.read(&fields, &good(&json!([]))).unwrap());
    assert_eq!(posted(&jira, &fetch)["issueIdsOrKeys"], json!(["PAY-1", "PAY-2", "PAY-3"]));
    // One was moved and shows its new key, the others are not there.
    let moved =
        json!({ "issues": [{ "id": "1", "key": "OTHER-9", "fields": {} }], "issueErrors": [] });
    let step = jira.read(&fetch, &good(&moved)).unwrap();
    assert!(step.items.is_empty() && step.skipped.is_empty() && step.facts.is_empty());
    let absent = only(step);
    assert_eq!(path(&jira, &absent), "/rest/api/3/project/PAY");
    let step = jira.read(&absent, &good(&json!({ "key": "PAY" }))).unwrap();
    let gone = |n: u64| Fact::Gone { key: format!("PAY-{n}") };
    assert_eq!(step.facts, [gone(1), gone(2), gone(3)]);
    let hidden = reply(404, &[], r#"{"errorMessages":["No project could be found"]}"#);
    assert!(matches!(jira.read(&absent, &hidden), Err(Refusal::Forbidden { .. })));
    let renamed = jira.read(&absent, &good(&json!({ "key": "CASH" })));
    assert!(matches!(renamed, Err(Refusal::Forbidden { .. })));
}

#[test]
fn data_center_asks_issues_one_by_one_and_a_404_is_asked_again_of_the_project() {
    let jira = center();
    let order = IssueOrder { timeline: true, ..order() };
    let fields = first(&jira, &Order::Items { order, numbers: vec![1, 2] });
    let step = jira.read(&fields, &good(&json!([]))).unwrap();
    let paths: Vec<String> = step.next.iter().map(|task| path(&jira, task)).collect();
    let wanted = |n: u64| format!("/base/rest/api/2/issue/PAY-{n}?fields=*all&expand=changelog");
    assert_eq!(paths, [wanted(1), wanted(2)]);
    let absent = only(jira.read(&step.next[0], &reply(404, &[], "{}")).unwrap());
    assert_eq!(path(&jira, &absent), "/base/rest/api/2/project/PAY");
}

#[test]
fn a_list_without_a_row_says_nothing_until_the_account_is_known() {
    let empty = good(&json!({ "issues": [], "isLast": true, "total": 0 }));
    for jira in [cloud(), center()] {
        for order in [Order::Sync(order(), [].into()), Order::Sweep(order()), Order::Count(order())]
        {
            let mut task = first(&jira, &order);
            if task.kind == "fields" {
                task = only(jira.read(&task, &good(&json!([]))).unwrap());
            }
            if task.kind == "count" {
                continue;
            }
            let step = jira.read(&task, &empty).unwrap();
            assert!(step.facts.is_empty(), "{step:?}");
            let myself = only(step);
            let stranger = jira.read(&myself, &reply(401, &[], "{}"));
            assert!(matches!(stranger, Err(Refusal::Unauthorized { .. })), "{stranger:?}");
            let step = jira.read(&myself, &good(&json!({ "displayName": "Ann" }))).unwrap();
            assert!(!step.facts.is_empty() && step.next.is_empty(), "{step:?}");
        }
    }
}

#[test]
fn an_import_does_without_the_number_that_its_progress_wants_and_a_preview_does_not() {
    let jira = cloud();
    let myself = first(&jira, &Order::Import(order()));
    let fields = only(jira.read(&myself, &good(&json!({ "displayName": "Ann" }))).unwrap());
    let names = only(jira.read(&fields, &good(&json!([]))).unwrap());
    let page = json!({ "issues": [{ "id": "1", "key": "PAY-1" }], "nextPageToken": "a" });
    let step = jira.read(&names, &good(&page)).unwrap();
    let about = step.next.iter().find(|task| task.kind == "count").unwrap();
    assert_eq!(path(&jira, about), "/rest/api/3/search/approximate-count");
    let none = reply(404, &[], "{}");
    let step = jira.read(about, &none).unwrap();
    assert!(step.facts.is_empty() && step.next.is_empty(), "{step:?}");
    let counted = jira.read(about, &good(&json!({ "count": 7 }))).unwrap();
    assert_eq!(counted.facts, [Fact::Estimate { what: "issues".to_owned(), count: 7 }]);
    let preview = first(&jira, &Order::Size(order()));
    assert!(matches!(jira.read(&preview, &none), Err(Refusal::Forbidden { .. })));
}

fn thread(number: u64) -> Task {
    first(&cloud(), &Order::Comments { scope: order().scope, numbers: vec![number] })
}

fn comments(ids: std::ops::Range<u64>, total: u64) -> Value {
    let comments: Vec<Value> =
        ids.map(|id| json!({ "id": id.to_string(), "created": "2020-01-01T00:00:00Z" })).collect();
    json!({ "comments": comments, "total": total })
}

#[test]
fn pages_of_a_thread_overlap_by_one_and_begin_anew_when_it_moved() {
    let jira = cloud();
    let read = |task: &Task, page: &Value| jira.read(task, &good(page)).unwrap();
    let begin = "/rest/api/3/issue/PAY-5/comment?startAt=0&maxResults=100&orderBy=created";
    assert_eq!(path(&jira, &thread(5)), begin);
    let second = only(read(&thread(5), &comments(0..100, 150)));
    assert!(path(&jira, &second).contains("startAt=99"), "{}", path(&jira, &second));
    let step = read(&second, &comments(99..150, 150));
    assert!(matches!(&step.facts[..], [Fact::Comments { issue, .. }] if issue == "PAY-5"));
    assert!(step.next.is_empty());
    // An earlier one was deleted: all behind it moved up.
    for moved in [comments(100..150, 150), comments(99..149, 149), comments(0..0, 0)] {
        let step = read(&second, &moved);
        assert!(step.facts.is_empty(), "{step:?}");
        assert_eq!(path(&jira, &only(step)), begin);
    }
    // A thread that is never still ends without a proof.
    let mut task = second;
    for _ in 0..3 {
        let anew = only(read(&task, &comments(100..150, 149)));
        task = only(read(&anew, &comments(0..100, 150)));
    }
    let step = read(&task, &comments(100..150, 149));
    assert!(step.next.is_empty() && step.facts.is_empty());
    // A comment that cannot be read is no proof either.
    let bad = json!({ "comments": [{ "id": "1" }], "total": 1 });
    let step = read(&thread(5), &bad);
    assert!(step.facts.is_empty() && step.skipped.len() == 1, "{step:?}");
    // A page that promises more and gives nothing ends the thread.
    let step = read(&thread(5), &comments(0..0, 5));
    assert!(step.next.is_empty() && step.facts.is_empty());
}

#[test]
fn a_thread_of_an_issue_that_is_gone_asks_for_the_project() {
    let absent = only(cloud().read(&thread(5), &reply(404, &[], "{}")).unwrap());
    assert_eq!(path(&cloud(), &absent), "/rest/api/3/project/PAY");
}

#[test]
fn comments_that_were_cut_are_asked_for_and_whole_ones_prove_what_is_gone() {
    let jira = cloud();
    let fields = first(&jira, &Order::Items { order: order(), numbers: vec![1, 2, 3] });
    let fetch = only(jira.read(&fields, &good(&json!([]))).unwrap());
    let issue = |n: u64, inline: Value| {
        json!({ "id": "1", "key": format!("PAY-{n}"), "fields": { "summary": "s",
            "created": "2020-01-01T00:00:00Z", "updated": "2020-01-01T00:00:00Z", "comment": inline } })
    };
    let issues =
        [issue(1, comments(0..2, 2)), issue(2, comments(0..2, 5)), issue(3, comments(0..0, 0))];
    let step = jira.read(&fetch, &good(&json!({ "issues": issues }))).unwrap();
    let whole: Vec<&str> = step
        .facts
        .iter()
        .filter_map(
            |fact| if let Fact::Comments { issue, .. } = fact { Some(&**issue) } else { None },
        )
        .collect();
    assert_eq!(whole, ["PAY-1", "PAY-3"]);
    assert!(path(&jira, &only(step)).starts_with("/rest/api/3/issue/PAY-2/comment"));
}

#[test]
fn without_comments_none_are_asked_for() {
    let order = IssueOrder { comments: false, ..order() };
    let fields = first(&cloud(), &Order::Items { order, numbers: vec![1] });
    let fetch = only(cloud().read(&fields, &good(&json!([]))).unwrap());
    assert_eq!(posted(&cloud(), &fetch)["fields"], json!(["*all", "-comment"]));
}
