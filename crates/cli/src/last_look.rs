//! How far running jobs had come when they were last listed, so that growth can be told.
//!
//! Kept in the user's own directory, never synced; whatever fails, the view does without.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jobctl_core::Status;
use jobctl_store::{FileStore, Fs as _, Open, RealFs, Sighting};

use crate::environment::Environment;
use crate::views::list::LastLook;

/// What was seen at the last look; empty where that is not known.
pub(crate) fn read(env: &Environment, store: &FileStore) -> LastLook {
    path(env, store)
        .and_then(|path| fs::read(path).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

/// Remembers what is seen now.
pub(crate) fn remember(env: &Environment, store: &FileStore, open: &[Sighting]) {
    let look: LastLook = open
        .iter()
        .filter(|seen| seen.status() == Some(Status::Running))
        .map(|seen| (seen.id, seen.progress.current))
        .collect();
    let Some(path) = path(env, store) else { return };
    if look.is_empty() && !path.exists() {
        return;
    }
    let Ok(bytes) = serde_json::to_vec(&look) else { return };
    // Losing this costs a remark in a view.
    let _ = replace(&path, &bytes);
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
fn path(env: &Environment, store: &FileStore) -> Option<PathBuf> {
    let state = RealFs.canonical(&env.user_state()?).ok()?;
    Some(state.join("looks").join(format!("{}.json", store.id()?)))
}
