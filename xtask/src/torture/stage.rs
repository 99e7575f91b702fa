//! The machine on which it happens: a sandbox, a forge, a small disk, and calls of the program.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use jobctl_forge::{Behaviour, Config, Forge, IssueVolume, Limits};
use jobctl_tests::{Process, Sandbox, processes};
use rustix::process::Signal;
use serde_json::Value;

use super::ledger::Ledger;
use super::tally::Tally;
use crate::chore::{Failed, run};

/// Room for every journal and the warehouse, and soon full.
const DISK: &str = "size=24m,mode=0700";
/// No call may take longer, whatever happens around it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Further repositories, `acme/repo-001` and so on, with few issues each.
pub(crate) const REPOS: u32 = 8;

/// All of it.
#[derive(Debug)]
pub(crate) struct Stage {
    // First: it is let go of before the directory that it is mounted in.
    pub(crate) disk: Option<Disk>,
    pub(crate) sandbox: Sandbox,
    pub(crate) forge: Forge,
}

/// How a call ended.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) line: String,
    /// `None`: we killed it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) from: Instant,
    pub(crate) to: Instant,
}

impl Told {
    pub(crate) fn json(&self) -> Result<Value, Failed> {
        serde_json::from_str(&self.stdout).map_err(|error| self.wrong(&error.to_string()))
    }

    /// A violation that this call shows.
    pub(crate) fn wrong(&self, what: &str) -> Failed {
        let Self { line, code, stdout, stderr, .. } = self;
        Failed(format!("{what}\njobctl {line}: {code:?}\n{stdout}\n{stderr}"))
    }
}

impl Stage {
    pub(crate) fn new() -> Result<Self, Failed> {
        let volume = IssueVolume { issues: 300, comments: 700, ..IssueVolume::default() };
        let limits = Limits {
            primary: None,
            concurrent: None,
            points_per_minute: None,
            ..Limits::default()
        };
        let config = Config {
            issues: volume,
            repos: REPOS,
            issues_per_repo: 40,
            empty_repos: 0,
            recorded: false,
            behaviour: Behaviour { limits, ..Behaviour::default() },
            ..Config::default()
        };
        let forge = Forge::start(config).map_err(|error| Failed(error.to_string()))?;
        let sandbox = Sandbox::with_token_of(&forge);
        let disk = Disk::mount(&sandbox.root().join("state"));
        Ok(Self { disk, sandbox, forge })
    }

    /// Makes a call; killed after `kill` unless it has ended by then.
    pub(crate) fn call(&self, args: &[&str], kill: Option<Duration>) -> Result<Told, Failed> {
        let mut command = self.sandbox.call(args).into_command();
        let from = Instant::now();
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (stdout, stderr) = (gather(child.stdout.take()), gather(child.stderr.take()));
        let (code, hung) = wait(&mut child, from, kill)?;
        let to = Instant::now();
        let text = |gathered: thread::JoinHandle<String>| gathered.join().unwrap_or_default();
        let told = Told {
            line: args.join(" "),
            code,
            stdout: text(stdout),
            stderr: text(stderr),
            from,
            to,
        };
        if hung { Err(told.wrong("a call hangs")) } else { Ok(told) }
    }

    /// Makes a call that nothing disturbs and that must go well.
    pub(crate) fn ask(&self, args: &[&str]) -> Result<Told, Failed> {
        let told = self.call(args, None)?;
        if told.code == Some(0) { Ok(told) } else { Err(told.wrong("a call failed")) }
    }

    /// All jobs as the program lists them, without starting anything.
    pub(crate) fn jobs(&self) -> Result<Vec<Value>, Failed> {
        let told = self.ask(&["list", "--all", "--json", "--no-start"])?;
        let jobs = told.json()?["jobs"].as_array().cloned();
        jobs.ok_or_else(|| told.wrong("no list of jobs"))
    }

    /// Kills everything, as a power cut would.
    pub(crate) fn kill_all(&self, ledger: &Ledger, tally: &Tally) -> Result<(), Failed> {
        tally.count("kills of all", "kills of all");
        let begun = Instant::now();
        loop {
            let left = self.sandbox.processes();
            if left.is_empty() {
                return Ok(());
            }
            for process in &left {
                strike(process, ledger, tally);
            }
            if begun.elapsed() > PATIENCE {
                return Err(Failed(format!("killed processes go on: {left:?}")));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Leaves the files for whoever looks into a violation; says where.
    pub(crate) fn keep(&self) -> String {
        self.sandbox.kill_all();
        let kept = PathBuf::from(format!("{}-kept", self.sandbox.root().display()));
        let copied = run(Command::new("cp").arg("-a").arg(self.sandbox.root()).arg(&kept));
        match copied {
            Ok(()) => kept.display().to_string(),
            Err(failed) => format!("no place: {failed}"),
        }
    }

    pub(crate) fn job_directory(&self, id: &str) -> PathBuf {
        self.sandbox.job_directory(id)
    }
}

/// `kill -9` of a runner or worker, on record.
pub(crate) fn strike(process: &Process, ledger: &Ledger, tally: &Tally) {
    // Held fast first: a runner's child may just be becoming a worker.
    processes::send(process.pid, Signal::STOP);
    let begun = Instant::now();
    while goes_on(process.pid) && begun.elapsed() < Duration::from_secs(1) {
        thread::yield_now();
    }
    let Some(process) = Process::of(process.pid) else { return };
    match process.role() {
        Some("worker") => {
            if let Some(id) = process.args.last() {
                ledger.killed_worker(id);
            }
            tally.count("kills", "worker");
        }
        Some("runner") => tally.count("kills", "runner"),
        // A call that lost its caller.
        _ => tally.count("kills", "call"),
    }
    processes::kill(process.pid);
}

/// Whether a process is there and not stopped.
fn goes_on(pid: i32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The name before the state may hold anything but ends with the last parenthesis.
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    !matches!(state, Some('T' | 'Z' | 'X'))
}

fn gather(pipe: Option<impl std::io::Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What a killed call has printed until then counts.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The exit code, `None` for a killed call; and whether it would not end.
fn wait(
    child: &mut Child,
    from: Instant,
    kill: Option<Duration>,
) -> Result<(Option<i32>, bool), Failed> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok((status.code(), false));
        }
        let hung = from.elapsed() > PATIENCE;
        if hung || kill.is_some_and(|after| from.elapsed() >= after) {
            child.kill()?;
            // It may have ended by itself in the meantime.
            return Ok((child.wait()?.code(), hung));
        }
        thread::sleep(Duration::from_micros(300));
    }
}

/// A small file system that holds the state directory.
#[derive(Debug)]
pub(crate) struct Disk {
    path: PathBuf,
}

impl Disk {
    /// Mounts it, where that is allowed.
    fn mount(path: &Path) -> Option<Self> {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", DISK, "torture"]).arg(path).output();
        let path = path.to_owned();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self { path })
    }

    /// Leaves no room at all, as far as others do not make some meanwhile.
    pub(crate) fn fill(&self) -> Result<(), Failed> {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(self.ballast())?;
        for size in [1 << 16, 1 << 12, 1] {
            let block = vec![1; size];
            while file.write_all(&block).is_ok() {}
        }
        Ok(())
    }

    /// Makes room again.
    pub(crate) fn empty(&self) -> Result<(), Failed> {
        match fs::remove_file(self.ballast()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The namespace ends with this process anyway; this lets the directory go.
        let _ = Command::new("umount").arg("-l").arg(&self.path).output();
    }
}
