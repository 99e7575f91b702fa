//! Whose credential it is, what it may do, and until when.

use jobctl_provider::{Fact, Refusal, Step, Time, line};

use crate::ask::text;
use crate::page::object;
use crate::reply::Reply;
use crate::single::rest;
use crate::verdict::check;

/// Reads `GET /user`. Tokens of an app's installation belong to nobody and are refused there,
/// with words of their own.
pub(crate) fn read(reply: &Reply<'_>) -> Result<Step, Refusal> {
    let name = match check(reply) {
        Ok(()) => {
            let user = object(reply)?;
            let login = text(&user, "login").map(|login| line(login, 100));
            login.ok_or_else(|| Refusal::Malformed {
                message: "the account has no login".to_owned(),
            })?
        }
        Err(Refusal::Forbidden { message, .. }) if message.contains("by integration") => {
            "an app's installation".to_owned()
        }
        Err(refusal) => return Err(refusal),
    };
    let scopes = reply.headers.get("x-oauth-scopes").unwrap_or_default();
    let scopes = scopes.split(',').map(|scope| line(scope, 60)).filter(|scope| !scope.is_empty());
    let ends = reply.headers.get("github-authentication-token-expiration").and_then(expiration);
    let fact = Fact::Identity { name, scopes: scopes.collect(), expires_at: ends };
    Ok(Step { facts: vec![fact], ..rest(reply) })
}

/// `2026-12-31 10:00:00 UTC`, or with an offset instead of the zone's name.
fn expiration(value: &str) -> Option<Time> {
    let (moment, zone) = value.trim().rsplit_once(' ')?;
    let offset = if zone == "UTC" { "+0000" } else { zone };
    let parsed = jiff::fmt::strtime::parse("%Y-%m-%d %H:%M:%S %z", format!("{moment} {offset}"));
    parsed.ok()?.to_timestamp().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_end_are_read() {
        let end: Time = "2026-12-31T10:00:00Z".parse().unwrap();
        assert_eq!(expiration("2026-12-31 10:00:00 UTC"), Some(end));
        assert_eq!(expiration("2026-12-31 12:00:00 +0200"), Some(end));
        assert_eq!(expiration("never"), None);
    }
}
