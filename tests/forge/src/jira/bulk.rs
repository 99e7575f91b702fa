//! Many issues, changelogs or comments by one request.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::question::{Answer, Question, texts};
use super::refuse;
use super::show::Wanted;
use super::world::Slot;
use super::world::issue::{Comment, History};
use crate::wire::Reply;

/// Ids or keys of a body, as texts.
fn named(body: &Map<String, Value>) -> Result<Vec<String>, Reply> {
    let named = texts(body, "issueIdsOrKeys")?;
    if named.is_empty() {
        return Err(refuse::error(400, "issueIdsOrKeys must not be empty."));
    }
    Ok(named)
}

/// The issues there are of these, by ascending id, each once.
fn found<'a>(question: &Question<'a>, named: &[String]) -> Vec<&'a Slot> {
    if question.is_nobody() {
        return Vec::new();
    }
    let mut found: Vec<&Slot> = named.iter().filter_map(|word| question.world.find(word)).collect();
    found.sort_by_key(|slot| slot.id);
    found.dedup_by_key(|slot| slot.id);
    found
}

/// `issue/bulkfetch`: what is not found is left out without a word.
pub(super) fn issues(question: &mut Question<'_>) -> Answer {
    let parameters = ["issueIdsOrKeys", "fields", "expand", "properties", "fieldsByKeys"];
    let body = question.object(&parameters)?;
    let named = named(body)?;
    let wanted = Wanted::read(&texts(body, "fields")?, "*navigable");
    let expand = texts(body, "expand")?;
    let light = wanted.is_light() && expand.iter().all(|e| e == "names" || e == "schema");
    let most = if light && question.behaviour.bulk_thousand { 1_000 } else { 100 };
    if named.len() > most {
        let message = format!("The number of issues to be fetched must not exceed {most}.");
        return Err(refuse::error(400, &message));
    }
    let changelog = expand.iter().any(|e| e == "changelog");
    let (mut out, mut errors) = (String::from("{\"expand\":\"\",\"issues\":["), String::new());
    let mut shown = 0_u64;
    for slot in found(question, &named) {
        if question.fails_once(slot.id) {
            let comma = if errors.is_empty() { "" } else { "," };
            let _ = write!(
                errors,
                "{comma}{{\"id\":\"{}\",\"errorMessage\":\"Failed to load the issue, try again.\"}}",
                slot.id
            );
            continue;
        }
        out.push_str(if shown == 0 { "" } else { "," });
        question.show.issue(&mut out, slot, &wanted, changelog);
        shown += 1;
    }
    let _ = write!(out, "],\"issueErrors\":[{errors}]}}");
    Ok((out, shown))
}

/// `changelog/bulkfetch`: by time and issue, oldest first.
pub(super) fn changelogs(question: &Question<'_>) -> Answer {
    let parameters = ["issueIdsOrKeys", "fieldIds", "maxResults", "nextPageToken"];
    let body = question.object(&parameters)?;
    let named = named(body)?;
    if named.len() > 1_000 {
        return Err(refuse::error(400, "issueIdsOrKeys must not name more than 1000 issues."));
    }
    let fields = texts(body, "fieldIds")?;
    if fields.len() > 10 {
        return Err(refuse::error(400, "fieldIds must not name more than 10 fields."));
    }
    let most = body.get("maxResults").map_or(Some(1_000), Value::as_u64);
    let most = most
        .filter(|most| (1..=10_000).contains(most))
        .ok_or_else(|| refuse::error(400, "maxResults must be between 1 and 10000."))?;
    let skip = match body.get("nextPageToken") {
        None | Some(Value::Null) => 0,
        Some(token) => {
            let token = token.as_str().and_then(|token| token.strip_prefix("cl-"));
            token.and_then(|at| at.parse().ok()).ok_or_else(refuse::bad_token)?
        }
    };
    let mut entries: Vec<(i64, u64, History)> = Vec::new();
    for slot in found(question, &named) {
        for mut history in question.world.histories(slot) {
            history
                .items
                .retain(|item| fields.is_empty() || fields.iter().any(|field| field == item.field));
            if !history.items.is_empty() {
                entries.push((history.at, slot.id, history));
            }
        }
    }
    entries.sort_by_key(|(at, issue, history)| (*at, *issue, history.id));
    let most = usize::try_from(most).unwrap_or(1_000);
    let end = skip + most;
    let rest: &[_] = entries.get(skip..).unwrap_or_default();
    let page = &rest[..rest.len().min(most)];
    let mut out = String::from("{\"issueChangeLogs\":[");
    let mut issues: Vec<u64> = page.iter().map(|(_, issue, _)| *issue).collect();
    issues.sort_unstable();
    issues.dedup();
    for (nth, issue) in issues.iter().enumerate() {
        let comma = if nth == 0 { "" } else { "," };
        let _ = write!(out, "{comma}{{\"issueId\":\"{issue}\",\"changeHistories\":[");
        let own = page.iter().filter(|(_, of, _)| of == issue);
        for (nth, (at, _, history)) in own.enumerate() {
            out.push_str(if nth == 0 { "" } else { "," });
            let at = if question.behaviour.changelog_millis {
                at.to_string()
            } else {
                question.show.time(*at)
            };
            question.show.history(&mut out, history, &at);
        }
        out.push_str("]}");
    }
    out.push(']');
    if end < entries.len() {
        let _ = write!(out, ",\"nextPageToken\":\"cl-{end}\"");
    }
    out.push('}');
    Ok((out, issues.len() as u64))
}

/// `comment/list`.
pub(super) fn comments(question: &Question<'_>) -> Answer {
    let body = question.object(&["ids"])?;
    let ids = body.get("ids").and_then(Value::as_array).ok_or_else(refuse::payload)?;
    if ids.is_empty() || ids.len() > 1_000 {
        return Err(refuse::error(400, "The number of comment ids must be between 1 and 1000."));
    }
    let mut shown: Vec<String> = Vec::new();
    for id in ids {
        let id = id.as_u64().ok_or_else(refuse::payload)?;
        if let Some((slot, comment)) = comment(question, id) {
            let mut out = String::new();
            question.show.comment(&mut out, slot, &comment);
            shown.push(out);
        }
    }
    let total = shown.len();
    let out = format!(
        "{{\"startAt\":0,\"maxResults\":1048576,\"total\":{total},\"isLast\":true,\
         \"values\":[{}]}}",
        shown.join(",")
    );
    Ok((out, total as u64))
}

fn comment<'a>(question: &Question<'a>, id: u64) -> Option<(&'a Slot, Comment)> {
    if question.is_nobody() {
        return None;
    }
    let slot = &question.world.slots[question.world.comment_place(id)?];
    let comments = question.world.comments(slot);
    Some((slot, comments.into_iter().find(|comment| comment.id == id)?))
}
