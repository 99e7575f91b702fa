//! What the system tells of all processes. Empty where it tells nothing in `/proc`.

use std::collections::HashSet;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::Process;

/// A line of the table of processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) pid: u32,
    pub(crate) parent: u32,
    pub(crate) group: u32,
    /// 0 where its leader is outside this process namespace.
    pub(crate) session: u32,
    started: u64,
    /// Whether it has ended, and only its parent has not asked how.
    pub(crate) ended: bool,
}

impl Entry {
    pub(crate) const fn process(&self) -> Process {
        Process { pid: self.pid, started: self.started }
    }
}

/// A file, whatever its name is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    /// The file that is at a path now, following links.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let meta = fs::metadata(path).ok()?;
        Some(Self { device: meta.dev(), inode: meta.ino() })
    }
}

/// Every process, those that have ended too.
pub(crate) fn all() -> Vec<Entry> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten();
    names.filter_map(|name| entry(name.file_name().to_str()?.parse().ok()?)).collect()
}

/// The process of this number.
pub(crate) fn entry(pid: u32) -> Option<Entry> {
    parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Fields 3 to 6 and 22 of a line of `/proc/PID/stat` (`man 5 proc_pid_stat`).
fn parse(pid: u32, line: &str) -> Option<Entry> {
    // The second field is the program's name in parentheses, and may hold any character.
    let (_, rest) = line.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let ended = matches!(fields.next()?, "Z" | "X" | "x");
    let parent = fields.next()?.parse().ok()?;
    let group = fields.next()?.parse().ok()?;
    let session = fields.next()?.parse().ok()?;
    let started = fields.nth(15)?.parse().ok()?;
    Some(Entry { pid, parent, group, session, started, ended })
}

/// Whether a process was started with this entry, `NAME=value`, in its environment.
pub(crate) fn has_variable(pid: u32, entry: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|has| has == entry)
}

/// Whether a process has a file open that had this path when it was opened.
pub(crate) fn has_open(pid: u32, path: &Path, file: FileId) -> bool {
    let Some(name) = path.file_name() else { return false };
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut links = open.map(|entry| entry.path());
    links.any(|link| {
        // The name first: looking at a file may wait for a disk far away.
        let target = fs::read_link(&link).unwrap_or_default();
        let named = target.as_os_str().as_bytes();
        named.windows(name.len()).any(|part| part == name.as_bytes())
            && FileId::at(&link) == Some(file)
    })
}

/// The program that a process runs.
pub(crate) fn program(pid: u32) -> Option<FileId> {
    FileId::at(Path::new(&format!("/proc/{pid}/exe")))
}

/// These processes and all that came of them, without `me`.
pub(crate) fn with_descendants(
    all: &[Entry],
    seeds: HashSet<u32>,
    spared: &HashSet<u32>,
    me: u32,
) -> Vec<Process> {
    let mut within = seeds;
    let mut known = 0;
    // A child may stand before its parent in the table.
    while known != within.len() {
        known = within.len();
        for entry in all.iter().filter(|entry| entry.pid != me && !spared.contains(&entry.pid)) {
            if within.contains(&entry.parent) {
                within.insert(entry.pid);
            }
        }
    }
    let members = all.iter().filter(|entry| !entry.ended && within.contains(&entry.pid));
    members.map(Entry::process).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_named_like_a_field_does_not_shift_the_others() {
        let rest = (4..30).map(|field| field.to_string()).collect::<Vec<_>>().join(" ");
        let read = parse(7, &format!("7 (a) b ) Z {rest}"));
        let entry = Entry { pid: 7, parent: 4, group: 5, session: 6, started: 22, ended: true };
        assert_eq!(read, Some(entry));
        assert_eq!(parse(7, "7 (a"), None);
    }

    #[test]
    fn whatever_came_of_a_process_is_found_and_nothing_else() {
        let entry =
            |pid, parent, ended| Entry { pid, parent, group: pid, session: 1, started: 0, ended };
        let all = [
            entry(9, 8, false),
            entry(2, 1, false),
            entry(3, 2, false),
            entry(4, 3, true),
            entry(8, 4, false),
            entry(5, 1, false),
            entry(6, 2, false),
            entry(7, 6, false),
        ];
        let found = with_descendants(&all, [2].into(), &[6].into(), 5);
        let pids: Vec<_> = found.into_iter().map(|process| process.pid).collect();
        assert_eq!(pids, [9, 2, 3, 8], "not the spared one, not the ended one, nobody's else");
    }
}
