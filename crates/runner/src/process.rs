//! Signals to processes that may have gone: never to a stranger that got their number.

use std::io;

use jobctl_store::Holder;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Sends `signal` to the process that wrote `holder`; `Ok(false)` where it has gone.
pub(crate) fn signal(holder: &Holder, signal: Signal) -> io::Result<bool> {
    let Some(pid) = i32::try_from(holder.pid).ok().and_then(Pid::from_raw) else {
        return Ok(false);
    };
    let handle = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(handle) => handle,
        Err(rustix::io::Errno::SRCH) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    // The descriptor now names one process for good; is it the one that was meant?
    if jobctl_store::boot::process_start(holder.pid) != Some(holder.started) {
        return Ok(false);
    }
    match pidfd_send_signal(&handle, signal) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
