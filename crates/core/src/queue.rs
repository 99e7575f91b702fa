mod room;
mod wait;

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};

use room::Room;
use wait::{Readiness, readiness};

pub use room::Usage;
pub use wait::{Wait, waits};

use crate::{Condition, Dependency, Job, JobId, Kind, OnDependencyFailure, Status, Time};

/// What the queue knows of a job: little, for ten thousand of them are held at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub id: JobId,
    /// What sort of work.
    pub kind: Kind,
    /// Where it stands.
    pub status: Status,
    /// Whether it is without warnings.
    pub clean: bool,
    /// Whether a worker holds its claim, or is about to: it takes a slot.
    pub busy: bool,
    /// Whether its dependencies count no more.
    pub waived: bool,
    /// What happens when one of them ends otherwise than asked.
    pub on_dependency_failure: OnDependencyFailure,
    /// Higher starts first.
    pub priority: i32,
    /// Its place in its submission: a batch starts in the order of its lines.
    pub position: u32,
    /// Earlier starts first within one priority.
    pub submitted_at: Time,
    /// Not to be started earlier.
    pub not_before: Option<Time>,
    /// Jobs that must end first.
    pub after: Box<[Dependency]>,
    /// How many units of each named resource it takes while it runs.
    pub resources: Box<[(Box<str>, u32)]>,
}

/// How a job ended, as far as those that depend on it care.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Completed without warnings.
    Clean,
    /// Completed with warnings.
    Warned,
    /// Failed.
    Failed,
    /// Cancelled.
    Cancelled,
}

/// What may run at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Jobs of all kinds together.
    pub max_parallel: usize,
    /// Jobs of one kind; a kind that is not named has no limit of its own.
    pub kinds: BTreeMap<Kind, usize>,
    /// Units of each named resource; there is one of a resource that is not named here.
    pub resources: BTreeMap<String, u32>,
    /// Whether nothing is started any more. What runs goes on.
    pub drain: bool,
}

/// What the queue says should happen now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// Jobs to start, in this order.
    pub start: Vec<JobId>,
    /// Pending jobs that can never start.
    pub blocked: Vec<Blocked>,
    /// The next time at which a job that only waits for its time may start.
    pub wake_at: Option<Time>,
}

/// A job whose dependency can no longer be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// The job.
    pub id: JobId,
    /// What it waits for in vain.
    pub on: Dependency,
    /// What its submitter wants in this case.
    pub then: OnDependencyFailure,
}

/// Says what starts, and what never can.
///
/// Jobs start by priority, then first come first served. Over a limit a job waits. One that waits
/// for its kind or for a resource lets later ones pass, but none that takes what it is short of.
/// What starts is said at once: with these jobs running, nothing more starts before anything ends
/// or changes.
///
/// `past` knows how jobs ended that are not among `jobs`. A job that is in neither is gone, and
/// meets no dependency.
pub fn decide(
    jobs: &BTreeMap<JobId, Candidate>,
    past: &BTreeMap<JobId, Outcome>,
    limits: &Limits,
    now: Time,
) -> Decision {
    let mut decision = Decision::default();
    let mut room = Room::new(limits);
    let mut turns = Vec::new();
    for job in jobs.values() {
        if job.busy {
            room.take(job);
        } else if job.status == Status::Pending {
            match readiness(job, jobs, past, now) {
                Readiness::Ready => turns.push(Turn(job)),
                Readiness::At(time) => {
                    let earliest = decision.wake_at.map_or(time, |earlier| earlier.min(time));
                    decision.wake_at = Some(earliest);
                }
                Readiness::After(..) => {}
                Readiness::Never(on, _) => {
                    let then = job.on_dependency_failure;
                    decision.blocked.push(Blocked { id: job.id, on, then });
                }
            }
        }
    }
    // Few of many start: a heap gives those without putting all the others in order.
    let mut turns = BinaryHeap::from(turns);
    while room.is_open()
        && let Some(Turn(job)) = turns.pop()
    {
        if room.admit(job).is_ok() {
            decision.start.push(job.id);
        }
    }
    decision
}

/// A job by when its turn is: the greater, the sooner.
struct Turn<'a>(&'a Candidate);

impl Turn<'_> {
    fn key(&self) -> (i32, Reverse<(Time, u32, JobId)>) {
        let Self(job) = self;
        (job.priority, Reverse((job.submitted_at, job.position, job.id)))
    }
}

impl Ord for Turn<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Turn<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Turn<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Turn<'_> {}

impl Candidate {
    /// What the queue needs to know of a job, at this place in its submission.
    pub fn of(job: &Job, position: u32, busy: bool) -> Self {
        let spec = &job.spec;
        let resources = spec.resources.iter().filter(|(_, units)| **units > 0);
        Self {
            id: job.id,
            kind: spec.kind,
            status: job.status(),
            clean: job.warnings() == 0,
            busy,
            waived: job.waived,
            on_dependency_failure: spec.on_dependency_failure,
            priority: spec.priority,
            position,
            submitted_at: job.submitted_at,
            not_before: spec.not_before,
            after: spec.after.as_slice().into(),
            resources: resources.map(|(name, units)| (name.as_str().into(), *units)).collect(),
        }
    }

    /// Stands for a job of which nothing can be read: it does not start, and who depends on it
    /// waits.
    pub fn unreadable(id: JobId) -> Self {
        Self {
            id,
            kind: Kind::RunCommand,
            status: Status::Paused,
            clean: false,
            busy: false,
            waived: false,
            on_dependency_failure: OnDependencyFailure::Hold,
            priority: 0,
            position: 0,
            submitted_at: Time::UNIX_EPOCH,
            not_before: None,
            after: Box::default(),
            resources: Box::default(),
        }
    }
}

impl Outcome {
    /// How a job ended, if it has.
    pub const fn of(status: Status, clean: bool) -> Option<Self> {
        match status {
            Status::Completed if clean => Some(Self::Clean),
            Status::Completed => Some(Self::Warned),
            Status::Failed => Some(Self::Failed),
            Status::Cancelled => Some(Self::Cancelled),
            Status::Pending | Status::Running | Status::Paused => None,
        }
    }

    /// The status of a job that ended so.
    pub const fn status(self) -> Status {
        match self {
            Self::Clean | Self::Warned => Status::Completed,
            Self::Failed => Status::Failed,
            Self::Cancelled => Status::Cancelled,
        }
    }

    /// Whether this end is what a dependency asks for.
    pub const fn meets(self, condition: Condition) -> bool {
        match (condition, self) {
            (Condition::Success, Self::Clean | Self::Warned)
            | (Condition::Clean, Self::Clean)
            | (Condition::Failure, Self::Failed)
            | (Condition::Ended, Self::Clean | Self::Warned | Self::Failed | Self::Cancelled) => {
                true
            }
            (Condition::Success, Self::Failed | Self::Cancelled)
            | (Condition::Clean, Self::Warned | Self::Failed | Self::Cancelled)
            | (Condition::Failure, Self::Clean | Self::Warned | Self::Cancelled) => false,
        }
    }
}

impl Limits {
    /// No limit but the number of jobs.
    pub const fn parallel(max_parallel: usize) -> Self {
        Self { max_parallel, kinds: BTreeMap::new(), resources: BTreeMap::new(), drain: false }
    }

    /// How many units of a resource there are.
    pub fn capacity(&self, resource: &str) -> u32 {
        self.resources.get(resource).copied().unwrap_or(1)
    }

    /// A job that wants more than there is takes all of it.
    fn share(&self, resource: &str, wanted: u32) -> u32 {
        wanted.min(self.capacity(resource))
    }
}
