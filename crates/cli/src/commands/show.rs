use crate::error::{Failure, remedy};
use crate::exit::Code;
use crate::json;
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
    if session.globals.json {
        let shapes = jobs.iter().map(Last::shape).collect();
        session.screen.say(&json::one_or_many(shapes))?;
    } else {
        let view = |last: &Last| match last {
            Last::Seen(seen) => details::render(seen, &scene),
            Last::Removed(ended) => details::removed(ended, &scene),
        };
        session.screen.say(&jobs.iter().map(view).collect::<Vec<_>>().join("\n"))?;
    }
    say_foreign(session, &opened);
    let damaged = jobs.iter().any(|last| matches!(last, Last::Seen(seen) if seen.damage.is_some()));
    Ok(if damaged { Code::Damaged } else { Code::Fine })
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
