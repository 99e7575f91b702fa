//! Counting usage per identity, and the three stages in which it is answered.

use std::collections::{HashMap, VecDeque};

use super::behaviour::{AdoBehaviour, AdoLimits, AdoStage, AdoThrottle};
use super::refuse;
use crate::behaviour::Firing;
use crate::rules::{Rule, RuleCount};
use crate::wire::Reply;

/// Whose usage is counted together: a token in an organisation.
pub(crate) type Who = (usize, String);

/// What is to be told when a reply with `Retry-After` has been written.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    who: Who,
    seconds: u64,
}

/// What becomes of one request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) stage: Option<AdoStage>,
    pub(crate) delay_ms: u64,
    /// What `Retry-After` says.
    pub(crate) seconds: Option<u64>,
    /// It came although the client had been told to rest until later.
    pub(crate) while_limited: bool,
    /// How long it had been told, in milliseconds.
    pub(crate) after_notice_ms: Option<f64>,
    used: f64,
    reset: i64,
}

/// All counts.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    usage: HashMap<Who, Usage>,
    rules: RuleCount<AdoThrottle>,
}

#[derive(Debug, Default)]
struct Usage {
    /// When, and how many units.
    spent: VecDeque<(i64, f64)>,
    /// Until when everything is refused, by rule.
    blocked_until: i64,
    /// When a client was told to rest, and until when.
    told: Option<(i64, i64)>,
}

impl Meter {
    /// Decides about one request.
    pub(crate) fn admit(&mut self, who: &Who, behaviour: &AdoBehaviour, now_ms: i64) -> Verdict {
        let rule = self.rules.pick(&behaviour.throttle, "").copied();
        let usage = self.usage.entry(who.clone()).or_default();
        let limits = &behaviour.limits;
        let used = usage.roll(limits, now_ms);
        let told = usage.told.filter(|(_, until)| now_ms < *until);
        let mut verdict = Verdict {
            stage: None,
            delay_ms: 0,
            seconds: None,
            while_limited: told.is_some(),
            after_notice_ms: told
                .map(|(at, _)| f64::from(i32::try_from(now_ms - at).unwrap_or(i32::MAX))),
            used,
            reset: usage.reset(limits, now_ms),
        };
        verdict.by_usage(limits, usage, now_ms);
        if let Some(rule) = rule.filter(|rule| Some(rule.stage) > verdict.stage) {
            verdict.by_rule(rule, usage, now_ms);
        }
        if now_ms < usage.blocked_until {
            let left = (usage.blocked_until - now_ms + 999).div_euclid(1_000);
            verdict.stage = Some(AdoStage::Block);
            verdict.seconds = u64::try_from(left).ok();
        }
        verdict
    }

    /// Counts what a request cost.
    pub(crate) fn charge(&mut self, who: &Who, units: f64, now_ms: i64) {
        self.usage.entry(who.clone()).or_default().spent.push_back((now_ms, units));
    }

    /// The notice has reached the client.
    pub(crate) fn told(&mut self, notice: &Notice, now_ms: i64) {
        let seconds = i64::try_from(notice.seconds).unwrap_or(0);
        let usage = self.usage.entry(notice.who.clone()).or_default();
        let until = now_ms + seconds * 1_000;
        if usage.told.is_none_or(|(_, before)| before < until) {
            usage.told = Some((now_ms, until));
        }
    }

    /// Forgets all counts and blocks.
    pub(crate) fn reset(&mut self) {
        self.usage.clear();
    }
}

/// Counted over all requests.
impl Rule for AdoThrottle {
    fn firing(&self) -> Firing {
        self.firing
    }

    fn path(&self) -> Option<&str> {
        None
    }
}

impl Usage {
    /// Ends what is over; what is left.
    fn roll(&mut self, limits: &AdoLimits, now_ms: i64) -> f64 {
        let start = now_ms - window_ms(limits);
        while self.spent.front().is_some_and(|(at, _)| *at <= start) {
            self.spent.pop_front();
        }
        self.spent.iter().map(|(_, units)| units).sum()
    }

