use jobctl_provider::{Fact, IssueOrder, Item, Refusal, Skipped, Step, Task};
use serde_json::Value;
use url::Url;

use crate::ask::What;
use crate::follow;
use crate::link::Links;
use crate::reply::Reply;
use crate::rows::{self, Place};

/// One page of a list: its rows, where they stand, and where the list goes on.
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    pub(crate) skipped: Vec<Skipped>,
    /// Places of the readable rows, in the list's order.
    pub(crate) places: Vec<Place>,
    /// Rows of the page, readable or not.
    pub(crate) length: usize,
    pub(crate) links: Links,
    /// Questions that its issues raise.
    raised: Vec<Task>,
}

impl Page {
    /// Reads a page of issues or comments.
    pub(crate) fn of_rows(
        reply: &Reply<'_>,
        base: &Url,
        asked: &Url,
        what: What,
        order: &IssueOrder,
    ) -> Result<Self, Refusal> {
        let mut page = Self::empty(Links::of(reply, base, asked)?);
        for value in &array(reply)? {
            page.length += 1;
            match what {
                What::Issues => page.add_issue(value, order),
                What::Comments => page.add_comment(value, order),
            }
        }
        Ok(page)
    }

    /// A page of issues that were taken out of their answer already.
    pub(crate) fn of_values(links: Links, values: &[Value], order: &IssueOrder) -> Self {
        let mut page = Self::empty(links);
        for value in values {
            page.length += 1;
            page.add_issue(value, order);
        }
        page
    }

    /// Reads a page of repositories; `of` is whose, for notes.
    pub(crate) fn of_repositories(
        reply: &Reply<'_>,
        base: &Url,
        asked: &Url,
        of: &str,
    ) -> Result<Self, Refusal> {
        let mut page = Self::empty(Links::of(reply, base, asked)?);
        for value in &array(reply)? {
            page.length += 1;
            match rows::repository(value) {
                Ok(item) => page.items.push(item),
                Err(why) => {
                    page.skipped.push(rows::unreadable(value, "repository", of, &why));
                }
            }
        }
        Ok(page)
    }

    const fn empty(links: Links) -> Self {
        Self { items: vec![], skipped: vec![], places: vec![], length: 0, links, raised: vec![] }
    }

    fn add_issue(&mut self, value: &Value, order: &IssueOrder) {
        match rows::issue(value, order) {
            Ok(read) => {
                self.items.extend(read.item);
                self.places.push(read.place);
            }
            Err(why) => {
                let (note, passed) = rows::unreadable_issue(value, &order.scope, &why);
                self.skipped.push(note);
                self.items.extend(passed);
            }
        }
    }

    fn add_comment(&mut self, value: &Value, order: &IssueOrder) {
        match rows::comment(value, &order.scope, order.pulls) {
            Ok(read) => {
                self.items.extend(read.item);
                self.places.push(read.place);
            }
            Err(why) => {
                self.skipped.push(rows::unreadable(value, "comment", &order.scope, &why));
            }
        }
    }

    /// The page with the questions that its issues raise.
    pub(crate) fn followed_up(self, order: &IssueOrder) -> Self {
        let (items, raised) = follow::up(self.items, order);
        Self { items, raised, ..self }
    }

    /// The rows as a step, with what follows.
    pub(crate) fn into_step(
        self,
        reply: &Reply<'_>,
        mut next: Vec<Task>,
        facts: Vec<Fact>,
    ) -> Step {
        next.extend(self.raised);
        let budget = reply.budget_left();
        Step { items: self.items, skipped: self.skipped, next, facts, budget, rest: None }
    }
}

/// The body as a JSON array. Anything else is no page, however good its status looks.
pub(crate) fn array(reply: &Reply<'_>) -> Result<Vec<Value>, Refusal> {
    serde_json::from_slice(reply.body).map_err(|error| not_json(reply, &error))
}

/// The body as a JSON object.
pub(crate) fn object(reply: &Reply<'_>) -> Result<Value, Refusal> {
    match serde_json::from_slice(reply.body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(Refusal::Malformed { message: "the answer is no JSON object".to_owned() }),
        Err(error) => Err(not_json(reply, &error)),
    }
}

/// A cut body is worth another try; a whole one of another kind is not what GitHub answers.
fn not_json(reply: &Reply<'_>, error: &serde_json::Error) -> Refusal {
    if error.is_eof() && !reply.body.is_empty() {
        return Refusal::Transient { message: format!("the answer is cut short ({error})") };
    }
    Refusal::Malformed { message: format!("the answer is not the JSON it should be ({error})") }
}
