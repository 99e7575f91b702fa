//! A Jira in memory: one project, both editions, as strict as the real ones where it matters.

use std::collections::BTreeMap;

use jobctl_provider::conformance::{Form, Held, Stage};
use jobctl_provider::{Answer, Body, Request, Time};
use serde_json::{Value, json};

use crate::{json as good, reply};

/// An issue: when it last changed, in milliseconds, and the ids of its comments.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) updated: i64,
    pub(crate) comments: Vec<u64>,
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) rows: BTreeMap<u64, Row>,
    /// Milliseconds.
    pub(crate) now: i64,
    /// Comments that come with an issue at most.
    pub(crate) inline: usize,
    /// Names a page at most.
    pub(crate) names: usize,
    /// Issues a page of Data Center at most.
    pub(crate) page: usize,
    /// Offsets that Data Center answers at most.
    pub(crate) window: usize,
    /// Issues that cannot be given together with more than so many others.
    pub(crate) heavy: Option<(u64, usize)>,
    /// Requests that were answered, by path.
    pub(crate) asked: BTreeMap<String, usize>,
}

impl World {
    pub(crate) fn new(rows: BTreeMap<u64, Row>) -> Self {
        Self {
            rows,
            now: 1_800_000_000_000,
            inline: 20,
            names: 5_000,
            page: 1_000,
            window: 10_000,
            heavy: None,
            asked: BTreeMap::new(),
        }
    }

    /// So many issues with three comments each.
    pub(crate) fn of(issues: u64) -> Self {
        let row = |number: u64| {
            let at = i64::try_from(number).unwrap() * 60_000 + 1_600_000_000_000;
            (number, Row { updated: at, comments: (0..3).map(|n| number * 1_000 + n).collect() })
        };
        Self::new((1..=issues).map(row).collect())
    }

    fn id(number: u64) -> u64 {
        number + 10_000
    }

    fn issue(&self, number: u64, fields: &[String], rich: bool) -> Value {
        let row = &self.rows[&number];
        let mut issue =
            json!({ "id": Self::id(number).to_string(), "key": format!("PAY-{number}") });
        if !fields.iter().any(|field| field == "*all") {
            return issue;
        }
        let body: Value = if rich {
            json!({"type": "doc", "version": 1, "content": [
                {"type": "paragraph", "content": [{"type": "text", "text": "Why"}]}]})
        } else {
            json!("h3. Why")
        };
        issue["fields"] = json!({
            "summary": format!("at {}", row.updated),
            "description": body,
            "issuetype": {"name": "Story", "subtask": false, "hierarchyLevel": 0},
            "status": {"name": "To Do", "statusCategory": {"key": "new"}},
            "created": "2020-01-01T01:00:00.000+0100",
            "updated": Time::from_millisecond(row.updated)
                .unwrap().strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string(),
            "reporter": {"accountId": "1", "displayName": "Ann"},
            "labels": [],
            "customfield_10016": 5.0,
        });
        if !fields.iter().any(|field| field == "-comment") {
            let inline = if rich { self.inline } else { usize::MAX };
            let inline: Vec<Value> =
                row.comments.iter().take(inline).map(|id| comment(*id, rich)).collect();
            issue["fields"]["comment"] = json!({
                "comments": inline, "total": row.comments.len(), "startAt": 0,
            });
        }
        issue
    }

    fn listed(&self, jql: &str) -> Vec<u64> {
        let since: i64 = after(jql, "updated >= ").map_or(0, |since| since.parse().unwrap());
        let mut numbers: Vec<u64> = self
            .rows
            .iter()
            .filter(|(_, row)| row.updated >= since)
            .map(|(number, _)| *number)
            .collect();
        if jql.contains("updated DESC") {
            numbers.sort_by_key(|number| -self.rows[number].updated);
        }
        numbers
    }

    /// The page behind a token, which names the last issue of the page before.
    fn names(&self, body: &Value) -> Answer {
        let jql = body["jql"].as_str().unwrap();
        let listed = self.listed(jql);
        let most = usize::try_from(body["maxResults"].as_u64().unwrap()).unwrap().min(self.names);
        let start = match body.get("nextPageToken").and_then(Value::as_str) {
            None => 0,
            Some(token) => {
                let last: u64 = token.strip_prefix("behind ").unwrap().parse().unwrap();
                match listed.iter().position(|number| *number == last) {
                    Some(at) => at + 1,
                    None => listed.iter().position(|n| *n > last).unwrap_or(listed.len()),
                }
            }
        };
        let page = &listed[start..listed.len().min(start + most)];
        let issues: Vec<Value> = page.iter().map(|number| self.issue(*number, &[], true)).collect();
        let mut answer = json!({ "issues": issues, "isLast": start + page.len() >= listed.len() });
        if let Some(last) = page.last().filter(|_| start + page.len() < listed.len()) {
            answer["nextPageToken"] = json!(format!("behind {last}"));
        }
        good(&answer)
    }

