//! What was told must be true after a power cut at any moment, and after any failed call.

mod double;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::place::{Place, at, completed, id, paused, place_on, resumed, spec, started};
use double::{Double, Trouble};
use fastrand::Rng;
use jobctl_core::{Change, Event, JobId, Status};
use jobctl_store::{Claim, FileStore, LookError, RecordError, Standing, Store, Which, Wish};
use serde_json::Value;

/// What the store was asked, and what it said had happened.
#[derive(Default)]
struct Told {
    /// Submissions tried, each with whether it was confirmed.
    submissions: Vec<(Vec<JobId>, bool)>,
    /// Events tried, in their order.
    tried: BTreeMap<JobId, Vec<Event>>,
    /// How many of them were confirmed.
    confirmed: BTreeMap<JobId, usize>,
    /// Confirmed requests.
    asked: BTreeMap<JobId, Vec<String>>,
    /// Removals tried, and confirmed.
    removing: BTreeSet<JobId>,
    removed: BTreeSet<JobId>,
}

/// Something went wrong, and the process went on or died.
struct Failed;

impl<E: std::error::Error> From<E> for Failed {
    fn from(_: E) -> Self {
        Self
    }
}

impl Told {
    fn submit(&mut self, store: &FileStore, key: &str, numbers: &[u32]) -> Result<(), Failed> {
        let jobs: Vec<_> = numbers.iter().map(|number| (id(*number), spec())).collect();
        self.submissions.push((jobs.iter().map(|job| job.0).collect(), false));
        store.submit(key, &jobs, at(1))?;
        self.submissions.last_mut().unwrap().1 = true;
        Ok(())
    }

    fn record(&mut self, claim: &mut dyn Claim, event: Event) -> Result<(), Failed> {
        let job = claim.job().id;
        let tried = self.tried.entry(job).or_default();
        // After a failure it is open whether the last one counts; replay says, and it is allowed
        // to be tried anew.
        tried.truncate(events_of(claim));
        tried.push(event.clone());
        let count = tried.len();
        claim.record(event)?;
        self.confirmed.insert(job, count);
        Ok(())
    }

    fn hold(&mut self, store: &FileStore, number: u32, changes: Vec<Change>) -> Result<(), Failed> {
        let mut claim = store.claim(id(number), at(2))?;
        for change in changes {
            self.record(claim.as_mut(), change.at(at(2)))?;
        }
        claim.close(at(2))?;
        Ok(())
    }

    fn ask(&mut self, store: &FileStore, number: u32) -> Result<String, Failed> {
        let request = store.ask(id(number), Wish::Pause, at(3))?.0;
        self.asked.entry(id(number)).or_default().push(request.clone());
        Ok(request)
    }

    fn remove(&mut self, store: &FileStore, number: u32) -> Result<(), Failed> {
        store.look(id(number))?;
        self.removing.insert(id(number));
        store.remove(id(number), at(9))?;
        self.removed.insert(id(number));
        Ok(())
    }
}

/// How many events the claim's job has, `submitted` and `closed` left out.
fn events_of(claim: &dyn Claim) -> usize {
    let log = claim.log_writer();
    events(log.path().parent().unwrap()).len()
}

/// The events in a job's directory, `submitted` and `closed` left out.
fn events(dir: &Path) -> Vec<Value> {
    let text = fs::read_to_string(dir.join("journal.jsonl")).unwrap_or_default();
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with("}\n"));
    let values = lines.map(|line| {
        let mut value: Value = serde_json::from_str(line).unwrap();
        for key in ["v", "seq", "crc"] {
            value.as_object_mut().unwrap().remove(key);
        }
        value
    });
    values.filter(|value| value["event"] != "submitted" && value["event"] != "closed").collect()
}

/// One step of the scenario.
type Action = fn(&FileStore, &mut Told) -> Result<(), Failed>;

