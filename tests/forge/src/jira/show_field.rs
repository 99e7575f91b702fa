//! The fields of an issue.

use std::fmt::Write;

use super::route::Flavour;
use super::show::Show;
use super::world::Slot;
use super::world::blocks::{plain, quote};
use super::world::issue::{
    AREAS, CATEGORIES, EPIC, Head, KINDS, PRIORITIES, SPRINTS, STATUSES, SUBTASK, TIES, VERSIONS,
};

/// A field as `GET /field` lists it.
pub(super) struct Shown {
    pub(super) part: Part,
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) navigable: bool,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Type,
    Parent,
    Subtasks,
    Project,
    Summary,
    Status,
    Category,
    Priority,
    Labels,
    Assignee,
    Reporter,
    Creator,
    Description,
    Created,
    Updated,
    Resolution,
    Resolved,
    Versions,
    Links,
    Files,
    Comments,
    Worklog,
    Due,
    EpicLink,
    EpicName,
    Points,
    Rank,
    Sprint,
    Acceptance,
    Area,
    Empty,
}

const fn shown(
    part: Part,
    id: &'static str,
    name: &'static str,
    kind: &'static str,
    navigable: bool,
) -> Shown {
    Shown { part, id, name, kind, navigable }
}

/// All fields there are.
pub(super) const FIELDS: [Shown; 33] = [
    shown(Part::Type, "issuetype", "Issue Type", "issuetype", true),
    shown(Part::Parent, "parent", "Parent", "", true),
    shown(Part::Subtasks, "subtasks", "Sub-tasks", "array", true),
    shown(Part::Project, "project", "Project", "project", true),
    shown(Part::Summary, "summary", "Summary", "string", true),
    shown(Part::Status, "status", "Status", "status", true),
    shown(Part::Category, "statusCategory", "Status Category", "statusCategory", true),
    shown(Part::Priority, "priority", "Priority", "priority", true),
    shown(Part::Labels, "labels", "Labels", "array", true),
    shown(Part::Assignee, "assignee", "Assignee", "user", true),
    shown(Part::Reporter, "reporter", "Reporter", "user", true),
    shown(Part::Creator, "creator", "Creator", "user", true),
    shown(Part::Description, "description", "Description", "string", true),
    shown(Part::Created, "created", "Created", "datetime", true),
    shown(Part::Updated, "updated", "Updated", "datetime", true),
    shown(Part::Resolution, "resolution", "Resolution", "resolution", true),
    shown(Part::Resolved, "resolutiondate", "Resolved", "datetime", true),
    shown(Part::Versions, "fixVersions", "Fix versions", "array", true),
    shown(Part::Links, "issuelinks", "Linked Issues", "array", true),
    shown(Part::Files, "attachment", "Attachment", "array", true),
    shown(Part::Comments, "comment", "Comment", "comments-page", false),
    shown(Part::Worklog, "worklog", "Log Work", "array", false),
    shown(Part::Due, "duedate", "Due date", "date", true),
    shown(Part::Empty, "environment", "Environment", "string", true),
    shown(Part::EpicName, "customfield_10011", "Epic Name", "string", true),
    shown(Part::EpicLink, "customfield_10014", "Epic Link", "any", true),
    shown(Part::Points, "customfield_10016", "Story point estimate", "number", true),
    shown(Part::Rank, "customfield_10019", "Rank", "any", true),
    shown(Part::Sprint, "customfield_10020", "Sprint", "array", true),
    shown(Part::Acceptance, "customfield_10045", "Acceptance criteria", "string", true),
    shown(Part::Area, "customfield_10050", "Area", "option", true),
    shown(Part::Empty, "customfield_10051", "Target end", "date", true),
    shown(Part::Empty, "customfield_10052", "Approvers", "array", true),
];

const DAY: i64 = 86_400_000;

