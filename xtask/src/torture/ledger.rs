//! What was asked, what was acknowledged, and what may therefore be.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::stage::Told;
use crate::chore::Failed;

/// Exit codes as the command line documents them.
pub(crate) const FINE: i32 = 0;
pub(crate) const NO_SUCH: i32 = 3;
pub(crate) const NOT_ALLOWED: i32 = 4;
pub(crate) const DAMAGED: i32 = 5;
pub(crate) const STORAGE: i32 = 6;

/// What a submission asks for; enough to know its job again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Want {
    pub(crate) kind: &'static str,
    pub(crate) sources: Vec<String>,
}

/// What is asked of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Pause,
    Resume,
    Cancel,
    Remove,
}

impl Verb {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
            Self::Remove => "rm",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Acknowledged.
    Done,
    /// Refused: nothing came of it.
    Refused,
    /// The call was killed, or the disk failed: it may come about or not.
    Unsure,
}

/// One wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) verb: Verb,
    pub(crate) from: Instant,
    pub(crate) to: Instant,
    pub(crate) outcome: Outcome,
}

impl Step {
    /// A wish that is being made.
    fn begun(verb: Verb) -> Self {
        let now = Instant::now();
        Self { verb, from: now, to: now, outcome: Outcome::Unsure }
    }
}

/// A job that we know of.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) want: Want,
    pub(crate) steps: Vec<Step>,
    /// How often a worker of it was killed, the end of its journal was lost, or the disk was
    /// full: each may be one crash in its history. (A worker without room says so by its exit
    /// code, which nobody hears where its runner was killed.)
    pub(crate) blows: usize,
    /// A record in the middle of its journal was spoilt: it must be shown as damaged.
    pub(crate) broken: bool,
    /// The end of its journal was spoilt: what was acknowledged before may be undone.
    pub(crate) rattled: bool,
    /// Its end was seen to be right.
    pub(crate) proven: bool,
}

impl Known {
    /// Whether this was asked of it and not refused.
    pub(crate) fn was_asked(&self, verb: Verb) -> bool {
        self.steps.iter().any(|step| step.verb == verb && step.outcome != Outcome::Refused)
    }

    /// Whether this was acknowledged, and nothing since (or at the same time) may have undone it.
    pub(crate) fn must_be(&self, verb: Verb, undone_by: &[Verb]) -> bool {
        let done = |step: &&Step| step.verb == verb && step.outcome == Outcome::Done;
        let Some(last) = self.steps.iter().filter(done).max_by_key(|step| step.to) else {
            return false;
        };
        !self.steps.iter().any(|step| {
            undone_by.contains(&step.verb)
                && step.outcome != Outcome::Refused
                && step.to >= last.from
        })
    }

    /// The end of its journal was lost.
    pub(crate) fn rattle(&mut self) {
        self.blows += 1;
        self.rattled = true;
        self.proven = false;
        for step in &mut self.steps {
            if step.outcome == Outcome::Done {
                step.outcome = Outcome::Unsure;
            }
        }
    }
}

/// All that is known.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) jobs: BTreeMap<String, Known>,
    /// Submissions whose calls were killed before they said an id.
    pub(crate) unsure: Vec<Want>,
    /// Whether the disk was ever full.
    pub(crate) filled: bool,
    /// Whether it is now.
    pub(crate) full: bool,
}

/// The books, shared by all who ask.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    books: Mutex<Books>,
}

impl Ledger {
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a submission. Every id that was printed is a promise; a call that failed promised
    /// that there is no job, and one that was killed promised nothing.
    pub(crate) fn submitted(&self, want: Want, told: &Told) {
        let mut books = self.books();
        let mut ids = told.stdout.lines().chain(told.stderr.lines()).filter(|line| is_id(line));
        match (ids.next(), told.code) {
            (Some(id), _) => books.learn(id, want),
            (None, None) => books.unsure.push(want),
            (None, Some(_)) => {}
        }
    }

    /// Makes a wish by `call` and notes what came of it. From before the call others may see what
    /// it does.
    pub(crate) fn wish(
        &self,
        verb: Verb,
        id: &str,
        call: impl FnOnce() -> Result<Told, Failed>,
    ) -> Result<(), Failed> {
        let begun = Step::begun(verb);
        if let Some(known) = self.books().jobs.get_mut(id) {
            known.steps.push(begun.clone());
        }
        let told = call()?;
        let mut books = self.books();
        let filled = books.filled;
        let Some(known) = books.jobs.get_mut(id) else {
            return Err(told.wrong("a wish for an unknown job"));
        };
        known.steps.retain(|step| *step != begun);
        let outcome = match told.code {
            None => Outcome::Unsure,
            Some(FINE) => Outcome::Done,
            Some(NOT_ALLOWED) => Outcome::Refused,
            Some(STORAGE) if filled => Outcome::Unsure,
            Some(NO_SUCH) if known.was_asked(Verb::Remove) => Outcome::Refused,
            Some(DAMAGED) if known.broken => Outcome::Refused,
            Some(_) => return Err(told.wrong("a wish ended otherwise than it may")),
        };
        known.steps.push(Step { verb, from: told.from, to: told.to, outcome });
        Ok(())
    }

    /// Notes that the disk is full, or has room again.
    pub(crate) fn disk(&self, full: bool) {
        let mut books = self.books();
        books.full = full;
        books.filled |= full;
        if full {
            books.jobs.values_mut().for_each(|known| known.blows += 1);
        }
    }

    /// Notes that a worker of this job was killed.
    pub(crate) fn killed_worker(&self, id: &str) {
        // Its call may not have said the id yet, or never will.
        self.books().known(id).blows += 1;
    }
}

impl Books {
    fn learn(&mut self, id: &str, want: Want) {
        self.known(id).want = want;
    }

    fn known(&mut self, id: &str) -> &mut Known {
        let blows = usize::from(self.full);
        self.jobs.entry(id.to_owned()).or_insert_with(|| Known { blows, ..Known::early() })
    }

    /// Takes a job that nobody was told of for one of the submissions that were killed.
    pub(crate) fn adopt(&mut self, id: &str, want: &Want) -> bool {
        let Some(at) = self.unsure.iter().position(|unsure| unsure == want) else { return false };
        let want = self.unsure.swap_remove(at);
        self.learn(id, want);
        true
    }
}

impl Known {
    fn early() -> Self {
        Self {
            want: Want { kind: "", sources: Vec::new() },
            steps: Vec::new(),
            blows: 0,
            broken: false,
            rattled: false,
            proven: false,
        }
    }

    /// Whether only its worker was met so far: no call has said its id.
    pub(crate) fn is_early(&self) -> bool {
        self.want.kind.is_empty()
    }
}

fn is_id(line: &str) -> bool {
    line.len() == 8 && line.bytes().all(|byte| byte.is_ascii_hexdigit())
}
