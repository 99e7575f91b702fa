use async_trait::async_trait;
use jiff::SignedDuration;
use jobctl_provider::{Budget, Time};

/// The caller of an import: hears how it goes, and says whether it goes on.
#[async_trait]
pub trait Watch: Send + Sync {
    /// How far the import has come. Called after every answer.
    fn progress(&self, standing: &Standing);

    /// A line for the job's log.
    fn say(&self, line: &str);

    /// The time now.
    fn now(&self) -> Time;

    /// The forge asked for less: waits until `until` and says [`Go::On`], or [`Go::Stop`] if the
    /// wait is too long to be spent here.
    async fn limited(&self, until: Time, bucket: &str, message: &str) -> Go;

    /// Ends when the import is to stop. Must be safe to drop and call again.
    async fn stopped(&self);
}

/// Whether an import goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Go {
    /// It does.
    On,
    /// It does not.
    Stop,
}

/// How far an import has come, over all attempts of its job: counted from the warehouse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Distinct issues held.
    pub issues: u64,
    /// About how many there are, once known.
    pub total: Option<u64>,
    /// Distinct comments held.
    pub comments: u64,
    /// About how many there are, where the forge says so.
    pub comments_total: Option<u64>,
    /// Scopes that failed.
    pub failed: u64,
    /// Requests sent by this attempt.
    pub requests: u64,
    /// What was read last, such as `github:acme/api comments`.
    pub item: String,
    /// Standing still that the forge's budget makes certain for what is left, and pauses that
    /// are waited for in passing; for an ETA.
    pub pause: SignedDuration,
    /// The budget with the smallest share left, where the forge tells of one.
    pub budget: Option<Budget>,
}
