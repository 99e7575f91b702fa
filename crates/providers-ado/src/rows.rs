use std::collections::BTreeMap;

use jobctl_provider::{
    Attachment, Category, Issue, IssueKind, IssueOrder, Item, Link, Passed, Skipped, Time,
    acceptance_criteria, line,
};
use serde_json::{Map, Value};

use crate::ask::Reading;
use crate::reply::text;
use crate::scope::{Project, key};
use crate::states::States;
use crate::wiql::wants_done;
use crate::{AzureDevOps, NAME, html};

const PRIORITY: &str = "Microsoft.VSTS.Common.Priority";
const CRITERIA: &str = "Microsoft.VSTS.Common.AcceptanceCriteria";
const REPRO_STEPS: &str = "Microsoft.VSTS.TCM.ReproSteps";
const CLOSED_DATE: &str = "Microsoft.VSTS.Common.ClosedDate";
const STATE_CHANGED: &str = "Microsoft.VSTS.Common.StateChangeDate";
const PARENT: &str = "System.LinkTypes.Hierarchy-Reverse";

/// A work item as the order wants it.
pub(crate) struct WorkItem {
    pub(crate) issue: Box<Issue>,
}

impl WorkItem {
    pub(crate) fn into_item(self) -> Item {
        Item::Issue(self.issue)
    }
}

/// The fields of a work item.
struct Fields<'v> {
    all: &'v Map<String, Value>,
    /// Which long texts are Markdown; older servers only have HTML.
    formats: Option<&'v Map<String, Value>>,
}

impl<'v> Fields<'v> {
    fn of(value: &'v Value) -> Option<Self> {
        let all = value.get("fields")?.as_object()?;
        Some(Self { all, formats: value.get("multilineFieldsFormat").and_then(Value::as_object) })
    }

    fn text(&self, name: &str) -> Option<&'v str> {
        self.all.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
    }

    fn time(&self, name: &str) -> Option<Time> {
        self.text(name)?.parse().ok()
    }

    fn person(&self, name: &str) -> Option<String> {
        self.all.get(name).and_then(person)
    }

    /// A long text as Markdown.
    fn markdown(&self, name: &str) -> Option<String> {
        let written = self.text(name)?;
        let text = if self.format(name).is_some_and(|format| format == "markdown") {
            written.to_owned()
        } else {
            html::markdown(written)
        };
        (!text.trim().is_empty()).then_some(text)
    }

    fn format(&self, name: &str) -> Option<String> {
        self.formats?.get(name)?.as_str().map(str::to_lowercase)
    }
}

/// Reads a work item; `None` if the order does not want it.
pub(crate) fn work_item(
    ado: &AzureDevOps,
    value: &Value,
    reading: &Reading,
) -> Result<Option<WorkItem>, String> {
    let fields = Fields::of(value).ok_or("it has no fields")?;
    let id = value.get("id").and_then(Value::as_u64).ok_or("it has no id")?;
    let order = &reading.order;
    let project = Project::parse(&order.scope).map_err(|error| error.to_string())?;
    let needed = |name: &str| fields.text(name).ok_or_else(|| format!("it has no {name}"));
    let time = |name: &str| fields.time(name).ok_or_else(|| format!("it has no {name}"));
    let type_name = needed("System.WorkItemType")?;
    let state = needed("System.State")?;
    let by_name = States::default();
    let states = reading.states.as_ref().unwrap_or(&by_name);
    let state_category = states.category(type_name, state);
    let links = links(value, &order.scope);
    let body = fields.markdown("System.Description");
    let steps = fields.markdown(REPRO_STEPS);
    let criteria = fields.markdown(CRITERIA);
    let body = body.or(steps);
    let issue = Issue {
        key: key(&order.scope, id),
        source: order.scope.clone(),
        provider: NAME.to_owned(),
        number: id,
        kind: IssueKind::named(type_name),
        type_name: Some(type_name.to_owned()),
        title: needed("System.Title")?.to_owned(),
        state: state.to_owned(),
        state_category,
        author: fields.person("System.CreatedBy"),
        assignees: fields.person("System.AssignedTo").into_iter().collect(),
        labels: tags(fields.all),
        priority: fields.all.get(PRIORITY).and_then(shown),
        milestone: milestone(&fields),
        parent: parent(value, fields.all).map(|parent| key(&order.scope, parent)),
        links,
        fields: custom(&fields),
        acceptance_criteria: criteria.or_else(|| body.as_deref().and_then(acceptance_criteria)),
        attachments: attachments(value),
        reactions: BTreeMap::new(),
        url: project.url(&ado.base, &["_workitems", "edit", &id.to_string()]).to_string(),
        created_at: time("System.CreatedDate")?,
        updated_at: time("System.ChangedDate")?,
        closed_at: closed_at(&fields, state_category),
        comments: fields.all.get("System.CommentCount").and_then(Value::as_u64),
        raw: value.clone(),
        body,
    };
    Ok(is_wanted(&issue, order).then(|| WorkItem { issue: Box::new(issue) }))
}

