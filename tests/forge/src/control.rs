//! Control by HTTP, for tests in another process. Bodies are JSON.
//!
//! | request | |
//! |---|---|
//! | `GET /_forge/info` | `{url, other_url, tokens}` |
//! | `GET /_forge/log[?after=SEQ]` | the log, see [`crate::Entry`] |
//! | `DELETE /_forge/log` | empties it; numbers go on |
//! | `GET /_forge/summary` | counts of the log: by endpoint and status, most in flight, limits |
//! | `GET /_forge/truth?repo=OWNER/NAME` | the present state, see [`crate::Truth`] |
//! | `POST /_forge/edit` | `{repo, action, …}`, see [`crate::Change`] |
//! | `GET /_forge/configure` | the present [`crate::Behaviour`] |
//! | `POST /_forge/configure` | part of it; objects are merged, everything else replaced |
//! | `POST /_forge/advance` | `{seconds}`: puts the clock forward |
//! | `POST /_forge/secondary` | `{seconds, style?}`: a secondary limit for the first token, now |
//! | `POST /_forge/spend` | `{remaining}`: uses up the first token's primary limit |
//! | `POST /_forge/reset_limits` | forgets all counts and blocks |
//! | `GET /_forge/jira/truth?project=KEY` | see [`crate::jira::JiraTruth`] |
//! | `POST /_forge/jira/edit` | `{action, …}`, see [`crate::jira::JiraChange`] |
//! | `GET /_forge/jira/configure` | the present [`crate::jira::JiraBehaviour`] |
//! | `POST /_forge/jira/configure` | part of it |
//! | `GET /_forge/ado/truth?project=ORG/PROJECT` | see [`crate::ado::AdoTruth`] |
//! | `POST /_forge/ado/edit` | `{organisation, action, …}`, see [`crate::ado::AdoChange`] |
//! | `GET /_forge/ado/configure` | the present [`crate::ado::AdoBehaviour`] |
//! | `POST /_forge/ado/configure` | part of it |

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::ado::{Ado, AdoBehaviour, AdoChange};
use crate::behaviour::{Behaviour, SecondaryStyle};
use crate::jira::{Jira, JiraBehaviour, JiraChange};
use crate::limits::{Charge, LimitKind, Who};
use crate::log::Entry;
use crate::shared::{Shared, locked};
use crate::wire::{Reply, Request};
use crate::world::change::Change;

/// Answers one control request.
pub(crate) fn answer(shared: &Arc<Shared>, request: &Request) -> Reply {
    let body = if request.body.is_empty() {
        Value::Null
    } else {
        match serde_json::from_slice(&request.body) {
            Ok(body) => body,
            Err(error) => return wrong(&error.to_string()),
        }
    };
    let name = request.path().trim_start_matches("/_forge/");
    let answered = match (request.method.as_str(), name) {
        ("GET", "info") => Ok(info(shared)),
        ("GET", "log") => Ok(log(shared, request)),
        ("DELETE", "log") => {
            locked(&shared.log).clear();
            Ok(Value::Null)
        }
        ("GET", "summary") => Ok(summary(&locked(&shared.log).after(0))),
        ("GET", "truth") => truth(shared, request),
        ("POST", "edit") => edit(shared, body),
        ("GET", "configure") => Ok(json!(shared.behaviour())),
        ("POST", "configure") => configure(shared, body),
        ("POST", "advance") => advance(shared, &body),
        ("POST", "secondary") => secondary(shared, &body),
        ("POST", "spend") => spend(shared, &body),
        ("POST", "reset_limits") => {
            locked(&shared.meter).reset();
            Ok(Value::Null)
        }
        ("GET", "jira/truth") => jira_truth(shared, request),
        ("POST", "jira/edit") => jira_edit(shared, body),
        ("GET", "jira/configure") => jira(shared).map(|jira| json!(jira.behaviour())),
        ("POST", "jira/configure") => jira_configure(shared, body),
        ("GET", "ado/truth") => ado_truth(shared, request),
        ("POST", "ado/edit") => ado_edit(shared, body),
        ("GET", "ado/configure") => ado(shared).map(|ado| json!(ado.behaviour())),
        ("POST", "ado/configure") => ado_configure(shared, body),
        _ => return Reply::json(404, "{\"error\":\"no such control\"}"),
    };
    match answered {
        Ok(value) => Reply::json(200, value.to_string()),
        Err(text) => wrong(&text),
    }
}

