use async_trait::async_trait;

use crate::Credential;

/// Gets new credentials where one has ended: from a command, or with the key of a GitHub App.
#[async_trait]
pub trait Renew: Send + Sync {
    /// A credential in place of the one that stands at `place` among those that the connection
    /// was opened with; `None` where that one cannot be renewed.
    ///
    /// Asked once for each that was refused, and shortly before one ends; never twice at once.
    async fn renew(&self, place: usize) -> Result<Option<Credential>, RenewError>;
}

/// Why there is no new credential. The text must be free of secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("could not renew the credential: {why}")]
pub struct RenewError {
    /// What went wrong.
    pub why: String,
}

/// What is left to ask with after a credential was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// A new one is there in its place.
    Renewed,
    /// It is set aside, and so many others are asked with.
    Others(usize),
    /// Nothing.
    Nothing {
        /// Why there is no new one, where that was tried.
        why: Option<RenewError>,
    },
}
