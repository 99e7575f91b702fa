use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use git2::{ConfigLevel, ErrorClass, ErrorCode};
use jobctl_http::{BodyReader, Client, Pull, StopFlag, StreamError, StreamReply};
use jobctl_provider::{Method, retry_after};
use url::Url;

use crate::CloneError;

/// Some servers give git's protocol only to who calls itself git.
const USER_AGENT: &str = concat!("git/2.0 (jobctl/", env!("CARGO_PKG_VERSION"), ")");
/// The largest list of references taken; git keeps it in memory. A repository with a million
/// pull requests stays below.
const LARGEST_LIST: u64 = 256 << 20;
/// How much of an error reply is read for people.
const LONGEST_TEXT: u64 = 4 << 10;

/// What a clone's connections need, and where they leave the reason when they fail: libgit2
/// carries only a text through.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) client: Client,
    pub(crate) stop: StopFlag,
    pub(crate) stall: Duration,
    pub(crate) cause: Arc<Mutex<Option<CloneError>>>,
}

thread_local! {
    /// The line of the clone that runs on this thread. libgit2 makes transports on the thread
    /// that clones, and gives them no place to carry anything.
    static PRESENT: RefCell<Option<Line>> = const { RefCell::new(None) };
}

impl Line {
    pub(crate) fn new(client: Client, stop: StopFlag, stall: Duration) -> Self {
        Self { client, stop, stall, cause: Arc::default() }
    }

    /// Runs `clone` with this line for every transport that libgit2 makes meanwhile.
    pub(crate) fn during<T>(&self, clone: impl FnOnce() -> T) -> T {
        struct Reset;
        impl Drop for Reset {
            fn drop(&mut self) {
                PRESENT.with_borrow_mut(|line| *line = None);
            }
        }
        PRESENT.with_borrow_mut(|line| *line = Some(self.clone()));
        let _reset = Reset;
        clone()
    }

    /// Why a connection of this line failed, if one did.
    pub(crate) fn take_cause(&self) -> Option<CloneError> {
        self.cause.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps the reason, and makes of it what libgit2 can carry.
    fn fail(&self, error: CloneError) -> io::Error {
        // No NUL: git2 makes a C string of it.
        let text = error.to_string().replace('\0', "");
        *self.cause.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        io::Error::other(text)
    }
}

/// Makes libgit2 speak http and https over our connections, and keeps it from the machine's git
/// configuration. Once per process; later calls give the first one's outcome.
pub(crate) fn set_up() -> Result<(), CloneError> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    let done = DONE.get_or_init(|| register().map_err(|error| error.message().to_owned()));
    done.clone().map_err(|message| CloneError::Git { message, cut: false })
}

/// No configuration but the clone's own is read: a user's `url.<base>.insteadOf` would send the
/// transfer, credential and all, to where nobody asked.
#[expect(unsafe_code, reason = "libgit2's transports and options are global state")]
fn register() -> Result<(), git2::Error> {
    let levels =
        [ConfigLevel::ProgramData, ConfigLevel::System, ConfigLevel::XDG, ConfigLevel::Global];
    for level in levels {
        // SAFETY: called once, through the `OnceLock` above, before this crate uses libgit2 for
        // anything else; no other crate of the process uses libgit2.
        unsafe { git2::opts::set_search_path(level, "")? };
    }
    for scheme in ["http", "https"] {
        // SAFETY: as above.
        unsafe {
            git2::transport::register(scheme, |remote| {
                let line = PRESENT.with_borrow(Clone::clone);
                let line = line.ok_or_else(|| git2::Error::from_str("no clone on this thread"))?;
                Transport::smart(remote, true, Subtransport { line, base: Mutex::default() })
            })?;
        }
    }
    Ok(())
}

/// Git's smart protocol over HTTP, version 0: gitprotocol-http(5) in git's documentation.
struct Subtransport {
    line: Line,
    /// Where the repository is, once redirects of its list of references are known.
    base: Mutex<Option<Url>>,
}

impl SmartSubtransport for Subtransport {
    fn action(
        &self,
        url: &str,
        action: Service,
    ) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let opened = match action {
            Service::UploadPackLs => self.list(url),
            Service::UploadPack => Ok(Stream::to_ask(self.line.clone(), self.place(url)?)),
            Service::ReceivePackLs | Service::ReceivePack => Err(CloneError::Address {
                url: self.line.client.redact(url),
                why: "nothing is ever pushed",
            }),
        };
        match opened {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(carried(&self.line.fail(error))),
        }
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

impl Subtransport {
    /// Asks for the list of references.
    fn list(&self, url: &str) -> Result<Stream, CloneError> {
        let mut address = below(&parse(url)?, ["info", "refs"]);
        address.set_query(Some("service=git-upload-pack"));
        let reply = self.line.ask(Method::Get, &address, Vec::new(), "advertisement")?;
        let base = base_of(&reply.url).ok_or_else(|| CloneError::NotGit {
            url: self.line.client.redact(reply.url.as_str()),
            content_type: "a redirect to another service".into(),
        })?;
        *self.base.lock().unwrap_or_else(PoisonError::into_inner) = Some(base);
        Ok(Stream { line: self.line.clone(), state: State::Reading(reply.body.take(LARGEST_LIST)) })
    }

