//! The complete present state of a project, for comparing an import with it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::blocks::texts;
use super::issue::{CATEGORIES, KINDS, PRIORITIES, SPRINTS, STATUSES, SUBTASK, TIES, VERSIONS};
use super::{Slot, World};

/// All that is there, and what is no longer there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JiraTruth {
    /// The project's key.
    pub project: String,
    /// Issues by number.
    pub issues: BTreeMap<u64, JiraTruthIssue>,
    /// Keys of this project that are no longer there, with the key an issue was moved to; `None`:
    /// deleted.
    pub gone: BTreeMap<String, Option<String>>,
}

impl JiraTruth {
    /// The number of all present comments.
    pub fn comment_count(&self) -> usize {
        self.issues.values().map(|issue| issue.comments.len()).sum()
    }
}

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JiraPerson {
    /// Cloud's id.
    pub account_id: String,
    /// Data Center's name.
    pub name: String,
    /// What people see.
    pub display_name: String,
}

/// A present issue. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JiraTruthIssue {
    /// Its id, which stays when it is moved.
    pub id: u64,
    /// Its key.
    pub key: String,
    /// Its number in the project.
    pub number: u64,
    /// Its summary.
    pub title: String,
    /// The texts that must be found in its body, in this order; empty: it has no body.
    pub texts: Vec<String>,
    /// The name of its type.
    pub type_name: String,
    /// The type is one of sub-tasks.
    pub subtask: bool,
    /// The name of its status.
    pub status: String,
    /// `new`, `indeterminate` or `done`.
    pub category: String,
    /// The name of its priority.
    pub priority: Option<String>,
    /// Who reported it.
    pub reporter: Option<JiraPerson>,
    /// Who is to do it.
    pub assignee: Option<JiraPerson>,
    /// Its labels.
    pub labels: Vec<String>,
    /// The key of its parent: an epic, or for a sub-task an issue.
    pub parent: Option<String>,
    /// Links to present issues: the word from this side, and the other's key.
    pub links: Vec<(String, String)>,
    /// The names of its sprints; the last one is active or the newest.
    pub sprints: Vec<String>,
    /// The names of the versions it is fixed in.
    pub versions: Vec<String>,
    /// The text of the field "Acceptance criteria".
    pub acceptance: Option<String>,
    /// Names of its files.
    pub files: Vec<String>,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
    /// When it was resolved.
    pub resolved_at: Option<String>,
    /// By ascending id.
    pub comments: Vec<JiraTruthComment>,
    /// The ids of its changelog, oldest first.
    pub history: Vec<u64>,
}

/// A present comment. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JiraTruthComment {
    /// Its id.
    pub id: u64,
    /// Who wrote it.
    pub author: Option<JiraPerson>,
    /// The texts that must be found in it, in this order.
    pub texts: Vec<String>,
    /// When it was made.
    pub created_at: String,
    /// When it last changed.
    pub updated_at: String,
}

impl World {
    pub(crate) fn truth(&self, project: &str) -> Option<JiraTruth> {
        let project = self.project_named(project)?;
        let here = self.slots.iter().filter(|slot| slot.here && slot.project == project);
        let former = self.keys.range((project, 0)..=(project, u32::MAX));
        let gone = former.filter_map(|((_, number), at)| {
            let slot = &self.slots[*at as usize];
            let moved = slot.project != project || slot.number != *number;
            let key = format!("{}-{number}", self.project(project).key);
            match (slot.here, moved) {
                (true, false) => None,
                (true, true) => Some((key, Some(self.key(slot)))),
                (false, _) => Some((key, None)),
            }
        });
        Some(JiraTruth {
            project: self.project(project).key.clone(),
            issues: here.map(|slot| (u64::from(slot.number), self.tell(slot))).collect(),
            gone: gone.collect(),
        })
    }

    fn tell(&self, slot: &Slot) -> JiraTruthIssue {
        let head = self.head(slot);
        let status = STATUSES[head.status];
        let links = head.ties.iter().filter_map(|tie| {
            let other = self.slot(tie.other)?;
            let (_, _, inward, outward) = TIES[tie.kind];
            let word = if tie.outward { outward } else { inward };
            Some((word.to_owned(), self.key(other)))
        });
        JiraTruthIssue {
            id: slot.id,
            key: self.key(slot),
            number: u64::from(slot.number),
            title: head.summary.clone(),
            texts: texts(&self.body(slot)),
            type_name: KINDS[head.kind].1.to_owned(),
            subtask: head.kind == SUBTASK,
            status: status.1.to_owned(),
            category: CATEGORIES[status.2].1.to_owned(),
            priority: head.priority.map(|at| PRIORITIES[at].to_owned()),
            reporter: self.person(head.reporter),
            assignee: self.person(head.assignee),
            labels: head.labels.clone(),
            parent: head.parent.and_then(|id| self.slot(id)).map(|parent| self.key(parent)),
            links: links.collect(),
            sprints: head.sprints.iter().map(|at| SPRINTS[*at].0.to_owned()).collect(),
            versions: head.versions.iter().map(|at| VERSIONS[*at].to_owned()).collect(),
            acceptance: head.acceptance.clone(),
            files: head.files.clone(),
            created_at: rfc3339(slot.created),
            updated_at: rfc3339(slot.updated),
            resolved_at: head.resolved.map(rfc3339),
            comments: self.tell_comments(slot),
            history: self.histories(slot).iter().map(|history| history.id).collect(),
        }
    }

    fn tell_comments(&self, slot: &Slot) -> Vec<JiraTruthComment> {
        let comments = self.comments(slot).into_iter().map(|comment| JiraTruthComment {
            id: comment.id,
            author: self.person(comment.author),
            texts: texts(&comment.body),
            created_at: rfc3339(comment.created),
            updated_at: rfc3339(comment.updated),
        });
        comments.collect()
    }

    fn person(&self, at: Option<usize>) -> Option<JiraPerson> {
        let person = self.people.get(at?);
        Some(JiraPerson {
            account_id: person.account_id.clone(),
            name: person.name.clone(),
            display_name: person.display.clone(),
        })
    }
}

fn rfc3339(ms: i64) -> String {
    Timestamp::from_millisecond(ms).unwrap_or_default().to_string()
}
