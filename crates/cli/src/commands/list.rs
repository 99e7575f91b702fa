use std::cmp::Reverse;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::SignedDuration;
use jobctl_core::{JobId, Kind, Status, Time};
use jobctl_store::{Ended, FileStore, Overview, Sighting, Standing, Which};

use crate::args::ListArgs;
use crate::error::Failure;
use crate::exit::Code;
use crate::json::{self, JobShape};
use crate::queue::Queue;
use crate::session::{Opened, Session};
use crate::settings::Settings;
use crate::views::list::LastLook;
use crate::views::projects::Projects;
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
    let news = last_look::interruptions(session, &opened, &jobs.open);
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
        let queue = Queue::of(&opened.store, &jobs.open, opened.settings.limits.values.clone())?;
        let found = Found { store: Arc::clone(&opened.store), jobs, queue };
        print_here(session, Some(&opened), vec![found])?;
    }
    engine::keep_all_going(session, &opened);
    say_foreign(session, &opened);
    tell(session, news);
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

/// Jobs, the state directory that they are in, and its whole queue.
struct Found {
    store: Arc<FileStore>,
    jobs: Overview,
    queue: Queue,
}

/// Lists jobs.
pub(crate) fn list(session: &Session, args: &ListArgs) -> Result<Code, Failure> {
    if args.everywhere {
        return list_everywhere(session, args);
    }
    let Some(opened) = session.open()? else {
        print_here(session, None, Vec::new())?;
        return Ok(Code::Fine);
    };
    let jobs = opened.store.overview(which(args))?;
    let news = last_look::interruptions(session, &opened, &jobs.open);
    let queue = Queue::of(&opened.store, &jobs.open, opened.settings.limits.values.clone())?;
    let jobs = filtered(session, args, jobs);
    let found = Found { store: Arc::clone(&opened.store), jobs, queue };
    print_here(session, Some(&opened), vec![found])?;
    engine::keep_all_going(session, &opened);
    say_foreign(session, &opened);
    tell(session, news);
    Ok(Code::Fine)
}

/// Last, where it is seen: a list may be long.
fn tell(session: &Session, news: Option<String>) {
    if let Some(line) = news {
        session.screen.note(&line);
    }
}

/// The jobs of every state directory that is the user's own and still there. None of them stands in
/// the way of the others.
fn list_everywhere(session: &Session, args: &ListArgs) -> Result<Code, Failure> {
    let registry = session.registry()?;
    match registry.forget_gone() {
        Ok(gone) => gone.iter().for_each(|path| {
            session.screen.detail(&format!("{} is gone: no longer listed", path.display()));
        }),
        Err(error) => session.screen.warn(&Failure::from(error).chain()),
    }
    let mut found = Vec::new();
    for path in registry.all()? {
        match session.open_at(&path) {
            Ok(Some(store)) => match store.standing() {
                Standing::Ours => match look_into(session, args, Arc::new(store)) {
                    Ok(jobs) => found.push(jobs),
                    Err(failure) => session.screen.warn(&failure.chain()),
                },
                Standing::Foreign { why } => session.screen.warn(&format!(
                    "{} is not a state directory of yours and not listed: {why}",
                    path.display()
                )),
            },
            Ok(None) => session.screen.detail(&format!("{} is not there now", path.display())),
            Err(failure) => session.screen.warn(&failure.chain()),
        }
    }
    limit(&mut found, args);
    print_everywhere(session, found)?;
    Ok(Code::Fine)
}

fn look_into(session: &Session, args: &ListArgs, store: Arc<FileStore>) -> Result<Found, Failure> {
    let jobs = store.overview(which(args))?;
    let settings = Settings::load(&session.env, Some(store.root()))?.settings;
    let queue = Queue::of(&store, &jobs.open, settings.limits.values)?;
    Ok(Found { jobs: filtered(session, args, jobs), store, queue })
}

