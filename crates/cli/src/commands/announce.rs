//! Tries announcements.

use std::time::Duration;

use crate::announce::{Carrier, Cue, Message, check};
use crate::args::AnnounceCommand;
use crate::environment;
use crate::error::Failure;
use crate::exit::Code;
use crate::session::Session;

/// How long a webhook is tried while somebody looks on.
const PATIENCE: Duration = Duration::from_secs(15);

/// `jobctl announce`.
pub(crate) fn announce(session: &Session, command: &AnnounceCommand) -> Result<Code, Failure> {
    match command {
        AnnounceCommand::Test { name, event } => test(session, name, *event),
    }
}

fn test(session: &Session, name: &str, cue: Cue) -> Result<Code, Failure> {
    let settings = session.user_settings()?;
    check(&[name.to_owned()], &settings)?;
    let sample = Message::sample(cue, environment::now());
    let Some((announcement, message)) = settings.announcements.get(name).zip(sample) else {
        return Ok(Code::Fine);
    };
    let config = session.env.user_config().unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    let said = |text: &str| session.screen.note(text);
    let made = runtime.block_on(async {
        let carrier = Carrier::open(name, announcement, &config).await?;
        carrier.carry(&message, PATIENCE, &said).await
    });
    made.map_err(|source| Failure::Announce { name: name.to_owned(), source })?;
    session.screen.say(&format!("Announcement {name} was made"))?;
    if !announcement.on.contains(&cue) {
        session.screen.note(&format!("Of jobs, it is not made on {}", cue.name()));
    }
    Ok(Code::Fine)
}
