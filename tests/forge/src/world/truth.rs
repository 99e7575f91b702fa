//! The complete present state of a repository, for comparing an import with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::World;
use super::repo::{Comment, Issue, Repo};
use super::timeline::Happened;
use crate::clock::rfc3339;
use crate::github::graphql::object::event_id;

/// All that is there, and what is no longer there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// The present `owner/name`.
    pub repo: String,
    /// Its id.
    pub id: u64,
    /// Issues and pull requests by number.
    pub issues: BTreeMap<u64, TruthIssue>,
    /// What was deleted or transferred, by number.
    pub gone_issues: BTreeMap<u64, GoneIssue>,
    /// Comments deleted singly or with their issue.
    pub gone_comments: Vec<GoneComment>,
}

impl Truth {
    /// The number of all present comments.
    pub fn comment_count(&self) -> usize {
        self.issues.values().map(|issue| issue.comments.len()).sum()
    }
}

/// A present issue. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the REST interface")]
pub struct TruthIssue {
    pub id: u64,
    pub number: u64,
    pub is_pull: bool,
    pub title: String,
    pub body: Option<String>,
    /// `open` or `closed`.
    pub state: String,
    pub state_reason: Option<String>,
    /// `None`: the API says `null`.
    pub author: Option<String>,
    pub assignees: Vec<String>,
    /// Names, in the order the API gives them.
    pub labels: Vec<String>,
    pub milestone: Option<String>,
    pub created_at: String,
    pub updated_at: String,
    pub closed_at: Option<String>,
    /// The number the API shows, which may be stale; `comments.len()` is right.
    pub shown_comments: i64,
    /// The name of its type.
    pub type_name: Option<String>,
    pub parent: Option<u64>,
    pub blocked_by: Vec<u64>,
    /// Ids and types, as GraphQL has them, of all entries of its history but comments.
    pub history: Vec<(String, String)>,
    /// By ascending id.
    pub comments: Vec<TruthComment>,
}

/// A present comment. Times are RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the REST interface")]
pub struct TruthComment {
    pub id: u64,
    pub author: Option<String>,
    pub body: String,
    pub created_at: String,
    pub updated_at: String,
    /// It is missing from the repository-wide list.
    pub hidden: bool,
}

/// An issue that is no longer here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoneIssue {
    /// The id it had.
    pub id: u64,
    /// When it went, RFC 3339.
    pub gone_at: String,
    /// The repository id and number it was transferred to; `None`: deleted.
    pub moved_to: Option<(u64, u64)>,
}

/// A comment that is no longer here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoneComment {
    /// Which.
    pub id: u64,
    /// The number of its issue.
    pub number: u64,
    /// When it went, RFC 3339.
    pub gone_at: String,
}

impl World {
    /// The truth about `owner/name`.
    pub(crate) fn truth(&self, full_name: &str) -> Option<Truth> {
        let repo = self.repo_named(full_name)?;
        let gone_issues = repo.gone.iter().map(|(number, gone)| {
            let gone_at = rfc3339(gone.at);
            (*number, GoneIssue { id: gone.id, gone_at, moved_to: gone.to })
        });
        let gone_comments = repo.gone_comments.iter().map(|gone| GoneComment {
            id: gone.id,
            number: gone.number,
            gone_at: rfc3339(gone.at),
        });
        Some(Truth {
            repo: self.full_name(repo),
            id: repo.id,
            issues: repo.issues.values().map(|i| (i.number, self.tell(repo, i))).collect(),
            gone_issues: gone_issues.collect(),
            gone_comments: gone_comments.collect(),
        })
    }

    fn tell(&self, repo: &Repo, issue: &Issue) -> TruthIssue {
        let login = |at: &usize| self.people.get(*at).login.clone();
        let comments = issue.comment_ids.iter().filter_map(|id| repo.comments.get(id));
        TruthIssue {
            id: issue.id,
            number: issue.number,
            is_pull: issue.pull.is_some(),
            title: issue.title.clone(),
            body: issue.body.clone(),
            state: if issue.open { "open" } else { "closed" }.to_owned(),
            state_reason: issue.state_reason.map(str::to_owned),
            author: issue.user.as_ref().map(login),
            assignees: issue.assignees.iter().map(login).collect(),
            labels: issue.labels.iter().map(|at| repo.labels[*at].name.clone()).collect(),
            milestone: issue.milestone.map(|at| repo.milestones[at].title.clone()),
            created_at: rfc3339(issue.created),
            updated_at: rfc3339(issue.updated),
            closed_at: issue.closed.map(rfc3339),
            shown_comments: issue.comments,
            type_name: issue.type_name().map(str::to_owned),
            parent: repo.parent_of(issue.number),
            blocked_by: repo.blocked_by.get(&issue.number).cloned().unwrap_or_default(),
            history: history(repo, issue),
            comments: comments.map(|comment| self.tell_comment(repo, comment)).collect(),
        }
    }

    fn tell_comment(&self, repo: &Repo, comment: &Comment) -> TruthComment {
        TruthComment {
            id: comment.id,
            author: comment.user.map(|at| self.people.get(at).login.clone()),
            body: comment.body.clone(),
            created_at: rfc3339(comment.created),
            updated_at: rfc3339(comment.updated),
            hidden: repo.hidden.contains(&comment.id),
        }
    }
}

fn history(repo: &Repo, issue: &Issue) -> Vec<(String, String)> {
    let events = repo.timeline(issue).into_iter();
    let kept = events.filter(|event| !matches!(event.what, Happened::Commented(_)));
    kept.map(|event| (event_id(&event), event.what.type_name().to_owned())).collect()
}
