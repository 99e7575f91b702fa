//! Stays with jobs until each has ended or needs somebody.

mod bars;
mod lines;
mod objects;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jobctl_core::{JobId, Status};
use jobctl_store::{Ended, Sighting, Wish};

use crate::error::Failure;
use crate::exit::Code;
use crate::json::{self, JobShape};
use crate::screen::Screen;
use crate::session::{Opened, Session};
use crate::views::{Scene, progress};
use crate::{engine, environment, ids, text};

use super::change::bring_about;

/// How often jobs are looked at; snapshots change once a second at most.
const GLANCE: Duration = Duration::from_millis(100);
/// The same for many jobs at once.
const SLOW_GLANCE: Duration = Duration::from_millis(500);
/// How many jobs are many.
const MANY: usize = 10;
/// How often it is made sure that somebody runs the jobs.
const CARE: Duration = Duration::from_secs(2);
/// How many warnings of a job are told.
const WARNINGS: usize = 10;

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

/// How to stay with jobs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
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
    /// A job was looked at.
    fn see(&mut self, seen: &Sighting, scene: &Scene) -> Result<(), Failure>;
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
    let mut watch = Watch { session, opened, done: BTreeMap::new(), cared: None };
    let ended = runtime.block_on(watch.stay(ids, manner, observer.as_mut()));
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
    match show {
        Show::Nothing => Box::new(Nobody),
        Show::Progress if session.globals.json => Box::new(objects::Objects::new(&session.screen)),
        Show::Progress if Screen::is_live() => Box::new(bars::Bars::new(ids)),
        Show::Progress => Box::new(lines::Lines::new(&session.screen, ids.len() > 1)),
    }
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
    done: BTreeMap<JobId, (Code, Last)>,
    /// When it was last made sure that somebody runs the jobs.
    cared: Option<Instant>,
}

impl Watch<'_> {
    async fn stay(
        &mut self,
        ids: &[JobId],
        manner: Manner,
        observer: &mut dyn Observer,
    ) -> Result<Stay, Failure> {
        let glance = if ids.len() > MANY { SLOW_GLANCE } else { GLANCE };
        let begun = Instant::now();
        loop {
            self.look(ids, observer)?;
            if self.done.len() == ids.len() {
                return Ok(Stay::Done);
            }
            let left = manner.timeout.map(|timeout| timeout.saturating_sub(begun.elapsed()));
            if left == Some(Duration::ZERO) {
                return Ok(Stay::TimedOut);
            }
            tokio::select! {
                interrupted = tokio::signal::ctrl_c() => {
                    interrupted.map_err(Failure::Runtime)?;
                    return Ok(Stay::Interrupted);
                }
                () = tokio::time::sleep(left.map_or(glance, |left| left.min(glance))) => {}
            }
        }
    }

    /// Looks at every job that is not done yet.
    fn look(&mut self, ids: &[JobId], observer: &mut dyn Observer) -> Result<(), Failure> {
        self.care();
        let scene = self.session.screen.scene();
        let strict = self.session.globals.strict;
        for id in ids {
            if self.done.contains_key(id) {
                continue;
            }
            let seen = match ids::last(self.opened, *id)? {
                Last::Seen(seen) => seen,
                Last::Removed(ended) => {
                    let code = Code::of_removed(ended.status, ended.warnings, strict);
                    self.done.insert(*id, (code, Last::Removed(ended)));
                    continue;
                }
            };
            observer.see(&seen, &scene)?;
            let code = match (&seen.damage, &seen.job) {
                (Some(_), _) | (None, None) => Some(Code::Damaged),
                (None, Some(job)) => Code::of_job(job, strict),
            };
            match code {
                Some(code) => {
                    self.done.insert(*id, (code, Last::Seen(seen)));
                }
                None => self.opened.must_be_ours()?,
            }
        }
        Ok(())
    }

    /// Makes sure now and then that a runner is there: it may have been killed.
    fn care(&mut self) {
        if self.cared.is_none_or(|at| at.elapsed() > CARE) {
            engine::keep_all_going(self.session, self.opened);
            self.cared = Some(Instant::now());
        }
    }

    fn interrupted(&self, ids: &[JobId], ctrl_c: CtrlC) {
        let screen = &self.session.screen;
        let left = ids.iter().filter(|id| !self.done.contains_key(id));
        for id in left {
            match ctrl_c {
                CtrlC::Leave => {
                    screen.note(&format!(
                        "\n{id} goes on. Look: jobctl show {id}; stop it: jobctl pause {id}"
                    ));
                }
                CtrlC::Pause => match bring_about(self.opened, *id, Wish::Pause) {
                    Ok(_) => screen.note(&format!("\nPaused {id}. Resume: jobctl resume {id}")),
                    Err(failure) => screen.fail(&failure),
                },
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

/// Shows nothing.
struct Nobody;

impl Observer for Nobody {
    fn see(&mut self, _: &Sighting, _: &Scene) -> Result<(), Failure> {
        Ok(())
    }

    fn end(&mut self) {}
}

impl Last {
    /// Its shape for `--json`.
    pub(crate) fn shape(&self) -> JobShape {
        match self {
            Self::Seen(seen) => JobShape::of(seen, environment::now()),
            Self::Removed(ended) => JobShape::of_removed(ended),
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
    pub(crate) fn say_more(&self, session: &Session) {
        let Self::Seen(seen) = self else { return };
        let Some(job) = &seen.job else { return };
        let warnings = json::warnings(job);
        for warning in warnings.iter().take(WARNINGS) {
            session.screen.note(&format!("  {}", text::line(warning)));
        }
        if warnings.len() > WARNINGS {
            session.screen.note(&format!("  … and more: jobctl show {}", seen.id));
        }
        if job.status() != Status::Completed || !warnings.is_empty() {
            session.screen.note(&format!("Look: jobctl show {0}; log: jobctl logs {0}", seen.id));
        }
    }
}
