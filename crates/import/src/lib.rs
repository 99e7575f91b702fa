//! Drives a provider over a transport into the warehouse.
//!
//! An [`Import`] reads the lists, then what changed while they were read, then comments of
//! issues that say another number of them than is held, then compares totals, and lists
//! everything once more only where they differ. Everything it knows is in the warehouse: after
//! a stop or a crash at any moment a new `Import` of the same job goes on, and repeats at most
//! the requests that were in flight.

mod ask;
mod drive;
mod error;
mod phase;
mod preview;
mod queue;
mod report;
mod watch;

use std::sync::Arc;

use jobctl_http::Transport;
use jobctl_provider::{IssueOrder, Provider, Rest, Time};
use jobctl_warehouse::Warehouse;

use crate::drive::Drained;
use crate::phase::Stage;

pub use ask::{Asked, ask};
pub use error::ImportError;
pub use preview::{Preview, PreviewError, expected_time, preview};
pub use report::{Failure, Report};
pub use watch::{Go, Standing, Watch};

/// One job's import: scopes of one connection.
pub struct Import {
    /// The forge's dialect.
    pub provider: Arc<dyn Provider>,
    /// The way to it.
    pub transport: Arc<dyn Transport>,
    /// Where everything goes.
    pub warehouse: Warehouse,
    /// The job's id.
    pub job: String,
    /// The epoch of the caller's claim: an older one is refused by the warehouse.
    pub epoch: u64,
    /// What is wanted; each scope once.
    pub orders: Vec<IssueOrder>,
    /// From the beginning, or what changed.
    pub mode: Mode,
}

/// Where an import begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// At the beginning.
    Import,
    /// Where the last import or sync of each scope ended.
    Sync {
        /// Lists everything once more, to find what is gone.
        full: bool,
    },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Everything was asked. Durable when this is returned.
    Done(Report),
    /// [`Watch::stopped`] said so.
    Stopped,
    /// The forge wants a rest, and [`Watch::limited`] does not wait for it.
    Limited {
        /// Until when.
        until: Time,
        /// Which budget is spent.
        bucket: String,
        /// What the forge said.
        message: String,
    },
}

impl Import {
    /// Runs until everything is read, or as far as it gets.
    ///
    /// A scope that cannot be read is a failure in the report; running again tries it again
    /// where it failed. May be dropped at any moment, as by a kill.
    pub async fn run(&mut self, watch: &dyn Watch) -> Result<Ended, ImportError> {
        let mut phase = self.begin(watch.now())?;
        // What a frontier brought before a crash is not known: everything may have changed.
        let mut known = false;
        while phase.stage != Stage::Done {
            let met = match self.drain(watch, phase.stage == Stage::Lists).await? {
                Drained::Empty(met) => known.then_some(met),
                Drained::Stopped => return Ok(Ended::Stopped),
                Drained::Limited(rest) => {
                    let Rest { until, bucket, message } = rest;
                    let bucket = bucket.unwrap_or_default();
                    return Ok(Ended::Limited { until, bucket, message });
                }
            };
            known = true;
            let says;
            (phase, says) = self.advance(&phase, met)?;
            watch.say(says);
        }
        let report = self.report()?;
        self.warehouse.finish(&self.job, self.epoch)?;
        Ok(Ended::Done(report))
    }
}
