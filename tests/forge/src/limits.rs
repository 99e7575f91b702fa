//! Counting requests against the limits, and telling them.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::behaviour::{Limits, SecondaryStyle};
use crate::clock::http_date;
use crate::github::refuse;
use crate::wire::Reply;

/// Which kind of limit a reply told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitKind {
    /// The requests of the window are used up.
    Primary,
    /// Too many at once, too fast, or for no stated reason.
    Secondary,
}

/// Whose requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    Anonymous,
    Token(usize),
}

/// What one request costs and where it counts.
pub(crate) struct Charge<'a> {
    pub(crate) who: Who,
    /// The documented path; points are counted per endpoint.
    pub(crate) endpoint: &'a str,
    pub(crate) points: u64,
    /// `/rate_limit` costs nothing of the primary limit.
    pub(crate) free: bool,
    /// The token's own limit.
    pub(crate) limit: Option<u64>,
    pub(crate) now_ms: i64,
    pub(crate) uptime_ms: f64,
}

/// What became of a request at the gate.
pub(crate) struct Verdict {
    /// The refusal, when there is one.
    pub(crate) refused: Option<(LimitKind, Reply)>,
    /// It came although the limit had been told that long ago.
    pub(crate) after_notice_ms: Option<f64>,
}

/// All counts.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    buckets: HashMap<Who, Bucket>,
    /// Points of GraphQL that were spent in the window that began then.
    points: HashMap<Who, (Option<i64>, u64)>,
    /// Searches of the present minute, and when it began.
    searches: HashMap<Who, (i64, u64)>,
    requests: u64,
}

#[derive(Debug, Default)]
struct Bucket {
    window_start_ms: Option<i64>,
    used: u64,
    block: Option<Block>,
    points: HashMap<String, VecDeque<(i64, u64)>>,
    in_flight: u32,
    /// When (uptime) a reply that told the limit had been written.
    told_ms: Option<f64>,
    told_kind: Option<LimitKind>,
}

#[derive(Debug, Clone, Copy)]
struct Block {
    until_ms: i64,
    style: SecondaryStyle,
}

/// The state of the primary limit, for the headers and for `/rate_limit`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Primary {
    pub(crate) limit: u64,
    pub(crate) used: u64,
    /// Seconds since the epoch.
    pub(crate) reset: i64,
}

