use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use git2::build::{CheckoutBuilder, RepoBuilder};
use git2::{ErrorClass, ErrorCode, FetchOptions, RemoteCallbacks};
use jobctl_http::{Client, StopFlag};

use crate::target::{Place, Unfinished, inspect, make_parents};
use crate::transport::Line;
use crate::{CloneError, CloneEvent, CloneOptions, Wanted};

/// The least time between two tellings of one clone's progress.
const TELL: Duration = Duration::from_millis(200);
/// How often a wait between two tries looks at the stop flag.
const TICK: Duration = Duration::from_millis(100);

/// What became of a repository.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cloned {
    New,
    Existing,
}

/// Clones one repository, again if its connection broke off.
pub(crate) fn clone_one(
    client: &Client,
    options: &CloneOptions,
    one: &Wanted,
    stop: &StopFlag,
    tell: &dyn Fn(CloneEvent),
) -> Result<Cloned, CloneError> {
    let target = options.into.join(&one.path);
    make_parents(&options.into, &one.path)?;
    if inspect(&target, &one.url)? == Place::Same {
        return Ok(Cloned::Existing);
    }
    let mut tries = 1;
    loop {
        match attempt(client, options, one, &target, stop, tell) {
            Err(error) if error.is_transient() && tries < options.tries => {
                tries += 1;
                wait(back_off(tries), stop)?;
            }
            ended => return ended.map(|()| Cloned::New),
        }
    }
}

fn attempt(
    client: &Client,
    options: &CloneOptions,
    one: &Wanted,
    target: &Path,
    stop: &StopFlag,
    tell: &dyn Fn(CloneEvent),
) -> Result<(), CloneError> {
    let unfinished = Unfinished::beside(target, &options.tag);
    let line = Line::new(client.clone(), stop.clone(), options.stall);
    let mut builder = RepoBuilder::new();
    builder.fetch_options(fetch_options(options, &one.name, stop, tell));
    builder.with_checkout(CheckoutBuilder::new());
    // Dropped before the move: nothing may hold files of the directory that moves.
    let cloned =
        line.during(|| builder.clone(&without_user(&one.url), unfinished.path()).map(drop));
    if stop.is_raised() {
        return Err(CloneError::Stopped);
    }
    if let Err(error) = cloned {
        return Err(line.take_cause().unwrap_or_else(|| explain(client, target, &error)));
    }
    unfinished.finish(target)
}

fn fetch_options<'a>(
    options: &CloneOptions,
    name: &'a str,
    stop: &'a StopFlag,
    tell: &'a dyn Fn(CloneEvent),
) -> FetchOptions<'a> {
    let told = Cell::new(Instant::now());
    let mut callbacks = RemoteCallbacks::new();
    callbacks.transfer_progress(move |progress| {
        if told.get().elapsed() >= TELL {
            told.set(Instant::now());
            tell(CloneEvent::Progress {
                name: name.to_owned(),
                received_objects: progress.received_objects(),
                total_objects: progress.total_objects(),
                bytes: progress.received_bytes(),
            });
        }
        !stop.is_raised()
    });
    callbacks.sideband_progress(|_| !stop.is_raised());
    let mut fetch = FetchOptions::new();
    fetch.remote_callbacks(callbacks);
    if let Some(depth) = options.depth {
        fetch.depth(i32::try_from(depth).unwrap_or(i32::MAX));
    }
    fetch
}

/// The address as it goes into the clone's configuration: no user part, which may be a
/// credential.
fn without_user(address: &str) -> String {
    let Ok(mut url) = address.parse::<url::Url>() else { return address.to_owned() };
    if url.username().is_empty() && url.password().is_none() {
        return address.to_owned();
    }
    // Both fail only for addresses without a host, which carry no user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

/// What a failure of libgit2 itself means.
fn explain(client: &Client, target: &Path, error: &git2::Error) -> CloneError {
    meaning(client.redact(error.message()), error, target)
}

fn meaning(message: String, error: &git2::Error, target: &Path) -> CloneError {
    // libgit2 gives the system's words, not its number.
    if ["No space left on device", "Disk quota exceeded"].iter().any(|full| message.contains(full))
    {
        return CloneError::DiskFull { path: target.to_owned(), message };
    }
    let cut = error.code() == ErrorCode::Eof
        || (error.class() == ErrorClass::Net && message.contains("EOF"));
    CloneError::Git { message, cut }
}

/// Waits, unless the flag is raised first.
pub(crate) fn wait(pause: Duration, stop: &StopFlag) -> Result<(), CloneError> {
    let begun = Instant::now();
    loop {
        if stop.is_raised() {
            return Err(CloneError::Stopped);
        }
        let left = pause.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(TICK.min(left));
    }
}

/// About 0.5, then 1 second, and so on, up to half of it by chance.
fn back_off(tries: u32) -> Duration {
    let whole = Duration::from_millis(125).saturating_mul(1 << tries.min(6));
    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(code: ErrorCode, class: ErrorClass, message: &str) -> CloneError {
        let error = git2::Error::new(code, class, message);
        meaning(message.to_owned(), &error, Path::new("/x"))
    }

    #[test]
    fn what_libgit2_says_is_understood() {
        let full = "cannot extend packfile '/x': No space left on device";
        let error = explained(ErrorCode::GenericError, ErrorClass::Os, full);
        assert!(matches!(error, CloneError::DiskFull { .. }), "{error:?}");
        let error = explained(ErrorCode::Eof, ErrorClass::Net, "could not read refs");
        assert!(matches!(error, CloneError::Git { cut: true, .. }), "{error:?}");
        let error = explained(ErrorCode::GenericError, ErrorClass::Indexer, "invalid pack");
        assert!(matches!(error, CloneError::Git { cut: false, .. }), "{error:?}");
    }

    #[test]
    fn no_user_part_is_written_down() {
        assert_eq!(without_user("https://org@h/a%20b/_git/c"), "https://h/a%20b/_git/c");
        assert_eq!(without_user("https://u:p@h/a"), "https://h/a");
        assert_eq!(without_user("https://H/a"), "https://H/a", "kept as the forge spells it");
    }
}
