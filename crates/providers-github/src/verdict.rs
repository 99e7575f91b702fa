use jobctl_provider::{Refusal, Time, line};

use crate::reply::Reply;

/// Passes the 200s on; everything else is a refusal.
pub(crate) fn check(reply: &Reply<'_>) -> Result<(), Refusal> {
    refusal(reply).map_or(Ok(()), Err)
}

/// What a reply that is not a success means; `None` for the 200s.
///
/// The order follows GitHub's documentation ("Rate limits for the REST API", "Best practices"):
/// `Retry-After` first, then an empty budget, then the words of the body; only what is left of
/// 403 is about permission.
fn refusal(reply: &Reply<'_>) -> Option<Refusal> {
    let message = reply.message();
    match reply.status {
        200..=299 => None,
        401 => Some(Refusal::Unauthorized { message }),
        403 | 429 => Some(throttled(reply, &message).unwrap_or_else(|| forbidden(reply, message))),
        404 => Some(absent(reply, &message)),
        408 | 500..=599 => Some(faulty(reply, &message)),
        451 => Some(Refusal::Forbidden {
            message: format!("GitHub withholds this for legal reasons: {message}"),
            hint: None,
        }),
        410 | 422 => Some(Refusal::Forbidden { message, hint: None }),
        status => Some(Refusal::Malformed {
            message: format!("GitHub answered with an unexpected status {status}: {message}"),
        }),
    }
}

fn throttled(reply: &Reply<'_>, message: &str) -> Option<Refusal> {
    let rest = reply.retry_after();
    let spent = reply.budget().filter(|budget| budget.remaining == 0);
    let message = message.to_owned();
    if let Some(budget) = spent {
        // Where both are given the later one counts: the budget stays empty until its reset.
        let until: Option<Time> = budget.resets_at.into_iter().chain(rest).max();
        return Some(Refusal::Throttled { until, bucket: Some(budget.bucket), message });
    }
    if rest.is_some() || reply.status == 429 || speaks_of_limits(reply.body) {
        return Some(Refusal::Throttled { until: rest, bucket: None, message });
    }
    None
}

/// Secondary limits may come without any header that says so.
pub(crate) fn speaks_of_limits(body: &[u8]) -> bool {
    const MARKS: [&str; 6] = [
        "rate limit",
        "rate-limit",
        "abuse detection",
        "abuse-rate",
        "submitted too quickly",
        "number of login attempts exceeded",
    ];
    let text = String::from_utf8_lossy(body).to_lowercase();
    MARKS.iter().any(|mark| text.contains(mark))
}

fn forbidden(reply: &Reply<'_>, message: String) -> Refusal {
    let sso = reply.headers.get("x-github-sso").filter(|sso| sso.starts_with("required"));
    let hint = match (sso, reply.headers.get("x-accepted-github-permissions")) {
        (Some(sso), _) => {
            let url = sso.split_once("url=").map_or("the organisation's settings", |(_, url)| url);
            format!(
                "authorise this token for the organisation's single sign-on: {}",
                line(url, 300)
            )
        }
        (None, Some(wanted)) => format!("the token needs: {}", line(wanted, 200)),
        (None, None) => "the token lacks a permission that this needs".to_owned(),
    };
    Refusal::Forbidden { message, hint: Some(hint) }
}

/// GitHub answers 404 for what a token may not see, so that its existence stays a secret.
fn absent(reply: &Reply<'_>, message: &str) -> Refusal {
    let partly = reply.headers.get("x-github-sso").is_some();
    let hint = if partly {
        "the organisation wants single sign-on: authorise the token for it"
    } else {
        "check the spelling, and that the token may read it (private repositories need one)"
    };
    Refusal::Forbidden {
        message: format!("no such thing, or this token may not see it ({message})"),
        hint: Some(hint.to_owned()),
    }
}

fn faulty(reply: &Reply<'_>, message: &str) -> Refusal {
    let message = format!("GitHub is failing (HTTP {}): {message}", reply.status);
    match reply.retry_after() {
        Some(until) => Refusal::Throttled { until: Some(until), bucket: None, message },
        None => Refusal::Transient { message },
    }
}
