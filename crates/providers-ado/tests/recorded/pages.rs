//! Answers as steps.

use std::fmt::Write as _;

use insta::assert_snapshot;
use jobctl_provider::{Fact, Issue, IssueOrder, Item, Mark, Order, Provider, Refusal, Step, Task};
use serde_json::{Value, json};

use crate::{SCOPE, ado, first, fixture, good, now, order, recorded, reply};

/// A step in a few lines: what a reader of a golden wants to see.
pub(crate) fn told(step: &Step) -> String {
    let mut text = String::new();
    for item in &step.items {
        match item {
            Item::Issue(issue) => {
                let mut shown = serde_json::to_value(issue).unwrap();
                shown["raw"] = json!("…");
                writeln!(text, "{}", serde_json::to_string_pretty(&shown).unwrap()).unwrap();
            }
            Item::Comment(c) => writeln!(
                text,
                "{} comment {} by {:?} at {} updated {} {:?}",
                c.issue, c.id, c.author, c.created_at, c.updated_at, c.body
            )
            .unwrap(),
            Item::Repository(r) => writeln!(text, "{r:?}").unwrap(),
            Item::Entry(e) => writeln!(
                text,
                "{} {} {} by {:?} at {}: {:?} to {:?}",
                e.issue, e.id, e.what, e.author, e.at, e.from, e.to
            )
            .unwrap(),
            Item::Scope(scope) => writeln!(text, "{scope}").unwrap(),
            Item::Passed(p) => writeln!(text, "{} passed", p.key).unwrap(),
            Item::Met { key } => writeln!(text, "{key} met").unwrap(),
        }
    }
    for skipped in &step.skipped {
        writeln!(text, "skipped {}: {}", skipped.item, skipped.why).unwrap();
    }
    for task in &step.next {
        let request = ado().request(task).unwrap();
        writeln!(text, "next {}: {} {:?}", task.kind, request.url, request.body).unwrap();
    }
    for fact in &step.facts {
        writeln!(text, "fact {}", serde_json::to_string(fact).unwrap()).unwrap();
    }
    text
}

/// The task that follows a good answer.
fn following(task: &Task, body: &Value) -> Task {
    ado().read(task, &good(body)).unwrap().next.remove(0)
}

/// The task of a batch of these ids, in a project whose states are known.
fn batch(order: &IssueOrder, ids: &[u64]) -> Task {
    let states = following(&first(&Order::Import(order.clone())), &json!({"name": order.scope}));
    let types = json!({"value": [
        {"name": "Product Backlog Item", "states": fixture("openapi/states")["value"]},
        {"name": "Feature", "states": [{"name": "Closed", "category": "Resolved"}]},
    ]});
    let window = following(&states, &types);
    let ids: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
    following(&window, &json!({ "workItems": ids }))
}

fn issue(item: &Value) -> Issue {
    let step = ado().read(&batch(&order(), &[297]), &good(&json!({ "value": [item] }))).unwrap();
    assert_eq!(step.skipped, [], "it can be read");
    match step.items.into_iter().next() {
        Some(Item::Issue(issue)) => *issue,
        other => panic!("no issue: {other:?}"),
    }
}

/// A work item with these fields besides those that all have.
fn item(fields: &Value) -> Value {
    let mut item = json!({"id": 297, "rev": 2, "fields": {
        "System.WorkItemType": "Bug", "System.State": "Active", "System.Title": "It breaks",
        "System.TeamProject": "Fabrikam-Fiber-Git", "System.CommentCount": 0,
        "System.IterationPath": "Fabrikam-Fiber-Git",
        "System.CreatedDate": "2026-01-01T10:00:00.77Z",
        "System.ChangedDate": "2026-01-02T10:00:00Z",
    }});
    for (name, value) in fields.as_object().unwrap() {
        item["fields"][name] = value.clone();
    }
    item
}

#[test]
fn documented_work_items_with_everything() {
    let step =
        ado().read(&batch(&order(), &[297, 299, 300]), &good(&fixture("openapi/work-items")));
    assert_snapshot!(told(&step.unwrap()));
}

#[test]
fn a_recorded_work_item_with_its_children() {
    let item = |name: &str| fixture(&format!("azure-devops-cli/{name}"))["body"].clone();
    let body = json!({"count": 2, "value": [item("work-item-973"), item("work-item-974")]});
    let order = IssueOrder::all("ado:v-anvashist0376/WIRel000001");
    let step = ado().read(&batch(&order, &[973, 974]), &good(&body)).unwrap();
    assert_snapshot!(told(&step));
}

