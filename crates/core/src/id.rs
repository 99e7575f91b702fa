use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a job: eight lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobId(u32);

/// Text that is not eight lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a job id (eight hexadecimal digits): {0:?}")]
pub struct BadJobId(pub String);

impl JobId {
    /// The id with these bits; the caller draws them at random.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The bits that it was made of.
    pub const fn bits(self) -> u32 {
        self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:08x}", self.0)
    }
}

impl FromStr for JobId {
    type Err = BadJobId;

    fn from_str(text: &str) -> Result<Self, BadJobId> {
        let plain = text.len() == 8
            && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        match u32::from_str_radix(text, 16) {
            Ok(bits) if plain => Ok(Self(bits)),
            _ => Err(BadJobId(text.to_owned())),
        }
    }
}

impl TryFrom<String> for JobId {
    type Error = BadJobId;

    fn try_from(text: String) -> Result<Self, BadJobId> {
        text.parse()
    }
}

impl From<JobId> for String {
    fn from(id: JobId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_eight_lower_case_hex_digits_are_an_id() {
        assert_eq!("00c0ffee".parse(), Ok(JobId::from_bits(0x00c0_ffee)));
        for bad in ["", "c0ffee", "00C0FFEE", "+0c0ffee", "00c0ffeeg", "../../..", "00c0ffee0"] {
            assert_eq!(bad.parse::<JobId>(), Err(BadJobId(bad.into())), "{bad}");
        }
    }
}
