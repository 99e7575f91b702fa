//! One thing by its address: the account, a project, an issue, its comments.

use std::fmt::Write;

use serde_json::json;

use super::question::{Answer, Question};
use super::refuse;
use super::route::Flavour;
use super::show::Wanted;
use super::show_field::FIELDS;
use super::world::Slot;
use super::world::blocks::quote;
use crate::wire::Reply;

pub(super) fn myself(question: &Question<'_>) -> Answer {
    if question.is_nobody() {
        return Err(refuse::unauthenticated());
    }
    let person = question.show.person(Some(0));
    let email = quote(&question.config.email);
    Ok((person.replacen('{', &format!("{{\"emailAddress\":{email},"), 1), 0))
}

pub(super) fn server(question: &Question<'_>) -> String {
    let site = question.show.site;
    let time = question.zone.show(question.now);
    let body = match question.show.flavour {
        Flavour::Site | Flavour::Scoped => json!({
            "baseUrl": site, "displayUrl": site, "version": "1001.0.0-SNAPSHOT",
            "versionNumbers": [1001, 0, 0], "deploymentType": "Cloud", "buildNumber": 100_290,
            "serverTime": time, "serverTitle": "Jira", "serverTimeZone": "Etc/UTC",
        }),
        Flavour::Center => json!({
            "baseUrl": site, "version": "9.12.8", "versionNumbers": [9, 12, 8],
            "deploymentType": "Server", "buildNumber": 9_120_008, "serverTime": time,
            "serverTitle": "Jira",
        }),
    };
    body.to_string()
}

/// Custom fields are for those who may see a project.
pub(super) fn fields(question: &Question<'_>) -> String {
    let seen = FIELDS
        .iter()
        .filter(|field| !question.is_nobody() || !field.id.starts_with("customfield_"));
    let fields: Vec<_> = seen
        .map(|field| {
            let custom = field.id.starts_with("customfield_");
            let mut shown = json!({
                "id": field.id, "name": field.name, "custom": custom, "orderable": true,
                "navigable": field.navigable, "searchable": true, "clauseNames": [field.name],
            });
            if !field.kind.is_empty() {
                shown["schema"] = if custom {
                    let number = field.id.trim_start_matches("customfield_").parse::<u64>().ok();
                    json!({ "type": field.kind, "custom": schema(field.id), "customId": number })
                } else {
                    json!({ "type": field.kind, "system": field.id })
                };
            }
            shown
        })
        .collect();
    json!(fields).to_string()
}

fn schema(id: &str) -> &'static str {
    match id {
        "customfield_10020" => "com.pyxis.greenhopper.jira:gh-sprint",
        "customfield_10011" => "com.pyxis.greenhopper.jira:gh-epic-label",
        "customfield_10014" => "com.pyxis.greenhopper.jira:gh-epic-link",
        "customfield_10016" => "com.pyxis.greenhopper.jira:jsw-story-points",
        "customfield_10019" => "com.pyxis.greenhopper.jira:gh-lexo-rank",
        "customfield_10045" => "com.atlassian.jira.plugin.system.customfieldtypes:textarea",
        "customfield_10050" => "com.atlassian.jira.plugin.system.customfieldtypes:select",
        "customfield_10052" => "com.atlassian.jira.plugin.system.customfieldtypes:multiuserpicker",
        _ => "com.atlassian.jira.plugin.system.customfieldtypes:datepicker",
    }
}

fn number(question: &Question<'_>, name: &str, otherwise: usize) -> Result<usize, Reply> {
    match question.request.query(name) {
        None => Ok(otherwise),
        Some(text) => text.parse().map_err(|_| refuse::not_found()),
    }
}

