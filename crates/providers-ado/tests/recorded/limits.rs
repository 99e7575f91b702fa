//! Every way Azure DevOps says no, and every way it says slow down.

use jiff::SignedDuration;
use jobctl_provider::{Answer, Budget, Order, Provider, Refusal, Rest, Step, Time};

use crate::{ado, first, now, order, recorded, reply};

const PROJECT: &str = r#"{"name": "Fabrikam-Fiber-Git"}"#;
const PAGE: &str = "<!DOCTYPE html><html><title>Azure DevOps Services | Sign In</title></html>";
const BLOCKED: &str = r#"{"$id":"1","message":"TF400733: The request has been canceled: Request was blocked due to exceeding usage of resource 'Concurrency' in namespace 'VSID'.","typeKey":"RequestBlockedException","errorCode":0,"eventId":3000}"#;

fn read(answer: &Answer) -> Result<Step, Refusal> {
    ado().read(&first(&Order::Import(order())), answer)
}

fn after(seconds: f64) -> Time {
    now() + SignedDuration::try_from_secs_f64(seconds).unwrap()
}

#[test]
fn a_good_answer_that_wants_a_rest_is_good_and_rests() {
    for (status, headers, until) in [
        (200, &[("retry-after", "30")][..], Some(after(30.0))),
        (200, &[("Retry-After", "1.5")], Some(after(1.5))),
        (200, &[("x-ratelimit-delay", "2.250")], Some(after(2.25))),
        (200, &[("retry-after", "10"), ("x-ratelimit-delay", "12.5")], Some(after(12.5))),
        (200, &[("retry-after", "20"), ("x-ratelimit-delay", "1")], Some(after(20.0))),
        (200, &[("retry-after", "Sat, 21 Nov 2026 12:01:00 GMT")], Some(after(60.0))),
        // A server whose clock is an hour behind means the same wait.
        (
            200,
            &[
                ("date", "Sat, 21 Nov 2026 11:00:00 GMT"),
                ("retry-after", "Sat, 21 Nov 2026 11:01:00 GMT"),
            ],
            Some(after(60.0)),
        ),
        (200, &[("retry-after", "0")], None),
        (200, &[("x-ratelimit-delay", "0.000")], None),
        (200, &[("retry-after", "-5")], None),
        (200, &[("retry-after", "soon")], None),
        (200, &[], None),
    ] {
        let step = read(&reply(status, headers, PROJECT)).unwrap();
        assert_eq!(step.next.len(), 1, "{headers:?}: the answer counts");
        assert_eq!(step.rest.as_ref().map(|rest| rest.until), until, "{headers:?}");
        let bucket = step.rest.map(|rest| rest.bucket);
        assert!(bucket.is_none_or(|bucket| bucket.as_deref() == Some("ado")), "{headers:?}");
    }
}

#[test]
fn the_resource_is_shown_to_people() {
    let headers = [("retry-after", "3"), ("x-ratelimit-resource", "TFS.Concurrency/VSID")];
    let Some(Rest { message, .. }) = read(&reply(200, &headers, PROJECT)).unwrap().rest else {
        panic!("no rest")
    };
    assert!(message.contains("TFS.Concurrency/VSID"), "{message}");
}

#[test]
fn budgets_are_told() {
    let reset = (now() + SignedDuration::from_secs(120)).as_second().to_string();
    let budget = |extra: &[(&str, &str)]| {
        let mut headers = vec![("x-ratelimit-limit", "200"), ("x-ratelimit-reset", &reset)];
        headers.extend(extra);
        read(&reply(200, &headers, PROJECT)).unwrap().budget
    };
    let full = |remaining, seconds: f64| Budget {
        bucket: "ado".to_owned(),
        limit: Some(200),
        remaining,
        resets_at: Some(after(seconds)),
    };
    assert_eq!(budget(&[("x-ratelimit-remaining", "42")]), Some(full(42, 120.0)));
    assert_eq!(budget(&[("x-ratelimit-remaining", "0.7")]), Some(full(0, 120.0)));
    assert_eq!(budget(&[("x-ratelimit-remaining", "-3.5")]), Some(full(0, 120.0)));
    // No longer a rest than it asks for.
    let delayed = [("x-ratelimit-remaining", "0"), ("retry-after", "7")];
    assert_eq!(budget(&delayed), Some(full(0, 7.0)));
    assert_eq!(budget(&[]), None, "far from the limit nothing is said");
}