/// Filters that a query cannot express exactly, or that did not go through one.
fn is_wanted(issue: &Issue, order: &IssueOrder) -> bool {
    let tagged = |wanted: &String| issue.labels.iter().any(|tag| same(tag, wanted));
    order.since.is_none_or(|since| issue.updated_at >= since)
        && order.labels.iter().all(tagged)
        && wants_done(order).is_none_or(|done| done == (issue.state_category == Category::Done))
}

/// Tags do not know case.
fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

fn tags(fields: &Map<String, Value>) -> Vec<String> {
    let all = fields.get("System.Tags").and_then(Value::as_str).unwrap_or_default();
    all.split(';').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

/// The iteration; its root, which is the project itself, is none.
fn milestone(fields: &Fields<'_>) -> Option<String> {
    fields.text("System.IterationPath").filter(|path| path.contains('\\')).map(str::to_owned)
}

fn closed_at(fields: &Fields<'_>, category: Category) -> Option<Time> {
    match category {
        Category::Done => fields.time(CLOSED_DATE).or_else(|| fields.time(STATE_CHANGED)),
        Category::Open | Category::InProgress => None,
    }
}

/// The custom fields, by their reference names, which queries use too; what the row shows
/// elsewhere, and what only the server or a board needs, is left out.
fn custom(fields: &Fields<'_>) -> BTreeMap<String, Value> {
    const ELSEWHERE: [&str; 5] = [PRIORITY, CRITERIA, REPRO_STEPS, CLOSED_DATE, STATE_CHANGED];
    let wanted = |name: &str| !ELSEWHERE.contains(&name) && !is_internal(name);
    let fields = fields.all.iter().filter(|(name, _)| wanted(name)).filter_map(|(name, value)| {
        let value = match value {
            Value::String(_) if fields.format(name).is_some() => {
                Value::String(fields.markdown(name)?)
            }
            Value::Object(_) => Value::String(person(value)?),
            Value::String(text) if text.trim().is_empty() => return None,
            Value::Null => return None,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => value.clone(),
        };
        Some((name.clone(), value))
    });
    fields.filter(|(name, _)| !name.starts_with("System.")).collect()
}

/// Fields that extensions keep on boards, and parts of paths.
pub(crate) fn is_internal(field: &str) -> bool {
    field.starts_with("WEF_")
        || field.starts_with("System.AreaLevel")
        || field.starts_with("System.IterationLevel")
        || field.ends_with("ExtensionMarker")
}

/// The relations of a work item.
fn relations(value: &Value) -> impl Iterator<Item = &Value> {
    value.get("relations").and_then(Value::as_array).into_iter().flatten()
}

fn parent(value: &Value, fields: &Map<String, Value>) -> Option<u64> {
    let related = relations(value).find(|relation| text(relation, "rel") == Some(PARENT));
    let related = related.and_then(|relation| id_in(text(relation, "url")?));
    related.or_else(|| fields.get("System.Parent").and_then(Value::as_u64))
}

fn attachments(value: &Value) -> Vec<Attachment> {
    let files = relations(value).filter(|relation| text(relation, "rel") == Some("AttachedFile"));
    let attachment = |file: &Value| {
        let name = file.pointer("/attributes/name").and_then(Value::as_str)?;
        Some(Attachment { name: name.to_owned(), url: text(file, "url")?.to_owned() })
    };
    files.filter_map(attachment).collect()
}

fn links(value: &Value, scope: &str) -> Vec<Link> {
    let ties = relations(value)
        .filter(|relation| !matches!(text(relation, "rel"), Some(PARENT | "AttachedFile")));
    ties.filter_map(|relation| link(relation, scope)).collect()
}

/// A relation. Ids are an organisation's, and an address names no project: another project's
/// work item gets this scope's key with its own number. `scope` may be a key of the scope.
pub(crate) fn link(relation: &Value, scope: &str) -> Option<Link> {
    let scope = scope.rsplit_once('#').map_or(scope, |(scope, _)| scope);
    let rel = text(relation, "rel")?;
    let url = text(relation, "url")?;
    let name = relation.pointer("/attributes/name").and_then(Value::as_str);
    let is_item = url.to_ascii_lowercase().contains("/_apis/wit/workitems/");
    let target = id_in(url).filter(|_| is_item).map(|id| key(scope, id));
    let target = target.unwrap_or_else(|| url.to_owned());
    let relation = name.unwrap_or_else(|| relation_name(rel)).to_lowercase();
    Some(Link { relation, target })
}

/// What people call a relation; only new servers say it themselves.
fn relation_name(rel: &str) -> &str {
    match rel {
        "System.LinkTypes.Hierarchy-Forward" => "child",
        PARENT => "parent",
        "System.LinkTypes.Related" => "related",
        "System.LinkTypes.Dependency-Forward" => "successor",
        "System.LinkTypes.Dependency-Reverse" => "predecessor",
        "System.LinkTypes.Duplicate-Forward" => "duplicate",
        "System.LinkTypes.Duplicate-Reverse" => "duplicate of",
        other => other,
    }
}

/// The number at the end of an address.
fn id_in(url: &str) -> Option<u64> {
    url.rsplit('/').next()?.parse().ok()
}

/// A person's name as it is shown. Old servers write people as `Name <account>`.
pub(crate) fn person(value: &Value) -> Option<String> {
    let name = if let Value::String(name) = value {
        name.split(" <").next()
    } else {
        let shown = text(value, "displayName").filter(|name| !name.is_empty());
        shown.or_else(|| text(value, "uniqueName"))
    };
    name.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// A value as text.
pub(crate) fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Object(_) => person(value),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => Some(value.to_string()),
    }
}

/// A moment in a field. Servers write the year 9999 where there is none yet.
pub(crate) fn moment(value: &Value, field: &str) -> Option<Time> {
    text(value, field).filter(|at| !at.starts_with("9999-")).and_then(|at| at.parse().ok())
}

/// The note of a work item that could not be read. Where its id can, the row is passed as well,
/// so that it does not look like a gap.
pub(crate) fn unreadable(value: &Value, scope: &str, why: &str) -> (Skipped, Option<Item>) {
    let number = value.get("id").and_then(Value::as_u64);
    let item = number.map_or_else(|| format!("a work item of {scope}"), |id| key(scope, id));
    let passed = number.map(|number| {
        Item::Passed(Passed { key: key(scope, number), number, source: scope.to_owned() })
    });
    (skipped(&item, why), passed)
}

/// The note of something that could not be read.
pub(crate) fn skipped(item: &str, why: &str) -> Skipped {
    Skipped { item: line(item, 200), why: line(why, 200) }
}
