//! One process after another at work on a disk in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::disk::Disk;
use super::double::{Double, Fault};
use super::told::{Answer, Submission, Told, events};
use crate::place::{at, id, spec};
use jobctl_core::{Change, Event, JobId, Progress};
use jobctl_store::{
    Adopt, Claim, ClaimError, FileStore, Fs, RecordError, Registry, RemoveError, Store, Wish,
};

/// Something that is done to a state directory. Numbers are jobs.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Makes the state directory.
    Make,
    Submit(Vec<u32>),
    /// Submits one job and claims it at once.
    SubmitHeld(u32),
    Claim(u32),
    Record(u32, Change),
    /// Records an event that answers all open requests.
    Answer(u32, Change),
    Progress(u32, u64),
    Log(u32),
    /// Lets the claim go with a mark.
    Close(u32),
    /// The holder dies.
    Die(u32),
    Ask(u32, Wish),
    Remove(u32),
    Sweep,
    Mirror,
    /// All processes die, and the directory is opened in another boot. Nothing is lost by that.
    Reboot(&'static str),
}

/// The step did not do what was asked.
#[derive(Debug)]
pub(crate) struct Refused;

pub(crate) struct World {
    pub(crate) fs: Double,
    registry: Registry,
    store: Option<FileStore>,
    claims: BTreeMap<u32, Box<dyn Claim>>,
    clock: u32,
}

impl World {
    /// Opens the state directory on a disk, if what was told says that there is one.
    pub(crate) fn new(disk: Disk, told: &Arc<Told>, fault: Option<Fault>, since: usize) -> Self {
        let fs = Double::new(disk, Arc::clone(told), fault, since);
        let registry = registry(&fs);
        let mut world = Self { fs, registry, store: None, claims: BTreeMap::new(), clock: 1 };
        if told.made {
            // A process that is stopped by the failing call is followed by another.
            let opened = world.open("boot-1").or_else(|_| world.open("boot-1"));
            assert!(opened.is_ok(), "{fault:?}: only one call fails");
        }
        world
    }

    pub(crate) fn store(&self) -> Option<&FileStore> {
        self.store.as_ref()
    }

    /// The claim on a job, and all claims' numbers.
    pub(crate) fn claim(&self, number: u32) -> Option<&dyn Claim> {
        self.claims.get(&number).map(AsRef::as_ref)
    }

    pub(crate) fn run(&mut self, step: &Step) -> Result<(), Refused> {
        self.clock += 1;
        match step {
            Step::Make => self.make(),
            Step::Submit(numbers) => self.submit(numbers),
            Step::SubmitHeld(number) => self.submit_held(*number),
            Step::Claim(number) => {
                let claim = self.opened()?.claim(id(*number), at(self.clock));
                self.claims.insert(*number, claim.map_err(|_| Refused)?);
                Ok(())
            }
            Step::Record(number, change) => self.record(*number, change.clone().at(at(self.clock))),
            Step::Answer(number, change) => {
                let requests = self.held(*number)?.requests().map_err(|_| Refused)?;
                let mut event = change.clone().at(at(self.clock));
                event.answers = requests.into_iter().map(|request| request.id.0).collect();
                self.record(*number, event)
            }
            Step::Progress(number, current) => self.progress(*number, *current),
            Step::Log(number) => {
                let now = at(self.clock);
                self.held(*number)?.log(now, "a line");
                Ok(())
            }
            Step::Close(number) => {
                let claim = self.claims.remove(number).ok_or(Refused)?;
                claim.close(at(self.clock)).map_err(|_| Refused)
            }
            Step::Die(number) => self.claims.remove(number).map(drop).ok_or(Refused),
            Step::Ask(number, wish) => {
                let request = self.opened()?.ask(id(*number), *wish, at(self.clock));
                let request = request.map_err(|_| Refused)?.0;
                self.fs.tell(|told| told.asked.entry(id(*number)).or_default().push(request));
                Ok(())
            }
            Step::Remove(number) => self.remove(id(*number)),
            Step::Sweep => self.opened()?.sweep(at(self.clock)).map_err(|_| Refused),
            Step::Mirror => self.opened()?.mirror(at(self.clock)).map(drop).map_err(|_| Refused),
            Step::Reboot(boot) => {
                self.claims.clear();
                self.open(boot)
            }
        }
    }

    fn opened(&self) -> Result<&FileStore, Refused> {
        self.store.as_ref().ok_or(Refused)
    }

    fn held(&mut self, number: u32) -> Result<&mut Box<dyn Claim>, Refused> {
        self.claims.get_mut(&number).ok_or(Refused)
    }

    fn open(&mut self, boot: &str) -> Result<(), Refused> {
        let fs = Arc::new(self.fs.clone());
        let store = FileStore::open(Path::new("/state"), &self.registry, fs, boot);
        self.store = Some(store.map_err(|_| Refused)?);
        Ok(())
    }

