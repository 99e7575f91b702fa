//! A running forge.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::ado::Ado;
use crate::behaviour::{Behaviour, SecondaryStyle};
use crate::clock::Clock;
use crate::config::Config;
use crate::control;
use crate::faults::FaultCount;
use crate::git::GitRoot;
use crate::jira::Jira;
use crate::limits::{Meter, Who};
use crate::log::{Entry, Listener, Log};
use crate::script::ScriptCount;
use crate::shared::{Shared, locked};
use crate::wire::serve;
use crate::world::change::{Change, ChangeError, Changed};
use crate::world::grow;
use crate::world::truth::Truth;

/// Why a forge did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The directory for bare repositories, or git itself.
    #[error("cannot prepare the git side")]
    Git(#[source] io::Error),
    /// The thread or its runtime.
    #[error("cannot start the server thread")]
    Thread(#[source] io::Error),
}

/// A forge on its own thread. Dropping it closes all connections and ends all its processes.
pub struct Forge {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Forge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Forge").field("url", &self.shared.url).finish_non_exhaustive()
    }
}

impl Forge {
    /// Grows the world and serves it.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let (main, url) = listen(config.listen, "127.0.0.1")?;
        // Another port would do; another name makes it another host for every client.
        let (other, other_url) = listen(SocketAddr::from(([127, 0, 0, 1], 0)), "localhost")?;
        let git = GitRoot::new(config.scratch.as_deref(), config.trojan_files.clone())
            .map_err(StartError::Git)?;
        let world = grow::world(&config, &url);
        let clock = Arc::new(Clock::new());
        let jira = config.jira.as_ref().map(|jira| Jira::new(jira, &url, config.seed, &clock));
        let ado = config.ado.as_ref().map(|ado| Ado::new(ado, &url, config.seed, &clock));
        let shared = Arc::new(Shared {
            clock,
            tokens: config.tokens,
            url,
            other_url,
            world: Mutex::new(world),
            behaviour: Mutex::new(config.behaviour),
            meter: Mutex::new(Meter::default()),
            faults: Mutex::new(FaultCount::default()),
            script: Mutex::new(ScriptCount::new(config.seed)),
            log: Mutex::new(Log::default()),
            git,
            jira,
            ado,
            rest_in_flight: 0.into(),
            git_in_flight: 0.into(),
        });
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::Thread)?;
        let served = Arc::clone(&shared);
        let work = move || {
            runtime.block_on(async {
                let listeners = [(main, Listener::Forge), (other, Listener::Other)];
                for (listener, role) in listeners {
                    if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                        drop(tokio::spawn(serve::listen(listener, Arc::clone(&served), role)));
                    }
                }
                // An error means that the forge was dropped: the same.
                let _ = stopped.await;
            });
        };
        let thread = std::thread::Builder::new().name("forge".to_owned()).spawn(work);
        let thread = Some(thread.map_err(StartError::Thread)?);
        Ok(Forge { shared, stop: Some(stop), thread })
    }

    /// The REST base and the base of clone addresses: `http://127.0.0.1:PORT`. `/api/v3` below
    /// it is a REST base too.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// The other listener, `http://localhost:PORT`: redirects of [`crate::Fault`] lead there. It
    /// answers everything with an empty list and logs it as [`Listener::Other`].
    #[must_use]
    pub fn other_url(&self) -> &str {
        &self.shared.other_url
    }

    /// The value of the first token.
    ///
    /// # Panics
    /// When the forge was configured without tokens.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.shared.tokens[0].value
    }

    /// All requests since the last [`Forge::clear_log`], in the order of arrival.
    #[must_use]
    pub fn log(&self) -> Vec<Entry> {
        locked(&self.shared.log).after(0)
    }

    /// Counts of the log, as `GET /_forge/summary` gives them.
    #[must_use]
    pub fn summary(&self) -> serde_json::Value {
        crate::control::summary(&self.log())
    }

    /// Empties the log.
    pub fn clear_log(&self) {
        locked(&self.shared.log).clear();
    }

    /// The complete present state of `owner/name`; `None` when there is no such repository.
    #[must_use]
    pub fn truth(&self, repo: &str) -> Option<Truth> {
        locked(&self.shared.world).truth(repo)
    }

    /// Changes the repository `owner/name`, dated now by the forge's clock.
    pub fn change(&self, repo: &str, change: &Change) -> Result<Changed, ChangeError> {
        let now = self.shared.clock.now();
        locked(&self.shared.world).change(repo, change, now)
    }

    /// The simulated Jira.
    ///
    /// # Panics
    /// When the forge was configured without one.
    #[must_use]
    pub fn jira(&self) -> &Jira {
        self.shared.jira.as_ref().expect("configured with a Jira")
    }

    /// The simulated Azure DevOps.
    ///
    /// # Panics
    /// When the forge was configured without one.
    #[must_use]
    pub fn ado(&self) -> &Ado {
        self.shared.ado.as_ref().expect("configured with an Azure DevOps")
    }

    /// Changes the forge's manners.
    pub fn configure(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut locked(&self.shared.behaviour));
    }

    /// Puts the forge's clock forward: windows and blocks end earlier, edits are dated later.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// The forge's time, in seconds since the epoch.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.shared.clock.now()
    }

    /// Starts a secondary limit for the first token.
    pub fn secondary(&self, style: SecondaryStyle, seconds: f64) {
        let now = self.shared.clock.now_ms();
        locked(&self.shared.meter).block(Who::Token(0), style, seconds, now);
    }

    /// Leaves the first token this many requests in its window.
    pub fn spend(&self, remaining: u64) {
        control::spend_first(&self.shared, remaining);
    }

    /// Forgets all counts and blocks.
    pub fn reset_limits(&self) {
        locked(&self.shared.meter).reset();
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the server has been printed; it must not become a second one here.
            let _ = thread.join();
        }
    }
}

fn listen(address: SocketAddr, name: &str) -> Result<(TcpListener, String), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    let name = if address.ip().is_loopback() { name.to_owned() } else { address.ip().to_string() };
    Ok((listener, format!("http://{name}:{port}")))
}
