//! Stays with jobs until each has ended or needs somebody.

mod bars;
mod lines;
mod objects;
mod output;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jobctl_core::{Job, JobId, Kind, Reason, State, Status};
use jobctl_store::{Ended, Lookout, Sighting, Wish};

use crate::error::Failure;
use crate::exit::Code;
use crate::json::{self, JobShape};
use crate::screen::Screen;
use crate::session::{Opened, Session};
use crate::views::{Scene, progress, reason};
use crate::{engine, environment, ids, text};

use super::change::bring_about;
use super::logs::Line;
use output::Output;

/// How long it is looked away at least, and at most.
const GLANCE: Duration = Duration::from_millis(2);
const LONG_GLANCE: Duration = Duration::from_millis(100);
/// How often it is made sure that somebody runs the jobs.
const CARE: Duration = Duration::from_secs(2);
/// How many warnings of a job are told.
const WARNINGS: usize = 10;
/// How many jobs have a bar each on a terminal, or a line each in a remark.
const FEW: usize = 10;

/// What is shown meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// Nothing.
    Nothing,
    /// Progress as it goes.
    Progress,
}

/// What Ctrl-C means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CtrlC {
    /// Stop watching; the jobs go on.
    Leave,
    /// Pause the jobs.
    Pause,
}

/// How a call came to its jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It made them: all their output is news, and where it made one command it exits as that does.
    Made,
    /// They were named to it.
    Named,
}

/// How to stay with jobs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// How the call came to them.
    pub(crate) origin: Origin,
    /// What is shown.
    pub(crate) show: Show,
    /// What Ctrl-C means.
    pub(crate) ctrl_c: CtrlC,
    /// How long to stay at most.
    pub(crate) timeout: Option<Duration>,
}

/// The last that is known of a job.
#[derive(Debug)]
pub(crate) enum Last {
    /// It stands like this.
    Seen(Box<Sighting>),
    /// It ended like this and was removed.
    Removed(Box<Ended>),
}

/// What a watcher shows as jobs go.
trait Observer {
    /// A job has changed.
    fn see(&mut self, seen: &Sighting, scene: &Scene) -> Result<(), Failure>;
    /// A job's command said something.
    fn hear(&mut self, id: JobId, lines: &[Line], scene: &Scene) -> Result<(), Failure>;
    /// Time has passed.
    fn tick(&mut self, scene: &Scene) -> Result<(), Failure>;
    /// Nothing more will be looked at.
    fn end(&mut self);
}

/// How it ended: the code of all jobs together, and where each stands that was waited out.
pub(crate) struct Watched {
    /// The exit code.
    pub(crate) code: Code,
    /// The jobs, in the order in which they were asked for.
    pub(crate) jobs: Vec<Last>,
}

/// Stays until each job has ended or needs somebody.
pub(crate) fn watch(
    session: &Session,
    opened: &Opened,
    ids: &[JobId],
    manner: Manner,
) -> Result<Watched, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let mut observer = observer(session, ids, manner.show);
    let mut watch = Watch {
        session,
        opened,
        alone: manner.origin == Origin::Made && ids.len() == 1,
        lookout: opened.store.lookout(ids),
        output: Output::new(manner.origin),
        done: BTreeMap::new(),
        is_here: manner.ctrl_c == CtrlC::Pause,
        // Whoever made jobs has just rung for them.
        cared: (manner.origin == Origin::Made).then(Instant::now),
    };
    let ended = runtime.block_on(watch.stay(manner, observer.as_mut()));
    observer.end();
    match ended? {
        Stay::Done => {}
        Stay::TimedOut => {
            session.screen.note("Timed out; the jobs go on.");
            return Ok(watch.result(ids, Some(Code::TimedOut)));
        }
        Stay::Interrupted => {
            watch.interrupted(ids, manner.ctrl_c);
            return Ok(watch.result(ids, Some(Code::Interrupted)));
        }
    }
    Ok(watch.result(ids, None))
}

fn observer<'a>(session: &'a Session, ids: &[JobId], show: Show) -> Box<dyn Observer + 'a> {
    let screen = &session.screen;
    match show {
        Show::Nothing => Box::new(Nobody),
        Show::Progress if session.globals.json => Box::new(objects::Objects::new(screen)),
        Show::Progress if is_drawn(ids) => Box::new(bars::Bars::new(screen, ids)),
        Show::Progress => Box::new(lines::Lines::new(screen, ids)),
    }
}

/// Whether progress of these jobs is drawn in place, and leaves nothing behind.
pub(crate) fn is_drawn(ids: &[JobId]) -> bool {
    Screen::is_live() && ids.len() <= FEW
}

