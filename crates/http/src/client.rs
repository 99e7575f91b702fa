use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use jobctl_provider::{Bucket, Descriptor, Time};
use url::Url;

use crate::endpoint::{Endpoint, Reach};
use crate::flight::Flight;
use crate::ledger::Ledger;
use crate::pace::Pace;
use crate::redact::redact_values;
use crate::stream::StreamThread;
use crate::{Credential, redact};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest silence before and within an API reply.
const SILENCE: Duration = Duration::from_secs(30);
/// How long an unused connection is kept; below what servers commonly keep them for.
const IDLE: Duration = Duration::from_secs(55);
/// How we call ourselves; GitHub refuses requests that name nobody.
pub(crate) const USER_AGENT: &str = concat!("jobctl/", env!("CARGO_PKG_VERSION"));

/// A connection to one forge. Cheap to clone: clones share connections, budgets and credential.
#[derive(Debug, Clone)]
pub struct Client(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) reach: Reach,
    pub(crate) api: reqwest::Client,
    pub(crate) flight: Flight,
    pub(crate) sent: AtomicU64,
    pub(crate) streams: OnceLock<Arc<StreamThread>>,
    buckets: Vec<Bucket>,
    pace: Mutex<Arc<Pace>>,
    ledger: Mutex<Ledger>,
    credentials: RwLock<Credentials>,
    secure: bool,
}

/// The present credential, and all there were: any of them may turn up in a reply.
#[derive(Debug, Default)]
struct Credentials {
    present: Vec<Credential>,
    all: Vec<Credential>,
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
            pace: Mutex::new(Arc::new(Pace::new(&descriptor.buckets))),
            buckets: descriptor.buckets.clone(),
            ledger: Mutex::new(Ledger::new(0, descriptor.shared)),
            credentials: RwLock::default(),
            secure,
        }));
        client.set_credentials(endpoint.credentials);
        Ok(client)
    }

    /// Leaves that many percent of every quota to others.
    pub fn set_reserve(&self, percent: u8) {
        let mut ledger = self.0.ledger();
        *ledger = Ledger::new(percent, ledger.shared());
    }

    /// Replaces the credentials. Others have budgets of their own, so what was known of the old
    /// ones' is forgotten.
    pub fn set_credentials(&self, new: Vec<Credential>) {
        let mut credentials = self.0.credentials.write().unwrap_or_else(PoisonError::into_inner);
        if credentials.present == new {
            return;
        }
        for credential in &new {
            if !credentials.all.contains(credential) {
                credentials.all.push(credential.clone());
            }
        }
        credentials.present = new;
        drop(credentials);
        let mut ledger = self.0.ledger();
        *ledger = ledger.emptied();
        drop(ledger);
        *self.0.pace.lock().unwrap_or_else(PoisonError::into_inner) =
            Arc::new(Pace::new(&self.0.buckets));
    }

    /// Which identity is asking: equal for equal credentials within this process, 0 for none.
    pub fn identity(&self) -> u64 {
        self.0.credential().map_or(0, |credential| credential.secret.identity())
    }

    /// The text without the credential and whatever else looks like one.
    pub fn redact(&self, text: &str) -> String {
        self.0.redact(text)
    }
}

impl Inner {
    pub(crate) fn credential(&self) -> Option<Credential> {
        self.credentials.read().unwrap_or_else(PoisonError::into_inner).present.first().cloned()
    }

    pub(crate) fn redact(&self, text: &str) -> String {
        let credentials = self.credentials.read().unwrap_or_else(PoisonError::into_inner);
        redact_values(text, &credentials.all)
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn pace(&self) -> Arc<Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn count(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
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
