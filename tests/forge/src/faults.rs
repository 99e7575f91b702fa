//! Deciding which fault happens to a request, and doing it.

use serde_json::Value;

use crate::behaviour::{Fault, FaultRule, Firing};
use crate::github::refuse;
use crate::rules::{Rule, RuleCount};
use crate::wire::{Cut, Reply};

/// How many requests each rule has matched.
#[derive(Debug, Default)]
pub(crate) struct FaultCount(RuleCount<FaultRule>);

impl Rule for FaultRule {
    fn firing(&self) -> Firing {
        self.firing
    }

    fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

impl FaultCount {
    /// The fault of a request to this target.
    pub(crate) fn pick(&mut self, rules: &[FaultRule], target: &str) -> Option<Fault> {
        self.0.pick(rules, target).map(|rule| rule.fault)
    }
}

/// The reply that takes the place of the right one, for faults that need no right one.
pub(crate) fn instead(fault: Fault, other_url: &str, target: &str) -> Option<Reply> {
    match fault {
        Fault::Status(status) => Some(refuse::broken(status)),
        Fault::Html502 => Some(Reply::html(502, PAGE_502)),
        Fault::Html200 => Some(Reply::html(200, PAGE_200)),
        Fault::Forbidden => Some(refuse::not_allowed()),
        Fault::RedirectElsewhere => {
            let location = format!("{other_url}{target}");
            Some(Reply::json(302, "{\"message\":\"Found\"}").with("location", location))
        }
        Fault::DropBeforeHead | Fault::Stall => {
            let mut reply = Reply::new(0);
            reply.cut = if fault == Fault::Stall { Cut::Stall } else { Cut::BeforeHead };
            Some(reply)
        }
        Fault::Slow(_)
        | Fault::LoseReply
        | Fault::DropAfterHead
        | Fault::DropMidBody
        | Fault::TruncatedJson
        | Fault::LinkElsewhere
        | Fault::ShortPage => None,
    }
}

/// Spoils a right reply.
pub(crate) fn spoil(fault: Fault, reply: &mut Reply, url: &str, other_url: &str) {
    match fault {
        Fault::LoseReply => reply.cut = Cut::BeforeHead,
        Fault::DropAfterHead => reply.cut = Cut::AfterHead,
        Fault::DropMidBody => reply.cut = Cut::MidBody,
        Fault::TruncatedJson => reply.body.truncate(reply.body.len() / 2),
        Fault::LinkElsewhere => {
            for (_, value) in reply.headers.iter_mut().filter(|(name, _)| name == "link") {
                *value = value.replace(url, other_url);
            }
        }
        Fault::ShortPage => shorten(reply),
        Fault::Slow(_)
        | Fault::Status(_)
        | Fault::Html502
        | Fault::Html200
        | Fault::Forbidden
        | Fault::RedirectElsewhere
        | Fault::DropBeforeHead
        | Fault::Stall => {}
    }
}

/// The names of the lists in the envelopes of Jira and Azure DevOps.
const LISTS: [&str; 6] = ["value", "values", "comments", "workItems", "issues", "issueChangeLogs"];

/// Cuts a list to its first half, bare or in its envelope.
fn shorten(reply: &mut Reply) {
    let Ok(mut body) = serde_json::from_slice::<Value>(&reply.body) else { return };
    let half = |items: &mut Vec<Value>| items.truncate(items.len() / 2);
    match &mut body {
        Value::Array(items) => half(items),
        Value::Object(envelope) => {
            for name in LISTS {
                envelope.get_mut(name).and_then(Value::as_array_mut).into_iter().for_each(half);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
    }
    reply.body = body.to_string().into_bytes();
    // A tag is of what is sent.
    for (name, tag) in &mut reply.headers {
        if name.eq_ignore_ascii_case("etag") {
            *tag = tag.replacen('"', "\"half-", 1);
        }
    }
}

const PAGE_502: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";

const PAGE_200: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\
    <body><form action=\"/login\" method=\"post\">Please sign in</form></body></html>\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(firing: Firing, path: Option<&str>) -> FaultRule {
        FaultRule { fault: Fault::Status(500), firing, path: path.map(str::to_owned) }
    }

    fn fired(rules: &[FaultRule], targets: &[&str]) -> Vec<bool> {
        let mut count = FaultCount::default();
        targets.iter().map(|target| count.pick(rules, target).is_some()).collect()
    }

    #[test]
    fn every_next_and_nth_count_only_what_matches() {
        let targets = ["/a", "/b", "/a", "/a"];
        assert_eq!(
            fired(&[rule(Firing::Every(2), Some("/a"))], &targets),
            [false, false, true, false]
        );
        assert_eq!(
            fired(&[rule(Firing::Next(2), Some("/a"))], &targets),
            [true, false, true, false]
        );
        assert_eq!(fired(&[rule(Firing::Nth(2), None)], &targets), [false, true, false, false]);
    }

    #[test]
    fn a_short_page_is_half_as_long_with_and_without_an_envelope() {
        for (whole, half) in [
            ("[1,2,3,4]", "[1,2]"),
            (r#"{"issues":[1,2],"isLast":true}"#, r#"{"isLast":true,"issues":[1]}"#),
            (r#"{"count":2,"value":[1,2]}"#, r#"{"count":2,"value":[1]}"#),
            ("not JSON", "not JSON"),
        ] {
            let mut reply = Reply::json(200, whole);
            spoil(Fault::ShortPage, &mut reply, "", "");
            let read = |body: &[u8]| serde_json::from_slice::<Value>(body).ok();
            assert_eq!(read(&reply.body), read(half.as_bytes()), "{whole}");
        }
    }
}
