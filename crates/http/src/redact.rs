use crate::Credential;

const STARS: &str = "***";

/// Parameters whose values are credentials wherever they stand.
const NAMES: [&str; 14] = [
    "token",
    "access_token",
    "refresh_token",
    "id_token",
    "private_token",
    "password",
    "passwd",
    "secret",
    "client_secret",
    "api_key",
    "apikey",
    "sig",
    "signature",
    "x-amz-signature",
];

/// How forges begin their tokens, so that one is known even where nobody said it was one.
const PREFIXES: [&str; 8] =
    ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "ATATT3x"];

/// The text with everything that looks like a credential replaced by `***`: user parts of
/// addresses, values of parameters such as `token`, what follows `Bearer` and `Basic`, and words
/// that begin as forges' tokens do.
pub fn redact(text: &str) -> String {
    let text = without_users(text);
    let text = without_values(&text);
    without_tokens(&text)
}

/// [`redact`], and these values in every form in which they are sent.
pub(crate) fn redact_values(text: &str, credentials: &[Credential]) -> String {
    let mut text = text.to_owned();
    for credential in credentials {
        for form in credential.forms() {
            text = text.replace(form.as_str(), STARS);
        }
    }
    redact(&text)
}

/// Replaces `user:password` between `://` and `@`.
fn without_users(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| "/?#\"'<>`".contains(c) || c.is_whitespace());
        let authority = &after[..end.unwrap_or(after.len())];
        rest = after;
        if let Some(user) = authority.rfind('@') {
            out.push_str(STARS);
            rest = &after[user..];
        }
    }
    out.push_str(rest);
    out
}

/// Replaces the values of parameters that [`NAMES`] lists.
fn without_values(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let (before, after) = rest.split_at(at + 1);
        out.push_str(before);
        rest = after;
        if ends_in_name(&before[..at]) {
            let end = after.find(|c: char| "&;#\"'<>`,)".contains(c) || c.is_whitespace());
            out.push_str(STARS);
            rest = &after[end.unwrap_or(after.len())..];
        }
    }
    out.push_str(rest);
    out
}

fn ends_in_name(before: &str) -> bool {
    let start = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'));
    let name = before[start.map_or(0, |at| at + 1)..].to_ascii_lowercase();
    NAMES.contains(&name.as_str())
}

/// Replaces words that are tokens by their look, and the word after `Bearer` or `Basic`.
fn without_tokens(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut scheme = false;
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_-.+/=~".contains(c);
    for piece in split_words(text, is_word) {
        let token = PREFIXES.iter().any(|prefix| contains_token(piece, prefix));
        let word = piece.starts_with(is_word);
        out.push_str(if word && (token || scheme) { STARS } else { piece });
        if word {
            scheme = piece.eq_ignore_ascii_case("bearer") || piece.eq_ignore_ascii_case("basic");
        } else if piece != " " {
            scheme = false;
        }
    }
    out
}

/// Whether a word holds a token with this prefix that is long enough to be one.
fn contains_token(word: &str, prefix: &str) -> bool {
    word.find(prefix).is_some_and(|at| word.len() - at >= prefix.len() + 8)
}

/// The text in alternating pieces: words, and what stands between them.
fn split_words(text: &str, is_word: impl Fn(char) -> bool) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut inside = None;
    for (at, c) in text.char_indices() {
        if inside.is_some_and(|word| word != is_word(c)) {
            pieces.push(&text[start..at]);
            start = at;
        }
        inside = Some(is_word(c));
    }
    pieces.push(&text[start..]);
    pieces
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::Secret;

    #[test]
    fn what_looks_like_a_credential_goes() {
        let cases = [
            ("https://user:pw@host/a?b=1", "https://***@host/a?b=1"),
            ("see 'https://tok@host', ok", "see 'https://***@host', ok"),
            ("https://a:p@ss@host/", "https://***@host/"),
            ("/x?access_token=abc&page=2", "/x?access_token=***&page=2"),
            ("?Token=abc#f", "?Token=***#f"),
            ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
            ("authorization: basic dTpw", "authorization: basic ***"),
            ("bad token ghp_0123456789abcdef!", "bad token ***!"),
            ("first https://a@b/ then https://c@d/", "first https://***@b/ then https://***@d/"),
        ];
        for (text, expected) in cases {
            assert_eq!(redact(text), expected);
        }
    }

    #[test]
    fn what_is_harmless_stays() {
        for text in [
            "https://host/@user/repo?page=2&per_page=100",
            "mail to somebody@example.org",
            "tokens=3, ghp_ is a prefix",
            "a basic, small thing",
            "ünïcode = fine",
            "",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn a_known_value_goes_in_every_form() {
        let secret = Secret::new("pass/word+1".into()).unwrap();
        let (token, user) = (secret.clone(), "ada@acme.example".to_owned());
        let known = [Credential::bearer(token), Credential::basic(user, secret)];
        let pairs = ["x-access-token:pass/word+1", ":pass/word+1", "ada@acme.example:pass/word+1"];
        let [git, azure, jira] = pairs.map(|pair| STANDARD.encode(pair));
        let text = format!(
            "a pass/word+1 b pass%2Fword%2B1 c pass%2fword%2b1 d {git} e {azure} f {jira} g"
        );
        assert_eq!(redact_values(&text, &known), "a *** b *** c *** d *** e *** f *** g");
    }
}
