//! What the system says of this boot and this process.

use std::fs;

use crate::Holder;

/// The id of the running boot; empty where the system has none.
pub fn current() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map(|text| text.trim().to_owned())
        .unwrap_or_default()
}

impl Holder {
    /// This process, in the boot named so.
    pub fn me(boot: &str) -> Self {
        let pid = std::process::id();
        let Stat { session, started } = stat(pid).unwrap_or_default();
        Self { pid, started, boot: boot.to_owned(), session }
    }
}

/// When a process started, in clock ticks since boot; `None` where none of this number lives.
pub fn process_start(pid: u32) -> Option<u64> {
    stat(pid).map(|stat| stat.started)
}

/// What `/proc/PID/stat` says of a process.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stat {
    /// Its session; 0 where the leader is outside this process namespace, as for whatever a
    /// container's engine starts in it, which is why `getsid` of a wrapper that promises a
    /// positive number is not asked.
    session: u32,
    /// Clock ticks since boot.
    started: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Fields 6 and 22 of a line of `/proc/PID/stat` (`man 5 proc_pid_stat`).
fn parse(line: &str) -> Option<Stat> {
    // The second field is the program's name in parentheses, and may hold any character.
    let (_, rest) = line.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let session = fields.nth(3)?.parse().ok()?;
    let started = fields.nth(15)?.parse().ok()?;
    Some(Stat { session, started })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_named_like_a_field_does_not_shift_the_others() {
        let rest = (3..30).map(|field| field.to_string()).collect::<Vec<_>>().join(" ");
        let read = parse(&format!("7 (a) b ) {rest}"));
        assert_eq!(read, Some(Stat { session: 6, started: 22 }));
        assert_eq!(parse("7 (a"), None);
    }
}
