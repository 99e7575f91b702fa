//! Every way in which Jira says no, and what it means.

use std::time::SystemTime;

use jiff::SignedDuration;
use jobctl_provider::{Answer, Budget, Order, Provider, Refusal, Time};
use jobctl_providers_jira::Jira;

use crate::{center, cloud, first, now, order, reply};

const WORDS: &str = r#"{"errorMessages":["The request has been rate-limited. Please try again later."],"errors":{},"status":429}"#;
const TOMCAT: &str =
    "<!doctype html><html><head><title>HTTP Status 429 – Too Many Requests</title></head></html>";

fn after(seconds: i64) -> Time {
    now() + SignedDuration::from_secs(seconds)
}

/// Read as the answer to a page of names (Cloud) or to the account (Data Center).
fn refused(jira: &Jira, answer: &Answer) -> Refusal {
    let task = first(jira, &Order::Sync(order(), [].into()));
    jira.read(&task, answer).unwrap_err()
}

/// What a limit says: until when, and which.
fn limit(jira: &Jira, answer: &Answer) -> (Option<Time>, Option<String>) {
    let refusal = refused(jira, answer);
    let Refusal::Throttled { until, bucket, .. } = refusal else {
        panic!("no limit: {refusal:?}");
    };
    (until, bucket)
}

type Case<'a> = (&'a str, u16, &'a [(&'a str, &'a str)], &'a str, Option<Time>, Option<&'a str>);

#[test]
#[expect(clippy::too_many_lines, reason = "one table: every row of the documentation")]
fn limits_of_cloud() {
    let own = Some("search");
    let date = httpdate::fmt_http_date(SystemTime::from(after(90)));
    let dated = [("Retry-After", date.as_str())];
    let cases: &[Case<'_>] = &[
        (
            "burst",
            429,
            &[
                ("Retry-After", "1"),
                ("X-RateLimit-Limit", "350"),
                ("RateLimit-Reason", "jira-burst-based"),
            ],
            WORDS,
            Some(after(1)),
            own,
        ),
        (
            "writes to one issue",
            429,
            &[("Retry-After", "2"), ("RateLimit-Reason", "jira-per-issue-on-write")],
            WORDS,
            Some(after(2)),
            own,
        ),
        (
            "quota",
            429,
            &[
                ("Retry-After", "1847"),
                ("X-RateLimit-Limit", "100000"),
                ("RateLimit-Reason", "jira-quota-global-based"),
            ],
            WORDS,
            Some(after(1847)),
            None,
        ),
        (
            "quota of the tenant, reset with seconds",
            429,
            &[
                ("X-RateLimit-Reset", "2026-11-21T12:05:01Z"),
                ("RateLimit-Reason", "jira-quota-tenant-based"),
            ],
            WORDS,
            Some(after(301)),
            None,
        ),
        (
            "reset without seconds",
            429,
            &[
                ("X-RateLimit-Reset", "2026-11-21T13:00Z"),
                ("RateLimit-Reason", "jira-quota-tenant-based"),
            ],
            WORDS,
            Some(after(3600)),
            None,
        ),
        (
            "unknown reason",
            429,
            &[("Retry-After", "5"), ("RateLimit-Reason", "jira-cost-based")],
            WORDS,
            Some(after(5)),
            None,
        ),
        ("no reason, and no time", 429, &[], WORDS, None, None),
        (
            "a decimal",
            429,
            &[("Retry-After", "1.5")],
            WORDS,
            Some(now() + SignedDuration::from_millis(1_500)),
            None,
        ),
        ("a date", 429, &dated, WORDS, Some(after(90)), None),
        (
            "both: the rest counts",
            429,
            &[("Retry-After", "9"), ("X-RateLimit-Reset", "2026-11-21T13:00Z")],
            WORDS,
            Some(after(9)),
            None,
        ),
        (
            "announced names",
            429,
            &[("Beta-Retry-After", "7"), ("Beta-RateLimit-Reason", "jira-burst-based")],
            WORDS,
            Some(after(7)),
            own,
        ),
        (
            "structured",
            429,
            &[("RateLimit", "\"global-app-quota\";r=0;t=600, \"tenant\";r=5;t=900")],
            WORDS,
            Some(after(600)),
            None,
        ),
        (
            "a reset that is over",
            429,
            &[("X-RateLimit-Reset", "2026-11-21T11:00Z")],
            WORDS,
            None,
            None,
        ),
        ("a web page of the gateway", 429, &[], TOMCAT, None, None),
        (
            "unavailable, with a rest",
            503,
            &[("Retry-After", "30")],
            "<html>",
            Some(after(30)),
            None,
        ),
    ];
    for (name, status, headers, body, until, bucket) in cases {
        let answer = reply(*status, headers, body);
        assert_eq!(limit(&cloud(), &answer), (*until, bucket.map(str::to_owned)), "{name}");
    }
    let Refusal::Throttled { message, .. } = refused(&cloud(), &reply(429, cases[0].2, WORDS))
    else {
        unreachable!()
    };
    let said = "The request has been rate-limited. Please try again later. (jira-burst-based)";
    assert_eq!(message, said);
}

