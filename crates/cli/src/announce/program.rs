//! Programs that the user's announcements name: none takes longer than it may.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jobctl_command::{Mark, Process, Step, Stopping, Tree};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// How much of what a program prints is kept.
const KEPT: usize = 16 * 1024;
/// How long after the end what was printed may take to be read: something that was left running
/// may hold the pipe open.
const DRAIN: Duration = Duration::from_secs(1);
/// How long one that took too long is asked to end before it is killed.
const GRACE: Duration = Duration::from_secs(1);
/// The variable by which all that came of one run is found.
const MARK: &str = "JOBCTL_ANNOUNCEMENT_RUN";

/// A program about to be run.
pub(super) struct Program<'a> {
    /// The program and its arguments.
    pub(super) line: &'a [String],
    /// What it finds in its environment besides that of this process.
    pub(super) variables: &'a [(&'static str, String)],
    /// Where it runs.
    pub(super) directory: &'a Path,
    /// What it reads.
    pub(super) stdin: &'a [u8],
    /// How long it may run.
    pub(super) limit: Duration,
}

/// What a program printed before it ended well.
pub(super) struct Printed {
    /// On stdout.
    pub(super) out: Vec<u8>,
    /// On stderr.
    pub(super) err: Vec<u8>,
}

/// Why a program did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    /// There is none, or it may not be started.
    #[error("could not start {program}")]
    Start {
        /// Which.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It could not be waited for.
    #[error("lost sight of {program}")]
    Lost {
        /// Which.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It failed.
    #[error("{program} ended with {status}{}", after_colon(.said))]
    Ended {
        /// Which.
        program: String,
        /// How.
        status: ExitStatus,
        /// The last that it printed on stderr.
        said: String,
    },
    /// It took too long, and was killed.
    #[error("{program} was killed: it took longer than {} s", .limit.as_secs_f64())]
    TooLong {
        /// Which.
        program: String,
        /// How long it had.
        limit: Duration,
    },
}

fn after_colon(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}

impl Program<'_> {
    /// Runs it to its end, or to the end of its time: then all that came of it is stopped too.
    pub(super) async fn run(&self) -> Result<Printed, ProgramError> {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let run = format!("{}-{}", std::process::id(), RUNS.fetch_add(1, Ordering::Relaxed));
        let (program, mut child) = self.start(&run)?;
        let process = child.id().and_then(Process::of);
        let (out, err) = (collect(child.stdout.take()), collect(child.stderr.take()));
        let stdin = child.stdin.take();
        let feed = async {
            if let Some(mut stdin) = stdin {
                // A program that does not want to read it need not.
                let _ = stdin.write_all(self.stdin).await;
            }
            std::future::pending().await
        };
        let ended = tokio::time::timeout(self.limit, async {
            tokio::select! {
                status = child.wait() => status,
                never = feed => never,
            }
        });
        let ended = ended.await;
        if ended.is_err() {
            stop(process, &run).await;
        }
        let (out, err) = (out.end().await, err.end().await);
        match ended {
            Err(_) => Err(ProgramError::TooLong { program, limit: self.limit }),
            Ok(Err(source)) => Err(ProgramError::Lost { program, source }),
            Ok(Ok(status)) if status.success() => Ok(Printed { out, err }),
            Ok(Ok(status)) => Err(ProgramError::Ended { program, status, said: last_line(&err) }),
        }
    }

    fn start(&self, run: &str) -> Result<(String, Child), ProgramError> {
        let mut words = self.line.iter();
        let program = words.next().cloned().unwrap_or_default();
        let child = Command::new(&program)
            .args(words)
            .envs(self.variables.iter().map(|(name, value)| (name, OsStr::new(value))))
            .env(MARK, run)
            .current_dir(self.directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn();
        match child {
            Ok(child) => Ok((program, child)),
            Err(source) => Err(ProgramError::Start { program, source }),
        }
    }
}

/// Stops what came of a run. What cannot be stopped is left behind: nothing waits for it.
async fn stop(process: Option<Process>, run: &str) {
    let Some(process) = process else { return };
    let tree = Tree::of(process, false, Mark::new(&format!("{MARK}={run}"), None));
    let mut stopping = Stopping::new(GRACE);
    while let Step::Wait(step) = stopping.step(&tree) {
        tokio::time::sleep(step).await;
    }
}

/// What is read from a pipe while its writer runs.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    task: tokio::task::JoinHandle<()>,
}

