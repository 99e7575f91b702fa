//! A state directory as a [`Store`].

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jobctl_core::{Job, JobId, Spec, Time};

use crate::claim::{FileClaim, First, Found};
use crate::ended::{self, Ended};
use crate::fs::{Fs, Sort};
use crate::index::{self, Index};
use crate::journal::Journal;
use crate::lock::{Lock, Probe, probe};
use crate::log::LogWriter;
use crate::programs::leftover;
use crate::replay::{Rest, replay};
use crate::tree::{Keep, Told, Tree};
use crate::{
    AskError, Claim, ClaimError, FileError, Foreign, HoldError, Holder, LookError, OpenError,
    Overview, Registry, RemoveError, RequestId, Sighting, Standing, Store, SubmitError, Which,
    Wish, look, request, same, standing, submission,
};

/// Jobs in a state directory.
#[derive(Clone)]
pub struct FileStore {
    pub(crate) tree: Tree,
    pub(crate) id: Option<String>,
    pub(crate) standing: Standing,
    pub(crate) boot: String,
}

/// The right to be the one runner of a state directory. Ends when dropped.
#[derive(Debug)]
pub struct RunnerLock {
    lock: Lock,
}

impl RunnerLock {
    /// Whether it still is the lock of its state directory, which may have been removed.
    pub fn is_at_its_path(&self) -> bool {
        self.lock.is_at_its_path()
    }
}

impl FileStore {
    /// Opens a state directory that is there. Changes nothing in one that is not the user's own.
    ///
    /// `boot` is the id of the running boot ([`crate::boot::current`]): in a new boot the index is
    /// made anew first, since it is never synced.
    pub fn open(
        path: &Path,
        registry: &Registry,
        fs: Arc<dyn Fs>,
        boot: &str,
    ) -> Result<Self, OpenError> {
        let store = Self::peek(path, registry, fs, boot)?;
        if store.standing == Standing::Ours {
            // An index that cannot be written is not needed: lists then read the journals.
            let _ = store.refresh_index();
        }
        Ok(store)
    }

