//! Turns of jobs on their way from the runner to the announcer.

use std::cell::OnceCell;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::{ANNOUNCER, Turn, is_wanted};
use crate::background;
use crate::environment::Environment;
use crate::settings::Settings;

/// How long a runner that ends waits until all is handed on.
const PATIENCE: Duration = Duration::from_secs(1);

/// Hands turns on to an announcer, which is started for the first that anybody wants to hear of.
/// Whoever puts something in never waits.
pub(crate) struct Outbox {
    env: Environment,
    root: PathBuf,
    carried: OnceCell<Carried>,
}

/// A thread that writes lines to the announcer.
struct Carried {
    lines: Sender<String>,
    done: Receiver<()>,
}

impl Outbox {
    /// For the jobs in a state directory.
    pub(crate) const fn new(env: Environment, root: PathBuf) -> Self {
        Self { env, root, carried: OnceCell::new() }
    }

    /// Hands a turn on where the user's settings, as they are now, want it.
    pub(crate) fn put(&self, turn: Turn) {
        // Settings that cannot be read are told of by every call; no job has anything to do with it.
        let Ok(loaded) = Settings::load(&self.env, None) else { return };
        if is_wanted(&loaded.settings, turn.status) {
            let carried = self.carried.get_or_init(|| carry(self.env.clone(), self.root.clone()));
            // The thread lives as long as its lines come.
            let _ = carried.lines.send(format!("{turn}\n"));
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        if let Some(Carried { lines, done }) = self.carried.take() {
            drop(lines);
            // Ends early with the thread, which drops its side.
            let _ = done.recv_timeout(PATIENCE);
        }
    }
}

fn carry(env: Environment, root: PathBuf) -> Carried {
    let (lines, coming) = channel::<String>();
    let (ended, done) = channel();
    std::thread::spawn(move || {
        let _ended: Sender<()> = ended;
        let mut announcer = None;
        for line in coming {
            // One that has gone is replaced; a second failure costs this line, and no job.
            if write(&mut announcer, &line, &env, &root).is_err() {
                announcer = None;
                let _ = write(&mut announcer, &line, &env, &root);
            }
        }
    });
    Carried { lines, done }
}

fn write(
    announcer: &mut Option<Announcing>,
    line: &str,
    env: &Environment,
    root: &Path,
) -> io::Result<()> {
    let announcing = match announcer {
        Some(announcing) => announcing,
        None => announcer.insert(Announcing(start(env, root)?)),
    };
    match &mut announcing.0.stdin {
        Some(stdin) => stdin.write_all(line.as_bytes()),
        None => Ok(()),
    }
}

/// An announcer at work: once nothing more comes it ends by itself, and goes on meanwhile.
struct Announcing(Child);

impl Drop for Announcing {
    fn drop(&mut self) {
        // Where it has ended, the system may forget it.
        let _ = self.0.try_wait();
    }
}

/// Starts an announcer for the jobs in a state directory: it reads lines until its stdin ends.
pub(super) fn start(env: &Environment, root: &Path) -> io::Result<Child> {
    Command::new(background::this_program())
        .args([ANNOUNCER.as_ref(), "--state-dir".as_ref(), root.as_os_str()])
        .env_clear()
        .envs(env.passed_on())
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
