use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jobctl_provider::{Fact, Rest, Step, Task, Time};
use jobctl_warehouse::TaskId;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::ask::{ask_owned, unasked};
use crate::queue::{Open, Queue};
use crate::{Asked, Go, Import, ImportError, Watch};

/// How long a stop waits for what is in flight: asking it again costs more.
const LAST_ANSWERS: Duration = Duration::from_millis(800);

/// How many tasks are read from the stored frontier at once: a frontier of ten thousand, with a
/// hundred names each, is not to lie in memory as well.
const PART: usize = 500;

/// How the emptying of a frontier ended.
#[derive(Debug)]
pub(crate) enum Drained {
    /// Nothing is left; what was met.
    Empty(Met),
    /// The caller stopped it.
    Stopped,
    /// The forge wants a rest that the caller does not wait for here.
    Limited(Rest),
}

/// What a frontier brought, by scope.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Met {
    answers: BTreeMap<String, u32>,
    /// Scopes with rows that were new or other than held.
    pub(crate) changed: BTreeSet<String>,
}

impl Met {
    /// Scopes that took more answers than that.
    pub(crate) fn longer_than(&self, answers: u32) -> BTreeSet<String> {
        let long = self.answers.iter().filter(|(_, count)| **count > answers);
        long.map(|(scope, _)| scope.clone()).collect()
    }
}

type Flight = BoxFuture<'static, (Open, Asked)>;

/// One emptying of a frontier.
struct Drain {
    queue: Queue,
    /// The newest task that was read from the stored frontier.
    read_to: Option<TaskId>,
    /// Whether there may be newer ones.
    is_more: bool,
    flying: FuturesUnordered<Flight>,
    met: Met,
    estimates: bool,
}

impl Import {
    /// Asks until the frontier is empty. `estimates`: whether this reading is the one whose
    /// length is of interest.
    pub(crate) async fn drain(
        &mut self,
        watch: &dyn Watch,
        estimates: bool,
    ) -> Result<Drained, ImportError> {
        let (queue, flying) = (Queue::default(), FuturesUnordered::new());
        let (read_to, is_more) = (None, true);
        let mut drain = Drain { queue, read_to, is_more, flying, met: Met::default(), estimates };
        loop {
            drain.queue.release(watch.now());
            self.fill(&mut drain)?;
            let due = drain.due(watch.now());
            if drain.flying.is_empty() {
                if drain.queue.is_empty() {
                    return Ok(Drained::Empty(drain.met));
                }
                if let Some(rest) = drain.rest(due) {
                    let bucket = rest.bucket.as_deref().unwrap_or_default();
                    match watch.limited(rest.until, bucket, &rest.message).await {
                        Go::On => {
                            drain.queue.release(rest.until);
                            continue;
                        }
                        Go::Stop => return Ok(Drained::Limited(rest)),
                    }
                }
            }
            tokio::select! {
                biased;
                () = watch.stopped() => {
                    self.land(&mut drain, watch).await?;
                    return Ok(Drained::Stopped);
                }
                Some((open, asked)) = drain.flying.next() => {
                    self.take(&mut drain, open, asked, watch)?;
                }
                () = wait_for(due), if due.is_some() => {}
            }
        }
    }

    /// Sends as many requests as the transport takes.
    fn fill(&self, drain: &mut Drain) -> Result<(), ImportError> {
        let most = self.transport.in_flight_limit().max(1);
        while drain.flying.len() < most {
            if drain.is_more && drain.queue.ready() == 0 {
                let part = self.warehouse.frontier_part(&self.job, drain.read_to, PART as u64)?;
                drain.is_more = part.len() == PART;
                drain.add(part);
            }
            let Some(open) = drain.queue.pop() else { break };
            match self.provider.request(&open.task) {
                Ok(request) => {
                    let Some(open) = drain.queue.hold_back(request.bucket, open) else { continue };
                    let (provider, transport) = (self.provider.clone(), self.transport.clone());
                    drain.flying.push(Box::pin(async move {
                        let asked = ask_owned(provider, transport, &open.task, &request).await;
                        (open, asked)
                    }));
                }
                Err(refusal) => {
                    drain.flying.push(Box::pin(async move { (open, unasked(refusal)) }));
                }
            }
        }
        Ok(())
    }

