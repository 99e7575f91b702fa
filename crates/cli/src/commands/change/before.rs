//! The original command's words for pausing and resuming.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use jobctl_core::{Job, JobId};
use jobctl_runner::Answered;
use jobctl_store::{Sighting, Store as _, Wish, Worker};

use crate::error::Failure;
use crate::exit::Code;
use crate::json::{self, JobShape};
use crate::session::{Opened, Session};
use crate::views::progress;
use crate::{announce, engine, environment, ids, text};

use super::{bring_about, start};

/// How long these views wait for a new worker, so that they can name it.
const WORKER_APPEARS: Duration = Duration::from_secs(2);

/// `--kill ID`: stops a job and leaves it paused, in the original command's words.
pub(crate) fn kill(session: &Session, text: &str) -> Result<Code, Failure> {
    let (opened, id, seen) = as_before(session, text)?;
    let bell = engine::doorbell(session, &opened);
    let answered = bring_about(&opened, id, Wish::Pause)?;
    drop(bell);
    engine::mirror(&opened);
    if answered == Answered::Done {
        announce::in_place_of_runner(session, &opened, &[id]);
    }
    if session.globals.json {
        return print_one(session, &opened, id);
    }
    let mut out = format!("Killing job {id}...\n\n{}", identity(&seen));
    if let (Worker::Alive(_), Some(pid)) = (&seen.worker, pid(&seen)) {
        let _ = writeln!(out, "PID: {pid}");
    }
    let _ = writeln!(out, "Progress: {}\n", progress::fraction(&seen.progress));
    out.push_str(match answered {
        Answered::Done => "Job killed. Status changed to 'paused'.\n",
        Answered::Already => "The job was paused already.\n",
    });
    let _ = writeln!(out, "Resume later: jobctl resume {id}");
    session.screen.say(&out)?;
    Ok(Code::Fine)
}

/// `--resume ID`: lets a job go on, in the original command's words.
pub(crate) fn resume_as_before(session: &Session, text: &str) -> Result<Code, Failure> {
    let (opened, id, seen) = as_before(session, text)?;
    let answered = bring_about(&opened, id, Wish::Resume)?;
    start(session, &opened, &[id])?;
    if session.globals.json {
        return print_one(session, &opened, id);
    }
    let mut out = format!("Resuming job {id}...\n\n{}", identity(&seen));
    if let Some(total) = seen.progress.total.filter(|total| *total > seen.progress.current) {
        let next = text::count(seen.progress.current + 1);
        let _ = writeln!(out, "Resuming from: item {next} of {}", text::count(total));
    }
    out.push('\n');
    if let Some(pid) = appeared(&opened, id).filter(|_| !session.globals.no_start) {
        let _ = writeln!(out, "Spawning background worker...\nNew PID: {pid}\n");
    }
    out.push_str(match answered {
        Answered::Done => "Job resumed in background.\n",
        Answered::Already => "The job was not paused; it goes on.\n",
    });
    let _ = writeln!(out, "Check progress: jobctl follow {id}");
    session.screen.say(&out)?;
    Ok(Code::Fine)
}

fn as_before(session: &Session, text: &str) -> Result<(Opened, JobId, Sighting), Failure> {
    let (opened, ids) = ids::jobs(session, &[text.to_owned()], "changed")?;
    opened.must_be_ours()?;
    let id = ids[0];
    let seen = ids::look(&opened, id)?;
    Ok((opened, id, seen))
}

fn print_one(session: &Session, opened: &Opened, id: JobId) -> Result<Code, Failure> {
    let shape = JobShape::of(&ids::look(opened, id)?, environment::now());
    session.screen.say(&json::one_or_many(vec![shape]))?;
    Ok(Code::Fine)
}

fn identity(seen: &Sighting) -> String {
    seen.job.as_ref().map_or_else(String::new, |job: &Job| format!("Type: {}\n", job.spec.kind))
}

fn pid(seen: &Sighting) -> Option<u32> {
    json::pid(&seen.worker, seen.job.as_ref()?)
}

/// The pid of the job's next worker, if it begins soon.
fn appeared(opened: &Opened, id: JobId) -> Option<u32> {
    let begun = Instant::now();
    while begun.elapsed() < WORKER_APPEARS {
        let seen = opened.store.look(id).ok()?;
        match seen.worker {
            Worker::Alive(_) => return pid(&seen),
            Worker::Dead | Worker::None if seen.status()?.is_ended() => return None,
            Worker::Dead | Worker::None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    None
}
