//! Disks without room, and disks that may not be written: a small real one for each test, in a
//! mount namespace that ends with it. Where none may be made, these tests say so and pass.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use jobctl_tests::{Sandbox, wait_until, worlds};
use serde_json::Value;

const IMPORT: &[&str] = &["import", "github:acme/api"];
/// Set in the namespace.
const INSIDE: &str = "JOBCTL_TEST_ON_A_DISK";
/// How this user may get one.
const WAYS: [&[&str]; 2] = [&["--mount", "--"], &["--user", "--map-root-user", "--mount", "--"]];

/// Runs this very test again where it may mount, and `play` there.
#[expect(clippy::print_stdout, reason = "whoever reads the log learns what was not tested")]
fn on_a_disk(test: &str, play: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return play();
    }
    let may = |way: &&&[&str]| {
        let tried = Command::new("unshare").args(**way).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    };
    let Some(way) = WAYS.iter().find(may) else {
        println!("not tested: no file system may be mounted here");
        return;
    };
    let told = Command::new("unshare")
        .args(*way)
        .arg(std::env::current_exe().expect("a test has a path"))
        .args(["--exact", &format!("disk::{test}"), "--nocapture"])
        .env(INSIDE, "yes")
        .output()
        .expect("unshare was there a moment ago");
    let said = [told.stdout, told.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(told.status.success(), "{}{}", said[0], said[1]);
}

/// The disk that a sandbox's state lies on.
struct Disk {
    path: PathBuf,
}

impl Disk {
    fn under(sandbox: &Sandbox) -> Self {
        let path = sandbox.root().join("state");
        mount(&["-t", "tmpfs", "-o", "size=16m,mode=0700", "small"], &path);
        Self { path }
    }

    /// Leaves no room, also not what others give back of theirs.
    fn fill_up(&self) {
        let mut looks_full = 0;
        wait_until("the disk stays full", 30, || {
            let free = rustix::fs::statvfs(&self.path).expect("it is mounted").f_bavail;
            looks_full = if free == 0 { looks_full + 1 } else { 0 };
            self.fill(0);
            looks_full > 10
        });
    }

    /// Leaves this much room, and no more than a page over it.
    fn fill(&self, room: u64) {
        let path = self.path.join("ballast");
        let mut file = fs::OpenOptions::new().create(true).append(true).open(path).expect("a file");
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
        let len = file.metadata().expect("it is open").len();
        file.set_len(len - room).expect("shorter is always possible");
    }

    fn make_room(&self) {
        fs::remove_file(self.path.join("ballast")).expect("the ballast is there");
    }

