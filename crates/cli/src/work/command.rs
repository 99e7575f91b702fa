//! `run-command`: starts a program, keeps what it prints, and stops all that came of it.

mod output;
mod watch;

use std::ffi::OsString;

use async_trait::async_trait;
use jiff::SignedDuration;
use jobctl_command::{How, Mark, Process, Program, Tree, adopt_orphans, shell};
use jobctl_core::{Cause, Need, Reason};
use jobctl_runner::{Desk, Ending, JOB_VARIABLE, Work};
use jobctl_store::FileError;
use tokio::signal::unix::{SignalKind, signal};

use crate::error::with_causes;
use crate::surroundings::Surroundings;
use crate::work::options::{CommandLine, RunOptions};
use output::Output;
use watch::{Outcome, Watch, Why};

/// The longest rest before an attempt is made anew.
const MAX_BACKOFF: SignedDuration = SignedDuration::from_mins(5);

/// Runs a command.
pub(crate) struct Command {
    /// Whether this process does nothing else, and so has no other children.
    pub(crate) alone: bool,
}

#[async_trait]
impl Work for Command {
    async fn perform(&mut self, desk: &Desk) -> Ending {
        match attempt(desk, self.alone).await {
            Ok(ending) | Err(ending) => ending,
        }
    }

    fn is_light(&self) -> bool {
        true
    }
}

async fn attempt(desk: &Desk, alone: bool) -> Result<Ending, Ending> {
    let options: RunOptions = super::options(desk)?;
    let environment = environment(desk).await?;
    let whole = adopt_orphans() && alone;
    let failed = |error: &dyn std::error::Error| Ending::Failed { error: with_causes(error) };
    // Before there is a child: its end must not be missed.
    let children = signal(SignalKind::child()).map_err(|error| failed(&error))?;
    let deadline = desk.job().spec.timeout.and_then(|most| desk.now().checked_add(most).ok());
    let mut program = program(desk, options, environment);
    program.holds = Some(desk.tree_lock().take().map_err(|error| locked_out(desk, &error))?);
    let running = match program.start() {
        Ok(running) => running,
        Err(error) => {
            let cause = Cause::Exited(error.code());
            return Ok(unsuccessful(desk, cause, with_causes(&error)));
        }
    };
    let variable = format!("{JOB_VARIABLE}={}", desk.job().id);
    let mark = Mark::new(&variable, Some(desk.tree_lock().path()));
    let tree = Tree::of(running.process, whole, mark);
    let output = Output::of(desk, running.out, running.err).map_err(|error| failed(&error))?;
    let watch = Watch::new(desk, running.process, whole, tree, output, children);
    Ok(ending(desk, watch.run(deadline).await))
}

/// What the job's programs are started with, if anybody has it; `None` where none was named.
async fn environment(desk: &Desk) -> Result<Option<Vec<(OsString, OsString)>>, Ending> {
    let Some(hash) = &desk.job().spec.environment else { return Ok(None) };
    let value = desk.credential(&Need::environment(hash)).await;
    let known = value.and_then(|value| Surroundings::parse(value.expose()));
    match known {
        Some(known) => Ok(Some(known.into_iter().collect())),
        None => Err(Ending::Paused { reason: Reason::Environment, resumes_at: None }),
    }
}

/// The end of an attempt that must not start a program: a later one could not tell whether it runs.
fn locked_out(desk: &Desk, error: &FileError) -> Ending {
    let said = with_causes(error);
    if error.is_storage() { desk.no_room(said) } else { Ending::Failed { error: said } }
}

