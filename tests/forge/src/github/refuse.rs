//! The refusals of the REST interface, in the words that were documented or recorded.

use serde_json::{Value, json};

use crate::limits::Who;
use crate::wire::Reply;

const DOCS: &str = "https://docs.github.com/rest";
const LIMIT_DOCS: &str = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api";
const SECONDARY_DOCS: &str = "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits";

/// A message with a documentation address and, as since 2023, the status as text.
fn message(status: u16, message: &str, docs: &str) -> Reply {
    let body = json!({
        "message": message, "documentation_url": docs, "status": status.to_string(),
    });
    Reply::json(status, body.to_string())
}

pub(crate) fn not_found() -> Reply {
    message(404, "Not Found", DOCS)
}

pub(crate) fn bad_credentials() -> Reply {
    message(401, "Bad credentials", DOCS)
}

pub(crate) fn requires_authentication() -> Reply {
    message(401, "Requires authentication", DOCS)
}

pub(crate) fn graphql_needs_a_token() -> Reply {
    message(
        401,
        "This endpoint requires you to be authenticated.",
        "https://docs.github.com/graphql/guides/forming-calls-with-graphql#authenticating-with-graphql",
    )
}

/// Plain text, not JSON.
pub(crate) fn no_user_agent() -> Reply {
    Reply::text(
        403,
        "\r\nRequest forbidden by administrative rules. Please make sure your request has a \
         User-Agent header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api\
         #user-agent-required). Check https://developer.github.com for other possible causes.\r\n",
    )
}

pub(crate) fn bad_version(version: &str) -> Reply {
    let text = format!(
        "The API version \"{version}\" is not supported. Supported versions: 2022-11-28, 2026-03-10."
    );
    message(400, &text, "https://docs.github.com/rest/overview/api-versions")
}

/// A 403 that no waiting cures; the recorded body.
pub(crate) fn not_allowed() -> Reply {
    message(403, "Must have push access to repository", DOCS)
}

pub(crate) fn sso_required(org: &str) -> Reply {
    message(
        403,
        "Resource protected by organization SAML enforcement. You must grant your Personal Access \
         token access to this organization.",
        "https://docs.github.com/articles/authenticating-to-a-github-organization-with-saml-single-sign-on/",
    )
    .with("x-github-sso", format!("required; url=https://github.com/orgs/{org}/sso?authorization_request=AAAA"))
}

pub(crate) fn exhausted(status: u16, who: Who) -> Reply {
    let text = match who {
        Who::Token(at) => format!(
            "API rate limit exceeded for user ID {}. If you reach out to GitHub Support for help, \
             please include the request ID 0000:0000:0000:0000 and timestamp.",
            583_001 + at * 17
        ),
        Who::Anonymous => "API rate limit exceeded for 127.0.0.1. (But here's the good news: \
             Authenticated requests get a higher rate limit. Check out the documentation for more \
             details.)"
            .to_owned(),
    };
    message(status, &text, LIMIT_DOCS)
}

pub(crate) fn secondary(status: u16) -> Reply {
    let body = json!({
        "message": "You have exceeded a secondary rate limit. Please wait a few minutes before \
            you try again. If you reach out to GitHub Support for help, please include the \
            request ID 0000:0000:0000:0000.",
        "documentation_url": SECONDARY_DOCS,
    });
    Reply::json(status, body.to_string())
}

pub(crate) fn abuse() -> Reply {
    let body = json!({
        "documentation_url": "https://developer.github.com/v3/#abuse-rate-limits",
        "message": "You have triggered an abuse detection mechanism. Please wait a few minutes \
            before you try again.",
    });
    Reply::json(403, body.to_string())
}

/// Servers without limits answer `/rate_limit` so.
pub(crate) fn limits_off() -> Reply {
    message(404, "Rate limiting is not enabled.", LIMIT_DOCS)
}

pub(crate) fn deep_issues() -> Reply {
    message(
        422,
        "Pagination with the page parameter is not supported for large datasets, please use \
         cursor based pagination (after/before)",
        "https://docs.github.com/rest/issues/issues#list-repository-issues",
    )
}

pub(crate) fn deep_comments() -> Reply {
    message(
        422,
        "In order to keep the API fast for everyone, pagination is limited for this resource. \
         Check the rel=last link relation in the Link response header to see how far back you \
         can traverse.",
        "https://docs.github.com/v3/#pagination",
    )
}

pub(crate) fn deep_search(cap: u64) -> Reply {
    let text = format!("Only the first {cap} search results are available");
    message(422, &text, "https://docs.github.com/v3/search/")
}

/// Since 2025 a search for issues must say which of the two it is for.
pub(crate) fn search_wants_a_kind() -> Reply {
    message(
        422,
        "Query must include 'is:issue' or 'is:pull-request'",
        "https://docs.github.com/rest/search/search#search-issues-and-pull-requests",
    )
}

pub(crate) fn invalid(resource: &str, field: &str) -> Reply {
    let body = json!({
        "message": "Validation Failed",
        "errors": [{"resource": resource, "code": "invalid", "field": field}],
        "documentation_url": DOCS,
        "status": "422",
    });
    Reply::json(422, body.to_string())
}

pub(crate) fn not_json() -> Reply {
    message(400, "Problems parsing JSON", DOCS)
}

pub(crate) fn archived() -> Reply {
    message(403, "Repository was archived so is read-only.", DOCS)
}

pub(crate) fn exclusive() -> Reply {
    let text = "If you specify visibility or affiliation, you cannot specify type.";
    message(
        422,
        text,
        "https://docs.github.com/rest/repos/repos#list-repositories-for-the-authenticated-user",
    )
}

pub(crate) fn issue_deleted() -> Reply {
    message(410, "This issue was deleted", DOCS)
}

pub(crate) fn issues_off() -> Reply {
    message(410, "Issues has been disabled in this repository.", DOCS)
}

pub(crate) fn moved(location: &str) -> Reply {
    let body: Value = json!({
        "message": "Moved Permanently", "url": location,
        "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
    });
    Reply::json(301, body.to_string()).with("location", location)
}

/// What a broken forge says.
pub(crate) fn broken(status: u16) -> Reply {
    message(status, "Server Error", DOCS)
}
