//! One request as it came in.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A request, read completely.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query as sent.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What an `Authorization` header holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Authorization {
    None,
    Basic {
        user: String,
        secret: String,
    },
    Bearer(String),
    /// A malformed `Basic` too. The scheme is in lower case.
    Other {
        scheme: String,
        rest: String,
    },
}

impl Request {
    /// The first header of this (lower case) name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The path as sent, without the query.
    pub(crate) fn path(&self) -> &str {
        self.target.split_once('?').map_or(&self.target, |(path, _)| path)
    }

    /// The query as sent, without its question mark.
    pub(crate) fn raw_query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// The query's pairs as sent, in order.
    pub(crate) fn raw_pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.raw_query().split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }

    /// A decoded query value; the last one wins, as in Rails.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let found = self.raw_pairs().filter(|(key, _)| decode(key) == name).last();
        found.map(|(_, value)| decode(value))
    }

    /// What `Authorization` holds.
    pub(crate) fn authorization(&self) -> Authorization {
        let Some(header) = self.header("authorization") else { return Authorization::None };
        let (scheme, rest) = header.split_once(' ').unwrap_or((header, ""));
        let rest = rest.trim().to_owned();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Authorization::Bearer(rest);
        }
        let other =
            Authorization::Other { scheme: scheme.to_ascii_lowercase(), rest: rest.clone() };
        if !scheme.eq_ignore_ascii_case("basic") {
            return other;
        }
        let plain = STANDARD.decode(rest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let pair = plain.as_deref().and_then(|plain| plain.split_once(':'));
        pair.map_or(other, |(user, secret)| Authorization::Basic {
            user: user.to_owned(),
            secret: secret.to_owned(),
        })
    }

    /// Whether the client wants the connection to stay.
    pub(crate) fn keeps_alive(&self) -> bool {
        !self.header("connection").is_some_and(|c| c.eq_ignore_ascii_case("close"))
    }
}

/// Undoes percent and plus encoding; a malformed escape stays as it is.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let escape = escape.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let Some(byte) = escape {
            out.push(byte);
            at += 3;
        } else {
            out.push(if bytes[at] == b'+' { b' ' } else { bytes[at] });
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encodes everything but the unreserved characters.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            let _ = write!(out, "{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_decoded_and_the_last_value_wins() {
        let request =
            Request { target: "/a?x=1&since=2020%2D01+b&x=2".into(), ..Request::default() };
        assert_eq!(request.query("x").as_deref(), Some("2"));
        assert_eq!(request.query("since").as_deref(), Some("2020-01 b"));
        assert_eq!(request.path(), "/a");
    }

    #[test]
    fn encoding_is_undone_by_decoding() {
        let text = "a b+c/d?é%\n\u{1F680}";
        assert_eq!(decode(&encode(text)), text);
        assert_eq!(decode("100%"), "100%");
    }

    #[test]
    fn credentials_are_told_apart() {
        let sent = |header: &str| {
            let headers = vec![("authorization".to_owned(), header.to_owned())];
            Request { headers, ..Request::default() }.authorization()
        };
        let other = |scheme: &str, rest: &str| Authorization::Other {
            scheme: scheme.to_owned(),
            rest: rest.to_owned(),
        };
        assert_eq!(Request::default().authorization(), Authorization::None);
        assert_eq!(sent("bearer  a b"), Authorization::Bearer("a b".to_owned()));
        let basic = Authorization::Basic { user: String::new(), secret: "p:q".to_owned() };
        assert_eq!(sent("Basic OnA6cQ=="), basic);
        assert_eq!(sent("Basic ???"), other("basic", "???"));
        assert_eq!(sent("Token x"), other("token", "x"));
        assert_eq!(sent("alone"), other("alone", ""));
    }
}
