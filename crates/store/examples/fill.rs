//! Fills a state directory with many jobs, and tells what the store's calls cost before and after.
//!
//! `fill STATE REGISTRY ended|paused COUNT`: jobs that have ended, or that a person paused.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a program of its own, for benchmarks"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use jobctl_core::{Change, JobId, Kind, Progress, Reason, Spec, Time};
use jobctl_store::{Adopt, Claim, FileStore, RealFs, Registry, Store, Which, boot};

/// How often each call is timed.
const ROUNDS: u32 = 41;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [state, registry, end, count] = args.as_slice() else {
        panic!("fill STATE REGISTRY ended|paused COUNT");
    };
    let count: u32 = count.parse().unwrap();
    let (registry, fs) = (Registry::at(registry), Arc::new(RealFs));
    let store =
        FileStore::create(state.as_ref(), &registry, fs, &boot::current(), Adopt::Named).unwrap();
    let fresh =
        |from: u32| (0..).map(move |at| JobId::from_bits((from + at).wrapping_mul(0x9e37_79b1)));
    let mut ids = fresh(1);
    let one = |id: JobId, end: &str| run(&store, id, end);
    for id in ids.by_ref().take(10) {
        submit(&store, id);
        one(id, end);
    }
    let few = measure(&store, &mut ids);
    println!("{few}  at 10 jobs");
    for id in ids.by_ref().take(usize::try_from(count).unwrap()) {
        submit(&store, id);
        one(id, end);
    }
    let many = measure(&store, &mut ids);
    println!("{many}  at {count} {end} jobs");
    for (name, which) in [("all", Which::All), ("20", Which::Recent(20)), ("active", Which::Active)]
    {
        let times = (0..ROUNDS).map(|_| timed(|| drop(store.overview(which)))).collect();
        println!("listing {name}: {:.2} ms", median(times));
    }
    items(&store, ids.next().unwrap());
}

fn spec() -> Spec {
    Spec {
        sources: vec!["github:acme/api".into()],
        ..Spec::new(Kind::ImportIssues, "imports acme/api", "/home/u/project")
    }
}

fn submit(store: &FileStore, id: JobId) {
    store.submit(&id.to_string(), &[(id, spec())], Time::now()).unwrap();
}

/// A whole life: two or three events.
fn run(store: &FileStore, id: JobId, end: &str) {
    let mut claim = store.claim(id, Time::now()).unwrap();
    claim.record(Change::Started { pid: 1 }.at(Time::now())).unwrap();
    let last = match end {
        "paused" => Change::Paused { reason: Reason::User, resumes_at: None },
        _ => Change::Completed { warnings: Vec::new(), summary: Some("10 issues".into()) },
    };
    claim.record(last.at(Time::now())).unwrap();
    claim.close(Time::now()).unwrap();
}

/// Medians of a submission, of a state change and of a written progress.
fn measure(store: &FileStore, ids: &mut impl Iterator<Item = JobId>) -> String {
    let (mut submits, mut changes, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    for id in ids.take(ROUNDS as usize) {
        submits.push(timed(|| submit(store, id)));
        let mut claim = store.claim(id, Time::now()).unwrap();
        claim.record(Change::Started { pid: 1 }.at(Time::now())).unwrap();
        shown.push(timed(|| progress(claim.as_mut(), 7)));
        let mark = Change::Checkpoint { token: "7".into() };
        changes.push(timed(|| assert!(claim.record(mark.at(Time::now())).is_ok())));
        claim.record(Change::Cancelled { reason: None }.at(Time::now())).unwrap();
        claim.close(Time::now()).unwrap();
    }
    format!(
        "submit {:.2} ms, state change {:.2} ms, progress {:.2} ms",
        median(submits),
        median(changes),
        median(shown)
    )
}

fn progress(claim: &mut dyn Claim, current: u64) {
    let item = Some(format!("acme/api#{current}"));
    let progress =
        Progress { current, total: Some(100_000), current_item: item, ..Progress::default() };
    // An hour apart, so that each is written.
    let hours = i64::try_from(current).unwrap();
    claim.progress(&progress, Time::now() + jiff::SignedDuration::from_hours(hours)).unwrap();
}

/// One job's first items and its last.
fn items(store: &FileStore, id: JobId) {
    submit(store, id);
    let mut claim = store.claim(id, Time::now()).unwrap();
    claim.record(Change::Started { pid: 1 }.at(Time::now())).unwrap();
    let mut around = |from: u64| -> f64 {
        median(
            (from..from + u64::from(ROUNDS))
                .map(|at| timed(|| progress(claim.as_mut(), at)))
                .collect(),
        )
    };
    let (first, last) = (around(10), around(100_000));
    println!("progress {first:.2} ms at item 10, {last:.2} ms at item 100,000");
    claim.record(Change::Cancelled { reason: None }.at(Time::now())).unwrap();
    claim.close(Time::now()).unwrap();
}

fn timed(act: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    act();
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}