    /// When the window that begins with the oldest usage is over, in milliseconds.
    fn reset(&self, limits: &AdoLimits, now_ms: i64) -> i64 {
        self.spent.front().map_or(now_ms, |(at, _)| *at) + window_ms(limits)
    }

    /// How long until the usage is below a part of the units, in whole seconds.
    fn seconds_until(&self, limits: &AdoLimits, wanted: f64, now_ms: i64) -> u64 {
        let mut used: f64 = self.spent.iter().map(|(_, units)| units).sum();
        let mut at = now_ms;
        for (spent_at, units) in &self.spent {
            if used < wanted {
                break;
            }
            used -= units;
            at = spent_at + window_ms(limits);
        }
        u64::try_from((at - now_ms).div_euclid(1_000) + 1).unwrap_or(1)
    }
}

impl Verdict {
    fn by_usage(&mut self, limits: &AdoLimits, usage: &Usage, now_ms: i64) {
        let Some(units) = limits.tstu else { return };
        let part = self.used / units;
        if part >= limits.block_at {
            self.stage = Some(AdoStage::Block);
            self.seconds = Some(usage.seconds_until(limits, limits.delay_at * units, now_ms));
        } else if part >= limits.delay_at {
            self.stage = Some(AdoStage::Delay);
            self.delay_ms = limits.delay_ms;
            self.seconds = Some(usage.seconds_until(limits, limits.flag_at * units, now_ms));
        } else if part >= limits.flag_at {
            self.stage = Some(AdoStage::Flag);
        }
    }

    fn by_rule(&mut self, rule: AdoThrottle, usage: &mut Usage, now_ms: i64) {
        self.stage = Some(rule.stage);
        match rule.stage {
            AdoStage::Flag => {}
            AdoStage::Delay => {
                self.delay_ms = rule.delay_ms;
                self.seconds = Some(rule.seconds);
            }
            AdoStage::Block => {
                let seconds = i64::try_from(rule.seconds).unwrap_or(0);
                usage.blocked_until = now_ms + seconds * 1_000;
            }
        }
    }

    /// The refusal, in the last stage.
    pub(crate) fn refusal(&self) -> Option<Reply> {
        (self.stage == Some(AdoStage::Block)).then(refuse::blocked)
    }

    /// What is to be told when the reply has been written.
    pub(crate) fn notice(&self, who: Who) -> Option<Notice> {
        self.seconds.map(|seconds| Notice { who, seconds })
    }

    /// Adds the headers of the stage; far from the limit there are none.
    pub(crate) fn headers(&self, limits: &AdoLimits, reply: Reply) -> Reply {
        let Some(stage) = self.stage else { return reply };
        let units = limits.tstu.unwrap_or(200.0);
        // While replies are late nothing is left.
        let left = if stage == AdoStage::Flag { (units - self.used).max(0.0) } else { 0.0 };
        let mut reply = reply
            .with("x-ratelimit-resource", "AzureDevOps/Usage")
            .with("x-ratelimit-limit", format!("{units:.0}"))
            .with("x-ratelimit-remaining", format!("{:.0}", left.floor()))
            .with("x-ratelimit-reset", (self.reset.div_euclid(1_000) + 1).to_string());
        if stage == AdoStage::Delay {
            let (whole, rest) = (self.delay_ms / 1_000, self.delay_ms % 1_000);
            reply = reply.with("x-ratelimit-delay", format!("{whole}.{rest:03}"));
        }
        match self.seconds {
            Some(seconds) => reply.with("retry-after", seconds.to_string()),
            None => reply,
        }
    }
}

fn window_ms(limits: &AdoLimits) -> i64 {
    i64::try_from(limits.window_seconds).map_or(i64::MAX / 4, |s| s.saturating_mul(1_000))
}
