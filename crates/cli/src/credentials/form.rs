//! How a value is shown to its forge.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jobctl_core::Time;
use jobctl_http::{BadSecret, Credential, Secret};
use serde::Deserialize;

use crate::work::options::Dialect;

/// The credential that a value is to a forge of this dialect.
pub(crate) fn credential(dialect: Dialect, value: &str) -> Result<Credential, BadSecret> {
    match dialect {
        Dialect::GitHub | Dialect::Git => Secret::new(value.to_owned()).map(Credential::bearer),
        Dialect::Jira | Dialect::JiraCenter | Dialect::JiraSite => match value.split_once(':') {
            Some((user, token)) => {
                Ok(Credential::basic(user.to_owned(), Secret::new(token.to_owned())?))
            }
            None => Secret::new(value.to_owned()).map(Credential::bearer),
        },
        Dialect::AzureDevOps => {
            let secret = Secret::new(value.to_owned())?;
            // Entra's tokens are JSON Web Tokens, personal ones are not.
            let Some(claims) = claims(value) else {
                return Ok(Credential::basic(String::new(), secret));
            };
            let expires_at = claims.exp.and_then(|seconds| Time::from_second(seconds).ok());
            Ok(Credential { expires_at, ..Credential::bearer(secret) })
        }
    }
}

#[derive(Default, Deserialize)]
struct Claims {
    /// When it ends, in seconds; RFC 7519, section 4.1.4.
    exp: Option<i64>,
}

/// What a JSON Web Token says of itself; `None` if it is none.
fn claims(value: &str) -> Option<Claims> {
    let mut parts = value.split('.');
    let (_, Some(claims), Some(_), None) = (
        parts.next().filter(|head| head.starts_with("eyJ"))?,
        parts.next(),
        parts.next(),
        parts.next(),
    ) else {
        return None;
    };
    let claims = URL_SAFE_NO_PAD.decode(claims).ok();
    Some(claims.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use jobctl_http::Scheme;

    use super::*;

    fn scheme(dialect: Dialect, value: &str) -> Scheme {
        credential(dialect, value).unwrap().scheme
    }

    #[test]
    fn each_forge_is_shown_what_it_wants() {
        let basic = |user: &str| Scheme::Basic { user: user.to_owned() };
        assert_eq!(scheme(Dialect::GitHub, "ghp_x"), Scheme::Bearer);
        assert_eq!(scheme(Dialect::Jira, "ann@example.org:ATATT"), basic("ann@example.org"));
        assert_eq!(scheme(Dialect::JiraCenter, "NjU0"), Scheme::Bearer);
        assert_eq!(scheme(Dialect::AzureDevOps, "abcdef"), basic(""));
        assert_eq!(scheme(Dialect::AzureDevOps, "a.b.c"), basic(""));
    }

    #[test]
    fn a_token_of_entra_says_when_it_ends() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"exp":1790000000}"#);
        let found =
            credential(Dialect::AzureDevOps, &format!("eyJhbGciOiJ9.{claims}.sig")).unwrap();
        assert_eq!(found.scheme, Scheme::Bearer);
        assert_eq!(found.expires_at, Time::from_second(1_790_000_000).ok());
    }
}
