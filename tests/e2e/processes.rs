//! Many processes at one state directory: runners that race and leave, programs replaced under
//! living ones, and workers that are dead in an unusual way.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use jobctl_forge::{Config, Forge};
use jobctl_tests::sandbox::program;
use jobctl_tests::{Process, Sandbox, processes, seeded, wait_until, worlds};
use rustix::process::Signal;

const IMPORT: &[&str] = &["import", "github:acme/api"];
const SMALL: &[&str] = &["import", "github:acme/repo-001", "--again"];

/// A runner of the sandbox's jobs, started by hand.
fn start_runner(sandbox: &Sandbox) -> Child {
    let jobs = sandbox.jobs();
    let jobs = jobs.to_str().expect("a plain path");
    let mut command = sandbox.call_without_token(&["runner", "--state-dir", jobs]).into_command();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the built jobctl runs")
}

#[test]
fn of_many_runners_one_serves_and_the_others_leave() {
    let forge = worlds::slow(600, 2_000, 200);
    let sandbox = Sandbox::with_token_of(&forge);
    let mut ids = vec![sandbox.submit(&forge, IMPORT)];
    let first = sandbox.wait_for_runner();
    processes::kill(first.pid);
    wait_until("it is dead", 20, || Process::of(first.pid).is_none());
    for _ in 0..5 {
        let mut racers: Vec<Child> = (0..10).map(|_| start_runner(&sandbox)).collect();
        wait_until("nine have left", 60, || {
            racers.retain_mut(|racer| match racer.try_wait().expect("it is our child") {
                Some(status) => {
                    assert_eq!(status.code(), Some(0), "whoever comes second is not in the way");
                    false
                }
                None => true,
            });
            racers.len() == 1
        });
        // The one that is left serves: it acknowledges, and starts what is submitted.
        ids.push(sandbox.submit(&forge, SMALL));
        let mut winner = racers.pop().expect("one is left");
        let serves = sandbox.wait_for_runner().pid;
        assert_eq!(u32::try_from(serves).ok(), Some(winner.id()));
        winner.kill().expect("it lives");
        winner.wait().expect("it is our child");
    }
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    sandbox.run(&["list"]).ok();
    for id in &ids {
        sandbox.waits(id, 60, 0);
    }
    wait_until("all have gone", 20, || sandbox.processes().is_empty());
    assert_eq!(sockets(&sandbox.root().join("t")), Vec::<PathBuf>::new());
    assert!(fs::symlink_metadata(sandbox.jobs().join("runner.sock")).is_err());
}

