//! Lets interrupted jobs go on without a person.

mod unit;

use std::fs::Metadata;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jobctl_store::{Fs as _, Open, RealFs, open_to_read};
use serde::Serialize;

use crate::args::ServiceCommand;
use crate::error::Failure;
use crate::exit::Code;
use crate::json;
use crate::place::NoPlace;
use crate::session::Session;
use crate::{background, engine};

/// What the unit is called.
const NAME: &str = "jobctl.service";
/// What systemd is told about it, after `systemctl --user`.
const RELOAD: &[&str] = &["daemon-reload"];
const ENABLE: &[&str] = &["enable", NAME];
const DISABLE: &[&str] = &["disable", NAME];

#[derive(Serialize)]
struct ServiceShape {
    schema: u32,
    unit: String,
    installed: bool,
    /// Whether systemd has been told.
    told: bool,
}

/// `jobctl service`.
pub(crate) fn service(session: &Session, command: ServiceCommand) -> Result<Code, Failure> {
    match command {
        ServiceCommand::Install => install(session),
        ServiceCommand::Uninstall => uninstall(session),
        ServiceCommand::Run => run(session),
    }
}

fn install(session: &Session) -> Result<Code, Failure> {
    let path = path(session)?;
    must_be_ours(&path)?;
    let program = background::own_path().map_err(|source| Failure::Io {
        verb: "find",
        path: "jobctl".into(),
        source,
    })?;
    let text = unit::text(&program, &session.env)?;
    replace(&path, text.as_bytes()).map_err(|source| Failure::Io {
        verb: "write",
        path: path.clone(),
        source,
    })?;
    let told = tell_systemd(session, &[RELOAD, ENABLE]);
    report(session, &path, true, told)?;
    session.screen.note(
        "Jobs that were interrupted go on when you log in; before that, when the machine starts, \
         with: loginctl enable-linger",
    );
    Ok(Code::Fine)
}

fn uninstall(session: &Session) -> Result<Code, Failure> {
    let path = path(session)?;
    if !must_be_ours(&path)? {
        report(session, &path, false, true)?;
        return Ok(Code::Fine);
    }
    // First: without the file systemd would not know what to disable. Jobs that it started go on.
    let disabled = tell_systemd(session, &[DISABLE]);
    std::fs::remove_file(&path).map_err(|source| Failure::Io {
        verb: "remove",
        path: path.clone(),
        source,
    })?;
    let told = disabled && tell_systemd(session, &[RELOAD]);
    report(session, &path, false, told)?;
    Ok(Code::Fine)
}

fn report(session: &Session, path: &Path, installed: bool, told: bool) -> Result<(), Failure> {
    let unit = path.display().to_string();
    if session.globals.json {
        let shape = ServiceShape { schema: json::SCHEMA, unit, installed, told };
        return session.screen.say(&json::text(&shape));
    }
    let what = if installed { "Installed" } else { "No longer installed:" };
    session.screen.say(&format!("{what} {unit}"))
}

/// Where systemd looks for the units of a user.
fn path(session: &Session) -> Result<PathBuf, Failure> {
    if !cfg!(target_os = "linux") {
        return Err(Failure::not_allowed(
            "only systemd can be told to start jobs, and this system has none",
            "have `jobctl service run` started when you log in, by launchd for instance",
        ));
    }
    let config = session.env.config_home().ok_or(NoPlace)?;
    Ok(config.join("systemd/user").join(NAME))
}

/// Fails where a file is there that this program did not write; says whether there is one.
fn must_be_ours(path: &Path) -> Result<bool, Failure> {
    let failed = |source| Failure::Io { verb: "look at", path: path.to_owned(), source };
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(failed(source)),
    };
    if found.is_file() && begins_as_ours(path, &found).map_err(failed)? {
        return Ok(true);
    }
    Err(Failure::not_allowed(
        format!("{} was not written by jobctl", path.display()),
        "look at it, and move it away if it is not needed",
    ))
}

fn begins_as_ours(path: &Path, found: &Metadata) -> io::Result<bool> {
    let first = unit::FIRST.as_bytes();
    if found.len() < first.len() as u64 {
        return Ok(false);
    }
    let mut begins = vec![0; first.len()];
    open_to_read(path)?.read_exact(&mut begins)?;
    Ok(begins == first)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(path);
    std::fs::create_dir_all(directory)?;
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = RealFs.write(&temporary, Open::Empty)?;
    let written = file
        .write_at(bytes, 0)
        .and_then(|()| file.sync())
        .and_then(|()| RealFs.rename(&temporary, path))
        .and_then(|()| RealFs.sync_dir(directory));
    if written.is_err() {
        let _ = RealFs.unlink(&temporary);
    }
    written
}

/// Tells systemd; where it cannot be reached, says what is to be typed where it can.
fn tell_systemd(session: &Session, lines: &[&[&str]]) -> bool {
    for (at, line) in lines.iter().enumerate() {
        if let Err(why) = systemctl(line) {
            session.screen.warn(&format!("systemd was not told: {why}"));
            for line in &lines[at..] {
                session.screen.note(&format!("  systemctl --user {}", line.join(" ")));
            }
            return false;
        }
    }
    true
}

fn systemctl(line: &[&str]) -> Result<(), String> {
    let output = Command::new("systemctl")
        .arg("--user")
        .args(line)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("systemctl could not be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it did not say why");
    Err(crate::text::clip(said, 200))
}

/// What the unit does: the next `jobctl` call in every state directory of this user.
fn run(session: &Session) -> Result<Code, Failure> {
    for path in session.registry()?.all()? {
        // One that cannot be opened stands in nobody's way.
        match session.open_registered(&path) {
            Ok(Some(opened)) => engine::keep_all_going(session, &opened),
            Ok(None) => {}
            Err(failure) => session.screen.warn(&failure.chain()),
        }
    }
    Ok(Code::Fine)
}
