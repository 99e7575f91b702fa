//! Credentials that `auth login` keeps.

use super::{NoCredential, file, keyring};
use crate::environment::Environment;

/// Where a credential was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kept {
    /// In the operating system's keyring.
    Keyring,
    /// In this file.
    File(std::path::PathBuf),
}

impl Kept {
    /// The origin that jobs know it by.
    pub(crate) const fn origin(&self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File(_) => super::FILE,
        }
    }
}

/// Keeps a connection's credential in the keyring, or in the file where there is none; in one
/// place only, so that no old one is left to be found.
pub(crate) fn keep(env: &Environment, connection: &str, value: &str) -> Result<Kept, NoCredential> {
    if keyring::keep(connection, value) {
        file::forget(env, connection)?;
        return Ok(Kept::Keyring);
    }
    file::keep(env, connection, value).map(Kept::File)
}

/// Forgets a connection's credential wherever it is kept; says where it was.
pub(crate) fn forget(
    env: &Environment,
    connection: &str,
) -> Result<Vec<&'static str>, NoCredential> {
    let mut places = Vec::new();
    if keyring::forget(connection) {
        places.push("the keyring");
    }
    if file::forget(env, connection)? {
        places.push("credentials.toml");
    }
    Ok(places)
}
