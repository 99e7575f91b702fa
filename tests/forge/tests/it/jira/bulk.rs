//! Many things by one request, and one thing by its address.

use jobctl_forge::jira::JiraChange;
use serde_json::{Value, json};

use super::{behaving, get, keys, message, post, small};

fn fetch(forge: &jobctl_forge::Forge, ids: &[String], more: &Value) -> crate::client::Reply {
    let mut body = json!({ "issueIdsOrKeys": ids });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    post(forge, "issue/bulkfetch", &body)
}

fn pay(numbers: std::ops::RangeInclusive<u32>) -> Vec<String> {
    numbers.map(|number| format!("PAY-{number}")).collect()
}

#[test]
fn a_hundred_at_once_by_ascending_id_and_nothing_for_what_is_not_there() {
    let forge = small();
    let asked = ["PAY-30", "pay-2", "10000", "PAY-99999", "PAY-2"].map(str::to_owned);
    assert_eq!(keys(&fetch(&forge, &asked, &json!({}))), ["PAY-1", "PAY-2", "PAY-30"]);
    assert_eq!(fetch(&forge, &pay(1..=100), &json!({ "fields": ["*all"] })).status, 200);
    assert_eq!(fetch(&forge, &pay(1..=101), &json!({ "fields": ["*all"] })).status, 400);
    assert_eq!(fetch(&forge, &[], &json!({})).status, 400);
}

#[test]
fn a_thousand_only_where_the_conditions_are_met() {
    let forge = small();
    let many = |more: &Value| fetch(&forge, &pay(1..=240), more).status;
    assert_eq!(many(&json!({ "fields": ["summary", "status"] })), 200);
    assert_eq!(many(&json!({ "fields": ["summary"], "expand": ["names"] })), 200);
    for heavy in [
        json!({}),
        json!({ "fields": ["summary", "comment"] }),
        json!({ "fields": ["*navigable"] }),
        json!({ "fields": ["summary"], "expand": ["changelog"] }),
    ] {
        assert_eq!(many(&heavy), 400, "{heavy}");
    }
    forge.jira().configure(|b| b.bulk_thousand = false);
    assert_eq!(many(&json!({ "fields": ["summary"] })), 400);
}

#[test]
fn unknown_members_are_refused() {
    let forge = small();
    let reply = fetch(&forge, &pay(1..=1), &json!({ "maxResults": 5 }));
    assert_eq!((reply.status, message(&reply).starts_with("Invalid request payload")), (400, true));
}

#[test]
fn some_fail_to_load_once() {
    let forge = behaving(|b| b.bulk_error_every = Some(10));
    let first = fetch(&forge, &pay(1..=40), &json!({}));
    let errors = first.json()["issueErrors"].as_array().unwrap().clone();
    assert!(!errors.is_empty() && keys(&first).len() + errors.len() == 40);
    let again: Vec<String> =
        errors.iter().map(|error| error["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(keys(&fetch(&forge, &again, &json!({}))).len(), errors.len());
}

#[test]
fn comments_are_cut_inline_and_whole_by_page() {
    let forge = small();
    let truth = forge.jira().truth("PAY").unwrap();
    let long = truth.issues.values().max_by_key(|issue| issue.comments.len()).unwrap();
    assert!(long.comments.len() > 100);
    let issue = get(&forge, &format!("issue/{}", long.key)).json();
    let inline = &issue["fields"]["comment"];
    assert_eq!(inline["total"], long.comments.len());
    assert_eq!(inline["comments"].as_array().unwrap().len(), 20);
    let page = |more: &str| get(&forge, &format!("issue/{}/comment?{more}", long.id)).json();
    let ids = |page: &Value| {
        let comments = page["comments"].as_array().unwrap().clone();
        comments.iter().map(|c| c["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (first, second) = (page("maxResults=5000"), page("startAt=100"));
    assert_eq!(first["maxResults"], 100);
    let mut all = ids(&first);
    all.extend(ids(&second));
    let wanted: Vec<String> = long.comments.iter().map(|c| c.id.to_string()).collect();
    assert_eq!(all, wanted);
    all.reverse();
    assert_eq!(ids(&page("orderBy=-created")), all[..100]);
    let listed = post(&forge, "comment/list", &json!({ "ids": [long.comments[0].id, 7] })).json();
    assert_eq!(
        (&listed["total"], listed["values"][0]["id"].as_str()),
        (&json!(1), Some(&*wanted[0]))
    );
}

#[test]
fn changelogs_come_by_issue_in_bulk_and_inline() {
    let forge = small();
    let truth = forge.jira().truth("PAY").unwrap();
    let long = &truth.issues[&97];
    assert_eq!(long.history.len(), 60);
    let inline = get(&forge, "issue/PAY-97?fields=summary&expand=changelog").json();
    assert_eq!(inline["changelog"]["histories"].as_array().unwrap().len(), 40);
    let newest = inline["changelog"]["histories"][0]["id"].as_str().unwrap().parse::<u64>();
    assert_eq!(newest.as_ref(), Ok(long.history.last().unwrap()));
    let page = get(&forge, "issue/PAY-97/changelog?startAt=50").json();
    assert_eq!((&page["isLast"], page["values"].as_array().unwrap().len()), (&json!(true), 10));

    let (mut token, mut found) = (Value::Null, 0);
    loop {
        let mut body = json!({ "issueIdsOrKeys": pay(1..=240), "maxResults": 100 });
        if !token.is_null() {
            body["nextPageToken"] = token;
        }
        let page = post(&forge, "changelog/bulkfetch", &body).json();
        let logs = page["issueChangeLogs"].as_array().unwrap().clone();
        found += logs.iter().map(|l| l["changeHistories"].as_array().unwrap().len()).sum::<usize>();
        token = page["nextPageToken"].clone();
        if token.is_null() {
            break;
        }
    }
    let wanted = truth.issues.values().filter(|issue| issue.number <= 240);
    assert_eq!(found, wanted.map(|issue| issue.history.len()).sum::<usize>());
    let too_many = json!({ "issueIdsOrKeys": pay(1..=1_001) });
    assert_eq!(post(&forge, "changelog/bulkfetch", &too_many).status, 400);
}

#[test]
fn a_moved_issue_is_found_by_both_keys() {
    let forge = small();
    let change = JiraChange::MoveIssue { key: "PAY-2".to_owned(), to: "OPS".to_owned() };
    let before = get(&forge, "issue/PAY-2").json();
    let key = forge.jira().change(&change).unwrap().key;
    assert_eq!(key, "OPS-21");
    for key in ["PAY-2", "OPS-21"] {
        let after = get(&forge, &format!("issue/{key}")).json();
        assert_eq!((after["key"].as_str(), &after["id"]), (Some("OPS-21"), &before["id"]));
        assert_eq!(after["fields"]["description"], before["fields"]["description"]);
    }
    assert_eq!(keys(&fetch(&forge, &["PAY-2".to_owned()], &json!({}))), ["OPS-21"]);
    // Its sub-task went with it.
    assert_eq!(get(&forge, "issue/PAY-3").json()["key"], "OPS-22");
    let truth = forge.jira().truth("PAY").unwrap();
    assert_eq!(truth.gone["PAY-2"].as_deref(), Some("OPS-21"));
}