    fn bulk(&self, body: &Value) -> Answer {
        let keys = body["issueIdsOrKeys"].as_array().unwrap();
        if keys.is_empty() || keys.len() > 100 {
            return reply(400, &[], r#"{"errorMessages":["Up to 100 issues can be requested"]}"#);
        }
        let fields = strings(&body["fields"]);
        let numbers = keys.iter().map(|key| number(key.as_str().unwrap()));
        let mut numbers: Vec<u64> = numbers.filter(|n| self.rows.contains_key(n)).collect();
        numbers.sort_unstable();
        let mut errors = vec![];
        if let Some((heavy, most)) = self.heavy
            && keys.len() > most
            && numbers.contains(&heavy)
        {
            numbers.retain(|number| *number != heavy);
            let id = Self::id(heavy).to_string();
            errors.push(json!({ "id": id, "errorMessage": "The payload is too large" }));
        }
        let issues: Vec<Value> = numbers.iter().map(|n| self.issue(*n, &fields, true)).collect();
        good(&json!({ "issues": issues, "issueErrors": errors }))
    }

    /// A page of Data Center.
    fn page(&self, body: &Value) -> Answer {
        let start = usize::try_from(body["startAt"].as_u64().unwrap_or(0)).unwrap();
        let most = usize::try_from(body["maxResults"].as_u64().unwrap_or(50)).unwrap();
        let most = most.min(self.page);
        if start + most > self.window {
            let why = "Search limit exceeded. We couldn't complete your search";
            return reply(500, &[], &json!({ "errorMessages": [why] }).to_string());
        }
        let jql = body["jql"].as_str().unwrap();
        let mut listed = self.listed(jql);
        if let Some(key) = after(jql, "key > ") {
            let key = key.trim_matches('"');
            if !self.rows.contains_key(&number(key)) {
                let why = format!("An issue with key '{key}' does not exist for field 'key'.");
                return reply(400, &[], &json!({ "errorMessages": [why] }).to_string());
            }
            listed.retain(|n| *n > number(key));
        }
        let fields = strings(&body["fields"]);
        let page = listed.iter().skip(start).take(most);
        let issues: Vec<Value> = page.map(|number| self.issue(*number, &fields, false)).collect();
        let total = listed.len();
        good(&json!({ "issues": issues, "total": total, "startAt": start, "maxResults": most }))
    }

    fn comments(&self, number: u64, request: &Request, rich: bool) -> Answer {
        let Some(row) = self.rows.get(&number) else { return absent() };
        let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
        let start: usize = query["startAt"].parse().unwrap();
        let most: usize = query["maxResults"].parse::<usize>().unwrap().min(100);
        let page: Vec<Value> =
            row.comments.iter().skip(start).take(most).map(|id| comment(*id, rich)).collect();
        good(&json!({ "comments": page, "total": row.comments.len(), "startAt": start }))
    }

    fn histories(&self, body: &Value) -> Answer {
        let ids = strings(&body["issueIdsOrKeys"]);
        let ids = ids.iter().map(|id| id.parse::<u64>().unwrap());
        let known = ids.filter(|id| self.rows.contains_key(&(id - 10_000)));
        let logs: Vec<Value> = known
            .map(|id| {
                let part = json!({"field": "status", "fromString": "To Do", "toString": "Done"});
                let change = json!({"id": id.to_string(), "created": 1_600_000_000_000_i64,
                    "author": {"displayName": "Ann"}, "items": [part, part]});
                json!({ "issueId": id.to_string(), "changeHistories": [change] })
            })
            .collect();
        good(&json!({ "issueChangeLogs": logs }))
    }

    pub(crate) fn requests(&self) -> usize {
        self.asked.values().sum()
    }
}

impl Stage for World {
    fn answer(&mut self, request: &Request) -> Answer {
        let path = request.url.path();
        let path = path.split_once("/rest/api/").unwrap().1.to_owned();
        *self.asked.entry(path.clone()).or_default() += 1;
        let body: Value = match &request.body {
            Body::Json(text) => serde_json::from_str(text).unwrap(),
            Body::Empty => Value::Null,
        };
        let mut answer = match path.split('/').collect::<Vec<_>>()[..] {
            [_, "myself"] => good(&json!({ "accountId": "1", "displayName": "Ann" })),
            [_, "field"] => good(&json!([
                {"id": "summary", "name": "Summary", "custom": false},
                {"id": "customfield_10016", "name": "Story Points", "custom": true},
            ])),
            ["3", "search", "jql"] => self.names(&body),
            ["3", "search", "approximate-count"] => {
                let count = self.listed(body["jql"].as_str().unwrap()).len();
                good(&json!({ "count": count + count / 50 }))
            }
            ["3", "issue", "bulkfetch"] => self.bulk(&body),
            ["3", "changelog", "bulkfetch"] => self.histories(&body),
            ["2", "search"] => self.page(&body),
            [_, "project", "PAY"] => good(&json!({ "key": "PAY" })),
            [version, "issue", key, "comment"] => {
                self.comments(number(key), request, version == "3")
            }
            ["2", "issue", key] if self.rows.contains_key(&number(key)) => {
                good(&self.issue(number(key), &["*all".to_owned()], false))
            }
            _ => absent(),
        };
        if let Answer::Reply { headers, .. } = &mut answer {
            let date = std::time::SystemTime::from(Time::from_millisecond(self.now).unwrap());
            *headers = [("date", httpdate::fmt_http_date(date))].into_iter().collect();
        }
        answer
    }

