//! Which directories the registry forgets, and which it must not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jobctl_store::{Adopt, FileStore, RealFs, Registry};
use tempfile::TempDir;

/// A place for projects, and a registry elsewhere.
struct Home {
    dir: TempDir,
    registry: Registry,
}

impl Home {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let registry = Registry::at(dir.path().join("registry"));
        Self { dir, registry }
    }

    /// Makes a state directory below this home.
    fn made(&self, path: &str) -> PathBuf {
        let path = self.dir.path().canonicalize().unwrap().join(path);
        let fs = Arc::new(RealFs);
        FileStore::create(&path, &self.registry, fs, "boot-1", Adopt::Fresh).unwrap();
        path
    }

    fn forgets(&self, wanted: &[&Path]) {
        assert_eq!(self.registry.forget_gone().unwrap(), wanted);
        assert_eq!(self.registry.forget_gone().unwrap(), [] as [&Path; 0]);
    }
}

#[test]
fn what_was_removed_is_forgotten_and_what_is_there_is_not() {
    let home = Home::new();
    let (kept, alone, whole) =
        (home.made("kept/.jobs"), home.made("alone/.jobs"), home.made("code/whole/.jobs"));
    fs::write(home.dir.path().join("alone/README"), "").unwrap();
    fs::write(home.dir.path().join("code/README"), "").unwrap();
    home.forgets(&[]);
    fs::remove_dir_all(&alone).unwrap();
    fs::remove_dir_all(home.dir.path().join("code/whole")).unwrap();
    home.forgets(&[&alone, &whole]);
    assert_eq!(home.registry.all().unwrap(), [kept]);
}

#[test]
fn a_disk_that_is_not_mounted_is_not_forgotten() {
    let home = Home::new();
    let (top, deep) = (home.made("disk/.jobs"), home.made("disk/code/project/.jobs"));
    let (disk, away) = (home.dir.path().join("disk"), home.dir.path().join("away"));
    fs::rename(&disk, &away).unwrap();
    // What is left of a disk is the empty directory that it was mounted on.
    fs::create_dir(&disk).unwrap();
    home.forgets(&[]);
    fs::remove_dir(&disk).unwrap();
    fs::rename(&away, &disk).unwrap();
    assert_eq!(home.registry.all().unwrap(), [top, deep]);
}

#[test]
fn a_directory_that_cannot_be_reached_is_not_forgotten() {
    let home = Home::new();
    let inside = home.made("loop/project/.jobs");
    let (above, away) = (home.dir.path().join("loop"), home.dir.path().join("away"));
    fs::rename(&above, &away).unwrap();
    std::os::unix::fs::symlink("loop", &above).unwrap();
    home.forgets(&[]);
    fs::remove_file(&above).unwrap();
    // A file in the way says nothing about what was there.
    fs::write(&above, "").unwrap();
    home.forgets(&[]);
    assert_eq!(home.registry.all().unwrap(), [inside]);
}

#[test]
fn somebody_elses_empty_place_says_nothing() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let home = Home::new();
    let project = home.made("shared/project/.jobs");
    let shared = home.dir.path().join("shared");
    fs::write(shared.join("README"), "").unwrap();
    fs::remove_dir_all(shared.join("project")).unwrap();
    std::os::unix::fs::chown(&shared, Some(12_345), None).unwrap();
    home.forgets(&[]);
    // Where everybody makes files, the user's own come and go as well.
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
    home.forgets(&[&project]);
}

#[test]
fn of_two_directories_in_one_place_the_later_counts() {
    let home = Home::new();
    let project = home.made("project/.jobs");
    fs::remove_dir_all(&project).unwrap();
    home.made("project/.jobs");
    assert_eq!(home.registry.all().unwrap(), [project.as_path()]);
    home.forgets(&[&project]);
    assert_eq!(home.registry.all().unwrap(), [project]);
}

#[test]
fn what_a_checkout_put_in_the_place_of_ours_does_not_make_it_forgotten() {
    let home = Home::new();
    let project = home.made("project/.jobs");
    let id = fs::read(project.join("id")).unwrap();
    fs::write(project.join("id"), format!("{:032x}\n", 7)).unwrap();
    home.forgets(&[]);
    fs::write(project.join("id"), id).unwrap();
    home.forgets(&[]);
    assert_eq!(home.registry.all().unwrap(), [project]);
}
