use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jobctl_provider::{Rest, Task, Time};
use jobctl_warehouse::TaskId;
use tokio::time::Instant;

/// How long a task waits after each transient refusal; then it has failed. The client has tried
/// several times already before each of them, unless the reply looked well and was not.
const WAITS: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)];
/// How many tasks of held buckets are passed over in search of others.
const PASSED_OVER: usize = 1_000;

/// A task that is to be asked.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    pub(crate) id: TaskId,
    pub(crate) task: Task,
    /// Transient refusals so far.
    tries: usize,
}

/// The part of the frontier that is not in flight.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    ready: VecDeque<Open>,
    later: Vec<(Instant, Open)>,
    /// Tasks of buckets that rest.
    held: BTreeMap<&'static str, Held>,
}

/// A bucket that rests.
#[derive(Debug)]
struct Held {
    rest: Rest,
    tasks: VecDeque<Open>,
}

impl Queue {
    pub(crate) fn extend(&mut self, tasks: Vec<(TaskId, Task)>) {
        self.ready.extend(tasks.into_iter().map(|(id, task)| Open { id, task, tries: 0 }));
    }

    /// How many wait for nothing.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// The next task that may be asked now, if it is not of a bucket that rests.
    pub(crate) fn pop(&mut self) -> Option<Open> {
        let now = Instant::now();
        if let Some(due) = self.later.iter().position(|(at, _)| *at <= now) {
            return Some(self.later.swap_remove(due).1);
        }
        let passed_over: usize = self.held.values().map(|held| held.tasks.len()).sum();
        if passed_over >= PASSED_OVER { None } else { self.ready.pop_front() }
    }

    /// Asked in vain for a passing reason: first in line again.
    pub(crate) fn put_back(&mut self, open: Open) {
        self.ready.push_front(open);
    }

    /// Keeps a task whose bucket rests; gives any other back.
    pub(crate) fn hold_back(&mut self, bucket: &str, open: Open) -> Option<Open> {
        let Some(held) = self.held.get_mut(bucket) else { return Some(open) };
        held.tasks.push_back(open);
        None
    }

    /// The bucket rests: this task and all others of it.
    pub(crate) fn hold(&mut self, bucket: &'static str, rest: Rest, open: Open) {
        let held = self
            .held
            .entry(bucket)
            .or_insert_with(|| Held { rest: rest.clone(), tasks: VecDeque::new() });
        held.rest = rest;
        held.tasks.push_front(open);
    }

    /// Lets the buckets go on whose rest is over.
    pub(crate) fn release(&mut self, now: Time) {
        let over: Vec<&str> =
            self.held.iter().filter(|(_, held)| held.rest.until <= now).map(|(b, _)| *b).collect();
        for bucket in over {
            let held = self.held.remove(bucket);
            for open in held.into_iter().flat_map(|held| held.tasks).rev() {
                self.ready.push_front(open);
            }
        }
    }

    /// Refused for a passing reason: asked again after a while, or given back after the last.
    pub(crate) fn put_off(&mut self, mut open: Open) -> Result<(), Open> {
        let Some(wait) = WAITS.get(open.tries) else { return Err(open) };
        open.tries += 1;
        self.later.push((Instant::now() + *wait, open));
        Ok(())
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.later.is_empty() && self.held.is_empty()
    }

    /// The rest that ends first.
    pub(crate) fn rest(&self) -> Option<&Rest> {
        self.held.values().map(|held| &held.rest).min_by_key(|rest| rest.until)
    }

    /// When the next of those put off is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.later.iter().map(|(at, _)| *at).min()
    }
}
