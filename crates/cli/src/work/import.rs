//! `import-issues`: lists the scopes that are wanted and reads their issues into the warehouse.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::SignedDuration;
use jobctl_core::{Budget, Progress, Refused};
use jobctl_import::{Ended, Import as Reading, ImportError, Mode, Report, Standing, Watch};
use jobctl_provider::Time;
use jobctl_runner::{Desk, Ending, Go, Work};
use jobctl_warehouse::{Warehouse, WarehouseError};

use crate::error::with_causes;
use crate::text;
use crate::work::options::ImportOptions;
use crate::work::outlook::Outlook;
use crate::work::reach::{Reach, reach, unauthorized};
use crate::work::scopes::Scopes;

/// Imports issues into the warehouse at this path.
pub(crate) struct Import {
    /// Where.
    pub(crate) issues: PathBuf,
}

#[async_trait]
impl Work for Import {
    async fn perform(&mut self, desk: &Desk) -> Ending {
        match self.attempt(desk).await {
            Ok(ending) | Err(ending) => ending,
        }
    }
}

impl Import {
    async fn attempt(&self, desk: &Desk) -> Result<Ending, Ending> {
        let options: ImportOptions = super::options(desk)?;
        let reach = reach(desk, &options.connection, options.reserve).await?;
        let Some(provider) = reach.provider.clone() else {
            return Err(Ending::Failed {
                error: format!("the connection {} has no issues", options.connection.name),
            });
        };
        let scopes = scopes(desk, &options, &reach).await?;
        let outlook = Outlook::new(provider.clone(), &scopes.orders);
        let stored = |error| stored(desk, &options, &error);
        let warehouse = Warehouse::open(&self.issues).map_err(ImportError::from).map_err(stored)?;
        let mut reading = Reading {
            provider,
            transport: Arc::new(reach.client.clone()),
            warehouse,
            job: desk.job().id.to_string(),
            epoch: desk.epoch(),
            orders: scopes.orders,
            mode: Mode::Import,
        };
        match reading.run(&Watcher { desk: desk.clone(), outlook }).await {
            Ok(Ended::Done(report)) => Ok(ending(desk, report, scopes.warnings).await),
            // A limit that the desk did not sit out is on record already.
            Ok(Ended::Stopped | Ended::Limited { .. }) => Ok(Ending::Stopped),
            Err(error) => Err(stored(error)),
        }
    }
}

async fn scopes(desk: &Desk, options: &ImportOptions, reach: &Reach) -> Result<Scopes, Ending> {
    let scopes = match Scopes::find(Some(desk), options, reach).await {
        Ok(scopes) => scopes,
        Err(unlisted) => {
            let ending = unlisted.ending(&options.connection.name);
            return Err(ending.unwrap_or_else(|(error, _)| Ending::Failed { error }));
        }
    };
    for (item, error, hint) in &scopes.unread {
        desk.item_failed(item, &text::line(error), hint.as_deref()).await;
    }
    if scopes.orders.is_empty() {
        return Err(Ending::Failed { error: "none of the sources could be read".to_owned() });
    }
    Ok(scopes)
}

async fn ending(desk: &Desk, report: Report, mut warnings: Vec<String>) -> Ending {
    let failed = report.failures.len();
    for failure in &report.failures {
        desk.say(format!("FAILED: {} - {}", text::line(&failure.item), text::line(&failure.error)));
        desk.item_failed(
            &text::line(&failure.item),
            &text::line(&failure.error),
            failure.hint.as_deref(),
        )
        .await;
    }
    if failed > 0 && report.issues == 0 {
        let first = &report.failures[0];
        return Ending::Failed { error: text::line(&format!("{}: {}", first.item, first.error)) };
    }
    let mut summary = format!(
        "{} issues and {} comments, {} requests",
        text::count(report.issues),
        text::count(report.comments),
        text::count(report.requests)
    );
    if desk.job().attempts > 1 {
        summary.push_str(" in the last attempt");
    }
    desk.progress(whole(&report), SignedDuration::ZERO);
    warnings.extend(report.warnings);
    for warning in &warnings {
        desk.say(format!("warning: {}", text::line(warning)));
    }
    Ending::Completed { warnings, summary: Some(summary) }
}

/// The progress of an import that has ended. An attempt that found nothing left to ask has shown
/// none before.
fn whole(report: &Report) -> Progress {
    let counters = [("comments", report.comments), ("requests", report.requests)];
    Progress {
        current: report.issues,
        total: Some(report.issues),
        failed: report.failures.len() as u64,
        counters: counters.map(|(name, count)| (name.to_owned(), count)).into(),
        ..Progress::default()
    }
}

/// The end that an error makes of an attempt.
fn stored(desk: &Desk, options: &ImportOptions, error: &ImportError) -> Ending {
    let text = with_causes(error);
    match error {
        ImportError::Unauthorized { message, url } => unauthorized(
            &options.connection.name,
            Refused::Refused,
            text::line(message),
            Some(url.clone()),
        ),
        // SQLite's own words would only say once more that the disk is full.
        ImportError::Warehouse(full @ WarehouseError::StorageFull { .. }) => {
            desk.no_room(format!("{error}: {full}"))
        }
        // Without room SQLite fails in other ways too, such as an I/O error of its shared memory.
        ImportError::Warehouse(WarehouseError::Failing { .. }) => desk.no_room(text),
        // Another worker has the job now; what it writes counts.
        ImportError::Warehouse(WarehouseError::Fenced { .. }) => Ending::Stopped,
        ImportError::Warehouse(_) | ImportError::Unsupported(_) | ImportError::Phase { .. } => {
            Ending::Failed { error: text }
        }
    }
}

/// What is left of a budget, as a job tells it.
fn budget(left: jobctl_provider::Budget) -> Budget {
    let jobctl_provider::Budget { bucket, remaining, limit, resets_at } = left;
    Budget { bucket, remaining, limit, resets_at }
}

/// The desk as an import sees it.
struct Watcher {
    desk: Desk,
    outlook: Outlook,
}

#[async_trait]
impl Watch for Watcher {
    fn progress(&self, standing: &Standing) {
        let mut progress = Progress {
            current: standing.issues,
            total: standing.total,
            current_item: Some(text::line(&standing.item)),
            failed: standing.failed,
            last_event: Some(format!("read {}", text::line(&standing.item))),
            ..Progress::default()
        };
        progress.counters.insert("comments".to_owned(), standing.comments);
        progress.counters.insert("requests".to_owned(), standing.requests);
        progress.budget = standing.budget.clone().map(budget);
        self.desk.progress(progress, standing.pause);
        if let Some(line) = self.outlook.line(standing) {
            self.desk.say(line);
        }
    }

    fn say(&self, line: &str) {
        self.desk.say(text::line(line));
    }

    fn now(&self) -> Time {
        self.desk.now()
    }

    async fn limited(&self, until: Time, bucket: &str, message: &str) -> jobctl_import::Go {
        match self.desk.limited(until, bucket, &text::line(message)).await {
            Go::On => jobctl_import::Go::On,
            Go::Stop => jobctl_import::Go::Stop,
        }
    }

    async fn stopped(&self) {
        self.desk.stopped().await;
    }
}
