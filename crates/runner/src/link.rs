use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::wire::{self, Handed, MAX_LINE, Reply, Say};
use crate::{Offer, Place, PlaceError};

/// How long a runner may take to answer, or to come up.
const PATIENCE: Duration = Duration::from_secs(10);

/// A call's line to the runner. What was offered over it is kept at least while it lives.
#[derive(Debug)]
pub struct Link {
    stream: BufReader<UnixStream>,
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
    /// It was started and never answered.
    #[error("the runner did not come up within {} s", PATIENCE.as_secs())]
    Silent,
    /// It answered something else.
    #[error("the runner answered {0:?}")]
    Unexpected(String),
}

impl Link {
    /// Connects; `None` where no runner runs.
    pub fn connect(place: &Place) -> Result<Option<Self>, LinkError> {
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
        let mut link = Self { stream: BufReader::new(stream) };
        let version = env!("CARGO_PKG_VERSION").to_owned();
        // A listener that closes without accepting shows itself only now, at the first read.
        match link.exchange(&Say::Hello { version }) {
            Ok(Reply::Hello { version }) if is_older(&version) => link.retire(place),
            Ok(Reply::Hello { .. }) => Ok(Some(link)),
            Ok(other @ (Reply::Ok | Reply::Value { .. })) => Err(unexpected(&other)),
            Err(LinkError::Socket(error)) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Connects, starting a runner first where none runs; returns after its acknowledgement.
    pub fn connect_or_start(place: &Place, starter: &Starter) -> Result<Self, LinkError> {
        let begun = Instant::now();
        let mut launched: Option<Instant> = None;
        while begun.elapsed() < PATIENCE {
            if let Some(link) = Self::connect(place)? {
                return Ok(link);
            }
            // A runner that loses the race for the lock ends at once, so trying again is harmless.
            if launched.is_none_or(|at| at.elapsed() > Duration::from_secs(1)) {
                start(starter)?;
                launched = Some(Instant::now());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(LinkError::Silent)
    }

    /// Hands values over; the runner has them once this returns.
    pub fn offer(&mut self, offers: &[Offer]) -> Result<(), LinkError> {
        let offers = offers.iter().map(Handed::from).collect();
        self.acknowledged(&Say::Offer { offers })
    }

    /// Says that there may be work; the runner has looked once this returns.
    pub fn ring(&mut self) -> Result<(), LinkError> {
        self.acknowledged(&Say::Ring)
    }

    fn acknowledged(&mut self, say: &Say) -> Result<(), LinkError> {
        match self.exchange(say)? {
            Reply::Ok => Ok(()),
            other @ (Reply::Hello { .. } | Reply::Value { .. }) => Err(unexpected(&other)),
        }
    }

    /// Sends an older runner home and waits until its socket has gone; its workers go on.
    fn retire(mut self, place: &Place) -> Result<Option<Self>, LinkError> {
        self.acknowledged(&Say::Retire)?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match UnixStream::connect(place.socket()) {
                Err(error) if is_absent(&error) => return Ok(None),
                Ok(_) | Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        Err(LinkError::Silent)
    }

    fn exchange(&mut self, say: &Say) -> Result<Reply, LinkError> {
        self.stream.get_mut().write_all(wire::line(say).as_bytes()).map_err(LinkError::Socket)?;
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

fn unexpected(reply: &Reply) -> LinkError {
    let what = match reply {
        Reply::Hello { .. } => "hello",
        Reply::Ok => "ok",
        Reply::Value { .. } => "a value",
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

fn start(starter: &Starter) -> Result<(), LinkError> {
    Command::new(&starter.program)
        .args(&starter.args)
        .env_clear()
        .envs(starter.env.iter().map(|(name, value)| (name, value)))
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map(drop)
        .map_err(|source| LinkError::Start { program: starter.program.clone(), source })
}
