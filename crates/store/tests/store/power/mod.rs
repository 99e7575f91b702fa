//! What was told must be true after a power cut at any moment, and after any failed call.
//!
//! Each scenario runs once, on a disk in memory that is remembered after each change. For each of
//! these moments every outcome is made that a power cut may have, the store is opened on it, and
//! all that had been told until then is looked for.

mod after;
mod disk;
mod double;
mod outcomes;
mod scenarios;
mod settings;
mod told;
mod world;

use std::collections::HashSet;
use std::hash::Hash;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::place::{at, id, paused, started};
use double::{Call, Fault, How, Moment};
use jobctl_core::Progress;
use jobctl_store::{Fs, RecordError, Store};
use outcomes::{Left, after_cut, few_after_cut};
use scenarios::Scenario;
use world::World;

/// Does all the work, on as many threads as there are processors.
fn share<T: Sync>(work: &[T], act: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(one) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    act(one);
                }
            });
        }
    });
}

/// What was seen before, by all threads.
struct Known<T>(Mutex<HashSet<T>>);

impl<T: Eq + Hash> Known<T> {
    fn new() -> Self {
        Self(Mutex::new(HashSet::new()))
    }

    fn is_new(&self, one: T) -> bool {
        self.0.lock().unwrap().insert(one)
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Runs a scenario without trouble.
fn undisturbed(scenario: &Scenario) -> World {
    let mut world = World::new(scenario.disk.clone(), &scenario.told, None, 0);
    let refused: Vec<_> = scenario.steps.iter().filter(|step| world.run(step).is_err()).collect();
    assert!(refused.is_empty(), "{}: {refused:?}", scenario.name);
    world.fs.told().check(world.store().unwrap(), &world.fs, &scenario.name);
    world
}

#[test]
fn whatever_was_told_survives_a_power_cut_after_any_call() {
    let scenarios = scenarios::all();
    let runs: Vec<(&str, Vec<Moment>)> = scenarios
        .iter()
        .map(|scenario| (scenario.name.as_str(), undisturbed(scenario).fs.moments()))
        .collect();
    let moments: Vec<(&str, Option<&Moment>, &Moment)> = runs
        .iter()
        .flat_map(|(name, moments)| {
            let before = std::iter::once(None).chain(moments.iter().map(Some));
            before.zip(moments).map(|(before, moment)| (*name, before, moment))
        })
        .collect();
    let (checked, lived_on) = (Known::new(), Known::new());
    share(&moments, |(name, before, moment)| {
        let before = before.map(|before| &before.disk);
        for Left { disk, ways, print, new } in
            after_cut(before, &moment.disk, 4, moment.call as u64)
        {
            // The same names and bytes after the same was told are one case.
            if !checked.is_new((Arc::as_ptr(&moment.told) as usize, print)) {
                continue;
            }
            let what = format!("{name}, cut after call {}, outcome {ways:?}", moment.call);
            let (fs, store) = after::recover(disk, &moment.told, &what);
            if new && lived_on.is_new(print) {
                after::live_on(&fs, &store, &what);
            }
        }
    });
    assert!(checked.count() >= 20_000, "{} cuts, {} life", checked.count(), lived_on.count());
}

/// The calls of a scenario, each with the ways in which it may fail.
fn faults(scenario: &Scenario) -> Vec<Fault> {
    let calls = undisturbed(scenario).fs.calls();
    let faults = calls.iter().enumerate().flat_map(|(call, sort)| {
        let ways: &[How] = match sort {
            // Most calls are looks, and most looks are alike.
            Call::Look if call % 7 != 0 => &[],
            Call::Look => &[How::Broken],
            Call::Change => &[How::Broken, How::Silent],
            Call::Bytes => &[How::Broken, How::Full, How::Half],
        };
        ways.iter().map(move |how| Fault { call, how: *how })
    });
    faults.collect()
}

#[test]
fn whatever_was_told_survives_a_failed_call_and_a_power_cut_after_it() {
    let scenarios = scenarios::all();
    let work: Vec<(&Scenario, Fault)> = scenarios
        .iter()
        .flat_map(|scenario| faults(scenario).into_iter().map(move |fault| (scenario, fault)))
        .collect();
    share(&work, |(scenario, fault)| fail(scenario, *fault));
}

/// Runs a scenario with one failing call, checks what is seen then, and what a power cut leaves.
fn fail(scenario: &Scenario, fault: Fault) {
    let what = format!("{}, {fault:?}", scenario.name);
    let mut world = World::new(scenario.disk.clone(), &scenario.told, Some(fault), fault.call);
    for step in &scenario.steps {
        // What cannot be done because of the failure is not done.
        let _ = world.run(step);
    }
    world.fs.mend();
    let moments = world.fs.moments();
    let Some(store) = world.store() else { return };
    world.fs.told().check(store, &world.fs, &what);
    let left = world.fs.list(Path::new("/state/new")).unwrap();
    let left = left.iter().find(|name| name.as_encoded_bytes().starts_with(b".tmp-"));
    assert!(left.is_none(), "{what}: {left:?} stays for ever");
    for at in [moments.len() / 3, moments.len().saturating_sub(1)] {
        let Some(moment) = moments.get(at) else { continue };
        for (way, Left { disk, ways, .. }) in
            few_after_cut(&moment.disk, fault.call as u64).into_iter().enumerate()
        {
            let what = format!("{what}, cut after call {}, outcome {ways:?}", moment.call);
            let (fs, store) = after::recover(disk, &moment.told, &what);
            if at + 1 == moments.len() && way == fault.call % 3 {
                after::live_on(&fs, &store, &what);
            }
        }
    }
}

#[test]
fn a_claim_whose_write_failed_writes_nothing_more() {
    let scenario = scenarios::pending();
    let bytes = |world: &World| world.fs.peek(Path::new("/state/jobs/00000001/journal.jsonl"));
    let mut failures = 0;
    for call in 0.. {
        let fault = Fault { call, how: How::Broken };
        let world = World::new(scenario.disk.clone(), &scenario.told, Some(fault), usize::MAX);
        let Ok(mut claim) = world.store().unwrap().claim(id(1), at(1)) else { continue };
        match claim.record(started().at(at(1))) {
            Err(error) => {
                failures += 1;
                assert!(matches!(error, RecordError::File(_)), "{error}");
            }
            Ok(_) if failures > 0 => break,
            Ok(_) => continue,
        }
        world.fs.mend();
        let journal = bytes(&world);
        let again = claim.record(paused().at(at(1))).map(drop);
        assert!(matches!(again, Err(RecordError::Spent(_))), "{again:?}");
        let progress = claim.progress(&Progress::default(), at(1));
        assert!(matches!(progress, Err(RecordError::Spent(_))), "{progress:?}");
        assert!(matches!(claim.close(at(1)), Err(RecordError::Spent(_))));
        assert_eq!(bytes(&world), journal);
    }
    assert!(failures >= 5, "opening, writing, syncing, renaming and both directories can fail");
}

#[test]
fn a_write_that_fails_leaves_no_part_of_a_record() {
    let scenario = scenarios::pending();
    let mut failures = 0;
    for call in 0.. {
        let fault = Fault { call, how: How::Half };
        let world = World::new(scenario.disk.clone(), &scenario.told, Some(fault), usize::MAX);
        let Ok(mut claim) = world.store().unwrap().claim(id(1), at(1)) else { continue };
        let began = claim.record(started().at(at(1))).is_ok();
        let went_on = began && claim.record(paused().at(at(1))).is_ok();
        if went_on && failures > 0 && world.fs.calls().len() <= call {
            break;
        }
        failures += usize::from(began && !went_on);
        let journal = world.fs.peek(Path::new("/state/jobs/00000001/journal.jsonl"));
        let journal = journal.unwrap_or_default();
        assert!(journal.is_empty() || journal.ends_with(b"\n"), "call {call}");
    }
    assert!(failures >= 2, "writing and syncing can fail");
}
