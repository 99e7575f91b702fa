//! Names and addresses taken apart.

use std::net::IpAddr;

use url::{Host, Url};

use super::BadSource;
use crate::work::options::Wanted;

/// An address without credentials in it; `text` is what the user wrote.
pub(super) fn parse(address: &str, text: &str) -> Result<Url, BadSource> {
    let url = Url::parse(address).map_err(|source| {
        let text = without_userinfo(text);
        BadSource::BadAddress { text, source }
    })?;
    let only_a_user = url.scheme() == "ssh" && url.password().is_none();
    let has_credential = !url.username().is_empty() || url.password().is_some();
    if has_credential && !only_a_user {
        return Err(BadSource::Credential(without_userinfo(text)));
    }
    Ok(url)
}

/// The text with everything between `//` and the last `@` of the authority replaced.
fn without_userinfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => text.to_owned(),
    }
}

/// `host`, or `host:port` where the port is not the scheme's own.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Whether an address never leaves this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        None => false,
    }
}

/// The base of an API: http or https, ending in a slash, without query and fragment.
pub(super) fn api_base(text: &str, allow_http: bool) -> Result<Url, BadSource> {
    let mut url = parse(text, text)?;
    match url.scheme() {
        "https" => {}
        "http" if allow_http || is_loopback(&url) => {}
        "http" => return Err(BadSource::PlainHttp(text.to_owned())),
        _ => return Err(BadSource::Scheme(text.to_owned())),
    }
    url.set_query(None);
    url.set_fragment(None);
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// The authorities of a forge whose API is at `authority`: itself, and its git host where the
/// API has one of its own, as `api.github.com` and `api.TENANT.ghe.com` do.
pub(super) fn hosts_of_api(authority: &str) -> Vec<String> {
    let mut hosts = vec![authority.to_owned()];
    if let Some(git) = authority.strip_prefix("api.")
        && (git == "github.com" || git.ends_with(".ghe.com"))
    {
        hosts.push(git.to_owned());
    }
    hosts
}

/// The feature that a well-known host belongs to.
pub(super) fn provider_of(host: &str) -> Option<&'static str> {
    if host.ends_with(".atlassian.net") {
        Some("jira")
    } else if host == "dev.azure.com" || host.ends_with(".visualstudio.com") {
        Some("ado")
    } else {
        None
    }
}

/// `acme` or `acme/api`, as after `github:`.
pub(super) fn github_name(name: &str, text: &str) -> Result<Wanted, BadSource> {
    let name = decoded(name);
    let parts: Vec<&str> = name.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        [owner] => Ok(Wanted::Owner { owner: owner_name(owner, text)? }),
        [owner, name] => repository(owner, name, text),
        _ => Err(BadSource::BadName { text: text.to_owned(), why: "it has more than two parts" }),
    }
}

/// The path of a browser or clone address: everything after owner and name is a page of theirs.
pub(super) fn github_path(path: &str, text: &str) -> Result<Wanted, BadSource> {
    let path = decoded(path);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] => Err(BadSource::BadName { text: text.to_owned(), why: "its path is empty" }),
        ["orgs" | "users", owner, ..] | [owner] => {
            Ok(Wanted::Owner { owner: owner_name(owner, text)? })
        }
        [owner, name, ..] => repository(owner, name, text),
    }
}

fn repository(owner: &str, name: &str, text: &str) -> Result<Wanted, BadSource> {
    let name = name.strip_suffix(".git").unwrap_or(name);
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name == "." || name == ".." || !name.chars().all(allowed) {
        let why = "a repository's name has letters, digits, `-`, `_` and `.`";
        return Err(BadSource::BadName { text: text.to_owned(), why });
    }
    Ok(Wanted::Repository { owner: owner_name(owner, text)?, name: name.to_owned() })
}

fn owner_name(owner: &str, text: &str) -> Result<String, BadSource> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if owner.is_empty() || !owner.chars().all(allowed) {
        let why = "an owner's name has letters, digits and `-`";
        return Err(BadSource::BadName { text: text.to_owned(), why });
    }
    Ok(owner.to_owned())
}

/// A clone address of a server that is only known to speak git.
pub(super) fn clone_address(url: &Url, text: &str) -> Result<Wanted, BadSource> {
    if url.query().is_some() {
        return Err(BadSource::Credential(text.split('?').next().unwrap_or_default().to_owned()));
    }
    let path = decoded(url.path());
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let Some((last, before)) = parts.split_last() else {
        return Err(BadSource::BadName { text: text.to_owned(), why: "its path is empty" });
    };
    let last = last.strip_suffix(".git").unwrap_or(last);
    let full_name = match before.last() {
        Some(owner) => format!("{owner}/{last}"),
        None => last.to_owned(),
    };
    let mut url = url.clone();
    url.set_fragment(None);
    Ok(Wanted::Address { url, full_name })
}

/// `%20` and its like as the characters they stand for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let digits = tail.get(..2).filter(|_| byte == b'%');
        let value = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(value.unwrap_or(byte));
        rest = if value.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
