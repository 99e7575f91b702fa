use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jobctl_core::Status;
use jobctl_store::Store as _;

use crate::args::LogsArgs;
use crate::error::Failure;
use crate::exit::Code;
use crate::session::{Opened, Session};
use crate::{engine, ids, json, text};

/// How often a log is looked at for more.
const GLANCE: Duration = Duration::from_millis(200);

/// A line of a log for `--json`.
#[derive(serde::Serialize)]
struct LineShape<'a> {
    schema: u32,
    id: &'a str,
    line: &'a str,
}

/// A job's log, and how far it was read.
struct Log {
    id: String,
    path: PathBuf,
    at: u64,
    inode: u64,
}

/// Prints the end of logs and, if asked to, what is added to them.
pub(crate) fn logs(session: &Session, args: &LogsArgs) -> Result<Code, Failure> {
    let (opened, ids) = ids::jobs(session, &args.ids, "asked")?;
    let several = ids.len() > 1;
    let mut logs = Vec::new();
    for id in &ids {
        let seen = ids::look(&opened, *id)?;
        let mut log = Log { id: id.to_string(), path: seen.log, at: 0, inode: 0 };
        if !session.globals.json && !args.follow {
            let title = format!("Worker Logs for {id} (last {} lines):\n\n", args.lines);
            session.screen.say(&title)?;
        }
        let mut tail = log.tail(args.lines)?;
        if tail.is_empty() && !session.globals.json && !args.follow {
            session.screen.note("(nothing yet)");
        }
        for line in tail.drain(..) {
            print(session, &log, several && args.follow, &line)?;
        }
        logs.push(log);
    }
    if args.follow { follow(session, &opened, logs) } else { Ok(Code::Fine) }
}

fn print(session: &Session, log: &Log, named: bool, line: &str) -> Result<(), Failure> {
    let line = text::line(line);
    if session.globals.json {
        let shape = LineShape { schema: json::SCHEMA, id: &log.id, line: &line };
        return session.screen.say(&json::text(&shape));
    }
    session.screen.say(&if named { format!("[{}] {line}\n", log.id) } else { format!("{line}\n") })
}

fn follow(session: &Session, opened: &Opened, mut logs: Vec<Log>) -> Result<Code, Failure> {
    let several = logs.len() > 1;
    engine::keep_all_going(session, opened);
    loop {
        // Whether they go on is asked before the last look: what came in between is not missed.
        let all_ended = logs.iter().all(|log| has_ended(opened, &log.id));
        for log in &mut logs {
            for line in log.more()? {
                print(session, log, several, &line)?;
            }
        }
        if all_ended {
            return Ok(Code::Fine);
        }
        std::thread::sleep(GLANCE);
    }
}

fn has_ended(opened: &Opened, id: &str) -> bool {
    let seen = id.parse().ok().and_then(|id| opened.store.look(id).ok());
    seen.and_then(|seen| seen.status()).is_none_or(Status::is_ended)
}

impl Log {
    /// The last lines, from the rotated predecessor too where the log itself is too short.
    fn tail(&mut self, count: usize) -> Result<VecDeque<String>, Failure> {
        let mut last = VecDeque::new();
        let mut keep = |line: String| {
            if last.len() == count {
                last.pop_front();
            }
            if count > 0 {
                last.push_back(line);
            }
        };
        for line in Self::read(&self.path.with_extension("log.1"), 0)?.0 {
            keep(line);
        }
        let (lines, read) = Self::read(&self.path, 0)?;
        lines.into_iter().for_each(&mut keep);
        self.at = read;
        self.inode = inode(&self.path);
        Ok(last)
    }

    /// What was added since; begins anew where the log was rotated.
    fn more(&mut self) -> Result<Vec<String>, Failure> {
        let inode = inode(&self.path);
        if inode != self.inode {
            self.inode = inode;
            self.at = 0;
        }
        let (lines, read) = Self::read(&self.path, self.at)?;
        self.at += read;
        Ok(lines)
    }

    /// Whole lines from a place on, and how many bytes they are.
    fn read(path: &Path, at: u64) -> Result<(Vec<String>, u64), Failure> {
        let wrap = |source| Failure::Io { verb: "read the log", path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
            Err(error) => return Err(wrap(error)),
        };
        let mut reader = BufReader::new(file);
        reader.seek(SeekFrom::Start(at)).map_err(wrap)?;
        let (mut lines, mut read, mut bytes) = (Vec::new(), 0, Vec::new());
        loop {
            bytes.clear();
            let length = reader.read_until(b'\n', &mut bytes).map_err(wrap)?;
            if bytes.pop() != Some(b'\n') {
                return Ok((lines, read));
            }
            read += length as u64;
            lines.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
}

fn inode(path: &Path) -> u64 {
    path.metadata().map_or(0, |found| found.ino())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_log_is_read_from_its_end_and_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("worker.log");
        let write = |path: &Path, text: &str| {
            let mut file = File::options().append(true).create(true).open(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        write(&path.with_extension("log.1"), "a\nb\n");
        write(&path, "c\nd\nhalf");
        let mut log = Log { id: "00000001".into(), path: path.clone(), at: 0, inode: 0 };
        assert_eq!(log.tail(3).unwrap(), ["b", "c", "d"]);
        assert_eq!(log.more().unwrap(), Vec::<String>::new());
        write(&path, " done\nnext\n");
        assert_eq!(log.more().unwrap(), ["half done", "next"]);
        std::fs::rename(&path, path.with_extension("log.1")).unwrap();
        write(&path, "rotated\n");
        assert_eq!(log.more().unwrap(), ["rotated"]);
    }
}
