use url::{Host, Url};

use crate::Credential;

/// One connection as the client sees it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Its name, such as `github`.
    pub name: String,
    /// The base of its API, such as `https://api.github.com/`.
    pub base: Url,
    /// Authorities (`host` or `host:port`) that may receive the credential: the API's and the
    /// git server's.
    pub hosts: Vec<String>,
    /// What to prove ourselves with: any of them will do, and each has a budget of its own.
    pub credentials: Vec<Credential>,
    /// Whether plain http may be spoken beyond this machine.
    pub allow_http: bool,
}

/// Where a connection may go, and where its credential may.
#[derive(Debug, Clone)]
pub(crate) struct Reach {
    hosts: Vec<String>,
    base: String,
    allow_http: bool,
}

impl Reach {
    pub(crate) fn new(endpoint: &Endpoint) -> Self {
        let hosts = endpoint.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { hosts, base: authority(&endpoint.base), allow_http: endpoint.allow_http }
    }

    /// Whether this address belongs to the connection: its API or one of its hosts.
    pub(crate) fn owns(&self, url: &Url) -> bool {
        let authority = authority(url);
        authority == self.base || self.hosts.contains(&authority)
    }

    /// Whether this address may be spoken to at all: https, or plain http on this machine.
    pub(crate) fn is_safe(&self, url: &Url) -> bool {
        match url.scheme() {
            "https" => url.has_host(),
            "http" => url.has_host() && (self.allow_http || is_loopback(url)),
            _ => false,
        }
    }

    /// Whether the credential may go there.
    pub(crate) fn trusts(&self, url: &Url) -> bool {
        self.is_safe(url) && self.hosts.contains(&authority(url))
    }

    /// Whether a redirect may be followed: never from https to plain http, and plain http only
    /// where it may be spoken.
    pub(crate) fn follows(&self, from: &Url, to: &Url) -> bool {
        self.is_safe(to) && (to.scheme() == "https" || from.scheme() == "http")
    }
}

/// `host` or `host:port`, in lower case, without the scheme's own port.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host,
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn reach(allow_http: bool) -> Reach {
        Reach::new(&Endpoint {
            name: "ghe".into(),
            base: url("https://api.forge.example/v3/"),
            hosts: vec!["api.forge.example".into(), "Forge.example".into(), "localhost:81".into()],
            credentials: Vec::new(),
            allow_http,
        })
    }

    #[test]
    fn the_credential_goes_to_listed_authorities_only() {
        let reach = reach(false);
        for good in [
            "https://forge.example/a",
            "https://FORGE.example:443/a",
            "https://api.forge.example",
            "http://localhost:81/",
        ] {
            assert!(reach.trusts(&url(good)), "{good}");
        }
        for bad in [
            "http://forge.example/a",
            "https://forge.example:8443/",
            "https://forge.example.evil/",
            "https://evil.forge.example/",
            "https://forge.example@evil/",
            "http://localhost:82/",
            "ftp://forge.example/",
        ] {
            assert!(!reach.trusts(&url(bad)), "{bad}");
        }
        assert!(super::tests::reach(true).trusts(&url("http://forge.example/a")));
    }

    #[test]
    fn redirects_never_lose_tls() {
        let strict = reach(false);
        let cases = [
            ("https://a/", "https://b/", true),
            ("https://a/", "http://127.0.0.1/", false),
            ("https://a/", "http://b/", false),
            ("http://127.0.0.1:1/", "http://[::1]:2/", true),
            ("http://127.0.0.1:1/", "https://b/", true),
            ("http://127.0.0.1:1/", "http://b/", false),
            ("https://a/", "file:///etc/passwd", false),
        ];
        for (from, to, expected) in cases {
            assert_eq!(strict.follows(&url(from), &url(to)), expected, "{from} -> {to}");
        }
        assert!(reach(true).follows(&url("http://a/"), &url("http://b/")));
        assert!(!reach(true).follows(&url("https://a/"), &url("http://b/")));
    }
}
