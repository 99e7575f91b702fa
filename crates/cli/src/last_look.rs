//! What a person has seen: how far running jobs had come when they were last listed, so that growth
//! can be told, and which interruptions were told of, so that each is told once.
//!
//! Kept in the user's own directory, never synced; whatever fails, the view does without.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jobctl_core::Status;
use jobctl_store::{FileStore, Fs as _, Open, RealFs, Sighting};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::environment::Environment;
use crate::interrupted::{Told, news};
use crate::session::{Opened, Session};
use crate::views::list::LastLook;

/// How far jobs had come.
const LOOK: &str = "json";
/// Which interruptions were told of.
const TOLD: &str = "told.json";

/// What was seen at the last look; empty where that is not known.
pub(crate) fn read(env: &Environment, store: &FileStore) -> LastLook {
    path(env, store, LOOK).map(|path| read_from(&path)).unwrap_or_default()
}

/// Remembers what is seen now.
pub(crate) fn remember(env: &Environment, store: &FileStore, open: &[Sighting]) {
    let look: LastLook = open
        .iter()
        .filter(|seen| seen.status() == Some(Status::Running))
        .map(|seen| (seen.id, seen.progress.current))
        .collect();
    let Some(path) = path(env, store, LOOK) else { return };
    if look.is_empty() && !path.exists() {
        return;
    }
    write_to(&path, &look);
}

/// The line about jobs that were interrupted since somebody was last told, if there are any.
/// `open`: all jobs that have not ended. Who gets no notes stays to be told.
pub(crate) fn interruptions(
    session: &Session,
    opened: &Opened,
    open: &[Sighting],
) -> Option<String> {
    if session.globals.quiet || session.globals.json || session.globals.no_start {
        return None;
    }
    // Nothing in a foreign directory goes on, and nothing in it was this user's.
    let path = opened.foreign().is_none().then(|| path(&session.env, &opened.store, TOLD))??;
    let (line, told) = news(open, || read_from::<Told>(&path))?;
    write_to(&path, &told);
    Some(line)
}

fn read_from<T: DeserializeOwned + Default>(path: &Path) -> T {
    let bytes = fs::read(path).ok();
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

fn write_to(path: &Path, seen: &impl Serialize) {
    let Ok(bytes) = serde_json::to_vec(seen) else { return };
    // Losing this costs a remark, or tells one twice.
    let _ = replace(path, &bytes);
}

/// Replaces a file by one that only its owner reads, whatever the umask.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match RealFs.create_dir(path.parent().unwrap_or(path)) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = RealFs.write(&temporary, Open::Empty)?;
    let written = file.write_at(bytes, 0).and_then(|()| RealFs.rename(&temporary, path));
    if written.is_err() {
        let _ = RealFs.unlink(&temporary);
    }
    written
}

/// Beside the user's registry, once there is one.
fn path(env: &Environment, store: &FileStore, what: &str) -> Option<PathBuf> {
    let state = RealFs.canonical(&env.user_state()?).ok()?;
    Some(state.join("looks").join(format!("{}.{what}", store.id()?)))
}
