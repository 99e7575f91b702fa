//! Waits that cost nothing while they last: for a time of day, and for the end of a process that
//! is not a child.

use std::io;
#[cfg(target_os = "linux")]
use std::os::fd::OwnedFd;
use std::time::Duration;

use jobctl_core::Time;
use jobctl_store::Holder;
#[cfg(target_os = "linux")]
use tokio::io::unix::AsyncFd;

/// How often is looked where the system cannot ring.
const GLANCE: Duration = Duration::from_secs(1);
/// How long a claim may stay held by somebody who has gone or has not signed yet.
const MOMENT: Duration = Duration::from_millis(50);

/// A clock that rings at a time of day, however the clock is set and however long the machine
/// sleeps meanwhile.
pub(crate) struct Alarm {
    #[cfg(target_os = "linux")]
    timer: AsyncFd<OwnedFd>,
}

#[cfg(target_os = "linux")]
impl Alarm {
    /// Must be called inside the runtime.
    pub(crate) fn new() -> io::Result<Self> {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
        Ok(Self { timer: watched(timer)? })
    }

    /// Returns at that time, or when the clock was set; without a time, never.
    pub(crate) async fn ring(&self, at: Option<Time>) {
        let Some(at) = at else { return std::future::pending().await };
        if self.set(at).is_err() {
            return tokio::time::sleep(GLANCE).await;
        }
        // That it can be read is all there is to know; a set clock makes reading fail.
        if let Ok(mut ready) = self.timer.readable().await {
            let _ = rustix::io::read(self.timer.get_ref(), &mut [0; 8]);
            ready.clear_ready();
        }
    }

    fn set(&self, at: Time) -> io::Result<()> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        // A time of zero would mean no time.
        let tv_nsec = at.subsec_nanosecond().clamp(1, 999_999_999).into();
        let it_value = Timespec { tv_sec: at.as_second().max(1), tv_nsec };
        let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        timerfd_settime(self.timer.get_ref(), flags, &Itimerspec { it_interval, it_value })?;
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
impl Alarm {
    /// Must be called inside the runtime.
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere the system may refuse")]
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Returns at that time or earlier; without a time, never.
    pub(crate) async fn ring(&self, at: Option<Time>) {
        let Some(at) = at else { return std::future::pending().await };
        let left = Duration::try_from(at.duration_since(crate::worker::now()));
        tokio::time::sleep(left.unwrap_or_default().min(GLANCE)).await;
    }
}

#[cfg(target_os = "linux")]
#[expect(deprecated, reason = "an owned descriptor stays what it is, which is all that is asked")]
fn watched(file: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(file)
}

/// Returns once whoever held a claim has gone, or may have.
pub(crate) async fn departure(holder: Option<Holder>) {
    if let Some(holder) = holder
        && let Ok(()) = end_of(&holder).await
    {
        return;
    }
    tokio::time::sleep(MOMENT).await;
}

#[cfg(target_os = "linux")]
async fn end_of(holder: &Holder) -> io::Result<()> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let pid = i32::try_from(holder.pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
    let process = pidfd_open(pid, PidfdFlags::NONBLOCK)?;
    let process = watched(process)?;
    process.readable().await.map(drop)
}

#[cfg(not(target_os = "linux"))]
async fn end_of(_: &Holder) -> io::Result<()> {
    tokio::time::sleep(GLANCE).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use jiff::SignedDuration;
    use jobctl_store::boot;

    use super::*;
    use crate::worker::now;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn it_rings_when_the_time_has_come_again_and_again() {
        block_on(async {
            let alarm = Alarm::new().unwrap();
            for after in [-10, 0, 1, 20] {
                let at = now() + SignedDuration::from_millis(after);
                alarm.ring(Some(at)).await;
                assert!(now() >= at);
            }
            alarm.ring(Some(Time::UNIX_EPOCH)).await;
        });
    }

    #[test]
    fn without_a_time_or_before_it_something_else_comes_first() {
        block_on(async {
            let alarm = Alarm::new().unwrap();
            let tomorrow = now() + SignedDuration::from_hours(24);
            for at in [None, Some(tomorrow)] {
                tokio::select! {
                    biased;
                    () = alarm.ring(at) => panic!("{at:?} has not come"),
                    () = tokio::task::yield_now() => {}
                }
            }
        });
    }

    #[test]
    fn the_end_of_a_process_is_noticed_and_a_number_without_one_too() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let holder = Holder { pid: child.id(), started: 0, boot: boot::current(), session: 0 };
        block_on(async {
            tokio::select! {
                biased;
                () = departure(Some(holder.clone())) => panic!("it lives"),
                () = tokio::task::yield_now() => {}
            }
            child.kill().unwrap();
            departure(Some(holder.clone())).await;
            child.wait().unwrap();
            departure(Some(Holder { pid: u32::MAX, ..holder })).await;
            departure(None).await;
        });
    }
}
