//! Cloud's search: bounded queries, pages one behind the other.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::jql::{Asked, Query};
use super::question::{Answer, Question, texts};
use super::refuse;
use super::show::Wanted;
use super::walk::{Behind, count, page};
use super::world::Slot;
use crate::wire::{Reply, Request};

/// What a search asks for.
pub(super) struct Search {
    jql: String,
    token: Option<String>,
    most: u64,
    wanted: Wanted,
    changelog: bool,
}

const PARAMETERS: [&str; 9] = [
    "jql",
    "nextPageToken",
    "maxResults",
    "fields",
    "expand",
    "properties",
    "fieldsByKeys",
    "failFast",
    "reconcileIssues",
];

/// The ids that the search must know of.
pub(super) fn reconciled(request: &Request, body: Option<&Value>) -> Vec<u64> {
    let listed = body.and_then(|body| body["reconcileIssues"].as_array());
    let from_body = listed.into_iter().flatten().filter_map(Value::as_u64);
    let from_query = request.raw_pairs().filter(|(key, _)| *key == "reconcileIssues");
    let from_query =
        from_query.flat_map(|(_, ids)| ids.split(',')).filter_map(|id| id.parse().ok());
    from_body.chain(from_query).collect()
}

impl Search {
    fn read(question: &Question<'_>) -> Result<Self, Reply> {
        match question.request.method.as_str() {
            "GET" => Self::from_query(question),
            _ => Self::from_body(question),
        }
    }

    fn from_query(question: &Question<'_>) -> Result<Self, Reply> {
        let request = question.request;
        let fields: Vec<String> = request
            .raw_pairs()
            .filter(|(key, _)| *key == "fields")
            .map(|(_, value)| crate::wire::decode(value))
            .collect();
        let most = match request.query("maxResults") {
            None => 50,
            Some(text) => text.parse().map_err(|_| refuse::payload())?,
        };
        Ok(Search {
            jql: request.query("jql").unwrap_or_default(),
            token: request.query("nextPageToken").filter(|token| !token.is_empty()),
            most,
            wanted: Wanted::read(&fields, "id"),
            changelog: request.query("expand").is_some_and(|e| e.contains("changelog")),
        })
    }

    fn from_body(question: &Question<'_>) -> Result<Self, Reply> {
        let body = question.object(&PARAMETERS)?;
        let text = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(refuse::payload()),
        };
        let most = match body.get("maxResults") {
            None | Some(Value::Null) => 50,
            Some(value) => value.as_u64().ok_or_else(refuse::payload)?,
        };
        Ok(Search {
            jql: text("jql")?.unwrap_or_default(),
            token: text("nextPageToken")?.filter(|token| !token.is_empty()),
            most,
            wanted: Wanted::read(&texts(body, "fields")?, "id"),
            changelog: text("expand")?.is_some_and(|expand| expand.contains("changelog")),
        })
    }
}

/// `search/jql`.
pub(super) fn search(question: &Question<'_>) -> Answer {
    let search = Search::read(question)?;
    if reconciled(question.request, question.body).len() > 50 {
        return Err(refuse::error(400, "reconcileIssues must not name more than 50 issues."));
    }
    let behind = match &search.token {
        None => None,
        Some(token) => Some(open(question, &search, token).ok_or_else(refuse::bad_token)?),
    };
    if !(1..=5_000).contains(&search.most) {
        return Err(refuse::error(400, "The maxResults parameter must be between 1 and 5000."));
    }
    if question.is_nobody() {
        return Ok((json!({ "issues": [], "isLast": true }).to_string(), 0));
    }
    let (query, asked) = read_bounded(question, &search.jql)?;
    let test = query.test(&asked).map_err(|messages| refuse::errors(400, &messages))?;
    let (found, more) = page(&query, &test, question.world, behind, room(question, &search));
    let mut out = String::from("{\"issues\":[");
    for (nth, slot) in found.iter().enumerate() {
        out.push_str(if nth == 0 { "" } else { "," });
        question.show.issue(&mut out, slot, &search.wanted, search.changelog);
    }
    out.push(']');
    if let Some(last) = found.last().filter(|_| more) {
        let again = question.due(question.behaviour.repeat_token_every);
        let token = match (&search.token, again) {
            (Some(token), true) => token.clone(),
            (Some(_) | None, _) => seal(question, &search, last),
        };
        let _ = write!(out, ",\"nextPageToken\":\"{token}\"");
    }
    let _ = write!(out, ",\"isLast\":{}}}", !more);
    Ok((out, found.len() as u64))
}

/// How long the page may be: the more is shown, the less.
fn room(question: &Question<'_>, search: &Search) -> usize {
    let behaviour = question.behaviour;
    let heavy = search.wanted.has_fields() || search.changelog;
    let most = if heavy { behaviour.page_of_fields } else { behaviour.page_of_ids };
    let mut room = most.min(search.most);
    if question.due(behaviour.short_page_every) {
        room = room.div_ceil(2);
    }
    usize::try_from(room.max(1)).unwrap_or(1)
}

/// Reads a query that must ask for something.
fn read_bounded<'a>(question: &Question<'a>, jql: &str) -> Result<(Query, Asked<'a>), Reply> {
    let query = Query::read(jql).map_err(|message| refuse::error(400, &message))?;
    if !query.is_bounded() {
        return Err(refuse::unbounded());
    }
    Ok((query, question.asked()))
}

/// `search/approximate-count`: off by up to 3 %, the same for the same number.
pub(super) fn approximate(question: &Question<'_>) -> Answer {
    let body = question.object(&["jql"])?;
    let jql = body.get("jql").and_then(Value::as_str).ok_or_else(refuse::payload)?;
    if question.is_nobody() {
        return Ok((json!({ "count": 0 }).to_string(), 0));
    }
    let (query, asked) = read_bounded(question, jql)?;
    let test = query.test(&asked).map_err(|messages| refuse::errors(400, &messages))?;
    let exact = count(&test, &asked);
    let off = hash(&exact) % 61;
    let guess = (exact * (970 + off)).div_ceil(1_000);
    Ok((json!({ "count": guess }).to_string(), 0))
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// A token is good for its query only.
fn seal(question: &Question<'_>, search: &Search, last: &Slot) -> String {
    let behind = Behind::of(last);
    let (project, number) = behind.key;
    let plain = format!(
        "v1:{:x}:{}:{}:{}:{project}:{number}",
        hash(&search.jql),
        question.now,
        behind.id,
        behind.indexed
    );
    URL_SAFE_NO_PAD.encode(plain)
}

fn open(question: &Question<'_>, search: &Search, token: &str) -> Option<Behind> {
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
    let mut parts = plain.strip_prefix("v1:")?.split(':');
    let same = u64::from_str_radix(parts.next()?, 16).ok()? == hash(&search.jql);
    let made: i64 = parts.next()?.parse().ok()?;
    let seconds = i64::try_from(question.behaviour.token_seconds).unwrap_or(i64::MAX / 1_000);
    let fresh = question.now - made <= seconds.saturating_mul(1_000);
    let id = parts.next()?.parse().ok()?;
    let indexed = parts.next()?.parse().ok()?;
    let key = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    (same && fresh).then_some(Behind { id, indexed, key })
}
