//! The lives of this program that have no terminal of their own: the runner, and workers.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jobctl_core::{JobId, Limits};
use jobctl_runner::{
    Credentials, Occasion, Offer, Place, RunError, RunnerOptions, Starter, WorkError, WorkOptions,
    next_job, run, work,
};
use jobctl_store::{Claim, FileStore, Store};

use crate::announce::{Outbox, Turn};
use crate::environment::Environment;
use crate::settings::Settings;
use crate::work::make;

/// The hidden command that makes this program a runner.
pub(crate) const RUNNER: &str = "runner";
/// The hidden command that makes this program a worker.
pub(crate) const WORKER: &str = "worker";

/// Where the runner of this store listens.
pub(crate) fn place(store: &FileStore, env: &Environment) -> Place {
    Place::new(store.root(), &env.temporary())
}

/// How a call starts a runner for this store.
pub(crate) fn starter(store: &FileStore, env: &Environment) -> Starter {
    let args = vec![RUNNER.into(), "--state-dir".into(), store.root().into()];
    Starter { program: this_program(), args, env: env.passed_on() }
}

/// Serves this store until nothing is left to do, or returns at once where another runner does.
pub(crate) fn run_runner(
    store: Arc<FileStore>,
    env: &Environment,
    limits: Box<dyn Fn(Occasion) -> Limits>,
    settings: &Settings,
) -> Result<(), RunError> {
    let root = store.root().to_owned();
    let outbox = Outbox::new(env.clone(), root.clone());
    run(RunnerOptions {
        place: place(&store, env),
        store,
        limits,
        retention: settings.retention,
        grace: settings.stop_grace,
        announce: Box::new(move |id, status, at| outbox.put(Turn { id, status, at })),
        program: this_program(),
        worker_args: Box::new(move |id| {
            let root = OsString::from(&root);
            vec![WORKER.into(), "--state-dir".into(), root, id.to_string().into()]
        }),
    })
}

/// Does a job in this process, with credentials from the runner, and more as long as the runner
/// has some for it.
pub(crate) fn run_worker(
    store: &Arc<FileStore>,
    env: &Environment,
    id: JobId,
    grace: Duration,
) -> Result<(), WorkError> {
    // A session of its own: nothing that happens to a terminal reaches it.
    let _ = rustix::process::setsid();
    let place = place(store, env);
    let mut next = Some(id);
    while let Some(id) = next {
        let credentials = Credentials::Runner(place.clone());
        let is_spare = perform(Arc::clone(store), id, None, credentials, grace)?;
        next = if is_spare { next_job(&place) } else { None };
    }
    Ok(())
}

/// Does one job in this process, in the caller's terminal, with the caller's credentials.
pub(crate) fn run_foreground(
    store: Arc<FileStore>,
    claim: Box<dyn Claim>,
    offers: Vec<Offer>,
    grace: Duration,
) -> Result<(), WorkError> {
    let id = claim.job().id;
    perform(store, id, Some(claim), Credentials::Given(offers), grace).map(drop)
}

fn perform(
    store: Arc<FileStore>,
    id: JobId,
    claim: Option<Box<dyn Claim>>,
    credentials: Credentials,
    grace: Duration,
) -> Result<bool, WorkError> {
    let root = store.root().to_owned();
    let alone = matches!(credentials, Credentials::Runner(_));
    let store: Arc<dyn Store> = store;
    work(WorkOptions {
        store,
        id,
        claim,
        credentials,
        make: Box::new(move |job| make(job, &root, alone)),
        grace,
    })
}

/// Where this program is, for others to start it later.
pub(crate) fn own_path() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    // Replaced since it started, it is named with a mark behind it.
    if path.exists() { Ok(path) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// This very program, even where its file was replaced since it started.
pub(crate) fn this_program() -> PathBuf {
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() { own } else { std::env::current_exe().unwrap_or_else(|_| "jobctl".into()) }
}