fn filtered(session: &Session, args: &ListArgs, jobs: Overview) -> Overview {
    let project = args.project.as_deref().map(|text| Project::of(text, &session.directory));
    warn_of_unread(session, &jobs.unread);
    wanted(jobs, args, project.as_ref())
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

/// Which projects are asked for.
#[derive(Debug, PartialEq, Eq)]
enum Project {
    /// Those whose directory has this name.
    Named(String),
    /// The one in this directory, and those below it.
    At(PathBuf),
}

impl Project {
    /// What a text means that was typed in `directory`.
    fn of(text: &str, directory: &Path) -> Self {
        if text.contains('/') || text == "." || text == ".." {
            let path = directory.join(text);
            // A project that is gone has jobs all the same.
            Self::At(path.canonicalize().unwrap_or(path))
        } else {
            Self::Named(text.to_owned())
        }
    }

    fn holds(&self, project: &Path) -> bool {
        match self {
            Self::Named(name) => project.file_name().is_some_and(|last| last == name.as_str()),
            Self::At(path) => project.starts_with(path),
        }
    }
}

/// What a filter may ask of a job.
struct Facts<'a> {
    status: Status,
    kind: Kind,
    project: &'a Path,
}

impl Facts<'_> {
    fn fit(&self, args: &ListArgs, project: Option<&Project>) -> bool {
        (args.status.is_empty() || args.status.contains(&self.status))
            && args.kind.is_none_or(|kind| self.kind == kind)
            && project.is_none_or(|project| project.holds(self.project))
    }
}

fn wanted(mut jobs: Overview, args: &ListArgs, project: Option<&Project>) -> Overview {
    jobs.open.retain(|seen| {
        // What cannot be read may be anything.
        let Some(job) = &seen.job else { return args.status.is_empty() && args.kind.is_none() };
        let (status, kind, directory) = (job.status(), job.spec.kind, &job.spec.project);
        Facts { status, kind, project: directory }.fit(args, project)
    });
    jobs.ended.retain(|ended| {
        let (status, kind, directory) = (ended.status, ended.kind, &ended.project);
        Facts { status, kind, project: directory }.fit(args, project)
    });
    let limit = args.limit.unwrap_or(usize::MAX);
    jobs.open.truncate(limit);
    jobs.ended.truncate(limit - jobs.open.len());
    jobs
}

/// Leaves as many jobs of all directories as a list of one would have.
fn limit(found: &mut [Found], args: &ListArgs) {
    let most = args.limit.unwrap_or(usize::MAX);
    let open: Vec<_> = found.iter_mut().map(|found| &mut found.jobs.open).collect();
    let left = most - first_of_all(open, most, place_of_open);
    let ended = found.iter_mut().map(|found| &mut found.jobs.ended).collect();
    let newest = match which(args) {
        Which::Recent(newest) => newest.min(left),
        Which::Active | Which::All => left,
    };
    first_of_all(ended, newest, place_of_ended);
}

/// Leaves the first of all lists together, and says how many there are.
fn first_of_all<T, K: Ord>(lists: Vec<&mut Vec<T>>, most: usize, place: impl Fn(&T) -> K) -> usize {
    let mut places: Vec<K> = lists.iter().flat_map(|list| list.iter().map(&place)).collect();
    places.sort_unstable();
    if let Some(too_many) = places.get(most) {
        for list in lists {
            list.retain(|job| place(job) < *too_many);
        }
    }
    places.len().min(most)
}

/// Where a list has a job that has not ended: the oldest first.
fn place_of_open(seen: &Sighting) -> (Option<Time>, JobId) {
    (seen.job.as_ref().map(|job| job.submitted_at), seen.id)
}

/// Where it has one that has: behind those, the newest first.
fn place_of_ended(ended: &Ended) -> (Reverse<Time>, JobId) {
    (Reverse(ended.ended_at), ended.id)
}

