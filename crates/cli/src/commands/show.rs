use jobctl_core::Status;
use jobctl_store::Which;

use crate::error::{Failure, remedy};
use crate::exit::Code;
use crate::json;
use crate::queue::Queue;
use crate::session::{Opened, Session};
use crate::views::details;
use crate::{engine, ids};

use super::watch::Last;

/// Shows all about jobs.
pub(crate) fn show(session: &Session, texts: &[String]) -> Result<Code, Failure> {
    let (opened, ids) = ids::jobs(session, texts, "shown")?;
    engine::keep_all_going(session, &opened);
    let jobs = ids::last_of(&opened, &ids)?;
    let scene = session.screen.scene();
    let queue = queue(&opened, &jobs)?;
    let waits = queue.waits(scene.now);
    if session.globals.json {
        let shapes = jobs.iter().map(|last| last.shape().waiting(waits.get(&last.id()))).collect();
        session.screen.say(&json::one_or_many(shapes))?;
    } else {
        let view = |last: &Last| match last {
            Last::Seen(seen) => details::render(seen, waits.get(&seen.id).copied(), &scene),
            Last::Removed(ended) => details::removed(ended, &scene),
        };
        session.screen.say(&jobs.iter().map(view).collect::<Vec<_>>().join("\n"))?;
    }
    say_foreign(session, &opened);
    let damaged = jobs.iter().any(|last| matches!(last, Last::Seen(seen) if seen.damage.is_some()));
    Ok(if damaged { Code::Damaged } else { Code::Fine })
}

/// The queue, where one of these jobs may wait in it.
fn queue(opened: &Opened, jobs: &[Last]) -> Result<Queue, Failure> {
    let limits = opened.settings.limits.values.clone();
    let is_pending = |last: &Last| match last {
        Last::Seen(seen) => seen.status() == Some(Status::Pending),
        Last::Removed(_) => false,
    };
    if !jobs.iter().any(is_pending) {
        return Ok(Queue::empty(limits));
    }
    let all = opened.store.overview(Which::Active)?;
    Ok(Queue::of(&opened.store, &all.open, limits)?)
}

/// Says why nothing runs in a state directory that is not ours.
pub(crate) fn say_foreign(session: &Session, opened: &Opened) {
    if let Some(why) = opened.foreign() {
        let path = opened.store.root();
        session.screen.note(&format!(
            "Nothing in {} is started or changed: {why}. If you know what it holds, {}",
            path.display(),
            remedy(path, why)
        ));
    }
}
