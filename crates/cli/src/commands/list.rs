use jiff::SignedDuration;
use jobctl_core::{Job, Status};
use jobctl_store::{Sighting, Standing, Store as _, Which};

use crate::args::ListArgs;
use crate::error::Failure;
use crate::exit::Code;
use crate::json::{self, JobShape};
use crate::session::{Opened, Session};
use crate::views::{first, list};
use crate::{engine, last_look, sources};

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
    let all = opened.store.list(Which::Recent(LOOKED_THROUGH))?;
    if all.is_empty() && !session.globals.json {
        say_foreign(session, &opened);
        return first_screen(session);
    }
    let since = session.screen.scene().now - DAY;
    let ended_at = |seen: &Sighting| seen.job.as_ref().and_then(Job::ended_at);
    let (mut ended, active): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|seen| ended_at(seen).is_some());
    ended.retain(|seen| ended_at(seen).is_some_and(|at| at >= since));
    ended.sort_by_key(|seen| seen.status() != Some(Status::Failed));
    ended.truncate(ENDED);
    let jobs: Vec<_> = active.into_iter().chain(ended).collect();
    if jobs.is_empty() && !session.globals.json {
        session.screen.say("No job is active, and none ended in the last 24 hours.")?;
        session.screen.note("Older ones: jobctl list --all");
    } else {
        print(session, Some(&opened), &jobs)?;
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

/// Lists jobs.
pub(crate) fn list(session: &Session, args: &ListArgs) -> Result<Code, Failure> {
    if args.everywhere {
        return list_everywhere(session, args);
    }
    let Some(opened) = session.open()? else {
        print(session, None, &[])?;
        return Ok(Code::Fine);
    };
    let jobs = wanted(opened.store.list(which(args))?, args);
    print(session, Some(&opened), &jobs)?;
    engine::keep_all_going(session, &opened);
    say_foreign(session, &opened);
    Ok(Code::Fine)
}

/// The jobs of every state directory that is the user's own and still there.
fn list_everywhere(session: &Session, args: &ListArgs) -> Result<Code, Failure> {
    let mut jobs = Vec::new();
    for path in session.registry()?.all()? {
        match session.open_at(&path) {
            Ok(Some(store)) if *store.standing() == Standing::Ours => {
                jobs.extend(store.list(which(args))?);
            }
            Ok(_) => {}
            Err(failure) => session.screen.warn(&failure.chain()),
        }
    }
    print(session, None, &wanted(jobs, args))?;
    Ok(Code::Fine)
}

/// What has to be read for these flags.
fn which(args: &ListArgs) -> Which {
    let filtered = args.project.is_some() || args.kind.is_some();
    let ended = args.status.iter().any(|status| status.is_ended());
    if args.all || ended || (filtered && !args.active) {
        Which::All
    } else if args.active || !args.status.is_empty() {
        Which::Active
    } else {
        Which::Recent(ENDED)
    }
}

fn wanted(mut jobs: Vec<Sighting>, args: &ListArgs) -> Vec<Sighting> {
    jobs.retain(|seen| {
        let Some(job) = &seen.job else { return args.status.is_empty() && args.kind.is_none() };
        (args.status.is_empty() || args.status.contains(&job.status()))
            && (!args.active || !job.status().is_ended())
            && args.kind.is_none_or(|kind| job.spec.kind == kind)
            && args.project.as_deref().is_none_or(|project| belongs_to(job, project))
    });
    jobs.truncate(args.limit.unwrap_or(usize::MAX));
    jobs
}

/// Whether a job belongs to a project, given by path or by the last part of it.
fn belongs_to(job: &Job, project: &str) -> bool {
    let own = &job.spec.project;
    own.starts_with(project) || own.file_name().is_some_and(|name| name == project)
}

fn print(session: &Session, opened: Option<&Opened>, jobs: &[Sighting]) -> Result<(), Failure> {
    let scene = session.screen.scene();
    if session.globals.json {
        let shapes = jobs.iter().map(|seen| JobShape::of(seen, scene.now)).collect();
        return session.screen.say(&json::many(shapes));
    }
    if jobs.is_empty() {
        return session.screen.say("No jobs.");
    }
    let last =
        opened.map(|opened| last_look::read(&session.env, &opened.store)).unwrap_or_default();
    let view = list::render(jobs, &last, &scene);
    session.screen.say(&format!("Background Jobs\n\n{view}"))?;
    if let Some(opened) = opened {
        last_look::remember(&session.env, &opened.store, jobs);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::samples;

    fn ids(args: &ListArgs) -> Vec<String> {
        wanted(samples::all(), args).iter().map(|seen| seen.id.to_string()).collect()
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
    }
}