#[test]
fn refusals_to_serve_are_limits() {
    for (status, headers, body, until) in [
        (429, &[("retry-after", "60")][..], BLOCKED, Some(after(60.0))),
        (429, &[("retry-after", "60"), ("x-ratelimit-delay", "90")], BLOCKED, Some(after(90.0))),
        (429, &[], BLOCKED, None),
        (429, &[], "", None),
        (429, &[("content-type", "text/html")], PAGE, None),
        (403, &[], BLOCKED, None),
        (400, &[], BLOCKED, None),
        (500, &[], BLOCKED, None),
        (403, &[("retry-after", "5")], "{}", Some(after(5.0))),
        (503, &[("retry-after", "5")], "<html>", Some(after(5.0))),
        (500, &[("x-ratelimit-delay", "1")], "{}", Some(after(1.0))),
    ] {
        match read(&reply(status, headers, body)) {
            Err(Refusal::Throttled { until: found, bucket, message }) => {
                assert_eq!(found, until, "{status} {headers:?}");
                assert_eq!(bucket.as_deref(), Some("ado"));
                assert!(body != BLOCKED || message.starts_with("TF400733"), "{message}");
            }
            other => panic!("{status} {headers:?} is {other:?}"),
        }
    }
}

#[test]
fn a_sign_in_page_in_any_form_is_a_refused_credential() {
    let html = ("content-type", "text/html; charset=utf-8");
    let leads = ("location", "https://dev.azure.com/fabrikam/_signin?realm=dev.azure.com");
    let named = r#"{"$id":"1","message":"TF400813: The user 'aaaaaaaa' is not authorized to access this resource.","typeKey":"UnauthorizedRequestException"}"#;
    for (status, headers, body) in [
        (203, &[html][..], PAGE),
        (203, &[], PAGE),
        (203, &[], "{}"),
        (200, &[html], PAGE),
        (302, &[html, leads], "<h2>Object moved</h2>"),
        (302, &[("location", "https://spsprod.vssps.visualstudio.com/_signin?x")], ""),
        (401, &[], named),
        (401, &[html], "401 - Unauthorized"),
        (401, &[], ""),
    ] {
        match read(&reply(status, headers, body)) {
            Err(Refusal::Unauthorized { message }) => {
                assert!(message.contains("expired"), "{status}: {message}");
                assert!(message.contains("2026-12-01"), "{status}: {message}");
            }
            other => panic!("{status} {headers:?} is {other:?}"),
        }
    }
}

#[test]
fn what_is_not_there_or_not_allowed_is_forbidden_with_a_hint() {
    for (answer, says) in [
        (recorded("no-such-project"), "spelling of the project"),
        (recorded("no-such-controller"), "organisation and project"),
        (reply(404, &[("content-type", "text/html")], "<html>404</html>"), "organisation"),
        (reply(403, &[], r#"{"message": "TF50309: not sufficient permissions"}"#), "scope"),
    ] {
        match read(&answer) {
            Err(Refusal::Forbidden { message, hint: Some(hint) }) => {
                assert!(hint.contains(says), "{message}: {hint}");
            }
            other => panic!("{answer:?} is {other:?}"),
        }
    }
    let Err(Refusal::Forbidden { message, .. }) = read(&recorded("no-such-project")) else {
        panic!("not forbidden")
    };
    assert!(message.contains("TF200016"), "{message}");
}

#[test]
fn other_redirects_and_statuses_are_no_answers() {
    for (status, headers) in [
        (302, &[("location", "https://elsewhere.example/")][..]),
        (304, &[]),
        (405, &[]),
        (418, &[]),
    ] {
        let read = read(&reply(status, headers, "{}"));
        assert!(matches!(read, Err(Refusal::Malformed { .. })), "{status} is {read:?}");
    }
}
