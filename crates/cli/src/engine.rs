//! A call's dealings with the runner: start it where there is work, hand over what it needs.

use jobctl_core::Need;
use jobctl_runner::{Link, Offer, Starter, Value, ask, wants_runner};
use jobctl_store::{Sighting, Store as _, Which};

use crate::error::Failure;
use crate::session::{Opened, Session};
use crate::surroundings::Surroundings;
use crate::{background, environment};

/// Connects to the runner, starting it where none runs.
pub(crate) fn connect(session: &Session, opened: &Opened) -> Result<Link, Failure> {
    let place = background::place(&opened.store, &session.env);
    let Starter { program, mut args, env } = background::starter(&opened.store, &session.env);
    // The runner reads no variables of this call: what they set comes as a flag.
    let settings = &opened.settings;
    for (name, number) in [
        ("--max-parallel", settings.limits.values.max_parallel),
        ("--keep-completed", settings.retention.completed),
        ("--keep-failed", settings.retention.failed),
    ] {
        args.extend([name.into(), number.to_string().into()]);
    }
    Ok(Link::connect_or_start(&place, &Starter { program, args, env })?)
}

/// Sees to it that what may run does: every call that meets such jobs comes here.
///
/// A failure is only warned of: the jobs are safe, and the next call tries again.
pub(crate) fn keep_all_going(session: &Session, opened: &Opened) {
    if session.globals.no_start || opened.foreign().is_some() {
        return;
    }
    if opened.store.is_mirror_touched().unwrap_or_default() {
        mirror(opened);
    }
    // Where there is a runner, it knows all jobs.
    if let Some(mut link) = doorbell(session, opened) {
        let offers = offers(session, opened, link.lacking());
        if !offers.is_empty() {
            // Whoever comes next offers it too.
            let _ = link.offer(&offers).and_then(|()| link.ring());
        }
        return;
    }
    let Ok(jobs) = opened.store.list(Which::Active) else { return };
    if wants_runner(&jobs) {
        wake(session, opened, &jobs);
    }
}

/// A line to the runner, where one runs. Whoever changes jobs holds one meanwhile: when it goes,
/// even by a kill, the runner looks.
pub(crate) fn doorbell(session: &Session, opened: &Opened) -> Option<Link> {
    if opened.foreign().is_some() {
        return None;
    }
    Link::find(&background::place(&opened.store, &session.env)).ok().flatten()
}

/// Tells the runner, where one runs, that limits were changed.
pub(crate) fn limits_changed(session: &Session, opened: &Opened) -> Result<(), Failure> {
    match doorbell(session, opened) {
        Some(mut link) => Ok(link.limits_changed()?),
        None => Ok(()),
    }
}

/// Offers what unended jobs need, these among them, and rings the runner, starting it where none
/// runs.
pub(crate) fn wake(session: &Session, opened: &Opened, jobs: &[Sighting]) {
    let woken = connect(session, opened).and_then(|mut link| {
        let of_jobs = jobs.iter().filter_map(|seen| seen.job.as_ref());
        let mut needs: Vec<Need> = of_jobs.flat_map(|job| job.spec.all_needs()).collect();
        needs.extend_from_slice(link.wanted());
        needs.sort();
        needs.dedup();
        link.offer(&offers(session, opened, &needs))?;
        Ok(link.ring()?)
    });
    if let Err(failure) = woken {
        session.screen.warn(&format!("no runner could be started: {}", failure.chain()));
    }
}

/// The values that are needed and that this call has.
pub(crate) fn offers(session: &Session, opened: &Opened, needs: &[Need]) -> Vec<Offer> {
    let wallet = opened.wallet(session);
    let mut offers: Vec<_> = needs.iter().filter_map(|need| wallet.again(need)).collect();
    if needs.iter().any(Need::is_environment) {
        // A call whose key cannot be read has no environment to offer.
        let own = environment(session).ok();
        offers.extend(own.filter(|own| needs.contains(&own.need)));
    }
    offers
}

/// This call's environment, under the name that jobs know it by.
pub(crate) fn environment(session: &Session) -> Result<Offer, Failure> {
    let surroundings = Surroundings::of_this_process(&session.env);
    let hash = surroundings.hash(&session.registry()?.key()?);
    Ok(Offer { need: Need::environment(&hash), value: Value::new(surroundings.text()) })
}

/// Writes the list for people and other programs where no runner does, after something changed.
pub(crate) fn mirror(opened: &Opened) {
    let runner = opened.store.runner_alive().is_ok_and(|holder| holder.is_some());
    if runner || opened.foreign().is_some() {
        return;
    }
    // The list is derived: whoever comes next writes it anew. What another program asked for in it
    // is brought about; where that is not allowed, the next list says so.
    for (id, wish) in opened.store.mirror(environment::now()).unwrap_or_default().asked {
        let grace = opened.settings.stop_grace;
        let _ = ask(opened.store.as_ref(), id, wish, grace, &environment::now);
    }
}
