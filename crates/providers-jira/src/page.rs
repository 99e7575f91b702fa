use jobctl_provider::{Budget, Fact, Item, Skipped, Step, Task};
use serde_json::Value;

use crate::ask::Ask;
use crate::fetch::Found;
use crate::history;
use crate::rows::{self, Reading};
use crate::thread::Thread;

/// Whole issues of one answer, with what comes inside them and what must be asked for.
#[derive(Default)]
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) next: Vec<Ask>,
}

impl Page {
    /// Takes an issue in. Returns its name if it is one of the project, readable or not.
    pub(crate) fn add(&mut self, reading: &Reading<'_>, row: &Value) -> Option<Found> {
        let scope = &reading.order.scope;
        let key = row.get("key").and_then(Value::as_str).unwrap_or_default();
        let Some(number) = reading.project.number(key) else {
            if crate::scope::split(key).is_none() {
                let (item, why) = (format!("an issue of {scope}"), "it has no key".to_owned());
                self.skipped.push(Skipped { item, why });
            }
            return None;
        };
        let id = row.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        match rows::issue(reading, row, number) {
            Ok(issue) => {
                self.items.push(Item::Issue(Box::new(issue)));
                self.add_comments(reading, row, number);
                self.add_history(reading, row, number);
            }
            Err(why) => {
                let passed = rows::passed(scope, number);
                self.skipped.push(Skipped { item: passed.key.clone(), why });
                self.items.push(Item::Passed(passed));
            }
        }
        Some(Found { number, id })
    }

    /// The comments that come with an issue. They may be cut, and then are asked for.
    fn add_comments(&mut self, reading: &Reading<'_>, row: &Value, number: u64) {
        if !reading.order.comments {
            return;
        }
        let Some(inline) = row.pointer("/fields/comment") else { return };
        let comments = inline.get("comments").and_then(Value::as_array);
        let comments = comments.map_or(&[][..], Vec::as_slice);
        let total = inline.get("total").and_then(Value::as_u64).unwrap_or_default();
        let issue = reading.project.issue(number);
        let whole = self.add_each_comment(comments, &issue);
        if comments.len() as u64 != total {
            self.next.push(Ask::Thread(Thread::new(number)));
        } else if whole {
            self.facts.push(Fact::Comments { issue, since: reading.reply.at });
        }
    }

    /// Comments of one issue; tells whether all could be read.
    pub(crate) fn add_each_comment(&mut self, comments: &[Value], issue: &str) -> bool {
        let before = self.skipped.len();
        for comment in comments {
            match rows::comment(comment, issue) {
                Ok(comment) => self.items.push(Item::Comment(Box::new(comment))),
                Err(why) => {
                    let id = comment.get("id").and_then(Value::as_str).unwrap_or("without an id");
                    let item = format!("comment {} of {issue}", jobctl_provider::line(id, 40));
                    self.skipped.push(Skipped { item, why });
                }
            }
        }
        self.skipped.len() == before
    }

    /// The history that comes with an issue of Data Center.
    fn add_history(&mut self, reading: &Reading<'_>, row: &Value, number: u64) {
        let histories = row.pointer("/changelog/histories").and_then(Value::as_array);
        if let Some(histories) = histories.filter(|_| reading.order.timeline) {
            let issue = reading.project.issue(number);
            history::entries(histories, &issue, &mut self.items, &mut self.skipped);
            let total = row.pointer("/changelog/total").and_then(Value::as_u64);
            let given = histories.len() as u64;
            if let Some(total) = total.filter(|total| *total > given) {
                let what = format!("the history of {issue}: {given} of {total} changes were given");
                self.facts.push(Fact::Partial { what });
            }
        }
    }

    pub(crate) fn into_step(self, task: &Task, budget: Option<Budget>) -> Step {
        Step {
            items: self.items,
            skipped: self.skipped,
            next: self.next.iter().map(|ask| ask.task(&task.scope)).collect(),
            facts: self.facts,
            budget,
            rest: None,
        }
    }
}
