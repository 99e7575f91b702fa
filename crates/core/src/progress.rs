use std::collections::{BTreeMap, VecDeque};

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::{Counts, Time};

/// How far a job's work has come: what readers see, at most a second old.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Items done.
    pub current: u64,
    /// Items in all, once known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// What is being worked on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current_item: Option<String>,
    /// Items failed.
    pub failed: u64,
    /// Further counts by name, such as `comments`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counters: BTreeMap<String, u64>,
    /// The newest items done, the last one last; see [`Progress::did`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<String>,
    /// Items a second over the recent window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Seconds to go at that rate, pauses that the forge's budget makes certain included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta_seconds: Option<u64>,
    /// The last thing the work said of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_event: Option<String>,
    /// What the forge leaves to ask, of the budget that is nearest to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
}

/// What a forge leaves to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Which of its budgets.
    pub bucket: String,
    /// Requests left.
    pub remaining: u64,
    /// Requests that a full one has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// When it is full again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<Time>,
}

impl Progress {
    /// How many of the items done are named.
    const NAMED: usize = 10;

    /// Counts an item as done, and names it among the newest.
    pub fn did(&mut self, item: String) {
        self.current += 1;
        if self.done.len() == Self::NAMED {
            self.done.remove(0);
        }
        self.done.push(item);
    }

    /// Done so far in whole percent, rounded down so that 100 means all.
    pub fn percentage(&self) -> Option<u64> {
        match self.total {
            Some(0) | None => None,
            Some(total) => Some((self.current.min(total) * 100) / total),
        }
    }

    /// The part of this that an event keeps.
    pub fn counts(&self) -> Counts {
        Counts {
            current: self.current,
            total: self.total,
            failed: self.failed,
            counters: self.counters.clone(),
        }
    }
}

impl From<&Counts> for Progress {
    fn from(counts: &Counts) -> Self {
        Self {
            current: counts.current,
            total: counts.total,
            failed: counts.failed,
            counters: counts.counters.clone(),
            ..Self::default()
        }
    }
}

/// Measures a rate over the recent past only: a resumed job must not lie.
#[derive(Debug, Default)]
pub struct Window {
    samples: VecDeque<(Time, u64)>,
}

impl Window {
    /// How far back the rate looks.
    pub const SPAN: SignedDuration = SignedDuration::from_secs(30);
    /// Samples closer together than this replace each other.
    const STEP: SignedDuration = SignedDuration::from_millis(500);

    /// Takes note that `current` items were done at `now`.
    pub fn sample(&mut self, now: Time, current: u64) {
        let jumped_back = self.samples.back().is_some_and(|&(at, done)| now < at || current < done);
        if jumped_back {
            self.samples.clear();
        }
        // The first sample of a step stays; the newest is replaced until the step is over.
        if self.samples.len() >= 2 {
            let before_last = self.samples[self.samples.len() - 2].0;
            if now.duration_since(before_last) < Self::STEP {
                self.samples.pop_back();
            }
        }
        self.samples.push_back((now, current));
        while self.samples.len() > 2 && now.duration_since(self.samples[0].0) > Self::SPAN {
            self.samples.pop_front();
        }
    }

    /// Items a second, once a second's worth was seen.
    pub fn rate(&self, now: Time) -> Option<f64> {
        let &(first_at, first) = self.samples.front()?;
        let &(_, last) = self.samples.back()?;
        let seconds = now.duration_since(first_at).as_secs_f64();
        if seconds < 1.0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let done = (last - first) as f64;
        Some(done / seconds)
    }

    /// Seconds until `total`, with `pauses` on top: the waits that the forge's budget makes certain.
    pub fn eta(&self, now: Time, total: u64, pauses: SignedDuration) -> Option<u64> {
        let &(_, current) = self.samples.back()?;
        let rate = self.rate(now).filter(|rate| *rate > 0.0)?;
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let seconds = total.saturating_sub(current) as f64 / rate;
        let pauses = pauses.as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "both terms are positive, and `as` saturates"
        )]
        Some((seconds + pauses).ceil() as u64)
    }

    /// Forgets what was seen, as after a pause.
    pub fn clear(&mut self) {
        self.samples.clear();
    }
}
