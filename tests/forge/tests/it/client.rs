//! The smallest HTTP client: one connection a request.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;

use jobctl_forge::{Config, Forge, Limits};
use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The target of a `Link` relation.
    pub(crate) fn link(&self, rel: &str) -> Option<String> {
        let wanted = format!("rel=\"{rel}\"");
        let links = self.header("link")?.split(", ").find(|link| link.ends_with(&wanted))?;
        Some(links[1..links.find('>')?].to_owned())
    }

    /// One field of each item.
    pub(crate) fn numbers(&self, field: &str) -> Vec<u64> {
        let items = self.json();
        items
            .as_array()
            .expect("an array")
            .iter()
            .map(|item| item[field].as_u64().expect("a number"))
            .collect()
    }
}

/// Sends a request with exactly these headers (and `Host`, `Connection`).
pub(crate) fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Reply> {
    let rest = url.strip_prefix("http://").expect("an http address");
    let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
    let mut stream = TcpStream::connect(host)?;
    let mut head = format!("{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    stream.write_all(head.as_bytes())?;
    write!(stream, "content-length: {}\r\n\r\n{body}", body.len())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> io::Result<Reply> {
    let early = || io::Error::new(io::ErrorKind::UnexpectedEof, "the reply is not complete");
    let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or_else(early)?;
    let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default().split(' ').nth(1).unwrap_or_default();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let body = bytes[at + 4..].to_vec();
    let promised = headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    if body.len() < promised {
        return Err(early());
    }
    Ok(Reply { status: status.parse().unwrap_or(0), headers, body })
}

/// A GET with the ordinary token; `path` may be a whole address.
pub(crate) fn get(forge: &Forge, path: &str) -> Reply {
    try_get(forge, path).expect("a whole reply")
}

pub(crate) fn try_get(forge: &Forge, path: &str) -> io::Result<Reply> {
    get_with(forge, path, &[])
}

pub(crate) fn get_with(forge: &Forge, path: &str, more: &[(&str, &str)]) -> io::Result<Reply> {
    let url =
        if path.starts_with('/') { format!("{}{path}", forge.url()) } else { path.to_owned() };
    let authorization = format!("Bearer {}", forge.token());
    let mut headers = vec![("user-agent", "test"), ("authorization", authorization.as_str())];
    headers.extend_from_slice(more);
    send("GET", &url, &headers, "")
}

/// A GET without a token.
pub(crate) fn anonymous(forge: &Forge, path: &str) -> Reply {
    send("GET", &format!("{}{path}", forge.url()), &[("user-agent", "test")], "").expect("a reply")
}

/// A forge without limits in the way.
pub(crate) fn relaxed(mut config: Config) -> Forge {
    config.behaviour.limits = Limits::generous();
    Forge::start(config).expect("the forge starts")
}

pub(crate) fn small() -> Forge {
    relaxed(Config::small())
}

/// Follows `Link` from this path to its end; all items' field, and the last reply.
pub(crate) fn walk(forge: &Forge, path: &str, field: &str) -> (Vec<u64>, Reply) {
    let mut found = Vec::new();
    let mut next = path.to_owned();
    loop {
        let reply = get(forge, &next);
        if reply.status != 200 {
            return (found, reply);
        }
        found.extend(reply.numbers(field));
        match reply.link("next") {
            Some(link) => next = link,
            None => return (found, reply),
        }
    }
}
