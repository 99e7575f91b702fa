use crate::args::WaitArgs;
use crate::error::Failure;
use crate::exit::Code;
use crate::session::Session;
use crate::{ids, json};

use super::watch::{CtrlC, Manner, Origin, Show, say_more, watch};

/// Waits until jobs have ended or need somebody.
pub(crate) fn wait(session: &Session, args: &WaitArgs) -> Result<Code, Failure> {
    let (opened, ids) = ids::jobs(session, &args.ids, "waited for")?;
    let manner = Manner {
        origin: Origin::Named,
        show: Show::Nothing,
        ctrl_c: CtrlC::Leave,
        timeout: args.timeout,
    };
    let watched = watch(session, &opened, &ids, manner)?;
    if session.globals.json {
        let shapes = watched.jobs.iter().map(super::watch::Last::shape).collect();
        session.screen.say(&json::one_or_many(shapes))?;
        return Ok(watched.code);
    }
    let scene = session.screen.scene();
    for last in &watched.jobs {
        session.screen.say(&last.line(&scene))?;
    }
    say_more(session, &watched.jobs);
    Ok(watched.code)
}
