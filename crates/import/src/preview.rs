use std::collections::VecDeque;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use jiff::SignedDuration;
use jobctl_http::Transport;
use jobctl_provider::{
    Budget, Descriptor, Fact, IssueOrder, Order, Provider, Rest, Size, Task, Time, Unsupported,
};
use tokio::time::Instant;

use crate::ask::{Asked, ask};
use crate::report::Failure;

/// How often a question is asked while its answers are of no use.
const TRIES: u32 = 3;
/// How a transport's concurrency begins; it grows by one with each round.
const START: u64 = 2;

/// What an import would cost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preview {
    /// About how many issues, and what else their lists hold, there are.
    pub issues: u64,
    /// About how many comments; `None` where the forge does not say.
    pub comments: Option<u64>,
    /// About how many requests they take.
    pub requests: u64,
    /// The budget of which that is the largest share, where the forge tells of one.
    pub budget: Option<Budget>,
    /// About how long it takes, pauses for the budget included.
    pub time: SignedDuration,
    /// Scopes of which nothing could be learnt.
    pub failures: Vec<Failure>,
}

impl Preview {
    /// Percent of one window's quota that it takes: more than 100 is more than one window.
    pub fn share(&self) -> Option<u64> {
        let limit = self.budget.as_ref()?.limit.filter(|limit| *limit > 0)?;
        Some((self.requests.saturating_mul(100)).div_ceil(limit))
    }
}

/// Why there is no preview.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The forge wants a rest first.
    #[error("could not ask how much there is: {message} (until {until})")]
    Limited {
        /// Until when.
        until: Time,
        /// Which budget is spent.
        bucket: String,
        /// What the forge said.
        message: String,
    },
    /// The credential was refused.
    #[error("could not read {url}: the credential was refused ({message})")]
    Unauthorized {
        /// What the forge said.
        message: String,
        /// Where.
        url: String,
    },
    /// The forge cannot carry out what was ordered.
    #[error("could not plan the import")]
    Unsupported(#[from] Unsupported),
}

/// Asks how much there is, with a request or two a scope. Reads no issue.
pub async fn preview(
    provider: &dyn Provider,
    transport: &dyn Transport,
    orders: &[IssueOrder],
    now: Time,
) -> Result<Preview, PreviewError> {
    let begun = Instant::now();
    let before = transport.sent();
    let most = transport.in_flight_limit().max(1);
    let mut sizes = stream::iter(orders)
        .map(|order| async move { (order, size(provider, transport, order).await) })
        .buffer_unordered(most);
    let mut preview = Preview::default();
    while let Some((order, sized)) = sizes.next().await {
        match sized? {
            Ok(size) => {
                preview.issues += size.issues;
                preview.comments = match (preview.comments, size.comments) {
                    (Some(known), Some(more)) => Some(known + more),
                    (known, more) => known.or(more),
                };
                preview.requests += provider.forecast(order, size);
            }
            Err(failure) => preview.failures.push(failure),
        }
    }
    drop(sizes);
    let asked = transport.sent().saturating_sub(before).max(1);
    let together = asked.min(most as u64).max(1);
    let latency = begun.elapsed().mul_f64(ratio(together, asked));
    preview.budget = scarcest(transport.budgets());
    preview.time = expected_time(preview.requests, latency, provider.describe())
        .saturating_add(transport.certain_pause(preview.requests, now));
    Ok(preview)
}

/// The size of one scope, or why it is not known.
async fn size(
    provider: &dyn Provider,
    transport: &dyn Transport,
    order: &IssueOrder,
) -> Result<Result<Size, Failure>, PreviewError> {
    let plan = provider.plan(&Order::Size(order.clone()))?;
    let mut open: VecDeque<(Task, u32)> = plan.into_iter().map(|task| (task, 0)).collect();
    let mut size = Size::default();
    let failure = |error: String, hint| Failure { item: order.scope.clone(), error, hint };
    while let Some((task, tries)) = open.pop_front() {
        match ask(provider, transport, &task).await {
            Asked::Step { step, .. } => {
                for fact in step.facts {
                    learn(&mut size, &fact);
                }
                open.extend(step.next.into_iter().map(|task| (task, 0)));
            }
            Asked::Limited { rest: Rest { until, bucket, message }, .. } => {
                let bucket = bucket.unwrap_or_default();
                return Err(PreviewError::Limited { until, bucket, message });
            }
            Asked::Unauthorized { message, url } => {
                return Err(PreviewError::Unauthorized { message, url });
            }
            Asked::Forbidden { message, hint } => return Ok(Err(failure(message, hint))),
            Asked::Again { says: why } | Asked::InVain { message: why } => {
                if tries + 1 >= TRIES {
                    return Ok(Err(failure(why, None)));
                }
                open.push_front((task, tries + 1));
            }
        }
    }
    size.issues = size.issues.min(order.limit.unwrap_or(u64::MAX));
    Ok(Ok(size))
}

