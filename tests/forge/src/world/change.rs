//! Changing the world while it is read.
//!
//! The rules for `updated_at`, as far as they are known: an edit of an issue, a new comment and a
//! deleted comment set the issue's to now; an edit of a comment sets only the comment's. Nothing
//! has parts of seconds.

use serde::{Deserialize, Serialize};

use super::World;
use super::repo::{Comment, Gone, GoneRemark, Issue, Pull, Repo};
use super::timeline::{Event, Happened};

/// One change. In JSON the variant is the field `action`, in snake case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Edits an issue; absent fields stay.
    EditIssue {
        /// Which.
        number: u64,
        /// Its new title.
        #[serde(default)]
        title: Option<String>,
        /// Its new text.
        #[serde(default)]
        body: Option<String>,
        /// `open` or `closed`.
        #[serde(default)]
        state: Option<String>,
    },
    /// Opens an issue or pull request under the next number.
    AddIssue {
        /// Its title.
        title: String,
        /// Its text.
        #[serde(default)]
        body: Option<String>,
        /// Who; `None`: the first account.
        #[serde(default)]
        user: Option<String>,
        /// Makes it a pull request.
        #[serde(default)]
        pull: bool,
    },
    /// Deletes an issue with its comments: 410 from now on.
    DeleteIssue {
        /// Which.
        number: u64,
    },
    /// Moves an issue with its comments: 301 from now on.
    TransferIssue {
        /// Which.
        number: u64,
        /// Where to, as `owner/name`.
        to: String,
    },
    /// Adds a comment.
    AddComment {
        /// On which issue.
        number: u64,
        /// Its text.
        body: String,
        /// Who; `None`: the first account.
        #[serde(default)]
        user: Option<String>,
    },
    /// Edits a comment.
    EditComment {
        /// Which.
        id: u64,
        /// Its new text.
        body: String,
    },
    /// Deletes a comment.
    DeleteComment {
        /// Which.
        id: u64,
    },
    /// Gives the repository another name; the old one redirects. Its git address moves too.
    RenameRepo {
        /// The new name, without the owner.
        to: String,
    },
    /// Makes the repository private or public.
    SetPrivate {
        /// Which of the two.
        private: bool,
    },
    /// Archives or revives the repository.
    SetArchived {
        /// Which of the two.
        archived: bool,
    },
    /// Deletes the repository: 404 from now on.
    DeleteRepo,
    /// Adds an empty repository of the same owner.
    AddRepo {
        /// Its name, without the owner.
        name: String,
    },
}

impl Change {
    pub(crate) fn edit_title(number: u64, title: String) -> Self {
        Change::EditIssue { number, title: Some(title), body: None, state: None }
    }

    pub(crate) fn edit_state(number: u64, state: String) -> Self {
        Change::EditIssue { number, title: None, body: None, state: Some(state) }
    }
}

/// What a change made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Changed {
    /// The number of the issue it was about, in its present repository.
    pub number: Option<u64>,
    /// The comment it was about.
    pub comment: Option<u64>,
}

/// Why nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// No repository of this name.
    #[error("cannot change {0}: no such repository")]
    NoRepo(String),
    /// No such issue.
    #[error("cannot change issue {0}: no such issue")]
    NoIssue(u64),
    /// No such comment.
    #[error("cannot change comment {0}: no such comment")]
    NoComment(u64),
}

