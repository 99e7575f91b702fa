//! The revisions stream: its tokens are watermarks.

use std::collections::BTreeSet;

use jobctl_forge::Forge;
use jobctl_forge::ado::AdoChange;
use serde_json::Value;

use super::{ask, behaving, forge, get, ids};

const LATEST: &str = "includeLatestOnly=true&includeDeleted=true";

/// One page of the stream of `contoso/Shop`.
fn page(forge: &Forge, query: &str) -> Value {
    let path =
        format!("contoso/Shop/_apis/wit/reporting/workitemrevisions?{query}&api-version=7.1");
    get(forge, &path).json()
}

/// Reads to the end; the ids, the pages, the last token.
fn walk(forge: &Forge, query: &str, start: &str) -> (Vec<u64>, Vec<usize>, String) {
    let (mut found, mut pages, mut token) = (Vec::new(), Vec::new(), start.to_owned());
    loop {
        let next =
            if token.is_empty() { String::new() } else { format!("&continuationToken={token}") };
        let page = page(forge, &format!("{query}{next}"));
        let here = ids(&page["values"]);
        pages.push(here.len());
        found.extend(here);
        let new = page["continuationToken"].as_str().expect("a token").to_owned();
        assert!(page["nextLink"].as_str().is_some_and(|link| link.contains("continuationToken=")));
        if page["isLastBatch"] == true {
            return (found, pages, new);
        }
        assert_ne!(new, token, "a page leads on");
        token = new;
    }
}

#[test]
fn the_latest_revisions_are_all_items_and_a_later_call_gives_what_came_since() {
    let forge = forge(|_| {});
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    let (found, pages, token) = walk(&forge, LATEST, "");
    let all: BTreeSet<u64> = truth.items.keys().chain(truth.gone.keys()).copied().collect();
    assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), all);
    assert_eq!(found.len(), all.len());
    assert!(pages.iter().all(|rows| *rows <= 200));
    let (alive, _, _) = walk(&forge, "includeLatestOnly=true", "");
    assert_eq!(alive.len(), truth.items.len(), "deleted ones only when asked for");
    let (history, _, _) = walk(&forge, "$maxPageSize=1000", "");
    assert!(history.len() > 2 * truth.items.len(), "without the flag every revision comes");
    let mut living = truth.items.keys().copied();
    let mut next = || living.next().unwrap();
    let (deleted, moved, commented) = (next(), next(), next());
    forge.ado().change("contoso", &AdoChange::Delete { id: deleted }).unwrap();
    let to = "Fabrikam Fiber".to_owned();
    forge.ado().change("contoso", &AdoChange::Move { id: moved, to }).unwrap();
    let text = "hello".to_owned();
    forge.ado().change("contoso", &AdoChange::AddComment { id: commented, text }).unwrap();
    let (since, _, new) = walk(&forge, LATEST, &token);
    assert_eq!(since, [deleted, commented], "what moved away is not told in its old project");
    let rows = page(&forge, &format!("{LATEST}&continuationToken={token}"))["values"].clone();
    assert_eq!(rows[0]["fields"]["System.IsDeleted"], true);
    assert_eq!(walk(&forge, LATEST, &new).0, Vec::<u64>::new());
    let path = format!(
        "contoso/_apis/wit/reporting/workitemrevisions?{LATEST}&continuationToken={token}&api-version=7.1"
    );
    assert_eq!(ids(&get(&forge, &path).json()["values"]), [deleted, moved, commented]);
}

#[test]
fn pages_may_be_empty_before_the_end() {
    let forge = behaving(|b| b.stream_scan = 1);
    let (_, _, token) = walk(&forge, LATEST, "");
    let other =
        *forge.ado().truth("contoso", "Fabrikam Fiber").unwrap().items.keys().next().unwrap();
    let shop = *forge.ado().truth("contoso", "Shop").unwrap().items.keys().next().unwrap();
    for (id, times) in [(other, 25), (shop, 1)] {
        for _ in 0..times {
            let text = "again".to_owned();
            forge.ado().change("contoso", &AdoChange::AddComment { id, text }).unwrap();
        }
    }
    let (found, pages, _) = walk(&forge, &format!("{LATEST}&$maxPageSize=10"), &token);
    assert_eq!((found, pages), (vec![shop], vec![0, 0, 1]));
}

