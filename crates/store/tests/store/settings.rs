//! The settings file, changed by many and by nobody.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use jobctl_store::{Adopt, FileError, FileStore, RealFs, Registry};
use tempfile::TempDir;

fn place() -> (TempDir, FileStore, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::at(dir.path().join("registry"));
    let root = dir.path().canonicalize().unwrap().join(".jobs");
    let fs = Arc::new(RealFs);
    let store = FileStore::create(&root, &registry, fs, "boot-1", Adopt::Fresh).unwrap();
    (dir, store, root.join("jobctl.toml"))
}

fn add(store: &FileStore, line: &str) -> Result<(), FileError> {
    store.edit_settings(|text| Ok(format!("{text}{line}\n")))
}

#[test]
fn those_who_change_settings_at_once_wait_for_each_other() {
    let (_dir, store, path) = place();
    thread::scope(|scope| {
        for writer in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for line in 0..25 {
                    add(store, &format!("{writer}-{line}")).unwrap();
                }
            });
        }
    });
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 100);
}

#[test]
fn only_their_owner_reads_them() {
    let (_dir, store, path) = place();
    fs::write(&path, "# mine\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    add(&store, "a = 1").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "# mine\na = 1\n");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn what_is_no_file_of_text_is_left_alone() {
    let (dir, store, path) = place();
    let elsewhere = dir.path().join("elsewhere");
    fs::write(&elsewhere, "theirs").unwrap();
    symlink(&elsewhere, &path).unwrap();
    add(&store, "a = 1").unwrap_err();
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "theirs");
    assert!(path.is_symlink());

    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    add(&store, "a = 1").unwrap_err();
    assert!(path.is_dir());

    fs::remove_dir(&path).unwrap();
    fs::write(&path, b"\xff\xfe").unwrap();
    add(&store, "a = 1").unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), b"\xff\xfe");
}

/// Why an edit was given up.
#[derive(Debug)]
struct No;

impl From<FileError> for No {
    fn from(_: FileError) -> Self {
        Self
    }
}

#[test]
fn an_edit_that_fails_changes_nothing() {
    let (_dir, store, path) = place();
    fs::write(&path, "a = 1\n").unwrap();
    store.edit_settings(|_| Err(No)).unwrap_err();
    assert_eq!(fs::read_to_string(&path).unwrap(), "a = 1\n");
}
