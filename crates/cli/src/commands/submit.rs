//! Commands that make jobs.

mod after;
mod batch;
mod command;
mod drafts;
pub(crate) mod preview;
mod terms;

use std::collections::{BTreeMap, BTreeSet};

use jobctl_core::{Dependency, JobId, Spec};
use jobctl_runner::Offer;
use jobctl_store::{ClaimError, Keeping, Store as _, key};

use crate::args::{CloneArgs, ForgeArgs, ImportArgs, RunArgs, StayArgs};
use crate::credentials::Found;
use crate::error::Failure;
use crate::exit::Code;
use crate::json;
use crate::session::{Opened, Session};
use crate::work::options::Connection;
use crate::{announce, background, engine, environment, ids, text};

use super::follow::follow_jobs;
use super::watch::{CtrlC, Last, Manner, Origin, Show, watch};
use after::{Flaw, Flaws};
use batch::{BadLine, BatchFile};
use command::Order;
use drafts::{Draft, Lent};

/// How many jobs are told of one by one.
const FEW: usize = 10;

/// `jobctl clone`.
pub(crate) fn clone(session: &Session, args: &CloneArgs) -> Result<Code, Failure> {
    submit(session, &args.stay, &args.forge, drafts::clones(session, args)?, None)
}

/// `jobctl import`.
pub(crate) fn import(session: &Session, args: &ImportArgs) -> Result<Code, Failure> {
    let drafts = drafts::imports(session, args)?;
    if args.dry_run {
        return preview::dry_run(session, &args.forge, drafts);
    }
    submit(session, &args.stay, &args.forge, drafts, None)
}

/// `jobctl run`.
pub(crate) fn run(session: &Session, args: &RunArgs) -> Result<Code, Failure> {
    let usual = Order::of(session, args)?;
    let Some(path) = &args.batch else {
        usual.warn_of_missing(session);
        let draft = usual.draft();
        return submit(session, &args.stay, &ForgeArgs::default(), vec![draft], None);
    };
    let file = batch::BatchFile::read(path)?;
    let orders = batch::orders(&file.bytes, &usual, environment::now());
    let orders = orders.map_err(|bad| file.refused(session, bad))?;
    if orders.is_empty() {
        return Err(Failure::usage(
            format!("{} holds no command", file.name),
            "a command a line; empty lines and lines that begin with # are skipped",
        ));
    }
    let drafts = orders.into_iter().map(Order::draft).collect();
    submit(session, &args.stay, &ForgeArgs::default(), drafts, Some(&file))
}

/// A job that this call is about: made by it, or one that has not ended and is the same.
struct Wanted {
    id: JobId,
    description: String,
    /// What is to be submitted; `None` where the job is there already.
    new: Option<Spec>,
}

fn submit(
    session: &Session,
    stay: &StayArgs,
    forge: &ForgeArgs,
    drafts: Vec<Draft>,
    file: Option<&BatchFile>,
) -> Result<Code, Failure> {
    let opened = session.open_or_make()?;
    opened.must_be_ours()?;
    let mut offers = Vec::new();
    let wanted = want(session, &opened, forge, drafts, file, &mut offers)?;
    if stay.foreground {
        return run_here(session, &opened, wanted, &offers);
    }
    let ids: Vec<_> = wanted.iter().map(|wanted| wanted.id).collect();
    let mut jobs = Vec::new();
    let mut descriptions = Vec::new();
    for Wanted { id, description, new } in wanted {
        descriptions.push((id, description));
        jobs.extend(new.map(|spec| (id, spec)));
    }
    hand_in(session, &opened, &jobs, offers)?;
    if !stay.wait && !stay.follow {
        return tell(session, &opened, &descriptions);
    }
    if !session.globals.json {
        for id in &ids {
            session.screen.note(&id.to_string());
        }
    }
    let show = if stay.follow && !session.globals.json { Show::Progress } else { Show::Nothing };
    let ctrl_c = CtrlC::Leave;
    stay_with(session, &opened, &ids, Manner { origin: Origin::Made, show, ctrl_c, timeout: None })
}

