//! Queries find what they ask for, and say what is wrong with them.

use serde_json::json;

use super::{keys, message, search, small, walk};

fn numbers(jql: &str) -> Vec<String> {
    walk(&small(), jql, &json!({ "fields": ["id", "key"], "maxResults": 5_000 })).0
}

#[test]
fn fields_operators_and_orders_find_what_they_ask_for() {
    let forge = small();
    let truth = forge.jira().truth("PAY").unwrap();
    let all = json!({ "fields": ["id", "key"], "maxResults": 5_000 });
    let found = |jql: &str| {
        let mut found = walk(&forge, jql, &all).0;
        found.sort();
        found
    };
    let wanted = |test: &dyn Fn(&jobctl_forge::jira::JiraTruthIssue) -> bool| {
        let mut keys: Vec<String> =
            truth.issues.values().filter(|i| test(i)).map(|i| i.key.clone()).collect();
        keys.sort();
        keys
    };
    assert_eq!(found("project = PAY"), wanted(&|_| true));
    assert_eq!(found("project = pay and key > PAY-200"), wanted(&|i| i.number > 200));
    assert_eq!(
        found("project = PAY AND statusCategory != Done"),
        wanted(&|i| i.category != "done")
    );
    assert_eq!(
        found("project = PAY AND (status = \"In Review\" OR issuetype in (Epic, Bug))"),
        wanted(&|i| i.status == "In Review" || ["Epic", "Bug"].contains(&i.type_name.as_str()))
    );
    assert_eq!(
        found("project = PAY AND labels in (backend, \"needs-info?\")"),
        wanted(&|i| i.labels.iter().any(|l| l == "backend" || l == "needs-info?"))
    );
    // What has no labels is not unequal to one.
    assert_eq!(
        found("project = PAY AND labels != backend"),
        wanted(&|i| !i.labels.is_empty() && !i.labels.iter().any(|l| l == "backend"))
    );
    assert_eq!(found("project = PAY AND labels is EMPTY"), wanted(&|i| i.labels.is_empty()));
    assert_eq!(
        found("project = PAY AND NOT parent = PAY-21"),
        wanted(&|i| i.parent.as_deref() != Some("PAY-21"))
    );
    assert_eq!(found("parent = PAY-21"), wanted(&|i| i.parent.as_deref() == Some("PAY-21")));
    assert_eq!(
        found("project = PAY AND summary ~ \"scheduler hangs\""),
        wanted(&|i| i.title.contains("scheduler") && i.title.contains("hangs"))
    );
    assert_eq!(found("assignee = currentUser() AND project = PAY"), {
        let me = &truth
            .issues
            .values()
            .find_map(|i| i.assignee.as_ref().filter(|person| person.name == "octo"));
        wanted(&|i| i.assignee.is_some() && i.assignee.as_ref() == *me)
    });
}

#[test]
fn times_are_numbers_dates_of_the_accounts_zone_or_distances() {
    let forge = small();
    let truth = forge.jira().truth("PAY").unwrap();
    let mut times: Vec<String> = truth.issues.values().map(|i| i.updated_at.clone()).collect();
    times.sort();
    let middle: jiff::Timestamp = times[100].parse().unwrap();
    let count = |condition: &str| {
        let jql = format!("project = PAY AND updated {condition}");
        walk(&forge, &jql, &json!({ "fields": ["key"], "maxResults": 5_000 })).0.len()
    };
    let after = times.len() - 100;
    assert_eq!(count(&format!(">= {}", middle.as_millisecond())), after);
    assert_eq!(count(&format!("> {}", middle.as_millisecond())), after - 1);
    // The zone is ten hours ahead; minutes are all there is.
    let local = (middle + jiff::SignedDuration::from_hours(10)).to_string();
    let minute = format!("{} {}", &local[..10].replace('-', "/"), &local[11..16]);
    let since = count(&format!(">= \"{minute}\""));
    assert!((after..after + 3).contains(&since), "{since} {after}");
    let utc = middle.to_string();
    let behind = count(&format!(">= \"{} {}\"", &utc[..10], &utc[11..16]));
    assert!(behind >= since, "a client that forgets the zone reads ten hours twice");
    assert_eq!(count(">= -90m"), 0);
    assert_eq!(count(">= \"-9000w\""), times.len());
}

#[test]
fn what_is_wrong_is_refused_with_words() {
    let forge = small();
    for (jql, words) in [
        ("", "Unbounded JQL queries are not allowed here."),
        ("ORDER BY key", "Unbounded JQL queries are not allowed here."),
        ("project = NOPE", "The value 'NOPE' does not exist for the field 'project'."),
        ("key = PAY-99999", "An issue with key 'PAY-99999' does not exist for field 'key'."),
        ("key in (PAY-1, nonsense)", "The issue key 'nonsense' for field 'key' is invalid."),
        ("updated > \"2024-11-29T10:00\"", "Date value '2024-11-29T10:00' for field 'updated'"),
        ("updated > \"1732877091000\"", "Date value '1732877091000' for field 'updated'"),
        ("status = Nearly", "The value 'Nearly' does not exist for the field 'status'."),
        ("project ~ PAY", "The operator '~' is not supported by the 'project' field."),
        ("project = PAY ORDER BY text", "Not able to sort using field 'text'."),
    ] {
        let reply = search(&forge, jql, &json!({}));
        assert_eq!(reply.status, 400, "{jql}");
        assert!(message(&reply).contains(words), "{jql}: {}", message(&reply));
    }
}

#[test]
fn orders_hold_across_pages() {
    let forge = small();
    let order = |order: &str| {
        let jql = format!("project = PAY ORDER BY {order}");
        walk(&forge, &jql, &json!({ "fields": ["key"], "maxResults": 30 })).0
    };
    let number = |key: &String| key[4..].parse::<u32>().unwrap();
    let by_key = order("key ASC");
    assert!(by_key.is_sorted_by_key(number));
    let reversed: Vec<String> = order("key DESC").into_iter().rev().collect();
    assert_eq!(by_key, reversed);
    let truth = forge.jira().truth("PAY").unwrap();
    let time = |key: &String| truth.issues[&u64::from(number(key))].updated_at.clone();
    assert!(order("updated ASC, key ASC").is_sorted_by_key(time));
    assert!(order("priority DESC, created").len() == by_key.len());
}

#[test]
fn issues_of_another_project_have_ids_in_between() {
    let ids = |project: &str| {
        let reply = search(
            &small(),
            &format!("project = {project} order by key"),
            &json!({ "maxResults": 40 }),
        );
        let issues = reply.json()["issues"].as_array().unwrap().clone();
        let ids = issues.iter().map(|i| i["id"].as_str().unwrap().parse::<u64>().unwrap());
        ids.collect::<Vec<_>>()
    };
    let (pay, ops) = (ids("PAY"), ids("OPS"));
    assert!(pay.windows(2).any(|two| two[1] > two[0] + 1));
    assert!(ops[0] > pay[0] && ops[0] < pay[39]);
    assert_eq!(numbers("project = OPS").len(), 20);
    assert_eq!(keys(&search(&small(), "key = OPS-3", &json!({ "fields": ["key"] }))), ["OPS-3"]);
}