    /// The same, and changes nothing in any directory.
    pub fn peek(
        path: &Path,
        registry: &Registry,
        fs: Arc<dyn Fs>,
        boot: &str,
    ) -> Result<Self, OpenError> {
        let root = match fs.canonical(path) {
            Ok(root) => root,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(OpenError::Missing(path.to_owned()));
            }
            Err(error) => return Err(error).told("find", path)?,
        };
        let tree = Tree { root, fs };
        if !tree.is_dir(&tree.root)? {
            return Err(OpenError::NotADirectory(tree.root));
        }
        let (id, standing) = standing::of(&tree, registry)?;
        Ok(Self { tree, id, standing, boot: boot.to_owned() })
    }

    /// The directory, canonical.
    pub fn root(&self) -> &Path {
        &self.tree.root
    }

    /// Its random id, if it has one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether it is the user's own.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The network file system that the directory is on, to be warned about: locks and syncs
    /// promise less there.
    pub fn network(&self) -> Result<Option<&'static str>, FileError> {
        crate::network::of(&self.tree.root).told("look at", &self.tree.root)
    }

    /// What is known of an ended job, a removed one too.
    pub fn ended(&self, id: JobId) -> Result<Option<Ended>, FileError> {
        ended::find(&self.tree, id)
    }

    /// Appends to a job's log without a claim. What is written for a job that is gone is lost.
    pub fn log_writer(&self, id: JobId) -> LogWriter {
        LogWriter::new(self.tree.log(id), Arc::clone(&self.tree.fs))
    }

    /// The job that has this identity and has not ended, if there is one.
    pub fn same(&self, identity: &str) -> Result<Option<Sighting>, FileError> {
        same::find(&self.tree, identity)
    }

    /// An id that no job here has. One that only a removed job had may come again: of four
    /// thousand millions the chance is small, and then the living job counts.
    pub fn new_id(&self) -> Result<JobId, FileError> {
        Ok(submission::new_ids(&self.tree, 1)?.first())
    }

    /// So many of them, for one submission.
    pub fn new_ids(&self, count: usize) -> Result<Vec<JobId>, FileError> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        Ok(submission::new_ids(&self.tree, count)?.ids().collect())
    }

    /// What lists show: ended jobs in short, so that thousands of them cost no more than a glance
    /// at each.
    pub fn overview(&self, which: Which) -> Result<Overview, FileError> {
        let submitted = submission::all(&self.tree)?;
        Overview::of(&self.tree, &submitted, &self.index()?, which)
    }

    /// All about jobs of an overview, ended ones too; one that was removed meanwhile is left out.
    pub fn whole(&self, overview: Overview) -> Vec<Sighting> {
        overview.whole(&self.tree)
    }

    /// What lies among the jobs and is none: names in `jobs/` that are not job directories.
    pub fn strays(&self) -> Result<Vec<PathBuf>, FileError> {
        let jobs = self.tree.jobs();
        let mut strays = Vec::new();
        for name in self.tree.names(&jobs)? {
            let path = jobs.join(&name);
            let is_job = name.parse::<JobId>().is_ok() && self.tree.is_dir(&path)?;
            if !is_job && !name.starts_with('.') {
                strays.push(path);
            }
        }
        Ok(strays)
    }

    /// Submits one job and holds it from before it exists, so that no runner takes it first.
    pub fn submit_held(
        &self,
        id: JobId,
        spec: Spec,
        now: Time,
    ) -> Result<Box<dyn Claim>, ClaimError> {
        self.own().map_err(|(path, why)| ClaimError::Foreign { path, why })?;
        let failed = |source| ClaimError::File { id, source };
        let lock = self.lock_new(id).map_err(failed)?.ok_or(ClaimError::Held(id))?;
        submission::submit(&self.tree, &id.to_string(), &[(id, spec)], now).map_err(failed)?;
        Ok(Box::new(self.claimed(id, lock, now)?))
    }

    /// Becomes the runner; `None` while another process is.
    pub fn run_lock(&self) -> Result<Option<RunnerLock>, FileError> {
        let path = self.tree.at("runner.lock");
        if let Err((_, why)) = self.own() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why.to_string()))
                .told("lock", &path);
        }
        let Some(lock) = Lock::take(self.tree.fs.as_ref(), &path).told("lock", &path)? else {
            return Ok(None);
        };
        let holder = Holder::me(&self.boot);
        // The lock says that there is a runner; this only says which. A full disk must not keep
        // away who tells of it, and who sees when there is room again.
        let _ = lock.sign(&holder);
        let pid = format!("{}\n", holder.pid);
        let _ = self.tree.replace(&self.tree.at("runner.pid"), pid.as_bytes(), Keep::Derived);
        Ok(Some(RunnerLock { lock }))
    }

    /// Whether a runner is alive: the outer option; and who, where it has signed already.
    pub fn runner_alive(&self) -> Result<Option<Option<Holder>>, FileError> {
        let path = self.tree.at("runner.lock");
        match probe(self.tree.fs.as_ref(), &path).told("look at", &path)? {
            Probe::Held(holder) => Ok(Some(holder)),
            Probe::Free => Ok(None),
        }
    }

    /// Fails with path and reason where nothing may be written.
    pub(crate) fn own(&self) -> Result<(), (PathBuf, Foreign)> {
        match &self.standing {
            Standing::Ours => Ok(()),
            Standing::Foreign { why } => Err((self.tree.root.clone(), why.clone())),
        }
    }

    fn refresh_index(&self) -> Result<(), FileError> {
        if index::is_fresh(&self.tree, &self.boot)? {
            return Ok(());
        }
        index::rebuild(&self.tree, &self.boot)
    }

    pub(crate) fn index(&self) -> Result<Index, FileError> {
        Index::of(&self.tree, &self.standing)
    }

    /// [`Store::list`] with the one error it can have.
    pub(crate) fn seen(&self, which: Which) -> Result<Vec<Sighting>, FileError> {
        Ok(self.overview(which)?.whole(&self.tree))
    }

    /// Locks a job that is there, or is submitted; makes its directory.
    pub(crate) fn lock_job(&self, id: JobId) -> Result<Lock, ClaimError> {
        let failed = |source| failed(id, source);
        let path = self.tree.claim_lock(id);
        loop {
            match self.tree.metadata(&self.tree.job(id)).map_err(failed)? {
                Some(meta) if meta.sort == Sort::Dir => {}
                Some(_) => {
                    let what = format!("{} is not a directory", self.tree.job(id).display());
                    return Err(ClaimError::Damaged { id, what });
                }
                None => {
                    if submission::find(&self.tree, id).map_err(failed)?.is_none() {
                        return Err(self.not_submitted(id));
                    }
                    self.make_dir(id).map_err(failed)?;
                }
            }
            match Lock::take(self.tree.fs.as_ref(), &path) {
                Ok(Some(lock)) => return self.signed(lock, &path).map_err(failed),
                Ok(None) => return Err(ClaimError::Held(id)),
                // Removed since it was looked at: look again.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).told("lock", &path).map_err(failed),
            }
        }
    }

    /// Locks a job that does not exist yet.
    fn lock_new(&self, id: JobId) -> Result<Option<Lock>, FileError> {
        self.make_dir(id)?;
        let path = self.tree.claim_lock(id);
        let lock = Lock::take(self.tree.fs.as_ref(), &path).told("lock", &path)?;
        lock.map(|lock| self.signed(lock, &path)).transpose()
    }

    fn make_dir(&self, id: JobId) -> Result<(), FileError> {
        index::activate(&self.tree, id)?;
        self.tree.ensure_dir(&self.tree.job(id)).map(drop)
    }

    fn signed(&self, lock: Lock, path: &Path) -> Result<Lock, FileError> {
        lock.sign(&Holder::me(&self.boot)).told("sign", path)?;
        Ok(lock)
    }

    /// Replays a job under its lock.
    fn claimed(&self, id: JobId, lock: Lock, now: Time) -> Result<FileClaim, ClaimError> {
        let failed = |source| failed(id, source);
        let bytes = self.tree.read(&self.tree.journal(id)).map_err(failed)?.unwrap_or_default();
        let mut replay = replay(id, &bytes);
        let what = match &replay.rest {
            Rest::Nothing | Rest::Torn => None,
            Rest::Damage(what) => Some(what.clone()),
            Rest::Newer => Some("written by a newer jobctl".to_owned()),
        };
        if let Some(what) = what {
            return Err(ClaimError::Damaged { id, what });
        }
        let (job, first) = match replay.job.take() {
            Some(job) => (job, None),
            None => self.submitted(id).map(|(job, first)| (job, Some(first)))?,
        };
        let mut journal = Journal::new(self.tree.clone(), id, &bytes, &replay);
        if replay.rest == Rest::Torn {
            journal.cut(&bytes[replay.good..], now).map_err(failed)?;
        }
        let found = Found { job, journal, first };
        Ok(FileClaim::new(self.tree.clone(), lock, &self.boot, found))
    }

    /// A job without a journal, from its submission.
    fn submitted(&self, id: JobId) -> Result<(Job, First), ClaimError> {
        let failed = |source| ClaimError::File { id, source };
        let found = submission::find(&self.tree, id).map_err(failed)?;
        if let Some(found) = found
            && let Some(job) = found.job.job()
        {
            let alone = found.alone.then_some(found.path);
            return Ok((job, First { event: found.job.event, alone }));
        }
        Err(self.not_submitted(id))
    }

    /// Why a job without journal and submission cannot be claimed.
    fn not_submitted(&self, id: JobId) -> ClaimError {
        match look::sighting(&self.tree, id) {
            Ok(Sighting { damage: Some(what), .. }) => ClaimError::Damaged { id, what },
            Ok(_) | Err(LookError::NoSuchJob(_) | LookError::Removed { .. }) => {
                ClaimError::NoSuchJob(id)
            }
            Err(LookError::File(source)) => failed(id, source),
        }
    }

    /// A claim by its own type.
    pub(crate) fn take(&self, id: JobId, now: Time) -> Result<FileClaim, ClaimError> {
        self.own().map_err(|(path, why)| ClaimError::Foreign { path, why })?;
        let lock = self.lock_job(id)?;
        // Under the lock: nobody can start anything from here on.
        if let Some(leftover) = leftover(&self.tree, id).map_err(|source| failed(id, source))? {
            return Err(ClaimError::Leftover(leftover));
        }
        self.claimed(id, lock, now)
    }

    /// A claim on a job of which programs still run: only to say so.
    pub(crate) fn take_despite(&self, id: JobId, now: Time) -> Result<FileClaim, ClaimError> {
        self.own().map_err(|(path, why)| ClaimError::Foreign { path, why })?;
        let lock = self.lock_job(id)?;
        self.claimed(id, lock, now)
    }
}