fn wrong(text: &str) -> Reply {
    Reply::json(400, json!({ "error": text }).to_string())
}

fn info(shared: &Shared) -> Value {
    json!({ "url": shared.url, "other_url": shared.other_url, "tokens": shared.tokens })
}

fn log(shared: &Shared, request: &Request) -> Value {
    let after = request.query("after").and_then(|text| text.parse().ok()).unwrap_or(0);
    json!(locked(&shared.log).after(after))
}

/// Counts what tests ask for most.
pub(crate) fn summary(entries: &[Entry]) -> Value {
    let mut endpoints: BTreeMap<String, BTreeMap<u16, u64>> = BTreeMap::new();
    for entry in entries {
        let statuses = endpoints.entry(entry.endpoint.clone()).or_default();
        *statuses.entry(entry.status).or_default() += 1;
    }
    let limited = |kind| entries.iter().filter(|e| e.limited == Some(kind)).count();
    json!({
        "requests": entries.len(),
        "endpoints": endpoints,
        "max_in_flight": entries.iter().map(|entry| entry.in_flight).max(),
        "limited_primary": limited(LimitKind::Primary),
        "limited_secondary": limited(LimitKind::Secondary),
        "while_limited": entries.iter().filter(|entry| entry.while_limited).count(),
        "bytes": entries.iter().map(|entry| entry.bytes).sum::<u64>(),
    })
}

fn truth(shared: &Shared, request: &Request) -> Result<Value, String> {
    let repo = request.query("repo").ok_or("repo is missing")?;
    let truth = locked(&shared.world).truth(&repo);
    truth.map(|truth| json!(truth)).ok_or_else(|| format!("no repository {repo}"))
}

fn edit(shared: &Shared, mut body: Value) -> Result<Value, String> {
    let fields = body.as_object_mut().ok_or("not an object")?;
    let repo = fields.remove("repo").ok_or("repo is missing")?;
    let repo = repo.as_str().ok_or("repo is not a text")?.to_owned();
    let change: Change = serde_json::from_value(body).map_err(|error| error.to_string())?;
    let now = shared.clock.now();
    let changed = locked(&shared.world).change(&repo, &change, now);
    changed.map(|changed| json!(changed)).map_err(|error| error.to_string())
}

fn configure(shared: &Shared, body: Value) -> Result<Value, String> {
    let mut behaviour = locked(&shared.behaviour);
    let mut whole = json!(*behaviour);
    merge(&mut whole, body);
    let new: Behaviour = serde_json::from_value(whole).map_err(|error| error.to_string())?;
    *behaviour = new;
    Ok(json!(*behaviour))
}

fn jira(shared: &Shared) -> Result<&Jira, String> {
    shared.jira.as_ref().ok_or_else(|| "there is no Jira".to_owned())
}

fn jira_truth(shared: &Shared, request: &Request) -> Result<Value, String> {
    let project = request.query("project").ok_or("project is missing")?;
    let truth = jira(shared)?.truth(&project);
    truth.map(|truth| json!(truth)).ok_or_else(|| format!("no project {project}"))
}

fn jira_edit(shared: &Shared, body: Value) -> Result<Value, String> {
    let change: JiraChange = serde_json::from_value(body).map_err(|error| error.to_string())?;
    let changed = jira(shared)?.change(&change);
    changed.map(|changed| json!(changed)).map_err(|error| error.to_string())
}

