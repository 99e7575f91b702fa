//! What all connections share, and the life of one exchange.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ado::Ado;
use crate::behaviour::Behaviour;
use crate::clock::Clock;
use crate::config::Token;
use crate::faults::FaultCount;
use crate::git::GitRoot;
use crate::jira::Jira;
use crate::limits::Meter;
use crate::log::{Auth, Delivery, Entry, Listener, Log};
use crate::script::ScriptCount;
use crate::wire::{Reply, Request};
use crate::world::World;
use crate::{ado, control, git, github, jira};

/// The state of a forge. Locks are held for one computation, never across an await.
pub(crate) struct Shared {
    pub(crate) clock: Arc<Clock>,
    pub(crate) tokens: Vec<Token>,
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub(crate) url: String,
    /// The same of the other listener, under the name `localhost`.
    pub(crate) other_url: String,
    pub(crate) world: Mutex<World>,
    pub(crate) behaviour: Mutex<Behaviour>,
    pub(crate) meter: Mutex<Meter>,
    pub(crate) faults: Mutex<FaultCount>,
    pub(crate) script: Mutex<ScriptCount>,
    pub(crate) log: Mutex<Log>,
    pub(crate) git: GitRoot,
    pub(crate) jira: Option<Jira>,
    pub(crate) ado: Option<Ado>,
    pub(crate) rest_in_flight: AtomicU32,
    pub(crate) git_in_flight: AtomicU32,
}

/// The lock's content, whatever happened to its last holder: a panic in one reply must not
/// silence the forge.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// A copy of the present manners.
    pub(crate) fn behaviour(&self) -> Behaviour {
        locked(&self.behaviour).clone()
    }

    /// The token of this value.
    pub(crate) fn token(&self, value: &str) -> Option<(usize, &Token)> {
        self.tokens.iter().enumerate().find(|(_, token)| token.value == value)
    }
}

/// What kind of request it is; the kinds are counted apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rest,
    Jira,
    Ado,
    Git,
    Other,
    Control,
}

/// One request from its arrival to the last byte of its reply.
pub(crate) struct Exchange {
    shared: Arc<Shared>,
    kind: Kind,
    seq: u64,
    /// Whose limits to tell when the reply has been written.
    pub(crate) told: Option<crate::limits::Who>,
    /// Whose requests under way this is one of.
    pub(crate) entered: Option<crate::limits::Who>,
    /// Whom of the Azure DevOps to tell to rest when the reply has been written.
    pub(crate) notice: Option<ado::Notice>,
}

impl Exchange {
    pub(crate) fn begin(shared: &Arc<Shared>, request: &Request, listener: Listener) -> Self {
        let kind = kind_of(request, listener);
        let in_flight = match kind {
            Kind::Rest | Kind::Jira | Kind::Ado => {
                shared.rest_in_flight.fetch_add(1, Ordering::SeqCst) + 1
            }
            Kind::Git => shared.git_in_flight.fetch_add(1, Ordering::SeqCst) + 1,
            Kind::Other | Kind::Control => 1,
        };
        let seq = match kind {
            Kind::Control => 0,
            Kind::Rest | Kind::Jira | Kind::Ado | Kind::Git | Kind::Other => {
                let entry = first_entry(shared, request, listener, in_flight);
                locked(&shared.log).add(entry)
            }
        };
        Exchange { shared: Arc::clone(shared), kind, seq, told: None, entered: None, notice: None }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Writes something into the log's entry.
    pub(crate) fn note(&self, write: impl FnOnce(&mut Entry)) {
        if let Some(entry) = locked(&self.shared.log).entry(self.seq) {
            write(entry);
        }
    }

    pub(crate) async fn answer(&mut self, request: &Request) -> Reply {
        match self.kind {
            Kind::Rest => github::answer(self, request).await,
            Kind::Jira => jira::answer(self, request).await,
            Kind::Ado => ado::answer(self, request).await,
            Kind::Git => git::answer(self, request).await,
            Kind::Other => Reply::json(200, "[]"),
            Kind::Control => control::answer(&self.shared, request),
        }
    }

    /// The reply has been written as far as it goes.
    pub(crate) fn end(&mut self, status: u16, bytes: u64, delivery: Delivery) {
        let now = self.shared.clock.uptime_ms();
        if let Some(who) = self.told.take() {
            locked(&self.shared.meter).told(who, now);
        }
        if let (Some(notice), Some(ado)) = (self.notice.take(), &self.shared.ado) {
            ado.told(&notice);
        }
        self.note(|entry| {
            entry.status = status;
            entry.bytes = bytes;
            entry.delivery = delivery;
            entry.ended_ms = Some(now);
        });
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(who) = self.entered.take() {
            locked(&self.shared.meter).leave(who);
        }
        let in_flight = match self.kind {
            Kind::Rest | Kind::Jira | Kind::Ado => &self.shared.rest_in_flight,
            Kind::Git => &self.shared.git_in_flight,
            Kind::Other | Kind::Control => return,
        };
        in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

fn kind_of(request: &Request, listener: Listener) -> Kind {
    match listener {
        Listener::Other => Kind::Other,
        Listener::Forge if request.path().starts_with("/_forge/") => Kind::Control,
        Listener::Forge if git::is_git(request) => Kind::Git,
        Listener::Forge if jira::is_jira(request) => Kind::Jira,
        Listener::Forge if ado::is_ado(request) => Kind::Ado,
        Listener::Forge => Kind::Rest,
    }
}

fn first_entry(shared: &Shared, request: &Request, listener: Listener, in_flight: u32) -> Entry {
    let header = |name: &str| request.header(name).map(str::to_owned);
    let auth = if request.header("authorization").is_some() { Auth::Wrong } else { Auth::None };
    Entry {
        seq: 0,
        listener,
        method: request.method.clone(),
        target: request.target.clone(),
        endpoint: "unknown".to_owned(),
        auth,
        login: None,
        user_agent: header("user-agent"),
        accept: header("accept"),
        api_version: header("x-github-api-version"),
        if_none_match: header("if-none-match"),
        header_names: request.headers.iter().map(|(name, _)| name.clone()).collect(),
        status: 0,
        started_ms: shared.clock.uptime_ms(),
        ended_ms: None,
        in_flight,
        limited: None,
        while_limited: false,
        after_notice_ms: None,
        fault: None,
        delivery: Delivery::Open,
        bytes: 0,
    }
}
