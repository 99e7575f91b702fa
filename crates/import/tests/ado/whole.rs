//! Whole projects, and what they cost.

use jobctl_forge::ado::AdoConfig;
use jobctl_provider::IssueOrder;

use crate::common::{Notes, asked, basic, done, entra, import, import_as, middling, sync, with};
use crate::compare::{assert_equal, assert_project_equal, held};

#[tokio::test]
async fn a_project_is_read_whole_with_either_sort_of_token() {
    let forge = middling();
    for credential in [basic(forge.ado().token()), entra()] {
        let dir = tempfile::tempdir().unwrap();
        let import = import_as(&forge.ado().url(), dir.path(), credential);
        let report = done(import, &Notes::default()).await;
        assert_eq!(report.warnings, Vec::<String>::new());
        assert_equal(dir.path(), &forge);
    }
}

#[tokio::test]
async fn ten_thousand_work_items_cost_sixty_requests_and_one_for_each_with_comments() {
    let forge = with(AdoConfig { items: 10_000, comments: 600, ..AdoConfig::default() });
    let dir = tempfile::tempdir().unwrap();
    let report = done(import(&forge, dir.path()), &Notes::default()).await;
    assert_eq!(report.warnings, Vec::<String>::new());
    assert_equal(dir.path(), &forge);
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    let with_comments = truth.items.values().filter(|item| !item.comments.is_empty()).count();
    let threads = asked(&forge, "/comments");
    // One item has more comments than a page.
    assert_eq!(threads, with_comments + 1);
    let rest = forge.log().len() - threads;
    assert!(rest <= 60, "{rest} requests beside {threads} for comments");
}

#[tokio::test]
async fn names_with_blanks_and_percent_signs() {
    let forge = middling();
    for project in ["Fabrikam Fiber", "100% Done"] {
        let dir = tempfile::tempdir().unwrap();
        let mut import = import(&forge, dir.path());
        import.orders = vec![IssueOrder::all(&format!("ado:contoso/{project}"))];
        let report = done(import, &Notes::default()).await;
        assert_eq!(report.warnings, Vec::<String>::new());
        assert_project_equal(dir.path(), &forge, project);
    }
}

#[tokio::test]
async fn an_older_server_of_ones_own() {
    for version in ["7.0", "6.0"] {
        let config = AdoConfig { server_version: version.to_owned(), ..AdoConfig::small() };
        let forge = with(config);
        let dir = tempfile::tempdir().unwrap();
        let credential = basic(forge.ado().token());
        let import = import_as(&forge.ado().server_url(), dir.path(), credential);
        let report = done(import, &Notes::default()).await;
        assert_eq!(report.warnings, Vec::<String>::new(), "{version}");
        assert_equal(dir.path(), &forge);
    }
}

#[tokio::test]
async fn comments_that_still_are_texts_of_revisions() {
    let config =
        AdoConfig { server_version: "5.0".to_owned(), comments: 400, ..AdoConfig::small() };
    let forge = with(config);
    let dir = tempfile::tempdir().unwrap();
    let credential = basic(forge.ado().token());
    let import = import_as(&forge.ado().server_url(), dir.path(), credential);
    let report = done(import, &Notes::default()).await;
    assert_eq!(report.warnings, Vec::<String>::new());
    let truth = forge.ado().truth("contoso", "Shop").unwrap();
    let counts = |id: &u64| truth.items[id].comments.len();
    let held = held(dir.path());
    assert_eq!(held.len(), truth.items.len());
    for (id, issue) in &held {
        assert_eq!(issue.comments.len(), counts(id), "comments of {id}");
    }
}

#[tokio::test]
async fn more_than_a_query_may_find_is_read_in_windows() {
    for top_avoids_cap in [true, false] {
        let forge = middling();
        forge.ado().configure(|b| {
            b.query_cap = 150;
            b.top_avoids_cap = top_avoids_cap;
        });
        let dir = tempfile::tempdir().unwrap();
        let report = done(import(&forge, dir.path()), &Notes::default()).await;
        assert_eq!(report.warnings, Vec::<String>::new());
        assert_equal(dir.path(), &forge);
    }
}

#[tokio::test]
async fn queries_that_take_too_long_are_asked_for_less() {
    let forge = middling();
    forge.ado().configure(|b| b.query_scan = Some(300));
    let dir = tempfile::tempdir().unwrap();
    done(import(&forge, dir.path()), &Notes::default()).await;
    assert_equal(dir.path(), &forge);
}

#[tokio::test]
async fn a_sync_without_news_costs_little() {
    let forge = middling();
    let dir = tempfile::tempdir().unwrap();
    done(import(&forge, dir.path()), &Notes::default()).await;
    done(sync(&forge, dir.path(), "2"), &Notes::default()).await;
    forge.clear_log();
    done(sync(&forge, dir.path(), "3"), &Notes::default()).await;
    let asked: Vec<String> = forge.log().into_iter().map(|entry| entry.endpoint).collect();
    assert!(asked.len() <= 4, "{asked:?}");
    assert_equal(dir.path(), &forge);
}
