use std::collections::VecDeque;
use std::time::Duration;

use jobctl_provider::Task;
use jobctl_warehouse::TaskId;
use tokio::time::Instant;

/// How long a task waits after each transient refusal; then it has failed. The client has tried
/// several times already before each of them, unless the reply looked well and was not.
const WAITS: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)];

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
}

impl Queue {
    pub(crate) fn extend(&mut self, tasks: Vec<(TaskId, Task)>) {
        self.ready.extend(tasks.into_iter().map(|(id, task)| Open { id, task, tries: 0 }));
    }

    /// The next task to ask now.
    pub(crate) fn pop(&mut self) -> Option<Open> {
        let now = Instant::now();
        if let Some(due) = self.later.iter().position(|(at, _)| *at <= now) {
            return Some(self.later.swap_remove(due).1);
        }
        self.ready.pop_front()
    }

    /// Asked too early: first in line again.
    pub(crate) fn put_back(&mut self, open: Open) {
        self.ready.push_front(open);
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
        self.ready.is_empty() && self.later.is_empty()
    }

    /// When the next of those put off is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.later.iter().map(|(at, _)| *at).min()
    }
}
