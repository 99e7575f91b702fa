//! Limits are counted, told and noticed.

use std::time::Duration;

use jobctl_forge::{Config, Fault, FaultRule, Firing, Forge, LimitKind, Limits, SecondaryStyle};

use crate::client::{Reply, anonymous, get, get_with, send, small};

fn limited(change: impl FnOnce(&mut Limits)) -> Forge {
    let mut config = Config::small();
    change(&mut config.behaviour.limits);
    Forge::start(config).expect("the forge starts")
}

fn number(reply: &Reply, name: &str) -> i64 {
    reply.header(name).and_then(|text| text.parse().ok()).expect("a number")
}

#[test]
fn the_primary_limit_counts_down_refuses_and_ends_with_its_window() {
    let forge = limited(|l| l.primary = Some(3));
    for left in [2, 1, 0] {
        let reply = get(&forge, "/user");
        assert_eq!((reply.status, number(&reply, "x-ratelimit-remaining")), (200, left));
    }
    let refusal = get(&forge, "/user");
    assert_eq!(refusal.status, 403);
    assert!(
        refusal.json()["message"]
            .as_str()
            .unwrap()
            .starts_with("API rate limit exceeded for user ID")
    );
    let reset = number(&refusal, "x-ratelimit-reset");
    assert!((forge.now() + 3_590..=forge.now() + 3_601).contains(&reset));
    assert_eq!(get(&forge, "/rate_limit").json()["rate"]["remaining"], 0);
    forge.advance(Duration::from_secs(3_601));
    assert_eq!(get(&forge, "/user").status, 200);
}

#[test]
fn requests_made_although_the_limit_was_told_are_marked() {
    let forge = limited(|l| l.primary = Some(1));
    for _ in 0..3 {
        get(&forge, "/user");
    }
    let log = forge.log();
    let marks: Vec<_> = log.iter().map(|e| (e.limited, e.while_limited)).collect();
    let primary = Some(LimitKind::Primary);
    assert_eq!(marks, [(None, false), (primary, false), (primary, true)]);
}

#[test]
fn strangers_have_sixty_an_hour() {
    let forge = limited(|_| {});
    let reply = anonymous(&forge, "/repos/acme/api");
    assert_eq!(
        (number(&reply, "x-ratelimit-limit"), number(&reply, "x-ratelimit-remaining")),
        (60, 59)
    );
    for _ in 0..59 {
        anonymous(&forge, "/repos/acme/api");
    }
    assert_eq!(anonymous(&forge, "/repos/acme/api").status, 403);
    assert_eq!(get(&forge, "/repos/acme/api").status, 200);
}

#[test]
fn not_modified_is_free() {
    let forge = limited(|_| {});
    let first = get(&forge, "/user");
    let tag = first.header("etag").unwrap();
    let again = get_with(&forge, "/user", &[("if-none-match", tag)]).unwrap();
    assert_eq!(again.status, 304);
    assert_eq!(number(&again, "x-ratelimit-used"), number(&first, "x-ratelimit-used"));
}

#[test]
fn secondary_limits_come_in_all_their_forms() {
    let forge = small();
    let told = |style| {
        forge.reset_limits();
        forge.secondary(style, 30.0);
        let reply = get(&forge, "/user");
        assert!(number(&reply, "x-ratelimit-remaining") > 0);
        (reply.status, reply.header("retry-after").map(str::to_owned))
    };
    assert_eq!(told(SecondaryStyle::Seconds), (403, Some("30".into())));
    assert_eq!(told(SecondaryStyle::TooManyRequests), (429, Some("30".into())));
    assert_eq!(told(SecondaryStyle::NoRetryAfter), (403, None));
    assert_eq!(told(SecondaryStyle::BodyOnly), (403, None));
    assert_eq!(told(SecondaryStyle::Abuse), (403, Some("30".into())));
    let (_, decimal) = told(SecondaryStyle::Decimal);
    assert!(decimal.unwrap().contains('.'));
    let (_, date) = told(SecondaryStyle::HttpDate);
    assert!(date.unwrap().ends_with("GMT"));
    forge.advance(Duration::from_secs(31));
    assert_eq!(get(&forge, "/user").status, 200);
}

#[test]
fn too_many_points_a_minute_trigger_one() {
    let forge = limited(|l| l.points_per_minute = Some(5));
    for _ in 0..5 {
        assert_eq!(get(&forge, "/user").status, 200);
    }
    let refusal = get(&forge, "/user");
    assert_eq!((refusal.status, refusal.header("retry-after")), (403, Some("60")));
    assert_eq!(get(&forge, "/repos/acme/api").status, 403, "it holds for the whole token");
    assert!(forge.log().last().unwrap().while_limited);
}

#[test]
fn too_many_at_once_trigger_one() {
    let forge = limited(|l| l.concurrent = Some(2));
    let rule = FaultRule { fault: Fault::Stall, firing: Firing::Next(2), path: None };
    forge.configure(|b| b.faults = vec![rule]);
    let (url, token) = (format!("{}/user", forge.url()), format!("Bearer {}", forge.token()));
    let stalled = (0..2).map(|_| {
        let (url, token) = (url.clone(), token.clone());
        let headers =
            move || send("GET", &url, &[("user-agent", "t"), ("authorization", &token)], "");
        std::thread::spawn(move || headers().is_err())
    });
    let stalled: Vec<_> = stalled.collect();
    while forge.log().iter().filter(|entry| entry.fault == Some(Fault::Stall)).count() < 2 {
        std::thread::yield_now();
    }
    let refusal = get(&forge, "/user");
    assert_eq!(refusal.status, 403);
    assert!(refusal.json()["message"].as_str().unwrap().contains("secondary rate limit"));
    assert_eq!(forge.log().last().unwrap().in_flight, 3);
    drop(forge);
    assert!(stalled.into_iter().all(|thread| thread.join().unwrap()));
}

#[test]
fn without_limits_there_are_no_headers() {
    let forge = limited(|l| l.primary = None);
    assert_eq!(get(&forge, "/user").header("x-ratelimit-limit"), None);
    assert_eq!(get(&forge, "/rate_limit").status, 404);
}
