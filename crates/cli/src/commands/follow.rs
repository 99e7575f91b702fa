use jobctl_core::JobId;
use jobctl_store::{Store as _, Which};

use crate::error::Failure;
use crate::exit::Code;
use crate::ids;
use crate::session::{Opened, Session};

use super::watch::{CtrlC, Manner, Origin, Show, is_drawn, say_more, watch};

/// How many jobs are named before they are followed.
const NAMED: usize = 10;

/// Shows jobs as they go; without ids, everything that is active.
pub(crate) fn follow(session: &Session, texts: &[String]) -> Result<Code, Failure> {
    let (opened, ids) = if texts.is_empty() {
        let Some(opened) = session.open()? else { return Ok(nothing(session)) };
        let active = opened.store.list(Which::Active)?;
        (opened, active.iter().map(|seen| seen.id).collect())
    } else {
        ids::jobs(session, texts, "followed")?
    };
    if ids.is_empty() {
        return Ok(nothing(session));
    }
    let manner =
        Manner { origin: Origin::Named, show: Show::Progress, ctrl_c: CtrlC::Leave, timeout: None };
    if !session.globals.json {
        let names: Vec<_> = ids.iter().take(NAMED).map(ToString::to_string).collect();
        let more = if ids.len() > NAMED { ", …" } else { "" };
        let (what, go_on) =
            if ids.len() == 1 { ("job", "it goes on") } else { ("jobs", "they go on") };
        session.screen.say(&format!(
            "Following {what} {}{more} (Ctrl+C to stop watching; {go_on})\n\n",
            names.join(", ")
        ))?;
    }
    follow_jobs(session, &opened, &ids, manner)
}

fn nothing(session: &Session) -> Code {
    session.screen.note("No job is active. All jobs: jobctl list --all");
    Code::Fine
}

/// Stays with jobs, showing what `manner` says, then how each ended.
pub(crate) fn follow_jobs(
    session: &Session,
    opened: &Opened,
    ids: &[JobId],
    manner: Manner,
) -> Result<Code, Failure> {
    let watched = watch(session, opened, ids, manner)?;
    if session.globals.json {
        return Ok(watched.code);
    }
    let scene = session.screen.scene();
    // Where lines were printed as it went, the last one told it already.
    if manner.show == Show::Nothing || is_drawn(ids) {
        for last in &watched.jobs {
            session.screen.say(&last.line(&scene))?;
        }
    }
    say_more(session, &watched.jobs);
    Ok(watched.code)
}