#[test]
fn limits_of_data_center() {
    let spent = [
        ("X-RateLimit-Limit", "100"),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-FillRate", "10"),
        ("X-RateLimit-Interval-Seconds", "60"),
    ];
    let with = |rest: &'static str| [&spent[..], &[("retry-after", rest)]].concat();
    for (headers, until) in [
        (with("17"), Some(after(17))),
        // A rest of nothing on a refusal: the next token comes with the interval.
        (with("0"), Some(after(60))),
        (spent.to_vec(), Some(after(60))),
        (vec![], None),
        // Cloud's word means nothing here.
        (vec![("X-RateLimit-Reset", "2026-11-21T13:00Z")], None),
    ] {
        assert_eq!(limit(&center(), &reply(429, &headers, TOMCAT)), (until, None), "{headers:?}");
    }
}

fn budget(jira: &Jira, headers: &[(&str, &str)]) -> Option<Budget> {
    let task = first(jira, &Order::Identity);
    let step = jira.read(&task, &reply(200, headers, r#"{"displayName":"Ann"}"#)).unwrap();
    assert_eq!(step.rest, None);
    step.budget
}

#[test]
fn good_replies_of_cloud_tell_what_is_left() {
    let of = |bucket: &str, limit, remaining, resets_at| {
        Some(Budget { bucket: bucket.to_owned(), limit, remaining, resets_at })
    };
    let structured = [
        ("RateLimit-Policy", "\"tenant\";q=500000;w=3600, \"global-app-quota\";q=65000;w=3600"),
        ("RateLimit", "\"global-app-quota\";r=11000;t=600"),
    ];
    // Points, told as requests of the dearest sort.
    assert_eq!(budget(&cloud(), &structured), of("quota", Some(643), 108, Some(after(600))));
    let hourly = [("X-RateLimit-Limit", "100000"), ("X-RateLimit-Remaining", "10100")];
    assert_eq!(budget(&cloud(), &hourly), of("quota", Some(990), 100, Some(after(3600))));
    let near = [
        ("X-RateLimit-Limit", "350"),
        ("X-RateLimit-Remaining", "20"),
        ("X-RateLimit-NearLimit", "true"),
    ];
    assert_eq!(budget(&cloud(), &near), of("other", Some(350), 20, Some(after(1))));
    assert_eq!(budget(&cloud(), &near[..2]), of("other", Some(350), 20, None));
    let announced = [("Beta-RateLimit", "\"global-app-quota\";r=0;t=600")];
    assert_eq!(budget(&cloud(), &announced), None, "an announced limit slows nothing down");
    assert_eq!(budget(&cloud(), &[]), None);
}

#[test]
fn the_same_names_mean_tokens_on_data_center_and_a_rest_of_nothing_is_none() {
    let headers = [
        ("X-RateLimit-Limit", "100"),
        ("X-RateLimit-Remaining", "42"),
        ("X-RateLimit-FillRate", "10"),
        ("X-RateLimit-Interval-Seconds", "5"),
        ("retry-after", "0"),
    ];
    let left = budget(&center(), &headers).unwrap();
    assert_eq!((left.remaining, left.limit, left.resets_at), (42, Some(100), Some(after(5))));
    // Cloud's headers without an interval tell Data Center nothing.
    assert_eq!(budget(&center(), &headers[..2]), None);
}

#[test]
fn times_of_the_server_are_told_in_our_clock() {
    let date = httpdate::fmt_http_date(SystemTime::from(after(-3600)));
    let headers = [("Date", date.as_str()), ("X-RateLimit-Reset", "2026-11-21T11:05Z")];
    assert_eq!(limit(&cloud(), &reply(429, &headers, WORDS)), (Some(after(300)), None));
    let rest = httpdate::fmt_http_date(SystemTime::from(after(-3570)));
    let headers = [("Date", date.as_str()), ("Retry-After", rest.as_str())];
    assert_eq!(limit(&cloud(), &reply(429, &headers, WORDS)), (Some(after(30)), None));
}

#[test]
fn a_refused_credential_is_never_an_empty_success() {
    let empty = r#"{"issues":[],"isLast":true}"#;
    let unauthorized = |jira: &Jira, answer: &Answer| {
        let refusal = refused(jira, answer);
        let Refusal::Unauthorized { message } = refusal else { panic!("{refusal:?}") };
        message
    };
    for reason in ["AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED, OUT"] {
        let said = unauthorized(&cloud(), &reply(200, &[("X-Seraph-LoginReason", reason)], empty));
        assert!(said.contains("did not accept"), "{said}");
    }
    let fine = reply(200, &[("X-Seraph-LoginReason", "OK")], empty);
    assert!(cloud().read(&first(&cloud(), &Order::Sync(order(), [].into())), &fine).is_ok());
    let said =
        unauthorized(&cloud(), &reply(401, &[], r#"{"message":"Client must be authenticated"}"#));
    assert!(said.contains("must be authenticated") && said.contains("api.atlassian.com"), "{said}");
    let said = unauthorized(&center(), &reply(401, &[], "<html>401</html>"));
    assert!(!said.contains("atlassian"), "{said}");
    let captcha = [(
        "X-Authentication-Denied-Reason",
        "CAPTCHA_CHALLENGE; login-url=https://jira.example/login.jsp",
    )];
    let said = unauthorized(&center(), &reply(403, &captcha, ""));
    assert!(said.contains("captcha") && said.ends_with("https://jira.example/login.jsp"), "{said}");
}

#[test]
fn other_statuses() {
    let forbidden = |status, body: &str| {
        let refusal = refused(&cloud(), &reply(status, &[], body));
        let Refusal::Forbidden { message, hint } = refusal else { panic!("{status}: {refusal:?}") };
        (message, hint.unwrap())
    };
    let no_project = r#"{"errorMessages":["The value 'PAY' does not exist for the field 'project'."],"errors":{}}"#;
    let (message, hint) = forbidden(400, no_project);
    assert!(message.contains("'PAY' does not exist") && hint.contains("key"), "{message}; {hint}");
    let removed = r#"{"errorMessages":["The requested API has been removed."],"errors":{}}"#;
    let (message, hint) = forbidden(410, removed);
    assert!(message.contains("removed") && hint == "update jobctl", "{message}; {hint}");
    for status in [403, 404] {
        let (_, hint) = forbidden(status, r#"{"errors":{"project":"no"}}"#);
        assert!(hint.contains("browse"), "{hint}");
    }
    for status in [408, 500, 502, 503, 504] {
        let refusal = refused(&cloud(), &reply(status, &[], "<html>"));
        assert!(matches!(refusal, Refusal::Transient { .. }), "{status}");
    }
    for status in [301, 302, 418] {
        let refusal = refused(&cloud(), &reply(status, &[], ""));
        assert!(matches!(refusal, Refusal::Malformed { .. }), "{status}");
    }
    let Refusal::Malformed { message } = refused(&cloud(), &reply(200, &[], TOMCAT)) else {
        panic!("a page is no answer")
    };
    assert!(message.contains("sign-in page"), "{message}");
}
