use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jobctl_provider::{Time, retry_after};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

use crate::FaultKind;
use crate::Secret;
use crate::client::{build, now};
use crate::endpoint::{authority, is_loopback};
use crate::exchange::explain;

/// How many tries may be under way at once, so that a slow receiver is not buried.
const AT_ONCE: usize = 4;
/// The longest wait between two tries that nobody asked for.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// Where events are told to another program by HTTP.
///
/// Promises: plain http is spoken to this machine only, unless allowed. The secret is never sent:
/// it signs. A redirect is never followed, so body and signature reach this address or none. No
/// text that leaves here holds the path of the address, which often is a secret of its own.
#[derive(Debug)]
pub struct Webhook {
    client: reqwest::Client,
    url: Url,
    secret: Option<Secret>,
    places: Semaphore,
}

/// One event on its way to a receiver.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// The same on every try, so that a receiver can tell a repetition.
    pub id: &'a str,
    /// What happened.
    pub event: &'a str,
    /// How long it is tried in all.
    pub patience: Duration,
}

/// Why there is no webhook.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Plain http to another machine, and nobody allowed that.
    #[error("plain http is spoken to this machine only, and {host} is another")]
    Insecure {
        /// Which.
        host: String,
    },
    /// Not an http address.
    #[error("not an http or https address: it begins with {scheme}:")]
    NotHttp {
        /// How it begins.
        scheme: String,
    },
    /// The HTTP client or its TLS could not be set up.
    #[error("cannot set up connections to {host}")]
    SetUp {
        /// To whom.
        host: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
}

/// Why an event was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// The receiver will not take it, and would not the next time.
    #[error("{host} refused it with status {status}")]
    Refused {
        /// Who.
        host: String,
        /// Its answer.
        status: u16,
    },
    /// The receiver is elsewhere.
    #[error("{host} answered with a redirect (status {status}), and none is followed")]
    Redirected {
        /// Who.
        host: String,
        /// Its answer.
        status: u16,
    },
    /// It could not be sent, and could not be the next time.
    #[error("{host}: {why}")]
    Barred {
        /// To whom.
        host: String,
        /// Why.
        why: String,
    },
    /// It was tried again and again, to no avail.
    #[error("{host}: given up after {tries} tries, the last of which failed: {why}")]
    GivenUp {
        /// To whom.
        host: String,
        /// How often.
        tries: u32,
        /// What became of the last.
        why: String,
    },
}

/// A try that failed, and may go better the next time.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Setback {
    why: String,
    /// When the receiver wants to be asked again.
    until: Option<Time>,
}

/// What became of a try that did not succeed.
#[derive(Debug)]
enum Failed {
    ForNow(Setback),
    ForGood(Undelivered),
}

impl Webhook {
    /// A webhook at an address; a try takes no longer than `timeout`. Opens nothing yet.
    pub fn new(
        url: Url,
        secret: Option<Secret>,
        allow_http: bool,
        timeout: Duration,
    ) -> Result<Self, WebhookError> {
        let host = authority(&url);
        match url.scheme() {
            "https" => {}
            "http" if allow_http || is_loopback(&url) => {}
            "http" => return Err(WebhookError::Insecure { host }),
            scheme => return Err(WebhookError::NotHttp { scheme: scheme.to_owned() }),
        }
        let client = build(url.scheme() == "https", |builder| builder.timeout(timeout))
            .map_err(|source| WebhookError::SetUp { host, source })?;
        Ok(Self { client, url, secret, places: Semaphore::new(AT_ONCE) })
    }