    fn truth(&self) -> Held {
        let mut held = Held::default();
        for (number, row) in &self.rows {
            let key = format!("PAY-{number}");
            held.issues.insert(key.clone(), format!("at {}", row.updated));
            held.comments.extend(row.comments.iter().map(|id| (key.clone(), id.to_string())));
        }
        held
    }

    fn limits(&self, _good: &Answer) -> Vec<Form> {
        let words = r#"{"errorMessages":["The request has been rate-limited."],"errors":{}}"#;
        let form = |name: &str, status, headers: &[(&str, &str)], body: &str| Form {
            name: name.to_owned(),
            answer: reply(status, headers, body),
        };
        vec![
            form(
                "burst",
                429,
                &[("retry-after", "1"), ("ratelimit-reason", "jira-burst-based")],
                words,
            ),
            form("quota", 429, &[("ratelimit-reason", "jira-quota-tenant-based")], words),
            form("page", 429, &[], "<html><body>HTTP Status 429</body></html>"),
            form("unavailable", 503, &[("retry-after", "7")], ""),
        ]
    }

    fn refusals(&self, answer: &Answer) -> Vec<Form> {
        let mut stranger = answer.clone();
        if let Answer::Reply { headers, .. } = &mut stranger {
            let reason = [("x-seraph-loginreason", "AUTHENTICATED_FAILED")];
            *headers = reason.into_iter().collect();
        }
        vec![
            Form { name: "a stranger's answer".to_owned(), answer: stranger },
            Form { name: "a 401".to_owned(), answer: reply(401, &[], "{}") },
        ]
    }

    fn spoil(&self, answer: &Answer) -> Option<Answer> {
        let Answer::Reply { body, .. } = answer else { return None };
        let mut body: Value = serde_json::from_slice(body).ok()?;
        let issue = body.get_mut("issues")?.as_array_mut()?.first_mut()?;
        *issue.get_mut("fields")?.get_mut("updated")? = json!("yesterday");
        Some(good(&body))
    }
}

fn comment(id: u64, rich: bool) -> Value {
    let body: Value = if rich {
        json!({"type": "doc", "content": [
            {"type": "paragraph", "content": [{"type": "text", "text": "hi"}]}]})
    } else {
        json!("hi")
    };
    json!({
        "id": id.to_string(), "author": {"displayName": "Bob"}, "body": body,
        "created": "2020-01-01T01:00:00.000+0100", "updated": "2020-01-01T01:00:00.000+0100",
    })
}

fn absent() -> Answer {
    let why = "Issue does not exist or you do not have permission to see it.";
    reply(404, &[], &json!({ "errorMessages": [why], "errors": {} }).to_string())
}

fn number(key: &str) -> u64 {
    key.rsplit_once('-').unwrap().1.parse().unwrap()
}

fn strings(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
}

/// The word of a query behind another.
fn after<'q>(jql: &'q str, words: &str) -> Option<&'q str> {
    jql.split_once(words)?.1.split(' ').next()
}
