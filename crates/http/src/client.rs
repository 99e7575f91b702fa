use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use jobctl_provider::{Descriptor, Time};
use tokio::sync::Notify;
use url::Url;

use crate::endpoint::{Endpoint, Reach};
use crate::flight::Flight;
use crate::purse::{Identity, Purse};
use crate::redact::redact_values;
use crate::stream::StreamThread;
use crate::{Credential, Left, Renew, RenewError, Wire, redact};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest silence before and within an API reply.
const SILENCE: Duration = Duration::from_secs(30);
/// How long an unused connection is kept; below what servers commonly keep them for.
const IDLE: Duration = Duration::from_secs(55);
/// How we call ourselves; GitHub refuses requests that name nobody.
pub(crate) const USER_AGENT: &str = concat!("jobctl/", env!("CARGO_PKG_VERSION"));

/// A connection to one forge. Cheap to clone: clones share connections, budgets and credentials.
/// Nothing is shared with other processes: what they spend is learnt from the next reply.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) reach: Reach,
    pub(crate) api: reqwest::Client,
    pub(crate) flight: Flight,
    pub(crate) sent: AtomicU64,
    pub(crate) streams: OnceLock<Arc<StreamThread>>,
    /// What carries API requests instead of the network.
    pub(crate) script: Option<Arc<dyn Wire>>,
    /// Called when a booked request is over: what was promised to it may be free.
    pub(crate) landed: Notify,
    purse: Mutex<Purse>,
    renewal: RwLock<Option<Arc<dyn Renew>>>,
    renewing: tokio::sync::Mutex<()>,
    secure: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Client").field(&self.0.reach).finish()
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Inner").field("reach", &self.reach).finish_non_exhaustive()
    }
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The base is plain http on another machine, and nobody allowed that.
    #[error(
        "cannot connect to {url}: plain http is spoken to this machine only (allow it with --allow-http)"
    )]
    Insecure {
        /// The base.
        url: String,
    },
    /// The base is not an http address.
    #[error("cannot connect to {url}: not an http or https address")]
    NotHttp {
        /// The base.
        url: String,
    },
    /// The HTTP client or its TLS could not be set up, such as without root certificates.
    #[error("cannot set up connections to {url}")]
    SetUp {
        /// The base.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
}

impl Client {
    /// A client for one connection. Opens nothing yet.
    pub fn new(endpoint: Endpoint, descriptor: &Descriptor) -> Result<Self, ClientError> {
        Self::carried(endpoint, descriptor, None)
    }

    /// A client whose API requests are carried by a script instead of the network: for tests in
    /// virtual time. Everything else, such as budgets, pace and repeats, is as with the network.
    pub fn scripted(
        endpoint: Endpoint,
        descriptor: &Descriptor,
        script: Arc<dyn Wire>,
    ) -> Result<Self, ClientError> {
        Self::carried(endpoint, descriptor, Some(script))
    }

    fn carried(
        endpoint: Endpoint,
        descriptor: &Descriptor,
        script: Option<Arc<dyn Wire>>,
    ) -> Result<Self, ClientError> {
        let reach = Reach::new(&endpoint);
        let url = redact(endpoint.base.as_str());
        match endpoint.base.scheme() {
            "https" => {}
            "http" if reach.is_safe(&endpoint.base) => {}
            "http" => return Err(ClientError::Insecure { url }),
            _ => return Err(ClientError::NotHttp { url }),
        }
        let secure = endpoint.base.scheme() == "https";
        let api = build(secure, |builder| builder.read_timeout(SILENCE))
            .map_err(|source| ClientError::SetUp { url, source })?;
        let client = Self(Arc::new(Inner {
            reach,
            api,
            flight: Flight::new(descriptor.max_in_flight),
            sent: AtomicU64::new(0),
            streams: OnceLock::new(),
            script,
            landed: Notify::new(),
            purse: Mutex::new(Purse::new(descriptor.buckets.clone(), descriptor.shared)),
            renewal: RwLock::default(),
            renewing: tokio::sync::Mutex::default(),
            secure,
        }));
        client.set_credentials(endpoint.credentials);
        Ok(client)
    }

