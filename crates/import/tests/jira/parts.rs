//! Parts of a project.

use std::collections::BTreeSet;

use jobctl_forge::Forge;
use jobctl_forge::jira::JiraTruthIssue;
use jobctl_import::Ended;
use jobctl_provider::IssueOrder;

use crate::common::{Notes, Way, done, import, middling, order, run};
use crate::compare::held;

/// Imports an order; the numbers that are held then.
async fn numbers(forge: &Forge, way: Way, order: IssueOrder) -> BTreeSet<u64> {
    let dir = tempfile::tempdir().unwrap();
    let mut import = import(forge, dir.path(), way);
    import.orders = vec![order];
    done(import, &Notes::default()).await;
    held(dir.path()).into_keys().collect()
}

fn wanted(forge: &Forge, test: impl Fn(&JiraTruthIssue) -> bool) -> BTreeSet<u64> {
    let truth = forge.jira().truth("PAY").unwrap();
    truth.issues.values().filter(|issue| test(issue)).map(|issue| issue.number).collect()
}

#[tokio::test]
async fn only_what_changed_since_a_date() {
    let forge = middling();
    let truth = forge.jira().truth("PAY").unwrap();
    let mut times: Vec<&String> = truth.issues.values().map(|issue| &issue.updated_at).collect();
    times.sort();
    let since: jiff::Timestamp = times[times.len() / 2].parse().unwrap();
    for way in Way::BOTH {
        let order = IssueOrder { since: Some(since), ..order() };
        let after = |i: &JiraTruthIssue| i.updated_at.parse::<jiff::Timestamp>().unwrap() >= since;
        assert_eq!(numbers(&forge, way, order).await, wanted(&forge, after), "{way:?}");
    }
}

#[tokio::test]
async fn only_a_state_a_label_or_what_a_query_finds() {
    let forge = middling();
    for way in Way::BOTH {
        let open = IssueOrder { state: "open".to_owned(), ..order() };
        let is_open = |issue: &JiraTruthIssue| issue.category != "done";
        assert_eq!(numbers(&forge, way, open).await, wanted(&forge, is_open));
        let labelled = IssueOrder { labels: vec!["needs-info?".to_owned()], ..order() };
        let has = |issue: &JiraTruthIssue| issue.labels.iter().any(|l| l == "needs-info?");
        assert_eq!(numbers(&forge, way, labelled).await, wanted(&forge, has));
        let query = "issuetype = Bug OR summary ~ \"scheduler\" ORDER BY created DESC";
        let found = IssueOrder { query: Some(query.to_owned()), ..order() };
        let fits = |issue: &JiraTruthIssue| {
            issue.type_name == "Bug" || issue.title.to_lowercase().contains("scheduler")
        };
        assert_eq!(numbers(&forge, way, found).await, wanted(&forge, fits));
    }
}

#[tokio::test]
async fn only_the_newest() {
    let forge = middling();
    let truth = forge.jira().truth("PAY").unwrap();
    for way in Way::BOTH {
        let held = numbers(&forge, way, IssueOrder { limit: Some(75), ..order() }).await;
        assert_eq!(held.len(), 75, "{way:?}");
        let oldest = held.iter().map(|number| &truth.issues[number].updated_at).min().unwrap();
        let newer = wanted(&forge, |issue| issue.updated_at > *oldest);
        assert!(newer.is_subset(&held), "{way:?}");
    }
}

#[tokio::test]
async fn a_project_or_a_query_that_is_wrong_fails_with_jiras_words() {
    let forge = middling();
    for way in Way::BOTH {
        for (order, words) in [
            (IssueOrder::all("jira:NOPE"), "NOPE"),
            (IssueOrder { query: Some("colour = red".to_owned()), ..order() }, "colour"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let mut import = import(&forge, dir.path(), way);
            import.orders = vec![order];
            let ended = run(import, &Notes::default()).await.unwrap();
            let Ended::Done(report) = ended else { panic!("{ended:?}") };
            let said = format!("{report:?}");
            assert!(report.failures.len() == 1 && said.contains(words), "{way:?}: {said}");
        }
    }
}
