use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use jobctl_core::{Kind, Status};
use jobctl_store::{FileStore, Overview, Standing, Which};

use crate::args::ListArgs;
use crate::error::Failure;
use crate::exit::Code;
use crate::json::{self, JobShape};
use crate::session::{Opened, Session};
use crate::views::{first, list};
use crate::{engine, last_look, sources};

use super::doctor::warn_of_unread;
use super::show::say_foreign;

/// How many ended jobs are listed where no more are asked for.
const ENDED: usize = 10;
/// How many of the newest ended jobs the overview looks through for failed ones.
const LOOKED_THROUGH: usize = 100;
/// How long an ended job stays in the overview.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// `jobctl` alone: what is active, then what ended within a day, failed first, ten at most.
pub(crate) fn overview(session: &Session) -> Result<Code, Failure> {
    let Some(opened) = session.open()? else { return first_screen(session) };
    let mut jobs = opened.store.overview(Which::Recent(LOOKED_THROUGH))?;
    warn_of_unread(session, &jobs.unread);
    if jobs.open.is_empty() && jobs.ended.is_empty() && !session.globals.json {
        say_foreign(session, &opened);
        return first_screen(session);
    }
    let since = session.screen.scene().now - DAY;
    jobs.ended.retain(|ended| ended.ended_at >= since);
    jobs.ended.sort_by_key(|ended| ended.status != Status::Failed);
    jobs.ended.truncate(ENDED);
    if jobs.open.is_empty() && jobs.ended.is_empty() && !session.globals.json {
        session.screen.say("No job is active, and none ended in the last 24 hours.")?;
        session.screen.note("Older ones: jobctl list --all");
    } else {
        print(session, Some(&opened), vec![(Arc::clone(&opened.store), jobs)])?;
    }
    engine::keep_all_going(session, &opened);
    say_foreign(session, &opened);
    Ok(Code::Fine)
}

fn first_screen(session: &Session) -> Result<Code, Failure> {
    if session.globals.json {
        session.screen.say(&json::many(Vec::new()))?;
    } else {
        let view = first::render(&sources::built_in(), &session.screen.scene());
        session.screen.say(&view)?;
    }
    Ok(Code::Fine)
}

/// Jobs, and the state directory that they are in.
type Found = (Arc<FileStore>, Overview);

/// Lists jobs.
pub(crate) fn list(session: &Session, args: &ListArgs) -> Result<Code, Failure> {
    if args.everywhere {
        return list_everywhere(session, args);
    }
    let Some(opened) = session.open()? else {
        print(session, None, Vec::new())?;
        return Ok(Code::Fine);
    };
    let jobs = wanted(opened.store.overview(which(args))?, args);
    warn_of_unread(session, &jobs.unread);
    print(session, Some(&opened), vec![(Arc::clone(&opened.store), jobs)])?;
    engine::keep_all_going(session, &opened);
    say_foreign(session, &opened);
    Ok(Code::Fine)
}

/// The jobs of every state directory that is the user's own and still there.
fn list_everywhere(session: &Session, args: &ListArgs) -> Result<Code, Failure> {
    let mut found = Vec::new();
    for path in session.registry()?.all()? {
        match session.open_at(&path) {
            Ok(Some(store)) if *store.standing() == Standing::Ours => {
                let jobs = wanted(store.overview(which(args))?, args);
                warn_of_unread(session, &jobs.unread);
                found.push((Arc::new(store), jobs));
            }
            Ok(_) => {}
            Err(failure) => session.screen.warn(&failure.chain()),
        }
    }
    print(session, None, found)?;
    Ok(Code::Fine)
}

/// What has to be read for these flags.
fn which(args: &ListArgs) -> Which {
    let filtered = args.project.is_some() || args.kind.is_some();
    let ended = args.status.iter().any(|status| status.is_ended());
    if args.active || (!args.status.is_empty() && !ended) {
        Which::Active
    } else if filtered || ended {
        Which::All
    } else if args.all {
        args.limit.map_or(Which::All, Which::Recent)
    } else {
        Which::Recent(args.limit.unwrap_or(ENDED))
    }
}

