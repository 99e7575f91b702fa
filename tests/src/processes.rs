//! Processes that a test started, found by what they were started with.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A process as `/proc` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment, `NAME=value` each; empty where it may not be read.
    pub environment: Vec<String>,
}

impl Process {
    /// The living process of this number; zombies have no arguments and do not count.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        let args = strings(pid, "cmdline")?;
        (!args.is_empty()).then(|| Self {
            pid,
            args,
            environment: strings(pid, "environ").unwrap_or_default(),
        })
    }

    /// Whether one of its arguments lies below this directory, or its working directory does.
    fn is_of(&self, directory: &Path) -> bool {
        self.args.iter().any(|arg| Path::new(arg).starts_with(directory))
            || fs::read_link(format!("/proc/{}/cwd", self.pid))
                .is_ok_and(|path| path.starts_with(directory))
    }

    /// The hidden command that makes `jobctl` a runner or a worker.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.args.get(1).map(String::as_str)
    }
}

fn strings(pid: i32, name: &str) -> Option<Vec<String>> {
    let bytes = fs::read(format!("/proc/{pid}/{name}")).ok()?;
    let parts = bytes.split(|byte| *byte == 0).filter(|part| !part.is_empty());
    Some(parts.map(|part| String::from_utf8_lossy(part).into_owned()).collect())
}

/// All living processes whose arguments or working directory lie below this directory.
#[must_use]
pub fn below(directory: &Path) -> Vec<Process> {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    numbers
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != own)
        .filter_map(Process::of)
        .filter(|process| process.is_of(directory))
        .collect()
}

/// `kill -9`. A process that has gone meanwhile is fine.
pub fn kill(pid: i32) {
    send(pid, Signal::KILL);
}

/// Sends a signal. A process that has gone meanwhile is fine.
pub fn send(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, signal);
    }
}

/// Whether a process has a handler for this signal.
#[must_use]
pub fn catches(pid: i32, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = line.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    caught & (1 << (signal.as_raw() - 1)) != 0
}
