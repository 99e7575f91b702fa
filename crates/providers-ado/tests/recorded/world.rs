//! A small Azure DevOps in memory: as much of it as an import asks for.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jobctl_provider::{Answer, Body, Request, Time};
use serde_json::{Value, json};

use crate::{good, now, reply};

/// A work item.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) project: &'static str,
    pub(crate) title: String,
    pub(crate) comments: Vec<u64>,
    pub(crate) deleted: bool,
    changed: Time,
    rev: u64,
    /// The place in the reporting stream of its last revision.
    watermark: u64,
}

/// What happens while it is read.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Edit(u64),
    Add(u64),
    Delete(u64),
    Move(u64, &'static str),
    Comment(u64, u64),
}

pub(crate) const PROJECT: &str = "Shop";

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) items: BTreeMap<u64, Item>,
    pub(crate) at: Time,
    watermark: u64,
    /// Results of a query that are too many.
    pub(crate) cap: usize,
    /// Whether asking for few results makes a query of many a good one.
    pub(crate) top_helps: bool,
    /// The newest version of the interface.
    pub(crate) version: &'static str,
    /// Results that a query is cut to without a word.
    pub(crate) cut: usize,
    /// Revisions and comments of one page.
    pub(crate) page: usize,
    /// What happens before that request.
    pub(crate) script: BTreeMap<usize, Vec<Change>>,
    pub(crate) requests: usize,
    /// Requests by what they ask for.
    pub(crate) asked: BTreeMap<&'static str, usize>,
}

impl World {
    /// So many work items, every other id, of which every so-many-eth has two comments.
    pub(crate) fn of(count: u64, commented: u64) -> Self {
        let mut world = Self {
            items: BTreeMap::new(),
            at: now() - SignedDuration::from_hours(24 * 30),
            watermark: 0,
            cap: 20_000,
            top_helps: true,
            cut: usize::MAX,
            version: "7.1",
            page: 1_000,
            script: BTreeMap::new(),
            requests: 0,
            asked: BTreeMap::new(),
        };
        for n in 1..=count {
            world.change(&Change::Add(2 * n));
            if commented > 0 && n % commented == 0 {
                for comment in [10 * n, 10 * n + 1] {
                    world.change(&Change::Comment(2 * n, comment));
                }
            }
        }
        // Somebody else's, in between.
        world.change(&Change::Add(7));
        world.change(&Change::Move(7, "Other"));
        world.at = now();
        world
    }

    pub(crate) fn change(&mut self, change: &Change) {
        self.at += SignedDuration::from_secs(1);
        self.watermark += 1;
        let (at, watermark) = (self.at, self.watermark);
        let (Change::Edit(id)
        | Change::Add(id)
        | Change::Delete(id)
        | Change::Move(id, _)
        | Change::Comment(id, _)) = *change;
        let item = self.items.entry(id).or_insert_with(|| Item {
            project: PROJECT,
            title: format!("Item {id}"),
            comments: vec![],
            deleted: false,
            changed: at,
            rev: 0,
            watermark: 0,
        });
        item.rev += 1;
        item.changed = at;
        item.watermark = watermark;
        match *change {
            Change::Edit(_) => item.title = format!("Item {id} at {watermark}"),
            Change::Add(_) => {}
            Change::Delete(_) => item.deleted = true,
            Change::Move(_, project) => item.project = project,
            Change::Comment(_, comment) => item.comments.push(comment),
        }
    }

    /// The work items that an import must bring.
    pub(crate) fn living(&self) -> impl Iterator<Item = (&u64, &Item)> {
        self.items.iter().filter(|(_, item)| !item.deleted && item.project == PROJECT)
    }

    pub(crate) fn ask(&mut self, request: &Request) -> Answer {
        for change in self.script.remove(&self.requests).unwrap_or_default() {
            self.change(&change);
        }
        self.requests += 1;
        let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
        let version = query["api-version"].split('-').next().unwrap().to_owned();
        if version.as_str() > self.version {
            let message = format!(
                "The requested REST API version of {version} is out of range for this server. \
                 The latest REST API version this server supports is {}.",
                self.version
            );
            return refused(&message, "VssVersionOutOfRangeException");
        }
        let body: Value = match &request.body {
            Body::Json(body) => serde_json::from_str(body).unwrap(),
            Body::Empty => Value::Null,
        };
        let path: Vec<&str> = request.url.path().trim_matches('/').split('/').collect();
        let (what, answer) = match &path[1..] {
            ["_apis", "projects", name] => ("project", good(&json!({ "name": name }))),
            [_, "_apis", "wit", "workitemtypes"] => (
                "states",
                good(&json!({"value": [
                    {"name": "Bug", "states": [{"name": "Active", "category": "InProgress"}]},
                ]})),
            ),
            [_, "_apis", "wit", "wiql"] => {
                ("wiql", self.wiql(body["query"].as_str().unwrap(), &query))
            }
            [_, "_apis", "wit", "workitemsbatch"] => ("batch", self.batch(&body)),
            [_, "_apis", "wit", "reporting", "workitemrevisions"] => {
                ("stream", self.stream(&query))
            }
            [_, "_apis", "wit", "workItems", id, "comments"] => {
                ("comments", self.comments(id.parse().unwrap(), &query))
            }
            other => panic!("nobody knows {other:?}"),
        };
        *self.asked.entry(what).or_default() += 1;
        answer
    }

