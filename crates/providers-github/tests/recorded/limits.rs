//! Every recorded refusal, and what it means.

use std::time::SystemTime;

use jiff::SignedDuration;
use jobctl_provider::{Answer, Order, Provider, Refusal, Time};
use serde_json::Value;

use crate::{first, fixture, github, list, now, order, reply};

/// The recordings are templates: `{{now offset='8 seconds' format='unix'}}`.
fn filled(template: &str) -> String {
    let Some(inner) = template.strip_prefix("{{").and_then(|t| t.strip_suffix("}}")) else {
        return template.to_owned();
    };
    let seconds = inner
        .split_once("offset='")
        .and_then(|(_, rest)| rest.split(' ').next())
        .map_or(0, |count| count.parse().unwrap());
    let at = now() + SignedDuration::from_secs(seconds);
    if inner.contains("'unix'") {
        return at.as_second().to_string();
    }
    httpdate::fmt_http_date(SystemTime::from(at))
}

fn recorded(path: &str) -> Answer {
    let mapping: Value = serde_json::from_slice(&fixture(&format!("hub4j/{path}.json"))).unwrap();
    let response = &mapping["response"];
    let headers: Vec<(String, String)> = response["headers"]
        .as_object()
        .unwrap()
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), filled(value.as_str()?))))
        .collect();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let status = u16::try_from(response["status"].as_u64().unwrap()).unwrap();
    reply(status, &headers, response["body"].as_str().unwrap())
}

fn refused(answer: &Answer) -> Refusal {
    github().read(&list(), answer).unwrap_err()
}

fn after(seconds: i64) -> Time {
    now() + SignedDuration::from_secs(seconds)
}

/// What a limit says: until when, and which.
fn limit(answer: &Answer) -> (Option<Time>, Option<String>) {
    let refusal = refused(answer);
    let Refusal::Throttled { until, bucket, .. } = refusal else {
        panic!("no limit: {refusal:?}");
    };
    (until, bucket)
}

#[test]
fn recorded_secondary_limits_hold_everything() {
    for (name, until) in [
        ("Fail", Some(after(30))),
        ("HttpStatus_Fail", Some(after(30))),
        ("Wait", Some(after(2))),
        ("WaitStuck", Some(after(3))),
        ("Wait_Secondary_Limits", None),
        ("Wait_Secondary_Limits_Body_Marker_Only", None),
        ("Wait_Secondary_Limits_Too_Many_Requests", Some(after(8))),
        ("Wait_Secondary_Limits_Too_Many_Requests_Date_Retry_After", Some(after(8))),
        (
            "Wait_Secondary_Limits_Too_Many_Requests_Date_Retry_After_Missing_Date_Header",
            Some(after(8)),
        ),
        ("Wait_Secondary_Limits_Too_Many_Requests_No_Retry_After", None),
    ] {
        let answer = recorded(&format!("secondary-limit/testHandler_{name}"));
        assert_eq!(limit(&answer), (until, None), "{name}");
    }
}

#[test]
fn recorded_primary_limits_name_their_budget_and_its_end() {
    for name in ["Fail", "HttpStatus_Fail", "Wait", "WaitStuck", "Wait_Missing_Date_Header"] {
        let answer = recorded(&format!("rate-limit/testHandler_{name}"));
        assert_eq!(limit(&answer), (Some(after(3)), Some("core".to_owned())), "{name}");
    }
}

#[test]
fn the_old_abuse_body_is_a_limit() {
    let body = r#"{"documentation_url":"https://developer.github.com/v3/#abuse-rate-limits","message":"You have triggered an abuse detection mechanism."}"#;
    assert_eq!(limit(&reply(403, &[("retry-after", "60")], body)), (Some(after(60)), None));
    assert_eq!(limit(&reply(403, &[], body)), (None, None));
}

#[test]
fn times_of_the_server_are_told_in_our_clock() {
    // The server is an hour behind us.
    let date = httpdate::fmt_http_date(SystemTime::from(now() - SignedDuration::from_hours(1)));
    let resets = (now() - SignedDuration::from_hours(1)).as_second() + 30;
    let resets = resets.to_string();
    let headers = [
        ("date", date.as_str()),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-limit", "5000"),
        ("x-ratelimit-reset", resets.as_str()),
    ];
    assert_eq!(limit(&reply(403, &headers, "{}")), (Some(after(30)), Some("core".to_owned())));
}

#[test]
fn retry_after_counts_on_good_and_on_failing_replies_too() {
    let step = github().read(&list(), &reply(200, &[("retry-after", "1.5")], "[]")).unwrap();
    let budget = step.budget.unwrap();
    let rest = now() + SignedDuration::from_millis(1_500);
    assert_eq!((budget.remaining, budget.resets_at), (0, Some(rest)));
    assert_eq!(limit(&reply(503, &[("retry-after", "7")], "")), (Some(after(7)), None));
}

#[test]
fn a_403_without_a_sign_of_a_limit_is_about_permission() {
    let body = r#"{"message":"Resource not accessible by personal access token"}"#;
    let headers =
        [("x-ratelimit-remaining", "4000"), ("x-accepted-github-permissions", "issues=read")];
    let Refusal::Forbidden { hint: Some(hint), .. } = refused(&reply(403, &headers, body)) else {
        panic!("not about permission");
    };
    assert!(hint.contains("issues=read"), "{hint}");
    let sso = [(
        "x-github-sso",
        "required; url=https://github.com/orgs/acme/sso?authorization_request=A",
    )];
    let Refusal::Forbidden { hint: Some(hint), .. } = refused(&reply(403, &sso, body)) else {
        panic!("not about permission");
    };
    assert!(hint.ends_with("https://github.com/orgs/acme/sso?authorization_request=A"), "{hint}");
}

#[test]
fn other_statuses() {
    assert!(matches!(refused(&reply(401, &[], "{}")), Refusal::Unauthorized { .. }));
    for status in [404, 410, 422, 451] {
        let refusal = refused(&reply(status, &[], r#"{"message":"no"}"#));
        assert!(matches!(refusal, Refusal::Forbidden { .. }), "{status}");
    }
    for status in [301, 304, 400, 418] {
        assert!(matches!(refused(&reply(status, &[], "")), Refusal::Malformed { .. }), "{status}");
    }
}

#[test]
fn a_server_without_limits_has_no_budget() {
    let zero = [("x-ratelimit-limit", "0"), ("x-ratelimit-remaining", "0")];
    let task = first(&Order::Sync(order(), [].into()));
    assert_eq!(github().read(&task, &reply(200, &zero, "[]")).unwrap().budget, None);
}