/// For each draft the unfinished job that is the same, or a new one, whose needs join the offers.
fn want(
    session: &Session,
    opened: &Opened,
    forge: &ForgeArgs,
    drafts: Vec<Draft>,
    file: Option<&BatchFile>,
    offers: &mut Vec<Offer>,
) -> Result<Vec<Wanted>, Failure> {
    let mut there = Vec::new();
    let mut new = Vec::new();
    for (at, draft) in drafts.into_iter().enumerate() {
        match same(session, opened, forge, draft.identity().as_deref())? {
            Some(id) => {
                there.push((at, Wanted { id, description: draft.description, new: None }));
            }
            None => new.push(draft),
        }
    }
    let ids = opened.store.new_ids(new.len())?;
    let refused = |flaws| refused(session, flaws, &new, file);
    let after = comes_after(session, opened, &ids, &new).map_err(refused)?;
    announced(opened, &new).map_err(refused)?;
    let mut wanted = Vec::new();
    for ((draft, id), after) in new.into_iter().zip(ids).zip(after) {
        let identity = draft.identity();
        let spec = Spec { identity, after, ..spec(session, opened, forge, draft, offers)? };
        wanted.push(Wanted { id, description: spec.description.clone(), new: Some(spec) });
    }
    for (at, known) in there {
        wanted.insert(at, known);
    }
    Ok(wanted)
}

/// The job that asks for the same and has not ended, if there is one and it is enough.
fn same(
    session: &Session,
    opened: &Opened,
    forge: &ForgeArgs,
    identity: Option<&str>,
) -> Result<Option<JobId>, Failure> {
    let Some(identity) = identity.filter(|_| !forge.again) else { return Ok(None) };
    let Some(same) = opened.store.same(identity)? else { return Ok(None) };
    let status = same.status().map_or("damaged", |status| status.name());
    session.screen.note(&format!(
        "The same job has not ended yet: {} ({status}). Another one: --again",
        same.id
    ));
    Ok(Some(same.id))
}

/// What each new job comes after.
fn comes_after(
    session: &Session,
    opened: &Opened,
    ids: &[JobId],
    new: &[Draft],
) -> Result<Vec<Vec<Dependency>>, Flaws> {
    let named = new.iter().zip(ids).map(|(draft, id)| after::New {
        id: *id,
        name: draft.terms.name.as_deref(),
        after: &draft.terms.after,
    });
    after::resolve(session, opened, &named.collect::<Vec<_>>())
}

/// Whether the announcements that jobs name are there.
fn announced(opened: &Opened, new: &[Draft]) -> Result<(), Flaws> {
    let check = |(at, draft): (usize, &Draft)| {
        let names = draft.terms.announce.as_deref()?;
        Some((at, announce::check(names, &opened.settings).err()?))
    };
    Flaws::refuse(new.iter().enumerate().filter_map(check).collect())
}

/// Nothing is submitted where a job of several is wrong; each is told of, by its line in a batch.
fn refused(session: &Session, flaws: Flaws, new: &[Draft], file: Option<&BatchFile>) -> Failure {
    let Some(file) = file else { return flaws.first() };
    let bad = |(at, failure): Flaw| BadLine { line: new[at].line, what: failure.chain() };
    file.refused(session, flaws.all().map(bad).collect())
}

