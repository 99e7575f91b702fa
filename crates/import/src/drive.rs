use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jobctl_http::Sent;
use jobctl_provider::{Answer, Fact, Refusal, Step, Time};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::queue::{Open, Queue};
use crate::{Go, Import, ImportError, Watch};

/// How long a stop waits for what is in flight: asking it again costs more.
const LAST_ANSWERS: Duration = Duration::from_millis(800);

/// How the emptying of a frontier ended.
#[derive(Debug, PartialEq, Eq)]
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

/// A rest that the forge wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) until: Time,
    pub(crate) bucket: String,
    pub(crate) message: String,
}

type Flight = BoxFuture<'static, (Open, Result<Sent, Refusal>)>;

/// One emptying of a frontier.
struct Drain<'r> {
    queue: Queue,
    flying: FuturesUnordered<Flight>,
    rest: &'r mut Option<Rest>,
    /// What is in flight may spend the budget: nothing more is sent until it has landed.
    crowded: bool,
    met: Met,
    estimates: bool,
}

impl Import {
    /// Asks until the frontier is empty. `rest`: what the forge asked for, kept between
    /// frontiers; `estimates`: whether this reading is the one whose length is of interest.
    pub(crate) async fn drain(
        &mut self,
        watch: &dyn Watch,
        rest: &mut Option<Rest>,
        estimates: bool,
    ) -> Result<Drained, ImportError> {
        let (queue, flying) = (Queue::default(), FuturesUnordered::new());
        let mut drain =
            Drain { queue, flying, rest, crowded: false, met: Met::default(), estimates };
        drain.queue.extend(self.warehouse.frontier(&self.job)?);
        loop {
            self.fill(&mut drain);
            if drain.flying.is_empty() {
                if drain.queue.is_empty() {
                    return Ok(Drained::Empty(drain.met));
                }
                if let Some(rest) = drain.rest.take() {
                    match watch.limited(rest.until, &rest.bucket, &rest.message).await {
                        Go::On => continue,
                        Go::Stop => return Ok(Drained::Limited(rest)),
                    }
                }
            }
            let due = drain.queue.next_due().filter(|_| drain.rest.is_none() && !drain.crowded);
            tokio::select! {
                biased;
                () = watch.stopped() => {
                    self.land(&mut drain, watch).await?;
                    return Ok(Drained::Stopped);
                }
                Some((open, sent)) = drain.flying.next() => {
                    self.take(&mut drain, open, sent, watch)?;
                }
                () = wait_for(due), if due.is_some() => {}
            }
        }
    }

    /// Sends as many requests as the transport takes.
    fn fill(&self, drain: &mut Drain<'_>) {
        let most = self.transport.in_flight_limit().max(1);
        drain.crowded &= !drain.flying.is_empty();
        while drain.rest.is_none() && !drain.crowded && drain.flying.len() < most {
            let Some(open) = drain.queue.pop() else { break };
            drain.flying.push(self.flight(open));
        }
    }

    fn flight(&self, open: Open) -> Flight {
        let transport = self.transport.clone();
        let request = self.provider.request(&open.task);
        Box::pin(async move {
            let sent = match request {
                Ok(request) => Ok(transport.send(&request).await),
                Err(refusal) => Err(refusal),
            };
            (open, sent)
        })
    }

    /// After a stop: commits what still arrives within a moment.
    async fn land(&mut self, drain: &mut Drain<'_>, watch: &dyn Watch) -> Result<(), ImportError> {
        let end = Instant::now() + LAST_ANSWERS;
        while let Ok(Some((open, sent))) = timeout_at(end, drain.flying.next()).await {
            self.take(drain, open, sent, watch)?;
        }
        Ok(())
    }

    /// Takes one answer in.
    fn take(
        &mut self,
        drain: &mut Drain<'_>,
        open: Open,
        sent: Result<Sent, Refusal>,
        watch: &dyn Watch,
    ) -> Result<(), ImportError> {
        let answer = match sent {
            Ok(Sent::Answer(answer)) => answer,
            Ok(Sent::Limited { until, bucket, message }) => {
                drain.queue.put_back(open);
                if drain.flying.is_empty() {
                    *drain.rest = Some(Rest { until, bucket, message });
                } else {
                    drain.crowded = true;
                }
                return Ok(());
            }
            Err(refusal) => return self.refused(drain, open, refusal, watch),
        };
        match self.provider.read(&open.task, &answer) {
            Ok(step) => self.keep(drain, &open, step, &answer, watch),
            Err(refusal) => self.refused(drain, open, refusal, watch),
        }
    }

    /// Commits a step.
    fn keep(
        &mut self,
        drain: &mut Drain<'_>,
        open: &Open,
        mut step: Step,
        answer: &Answer,
        watch: &dyn Watch,
    ) -> Result<(), ImportError> {
        if let Some(budget) = &step.budget {
            self.transport.learn(budget);
        }
        if !drain.estimates {
            step.facts.retain(|fact| !matches!(fact, Fact::Estimate { .. }));
        }
        let seen_at = match answer {
            Answer::Reply { received_at, .. } => *received_at,
            Answer::Fault { at, .. } => *at,
        };
        let kept = self.warehouse.commit(&self.job, self.epoch, open.id, &step, seen_at)?;
        *drain.met.answers.entry(open.task.scope.clone()).or_default() += 1;
        if kept.changed > 0 {
            drain.met.changed.insert(open.task.scope.clone());
        }
        drain.queue.extend(kept.next);
        watch.progress(&self.standing(&open.task, watch.now(), drain.estimates)?);
        Ok(())
    }

    /// Does what a refusal wants.
    fn refused(
        &mut self,
        drain: &mut Drain<'_>,
        open: Open,
        refusal: Refusal,
        watch: &dyn Watch,
    ) -> Result<(), ImportError> {
        match refusal {
            Refusal::Throttled { until, bucket, message } => {
                let buckets = &self.provider.describe().buckets;
                // A budget that is no bucket of its own is one for all requests.
                let name = bucket.as_deref().filter(|b| buckets.iter().any(|own| own.name == *b));
                let until = self.transport.hold(until, name, &message, watch.now());
                let bucket = bucket.unwrap_or_else(|| "secondary".to_owned());
                drain.queue.put_back(open);
                *drain.rest = Some(Rest { until, bucket, message });
                Ok(())
            }
            Refusal::Unauthorized { message } => {
                let url = self.provider.request(&open.task).map(|request| request.url.to_string());
                Err(ImportError::Unauthorized { message, url: url.unwrap_or_default() })
            }
            Refusal::Forbidden { message, hint } => {
                self.fail(&open, &message, hint.as_deref(), watch)
            }
            Refusal::Transient { message } | Refusal::Malformed { message } => {
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

/// Waits until then; `None` is never awaited.
async fn wait_for(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