    fn remount(&self, how: &str) {
        mount(&["-o", &format!("remount,{how}")], &self.path);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

fn mount(args: &[&str], path: &Path) {
    let status = Command::new("mount").args(args).arg(path).status().expect("mount is there");
    assert!(status.success(), "mount {args:?}: {status}");
}

/// All jobs that are listed. Only looks.
fn listed(sandbox: &Sandbox) -> Vec<String> {
    let told = sandbox.run(&["list", "--all", "--json", "--no-start"]).ok().json();
    let jobs = told["jobs"].as_array().cloned().unwrap_or_default();
    jobs.iter().map(|job| job["id"].to_string()).collect()
}

/// A submission fails as it should, and makes nothing: not now, and not when there is room.
fn assert_refused(sandbox: &Sandbox, forge: &jobctl_forge::Forge, words: [&str; 2]) {
    let before = listed(sandbox);
    let told = sandbox.submission(forge, &["import", "github:acme/repo-001"]).run().exits(6);
    for word in words {
        assert!(told.stderr.contains(word), "{}", told.stderr);
    }
    assert_eq!(listed(sandbox), before);
    assert_eq!(half_made(sandbox), Vec::<PathBuf>::new());
}

/// What a submission leaves that did not come to its end.
fn half_made(sandbox: &Sandbox) -> Vec<PathBuf> {
    let entries = fs::read_dir(sandbox.jobs().join("new")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn gone(sandbox: &Sandbox) {
    wait_until("all have gone", 30, || sandbox.processes().is_empty());
}

/// Waits until the job stands still for want of room.
fn stands_still(sandbox: &Sandbox, id: &str) -> Value {
    let job = sandbox.wait_for(id, "paused", 60);
    assert_eq!(job["reason"]["kind"], "storage", "{job:#}");
    assert!(job["reason"]["resumes_at"].is_string(), "it goes on by itself: {job:#}");
    job
}

#[test]
fn a_submission_without_room_is_refused_and_makes_nothing() {
    on_a_disk("a_submission_without_room_is_refused_and_makes_nothing", || {
        let forge = worlds::with_issues(60, 100);
        let sandbox = Sandbox::with_token_of(&forge);
        let disk = Disk::under(&sandbox);
        let words = ["No space left on device", "make room"];
        // Not even the state directory is there.
        disk.fill_up();
        assert_refused(&sandbox, &forge, words);
        disk.make_room();
        let first = sandbox.submit(&forge, IMPORT);
        sandbox.waits(&first, 60, 0);
        // No runner is there, and then one that has something to do.
        gone(&sandbox);
        disk.fill_up();
        assert_refused(&sandbox, &forge, words);
        disk.make_room();
        forge.configure(|behaviour| behaviour.delay_ms = 500);
        let second = sandbox.submit(&forge, &["import", "github:acme/api", "--again"]);
        sandbox.wait_for_worker(&second);
        disk.fill_up();
        assert_refused(&sandbox, &forge, words);
        disk.make_room();
        forge.configure(|behaviour| behaviour.delay_ms = 0);
        sandbox.waits(&second, 120, 0);
        let third = sandbox.submit(&forge, &["import", "github:acme/repo-001"]);
        sandbox.waits(&third, 60, 0);
        assert_eq!(listed(&sandbox).len(), 3);
    });
}

#[test]
fn an_import_without_room_stands_still_and_goes_on_when_there_is_some() {
    on_a_disk("an_import_without_room_stands_still_and_goes_on_when_there_is_some", || {
        let forge = worlds::slow(800, 2_000, 200);
        let sandbox = Sandbox::with_token_of(&forge);
        let disk = Disk::under(&sandbox);
        let id = sandbox.submit(&forge, IMPORT);
        sandbox.wait_for_worker(&id);
        let runner = sandbox.wait_for_runner();
        // Room for a word about it, but not for a page of issues.
        disk.fill(48 * 1024);
        let job = stands_still(&sandbox, &id);
        let message = job["reason"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("full") || message.contains("No space left"), "{job:#}");
        disk.fill_up();
        let shown = sandbox.run(&["list"]).ok();
        assert!(shown.stdout.contains("make room"), "{}", shown.stdout);
        sandbox.run(&["show", &id]).ok();
        sandbox.run(&["logs", &id]).ok();
        disk.make_room();
        sandbox.waits(&id, 120, 0);
        assert_eq!(sandbox.runner().map(|process| process.pid), Some(runner.pid));
        worlds::assert_imported(&forge, &sandbox);
    });
}

#[test]
fn a_job_is_not_called_alive_while_nothing_can_be_written() {
    on_a_disk("a_job_is_not_called_alive_while_nothing_can_be_written", || {
        let forge = worlds::slow(800, 2_000, 200);
        let sandbox = Sandbox::with_token_of(&forge);
        let disk = Disk::under(&sandbox);
        let id = sandbox.submit(&forge, IMPORT);
        sandbox.wait_for_worker(&id);
        disk.fill_up();
        wait_until("its worker has gone, or it says why it stands still", 60, || {
            let job = sandbox.job(&id);
            job["status"] == "paused" || job["worker"] != "alive"
        });
        let runner = sandbox.wait_for_runner();
        disk.make_room();
        stands_still(&sandbox, &id);
        assert_eq!(sandbox.runner().map(|process| process.pid), Some(runner.pid));
        sandbox.run(&["resume", &id]).ok();
        sandbox.waits(&id, 120, 0);
        worlds::assert_imported(&forge, &sandbox);
    });
}

#[test]
fn a_pause_without_room_is_refused_and_loses_nothing() {
    on_a_disk("a_pause_without_room_is_refused_and_loses_nothing", || {
        // The forge is so slow that the worker writes nothing meanwhile.
        let forge = worlds::slow(300, 500, 3_000);
        let sandbox = Sandbox::with_token_of(&forge);
        let disk = Disk::under(&sandbox);
        let id = sandbox.submit(&forge, IMPORT);
        sandbox.wait_for_worker(&id);
        sandbox.wait_for(&id, "running", 20);
        disk.fill_up();
        let told = sandbox.run(&["pause", &id]).exits(6);
        assert!(told.stderr.contains("No space left on device"), "{}", told.stderr);
        assert!(told.stderr.contains("make room"), "{}", told.stderr);
        disk.make_room();
        forge.configure(|behaviour| behaviour.delay_ms = 0);
        // Nobody paused it: it goes on, at once or after it stood still for want of room.
        sandbox.waits(&id, 120, 0);
        worlds::assert_imported(&forge, &sandbox);
    });
}

#[test]
fn a_disk_that_may_not_be_written_can_be_read() {
    on_a_disk("a_disk_that_may_not_be_written_can_be_read", || {
        let forge = worlds::with_issues(60, 100);
        let sandbox = Sandbox::with_token_of(&forge);
        let disk = Disk::under(&sandbox);
        let id = sandbox.submit(&forge, IMPORT);
        sandbox.waits(&id, 60, 0);
        gone(&sandbox);
        disk.remount("ro");
        assert_refused(&sandbox, &forge, ["Read-only file system", "writable"]);
        sandbox.run(&["list"]).ok();
        sandbox.run(&["show", &id]).ok();
        sandbox.run(&["logs", &id]).ok();
        sandbox.run(&["rm", &id]).exits(6);
        disk.remount("rw");
        assert_eq!(listed(&sandbox).len(), 1);
        let again = sandbox.submit(&forge, &["import", "github:acme/repo-001"]);
        sandbox.waits(&again, 60, 0);
    });
}
