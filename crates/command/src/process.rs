//! Signals to processes that may have gone: never to a stranger that got their number.

use std::io;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use crate::table;

/// One process, for good: numbers are given away again, but not with the same start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, in clock ticks since boot.
    pub started: u64,
}

impl Process {
    /// The process that has this number now.
    pub fn of(pid: u32) -> Option<Self> {
        table::entry(pid).map(|entry| entry.process())
    }
}

/// A hold on the process that has a number now.
enum Grip {
    /// Names one process for good.
    #[cfg(target_os = "linux")]
    Handle(std::os::fd::OwnedFd),
    /// Only the number, which may be given away between the look and the signal.
    Number(Pid),
}

/// Sends a signal; `Ok(false)` where the process has gone.
pub fn signal(process: Process, signal: Signal) -> io::Result<bool> {
    signal_by(grip, process, signal)
}

/// [`signal`] with this way to get hold of a process. The order matters: only a look that comes
/// after the grip says whom the grip is on.
fn signal_by(
    grip: fn(Pid) -> Result<Grip, Errno>,
    process: Process,
    signal: Signal,
) -> io::Result<bool> {
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else {
        return Ok(false);
    };
    let sent = grip(pid).and_then(|grip| {
        let is_it = Process::of(process.pid) == Some(process);
        if is_it { send(&grip, signal).map(|()| true) } else { Ok(false) }
    });
    match sent {
        Err(Errno::SRCH) => Ok(false),
        sent => Ok(sent?),
    }
}

#[cfg(target_os = "linux")]
fn grip(pid: Pid) -> Result<Grip, Errno> {
    use rustix::process::{PidfdFlags, pidfd_open};
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => Ok(Grip::Handle(handle)),
        // Kernels before 5.3 do not know the call, and some sandboxes forbid it. Start times then
        // say who has the number; that it changes hands in the same instant is very unlikely.
        Err(Errno::NOSYS | Errno::PERM) => Ok(Grip::Number(pid)),
        Err(error) => Err(error),
    }
}

#[cfg(not(target_os = "linux"))]
fn grip(pid: Pid) -> Result<Grip, Errno> {
    Ok(Grip::Number(pid))
}

fn send(grip: &Grip, signal: Signal) -> Result<(), Errno> {
    match grip {
        #[cfg(target_os = "linux")]
        Grip::Handle(handle) => rustix::process::pidfd_send_signal(handle, signal),
        Grip::Number(pid) => kill_process(*pid, signal),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Child, Command};

    use super::*;

    const WAYS: [fn(Pid) -> Result<Grip, Errno>; 2] = [grip, |pid| Ok(Grip::Number(pid))];

    /// A process that does nothing until it is told to end.
    fn sleeper() -> (Child, Process) {
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        let process = Process::of(child.id()).unwrap();
        (child, process)
    }

    #[test]
    fn it_is_reached_with_a_handle_and_without() {
        for way in WAYS {
            let (mut child, process) = sleeper();
            assert!(signal_by(way, process, Signal::TERM).unwrap());
            assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
            assert!(!signal_by(way, process, Signal::KILL).unwrap(), "it has gone");
        }
    }

    #[test]
    fn a_stranger_with_the_same_number_is_left_alone() {
        for way in WAYS {
            let (mut child, process) = sleeper();
            let earlier = Process { started: process.started - 1, ..process };
            assert!(!signal_by(way, earlier, Signal::KILL).unwrap());
            assert!(child.try_wait().unwrap().is_none());
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[test]
    fn numbers_that_name_no_process_reach_nobody() {
        for pid in [0, u32::MAX] {
            assert!(!signal(Process { pid, started: 1 }, Signal::KILL).unwrap());
        }
    }
}