impl Primary {
    pub(crate) fn remaining(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

impl Meter {
    /// Decides about one request and counts it. The caller leaves again with [`Meter::leave`].
    pub(crate) fn admit(&mut self, limits: &Limits, charge: &Charge<'_>) -> Verdict {
        self.requests += 1;
        let by_count =
            limits.secondary_every.is_some_and(|k| k > 0 && self.requests.is_multiple_of(k));
        let bucket = self.buckets.entry(charge.who).or_default();
        bucket.roll(limits, charge.now_ms);
        let others = bucket.in_flight;
        bucket.in_flight += 1;
        let kind = bucket.judge(limits, charge, others, by_count);
        let after_notice_ms =
            kind.and(bucket.told_ms).map(|told| charge.uptime_ms - told).filter(|&ms| ms >= 0.0);
        if after_notice_ms.is_some() && limits.punish {
            bucket.punish(limits, charge.now_ms);
        }
        let refused = kind.map(|kind| (kind, bucket.refusal(limits, charge, kind)));
        Verdict { refused, after_notice_ms }
    }

    /// Gives the cost of a request back: a 304 is free.
    pub(crate) fn refund(&mut self, who: Who) {
        if let Some(bucket) = self.buckets.get_mut(&who) {
            bucket.used = bucket.used.saturating_sub(1);
        }
    }

    pub(crate) fn leave(&mut self, who: Who) {
        if let Some(bucket) = self.buckets.get_mut(&who) {
            bucket.in_flight = bucket.in_flight.saturating_sub(1);
        }
    }

    /// A reply that told a limit has reached the client.
    pub(crate) fn told(&mut self, who: Who, uptime_ms: f64) {
        if let Some(bucket) = self.buckets.get_mut(&who)
            && bucket.told_kind.is_some()
        {
            bucket.told_ms.get_or_insert(uptime_ms);
        }
    }

    /// Starts a secondary limit by hand.
    pub(crate) fn block(&mut self, who: Who, style: SecondaryStyle, seconds: f64, now_ms: i64) {
        let bucket = self.buckets.entry(who).or_default();
        bucket.block = Some(Block { until_ms: now_ms + milliseconds(seconds), style });
    }

    /// Uses up all but `remaining` of the primary limit.
    pub(crate) fn spend(&mut self, limits: &Limits, charge: &Charge<'_>, remaining: u64) {
        let bucket = self.buckets.entry(charge.who).or_default();
        bucket.roll(limits, charge.now_ms);
        bucket.used = limit(limits, charge).unwrap_or(0).saturating_sub(remaining);
    }

    /// The primary limit as it stands; `None` when there is none.
    pub(crate) fn primary(&mut self, limits: &Limits, charge: &Charge<'_>) -> Option<Primary> {
        let bucket = self.buckets.entry(charge.who).or_default();
        bucket.roll(limits, charge.now_ms);
        bucket.primary(limits, charge)
    }

    /// Pays for a query of GraphQL; whether that was possible.
    pub(crate) fn pay_graphql(
        &mut self,
        most: Option<u64>,
        limits: &Limits,
        charge: &Charge<'_>,
        cost: u64,
    ) -> bool {
        let bucket = self.buckets.entry(charge.who).or_default();
        bucket.roll(limits, charge.now_ms);
        let (start, spent) = self.points.entry(charge.who).or_default();
        if *start != bucket.window_start_ms {
            (*start, *spent) = (bucket.window_start_ms, 0);
        }
        if most.is_some_and(|most| *spent + cost > most) {
            return false;
        }
        *spent += cost;
        true
    }

    /// Counts a search; the limit of searches, and whether it was kept.
    pub(crate) fn search(
        &mut self,
        most: u64,
        charge: &Charge<'_>,
        counts: bool,
    ) -> (Primary, bool) {
        let (start, used) = self.searches.entry(charge.who).or_insert((charge.now_ms, 0));
        if charge.now_ms >= *start + 60_000 {
            (*start, *used) = (charge.now_ms, 0);
        }
        let kept = *used < most;
        *used += u64::from(counts && kept);
        (Primary { limit: most, used: *used, reset: seconds_up(*start + 60_000) }, kept)
    }

    /// The limit of GraphQL as it stands; its window is that of the primary limit.
    pub(crate) fn graphql(
        &mut self,
        most: Option<u64>,
        limits: &Limits,
        charge: &Charge<'_>,
    ) -> Option<Primary> {
        let reset = self.primary(limits, charge)?.reset;
        let window = self.buckets.get(&charge.who)?.window_start_ms;
        let (start, spent) = self.points.get(&charge.who).copied().unwrap_or_default();
        let used = if start == window { spent } else { 0 };
        most.map(|limit| Primary { limit, used: used.min(limit), reset })
    }

    /// Forgets all counts and blocks, but not who is under way.
    pub(crate) fn reset(&mut self) {
        for bucket in self.buckets.values_mut() {
            *bucket = Bucket { in_flight: bucket.in_flight, ..Bucket::default() };
        }
        self.points.clear();
        self.searches.clear();
    }
}

impl Bucket {
    /// Ends what is over.
    fn roll(&mut self, limits: &Limits, now_ms: i64) {
        let length = window_ms(limits);
        let start = *self.window_start_ms.get_or_insert(now_ms);
        if now_ms >= start + length {
            self.window_start_ms = Some(now_ms);
            self.used = 0;
            self.forget(LimitKind::Primary);
        }
        if self.block.is_some_and(|block| block.until_ms <= now_ms) {
            self.block = None;
            self.forget(LimitKind::Secondary);
        }
    }

    fn forget(&mut self, kind: LimitKind) {
        if self.told_kind == Some(kind) {
            self.told_kind = None;
            self.told_ms = None;
        }
    }

    /// Counts the request; the limit it hits, if any.
    fn judge(
        &mut self,
        limits: &Limits,
        charge: &Charge<'_>,
        others: u32,
        by_count: bool,
    ) -> Option<LimitKind> {
        if self.block.is_none() {
            let crowded = limits.concurrent.is_some_and(|most| others >= most);
            let hasty = self.too_fast(limits, charge);
            if crowded || hasty || by_count {
                let until_ms = charge.now_ms + milliseconds(limits.secondary_seconds);
                self.block = Some(Block { until_ms, style: limits.secondary_style });
                self.points.clear();
            }
        }
        let kind = if self.block.is_some() {
            Some(LimitKind::Secondary)
        } else if charge.free {
            None
        } else if limit(limits, charge).is_some_and(|limit| self.used >= limit) {
            Some(LimitKind::Primary)
        } else {
            self.used += 1;
            None
        };
        if kind.is_some() && self.told_kind != kind {
            self.told_kind = kind;
            self.told_ms = None;
        }
        kind
    }

    fn too_fast(&mut self, limits: &Limits, charge: &Charge<'_>) -> bool {
        let Some(most) = limits.points_per_minute else { return false };
        let recent = self.points.entry(charge.endpoint.to_owned()).or_default();
        while recent.front().is_some_and(|(at, _)| *at <= charge.now_ms - 60_000) {
            recent.pop_front();
        }
        recent.push_back((charge.now_ms, charge.points));
        recent.iter().map(|(_, points)| points).sum::<u64>() > most
    }

    fn punish(&mut self, limits: &Limits, now_ms: i64) {
        if let Some(block) = &mut self.block {
            block.until_ms = now_ms + milliseconds(limits.secondary_seconds);
        } else {
            self.window_start_ms = Some(now_ms);
        }
    }

    fn primary(&self, limits: &Limits, charge: &Charge<'_>) -> Option<Primary> {
        let limit = limit(limits, charge)?;
        let end = self.window_start_ms.unwrap_or(charge.now_ms) + window_ms(limits);
        Some(Primary { limit, used: self.used.min(limit), reset: seconds_up(end) })
    }

    fn refusal(&self, limits: &Limits, charge: &Charge<'_>, kind: LimitKind) -> Reply {
        match (kind, self.block) {
            (LimitKind::Secondary, Some(block)) => secondary(block, charge.now_ms),
            (LimitKind::Primary | LimitKind::Secondary, _) => {
                refuse::exhausted(limits.exhausted_status, charge.who)
            }
        }
    }
}

/// The primary limit that counts for this request.
fn limit(limits: &Limits, charge: &Charge<'_>) -> Option<u64> {
    let general = limits.primary?;
    Some(match charge.who {
        Who::Anonymous => limits.anonymous,
        Who::Token(_) => charge.limit.unwrap_or(general),
    })
}

/// The reply in the block's style.
fn secondary(block: Block, now_ms: i64) -> Reply {
    let left_ms = (block.until_ms - now_ms).max(1);
    let whole = seconds_up(left_ms).to_string();
    match block.style {
        SecondaryStyle::Seconds => refuse::secondary(403).with("retry-after", whole),
        SecondaryStyle::Decimal => {
            let tenths = left_ms.div_euclid(100) + 1;
            let text = format!("{}.{}", tenths / 10, tenths % 10);
            refuse::secondary(403).with("retry-after", text)
        }
        SecondaryStyle::HttpDate => {
            let at = seconds_up(block.until_ms) * 1_000;
            refuse::secondary(403).with("retry-after", http_date(at))
        }
        SecondaryStyle::TooManyRequests => refuse::secondary(429).with("retry-after", whole),
        SecondaryStyle::NoRetryAfter => {
            refuse::secondary(403).with("gh-limited-by", "search-elapsed-time-shared-grouped")
        }
        SecondaryStyle::BodyOnly => refuse::secondary(403),
        SecondaryStyle::Abuse => refuse::abuse().with("retry-after", whole),
    }
}

fn window_ms(limits: &Limits) -> i64 {
    i64::try_from(limits.window_seconds).map_or(i64::MAX / 4, |s| s.saturating_mul(1_000))
}

fn seconds_up(ms: i64) -> i64 {
    ms.div_euclid(1_000) + i64::from(ms.rem_euclid(1_000) > 0)
}

fn milliseconds(seconds: f64) -> i64 {
    let duration = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
