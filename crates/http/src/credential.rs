use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jobctl_provider::Time;
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

use crate::Secret;

/// The user name that GitHub expects beside a token in git's Basic credential.
const GIT_USER: &str = "x-access-token";

/// What a forge is shown as proof of who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// How it is shown.
    pub scheme: Scheme,
    /// What is shown.
    pub secret: Secret,
    /// When it ends, where that is known.
    pub expires_at: Option<Time>,
}

/// How a credential is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scheme {
    /// As `Bearer`, RFC 6750.
    Bearer,
    /// As `Basic`, RFC 7617: the secret is this user's password. Azure DevOps wants an empty
    /// user beside its tokens.
    Basic {
        /// The user. Must hold no colon.
        user: String,
    },
}

impl Credential {
    /// A token that is shown as `Bearer`.
    pub const fn bearer(secret: Secret) -> Self {
        Self { scheme: Scheme::Bearer, secret, expires_at: None }
    }

    /// A user's password or token.
    pub const fn basic(user: String, secret: Secret) -> Self {
        Self { scheme: Scheme::Basic { user }, secret, expires_at: None }
    }

    /// The header for a forge's API.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        match &self.scheme {
            Scheme::Bearer => sensitive(&format!("Bearer {}", self.secret.expose())),
            Scheme::Basic { user } => basic(user, &self.secret),
        }
    }

    /// The header for git over http. GitHub's git takes no Bearer; Azure DevOps' takes the one
    /// of Entra, which is a JSON Web Token, and no GitHub token is one.
    pub(crate) fn git_header(&self) -> Option<HeaderValue> {
        match &self.scheme {
            Scheme::Bearer if is_jwt(self.secret.expose()) => self.header(),
            Scheme::Bearer => basic(GIT_USER, &self.secret),
            Scheme::Basic { user } => basic(user, &self.secret),
        }
    }

    /// Every form in which it may turn up in a text, the longest first: within a Basic header,
    /// percent-encoded, as it is.
    pub(crate) fn forms(&self) -> Vec<Zeroizing<String>> {
        let value = self.secret.expose();
        let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
        let user = match &self.scheme {
            Scheme::Bearer => "",
            Scheme::Basic { user } => user.as_str(),
        };
        let mut forms = vec![pair(user, &self.secret), pair(GIT_USER, &self.secret)];
        forms.push(Zeroizing::new(encoded.to_ascii_lowercase()));
        forms.push(Zeroizing::new(encoded));
        forms.push(Zeroizing::new(value.to_owned()));
        forms
    }
}

/// Whether this is a signed JSON Web Token: RFC 7515, section 7.1; its header begins with `{"`.
fn is_jwt(text: &str) -> bool {
    text.starts_with("eyJ") && text.split('.').count() == 3
}

fn pair(user: &str, secret: &Secret) -> Zeroizing<String> {
    let plain = Zeroizing::new(format!("{user}:{}", secret.expose()));
    Zeroizing::new(STANDARD.encode(plain.as_bytes()))
}

fn basic(user: &str, secret: &Secret) -> Option<HeaderValue> {
    sensitive(&format!("Basic {}", *pair(user, secret)))
}

/// A header value that HTTP/2 does not index and `Debug` does not show.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned()).unwrap()
    }

    fn shown(header: Option<HeaderValue>) -> String {
        header.unwrap().to_str().unwrap().to_owned()
    }

    /// `Basic` and what stands there in plain.
    fn plain(header: Option<HeaderValue>) -> String {
        let text = shown(header);
        let encoded = text.strip_prefix("Basic ").unwrap();
        String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
    }

    #[test]
    fn a_token_of_github_is_basic_for_git() {
        let token = Credential::bearer(secret("ghs_abc"));
        assert_eq!(shown(token.header()), "Bearer ghs_abc");
        assert_eq!(plain(token.git_header()), "x-access-token:ghs_abc");
    }

    #[test]
    fn tokens_of_azure_are_shown_to_git_as_to_its_api() {
        let pat = Credential::basic(String::new(), secret("pat"));
        assert_eq!(plain(pat.header()), ":pat");
        assert_eq!(plain(pat.git_header()), ":pat");
        let entra = Credential::bearer(secret("eyJ0.eyJh.c2ln"));
        assert_eq!(shown(entra.git_header()), "Bearer eyJ0.eyJh.c2ln");
    }

    #[test]
    fn a_user_stands_before_the_colon() {
        let token = Credential::basic("ada@acme.example".to_owned(), secret("tok"));
        assert_eq!(plain(token.header()), "ada@acme.example:tok");
    }

    #[test]
    fn no_form_of_it_is_printed() {
        let token = Credential::basic("ada".to_owned(), secret("pass/word+1"));
        let printed = format!("{token:?} {:?}", token.header());
        for form in token.forms() {
            assert!(!printed.contains(form.as_str()), "{printed}");
        }
    }
}