/// Prints the jobs of one state directory.
fn print_here(
    session: &Session,
    opened: Option<&Opened>,
    found: Vec<Found>,
) -> Result<(), Failure> {
    if session.globals.json {
        return print_json(session, found);
    }
    let last =
        opened.map(|opened| last_look::read(&session.env, &opened.store)).unwrap_or_default();
    let (jobs, queues) = merged(found);
    print_table(session, &jobs, &queues, &Projects::unnamed(), &last)?;
    if let Some(opened) = opened {
        last_look::remember(&session.env, &opened.store, &jobs.open);
    }
    Ok(())
}

/// Prints the jobs of many.
fn print_everywhere(session: &Session, found: Vec<Found>) -> Result<(), Failure> {
    if session.globals.json {
        return print_json(session, found);
    }
    let (jobs, queues) = merged(found);
    print_table(session, &jobs, &queues, &Projects::of(&jobs), &LastLook::new())?;
    if !jobs.open.is_empty() || !jobs.ended.is_empty() {
        session
            .screen
            .note("Commands are about the jobs of one project: jobctl -C PROJECT show ID");
    }
    Ok(())
}

fn print_table(
    session: &Session,
    jobs: &Overview,
    queues: &[Queue],
    projects: &Projects,
    last: &LastLook,
) -> Result<(), Failure> {
    if jobs.open.is_empty() && jobs.ended.is_empty() {
        return session.screen.say("No jobs.");
    }
    let scene = session.screen.scene();
    let waits = queues.iter().flat_map(|queue| queue.waits(scene.now)).collect();
    let view = list::render(jobs, &waits, projects, last, &scene);
    session.screen.say(&format!("Background Jobs\n\n{view}"))
}

/// The jobs of all directories in the order of one, and their queues.
fn merged(found: Vec<Found>) -> (Overview, Vec<Queue>) {
    let (mut all, mut queues) = (Overview::default(), Vec::new());
    for Found { store: _, jobs, queue } in found {
        all.open.extend(jobs.open);
        all.ended.extend(jobs.ended);
        queues.push(queue);
    }
    all.open.sort_by_key(place_of_open);
    all.ended.sort_by_key(place_of_ended);
    (all, queues)
}

fn print_json(session: &Session, found: Vec<Found>) -> Result<(), Failure> {
    let several = found.len() > 1;
    let now = session.screen.scene().now;
    let mut jobs = Vec::new();
    for Found { store, jobs: here, queue } in found {
        let waits = queue.waits(now);
        jobs.extend(store.whole(here).into_iter().map(|seen| {
            let shape = JobShape::of(&seen, now).within(store.root());
            let shape = shape.waiting(waits.get(&seen.id));
            (seen, shape)
        }));
    }
    if several {
        let ended = |seen: &Sighting| seen.job.as_ref()?.ended_at().map(Reverse);
        jobs.sort_by_key(|(seen, _)| (ended(seen), place_of_open(seen)));
    }
    session.screen.say(&json::many(jobs.into_iter().map(|(_, shape)| shape).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::samples;

    fn ids(args: &ListArgs) -> Vec<String> {
        let project = args.project.as_deref().map(|text| Project::of(text, Path::new("/home")));
        let jobs = wanted(samples::overview(samples::all()), args, project.as_ref());
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
        for (project, are_there) in [
            ("/home/b", false),
            ("/home/a", true),
            ("a/acme/", true),
            (".", true),
            ("a", false),
            ("acm", false),
        ] {
            let args = ListArgs { project: Some(project.to_owned()), ..args.clone() };
            assert_eq!(!ids(&args).is_empty(), are_there, "{project}");
        }
    }

    #[test]
    fn of_several_directories_the_first_jobs_of_all_are_listed() {
        let mut lists = [vec![5, 1, 9], vec![2], vec![], vec![3, 7]];
        let count = first_of_all(lists.iter_mut().collect(), 3, |number| *number);
        assert_eq!((count, lists), (3, [vec![1], vec![2], vec![], vec![3]]));
        let mut few = [vec![1], vec![2]];
        assert_eq!(first_of_all(few.iter_mut().collect(), usize::MAX, |number| *number), 2);
        assert_eq!(first_of_all(few.iter_mut().collect(), 0, |number| *number), 0);
        assert!(few.concat().is_empty());
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
