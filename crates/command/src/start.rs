use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use rustix::fs::Mode;
use rustix::io::FdFlags;

use crate::Process;

/// The mask for new files belongs to the whole process, and a descriptor that is to be inherited is
/// inherited by whatever is started meanwhile.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What to start, and how.
#[derive(Debug)]
pub struct Program {
    /// Its name or path.
    pub name: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Where it runs, absolute.
    pub directory: PathBuf,
    /// All of its environment; `None`: that of this process.
    pub environment: Option<Vec<(OsString, OsString)>>,
    /// Variables on top.
    pub variables: Vec<(OsString, OsString)>,
    /// Which permissions its new files lack.
    pub umask: u32,
    /// A descriptor that it and all that comes of it inherit, under whatever number.
    pub holds: Option<OwnedFd>,
}

/// A program that runs.
#[derive(Debug)]
pub struct Running {
    /// Which process it is; it leads a group of its own.
    pub process: Process,
    /// What it prints.
    pub out: OwnedFd,
    /// What it complains.
    pub err: OwnedFd,
}

/// Why a program could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The directory is not there, or may not be entered.
    #[error("could not start {} in {}", .name.display(), .directory.display())]
    Directory {
        /// What was to be started.
        name: OsString,
        /// Where.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no such program, or what its first line names is not there.
    #[error("could not start {}: there is no such program", .name.display())]
    NoSuch {
        /// What was to be started.
        name: OsString,
    },
    /// The system did not start it.
    #[error("could not start {}", .name.display())]
    Refused {
        /// What was to be started.
        name: OsString,
        /// What the system said.
        source: io::Error,
    },
}

impl StartError {
    /// The exit code that shells give for it.
    pub const fn code(&self) -> i32 {
        match self {
            Self::NoSuch { .. } => 127,
            Self::Directory { .. } | Self::Refused { .. } => 126,
        }
    }
}

impl Program {
    /// Starts it in a group of its own, with nothing to read and both outputs to pipes.
    ///
    /// Sets the mask for new files of this process too: a child inherits it, and there is no other
    /// way to give it one.
    pub fn start(self) -> Result<Running, StartError> {
        let Self { name, args, directory, environment, variables, umask, holds } = self;
        let pipes = io::pipe().and_then(|out| Ok((out, io::pipe()?)));
        let ((out, printed_out), (err, printed_err)) = match pipes {
            Ok(pipes) => pipes,
            Err(source) => return Err(StartError::Refused { name, source }),
        };
        let mut command = Command::new(&name);
        command.args(args).current_dir(&directory).process_group(0);
        command.stdin(Stdio::null()).stdout(printed_out).stderr(printed_err);
        if let Some(environment) = environment {
            command.env_clear().envs(environment);
        }
        command.envs(variables);
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        rustix::process::umask(mode(umask));
        if let Some(held) = &holds {
            // Not inherited, it would only be found less surely.
            let _ = rustix::io::fcntl_setfd(held, FdFlags::empty());
        }
        let spawned = command.spawn();
        drop(holds);
        drop(alone);
        // It holds the other ends of the pipes.
        drop(command);
        let child = match spawned {
            Ok(child) => child,
            Err(source) => return Err(refusal(name, directory, source)),
        };
        // Not yet asked how it ended, it still has its number, whatever it did meanwhile.
        let process = Process::of(child.id()).unwrap_or(Process { pid: child.id(), started: 0 });
        Ok(Running { process, out: out.into(), err: err.into() })
    }
}

fn refusal(name: OsString, directory: PathBuf, source: io::Error) -> StartError {
    // The system does not say whether it was the program or the directory. One that may be entered
    // and not listed is fine.
    if let Err(source) = std::fs::read_dir(&directory)
        && source.kind() != io::ErrorKind::PermissionDenied
    {
        return StartError::Directory { name, directory, source };
    }
    let is_missing = source.kind() == io::ErrorKind::NotFound;
    if is_missing { StartError::NoSuch { name } } else { StartError::Refused { name, source } }
}

/// Mode bits have 16 bits on some systems and 32 on others.
fn mode(bits: u32) -> Mode {
    Mode::from_raw_mode((bits & 0o777) as _)
}

/// A line for the shell as a program and its arguments.
pub fn shell(line: impl AsRef<OsStr>) -> (OsString, Vec<OsString>) {
    ("/bin/sh".into(), vec!["-c".into(), line.as_ref().to_owned()])
}