    fn make(&mut self) -> Result<(), Refused> {
        self.store = Some(make(&self.fs, &self.registry, "boot-1").ok_or(Refused)?);
        self.fs.tell(|told| told.made = true);
        Ok(())
    }

    fn submit(&mut self, numbers: &[u32]) -> Result<(), Refused> {
        let key = format!("key-{}", numbers[0]);
        let jobs: Vec<_> = numbers.iter().map(|number| (id(*number), spec())).collect();
        let ids = jobs.iter().map(|job| job.0).collect();
        let place = self.fs.tell(|told| told.try_submission(ids));
        let submitted = self.opened()?.submit(&key, &jobs, at(1));
        let answer = if submitted.is_ok() { Answer::Yes } else { Answer::No };
        self.fs.tell(|told| told.submissions[place].answer = answer);
        submitted.map_err(|error| {
            let storage = matches!(&error, jobctl_store::SubmitError::File(file)
                if file.is_storage());
            assert!(storage, "{error:?}");
            Refused
        })
    }

    fn submit_held(&mut self, number: u32) -> Result<(), Refused> {
        let place = self.fs.tell(|told| told.try_submission(vec![id(number)]));
        let claim = self.opened()?.submit_held(id(number), spec(), at(1));
        // What fails may be the claim, after the job came to be.
        let answer = if claim.is_ok() { Answer::Yes } else { Answer::None };
        self.fs.tell(|told| told.submissions[place].answer = answer);
        self.claims.insert(number, claim.map_err(|_| Refused)?);
        Ok(())
    }

    fn record(&mut self, number: u32, event: Event) -> Result<(), Refused> {
        let job = id(number);
        let there = events(&self.fs, job).len();
        let claim = self.claims.get_mut(&number).ok_or(Refused)?;
        if claim.job().clone().apply(event.clone()).is_err() {
            return Err(Refused);
        }
        let count = self.fs.tell(|told| told.try_event(job, there, event.clone()));
        match claim.record(event) {
            Ok(_) => {
                self.fs.tell(|told| told.confirmed.insert(job, count));
                Ok(())
            }
            Err(RecordError::File(_) | RecordError::Spent(_)) => {
                self.claims.remove(&number);
                Err(Refused)
            }
            Err(error @ (RecordError::Rejected(_) | RecordError::TooLong { .. })) => {
                panic!("{job}: {error}")
            }
        }
    }

    fn progress(&mut self, number: u32, current: u64) -> Result<(), Refused> {
        let now = at(self.clock);
        self.fs.tell(|told| told.shown.entry(id(number)).or_default().insert(current));
        let progress = Progress { current, total: Some(100), ..Progress::default() };
        self.held(number)?.progress(&progress, now).map(drop).map_err(|_| Refused)
    }

    fn remove(&mut self, job: JobId) -> Result<(), Refused> {
        let new = self.fs.tell(|told| told.removing.insert(job));
        match self.opened()?.remove(job, at(self.clock)) {
            Ok(()) => {
                self.fs.tell(|told| told.removed.insert(job));
                Ok(())
            }
            Err(
                RemoveError::NotEnded(_)
                | RemoveError::Shared(_)
                | RemoveError::Claim(
                    ClaimError::Held(_)
                    | ClaimError::NoSuchJob(_)
                    | ClaimError::Damaged { .. }
                    | ClaimError::Foreign { .. }
                    | ClaimError::File { .. },
                ),
            ) if new => {
                self.fs.tell(|told| told.removing.remove(&job));
                Err(Refused)
            }
            Err(_) => Err(Refused),
        }
    }
}

impl Told {
    fn try_submission(&mut self, jobs: Vec<JobId>) -> usize {
        self.submissions.push(Submission { jobs, answer: Answer::None });
        self.submissions.len() - 1
    }

    /// Notes an event that is tried after so many; returns how many it makes.
    fn try_event(&mut self, job: JobId, there: usize, event: Event) -> usize {
        assert!(there >= self.confirmed.get(&job).copied().unwrap_or(0), "{job} lost an event");
        let tried = self.tried.entry(job).or_default();
        // After a failure it is open whether the last one counts; the journal says.
        tried.truncate(there);
        tried.push(event);
        tried.len()
    }
}

pub(crate) fn registry(fs: &Double) -> Registry {
    Registry::on("/registry", Arc::new(fs.clone()) as Arc<dyn Fs>)
}

pub(crate) fn make(fs: &Double, registry: &Registry, boot: &str) -> Option<FileStore> {
    let fs = Arc::new(fs.clone());
    FileStore::create(Path::new("/state"), registry, fs, boot, Adopt::Fresh).ok()
}
