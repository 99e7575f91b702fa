//! What may happen to work items while the forge runs.

use serde::{Deserialize, Serialize};

use super::{Created, Edit, Event, Item, Organisation, Revision, World, Written};

/// A change of one work item. Projects are named `contoso/Shop`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum AdoChange {
    /// Writes some of its fields, as one revision.
    Edit {
        /// Which.
        id: u64,
        /// Its new title.
        #[serde(default)]
        title: Option<String>,
        /// Its new description, as HTML.
        #[serde(default)]
        description: Option<String>,
        /// Its new state, one of its type.
        #[serde(default)]
        state: Option<String>,
        /// Its new tags, with a semicolon and a blank between them.
        #[serde(default)]
        tags: Option<String>,
        /// Who is to do it.
        #[serde(default)]
        assigned_to: Option<String>,
    },
    /// Makes one.
    Add {
        /// The project.
        project: String,
        /// The name of its type.
        kind: String,
        /// Its title.
        title: String,
        /// Its description, as HTML.
        #[serde(default)]
        description: Option<String>,
        /// The id of its parent.
        #[serde(default)]
        parent: Option<u64>,
    },
    /// Puts it into the recycle bin.
    Delete {
        /// Which.
        id: u64,
    },
    /// Takes it out of the recycle bin.
    Restore {
        /// Which.
        id: u64,
    },
    /// Removes it for good: not even the stream tells of it.
    Destroy {
        /// Which.
        id: u64,
    },
    /// Moves it to another project of its organisation, where its state begins anew.
    Move {
        /// Which.
        id: u64,
        /// Where to.
        to: String,
    },
    /// Gives it another type.
    Retype {
        /// Which.
        id: u64,
        /// The name of the type.
        kind: String,
    },
    /// Adds a comment.
    AddComment {
        /// To which work item.
        id: u64,
        /// Its text, as HTML or, for numbers that four divides, Markdown.
        text: String,
    },
    /// Writes a comment anew.
    EditComment {
        /// Of which work item.
        id: u64,
        /// Which comment.
        comment: u64,
        /// Its text.
        text: String,
    },
    /// Deletes a comment.
    DeleteComment {
        /// Of which work item.
        id: u64,
        /// Which comment.
        comment: u64,
    },
}

/// What a change led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdoChanged {
    /// The work item.
    pub id: u64,
    /// The comment, where there is one.
    pub comment: Option<u64>,
}

/// Why a change cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdoChangeError {
    /// There is no such project.
    #[error("no project {0}")]
    Project(String),
    /// There is no such work item, or it is deleted (or, for a restore, is not).
    #[error("no work item {0} to change so")]
    Item(u64),
    /// There is no such comment.
    #[error("no comment {0}")]
    Comment(u64),
    /// The type does not exist in the project.
    #[error("no type {0}")]
    Kind(String),
    /// The state does not exist in the type.
    #[error("no state {0}")]
    State(String),
}

type Result<T> = std::result::Result<T, AdoChangeError>;

impl World {
    /// Makes a change in an organisation, dated `now_ms`.
    pub(crate) fn change(
        &mut self,
        organisation: &str,
        change: &AdoChange,
        now_ms: i64,
    ) -> Result<AdoChanged> {
        let missing = || AdoChangeError::Project(organisation.to_owned());
        let organisation = self.organisation_mut(organisation).ok_or_else(missing)?;
        let last = organisation.events.last().map(|event| organisation.time_of(*event));
        organisation.change(change, now_ms.max(last.unwrap_or(0)))
    }
}

