//! What a person should know of a state directory: damage, and what lies around. Looking changes
//! nothing; each finding says what a repair would do.

mod job;
mod place;
mod repair;

use std::path::PathBuf;

use jobctl_core::{JobId, Time};

use crate::{FileError, FileStore, Standing, submission};

use repair::Action;
pub use repair::RepairError;

/// All that was found, and in how many jobs.
#[derive(Debug)]
pub struct Checkup {
    /// What was found, the gravest first.
    pub findings: Vec<Finding>,
    /// How many jobs were looked at.
    pub jobs: usize,
}

/// Something in a state directory that a person should know of.
#[derive(Debug)]
pub struct Finding {
    /// What sort of thing.
    pub kind: FindingKind,
    /// Which job it is about, if it is about one.
    pub id: Option<JobId>,
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong, and what that means, in sentences for people.
    pub message: String,
    /// What can be done about it here.
    pub repair: Option<Repair>,
}

/// What [`FileStore::repair`] can do about a finding.
#[derive(Debug, Clone)]
pub struct Repair {
    words: String,
    action: Action,
}

impl Repair {
    /// What it would do, for people.
    pub fn words(&self) -> &str {
        &self.words
    }
}

/// What sort of thing was found, the gravest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// The state directory is not the user's own.
    Foreign,
    /// Something else has the name of a file or directory of ours, or it cannot be read.
    Misplaced,
    /// A submission file has lines that cannot be read.
    Submission,
    /// A journal has records that cannot be read, or that cannot stand where they do.
    Journal,
    /// A job had a journal and has none.
    LostJournal,
    /// A request cannot be read.
    Request,
    /// A newer version wrote it.
    Newer,
    /// The lists of active and ended jobs say other than the journals.
    Index,
    /// Others may read or change what only the user should.
    Open,
    /// The directory is on a network file system.
    Network,
    /// A job is running and nobody works on it.
    NoWorker,
    /// A request that nobody has answered yet.
    Unanswered,
    /// `background-jobs.json` is no list.
    Mirror,
    /// A lock, temporary file or removed job that a dead process left.
    Leftover,
    /// An append that a crash stopped.
    Torn,
    /// Files that were kept aside so that nothing is lost.
    Aside,
    /// Something among the jobs that is none.
    Stray,
}

impl FindingKind {
    /// The name that JSON uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Misplaced => "misplaced",
            Self::Submission => "submission",
            Self::Journal => "journal",
            Self::LostJournal => "lost_journal",
            Self::Request => "request",
            Self::Newer => "newer",
            Self::Index => "index",
            Self::Open => "open",
            Self::Network => "network",
            Self::NoWorker => "no_worker",
            Self::Unanswered => "unanswered",
            Self::Mirror => "mirror",
            Self::Leftover => "leftover",
            Self::Torn => "torn",
            Self::Aside => "aside",
            Self::Stray => "stray",
        }
    }

    /// Whether something was lost, or may be, unless somebody does something.
    pub const fn is_damage(self) -> bool {
        match self {
            Self::Misplaced
            | Self::Submission
            | Self::Journal
            | Self::LostJournal
            | Self::Request => true,
            Self::Foreign
            | Self::Newer
            | Self::Index
            | Self::Open
            | Self::Network
            | Self::NoWorker
            | Self::Unanswered
            | Self::Mirror
            | Self::Leftover
            | Self::Torn
            | Self::Aside
            | Self::Stray => false,
        }
    }
}

impl Finding {
    fn new(kind: FindingKind, path: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self { kind, id: None, path: path.into(), message: message.into(), repair: None }
    }

    fn of_job(self, id: JobId) -> Self {
        Self { id: Some(id), ..self }
    }

    fn repaired_by(self, action: Action, words: impl Into<String>) -> Self {
        Self { repair: Some(Repair { words: words.into(), action }), ..self }
    }
}

impl FileStore {
    /// Looks at everything. Changes nothing, whosever directory it is.
    ///
    /// Fails only where the disk does: what cannot be read otherwise is a finding.
    pub fn examine(&self, now: Time) -> Result<Checkup, FileError> {
        let mut findings = place::standing(self);
        findings.extend(place::names(&self.tree)?);
        let submissions = submission::all(&self.tree)?;
        findings.extend(place::submissions(&self.tree, &submissions)?);
        let jobs = job::examine(&self.tree, &submissions, &mut findings)?;
        findings.extend(place::index(&self.tree, &jobs)?);
        findings.extend(place::leftovers(&self.tree, now)?);
        findings.extend(place::strays(self)?);
        if self.standing != Standing::Ours {
            for finding in &mut findings {
                finding.repair = None;
            }
        }
        findings.sort_by(|a, b| (a.kind, &a.path).cmp(&(b.kind, &b.path)));
        let waiting = submissions.jobs.iter().filter(|job| !jobs.contains_key(&job.id)).count();
        Ok(Checkup { findings, jobs: jobs.len() + waiting })
    }
}
