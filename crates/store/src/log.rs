//! A job's log: for people, never synced, and never able to fail a job.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jobctl_core::Time;
use rustix::fs::OFlags;

use crate::fit::boundary;
use crate::fs::open_file;

/// A log file longer than this many bytes is renamed to `worker.log.1`, replacing the one before.
const MOST: u64 = 8 * 1024 * 1024;

/// The longest line, in bytes of its text.
const LONGEST: usize = 16 * 1024;

/// Appends lines to a job's log, from any thread.
#[derive(Debug, Clone)]
pub struct LogWriter {
    path: PathBuf,
    file: Arc<Mutex<Option<Opened>>>,
}

#[derive(Debug)]
struct Opened {
    file: File,
    len: u64,
}

impl LogWriter {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, file: Arc::default() }
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
        let mut lines = String::new();
        for line in text.lines() {
            lines.extend(["[", &format!("{now:.3}"), "] "]);
            push_safe(&mut lines, line);
            lines.push('\n');
        }
        let mut opened = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // Losing lines is the promise here; the next line tries to open the file again.
        if self.append(&mut opened, lines.as_bytes()).is_err() {
            *opened = None;
        }
    }

    fn append(&self, opened: &mut Option<Opened>, bytes: &[u8]) -> std::io::Result<()> {
        if opened.as_ref().is_some_and(|log| log.len >= MOST) {
            *opened = None;
            std::fs::rename(&self.path, self.path.with_extension("log.1"))?;
        }
        let log = if let Some(log) = opened {
            log
        } else {
            let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
            let file = open_file(&self.path, flags)?;
            let len = file.metadata()?.len();
            opened.insert(Opened { file, len })
        };
        log.len += bytes.len() as u64;
        log.file.write_all(bytes)
    }
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
}