/// What a filter may ask of a job.
struct Facts<'a> {
    status: Status,
    kind: Kind,
    project: &'a Path,
}

impl Facts<'_> {
    fn fit(&self, args: &ListArgs) -> bool {
        (args.status.is_empty() || args.status.contains(&self.status))
            && args.kind.is_none_or(|kind| self.kind == kind)
            && args.project.as_deref().is_none_or(|project| self.belongs_to(project))
    }

    /// Whether a job belongs to a project, given by path or by the last part of it.
    fn belongs_to(&self, project: &str) -> bool {
        let own = self.project;
        own.starts_with(project) || own.file_name().is_some_and(|name| name == project)
    }
}

fn wanted(mut jobs: Overview, args: &ListArgs) -> Overview {
    jobs.open.retain(|seen| {
        let Some(job) = &seen.job else { return args.status.is_empty() && args.kind.is_none() };
        let (status, kind, project) = (job.status(), job.spec.kind, &job.spec.project);
        Facts { status, kind, project }.fit(args)
    });
    jobs.ended.retain(|ended| {
        let (status, kind, project) = (ended.status, ended.kind, &ended.project);
        Facts { status, kind, project }.fit(args)
    });
    let limit = args.limit.unwrap_or(usize::MAX);
    jobs.open.truncate(limit);
    jobs.ended.truncate(limit - jobs.open.len());
    jobs
}

fn print(session: &Session, opened: Option<&Opened>, found: Vec<Found>) -> Result<(), Failure> {
    let scene = session.screen.scene();
    if session.globals.json {
        let jobs = found.into_iter().flat_map(|(store, jobs)| store.whole(jobs));
        let shapes = jobs.map(|seen| JobShape::of(&seen, scene.now)).collect();
        return session.screen.say(&json::many(shapes));
    }
    let mut jobs = Overview::default();
    for (_, here) in found {
        jobs.open.extend(here.open);
        jobs.ended.extend(here.ended);
    }
    if jobs.open.is_empty() && jobs.ended.is_empty() {
        return session.screen.say("No jobs.");
    }
    let last =
        opened.map(|opened| last_look::read(&session.env, &opened.store)).unwrap_or_default();
    let view = list::render(&jobs, &last, &scene);
    session.screen.say(&format!("Background Jobs\n\n{view}"))?;
    if let Some(opened) = opened {
        last_look::remember(&session.env, &opened.store, &jobs.open);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::samples;

    fn ids(args: &ListArgs) -> Vec<String> {
        let jobs = wanted(samples::overview(samples::all()), args);
        let open = jobs.open.iter().map(|seen| seen.id.to_string());
        open.chain(jobs.ended.iter().map(|ended| ended.id.to_string())).collect()
    }

    #[test]
    fn filters_are_met_together() {
        let status = vec![Status::Paused];
        let all = ids(&ListArgs::default());
        assert_eq!(all.len(), samples::all().len());
        let paused = ListArgs { status, ..ListArgs::default() };
        assert_eq!(ids(&paused), ["0b1c2d3e", "11111111", "22222222", "33333333"]);
        let kind = Some(jobctl_core::Kind::ImportIssues);
        let args = ListArgs { kind, project: Some("acme".to_owned()), limit: Some(1), ..paused };
        assert_eq!(ids(&args), ["0b1c2d3e"]);
        let args = ListArgs { project: Some("/home/b".to_owned()), ..args };
        assert_eq!(ids(&args), Vec::<String>::new());
    }

    #[test]
    fn only_what_is_needed_is_read() {
        let with = |status: &[Status]| ListArgs { status: status.to_vec(), ..ListArgs::default() };
        assert_eq!(which(&ListArgs::default()), Which::Recent(ENDED));
        assert_eq!(which(&with(&[Status::Running])), Which::Active);
        assert_eq!(which(&with(&[Status::Running, Status::Failed])), Which::All);
        assert_eq!(which(&ListArgs { active: true, ..ListArgs::default() }), Which::Active);
        let twenty = ListArgs { limit: Some(20), ..ListArgs::default() };
        assert_eq!(which(&twenty), Which::Recent(20));
        assert_eq!(which(&ListArgs { all: true, ..twenty }), Which::Recent(20));
    }
}
