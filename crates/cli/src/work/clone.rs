//! `clone-repos`: lists what is wanted, clones it, and says of each repository how it went.

use std::collections::{BTreeSet, HashSet};

use async_trait::async_trait;
use jiff::SignedDuration;
use jobctl_core::{Progress, Refused};
use jobctl_git::{
    CloneError, CloneEvent, CloneOptions as GitOptions, CloneOutcome, Cloner, StopFlag,
    Wanted as WantedClone, place,
};
use jobctl_http::Client;
use jobctl_provider::Order;
use jobctl_runner::{Desk, Ending, Go, Work};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::error::with_causes;
use crate::pattern::Pattern;
use crate::text;
use crate::work::listing::list;
use crate::work::options::{CloneOptions, Wanted};
use crate::work::reach::{Reach, reach, unauthorized};

/// How long it rests when the server does not say.
const REST: SignedDuration = SignedDuration::from_secs(60);

/// Clones repositories.
pub(crate) struct Clone;

#[async_trait]
impl Work for Clone {
    async fn perform(&mut self, desk: &Desk) -> Ending {
        match attempt(desk).await {
            Ok(ending) | Err(ending) => ending,
        }
    }
}

async fn attempt(desk: &Desk) -> Result<Ending, Ending> {
    let options: CloneOptions = super::options(desk)?;
    let reach = reach(desk, &options.connection, options.reserve).await?;
    let mut round = Round::new(desk, &options);
    round.list(&reach).await?;
    let retry: HashSet<&str> = desk.job().retry.iter().map(String::as_str).collect();
    if !retry.is_empty() {
        round.only(&retry);
    }
    round.progress.total = Some(round.total());
    round.show();
    round.clone(reach.client).await
}

/// One attempt: what is wanted, and what became of it.
struct Round<'a> {
    desk: &'a Desk,
    options: &'a CloneOptions,
    wanted: Vec<WantedClone>,
    /// Names whose end was told.
    told: BTreeSet<String>,
    warnings: Vec<String>,
    first_failure: Option<String>,
    cloned: u64,
    existing: u64,
    progress: Progress,
}

impl<'a> Round<'a> {
    fn new(desk: &'a Desk, options: &'a CloneOptions) -> Self {
        Self {
            desk,
            options,
            wanted: Vec::new(),
            told: BTreeSet::new(),
            warnings: Vec::new(),
            first_failure: None,
            cloned: 0,
            existing: 0,
            progress: Progress::default(),
        }
    }

    /// Finds out which repositories are meant.
    async fn list(&mut self, reach: &Reach) -> Result<(), Ending> {
        for wanted in &self.options.wanted {
            let of = match wanted {
                Wanted::Owner { owner } => owner.clone(),
                Wanted::Project { name } => name.clone(),
                Wanted::Repository { owner, name } => format!("{owner}/{name}"),
                Wanted::Address { url, full_name } => {
                    self.want(full_name, url.as_str()).await;
                    continue;
                }
            };
            let Some(provider) = &reach.provider else {
                self.fail(&of, "this connection speaks git only and lists nothing", None).await;
                continue;
            };
            self.desk.say(format!("listing {of}"));
            let order = Order::Repositories { of: of.clone() };
            match list(Some(self.desk), provider.as_ref(), &reach.client, &order).await {
                Ok(listing) => {
                    self.warnings.extend(listing.partial);
                    let mut repositories = listing.repositories;
                    repositories.retain(|one| self.takes(one));
                    for repository in repositories {
                        if repository.disabled {
                            let name = text::line(&repository.full_name);
                            self.warnings.push(format!("{name} is disabled and was left out"));
                            continue;
                        }
                        self.want(&repository.full_name, &repository.clone_url).await;
                    }
                }
                Err(unlisted) => match unlisted.ending(&self.options.connection.name) {
                    Ok(ending) => return Err(ending),
                    Err((error, hint)) => {
                        self.fail(&of, &text::line(&error), hint.as_deref()).await;
                    }
                },
            }
        }
        Ok(())
    }

    /// Leaves out all but these. The others succeeded in an earlier attempt, and count as such:
    /// a retry that fails again does not make a batch fail that mostly worked.
    fn only(&mut self, retry: &HashSet<&str>) {
        let all = self.wanted.len();
        self.wanted.retain(|wanted| retry.contains(wanted.name.as_str()));
        self.existing = u64::try_from(all - self.wanted.len()).unwrap_or(u64::MAX);
        self.progress.current = self.existing;
    }

    fn takes(&self, repository: &jobctl_provider::Repository) -> bool {
        let matches = |patterns: &[String]| {
            patterns
                .iter()
                .filter_map(|text| Pattern::parse(text).ok())
                .any(|pattern| pattern.matches(&repository.full_name))
        };
        let options = self.options;
        (options.matching.is_empty() || matches(&options.matching))
            && !matches(&options.exclude)
            && options.archived.takes(repository.archived)
            && options.forks.takes(repository.fork)
    }

    async fn want(&mut self, full_name: &str, url: &str) {
        match place(full_name, self.options.flat) {
            Ok(path) => {
                let name = full_name.to_owned();
                self.wanted.push(WantedClone { name, url: url.to_owned(), path });
            }
            Err(error) => {
                let error = CloneError::from(error);
                let hint = error.hint();
                self.fail(full_name, &describe(&error), hint).await;
            }
        }
    }

