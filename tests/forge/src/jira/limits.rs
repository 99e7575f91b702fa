//! Counting requests against the limits, and telling them.

use std::collections::HashMap;

use super::behaviour::{CenterLimit, JiraBehaviour, JiraForm, JiraLimits, JiraRefusalRule};
use super::refuse;
use super::route::Flavour;
use super::time::{iso, iso_minutes, next_hour};
use crate::behaviour::Firing;
use crate::clock::http_date;
use crate::limits::LimitKind;
use crate::rules::{Rule, RuleCount};
use crate::wire::Reply;

const BURST: &str = "jira-burst-based";

/// One request at the gate.
pub(crate) struct Charge<'a> {
    pub(crate) flavour: Flavour,
    /// Method and documented path: limits of bursts are counted for each.
    pub(crate) endpoint: &'a str,
    pub(crate) target: &'a str,
    pub(crate) now_ms: i64,
    pub(crate) uptime_ms: f64,
}

/// A refusal, and whether the client knew.
pub(crate) struct Refused {
    pub(crate) reply: Reply,
    pub(crate) kind: LimitKind,
    /// It came although the limit had been told that long ago.
    pub(crate) after_notice_ms: Option<f64>,
}

/// All counts.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    bursts: HashMap<String, Bucket>,
    /// Points spent in the hour that ends then.
    spent: u64,
    hour_ends_ms: i64,
    center: Option<Bucket>,
    blocks: Vec<Block>,
    rules: RuleCount<JiraRefusalRule>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at_ms: i64,
}

impl Bucket {
    /// Fills up, and takes one if there is one; else how many milliseconds until there is.
    fn take(&mut self, capacity: f64, per_ms: f64, now_ms: i64) -> Result<(), i64> {
        let passed = millis(now_ms.saturating_sub(self.at_ms).max(0));
        self.tokens = (self.tokens + passed * per_ms).min(capacity);
        self.at_ms = now_ms;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(whole((1.0 - self.tokens) / per_ms.max(1e-9)) + 1)
    }
}

impl Rule for JiraRefusalRule {
    fn firing(&self) -> Firing {
        self.firing
    }

    fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }
}

/// A limit that holds.
#[derive(Debug, Clone)]
struct Block {
    /// `None`: everywhere.
    endpoint: Option<String>,
    reason: Option<String>,
    form: JiraForm,
    kind: LimitKind,
    until_ms: i64,
    /// When (uptime) it was told first.
    told_ms: Option<f64>,
}

impl Meter {
    /// Decides about one request and counts it.
    pub(crate) fn admit(
        &mut self,
        behaviour: &JiraBehaviour,
        charge: &Charge<'_>,
    ) -> Option<Refused> {
        self.roll(charge.now_ms);
        if let Some(at) = self.blocked(charge) {
            return Some(self.refuse(at, charge));
        }
        let block = self.forced(&behaviour.refusals, charge).or_else(|| match charge.flavour {
            Flavour::Site | Flavour::Scoped => self.cloud(&behaviour.limits, charge),
            Flavour::Center => self.center(behaviour.limits.center, charge),
        })?;
        self.blocks.push(block);
        Some(self.refuse(self.blocks.len() - 1, charge))
    }

    /// Adds what an answer cost beyond the request itself.
    pub(crate) fn spend(&mut self, points: u64) {
        self.spent += points;
    }

    /// Forgets all counts and blocks.
    pub(crate) fn reset(&mut self) {
        *self = Meter::default();
    }

    fn roll(&mut self, now_ms: i64) {
        self.blocks.retain(|block| block.until_ms > now_ms);
        if now_ms >= self.hour_ends_ms {
            self.spent = 0;
            self.hour_ends_ms = next_hour(now_ms);
        }
    }

    fn blocked(&self, charge: &Charge<'_>) -> Option<usize> {
        let here = |block: &Block| {
            block.endpoint.as_ref().is_none_or(|endpoint| endpoint == charge.endpoint)
        };
        self.blocks.iter().position(here)
    }

