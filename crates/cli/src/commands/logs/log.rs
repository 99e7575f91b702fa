//! A job's log as a file, which may be rotated at any time.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use jobctl_core::JobId;
use jobctl_store::open_to_read;

use crate::error::Failure;

/// A job's log.
pub(crate) struct Log {
    pub(crate) id: JobId,
    path: PathBuf,
    /// The file that was read last. Held open, so that what is added to it before it is rotated
    /// can still be read afterwards.
    current: Option<Reading>,
}

/// A file of lines, and how far it was read.
struct Reading {
    file: File,
    inode: u64,
    at: u64,
}

impl Log {
    /// The log at this path, of which nothing was read yet.
    pub(crate) const fn new(id: JobId, path: PathBuf) -> Self {
        Self { id, path, current: None }
    }

    /// The last lines, from the rotated predecessor too where the log itself is too short.
    pub(crate) fn tail(&mut self, count: usize) -> Result<VecDeque<String>, Failure> {
        let mut last = VecDeque::new();
        let mut keep = |line: String| {
            if last.len() == count {
                last.pop_front();
            }
            if count > 0 {
                last.push_back(line);
            }
        };
        let mut new = self.open()?;
        if let Some(mut old) = self.before([None, new.as_ref()])? {
            self.read(&mut old, Rest::Now)?.into_iter().for_each(&mut keep);
        }
        if let Some(new) = &mut new {
            self.read(new, Rest::Later)?.into_iter().for_each(&mut keep);
        }
        self.current = new;
        Ok(last)
    }

    /// What was added since, in the order in which it was written.
    ///
    /// Nothing is missed unless the log is rotated three times between two calls.
    pub(crate) fn more(&mut self) -> Result<Vec<String>, Failure> {
        let mut new = self.open()?;
        let mut old = self.current.take();
        if new.is_none() || inode(new.as_ref()) == inode(old.as_ref()) {
            let lines = old.as_mut().map_or(Ok(Vec::new()), |old| self.read(old, Rest::Later));
            self.current = old;
            return lines;
        }
        // The writer begins a file only when it is done with the one before, so that this is all
        // of the old one. Between the two there may have been one more.
        let between = self.before([old.as_ref(), new.as_ref()])?;
        let mut lines = Vec::new();
        for mut reading in [old, between].into_iter().flatten() {
            lines.extend(self.read(&mut reading, Rest::Now)?);
        }
        if let Some(new) = &mut new {
            lines.extend(self.read(new, Rest::Later)?);
        }
        self.current = new;
        Ok(lines)
    }

    /// The log as it is now, from its beginning.
    fn open(&self) -> Result<Option<Reading>, Failure> {
        Reading::open(&self.path).map_err(|source| self.failed(source))
    }

    /// Its rotated predecessor, unless that is one of these by now.
    fn before(&self, known: [Option<&Reading>; 2]) -> Result<Option<Reading>, Failure> {
        let path = self.path.with_extension("log.1");
        let found = Reading::open(&path).map_err(|source| self.failed(source))?;
        Ok(found.filter(|found| known.iter().all(|known| inode(*known) != Some(found.inode))))
    }

    fn read(&self, reading: &mut Reading, rest: Rest) -> Result<Vec<String>, Failure> {
        reading.lines(rest).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: io::Error) -> Failure {
        Failure::Io { verb: "read the log", path: self.path.clone(), source }
    }
}

/// What to do with a line at the end of a file that has no line break yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// It comes with the next look.
    Later,
    /// Nothing more comes: it is a line.
    Now,
}

impl Reading {
    fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match open_to_read(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let inode = file.metadata()?.ino();
        Ok(Some(Self { file, inode, at: 0 }))
    }

