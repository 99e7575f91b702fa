//! Commands that make jobs.

mod drafts;

use jobctl_core::{JobId, Need, Spec};
use jobctl_runner::Offer;
use jobctl_store::{ClaimError, Store as _};

use crate::args::{CloneArgs, ImportArgs, SubmitArgs};
use crate::error::Failure;
use crate::exit::Code;
use crate::json::{self, JobShape};
use crate::session::{Opened, Session};
use crate::{background, engine, environment, ids, text};

use super::follow::follow_jobs;
use super::watch::{CtrlC, Manner, Show, watch};
use drafts::Draft;

/// `jobctl clone`.
pub(crate) fn clone(session: &Session, args: &CloneArgs) -> Result<Code, Failure> {
    submit(session, &args.submit, drafts::clones(session, args)?)
}

/// `jobctl import`.
pub(crate) fn import(session: &Session, args: &ImportArgs) -> Result<Code, Failure> {
    submit(session, &args.submit, drafts::imports(session, args)?)
}

/// A job that this call is about: made by it, or one that has not ended and is the same.
struct Wanted {
    id: JobId,
    /// What is to be submitted, with its credential; `None` where the job is there already.
    new: Option<(Spec, Option<Offer>)>,
}

fn submit(session: &Session, args: &SubmitArgs, drafts: Vec<Draft>) -> Result<Code, Failure> {
    let opened = session.open_or_make()?;
    opened.must_be_ours()?;
    let mut wanted = Vec::new();
    for draft in drafts {
        wanted.push(want(session, &opened, args, draft)?);
    }
    let ids: Vec<_> = wanted.iter().map(|wanted| wanted.id).collect();
    if args.foreground {
        return run_here(session, &opened, wanted);
    }
    hand_in(session, &opened, wanted)?;
    if !args.wait && !args.follow {
        return announce(session, &opened, &ids);
    }
    if !session.globals.json {
        for id in &ids {
            session.screen.note(&id.to_string());
        }
    }
    let show = if args.follow && !session.globals.json { Show::Progress } else { Show::Nothing };
    stay(session, &opened, &ids, Manner { show, ctrl_c: CtrlC::Leave, timeout: None })
}

/// The unfinished job that is the same as a draft, or a new one.
fn want(
    session: &Session,
    opened: &Opened,
    args: &SubmitArgs,
    draft: Draft,
) -> Result<Wanted, Failure> {
    let identity = draft.identity();
    let same = if args.again { None } else { opened.store.same(&identity)? };
    if let Some(same) = same {
        let status = same.status().map_or("damaged", |status| status.name());
        session.screen.note(&format!(
            "The same job has not ended yet: {} ({status}). Another one: --again",
            same.id
        ));
        return Ok(Wanted { id: same.id, new: None });
    }
    let given_address = args.api_url.is_some();
    let named = args.token_env.as_deref();
    let offer = opened.wallet(session).find(&draft.connection, named, given_address)?;
    let need = offer.as_ref().map(|offer| offer.need.clone());
    let spec = Spec { identity: Some(identity), ..spec(session, opened, args, draft, need) };
    session.screen.detail(&match &offer {
        Some(offer) => {
            format!("credential of {} from {}", offer.need.connection, offer.need.origin)
        }
        None => "no credential: what is read must be public".to_owned(),
    });
    Ok(Wanted { id: opened.store.new_id()?, new: Some((spec, offer)) })
}

fn spec(
    session: &Session,
    opened: &Opened,
    args: &SubmitArgs,
    draft: Draft,
    need: Option<Need>,
) -> Spec {
    let settings = &opened.settings;
    Spec {
        sources: draft.sources,
        options: draft.options,
        needs: need.into_iter().collect(),
        auto_resume: settings.auto_resume && !args.no_auto_resume,
        max_attempts: settings.max_attempts,
        keep: session.globals.debug,
        ..Spec::new(draft.kind, draft.description, &opened.place.project)
    }
}

/// A name for a submission, never used before: that of its job, or of the first of several.
fn key(jobs: &[(JobId, Spec)]) -> String {
    match jobs {
        [(id, _)] => id.to_string(),
        several => several.first().map_or_else(String::new, |(id, _)| format!("batch-{id}")),
    }
}

/// Hands credentials over, then makes the jobs, then rings: in this order nothing is lost.
fn hand_in(session: &Session, opened: &Opened, wanted: Vec<Wanted>) -> Result<(), Failure> {
    let mut jobs = Vec::new();
    let mut offers = Vec::new();
    for Wanted { id, new } in wanted {
        let Some((spec, offer)) = new else { continue };
        jobs.push((id, spec));
        offers.extend(offer);
    }
    let mut link = None;
    if !session.globals.no_start {
        let mut connected = engine::connect(session, opened)?;
        offers.extend(engine::offers(session, opened, connected.wanted()));
        connected.offer(&offers)?;
        link = Some(connected);
    }
    if !jobs.is_empty() {
        opened.store.submit(&key(&jobs), &jobs, environment::now())?;
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
fn announce(session: &Session, opened: &Opened, ids: &[JobId]) -> Result<Code, Failure> {
    let mut jobs = Vec::new();
    for id in ids {
        jobs.push(ids::look(opened, *id)?);
    }
    if session.globals.json {
        let now = environment::now();
        let shapes = jobs.iter().map(|seen| JobShape::of(seen, now)).collect();
        session.screen.say(&json::one_or_many(shapes))?;
        return Ok(Code::Fine);
    }
    for seen in &jobs {
        session.screen.say(&format!("{}\n", seen.id))?;
        if let Some(job) = &seen.job {
            let what = text::clip(&job.spec.description, 200);
            session.screen.note(&format!("{}: {what}, in the background", seen.id));
        }
    }
    let waits =
        if session.globals.no_start { "; it starts with the next jobctl command" } else { "" };
    let next = if ids.len() == 1 {
        format!("jobctl follow {}", ids[0])
    } else {
        "jobctl follow".to_owned()
    };
    session.screen.note(&format!("Watch: {next} (closing this terminal is fine{waits})"));
    Ok(Code::Fine)
}

/// Stays with the jobs, then prints how they ended.
fn stay(
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
fn run_here(session: &Session, opened: &Opened, wanted: Vec<Wanted>) -> Result<Code, Failure> {
    let show = if session.globals.json { Show::Nothing } else { Show::Progress };
    let manner = Manner { show, ctrl_c: CtrlC::Pause, timeout: None };
    let mut codes = Vec::new();
    for Wanted { id, new } in wanted {
        if !session.globals.json {
            session.screen.note(&id.to_string());
        }
        let Some((spec, offer)) = new else {
            codes.push(stay(session, opened, &[id], manner)?);
            continue;
        };
        let claim = opened.store.submit_held(id, spec, environment::now()).map_err(held)?;
        let (store, grace) = (opened.store.clone(), opened.settings.stop_grace);
        let offers = offer.into_iter().collect();
        let worker =
            std::thread::spawn(move || background::run_foreground(store, claim, offers, grace));
        let code = stay(session, opened, &[id], manner)?;
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
