//! Interrupted jobs: why, since when, and what can be done.

use std::fmt::Write as _;

use jobctl_core::{Job, JobId, State, Time};
use jobctl_store::Sighting;

use super::list::title;
use super::{Scene, moments, reason};
use crate::interrupted::Outlook;
use crate::text;

/// An interrupted job.
#[derive(Debug, Clone)]
pub(crate) struct Interrupted {
    /// What is seen of it.
    pub(crate) seen: Sighting,
    /// The job.
    pub(crate) job: Job,
    /// What becomes of it.
    pub(crate) outlook: Outlook,
}

impl Interrupted {
    /// Its name.
    pub(crate) const fn id(&self) -> JobId {
        self.job.id
    }

    /// Since when it has stood still.
    fn since(&self) -> Time {
        match &self.job.state {
            // Nobody saw it die: the last sign of life.
            State::Running => self.seen.progress_at.unwrap_or(self.job.updated_at),
            State::Pending
            | State::Paused { .. }
            | State::Completed { .. }
            | State::Failed { .. }
            | State::Cancelled { .. } => self.job.ended_at().unwrap_or(self.job.updated_at),
        }
    }
}

/// The job in a few lines, as a question about it begins.
pub(crate) fn entry(job: &Interrupted, scene: &Scene) -> String {
    let Interrupted { job: it, outlook, .. } = job;
    let mut out = format!("  [{}] {}: {}\n", it.id, it.spec.kind, title(it));
    let why = match &it.state {
        State::Running => "Its worker died".to_owned(),
        State::Paused { reason, resumes_at, .. } => reason::with_resume(reason, *resumes_at, scene),
        State::Failed { error, .. } => format!("Failed: {}", text::line(error)),
        State::Pending | State::Completed { .. } | State::Cancelled { .. } => {
            it.status().to_string()
        }
    };
    let _ = writeln!(out, "     Why: {why}");
    let _ = writeln!(out, "     Since: {}", moments::ago(job.since(), scene));
    let next = match outlook {
        Outlook::GoesOn => "it goes on by itself",
        Outlook::Waits => "it waits for you",
    };
    let _ = writeln!(out, "     Next: {next}");
    out
}

/// All of them, with the commands to type.
pub(crate) fn render(jobs: &[Interrupted], scene: &Scene) -> String {
    if jobs.is_empty() {
        return "No job was interrupted.\n".to_owned();
    }
    let mut out = scene.paint.yellow(&format!("Interrupted ({}):", jobs.len()));
    out.push_str("\n\n");
    for job in jobs {
        let id = job.id();
        out.push_str(&entry(job, scene));
        let _ = writeln!(out, "     Resume: jobctl resume {id}");
        let delete = match &job.job.state {
            State::Failed { .. } => format!("jobctl rm {id}"),
            State::Pending
            | State::Running
            | State::Paused { .. }
            | State::Completed { .. }
            | State::Cancelled { .. } => format!("jobctl cancel {id} && jobctl rm {id}"),
        };
        let _ = writeln!(out, "     Delete: {delete}");
    }
    out
}

#[cfg(test)]
mod tests {
    use jobctl_store::Worker;

    use super::*;
    use crate::interrupted::outlook;
    use crate::views::samples;

    #[test]
    fn why_since_when_and_what_to_type() {
        let mut dead = samples::running();
        dead.worker = Worker::Dead;
        let mut all = samples::all();
        all[0] = dead;
        let jobs: Vec<_> = all
            .into_iter()
            .filter_map(|seen| {
                let (job, outlook) = (seen.job.clone()?, outlook(&seen)?);
                Some(Interrupted { seen, job, outlook })
            })
            .collect();
        assert_eq!(jobs.len(), 2);
        insta::assert_snapshot!(render(&jobs, &samples::scene()));
        assert_eq!(render(&[], &samples::scene()), "No job was interrupted.\n");
    }
}
