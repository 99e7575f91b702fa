//! What a program prints: into the log, and what it says of its work to the desk.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use jobctl_command::{Line, Lines, Report, Scanner, plain};
use jobctl_core::Progress;
use jobctl_runner::Desk;
use jobctl_store::Printed;
use tokio::net::unix::pipe::Receiver;

use crate::text;

/// How much is read at once.
const READ: usize = 64 * 1024;
/// How much is read at most of what is left when nothing of the program lives: another may hold
/// the pipe, and print without end.
const REST: usize = 16 * READ;
/// How often progress is shown at most.
const SHOWN: Duration = Duration::from_millis(200);
/// How often a checkpoint is recorded at most.
const RECORDED: Duration = Duration::from_secs(1);
/// The longest token, as the journal keeps it: with escapes.
const TOKEN: usize = 500;
/// How many counters a program may have.
const COUNTERS: usize = 20;
/// The longest text of a report.
const TEXT: usize = 200;

/// Both outputs of a program.
pub(super) struct Output<'a> {
    desk: &'a Desk,
    out: Stream,
    err: Stream,
    scanner: Scanner,
    buffer: Vec<u8>,
    said: Said,
}

/// One of them.
struct Stream {
    /// `None` once whoever could print there has gone.
    pipe: Option<Receiver>,
    /// What stands before its lines in the log.
    mark: &'static str,
    lines: Lines,
}

/// What a program has said of its work.
#[derive(Default)]
struct Said {
    progress: Progress,
    /// Whether the desk does not know it yet.
    fresh: bool,
    shown: Option<Instant>,
    /// One that is not on record yet.
    checkpoint: Option<String>,
    recorded: Option<Instant>,
    summary: Option<String>,
    /// The last line that was complained, as it came.
    last_words: Vec<u8>,
}

impl<'a> Output<'a> {
    pub(super) fn of(desk: &'a Desk, out: OwnedFd, err: OwnedFd) -> io::Result<Self> {
        let stream = |pipe, mark| {
            let pipe = Some(Receiver::from_owned_fd(pipe)?);
            Ok::<_, io::Error>(Stream { pipe, mark, lines: Lines::default() })
        };
        Ok(Self {
            desk,
            out: stream(out, "out| ")?,
            err: stream(err, "err| ")?,
            scanner: Scanner::default(),
            buffer: vec![0; READ],
            said: Said::default(),
        })
    }

    /// Returns once there is something to read.
    pub(super) async fn ready(&self) {
        tokio::select! {
            () = self.out.ready() => {}
            () = self.err.ready() => {}
        }
    }

    /// Reads what is there, a piece of each. The program waits meanwhile if it prints faster.
    pub(super) fn read(&mut self) {
        self.read_out();
        self.read_err();
    }

    fn read_out(&mut self) -> usize {
        let Some(length) = self.out.fill(&mut self.buffer) else { return 0 };
        let bytes = &self.buffer[..length];
        let mut printed = self.desk.log().printed(self.desk.now());
        let said = &mut self.said;
        if let Some(report) = self.scanner.feed(bytes) {
            said.take(report, &mut printed);
        }
        self.out.lines.feed(bytes, |line| {
            printed.line(self.out.mark, &plain(line.bytes));
            said.listen(line, &mut printed);
        });
        length
    }

    fn read_err(&mut self) -> usize {
        let Some(length) = self.err.fill(&mut self.buffer) else { return 0 };
        let bytes = &self.buffer[..length];
        let mut printed = self.desk.log().printed(self.desk.now());
        self.err.lines.feed(bytes, |line| {
            let line = plain(line.bytes);
            printed.line(self.err.mark, &line);
            self.said.complain(&line);
        });
        length
    }

    /// Reads what is left in the pipes, and takes unfinished lines as they are.
    pub(super) fn drain(&mut self) {
        let mut left = REST;
        while left > 0 {
            let read = self.read_out() + self.read_err();
            if read == 0 {
                break;
            }
            left = left.saturating_sub(read);
        }
        let mut printed = self.desk.log().printed(self.desk.now());
        let said = &mut self.said;
        self.out.lines.end(|line| {
            printed.line(self.out.mark, &plain(line.bytes));
            said.listen(line, &mut printed);
        });
        self.err.lines.end(|line| {
            let line = plain(line.bytes);
            printed.line(self.err.mark, &line);
            said.complain(&line);
        });
    }

