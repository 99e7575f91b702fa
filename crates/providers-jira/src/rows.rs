use jobctl_provider::{
    Attachment, Category, Comment, Issue, IssueKind, IssueOrder, Link, Passed, acceptance_criteria,
    below, line,
};
use serde_json::Value;
use url::Url;

use crate::adf;
use crate::fields;
use crate::legend::Legend;
use crate::reply::Reply;
use crate::scope::{Project, split};
use crate::time::moment;

/// The provider's name, as every row carries it.
pub(crate) const NAME: &str = "jira";

/// What an issue is read with.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) order: &'a IssueOrder,
    pub(crate) legend: &'a Legend,
    pub(crate) base: &'a Url,
    pub(crate) project: Project<'a>,
    pub(crate) reply: &'a Reply<'a>,
}

/// Reads an issue.
pub(crate) fn issue(reading: &Reading<'_>, row: &Value, number: u64) -> Result<Issue, String> {
    let Some(fields) = row.get("fields").filter(|fields| fields.is_object()) else {
        return Err("it has no fields".to_owned());
    };
    let key = reading.project.issue(number);
    let title = text(fields, "summary").ok_or("it has no summary")?;
    let when = |name: &str| {
        let value = fields.get(name).unwrap_or(&Value::Null);
        moment(value).ok_or_else(|| format!("its field {name} is no time: {}", short(value)))
    };
    let legend = reading.legend;
    let body = fields.get("description").and_then(adf::text);
    let state_category = category(fields);
    Ok(Issue {
        url: address(reading, &key),
        key,
        source: reading.order.scope.clone(),
        provider: NAME.to_owned(),
        number,
        kind: kind(fields),
        type_name: name(fields, "issuetype"),
        title: title.to_owned(),
        state: name(fields, "status").unwrap_or_default(),
        state_category,
        author: fields.get("reporter").and_then(person),
        assignees: fields.get("assignee").and_then(person).into_iter().collect(),
        labels: texts(fields, "labels"),
        priority: name(fields, "priority"),
        milestone: fields::sprint(fields, &legend.sprints).or_else(|| version(fields)),
        parent: parent(fields, legend),
        links: links(fields),
        fields: fields::named(fields, legend),
        acceptance_criteria: fields::criteria(fields, legend)
            .or_else(|| acceptance_criteria(body.as_deref()?)),
        body,
        attachments: attachments(fields),
        created_at: when("created")?,
        updated_at: when("updated")?,
        closed_at: closed_at(fields, state_category),
        comments: fields.pointer("/comment/total").and_then(Value::as_u64),
        raw: row.clone(),
        ..Issue::default()
    })
}

/// Reads a comment.
pub(crate) fn comment(row: &Value, issue: &str) -> Result<Comment, String> {
    let id = text(row, "id").ok_or("it has no id")?;
    let created = row.get("created").and_then(moment).ok_or("its field created is no time")?;
    let author = row.get("author").or_else(|| row.get("updateAuthor"));
    Ok(Comment {
        issue: issue.to_owned(),
        id: id.to_owned(),
        author: author.and_then(person),
        body: row.get("body").and_then(adf::text),
        created_at: created,
        updated_at: row.get("updated").and_then(moment).unwrap_or(created),
        raw: row.clone(),
    })
}

/// An issue that is left out.
pub(crate) fn passed(scope: &str, number: u64) -> Passed {
    let key = Project::parse(scope)
        .map_or_else(|_| format!("{scope}-{number}"), |project| project.issue(number));
    Passed { key, number, source: scope.to_owned() }
}

/// The name by which people see somebody. Cloud hides addresses, Data Center has login names.
pub(crate) fn person(value: &Value) -> Option<String> {
    let names = ["displayName", "name", "emailAddress", "accountId", "key"];
    names.into_iter().find_map(|field| text(value, field)).map(str::to_owned)
}

/// A field of text that is not empty.
fn text<'v>(value: &'v Value, field: &str) -> Option<&'v str> {
    value.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn texts(value: &Value, field: &str) -> Vec<String> {
    let list = value.get(field).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn name(fields: &Value, field: &str) -> Option<String> {
    text(fields.get(field)?, "name").map(str::to_owned)
}

fn short(value: &Value) -> String {
    line(&value.to_string(), 60)
}

/// Names of issue types are in the site's language; their level is not.
fn kind(fields: &Value) -> IssueKind {
    let sort = fields.get("issuetype").unwrap_or(&Value::Null);
    let level = sort.get("hierarchyLevel").and_then(Value::as_i64).unwrap_or_default();
    if sort.get("subtask") == Some(&Value::Bool(true)) || level < 0 {
        IssueKind::Subtask
    } else if level > 0 {
        IssueKind::Epic
    } else {
        text(sort, "name").map_or(IssueKind::Issue, IssueKind::named)
    }
}

fn category(fields: &Value) -> Category {
    match fields.pointer("/status/statusCategory/key").and_then(Value::as_str) {
        Some("done") => Category::Done,
        Some("indeterminate") => Category::InProgress,
        Some(_) | None => Category::Open,
    }
}

/// When it was resolved; a status can be done without a resolution.
fn closed_at(fields: &Value, category: Category) -> Option<jobctl_provider::Time> {
    let when = |name: &str| fields.get(name).and_then(moment);
    match category {
        Category::Done => when("resolutiondate").or_else(|| when("statuscategorychangedate")),
        Category::Open | Category::InProgress => None,
    }
}

/// The first version that the work is to be in.
fn version(fields: &Value) -> Option<String> {
    text(fields.get("fixVersions")?.get(0)?, "name").map(str::to_owned)
}

/// The parent, or the epic: a field of its own on Data Center, and on Cloud until 2023.
fn parent(fields: &Value, legend: &Legend) -> Option<String> {
    let parent = fields.get("parent").and_then(|parent| text(parent, "key"));
    let linked = || legend.epics.iter().find_map(|field| text(fields, field));
    let epic = || fields.get("epic").and_then(|epic| text(epic, "key"));
    let key = parent.or_else(linked).or_else(epic)?;
    split(key).map(|_| key.to_owned())
}

fn links(fields: &Value) -> Vec<Link> {
    let links = fields.get("issuelinks").and_then(Value::as_array);
    let link = |link: &Value| {
        let sort = link.get("type")?;
        let side = |way: &str| {
            let target = text(link.get(format!("{way}Issue"))?, "key")?;
            let relation = text(sort, way).or_else(|| text(sort, "name"))?;
            Some(Link { relation: relation.to_lowercase(), target: target.to_owned() })
        };
        side("outward").or_else(|| side("inward"))
    };
    links.map_or(&[][..], Vec::as_slice).iter().filter_map(link).collect()
}

fn attachments(fields: &Value) -> Vec<Attachment> {
    let files = fields.get("attachment").and_then(Value::as_array);
    let file = |file: &Value| {
        let (name, url) = (text(file, "filename")?, text(file, "content")?);
        Some(Attachment { name: name.to_owned(), url: url.to_owned() })
    };
    files.map_or(&[][..], Vec::as_slice).iter().filter_map(file).collect()
}

/// Where a browser shows an issue.
fn address(reading: &Reading<'_>, key: &str) -> String {
    let site = reading.legend.site.as_deref().and_then(|site| Url::parse(site).ok());
    below(site.as_ref().unwrap_or(reading.base), &["browse", key]).into()
}
