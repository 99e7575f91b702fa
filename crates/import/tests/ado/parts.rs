//! Parts of a project.

use std::collections::BTreeSet;

use jobctl_forge::Forge;
use jobctl_forge::ado::AdoTruthItem;
use jobctl_provider::IssueOrder;

use crate::common::{Notes, SCOPE, done, import, middling};
use crate::compare::held;

async fn numbers(forge: &Forge, order: IssueOrder) -> BTreeSet<u64> {
    let dir = tempfile::tempdir().unwrap();
    let mut import = import(forge, dir.path());
    import.orders = vec![order];
    done(import, &Notes::default()).await;
    held(dir.path()).into_keys().collect()
}

fn wanted(forge: &Forge, test: impl Fn(&AdoTruthItem) -> bool) -> BTreeSet<u64> {
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    truth.items.values().filter(|item| test(item)).map(|item| item.id).collect()
}

fn order() -> IssueOrder {
    IssueOrder::all(SCOPE)
}

#[tokio::test]
async fn only_what_changed_since_a_date() {
    let forge = middling();
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    let mut times: Vec<&String> = truth.items.values().map(|item| &item.changed_at).collect();
    times.sort();
    let since = times[500].clone();
    let order = IssueOrder { since: Some(since.parse().unwrap()), ..order() };
    assert_eq!(numbers(&forge, order).await, wanted(&forge, |item| item.changed_at >= since));
}

#[tokio::test]
async fn only_what_is_open_or_tagged_or_of_a_query() {
    let forge = middling();
    let open = IssueOrder { state: "open".to_owned(), ..order() };
    let over = |item: &AdoTruthItem| matches!(item.category.as_str(), "Completed" | "Removed");
    assert_eq!(numbers(&forge, open).await, wanted(&forge, |item| !over(item)));
    let tagged = IssueOrder { labels: vec!["Blocked".to_owned()], ..order() };
    let blocked = "blocked".to_owned();
    assert_eq!(numbers(&forge, tagged).await, wanted(&forge, |item| item.tags.contains(&blocked)));
    let query =
        Some("[System.WorkItemType] = 'Bug' OR [System.Title] CONTAINS 'Returns'".to_owned());
    let bugs = IssueOrder { query, ..order() };
    let fits = |item: &AdoTruthItem| item.kind == "Bug" || item.title.contains("Returns");
    assert_eq!(numbers(&forge, bugs).await, wanted(&forge, fits));
}

#[tokio::test]
async fn only_the_newest() {
    let forge = middling();
    let held = numbers(&forge, IssueOrder { limit: Some(90), ..order() }).await;
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    let mut newest: Vec<&AdoTruthItem> = truth.items.values().collect();
    newest.sort_by(|a, b| b.changed_at.cmp(&a.changed_at));
    assert_eq!(held, newest.iter().take(90).map(|item| item.id).collect());
}

#[tokio::test]
async fn histories_hold_every_change() {
    let forge = middling();
    let dir = tempfile::tempdir().unwrap();
    let mut import = import(&forge, dir.path());
    import.orders = vec![IssueOrder { timeline: true, limit: Some(40), ..order() }];
    done(import, &Notes::default()).await;
    let warehouse =
        jobctl_warehouse::Warehouse::open_reading(&dir.path().join("issues.db")).unwrap();
    let query = jobctl_warehouse::Query { history: true, ..jobctl_warehouse::Query::default() };
    let mut seen = 0;
    warehouse
        .export(&query, &mut |issue| {
            assert!(!issue.history.is_empty(), "history of {}", issue.issue.key);
            seen += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, 40);
}