fn spec(
    session: &Session,
    opened: &Opened,
    forge: &ForgeArgs,
    draft: Draft,
    offers: &mut Vec<Offer>,
) -> Result<Spec, Failure> {
    let Draft { kind, description, sources, options, terms, lent, .. } = draft;
    let settings = &opened.settings;
    let mut spec = Spec {
        name: terms.name,
        sources,
        options,
        on_crash: terms.on_crash.unwrap_or(kind.on_crash()),
        auto_resume: settings.auto_resume && !terms.no_auto_resume,
        max_attempts: settings.max_attempts.max(terms.retries.saturating_add(1)),
        priority: terms.priority,
        on_dependency_failure: terms.on_dependency_failure,
        not_before: terms.not_before,
        resources: terms.resources,
        retries: terms.retries,
        timeout: terms.timeout,
        announce: terms.announce,
        keep: session.globals.debug,
        ..Spec::new(kind, terms.description.unwrap_or(description), &opened.place.project)
    };
    match lent {
        Lent::Credential(connection) => {
            for found in credentials(session, opened, forge, &connection)? {
                offers.extend(found.offer());
                spec.needs.push(found.need);
            }
        }
        Lent::Environment { keep } => {
            // All jobs of a call have the same one.
            if offers.is_empty() {
                offers.push(engine::environment(session)?);
            }
            spec.environment = offers.first().map(|offer| offer.need.origin.clone());
            spec.keep_environment = keep;
        }
    }
    Ok(spec)
}

fn credentials(
    session: &Session,
    opened: &Opened,
    forge: &ForgeArgs,
    connection: &Connection,
) -> Result<Vec<Found>, Failure> {
    let named = forge.token_env.as_deref();
    let all = opened.wallet(session).find(connection, named, forge.api_url.as_deref())?;
    for Found { need, .. } in &all {
        session.screen.detail(&format!("credential of {} from {}", need.connection, need.origin));
    }
    if all.is_empty() {
        session.screen.detail("no credential: what is read must be public");
    }
    Ok(all)
}

/// Hands over what jobs need, then makes them, then rings: in this order nothing is lost.
pub(crate) fn hand_in(
    session: &Session,
    opened: &Opened,
    jobs: &[(JobId, Spec)],
    mut offers: Vec<Offer>,
) -> Result<(), Failure> {
    let mut link = None;
    if !session.globals.no_start {
        let mut connected = engine::connect(session, opened)?;
        let mut lacking = connected.lacking().to_vec();
        lacking.retain(|need| offers.iter().all(|offer| offer.need != *need));
        offers.extend(engine::offers(session, opened, &lacking));
        connected.offer(&offers)?;
        link = Some(connected);
    }
    let keeping = keep(opened, jobs, &offers)?;
    if !jobs.is_empty() {
        opened.store.submit(&key(jobs), jobs, environment::now())?;
    }
    drop(keeping);
    match link {
        Some(mut link) => {
            // The jobs are there: where the runner has gone meanwhile, another one takes them up.
            if link.ring().is_err() {
                engine::wake(session, opened, &[]);
            }
        }
        None => engine::mirror(opened),
    }
    Ok(())
}

/// Stores the environments that are to be kept, before the jobs exist that need them.
fn keep(
    opened: &Opened,
    jobs: &[(JobId, Spec)],
    offers: &[Offer],
) -> Result<Option<Keeping>, Failure> {
    let kept: BTreeSet<&str> = jobs
        .iter()
        .filter(|(_, spec)| spec.keep_environment)
        .filter_map(|(_, spec)| spec.environment.as_deref())
        .collect();
    let texts: BTreeMap<&str, &str> = offers
        .iter()
        .filter(|offer| offer.need.is_environment())
        .map(|offer| (offer.need.origin.as_str(), offer.value.expose()))
        .filter(|(hash, _)| kept.contains(hash))
        .collect();
    if texts.is_empty() {
        return Ok(None);
    }
    Ok(Some(opened.store.keep_environments(&texts)?))
}

