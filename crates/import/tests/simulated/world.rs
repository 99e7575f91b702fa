//! The truth that is imported, and what people do to it meanwhile.

use std::collections::BTreeMap;

use proptest::prelude::*;

/// One repository.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) issues: BTreeMap<u64, Issue>,
    pub(crate) comments: BTreeMap<u64, Comment>,
    /// Milliseconds since the epoch.
    pub(crate) now: i64,
    next: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Issue {
    /// The second of its last change.
    pub(crate) updated: i64,
    pub(crate) title: String,
    pub(crate) is_pull: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) issue: u64,
    pub(crate) updated: i64,
    pub(crate) body: String,
}

/// What happens between two requests.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    Nothing,
    Retitle(usize),
    Open,
    Delete(usize),
    Say(usize),
    Reword(usize),
    Unsay(usize),
}

pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<usize>;
    prop_oneof![
        6 => Just(Edit::Nothing),
        2 => at().prop_map(Edit::Retitle),
        1 => Just(Edit::Open),
        1 => at().prop_map(Edit::Delete),
        2 => at().prop_map(Edit::Say),
        2 => at().prop_map(Edit::Reword),
        1 => at().prop_map(Edit::Unsay),
    ]
}

impl World {
    /// `bulk`: how many issues, and how many comments, share one second each.
    pub(crate) fn new(issues: u64, comments: u64, bulk: u64) -> Self {
        let mut world = Self { now: 1_700_000_000_000, ..Self::default() };
        for number in 1..=issues {
            if number > bulk {
                world.now += 977;
            }
            world.open(number % 5 == 0);
        }
        for at in 0..comments {
            if at > bulk {
                world.now += 499;
            }
            world.say(usize::try_from(at * 31).unwrap());
        }
        world.now += 60_000;
        world
    }

    fn second(&self) -> i64 {
        self.now / 1_000
    }

    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn open(&mut self, is_pull: bool) {
        let number = self.fresh();
        let title = format!("opened {number}");
        self.issues.insert(number, Issue { updated: self.second(), title, is_pull });
    }

    fn some_issue(&self, at: usize) -> Option<u64> {
        self.issues.keys().copied().nth(at % self.issues.len().max(1))
    }

    fn some_comment(&self, at: usize) -> Option<u64> {
        self.comments.keys().copied().nth(at % self.comments.len().max(1))
    }

    fn say(&mut self, at: usize) {
        let Some(issue) = self.some_issue(at) else { return };
        let (id, updated) = (self.fresh(), self.second());
        self.comments.insert(id, Comment { issue, updated, body: format!("said {id}") });
        self.touch(issue);
    }

    fn touch(&mut self, number: u64) {
        let second = self.second();
        if let Some(issue) = self.issues.get_mut(&number) {
            issue.updated = second;
        }
    }

    pub(crate) fn comments_of(&self, number: u64) -> impl Iterator<Item = (u64, &Comment)> {
        self.comments.iter().filter(move |(_, c)| c.issue == number).map(|(id, c)| (*id, c))
    }

    pub(crate) fn apply(&mut self, edit: &Edit) {
        let stamp = self.next + 1_000_000;
        let second = self.second();
        match edit {
            Edit::Nothing => {}
            Edit::Retitle(at) => {
                if let Some(number) = self.some_issue(*at) {
                    self.fresh();
                    self.issues.get_mut(&number).unwrap().title = format!("edited {stamp}");
                    self.touch(number);
                }
            }
            Edit::Open => self.open(false),
            Edit::Delete(at) => {
                if let Some(number) = self.some_issue(*at) {
                    self.issues.remove(&number);
                    self.comments.retain(|_, comment| comment.issue != number);
                }
            }
            Edit::Say(at) => self.say(*at),
            Edit::Reword(at) => {
                if let Some(id) = self.some_comment(*at) {
                    self.fresh();
                    let comment = self.comments.get_mut(&id).unwrap();
                    comment.body = format!("reworded {stamp}");
                    comment.updated = second;
                }
            }
            Edit::Unsay(at) => {
                if let Some(id) = self.some_comment(*at) {
                    let comment = self.comments.remove(&id).unwrap();
                    self.touch(comment.issue);
                }
            }
        }
    }
}