impl World {
    /// Applies one change to the repository `owner/name`, dated `now`.
    pub(crate) fn change(
        &mut self,
        full_name: &str,
        change: &Change,
        now: i64,
    ) -> Result<Changed, ChangeError> {
        let missing = || ChangeError::NoRepo(full_name.to_owned());
        let at = self.index_of(full_name).ok_or_else(missing)?;
        match change {
            Change::EditIssue { number, title, body, state } => {
                let edit = |issue: &mut Issue| {
                    edit(issue, title.as_deref(), body.as_deref(), state.as_deref(), now);
                };
                let done = self.repos[at].with_issue(*number, edit);
                done.ok_or(ChangeError::NoIssue(*number))?;
                Ok(about(*number, None))
            }
            Change::AddIssue { title, body, user, pull } => {
                let user = self.account(user.as_deref().unwrap_or("octo"));
                Ok(self.open_issue(at, title, body.clone(), user, *pull, now))
            }
            Change::DeleteIssue { number } => self.delete_issue(at, *number, now),
            Change::TransferIssue { number, to } => {
                let to_at = self.index_of(to).ok_or_else(|| ChangeError::NoRepo(to.clone()))?;
                self.transfer(at, *number, to_at, now)
            }
            Change::AddComment { number, body, user } => {
                let user = self.account(user.as_deref().unwrap_or("octo"));
                self.comment(at, *number, body, user, now)
            }
            Change::EditComment { id, body } => edit_comment(&mut self.repos[at], *id, body, now),
            Change::DeleteComment { id } => delete_comment(&mut self.repos[at], *id, now),
            Change::RenameRepo { .. }
            | Change::SetPrivate { .. }
            | Change::SetArchived { .. }
            | Change::DeleteRepo
            | Change::AddRepo { .. } => {
                self.change_repo(at, change, now);
                Ok(Changed::default())
            }
        }
    }

    fn change_repo(&mut self, at: usize, change: &Change, now: i64) {
        let repo = &mut self.repos[at];
        repo.updated = now;
        match change {
            Change::RenameRepo { to } => {
                let old = std::mem::replace(&mut repo.name, to.clone());
                repo.former.push(old);
            }
            Change::SetPrivate { private } => repo.private = *private,
            Change::SetArchived { archived } => repo.archived = *archived,
            Change::DeleteRepo => drop(self.repos.remove(at)),
            Change::AddRepo { name } => {
                let owner = repo.owner;
                let new = Repo::new(self.next_repo_id, owner, name, now);
                self.next_repo_id += 1;
                self.repos.push(new);
            }
            Change::EditIssue { .. }
            | Change::AddIssue { .. }
            | Change::DeleteIssue { .. }
            | Change::TransferIssue { .. }
            | Change::AddComment { .. }
            | Change::EditComment { .. }
            | Change::DeleteComment { .. } => {}
        }
    }

    fn open_issue(
        &mut self,
        at: usize,
        title: &str,
        body: Option<String>,
        user: usize,
        pull: bool,
        now: i64,
    ) -> Changed {
        let number = self.repos[at].next_number;
        let pull = pull.then_some(Pull { draft: false, merged: None });
        let issue = Issue {
            id: self.next_issue_id,
            number,
            title: title.to_owned(),
            body,
            user: Some(user),
            labels: Vec::new(),
            assignees: Vec::new(),
            milestone: None,
            open: true,
            state_reason: None,
            locked: false,
            comments: 0,
            comment_ids: Vec::new(),
            created: now,
            updated: now,
            closed: None,
            pull,
            events: Vec::new(),
            recorded: None,
        };
        self.next_issue_id += 1;
        self.repos[at].add_issue(issue);
        about(number, None)
    }

    fn delete_issue(&mut self, at: usize, number: u64, now: i64) -> Result<Changed, ChangeError> {
        let repo = &mut self.repos[at];
        let issue = repo.take_issue(number).ok_or(ChangeError::NoIssue(number))?;
        for id in &issue.comment_ids {
            repo.take_comment(*id);
            repo.gone_comments.push(GoneRemark { id: *id, number, at: now });
        }
        repo.gone.insert(number, Gone { id: issue.id, at: now, to: None });
        Ok(about(number, None))
    }

