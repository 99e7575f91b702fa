//! Commands that make jobs.

mod command;
mod drafts;
mod terms;

use jobctl_core::{JobId, Spec};
use jobctl_runner::Offer;
use jobctl_store::{ClaimError, Store as _};

use crate::args::{CloneArgs, ForgeArgs, ImportArgs, RunArgs, StayArgs};
use crate::error::Failure;
use crate::exit::Code;
use crate::json::{self, JobShape};
use crate::session::{Opened, Session};
use crate::work::options::Connection;
use crate::{background, engine, environment, ids, text};

use super::follow::follow_jobs;
use super::watch::{CtrlC, Manner, Origin, Show, watch};
use command::Order;
use drafts::{Draft, Lent};

/// `jobctl clone`.
pub(crate) fn clone(session: &Session, args: &CloneArgs) -> Result<Code, Failure> {
    submit(session, &args.stay, &args.forge, drafts::clones(session, args)?)
}

/// `jobctl import`.
pub(crate) fn import(session: &Session, args: &ImportArgs) -> Result<Code, Failure> {
    submit(session, &args.stay, &args.forge, drafts::imports(session, args)?)
}

/// `jobctl run`.
pub(crate) fn run(session: &Session, args: &RunArgs) -> Result<Code, Failure> {
    let drafts = vec![Order::of(session, args)?.draft()];
    submit(session, &args.stay, &ForgeArgs::default(), drafts)
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
) -> Result<Code, Failure> {
    let opened = session.open_or_make()?;
    opened.must_be_ours()?;
    let mut offers = Vec::new();
    let mut wanted = Vec::new();
    for draft in drafts {
        wanted.push(want(session, &opened, forge, draft, &mut offers)?);
    }
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
    let manner = Manner { origin: Origin::Made, show, ctrl_c, timeout: None };
    stay_with(session, &opened, &ids, manner)
}

/// The unfinished job that is the same as a draft, or a new one, whose needs join the offers.
fn want(
    session: &Session,
    opened: &Opened,
    forge: &ForgeArgs,
    draft: Draft,
    offers: &mut Vec<Offer>,
) -> Result<Wanted, Failure> {
    let identity = draft.identity();
    if let Some(identity) = identity.as_deref().filter(|_| !forge.again)
        && let Some(same) = opened.store.same(identity)?
    {
        let status = same.status().map_or("damaged", |status| status.name());
        session.screen.note(&format!(
            "The same job has not ended yet: {} ({status}). Another one: --again",
            same.id
        ));
        return Ok(Wanted { id: same.id, description: draft.description, new: None });
    }
    let id = opened.store.new_id()?;
    let spec = Spec { identity, ..spec(session, opened, forge, draft, offers)? };
    Ok(Wanted { id, description: spec.description.clone(), new: Some(spec) })
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
            let offer = credential(session, opened, forge, &connection)?;
            spec.needs.extend(offer.as_ref().map(|offer| offer.need.clone()));
            offers.extend(offer);
        }
        Lent::Environment { keep } => {
            let offer = engine::environment(session)?;
            spec.environment = Some(offer.need.origin.clone());
            spec.keep_environment = keep;
            if !offers.iter().any(|known| known.need == offer.need) {
                offers.push(offer);
            }
        }
    }
    Ok(spec)
}

fn credential(
    session: &Session,
    opened: &Opened,
    forge: &ForgeArgs,
    connection: &Connection,
) -> Result<Option<Offer>, Failure> {
    let named = forge.token_env.as_deref();
    let offer = opened.wallet(session).find(connection, named, forge.api_url.is_some())?;
    session.screen.detail(&match &offer {
        Some(offer) => {
            format!("credential of {} from {}", offer.need.connection, offer.need.origin)
        }
        None => "no credential: what is read must be public".to_owned(),
    });
    Ok(offer)
}

/// A name for a submission, never used before: that of its job, or of the first of several.
fn key(jobs: &[(JobId, Spec)]) -> String {
    match jobs {
        [(id, _)] => id.to_string(),
        several => several.first().map_or_else(String::new, |(id, _)| format!("batch-{id}")),
    }
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
        offers.extend(engine::offers(session, opened, connected.wanted()));
        connected.offer(&offers)?;
        link = Some(connected);
    }
    if !jobs.is_empty() {
        opened.store.submit(&key(jobs), jobs, environment::now())?;
    }
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

/// Ids on stdout; where, what and the next command on stderr.
fn tell(session: &Session, opened: &Opened, jobs: &[(JobId, String)]) -> Result<Code, Failure> {
    if session.globals.json {
        let now = environment::now();
        let mut shapes = Vec::new();
        for (id, _) in jobs {
            shapes.push(JobShape::of(&ids::look(opened, *id)?, now));
        }
        session.screen.say(&json::one_or_many(shapes))?;
        return Ok(Code::Fine);
    }
    let ids: Vec<_> = jobs.iter().map(|(id, _)| format!("{id}\n")).collect();
    session.screen.say(&ids.concat())?;
    for (id, description) in jobs {
        let what = text::clip(description, 200);
        session.screen.note(&format!("{id}: {what}, in the background"));
    }
    let waits =
        if session.globals.no_start { "; it starts with the next jobctl command" } else { "" };
    let next = match jobs {
        [(id, _)] => format!("jobctl follow {id}"),
        _ => "jobctl follow".to_owned(),
    };
    session.screen.note(&format!("Watch: {next} (closing this terminal is fine{waits})"));
    Ok(Code::Fine)
}

/// Stays with the jobs, then prints how they ended.
fn stay_with(
    session: &Session,
    opened: &Opened,
    ids: &[JobId],
    manner: Manner,
) -> Result<Code, Failure> {
    if !session.globals.json {
        return follow_jobs(session, opened, ids, manner);
    }
    let watched = watch(session, opened, ids, manner)?;
    let shapes = watched.jobs.iter().map(super::watch::Last::shape).collect();
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
            codes.push(stay_with(session, opened, &[id], manner)?);
            continue;
        };
        let claim = opened.store.submit_held(id, spec, environment::now()).map_err(held)?;
        let (store, grace) = (opened.store.clone(), opened.settings.stop_grace);
        let offers = offers.to_vec();
        let worker =
            std::thread::spawn(move || background::run_foreground(store, claim, offers, grace));
        let code = stay_with(session, opened, &[id], manner)?;
        if let Ok(result) = worker.join() {
            result?;
        }
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
        | ClaimError::NoSuchJob(_)
        | ClaimError::Foreign { .. }
        | ClaimError::File { .. }) => Failure::Work(error.into()),
    }
}
        | ClaimError::Leftover(_)
