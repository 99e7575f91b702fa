//! Ended jobs once more, each as a new job.

use jobctl_core::{Job, JobId, Spec};
use jobctl_runner::Offer;

use crate::args::RestartArgs;
use crate::error::Failure;
use crate::exit::Code;
use crate::json;
use crate::session::{Opened, Session};
use crate::{engine, ids, text};

use super::change::{Chosen, Verb, choose, first_failure};
use super::submit::{hand_in, stay_with};
use super::watch::{CtrlC, Last, Manner, Origin, Show};

/// How many jobs are told which job they repeat.
const NAMED: usize = 10;

/// A job that is to be made, or one that has not ended and is the same.
struct Again {
    old: JobId,
    new: JobId,
    description: String,
    spec: Option<Spec>,
}

/// Makes a new job of each of these, with the same options.
pub(crate) fn restart(session: &Session, args: &RestartArgs) -> Result<Code, Failure> {
    let Chosen { opened, ids, named, mut failures } = choose(session, &args.jobs, Verb::Restart)?;
    let mut call = Call { session, opened: &opened, own: None, strangers: 0 };
    let mut again = Vec::new();
    for last in opened.store.last_of(&ids)? {
        match ids::known(last).and_then(|last| call.again(last)) {
            Ok(job) => again.push(job),
            Err(failure) => failures.push(failure),
        }
    }
    let Call { own, strangers, .. } = call;
    let mut needs = Vec::new();
    let mut jobs = Vec::new();
    for Again { new, spec, .. } in &mut again {
        let Some(spec) = spec.take() else { continue };
        needs.extend(spec.all_needs());
        jobs.push((*new, spec));
    }
    needs.sort();
    needs.dedup();
    // The environment of this call is in hand already.
    needs.retain(|need| own.as_ref().is_none_or(|own| own.need != *need));
    let mut offers = engine::offers(session, &opened, &needs);
    offers.extend(own);
    hand_in(session, &opened, &jobs, offers)?;
    if strangers > 0 {
        session.screen.note(&format!(
            "{} had another environment: what is new gets that of this call",
            text::plural(strangers, "job", "jobs")
        ));
    }
    let code = told(session, &opened, args, &again, named)?;
    let failed = first_failure(session, failures)?;
    Ok(if failed == Code::Fine { code } else { failed })
}

/// What jobs that are made by one call have in common.
struct Call<'a> {
    session: &'a Session,
    opened: &'a Opened,
    /// This call's environment, once a job needs it.
    own: Option<Offer>,
    /// How many jobs had another one.
    strangers: u64,
}

impl Call<'_> {
    /// The job to be made of one that has ended.
    fn again(&mut self, last: Last) -> Result<Again, Failure> {
        let job = ended(last)?;
        let old = job.id;
        let description = job.spec.description.clone();
        if let Some(identity) = &job.spec.identity
            && let Some(same) = self.opened.store.same(identity)?
        {
            self.session.screen.note(&format!("The same job has not ended yet: {}", same.id));
            return Ok(Again { old, new: same.id, description, spec: None });
        }
        let spec = self.spec(job)?;
        Ok(Again { old, new: self.opened.store.new_id()?, description, spec: Some(spec) })
    }

    /// What the new job is asked to do: the same, now, and no longer as one of many.
    fn spec(&mut self, job: Job) -> Result<Spec, Failure> {
        let environment = match job.spec.environment {
            Some(hash) => Some(self.environment(&hash)?),
            None => None,
        };
        Ok(Spec {
            environment,
            after: Vec::new(),
            not_before: None,
            batch: None,
            restarted_from: Some(job.id),
            keep: self.session.globals.debug,
            ..job.spec
        })
    }

    /// The environment that is known by this call, which counts where it is not the one of before.
    fn environment(&mut self, before: &str) -> Result<String, Failure> {
        let own = match self.own.take() {
            Some(own) => own,
            None => engine::environment(self.session)?,
        };
        let hash = own.need.origin.clone();
        self.own = Some(own);
        self.strangers += u64::from(hash != before);
        Ok(hash)
    }
}

/// A job that has ended and is still there.
fn ended(last: Last) -> Result<Job, Failure> {
    let (job, _) = ids::readable(last)?;
    if job.status().is_ended() {
        return Ok(job);
    }
    let id = job.id;
    Err(Failure::not_allowed(
        format!("job {id} is {} and has not ended", job.status()),
        format!("jobctl resume {id} lets it go on, jobctl cancel {id} gives it up"),
    ))
}

/// New ids on stdout; which job each repeats, and the next command, on stderr.
fn told(
    session: &Session,
    opened: &Opened,
    args: &RestartArgs,
    again: &[Again],
    named: bool,
) -> Result<Code, Failure> {
    let screen = &session.screen;
    let new: Vec<_> = again.iter().map(|job| job.new).collect();
    let stays = (args.wait || args.follow) && !new.is_empty();
    if session.globals.json && !stays {
        let shapes = ids::last_of(opened, &new)?.iter().map(Last::shape).collect();
        screen.say(&if named { json::one_or_many(shapes) } else { json::many(shapes) })?;
        return Ok(Code::Fine);
    }
    if !session.globals.json {
        let lines: Vec<_> = new.iter().map(|id| format!("{id}\n")).collect();
        let lines = lines.concat();
        if stays {
            screen.note(&lines);
        } else {
            screen.say(&lines)?;
        }
        for Again { old, new, description, .. } in again.iter().take(NAMED) {
            screen.note(&format!("{new} repeats {old}: {}", text::clip(description, 200)));
        }
        if again.len() > NAMED {
            screen.note(&format!("… {} in all", text::count(again.len() as u64)));
        }
    }
    let [first, ..] = new.as_slice() else {
        if !named {
            screen.note("No job to restart");
        }
        return Ok(Code::Fine);
    };
    if !stays {
        let next = if new.len() == 1 { format!(" {first}") } else { String::new() };
        screen.note(&format!("Watch: jobctl follow{next}"));
        return Ok(Code::Fine);
    }
    let show = if args.follow && !session.globals.json { Show::Progress } else { Show::Nothing };
    let ctrl_c = CtrlC::Leave;
    stay_with(session, opened, &new, Manner { origin: Origin::Made, show, ctrl_c, timeout: None })
}