/// Why staying came to an end.
enum Stay {
    Done,
    TimedOut,
    Interrupted,
}

struct Watch<'a> {
    session: &'a Session,
    opened: &'a Opened,
    /// Whether this call made one job and no other.
    alone: bool,
    lookout: Lookout,
    output: Output,
    done: BTreeMap<JobId, (Code, Last)>,
    /// Whether the job is done in this very process, and no runner needs to see to it.
    is_here: bool,
    /// When it was last made sure that somebody runs the jobs.
    cared: Option<Instant>,
}

impl Watch<'_> {
    async fn stay(&mut self, manner: Manner, observer: &mut dyn Observer) -> Result<Stay, Failure> {
        let begun = Instant::now();
        // Made once: what comes between two looks is not missed.
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        loop {
            self.care();
            let at = Instant::now();
            self.look(manner.show, observer)?;
            if self.lookout.is_empty() {
                return Ok(Stay::Done);
            }
            let glance = glance(begun.elapsed(), at.elapsed());
            let left = manner.timeout.map(|timeout| timeout.saturating_sub(begun.elapsed()));
            if left == Some(Duration::ZERO) {
                return Ok(Stay::TimedOut);
            }
            tokio::select! {
                interrupted = &mut interrupted => {
                    interrupted.map_err(Failure::Runtime)?;
                    return Ok(Stay::Interrupted);
                }
                () = tokio::time::sleep(left.map_or(glance, |left| left.min(glance))) => {}
            }
        }
    }

    /// Looks at every job that is not done yet, and tells what changed.
    fn look(&mut self, show: Show, observer: &mut dyn Observer) -> Result<(), Failure> {
        let scene = self.session.screen.scene();
        let mut changed = Vec::new();
        for (_, last) in self.lookout.look()? {
            changed.push(ids::known(last)?);
        }
        // After the look: what a job said before it ended is told before its end.
        if show == Show::Progress && !self.session.globals.json {
            self.output.begin(changed.iter().filter_map(Last::sighting))?;
            for (id, lines) in self.output.more()? {
                observer.hear(id, &lines, &scene)?;
            }
        }
        for last in changed {
            let (id, code) = match &last {
                Last::Removed(ended) => (ended.id, Some(self.code_of_removed(ended))),
                Last::Seen(seen) => {
                    observer.see(seen, &scene)?;
                    (seen.id, self.code(seen))
                }
            };
            match code {
                Some(code) => drop(self.done.insert(id, (code, last))),
                None => self.opened.must_be_ours()?,
            }
        }
        self.lookout.leave(|id| self.done.contains_key(&id));
        self.output.leave(|id| self.done.contains_key(&id));
        observer.tick(&scene)
    }

    /// The code of a job that goes on no more by itself.
    fn code(&self, seen: &Sighting) -> Option<Code> {
        let strict = self.session.globals.strict;
        match (&seen.damage, &seen.job) {
            (Some(_), _) | (None, None) => Some(Code::Damaged),
            (None, Some(job)) if self.is_own_command(job.spec.kind) => {
                Code::of_command(job, strict)
            }
            (None, Some(job)) => Code::of_job(job, strict),
        }
    }

    fn code_of_removed(&self, ended: &Ended) -> Code {
        let strict = self.session.globals.strict;
        if self.is_own_command(ended.kind) {
            Code::of_removed_command(ended, strict)
        } else {
            Code::of_removed(ended, strict)
        }
    }

    /// Whether the call exits as this job's command does.
    fn is_own_command(&self, kind: Kind) -> bool {
        self.alone && kind == Kind::RunCommand
    }

    /// Makes sure now and then that a runner is there: it may have been killed.
    fn care(&mut self) {
        if !self.is_here && self.cared.is_none_or(|at| at.elapsed() > CARE) {
            engine::keep_all_going(self.session, self.opened);
            self.cared = Some(Instant::now());
        }
    }

    fn interrupted(&self, ids: &[JobId], ctrl_c: CtrlC) {
        let screen = &self.session.screen;
        let left: Vec<_> = ids.iter().filter(|id| !self.done.contains_key(id)).collect();
        match ctrl_c {
            CtrlC::Leave if left.len() > FEW => screen.note(&format!(
                "\n{} jobs go on. Look: jobctl list --active; stop them: jobctl pause ID…",
                left.len()
            )),
            CtrlC::Leave => {
                for id in left {
                    screen.note(&format!(
                        "\n{id} goes on. Look: jobctl show {id}; stop it: jobctl pause {id}"
                    ));
                }
            }
            CtrlC::Pause => {
                for id in left {
                    match bring_about(self.opened, *id, Wish::Pause) {
                        Ok(_) => screen.note(&format!("\nPaused {id}. Resume: jobctl resume {id}")),
                        Err(failure) => screen.fail(&failure),
                    }
                }
            }
        }
    }

    fn result(mut self, ids: &[JobId], code: Option<Code>) -> Watched {
        let done: Vec<_> = ids.iter().filter_map(|id| self.done.remove(id)).collect();
        let codes: Vec<_> = done.iter().map(|(code, _)| *code).collect();
        let jobs = done.into_iter().map(|(_, last)| last).collect();
        Watched { code: code.unwrap_or_else(|| Code::of_several(&codes)), jobs }
    }
}