    /// Leaves that many percent of every quota to others.
    pub fn set_reserve(&self, percent: u8) {
        self.0.purse().set_reserve(percent);
    }

    /// Replaces the credentials. Others have budgets of their own, so what was known of the old
    /// ones' is forgotten.
    pub fn set_credentials(&self, new: Vec<Credential>) {
        self.0.purse().set_credentials(new);
    }

    /// Asks this for a new credential where one is refused, and shortly before one ends.
    pub fn set_renewal(&self, renew: Arc<dyn Renew>) {
        *self.0.renewal.write().unwrap_or_else(PoisonError::into_inner) = Some(renew);
    }

    /// The text without the credentials and whatever else looks like one.
    pub fn redact(&self, text: &str) -> String {
        self.0.redact(text)
    }
}

impl Inner {
    pub(crate) fn redact(&self, text: &str) -> String {
        redact_values(text, self.purse().known())
    }

    pub(crate) fn purse(&self) -> MutexGuard<'_, Purse> {
        self.purse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn count(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// The time of the day; budgets are told in it.
    pub(crate) fn now(&self) -> Time {
        self.script.as_ref().map_or_else(now, |script| script.now())
    }

    /// Renews what ends soon.
    pub(crate) async fn renew_early(&self) {
        while let Some(by) = self.ending() {
            // Where it cannot be renewed, the old one is good until it is refused.
            if !matches!(self.renew(by).await, Ok(true)) {
                return;
            }
        }
    }

    fn ending(&self) -> Option<Identity> {
        let renews = self.renewal.read().unwrap_or_else(PoisonError::into_inner).is_some();
        if renews { self.purse().ending(self.now()) } else { None }
    }

    /// What is left after a forge refused this identity's credential.
    pub(crate) async fn refused(&self, by: Identity) -> Left {
        let why = match self.renew(by).await {
            Ok(true) => return Left::Renewed,
            Ok(false) => None,
            Err(why) => Some(why),
        };
        match self.purse().set_aside(by) {
            0 => Left::Nothing { why },
            others => Left::Others(others),
        }
    }

    /// Gets a new credential in place of this identity's; of several that want it at once, one
    /// asks and all have it. Returns whether there is one.
    async fn renew(&self, by: Identity) -> Result<bool, RenewError> {
        let _turn = self.renewing.lock().await;
        if self.purse().is_outdated(by) {
            return Ok(true);
        }
        let renewal = self.renewal.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(renewal) = renewal.filter(|_| self.purse().may_renew(by, self.now())) else {
            return Ok(false);
        };
        let renewed = renewal.renew(by.place()).await;
        let new = renewed.as_ref().ok().cloned().flatten();
        let is_other = self.purse().renew(by, new, self.now());
        renewed.map(|_| is_other)
    }

    /// The HTTP client for streams: of its own because it speaks HTTP/1.1 only. Over HTTP/2 all
    /// streams share one connection and its flow-control window, so that one clone busy writing
    /// files would stop the others' packs.
    pub(crate) fn build_stream_client(&self) -> Result<reqwest::Client, reqwest::Error> {
        build(self.secure, |builder| builder.http1_only().no_gzip())
    }
}

/// A reqwest client with our manners: no redirects of its own, no proxy (a worker's environment
/// is clean, so reading it would only surprise), TLS by rustls with ring and the system's roots.
pub(crate) fn build(
    secure: bool,
    with: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
) -> Result<reqwest::Client, reqwest::Error> {
    // Fails if the process has chosen one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        with(reqwest::Client::builder())
            .user_agent(USER_AGENT)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .tcp_nodelay(true)
            .tcp_keepalive(SILENCE)
    };
    match builder().build() {
        // A machine without root certificates can still speak plain http to itself.
        Err(_) if !secure => builder().tls_certs_only([]).build(),
        built => built,
    }
}

/// The wall clock; budgets are told in it.
#[expect(clippy::disallowed_methods, reason = "http is where requests meet the clock")]
pub(crate) fn now() -> Time {
    Time::now()
}

/// An address for people: no user, and no values that look like credentials.
pub(crate) fn plain(url: &Url) -> String {
    redact(url.as_str())
}