impl Organisation {
    fn change(&mut self, change: &AdoChange, at: i64) -> Result<AdoChanged> {
        let (id, edit) = match change {
            AdoChange::Edit { id, title, description, state, tags, assigned_to } => {
                let state = match state {
                    None => None,
                    Some(name) => Some(self.state(*id, name)?),
                };
                let assigned = assigned_to.as_ref().map(|name| self.person(name));
                let (title, description) = (title.clone(), description.clone());
                let written = Written { title, description, state, tags: tags.clone(), assigned };
                (*id, Edit::Written(Box::new(written)))
            }
            AdoChange::Add { project, kind, title, description, parent } => {
                return self.add(project, kind, title, description.as_deref(), *parent, at);
            }
            AdoChange::Delete { id } => (*id, Edit::Deleted),
            AdoChange::Restore { id } => (*id, Edit::Restored),
            AdoChange::Destroy { id } => {
                let number = self.known(*id, true).or_else(|_| self.known(*id, false))?;
                let item = self.items.get_mut(&number).ok_or(AdoChangeError::Item(*id))?;
                item.destroyed = true;
                return Ok(AdoChanged { id: *id, comment: None });
            }
            AdoChange::Move { id, to } => {
                let number = self.known(*id, false)?;
                let missing = || AdoChangeError::Project(to.clone());
                let (project, found) = self.project(short(to)).ok_or_else(missing)?;
                let now = self.present(number).ok_or(AdoChangeError::Item(*id))?;
                let kind = found.process.counterpart(now.kind);
                (*id, Edit::Moved { project, kind })
            }
            AdoChange::Retype { id, kind } => (*id, Edit::Retyped(self.kind(*id, kind)?)),
            AdoChange::AddComment { id, text } => {
                self.next_comment += 1;
                (*id, Edit::CommentAdded(self.next_comment, Some(text.as_str().into())))
            }
            AdoChange::EditComment { id, comment, text } => {
                let comment = self.comment(*id, *comment)?;
                (*id, Edit::CommentEdited(comment, text.as_str().into()))
            }
            AdoChange::DeleteComment { id, comment } => {
                (*id, Edit::CommentDeleted(self.comment(*id, *comment)?))
            }
        };
        let number = self.known(id, matches!(edit, Edit::Restored))?;
        let comment = match &edit {
            Edit::CommentAdded(comment, _)
            | Edit::CommentEdited(comment, _)
            | Edit::CommentDeleted(comment) => Some(u64::from(*comment)),
            Edit::Created
            | Edit::State(_)
            | Edit::Assigned(_)
            | Edit::Written(_)
            | Edit::Moved { .. }
            | Edit::Retyped(_)
            | Edit::Deleted
            | Edit::Restored => None,
        };
        self.record(number, Revision { at, by: 0, edit });
        Ok(AdoChanged { id, comment })
    }

    fn add(
        &mut self,
        project: &str,
        kind: &str,
        title: &str,
        description: Option<&str>,
        parent: Option<u64>,
        at: i64,
    ) -> Result<AdoChanged> {
        let missing = || AdoChangeError::Project(project.to_owned());
        let (project, found) = self.project(short(project)).ok_or_else(missing)?;
        let kind =
            found.process.kind_named(kind).ok_or_else(|| AdoChangeError::Kind(kind.to_owned()))?;
        let parent = match parent {
            None => 0,
            Some(parent) => self.known(parent, false)?,
        };
        let id = self.items.keys().next_back().map_or(1, |last| last + 1);
        let created =
            Created::Written { title: title.into(), description: description.map(Into::into) };
        let first = Revision { at, by: 0, edit: Edit::Created };
        let item =
            Item { id, parent, project, kind, created, revisions: vec![first], destroyed: false };
        self.items.insert(id, item);
        self.events.push(Event { id, rev: 1 });
        if parent != 0 {
            self.children.entry(parent).or_default().push(id);
        }
        Ok(AdoChanged { id: id.into(), comment: None })
    }

    /// The number of a work item that is there, in the recycle bin or out of it.
    fn known(&self, id: u64, deleted: bool) -> Result<u32> {
        let missing = AdoChangeError::Item(id);
        let Ok(number) = u32::try_from(id) else { return Err(missing) };
        match self.items.get(&number).filter(|item| !item.destroyed) {
            Some(item) if item.now(self).deleted == deleted => Ok(number),
            Some(_) | None => Err(missing),
        }
    }

    fn kind(&self, id: u64, name: &str) -> Result<u8> {
        let number = self.known(id, false)?;
        let now = self.present(number).ok_or(AdoChangeError::Item(id))?;
        let process = self.projects[usize::from(now.project)].process;
        process.kind_named(name).ok_or_else(|| AdoChangeError::Kind(name.to_owned()))
    }

    fn state(&self, id: u64, name: &str) -> Result<u8> {
        let number = self.known(id, false)?;
        let now = self.present(number).ok_or(AdoChangeError::Item(id))?;
        now.kind().state_named(name).ok_or_else(|| AdoChangeError::State(name.to_owned()))
    }

    fn comment(&self, id: u64, comment: u64) -> Result<u32> {
        let number = self.known(id, false)?;
        let item = self.items.get(&number).ok_or(AdoChangeError::Item(id))?;
        let found = item.comments().into_iter().find(|c| u64::from(c.id) == comment && !c.deleted);
        found.map(|comment| comment.id).ok_or(AdoChangeError::Comment(comment))
    }
}

/// The project's own name.
fn short(project: &str) -> &str {
    project.rsplit_once('/').map_or(project, |(_, name)| name)
}
