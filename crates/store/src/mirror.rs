//! `background-jobs.json`: the list for people, `jq` and `SpecWeave`, which writes to it too.

mod entry;
mod guard;

use std::collections::{BTreeMap, HashMap};

use jiff::SignedDuration;
use jobctl_core::{JobId, Reason, State, Status, Time};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::ended::Ended;
use crate::mirror::entry::{Entry, moment};
use crate::mirror::guard::{Guard, STALE};
use crate::tree::{Keep, Told};
use crate::{AskError, FileError, FileStore, LookError, Overview, Sighting, Store, Wish, look};

/// Not written more often than this.
const PACE: SignedDuration = SignedDuration::from_secs(1);
/// How many ended jobs are listed, and how many jobs in all.
const ENDED: usize = 100;
const MOST: usize = 1000;
/// How often it is tried to write what nobody else wrote meanwhile.
const TRIES: usize = 3;
/// Its name.
const NAME: &str = "background-jobs.json";

/// The file: what others wrote is kept byte for byte.
#[derive(Default, Serialize)]
struct List {
    jobs: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jobctl: Option<Written>,
    #[serde(flatten)]
    others: BTreeMap<String, Box<RawValue>>,
}

/// When we wrote to it: the file's own time is that of whoever wrote last.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    written_at: Time,
}

impl List {
    /// The list that these bytes hold; `None` if they are none.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut others: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(bytes).ok()?;
        let jobs = match others.remove("jobs") {
            Some(jobs) => serde_json::from_str(jobs.get()).ok()?,
            None => Vec::new(),
        };
        let written = others.remove("jobctl");
        let jobctl = written.and_then(|written| serde_json::from_str(written.get()).ok());
        Some(Self { jobs, jobctl, others })
    }

    /// Whether we wrote to it so lately, and nobody has changed our entries since.
    fn is_fresh(&self, now: Time) -> bool {
        let recent = |at| (SignedDuration::ZERO..PACE).contains(&now.duration_since(at));
        self.jobctl.as_ref().is_some_and(|written| recent(written.written_at)) && !self.is_touched()
    }

    /// Whether another program changed one of our entries since it was written.
    fn is_touched(&self) -> bool {
        self.ours().any(|(entry, _)| entry.is_changed())
    }

    fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("our own shapes have string keys only")
    }

    /// Our entries with their text.
    fn ours(&self) -> impl Iterator<Item = (Entry, &RawValue)> {
        self.jobs.iter().filter_map(|raw| Some((Entry::ours(raw)?, raw.as_ref())))
    }
}

/// What came of an attempt to bring the list up to date.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirrored {
    /// What other programs asked for by changing our entries: each wish is a request now, which
    /// survives a power cut, and somebody should see to its answer.
    pub asked: Vec<(JobId, Wish)>,
    /// It was too soon, or another program was at it: the list may not show all yet.
    pub is_put_off: bool,
}

impl FileStore {
    /// Brings `background-jobs.json` up to date, unless that was done within the last second or
    /// another program is at it. A change that another program made to our entries is dealt with
    /// at once.
    pub fn mirror(&self, now: Time) -> Result<Mirrored, FileError> {
        if self.own().is_err() {
            return Ok(Mirrored { asked: Vec::new(), is_put_off: false });
        }
        let put_off = Mirrored { asked: Vec::new(), is_put_off: true };
        if self.list_now()?.is_some_and(|list| list.is_fresh(now)) {
            return Ok(put_off);
        }
        let Some(guard) = Guard::take(&self.tree, now)? else { return Ok(put_off) };
        let mirrored = self.rewrite(now);
        guard.release()?;
        mirrored
    }

    /// Whether another program changed one of our entries since it was written.
    pub fn is_mirror_touched(&self) -> Result<bool, FileError> {
        Ok(self.list_now()?.is_some_and(|list| list.is_touched()))
    }

    /// The list, read without its lock; `None` where there is none, or it is being written.
    fn list_now(&self) -> Result<Option<List>, FileError> {
        Ok(self.tree.read(&self.tree.at(NAME))?.and_then(|bytes| List::parse(&bytes)))
    }

    /// The change itself, under the lock.
    fn rewrite(&self, now: Time) -> Result<Mirrored, FileError> {
        let path = self.tree.at(NAME);
        let mut mirrored = Mirrored { asked: Vec::new(), is_put_off: true };
        for _ in 0..TRIES {
            let before = self.tree.metadata(&path)?;
            let old = self.tree.read(&path)?.unwrap_or_default();
            let Some(list) = self.parsed(&old, now)? else { break };
            let jobs = Overview::of_first(&self.tree, &self.standing, MOST, ENDED)?;
            self.put_requests(&list, &jobs, &mut mirrored.asked, now)?;
            let mut list = self.renewed(list, &jobs)?;
            // The other program takes its lock by force after five seconds, and by mistake now and
            // then: what it wrote meanwhile must not be lost.
            if self.tree.metadata(&path)? == before {
                if list.bytes() != old {
                    list.jobctl = Some(Written { written_at: now });
                    self.tree.replace(&path, &list.bytes(), Keep::Derived)?;
                }
                mirrored.is_put_off = false;
                break;
            }
        }
        Ok(mirrored)
    }

