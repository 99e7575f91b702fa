//! What a credential goes through in a long import: its end, its budget, its refusal.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;
use jobctl_http::{Credential, Renew, RenewError, Wire};
use jobctl_import::{Ended, ImportError, Report};
use jobctl_provider::Time;

use crate::history::{assert_same, held, run, truth};
use crate::script::{Asked, Desk, Script, client, github, import, said, token};
use crate::world::World;

const SCOPE: &str = "github:a/b";

/// Gives a new token whenever it is asked, good for an hour.
struct Hourly {
    script: Arc<Script>,
    tells: bool,
    given: Mutex<Vec<Time>>,
}

impl Hourly {
    fn new(script: &Arc<Script>, tells: bool) -> Arc<Self> {
        let given = Mutex::new(vec![script.now()]);
        Arc::new(Self { script: script.clone(), tells, given })
    }

    fn latest(&self) -> Credential {
        let given = self.given.lock().unwrap();
        let (count, at) = (given.len(), *given.last().unwrap());
        let expires_at = self.tells.then(|| at.checked_add(SignedDuration::from_hours(1)).unwrap());
        Credential { expires_at, ..token(&format!("token-{count}")) }
    }
}

#[async_trait]
impl Renew for Hourly {
    async fn renew(&self, place: usize) -> Result<Option<Credential>, RenewError> {
        assert_eq!(place, 0);
        tokio::time::sleep(Duration::from_secs(2)).await;
        self.given.lock().unwrap().push(self.script.now());
        Ok(Some(self.latest()))
    }
}