    /// Clones what is wanted, resting where the server asks for it.
    async fn clone(mut self, client: Client) -> Result<Ending, Ending> {
        let id = self.desk.job().id.to_string();
        let git = GitOptions {
            jobs: self.options.jobs,
            depth: self.options.depth,
            ..GitOptions::new(&self.options.into, id)
        };
        loop {
            let left = self.wanted.iter().filter(|one| !self.told.contains(&one.name));
            let left: Vec<WantedClone> = left.cloned().collect();
            match self.run(Cloner::new(client.clone(), git.clone()), left).await {
                CloneOutcome::Done => return Ok(self.ending()),
                CloneOutcome::Stopped => return Ok(Ending::Stopped),
                CloneOutcome::DiskFull(error) => return Ok(self.full(&error)),
                CloneOutcome::Unauthorized(error) => {
                    let name = &self.options.connection.name;
                    let url = Some(self.options.connection.api_url.to_string());
                    return Ok(unauthorized(name, Refused::Refused, describe(&error), url));
                }
                CloneOutcome::Throttled { until, error } => {
                    let until = until.unwrap_or_else(|| self.desk.now() + REST);
                    if self.desk.limited(until, "git", &describe(&error)).await == Go::Stop {
                        return Ok(Ending::Stopped);
                    }
                }
            }
        }
    }

    /// One run of the cloner, on threads of its own, told as it goes.
    async fn run(&mut self, cloner: Cloner, left: Vec<WantedClone>) -> CloneOutcome {
        let stop = StopFlag::default();
        let (tell, mut events) = unbounded_channel();
        let flag = stop.clone();
        let running = tokio::task::spawn_blocking(move || cloner.clone_all(left, &flag, &tell));
        let desk = self.desk.clone();
        let watching = tokio::spawn(async move {
            desk.stopped().await;
            stop.raise();
        });
        self.hear(&mut events).await;
        watching.abort();
        match running.await {
            Ok(outcome) => outcome,
            // Its panic is in the log; what was told stands, the rest is for the next attempt.
            Err(_) => CloneOutcome::Stopped,
        }
    }

    async fn hear(&mut self, events: &mut UnboundedReceiver<CloneEvent>) {
        while let Some(event) = events.recv().await {
            match event {
                CloneEvent::Started { name } => {
                    self.progress.current_item = Some(text::line(&name));
                }
                CloneEvent::Progress { name, received_objects, total_objects, .. } => {
                    self.progress.last_event = Some(format!(
                        "{}: {received_objects}/{total_objects} objects",
                        text::line(&name)
                    ));
                }
                CloneEvent::Cloned { name } => {
                    self.cloned += 1;
                    self.done(&name, "cloned");
                }
                CloneEvent::Existing { name } => {
                    self.existing += 1;
                    self.done(&name, "already there");
                }
                CloneEvent::Failed { name, error, hint } => {
                    self.told.insert(name.clone());
                    self.fail(&name, &describe(&error), hint).await;
                }
            }
            self.show();
        }
    }

    fn done(&mut self, name: &str, how: &str) {
        self.told.insert(name.to_owned());
        self.progress.did(text::line(name));
        // Counted once: what is told of moves from one side of the sum to the other.
        let total = self.progress.total.unwrap_or_else(|| self.total());
        let done = self.progress.current + self.progress.failed;
        self.desk.say(format!("{how}: {} ({done}/{total})", text::line(name)));
        self.progress.last_event = Some(format!("{how}: {}", text::line(name)));
    }

    async fn fail(&mut self, name: &str, error: &str, hint: Option<&str>) {
        let name = text::line(name);
        self.progress.failed += 1;
        self.desk.say(format!("FAILED: {name} - {error}"));
        self.first_failure.get_or_insert_with(|| format!("{name}: {error}"));
        self.desk.item_failed(&name, error, hint).await;
    }

    /// Repositories wanted, and those that could not even be.
    fn total(&self) -> u64 {
        let wanted = self.wanted.iter().filter(|one| !self.told.contains(&one.name)).count();
        self.progress.current + self.progress.failed + u64::try_from(wanted).unwrap_or(u64::MAX)
    }

    fn show(&self) {
        self.desk.progress(self.progress.clone(), SignedDuration::ZERO);
    }

    fn full(&self, error: &CloneError) -> Ending {
        self.desk.no_room(describe(error))
    }

    fn ending(mut self) -> Ending {
        let (done, failed) = (self.progress.current, self.progress.failed);
        if let (0, Some(first)) = (done, &self.first_failure) {
            let error = match failed {
                1 => first.clone(),
                _ => format!("none of {failed} repositories could be cloned; {first}"),
            };
            return Ending::Failed { error };
        }
        if done == 0 {
            self.warnings.push(
                "no repository was found: none matches, or this token may not see them".to_owned(),
            );
        }
        let mut summary = format!("cloned {}", self.cloned);
        for (count, what) in [(self.existing, "already there"), (failed, "failed")] {
            if count > 0 {
                summary = format!("{summary}, {count} {what}");
            }
        }
        Ending::Completed { warnings: self.warnings, summary: Some(summary) }
    }
}

/// An error with its causes, on one line, free of control characters.
fn describe(error: &CloneError) -> String {
    with_causes(error)
}
