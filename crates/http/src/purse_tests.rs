use super::*;
use crate::Secret;

fn at(seconds: i64) -> Time {
    Time::from_second(1_790_000_000 + seconds).unwrap()
}

fn token(text: &str) -> Credential {
    Credential::bearer(Secret::new(text.to_owned()).unwrap())
}

fn purse(tokens: &[&str]) -> Purse {
    let mut purse = Purse::new(vec![Bucket { name: "core", per_minute: 0 }], None);
    purse.set_credentials(tokens.iter().map(|text| token(text)).collect());
    purse
}

fn says(remaining: u64) -> Budget {
    Budget { bucket: "core".into(), limit: Some(5_000), remaining, resets_at: Some(at(3_600)) }
}

/// Asks, and says by which token.
fn asks(purse: &mut Purse) -> (Identity, String) {
    let grant = purse.book("core", 1, at(0)).unwrap();
    (grant.by, grant.credential.unwrap().secret.expose().to_owned())
}

fn until(purse: &Purse) -> Option<Time> {
    match purse.check("core", 1, at(0)) {
        Err(Wait::Spent(spent)) => Some(spent.until),
        Ok(()) | Err(Wait::Landing | Wait::Pace(_)) => None,
    }
}

#[test]
fn the_one_with_the_most_left_asks() {
    let mut purse = purse(&["one", "two", "three"]);
    let by: Vec<Identity> = (0..3).map(|_| asks(&mut purse).0).collect();
    for (by, remaining) in by.into_iter().zip([10, 900, 12]) {
        purse.learn(by, &says(remaining), at(0));
    }
    assert_eq!(asks(&mut purse).1, "two");
}

#[test]
fn of_equal_ones_the_least_busy_asks() {
    let mut purse = purse(&["one", "two"]);
    let asked: Vec<String> = (0..4).map(|_| asks(&mut purse).1).collect();
    assert_eq!(asked, ["one", "two", "one", "two"]);
}

#[test]
fn only_when_all_are_spent_is_there_a_pause_until_the_first_is_full() {
    let mut purse = purse(&["one", "two"]);
    let (one, two) = (asks(&mut purse).0, asks(&mut purse).0);
    purse.learn(one, &Budget { resets_at: Some(at(60)), ..says(0) }, at(0));
    assert_eq!(until(&purse), None);
    assert_eq!(asks(&mut purse).1, "two");
    purse.learn(two, &says(0), at(0));
    assert_eq!(until(&purse), Some(at(61)));
}

#[test]
fn a_hold_on_one_leaves_the_others_be() {
    let mut purse = purse(&["one", "two"]);
    let (one, _) = asks(&mut purse);
    purse.hold(one, Some(at(30)), (None, "slow"), at(0), 0.0);
    assert_eq!(asks(&mut purse).1, "two");
    assert_eq!(asks(&mut purse).1, "two");
}

#[test]
fn a_hold_of_an_unknown_budget_is_on_everything_and_keeps_its_name() {
    let mut purse = purse(&["one"]);
    let (one, _) = asks(&mut purse);
    purse.hold(one, Some(at(30)), (Some("tenant"), "slow"), at(0), 0.0);
    let Err(Wait::Spent(spent)) = purse.check("other", 1, at(0)) else { panic!("not held") };
    assert_eq!((spent.bucket.as_str(), spent.message.as_str()), ("tenant", "slow"));
}

#[test]
fn a_refused_one_is_set_aside_until_all_are() {
    let mut purse = purse(&["one", "two"]);
    let (one, _) = asks(&mut purse);
    assert_eq!(purse.set_aside(one), 1);
    let (two, text) = asks(&mut purse);
    assert_eq!(text, "two");
    assert_eq!(purse.set_aside(two), 0);
    assert_eq!(asks(&mut purse).1, "one", "what is refused again says so once more");
}

#[test]
fn a_renewed_one_keeps_its_budget_and_is_known_by_both_names() {
    let mut purse = purse(&["old"]);
    let (old, _) = asks(&mut purse);
    purse.learn(old, &says(7), at(0));
    purse.set_aside(old);
    assert!(purse.renew(old, Some(token("new")), at(0)));
    assert!(purse.is_outdated(old));
    assert_eq!(asks(&mut purse).1, "new");
    assert_eq!(purse.budgets(at(0)), [says(7)]);
    assert_eq!(purse.known(), [token("old"), token("new")]);
}

#[test]
fn the_same_again_is_no_new_one() {
    let mut purse = purse(&["one"]);
    let (one, _) = asks(&mut purse);
    assert!(!purse.renew(one, Some(token("one")), at(0)));
    assert!(!purse.is_outdated(one));
}

#[test]
fn what_is_refused_soon_after_its_renewal_is_refused_for_good() {
    let mut purse = purse(&["one"]);
    let (one, _) = asks(&mut purse);
    assert!(purse.may_renew(one, at(0)));
    purse.renew(one, None, at(0));
    assert!(!purse.may_renew(one, at(59)));
    assert!(purse.may_renew(one, at(60)));
}

#[test]
fn one_that_ends_soon_is_to_be_renewed() {
    let mut purse = purse(&[]);
    let ending = Credential { expires_at: Some(at(3_600)), ..token("one") };
    purse.set_credentials(vec![token("endless"), ending]);
    assert_eq!(purse.ending(at(3_479)), None);
    assert_eq!(purse.ending(at(3_480)).map(Identity::place), Some(1));
}

#[test]
fn budgets_are_added_up() {
    let mut purse = purse(&["one", "two"]);
    let (one, two) = (asks(&mut purse).0, asks(&mut purse).0);
    purse.learn(one, &says(100), at(0));
    purse.learn(two, &says(23), at(0));
    assert_eq!(purse.budgets(at(0)), [Budget { limit: Some(10_000), ..says(123) }]);
}

#[test]
fn a_reserve_is_kept_of_every_budget_of_everyone() {
    let mut purse = purse(&["one", "two"]);
    let by = [asks(&mut purse).0, asks(&mut purse).0];
    purse.set_reserve(20);
    for by in by {
        purse.learn(by, &says(1_000), at(0));
        purse.learn(by, &Budget { bucket: "graphql".into(), ..says(1_000) }, at(0));
    }
    for bucket in ["core", "graphql"] {
        let Err(Wait::Spent(spent)) = purse.check(bucket, 1, at(0)) else { panic!("not kept") };
        let left =
            format!("1000 of 5000 requests left in {bucket}; 20 % of all are kept for others");
        assert_eq!(spent.message, left);
    }
}
