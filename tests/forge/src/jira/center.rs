//! Data Center's search: pages by offset, within a window.

use std::fmt::Write;

use serde_json::Value;

use super::jql::Query;
use super::question::{Answer, Question, texts};
use super::refuse;
use super::show::Wanted;
use super::walk::{count, page};
use crate::wire::Reply;

struct Search {
    jql: String,
    start: u64,
    most: u64,
    fields: Vec<String>,
    changelog: bool,
}

impl Search {
    fn read(question: &Question<'_>) -> Result<Self, Reply> {
        let request = question.request;
        if request.method == "GET" {
            let number = |name: &str, otherwise: u64| match request.query(name) {
                None => Ok(otherwise),
                Some(text) => text.parse().map_err(|_| refuse::not_found()),
            };
            return Ok(Search {
                jql: request.query("jql").unwrap_or_default(),
                start: number("startAt", 0)?,
                most: number("maxResults", 50)?,
                fields: request.query("fields").into_iter().collect(),
                changelog: request.query("expand").is_some_and(|e| e.contains("changelog")),
            });
        }
        let parameters = ["jql", "startAt", "maxResults", "fields", "expand", "validateQuery"];
        let body = question.object(&parameters)?;
        let number = |name: &str, otherwise: u64| match body.get(name) {
            None | Some(Value::Null) => Ok(otherwise),
            Some(value) => value.as_u64().ok_or_else(refuse::payload),
        };
        let jql = body.get("jql").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Search {
            jql,
            start: number("startAt", 0)?,
            most: number("maxResults", 50)?,
            fields: texts(body, "fields")?,
            changelog: texts(body, "expand")?.iter().any(|e| e == "changelog"),
        })
    }
}

/// `search`: what `maxResults` was cut to is told back.
pub(super) fn search(question: &Question<'_>) -> Answer {
    let search = Search::read(question)?;
    let most = search.most.min(question.behaviour.center_page);
    if question.is_nobody() {
        let out = format!(
            "{{\"startAt\":{},\"maxResults\":{most},\"total\":0,\"issues\":[]}}",
            search.start
        );
        return Ok((out, 0));
    }
    let query = Query::read(&search.jql).map_err(|message| refuse::error(400, &message))?;
    let reach = search.start + most;
    if reach > question.behaviour.center_window {
        return Err(refuse::center_window(reach, question.behaviour.center_window));
    }
    let asked = question.asked();
    let test = query.test(&asked).map_err(|messages| refuse::errors(400, &messages))?;
    let total = count(&test, &asked);
    let reach = usize::try_from(reach).unwrap_or(usize::MAX);
    let (found, _) = page(&query, &test, question.world, None, reach);
    let skip = usize::try_from(search.start).unwrap_or(usize::MAX);
    let wanted = Wanted::read(&search.fields, "*navigable");
    let mut out = format!(
        "{{\"expand\":\"schema,names\",\"startAt\":{},\"maxResults\":{most},\"total\":{total},\
         \"issues\":[",
        search.start
    );
    let mut shown = 0_u64;
    for slot in found.into_iter().skip(skip) {
        out.push_str(if shown == 0 { "" } else { "," });
        question.show.issue(&mut out, slot, &wanted, search.changelog);
        shown += 1;
    }
    let _ = write!(out, "]}}");
    Ok((out, shown))
}
