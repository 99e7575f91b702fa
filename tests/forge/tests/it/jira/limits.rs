//! Limits are counted, told in every form, and noticed.

use std::time::Duration;

use jobctl_forge::jira::{JiraForm, JiraRefusalRule};
use jobctl_forge::{Fault, FaultRule, Firing, LimitKind};
use serde_json::json;

use super::{behaving, get, search, small};

fn rule(reason: Option<&str>, form: JiraForm) -> JiraRefusalRule {
    let reason = reason.map(str::to_owned);
    JiraRefusalRule { firing: Firing::Nth(1), path: None, reason, form, seconds: 90.0 }
}

#[test]
fn a_burst_is_refused_for_its_endpoint_alone() {
    let forge = behaving(|b| b.limits.burst_per_second = Some(0.5));
    assert_eq!(get(&forge, "myself").status, 200);
    let refused = get(&forge, "myself");
    assert_eq!(
        (refused.status, refused.header("RateLimit-Reason")),
        (429, Some("jira-burst-based"))
    );
    assert_eq!(get(&forge, "serverInfo").status, 200);
    forge.advance(Duration::from_secs(3));
    assert_eq!(get(&forge, "myself").status, 200);
}

#[test]
fn the_quota_counts_issues_and_ends_at_the_top_of_the_hour() {
    let forge = behaving(|b| {
        b.limits.quota = Some(120);
        b.limits.burst_per_second = None;
    });
    // The hour must not end in the middle.
    let past = forge.now().rem_euclid(3_600).unsigned_abs();
    forge.advance(Duration::from_secs(3_600 + 600 - past));
    let page = json!({ "fields": ["key"], "maxResults": 100 });
    let first = search(&forge, "project = PAY", &page);
    assert_eq!((first.status, first.header("X-RateLimit-NearLimit")), (200, Some("true")));
    assert!(first.header("RateLimit").unwrap().starts_with("\"global-app-quota\";r=19;t="));
    assert_eq!(search(&forge, "project = PAY", &page).status, 200);
    let refused = get(&forge, "myself");
    assert_eq!(
        (refused.status, refused.header("RateLimit-Reason")),
        (429, Some("jira-quota-global-based"))
    );
    let wait: i64 = refused.header("Retry-After").unwrap().parse().unwrap();
    let left = 3_600 - forge.now().rem_euclid(3_600);
    assert!((left - 1..=left + 1).contains(&wait), "{wait} {left}");
    assert_eq!(forge.log().last().unwrap().limited, Some(LimitKind::Primary));
    forge.advance(Duration::from_secs(3_600));
    assert_eq!(get(&forge, "myself").status, 200);
}

#[test]
fn refusals_come_in_every_form() {
    for (form, status, header) in [
        (JiraForm::Seconds, 429, Some("Retry-After")),
        (JiraForm::Decimal, 429, Some("Retry-After")),
        (JiraForm::HttpDate, 429, Some("Retry-After")),
        (JiraForm::Reset, 429, Some("X-RateLimit-Reset")),
        (JiraForm::ResetMinutes, 429, Some("X-RateLimit-Reset")),
        (JiraForm::Html, 429, Some("Retry-After")),
        (JiraForm::Unavailable, 503, Some("Retry-After")),
        (JiraForm::Structured, 429, Some("RateLimit")),
        (JiraForm::Bare, 429, None),
    ] {
        let forge = behaving(|b| b.refusals = vec![rule(Some("jira-cost-based"), form)]);
        let reply = get(&forge, "myself");
        assert_eq!(reply.status, status, "{form:?}");
        let tells = ["Retry-After", "X-RateLimit-Reset", "RateLimit"];
        let told: Vec<&str> = tells.into_iter().filter(|n| reply.header(n).is_some()).collect();
        assert_eq!(told, Vec::from_iter(header), "{form:?}");
        if form == JiraForm::ResetMinutes {
            let reset = reply.header("X-RateLimit-Reset").unwrap();
            assert_eq!(reset.len(), "2026-03-26T16:00Z".len(), "{reset}");
        }
    }
}

#[test]
fn requests_made_although_the_limit_was_told_are_marked() {
    let forge =
        behaving(|b| b.refusals = vec![rule(Some("jira-quota-tenant-based"), JiraForm::Seconds)]);
    get(&forge, "myself");
    get(&forge, "serverInfo");
    forge.advance(Duration::from_secs(91));
    assert_eq!(get(&forge, "myself").status, 200);
    let marks: Vec<bool> = forge.log().iter().map(|entry| entry.while_limited).collect();
    assert_eq!(marks, [false, true, false]);
    let burst = behaving(|b| b.refusals = vec![rule(Some("jira-burst-based"), JiraForm::Seconds)]);
    get(&burst, "myself");
    assert_eq!(get(&burst, "serverInfo").status, 200, "another endpoint");
}

#[test]
fn beta_headers_are_for_information() {
    let forge = behaving(|b| {
        b.limits.beta = true;
        b.limits.quota = Some(1_000);
    });
    let reply = get(&forge, "myself");
    assert!(reply.header("Beta-RateLimit-Policy").is_some());
    assert!(reply.header("RateLimit-Policy").is_none());
}

#[test]
fn faults_delays_and_the_log_are_those_of_the_forge() {
    let forge = small();
    let rule = FaultRule {
        fault: Fault::Status(502),
        firing: Firing::Next(1),
        path: Some("/myself".to_owned()),
    };
    forge.configure(|b| b.faults = vec![rule]);
    assert_eq!((get(&forge, "myself").status, get(&forge, "myself").status), (502, 200));
    get(&forge, "issue/PAY-1/comment");
    let endpoints: Vec<String> = forge.log().into_iter().map(|entry| entry.endpoint).collect();
    assert_eq!(
        endpoints,
        ["/rest/api/3/myself", "/rest/api/3/myself", "/rest/api/3/issue/{issueIdOrKey}/comment"]
    );
}