/// Refuses tokens that are older than an hour.
fn hourly(asked: &Asked, begun: &Mutex<Vec<(String, Time)>>) -> Option<jobctl_http::Reply> {
    let mut begun = begun.lock().unwrap();
    if begun.iter().all(|(token, _)| *token != asked.token) {
        begun.push((asked.token.clone(), asked.at));
    }
    let since = begun.iter().find(|(token, _)| *token == asked.token).unwrap().1;
    let is_over = asked.at.duration_since(since) > SignedDuration::from_hours(1);
    is_over.then(|| said(401, &[], r#"{"message":"Bad credentials"}"#))
}

fn done(ended: Ended) -> Report {
    match ended {
        Ended::Done(report) => report,
        other @ (Ended::Stopped | Ended::Limited { .. }) => panic!("{other:?}"),
    }
}

/// An import of more than six hours; returns the script, how often the token was renewed, and
/// how often it was refused.
async fn six_hours(tells: bool) -> (usize, usize) {
    let world = World::new(900, 1_500, 0);
    let begun = Mutex::default();
    let refused = Arc::new(Mutex::new(0));
    let count = refused.clone();
    let says = move |asked: &Asked| {
        let reply = hourly(asked, &begun);
        *count.lock().unwrap() += usize::from(reply.is_some());
        reply
    };
    let script = Arc::new(Script::new(world, Duration::from_secs(50 * 60), Box::new(says)));
    let renewal = Hourly::new(&script, tells);
    let provider = github();
    let client = client(&script, provider.as_ref(), vec![renewal.latest()]);
    client.set_renewal(renewal.clone());
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::new(&script);
    let begun = script.now();
    let ended = import(provider, &client, dir.path(), SCOPE).run(&desk).await.unwrap();
    let report = done(ended);
    assert_eq!((report.failures, report.warnings), (vec![], vec![]));
    assert!(script.now().duration_since(begun) > SignedDuration::from_hours(6));
    assert_same(&held(dir.path()), &truth(&script.way.world.lock().unwrap()));
    let renewals = renewal.given.lock().unwrap().len() - 1;
    let refused = *refused.lock().unwrap();
    (renewals, refused)
}

#[test]
fn a_six_hour_import_outlives_tokens_of_an_hour() {
    let (renewals, refused) = run(six_hours(false));
    assert!(renewals >= 5, "{renewals}");
    assert!(refused >= renewals, "nobody told when they end: {refused}");
}

#[test]
fn a_token_whose_end_is_known_is_renewed_before_it_is_refused() {
    let (renewals, refused) = run(six_hours(true));
    assert!(renewals >= 5, "{renewals}");
    assert_eq!(refused, 0);
}

#[test]
fn a_token_that_is_refused_again_at_once_is_not_renewed_for_ever() {
    run(async {
        let says = |_: &Asked| Some(said(401, &[], r#"{"message":"Bad credentials"}"#));
        let world = World::new(3, 3, 0);
        let script = Arc::new(Script::new(world, Duration::from_millis(200), Box::new(says)));
        let (renewal, provider) = (Hourly::new(&script, false), github());
        let client = client(&script, provider.as_ref(), vec![renewal.latest()]);
        client.set_renewal(renewal.clone());
        let dir = tempfile::tempdir().unwrap();
        let desk = Desk::new(&script);
        let ended = import(provider, &client, dir.path(), SCOPE).run(&desk).await;
        assert!(matches!(ended, Err(ImportError::Unauthorized { .. })), "{ended:?}");
        assert_eq!(renewal.given.lock().unwrap().len(), 2, "renewed once");
    });
}

/// An import that takes about forty requests.
fn forty(quota: Option<u64>, says: crate::script::Says) -> Arc<Script> {
    let world = World::new(900, 1_500, 0);
    let mut script = Script::new(world, Duration::from_millis(200), says);
    script.quota = quota;
    Arc::new(script)
}

#[test]
fn two_tokens_are_used_in_turn_by_what_they_have_left() {
    run(async {
        let script = forty(Some(25), Box::new(|_| None));
        let provider = github();
        let client = client(&script, provider.as_ref(), vec![token("one"), token("two")]);
        let dir = tempfile::tempdir().unwrap();
        let desk = Desk::new(&script);
        done(import(provider, &client, dir.path(), SCOPE).run(&desk).await.unwrap());
        assert_eq!(*desk.heard.lock().unwrap(), [], "together they have enough");
        let asked = script.asked();
        let by = |name: &str| asked.iter().filter(|asked| asked.token == name).count();
        assert!(asked.len() > 25, "one alone has not: {}", asked.len());
        assert!(by("one").abs_diff(by("two")) <= 4, "{} and {}", by("one"), by("two"));
        let last = desk.standings.lock().unwrap().last().cloned().unwrap();
        assert_eq!(last.budget.and_then(|budget| budget.limit), Some(50));
    });
}

#[test]
fn one_token_of_the_same_quota_rests_until_it_is_full_again() {
    run(async {
        let script = forty(Some(25), Box::new(|_| None));
        let provider = github();
        let client = client(&script, provider.as_ref(), vec![token("one")]);
        let dir = tempfile::tempdir().unwrap();
        let desk = Desk::new(&script);
        done(import(provider, &client, dir.path(), SCOPE).run(&desk).await.unwrap());
        let heard = desk.heard.lock().unwrap();
        let [(until, bucket, message)] = heard.as_slice() else { panic!("{heard:?}") };
        assert_eq!(until.as_second() % 3_600, 1, "a second after the reset");
        assert_eq!((bucket.as_str(), message.as_str()), ("core", "0 of 25 requests left in core"));
    });
}

#[test]
fn a_reserve_is_a_visible_pause_and_never_spent() {
    run(async {
        let script = forty(Some(25), Box::new(|_| None));
        let provider = github();
        let client = client(&script, provider.as_ref(), vec![token("one")]);
        client.set_reserve(20);
        let dir = tempfile::tempdir().unwrap();
        let desk = Desk::new(&script);
        let report = done(import(provider, &client, dir.path(), SCOPE).run(&desk).await.unwrap());
        assert_eq!(report.failures, []);
        let mut hours = std::collections::BTreeMap::new();
        for asked in script.asked() {
            *hours.entry(asked.at.as_second() / 3_600).or_insert(0) += 1;
        }
        assert!(hours.len() >= 2 && hours.values().all(|count| *count <= 20), "{hours:?}");
        let heard = desk.heard.lock().unwrap();
        assert!(!heard.is_empty());
        for (_, _, message) in heard.iter() {
            assert_eq!(message, "5 of 25 requests left in core; 20 % of all are kept for others");
        }
    });
}

#[test]
fn a_refused_token_is_set_aside_and_said_and_the_others_go_on() {
    run(async {
        let bad = r#"{"message":"Bad credentials"}"#;
        let says = |asked: &Asked| (asked.token == "bad").then(|| said(401, &[], bad));
        let script = forty(None, Box::new(says));
        let provider = github();
        let tokens = vec![token("bad"), token("one"), token("two")];
        let client = client(&script, provider.as_ref(), tokens);
        let dir = tempfile::tempdir().unwrap();
        let desk = Desk::new(&script);
        let report = done(import(provider, &client, dir.path(), SCOPE).run(&desk).await.unwrap());
        assert_eq!(report.failures, []);
        assert_same(&held(dir.path()), &truth(&script.way.world.lock().unwrap()));
        let lines = desk.lines.lock().unwrap();
        let said = |line: &&String| line.contains("is set aside, 2 are left: Bad credentials");
        assert!(lines.iter().any(|line| said(&line)), "{lines:?}");
        let bad = script.asked().iter().filter(|asked| asked.token == "bad").count();
        assert!(bad <= 2, "only what was in flight: {bad}");
        assert_eq!(script.tokens().len(), 3);
    });
}

#[test]
fn only_when_all_tokens_are_refused_is_the_import() {
    run(async {
        let says = |_: &Asked| Some(said(401, &[], r#"{"message":"Bad credentials"}"#));
        let script = forty(None, Box::new(says));
        let provider = github();
        let client = client(&script, provider.as_ref(), vec![token("one"), token("two")]);
        let dir = tempfile::tempdir().unwrap();
        let desk = Desk::new(&script);
        let ended = import(provider, &client, dir.path(), SCOPE).run(&desk).await;
        let Err(ImportError::Unauthorized { message, .. }) = ended else { panic!("{ended:?}") };
        assert_eq!(message, "Bad credentials");
        assert_eq!(script.tokens().len(), 2, "each was asked");
    });
}
