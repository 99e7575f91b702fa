//! A forge, a destination, and a cloner between them.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use jobctl_forge::{Config, Forge};
use jobctl_git::{
    CloneError, CloneEvent, CloneOptions, CloneOutcome, Cloner, StopFlag, Wanted, place,
};
use jobctl_http::{Client, Credential, Endpoint, Secret};
use jobctl_provider::Descriptor;
use tempfile::TempDir;
use tokio::sync::mpsc::unbounded_channel;
use url::Url;

pub(crate) struct World {
    pub(crate) forge: Forge,
    pub(crate) options: CloneOptions,
    pub(crate) token: Option<String>,
    pub(crate) root: TempDir,
    base: String,
}

/// How a run ended, and what it told.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) outcome: CloneOutcome,
    pub(crate) started: Vec<String>,
    pub(crate) cloned: Vec<String>,
    pub(crate) existing: Vec<String>,
    pub(crate) failed: Vec<(String, CloneError)>,
}

impl Ended {
    /// Whether everything was told and nothing failed.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.outcome, CloneOutcome::Done) && self.failed.is_empty()
    }

    /// The only failure.
    pub(crate) fn error(&self) -> &CloneError {
        assert_eq!(self.failed.len(), 1, "{self:?}");
        &self.failed[0].1
    }
}

impl World {
    pub(crate) fn start(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::small();
        config.issues.issues = 10;
        config.issues.comments = 10;
        change(&mut config);
        let forge = Forge::start(config).unwrap();
        let root = tempfile::tempdir().unwrap();
        let mut options = CloneOptions::new(root.path().join("into"), "0badcafe");
        options.tries = 1;
        let (base, token) = (forge.url().to_owned(), Some(forge.token().to_owned()));
        Self { forge, options, token, root, base }
    }

    /// Full names of the repositories of `acme` with this prefix.
    pub(crate) fn names(&self, prefix: &str) -> Vec<String> {
        let known = |n: &u32| self.forge.truth(&format!("acme/{prefix}{n:03}")).is_some();
        (1..100).take_while(known).map(|n| format!("acme/{prefix}{n:03}")).collect()
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("{}/{name}.git", self.base)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.options.into.join(name)
    }

    pub(crate) fn clone_all(&self, names: &[String]) -> Ended {
        self.clone_wanted(names.iter().map(|name| wanted(name, &self.url(name))).collect())
    }

    pub(crate) fn clone_wanted(&self, wanted: Vec<Wanted>) -> Ended {
        self.clone_until(wanted, &StopFlag::default())
    }

    pub(crate) fn clone_until(&self, wanted: Vec<Wanted>, stop: &StopFlag) -> Ended {
        let (events, mut told) = unbounded_channel();
        let outcome =
            Cloner::new(self.client(), self.options.clone()).clone_all(wanted, stop, &events);
        drop(events);
        let mut ended = Ended {
            outcome,
            started: Vec::new(),
            cloned: Vec::new(),
            existing: Vec::new(),
            failed: Vec::new(),
        };
        while let Ok(event) = told.try_recv() {
            match event {
                CloneEvent::Started { name } => ended.started.push(name),
                CloneEvent::Progress { .. } => {}
                CloneEvent::Cloned { name } => ended.cloned.push(name),
                CloneEvent::Existing { name } => ended.existing.push(name),
                CloneEvent::Failed { name, error, .. } => ended.failed.push((name, error)),
            }
        }
        ended
    }

    fn client(&self) -> Client {
        let base: Url = self.base.parse().unwrap();
        let endpoint = Endpoint {
            name: "github".into(),
            hosts: vec![base.authority().to_owned()],
            base,
            credentials: self
                .token
                .iter()
                .map(|token| Credential::bearer(Secret::new(token.clone()).unwrap()))
                .collect(),
            allow_http: false,
        };
        let descriptor = Descriptor {
            name: "github",
            title: "GitHub",
            max_in_flight: 4,
            buckets: Vec::new(),
            shared: None,
        };
        Client::new(endpoint, &descriptor).unwrap()
    }

    /// From now on everything goes through a proxy that counts connections.
    pub(crate) fn count_connections(&mut self) -> Proxy {
        let to: Url = self.base.parse().unwrap();
        let proxy = Proxy::start(SocketAddr::from(([127, 0, 0, 1], to.port().unwrap())));
        self.base = format!("http://{}", proxy.address);
        proxy
    }

    /// Every file below the destination.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        let mut open = vec![self.options.into.clone()];
        while let Some(directory) = open.pop() {
            for entry in std::fs::read_dir(directory).unwrap().flatten() {
                if entry.file_type().unwrap().is_dir() {
                    open.push(entry.path());
                } else {
                    found.push((entry.path(), std::fs::read(entry.path()).unwrap()));
                }
            }
        }
        assert!(!found.is_empty(), "nothing was cloned");
        found
    }

    /// Names in the directory of `acme`, hidden ones too.
    pub(crate) fn listed(&self) -> Vec<String> {
        list(&self.options.into.join("acme"))
    }
}

pub(crate) fn list(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(crate) fn wanted(name: &str, url: &str) -> Wanted {
    Wanted { name: name.into(), url: url.into(), path: place(name, false).unwrap() }
}

/// The credential as git's Basic header carries it.
pub(crate) fn basic(token: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{token}"))
}

/// Passes bytes on and counts connections.
pub(crate) struct Proxy {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, connections) = (listener.local_addr().unwrap(), Arc::default());
        let counted: Arc<AtomicUsize> = Arc::clone(&connections);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::Relaxed);
                let server = TcpStream::connect(to).unwrap();
                pass(client.try_clone().unwrap(), server.try_clone().unwrap());
                pass(server, client);
            }
        });
        Self { address, connections }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}