fn jira_configure(shared: &Shared, body: Value) -> Result<Value, String> {
    let jira = jira(shared)?;
    let mut whole = json!(jira.behaviour());
    merge(&mut whole, body);
    let new: JiraBehaviour = serde_json::from_value(whole).map_err(|error| error.to_string())?;
    jira.configure(|behaviour| *behaviour = new);
    Ok(json!(jira.behaviour()))
}

fn ado(shared: &Shared) -> Result<&Ado, String> {
    shared.ado.as_ref().ok_or_else(|| "there is no Azure DevOps".to_owned())
}

fn ado_truth(shared: &Shared, request: &Request) -> Result<Value, String> {
    let name = request.query("project").ok_or("project is missing")?;
    let (organisation, project) = name.split_once('/').ok_or("project is ORG/PROJECT")?;
    let truth = ado(shared)?.truth(organisation, project);
    truth.map(|truth| json!(truth)).ok_or_else(|| format!("no project {name}"))
}

fn ado_edit(shared: &Shared, mut body: Value) -> Result<Value, String> {
    let fields = body.as_object_mut().ok_or("not an object")?;
    let organisation = fields.remove("organisation").ok_or("organisation is missing")?;
    let organisation = organisation.as_str().ok_or("organisation is not a text")?.to_owned();
    let change: AdoChange = serde_json::from_value(body).map_err(|error| error.to_string())?;
    let changed = ado(shared)?.change(&organisation, &change);
    changed.map(|changed| json!(changed)).map_err(|error| error.to_string())
}

fn ado_configure(shared: &Shared, body: Value) -> Result<Value, String> {
    let ado = ado(shared)?;
    let mut whole = json!(ado.behaviour());
    merge(&mut whole, body);
    let new: AdoBehaviour = serde_json::from_value(whole).map_err(|error| error.to_string())?;
    ado.configure(|behaviour| *behaviour = new);
    Ok(json!(ado.behaviour()))
}

fn merge(whole: &mut Value, part: Value) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (key, value) in part {
                merge(whole.entry(key).or_insert(Value::Null), value);
            }
        }
        (
            whole,
            part @ (Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_)),
        ) => *whole = part,
    }
}

fn seconds(body: &Value) -> Result<f64, String> {
    body["seconds"].as_f64().filter(|s| *s >= 0.0).ok_or_else(|| "seconds is missing".to_owned())
}

fn advance(shared: &Shared, body: &Value) -> Result<Value, String> {
    let by = Duration::try_from_secs_f64(seconds(body)?).map_err(|error| error.to_string())?;
    shared.clock.advance(by);
    Ok(Value::Null)
}

fn secondary(shared: &Shared, body: &Value) -> Result<Value, String> {
    let style = match body.get("style") {
        None => SecondaryStyle::Seconds,
        Some(style) => serde_json::from_value(style.clone()).map_err(|error| error.to_string())?,
    };
    let now = shared.clock.now_ms();
    locked(&shared.meter).block(Who::Token(0), style, seconds(body)?, now);
    Ok(Value::Null)
}

fn spend(shared: &Shared, body: &Value) -> Result<Value, String> {
    let remaining = body["remaining"].as_u64().ok_or("remaining is missing")?;
    spend_first(shared, remaining);
    Ok(Value::Null)
}

/// Leaves the first token this many requests of its window.
pub(crate) fn spend_first(shared: &Shared, remaining: u64) {
    let charge = Charge {
        who: Who::Token(0),
        endpoint: "",
        points: 0,
        free: true,
        limit: shared.tokens.first().and_then(|token| token.limit),
        now_ms: shared.clock.now_ms(),
        uptime_ms: shared.clock.uptime_ms(),
    };
    let limits = shared.behaviour().limits;
    locked(&shared.meter).spend(&limits, &charge, remaining);
}
