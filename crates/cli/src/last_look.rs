//! How far running jobs had come when they were last listed, so that growth can be told.
//!
//! Kept in the user's own directory, never synced; whatever fails, the view does without.

use std::fs;
use std::path::PathBuf;

use jobctl_core::Status;
use jobctl_store::{FileStore, Sighting};

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
    let Some(directory) = path.parent() else { return };
    if look.is_empty() && !path.exists() {
        return;
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let Ok(bytes) = serde_json::to_vec(&look) else { return };
    #[expect(clippy::disallowed_methods, reason = "losing this costs a remark in a view")]
    let written = fs::create_dir_all(directory)
        .and_then(|()| fs::write(&temporary, bytes))
        .and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
}

fn path(env: &Environment, store: &FileStore) -> Option<PathBuf> {
    Some(env.user_state()?.join("looks").join(format!("{}.json", store.id()?)))
}