/// The steps of the scenario, each as a process of its own might do it.
fn steps() -> Vec<Action> {
    vec![
        |store, told| told.submit(store, "batch", &[1, 2, 3]),
        |store, told| told.submit(store, "single", &[4]),
        |store, told| told.hold(store, 1, vec![started(), paused()]),
        // A worker that is asked to pause, answers, and dies without a mark.
        |store, told| {
            let mut claim = store.claim(id(4), at(2))?;
            told.record(claim.as_mut(), started().at(at(2)))?;
            let mark = Change::Checkpoint { token: "half".into() };
            told.record(claim.as_mut(), mark.at(at(2)))?;
            let request = told.ask(store, 4)?;
            told.ask(store, 4)?;
            let mut event = paused().at(at(3));
            event.answers = vec![request];
            told.record(claim.as_mut(), event)
        },
        |store, told| told.hold(store, 1, vec![resumed()]),
        |store, told| told.hold(store, 1, vec![started(), completed()]),
        |store, told| told.hold(store, 4, vec![resumed(), started(), completed()]),
        |store, told| told.remove(store, 4),
        |store, told| told.ask(store, 2).map(drop),
        |store, told| told.hold(store, 2, vec![started(), completed()]),
        |store, told| told.remove(store, 1),
        |store, told| told.hold(store, 3, vec![Change::Cancelled { reason: None }]),
        |store, _| Ok(store.sweep(at(9))?),
        |store, told| told.remove(store, 1),
        |store, _| Ok(store.mirror(at(9)).map(drop)?),
    ]
}

/// A state directory that is never really synced, and in memory where that can be: what takes time
/// here is making and removing thousands of them.
fn fast_place() -> Place {
    let in_memory = Path::new("/dev/shm");
    let dir =
        if in_memory.is_dir() { tempfile::tempdir_in(in_memory) } else { tempfile::tempdir() };
    let dir = dir.unwrap();
    let fs = Double::new(&dir.path().canonicalize().unwrap(), None);
    place_on(dir, Arc::new(fs))
}

fn double(place: &Place, trouble: Option<Trouble>) -> Double {
    Double::new(&place.dir.path().canonicalize().unwrap(), trouble)
}

fn store(place: &Place, fs: &Double, boot: &str) -> FileStore {
    FileStore::open(place.root(), &place.registry, Arc::new(fs.clone()), boot).unwrap()
}

/// Everything that was confirmed is there, and nothing that was never tried.
fn check(store: &FileStore, told: &Told, what: &str) {
    assert_eq!(store.standing(), &Standing::Ours, "{what}");
    let listed: BTreeMap<_, _> =
        store.list(Which::All).unwrap().into_iter().map(|seen| (seen.id, seen)).collect();
    for (jobs, confirmed) in &told.submissions {
        let there = |job: &&JobId| {
            !matches!(store.look(**job), Err(LookError::NoSuchJob(_)))
                || told.removing.contains(job)
        };
        let count = jobs.iter().filter(there).count();
        assert!(count == jobs.len() || (count == 0 && !confirmed), "{what}: {count} of {jobs:?}");
        for job in jobs.iter().filter(there) {
            check_job(store, told, *job, &format!("{what}, job {job}"));
            let may_be_gone = told.removing.contains(job);
            assert!(listed.contains_key(job) || may_be_gone, "{what}: {job} is not listed");
        }
    }
    assert!(listed.values().all(|seen| seen.damage.is_none()), "{what}: {listed:?}");
}

fn check_job(store: &FileStore, told: &Told, job: JobId, what: &str) {
    let seen = match store.look(job) {
        Ok(seen) => seen,
        Err(LookError::Removed { .. }) if told.removing.contains(&job) => return,
        Err(error) => panic!("{what}: {error}"),
    };
    assert!(!told.removed.contains(&job), "{what}: came back");
    assert_eq!(seen.damage, None, "{what}");
    let there = events(&store.root().join("jobs").join(job.to_string()));
    let tried = told.tried.get(&job).map(Vec::as_slice).unwrap_or_default();
    let least = told.confirmed.get(&job).copied().unwrap_or(0);
    assert!((least..=tried.len()).contains(&there.len()), "{what}: {there:?}");
    for (there, tried) in there.iter().zip(tried) {
        assert_eq!(there, &serde_json::to_value(tried).unwrap(), "{what}");
    }
    let answered: BTreeSet<_> = tried.iter().flat_map(|event| &event.answers).collect();
    for request in told.asked.get(&job).into_iter().flatten() {
        let open = seen.requests.iter().any(|open| open.id.0 == *request);
        assert!(open || answered.contains(request), "{what}: a request was lost");
    }
}

/// Life goes on: every job that is left can be claimed, ended and removed.
fn go_on(place: &Place, told: &Told, what: &str) {
    let fs = double(place, None);
    let after = store(place, &fs, "boot-2");
    check(&after, told, what);
    after.sweep(at(20)).unwrap();
    for seen in after.list(Which::Active).unwrap() {
        let mut claim = after.claim(seen.id, at(20)).unwrap();
        claim.record(Change::Cancelled { reason: None }.at(at(20))).unwrap();
        claim.close(at(20)).unwrap();
        assert_eq!(after.look(seen.id).unwrap().status(), Some(Status::Cancelled), "{what}");
    }
    assert_eq!(after.list(Which::Active).unwrap().len(), 0, "{what}");
    after.sweep(at(20)).unwrap();
    for seen in after.list(Which::All).unwrap() {
        after.remove(seen.id, at(21)).unwrap();
    }
    let last = store(place, &fs, "boot-3");
    assert_eq!(last.list(Which::All).unwrap().len(), 0, "{what}");
}

