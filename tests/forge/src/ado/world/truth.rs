//! The complete present state of a project, for comparing an import with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Snapshot, World};
use crate::ado::field::{Cell, Field};
use crate::ado::show::time;

/// All that is there, and what is no longer there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoTruth {
    /// The project, as `contoso/Shop`.
    pub project: String,
    /// Its present work items, by id.
    pub items: BTreeMap<u64, AdoTruthItem>,
    /// What was once in it and is not now, by id.
    pub gone: BTreeMap<u64, AdoGone>,
}

impl AdoTruth {
    /// The number of all present comments.
    #[must_use]
    pub fn comment_count(&self) -> usize {
        self.items.values().map(|item| item.comments.len()).sum()
    }
}

/// A present work item. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the work item")]
pub struct AdoTruthItem {
    pub id: u64,
    pub rev: u64,
    /// The name of its type.
    pub kind: String,
    pub title: String,
    /// As it is written, in HTML or Markdown.
    pub description: Option<String>,
    pub markdown: bool,
    pub state: String,
    /// `Proposed`, `InProgress`, `Resolved`, `Completed` or `Removed`.
    pub category: String,
    pub created_by: String,
    pub assigned_to: Option<String>,
    pub tags: Vec<String>,
    pub iteration: String,
    pub parent: Option<u64>,
    pub created_at: String,
    pub changed_at: String,
    /// By ascending id.
    pub comments: Vec<AdoTruthComment>,
}

/// A present comment. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the comment")]
pub struct AdoTruthComment {
    pub id: u64,
    /// As it is written.
    pub text: String,
    pub markdown: bool,
    pub author: String,
    pub created_at: String,
    pub modified_at: String,
}

/// What became of a work item that is no longer in a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdoGone {
    /// It is in the recycle bin.
    Deleted,
    /// It was removed for good.
    Destroyed,
    /// It is in this project now.
    Moved(String),
}

impl World {
    /// The truth about a project.
    pub(crate) fn truth(&self, organisation: &str, project: &str) -> Option<AdoTruth> {
        let organisation = self.organisation(organisation)?;
        let (number, found) = organisation.project(project)?;
        let mut truth = AdoTruth {
            project: format!("{}/{}", organisation.name, found.name),
            items: BTreeMap::new(),
            gone: BTreeMap::new(),
        };
        for item in organisation.items.values() {
            let now = item.now(organisation);
            let id = u64::from(item.id);
            let gone = if now.project != number {
                // Whoever looked before the move has seen it here.
                (item.project == number).then(|| AdoGone::Moved(now.project_name().to_owned()))
            } else if item.destroyed {
                Some(AdoGone::Destroyed)
            } else if now.deleted {
                Some(AdoGone::Deleted)
            } else {
                truth.items.insert(id, tell(&now));
                None
            };
            truth.gone.extend(gone.map(|gone| (id, gone)));
        }
        Some(truth)
    }
}

fn tell(now: &Snapshot<'_>) -> AdoTruthItem {
    let name = |at: u16| now.organisation.people[usize::from(at)].name.clone();
    let person = |field| match now.cell(field) {
        Cell::Person(at) => Some(name(at)),
        Cell::Empty | Cell::Number(_) | Cell::Text(_) | Cell::Date(_) | Cell::Bool(_) => None,
    };
    let text = |field| match now.cell(field) {
        Cell::Text(text) => Some(text.into_owned()),
        Cell::Empty | Cell::Number(_) | Cell::Person(_) | Cell::Date(_) | Cell::Bool(_) => None,
    };
    let seed = now.organisation.seed;
    let present = now.item.comments().into_iter().filter(|comment| !comment.deleted);
    let comments = present.map(|comment| AdoTruthComment {
        id: comment.id.into(),
        text: comment.text(seed).into_owned(),
        markdown: comment.is_markdown(),
        author: name(comment.created.1),
        created_at: time(comment.created.0),
        modified_at: time(comment.modified.0),
    });
    let tags = now.tags();
    let tags = tags.split("; ").filter(|tag| !tag.is_empty()).map(str::to_owned);
    AdoTruthItem {
        id: now.item.id.into(),
        rev: now.rev.into(),
        kind: now.kind().name.to_owned(),
        title: now.title().into_owned(),
        description: now.description().map(std::borrow::Cow::into_owned),
        markdown: now.is_markdown(),
        state: now.state().name.to_owned(),
        category: now.state().category.to_owned(),
        created_by: person(Field::CreatedBy).unwrap_or_default(),
        assigned_to: person(Field::AssignedTo),
        tags: tags.collect(),
        iteration: text(Field::IterationPath).unwrap_or_default(),
        parent: (now.item.parent != 0).then(|| now.item.parent.into()),
        created_at: time(now.item.revisions[0].at),
        changed_at: time(now.changed()),
        comments: comments.collect(),
    }
}
