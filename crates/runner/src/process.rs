//! Signals to whoever signed a lock.

use std::io;

use jobctl_command::Process;
use jobctl_store::Holder;
use rustix::process::Signal;

/// Sends `signal` to the process that signed as `holder` in this `boot`; `Ok(false)` where it has
/// gone. Never reaches a stranger that got its number.
pub(crate) fn signal(holder: &Holder, boot: &str, signal: Signal) -> io::Result<bool> {
    if holder.boot != boot {
        return Ok(false);
    }
    jobctl_command::signal(Process { pid: holder.pid, started: holder.started }, signal)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::Command;

    use jobctl_store::boot;

    use super::*;

    #[test]
    fn whoever_signed_is_reached_and_nobody_of_another_boot() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let started = boot::process_start(child.id()).unwrap();
        let holder = Holder { pid: child.id(), started, boot: "this".into(), session: 0 };
        assert!(!signal(&holder, "another", Signal::KILL).unwrap());
        assert!(child.try_wait().unwrap().is_none());
        assert!(signal(&holder, "this", Signal::TERM).unwrap());
        assert_eq!(child.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
        assert!(!signal(&holder, "this", Signal::KILL).unwrap(), "it has gone");
    }
}
