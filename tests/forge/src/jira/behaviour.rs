//! What may be changed while a simulated Jira runs.

use serde::{Deserialize, Serialize};

use crate::behaviour::Firing;

/// The manners of a running Jira. Delays and faults are those of [`crate::Behaviour`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each switches one oddity")]
pub struct JiraBehaviour {
    /// Most issues on a page of `search/jql` that shows nothing but ids and keys.
    pub page_of_ids: u64,
    /// Most issues on a page of `search/jql` that shows other fields.
    pub page_of_fields: u64,
    /// Every k-th page of `search/jql` is half as long as it might be.
    pub short_page_every: Option<u64>,
    /// Every k-th page of `search/jql` offers the token that led to it once more.
    pub repeat_token_every: Option<u64>,
    /// How long a `nextPageToken` is good.
    pub token_seconds: u64,
    /// A change is missing from the search for that many further searches.
    pub lag: u64,
    /// An edited or deleted comment leaves the issue's `updated` as it was.
    pub silent_comments: bool,
    /// `bulkfetch` takes 1,000 issues where the documented conditions are met.
    pub bulk_thousand: bool,
    /// The first `bulkfetch` that asks for an issue whose id is a multiple of this gets an entry
    /// in `issueErrors` instead.
    pub bulk_error_every: Option<u64>,
    /// `changelog/bulkfetch` tells times as numbers of milliseconds.
    pub changelog_millis: bool,
    /// `key >` and its kin refuse a key that does not exist, as `=` always does.
    pub strict_keys: bool,
    /// Data Center: what `maxResults` is cut to (`jira.search.views.default.max`).
    pub center_page: u64,
    /// Data Center: what `startAt` and `maxResults` together may reach
    /// (`jira.search.platform.max.result.window`).
    pub center_window: u64,
    /// Data Center: after so many wrong passwords a person must solve a captcha.
    pub captcha_after: Option<u64>,
    /// The limits.
    pub limits: JiraLimits,
    /// Refusals that come whatever was spent; the first rule that fires wins.
    pub refusals: Vec<JiraRefusalRule>,
    /// What changes while the world is being read.
    pub script: Vec<JiraScript>,
}

impl Default for JiraBehaviour {
    fn default() -> Self {
        JiraBehaviour {
            page_of_ids: 5_000,
            page_of_fields: 100,
            short_page_every: None,
            repeat_token_every: None,
            token_seconds: 7 * 86_400,
            lag: 0,
            silent_comments: false,
            bulk_thousand: true,
            bulk_error_every: None,
            changelog_millis: false,
            strict_keys: false,
            center_page: 1_000,
            center_window: 10_000,
            captcha_after: None,
            limits: JiraLimits::default(),
            refusals: Vec::new(),
            script: Vec::new(),
        }
    }
}

/// The limits of Cloud, and of Data Center.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JiraLimits {
    /// Cloud: requests a second for each endpoint and method; the bucket holds two seconds.
    /// `None`: as many as come.
    pub burst_per_second: Option<f64>,
    /// Cloud: points an hour (1 a request and 1 an issue) until the top of the hour. API tokens
    /// are not counted by the real one; this counts everybody.
    pub quota: Option<u64>,
    /// The quota's reason: `jira-quota-global-based` or `jira-quota-tenant-based`.
    pub quota_reason: String,
    /// How those refusals are told.
    pub form: JiraForm,
    /// The names of all limit headers begin with `Beta-`: for information only.
    pub beta: bool,
    /// Data Center: a bucket of tokens for each user. `None`: not switched on, no headers.
    pub center: Option<CenterLimit>,
}

impl Default for JiraLimits {
    fn default() -> Self {
        JiraLimits {
            burst_per_second: Some(100.0),
            quota: None,
            quota_reason: "jira-quota-global-based".to_owned(),
            form: JiraForm::Seconds,
            beta: false,
            center: None,
        }
    }
}

/// Data Center's token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CenterLimit {
    /// Tokens the bucket holds.
    pub limit: u64,
    /// Tokens that come with each interval.
    pub fill_rate: u64,
    /// Its length.
    pub interval_seconds: u64,
}

/// When a refusal happens, and how. What follows on the same endpoint (for `jira-burst-based`) or
/// anywhere (for all other reasons) is refused the same way until the time is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JiraRefusalRule {
    /// How often, counted over the requests that match the path.
    pub firing: Firing,
    /// Only for requests whose path and query contain this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// `RateLimit-Reason`; `None`: there is no such header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How it is told.
    pub form: JiraForm,
    /// How long it holds.
    pub seconds: f64,
}

/// The forms in which a limit is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JiraForm {
    /// 429, `Retry-After` in whole seconds.
    Seconds,
    /// 429, `Retry-After` as a decimal number of seconds.
    Decimal,
    /// 429, `Retry-After` as an HTTP date.
    HttpDate,
    /// 429, only `X-RateLimit-Reset`, ISO 8601 with seconds.
    Reset,
    /// 429, only `X-RateLimit-Reset`, ISO 8601 without seconds: rounded up to the minute.
    ResetMinutes,
    /// 429 with `Retry-After` and a page of HTML.
    Html,
    /// 429 of the gateway, with no header at all that says how long.
    Bare,
    /// 503 with `Retry-After`.
    Unavailable,
    /// 429 with the structured `RateLimit` and `RateLimit-Policy` only.
    Structured,
}

/// One line of the script: after every k-th page of a list something happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JiraScript {
    /// Every how many pages (searches, bulk fetches, comments).
    pub every: u64,
    /// Where, as `PAY`.
    pub project: String,
    /// What.
    pub action: JiraAction,
    /// How many times at most; `None`: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

/// What a script does, to an issue chosen by the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JiraAction {
    /// Appends to the summary.
    EditIssue,
    /// Gives it another status.
    Transition,
    /// Makes a new issue.
    AddIssue,
    /// Deletes an issue with its comments.
    DeleteIssue,
    /// Moves an issue to another project.
    MoveIssue,
    /// Adds a comment.
    AddComment,
    /// Changes a comment.
    EditComment,
    /// Deletes a comment.
    DeleteComment,
    /// One of the above, by the seed.
    Any,
}
