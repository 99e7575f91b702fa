use std::future::Future;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::{Buf, Bytes};
use jobctl_provider::{Headers, Method, Time};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::Instant;
use url::Url;

use crate::client::{Inner, now, plain};
use crate::exchange::{REDIRECTS, explain, redirect, reply_headers, without_user};
use crate::{Client, FaultKind, Left};

/// How often a stalled transfer looks at its stop flag.
const TICK: Duration = Duration::from_millis(100);
/// How often a stream is asked for in all while no reply begins.
const TRIES: u32 = 3;
/// How much of an unread body is drained so that its connection can be used again, and for how
/// long: git stops reading at its own end mark, a few bytes before that of HTTP.
const DRAIN: (usize, Duration) = (64 << 10, Duration::from_millis(250));

/// Turns of the stream thread until a connection is in the pool again: its own task's, and the
/// one's that waits for it to be ready.
const TURNS: usize = 4;

/// Ends transfers from another thread. Clones are the same flag.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Asks for the end, for good.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the end was asked for.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A request whose reply is read as it comes. It may be sent more than once, so it must only
/// read.
#[derive(Debug)]
pub struct Pull<'a> {
    /// The verb; redirects of `Get` are followed.
    pub method: Method,
    /// Where to; any host, but the credential goes to the connection's own only.
    pub url: &'a Url,
    /// Further headers.
    pub headers: &'a [(&'static str, &'a str)],
    /// What to send.
    pub body: Vec<u8>,
    /// The longest silence that is borne, before the reply and within it.
    pub stall: Duration,
    /// Ends the transfer within a fifth of a second, even in a silence.
    pub stop: &'a StopFlag,
}

/// A reply, of any status, whose body is still to come.
#[derive(Debug)]
pub struct StreamReply {
    /// HTTP status.
    pub status: u16,
    /// Its headers.
    pub headers: Headers,
    /// Where it came from at last, after redirects.
    pub url: Url,
    /// When its headers came.
    pub received_at: Time,
    /// What is to come. Not decompressed.
    pub body: BodyReader,
}

/// Why a transfer ended early. Texts are free of secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// It was not sent on purpose.
    #[error("cannot ask {url}: {why}")]
    Barred {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
    /// There was no connection.
    #[error("cannot reach {url}: {why}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
    /// The connection broke off, before the reply or within it.
    #[error("the connection to {url} broke off: {why}")]
    Broken {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
    /// Nothing came for too long.
    #[error("{url} sent nothing for {seconds} s")]
    Stalled {
        /// Where.
        url: String,
        /// How long.
        seconds: u64,
    },
    /// The stop flag was raised.
    #[error("the transfer was stopped")]
    Stopped,
    /// The stream thread or its HTTP client could not be set up.
    #[error("cannot set up transfers: {why}")]
    SetUp {
        /// Why.
        why: String,
    },
}

impl Client {
    /// Asks, and gives the reply as soon as its headers are there.
    ///
    /// Blocks, so it must be called from a thread of its own, not from a task of an asynchronous
    /// runtime (tokio panics then). The connections are driven by a thread that the client owns.
    /// Faults before the reply begins are tried again, three times in all.
    pub fn blocking_stream(&self, pull: &Pull<'_>) -> Result<StreamReply, StreamError> {
        let streams = self.0.stream_thread()?;
        streams.handle.clone().block_on(self.0.pull(pull, &streams))
    }

    /// Whether a request to this address carries the credential.
    pub fn is_trusted_with_credential(&self, url: &Url) -> bool {
        self.0.reach.trusts(url) && self.0.purse().any().1.is_some()
    }
}

/// The thread on which streams' connections live.
#[derive(Debug)]
pub(crate) struct StreamThread {
    client: reqwest::Client,
    handle: Handle,
    quit: Arc<Notify>,
}

impl StreamThread {
    fn start(client: reqwest::Client) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let quit = Arc::new(Notify::new());
        let quitting = quit.clone();
        std::thread::Builder::new()
            .name("jobctl-streams".into())
            .spawn(move || runtime.block_on(quitting.notified()))?;
        Ok(Self { client, handle, quit })
    }
}