    /// The list in these bytes. What is no list is left to whoever may be writing it now; once it
    /// is old it is kept aside, and a new list begun.
    fn parsed(&self, bytes: &[u8], now: Time) -> Result<Option<List>, FileError> {
        if let Some(list) = List::parse(bytes) {
            return Ok(Some(list));
        }
        let path = self.tree.at(NAME);
        let young = |at| (SignedDuration::ZERO..STALE).contains(&now.duration_since(at));
        if self.tree.metadata(&path)?.is_some_and(|meta| young(meta.modified)) {
            return Ok(None);
        }
        if !bytes.is_empty() {
            let aside = self.tree.at(&format!("{NAME}.torn-{}", now.as_microsecond()));
            self.tree.fs.rename(&path, &aside).told("keep aside", &path)?;
        }
        Ok(Some(List::default()))
    }

    /// Puts a request for each change of status that another program made to one of our entries.
    fn put_requests(
        &self,
        list: &List,
        jobs: &Overview,
        asked: &mut Vec<(JobId, Wish)>,
        now: Time,
    ) -> Result<(), FileError> {
        let changed = list.ours().filter_map(|(entry, _)| Some((entry.id()?, entry.wish()?)));
        for (id, wish) in changed.filter(|(id, wish)| is_news(jobs, *id, *wish)) {
            if asked.contains(&(id, wish)) {
                continue;
            }
            match self.ask(id, wish, now) {
                Ok(_) => asked.push((id, wish)),
                // It ended and was removed since it was listed, or the directory is foreign now.
                Err(AskError::NoSuchJob(_) | AskError::Foreign { .. }) => {}
                Err(AskError::File(error)) => return Err(error),
            }
        }
        Ok(())
    }

    /// The list with our entries made anew, the others as they are.
    fn renewed(&self, mut list: List, jobs: &Overview) -> Result<List, FileError> {
        let mut entries: Vec<Box<RawValue>> = Vec::new();
        let known: HashMap<JobId, (Entry, &RawValue)> =
            list.ours().filter_map(|(entry, raw)| Some((entry.id()?, (entry, raw)))).collect();
        let open = jobs.open.iter().map(Listed::Open);
        for job in open.chain(jobs.ended.iter().map(Listed::Ended)).take(MOST) {
            match job {
                Listed::Open(seen) => entries.extend(entry::of(&self.tree, seen)?),
                Listed::Ended(ended) => match known.get(&ended.id) {
                    // How a job ended does not change: its journal need not be read again.
                    Some((entry, raw)) if entry.is_of(&moment(ended.ended_at)) => {
                        entries.push((*raw).to_owned());
                    }
                    Some(_) | None => match look::sighting(&self.tree, ended.id) {
                        Ok(seen) => entries.extend(entry::of(&self.tree, &seen)?),
                        Err(LookError::NoSuchJob(_) | LookError::Removed { .. }) => {}
                        Err(LookError::File(error)) => return Err(error),
                    },
                },
            }
        }
        list.jobs.retain(|raw| Entry::ours(raw).is_none());
        list.jobs.splice(0..0, entries);
        Ok(list)
    }
}

/// A job as the list gets it.
enum Listed<'a> {
    /// Not ended.
    Open(&'a Sighting),
    /// Ended.
    Ended(&'a Ended),
}

/// Whether a wish asks for something that is not so, not asked already, and can be had.
fn is_news(jobs: &Overview, id: JobId, wish: Wish) -> bool {
    if let Some(ended) = jobs.ended.iter().find(|ended| ended.id == id) {
        let resumable = ended.status == Status::Failed
            || (ended.status == Status::Completed && ended.warnings > 0);
        return wish == Wish::Resume && resumable;
    }
    let Some(seen) = jobs.open.iter().find(|seen| seen.id == id) else { return false };
    if seen.requests.iter().any(|request| request.wish == wish) {
        return false;
    }
    let state = seen.job.as_ref().map(|job| &job.state);
    match (state, wish) {
        (Some(State::Paused { reason: Reason::User, .. }), Wish::Pause) => false,
        (Some(State::Pending | State::Running | State::Paused { .. }), Wish::Pause)
        | (Some(State::Paused { .. }), Wish::Resume) => true,
        (
            Some(State::Completed { .. } | State::Failed { .. } | State::Cancelled { .. }) | None,
            Wish::Pause,
        )
        | (_, Wish::Resume | Wish::Cancel) => false,
    }
}