    fn place(&self, url: &str) -> Result<Url, git2::Error> {
        let known = self.base.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let base = known.map_or_else(|| parse(url), Ok);
        base.map_err(|error| carried(&self.line.fail(error)))
    }
}

impl Line {
    /// Asks, and takes nothing but the success that git's protocol expects.
    fn ask(
        &self,
        method: Method,
        url: &Url,
        body: Vec<u8>,
        kind: &str,
    ) -> Result<StreamReply, CloneError> {
        let expected = format!("application/x-git-upload-pack-{kind}");
        let mut headers = vec![("user-agent", USER_AGENT), ("accept", expected.as_str())];
        if method == Method::Post {
            headers.push(("content-type", "application/x-git-upload-pack-request"));
        }
        let (stall, stop) = (self.stall, &self.stop);
        let pull = Pull { method, url, headers: &headers, body, stall, stop };
        let mut reply = self.client.blocking_stream(&pull).map_err(network)?;
        if reply.status != 200 {
            let credential = self.client.is_trusted_with_credential(&reply.url);
            let text = self.client.redact(&excerpt(&mut reply));
            return Err(refusal(&reply, text, credential));
        }
        let content_type = reply.headers.get("content-type").unwrap_or_default().to_owned();
        if content_type != expected {
            let url = self.client.redact(reply.url.as_str());
            return Err(CloneError::NotGit { url, content_type });
        }
        Ok(reply)
    }
}

/// One exchange: git writes its request, if any, then reads the reply.
struct Stream {
    line: Line,
    state: State,
}

enum State {
    Writing { base: Url, request: Vec<u8> },
    Reading(io::Take<BodyReader>),
    Failed,
}

impl Stream {
    const fn to_ask(line: Line, base: Url) -> Self {
        Self { line, state: State::Writing { base, request: Vec::new() } }
    }

    /// Sends what was written, when git begins to read.
    fn send(&mut self) -> io::Result<()> {
        let State::Writing { base, request } = std::mem::replace(&mut self.state, State::Failed)
        else {
            return Ok(());
        };
        let url = below(&base, ["git-upload-pack"]);
        let asked = self.line.ask(Method::Post, &url, request, "result");
        let reply = asked.map_err(|error| self.line.fail(error))?;
        self.state = State::Reading(reply.body.take(u64::MAX));
        Ok(())
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if matches!(self.state, State::Writing { .. }) {
            self.send()?;
        }
        match &mut self.state {
            State::Reading(body) => body.read(buffer).map_err(|error| {
                let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<StreamError>());
                match cause.cloned() {
                    Some(cause) => self.line.fail(network(cause)),
                    None => error,
                }
            }),
            State::Writing { .. } | State::Failed => Err(io::Error::other("nothing to read")),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.state {
            State::Writing { request, .. } => {
                request.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            State::Reading(_) | State::Failed => Err(io::Error::other("nothing is asked")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn network(error: StreamError) -> CloneError {
    if error == StreamError::Stopped { CloneError::Stopped } else { CloneError::Network(error) }
}

/// What a status that is no success means.
fn refusal(reply: &StreamReply, text: String, credential: bool) -> CloneError {
    let until =
        reply.headers.get("retry-after").and_then(|value| retry_after(value, reply.received_at));
    match reply.status {
        401 => CloneError::Unauthorized { text, refused: credential },
        404 | 410 => CloneError::NotFound { text },
        status @ (403 | 429) if status == 429 || until.is_some() => {
            let wait = until.map(|until| until.duration_since(reply.received_at));
            let wait = wait.and_then(|wait| Duration::try_from(wait).ok());
            CloneError::Throttled { status, until, wait, text }
        }
        403 => CloneError::Forbidden { text },
        status => CloneError::Status { status, text },
    }
}

/// The first line of an error reply, if it is meant for people.
fn excerpt(reply: &mut StreamReply) -> String {
    let kind = reply.headers.get("content-type").unwrap_or_default();
    if !kind.starts_with("text/plain") && !kind.starts_with("application/json") {
        return String::new();
    }
    let mut bytes = Vec::new();
    // A reply that breaks off here has said enough by its status.
    let _ = reply.body.by_ref().take(LONGEST_TEXT).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn carried(error: &io::Error) -> git2::Error {
    git2::Error::new(ErrorCode::GenericError, ErrorClass::Http, error.to_string())
}

fn parse(url: &str) -> Result<Url, CloneError> {
    let bad = |_| CloneError::Address { url: jobctl_http::redact(url), why: "it is no address" };
    url.parse().map_err(bad)
}

/// The address with these segments after its path.
fn below<const N: usize>(base: &Url, segments: [&str; N]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// The repository's address, from where its list of references came from at last.
fn base_of(list: &Url) -> Option<Url> {
    let path = list.path().strip_suffix("/info/refs")?.to_owned();
    let mut base = list.clone();
    base.set_path(&path);
    base.set_query(None);
    base.set_fragment(None);
    Some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_below_a_repository() {
        let list = |text: &str| below(&text.parse().unwrap(), ["info", "refs"]).to_string();
        assert_eq!(list("https://h/a/b.git"), "https://h/a/b.git/info/refs");
        assert_eq!(list("https://h/a/b.git/"), "https://h/a/b.git/info/refs");
        assert_eq!(list("https://h/a/My%20Project/b"), "https://h/a/My%20Project/b/info/refs");
    }

    #[test]
    fn the_repository_is_where_its_list_came_from() {
        let base = |text: &str| base_of(&text.parse().unwrap()).map(|url| url.to_string());
        let list = "https://h/new/b.git/info/refs?service=git-upload-pack";
        assert_eq!(base(list).as_deref(), Some("https://h/new/b.git"));
        assert_eq!(base("https://h/login?next=/info/refs"), None);
    }
}
