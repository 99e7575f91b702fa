//! A job's log: for people, never synced, and never able to fail a job.

use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jobctl_core::Time;

use crate::fit::boundary;
use crate::fs::Fs;

/// A log file longer than this many bytes is renamed to `worker.log.1`, replacing the one before.
const MOST: u64 = 8 * 1024 * 1024;

/// The longest line, in bytes of its text.
const LONGEST: usize = 16 * 1024;

/// How many bytes of a program's output are written at once.
const TOGETHER: usize = 32 * 1024;

/// Appends lines to a job's log, from any thread.
#[derive(Clone)]
pub struct LogWriter {
    path: PathBuf,
    fs: Arc<dyn Fs>,
    file: Arc<Mutex<Option<Opened>>>,
}

struct Opened {
    file: Box<dyn io::Write + Send>,
    len: u64,
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("LogWriter").field("path", &self.path).finish_non_exhaustive()
    }
}

impl LogWriter {
    pub(crate) fn new(path: PathBuf, fs: Arc<dyn Fs>) -> Self {
        Self { path, fs, file: Arc::default() }
    }

    /// Where the log is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `text`, each of its lines with the time before it.
    ///
    /// Control characters except tabs are written as escapes, so that showing a log on a terminal
    /// is safe. What cannot be written is lost in silence: a log never fails a job.
    pub fn write(&self, now: Time, text: &str) {
        let mut opened = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // One by one, so that a long text keeps to the size too.
        for line in text.lines() {
            let mut out = format!("[{now:.3}] ");
            push_safe(&mut out, line);
            out.push('\n');
            // Losing lines is the promise here; the next line tries to open the file again.
            if self.append(&mut opened, out.as_bytes()).is_err() {
                *opened = None;
            }
        }
    }

    /// Begins what a program printed at this moment. Its lines are written together, since there
    /// may be very many of them.
    pub fn printed(&self, now: Time) -> Printed<'_> {
        Printed { log: self, prefix: format!("[{now:.3}] "), lines: Vec::new() }
    }

    fn append(&self, opened: &mut Option<Opened>, bytes: &[u8]) -> io::Result<()> {
        if opened.as_ref().is_some_and(|log| log.len >= MOST) {
            *opened = None;
            self.fs.rename(&self.path, &self.path.with_extension("log.1"))?;
        }
        let log = if let Some(log) = opened {
            log
        } else {
            let file = self.fs.append(&self.path)?;
            let len = self.fs.metadata(&self.path)?.len;
            opened.insert(Opened { file, len })
        };
        log.len += bytes.len() as u64;
        log.file.write_all(bytes)
    }
}

/// Lines that a program printed at one moment; those not yet written are when this is dropped.
#[derive(Debug)]
pub struct Printed<'a> {
    log: &'a LogWriter,
    prefix: String,
    lines: Vec<u8>,
}

impl Printed<'_> {
    /// Adds a line with a mark before it that says whose it is. Whatever its bytes are, showing it
    /// on a terminal is safe: those that are no text are written as escapes. A line of more than
    /// 16 kB is cut.
    pub fn line(&mut self, mark: &str, line: &[u8]) {
        self.lines.extend_from_slice(self.prefix.as_bytes());
        self.lines.extend_from_slice(mark.as_bytes());
        if line.len() <= LONGEST && line.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
            self.lines.extend_from_slice(line);
        } else {
            self.lines.extend_from_slice(safe_bytes(line).as_bytes());
        }
        self.lines.push(b'\n');
        if self.lines.len() >= TOGETHER {
            self.write();
        }
    }

    fn write(&mut self) {
        let mut opened = self.log.file.lock().unwrap_or_else(PoisonError::into_inner);
        // Losing lines is the promise here, as in `LogWriter::write`.
        if self.log.append(&mut opened, &self.lines).is_err() {
            *opened = None;
        }
        self.lines.clear();
    }
}

impl Drop for Printed<'_> {
    fn drop(&mut self) {
        if !self.lines.is_empty() {
            self.write();
        }
    }
}

/// Bytes as text that is safe to show.
fn safe_bytes(line: &[u8]) -> String {
    let mut out = String::new();
    for chunk in line[..line.len().min(LONGEST)].utf8_chunks() {
        push_safe(&mut out, chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    if line.len() > LONGEST {
        out.push('…');
    }
    out
}

fn push_safe(out: &mut String, line: &str) {
    let kept = &line[..boundary(line, LONGEST)];
    for c in kept.chars() {
        if c.is_control() && c != '\t' {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    if kept.len() < line.len() {
        out.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        let mut out = String::new();
        push_safe(&mut out, "a\tb\u{1b}[31m\u{9b}c");
        assert_eq!(out, "a\tb\\u{1b}[31m\\u{9b}c");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_such() {
        assert_eq!(safe_bytes(b"caf\xc3\xa9 \xff\x00."), "café \\xff\\u{0}.");
    }
}