    fn refuse(&mut self, at: usize, charge: &Charge<'_>) -> Refused {
        let block = &mut self.blocks[at];
        let after_notice_ms = block.told_ms.map(|told| charge.uptime_ms - told);
        block.told_ms.get_or_insert(charge.uptime_ms);
        let reply = match (charge.flavour, block.form) {
            (Flavour::Center, JiraForm::Seconds) => center_refusal(block, charge.now_ms),
            (Flavour::Site | Flavour::Scoped | Flavour::Center, _) => refusal(block, charge.now_ms),
        };
        Refused { reply, kind: block.kind, after_notice_ms }
    }

    fn forced(&mut self, rules: &[JiraRefusalRule], charge: &Charge<'_>) -> Option<Block> {
        let rule = self.rules.pick(rules, charge.target)?;
        let burst = rule.reason.as_deref() == Some(BURST);
        Some(Block {
            endpoint: burst.then(|| charge.endpoint.to_owned()),
            reason: rule.reason.clone(),
            form: rule.form,
            kind: LimitKind::Secondary,
            until_ms: charge.now_ms + whole(rule.seconds * 1_000.0),
            told_ms: None,
        })
    }

    fn cloud(&mut self, limits: &JiraLimits, charge: &Charge<'_>) -> Option<Block> {
        if let Some(rate) = limits.burst_per_second {
            let full = Bucket { tokens: rate * 2.0, at_ms: charge.now_ms };
            let bucket = self.bursts.entry(charge.endpoint.to_owned()).or_insert(full);
            if let Err(wait) = bucket.take(rate * 2.0, rate / 1_000.0, charge.now_ms) {
                return Some(Block {
                    endpoint: Some(charge.endpoint.to_owned()),
                    reason: Some(BURST.to_owned()),
                    form: limits.form,
                    kind: LimitKind::Secondary,
                    until_ms: charge.now_ms + wait,
                    told_ms: None,
                });
            }
        }
        if limits.quota.is_some_and(|quota| self.spent >= quota) {
            return Some(Block {
                endpoint: None,
                reason: Some(limits.quota_reason.clone()),
                form: limits.form,
                kind: LimitKind::Primary,
                until_ms: self.hour_ends_ms,
                told_ms: None,
            });
        }
        self.spent += 1;
        None
    }

    fn center(&mut self, limit: Option<CenterLimit>, charge: &Charge<'_>) -> Option<Block> {
        let limit = limit?;
        let (capacity, per_ms) = center_rate(limit);
        let full = Bucket { tokens: capacity, at_ms: charge.now_ms };
        let wait = self.center.get_or_insert(full).take(capacity, per_ms, charge.now_ms).err()?;
        Some(Block {
            endpoint: None,
            reason: None,
            form: JiraForm::Seconds,
            kind: LimitKind::Primary,
            until_ms: charge.now_ms + wait,
            told_ms: None,
        })
    }

    /// Adds the headers every reply has.
    pub(crate) fn dress(&self, reply: Reply, limits: &JiraLimits, charge: &Charge<'_>) -> Reply {
        match (charge.flavour, limits.center) {
            (Flavour::Site | Flavour::Scoped, _) => self.dress_cloud(reply, limits, charge),
            (Flavour::Center, Some(limit)) => self.dress_center(reply, limit),
            (Flavour::Center, None) => reply,
        }
    }

    fn dress_cloud(&self, reply: Reply, limits: &JiraLimits, charge: &Charge<'_>) -> Reply {
        let beta = if limits.beta { "Beta-" } else { "" };
        let name = |name: &str| format!("{beta}{name}");
        let mut reply = reply;
        if let Some(rate) = limits.burst_per_second {
            let capacity = count(rate * 2.0);
            let tokens = self.bursts.get(charge.endpoint).map_or(0, |b| count(b.tokens));
            reply = reply
                .with(&name("X-RateLimit-Limit"), capacity.to_string())
                .with(&name("X-RateLimit-Remaining"), tokens.to_string());
        }
        let Some(quota) = limits.quota else { return reply };
        let policy = format!("\"global-app-quota\";q={quota};w=3600");
        reply = reply.with(&name("RateLimit-Policy"), policy);
        let left = quota.saturating_sub(self.spent);
        if left * 5 >= quota {
            return reply;
        }
        let seconds = (self.hour_ends_ms - charge.now_ms).max(0) / 1_000;
        reply
            .with(&name("X-RateLimit-NearLimit"), "true")
            .with(&name("RateLimit"), format!("\"global-app-quota\";r={left};t={seconds}"))
    }