fn collect(pipe: Option<impl AsyncRead + Unpin + Send + 'static>) -> Collected {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&bytes);
    let task = tokio::spawn(async move {
        let Some(mut pipe) = pipe else { return };
        let mut some = vec![0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut some).await {
            let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
            let room = KEPT - kept.len();
            kept.extend_from_slice(&some[..read.min(room)]);
        }
    });
    Collected { bytes, task }
}

impl Collected {
    async fn end(mut self) -> Vec<u8> {
        if tokio::time::timeout(DRAIN, &mut self.task).await.is_err() {
            self.task.abort();
        }
        std::mem::take(&mut self.bytes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = text.lines().rev().find(|line| !line.trim().is_empty());
    crate::text::clip(line.unwrap_or_default(), 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sh(script: &str, stdin: &[u8], limit: Duration) -> Result<Printed, ProgramError> {
        let line = ["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()];
        let variables = [("NAME", "it's a name".to_owned())];
        let directory = Path::new("/");
        Program { line: &line, variables: &variables, directory, stdin, limit }.run().await
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn it_reads_prints_and_ends() {
        let printed = sh("cat; echo \"$NAME\" >&2", b"in", LONG).await.unwrap();
        assert_eq!(
            (printed.out.as_slice(), printed.err.as_slice()),
            (&b"in"[..], &b"it's a name\n"[..])
        );
        let large = vec![b'x'; 1 << 20];
        sh("exit 0", &large, LONG).await.unwrap();
        let printed = sh("cat", &large, LONG).await.unwrap();
        assert_eq!(printed.out.len(), KEPT);
    }

    #[tokio::test]
    async fn a_failure_says_how_and_why() {
        let error = sh("echo one >&2; echo two >&2; exit 3", b"", LONG).await.err().unwrap();
        assert_eq!(error.to_string(), "/bin/sh ended with exit status: 3: two");
        let line = ["/no/such/program".to_owned()];
        let directory = Path::new("/");
        let none = Program { line: &line, variables: &[], directory, stdin: b"", limit: LONG };
        assert!(matches!(none.run().await, Err(ProgramError::Start { .. })));
    }

    #[tokio::test]
    async fn what_takes_too_long_is_killed_with_all_that_it_started() {
        let directory = tempfile::tempdir().unwrap();
        let pids = directory.path().join("pids");
        let script =
            format!("trap '' TERM; setsid sleep 600 & echo $! > {0}; sleep 600", pids.display());
        let limit = Duration::from_secs(1);
        let error = sh(&script, b"", limit).await.err().unwrap();
        assert!(matches!(error, ProgramError::TooLong { .. }), "{error}");
        gone(&pids);
    }

    #[tokio::test]
    async fn what_it_leaves_behind_is_not_waited_for() {
        let printed = sh("sleep 600 & echo $!", b"", LONG).await.unwrap();
        let pid: i32 = String::from_utf8(printed.out).unwrap().trim().parse().unwrap();
        let left = Process::of(pid.unsigned_abs()).unwrap();
        jobctl_command::signal(left, rustix::process::Signal::KILL).unwrap();
    }

    /// Waits until the process whose number is in the file has gone.
    fn gone(path: &Path) {
        let pid = std::fs::read_to_string(path).unwrap();
        let status = format!("/proc/{}/stat", pid.trim());
        let lives = || {
            let stat = std::fs::read_to_string(&status).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
        };
        while lives() {
            std::thread::yield_now();
        }
    }
}