/// A file that cannot be read is damage, unless the disk is failing.
fn failed(id: JobId, source: FileError) -> ClaimError {
    if source.is_storage() || source.source.kind() == io::ErrorKind::PermissionDenied {
        ClaimError::File { id, source }
    } else {
        ClaimError::Damaged { id, what: format!("{source}: {}", source.source) }
    }
}

impl Store for FileStore {
    fn submit(&self, key: &str, jobs: &[(JobId, Spec)], now: Time) -> Result<(), SubmitError> {
        self.own().map_err(|(path, why)| SubmitError::Foreign { path, why })?;
        Ok(submission::submit(&self.tree, key, jobs, now)?)
    }

    fn claim(&self, id: JobId, now: Time) -> Result<Box<dyn Claim>, ClaimError> {
        Ok(Box::new(self.take(id, now)?))
    }

    fn hold_up(&self, id: JobId, pids: &[u32], now: Time) -> Result<bool, HoldError> {
        self.hold_up(id, pids, now)
    }

    fn boot(&self) -> &str {
        &self.boot
    }

    fn look(&self, id: JobId) -> Result<Sighting, LookError> {
        look::sighting(&self.tree, id)
    }

    fn list(&self, which: Which) -> Result<Vec<Sighting>, LookError> {
        Ok(self.seen(which)?)
    }

    fn ask(&self, id: JobId, wish: Wish, now: Time) -> Result<RequestId, AskError> {
        self.own().map_err(|(path, why)| AskError::Foreign { path, why })?;
        if !self.tree.is_dir(&self.tree.job(id))? {
            if submission::find(&self.tree, id)?.is_none() {
                return Err(AskError::NoSuchJob(id));
            }
            self.make_dir(id)?;
        }
        Ok(request::put(&self.tree, id, wish, now)?)
    }

    fn remove(&self, id: JobId, now: Time) -> Result<(), RemoveError> {
        let removed = self.remove_all(&[id], now);
        let removed = removed.map_err(|source| RemoveError::File { id, source })?;
        removed.left.into_iter().next().map_or(Ok(()), |(_, error)| Err(error))
    }
}
