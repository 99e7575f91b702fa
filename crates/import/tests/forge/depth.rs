//! What GitHub knows of an issue besides its row: history, links, type; searches; probes by tag.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use jobctl_forge::{Change, Config, Forge, IssueVolume, LimitKind, Truth};
use jobctl_import::{Ended, Mode};
use jobctl_provider::IssueOrder;
use jobctl_providers_github::GitHub;
use jobctl_warehouse::{ExportIssue, Kinds, Query, Warehouse};
use url::Url;

use crate::common::{Notes, assert_equal, done, held, import, order, run};

const SCOPE: &str = "github:acme/api";

fn forge(issues: u32, comments: u32) -> Forge {
    let issues =
        IssueVolume { issues, comments, restless: 2, dependencies: 3, ..IssueVolume::default() };
    Forge::start(Config { issues, recorded: false, repos: 2, ..Config::default() }).unwrap()
}

fn with_history() -> IssueOrder {
    IssueOrder { timeline: true, ..order(SCOPE) }
}

/// Everything that is held, with its history.
fn held_whole(dir: &Path) -> BTreeMap<u64, ExportIssue> {
    let warehouse = Warehouse::open_reading(&dir.join("issues.db")).unwrap();
    let query = Query { kinds: Kinds::Both, history: true, ..Query::default() };
    let mut issues = BTreeMap::new();
    warehouse
        .export(&query, &mut |issue| {
            issues.insert(issue.issue.number, issue);
            Ok(())
        })
        .unwrap();
    issues
}

fn assert_histories(dir: &Path, truth: &Truth) {
    for (number, issue) in held_whole(dir) {
        let there = &truth.issues[&number];
        let wanted: BTreeSet<&String> = there.history.iter().map(|(id, _)| id).collect();
        let found: BTreeSet<&String> = issue.history.iter().map(|entry| &entry.id).collect();
        assert_eq!(found, wanted, "history of {number}");
    }
}

/// Requests of an endpoint.
fn asked(forge: &Forge, endpoint: &str) -> usize {
    forge.log().iter().filter(|entry| entry.endpoint == endpoint).count()
}

#[tokio::test]
async fn histories_and_links_are_the_forges_own() {
    let forge = forge(400, 600);
    let dir = tempfile::tempdir().unwrap();
    let report = done(import(&forge, dir.path(), "1", 1, with_history()), &Notes::default()).await;
    assert_eq!((&report.failures, &report.warnings), (&vec![], &vec![]));
    let truth = forge.truth("acme/api").unwrap();
    assert_equal(dir.path(), &truth, Kinds::Issues);
    assert_histories(dir.path(), &truth);
    for (number, issue) in held(dir.path(), Kinds::Issues) {
        let there = &truth.issues[&number];
        assert_eq!(issue.issue.type_name, there.type_name, "type of {number}");
        let parent = there.parent.map(|parent| format!("{SCOPE}#{parent}"));
        assert_eq!(issue.issue.parent, parent, "parent of {number}");
        let links = issue.issue.links.iter().filter(|link| link.relation == "blocked by");
        let links: Vec<&str> = links.map(|link| link.target.as_str()).collect();
        let blocked_by: Vec<String> =
            there.blocked_by.iter().map(|other| format!("{SCOPE}#{other}")).collect();
        assert_eq!(links, blocked_by, "links of {number}");
    }
}

#[tokio::test]
async fn an_edit_brings_its_entry_with_the_next_sync_and_few_requests() {
    let forge = forge(400, 600);
    let dir = tempfile::tempdir().unwrap();
    let order = IssueOrder { pulls: true, ..with_history() };
    done(import(&forge, dir.path(), "1", 1, order.clone()), &Notes::default()).await;
    assert_histories(dir.path(), &forge.truth("acme/api").unwrap());
    let title = Some("renamed".to_owned());
    let edit = Change::EditIssue { number: 60, title, body: None, state: None };
    forge.change("acme/api", &edit).unwrap();
    forge.clear_log();
    let mut sync = import(&forge, dir.path(), "2", 1, order);
    sync.mode = Mode::Sync { full: false };
    done(sync, &Notes::default()).await;
    assert_histories(dir.path(), &forge.truth("acme/api").unwrap());
    assert!(asked(&forge, "/graphql") <= 2, "{:?}", asked(&forge, "/graphql"));
}

#[tokio::test]
async fn heavy_queries_are_asked_in_parts_and_lose_nothing() {
    let forge = forge(200, 0);
    forge.configure(|behaviour| {
        behaviour.graphql.heavy_nodes = Some(1_000);
        behaviour.graphql.nodes_in_time = Some(450);
    });
    let dir = tempfile::tempdir().unwrap();
    let report = done(import(&forge, dir.path(), "1", 1, with_history()), &Notes::default()).await;
    assert_eq!((&report.failures, &report.warnings), (&vec![], &vec![]));
    assert_histories(dir.path(), &forge.truth("acme/api").unwrap());
}

