//! What may be changed while a forge runs: limits, faults, delays, paging, the script.

use serde::{Deserialize, Serialize};

/// The manners of a running forge. Changed with [`crate::Forge::configure`] or
/// `POST /_forge/configure`, where a partial object replaces only the fields it names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Milliseconds each REST reply waits before its page is computed.
    pub delay_ms: u64,
    /// Milliseconds each git reply waits.
    pub git_delay_ms: u64,
    /// Whether `Link` of issue lists carries cursors.
    pub cursors: Cursors,
    /// `page × per_page` from which issue lists answer 422 to `page=` without a cursor.
    pub issue_cap: u64,
    /// `page × per_page` above which the repository-wide comment list answers 422. `Link` goes
    /// on offering pages beyond it.
    pub comment_cap: u64,
    /// The limits.
    pub limits: Limits,
    /// The manners of the GraphQL interface.
    pub graphql: GraphQl,
    /// The manners of the search.
    pub search: Search,
    /// The faults; the first rule that fires wins.
    pub faults: Vec<FaultRule>,
    /// What changes in the world while it is being read.
    pub script: Vec<Script>,
    /// A git request that finds this many others under way gets 429 with `Retry-After: 1`.
    pub git_concurrent: Option<u32>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Behaviour {
            delay_ms: 0,
            git_delay_ms: 0,
            cursors: Cursors::WhenLarge,
            issue_cap: 10_000,
            comment_cap: 30_000,
            limits: Limits::default(),
            graphql: GraphQl::default(),
            search: Search::default(),
            faults: Vec::new(),
            script: Vec::new(),
            git_concurrent: None,
        }
    }
}

/// The manners of the GraphQL interface. Its secondary limits are those of the REST interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GraphQl {
    /// Points per window and token. `None`: no limit.
    pub limit: Option<u64>,
    /// Tells a spent limit as `RATE_LIMIT` with a code, as seen since 2026, and not as
    /// `RATE_LIMITED`.
    pub new_limit_word: bool,
    /// Queries for more nodes than that answer 502.
    pub heavy_nodes: Option<u64>,
    /// Nodes of histories that one query may ask for before the rest of its answer is null, with
    /// an error for each part left out.
    pub nodes_in_time: Option<u64>,
    /// There is no GraphQL interface: 404.
    pub off: bool,
}

impl Default for GraphQl {
    fn default() -> Self {
        GraphQl {
            limit: Some(5_000),
            new_limit_word: false,
            heavy_nodes: None,
            nodes_in_time: None,
            off: false,
        }
    }
}

/// The manners of the search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Search {
    /// Results that can be had at most; the total is told all the same.
    pub cap: u64,
    /// Requests a minute and token. `None`: any number.
    pub per_minute: Option<u64>,
    /// Says that time ran out before all was found.
    pub incomplete: bool,
}

impl Default for Search {
    fn default() -> Self {
        Search { cap: 1_000, per_minute: Some(30), incomplete: false }
    }
}

/// When `Link` of an issue list carries `after=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cursors {
    /// Never: `page=` only, which ends in 422 at [`Behaviour::issue_cap`].
    Never,
    /// When the list reaches [`Behaviour::issue_cap`], from its first page on; without
    /// `rel="last"` then.
    WhenLarge,
    /// Always.
    Always,
}

/// The limits of the REST interface. Git requests have none of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests per window and token. `None`: no primary limit at all and no `x-ratelimit-*`
    /// headers, as on a server of one's own; `/rate_limit` answers 404 then.
    pub primary: Option<u64>,
    /// The same for requests without a token (per address, so all together).
    pub anonymous: u64,
    /// The length of the window, which starts with its first request.
    pub window_seconds: u64,
    /// 403 or 429 when the primary limit is used up.
    pub exhausted_status: u16,
    /// A request that finds this many others of its token under way triggers a secondary limit.
    pub concurrent: Option<u32>,
    /// More than this many points (GET 1, others 5) per minute, token and endpoint trigger a
    /// secondary limit.
    pub points_per_minute: Option<u64>,
    /// Every k-th REST request triggers a secondary limit.
    pub secondary_every: Option<u64>,
    /// How a secondary limit is told.
    pub secondary_style: SecondaryStyle,
    /// How long a secondary limit holds.
    pub secondary_seconds: f64,
    /// Requests made although the limit was told start its time anew.
    pub punish: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            primary: Some(5_000),
            anonymous: 60,
            window_seconds: 3_600,
            exhausted_status: 403,
            concurrent: Some(100),
            points_per_minute: Some(900),
            secondary_every: None,
            secondary_style: SecondaryStyle::Seconds,
            secondary_seconds: 60.0,
            punish: false,
        }
    }
}

