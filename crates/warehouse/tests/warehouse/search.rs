use jobctl_provider::{Category, IssueKind};
use jobctl_warehouse::{Query, WarehouseError};
use proptest::prelude::*;

use crate::site::{SCOPE, Site, comment, comments, issue, issues};

fn filled() -> Site {
    let mut site = Site::new();
    let mut crash = issue(1, 10);
    crash.title = "Crash when opening settings".into();
    crash.body = Some("It says std::io::Error and \"quits\" — naïve user".into());
    let mut slow = issue(2, 20);
    slow.title = "Slow start".into();
    slow.body = Some("Opening takes long, no crash though. 設定を開くと遅い".into());
    slow.labels = vec!["perf".into(), "Good First Issue".into()];
    slow.state = "closed".into();
    slow.state_category = Category::Done;
    let mut pull = issue(3, 30);
    pull.title = "Fix the crash".into();
    pull.kind = IssueKind::PullRequest;
    pull.author = Some("Zed".into());
    let mut child = issue(12, 5);
    child.kind = IssueKind::Story;
    child.type_name = Some("User Story".into());
    child.parent = Some(format!("{SCOPE}#7"));
    child.acceptance_criteria = Some("Refunds arrive within a day ★".into());
    site.give(1, &issues([crash, slow, pull, child]));
    let mut words = comment(5, 12, 1);
    words.body = Some("reproduced on zanzibar build 4711".into());
    site.give(2, &comments([words]));
    site
}

fn numbers(site: &Site, text: &str) -> Vec<u64> {
    let found = site.house.search(&Query::parse(text), 50).unwrap();
    assert_eq!(found.total, found.issues.len() as u64, "{text}");
    found.issues.into_iter().map(|issue| issue.number).collect()
}

#[test]
fn words_are_found_in_title_body_and_comments() {
    let site = filled();
    for (text, fits) in [
        ("crash", &[1, 2][..]),
        ("CRASH open", &[1, 2]),
        ("crash settings", &[1]),
        ("zanz", &[12]),
        ("issue zanzibar", &[12]),
        ("std::io", &[1]),
        ("naive", &[1]),
        ("\"opening settings\"", &[1]),
        ("\"settings opening\"", &[]),
        ("設定", &[2]),
        ("—", &[1]),
        ("refunds \"within a day\"", &[12]),
        ("★", &[12]),
        ("nowhere", &[]),
    ] {
        assert_eq!(numbers(&site, text), fits, "{text}");
    }
}

#[test]
fn filters_narrow() {
    let site = filled();
    for (text, fits) in [
        ("state:open", &[1, 12][..]),
        ("is:closed", &[2]),
        ("label:\"good first issue\"", &[2]),
        ("label:perf label:bug", &[]),
        ("is:pr", &[3]),
        ("is:any crash", &[3, 1, 2]),
        ("is:pr author:zed", &[3]),
        ("assignee:bob is:pr", &[3]),
        ("number:12", &[12]),
        ("kind:story", &[12]),
        ("kind:Story kind:epic", &[]),
        ("kind:issue", &[2, 1]),
        ("kind:pull_request", &[3]),
        ("type:\"user story\"", &[12]),
        ("type:story", &[]),
        ("parent:GitHub:acme/api#7", &[12]),
        ("parent:api#7", &[12]),
        ("parent:pi#7", &[]),
        ("parent:#7", &[12]),
        ("parent:7", &[12]),
        ("parent:17", &[]),
        ("parent:%", &[]),
        ("source:github", &[2, 1, 12]),
        ("source:github:ACME", &[2, 1, 12]),
        ("source:github:acme/", &[2, 1, 12]),
        ("source:github:acme/api", &[2, 1, 12]),
        ("source:github:acm", &[]),
        ("source:jira", &[]),
    ] {
        assert_eq!(numbers(&site, text), fits, "{text}");
    }
}

#[test]
fn changed_and_deleted_texts_are_not_found_any_more() {
    let mut site = filled();
    let mut renamed = issue(12, 6);
    renamed.title = "Quagga".into();
    renamed.body = None;
    let mut other = comment(5, 12, 2);
    other.body = Some("nothing".into());
    site.give(5, &issues([renamed]));
    site.give(5, &comments([other]));
    assert_eq!(numbers(&site, "quagga nothing"), [12]);
    assert_eq!(numbers(&site, "zanzibar"), [] as [u64; 0]);
    let listed =
        jobctl_provider::Fact::Comments { issue: crate::site::key(12), since: crate::site::at(6) };
    site.give(7, &crate::site::facts([listed]));
    assert_eq!(numbers(&site, "nothing"), [] as [u64; 0]);
}

#[test]
fn a_limit_limits_and_the_total_tells() {
    let site = filled();
    let found = site.house.search(&Query::parse("crash"), 1).unwrap();
    assert_eq!((found.total, found.issues.len(), found.issues[0].number), (2, 1, 1));
    assert_eq!(site.house.search(&Query::default(), 0).unwrap().total, 3);
}

#[test]
fn an_issue_goes_by_its_key_and_by_what_ends_it() {
    let mut site = filled();
    for name in ["github:acme/api#12", "GITHUB:acme/API#12", "acme/api#12", "api#12", "#12", "12"] {
        let found = site.house.issue(name).unwrap().unwrap_or_else(|| panic!("{name}"));
        assert_eq!((found.issue.number, found.comments.len()), (12, 1), "{name}");
    }
    for name in ["pi#12", "#2222", "", "#", "%#12", "x'; --", "jira:acme/api#12"] {
        assert!(site.house.issue(name).unwrap().is_none(), "{name}");
    }
    let mut twin = issue(12, 1);
    twin.key = "github:acme/web#12".into();
    site.give(9, &issues([twin]));
    let Err(WarehouseError::Ambiguous { candidates, .. }) = site.house.issue("#12") else {
        panic!("two issues are named #12");
    };
    assert_eq!(candidates, [format!("{SCOPE}#12"), "github:acme/web#12".into()]);
    assert!(site.house.issue("web#12").unwrap().is_some());
}

#[test]
fn hostile_queries_find_nothing_and_break_nothing() {
    let site = filled();
    let long = "x ".repeat(5_000) + &"y".repeat(100_000);
    for text in [
        "\"",
        "\"\"\"",
        "crash AND",
        "NOT",
        "NEAR(a b",
        "title:crash",
        "{title} : x",
        "crash*",
        "^crash",
        "a\0b",
        "-crash",
        "(((",
        "'; DROP TABLE issue_row; --",
        "label:' OR 1=1",
        "number:99999999999999999999999",
        "source:%",
        "??1",
        "@",
        "+",
        "\u{0301}",
        &long,
    ] {
        site.house
            .search(&Query::parse(text), 10)
            .unwrap_or_else(|error| panic!("{text}: {error:?}"));
    }
    assert_eq!(numbers(&site, "crash"), [1, 2]);
    assert_eq!(numbers(&site, "source:%"), [] as [u64; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn every_text_is_a_query(text in "(\\PC|[\"*():^{}+\\-\0 ]|AND|NEAR|title){0,40}") {
        thread_local!(static SITE: Site = filled());
        SITE.with(|site| site.house.search(&Query::parse(&text), 5).map(drop)).unwrap();
    }
}
