//! Changing the world while it is read.

use serde::{Deserialize, Serialize};

use super::blocks::plain;
use super::issue::{CATEGORIES, Changed, Comment, Edits, History, STATUSES, SUBTASK, status_words};
use super::{FIRST_ID, Slot, World};
use crate::random::Random;

/// A change to the world, dated now by the forge's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum JiraChange {
    /// Changes what is given of an issue.
    EditIssue {
        /// Which.
        key: String,
        /// The new title.
        #[serde(default)]
        summary: Option<String>,
        /// The new text, one paragraph.
        #[serde(default)]
        description: Option<String>,
        /// The name of the new status.
        #[serde(default)]
        status: Option<String>,
    },
    /// Makes a task.
    AddIssue {
        /// The project's key.
        project: String,
        /// Its title.
        summary: String,
    },
    /// Deletes an issue with its comments and sub-tasks.
    DeleteIssue {
        /// Which.
        key: String,
    },
    /// Moves an issue with its sub-tasks to another project: new keys, the same ids.
    MoveIssue {
        /// Which.
        key: String,
        /// The other project's key.
        to: String,
    },
    /// Adds a comment.
    AddComment {
        /// To which issue.
        key: String,
        /// Its text.
        body: String,
    },
    /// Changes a comment's text.
    EditComment {
        /// Which.
        id: u64,
        /// The new text.
        body: String,
    },
    /// Deletes a comment.
    DeleteComment {
        /// Which.
        id: u64,
    },
}

/// What a change was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JiraChanged {
    /// The issue's key, its new one where it was moved.
    pub key: String,
    /// The comment.
    pub comment: Option<u64>,
}

/// Why a change was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JiraChangeError {
    /// There is no such issue.
    #[error("no issue {0}")]
    NoIssue(String),
    /// There is no such project.
    #[error("no project {0}")]
    NoProject(String),
    /// There is no such comment.
    #[error("no comment {0}")]
    NoComment(u64),
    /// There is no such status.
    #[error("no status {0}")]
    NoStatus(String),
    /// A sub-task goes where its parent goes.
    #[error("{0} is a sub-task: move its parent")]
    Subtask(String),
}

/// When a change happens, and what the Jira's manners make of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: i64,
    pub(crate) lag: u64,
    pub(crate) silent_comments: bool,
}

impl World {
    pub(crate) fn change(
        &mut self,
        change: &JiraChange,
        moment: Moment,
    ) -> Result<JiraChanged, JiraChangeError> {
        match change {
            JiraChange::EditIssue { key, summary, description, status } => {
                let at = self.at(key)?;
                let status = status.as_deref().map(status_named).transpose()?;
                self.edit(at, summary.as_deref(), description.as_deref(), status, moment.now);
                self.touch(at, moment);
                Ok(self.about(at, None))
            }
            JiraChange::AddIssue { project, summary } => {
                let project = self.project_at(project)?;
                let at = self.add(project, summary, moment);
                Ok(self.about(at, None))
            }
            JiraChange::DeleteIssue { key } => {
                let at = self.at(key)?;
                let changed = self.about(at, None);
                self.remove(at, moment.now, moment.lag);
                Ok(changed)
            }
            JiraChange::MoveIssue { key, to } => {
                let at = self.at(key)?;
                let to = self.project_at(to)?;
                if self.head(&self.slots[at]).kind == SUBTASK {
                    return Err(JiraChangeError::Subtask(key.clone()));
                }
                self.transfer(at, to, moment);
                Ok(self.about(at, None))
            }
            JiraChange::AddComment { key, body } => {
                let at = self.at(key)?;
                let id = self.comment(at, body, moment);
                Ok(self.about(at, Some(id)))
            }
            JiraChange::EditComment { id, body } => {
                let at = self.with_comment(*id, moment, |comments, nth| {
                    comments[nth].body = plain(body);
                    comments[nth].updated = moment.now;
                })?;
                Ok(self.about(at, Some(*id)))
            }
            JiraChange::DeleteComment { id } => {
                let at = self.with_comment(*id, moment, |comments, nth| {
                    comments.remove(nth);
                })?;
                Ok(self.about(at, Some(*id)))
            }
        }
    }

    fn at(&self, key: &str) -> Result<usize, JiraChangeError> {
        let slot = self.find(key).ok_or_else(|| JiraChangeError::NoIssue(key.to_owned()))?;
        Ok(usize::try_from(slot.id - FIRST_ID).unwrap_or(0))
    }

    fn project_at(&self, key: &str) -> Result<u16, JiraChangeError> {
        self.project_named(key).ok_or_else(|| JiraChangeError::NoProject(key.to_owned()))
    }

    fn about(&self, at: usize, comment: Option<u64>) -> JiraChanged {
        JiraChanged { key: self.key(&self.slots[at]), comment }
    }

    /// What was changed of an issue, kept from now on.
    fn edits(&mut self, at: usize) -> &mut Edits {
        let head = self.head(&self.slots[at]).into_owned();
        let fresh = || Box::new(Edits { head, body: None, comments: None, histories: Vec::new() });
        self.slots[at].edits.get_or_insert_with(fresh)
    }

    /// Dates an issue: never earlier than it was, never the same.
    fn touch(&mut self, at: usize, moment: Moment) {
        let slot = &mut self.slots[at];
        slot.updated = moment.now.max(slot.updated + 1);
        self.index_after(at, moment.lag);
    }