fn learn(size: &mut Size, fact: &Fact) {
    match fact {
        Fact::Estimate { what, count } if what == "issues" => size.issues += count,
        Fact::Estimate { what, count } if what == "comments" => {
            size.comments = Some(size.comments.unwrap_or_default() + count);
        }
        Fact::Estimate { .. }
        | Fact::Total { .. }
        | Fact::Mark { .. }
        | Fact::Identity { .. }
        | Fact::Comments { .. }
        | Fact::Listed { .. }
        | Fact::Gone { .. }
        | Fact::Moved { .. }
        | Fact::Partial { .. } => {}
    }
}

/// The budget with the smallest quota: of that one the import takes the largest share.
fn scarcest(budgets: Vec<Budget>) -> Option<Budget> {
    budgets.into_iter().min_by_key(|budget| budget.limit.unwrap_or(u64::MAX))
}

/// How long so many requests take at this latency, while the concurrency grows to the forge's
/// ceiling, and no faster than the forge's documented pace.
pub fn expected_time(requests: u64, latency: Duration, descriptor: &Descriptor) -> SignedDuration {
    let ceiling = (descriptor.max_in_flight as u64).max(1);
    let growing: u64 = (START.min(ceiling)..ceiling).sum();
    let rounds = if requests > growing {
        ceiling.saturating_sub(START) + (requests - growing).div_ceil(ceiling)
    } else {
        (START.min(ceiling)..ceiling)
            .scan(requests, |left, places| (*left > 0).then(|| *left = left.saturating_sub(places)))
            .count() as u64
    };
    let asking = latency.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX));
    let pace: u64 = descriptor.buckets.iter().map(|bucket| u64::from(bucket.per_minute)).sum();
    let paced = Duration::from_secs((requests * 60).checked_div(pace).unwrap_or_default());
    SignedDuration::try_from(asking.max(paced)).unwrap_or(SignedDuration::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few requests")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use jobctl_provider::Bucket;

    use super::*;

    fn descriptor(per_minute: u32) -> Descriptor {
        Descriptor {
            name: "forge",
            title: "Forge",
            max_in_flight: 8,
            buckets: vec![Bucket { name: "core", per_minute }],
            shared: None,
        }
    }

    fn seconds(requests: u64, per_minute: u32) -> i64 {
        expected_time(requests, Duration::from_secs(1), &descriptor(per_minute)).as_secs()
    }

    #[test]
    fn rounds_grow_from_two_to_the_ceiling() {
        let rounds: Vec<i64> = [0, 1, 2, 3, 5, 6, 27, 28, 35, 36].map(|n| seconds(n, 0)).into();
        // Two, three, four … seven are 27 requests in six rounds; then eight a round.
        assert_eq!(rounds, [0, 1, 1, 2, 2, 3, 6, 7, 7, 8]);
    }

    #[test]
    fn the_documented_pace_is_never_beaten() {
        assert_eq!(seconds(900, 90), 600);
    }

    #[test]
    fn a_share_counts_windows() {
        let budget = |limit| Budget {
            bucket: "core".to_owned(),
            limit: Some(limit),
            remaining: 7,
            resets_at: None,
        };
        let of = |requests, limit| {
            Preview { requests, budget: Some(budget(limit)), ..Preview::default() }.share()
        };
        assert_eq!((of(403, 5_000), of(40_300, 5_000), of(1, 0)), (Some(9), Some(806), None));
    }
}
