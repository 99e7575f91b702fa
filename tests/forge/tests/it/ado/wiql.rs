//! Queries over HTTP.

use super::{ask, behaving, forge, message, query};

const ALL: &str = "SELECT [System.Id] FROM WorkItems WHERE [System.TeamProject] = @project";

#[test]
fn a_query_finds_what_is_there_and_only_that() {
    let forge = forge(|_| {});
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    let all: Vec<u64> = truth.items.keys().copied().collect();
    assert_eq!(query(&forge, ALL, "").unwrap(), all);
    // That the path names a project restricts nothing.
    let loose = query(&forge, "SELECT [System.Id] FROM WorkItems", "").unwrap();
    assert!(loose.len() > all.len());
    let bugs =
        format!("{ALL} AND [System.WorkItemType] IN ('bug', 'Nothing') ORDER BY [System.Id] DESC");
    let found = query(&forge, &bugs, "").unwrap();
    let wanted = truth.items.values().filter(|item| item.kind == "Bug").rev().map(|item| item.id);
    assert_eq!(found, wanted.collect::<Vec<_>>());
    let tagged = format!("{ALL} AND [System.Tags] CONTAINS 'blocked'");
    let found = query(&forge, &tagged, "").unwrap();
    assert!(!found.is_empty());
    assert!(found.iter().all(|id| truth.items[id].tags.contains(&"blocked".to_owned())));
}

#[test]
fn windows_by_id_go_on_where_the_last_one_ended() {
    let forge = behaving(|b| b.query_cap = 100);
    let refused = query(&forge, ALL, "").err().unwrap();
    assert_eq!(
        (refused.status, message(&refused)),
        (
            400,
            "VS402337: The number of work items \
        returned exceeds the size limit of 100. Change the query to return fewer items."
                .to_owned()
        )
    );
    assert_eq!(refused.json()["typeKey"], "WorkItemTrackingQueryResultSizeLimitExceededException");
    let mut found: Vec<u64> = Vec::new();
    loop {
        let last = found.last().copied().unwrap_or(0);
        let window = format!("{ALL} AND [System.Id] > {last} ORDER BY [System.Id]");
        let page = query(&forge, &window, "&$top=99").unwrap();
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    assert_eq!(found, truth.items.keys().copied().collect::<Vec<_>>());
    forge.ado().configure(|b| b.top_avoids_cap = false);
    assert!(query(&forge, ALL, "&$top=99").is_err());
    forge.ado().configure(|b| b.query_scan = Some(20));
    assert!(message(&query(&forge, ALL, "&$top=99").err().unwrap()).starts_with("VS402335"));
}

#[test]
fn times_need_precision_and_dates_mean_days() {
    let forge = forge(|_| {});
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    let mut times: Vec<String> = truth.items.values().map(|item| item.changed_at.clone()).collect();
    times.sort();
    let since = &times[200];
    let wiql = format!("{ALL} AND [System.ChangedDate] >= '{since}'");
    let refused = query(&forge, &wiql, "").err().unwrap();
    assert!(message(&refused).starts_with(
        "You cannot supply a time with the date when running a query using date precision."
    ));
    let found = query(&forge, &wiql, "&timePrecision=true").unwrap();
    let wanted = truth.items.values().filter(|item| item.changed_at >= *since).map(|item| item.id);
    assert_eq!(found, wanted.collect::<Vec<_>>());
    let day = format!("{ALL} AND [System.ChangedDate] >= '{}'", &since[..10]);
    let found = query(&forge, &day, "").unwrap();
    let wanted = truth.items.values().filter(|item| item.changed_at[..10] >= since[..10]);
    assert_eq!(found.len(), wanted.count());
}

#[test]
fn what_is_not_wiql_is_refused() {
    let forge = forge(|_| {});
    let refused = query(&forge, "SELECT [System.Foo] FROM WorkItems", "").err().unwrap();
    assert_eq!(
        message(&refused),
        "TF51005: The query references a field that does not exist. The \
        error is caused by \u{ab}[System.Foo]\u{bb}."
    );
    let without_project = "contoso/_apis/wit/wiql?api-version=7.1";
    let body = serde_json::json!({ "query": ALL }).to_string();
    assert_eq!(ask(&forge, "POST", without_project, &body).status, 400);
    assert!(
        query(&forge, "SELECT [System.Id] FROM WorkItems WHERE [System.Title] = 'O''Neil'", "")
            .unwrap()
            .is_empty()
    );
    assert!(query(&forge, ALL, "&$top=0").is_err());
    assert_eq!(ask(&forge, "POST", without_project, "{}").status, 400);
}