#[test]
fn a_time_or_a_token_begins_the_stream_but_not_both() {
    let forge = forge(|_| {});
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    let mut times: Vec<&String> = truth.items.values().map(|item| &item.changed_at).collect();
    times.sort();
    let since = times[250];
    let rows = page(&forge, &format!("{LATEST}&startDateTime={since}&$maxPageSize=1000"));
    let found: BTreeSet<u64> = ids(&rows["values"]).into_iter().collect();
    let wanted = truth.items.values().filter(|item| item.changed_at > *since).map(|item| item.id);
    assert!(wanted.collect::<BTreeSet<_>>().is_subset(&found));
    let both = format!(
        "contoso/_apis/wit/reporting/workitemrevisions?startDateTime={since}&continuationToken=5;1;1&api-version=7.1"
    );
    assert_eq!(get(&forge, &both).status, 400);
    let wrong = "contoso/_apis/wit/reporting/workitemrevisions?continuationToken=x&api-version=7.1";
    assert_eq!(get(&forge, wrong).status, 400);
    // The token of now costs one request.
    let now = page(&forge, "includeLatestOnly=true&startDateTime=2027-01-01T00:00:00Z");
    assert_eq!(
        (now["values"].as_array().unwrap().len(), &now["isLastBatch"]),
        (0, &Value::Bool(true))
    );
}

#[test]
fn long_fields_and_people_come_when_asked_for() {
    let forge = forge(|_| {});
    let row = |query: &str| {
        page(&forge, &format!("includeLatestOnly=true{query}"))["values"][0]["fields"].clone()
    };
    let plain = row("");
    assert!(plain.get("System.Description").is_none());
    assert!(plain["System.CreatedBy"].as_str().unwrap().contains('<'));
    let whole = row("&$expand=fields&includeIdentityRef=true");
    assert!(whole["System.Description"].is_string());
    assert!(whole["System.CreatedBy"]["displayName"].is_string());
    assert_eq!(row("&fields=System.Id,System.Title").as_object().unwrap().len(), 2);
    let path = "contoso/Shop/_apis/wit/reporting/workitemrevisions?api-version=7.1";
    let body =
        r#"{"types": ["Bug"], "fields": ["System.WorkItemType"], "includeLatestOnly": true}"#;
    let rows = ask(&forge, "POST", path, body).json();
    let bugs = rows["values"].as_array().unwrap();
    assert!(!bugs.is_empty() && bugs.iter().all(|r| r["fields"]["System.WorkItemType"] == "Bug"));
}

#[test]
fn links_are_a_stream_too() {
    let forge = forge(|_| {});
    let mut path = "contoso/Shop/_apis/wit/reporting/workitemlinks?api-version=7.1".to_owned();
    let mut found = BTreeSet::new();
    loop {
        let body = get(&forge, &path).json();
        for link in body["values"].as_array().unwrap() {
            if link["isActive"] == true {
                found.insert((
                    link["targetId"].as_u64().unwrap(),
                    link["sourceId"].as_u64().unwrap(),
                ));
            }
        }
        if body["isLastBatch"] == true {
            break;
        }
        path = body["nextLink"].as_str().unwrap().split_once("/ado/").unwrap().1.to_owned();
    }
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    let wanted = truth.items.values().filter_map(|item| Some((item.id, item.parent?)));
    let wanted: BTreeSet<_> =
        wanted.filter(|(_, parent)| truth.items.contains_key(parent)).collect();
    assert_eq!(found, wanted);
}
