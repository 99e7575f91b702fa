//! Data Center: offsets within a window, wiki markup, its own credentials and limits.

use std::time::Duration;

use jobctl_forge::jira::CenterLimit;
use serde_json::json;

use super::{ask, basic, behaving, center, keys, message, small};

fn page(forge: &jobctl_forge::Forge, more: &str) -> crate::client::Reply {
    center(forge, &format!("search?jql=project%3DPAY%20ORDER%20BY%20key%20ASC&{more}"))
}

#[test]
fn what_maxresults_was_cut_to_is_told_back() {
    let forge = behaving(|b| b.center_page = 80);
    let reply = page(&forge, "maxResults=1000&startAt=200&fields=summary");
    assert_eq!((&reply.json()["maxResults"], &reply.json()["total"]), (&json!(80), &json!(245)));
    assert_eq!(keys(&reply).len(), 45);
}

#[test]
fn beyond_the_window_is_a_server_error() {
    let forge = behaving(|b| b.center_window = 150);
    assert_eq!(page(&forge, "maxResults=50&startAt=100").status, 200);
    let beyond = page(&forge, "maxResults=50&startAt=101");
    assert_eq!(beyond.status, 500);
    assert!(message(&beyond).starts_with("Search limit exceeded. We couldn't complete"));
}

#[test]
fn issues_are_whole_and_in_wiki_markup() {
    let forge = small();
    let truth = forge.jira().truth("PAY").unwrap();
    let long = truth.issues.values().max_by_key(|issue| issue.comments.len()).unwrap();
    let issue = center(&forge, &format!("issue/{}?expand=changelog", long.key)).json();
    let fields = &issue["fields"];
    assert!(fields["description"].is_string());
    assert_eq!(fields["comment"]["comments"].as_array().unwrap().len(), long.comments.len());
    assert!(fields["reporter"]["accountId"].is_null() && fields["reporter"]["name"].is_string());
    let listed = issue["changelog"]["histories"].as_array().unwrap();
    assert_eq!(listed.len(), long.history.len());
    let sprinted = truth.issues.values().find(|issue| !issue.sprints.is_empty()).unwrap();
    let sprint = center(&forge, &format!("issue/{}", sprinted.key)).json();
    let sprint = sprint["fields"]["customfield_10020"][0].as_str().unwrap().to_owned();
    assert!(sprint.contains(&format!("name={}", sprinted.sprints[0])), "{sprint}");
    // An epic is no parent here.
    let story = center(&forge, "issue/PAY-22").json();
    assert!(story["fields"]["parent"].is_null());
    assert_eq!(story["fields"]["customfield_10014"], "PAY-21");
}

#[test]
fn keys_that_are_gone_may_be_refused_as_bounds() {
    let forge = small();
    let gone = forge.jira().truth("PAY").unwrap().gone.keys().next().unwrap().clone();
    let after = |key: &str| {
        center(&forge, &format!("search?jql=project%3DPAY%20AND%20key%20%3E%20{key}")).status
    };
    assert_eq!(after(&gone), 200);
    forge.jira().configure(|b| b.strict_keys = true);
    assert_eq!((after(&gone), after("PAY-100")), (400, 200));
}

#[test]
fn credentials_are_a_password_or_a_token_and_wrong_ones_are_told() {
    let forge = behaving(|b| b.captcha_after = Some(2));
    let config = forge.jira().config();
    let me = |auth: &str| ask(&forge, "GET", "/jira-dc/rest/api/2/myself", auth, "");
    assert_eq!(me(&format!("Bearer {}", config.pat)).status, 200);
    assert_eq!(me("Bearer wrong").status, 401);
    assert_eq!(me("").status, 401);
    assert_eq!(me(&basic(&config.user, &config.password)).status, 200);
    let wrong = me(&basic(&config.user, "wrong"));
    assert_eq!(
        (wrong.status, wrong.header("x-seraph-loginreason")),
        (401, Some("AUTHENTICATED_FAILED"))
    );
    me(&basic(&config.user, "wrong"));
    let captcha = me(&basic(&config.user, &config.password));
    assert_eq!(captcha.status, 403);
    assert!(
        captcha.header("x-authentication-denied-reason").unwrap().starts_with("CAPTCHA_CHALLENGE")
    );
}

#[test]
fn its_limit_has_headers_on_every_reply_and_a_page_of_html_at_the_end() {
    let forge = behaving(|b| {
        b.limits.center = Some(CenterLimit { limit: 2, fill_rate: 1, interval_seconds: 600 });
    });
    let first = center(&forge, "myself");
    let header = |name: &str| first.header(name).map(str::to_owned);
    assert_eq!(header("X-RateLimit-Limit").as_deref(), Some("2"));
    assert_eq!(header("X-RateLimit-Remaining").as_deref(), Some("1"));
    assert_eq!(header("X-RateLimit-Interval-Seconds").as_deref(), Some("600"));
    assert_eq!(header("retry-after").as_deref(), Some("0"), "which is no pause");
    let last = center(&forge, "myself");
    assert_eq!((last.status, last.header("retry-after")), (200, Some("600")), "no more is left");
    let refused = center(&forge, "myself");
    assert_eq!(refused.status, 429);
    assert!(refused.header("content-type").unwrap().starts_with("text/html"));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    // Told in whole seconds, rounded up.
    assert!((590..=601).contains(&wait), "{wait}");
    forge.advance(Duration::from_secs(601));
    assert_eq!(center(&forge, "myself").status, 200);
}
