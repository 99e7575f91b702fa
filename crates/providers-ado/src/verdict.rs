use jobctl_provider::Refusal;

use crate::reply::{BUCKET, Reply};

/// Passes the 200s on; everything else is a refusal.
pub(crate) fn check(reply: &Reply<'_>) -> Result<(), Refusal> {
    refusal(reply).map_or(Ok(()), Err)
}

/// What a reply that is not a success means; `None` for the 200s.
///
/// Azure DevOps shows its sign-in page to tokens that it does not take: as 203 (known from
/// vsts-rest-api-specs, issues 97 and 574), as a redirect to `_signin`, or as any page where JSON
/// was asked for.
fn refusal(reply: &Reply<'_>) -> Option<Refusal> {
    let is_limit = || reply.speaks_of(&["TF400733"]);
    match reply.status {
        203 => Some(sign_in()),
        200..=299 if reply.is_page() => Some(sign_in()),
        200..=299 => None,
        300..=399 if leads_to_sign_in(reply) => Some(sign_in()),
        429 => Some(throttled(reply)),
        400..=499 if is_limit() => Some(throttled(reply)),
        401 => Some(unauthorized(reply)),
        403 if reply.wait().is_some() => Some(throttled(reply)),
        403 => Some(forbidden(reply)),
        404 => Some(absent(reply)),
        408 | 500..=599 => Some(faulty(reply)),
        400 | 409 | 410 | 412 | 422 => {
            Some(Refusal::Forbidden { message: reply.message(), hint: None })
        }
        status => Some(Refusal::Malformed {
            message: format!(
                "Azure DevOps answered with an unexpected status {status}: {}",
                reply.message()
            ),
        }),
    }
}

fn leads_to_sign_in(reply: &Reply<'_>) -> bool {
    let to = reply.headers.get("location").unwrap_or_default().to_ascii_lowercase();
    to.contains("_signin")
}

/// Why a token may be refused: the same reasons whatever the reply looks like.
const REASONS: &str = "the token is wrong, expired, of another organisation, or without the \
                       scope that is needed (global personal access tokens end on 2026-12-01)";

fn sign_in() -> Refusal {
    Refusal::Unauthorized {
        message: format!("Azure DevOps answered with its sign-in page: {REASONS}"),
    }
}

fn unauthorized(reply: &Reply<'_>) -> Refusal {
    Refusal::Unauthorized { message: format!("{}: {REASONS}", reply.message()) }
}

fn throttled(reply: &Reply<'_>) -> Refusal {
    let said = reply.message();
    let message = if said.starts_with("HTTP ") { reply.slowed() } else { said };
    Refusal::Throttled { until: reply.wait(), bucket: Some(BUCKET.to_owned()), message }
}

fn forbidden(reply: &Reply<'_>) -> Refusal {
    Refusal::Forbidden {
        message: reply.message(),
        hint: Some(
            "the token needs the scope for this (Work Items: read; Code: read for clones), and \
             its account access to the project"
                .to_owned(),
        ),
    }
}

/// Projects that a token may not see do not exist for it (TF200016).
fn absent(reply: &Reply<'_>) -> Refusal {
    let hint = if reply.speaks_of(&["TF200016"]) {
        "check the spelling of the project, and that the account may see it"
    } else {
        "check the spelling of organisation and project, and that the account may see them"
    };
    Refusal::Forbidden {
        message: format!("no such thing, or this token may not see it ({})", reply.message()),
        hint: Some(hint.to_owned()),
    }
}

fn faulty(reply: &Reply<'_>) -> Refusal {
    let message = format!("Azure DevOps is failing (HTTP {}): {}", reply.status, reply.message());
    match reply.wait() {
        Some(until) => {
            Refusal::Throttled { until: Some(until), bucket: Some(BUCKET.to_owned()), message }
        }
        None if reply.speaks_of(&["TF400733"]) => throttled(reply),
        None => Refusal::Transient { message },
    }
}
