use jobctl_store::{Overview, Which};

use crate::args::LimitsArgs;
use crate::engine;
use crate::error::Failure;
use crate::exit::Code;
use crate::queue::Queue;
use crate::session::{Opened, Session};
use crate::settings::{Change, Limit, LimitSettings, Origin, edited};
use crate::views::limits;

use super::show::say_foreign;

/// Shows limits, after changing those that are to be changed.
pub(crate) fn limits(session: &Session, args: &LimitsArgs) -> Result<Code, Failure> {
    let changes = args.changes();
    if changes.is_empty() {
        let opened = session.open()?;
        show(session, opened.as_ref())?;
        if let Some(opened) = &opened {
            say_foreign(session, opened);
        }
        return Ok(Code::Fine);
    }
    let opened = change(session, &changes)?;
    // What has room now starts, and a runner that is there learns of it.
    engine::limits_changed(session, &opened)?;
    engine::keep_all_going(session, &opened);
    show(session, Some(&opened))?;
    warn_of_variable(session, &changes, &opened.settings.limits);
    Ok(Code::Fine)
}

/// Writes changes into the project's settings, and reads those again.
fn change(session: &Session, changes: &[Change]) -> Result<Opened, Failure> {
    let opened = session.open_or_make()?;
    opened.must_be_ours()?;
    let path = opened.store.root().join(crate::settings::FILE);
    opened.store.edit_settings(|text| Ok::<_, Failure>(edited(text, changes, path)?))?;
    opened.reread(session)
}

fn show(session: &Session, opened: Option<&Opened>) -> Result<(), Failure> {
    let (settings, queue) = if let Some(opened) = opened {
        let Overview { open, .. } = opened.store.overview(Which::Active)?;
        let settings = opened.settings.limits.clone();
        let queue = Queue::of(&opened.store, &open, settings.values.clone())?;
        (settings, queue)
    } else {
        let settings = session.user_settings()?.limits;
        let queue = Queue::empty(settings.values.clone());
        (settings, queue)
    };
    let screen = &session.screen;
    if session.globals.json {
        screen.say(&limits::shape(&settings, &queue))
    } else {
        screen.say(&limits::render(&settings, &queue, &screen.scene()))
    }
}

/// A variable is stronger than a file, for runners that are started where it is set.
fn warn_of_variable(session: &Session, changes: &[Change], settings: &LimitSettings) {
    let is_set = changes.iter().any(|change| matches!(change, Change::MaxParallel(_)));
    if is_set && let Some(Origin::Variable(name)) = settings.origins.get(&Limit::MaxParallel) {
        session.screen.warn(&format!(
            "{name} is {} here: a runner that is started from here begins with that",
            settings.values.max_parallel
        ));
    }
}