fn program(
    desk: &Desk,
    options: RunOptions,
    environment: Option<Vec<(OsString, OsString)>>,
) -> Program {
    let RunOptions { command, directory, umask, variables } = options;
    let job = desk.job();
    let mut on_top: Vec<(OsString, OsString)> =
        variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    on_top.push(("PWD".into(), directory.clone().into()));
    on_top.push((JOB_VARIABLE.into(), job.id.to_string().into()));
    on_top.push(("JOBCTL_ATTEMPT".into(), job.attempts.to_string().into()));
    if let Some(token) = &job.checkpoint {
        on_top.push(("JOBCTL_CHECKPOINT".into(), token.into()));
    }
    let (name, args) = match command {
        CommandLine::Program(words) => {
            let mut words = words.into_iter().map(OsString::from);
            (words.next().unwrap_or_default(), words.collect())
        }
        CommandLine::Shell(line) => shell(line),
    };
    Program { name, args, directory, environment, variables: on_top, umask, holds: None }
}

fn ending(desk: &Desk, outcome: Outcome) -> Ending {
    let Outcome { how, why, left, summary, last_words } = outcome;
    let cause = how.map(cause);
    if let Some(cause) = cause {
        desk.exited(cause);
    }
    if !left.is_empty() {
        let pids: Vec<u32> = left.iter().map(|process: &Process| process.pid).collect();
        note(desk, &format!("could not be stopped, and may still run: {pids:?}"));
        return Ending::Paused { reason: Reason::Leftover { pids }, resumes_at: None };
    }
    match (why, cause) {
        (Why::Told, _) => Ending::Stopped,
        (Why::TimedOut, _) => {
            let most = desk.job().spec.timeout.unwrap_or_default();
            let error = format!("took longer than {most:#} and was stopped");
            unsuccessful(desk, Cause::TimedOut, error)
        }
        (Why::Ended, Some(Cause::Exited(0))) => Ending::Completed { warnings: Vec::new(), summary },
        (Why::Ended, cause) => {
            let ended = cause.map(|cause| cause.to_string());
            let ended = ended.unwrap_or_else(|| "ended, and nobody saw how".to_owned());
            let said =
                if last_words.is_empty() { String::new() } else { format!(": {last_words}") };
            unsuccessful(desk, cause.unwrap_or(Cause::Unknown), format!("{ended}{said}"))
        }
    }
}

fn cause(how: How) -> Cause {
    match how {
        How::Exited(code) => Cause::Exited(code),
        How::Signalled(signal) => Cause::Signalled(signal),
    }
}

/// The end of an attempt that did not succeed: another one is made after a while, or the job has
/// failed.
fn unsuccessful(desk: &Desk, cause: Cause, error: String) -> Ending {
    desk.exited(cause);
    let job = desk.job();
    if job.crashes >= job.spec.retries {
        note(desk, &error);
        return Ending::Failed { error };
    }
    let rest = rest(job.crashes, fastrand::f64());
    desk.say(format!("{error}; retry {} of {} in {rest:#}", job.crashes + 1, job.spec.retries));
    let reason = Reason::Interrupted { attempt: job.attempts, cause };
    Ending::Paused { reason, resumes_at: Some(desk.now() + rest) }
}

/// A line of the worker's own in the log, in its place among what the command prints.
fn note(desk: &Desk, line: &str) {
    desk.log().write(desk.now(), line);
}

/// How long to rest after so many attempts in vain: twice as long each time, and somewhere in its
/// second half, so that jobs that failed together do not all come back together.
fn rest(in_vain: u32, chance: f64) -> SignedDuration {
    let whole = (SignedDuration::from_secs(1) * 2_i32.pow(in_vain.min(20))).min(MAX_BACKOFF);
    let milliseconds = whole.as_secs_f64() * 1000.0 * (0.5 + chance / 2.0);
    #[expect(clippy::cast_possible_truncation, reason = "a few minutes at most")]
    SignedDuration::from_millis(milliseconds as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_grow_up_to_a_limit_and_differ() {
        let between = |in_vain| [0.0, 1.0].map(|chance| rest(in_vain, chance).as_millis());
        assert_eq!(between(0), [500, 1_000]);
        assert_eq!(between(3), [4_000, 8_000]);
        assert_eq!(between(1_000_000), [150_000, 300_000]);
    }
}