#[tokio::test]
async fn a_spent_graphql_budget_is_a_pause_and_the_rest_follows() {
    let forge = forge(200, 0);
    forge.configure(|behaviour| behaviour.graphql.limit = Some(3));
    let dir = tempfile::tempdir().unwrap();
    let first = import(&forge, dir.path(), "1", 1, with_history());
    let ended = run(first, &Notes::default()).await.unwrap();
    let Ended::Limited { bucket, .. } = ended else { panic!("not limited: {ended:?}") };
    assert_eq!(bucket, "graphql");
    assert_eq!(asked(&forge, "/graphql"), 3, "the replies tell that there is no more");
    forge.configure(|behaviour| behaviour.graphql.limit = None);
    let again = import(&forge, dir.path(), "1", 2, with_history());
    let report = done(again, &Notes::default()).await;
    assert_eq!((&report.failures, &report.warnings), (&vec![], &vec![]));
    assert_histories(dir.path(), &forge.truth("acme/api").unwrap());
}

#[tokio::test]
async fn a_search_finds_all_of_it_beyond_its_thousand() {
    let forge = forge(1_600, 100);
    forge.configure(|behaviour| {
        behaviour.search.cap = 200;
        behaviour.search.per_minute = None;
    });
    let dir = tempfile::tempdir().unwrap();
    let query = Some("is:open".to_owned());
    let order = IssueOrder { query, ..order(SCOPE) };
    let report = done(import(&forge, dir.path(), "1", 1, order), &Notes::default()).await;
    assert_eq!((&report.failures, &report.warnings), (&vec![], &vec![]));
    let truth = forge.truth("acme/api").unwrap();
    let open = truth.issues.values().filter(|issue| !issue.is_pull && issue.state == "open");
    let wanted: BTreeSet<u64> = open.map(|issue| issue.number).collect();
    assert!(wanted.len() > 400, "{}", wanted.len());
    let found: BTreeSet<u64> = held(dir.path(), Kinds::Both).into_keys().collect();
    assert_eq!(found, wanted);
    assert!(asked(&forge, "/search/issues") <= wanted.len().div_ceil(99) + 3);
}

#[tokio::test]
async fn a_sync_that_finds_nothing_new_spends_two_requests_at_most() {
    let forge = forge(1_500, 2_000);
    let dir = tempfile::tempdir().unwrap();
    done(import(&forge, dir.path(), "1", 1, order(SCOPE)), &Notes::default()).await;
    for job in ["2", "3"] {
        forge.clear_log();
        let mut sync = import(&forge, dir.path(), job, 1, order(SCOPE));
        sync.mode = Mode::Sync { full: false };
        done(sync, &Notes::default()).await;
        let spent = forge.log().iter().filter(|entry| entry.status != 304).count();
        if job == "3" {
            assert!(spent <= 2, "{:?}", forge.log());
        }
    }
    assert!(forge.log().iter().any(|entry| entry.status == 304));
    // And what is new is found all the same.
    let body = "new".to_owned();
    forge.change("acme/api", &Change::AddComment { number: 60, body, user: None }).unwrap();
    let mut sync = import(&forge, dir.path(), "4", 1, order(SCOPE));
    sync.mode = Mode::Sync { full: false };
    done(sync, &Notes::default()).await;
    assert_equal(dir.path(), &forge.truth("acme/api").unwrap(), Kinds::Issues);
    assert!(forge.log().iter().all(|entry| entry.limited != Some(LimitKind::Primary)));
}

#[tokio::test]
async fn an_enterprise_server_without_limits_and_a_renamed_repository_have_histories_too() {
    let forge = forge(120, 50);
    forge.configure(|behaviour| {
        behaviour.limits.primary = None;
        behaviour.graphql.limit = None;
    });
    let dir = tempfile::tempdir().unwrap();
    let order = IssueOrder { timeline: true, ..order("github:acme/old-api") };
    let mut import = import(&forge, dir.path(), "1", 1, order);
    let base = Url::parse(&format!("{}/api/v3/", forge.url())).unwrap();
    import.provider = Arc::new(GitHub::new(base));
    let report = done(import, &Notes::default()).await;
    assert_eq!(report.failures, vec![]);
    assert!(forge.log().iter().any(|entry| entry.target == "/api/graphql"));
    assert_histories(dir.path(), &forge.truth("acme/api").unwrap());
}
