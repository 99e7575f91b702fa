use super::*;

fn at(seconds: i64) -> Time {
    Time::from_second(1_790_000_000 + seconds).unwrap()
}

fn said(remaining: u64, resets: i64) -> Budget {
    Budget { bucket: "core".into(), limit: Some(5_000), remaining, resets_at: Some(at(resets)) }
}

fn until(ledger: &Ledger, now: i64) -> Option<i64> {
    let until = match ledger.check("core", 1, at(now)).err()? {
        Wait::Spent(spent) => spent.until,
        Wait::Landing => at(-1),
        Wait::Pace(until) => until,
    };
    Some(until.as_second() - at(0).as_second())
}

/// What holds a request of this bucket at the beginning.
fn spent(ledger: &Ledger, bucket: &str) -> Spent {
    match ledger.check(bucket, 1, at(0)) {
        Err(Wait::Spent(spent)) => spent,
        other @ (Ok(()) | Err(Wait::Landing | Wait::Pace(_))) => panic!("not spent: {other:?}"),
    }
}

/// A hold on everything.
const ALL: Held<'static> = Held { bucket: None, name: None, message: "slow" };

#[test]
fn nothing_known_nothing_held() {
    let ledger = Ledger::default();
    assert_eq!(until(&ledger, 0), None);
    assert_eq!(ledger.certain_pause(1_000_000, at(0), Duration::ZERO), SignedDuration::ZERO);
}

#[test]
fn a_spent_budget_holds_its_own_bucket_until_just_after_the_reset() {
    let mut ledger = Ledger::default();
    ledger.learn(&said(0, 100), at(0));
    assert_eq!(until(&ledger, 0), Some(101));
    assert_eq!(until(&ledger, 101), None);
    assert_eq!(ledger.check("search", 1, at(0)), Ok(()));
    assert_eq!(spent(&ledger, "core").message, "0 of 5000 requests left in core");
}

#[test]
fn requests_in_flight_count_against_what_is_left() {
    let mut ledger = Ledger::default();
    ledger.learn(&said(2, 100), at(0));
    let first = ledger.book("core", 1, at(0)).unwrap();
    ledger.book("core", 1, at(0)).unwrap();
    assert_eq!(ledger.check("core", 1, at(0)), Err(Wait::Landing));
    ledger.settle(first, Some(at(0)));
    assert_eq!(until(&ledger, 0), None, "the reply was a free one: nothing was learnt from it");
}

#[test]
fn replies_that_overtake_each_other() {
    let mut ledger = Ledger::default();
    ledger.learn(&said(5, 100), at(0));
    ledger.learn(&said(0, 100), at(1));
    ledger.learn(&said(7, 100), at(2));
    assert_eq!(until(&ledger, 3), Some(101), "an older reply raises nothing");
    ledger.learn(&said(9, 50), at(4));
    assert_eq!(until(&ledger, 4), Some(101), "an earlier window is over");
    ledger.learn(&said(4_999, 3_700), at(5));
    assert_eq!(until(&ledger, 5), None, "a later window is full");
}

#[test]
fn a_reserve_is_left_to_others() {
    let mut ledger = Ledger::new(20, None);
    ledger.learn(&said(1_001, 100), at(0));
    assert_eq!(until(&ledger, 0), None);
    ledger.learn(&said(1_000, 100), at(0));
    assert_eq!(until(&ledger, 0), Some(101));
}

#[test]
fn a_named_time_holds_until_then() {
    let mut ledger = Ledger::default();
    assert_eq!(ledger.hold(Some(at(30)), &ALL, at(0), 0.0), (at(31), true));
    assert_eq!(until(&ledger, 30), Some(31));
    assert_eq!(until(&ledger, 31), None);
}

#[test]
fn a_named_time_is_kept_within_reason() {
    let mut ledger = Ledger::default();
    assert_eq!(ledger.hold(Some(at(-500)), &ALL, at(0), 0.0).0, at(1));
    let mut ledger = Ledger::default();
    assert_eq!(ledger.hold(Some(Time::MAX), &ALL, at(0), 0.0).0, at(86_400));
}

#[test]
fn back_off_doubles_with_each_consecutive_refusal() {
    let mut ledger = Ledger::default();
    let core = Held { bucket: Some("core"), ..ALL };
    let mut now = at(0);
    let mut waits = Vec::new();
    for _ in 0..8 {
        let (until, news) = ledger.hold(None, &core, now, 0.0);
        assert!(news);
        waits.push(until.duration_since(now).as_secs());
        now = until;
    }
    assert_eq!(waits, [60, 120, 240, 480, 960, 1_800, 1_800, 1_800]);
}

#[test]
fn refusals_of_requests_in_flight_count_once() {
    let mut ledger = Ledger::default();
    let (first, _) = ledger.hold(None, &ALL, at(0), 0.0);
    assert_eq!(ledger.hold(None, &ALL, at(1), 0.0), (first, false));
    assert_eq!(ledger.hold(Some(at(300)), &ALL, at(2), 0.0), (at(301), false));
}

#[test]
fn answers_after_a_hold_end_the_streak() {
    let mut ledger = Ledger::default();
    ledger.hold(None, &ALL, at(0), 0.0);
    for _ in 0..RECOVERED {
        let booked = Booked { names: vec!["core".into()], cost: 1 };
        ledger.settle(booked, Some(at(10)));
    }
    assert_eq!(until(&ledger, 10), Some(60), "those were sent before it ended");
    for _ in 0..RECOVERED {
        let booked = ledger.book("core", 1, at(61)).unwrap();
        ledger.settle(booked, Some(at(61)));
    }
    assert_eq!(ledger.hold(None, &ALL, at(70), 0.0).0, at(130));
}

