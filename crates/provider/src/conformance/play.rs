use std::collections::BTreeSet;

use super::fate::{Dealt, Dice, Fate};
use super::stage::{Held, Stage};
use super::{of_request, stored};
use crate::{Fact, Item, Mark, Marks, Order, Provider, Refusal, Request, Step, Task};

/// So many requests, and a reading that is not over is taken for an endless one.
const ENDLESS: usize = 20_000;

/// One reading: an order, the tasks still open, and what was brought so far.
pub(super) struct Play<'a> {
    provider: &'a dyn Provider,
    stage: &'a mut dyn Stage,
    open: Vec<Task>,
    /// Which open task is asked next; the first one without.
    dice: Option<Dice>,
    pub(super) held: Held,
    pub(super) steps: Vec<Step>,
    pub(super) kinds: BTreeSet<String>,
    pub(super) requests: usize,
    /// Rules that were broken on the way.
    pub(super) broken: BTreeSet<String>,
}

impl<'a> Play<'a> {
    pub(super) fn new(
        provider: &'a dyn Provider,
        stage: &'a mut dyn Stage,
        order: &Order,
    ) -> Result<Self, String> {
        let open = provider.plan(order).map_err(|error| format!("cannot be planned: {error}"))?;
        Ok(Self {
            provider,
            stage,
            open,
            dice: None,
            held: Held::default(),
            steps: vec![],
            kinds: BTreeSet::new(),
            requests: 0,
            broken: BTreeSet::new(),
        })
    }

    /// Answers come in an order that the seed decides.
    pub(super) fn shuffled(self, seed: u64) -> Self {
        Self { dice: Some(Dice::new(seed)), ..self }
    }

    /// Begins with what an earlier reading brought.
    pub(super) fn with(self, held: Held) -> Self {
        Self { held, ..self }
    }

    /// Reads to the end.
    pub(super) fn run(mut self, fate: &mut dyn Fate) -> Result<Self, String> {
        while !self.open.is_empty() {
            if self.requests >= ENDLESS {
                return Err(format!("is not over after {ENDLESS} requests"));
            }
            self.turn(fate)?;
        }
        Ok(self)
    }

    fn turn(&mut self, fate: &mut dyn Fate) -> Result<(), String> {
        let count = self.open.len();
        let place = self.dice.as_mut().map_or(0, |dice| dice.throw(count));
        let task = self.open[place].clone();
        let request = self.asked(&task)?;
        let good = self.stage.answer(&request);
        self.requests += 1;
        let name = |error: &Refusal| format!("{} {:?}: {error}", task.kind, request.url.as_str());
        match fate.of(self.requests, &task, good, self.stage) {
            Dealt::Killed => {
                // All that survives is what was stored.
                self.open = self.open.iter().filter_map(stored).collect();
                Ok(())
            }
            Dealt::Read(answer) => match self.provider.read(&task, &answer) {
                Ok(step) => {
                    self.commit(place, step);
                    Ok(())
                }
                Err(error) => Err(format!("a good answer was refused: {}", name(&error))),
            },
            Dealt::Bad { answer, what, fits } => match self.provider.read(&task, &answer) {
                Err(refusal) if fits(&refusal) => Ok(()),
                Err(refusal) => Err(format!("{what} was taken for {refusal:?} by {}", task.kind)),
                Ok(step) if asks_for_less(&step) || step.rest.is_some() => {
                    self.commit(place, step);
                    Ok(())
                }
                Ok(step) => Err(format!(
                    "{what} was taken for an answer with {} rows and {} facts by {}",
                    step.items.len(),
                    step.facts.len(),
                    task.kind
                )),
            },
        }
    }

    /// The request of a task, checked.
    fn asked(&mut self, task: &Task) -> Result<Request, String> {
        let provider = self.provider;
        let cannot = |error| format!("task {} cannot be asked: {error}", task.kind);
        let request = provider.request(task).map_err(cannot)?;
        if self.kinds.insert(task.kind.clone()) {
            self.broken.extend(of_request(provider, &request));
            if provider.request(task).map_err(cannot)? != request {
                self.broken.insert(format!("task {} asks something else twice", task.kind));
            }
        }
        if stored(task).as_ref() != Some(task) {
            self.broken.insert(format!("task {} does not survive being stored", task.kind));
        }
        Ok(request)
    }

    /// One commit: the task goes out, what follows comes in, rows are kept.
    fn commit(&mut self, place: usize, mut step: Step) {
        self.open.remove(place);
        self.open.append(&mut step.next);
        let gone = step.facts.iter().filter_map(|fact| match fact {
            Fact::Gone { key } => Some(key.clone()),
            Fact::Estimate { .. }
            | Fact::Total { .. }
            | Fact::Mark { .. }
            | Fact::Identity { .. }
            | Fact::Comments { .. }
            | Fact::Listed { .. }
            | Fact::Moved { .. }
            | Fact::Partial { .. } => None,
        });
        for key in gone {
            self.held.issues.remove(&key);
            self.held.comments.retain(|(issue, _)| *issue != key);
        }
        for item in &step.items {
            match item {
                Item::Issue(issue) => {
                    self.held.issues.insert(issue.key.clone(), issue.title.clone());
                }
                Item::Comment(comment) => {
                    self.held.comments.insert((comment.issue.clone(), comment.id.clone()));
                }
                Item::Entry(_)
                | Item::Repository(_)
                | Item::Scope(_)
                | Item::Passed(_)
                | Item::Met { .. } => {}
            }
        }
        self.steps.push(step);
    }

    /// All facts.
    pub(super) fn facts(&self) -> impl Iterator<Item = &Fact> {
        self.steps.iter().flat_map(|step| &step.facts)
    }

    /// The marks that a sync would begin from.
    pub(super) fn marks(&self) -> Marks {
        let mut marks = Marks::new();
        for fact in self.facts() {
            if let Fact::Mark { chain, mark } = fact {
                let newer = marks.get(chain).is_none_or(|known: &Mark| known.at <= mark.at);
                if newer {
                    marks.insert(chain.clone(), mark.clone());
                }
            }
        }
        marks
    }

    /// Keys of everything that was listed, rows or not.
    pub(super) fn met(&self) -> BTreeSet<&str> {
        let items = self.steps.iter().flat_map(|step| &step.items);
        items
            .filter_map(|item| match item {
                Item::Issue(issue) => Some(issue.key.as_str()),
                Item::Passed(passed) => Some(passed.key.as_str()),
                Item::Met { key } => Some(key.as_str()),
                Item::Comment(_) | Item::Entry(_) | Item::Repository(_) | Item::Scope(_) => None,
            })
            .collect()
    }
}

/// Asking for less is a fine answer to a failing forge.
fn asks_for_less(step: &Step) -> bool {
    step.items.is_empty() && step.facts.is_empty() && !step.next.is_empty()
}
