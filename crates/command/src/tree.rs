use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, wait, waitpid};

use crate::Process;
use crate::table::{self, Entry, FileId};

/// The processes that came of one program.
///
/// One belongs to it if its parent does, if it is in the group that the program was started in,
/// or if it carries the [`Mark`]. Only a process of the very program that this one is, leading a
/// session of its own, stands apart: a runner that a job's command happened to start serves
/// others too.
#[derive(Debug)]
pub struct Tree {
    /// The program itself, as long as it is known.
    root: Option<Process>,
    /// Whether every child of this process is part of it.
    whole: bool,
    /// A session that was made for it.
    session: Option<u32>,
    mark: Mark,
}

/// What all processes of a tree carry, unless they throw it away.
#[derive(Debug)]
pub struct Mark {
    /// An entry of their environment, `NAME=value`.
    variable: Vec<u8>,
    /// A file that they have open.
    file: Option<(PathBuf, FileId)>,
}

impl Mark {
    /// This entry of the environment, and the file at this path where there is one.
    pub fn new(variable: &str, file: Option<&Path>) -> Self {
        let file = file.and_then(|path| Some((path.to_owned(), FileId::at(path)?)));
        Self { variable: variable.into(), file }
    }

    fn is_open_in(&self, pid: u32) -> bool {
        self.file.as_ref().is_some_and(|(path, file)| table::has_open(pid, path, *file))
    }

    fn is_named_in(&self, pid: u32) -> bool {
        table::has_variable(pid, &self.variable)
    }
}

impl Tree {
    /// The tree of a program that this process has started. `whole`: this process adopts orphans
    /// and has started nothing else.
    pub const fn of(root: Process, whole: bool, mark: Mark) -> Self {
        Self { root: Some(root), whole, session: None, mark }
    }

    /// What is left of a tree whose starter has gone. `session` was made by the starter for it.
    pub const fn left(session: Option<u32>, mark: Mark) -> Self {
        Self { root: None, whole: false, session, mark }
    }

    /// Its living processes, those excluded that have ended and were not asked how.
    pub fn members(&self) -> Vec<Process> {
        let all = table::all();
        let me = std::process::id();
        let own = table::program(me);
        let others = || all.iter().filter(|entry| !entry.ended && entry.pid != me);
        let spared: HashSet<u32> = others()
            .filter(|entry| entry.session == entry.pid && own.is_some())
            .filter(|entry| table::program(entry.pid) == own)
            .map(|entry| entry.pid)
            .collect();
        let candidates = || others().filter(|entry| !spared.contains(&entry.pid));
        let mut seeds: HashSet<u32> =
            candidates().filter(|entry| self.has(entry, me)).map(|entry| entry.pid).collect();
        // The number of a session is not given away as long as somebody is in it.
        let session = self.session.filter(|session| {
            others().any(|entry| seeds.contains(&entry.pid) && entry.session == *session)
        });
        if let Some(session) = session {
            let within = candidates().filter(|entry| entry.session == session);
            seeds.extend(within.map(|entry| entry.pid));
        }
        table::with_descendants(&all, seeds, &spared, me)
    }

    fn has(&self, entry: &Entry, me: u32) -> bool {
        self.root == Some(entry.process())
            || self.root.is_some_and(|root| entry.group == root.pid)
            || (self.whole && entry.parent == me)
            || self.mark.is_open_in(entry.pid)
            || self.mark.is_named_in(entry.pid)
    }
}

/// Makes this process the parent of what its children leave behind; says whether it is now.
pub fn adopt_orphans() -> bool {
    #[cfg(target_os = "linux")]
    let adopts = rustix::process::set_child_subreaper(Some(rustix::process::getpid())).is_ok();
    #[cfg(not(target_os = "linux"))]
    let adopts = false;
    adopts
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// With this code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
}

/// What was learnt of children that have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reaped {
    /// How the program ended, if it has.
    pub ended: Option<How>,
    /// Whether no child is left at all.
    pub alone: bool,
}

/// Asks, without waiting, how the program with this number ended; with `whole` also takes leave of
/// all other children that have ended.
pub fn reap(program: Process, whole: bool) -> Reaped {
    let mut reaped = Reaped { ended: None, alone: false };
    // Without a number it would be asked of the whole group.
    let pid = i32::try_from(program.pid).ok().and_then(Pid::from_raw);
    if pid.is_none() {
        return reaped;
    }
    loop {
        let status =
            if whole { wait(WaitOptions::NOHANG) } else { waitpid(pid, WaitOptions::NOHANG) };
        match status {
            Ok(Some((ended, status))) => {
                if Some(ended) == pid {
                    reaped.ended = how(status.exit_status(), status.terminating_signal());
                }
                if !whole {
                    return reaped;
                }
            }
            Ok(None) => return reaped,
            Err(Errno::INTR) => {}
            Err(error) => {
                reaped.alone = whole && error == Errno::CHILD;
                return reaped;
            }
        }
    }
}

fn how(code: Option<i32>, signal: Option<i32>) -> Option<How> {
    code.map(How::Exited).or(signal.map(How::Signalled))
}