impl Show<'_> {
    pub(super) fn field(&self, out: &mut String, part: Part, slot: &Slot, head: &Head) {
        let api = self.api();
        match part {
            Part::Type => out.push_str(&kind(&api, head.kind)),
            Part::Parent => self.parent(out, head),
            Part::Subtasks => {
                out.push('[');
                if let Some(child) = self.world.subtask(slot) {
                    self.short(out, child);
                }
                out.push(']');
            }
            Part::Project => out.push_str(&self.project(slot.project)),
            Part::Summary => out.push_str(&quote(&head.summary)),
            Part::Status => out.push_str(&status(&api, head.status)),
            Part::Category => out.push_str(&category(&api, STATUSES[head.status].2)),
            Part::Priority => out.push_str(&priority(&api, head.priority)),
            Part::Labels => list(out, &head.labels, |label| quote(label)),
            Part::Assignee => out.push_str(self.person(head.assignee)),
            Part::Reporter => out.push_str(self.person(head.reporter)),
            Part::Creator => out.push_str(self.person(Some(head.reporter.unwrap_or(0)))),
            Part::Description => self.document(out, &self.world.body(slot)),
            Part::Created => out.push_str(&self.time(slot.created)),
            Part::Updated => out.push_str(&self.time(slot.updated)),
            Part::Resolution => out.push_str(match head.resolved {
                Some(_) => "{\"id\":\"10000\",\"name\":\"Done\",\"description\":\"\"}",
                None => "null",
            }),
            Part::Resolved => match head.resolved {
                Some(at) => out.push_str(&self.time(at)),
                None => out.push_str("null"),
            },
            Part::Versions => list(out, &head.versions, |at| version(&api, *at)),
            Part::Links => self.links(out, head),
            Part::Files => self.files(out, slot, head),
            Part::Comments => self.inline_comments(out, slot),
            Part::Worklog => {
                out.push_str("{\"startAt\":0,\"maxResults\":20,\"total\":0,\"worklogs\":[]}");
            }
            Part::Due => match head.points {
                Some(points) => {
                    let due = slot.created + i64::from(points) * 10 * DAY;
                    out.push_str(&quote(&self.zone.date(due)));
                }
                None => out.push_str("null"),
            },
            Part::EpicLink => {
                let epic = head.parent.and_then(|id| self.world.slot(id));
                let epic = epic.filter(|slot| self.world.head(slot).kind == EPIC);
                match epic {
                    Some(epic) => out.push_str(&quote(&self.world.key(epic))),
                    None => out.push_str("null"),
                }
            }
            Part::EpicName if head.kind == EPIC => out.push_str(&quote(&head.summary)),
            Part::Points => match head.points {
                Some(points) => drop(write!(out, "{points}.0")),
                None => out.push_str("null"),
            },
            Part::Rank => drop(write!(out, "\"0|i{:05x}:\"", slot.id)),
            Part::Sprint => self.sprints(out, head),
            Part::Acceptance => {
                let blocks = head.acceptance.as_deref().map(plain).unwrap_or_default();
                self.document(out, &blocks);
            }
            Part::Area => match head.area {
                Some(at) => drop(write!(
                    out,
                    "{{\"self\":\"{api}/customFieldOption/{0}\",\"value\":{1},\"id\":\"{0}\"}}",
                    10_100 + at,
                    quote(AREAS[at])
                )),
                None => out.push_str("null"),
            },
            Part::EpicName | Part::Empty => out.push_str("null"),
        }
    }

    pub(crate) fn project(&self, at: u16) -> String {
        let project = self.world.project(at);
        let (api, id) = (self.api(), project.id);
        format!(
            "{{\"self\":\"{api}/project/{id}\",\"id\":\"{id}\",\"key\":\"{}\",\"name\":{},\
             \"projectTypeKey\":\"software\",\"simplified\":false,\
             \"avatarUrls\":{{\"48x48\":\"{api}/universal_avatar/view/type/project/avatar/10400\"}}}}",
            project.key,
            quote(&project.name)
        )
    }

    /// Cloud shows epics as parents too, Data Center only the parents of sub-tasks.
    fn parent(&self, out: &mut String, head: &Head) {
        let shown = match self.flavour {
            Flavour::Site | Flavour::Scoped => true,
            Flavour::Center => head.kind == SUBTASK,
        };
        let parent = head.parent.filter(|_| shown).and_then(|id| self.world.slot(id));
        match parent {
            Some(parent) => self.short(out, parent),
            None => out.push_str("null"),
        }
    }

    /// An issue as it stands in others.
    fn short(&self, out: &mut String, slot: &Slot) {
        let (api, head) = (self.api(), self.world.head(slot));
        let _ = write!(
            out,
            "{{\"id\":\"{0}\",\"key\":\"{1}\",\"self\":\"{api}/issue/{0}\",\
             \"fields\":{{\"summary\":{2},\"status\":{3},\"priority\":{4},\"issuetype\":{5}}}}}",
            slot.id,
            self.world.key(slot),
            quote(&head.summary),
            status(&api, head.status),
            priority(&api, head.priority),
            kind(&api, head.kind)
        );
    }

    fn links(&self, out: &mut String, head: &Head) {
        out.push('[');
        let ties = head.ties.iter().filter_map(|tie| Some((tie, self.world.slot(tie.other)?)));
        for (nth, (tie, other)) in ties.enumerate() {
            let (id, name, inward, outward) = TIES[tie.kind];
            let (comma, api) = (if nth == 0 { "" } else { "," }, self.api());
            let side = if tie.outward { "outwardIssue" } else { "inwardIssue" };
            let _ = write!(
                out,
                "{comma}{{\"id\":\"{0}\",\"self\":\"{api}/issueLink/{0}\",\
                 \"type\":{{\"id\":\"{id}\",\"name\":\"{name}\",\"inward\":\"{inward}\",\
                 \"outward\":\"{outward}\",\"self\":\"{api}/issueLinkType/{id}\"}},\"{side}\":",
                tie.id
            );
            self.short(out, other);
            out.push('}');
        }
        out.push(']');
    }

    fn files(&self, out: &mut String, slot: &Slot, head: &Head) {
        let api = self.api();
        let author = self.person(head.reporter);
        let created = self.time(slot.created);
        let mut nth = 0;
        list(out, &head.files, |name| {
            nth += 1;
            let id = slot.id * 10 + nth;
            format!(
                "{{\"self\":\"{api}/attachment/{id}\",\"id\":\"{id}\",\"filename\":{},\
                 \"author\":{author},\"created\":{created},\"size\":{},\
                 \"mimeType\":\"application/octet-stream\",\
                 \"content\":\"{api}/attachment/content/{id}\"}}",
                quote(name),
                id % 9_999
            )
        });
    }

    /// Cloud sends objects; Data Center prints its own Java objects as texts.
    fn sprints(&self, out: &mut String, head: &Head) {
        if head.sprints.is_empty() {
            out.push_str("null");
            return;
        }
        list(out, &head.sprints, |at| {
            let (id, (name, state)) = (at + 1, SPRINTS[*at]);
            match self.flavour {
                Flavour::Site | Flavour::Scoped => format!(
                    "{{\"id\":{id},\"name\":{},\"state\":\"{state}\",\"boardId\":8,\"goal\":\"\",\
                     \"startDate\":\"2026-10-0{id}T00:38:51.882Z\",\
                     \"endDate\":\"2026-11-0{id}T00:38:00.000Z\"}}",
                    quote(name)
                ),
                Flavour::Center => quote(&format!(
                    "com.atlassian.greenhopper.service.sprint.Sprint@5b2{id}[id={id},\
                     rapidViewId=8,state={},name={name},startDate=2026-10-0{id}T00:38:51.882Z,\
                     endDate=2026-11-0{id}T00:38:00.000Z,completeDate=<null>,sequence={id},\
                     goal=]",
                    state.to_uppercase()
                )),
            }
        });
    }
}