    /// The same names as on Cloud, another meaning; `retry-after: 0` is no pause.
    fn dress_center(&self, reply: Reply, limit: CenterLimit) -> Reply {
        let tokens = self.center.map_or(0, |bucket| count(bucket.tokens));
        let reply = reply
            .with("X-RateLimit-Limit", limit.limit.to_string())
            .with("X-RateLimit-Remaining", tokens.to_string())
            .with("X-RateLimit-FillRate", limit.fill_rate.to_string())
            .with("X-RateLimit-Interval-Seconds", limit.interval_seconds.to_string());
        if reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("retry-after")) {
            return reply;
        }
        // The time until the next token, when the last has just been taken.
        let seconds =
            if tokens > 0 { 0 } else { limit.interval_seconds.div_ceil(limit.fill_rate.max(1)) };
        reply.with("retry-after", seconds.to_string())
    }
}

fn refusal(block: &Block, now_ms: i64) -> Reply {
    let left_ms = (block.until_ms - now_ms).max(1);
    let seconds = (left_ms + 999).div_euclid(1_000);
    let json = |status: u16| Reply::json(status, refuse::limited(status).to_string());
    let reply = match block.form {
        JiraForm::Seconds => json(429).with("Retry-After", seconds.to_string()),
        JiraForm::Decimal => {
            let tenths = left_ms.div_euclid(100) + 1;
            json(429).with("Retry-After", format!("{}.{}", tenths / 10, tenths % 10))
        }
        JiraForm::HttpDate => {
            let at = (block.until_ms + 999).div_euclid(1_000) * 1_000;
            json(429).with("Retry-After", http_date(at))
        }
        JiraForm::Reset => json(429).with("X-RateLimit-Reset", iso(block.until_ms)),
        JiraForm::ResetMinutes => json(429).with("X-RateLimit-Reset", iso_minutes(block.until_ms)),
        JiraForm::Html => {
            let page = "<html><head><title>429 Too Many Requests</title></head><body>\
                        <center><h1>429 Too Many Requests</h1></center></body></html>";
            Reply::html(429, page).with("Retry-After", seconds.to_string())
        }
        JiraForm::Bare => return Reply::text(429, "Too many requests"),
        JiraForm::Unavailable => json(503).with("Retry-After", seconds.to_string()),
        JiraForm::Structured => json(429)
            .with("RateLimit-Policy", "\"global-app-quota\";q=65000;w=3600")
            .with("RateLimit", format!("\"other\";r=9;t=1, \"global-app-quota\";r=0;t={seconds}")),
    };
    match &block.reason {
        Some(reason) => reply.with("RateLimit-Reason", reason.clone()),
        None => reply,
    }
}

/// Data Center's own server answers, not Jira: HTML.
fn center_refusal(block: &Block, now_ms: i64) -> Reply {
    let seconds = ((block.until_ms - now_ms).max(1) + 999).div_euclid(1_000);
    Reply::html(429, &refuse::page(429, "Rate limit exceeded"))
        .with("retry-after", seconds.to_string())
}

#[expect(clippy::cast_precision_loss, reason = "limits are small")]
fn center_rate(limit: CenterLimit) -> (f64, f64) {
    let per_ms = limit.fill_rate as f64 / (limit.interval_seconds.max(1) as f64 * 1_000.0);
    (limit.limit as f64, per_ms)
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of one run")]
fn millis(ms: i64) -> f64 {
    ms as f64
}

#[expect(clippy::cast_possible_truncation, reason = "milliseconds of one run")]
fn whole(ms: f64) -> i64 {
    ms.ceil() as i64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tokens are few and not negative"
)]
fn count(tokens: f64) -> u64 {
    tokens.max(0.0) as u64
}