impl StreamThread {
    /// Lets the stream thread put connections whose reply is over back into the pool: it does so
    /// a few turns after the last byte, and who asks before that makes it connect once more.
    fn settle(&self) {
        let turns = self.handle.spawn(async {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
        });
        // It ends early only with the thread, and then there is nothing to wait for.
        let _ = self.handle.block_on(turns);
    }
}

impl Drop for StreamThread {
    fn drop(&mut self) {
        self.quit.notify_one();
    }
}

impl Inner {
    fn stream_thread(&self) -> Result<Arc<StreamThread>, StreamError> {
        if let Some(known) = self.streams.get() {
            return Ok(known.clone());
        }
        let set_up = |why: String| StreamError::SetUp { why: self.redact(&why) };
        let client = self.build_stream_client().map_err(|error| set_up(error.to_string()))?;
        let new = StreamThread::start(client).map_err(|error| set_up(error.to_string()))?;
        // Of two threads that come here at once, the slower one's is dropped and ends.
        Ok(self.streams.get_or_init(|| Arc::new(new)).clone())
    }

    async fn pull(
        self: &Arc<Self>,
        pull: &Pull<'_>,
        streams: &Arc<StreamThread>,
    ) -> Result<StreamReply, StreamError> {
        let mut tries = 0;
        let (response, url) = loop {
            self.renew_early().await;
            let by = self.purse().any().0;
            let asked = self.pull_once(pull, &streams.client).await;
            tries += 1;
            match asked {
                Ok((response, url)) if response.status() == 401 && self.reach.trusts(&url) => {
                    if let Left::Nothing { .. } = self.refused(by).await {
                        break (response, url);
                    }
                }
                Err(StreamError::Unreachable { .. } | StreamError::Broken { .. })
                    if tries < TRIES =>
                {
                    let pause = tokio::time::sleep(back_off(tries, fastrand::f64()));
                    watched(pull.stop, None, pause).await.map_err(|end| end.on(pull.url))?;
                }
                asked => break asked?,
            }
        };
        Ok(StreamReply {
            status: response.status().as_u16(),
            headers: reply_headers(response.headers()),
            received_at: now(),
            body: BodyReader {
                response: Some(response),
                chunk: Bytes::new(),
                client: self.clone(),
                streams: streams.clone(),
                url: url.clone(),
                stall: pull.stall,
                stop: pull.stop.clone(),
            },
            url,
        })
    }

    async fn pull_once(
        &self,
        pull: &Pull<'_>,
        client: &reqwest::Client,
    ) -> Result<(reqwest::Response, Url), StreamError> {
        let mut url = without_user(pull.url.clone());
        if !self.reach.is_safe(&url) {
            return Err(self.barred(&url, "plain http is spoken to this machine only"));
        }
        for _ in 0..=REDIRECTS {
            let request = self.stream_request(pull, client, &url);
            self.count();
            let response = watched(pull.stop, Some(pull.stall), request.send())
                .await
                .map_err(|end| end.on(&url))?
                .map_err(|error| self.stream_error(&url, pull.stall, &error))?;
            match redirect(&response, pull.method == Method::Get) {
                None => return Ok((response, url)),
                Some(target) => {
                    url = self.target(&url, &target).map_err(|why| self.barred(&url, why))?;
                }
            }
        }
        Err(self.barred(&url, "too many redirects"))
    }

