//! Deciding which fault happens to a request, and doing it.

use crate::behaviour::{Fault, FaultRule, Firing};
use crate::github::refuse;
use crate::wire::{Cut, Reply};

/// How many requests each rule has matched.
#[derive(Debug, Default)]
pub(crate) struct FaultCount {
    rules: Vec<FaultRule>,
    matched: Vec<u64>,
}

impl FaultCount {
    /// The fault of a request to this target. Counts start anew when the rules change.
    pub(crate) fn pick(&mut self, rules: &[FaultRule], target: &str) -> Option<Fault> {
        if self.rules != rules {
            self.rules = rules.to_vec();
            self.matched = vec![0; rules.len()];
        }
        let mut chosen = None;
        for (rule, matched) in rules.iter().zip(&mut self.matched) {
            if rule.path.as_ref().is_some_and(|part| !target.contains(part.as_str())) {
                continue;
            }
            *matched += 1;
            let fires = match rule.firing {
                Firing::Every(k) => k > 0 && matched.is_multiple_of(k),
                Firing::Next(n) => *matched <= n,
                Firing::Nth(n) => *matched == n,
                Firing::Always => true,
            };
            if fires && chosen.is_none() {
                chosen = Some(rule.fault);
            }
        }
        chosen
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
        Fault::ShortPage => {
            if let Ok(serde_json::Value::Array(mut items)) = serde_json::from_slice(&reply.body) {
                items.truncate(items.len() / 2);
                reply.body = serde_json::Value::Array(items).to_string().into_bytes();
            }
        }
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
}