/// Ids on stdout; where, what and the next command on stderr.
fn tell(session: &Session, opened: &Opened, jobs: &[(JobId, String)]) -> Result<Code, Failure> {
    if session.globals.json {
        let ids: Vec<_> = jobs.iter().map(|(id, _)| *id).collect();
        let last = ids::last_of(opened, &ids)?;
        session.screen.say(&json::one_or_many(last.iter().map(Last::shape).collect()))?;
        return Ok(Code::Fine);
    }
    let ids: Vec<_> = jobs.iter().map(|(id, _)| id.to_string()).collect();
    session.screen.say(&ids.join("\n"))?;
    if jobs.len() > FEW {
        session.screen.note(&format!("{} jobs, in the background", text::count(jobs.len() as u64)));
    } else {
        for (id, description) in jobs {
            let what = text::clip(description, 200);
            session.screen.note(&format!("{id}: {what}, in the background"));
        }
    }
    let (next, begin) = match jobs {
        [(id, _)] => (format!("jobctl follow {id}"), "it starts"),
        _ => ("jobctl follow".to_owned(), "they start"),
    };
    let waits = if session.globals.no_start {
        format!("; {begin} with the next jobctl command")
    } else {
        String::new()
    };
    session.screen.note(&format!("Watch: {next} (closing this terminal is fine{waits})"));
    Ok(Code::Fine)
}

/// Stays with the jobs, then prints how they ended.
pub(crate) fn stay_with(
    session: &Session,
    opened: &Opened,
    ids: &[JobId],
    manner: Manner,
) -> Result<Code, Failure> {
    if !session.globals.json {
        return follow_jobs(session, opened, ids, manner);
    }
    let watched = watch(session, opened, ids, manner)?;
    let shapes = watched.jobs.iter().map(Last::shape).collect();
    session.screen.say(&json::one_or_many(shapes))?;
    Ok(watched.code)
}

/// `--foreground`: one job after the other, in this process; Ctrl-C pauses.
fn run_here(
    session: &Session,
    opened: &Opened,
    wanted: Vec<Wanted>,
    offers: &[Offer],
) -> Result<Code, Failure> {
    let show = if session.globals.json { Show::Nothing } else { Show::Progress };
    let ctrl_c = CtrlC::Pause;
    let manner = Manner { origin: Origin::Made, show, ctrl_c, timeout: None };
    let mut codes = Vec::new();
    for Wanted { id, new, .. } in wanted {
        if !session.globals.json {
            session.screen.note(&id.to_string());
        }
        let Some(spec) = new else {
            engine::keep_all_going(session, opened);
            codes.push(stay_with(session, opened, &[id], manner)?);
            continue;
        };
        let keeping = keep(opened, &[(id, spec.clone())], offers)?;
        let claim = opened.store.submit_held(id, spec, environment::now()).map_err(held)?;
        drop(keeping);
        // A runner that is there hears of the job now, and of its end when the line goes.
        let mut bell = engine::doorbell(session, opened);
        if let Some(line) = &mut bell {
            let _ = line.ring();
        }
        let (store, grace) = (opened.store.clone(), opened.settings.stop_grace);
        let offers = offers.to_vec();
        let worker =
            std::thread::spawn(move || background::run_foreground(store, claim, offers, grace));
        let code = stay_with(session, opened, &[id], manner)?;
        if let Ok(result) = worker.join() {
            result?;
        }
        drop(bell);
        announce::in_place_of_runner(session, opened, &[id]);
        codes.push(code);
        if code == Code::Interrupted {
            break;
        }
    }
    engine::mirror(opened);
    let interrupted = codes.contains(&Code::Interrupted);
    Ok(if interrupted { Code::Interrupted } else { Code::of_several(&codes) })
}

fn held(error: ClaimError) -> Failure {
    match error {
        ClaimError::Damaged { id, what } => Failure::Damaged { id, what },
        error @ (ClaimError::Held(_)
        | ClaimError::Leftover(_)
        | ClaimError::NoSuchJob(_)
        | ClaimError::Foreign { .. }
        | ClaimError::File { .. }) => Failure::Work(error.into()),
    }
}
