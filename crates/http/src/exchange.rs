use std::error::Error as _;
use std::time::Duration;

use jobctl_provider::{Body, Headers, Method, Request};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use url::Url;

use crate::client::{Inner, plain};
use crate::{Credential, Fault, FaultKind, Reply};

/// The largest reply, decompressed, that is taken: far above any page, far below the memory.
const LARGEST: usize = 64 << 20;
/// How long a whole exchange may take, redirects included.
const WHOLE: Duration = Duration::from_secs(300);
/// How many redirects are followed.
pub(crate) const REDIRECTS: usize = 5;

impl Inner {
    /// Asks once, following redirects of reads.
    pub(crate) async fn exchange(
        &self,
        request: &Request,
        credential: Option<&Credential>,
    ) -> Result<Reply, Fault> {
        if let Some(script) = &self.script {
            self.count();
            return script.exchange(request, credential).await;
        }
        let what = format!("{} {}", verb(request.method).as_str(), plain(&request.url));
        let fault = |(kind, why): (FaultKind, String)| Fault {
            kind,
            message: self.redact(&format!("{what}: {why}")),
        };
        match tokio::time::timeout(WHOLE, self.follow(request, credential)).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(why)) => Err(fault(why)),
            Err(_) => {
                Err(fault((FaultKind::Timeout, format!("not done after {} s", WHOLE.as_secs()))))
            }
        }
    }

    async fn follow(
        &self,
        request: &Request,
        credential: Option<&Credential>,
    ) -> Result<Reply, (FaultKind, String)> {
        if !self.reach.owns(&request.url) {
            return Err(barred("the host does not belong to this connection"));
        }
        if !self.reach.is_safe(&request.url) {
            return Err(barred("plain http is spoken to this machine only"));
        }
        let mut url = without_user(request.url.clone());
        for _ in 0..=REDIRECTS {
            let response =
                self.ask(request, &url, credential).await.map_err(|error| explain(&error))?;
            match redirect(&response, request.method == Method::Get) {
                None => return read(response).await,
                Some(target) => {
                    url = self.target(&url, &target).map_err(barred)?;
                }
            }
        }
        Err(barred(&format!("more than {REDIRECTS} redirects")))
    }

    async fn ask(
        &self,
        request: &Request,
        url: &Url,
        credential: Option<&Credential>,
    ) -> Result<reqwest::Response, reqwest::Error> {
        let mut headers = own_headers(&request.headers);
        let shown = credential.filter(|_| self.reach.trusts(url));
        if let Some(proof) = shown.and_then(Credential::header) {
            headers.insert(AUTHORIZATION, proof);
        }
        let mut builder = self.api.request(verb(request.method), url.clone());
        match &request.body {
            Body::Empty => {}
            Body::Json(text) => {
                let json = HeaderValue::from_static("application/json");
                headers.entry(CONTENT_TYPE).or_insert(json);
                builder = builder.body(text.clone());
            }
        }
        self.count();
        builder.headers(headers).send().await
    }

    /// Where a redirect leads, if it may be followed.
    pub(crate) fn target(&self, from: &Url, location: &str) -> Result<Url, &'static str> {
        let to = from.join(location).map_err(|_| "a redirect to what is no address")?;
        if !self.reach.follows(from, &to) {
            return Err("a redirect to plain http or another protocol is not followed");
        }
        Ok(without_user(to))
    }
}

/// The target of a redirect that may be followed.
pub(crate) fn redirect(response: &reqwest::Response, reads: bool) -> Option<String> {
    if !reads || !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(reqwest::header::LOCATION)?;
    let location = location.to_str().ok()?;
    // Nobody can sign in here: that redirect is Azure DevOps' way of refusing a credential.
    let signs_in = location.to_ascii_lowercase().contains("_signin");
    (!signs_in).then(|| location.to_owned())
}

/// A user part would become a Basic credential that nobody gave us.
pub(crate) fn without_user(mut url: Url) -> Url {
    // Both fail only for addresses without a host, which carry no user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

async fn read(mut response: reqwest::Response) -> Result<Reply, (FaultKind, String)> {
    let status = response.status().as_u16();
    let headers = reply_headers(response.headers());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| explain(&error))? {
        if body.len() + chunk.len() > LARGEST {
            return Err(barred(&format!("the reply is larger than {} MiB", LARGEST >> 20)));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, headers, body })
}

/// Reply headers as text; what is not visible ASCII is no header that we read.
pub(crate) fn reply_headers(headers: &HeaderMap) -> Headers {
    headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect()
}

/// The request's own headers, without those that only the client may set.
fn own_headers(headers: &[(&'static str, String)]) -> HeaderMap {
    headers
        .iter()
        .filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        })
        .filter(|(name, _)| name != AUTHORIZATION && name != HOST)
        .collect()
}

const fn verb(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Patch => reqwest::Method::PATCH,
    }
}

fn barred(why: &str) -> (FaultKind, String) {
    (FaultKind::Barred, why.to_owned())
}

/// What happened, in words; the innermost cause says most.
pub(crate) fn explain(error: &reqwest::Error) -> (FaultKind, String) {
    let cause = innermost(error);
    if error.is_timeout() && error.is_connect() {
        return (FaultKind::Unreachable, "no connection in time".to_owned());
    }
    if error.is_timeout() {
        return (FaultKind::Timeout, "the server fell silent".to_owned());
    }
    if error.is_connect() && has_bad_certificate(error) {
        return (FaultKind::Barred, format!("not connected: {cause}"));
    }
    if error.is_connect() {
        return (FaultKind::Unreachable, format!("cannot connect: {cause}"));
    }
    if error.is_builder() {
        return (FaultKind::Barred, format!("cannot be asked: {cause}"));
    }
    (FaultKind::Broken, format!("the connection broke off: {cause}"))
}

fn innermost(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    let mut text = String::from("no cause given");
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}

/// Whether the server could not prove who it is; it will not be able to in a second either.
fn has_bad_certificate(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        // An `io::Error` passes over what it wraps when asked for its source.
        let io = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = io.and_then(|wrapped| wrapped.downcast_ref::<rustls::Error>());
        if matches!(tls, Some(rustls::Error::InvalidCertificate(_))) {
            return true;
        }
        cause = inner.source();
    }
    false
}