    fn edit(
        &mut self,
        at: usize,
        summary: Option<&str>,
        description: Option<&str>,
        status: Option<usize>,
        now: i64,
    ) {
        let id = self.slots[at].id;
        let edits = self.edits(at);
        let mut items = Vec::new();
        if let Some(summary) = summary {
            let old = std::mem::replace(&mut edits.head.summary, summary.to_owned());
            items.push(changed("summary", &old, summary));
        }
        if let Some(description) = description {
            edits.body = Some(plain(description));
            items.push(changed("description", "", description));
        }
        if let Some(status) = status {
            let old = std::mem::replace(&mut edits.head.status, status);
            let (from, to) = (Some(status_words(old)), Some(status_words(status)));
            items.push(Changed { field: "status", from, to });
            let done = CATEGORIES[STATUSES[status].2].1 == "done";
            edits.head.resolved = done.then_some(now);
        }
        let nth = edits.histories.len() as u64;
        let id = id * 1_000 + 500 + nth;
        edits.histories.push(History { id, author: Some(0), at: now, items });
    }

    fn add(&mut self, project: u16, summary: &str, moment: Moment) -> usize {
        let at = self.slots.len();
        let id = FIRST_ID + at as u64;
        self.slots.push(Slot {
            id,
            project,
            number: 0,
            origin: (project, 0),
            created: moment.now,
            updated: moment.now,
            indexed: moment.now,
            listed: false,
            here: true,
            first_comment: u64::MAX,
            comments: 0,
            edits: None,
        });
        self.renumber(at, project);
        let edits = Edits {
            head: super::issue::Head {
                kind: super::issue::TASK,
                status: 0,
                priority: Some(2),
                summary: summary.to_owned(),
                labels: Vec::new(),
                assignee: None,
                reporter: Some(0),
                parent: None,
                sprints: Vec::new(),
                versions: Vec::new(),
                points: None,
                area: None,
                acceptance: None,
                files: Vec::new(),
                ties: Vec::new(),
                resolved: None,
            },
            body: Some(plain("A new one.")),
            comments: Some(Vec::new()),
            histories: Vec::new(),
        };
        self.slots[at].edits = Some(Box::new(edits));
        self.index_after(at, moment.lag);
        at
    }

    /// Gives an issue the next number of a project.
    fn renumber(&mut self, at: usize, project: u16) {
        let home = &mut self.projects[usize::from(project)];
        let number = home.next_number;
        home.next_number += 1;
        self.slots[at].project = project;
        self.slots[at].number = number;
        if let Ok(place) = u32::try_from(at) {
            self.keys.insert((project, number), place);
        }
    }

    /// The place of the sub-task, if there is one.
    fn subtask_at(&self, at: usize) -> Option<usize> {
        let child = self.subtask(&self.slots[at])?;
        usize::try_from(child.id - FIRST_ID).ok()
    }

    pub(super) fn remove(&mut self, at: usize, now: i64, lag: u64) {
        if let Some(child) = self.subtask_at(at) {
            self.remove(child, now, lag);
        }
        self.slots[at].here = false;
        self.slots[at].updated = now;
        self.index_after(at, lag);
    }

    fn transfer(&mut self, at: usize, to: u16, moment: Moment) {
        let child = self.subtask_at(at);
        for at in [Some(at), child].into_iter().flatten() {
            // What is made from the seed must not change with the key.
            let body = self.body(&self.slots[at]);
            self.edits(at).body.get_or_insert(body);
            self.renumber(at, to);
            self.touch(at, moment);
        }
    }

    /// All comments of an issue, kept from now on.
    fn held_comments(&mut self, at: usize) -> &mut Vec<Comment> {
        let comments = self.comments(&self.slots[at]);
        self.edits(at).comments.get_or_insert(comments)
    }

    fn comment(&mut self, at: usize, body: &str, moment: Moment) -> u64 {
        let id = self.next_comment;
        self.next_comment += 1;
        if let Ok(place) = u32::try_from(at) {
            self.added_comments.insert(id, place);
        }
        let (body, now) = (plain(body), moment.now);
        let comments = self.held_comments(at);
        comments.push(Comment { id, author: Some(0), body, created: now, updated: now });
        self.slots[at].comments += 1;
        self.touch(at, moment);
        id
    }

    /// Changes the comments of the issue that has this one; its place.
    fn with_comment(
        &mut self,
        id: u64,
        moment: Moment,
        change: impl FnOnce(&mut Vec<Comment>, usize),
    ) -> Result<usize, JiraChangeError> {
        let missing = JiraChangeError::NoComment(id);
        let at = self.comment_place(id).ok_or(missing.clone())?;
        let comments = self.held_comments(at);
        let nth = comments.iter().position(|comment| comment.id == id).ok_or(missing)?;
        change(comments, nth);
        let left = u32::try_from(comments.len()).unwrap_or(u32::MAX);
        self.slots[at].comments = left;
        if !moment.silent_comments {
            self.touch(at, moment);
        }
        Ok(at)
    }

    /// Some comment of some issue of a project.
    pub(crate) fn some_comment(&self, project: u16, random: &mut Random) -> Option<u64> {
        let mut tries = (0..20).filter_map(|_| self.some(project, random));
        let at = tries.find(|at| self.slots[*at].comments > 0)?;
        let comments = self.comments(&self.slots[at]);
        Some(comments[comments.len() / 2].id)
    }
}

fn changed(field: &'static str, from: &str, to: &str) -> Changed {
    let word = |text: &str| Some((String::new(), text.to_owned()));
    Changed { field, from: word(from), to: word(to) }
}

fn status_named(name: &str) -> Result<usize, JiraChangeError> {
    let found = STATUSES.iter().position(|status| status.1 == name);
    found.ok_or_else(|| JiraChangeError::NoStatus(name.to_owned()))
}
