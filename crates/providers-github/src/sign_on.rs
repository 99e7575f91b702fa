//! Single sign-on: what a list leaves out until a token is authorised for an organisation.

use jobctl_provider::Fact;
use url::Url;

use crate::reply::Reply;

/// What is hidden from this token, and where it is authorised. `what` names the list, `owner` the
/// organisation.
///
/// A list that leaves something out is a success like any other; only the header
/// `X-GitHub-SSO: partial-results; organizations=…` tells ("Authenticating to the REST API").
pub(crate) fn hidden(reply: &Reply<'_>, base: &Url, what: &str, owner: &str) -> Option<Fact> {
    let header = reply.headers.get("x-github-sso")?;
    header.starts_with("partial-results").then(|| Fact::Partial {
        what: format!(
            "{what}: some are hidden until the token is authorised for single sign-on: \
             {}/orgs/{owner}/sso",
            pages(base)
        ),
    })
}

/// Where people look at it: `api.github.com` shows on `github.com`, `api.SUB.ghe.com` on
/// `SUB.ghe.com`, and an Enterprise Server on its own host.
fn pages(base: &Url) -> String {
    let host = base.host_str().unwrap_or("github.com");
    let host = host.strip_prefix("api.").unwrap_or(host);
    let port = base.port().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{host}{port}", base.scheme())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_has_its_pages() {
        for (base, wanted) in [
            ("https://api.github.com/", "https://github.com"),
            ("https://api.acme.ghe.com/", "https://acme.ghe.com"),
            ("https://ghe.example:8443/api/v3/", "https://ghe.example:8443"),
        ] {
            assert_eq!(pages(&Url::parse(base).unwrap()), wanted);
        }
    }
}