    fn wiql(&self, text: &str, query: &BTreeMap<String, String>) -> Answer {
        assert!(text.contains("[System.TeamProject] = @project"), "{text}");
        assert_eq!(query["timePrecision"], "true");
        let number = |sign: &str| -> Option<u64> {
            let rest = text.split(&format!("[System.Id] {sign} ")).nth(1)?;
            rest.split(' ').next()?.parse().ok()
        };
        let listed: Option<Vec<u64>> = text.split("[System.Id] IN (").nth(1).map(|rest| {
            let ids = rest.split(')').next().unwrap().split(", ");
            ids.map(|id| id.parse().unwrap()).collect()
        });
        let talk = text.contains("[System.CommentCount] > 0");
        let found: Vec<u64> = self
            .living()
            .filter(|(id, item)| {
                number(">").is_none_or(|after| **id > after)
                    && number("<=").is_none_or(|to| **id <= to)
                    && listed.as_ref().is_none_or(|listed| listed.contains(id))
                    && (!talk || !item.comments.is_empty())
            })
            .map(|(id, _)| *id)
            .collect();
        let top: usize = query["$top"].parse().unwrap();
        if found.len() > self.cap && (top > self.cap || !self.top_helps) {
            let message = format!(
                "VS402337: The number of work items returned exceeds the size limit of {}. \
                 Change the query to return fewer items.",
                self.cap
            );
            return refused(&message, "WorkItemTrackingQueryResultSizeLimitExceededException");
        }
        let rows: Vec<Value> =
            found.iter().take(top.min(self.cut)).map(|id| json!({ "id": id })).collect();
        self.answered(&json!({"queryType": "flat", "workItems": rows}))
    }

    fn batch(&self, body: &Value) -> Answer {
        let ids = body["ids"].as_array().unwrap();
        assert!(ids.len() <= 200 && body.get("fields").is_none(), "as the real one wants it");
        let row = |id: &Value| {
            let item = self.items.get(&id.as_u64()?)?;
            // Ids are the organisation's: a batch may well show another project's item.
            (!item.deleted).then(|| {
                json!({"id": id, "rev": item.rev, "fields": {
                    "System.WorkItemType": "Bug", "System.State": "Active",
                    "System.Title": item.title, "System.TeamProject": item.project,
                    "System.CommentCount": item.comments.len(),
                    "System.CreatedDate": "2026-01-01T10:00:00Z",
                    "System.ChangedDate": item.changed.to_string(),
                }})
            })
        };
        let rows: Vec<Value> = ids.iter().map(|id| row(id).unwrap_or(Value::Null)).collect();
        self.answered(&json!({"count": rows.len(), "value": rows}))
    }

    fn stream(&self, query: &BTreeMap<String, String>) -> Answer {
        let since: Option<Time> = query.get("startDateTime").map(|at| at.parse().unwrap());
        let token = query.get("continuationToken").map(|token| token.parse::<u64>().unwrap());
        assert!(since.is_none() || token.is_none(), "one or the other");
        assert_eq!(query["includeLatestOnly"], "true");
        let mut changed: Vec<(&u64, &Item)> = self
            .items
            .iter()
            .filter(|(_, item)| item.project == PROJECT)
            .filter(|(_, item)| {
                !item.deleted || query.get("includeDeleted").is_some_and(|is| is == "true")
            })
            .filter(|(_, item)| token.is_none_or(|token| item.watermark > token))
            .filter(|(_, item)| since.is_none_or(|since| item.changed > since))
            .collect();
        changed.sort_by_key(|(_, item)| item.watermark);
        let is_last = changed.len() <= self.page;
        changed.truncate(self.page);
        let end = if is_last { self.watermark } else { changed[self.page - 1].1.watermark };
        let row = |(id, item): &(&u64, &Item)| {
            let mut fields =
                json!({"System.Id": id, "System.ChangedDate": item.changed.to_string()});
            if item.deleted {
                fields["System.IsDeleted"] = json!(true);
            }
            json!({"id": id, "rev": item.rev, "fields": fields})
        };
        let rows: Vec<Value> = changed.iter().map(row).collect();
        self.answered(&json!({
            "values": rows, "continuationToken": end.to_string(), "isLastBatch": is_last,
        }))
    }

    fn comments(&self, id: u64, query: &BTreeMap<String, String>) -> Answer {
        let living = self.items.get(&id).filter(|item| !item.deleted && item.project == PROJECT);
        let Some(item) = living else {
            let message = format!("TF401232: Work item {id} does not exist.");
            return reply(404, &[], &json!({ "message": message }).to_string());
        };
        let start = query.get("continuationToken").map_or(0, |token| token.parse().unwrap());
        let end = item.comments.len().min(start + self.page);
        let row = |comment: &u64| {
            json!({"id": comment, "workItemId": id, "text": format!("Comment {comment}"),
                "format": "markdown", "createdDate": "2026-01-01T10:00:00Z"})
        };
        let rows: Vec<Value> = item.comments[start..end].iter().map(row).collect();
        let mut body = json!({"totalCount": item.comments.len(), "comments": rows});
        if end < item.comments.len() {
            body["continuationToken"] = json!(end.to_string());
        }
        self.answered(&body)
    }

    /// A good answer of the present.
    fn answered(&self, body: &Value) -> Answer {
        let date = httpdate::fmt_http_date(self.at.into());
        match good(body) {
            Answer::Reply { status, body, .. } => jobctl_provider::conformance::reply(
                status,
                &[("content-type", "application/json"), ("date", &date)],
                &body,
                self.at,
            ),
            fault @ Answer::Fault { .. } => fault,
        }
    }
}

fn refused(message: &str, key: &str) -> Answer {
    let body = json!({"$id": "1", "message": message, "typeKey": key, "errorCode": 0});
    reply(400, &[], &body.to_string())
}