    /// The real forge gives a transferred issue a new id and keeps its comments.
    fn transfer(
        &mut self,
        at: usize,
        number: u64,
        to: usize,
        now: i64,
    ) -> Result<Changed, ChangeError> {
        let repo = &mut self.repos[at];
        let mut issue = repo.take_issue(number).ok_or(ChangeError::NoIssue(number))?;
        let comments: Vec<_> =
            issue.comment_ids.iter().filter_map(|id| repo.take_comment(*id)).collect();
        let target = &mut self.repos[to];
        let old_id = std::mem::replace(&mut issue.id, self.next_issue_id);
        self.next_issue_id += 1;
        issue.number = target.next_number;
        issue.updated = now;
        issue.labels.clear();
        issue.milestone = None;
        issue.recorded = None;
        let (new, target_id) = (issue.number, target.id);
        target.add_issue(issue);
        for comment in comments {
            target.add_comment(Comment { number: new, ..comment });
        }
        let gone = Gone { id: old_id, at: now, to: Some((target_id, new)) };
        self.repos[at].gone.insert(number, gone);
        Ok(about(new, None))
    }

    fn comment(
        &mut self,
        at: usize,
        number: u64,
        body: &str,
        user: usize,
        now: i64,
    ) -> Result<Changed, ChangeError> {
        let id = self.next_comment_id;
        let repo = &mut self.repos[at];
        let added = repo.with_issue(number, |issue| {
            issue.comment_ids.push(id);
            issue.comments += 1;
            touch(issue, now);
        });
        added.ok_or(ChangeError::NoIssue(number))?;
        self.next_comment_id += 1;
        let (body, user) = (body.to_owned(), Some(user));
        repo.add_comment(Comment { id, number, body, user, created: now, updated: now });
        Ok(about(number, Some(id)))
    }
}

fn edit_comment(repo: &mut Repo, id: u64, body: &str, now: i64) -> Result<Changed, ChangeError> {
    let mut comment = repo.take_comment(id).ok_or(ChangeError::NoComment(id))?;
    body.clone_into(&mut comment.body);
    comment.updated = now.max(comment.updated);
    let number = comment.number;
    repo.add_comment(comment);
    Ok(about(number, Some(id)))
}

fn delete_comment(repo: &mut Repo, id: u64, now: i64) -> Result<Changed, ChangeError> {
    let comment = repo.take_comment(id).ok_or(ChangeError::NoComment(id))?;
    repo.gone_comments.push(GoneRemark { id, number: comment.number, at: now });
    repo.with_issue(comment.number, |issue| {
        issue.comment_ids.retain(|other| *other != id);
        issue.comments -= 1;
        touch(issue, now);
    });
    Ok(about(comment.number, Some(id)))
}

fn edit(issue: &mut Issue, title: Option<&str>, body: Option<&str>, state: Option<&str>, now: i64) {
    if let Some(title) = title {
        let (from, to) = (issue.title.clone(), title.to_owned());
        note(issue, Happened::Renamed { from, to }, now);
        title.clone_into(&mut issue.title);
    }
    if let Some(body) = body {
        issue.body = Some(body.to_owned());
    }
    if let Some(state) = state {
        let open = state == "open";
        if open != issue.open {
            note(issue, if open { Happened::Reopened } else { Happened::Closed }, now);
        }
        issue.open = open;
        issue.closed = (!issue.open).then_some(now);
        issue.state_reason = Some(if issue.open { "reopened" } else { "completed" });
    }
    touch(issue, now);
}

/// Puts an entry into the history of an issue.
fn note(issue: &mut Issue, what: Happened, now: i64) {
    if let (Some(closed), true) = (issue.closed, issue.events.is_empty()) {
        // From now on the history is kept: what it began with stays in it.
        issue.events.push(Event { id: 0, actor: issue.user, at: closed, what: Happened::Closed });
    }
    issue.events.push(Event { id: 0, actor: issue.user, at: now, what });
}

/// Dates an issue; a recorded one is told in our own words from then on.
fn touch(issue: &mut Issue, now: i64) {
    issue.updated = now.max(issue.updated);
    issue.recorded = None;
}

fn about(number: u64, comment: Option<u64>) -> Changed {
    Changed { number: Some(number), comment }
}
