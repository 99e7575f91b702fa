//! Names and addresses taken apart.

use std::net::IpAddr;

use url::{Host, Url};

use super::BadSource;
use crate::work::options::Wanted;

/// An address without credentials in it; `text` is what the user wrote.
pub(super) fn parse(address: &str, text: &str) -> Result<Url, BadSource> {
    let mut url = Url::parse(address).map_err(|source| {
        let text = without_userinfo(text);
        BadSource::BadAddress { text, source }
    })?;
    if names_its_organisation(&url) {
        // What cannot be taken away was not there.
        let _ = url.set_username("");
    }
    let only_a_user = url.scheme() == "ssh" && url.password().is_none();
    let has_credential = !url.username().is_empty() || url.password().is_some();
    if has_credential && !only_a_user {
        return Err(BadSource::Credential(without_userinfo(text)));
    }
    Ok(url)
}

/// Azure DevOps offers `https://ORG@dev.azure.com/ORG/…` for cloning: the user is no credential.
fn names_its_organisation(url: &Url) -> bool {
    let organisation = url.path_segments().and_then(|mut parts| parts.next());
    url.host_str() == Some("dev.azure.com")
        && url.password().is_none()
        && organisation.is_some_and(|name| !name.is_empty() && name == url.username())
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

/// The parts of a path, with `%20` and its like as the characters they stand for.
pub(super) fn parts(path: &str) -> Vec<String> {
    path.split('/').filter(|part| !part.is_empty()).map(decoded).collect()
}

/// `%20` and its like as the characters they stand for.
pub(super) fn decoded(text: &str) -> String {
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
