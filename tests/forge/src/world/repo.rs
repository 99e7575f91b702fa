//! A repository with its issues and comments.

use std::collections::{BTreeMap, HashSet};

use super::order::Order;
use super::timeline::Event;
use crate::config::Broken;
use crate::random::Random;

/// What the git side of a repository is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GitKind {
    Ordinary,
    Empty,
    Broken(Broken),
    /// Its tracked files are an attack on the tool that clones it.
    Trojan,
}

/// A label of a repository.
#[derive(Debug, Clone)]
pub(crate) struct Label {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) color: &'static str,
    pub(crate) description: Option<String>,
}

/// A milestone of a repository; its number is its index plus 1.
#[derive(Debug, Clone)]
pub(crate) struct Milestone {
    pub(crate) id: u64,
    pub(crate) title: String,
    pub(crate) open: bool,
    pub(crate) creator: usize,
    pub(crate) created: i64,
    pub(crate) due: Option<i64>,
}

/// What makes an issue a pull request.
#[derive(Debug, Clone)]
pub(crate) struct Pull {
    pub(crate) draft: bool,
    pub(crate) merged: Option<i64>,
}

/// An issue or pull request. Times are seconds since the epoch.
#[derive(Debug, Clone)]
pub(crate) struct Issue {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: Option<String>,
    pub(crate) user: Option<usize>,
    pub(crate) labels: Vec<usize>,
    pub(crate) assignees: Vec<usize>,
    pub(crate) milestone: Option<usize>,
    pub(crate) open: bool,
    pub(crate) state_reason: Option<&'static str>,
    pub(crate) locked: bool,
    /// The number shown, which may be stale.
    pub(crate) comments: i64,
    pub(crate) comment_ids: Vec<u64>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) closed: Option<i64>,
    pub(crate) pull: Option<Pull>,
    /// What was done to it since the world was made.
    pub(crate) events: Vec<Event>,
    /// The recorded JSON, with placeholders for the two bases.
    pub(crate) recorded: Option<String>,
}

/// A comment on an issue.
#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) body: String,
    pub(crate) user: Option<usize>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
}

/// An issue that is no longer here.
#[derive(Debug, Clone)]
pub(crate) struct Gone {
    pub(crate) id: u64,
    pub(crate) at: i64,
    /// Repository and number it went to; `None`: deleted.
    pub(crate) to: Option<(u64, u64)>,
}

/// A comment that is no longer here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GoneRemark {
    pub(crate) id: u64,
    pub(crate) number: u64,
    pub(crate) at: i64,
}

/// A repository.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "the REST interface has them one by one")]
pub(crate) struct Repo {
    pub(crate) id: u64,
    pub(crate) owner: usize,
    pub(crate) name: String,
    pub(crate) former: Vec<String>,
    pub(crate) description: Option<String>,
    pub(crate) private: bool,
    pub(crate) archived: bool,
    pub(crate) fork: bool,
    pub(crate) disabled: bool,
    pub(crate) has_issues: bool,
    pub(crate) default_branch: String,
    pub(crate) size: u64,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) git: GitKind,
    pub(crate) labels: Vec<Label>,
    pub(crate) milestones: Vec<Milestone>,
    pub(crate) issues: BTreeMap<u64, Issue>,
    pub(crate) comments: BTreeMap<u64, Comment>,
    /// Comments the repository-wide list does not show.
    pub(crate) hidden: HashSet<u64>,
    pub(crate) gone: BTreeMap<u64, Gone>,
    pub(crate) gone_comments: Vec<GoneRemark>,
    /// Issues whose label was put on and taken off so many times.
    pub(crate) restless: BTreeMap<u64, u32>,
    /// Issues, and the ones that they wait for.
    pub(crate) blocked_by: BTreeMap<u64, Vec<u64>>,
    pub(crate) next_number: u64,
    pub(crate) orders: Orders,
}

/// The sort orders that are kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Orders {
    pub(crate) issues_created: Order,
    pub(crate) issues_updated: Order,
    pub(crate) issues_comments: Order,
    pub(crate) comments_id: Order,
    pub(crate) comments_created: Order,
    pub(crate) comments_updated: Order,
}

