//! Real process trees: whatever its processes do to get away, all of a tree is stopped, and
//! nothing else is.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a panic fails the test, and plain files are enough for it"
)]

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use jobctl_command::{
    How, Mark, Process, Program, Reaped, Running, StartError, Stopping, Tree, adopt_orphans, reap,
    shell,
};
use rustix::process::Signal;
use tempfile::TempDir;

/// A directory of its own, and a lock and a variable that nobody else has.
struct Ground {
    dir: TempDir,
    variable: String,
}

impl Ground {
    fn new() -> Self {
        adopt_orphans();
        let dir = TempDir::new().unwrap();
        let name = dir.path().file_name().unwrap().to_str().unwrap();
        let variable = format!("JOBCTL_JOB_ID=test{name}");
        Self { dir, variable }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn program(&self, line: &str) -> Program {
        let (name, args) = shell(line);
        let (variable, value) = self.variable.split_once('=').unwrap();
        Program {
            name,
            args,
            directory: self.dir.path().to_owned(),
            environment: None,
            variables: vec![(variable.into(), value.into())],
            umask: 0o022,
            holds: Some(self.lock()),
        }
    }

    /// The lock, taken as a job's worker does.
    fn lock(&self) -> OwnedFd {
        let file = File::create(self.path("tree.lock")).unwrap();
        file.lock().unwrap();
        file.into()
    }

    fn is_locked(&self) -> bool {
        File::open(self.path("tree.lock")).unwrap().try_lock_shared().is_err()
    }

    fn start(&self, line: &str) -> Running {
        self.program(line).start().unwrap()
    }

    fn mark(&self) -> Mark {
        Mark::new(&self.variable, Some(&self.path("tree.lock")))
    }

    /// Waits until this many processes have each written a file of this name and a number.
    fn wait_for(&self, name: &str, count: usize) {
        wait_until(name, || {
            let names = fs::read_dir(self.dir.path()).unwrap().flatten();
            let written = |entry: &fs::DirEntry| entry.metadata().is_ok_and(|meta| meta.len() > 0);
            names
                .filter(|entry| entry.file_name().to_string_lossy().starts_with(name))
                .filter(written)
                .count()
                >= count
        });
    }

    /// The numbers in these files, as the shells that made them wrote.
    fn pids(&self, name: &str) -> Vec<u32> {
        let files = fs::read_dir(self.dir.path()).unwrap().flatten();
        files
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(name))
            .map(|entry| fs::read_to_string(entry.path()).unwrap().trim().parse().unwrap())
            .collect()
    }
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not come about");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a process runs; one that has only not been asked how it ended does not.
fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

/// Each of these lines leaves a process that writes its number into `away-…` and then sleeps.
const WAYS: [(&str, &str); 8] = [
    ("in the background", "sh -c 'echo $$ > away-1; exec sleep 600' &"),
    ("in a session of its own", "setsid sh -c 'echo $$ > away-2; exec sleep 600' &"),
    (
        "forked twice",
        "(setsid sh -c '(echo $$ > /dev/null; sh -c \"echo \\$\\$ > away-3; exec sleep 600\" &)' &)",
    ),
    (
        "without environment",
        "env -i /usr/bin/setsid /bin/sh -c 'echo $$ > away-4; exec sleep 600' &",
    ),
    (
        "with all files closed",
        "setsid sh -c 'for n in 3 4 5 6 7 8 9; do eval \"exec $n>&-\"; done; echo $$ > away-5; exec sleep 600' &",
    ),
    ("stopped", "sh -c 'echo $$ > away-6; kill -STOP $$; exec sleep 600' &"),
    ("deaf", "sh -c 'trap \"\" TERM HUP INT; echo $$ > away-7; while :; do sleep 600; done' &"),
    (
        "in a group of its own",
        "bash -c 'set -m; sh -c \"echo \\$\\$ > away-8; exec sleep 600\" &' &",
    ),
];

#[test]
fn whatever_it_does_to_get_away_all_of_a_tree_is_stopped() {
    let ground = Ground::new();
    let lines: Vec<_> = WAYS.iter().map(|(_, line)| *line).collect();
    let running = ground.start(&format!("{}\nwait; sleep 600", lines.join("\n")));
    ground.wait_for("away-", WAYS.len());
    let pids = ground.pids("away-");
    let tree = Tree::of(running.process, false, ground.mark());
    let members: Vec<u32> = tree.members().iter().map(|process| process.pid).collect();
    for pid in pids.iter().chain([&running.process.pid]) {
        assert!(lives(*pid) && members.contains(pid), "{pid} of {members:?}");
    }
    assert!(ground.is_locked());
    assert_eq!(Stopping::new(Duration::from_millis(500)).run(&tree), []);
    let left: Vec<_> = pids.iter().filter(|pid| lives(**pid)).collect();
    assert_eq!(left, Vec::<&u32>::new());
    assert!(!ground.is_locked());
}

#[test]
fn what_a_dead_worker_left_is_found_by_what_it_carries() {
    let ground = Ground::new();
    let lines: Vec<_> = WAYS.iter().map(|(_, line)| *line).collect();
    let running = ground.start(&format!("{}\nwait", lines.join("\n")));
    ground.wait_for("away-", WAYS.len());
    let pids = ground.pids("away-");
    jobctl_command::signal(running.process, Signal::KILL).unwrap();
    wait_until("the program is gone", || reap(running.process, false).ended.is_some());
    let tree = Tree::left(None, ground.mark());
    assert_eq!(Stopping::new(Duration::from_millis(500)).run(&tree), []);
    assert_eq!(pids.into_iter().filter(|pid| lives(*pid)).collect::<Vec<_>>(), []);
    assert!(!ground.is_locked());
}

#[test]
fn fifty_that_multiply_are_all_gone() {
    let ground = Ground::new();
    let line = "for n in $(seq 50); do sh -c 'echo $$ > many-$0; trap \"\" TERM; \
                while :; do sleep 600; done' $n & done; wait";
    let running = ground.start(line);
    ground.wait_for("many-", 50);
    let tree = Tree::of(running.process, false, ground.mark());
    assert!(tree.members().len() > 50);
    assert_eq!(Stopping::new(Duration::ZERO).run(&tree), []);
    assert_eq!(ground.pids("many-").into_iter().filter(|pid| lives(*pid)).count(), 0);
}

/// A process that is no part of any tree. Started as programs are, it inherits no other test's
/// lock.
struct Stranger(Running);

impl Stranger {
    fn new(variables: Vec<(OsString, OsString)>) -> Self {
        let program = Program {
            name: "sleep".into(),
            args: vec!["600".into()],
            directory: "/".into(),
            environment: None,
            variables,
            umask: 0o022,
            holds: None,
        };
        Self(program.start().unwrap())
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        jobctl_command::signal(self.0.process, Signal::KILL).unwrap();
        wait_until("the stranger is gone", || reap(self.0.process, false).ended.is_some());
    }
}

/// The session of this process: 0 where it began outside of what a container shows.
fn own_session() -> u32 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    rest.split_whitespace().nth(3).unwrap().parse().unwrap()
}

