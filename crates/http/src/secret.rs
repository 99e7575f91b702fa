use std::fmt;

use zeroize::Zeroizing;

/// A credential. It cannot be printed, is not serialisable, and is wiped from memory on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

/// Text that cannot be a credential. Says what is wrong, never the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    /// There is nothing in it.
    #[error("the credential is empty")]
    Empty,
    /// It would break the header that carries it.
    #[error("the credential holds a line break, a blank or another character that no header takes")]
    Character,
}

impl Secret {
    /// Takes a credential; only visible ASCII characters can be sent in a header.
    pub fn new(text: String) -> Result<Self, BadSecret> {
        let text = Zeroizing::new(text);
        if text.is_empty() {
            return Err(BadSecret::Empty);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadSecret::Character);
        }
        Ok(Self(text))
    }

    /// The value, for the hand-over to another process and for the header. Never print it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_prints_as_stars() {
        let secret = Secret::new("hunter2".into()).unwrap();
        assert_eq!(
            format!("{secret} {secret:?} {:#?}", Some(&secret)),
            "*** *** Some(\n    ***,\n)"
        );
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn what_no_header_takes_is_no_secret() {
        assert_eq!(Secret::new(String::new()), Err(BadSecret::Empty));
        for bad in ["a\nb", "a b", "tab\t", "nul\0", "ümlaut", "del\x7f"] {
            assert_eq!(Secret::new(bad.into()), Err(BadSecret::Character), "{bad:?}");
        }
    }
}