    fn stream_request(
        &self,
        pull: &Pull<'_>,
        client: &reqwest::Client,
        url: &Url,
    ) -> reqwest::RequestBuilder {
        let mut headers: HeaderMap = pull
            .headers
            .iter()
            .filter_map(|(name, value)| {
                Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
            })
            .collect();
        let credential = self.purse().any().1.filter(|_| self.reach.trusts(url)).cloned();
        if let Some(proof) = credential.and_then(|known| known.git_header()) {
            headers.insert(AUTHORIZATION, proof);
        }
        let method = match pull.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Patch => reqwest::Method::PATCH,
        };
        let request = client.request(method, url.clone()).headers(headers);
        if pull.body.is_empty() { request } else { request.body(pull.body.clone()) }
    }

    fn barred(&self, url: &Url, why: &str) -> StreamError {
        StreamError::Barred { url: self.redact(&plain(url)), why: self.redact(why) }
    }

    fn stream_error(&self, url: &Url, stall: Duration, error: &reqwest::Error) -> StreamError {
        let (kind, why) = explain(error);
        let (url, why) = (self.redact(&plain(url)), self.redact(&why));
        match kind {
            FaultKind::Unreachable => StreamError::Unreachable { url, why },
            FaultKind::Timeout => StreamError::Stalled { url, seconds: stall.as_secs() },
            FaultKind::Broken => StreamError::Broken { url, why },
            FaultKind::Barred => StreamError::Barred { url, why },
        }
    }
}

/// A body as it comes. Blocks for at most the stall time and ends soon after the stop flag.
/// Its errors are [`StreamError`]s within [`io::Error`]s. Dropped, it drains what little may be
/// left, so that its connection serves the next request.
#[derive(Debug)]
pub struct BodyReader {
    /// `None` once it is over.
    response: Option<reqwest::Response>,
    chunk: Bytes,
    client: Arc<Inner>,
    streams: Arc<StreamThread>,
    url: Url,
    stall: Duration,
    stop: StopFlag,
}

impl BodyReader {
    fn next(&mut self) -> Result<Option<Bytes>, StreamError> {
        let Some(response) = &mut self.response else { return Ok(None) };
        let got = self
            .streams
            .handle
            .block_on(watched(&self.stop, Some(self.stall), response.chunk()))
            .map_err(|end| end.on(&self.url))
            .and_then(|got| {
                got.map_err(|error| self.client.stream_error(&self.url, self.stall, &error))
            });
        if !matches!(got, Ok(Some(_))) {
            self.response = None;
        }
        if matches!(got, Ok(None)) {
            self.streams.settle();
        }
        got
    }
}

impl Read for BodyReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() {
            match self.next().map_err(io::Error::other)? {
                Some(chunk) => self.chunk = chunk,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}

impl Drop for BodyReader {
    fn drop(&mut self) {
        let Some(mut response) = self.response.take() else { return };
        if self.stop.is_raised() || std::thread::panicking() {
            return;
        }
        let drain = async {
            let mut drained = 0;
            while let Ok(Some(chunk)) = response.chunk().await {
                drained += chunk.len();
                if drained > DRAIN.0 {
                    return;
                }
            }
        };
        // Not in time is fine too: the connection is closed then.
        let _ = self.streams.handle.block_on(async { tokio::time::timeout(DRAIN.1, drain).await });
        drop(response);
        self.streams.settle();
    }
}

/// Why a watched future did not finish.
#[derive(Debug)]
enum End {
    Stopped,
    Stalled(u64),
}

impl End {
    fn on(self, url: &Url) -> StreamError {
        match self {
            Self::Stopped => StreamError::Stopped,
            Self::Stalled(seconds) => StreamError::Stalled { url: plain(url), seconds },
        }
    }
}

/// The future's outcome, unless the flag is raised or the time passes first.
async fn watched<F: Future>(
    stop: &StopFlag,
    within: Option<Duration>,
    future: F,
) -> Result<F::Output, End> {
    let begun = Instant::now();
    tokio::pin!(future);
    loop {
        if stop.is_raised() {
            return Err(End::Stopped);
        }
        let left = within.map(|within| within.saturating_sub(begun.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(End::Stalled(within.unwrap_or_default().as_secs()));
        }
        tokio::select! {
            biased;
            output = &mut future => return Ok(output),
            () = tokio::time::sleep(left.unwrap_or(TICK).min(TICK)) => {}
        }
    }
}

/// 0.2, 0.4 seconds, half of it by chance.
fn back_off(tries: u32, random: f64) -> Duration {
    Duration::from_millis(100).saturating_mul(1 << tries.min(6)).mul_f64(0.5 + random / 2.0)
}