    /// After a stop: commits what still arrives within a moment.
    async fn land(&mut self, drain: &mut Drain, watch: &dyn Watch) -> Result<(), ImportError> {
        let end = Instant::now() + LAST_ANSWERS;
        while let Ok(Some((open, asked))) = timeout_at(end, drain.flying.next()).await {
            self.take(drain, open, asked, watch)?;
        }
        Ok(())
    }

    /// Takes in what became of a task.
    fn take(
        &mut self,
        drain: &mut Drain,
        open: Open,
        asked: Asked,
        watch: &dyn Watch,
    ) -> Result<(), ImportError> {
        match asked {
            Asked::Step { step, at } => self.keep(drain, &open, *step, at, watch),
            Asked::Again { says } => {
                watch.say(&format!("{} {}: {says}", open.task.scope, open.task.kind));
                drain.queue.put_back(open);
                Ok(())
            }
            Asked::Limited { bucket, rest } => {
                drain.queue.hold(bucket, rest, open);
                Ok(())
            }
            Asked::Unauthorized { message, url } => Err(ImportError::Unauthorized { message, url }),
            Asked::Forbidden { message, hint } => {
                self.fail(&open, &message, hint.as_deref(), watch)
            }
            Asked::InVain { message } => {
                watch.say(&format!("{} {}: {message}", open.task.scope, open.task.kind));
                match drain.queue.put_off(open) {
                    Ok(()) => Ok(()),
                    Err(open) => {
                        let hint = Some("resume the job: it continues where it failed");
                        self.fail(&open, &message, hint, watch)
                    }
                }
            }
        }
    }

    /// Commits a step.
    fn keep(
        &mut self,
        drain: &mut Drain,
        open: &Open,
        mut step: Step,
        at: Time,
        watch: &dyn Watch,
    ) -> Result<(), ImportError> {
        if !drain.estimates {
            step.facts.retain(|fact| !matches!(fact, Fact::Estimate { .. }));
        }
        let kept = self.warehouse.commit(&self.job, self.epoch, open.id, &step, at)?;
        *drain.met.answers.entry(open.task.scope.clone()).or_default() += 1;
        if kept.changed > 0 {
            drain.met.changed.insert(open.task.scope.clone());
        }
        // Followers come after all that is stored: they wait there for those before them.
        drain.is_more |= drain.queue.ready() + kept.next.len() > PART;
        if !drain.is_more {
            drain.add(kept.next);
        }
        watch.progress(&self.standing(&open.task, watch.now(), drain.estimates)?);
        Ok(())
    }

    /// Records that a task, and with it its scope, has failed. The others go on.
    fn fail(
        &mut self,
        open: &Open,
        error: &str,
        hint: Option<&str>,
        watch: &dyn Watch,
    ) -> Result<(), ImportError> {
        let scope = &open.task.scope;
        let error = format!("could not read its {}: {error}", open.task.kind);
        self.warehouse.fail(&self.job, self.epoch, open.id, scope, &error, hint)?;
        watch.say(&format!("{scope}: {error}"));
        Ok(())
    }
}

impl Drain {
    /// Takes tasks of the stored frontier in, oldest first.
    fn add(&mut self, tasks: Vec<(TaskId, Task)>) {
        self.read_to = tasks.last().map(|(id, _)| *id).or(self.read_to);
        self.queue.extend(tasks);
    }

    /// When there is something to do even if no answer comes.
    fn due(&self, now: Time) -> Option<Instant> {
        let rest = self.queue.rest().map(|rest| {
            let left = Duration::try_from(rest.until.duration_since(now)).unwrap_or_default();
            Instant::now() + left
        });
        rest.into_iter().chain(self.queue.next_due()).min()
    }

    /// The rest that everything waits for, if that is what comes next.
    fn rest(&self, due: Option<Instant>) -> Option<Rest> {
        self.queue.rest().filter(|_| due != self.queue.next_due()).cloned()
    }
}

/// Waits until then; `None` is never awaited.
async fn wait_for(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
