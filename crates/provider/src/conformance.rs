//! What every provider keeps, whatever its forge: for the tests of providers and plugins.
//!
//! [`judge`] plays a provider against a [`Stage`], a forge in memory, through everything that may
//! happen to an import: forks and pages in any order, kills, faults, limits, refused credentials,
//! rows that cannot be read. [`violations`] looks at single answers, without a stage.

mod fate;
mod judge;
mod play;
mod stage;
mod verdict;

pub use judge::judge;
pub use stage::{Form, Held, Stage};
pub use verdict::{Check, Verdict};

use crate::{Answer, Headers, Method, Order, Provider, Refusal, Repeat, Request, Task, Time};

/// Headers that only the client may set.
const CLIENTS_OWN: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "user-agent"];

/// Bodies that are not what any forge's interface answers.
const GARBAGE: [&[u8]; 8] = [
    b"",
    b"<!DOCTYPE html><html><title>Sign in</title></html>",
    b"{\"message\": \"cut sho",
    b"[{\"id\": 1, \"num",
    b"null",
    b"42",
    b"\xff\xfe\x00\x01",
    b"[[[[[[[[[[[[[[[[",
];

/// Plans each order and asks every first task's answer to be read in bad shape. Returns what is
/// wrong, in words; nothing is well.
pub fn violations(provider: &dyn Provider, orders: &[Order], now: Time) -> Vec<String> {
    let mut wrong = vec![];
    for order in orders {
        match provider.plan(order) {
            Ok(tasks) => {
                for task in tasks {
                    of_task(provider, &task, now, &mut wrong);
                }
            }
            Err(error) => wrong.push(format!("{order:?} cannot be planned: {error}")),
        }
    }
    wrong
}

/// What is wrong with one task.
pub fn of_task(provider: &dyn Provider, task: &Task, now: Time, wrong: &mut Vec<String>) {
    let name = format!("task {:?} of {}", task.kind, task.scope);
    let mut note = |what: String| wrong.push(format!("{name}: {what}"));
    match stored(task) {
        Some(back) if back == *task => {}
        Some(_) | None => note("does not survive being stored".to_owned()),
    }
    match (provider.request(task), provider.request(task)) {
        (Ok(first), Ok(second)) if first == second => {
            of_request(provider, &first).into_iter().for_each(&mut note);
        }
        (Ok(_), Ok(_)) => note("asks something else the second time".to_owned()),
        (Err(refusal), _) | (_, Err(refusal)) => note(format!("cannot be asked: {refusal}")),
    }
    for body in GARBAGE {
        let answer = reply(200, &[], body, now);
        match provider.read(task, &answer) {
            Err(Refusal::Malformed { .. } | Refusal::Transient { .. }) => {}
            other => note(format!("reads garbage as {other:?}")),
        }
    }
    for (answer, what, fits) in bad_answers(now) {
        let read = provider.read(task, &answer);
        match &read {
            Err(refusal) if fits(refusal) => {}
            // Asking for less is a fine answer to a failing forge.
            Ok(step)
                if what.starts_with("a 5")
                    && step.items.is_empty()
                    && step.facts.is_empty()
                    && !step.next.is_empty() => {}
            Ok(_) | Err(_) => note(format!("takes {what} for {read:?}")),
        }
    }
}

fn stored(task: &Task) -> Option<Task> {
    serde_json::from_str(&serde_json::to_string(task).ok()?).ok()
}

fn of_request(provider: &dyn Provider, request: &Request) -> Vec<String> {
    let mut wrong = vec![];
    let own = |name: &&str| CLIENTS_OWN.iter().any(|own| own.eq_ignore_ascii_case(name));
    for (name, _) in request.headers.iter().filter(|(name, _)| own(name)) {
        wrong.push(format!("sets the header {name}, which is the client's"));
    }
    if !request.url.username().is_empty() || request.url.password().is_some() {
        wrong.push("has a credential in its address".to_owned());
    }
    let buckets = &provider.describe().buckets;
    if buckets.iter().all(|bucket| bucket.name != request.bucket) {
        wrong.push(format!("is charged to {:?}, which the descriptor lacks", request.bucket));
    }
    if request.method == Method::Get && request.repeat != Repeat::Safe {
        wrong.push("reads, and yet may not be repeated".to_owned());
    }
    wrong
}

type Fits = fn(&Refusal) -> bool;

/// Answers whose meaning does not depend on the forge.
fn bad_answers(now: Time) -> Vec<(Answer, &'static str, Fits)> {
    let transient: Fits = |refusal| matches!(refusal, Refusal::Transient { .. });
    let throttled: Fits = |refusal| matches!(refusal, Refusal::Throttled { .. });
    let fault = Answer::Fault { message: "reset".to_owned(), at: now };
    vec![
        (fault, "a lost answer", transient),
        (reply(500, &[], b"{}", now), "a 500", transient),
        (reply(502, &[], b"<html>", now), "a 502", transient),
        (reply(504, &[], b"", now), "a 504", transient),
        (reply(429, &[], b"{}", now), "a 429", throttled),
        (reply(429, &[("retry-after", "30")], b"", now), "a 429 with Retry-After", throttled),
    ]
}

/// A reply for tests.
pub fn reply(status: u16, headers: &[(&str, &str)], body: &[u8], received_at: Time) -> Answer {
    let headers: Headers = headers.iter().copied().collect();
    Answer::Reply { status, headers, body: body.to_vec(), received_at }
}
