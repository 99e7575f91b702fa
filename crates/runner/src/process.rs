//! Signals to processes that may have gone: never to a stranger that got their number.

use std::io;

use jobctl_store::{Holder, boot};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

/// A hold on the process that has a number now.
enum Grip {
    /// Names one process for good.
    #[cfg(target_os = "linux")]
    Handle(std::os::fd::OwnedFd),
    /// Only the number, which may be given away between the look and the signal.
    Number(Pid),
}

/// Sends `signal` to the process that wrote `holder`; `Ok(false)` where it has gone.
pub(crate) fn signal(holder: &Holder, signal: Signal) -> io::Result<bool> {
    signal_by(grip, holder, signal)
}

/// [`signal`] with this way to get hold of a process. The order matters: only a look that comes
/// after the grip says whom the grip is on.
fn signal_by(
    grip: fn(Pid) -> Result<Grip, Errno>,
    holder: &Holder,
    signal: Signal,
) -> io::Result<bool> {
    let Some(pid) = i32::try_from(holder.pid).ok().and_then(Pid::from_raw) else {
        return Ok(false);
    };
    let sent = grip(pid).and_then(|grip| {
        if is_signed_by(holder) { send(&grip, signal).map(|()| true) } else { Ok(false) }
    });
    match sent {
        Err(Errno::SRCH) => Ok(false),
        sent => Ok(sent?),
    }
}

/// Whether the process that has the holder's number now is the one that wrote it: of this boot,
/// and started at the same moment.
fn is_signed_by(holder: &Holder) -> bool {
    holder.boot == boot::current() && boot::process_start(holder.pid) == Some(holder.started)
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
    fn sleeper() -> (Child, Holder) {
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        let started = boot::process_start(child.id()).unwrap();
        let holder = Holder { pid: child.id(), started, boot: boot::current(), session: 0 };
        (child, holder)
    }

    #[test]
    fn whoever_signed_is_reached_with_a_handle_and_without() {
        for way in WAYS {
            let (mut child, holder) = sleeper();
            assert!(signal_by(way, &holder, Signal::TERM).unwrap());
            assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
            assert!(!signal_by(way, &holder, Signal::KILL).unwrap(), "it has gone");
        }
    }

    #[test]
    fn a_stranger_with_the_same_number_is_left_alone() {
        for way in WAYS {
            let (mut child, holder) = sleeper();
            let earlier = Holder { started: holder.started - 1, ..holder.clone() };
            let another_boot = Holder { boot: "another".into(), ..holder.clone() };
            for stale in [earlier, another_boot] {
                assert!(!signal_by(way, &stale, Signal::KILL).unwrap());
                assert!(child.try_wait().unwrap().is_none(), "{stale:?} reached it");
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[test]
    fn numbers_that_name_no_process_reach_nobody() {
        let (mut child, holder) = sleeper();
        for pid in [0, u32::MAX] {
            assert!(!signal(&Holder { pid, ..holder.clone() }, Signal::KILL).unwrap());
        }
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
