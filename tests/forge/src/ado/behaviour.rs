//! What may be changed while a simulated Azure DevOps runs.

use serde::{Deserialize, Serialize};

use crate::behaviour::Firing;

/// The manners of a running Azure DevOps, beside those of [`crate::Behaviour`] that concern every
/// forge (`delay_ms`, `git_delay_ms`, `faults`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdoBehaviour {
    /// What somebody gets whose credential is not good. A server of one's own always says 401.
    pub sign_in: SignIn,
    /// More results than this are refused with VS402337; 20,000 on the real one.
    pub query_cap: usize,
    /// Whether `$top` within the cap spares a query from the refusal, as was observed.
    pub top_avoids_cap: bool,
    /// Queries that look at more work items than this time out with VS402335.
    pub query_scan: Option<usize>,
    /// A page of the revisions stream ends, empty if it must, when it has looked at this many
    /// times its size of revisions.
    pub stream_scan: usize,
    /// The most rows of a page of the revisions stream, whatever is asked for.
    pub stream_page: usize,
    /// The most comments on a page, whatever is asked for.
    pub comment_page: usize,
    /// The most projects on a page without `$top`.
    pub project_page: usize,
    /// How usage is counted and slowed down.
    pub limits: AdoLimits,
    /// Throttling that happens whatever the usage is; the first rule that fires wins.
    pub throttle: Vec<AdoThrottle>,
    /// What changes in the world while it is being read.
    pub script: Vec<AdoScript>,
}

impl Default for AdoBehaviour {
    fn default() -> Self {
        AdoBehaviour {
            sign_in: SignIn::Page,
            query_cap: 20_000,
            top_avoids_cap: true,
            query_scan: None,
            stream_scan: 4,
            stream_page: 1_000,
            comment_page: 200,
            project_page: 100,
            limits: AdoLimits::default(),
            throttle: Vec::new(),
            script: Vec::new(),
        }
    }
}

/// The forms in which a credential was seen refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignIn {
    /// 203 with the HTML of the sign-in page.
    Page,
    /// 302 to `_signin`, with the body "Object moved".
    Redirect,
    /// 401 with TF400813 as JSON.
    Json,
}

/// How usage is counted: TSTU in a sliding window, per identity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdoLimits {
    /// The units of a window; `None`: nothing is counted.
    pub tstu: Option<f64>,
    /// The length of the window.
    pub window_seconds: u64,
    /// From this part of the units on replies carry the headers.
    pub flag_at: f64,
    /// From this part on replies come late.
    pub delay_at: f64,
    /// From this part on requests are refused.
    pub block_at: f64,
    /// How late replies come.
    pub delay_ms: u64,
}

impl Default for AdoLimits {
    fn default() -> Self {
        AdoLimits {
            tstu: Some(200.0),
            window_seconds: 300,
            flag_at: 0.8,
            delay_at: 1.0,
            block_at: 1.5,
            delay_ms: 500,
        }
    }
}

/// The three stages in which usage is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdoStage {
    /// The right reply with the headers of the limit.
    Flag,
    /// The right reply, late, with `Retry-After` and `X-RateLimit-Delay`.
    Delay,
    /// 429 with TF400733 and `Retry-After`, to all requests until it has passed.
    Block,
}

/// Throttling by rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoThrottle {
    /// Which stage.
    pub stage: AdoStage,
    /// How often, counted over all requests with a good credential.
    pub firing: Firing,
    /// What `Retry-After` says.
    pub seconds: u64,
    /// How late the reply comes; only with [`AdoStage::Delay`].
    pub delay_ms: u64,
}

/// One line of the script: after every k-th list reply (queries, batches, the stream, comments)
/// something happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdoScript {
    /// Every how many list replies.
    pub every: u64,
    /// Where, as `contoso/Shop`.
    pub project: String,
    /// What.
    pub action: AdoAction,
    /// How many times at most; `None`: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

/// What a script does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the change of this name")]
pub enum AdoAction {
    Edit,
    Add,
    Delete,
    Restore,
    Move,
    Retype,
    AddComment,
    EditComment,
    DeleteComment,
    /// One of the above, by the seed.
    Any,
}