    /// Sends an event until the receiver takes it, refuses it, or patience ends; returns how often
    /// it was tried.
    ///
    /// What fails on the way is tried again: no connection, silence, 408, 425, 429 and 5xx, after
    /// waits that double up to a minute, half of each by chance, and no earlier than `Retry-After`
    /// says. `body` is asked for anew for each try with its time; the first setback is told to
    /// `said`.
    pub async fn deliver(
        &self,
        delivery: &Delivery<'_>,
        body: impl Fn(Time) -> Vec<u8>,
        mut said: impl FnMut(&str),
    ) -> Result<u32, Undelivered> {
        let begun = Instant::now();
        let mut tries = 0;
        loop {
            tries += 1;
            let Setback { why, until } = match self.try_once(delivery, &body).await {
                Ok(()) => return Ok(tries),
                Err(Failed::ForGood(why)) => return Err(why),
                Err(Failed::ForNow(setback)) => setback,
            };
            let pause = pause(tries, until, now(), fastrand::f64());
            if begun.elapsed() + pause > delivery.patience {
                return Err(Undelivered::GivenUp { host: authority(&self.url), tries, why });
            }
            if tries == 1 {
                said(&format!("{}: {why}; it is tried again", authority(&self.url)));
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn try_once(
        &self,
        delivery: &Delivery<'_>,
        body: &impl Fn(Time) -> Vec<u8>,
    ) -> Result<(), Failed> {
        // It is never closed; were it, going on without a place harms nobody.
        let _place = self.places.acquire().await.ok();
        let at = now();
        let body = body(at);
        let headers = self.headers(delivery, at, &body);
        let request = self.client.post(self.url.clone()).headers(headers).body(body);
        match request.send().await {
            Ok(response) => self.judge(response.status().as_u16(), response.headers()),
            Err(error) => Err(match explain(&error) {
                (FaultKind::Barred, why) => {
                    Failed::ForGood(Undelivered::Barred { host: authority(&self.url), why })
                }
                (FaultKind::Unreachable | FaultKind::Timeout | FaultKind::Broken, why) => {
                    Failed::ForNow(Setback { why, until: None })
                }
            }),
        }
    }

    fn judge(&self, status: u16, headers: &HeaderMap) -> Result<(), Failed> {
        let host = || authority(&self.url);
        match status {
            200..=299 => Ok(()),
            300..=399 => Err(Failed::ForGood(Undelivered::Redirected { host: host(), status })),
            408 | 425 | 429 | 500..=599 => {
                let wish = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let until = wish.and_then(|value| retry_after(value, now()));
                Err(Failed::ForNow(Setback { why: format!("it answered {status}"), until }))
            }
            _ => Err(Failed::ForGood(Undelivered::Refused { host: host(), status })),
        }
    }

    fn headers(&self, delivery: &Delivery<'_>, at: Time, body: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let seconds = at.as_second().to_string();
        let signature = self.secret.as_ref().map(|secret| signature(secret, body));
        for (name, value) in [
            ("x-jobctl-event", Some(delivery.event)),
            ("x-jobctl-delivery", Some(delivery.id)),
            ("x-jobctl-timestamp", Some(&*seconds)),
            ("x-jobctl-signature", signature.as_deref()),
        ] {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        headers
    }
}

/// `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits, as GitHub signs its own.
fn signature(secret: &Secret, body: &[u8]) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .expect("a key may have any length");
    hmac.update(body);
    let mut text = String::from("sha256=");
    for byte in hmac.finalize().into_bytes() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// How long to wait after so many tries: 1, 2, 4 … 60 seconds, half of it by chance (`random` is
/// from 0 to 1), and no shorter than the receiver wants.
fn pause(tries: u32, until: Option<Time>, now: Time, random: f64) -> Duration {
    let whole = Duration::from_secs(1 << tries.saturating_sub(1).min(6)).min(MAX_BACKOFF);
    let wanted = until.and_then(|at| Duration::try_from(at.duration_since(now)).ok());
    whole.mul_f64(0.5 + random.clamp(0.0, 1.0) / 2.0).max(wanted.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Time {
        Time::from_second(1_790_000_000 + second).unwrap()
    }

    #[test]
    fn the_signature_is_that_of_the_rfc() {
        // RFC 4231, test case 2.
        let secret = Secret::new("Jefe".into()).unwrap();
        assert_eq!(
            signature(&secret, b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn waits_double_up_to_a_minute_and_keep_to_what_is_asked_for() {
        let waits: Vec<_> = (1..=9).map(|tries| pause(tries, None, at(0), 1.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pause(3, None, at(0), 0.0), Duration::from_secs(2));
        assert_eq!(pause(1, Some(at(90)), at(0), 1.0), Duration::from_secs(90));
        assert_eq!(pause(2, Some(at(0)), at(9), 1.0), Duration::from_secs(2));
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        let new = |url: &str, allow| {
            Webhook::new(url.parse().unwrap(), None, allow, Duration::from_secs(1)).map(drop)
        };
        new("http://127.0.0.1:9/x", false).unwrap();
        new("http://localhost/x", false).unwrap();
        new("http://hooks.example/x", true).unwrap();
        let error = new("http://hooks.example/secret-path", false).unwrap_err();
        assert!(matches!(error, WebhookError::Insecure { .. }));
        assert!(!error.to_string().contains("secret-path"), "{error}");
        assert!(matches!(new("file:///x", true), Err(WebhookError::NotHttp { .. })));
    }
}
