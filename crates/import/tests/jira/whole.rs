//! A project is read whole, for few requests.

use std::collections::BTreeSet;

use jobctl_forge::jira::JiraConfig;
use jobctl_provider::IssueOrder;

use crate::common::{Notes, Way, asked, behaving, done, import, order, sync, with};
use crate::compare::{assert_equal, held};

#[tokio::test]
async fn a_small_project_is_read_whole_in_every_way() {
    let forge = with(JiraConfig::small());
    for way in [Way::Cloud, Way::Scoped, Way::Center, Way::CenterPassword] {
        let dir = tempfile::tempdir().unwrap();
        let report = done(import(&forge, dir.path(), way), &Notes::default()).await;
        assert_equal(dir.path(), &forge);
        assert!(report.requests <= 30, "{way:?}: {report:?}");
    }
}

#[tokio::test]
async fn ten_thousand_issues_cost_a_hundred_and_ten_requests_and_one_for_each_cut_thread() {
    let forge = with(JiraConfig { comments: 5_000, ..JiraConfig::default() });
    let dir = tempfile::tempdir().unwrap();
    let report = done(import(&forge, dir.path(), Way::Cloud), &Notes::default()).await;
    assert_equal(dir.path(), &forge);
    let truth = forge.jira().truth("PAY").unwrap();
    let cut = truth.issues.values().map(|issue| issue.comments.len()).filter(|many| *many > 20);
    let pages: usize = cut.map(|many| many.div_ceil(100)).sum();
    let requests = usize::try_from(report.requests).unwrap();
    assert!(requests <= 110 + pages, "{requests} requests, {pages} pages of cut threads");
    assert_eq!(forge.log().iter().filter(|entry| entry.status != 200).count(), 0);
}

#[tokio::test]
async fn data_center_is_read_whole_beyond_its_window() {
    let jira = JiraConfig { issues: 900, comments: 500, ..JiraConfig::default() };
    let forge = with(jira);
    forge.jira().configure(|b| {
        b.center_window = 200;
        b.center_page = 90;
        b.strict_keys = true;
    });
    let dir = tempfile::tempdir().unwrap();
    done(import(&forge, dir.path(), Way::Center), &Notes::default()).await;
    assert_equal(dir.path(), &forge);
}

#[tokio::test]
async fn odd_pages_lose_nothing() {
    for change in [
        (|b| b.short_page_every = Some(2)) as fn(&mut jobctl_forge::jira::JiraBehaviour),
        |b| (b.page_of_ids, b.page_of_fields) = (30, 9),
        |b| b.bulk_error_every = Some(9),
        |b| b.bulk_thousand = false,
        |b| b.lag = 1,
    ] {
        let forge = behaving(change);
        let dir = tempfile::tempdir().unwrap();
        done(import(&forge, dir.path(), Way::Cloud), &Notes::default()).await;
        assert_equal(dir.path(), &forge);
    }
}

#[tokio::test]
async fn the_history_is_the_forges_own() {
    for (way, millis) in [(Way::Cloud, false), (Way::Cloud, true), (Way::Center, false)] {
        let forge = behaving(|b| b.changelog_millis = millis);
        let dir = tempfile::tempdir().unwrap();
        let mut whole = import(&forge, dir.path(), way);
        whole.orders = vec![IssueOrder { timeline: true, ..order() }];
        done(whole, &Notes::default()).await;
        assert_equal(dir.path(), &forge);
        let truth = forge.jira().truth("PAY").unwrap();
        for (number, issue) in held(dir.path()) {
            let ids = issue.history.iter().map(|entry| {
                entry.id.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
            });
            let wanted = truth.issues[&number].history.iter().copied();
            assert_eq!(ids.collect::<BTreeSet<u64>>(), wanted.collect(), "history of {number}");
        }
    }
}

#[tokio::test]
async fn a_sync_without_news_costs_little() {
    for way in Way::BOTH {
        let forge = with(JiraConfig::small());
        let dir = tempfile::tempdir().unwrap();
        done(import(&forge, dir.path(), way), &Notes::default()).await;
        forge.clear_log();
        let report = done(sync(&forge, dir.path(), way, "2"), &Notes::default()).await;
        assert!(report.requests <= 7, "{way:?}: {:?}", forge.log());
        assert_equal(dir.path(), &forge);
        assert_eq!(asked(&forge, "changelog/bulkfetch"), 0);
    }
}
