//! Refusals, in the real one's words as far as they are known.

use serde_json::{Value, json};

use crate::wire::Reply;

/// `{"errorMessages":[…],"errors":{}}`.
pub(crate) fn errors(status: u16, messages: &[String]) -> Reply {
    let body = json!({ "errorMessages": messages, "errors": {} });
    Reply::json(status, body.to_string())
}

pub(crate) fn error(status: u16, message: &str) -> Reply {
    errors(status, &[message.to_owned()])
}

/// 400 for a body the interface does not know, whatever is wrong with it.
pub(crate) fn payload() -> Reply {
    error(400, "Invalid request payload. Refer to the REST API documentation and try again.")
}

pub(crate) fn unbounded() -> Reply {
    error(
        400,
        "Unbounded JQL queries are not allowed here. Please add a search restriction to your \
         query.",
    )
}

pub(crate) fn old_search() -> Reply {
    error(
        410,
        "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A \
         full migration guideline is available at \
         https://developer.atlassian.com/changelog/#CHANGE-2046",
    )
}

pub(crate) fn bad_token() -> Reply {
    error(400, "The provided next page token is invalid or expired.")
}

pub(crate) fn no_issue() -> Reply {
    error(404, "Issue does not exist or you do not have permission to see it.")
}

pub(crate) fn no_project(key: &str) -> Reply {
    error(404, &format!("No project could be found with key '{key}'."))
}

pub(crate) fn not_found() -> Reply {
    Reply::json(
        404,
        json!({ "errorMessage": "The requested resource does not exist." }).to_string(),
    )
}

pub(crate) fn wrong_method() -> Reply {
    Reply::new(405)
}

/// `myself` without an account.
pub(crate) fn unauthenticated() -> Reply {
    Reply::text(401, "Client must be authenticated to access this resource.")
}

pub(crate) fn scoped_token_on_site() -> Reply {
    error(401, "Client must be authenticated to access this resource.")
        .with("x-seraph-loginreason", "AUTHENTICATED_FAILED")
}

/// What stands before `api.atlassian.com`.
pub(crate) fn gateway(status: u16, message: &str) -> Reply {
    Reply::json(status, json!({ "code": status, "message": message }).to_string())
}

pub(crate) fn center_unauthenticated() -> Reply {
    let body = json!({
        "message": "Client must be authenticated to access this resource.", "status-code": 401,
    });
    Reply::json(401, body.to_string())
        .with("www-authenticate", "OAuth realm=\"http%3A%2F%2Fjira.example.com\"")
}

pub(crate) fn center_wrong_password() -> Reply {
    Reply::html(401, &page(401, "Basic Authentication Failure - Reason : AUTHENTICATED_FAILED"))
        .with("x-seraph-loginreason", "AUTHENTICATED_FAILED")
        .with("www-authenticate", "OAuth realm=\"http%3A%2F%2Fjira.example.com\"")
}

/// After too many wrong passwords a person must prove to be one.
pub(crate) fn center_captcha(site: &str) -> Reply {
    let challenge = format!("CAPTCHA_CHALLENGE; login-url={site}/login.jsp");
    Reply::html(403, &page(403, "Basic Authentication Failure - Reason : AUTHENTICATION_DENIED"))
        .with("x-seraph-loginreason", "AUTHENTICATION_DENIED")
        .with("x-authentication-denied-reason", challenge)
}

/// Data Center's search beyond its window.
pub(crate) fn center_window(reach: u64, window: u64) -> Reply {
    error(
        500,
        &format!(
            "Search limit exceeded. We couldn't complete your search because it requests {reach} \
             results, more than the limit of {window}."
        ),
    )
}

/// A page of the server itself.
pub(crate) fn page(status: u16, message: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><title>HTTP Status {status}</title></head>\
         <body><h1>HTTP Status {status}</h1><p><b>Message</b> {message}</p><hr />\
         <h3>Apache Tomcat/9.0.85</h3></body></html>"
    )
}

/// The body of a Cloud limit.
pub(crate) fn limited(status: u16) -> Value {
    json!({
        "errorMessages": ["The request has been rate-limited. Please try again later."],
        "errors": {}, "status": status,
    })
}