#[test]
fn strangers_are_left_alone_whatever_they_have_in_common() {
    let ground = Ground::new();
    let running = ground.start("sleep 600 & echo $! > here-1; wait");
    ground.wait_for("here-", 1);
    let other_job = vec![("JOBCTL_JOB_ID".into(), "test".into())];
    let _strangers = [Stranger::new(Vec::new()), Stranger::new(other_job)];
    let members = Tree::of(running.process, false, ground.mark()).members();
    let mut pids: Vec<u32> = members.iter().map(|process| process.pid).collect();
    let mut expected = ground.pids("here-");
    expected.push(running.process.pid);
    pids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(pids, expected);
    // The session is that of this very test: only what carries the mark may count.
    let left = Tree::left(Some(own_session()), Mark::new("NO=BODY", None));
    assert!(left.members().is_empty());
    assert_eq!(
        Stopping::new(Duration::from_secs(5)).run(&Tree::of(running.process, false, ground.mark())),
        []
    );
}

#[test]
fn how_it_ended_is_told_once() {
    let ground = Ground::new();
    for (line, how) in [
        ("exit 0", How::Exited(0)),
        ("exit 77", How::Exited(77)),
        ("kill -SEGV $$", How::Signalled(11)),
    ] {
        let running = ground.start(line);
        let mut last = Reaped { ended: None, alone: false };
        wait_until(line, || {
            last = reap(running.process, false);
            last.ended.is_some()
        });
        assert_eq!(last.ended, Some(how), "{line}");
        assert_eq!(reap(running.process, false).ended, None);
    }
}

/// Why it could not be started.
fn refused(program: Program) -> StartError {
    program.start().map(|running| running.process).unwrap_err()
}

#[test]
fn what_cannot_be_started_says_why_as_a_shell_does() {
    let ground = Ground::new();
    fs::write(ground.path("plain"), "no program").unwrap();
    let named = |name: &str| Program { name: name.into(), args: Vec::new(), ..ground.program("") };
    let missing = refused(named("no-such-program"));
    assert_eq!(
        (missing.code(), missing.to_string().as_str()),
        (127, "could not start no-such-program: there is no such program")
    );
    assert_eq!(refused(named("./plain")).code(), 126);
    assert_eq!(refused(named("/")).code(), 126);
    let away = Program { directory: ground.path("gone"), ..ground.program("true") };
    let error = refused(away);
    assert!(matches!(&error, StartError::Directory { .. }) && error.code() == 126, "{error}");
    assert!(!ground.is_locked(), "what was not started holds nothing");
}

#[test]
fn it_gets_its_directory_mask_and_environment_and_nothing_to_read() {
    let ground = Ground::new();
    let odd = OsString::from("a=b \n'\"");
    let program = Program {
        environment: Some(vec![
            ("ODD".into(), odd.clone()),
            ("PATH".into(), "/usr/bin:/bin".into()),
        ]),
        variables: vec![("ODD2".into(), odd)],
        umask: 0o027,
        ..ground.program("cat; pwd > made; env -0 | sort -z > environment; mv made done")
    };
    let running = program.start().unwrap();
    wait_until("it has ended", || reap(running.process, false).ended.is_some());
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(ground.path("done")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o640);
    let directory = fs::read_to_string(ground.path("done")).unwrap();
    assert_eq!(Path::new(directory.trim_end()), ground.dir.path().canonicalize().unwrap());
    let environment = fs::read_to_string(ground.path("environment")).unwrap();
    let own = ["OLDPWD=", "PWD=", "SHLVL=", "_="];
    let given: Vec<_> = environment
        .split_terminator('\0')
        .filter(|entry| !own.iter().any(|name| entry.starts_with(name)))
        .collect();
    assert_eq!(given, ["ODD2=a=b \n'\"", "ODD=a=b \n'\"", "PATH=/usr/bin:/bin"]);
}

#[test]
fn its_lock_lasts_as_long_as_any_of_it() {
    let ground = Ground::new();
    let running = ground.start("sleep 600 & echo $! > sleeper-1");
    wait_until("it has ended", || reap(running.process, false).ended == Some(How::Exited(0)));
    assert!(ground.is_locked(), "the sleeper has it");
    let sleeper = Process::of(ground.pids("sleeper-")[0]).unwrap();
    assert!(jobctl_command::signal(sleeper, Signal::KILL).unwrap());
    wait_until("the lock is free", || !ground.is_locked());
}
