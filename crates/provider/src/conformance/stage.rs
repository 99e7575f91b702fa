use std::collections::{BTreeMap, BTreeSet};

use crate::{Answer, Request};

/// A forge that a provider is played against: in memory, simulated, or recorded.
pub trait Stage {
    /// Answers as the forge does.
    fn answer(&mut self, request: &Request) -> Answer;

    /// Everything that an import must bring.
    fn truth(&self) -> Held;

    /// The ways in which this forge says that it is asked too much, made of a good answer.
    fn limits(&self, good: &Answer) -> Vec<Form>;

    /// The ways in which it refuses a credential.
    fn refusals(&self, good: &Answer) -> Vec<Form>;

    /// A good answer in which one row cannot be read; `None` where it has no rows.
    fn spoil(&self, good: &Answer) -> Option<Answer>;
}

/// One way in which a forge says something.
#[derive(Debug, Clone)]
pub struct Form {
    /// What it is called in the report.
    pub name: String,
    /// How it looks.
    pub answer: Answer,
}

/// What is held after an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// Titles of the issues, by their keys.
    pub issues: BTreeMap<String, String>,
    /// Comments: the key of the issue, and the comment's id.
    pub comments: BTreeSet<(String, String)>,
}

impl Held {
    /// The first differences, in words; `None` where there are none.
    pub(super) fn differs(&self, truth: &Self) -> Option<String> {
        let mut wrong = vec![];
        for (key, title) in &truth.issues {
            match self.issues.get(key) {
                None => wrong.push(format!("{key} is missing")),
                Some(held) if held != title => {
                    wrong.push(format!("{key} is called {held:?} instead of {title:?}"));
                }
                Some(_) => {}
            }
        }
        let known = |key: &&String| !truth.issues.contains_key(*key);
        wrong.extend(self.issues.keys().filter(known).map(|key| format!("{key} is not there")));
        let lost = truth.comments.difference(&self.comments);
        wrong.extend(lost.map(|(key, id)| format!("comment {id} of {key} is missing")));
        let more = self.comments.difference(&truth.comments);
        wrong.extend(more.map(|(key, id)| format!("comment {id} of {key} is not there")));
        let count = wrong.len();
        wrong.truncate(3);
        (count > 0).then(|| format!("{count} differences: {}", wrong.join(", ")))
    }
}