/// All sockets below a directory.
fn sockets(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let kind = entry.file_type().expect("the file system knows it");
        if kind.is_dir() {
            found.extend(sockets(&entry.path()));
        } else if kind.is_socket() {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn a_submission_at_the_moment_a_runner_leaves_is_done_all_the_same() {
    let forge = worlds::start(Config::small());
    let (seed, mut random) = seeded();
    thread::scope(|scope| {
        for _ in 0..4 {
            let random = random.fork();
            let forge = &forge;
            scope.spawn(move || submit_at_bad_moments(forge, random, seed));
        }
    });
}

fn submit_at_bad_moments(forge: &Forge, mut random: Rng, seed: u64) {
    let sandbox = Sandbox::with_token_of(forge);
    let link = sandbox.jobs().join("runner.sock");
    for round in 0..6 {
        let id = sandbox.submit(forge, SMALL);
        // Nobody makes a call meanwhile that could start a runner.
        let job = sandbox.wait_for(&id, "completed", 60);
        assert_eq!(job["attempts"], 1, "seed {seed}, round {round}: {job:#}");
        if random.bool() {
            // It says that nobody listens any more, and still holds its lock.
            while link.symlink_metadata().is_ok() {
                thread::yield_now();
            }
            thread::sleep(Duration::from_micros(random.u64(..3_000)));
        } else {
            // It leaves between one second and two after its last job.
            thread::sleep(Duration::from_millis(random.u64(900..2_200)));
        }
    }
}

/// A copy of the program in the sandbox, with these bytes replaced.
fn copy(sandbox: &Sandbox, name: &str, version: Option<&str>) -> PathBuf {
    let path = sandbox.root().join(name);
    fs::copy(program(), &path).expect("room in /tmp");
    if let Some(version) = version {
        let ours = env!("CARGO_PKG_VERSION").as_bytes();
        assert_eq!(ours.len(), version.len());
        let mut bytes = fs::read(&path).expect("just written");
        let mut at = 0;
        while let Some(found) = bytes[at..].windows(ours.len()).position(|part| part == ours) {
            at += found;
            bytes[at..at + ours.len()].copy_from_slice(version.as_bytes());
        }
        fs::write(&path, bytes).expect("room in /tmp");
    }
    path
}

#[test]
fn a_program_replaced_under_a_living_runner_goes_on_starting_workers() {
    let replace: [fn(&Path); 2] = [
        |path| fs::remove_file(path).expect("it is there"),
        |path| {
            let other = path.with_extension("new");
            fs::write(&other, "#!/bin/false\n").expect("room in /tmp");
            fs::rename(&other, path).expect("the same directory");
        },
    ];
    for replace in replace {
        let forge = worlds::slow(600, 2_000, 200);
        let sandbox = Sandbox::with_token_of(&forge);
        sandbox.set("JOBCTL_MAX_PARALLEL", "1");
        let own = copy(&sandbox, "jobctl", None);
        let submit = |args| sandbox.submit_as(sandbox.submission(&forge, args).of(&own));
        let (first, second) = (submit(IMPORT), submit(SMALL));
        drop(sandbox.wait_for_worker(&first));
        replace(&own);
        forge.configure(|behaviour| behaviour.delay_ms = 0);
        for id in [&first, &second] {
            let job = sandbox.wait_for(id, "completed", 60);
            assert_eq!(job["attempts"], 1, "{job:#}");
        }
    }
}

#[test]
fn a_newer_jobctl_takes_over_from_an_older_runner_and_workers_go_on() {
    let forge = worlds::slow(600, 2_000, 200);
    let sandbox = Sandbox::with_token_of(&forge);
    sandbox.set("JOBCTL_MAX_PARALLEL", "1");
    let version = format!("{:0>1$}", "0.0.0", env!("CARGO_PKG_VERSION").len());
    let older = copy(&sandbox, "older", Some(&version));
    let said = sandbox.call_without_token(&["--version"]).of(&older).run().ok();
    assert!(said.stdout.contains(&version), "{}", said.stdout);
    let submit = |args| sandbox.submit_as(sandbox.submission(&forge, args).of(&older));
    let (works, waits) = (submit(IMPORT), submit(SMALL));
    let worker = sandbox.wait_for_worker(&works);
    sandbox.wait_for(&works, "running", 20);
    let runner = sandbox.wait_for_runner();
    assert_eq!(executable(runner.pid), older);

    // This call has no token to offer: the job that waits depends on what the older runner held.
    let newest =
        sandbox.call_without_token(&["import", "github:acme/repo-002", "--api-url", forge.url()]);
    let newest = sandbox.submit_as(newest);
    // It has let go of everything before the next one serves, and is about to end.
    wait_until("it is gone", 20, || Process::of(runner.pid).is_none());
    let next = sandbox.wait_for_runner();
    assert_eq!(executable(next.pid), program());
    assert_eq!(sandbox.worker(&works).map(|found| found.pid), Some(worker.pid));
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    for id in [&works, &waits, &newest] {
        let job = sandbox.wait_for(id, "completed", 60);
        assert_eq!(job["attempts"], 1, "{job:#}");
    }
}

fn executable(pid: i32) -> PathBuf {
    fs::read_link(format!("/proc/{pid}/exe")).expect("it lives")
}

#[test]
fn a_worker_that_its_runner_cannot_reap_is_not_called_alive() {
    let forge = worlds::slow(600, 2_000, 200);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, IMPORT);
    let worker = sandbox.wait_for_worker(&id);
    sandbox.wait_for(&id, "running", 20);
    let runner = sandbox.wait_for_runner();
    processes::send(runner.pid, Signal::STOP);
    processes::kill(worker.pid);
    wait_until("it is a zombie", 20, || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", worker.pid)).unwrap_or_default();
        stat.contains(") Z ")
    });
    assert_eq!(sandbox.job(&id)["worker"], "dead");
    sandbox.run(&["pause", &id]).ok();
    let job = sandbox.job(&id);
    assert_eq!((&job["status"], &job["worker"]), (&"paused".into(), &"none".into()), "{job:#}");
    processes::kill(runner.pid);
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    sandbox.run(&["resume", &id]).ok();
    sandbox.waits(&id, 60, 0);
    worlds::assert_imported(&forge, &sandbox);
}