/// Cloud pages, Data Center sends all.
pub(super) fn projects(question: &Question<'_>) -> Answer {
    let seen = if question.is_nobody() { &[] } else { question.world.projects.as_slice() };
    let all: Vec<String> = (0_u16..).zip(seen).map(|(at, _)| question.show.project(at)).collect();
    if question.show.flavour == Flavour::Center {
        return Ok((format!("[{}]", all.join(",")), 0));
    }
    let start = number(question, "startAt", 0)?;
    let most = number(question, "maxResults", 50)?.min(100);
    let page: Vec<&str> = all.iter().skip(start).take(most).map(String::as_str).collect();
    let is_last = start + page.len() >= all.len();
    let out = format!(
        "{{\"self\":\"{}/project/search\",\"maxResults\":{most},\"startAt\":{start},\
         \"total\":{},\"isLast\":{is_last},\"values\":[{}]}}",
        question.show.api(),
        all.len(),
        page.join(",")
    );
    Ok((out, page.len() as u64))
}

pub(super) fn project(question: &Question<'_>, key: &str) -> Answer {
    let found = question.world.project_named(key).filter(|_| !question.is_nobody());
    let at = found.ok_or_else(|| refuse::no_project(key))?;
    Ok((question.show.project(at), 1))
}

fn slot<'a>(question: &Question<'a>, key: &str) -> Result<&'a Slot, Reply> {
    let found = question.world.find(key).filter(|_| !question.is_nobody());
    found.ok_or_else(refuse::no_issue)
}

pub(super) fn issue(question: &Question<'_>, key: &str) -> Answer {
    let slot = slot(question, key)?;
    let fields: Vec<String> = question.request.query("fields").into_iter().collect();
    let changelog = question.request.query("expand").is_some_and(|e| e.contains("changelog"));
    let mut out = String::new();
    question.show.issue(&mut out, slot, &Wanted::read(&fields, "*all"), changelog);
    Ok((out, 1))
}

/// A page of comments by offset: it shifts when one before it is deleted.
pub(super) fn comments(question: &Question<'_>, key: &str) -> Answer {
    let slot = slot(question, key)?;
    let start = number(question, "startAt", 0)?;
    let asked = number(question, "maxResults", if center(question) { 1_048_576 } else { 100 })?;
    let most = if center(question) { asked } else { asked.min(100) };
    let mut all = question.world.comments(slot);
    match question.request.query("orderBy").as_deref() {
        None | Some("created" | "+created") => {}
        Some("-created") => all.reverse(),
        Some(other) => {
            return Err(refuse::error(400, &format!("The field '{other}' cannot be sorted by.")));
        }
    }
    let mut out = format!(
        "{{\"startAt\":{start},\"maxResults\":{most},\"total\":{},\"comments\":[",
        all.len()
    );
    for (nth, comment) in all.iter().skip(start).take(most).enumerate() {
        out.push_str(if nth == 0 { "" } else { "," });
        question.show.comment(&mut out, slot, comment);
    }
    out.push_str("]}");
    Ok((out, 1))
}

fn center(question: &Question<'_>) -> bool {
    question.show.flavour == Flavour::Center
}

/// A page of one issue's changelog, oldest first.
pub(super) fn changelog(question: &Question<'_>, key: &str) -> Answer {
    let slot = slot(question, key)?;
    let start = number(question, "startAt", 0)?;
    let most = number(question, "maxResults", 100)?.min(100);
    let all = question.world.histories(slot);
    let page: Vec<_> = all.iter().skip(start).take(most).collect();
    let address = format!("{}/issue/{}/changelog", question.show.api(), slot.id);
    let end = start + page.len();
    let mut out = format!(
        "{{\"self\":\"{address}?startAt={start}&maxResults={most}\",\"maxResults\":{most},\
         \"startAt\":{start},\"total\":{},\"isLast\":{}",
        all.len(),
        end >= all.len()
    );
    if end < all.len() {
        let _ = write!(out, ",\"nextPage\":\"{address}?startAt={end}&maxResults={most}\"");
    }
    out.push_str(",\"values\":[");
    for (nth, history) in page.iter().enumerate() {
        out.push_str(if nth == 0 { "" } else { "," });
        let at = question.show.time(history.at);
        question.show.history(&mut out, history, &at);
    }
    out.push_str("]}");
    Ok((out, 1))
}
