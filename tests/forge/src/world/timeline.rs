//! What happened to an issue, and how issues hang together. Made from the issue when it is asked
//! for: 12,500 histories need not be kept.

use super::repo::{Issue, Repo};

/// Entries of the same kind that one issue may have.
const SLOTS: u64 = 100_000;

/// One entry of an issue's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: u64,
    pub(crate) actor: Option<usize>,
    pub(crate) at: i64,
    pub(crate) what: Happened,
}

/// What happened. Labels, people and milestones by their index, issues by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happened {
    Labeled(usize),
    Unlabeled(usize),
    Assigned(usize),
    Milestoned(usize),
    Renamed { from: String, to: String },
    Closed,
    Reopened,
    Locked,
    CrossReferenced(u64),
    SubIssueAdded(u64),
    ParentAdded(u64),
    Commented(u64),
}

impl Happened {
    /// The type of the entry in GraphQL.
    pub(crate) const fn type_name(&self) -> &'static str {
        match self {
            Happened::Labeled(_) => "LabeledEvent",
            Happened::Unlabeled(_) => "UnlabeledEvent",
            Happened::Assigned(_) => "AssignedEvent",
            Happened::Milestoned(_) => "MilestonedEvent",
            Happened::Renamed { .. } => "RenamedTitleEvent",
            Happened::Closed => "ClosedEvent",
            Happened::Reopened => "ReopenedEvent",
            Happened::Locked => "LockedEvent",
            Happened::CrossReferenced(_) => "CrossReferencedEvent",
            Happened::SubIssueAdded(_) => "SubIssueAddedEvent",
            Happened::ParentAdded(_) => "ParentIssueAddedEvent",
            Happened::Commented(_) => "IssueComment",
        }
    }

    /// Its enumerator in `itemTypes`: `LABELED_EVENT`.
    pub(crate) fn item_type(&self) -> String {
        let mut word = String::new();
        for c in self.type_name().chars() {
            if c.is_ascii_uppercase() && !word.is_empty() {
                word.push('_');
            }
            word.push(c.to_ascii_uppercase());
        }
        word
    }

    /// Its word in the REST interface.
    pub(crate) const fn rest_word(&self) -> &'static str {
        match self {
            Happened::Labeled(_) => "labeled",
            Happened::Unlabeled(_) => "unlabeled",
            Happened::Assigned(_) => "assigned",
            Happened::Milestoned(_) => "milestoned",
            Happened::Renamed { .. } => "renamed",
            Happened::Closed => "closed",
            Happened::Reopened => "reopened",
            Happened::Locked => "locked",
            Happened::CrossReferenced(_) => "cross-referenced",
            Happened::SubIssueAdded(_) => "sub_issue_added",
            Happened::ParentAdded(_) => "parent_issue_added",
            Happened::Commented(_) => "commented",
        }
    }
}

impl Repo {
    /// The history of an issue, oldest first, its comments among it.
    pub(crate) fn timeline(&self, issue: &Issue) -> Vec<Event> {
        let mut events = vec![];
        let mut slot = 0;
        let mut add = |at: i64, actor: Option<usize>, what: Happened| {
            slot += 1;
            events.push(Event { id: issue.id * SLOTS + slot, actor, at, what });
        };
        let (born, author) = (issue.created, issue.user);
        for label in &issue.labels {
            add(born + 1, author, Happened::Labeled(*label));
        }
        for person in &issue.assignees {
            add(born + 2, author, Happened::Assigned(*person));
        }
        if let Some(milestone) = issue.milestone {
            add(born + 3, author, Happened::Milestoned(milestone));
        }
        if let Some(parent) = self.parent_of(issue.number) {
            add(born + 4, author, Happened::ParentAdded(parent));
        }
        for child in self.children_of(issue.number) {
            add(born + 5, author, Happened::SubIssueAdded(child));
        }
        for turn in 0..self.restless.get(&issue.number).copied().unwrap_or_default() {
            let at = born + 6 + i64::from(turn);
            let what = if turn % 2 == 0 { Happened::Labeled(0) } else { Happened::Unlabeled(0) };
            add(at, author, what);
        }
        let later = issue.number + 1;
        if issue.number.is_multiple_of(5) && self.issues.contains_key(&later) {
            add(self.issues[&later].created, author, Happened::CrossReferenced(later));
        }
        if issue.locked {
            add(issue.updated, author, Happened::Locked);
        }
        if let (Some(closed), true) = (issue.closed, issue.events.is_empty()) {
            add(closed, author, Happened::Closed);
        }
        slot = SLOTS / 2;
        for event in &issue.events {
            slot += 1;
            events.push(Event { id: issue.id * SLOTS + slot, ..event.clone() });
        }
        let comments = issue.comment_ids.iter().filter_map(|id| self.comments.get(id));
        events.extend(comments.map(|comment| Event {
            id: comment.id,
            actor: comment.user,
            at: comment.created,
            what: Happened::Commented(comment.id),
        }));
        events.sort_by_key(|event| (event.at, event.id));
        events
    }

    /// The parent of an issue: of every ten, the fourth and the fifth belong to the first. The
    /// very first numbers are left alone.
    pub(crate) fn parent_of(&self, number: u64) -> Option<u64> {
        let parent = number - number % 10;
        let is_issue = |n: &u64| self.is_issue(*n) && self.issues[n].recorded.is_none();
        let fits = number >= 30 && matches!(number % 10, 3 | 4);
        (fits && is_issue(&number) && is_issue(&parent)).then_some(parent)
    }

    /// The sub-issues of an issue.
    pub(crate) fn children_of(&self, number: u64) -> Vec<u64> {
        let near = [number + 3, number + 4];
        near.into_iter().filter(|child| self.parent_of(*child) == Some(number)).collect()
    }
}

impl Issue {
    /// The name of its type, where it has one; recorded issues are shown as they were.
    pub(crate) fn type_name(&self) -> Option<&'static str> {
        let typed = self.number > 20 && self.pull.is_none() && self.recorded.is_none();
        match self.number % 6 {
            0 if typed => Some("Bug"),
            1 if typed => Some("Feature"),
            2 if typed => Some("Task"),
            _ => None,
        }
    }
}
