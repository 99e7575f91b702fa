//! What an import is going to take, told once: by what its first answers say, so that it costs no
//! request of its own.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use jobctl_import::{Standing, expected_time};
use jobctl_provider::{IssueOrder, Provider, Size};

use crate::text;
use crate::views::moments;
use crate::views::preview::items;

/// After so many answers a forge that has not said how many comments there are does not say it.
const FIRST: u64 = 4;

/// What is known before, and whether it was told.
pub(crate) struct Outlook {
    provider: Arc<dyn Provider>,
    /// The one scope that is read; of several the first answers tell too little.
    order: Option<IssueOrder>,
    begun: Instant,
    told: AtomicBool,
}

impl Outlook {
    /// Of an import that begins now.
    pub(crate) fn new(provider: Arc<dyn Provider>, orders: &[IssueOrder]) -> Self {
        let order = match orders {
            [order] => Some(order.clone()),
            _ => None,
        };
        Self { provider, order, begun: Instant::now(), told: AtomicBool::new(false) }
    }

    /// The line for the log, once enough is known.
    pub(crate) fn line(&self, standing: &Standing) -> Option<String> {
        let order = self.order.as_ref()?;
        let issues = standing.total?;
        let is_known = !order.comments || standing.comments_total.is_some();
        if !(is_known || standing.requests >= FIRST) || self.told.swap(true, Ordering::Relaxed) {
            return None;
        }
        let comments = standing.comments_total.filter(|_| order.comments);
        let requests = self.provider.forecast(order, Size { issues, comments });
        let mut line =
            format!("{}: about {} requests", items(issues, comments), text::count(requests));
        let budget = standing.budget.as_ref();
        if let Some((budget, limit)) = budget.and_then(|b| Some((b, b.limit.filter(|l| *l > 0)?))) {
            let share = requests.saturating_mul(100).div_ceil(limit);
            let (limit, bucket) = (text::count(limit), text::line(&budget.bucket));
            let _ = write!(line, ", {share}% of the {limit} of {bucket}");
        }
        // The first answers came one after the other.
        let asked = u32::try_from(standing.requests).unwrap_or(u32::MAX).max(1);
        let latency = self.begun.elapsed() / asked;
        let time = expected_time(requests, latency, self.provider.describe());
        let seconds = u64::try_from(time.saturating_add(standing.pause).as_secs()).unwrap_or(0);
        let _ = write!(line, ", about {}", moments::length(seconds.max(1)));
        Some(line)
    }
}
