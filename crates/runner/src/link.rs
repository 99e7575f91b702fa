use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jobctl_core::{JobId, Need};

use crate::wire::{self, Handed, MAX_LINE, Reply, Say};
use crate::{Offer, Place, PlaceError};

/// How long a runner may take to answer, or to come up.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a runner is looked for that was started.
const STEP: Duration = Duration::from_millis(1);
/// How long a started runner may say nothing before another one is started.
const START_AGAIN: Duration = Duration::from_secs(1);
/// The same where it has ended because another one serves, which may be leaving.
const AFTER_THE_RACE: Duration = Duration::from_millis(20);
/// A runner waits for hours beside other programs: memory that it used once goes back at once. For
/// the C library of Linux; others do not know these variables.
pub(crate) const THRIFT: [(&str, &str); 3] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "65536"),
    ("MALLOC_TRIM_THRESHOLD_", "65536"),
];
/// How much of a runner's last words is passed on, in bytes.
const LAST_WORDS: u64 = 1000;

/// A call's line to the runner. What was offered over it is kept at least while it lives.
#[derive(Debug)]
pub struct Link {
    stream: BufReader<UnixStream>,
    wanted: Vec<Need>,
    lacking: Vec<Need>,
}

/// How to start a runner.
#[derive(Debug, Clone)]
pub struct Starter {
    /// This very program, even where its file was replaced: `/proc/self/exe`.
    pub program: PathBuf,
    /// What makes it a runner of the right state directory.
    pub args: Vec<OsString>,
    /// All that it gets of the environment.
    pub env: Vec<(OsString, OsString)>,
}

/// Why the runner cannot be talked to.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The socket's directory cannot be used.
    #[error("could not reach the runner")]
    Place(#[from] PlaceError),
    /// The socket failed.
    #[error("could not talk to the runner")]
    Socket(#[source] io::Error),
    /// The program could not be started.
    #[error("could not start {}", .program.display())]
    Start {
        /// Which.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It was started and ended at once.
    #[error("the runner ended at once with code {code}: {said}")]
    Ended {
        /// Its exit code.
        code: i32,
        /// Its first words.
        said: String,
    },
    /// It was started and never answered.
    #[error("the runner did not come up within {} s", PATIENCE.as_secs())]
    Silent,
    /// More was to be handed over than the other side reads.
    #[error(
        "the environment to hand over takes {0} bytes, and the runner reads {MAX_LINE} at most"
    )]
    TooLarge(usize),
    /// It answered something else.
    #[error("the runner answered {0:?}")]
    Unexpected(String),
}

/// What a call finds at the socket.
enum Met {
    /// A runner to talk to.
    Runner(Link),
    /// An older one, which has gone; these values it held.
    Retired(Vec<Offer>),
    /// None.
    Nobody,
}

impl Link {
    /// Connects, starting a runner first where none runs; returns after its acknowledgement.
    ///
    /// A runner of an older version is sent home first: its workers go on, and the next one gets
    /// the values that it held.
    pub fn connect_or_start(place: &Place, starter: &Starter) -> Result<Self, LinkError> {
        let begun = Instant::now();
        let mut launched: Option<(Instant, Child)> = None;
        let mut inherited = Vec::new();
        while begun.elapsed() < PATIENCE {
            match meet(place)? {
                Met::Runner(mut link) => {
                    link.offer(&inherited)?;
                    return Ok(link);
                }
                Met::Retired(values) => inherited = values,
                Met::Nobody => {}
            }
            // A runner that loses the race for the lock ends at once, so trying again is harmless.
            let again = match &mut launched {
                Some((at, child)) => {
                    at.elapsed() > if has_ended(child)? { AFTER_THE_RACE } else { START_AGAIN }
                }
                None => true,
            };
            if again {
                launched = Some((Instant::now(), start(starter)?));
            }
            std::thread::sleep(STEP);
        }
        Err(LinkError::Silent)
    }

    /// What unended jobs need, as the runner knew it when it was met.
    pub fn wanted(&self) -> &[Need] {
        &self.wanted
    }

    /// What jobs wait for because nobody has it, as the runner knew it when it was met.
    pub fn lacking(&self) -> &[Need] {
        &self.lacking
    }

    /// Hands values over; the runner has them once this returns.
    pub fn offer(&mut self, offers: &[Offer]) -> Result<(), LinkError> {
        if offers.is_empty() {
            return Ok(());
        }
        let offers = offers.iter().map(Handed::from).collect();
        self.acknowledged(&Say::Offer { offers })
    }

    /// Says that there may be work; the runner looks at once.
    pub fn ring(&mut self) -> Result<(), LinkError> {
        self.acknowledged(&Say::Ring)
    }

    fn acknowledged(&mut self, say: &Say) -> Result<(), LinkError> {
        match self.exchange(say)? {
            Reply::Ok => Ok(()),
            other @ (Reply::Hello { .. }
            | Reply::Value { .. }
            | Reply::Next { .. }
            | Reply::Values { .. }) => Err(unexpected(&other)),
        }
    }

    /// Says that the limits have changed; the runner reads them anew.
    pub fn limits_changed(&mut self) -> Result<(), LinkError> {
        self.acknowledged(&Say::Changed)
    }

    /// Connects where a runner runs. While the line is there, or once it goes, the runner looks:
    /// whoever changes a job holds one, so that the change is noticed even if the call is killed.
    pub fn find(place: &Place) -> Result<Option<Self>, LinkError> {
        Ok(greet(place, false)?.map(|(link, _)| link))
    }