/// How many calls an undisturbed run makes.
fn calls() -> usize {
    let place = fast_place();
    let fs = double(&place, None);
    let store = store(&place, &fs, "boot-1");
    let mut told = Told::default();
    let failed = steps().into_iter().filter(|step| step(&store, &mut told).is_err()).count();
    assert_eq!(failed, 1, "only removing a job whose batch has not begun is refused");
    check(&store, &told, "undisturbed");
    fs.calls()
}

#[test]
fn whatever_was_told_survives_a_power_cut_after_any_call() {
    (0..calls()).for_each(|call| cut_after(call, 0));
}

#[test]
fn whatever_was_told_survives_a_failed_call_and_a_power_cut_after_it() {
    (0..calls()).for_each(|call| fail_at(call, 0));
}

#[test]
#[ignore = "takes minutes: many choices of what an interrupted file system keeps, for each call"]
fn whatever_was_told_survives_in_many_ways() {
    for seed in 1..20 {
        (0..calls()).for_each(|call| cut_after(call, seed));
        (0..calls()).for_each(|call| fail_at(call, seed));
    }
}

/// Runs the scenario until the power is cut after a call.
fn cut_after(call: usize, seed: u64) {
    let place = fast_place();
    let fs = double(&place, Some(Trouble::Cut(call)));
    let store = store(&place, &fs, "boot-1");
    let mut told = Told::default();
    for step in steps() {
        let _ = step(&store, &mut told);
        if fs.calls() > call {
            break;
        }
    }
    fs.cut(&mut Rng::with_seed(seed << 32 | call as u64));
    go_on(&place, &told, &format!("cut after call {call}, seed {seed}"));
}

/// Runs the scenario with one failing call, and then cuts the power.
fn fail_at(call: usize, seed: u64) {
    let what = format!("call {call} failed, seed {seed}");
    let place = fast_place();
    let fs = double(&place, Some(Trouble::Fault(call)));
    let store = store(&place, &fs, "boot-1");
    let mut told = Told::default();
    for step in steps() {
        let before = fs.calls();
        let _ = step(&store, &mut told);
        if (before..fs.calls()).contains(&call) {
            check(&store, &told, &what);
        }
    }
    check(&store, &told, &what);
    fs.cut(&mut Rng::with_seed(seed << 32 | call as u64));
    go_on(&place, &told, &what);
}

#[test]
fn a_claim_whose_write_failed_writes_nothing_more() {
    let (mut failures, mut fault) = (0, 0);
    loop {
        let place = fast_place();
        place.submit(1);
        let fs = double(&place, Some(Trouble::Fault(fault)));
        let store = store(&place, &fs, "boot-1");
        fault += 1;
        let Ok(mut claim) = store.claim(id(1), at(1)) else { continue };
        match claim.record(started().at(at(1))) {
            Err(error) => {
                failures += 1;
                assert!(matches!(error, RecordError::File(_)), "{error}");
            }
            Ok(_) if failures > 0 => break,
            Ok(_) => continue,
        }
        let journal = fs::read(place.journal(1)).ok();
        let again = claim.record(paused().at(at(1))).map(drop);
        assert!(matches!(again, Err(RecordError::Spent(_))), "{again:?}");
        let progress = claim.progress(&jobctl_core::Progress::default(), at(1));
        assert!(matches!(progress, Err(RecordError::Spent(_))), "{progress:?}");
        assert!(matches!(claim.close(at(1)), Err(RecordError::Spent(_))));
        assert_eq!(fs::read(place.journal(1)).ok(), journal);
    }
    assert!(failures >= 5, "opening, writing, syncing, renaming and both directories can fail");
}

#[test]
fn a_mark_that_was_never_synced_is_not_trusted_with_what_follows_it() {
    let place = fast_place();
    let fs = double(&place, None);
    let store = store(&place, &fs, "boot-1");
    let mut told = Told::default();
    let done = told.submit(&store, "key", &[1]).is_ok()
        && told.hold(&store, 1, vec![started(), paused()]).is_ok();
    assert!(done);
    fs.lose_unsynced();
    assert!(told.hold(&store, 1, vec![resumed()]).is_ok());
    fs.lose_unsynced();
    fs.cut(&mut Rng::with_seed(1));
    go_on(&place, &told, "the mark was lost");
}
