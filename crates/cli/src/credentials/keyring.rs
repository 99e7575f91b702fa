//! The operating system's keyring, by way of its own program: `secret-tool` of libsecret, or
//! `security` of macOS. Neither needs a library to build with, and values go through pipes only.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::outside::ask;

/// What our entries are called by.
const SERVICE: &str = "jobctl";

/// What the keyring has for a connection.
pub(super) fn look_up(connection: &str) -> Option<String> {
    if cfg!(target_os = "macos") {
        ask("security", &["find-generic-password", "-s", SERVICE, "-a", connection, "-w"])
    } else {
        ask("secret-tool", &["lookup", "service", SERVICE, "connection", connection])
    }
}

/// Keeps a value; whether there is a keyring that took it.
pub(super) fn keep(connection: &str, value: &str) -> bool {
    let took = if cfg!(target_os = "macos") {
        // Its interactive form reads the command from a pipe, so that the value is no argument.
        let line = format!("add-generic-password -U -s {SERVICE} -a {connection:?} -w {value:?}\n");
        feed("security", &["-i"], &line)
    } else {
        let label = format!("jobctl: {connection}");
        let args = ["store", "--label", &label, "service", SERVICE, "connection", connection];
        feed("secret-tool", &args, value)
    };
    // A keyring that is locked, or is not there, may say so by nothing but silence.
    took && look_up(connection).is_some_and(|kept| kept.trim() == value)
}

/// Forgets what it has for a connection; whether it had something.
pub(super) fn forget(connection: &str) -> bool {
    let had = look_up(connection).is_some();
    if had && cfg!(target_os = "macos") {
        ask("security", &["delete-generic-password", "-s", SERVICE, "-a", connection]);
    } else if had {
        ask("secret-tool", &["clear", "service", SERVICE, "connection", connection]);
    }
    had && look_up(connection).is_none()
}

/// Runs a program with this as its input; whether it succeeded.
fn feed(program: &str, args: &[&str], input: &str) -> bool {
    let started = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = started else { return false };
    // Taken out, so that it is closed before the program is waited for.
    let fed = child.stdin.take().is_some_and(|mut pipe| pipe.write_all(input.as_bytes()).is_ok());
    child.wait().is_ok_and(|status| status.success()) && fed
}
