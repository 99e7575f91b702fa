//! Parts of a repository, and what changes between imports.

use std::collections::BTreeSet;

use jobctl_forge::{Change, Config, Fault, FaultRule, Firing, Forge, IssueVolume, Truth};
use jobctl_import::{Mode, Report};
use jobctl_provider::IssueOrder;
use jobctl_warehouse::Kinds;

use crate::common::{Notes, assert_equal, done, held, import, order};

const SCOPE: &str = "github:acme/api";

fn forge() -> Forge {
    let issues = IssueVolume { issues: 900, comments: 2_000, ..IssueVolume::default() };
    Forge::start(Config { issues, repos: 2, ..Config::default() }).unwrap()
}

/// Imports an order; returns the numbers that are held then.
async fn numbers(forge: &Forge, order: IssueOrder) -> (BTreeSet<u64>, Report) {
    let dir = tempfile::tempdir().unwrap();
    let report = done(import(forge, dir.path(), "1", 1, order), &Notes::default()).await;
    assert_eq!((&report.failures, &report.warnings), (&vec![], &vec![]));
    let truth = forge.truth("acme/api").unwrap();
    let held = held(dir.path(), Kinds::Both);
    for (number, issue) in &held {
        // Whatever is taken is taken with all of its comments.
        let wanted = truth.issues[number].comments.len();
        assert_eq!(issue.comments.len(), wanted, "comments of {number}");
    }
    (held.into_keys().collect(), report)
}

fn wanted(truth: &Truth, test: impl Fn(&jobctl_forge::TruthIssue) -> bool) -> BTreeSet<u64> {
    truth.issues.values().filter(|issue| test(issue)).map(|issue| issue.number).collect()
}

#[tokio::test]
async fn only_what_changed_since_a_date() {
    let forge = forge();
    let truth = forge.truth("acme/api").unwrap();
    let mut times: Vec<&String> = truth.issues.values().map(|issue| &issue.updated_at).collect();
    times.sort();
    let since = times[600].clone();
    let order = IssueOrder { since: Some(since.parse().unwrap()), ..order(SCOPE) };
    let (held, _) = numbers(&forge, order).await;
    assert_eq!(held, wanted(&truth, |issue| !issue.is_pull && issue.updated_at >= since));
}

#[tokio::test]
async fn only_a_state_or_a_label() {
    let forge = forge();
    let truth = forge.truth("acme/api").unwrap();
    let label = truth.issues.values().find_map(|issue| issue.labels.first()).unwrap().clone();
    let open = IssueOrder { state: "open".to_owned(), ..order(SCOPE) };
    let (held, _) = numbers(&forge, open).await;
    assert_eq!(held, wanted(&truth, |issue| !issue.is_pull && issue.state == "open"));
    let labelled = IssueOrder { labels: vec![label.clone()], ..order(SCOPE) };
    let (held, _) = numbers(&forge, labelled).await;
    assert_eq!(held, wanted(&truth, |issue| !issue.is_pull && issue.labels.contains(&label)));
}

#[tokio::test]
async fn only_the_newest() {
    let forge = forge();
    let truth = forge.truth("acme/api").unwrap();
    let (held, report) = numbers(&forge, IssueOrder { limit: Some(120), ..order(SCOPE) }).await;
    assert_eq!((held.len(), report.issues), (120, 120));
    let oldest = held.iter().map(|number| &truth.issues[number].updated_at).min().unwrap();
    let newer = wanted(&truth, |issue| !issue.is_pull && issue.updated_at > *oldest);
    assert!(newer.is_subset(&held));
}

#[tokio::test]
async fn pull_requests_too() {
    let forge = forge();
    let dir = tempfile::tempdir().unwrap();
    let order = IssueOrder { pulls: true, ..order(SCOPE) };
    done(import(&forge, dir.path(), "1", 1, order), &Notes::default()).await;
    assert_equal(dir.path(), &forge.truth("acme/api").unwrap(), Kinds::Both);
}

#[tokio::test]
async fn recorded_issues_and_a_repository_that_was_renamed() {
    let forge = forge();
    for (scope, name) in
        [("github:hub4j/github-api", "hub4j/github-api"), ("x:acme/old-api", "acme/api")]
    {
        let dir = tempfile::tempdir().unwrap();
        let report =
            done(import(&forge, dir.path(), "1", 1, order(scope)), &Notes::default()).await;
        assert_equal(dir.path(), &forge.truth(name).unwrap(), Kinds::Issues);
        let renamed = report.warnings.iter().any(|warning| warning.contains("acme/api"));
        assert_eq!(renamed, name == "acme/api", "{report:?}");
    }
}

#[tokio::test]
async fn a_sync_brings_what_changed_and_notices_what_is_gone() {
    let forge = forge();
    let dir = tempfile::tempdir().unwrap();
    done(import(&forge, dir.path(), "1", 1, order(SCOPE)), &Notes::default()).await;
    let (alive, dead) = {
        let truth = forge.truth("acme/api").unwrap();
        let mut plain = truth.issues.values().filter(|issue| !issue.is_pull && issue.number > 50);
        (plain.next().unwrap().number, plain.next().unwrap().number)
    };
    let title = Some("renamed".to_owned());
    let edit = Change::EditIssue { number: alive, title, body: None, state: None };
    forge.change("acme/api", &edit).unwrap();
    forge.change("acme/api", &Change::DeleteIssue { number: dead }).unwrap();
    forge.clear_log();
    let mut sync = import(&forge, dir.path(), "2", 1, order(SCOPE));
    sync.mode = Mode::Sync { full: false };
    let report = done(sync, &Notes::default()).await;
    assert_equal(dir.path(), &forge.truth("acme/api").unwrap(), Kinds::Issues);
    assert_eq!(report.warnings, Vec::<String>::new());
    // Nothing new: a look at both lists and the count.
    let mut sync = import(&forge, dir.path(), "3", 1, order(SCOPE));
    sync.mode = Mode::Sync { full: false };
    let report = done(sync, &Notes::default()).await;
    assert!(report.requests <= 5, "{report:?}");
}

#[tokio::test]
async fn an_import_that_finds_nothing_says_why_it_may_be() {
    let forge = forge();
    let nothing = IssueOrder {
        labels: vec!["no such label".to_owned()],
        since: Some("2026-01-01T00:00:00Z".parse().unwrap()),
        ..order(SCOPE)
    };
    let dir = tempfile::tempdir().unwrap();
    let report = done(import(&forge, dir.path(), "1", 1, nothing), &Notes::default()).await;
    assert_eq!(report.issues, 0);
    assert!(report.warnings.iter().any(|warning| warning.contains("--label")), "{report:?}");
}

#[tokio::test]
async fn replies_that_lie_do_no_harm() {
    for fault in [Fault::Html200, Fault::TruncatedJson, Fault::LinkElsewhere, Fault::ShortPage] {
        let forge = forge();
        let firing = Firing::Nth(6);
        let path = Some("issues".to_owned());
        forge.configure(|behaviour| behaviour.faults = vec![FaultRule { fault, firing, path }]);
        let dir = tempfile::tempdir().unwrap();
        let report =
            done(import(&forge, dir.path(), "1", 1, order(SCOPE)), &Notes::default()).await;
        assert_eq!(report.failures, [], "{fault:?}");
        assert_equal(dir.path(), &forge.truth("acme/api").unwrap(), Kinds::Issues);
        let strays =
            forge.log().iter().filter(|e| e.listener == jobctl_forge::Listener::Other).count();
        assert_eq!(strays, 0, "{fault:?}");
    }
}