fn list<T>(out: &mut String, items: &[T], mut write: impl FnMut(&T) -> String) {
    out.push('[');
    for (nth, item) in items.iter().enumerate() {
        out.push_str(if nth == 0 { "" } else { "," });
        out.push_str(&write(item));
    }
    out.push(']');
}

fn kind(api: &str, at: usize) -> String {
    let (id, name, level) = KINDS[at];
    format!(
        "{{\"self\":\"{api}/issuetype/{id}\",\"id\":\"{id}\",\"description\":\"\",\
         \"name\":\"{name}\",\"subtask\":{},\"avatarId\":10315,\"hierarchyLevel\":{level}}}",
        at == SUBTASK
    )
}

fn category(api: &str, at: usize) -> String {
    let (id, key, name, colour) = CATEGORIES[at];
    format!(
        "{{\"self\":\"{api}/statuscategory/{id}\",\"id\":{id},\"key\":\"{key}\",\
         \"colorName\":\"{colour}\",\"name\":\"{name}\"}}"
    )
}

fn status(api: &str, at: usize) -> String {
    let (id, name, place) = STATUSES[at];
    format!(
        "{{\"self\":\"{api}/status/{id}\",\"description\":\"\",\"name\":{},\"id\":\"{id}\",\
         \"statusCategory\":{}}}",
        quote(name),
        category(api, place)
    )
}

fn priority(api: &str, at: Option<usize>) -> String {
    let Some(at) = at else { return "null".to_owned() };
    let (id, name) = (at + 1, PRIORITIES[at]);
    format!("{{\"self\":\"{api}/priority/{id}\",\"name\":\"{name}\",\"id\":\"{id}\"}}")
}

fn version(api: &str, at: usize) -> String {
    let id = 10_026 + at;
    format!(
        "{{\"self\":\"{api}/version/{id}\",\"id\":\"{id}\",\"name\":{},\"archived\":false,\
         \"released\":{}}}",
        quote(VERSIONS[at]),
        at < 2
    )
}
