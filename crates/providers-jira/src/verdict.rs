use jiff::SignedDuration;
use jobctl_provider::{Budget, Refusal, Time, line};

use crate::Edition;
use crate::reply::Reply;

/// The name of the budget that all requests are charged to: points an hour on Cloud, tokens of
/// the user on Data Center.
pub(crate) const QUOTA: &str = "quota";
/// Budgets of Cloud from this size on are counted by the hour, smaller ones by the second.
const HOURLY: u64 = 10_000;
/// Points that the dearest request costs: one, and one for each of its hundred issues.
const POINTS: u64 = 101;

/// Passes the 200s on; everything else is a refusal.
///
/// A credential that Cloud does not accept makes the caller a stranger and not an error: the
/// answer is a 200 with what strangers see, and only this header tells.
pub(crate) fn check(reply: &Reply<'_>) -> Result<(), Refusal> {
    let login = reply.headers.get("x-seraph-loginreason").unwrap_or_default();
    let refused = ["AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED"];
    if reply.status < 400 && refused.iter().any(|reason| login.contains(reason)) {
        let message = format!("Jira did not accept the credential ({})", line(login, 60));
        return Err(Refusal::Unauthorized { message });
    }
    refusal(reply).map_or(Ok(()), Err)
}

/// What a reply that is not a success means; `None` for the 200s.
fn refusal(reply: &Reply<'_>) -> Option<Refusal> {
    if (200..300).contains(&reply.status) {
        return None;
    }
    if let Some(denied) = reply.headers.get("x-authentication-denied-reason") {
        return Some(captcha(denied));
    }
    let message = reply.message();
    let forbidden =
        |message, hint: &str| Some(Refusal::Forbidden { message, hint: Some(hint.to_owned()) });
    match reply.status {
        400 => forbidden(message, "check the project's key and the query"),
        401 => Some(unauthorized(reply, &message)),
        403 => forbidden(
            message,
            "the account lacks a permission that this needs: it must be able to browse the project",
        ),
        404 => forbidden(
            format!("no such thing, or this account may not see it ({message})"),
            "check the spelling, and that the account may browse the project",
        ),
        410 => forbidden(
            format!("Jira has removed this part of its interface ({message})"),
            "update jobctl",
        ),
        429 => Some(throttled(reply, message)),
        408 | 500..=599 => Some(faulty(reply, &message)),
        status => Some(Refusal::Malformed {
            message: format!("Jira answered with an unexpected status {status}: {message}"),
        }),
    }
}

fn unauthorized(reply: &Reply<'_>, message: &str) -> Refusal {
    let scoped = match reply.edition {
        Edition::Cloud => {
            "; a token with scopes works at https://api.atlassian.com/ex/jira/CLOUD-ID only"
        }
        Edition::DataCenter => "",
    };
    Refusal::Unauthorized { message: format!("{message}{scoped}") }
}

/// After several failed logins Jira asks for a captcha, which only a browser can solve.
fn captcha(denied: &str) -> Refusal {
    let url = denied.split_once("login-url=").map_or("", |(_, url)| url);
    let at = if url.is_empty() { String::new() } else { format!(" at {}", line(url, 200)) };
    Refusal::Unauthorized {
        message: format!("Jira wants a captcha after failed logins: log in with a browser{at}"),
    }
}

/// A limit. Which of Cloud's independent ones it is stands in `RateLimit-Reason` (documentation
/// "Rate limiting"): only the burst limit, and the one on writes to one issue, concern a single
/// endpoint. Unknown reasons hold everything.
fn throttled(reply: &Reply<'_>, message: String) -> Refusal {
    let reason = reply.header_or_beta("ratelimit-reason").map(|reason| line(reason, 80));
    let endpoint =
        matches!(reason.as_deref(), Some("jira-burst-based" | "jira-per-issue-on-write"));
    let message = match &reason {
        Some(reason) => format!("{message} ({reason})"),
        None => message,
    };
    let bucket = endpoint.then(|| reply.bucket.to_owned());
    Refusal::Throttled { until: until(reply), bucket, message }
}

/// When to ask again: `Retry-After`, else when the budget is full, in the words of either
/// edition. Nothing said, or a rest of nothing, leaves it to the client.
fn until(reply: &Reply<'_>) -> Option<Time> {
    let named = || match reply.edition {
        Edition::Cloud => reset(reply).or_else(|| {
            let entries = reply.header_or_beta("ratelimit").map(entries).unwrap_or_default();
            let spent = entries.iter().filter(|entry| entry.remaining == Some(0));
            spent.filter_map(|entry| later(reply.at, entry.seconds?)).max()
        }),
        Edition::DataCenter => later(reply.at, reply.number("x-ratelimit-interval-seconds")?),
    };
    asked_rest(reply).or_else(named).filter(|until| *until > reply.at)
}