impl Repo {
    pub(crate) fn new(id: u64, owner: usize, name: &str, created: i64) -> Self {
        Repo {
            id,
            owner,
            name: name.to_owned(),
            former: Vec::new(),
            description: None,
            private: false,
            archived: false,
            fork: false,
            disabled: false,
            has_issues: true,
            default_branch: "main".to_owned(),
            size: 12,
            created,
            updated: created,
            git: GitKind::Ordinary,
            labels: Vec::new(),
            milestones: Vec::new(),
            issues: BTreeMap::new(),
            comments: BTreeMap::new(),
            hidden: HashSet::new(),
            gone: BTreeMap::new(),
            gone_comments: Vec::new(),
            restless: BTreeMap::new(),
            blocked_by: BTreeMap::new(),
            next_number: 1,
            orders: Orders::default(),
        }
    }

    /// Makes all orders anew, after the contents were filled in bulk.
    pub(crate) fn sort(&mut self) {
        let issues = || self.issues.values();
        let shown = || self.comments.values().filter(|c| !self.hidden.contains(&c.id));
        self.orders = Orders {
            issues_created: issues().map(|i| (i.created, i.number)).collect(),
            issues_updated: issues().map(|i| (i.updated, i.number)).collect(),
            issues_comments: issues().map(|i| (i.comments, i.number)).collect(),
            comments_id: shown().map(|c| (0, c.id)).collect(),
            comments_created: shown().map(|c| (c.created, c.id)).collect(),
            comments_updated: shown().map(|c| (c.updated, c.id)).collect(),
        };
    }

    /// Changes an issue and keeps the orders right; `None` when there is none of this number.
    pub(crate) fn with_issue<T>(
        &mut self,
        number: u64,
        change: impl FnOnce(&mut Issue) -> T,
    ) -> Option<T> {
        let issue = self.issues.get_mut(&number)?;
        self.orders.take_issue(issue);
        let result = change(issue);
        self.orders.put_issue(issue);
        Some(result)
    }

    pub(crate) fn add_issue(&mut self, issue: Issue) {
        self.orders.put_issue(&issue);
        self.next_number = self.next_number.max(issue.number + 1);
        self.issues.insert(issue.number, issue);
    }

    pub(crate) fn take_issue(&mut self, number: u64) -> Option<Issue> {
        let issue = self.issues.remove(&number)?;
        self.orders.take_issue(&issue);
        Some(issue)
    }

    pub(crate) fn add_comment(&mut self, comment: Comment) {
        if !self.hidden.contains(&comment.id) {
            self.orders.put_comment(&comment);
        }
        self.comments.insert(comment.id, comment);
    }

    pub(crate) fn take_comment(&mut self, id: u64) -> Option<Comment> {
        let comment = self.comments.remove(&id)?;
        self.orders.take_comment(&comment);
        Some(comment)
    }

    /// Whether an issue of this number is here that is no pull request.
    pub(crate) fn is_issue(&self, number: u64) -> bool {
        self.issues.get(&number).is_some_and(|issue| issue.pull.is_none())
    }

    /// The issues that wait for this one.
    pub(crate) fn blocking(&self, number: u64) -> Vec<u64> {
        let waits = self.blocked_by.iter().filter(|(_, early)| early.contains(&number));
        waits.map(|(late, _)| *late).filter(|late| self.is_issue(*late)).collect()
    }

    /// A present issue number, by chance.
    pub(crate) fn some_issue(&self, random: &mut Random) -> Option<u64> {
        let all = self.orders.issues_created.all();
        all.get(random.index(all.len())).map(|&(_, number)| number)
    }

    /// A present comment, by chance.
    pub(crate) fn some_comment(&self, random: &mut Random) -> Option<u64> {
        let all = self.orders.comments_id.all();
        all.get(random.index(all.len())).map(|&(_, id)| id)
    }
}

impl Orders {
    fn put_issue(&mut self, issue: &Issue) {
        self.issues_created.insert(issue.created, issue.number);
        self.issues_updated.insert(issue.updated, issue.number);
        self.issues_comments.insert(issue.comments, issue.number);
    }

    fn take_issue(&mut self, issue: &Issue) {
        self.issues_created.remove(issue.created, issue.number);
        self.issues_updated.remove(issue.updated, issue.number);
        self.issues_comments.remove(issue.comments, issue.number);
    }

    fn put_comment(&mut self, comment: &Comment) {
        self.comments_id.insert(0, comment.id);
        self.comments_created.insert(comment.created, comment.id);
        self.comments_updated.insert(comment.updated, comment.id);
    }

    fn take_comment(&mut self, comment: &Comment) {
        self.comments_id.remove(0, comment.id);
        self.comments_created.remove(comment.created, comment.id);
        self.comments_updated.remove(comment.updated, comment.id);
    }
}
