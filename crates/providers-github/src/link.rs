use jobctl_provider::Refusal;
use url::Url;

use crate::reply::Reply;

/// The targets of a `Link` header (RFC 8288) that paging needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Links {
    /// The next page, on our own host for sure.
    pub(crate) next: Option<Url>,
    /// The number of the last page, where it is said; for counting only.
    pub(crate) last_page: Option<u64>,
}

impl Links {
    /// Reads the header of a reply to `asked`.
    ///
    /// A next page on another host, outside the base, or that is the very page just read is
    /// refused: the credential and the import would follow wherever a forged reply leads.
    pub(crate) fn of(reply: &Reply<'_>, base: &Url, asked: &Url) -> Result<Self, Refusal> {
        let mut links = Self::default();
        for (target, rel) in targets(reply.headers.get("link").unwrap_or_default()) {
            match rel {
                "next" => links.next = Some(checked(target, base, asked)?),
                "last" => links.last_page = page_number(target),
                _ => {}
            }
        }
        Ok(links)
    }
}

/// Whether an address lies where the base does.
pub(crate) fn is_ours(url: &Url, base: &Url) -> bool {
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let root = base.path().trim_end_matches('/');
    let rest = url.path().strip_prefix(root);
    plain && url.origin() == base.origin() && rest.is_some_and(|rest| rest.starts_with('/'))
}

fn checked(target: &str, base: &Url, asked: &Url) -> Result<Url, Refusal> {
    let malformed = |message: &str| Refusal::Malformed { message: message.to_owned() };
    let url = Url::parse(target).map_err(|_| malformed("the next page's address is none"))?;
    if !is_ours(&url, base) {
        return Err(malformed("the next page is said to be outside this GitHub's address"));
    }
    if url == *asked {
        return Err(malformed("the next page is said to be the page itself"));
    }
    Ok(url)
}

fn page_number(target: &str) -> Option<u64> {
    let url = Url::parse(target).ok()?;
    url.query_pairs().find(|(name, _)| name == "page")?.1.parse().ok()
}

/// Pairs of target and relation, in order; what is not of that form is passed over.
fn targets(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split('<').filter_map(|part| {
        let (target, parameters) = part.split_once('>')?;
        let rel = parameters.split(';').find_map(|p| p.trim().strip_prefix("rel="))?;
        let rel = rel.trim().trim_end_matches(',').trim();
        Some((target, rel.trim_matches('"')))
    })
}

#[cfg(test)]
mod tests {
    use jobctl_provider::Headers;

    use super::*;

    fn links(header: &str) -> Result<Links, Refusal> {
        let headers: Headers = [("link", header)].into_iter().collect();
        let reply =
            Reply { status: 200, headers: &headers, body: b"", at: jiff::Timestamp::UNIX_EPOCH };
        let base = Url::parse("https://ghe.example/api/v3/").unwrap();
        let asked = Url::parse("https://ghe.example/api/v3/repos/a/b/issues?page=1").unwrap();
        Links::of(&reply, &base, &asked)
    }

    #[test]
    fn next_and_the_number_of_the_last_page_are_read() {
        let header = "<https://ghe.example/api/v3/repositories/1/issues?after=a%2C%3B%3D&page=2>; rel=\"next\", \
                      <https://ghe.example/api/v3/repositories/1/issues?page=17>; rel=\"last\"";
        let found = links(header).unwrap();
        assert_eq!(found.last_page, Some(17));
        assert!(found.next.unwrap().as_str().ends_with("after=a%2C%3B%3D&page=2"));
        assert_eq!(links("").unwrap(), Links::default());
        assert_eq!(links("no link at all, <unclosed").unwrap(), Links::default());
    }

    #[test]
    fn hostile_next_pages_are_refused() {
        for target in [
            "https://evil.example/api/v3/repositories/1/issues?page=2",
            "http://ghe.example/api/v3/repositories/1/issues?page=2",
            "https://ghe.example:8443/api/v3/repositories/1/issues?page=2",
            "https://user:secret@ghe.example/api/v3/repositories/1/issues?page=2",
            "https://ghe.example/api/v3/../../admin?page=2",
            "https://ghe.example/api/v30/repositories?page=2",
            "https://ghe.example/api/v3/repos/a/b/issues?page=1",
            "/api/v3/repositories/1/issues?page=2",
            "file:///etc/passwd",
            "",
        ] {
            let refused = links(&format!("<{target}>; rel=\"next\""));
            assert!(matches!(refused, Err(Refusal::Malformed { .. })), "{target}");
        }
    }
}
