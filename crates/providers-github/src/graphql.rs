//! GraphQL answers: what is wrong with one is told in its body, with status 200 as well.

use jobctl_provider::{Refusal, below, line};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::page::object;
use crate::reply::Reply;
use crate::verdict::{check, speaks_of_limits};

/// The budget of GraphQL, as replies call it.
pub(crate) const BUCKET: &str = "graphql";

/// `https://api.github.com/graphql`, and beside `/api/v3` on Enterprise Server.
pub(crate) fn address(base: &Url) -> Url {
    let mut root = base.clone();
    if let Some(path) = base.path().trim_end_matches('/').strip_suffix("/v3") {
        root.set_path(path);
    }
    below(&root, &["graphql"])
}

/// What a query was answered. Both parts may be there: data as far as it could be had, and an
/// error for each null in it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answered {
    pub(crate) data: Value,
    pub(crate) errors: Vec<Wrong>,
}

/// One error.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wrong {
    pub(crate) sort: Sort,
    pub(crate) message: String,
    /// Where in the data.
    pub(crate) path: Vec<Value>,
}

/// What an error is about, as far as something else is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// It is not there, or may not be seen.
    NotFound,
    /// The credential is not enough.
    Forbidden,
    /// The organisation wants single sign-on.
    SignOn,
    /// The server's schema lacks a name that was asked for: an older Enterprise Server.
    Unknown,
    /// Too much was asked for at once, or it took too long.
    Heavy,
}

#[derive(Deserialize)]
struct RawError {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    path: Vec<Value>,
    #[serde(default)]
    extensions: Value,
}

impl RawError {
    /// `None` for a limit. The words are those of GitHub's documentation ("Rate limits and query
    /// limits for the GraphQL API"), and `RATE_LIMIT` is what it has sent since 2026.
    fn sort(&self) -> Option<Sort> {
        let code = self.extensions.get("code").and_then(Value::as_str).unwrap_or_default();
        let signs_on = self.extensions.get("saml_failure") == Some(&Value::Bool(true))
            || self.message.contains("SAML");
        Some(match self.kind.as_deref().unwrap_or_default() {
            "RATE_LIMITED" | "RATE_LIMIT" => return None,
            _ if speaks_of_limits(self.message.as_bytes()) => return None,
            "NOT_FOUND" => Sort::NotFound,
            "FORBIDDEN" if signs_on => Sort::SignOn,
            "FORBIDDEN" | "INSUFFICIENT_SCOPES" => Sort::Forbidden,
            _ => match code {
                "undefinedType"
                | "undefinedField"
                | "argumentLiteralsIncompatible"
                | "argumentNotAccepted" => Sort::Unknown,
                // `RESOURCE_LIMITS_EXCEEDED`, `MAX_NODE_LIMIT_EXCEEDED`, and timeouts, which
                // have no type: all that is known is that asking for less may help.
                _ => Sort::Heavy,
            },
        })
    }
}

/// Reads an answer. Limits, and statuses that are no success, are refusals.
pub(crate) fn answered(reply: &Reply<'_>) -> Result<Answered, Refusal> {
    check(reply)?;
    let body = object(reply)?;
    let listed = body.get("errors").cloned().unwrap_or_else(|| Value::Array(vec![]));
    let raw: Vec<RawError> = serde_json::from_value(listed).map_err(|error| {
        Refusal::Malformed { message: format!("the errors of the answer cannot be read: {error}") }
    })?;
    let mut errors = vec![];
    for error in raw {
        let message = line(&error.message, 300);
        match error.sort() {
            Some(sort) => errors.push(Wrong { sort, message, path: error.path }),
            None => return Err(limit(reply, message)),
        }
    }
    let data = body.get("data").cloned().unwrap_or_default();
    if data.is_null() && errors.is_empty() {
        return Err(Refusal::Malformed {
            message: "the answer has neither data nor errors".into(),
        });
    }
    Ok(Answered { data, errors })
}

/// A limit told with status 200. A secondary one leaves the budget above zero, and counts for
/// everything.
fn limit(reply: &Reply<'_>, message: String) -> Refusal {
    let secondary = message.to_lowercase().contains("secondary");
    let budget = reply.budget().filter(|budget| budget.remaining == 0 || !secondary);
    let reset = budget.as_ref().filter(|budget| budget.remaining == 0).and_then(|b| b.resets_at);
    let until = reset.into_iter().chain(reply.retry_after()).max();
    Refusal::Throttled { until, bucket: (!secondary).then(|| BUCKET.to_owned()), message }
}

/// Why the whole answer is of no use.
pub(crate) fn refusal(wrong: &Wrong) -> Refusal {
    let message = wrong.message.clone();
    let hint = match wrong.sort {
        Sort::NotFound => {
            "check the spelling, and that the token may read it (private repositories need one)"
        }
        Sort::Forbidden => "the token lacks a permission that this needs",
        Sort::SignOn => {
            "authorise this token for the organisation's single sign-on: \
             https://github.com/settings/tokens"
        }
        Sort::Unknown | Sort::Heavy => {
            return Refusal::Malformed { message: format!("GitHub refused the query: {message}") };
        }
    };
    Refusal::Forbidden { message, hint: Some(hint.to_owned()) }
}