#[test]
fn the_recorded_answer_to_a_query_asks_for_its_work_items() {
    let states = following(&first(&Order::Import(order())), &json!({"name": "Fabrikam-Fiber-Git"}));
    let window = following(&states, &json!({"value": []}));
    assert_snapshot!(told(&ado().read(&window, &recorded("wiql")).unwrap()));
}

#[test]
fn ids_that_were_not_asked_for_are_no_window() {
    let task = first(&Order::Count(order()));
    let full: Vec<Value> = (1..=19_999).map(|id| json!({ "id": id })).collect();
    let next = following(&task, &json!({ "workItems": full }));
    let read = |ids: &[u64]| {
        let rows: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
        ado().read(&next, &good(&json!({ "workItems": rows })))
    };
    assert_eq!(read(&[20_000]).unwrap().facts, [], "a count ends only where nothing comes");
    assert_eq!(read(&[]).unwrap().facts, [Fact::Total { count: 19_999 }]);
    assert!(matches!(read(&[19_999, 20_000]), Err(Refusal::Malformed { .. })), "counted twice");
    assert!(matches!(read(&[3_000_000_000]), Err(Refusal::Malformed { .. })), "out of range");
    let nameless = good(&json!({"workItems": [{"url": "x"}]}));
    assert!(matches!(ado().read(&next, &nameless), Err(Refusal::Malformed { .. })));
}

