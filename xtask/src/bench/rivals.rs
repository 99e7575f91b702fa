//! The queues that people use today, where they are installed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::chore::{Failed, run};

/// pueue with its daemon, in a home of its own; found on `PATH`, or in the directory `PUEUE_BIN`.
pub(super) struct Pueue {
    home: PathBuf,
    _daemon: Daemon,
}

impl Pueue {
    /// Starts the daemon; `None` where pueue is not installed.
    pub(super) fn start(folder: &Path) -> Result<Option<Self>, Failed> {
        let home = folder.join("pueue-home");
        fs::create_dir_all(&home)?;
        if !is_there(&mut Self::command(&home, "pueue"), "--version") {
            return Ok(None);
        }
        let ask = || {
            let mut command = Self::command(&home, "pueue");
            command.arg("status");
            command
        };
        let daemon = Daemon::start(Self::command(&home, "pueued"), ask)?;
        Ok(Some(Self { home, _daemon: daemon }))
    }

    /// Runs `pueue` with these arguments.
    pub(super) fn run(&self, args: &[&str]) -> Result<(), Failed> {
        run(Self::command(&self.home, "pueue").args(args).stdout(Stdio::null()))
    }

    /// `pueue` or `pueued`.
    pub(super) fn command(home: &Path, name: &str) -> Command {
        let program = match std::env::var_os("PUEUE_BIN") {
            Some(folder) => Path::new(&folder).join(name).into_os_string(),
            None => OsString::from(name),
        };
        let mut command = Command::new(program);
        for variable in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"] {
            command.env(variable, home);
        }
        command
    }
}

/// tsp with a server of its own.
pub(super) struct Tsp {
    folder: PathBuf,
}

impl Tsp {
    /// tsp in this folder; `None` where it is not installed.
    pub(super) fn new(folder: &Path) -> Option<Self> {
        let tsp = Self { folder: folder.to_owned() };
        is_there(&mut tsp.command(), "-V").then_some(tsp)
    }

    /// Runs `tsp` with these arguments.
    pub(super) fn run(&self, args: &[&str]) -> Result<(), Failed> {
        run(self.command().args(args).stdout(Stdio::null()))
    }

    /// Waits until all its jobs have ended.
    pub(super) fn wait(&self) -> Result<(), Failed> {
        loop {
            let listed = self.command().arg("-l").output()?;
            let text = String::from_utf8_lossy(&listed.stdout).into_owned();
            let is_open =
                |line: &str| matches!(line.split_whitespace().nth(1), Some("running" | "queued"));
            if !text.lines().any(is_open) {
                return Ok(());
            }
            // Its last job: the next look finds at most one other.
            run(self.command().arg("-w").stdout(Stdio::null()).stderr(Stdio::null()))?;
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new("tsp");
        // It forgets what exceeds its limit.
        command.env("TS_SOCKET", self.folder.join("tsp.socket")).env("TS_MAXFINISHED", "20000");
        command.env("TMPDIR", &self.folder);
        command
    }
}

impl Drop for Tsp {
    fn drop(&mut self) {
        // Its server ends with its queue.
        let _ = self.command().arg("-K").stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn is_there(command: &mut Command, asked: &str) -> bool {
    command.arg(asked).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// A process that ends with this one.
pub(super) struct Daemon(Child);

impl Daemon {
    /// Starts it and waits until it answers.
    pub(super) fn start(mut command: Command, ask: impl Fn() -> Command) -> Result<Self, Failed> {
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        let daemon = Self(quiet.spawn()?);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(60) {
            let asked = ask().stdout(Stdio::null()).stderr(Stdio::null()).status()?;
            if asked.success() {
                return Ok(daemon);
            }
            sleep(Duration::from_millis(50));
        }
        Err(Failed(format!("{command:?} does not answer")))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.0);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.0.wait();
    }
}