    /// Sends an older runner home and waits until it has gone; gives what it held.
    fn retire(mut self) -> Result<Vec<Offer>, LinkError> {
        let values = match self.exchange(&Say::Retire)? {
            Reply::Values { values } => values.into_iter().map(Offer::from).collect(),
            other
            @ (Reply::Hello { .. } | Reply::Ok | Reply::Value { .. } | Reply::Next { .. }) => {
                return Err(unexpected(&other));
            }
        };
        // It says nothing more, and its end closes the line. That its socket has gone would say
        // less: another call may have started the next runner already.
        match self.stream.read_to_end(&mut Vec::new()) {
            Ok(_) => Ok(values),
            Err(error) if is_absent(&error) => Ok(values),
            Err(error) => Err(LinkError::Socket(error)),
        }
    }

    fn exchange(&mut self, say: &Say) -> Result<Reply, LinkError> {
        let said = wire::line(say);
        if said.len() > MAX_LINE {
            return Err(LinkError::TooLarge(said.len()));
        }
        self.stream.get_mut().write_all(said.as_bytes()).map_err(LinkError::Socket)?;
        let mut line = String::new();
        let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
        let read =
            self.stream.by_ref().take(limit).read_line(&mut line).map_err(LinkError::Socket)?;
        if read == 0 {
            return Err(LinkError::Socket(io::ErrorKind::UnexpectedEof.into()));
        }
        serde_json::from_str(&line).map_err(|_| LinkError::Unexpected(line.trim_end().to_owned()))
    }
}

/// What a worker does after a command that it has done: a process that is there saves the start of
/// another. `None`: nothing, or nobody knows; then it goes.
pub fn next_job(place: &Place) -> Option<JobId> {
    let (mut link, _) = greet(place, true).ok()??;
    match link.exchange(&Say::Free).ok()? {
        Reply::Next { id } => id,
        Reply::Hello { .. } | Reply::Ok | Reply::Value { .. } | Reply::Values { .. } => None,
    }
}

/// Says hello to whoever listens; an older runner is sent home.
fn meet(place: &Place) -> Result<Met, LinkError> {
    Ok(match greet(place, false)? {
        Some((link, version)) if is_older(&version) => Met::Retired(link.retire()?),
        Some((link, _)) => Met::Runner(link),
        None => Met::Nobody,
    })
}

/// Says hello to whoever listens; gives the version of who answers.
fn greet(place: &Place, worker: bool) -> Result<Option<(Link, String)>, LinkError> {
    let place = &place.found();
    if !place.exists()? {
        return Ok(None);
    }
    let stream = match UnixStream::connect(place.socket()) {
        Ok(stream) => stream,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(LinkError::Socket(error)),
    };
    stream.set_read_timeout(Some(PATIENCE)).map_err(LinkError::Socket)?;
    let mut link = Link { stream: BufReader::new(stream), wanted: Vec::new(), lacking: Vec::new() };
    let version = env!("CARGO_PKG_VERSION").to_owned();
    // A listener that closes without accepting shows itself only now, at the first read.
    match link.exchange(&Say::Hello { version, worker }) {
        Ok(Reply::Hello { version, wanted, lacking }) => {
            Ok(Some((Link { wanted, lacking, ..link }, version)))
        }
        Ok(
            other @ (Reply::Ok | Reply::Value { .. } | Reply::Next { .. } | Reply::Values { .. }),
        ) => Err(unexpected(&other)),
        Err(LinkError::Socket(error)) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn unexpected(reply: &Reply) -> LinkError {
    let what = match reply {
        Reply::Hello { .. } => "hello",
        Reply::Ok => "ok",
        Reply::Value { .. } => "a value",
        Reply::Next { .. } => "a job",
        Reply::Values { .. } => "values",
    };
    LinkError::Unexpected(what.to_owned())
}

/// Whether an error means that no runner listens, or that it was just leaving.
fn is_absent(error: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        error.kind(),
        K::NotFound | K::ConnectionRefused | K::ConnectionReset | K::BrokenPipe | K::UnexpectedEof
    )
}

fn is_older(version: &str) -> bool {
    let parts = |text: &str| -> Vec<u64> {
        text.split(['.', '-']).map_while(|part| part.parse().ok()).collect()
    };
    parts(version) < parts(env!("CARGO_PKG_VERSION"))
}

fn start(starter: &Starter) -> Result<Child, LinkError> {
    // It outlives this call: a lock that a script, or a job's command, takes for as long as it runs
    // must not last as long as the runner.
    close_fds::set_fds_cloexec(3, &[]);
    Command::new(&starter.program)
        .args(&starter.args)
        .env_clear()
        .envs(starter.env.iter().map(|(name, value)| (name, value)))
        .envs(THRIFT)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        // Only what cannot serve says anything.
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|source| LinkError::Start { program: starter.program.clone(), source })
}

/// Whether a started runner has ended because another one serves, or was killed; fails where it
/// cannot serve.
fn has_ended(child: &mut Child) -> Result<bool, LinkError> {
    let Ok(Some(status)) = child.try_wait() else { return Ok(false) };
    let Some(code) = status.code().filter(|code| *code != 0) else { return Ok(true) };
    let mut words = String::new();
    if let Some(stderr) = child.stderr.take() {
        // What cannot be read is told by the code.
        let _ = stderr.take(LAST_WORDS).read_to_string(&mut words);
    }
    Err(LinkError::Ended { code, said: words.lines().next().unwrap_or("no word").to_owned() })
}