impl Limits {
    /// Limits no client will meet; the headers stay.
    #[must_use]
    pub fn generous() -> Self {
        Limits {
            primary: Some(1_000_000),
            anonymous: 1_000_000,
            concurrent: None,
            points_per_minute: None,
            ..Limits::default()
        }
    }
}

/// The forms in which the real forge has told a secondary limit. `x-ratelimit-remaining` stays
/// above 0 in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecondaryStyle {
    /// 403, `Retry-After` in whole seconds (rounded up).
    Seconds,
    /// 403, `Retry-After` as a decimal number of seconds.
    Decimal,
    /// 403, `Retry-After` as an HTTP date.
    HttpDate,
    /// 429, `Retry-After` in whole seconds.
    TooManyRequests,
    /// 403 without `Retry-After`, with `gh-limited-by`.
    NoRetryAfter,
    /// 403 with nothing but the words in the body.
    BodyOnly,
    /// 403 with `Retry-After` and the body of the old abuse detection.
    Abuse,
}

/// When a fault happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What goes wrong.
    pub fault: Fault,
    /// How often.
    pub firing: Firing,
    /// Only for requests whose path and query contain this text. Git paths match too, but there
    /// only the faults of the connection and of the status are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// How often a fault rule fires, counted over the requests that match its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Firing {
    /// The k-th, 2k-th, … request.
    Every(u64),
    /// The next n requests, then never again.
    Next(u64),
    /// The given request (1 is the first) and no other.
    Nth(u64),
    /// Each.
    Always,
}

/// What can go wrong with a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// This status with a JSON message.
    Status(u16),
    /// 502 with an HTML page.
    Html502,
    /// 200 with an HTML page, as captive portals and proxies send it.
    Html200,
    /// The right reply, this many milliseconds late.
    Slow(u64),
    /// No byte is sent, the connection is closed.
    DropBeforeHead,
    /// The request is carried out, but no byte is sent: what a write that must not be sent twice
    /// fears.
    LoseReply,
    /// The head is sent, then the connection is closed.
    DropAfterHead,
    /// Half of the body is sent, then the connection is closed.
    DropMidBody,
    /// A complete reply whose JSON ends in the middle.
    TruncatedJson,
    /// No answer until the client closes.
    Stall,
    /// 302 to the same path on the other listener, see [`crate::Forge::other_url`].
    RedirectElsewhere,
    /// The right reply, but `Link` points to the other listener.
    LinkElsewhere,
    /// 403 that is a permission, not a limit.
    Forbidden,
    /// The right reply of a list, cut to its first half, without a sign of it.
    ShortPage,
}

/// One line of the script: after every k-th list reply of any repository something happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Every how many list replies (issues, comments of all or one issue, pulls).
    pub every: u64,
    /// Where, as `owner/name`.
    pub repo: String,
    /// What.
    pub action: Action,
    /// How many times at most; `None`: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// Only this issue number; `None`: chosen by the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
}

/// What a script does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Appends to the title of an issue.
    EditIssue,
    /// Closes an open issue or opens a closed one.
    ToggleIssue,
    /// Opens a new issue.
    AddIssue,
    /// Deletes an issue with its comments.
    DeleteIssue,
    /// Transfers an issue to another repository of the same owner.
    TransferIssue,
    /// Adds a comment.
    AddComment,
    /// Appends to a comment.
    EditComment,
    /// Deletes a comment.
    DeleteComment,
    /// One of the above, by the seed.
    Any,
}