    /// When something is to be told to the desk.
    pub(super) fn due(&self) -> Option<Instant> {
        let said = &self.said;
        let after = |last: Option<Instant>, pace| last.map_or_else(Instant::now, |at| at + pace);
        let progress = said.fresh.then(|| after(said.shown, SHOWN));
        let checkpoint = said.checkpoint.is_some().then(|| after(said.recorded, RECORDED));
        progress.into_iter().chain(checkpoint).min()
    }

    /// Tells the desk what is due; at the `end`, all.
    pub(super) async fn settle(&mut self, end: bool) {
        let due = |last: Option<Instant>, pace| end || last.is_none_or(|at| at.elapsed() >= pace);
        let said = &mut self.said;
        if said.fresh && due(said.shown, SHOWN) {
            self.desk.progress(said.progress.clone(), SignedDuration::ZERO);
            said.fresh = false;
            said.shown = Some(Instant::now());
        }
        if due(said.recorded, RECORDED)
            && let Some(token) = said.checkpoint.take()
        {
            self.desk.checkpoint(&token).await;
            said.recorded = Some(Instant::now());
        }
    }

    /// What the program says it did, and its last complaint.
    pub(super) fn said(self) -> (Option<String>, String) {
        let last_words = String::from_utf8_lossy(&self.said.last_words);
        (self.said.summary, text::clip(&last_words, TEXT))
    }
}

impl Stream {
    async fn ready(&self) {
        match &self.pipe {
            // A broken pipe shows when it is read.
            Some(pipe) => drop(pipe.readable().await),
            None => std::future::pending().await,
        }
    }

    /// Reads into the buffer; `None` where nothing is there.
    fn fill(&mut self, buffer: &mut [u8]) -> Option<usize> {
        match self.pipe.as_ref()?.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Ok(0) | Err(_) => {
                self.pipe = None;
                None
            }
            Ok(length) => Some(length),
        }
    }
}

impl Said {
    /// Takes note of a report, if a line is one.
    fn listen(&mut self, line: Line<'_>, printed: &mut Printed<'_>) {
        match Report::of(line.bytes).filter(|_| line.whole) {
            Some(Ok(report)) => self.take(report, printed),
            Some(Err(malformed)) => printed.line("", malformed.to_string().as_bytes()),
            None => {}
        }
    }

    fn take(&mut self, report: Report, printed: &mut Printed<'_>) {
        match report {
            Report::Progress { current, total, item } => {
                self.progress.current = current;
                self.progress.total = total;
                self.progress.current_item = item.map(|item| text::clip(&item, TEXT));
                self.fresh = true;
            }
            Report::Status(said) => {
                self.progress.last_event = Some(text::clip(&said, TEXT));
                self.fresh = true;
            }
            Report::Counter { name, value } => {
                let counters = &mut self.progress.counters;
                let name = text::clip(&name, TEXT);
                if counters.len() < COUNTERS || counters.contains_key(&name) {
                    counters.insert(name, value);
                    self.fresh = true;
                } else {
                    printed.line(
                        "",
                        format!("not counted: there are {COUNTERS} counters already").as_bytes(),
                    );
                }
            }
            Report::Summary(said) => self.summary = Some(text::clip(&said, TEXT)),
            Report::Checkpoint(token) => {
                if kept_length(&token) <= TOKEN {
                    self.checkpoint = Some(token);
                } else {
                    let refusal = format!(
                        "checkpoint refused: its token is longer than {TOKEN} bytes; the one before it counts"
                    );
                    printed.line("", refusal.as_bytes());
                }
            }
        }
    }

    /// Remembers the last thing that was complained.
    fn complain(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if !line.is_empty() {
            self.last_words.clear();
            self.last_words.extend_from_slice(&line[..line.len().min(4 * TEXT)]);
        }
    }
}

/// How many bytes a token takes in the journal.
fn kept_length(token: &str) -> usize {
    serde_json::to_string(token).map_or(usize::MAX, |text| text.len())
}
