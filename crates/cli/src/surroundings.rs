//! The environment of a call as the commands that it submits get it.
//!
//! It travels as text like any other value, and rests in memory only. Jobs name it by a keyed
//! hash: whoever reads a journal learns nothing, and a call can tell whether its own is the same.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::environment::Environment;

/// Variables that say where and on what terminal a call was made, or of which job it is part:
/// none of them is true of a job in the background.
const LEFT_OUT: [&str; 8] = [
    "PWD",
    "OLDPWD",
    "SHLVL",
    "_",
    "WINDOWID",
    "JOBCTL_JOB_ID",
    "JOBCTL_ATTEMPT",
    "JOBCTL_CHECKPOINT",
];

/// The variables that a command gets from the call that submitted it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Surroundings {
    variables: BTreeMap<OsString, OsString>,
}

impl Surroundings {
    /// Those of this call.
    pub(crate) fn of_this_process(env: &Environment) -> Self {
        let variables = env.all().filter(|(name, _)| !is_left_out(name));
        Self { variables: variables.map(|(name, value)| (name.into(), value.into())).collect() }
    }

    /// What names them without telling anything of them, to whoever lacks the key.
    pub(crate) fn hash(&self, key: &[u8; 32]) -> String {
        let mut hmac =
            Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length in bytes");
        hmac.update(&self.bytes());
        let hex = |byte: &u8| {
            [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0'))
        };
        hmac.finalize().into_bytes().iter().flat_map(hex).collect()
    }

    /// All of them as one text: a char for each byte, and NUL between variables.
    pub(crate) fn text(&self) -> String {
        self.bytes().into_iter().map(char::from).collect()
    }

    /// What [`Self::text`] gave; `None` where it is anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes: Vec<u8> =
            text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<_>>()?;
        let entries = bytes.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
        let variables = entries.map(variable).collect::<Option<_>>()?;
        Some(Self { variables })
    }

    fn bytes(&self) -> Vec<u8> {
        let entry = |(name, value): (&OsString, &OsString)| {
            [name.as_bytes(), b"=", value.as_bytes()].concat()
        };
        self.variables.iter().map(entry).collect::<Vec<_>>().join(&0)
    }
}

fn is_left_out(name: &OsStr) -> bool {
    LEFT_OUT.iter().any(|left_out| name == *left_out) || name.as_bytes().starts_with(b"TERM")
}

/// `NAME=VALUE`; the name may begin with `=`, which the system allows.
fn variable(entry: &[u8]) -> Option<(OsString, OsString)> {
    let at = 1 + entry.get(1..)?.iter().position(|byte| *byte == b'=')?;
    let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    Some((text(&entry[..at]), text(&entry[at + 1..])))
}

impl IntoIterator for Surroundings {
    type Item = (OsString, OsString);
    type IntoIter = std::collections::btree_map::IntoIter<OsString, OsString>;

    fn into_iter(self) -> Self::IntoIter {
        self.variables.into_iter()
    }
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn of(pairs: &[(&[u8], &[u8])]) -> Surroundings {
        let os = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let env = pairs.iter().map(|(name, value)| (os(name), os(value))).collect();
        Surroundings::of_this_process(&env)
    }

    #[test]
    fn every_byte_comes_back_from_the_text() {
        let value: Vec<u8> = (1..=255).collect();
        let all = of(&[(b"A", &value), (b"EMPTY", b""), (b"N\xff", b"a=b\nc"), (b"Z", b"1")]);
        assert_eq!(Surroundings::parse(&all.text()), Some(all));
        let none = of(&[]);
        assert_eq!(Surroundings::parse(&none.text()), Some(none));
        for text in ["A", "A=1\0B", "A=\u{100}"] {
            assert_eq!(Surroundings::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn where_a_call_was_made_makes_no_difference_and_all_else_does() {
        let here = of(&[(b"A", b"1"), (b"PWD", b"/x"), (b"TERM", b"xterm"), (b"SHLVL", b"1")]);
        let there = of(&[(b"TERM_PROGRAM", b"t"), (b"_", b"/bin/x"), (b"A", b"1")]);
        assert_eq!(here.hash(&KEY), there.hash(&KEY));
        assert_eq!(here, there);
        for other in [of(&[(b"A", b"2")]), of(&[(b"A", b"1"), (b"B", b"")]), of(&[(b"A", b"1=")])] {
            assert_ne!(here.hash(&KEY), other.hash(&KEY), "{}", other.text());
        }
        assert_ne!(here.hash(&KEY), here.hash(&[8; 32]), "the key counts");
    }

    #[test]
    fn the_hash_is_the_one_that_others_compute() {
        // printf 'A=1\0B=2' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…
        let hash = of(&[(b"B", b"2"), (b"A", b"1")]).hash(&KEY);
        assert_eq!(hash, "f8caf24b900c9b6ef14a937dec2f699641e9e7eab6e1def7007e3451fb542c63");
    }

    #[test]
    fn nothing_of_it_is_printed() {
        assert_eq!(format!("{:?}", of(&[(b"A", b"secret")])), "***");
    }
}