#[test]
fn comments_that_are_not_there_are_not_asked_for_again_and_again() {
    let absent = reply(404, &[], r#"{"message": "TF401232: Work item 297 does not exist"}"#);
    let states = ado().read(&comments(297), &absent).unwrap().next.remove(0);
    let check = following(&states, &json!({"value": []}));
    let gone = ado().read(&check, &good(&json!({"workItems": []}))).unwrap();
    assert_eq!(gone.facts, [Fact::Gone { key: format!("{SCOPE}#297") }]);
    let batch = following(&check, &json!({"workItems": [{"id": 297}]}));
    let row = item(&json!({"System.CommentCount": 3}));
    let step = ado().read(&batch, &good(&json!({"value": [row]}))).unwrap();
    assert_eq!((step.items.len(), step.next.len()), (1, 0), "it is there, and the question ends");
}

#[test]
fn an_import_begins_with_the_project_and_marks_its_time() {
    let order = IssueOrder::all("ado:v-anvashist0376/wirel000001");
    let step = ado().read(&first(&Order::Import(order)), &recorded("project")).unwrap();
    assert_snapshot!(told(&step));
}

fn stream(token: Option<&str>) -> Task {
    let mark = Mark { at: now(), token: token.map(str::to_owned) };
    first(&Order::Sync(order(), [("work items+comments".to_owned(), mark)].into()))
}

#[test]
fn documented_revisions_without_a_token_of_their_own() {
    let step = ado().read(&stream(None), &good(&fixture("openapi/revisions-first"))).unwrap();
    assert_snapshot!(told(&step));
}

#[test]
fn documented_revisions_behind_a_token() {
    let step = ado().read(&stream(Some("794")), &good(&fixture("openapi/revisions"))).unwrap();
    assert_snapshot!(told(&step));
}

#[test]
fn an_empty_batch_of_the_stream_is_not_its_end() {
    let empty = json!({"values": [], "continuationToken": "900;1;1", "isLastBatch": false});
    let next = following(&stream(Some("794")), &empty);
    assert!(ado().request(&next).unwrap().url.query().unwrap().contains("900%3B1%3B1"));
    let step = ado().read(&stream(Some("794")), &good(&empty)).unwrap();
    assert_eq!(step.facts, [], "no mark before the end");
    // A batch that leads back to itself would be read for ever.
    for token in [json!("794"), json!(null), json!("")] {
        let body = json!({"values": [], "continuationToken": token, "isLastBatch": false});
        let read = ado().read(&stream(Some("794")), &good(&body));
        assert!(matches!(read, Err(Refusal::Malformed { .. })), "{token}");
    }
    let silent = json!({"values": [], "continuationToken": "900;1;1"});
    let read = ado().read(&stream(Some("794")), &good(&silent));
    assert!(matches!(read, Err(Refusal::Malformed { .. })), "does not say whether it ends");
}

#[test]
fn the_last_word_of_the_stream_on_an_item_counts() {
    let row = |id: u64, deleted: bool, minute: u64| {
        json!({"id": id, "rev": minute, "fields": {
            "System.IsDeleted": deleted, "System.ChangedDate": format!("2026-11-21T13:{minute:02}:00Z"),
        }})
    };
    let rows = [row(1, false, 1), row(1, true, 2), row(2, true, 3), row(2, false, 4)];
    let body = json!({"values": rows, "continuationToken": "9", "isLastBatch": true});
    let step = ado().read(&stream(Some("7")), &good(&body)).unwrap();
    let at = "2026-11-21T13:04:00Z".parse().unwrap();
    let mark = Mark { at, token: Some("9".to_owned()) };
    assert_eq!(
        step.facts,
        [
            Fact::Gone { key: format!("{SCOPE}#1") },
            Fact::Mark { chain: "work items+comments".to_owned(), mark }
        ]
    );
    let batch = following(&step.next[0], &json!({"value": []}));
    let asked = ado().request(&batch).unwrap().body;
    assert!(format!("{asked:?}").contains("\\\"ids\\\":[2]"), "{asked:?}");
}

#[test]
fn a_token_that_is_refused_is_replaced_by_the_time() {
    let refused = reply(400, &[], r#"{"message": "The continuation token '794' is not valid."}"#);
    let step = ado().read(&stream(Some("794")), &refused).unwrap();
    let url = ado().request(&step.next[0]).unwrap().url;
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    assert!(pairs.contains(&("startDateTime".to_owned(), "2026-11-21T11:55:00Z".to_owned())));
    assert!(!url.as_str().contains("continuationToken"));
    let again = ado().read(&step.next[0], &refused);
    assert!(matches!(again, Err(Refusal::Forbidden { .. })), "and no other way is left");
}

#[test]
fn a_server_that_takes_none_of_its_own_tokens_is_not_asked_for_ever() {
    let refused = reply(400, &[], r#"{"message": "The continuation token is not valid."}"#);
    let batch = good(&json!({"values": [], "continuationToken": "t", "isLastBatch": false}));
    let mut task = stream(Some("t"));
    let mut restarts = 0;
    while let Ok(mut step) = ado().read(&task, &refused) {
        restarts += 1;
        assert!(restarts < 10, "it begins anew again and again");
        task = ado().read(&step.next.remove(0), &batch).unwrap().next.remove(0);
    }
    assert_eq!(restarts, 3);
    let limit = reply(400, &[], r#"{"message": "TF400733: The request has been canceled."}"#);
    let limit = ado().read(&stream(Some("t")), &limit);
    assert!(matches!(limit, Err(Refusal::Throttled { .. })), "{limit:?}");
}

fn comments(number: u64) -> Task {
    first(&Order::Comments { scope: SCOPE.to_owned(), numbers: vec![number] })
}

#[test]
fn a_documented_page_of_comments_and_the_next() {
    let step = ado().read(&comments(299), &good(&fixture("openapi/comments"))).unwrap();
    assert_snapshot!(told(&step));
}

#[test]
fn all_comments_of_an_item_are_known_only_at_a_whole_end() {
    let row = |id: u64| json!({"id": id, "text": "x", "createdDate": "2026-01-01T10:00:00Z", "format": "markdown"});
    let facts = |body: Value| ado().read(&comments(5), &good(&body)).unwrap().facts;
    let all = Fact::Comments { issue: format!("{SCOPE}#5"), since: now() };
    assert_eq!(
        facts(json!({"totalCount": 2, "comments": [row(1), row(2)]})),
        std::slice::from_ref(&all)
    );
    assert_eq!(facts(json!({"totalCount": 0, "comments": []})), [all]);
    assert_eq!(facts(json!({"totalCount": 3, "comments": [row(1), row(2)]})), [], "fewer");
    assert_eq!(facts(json!({"totalCount": 2, "comments": [row(1), {"id": 2}]})), [], "unreadable");
    let more = json!({"totalCount": 3, "comments": [row(1), row(2)], "continuationToken": "t"});
    assert_eq!(facts(more.clone()), [], "not the end");
    // The second page knows how many the first had, and does not lead to itself.
    let next = following(&comments(5), &more);
    let end = ado().read(&next, &good(&json!({"totalCount": 3, "comments": [row(3)]}))).unwrap();
    assert_eq!(end.facts.len(), 1);
    assert!(matches!(ado().read(&next, &good(&more)), Err(Refusal::Malformed { .. })));
}

#[test]
fn comments_of_the_oldest_version_go_on_by_revision() {
    let older = reply(400, &[], r#"{"message": "out of range for this server"}"#);
    let mut task = comments(5);
    for _ in 0..3 {
        task = ado().read(&task, &older).unwrap().next.remove(0);
    }
    let row = |revision: u64| {
        json!({"revision": revision, "text": "x",
        "revisedDate": "2026-01-01T10:00:00Z", "revisedBy": {"displayName": "Ada"}})
    };
    let page = json!({"totalCount": 3, "fromRevisionCount": 3, "comments": [row(2), row(4)]});
    let step = ado().read(&task, &good(&page)).unwrap();
    let Item::Comment(comment) = &step.items[0] else { panic!("{step:?}") };
    assert_eq!((comment.id.as_str(), comment.author.as_deref()), ("5-2", Some("Ada")));
    let url = ado().request(&step.next[0]).unwrap().url;
    assert!(url.as_str().contains("fromRevision=5") && url.as_str().ends_with("5.0-preview.2"));
    let end = json!({"totalCount": 3, "fromRevisionCount": 1, "comments": [row(7)]});
    assert_eq!(ado().read(&step.next[0], &good(&end)).unwrap().facts.len(), 1, "all are known");
}

#[test]
fn comments_in_every_format() {
    let body = |fields: Value| {
        let mut row = json!({"id": 1, "createdDate": "2026-01-01T10:00:00Z"});
        row.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let page = json!({"totalCount": 1, "comments": [row]});
        let item = ado().read(&comments(5), &good(&page)).unwrap().items.remove(0);
        let Item::Comment(comment) = item else { panic!("no comment: {item:?}") };
        comment.body
    };
    for (row, wanted) in [
        (json!({"format": "markdown", "text": "**a** <b>"}), Some("**a** <b>")),
        (json!({"format": "html", "text": "<b>a</b>"}), Some("**a**")),
        (json!({"text": "<div>a</div><div>b</div>"}), Some("a\nb")),
        (
            json!({"format": "markdown", "text": "@<6ce9> hi", "renderedText": "<p>@Ada hi</p>"}),
            Some("@Ada hi"),
        ),
        (json!({"format": "markdown", "text": "@<6ce9> hi"}), Some("@<6ce9> hi")),
        (json!({}), None),
    ] {
        assert_eq!(body(row.clone()).as_deref(), wanted, "{row}");
    }
}

#[test]
fn a_deleted_comment_is_not_one() {
    let row =
        json!({"id": 1, "text": "x", "createdDate": "2026-01-01T10:00:00Z", "isDeleted": true});
    let page = json!({"totalCount": 0, "comments": [row]});
    let step = ado().read(&comments(5), &good(&page)).unwrap();
    assert_eq!((step.items.len(), step.facts.len()), (0, 1));
}

#[test]
fn documented_updates_are_history() {
    let order = IssueOrder { timeline: true, comments: false, ..order() };
    let body = json!({"value": [item(&json!({}))]});
    let step = ado().read(&batch(&order, &[297]), &good(&body)).unwrap();
    assert_eq!(step.next.len(), 1, "the history alone");
    let history = ado().read(&step.next[0], &good(&fixture("openapi/updates"))).unwrap();
    assert_snapshot!(told(&history));
}

#[test]
fn the_last_update_of_an_old_server_came_when_the_one_before_was_revised() {
    let order = IssueOrder { timeline: true, comments: false, ..order() };
    let body = json!({"value": [item(&json!({}))]});
    let task = ado().read(&batch(&order, &[297]), &good(&body)).unwrap().next.remove(0);
    let never = "9999-01-01T00:00:00Z";
    let state = json!({"System.State": {"oldValue": "New", "newValue": "Active"}});
    let read = |rows: Value| ado().read(&task, &good(&json!({ "value": rows }))).unwrap();
    let step = read(json!([
        {"id": 1, "revisedDate": "2026-01-01T00:00:00Z"},
        {"id": 2, "revisedDate": never, "fields": state},
    ]));
    let Some(Item::Entry(last)) = step.items.last() else { panic!("{step:?}") };
    assert_eq!(last.at.to_string(), "2026-01-01T00:00:00Z");
    assert_eq!((last.from.as_deref(), last.to.as_deref()), (Some("New"), Some("Active")));
    let alone = read(json!([{"id": 2, "revisedDate": never, "fields": state}]));
    assert_eq!((alone.items.len(), alone.skipped.len()), (0, 1), "no time is made up");
}

#[test]
fn a_full_page_of_updates_has_a_next() {
    let order = IssueOrder { timeline: true, comments: false, ..order() };
    let body = json!({"value": [item(&json!({}))]});
    let task = ado().read(&batch(&order, &[297]), &good(&body)).unwrap().next.remove(0);
    let update = |id: u64| json!({"id": id, "revisedDate": "2026-01-01T00:00:00Z", "fields": {}});
    let full: Vec<Value> = (1..=200).map(update).collect();
    let next = following(&task, &json!({ "value": full }));
    assert!(ado().request(&next).unwrap().url.query().unwrap().contains("skip=200"));
    assert!(ado().read(&next, &good(&json!({"value": [update(201)]}))).unwrap().next.is_empty());
}

#[test]
fn rich_text_is_markdown_whatever_it_was() {
    let html = issue(&item(&json!({"System.Description": "<div>a <b>b</b></div>"})));
    assert_eq!(html.body.as_deref(), Some("a **b**"));
    let mut markdown = item(&json!({"System.Description": "a **b** <div>"}));
    markdown["multilineFieldsFormat"] = json!({"System.Description": "markdown"});
    assert_eq!(issue(&markdown).body.as_deref(), Some("a **b** <div>"));
    let bug = issue(&item(&json!({"Microsoft.VSTS.TCM.ReproSteps": "<p>Open it</p>"})));
    assert_eq!(bug.body.as_deref(), Some("Open it"));
    assert_eq!(bug.fields.len(), 0, "what is the body is no field");
}

#[test]
fn acceptance_criteria_come_from_their_field_or_the_text() {
    const FIELD: &str = "Microsoft.VSTS.Common.AcceptanceCriteria";
    let text = "<h2>Acceptance criteria</h2><ul><li>it works</li></ul>";
    let of_field =
        issue(&item(&json!({FIELD: "<ul><li>fast</li></ul>", "System.Description": text})));
    assert_eq!(of_field.acceptance_criteria.as_deref(), Some("- fast"));
    let of_text = issue(&item(&json!({FIELD: "<br>", "System.Description": text})));
    assert_eq!(of_text.acceptance_criteria.as_deref(), Some("- it works"));
}

#[test]
fn states_mean_what_the_project_says_and_else_what_they_are_called() {
    let category = |type_name: &str, state: &str| {
        let fields = json!({"System.WorkItemType": type_name, "System.State": state});
        issue(&item(&fields)).state_category.name()
    };
    let backlog = "Product Backlog Item";
    assert_eq!(category(backlog, "CustomState"), "in_progress");
    assert_eq!(category(backlog, "Resolved"), "in_progress");
    assert_eq!(category(backlog, "New"), "open");
    assert_eq!(category(backlog, "Closed"), "done");
    assert_eq!(category("Feature", "Closed"), "in_progress", "types differ in what a name means");
    assert_eq!(category("Task", "To Do"), "open");
    assert_eq!(category("Task", "Removed"), "done");
    assert_eq!(category("Task", "Waiting"), "in_progress");
}

#[test]
fn fields_of_an_item_find_their_places() {
    let mut row = item(&json!({
        "System.Tags": "web; Front End ;", "System.IterationPath": "Fabrikam-Fiber-Git\\Sprint 1",
        "System.State": "Closed", "Microsoft.VSTS.Common.ClosedDate": "2026-01-02T09:00:00Z",
        "Microsoft.VSTS.Common.Priority": 2, "System.CommentCount": 3,
        "System.AssignedTo": {"displayName": "Ada", "uniqueName": "ada@x"},
        "System.CreatedBy": "Bob <bob@x>",
        "Custom.Train": "May", "Custom.Empty": " ", "Custom.Owner": {"displayName": "Cleo"},
        "Microsoft.VSTS.Scheduling.Effort": 8, "WEF_1_Kanban.Column": "New",
    }));
    row["relations"] = json!([
        {"rel": "System.LinkTypes.Hierarchy-Reverse", "url": "https://dev.azure.com/x/_apis/wit/workItems/7",
         "attributes": {"name": "Parent"}},
        {"rel": "System.LinkTypes.Related", "url": "https://dev.azure.com/x/_apis/wit/workItems/8",
         "attributes": {"name": "Related"}},
        {"rel": "Hyperlink", "url": "https://a.example/9", "attributes": {}},
        {"rel": "ArtifactLink", "url": "vstfs:///Git/Commit/1", "attributes": {"name": "Fixed in Commit"}},
        {"rel": "AttachedFile", "url": "https://dev.azure.com/x/_apis/wit/attachments/f",
         "attributes": {"name": "log.txt"}},
    ]);
    let issue = issue(&row);
    assert_eq!(issue.labels, ["web", "Front End"]);
    assert_eq!(issue.milestone.as_deref(), Some("Fabrikam-Fiber-Git\\Sprint 1"));
    assert_eq!(issue.closed_at.unwrap().to_string(), "2026-01-02T09:00:00Z");
    assert_eq!((issue.priority.as_deref(), issue.comments), (Some("2"), Some(3)));
    assert_eq!(
        (issue.author.as_deref(), &issue.assignees[..]),
        (Some("Bob"), &["Ada".to_owned()][..])
    );
    assert_eq!(issue.parent, Some(format!("{SCOPE}#7")));
    let links: Vec<(&str, &str)> =
        issue.links.iter().map(|link| (link.relation.as_str(), link.target.as_str())).collect();
    let related = format!("{SCOPE}#8");
    assert_eq!(
        links,
        [
            ("related", related.as_str()),
            ("hyperlink", "https://a.example/9"),
            ("fixed in commit", "vstfs:///Git/Commit/1"),
        ]
    );
    assert_eq!(issue.attachments.len(), 1);
    assert_eq!(
        serde_json::to_value(&issue.fields).unwrap(),
        json!({"Custom.Owner": "Cleo", "Custom.Train": "May", "Microsoft.VSTS.Scheduling.Effort": 8})
    );
    assert_eq!(issue.url, "https://dev.azure.com/fabrikam/Fabrikam-Fiber-Git/_workitems/edit/297");
}

#[test]
fn one_bad_row_is_not_a_lost_batch() {
    let body = json!({"value": [{"id": 1, "fields": {}}, null, item(&json!({}))]});
    let step = ado().read(&batch(&order(), &[1, 2, 297]), &good(&body)).unwrap();
    assert_eq!(step.skipped.len(), 1);
    assert!(matches!(&step.items[0], Item::Passed(passed) if passed.number == 1), "no gap");
    assert!(matches!(&step.items[1], Item::Issue(_)));
    assert_eq!(step.facts, [Fact::Gone { key: format!("{SCOPE}#2") }]);
}

#[test]
fn a_batch_without_any_of_many_is_no_deletion() {
    let ids: Vec<u64> = (1..=50).collect();
    let body = json!({"value": vec![Value::Null; 50]});
    let step = ado().read(&batch(&order(), &ids), &good(&body)).unwrap();
    assert!(matches!(&step.facts[..], [Fact::Partial { .. }]), "{:?}", step.facts);
}

#[test]
fn filters_that_a_query_cannot_express_hold_for_rows() {
    let kept = |order: IssueOrder, fields: Value| {
        let body = json!({"value": [item(&fields)]});
        ado().read(&batch(&order, &[297]), &good(&body)).unwrap().items.len() == 1
    };
    let open = || IssueOrder { state: "open".to_owned(), ..order() };
    assert!(kept(open(), json!({"System.State": "Active"})));
    assert!(!kept(open(), json!({"System.State": "Closed"})));
    let tagged = || IssueOrder { labels: vec!["Web".to_owned()], ..order() };
    assert!(kept(tagged(), json!({"System.Tags": "a; web"})));
    assert!(!kept(tagged(), json!({"System.Tags": "webshop"})), "CONTAINS may find a part");
    let since = |at: &str| IssueOrder { since: Some(at.parse().unwrap()), ..order() };
    assert!(kept(since("2026-01-02T10:00:00Z"), json!({})));
    assert!(!kept(since("2026-01-02T10:00:01Z"), json!({})));
}