/// How long to look away: a fiftieth of the time waited so far, so that nobody waits much longer
/// than they must, and ten times what a look takes, so that it never keeps a machine busy.
fn glance(waited: Duration, looked: Duration) -> Duration {
    (waited / 50).clamp(GLANCE, LONG_GLANCE).max((looked * 10).min(LONG_GLANCE * 10))
}

/// Shows nothing.
struct Nobody;

impl Observer for Nobody {
    fn see(&mut self, _: &Sighting, _: &Scene) -> Result<(), Failure> {
        Ok(())
    }

    fn hear(&mut self, _: JobId, _: &[Line], _: &Scene) -> Result<(), Failure> {
        Ok(())
    }

    fn tick(&mut self, _: &Scene) -> Result<(), Failure> {
        Ok(())
    }

    fn end(&mut self) {}
}

/// What a person should know besides of these jobs, for stderr; of many only where to look.
pub(crate) fn say_more(session: &Session, jobs: &[Last]) {
    if jobs.len() > FEW {
        session.screen.note("Look: jobctl show ID; log: jobctl logs ID");
        return;
    }
    for last in jobs {
        last.say_more(session);
    }
}

impl Last {
    /// Its shape for `--json`.
    pub(crate) fn shape(&self) -> JobShape {
        match self {
            Self::Seen(seen) => JobShape::of(seen, environment::now()),
            Self::Removed(ended) => JobShape::of_removed(ended),
        }
    }

    /// Its name.
    pub(crate) fn id(&self) -> JobId {
        match self {
            Self::Seen(seen) => seen.id,
            Self::Removed(ended) => ended.id,
        }
    }

    /// What can be seen of it, if it is still there.
    fn sighting(&self) -> Option<&Sighting> {
        match self {
            Self::Seen(seen) => Some(seen),
            Self::Removed(_) => None,
        }
    }

    /// How it stands, in a line.
    pub(crate) fn line(&self, scene: &Scene) -> String {
        match self {
            Self::Seen(seen) => format!("{} {}", seen.id, progress::state(seen, scene)),
            Self::Removed(ended) => {
                let error = ended.error.as_deref().map(|error| format!(": {}", text::line(error)));
                format!(
                    "{} {} (removed since){}",
                    ended.id,
                    ended.status,
                    error.unwrap_or_default()
                )
            }
        }
    }

    /// What a person should know besides, for stderr.
    fn say_more(&self, session: &Session) {
        let Self::Seen(seen) = self else { return };
        let Some(job) = &seen.job else { return };
        let warnings = json::warnings(job);
        for warning in warnings.iter().take(WARNINGS) {
            session.screen.note(&format!("  {}", text::line(warning)));
        }
        if warnings.len() > WARNINGS {
            session.screen.note(&format!("  … and more: jobctl show {}", seen.id));
        }
        if let Some((label, advice)) = next_step(job) {
            session.screen.note(&format!("{label}: {advice}"));
        }
        if job.status() != Status::Completed || !warnings.is_empty() {
            session.screen.note(&format!("Look: jobctl show {0}; log: jobctl logs {0}", seen.id));
        }
    }
}

/// What a person can do about a job that waits for somebody.
fn next_step(job: &Job) -> Option<(&'static str, String)> {
    let State::Paused { reason, resumes_at, .. } = &job.state else { return None };
    // Whoever paused it knows how it goes on.
    (*reason != Reason::User).then(|| reason::advice(job, reason, *resumes_at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_looked_away_the_longer_the_longer_it_takes() {
        let milliseconds = Duration::from_millis;
        let soon = milliseconds(0);
        assert_eq!(glance(milliseconds(10), soon), GLANCE);
        assert_eq!(glance(milliseconds(1_000), soon), milliseconds(20));
        assert_eq!(glance(milliseconds(600_000), soon), LONG_GLANCE);
        assert_eq!(glance(milliseconds(10), milliseconds(4)), milliseconds(40));
        assert_eq!(glance(milliseconds(10), milliseconds(9_000)), LONG_GLANCE * 10);
    }
}