#[test]
fn jitter_is_at_most_a_tenth() {
    assert_eq!(back_off(1, 1.0), SignedDuration::from_secs(66));
    assert_eq!(back_off(1_000, 1.0), SignedDuration::from_mins(33));
}

#[test]
fn a_pause_is_certain_only_for_what_the_window_does_not_hold() {
    let mut ledger = Ledger::default();
    ledger.learn(&said(1_000, 1_799), at(0));
    let pause = |requests, pace| ledger.certain_pause(requests, at(0), Duration::from_millis(pace));
    assert_eq!(pause(1_000, 0), SignedDuration::ZERO);
    assert_eq!(pause(1_001, 0), SignedDuration::from_mins(30));
    assert_eq!(pause(6_000, 0), SignedDuration::from_mins(30));
    assert_eq!(pause(1_001, 600), SignedDuration::from_mins(20), "ten minutes of it are work");
    assert_eq!(pause(6_001, 0), SignedDuration::from_secs(1_800 + 1_799), "one more window");
}

#[test]
fn a_hold_is_certain_too() {
    let mut ledger = Ledger::default();
    ledger.hold(Some(at(59)), &ALL, at(0), 0.0);
    assert_eq!(ledger.certain_pause(1, at(20), Duration::ZERO), SignedDuration::from_secs(40));
    assert_eq!(ledger.certain_pause(1, at(90), Duration::ZERO), SignedDuration::ZERO);
}

#[test]
fn a_shared_budget_covers_requests_of_every_bucket_and_no_other_does() {
    let mut ledger = Ledger::new(0, Some("core"));
    let says = |bucket: &str, remaining| Budget {
        bucket: bucket.into(),
        limit: Some(100),
        remaining,
        resets_at: Some(at(60)),
    };
    ledger.learn(&says("graphql", 0), at(0));
    assert_eq!(ledger.check("issues", 1, at(0)), Ok(()));
    ledger.learn(&says("core", 1), at(0));
    let booked = ledger.book("issues", 1, at(0)).unwrap();
    assert_eq!(ledger.check("comments", 1, at(0)), Err(Wait::Landing));
    ledger.settle(booked, Some(at(0)));
    assert_eq!(ledger.check("comments", 1, at(0)), Ok(()), "a lost request is not charged twice");
    ledger.learn(&says("core", 0), at(0));
    let refused = spent(&ledger, "comments");
    assert_eq!((refused.bucket.as_str(), refused.until), ("core", at(61)));
    ledger.learn(&says("graphql", 9), at(100));
}

#[test]
fn a_short_rest_is_a_pace_and_a_long_one_a_hold() {
    let mut ledger = Ledger::default();
    assert!(ledger.rest(at(2), &ALL, at(0)));
    assert_eq!(ledger.check("core", 1, at(0)), Err(Wait::Pace(at(2))));
    assert!(!ledger.rest(at(3), &ALL, at(1)), "the same rest, a little longer");
    assert_eq!(ledger.check("core", 1, at(1)), Err(Wait::Pace(at(3))));
    assert_eq!(ledger.certain_pause(1, at(1), Duration::ZERO), SignedDuration::from_secs(2));
    assert_eq!(ledger.check("core", 1, at(3)), Ok(()));
    assert!(ledger.rest(at(30), &ALL, at(3)));
    assert_eq!(until(&ledger, 3), Some(30));
    assert_eq!(spent(&ledger, "core").bucket, "secondary");
}

#[test]
fn a_rest_does_not_shorten_a_hold() {
    let mut ledger = Ledger::default();
    ledger.hold(Some(at(59)), &ALL, at(0), 0.0);
    ledger.rest(at(2), &ALL, at(1));
    assert_eq!(until(&ledger, 1), Some(60));
    assert!(matches!(ledger.check("core", 1, at(1)), Err(Wait::Spent(_))));
}

#[test]
fn a_bucket_with_a_budget_of_its_own_is_not_charged_to_the_shared_one() {
    let mut ledger = Ledger::new(0, Some("core"));
    ledger.learn(&Budget { bucket: "graphql".into(), ..said(9, 100) }, at(0));
    ledger.learn(&said(0, 100), at(0));
    assert_eq!(ledger.check("graphql", 1, at(0)), Ok(()));
    assert_eq!(spent(&ledger, "issues").bucket, "core");
    ledger.hold(Some(at(30)), &Held { bucket: Some("core"), ..ALL }, at(0), 0.0);
    assert_eq!(ledger.check("graphql", 1, at(0)), Ok(()));
}

#[test]
fn a_reset_is_believed_within_reason() {
    let mut ledger = Ledger::default();
    let never = Budget { resets_at: Some(Time::MAX), ..said(0, 0) };
    ledger.learn(&never, at(0));
    assert_eq!(until(&ledger, 0), Some(86_401));
}

#[test]
fn a_refusal_during_a_pace_is_a_hold_of_its_own() {
    let mut ledger = Ledger::default();
    ledger.rest(at(5), &ALL, at(0));
    assert_eq!(ledger.hold(None, &ALL, at(1), 0.0), (at(61), true));
    ledger.rest(at(99), &ALL, at(61));
    assert!(ledger.rest(at(105), &ALL, at(100)));
    assert_eq!(ledger.hold(Some(at(101)), &ALL, at(101), 0.0), (at(105), true), "no sooner");
}