    /// The lines that were not read yet.
    fn lines(&mut self, rest: Rest) -> io::Result<Vec<String>> {
        let mut reader = BufReader::new(&self.file);
        reader.seek(SeekFrom::Start(self.at))?;
        let (mut lines, mut bytes) = (Vec::new(), Vec::new());
        loop {
            bytes.clear();
            let length = reader.read_until(b'\n', &mut bytes)?;
            let whole = bytes.pop_if(|byte| *byte == b'\n').is_some();
            if length == 0 || (!whole && rest == Rest::Later) {
                return Ok(lines);
            }
            self.at += length as u64;
            lines.push(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
}

/// Which file it is; the number is given to no other while it is open.
fn inode(reading: Option<&Reading>) -> Option<u64> {
    reading.map(|reading| reading.inode)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use jobctl_core::{Kind, Spec};
    use jobctl_store::{Adopt, FileStore, RealFs, Registry};

    use super::*;
    use crate::environment;

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
        let mut log = Log::new(JobId::from_bits(1), path.clone());
        assert_eq!(log.tail(3).unwrap(), ["b", "c", "d"]);
        assert_eq!(log.more().unwrap(), Vec::<String>::new());
        write(&path, " done\nnext\n");
        assert_eq!(log.more().unwrap(), ["half done", "next"]);
        std::fs::rename(&path, path.with_extension("log.1")).unwrap();
        write(&path, "rotated\n");
        assert_eq!(log.more().unwrap(), ["rotated"]);
    }

    #[test]
    fn what_is_added_before_a_rotation_is_not_missed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("worker.log");
        let write = |text: &str| {
            let mut file = File::options().append(true).create(true).open(&path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        let rotate = || std::fs::rename(&path, path.with_extension("log.1")).unwrap();
        let mut log = Log::new(JobId::from_bits(1), path.clone());
        assert_eq!(log.more().unwrap(), Vec::<String>::new());
        write("a\nb\n");
        assert_eq!(log.more().unwrap(), ["a", "b"]);
        write("c\n");
        rotate();
        assert_eq!(log.more().unwrap(), ["c"], "there is no new file yet");
        write("d\n");
        assert_eq!(log.more().unwrap(), ["d"]);
        // Twice between two looks, and a line that its writer did not finish.
        write("e\n");
        rotate();
        write("f\ng");
        rotate();
        write("h\n");
        assert_eq!(log.more().unwrap(), ["e", "f", "g", "h"]);
        assert_eq!(log.more().unwrap(), Vec::<String>::new());
        // A log that was rotated before the first look.
        let mut late = Log::new(JobId::from_bits(1), path.clone());
        assert_eq!(late.more().unwrap(), ["f", "g", "h"]);
        assert_eq!(late.tail(2).unwrap(), ["g", "h"]);
    }

    #[test]
    fn a_log_that_is_written_and_rotated_all_the_time_is_followed_line_by_line() {
        const LINES: usize = 2_000;
        // Less than a whole file: the follower must not fall two rotations behind.
        const AHEAD: usize = 400;
        let directory = tempfile::tempdir().unwrap();
        let registry = Registry::at(directory.path().join("registry"));
        let path = directory.path().join("state");
        let fs = Arc::new(RealFs);
        let store = FileStore::create(&path, &registry, fs, "boot", Adopt::Fresh).unwrap();
        let (id, now) = (JobId::from_bits(1), environment::now());
        let spec = Spec::new(Kind::ImportIssues, "import", "/");
        let claim = store.submit_held(id, spec, now).unwrap();
        let writer = claim.log_writer();
        let mut log = Log::new(id, writer.path().into());
        let read = AtomicUsize::new(0);
        let mut seen = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..LINES {
                    while number > read.load(Ordering::SeqCst) + AHEAD {
                        std::thread::yield_now();
                    }
                    writer.write(now, &format!("{number} {}", "x".repeat(16_000)));
                }
            });
            while seen.len() < LINES {
                seen.extend(log.more().unwrap());
                read.store(seen.len(), Ordering::SeqCst);
            }
        });
        let number = |line: &String| line.split(' ').nth(1).unwrap().parse::<usize>().unwrap();
        assert!(seen.iter().map(number).eq(0..LINES));
        assert!(path.join("jobs/00000001/worker.log.1").exists());
    }
}