/// `Retry-After` as a moment of our clock. Data Center sends a 0 while tokens are left.
fn asked_rest(reply: &Reply<'_>) -> Option<Time> {
    let value = reply.header_or_beta("retry-after")?;
    reply.clock().retry_after(value).filter(|until| *until > reply.at)
}

/// `X-RateLimit-Reset` of Cloud, in ISO 8601, with and without seconds.
fn reset(reply: &Reply<'_>) -> Option<Time> {
    let at: Time = reply.header_or_beta("x-ratelimit-reset")?.trim().parse().ok()?;
    Some(reply.clock().convert(at))
}

fn faulty(reply: &Reply<'_>, message: &str) -> Refusal {
    let message = format!("Jira is failing (HTTP {}): {message}", reply.status);
    match asked_rest(reply) {
        Some(until) => Refusal::Throttled { until: Some(until), bucket: None, message },
        None => Refusal::Transient { message },
    }
}

/// What a good reply says of its budget. Headers with `Beta-` in front are announcements of
/// limits that do not count yet, so they slow nothing down.
pub(crate) fn budget(reply: &Reply<'_>) -> Option<Budget> {
    match reply.edition {
        Edition::Cloud => quota(reply).or_else(|| window(reply)),
        Edition::DataCenter => tokens(reply),
    }
}

/// The structured header of Cloud: `"global-app-quota";r=11000;t=600`. The least is told.
fn quota(reply: &Reply<'_>) -> Option<Budget> {
    let limits = reply.headers.get("ratelimit-policy").map(entries).unwrap_or_default();
    let left = entries(reply.headers.get("ratelimit")?);
    let least = left.iter().filter(|entry| entry.remaining.is_some());
    let least = least.min_by_key(|entry| entry.remaining)?;
    let limit = limits.iter().find(|limit| limit.name == least.name).and_then(|limit| limit.quota);
    Some(Budget {
        bucket: QUOTA.to_owned(),
        limit: limit.map(|points| points / POINTS),
        remaining: least.remaining? / POINTS,
        resets_at: least.seconds.and_then(|seconds| later(reply.at, seconds)),
    })
}

/// `X-RateLimit-*` of Cloud: of the endpoint's burst, or of the hour's points, as their size
/// tells. It says when only on refusals: bursts are full within a second, and the hour ends on
/// the hour (UTC).
fn window(reply: &Reply<'_>) -> Option<Budget> {
    let limit = reply.number("x-ratelimit-limit")?;
    let remaining = reply.number("x-ratelimit-remaining")?;
    let is_hourly = limit >= HOURLY;
    let near = reply.headers.get("x-ratelimit-nearlimit").is_some_and(|near| near.trim() == "true");
    let end = if is_hourly {
        next_hour(reply.at)
    } else {
        later(reply.at, 1).filter(|_| near || remaining == 0)
    };
    let resets_at = reset(reply).or(end);
    Some(if is_hourly {
        let (limit, remaining) = (Some(limit / POINTS), remaining / POINTS);
        Budget { bucket: QUOTA.to_owned(), limit, remaining, resets_at }
    } else {
        Budget { bucket: reply.bucket.to_owned(), limit: Some(limit), remaining, resets_at }
    })
}

/// Data Center's token bucket, on every reply: the same names, and another meaning.
fn tokens(reply: &Reply<'_>) -> Option<Budget> {
    let interval = reply.number("x-ratelimit-interval-seconds")?;
    Some(Budget {
        bucket: QUOTA.to_owned(),
        limit: reply.number("x-ratelimit-limit"),
        remaining: reply.number("x-ratelimit-remaining")?,
        resets_at: later(reply.at, interval.max(1)),
    })
}

/// One entry of a structured rate limit header.
struct Entry<'a> {
    name: &'a str,
    quota: Option<u64>,
    remaining: Option<u64>,
    seconds: Option<u64>,
}

fn entries(header: &str) -> Vec<Entry<'_>> {
    header.split(',').map(entry).collect()
}

fn entry(text: &str) -> Entry<'_> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().trim_matches('"');
    let mut entry = Entry { name, quota: None, remaining: None, seconds: None };
    for (key, value) in parts.filter_map(|part| part.split_once('=')) {
        match key {
            "q" => entry.quota = value.parse().ok(),
            "r" => entry.remaining = value.parse().ok(),
            "t" => entry.seconds = value.parse().ok(),
            _ => {}
        }
    }
    entry
}

fn later(at: Time, seconds: u64) -> Option<Time> {
    at.checked_add(SignedDuration::from_secs(i64::try_from(seconds).ok()?)).ok()
}

/// The next full hour.
fn next_hour(at: Time) -> Option<Time> {
    Time::from_second((at.as_second().div_euclid(3_600) + 1) * 3_600).ok()
}