/// The descriptors of a process, with the file that each is on and its flags.
fn descriptors(pid: i32) -> Vec<(i32, PathBuf, u32)> {
    let of = |name: &str| {
        let number = name.parse().ok()?;
        let path = fs::read_link(format!("/proc/{pid}/fd/{name}")).ok()?;
        let text = fs::read_to_string(format!("/proc/{pid}/fdinfo/{name}")).ok()?;
        let flags = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
        Some((number, path, u32::from_str_radix(flags.trim(), 8).ok()?))
    };
    let names = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    names.filter_map(|entry| of(entry.file_name().to_str()?)).collect()
}

#[test]
fn no_descriptor_of_a_worker_or_runner_is_left_to_its_children() {
    /// `O_CLOEXEC` of `fdinfo` (`man 5 proc_pid_fdinfo`).
    const CLOSED: u32 = 0o2_000_000;
    let forge = worlds::slow(600, 2_000, 200);
    let sandbox = Sandbox::with_token_of(&forge);
    let id = sandbox.submit(&forge, IMPORT);
    let worker = sandbox.wait_for_worker(&id);
    let runner = sandbox.wait_for_runner();
    wait_until("it works", 20, || worlds::asked(&forge) > 0);
    // What this test was started with itself is nobody's fault here.
    let inherited = descriptors(i32::try_from(std::process::id()).expect("a pid"));
    let is_own = |(number, path, _): &(i32, PathBuf, u32)| {
        !inherited.iter().any(|(other, there, _)| (number, path) == (other, there))
    };
    for (process, lock) in [(worker, "worker.lock"), (runner, "runner.lock")] {
        let open = descriptors(process.pid);
        let locks: Vec<_> = open.iter().filter(|(_, path, _)| path.ends_with(lock)).collect();
        assert_eq!(locks.len(), 1, "{lock}: {open:?}");
        let of_others = |path: &Path| path.extension().is_some_and(|extension| extension == "lock");
        let others = open.iter().filter(|(_, path, _)| of_others(path)).count();
        assert_eq!(others, 1, "only its own lock: {open:?}");
        let mut left: Vec<_> = open.into_iter().filter(is_own).collect();
        left.retain(|(number, _, flags)| *number > 2 && flags & CLOSED == 0);
        assert_eq!(left, Vec::new());
    }
}

/// A second descriptor of the lock that a worker holds, as a child of it would have inherited it;
/// `None` where the system does not let one process reach into another.
fn inherit_lock(pid: i32) -> Option<OwnedFd> {
    use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
    let lock = descriptors(pid).into_iter().find(|(_, path, _)| path.ends_with("worker.lock"));
    let (number, _, _) = lock.expect("a worker holds its lock");
    let process = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
    pidfd_getfd(process, number, PidfdGetfdFlags::empty()).ok()
}

#[test]
fn a_lock_that_a_child_inherited_counts_for_as_long_as_it_is_held() {
    let forge = worlds::slow(600, 2_000, 200);
    let sandbox = Sandbox::with_token_of(&forge);
    sandbox.set("JOBCTL_STOP_GRACE", "1s");
    let id = sandbox.submit(&forge, IMPORT);
    let worker = sandbox.wait_for_worker(&id);
    sandbox.wait_for(&id, "running", 20);
    let Some(inherited) = inherit_lock(worker.pid) else { return };
    processes::kill(worker.pid);
    wait_until("it is dead", 20, || Process::of(worker.pid).is_none());
    let job = sandbox.job(&id);
    assert_eq!((&job["status"], &job["worker"]), (&"running".into(), &"alive".into()), "{job:#}");
    // A pause cannot come about, says so, and is kept.
    let told = sandbox.run(&["pause", &id]).exits(1);
    assert!(told.stderr.contains("does not answer"), "{}", told.stderr);
    assert!(told.stderr.contains("is kept"), "{}", told.stderr);
    assert_eq!(sandbox.job(&id)["worker"], "alive");

    drop(inherited);
    let job = sandbox.wait_for(&id, "paused", 20);
    assert_eq!(job["reason"]["kind"], "user", "{job:#}");
    forge.configure(|behaviour| behaviour.delay_ms = 0);
    sandbox.run(&["resume", &id]).ok();
    sandbox.waits(&id, 60, 0);
    worlds::assert_imported(&forge, &sandbox);
}
