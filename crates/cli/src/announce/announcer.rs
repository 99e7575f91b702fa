//! The announcer: hears from the runner what becomes of jobs, and makes the announcements that the user wants.

use std::collections::HashMap;
use std::io::{BufRead as _, stdin};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jobctl_store::{LogWriter, LookError, Store as _};
use tokio::sync::{OnceCell, mpsc};
use tokio::task::JoinSet;

use super::{Carrier, Message, Turn, Unannounced, choose};
use crate::environment;
use crate::error::{Failure, with_causes};
use crate::session::{Opened, Session};
use crate::settings::Settings;
use crate::settings::announce::Announcement;

/// How long a webhook is tried.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Makes announcements of what stdin tells, a line each, until it ends.
pub(crate) fn serve(session: &Session, opened: &Opened) -> Result<(), Failure> {
    // A session of its own: it outlives the runner, and whatever terminal there was.
    let _ = rustix::process::setsid();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::Runtime)?;
    runtime.block_on(async {
        let mut announcer = Announcer { session, opened, ready: HashMap::new() };
        let mut made = JoinSet::new();
        let mut lines = lines();
        while let Some(line) = lines.recv().await {
            // Another version may say more; what is not understood concerns no announcement here.
            if let Ok(turn) = line.parse() {
                announcer.take(turn, &mut made);
            }
            while made.try_join_next().is_some() {}
        }
        while made.join_next().await.is_some() {}
    });
    Ok(())
}

/// The lines of stdin, read ahead: whoever writes them never waits.
fn lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A carrier that is opened when it is first needed.
type Ready = Arc<OnceCell<Carrier>>;

struct Announcer<'a> {
    session: &'a Session,
    opened: &'a Opened,
    /// By name, with the settings that they were opened with.
    ready: HashMap<String, (Announcement, Ready)>,
}

impl Announcer<'_> {
    fn take(&mut self, turn: Turn, made: &mut JoinSet<()>) {
        let Some((message, named)) = self.look(turn) else { return };
        let log = self.opened.store.log_writer(turn.id);
        // As they are now: who mends them need not wait for this process to end.
        let announcements = match Settings::load(&self.session.env, None) {
            Ok(loaded) => loaded.settings.announcements,
            Err(error) => {
                let why = with_causes(&error);
                log.write(environment::now(), &format!("nothing could be announced: {why}"));
                return;
            }
        };
        let message = Arc::new(message);
        for (name, announcement) in choose(&announcements, named.as_deref(), message.cue()) {
            let making = Making {
                name: name.to_owned(),
                announcement: announcement.clone(),
                ready: self.ready(name, announcement),
                config: self.session.env.user_config().unwrap_or_default(),
                message: Arc::clone(&message),
                log: log.clone(),
            };
            made.spawn(making.make());
        }
    }

    /// What is to be said of a job, and the announcements that it names; nothing, where no trace of
    /// it is left.
    fn look(&self, turn: Turn) -> Option<(Message, Option<Vec<String>>)> {
        let store = &self.opened.store;
        let state = store.id().unwrap_or_default();
        match store.look(turn.id) {
            Ok(seen) => {
                let named = seen.job.as_ref().and_then(|job| job.spec.announce.clone());
                Some((Message::of(&seen, turn, state, environment::now())?, named))
            }
            Err(LookError::Removed { .. } | LookError::NoSuchJob(_)) => {
                let ended = store.ended(turn.id).ok()??;
                Some((Message::of_removed(&ended, turn, state)?, None))
            }
            Err(LookError::File(_)) => None,
        }
    }

    fn ready(&mut self, name: &str, announcement: &Announcement) -> Ready {
        match self.ready.get(name) {
            Some((opened_with, ready)) if opened_with == announcement => Arc::clone(ready),
            Some(_) | None => {
                let ready = Ready::default();
                let entry = (announcement.clone(), Arc::clone(&ready));
                self.ready.insert(name.to_owned(), entry);
                ready
            }
        }
    }
}

/// One announcement of one job.
struct Making {
    name: String,
    announcement: Announcement,
    ready: Ready,
    config: PathBuf,
    message: Arc<Message>,
    log: LogWriter,
}

impl Making {
    async fn make(self) {
        let say = |text: &str| {
            self.log.write(environment::now(), &format!("announcement {}: {text}", self.name));
        };
        if let Err(error) = self.carry(&say).await {
            let hint = error.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
            say(&format!("not made: {}{hint}", with_causes(&error)));
        }
    }

    async fn carry(&self, say: &(dyn Fn(&str) + Sync)) -> Result<(), Unannounced> {
        let open = || Carrier::open(&self.name, &self.announcement, &self.config);
        let carrier = self.ready.get_or_try_init(open).await?;
        carrier.carry(&self.message, PATIENCE, say).await
    }
}
