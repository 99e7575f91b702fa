use std::collections::BTreeMap;
use std::time::Duration;
use std::{iter, mem};

use jiff::SignedDuration;
use jobctl_provider::{Budget, Time};

/// Resets are given in whole seconds, and clocks differ: coming a second late costs nothing,
/// coming early is one more refused request.
const MARGIN: SignedDuration = SignedDuration::from_secs(1);
/// The first back-off where the forge names no time; its documentation asks for a minute.
const FIRST: SignedDuration = SignedDuration::from_mins(1);
/// The longest back-off of our own.
const LONGEST: SignedDuration = SignedDuration::from_mins(30);
/// The longest that a forge may make us wait before it is asked again.
const CAP: SignedDuration = SignedDuration::from_hours(24);
/// So many answers after a hold end a streak of refusals.
const RECOVERED: u32 = 10;

/// A rest up to this long is a pace: the request waits for it, and nobody is told of a pause.
const PACE: SignedDuration = SignedDuration::from_secs(10);
/// What a hold on everything is called where the forge names no budget.
const EVERYTHING: &str = "secondary";

/// What is known of one identity's budgets, and what the forge made it wait for. Pure: time is
/// an argument.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    reserve: u8,
    /// The budget that every request is charged to, whatever its bucket.
    shared: Option<&'static str>,
    budgets: BTreeMap<String, Account>,
    holds: BTreeMap<Option<String>, Hold>,
}

/// One budget within its present window.
#[derive(Debug, Default)]
struct Account {
    /// What the forge said; `None` until it said something.
    said: Option<Said>,
    /// Cost of the requests that it has not answered yet.
    in_flight: u64,
}

#[derive(Debug, Clone, Copy)]
struct Said {
    limit: Option<u64>,
    remaining: u64,
    resets_at: Time,
    /// The longest distance to a reset seen so far: at most the length of a window.
    window: SignedDuration,
}

/// What a hold is on.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Held<'a> {
    /// The bucket; everything without.
    pub(crate) bucket: Option<&'a str>,
    /// The budget's name, as the forge has it.
    pub(crate) name: Option<&'a str>,
    /// What the forge said.
    pub(crate) message: &'a str,
}

#[derive(Debug)]
struct Hold {
    until: Time,
    /// Waited for in passing.
    is_pace: bool,
    /// The budget's name, as the forge has it.
    name: String,
    message: String,
    refusals: u32,
    answers: u32,
}

/// What a request is charged to, from its booking until it is over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Booked {
    names: Vec<String>,
    cost: u64,
}

/// Why a request may not be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Nothing is left until then.
    Spent(Spent),
    /// What is left is promised to requests in flight; it may turn out to be more.
    Landing,
    /// The forge wants it slower.
    Pace(Time),
}

/// Nothing is left of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) until: Time,
    pub(crate) bucket: String,
    pub(crate) message: String,
}

impl Ledger {
    /// A ledger that leaves `reserve` percent of every quota to others, with a budget that all
    /// requests share.
    pub(crate) fn new(reserve: u8, shared: Option<&'static str>) -> Self {
        Self { reserve: reserve.min(100), shared, ..Self::default() }
    }

    /// Leaves that many percent of every quota to others.
    pub(crate) fn set_reserve(&mut self, percent: u8) {
        self.reserve = percent.min(100);
    }

    /// The budgets that a request of this bucket is charged to: its own if the forge tells of
    /// one, and else the shared one too.
    fn charged(&self, bucket: &str) -> impl Iterator<Item = String> + use<> {
        let has_own = self.budgets.get(bucket).is_some_and(|account| account.said.is_some());
        let shared = self.shared.filter(|shared| *shared != bucket && !has_own);
        [Some(bucket.to_owned()), shared.map(str::to_owned)].into_iter().flatten()
    }

    /// Books a request, or says why it must wait.
    pub(crate) fn book(&mut self, bucket: &str, cost: u32, now: Time) -> Result<Booked, Wait> {
        self.check(bucket, cost, now)?;
        let (names, cost): (Vec<_>, _) = (self.charged(bucket).collect(), u64::from(cost));
        for name in &names {
            self.budgets.entry(name.clone()).or_default().in_flight += cost;
        }
        Ok(Booked { names, cost })
    }

    /// Whether a request may be sent. The longest wait is told.
    pub(crate) fn check(&self, bucket: &str, cost: u32, now: Time) -> Result<(), Wait> {
        let keys = iter::once(None).chain(self.charged(bucket).map(Some));
        let holds = keys.filter_map(|key| self.holds.get(&key)).filter(|hold| now < hold.until);
        let held = holds.max_by_key(|hold| (!hold.is_pace, hold.until)).map(Hold::wait);
        if let Some(Wait::Spent(spent)) = held {
            return Err(Wait::Spent(spent));
        }
        let mut landing = false;
        for name in self.charged(bucket) {
            let Some(account) = self.budgets.get(&name) else { continue };
            let Some(said) = account.said.as_ref().filter(|said| now < said.end()) else {
                continue;
            };
            let left = said.left(self.reserve);
            if left < u64::from(cost) {
                let message = said.describe(&name, self.reserve);
                return Err(Wait::Spent(Spent { until: said.end(), bucket: name, message }));
            }
            landing |= left.saturating_sub(account.in_flight) < u64::from(cost);
        }
        match held {
            Some(wait) => Err(wait),
            None if landing => Err(Wait::Landing),
            None => Ok(()),
        }
    }

    /// How much a request of this bucket finds left, and how much is in flight there: for a
    /// choice between identities.
    pub(crate) fn left(&self, bucket: &str, now: Time) -> (u64, u64) {
        let accounts = || self.charged(bucket).filter_map(|name| self.budgets.get(&name));
        let left = accounts().map(|account| account.left(self.reserve, now)).min();
        let in_flight = accounts().map(|account| account.in_flight).max();
        (left.unwrap_or(u64::MAX), in_flight.unwrap_or(0))
    }

    /// What the forge said of its budgets, those whose window is over left out.
    pub(crate) fn budgets(&self, now: Time) -> impl Iterator<Item = Budget> {
        self.budgets.iter().filter_map(move |(bucket, account)| {
            let said = account.said.as_ref().filter(|said| now < said.end())?;
            Some(Budget {
                bucket: bucket.clone(),
                limit: said.limit,
                remaining: said.remaining,
                resets_at: Some(said.resets_at),
            })
        })
    }

    /// A booked request is over. An `answered` one was sent at that time and refused by nobody.
    pub(crate) fn settle(&mut self, booked: Booked, answered: Option<Time>) {
        for name in &booked.names {
            if let Some(account) = self.budgets.get_mut(name) {
                account.in_flight = account.in_flight.saturating_sub(booked.cost);
            }
        }
        let Some(sent_at) = answered else { return };
        for key in iter::once(None).chain(booked.names.into_iter().map(Some)) {
            if let Some(hold) = self.holds.get_mut(&key).filter(|hold| sent_at >= hold.until) {
                hold.answers += 1;
                if hold.answers >= RECOVERED {
                    self.holds.remove(&key);
                }
            }
        }
    }

    /// Takes note of what a reply said. Replies overtake each other: within a window the least
    /// counts, and a later window replaces an earlier one.
    pub(crate) fn learn(&mut self, budget: &Budget, now: Time) {
        let Some(resets_at) = budget.resets_at.map(|at| at.min(after(now, CAP))) else { return };
        let account = self.budgets.entry(budget.bucket.clone()).or_default();
        let window = resets_at.duration_since(now).max(SignedDuration::ZERO);
        let new = Said { limit: budget.limit, remaining: budget.remaining, resets_at, window };
        account.said = Some(match account.said.take() {
            None => new,
            Some(old) => old.merge(new, now),
        });
    }

    /// The forge refused. Returns until when to hold, and whether this is news: requests that
    /// were in flight when the hold began are refused too and count once. A pace is no hold yet:
    /// the refusal that comes during it is news. `random` is from 0 to 1.
    pub(crate) fn hold(
        &mut self,
        until: Option<Time>,
        on: &Held<'_>,
        now: Time,
        random: f64,
    ) -> (Time, bool) {
        let latest = after(now, CAP);
        let named = until.map(|at| after(at, MARGIN).clamp(after(now, MARGIN), latest));
        let hold = self.hold_on(on);
        let was_pace = mem::replace(&mut hold.is_pace, false);
        if now < hold.until && !was_pace {
            hold.until = named.map_or(hold.until, |named| named.max(hold.until));
            return (hold.until, false);
        }
        hold.refusals += 1;
        hold.answers = 0;
        let until = named.unwrap_or_else(|| after(now, back_off(hold.refusals, random)));
        hold.until = until.max(hold.until);
        (hold.until, true)
    }

    /// The forge answered and wants a rest. Returns whether this is news.
    pub(crate) fn rest(&mut self, until: Time, on: &Held<'_>, now: Time) -> bool {
        let until = until.min(after(now, CAP));
        if until <= now {
            return false;
        }
        let hold = self.hold_on(on);
        let is_news = hold.until <= now;
        hold.until = hold.until.max(until);
        hold.is_pace = hold.until.duration_since(now) <= PACE && (is_news || hold.is_pace);
        is_news
    }

    fn hold_on(&mut self, on: &Held<'_>) -> &mut Hold {
        let key = on.bucket.map(str::to_owned);
        let hold = self.holds.entry(key).or_insert_with(|| Hold {
            until: Time::MIN,
            is_pace: false,
            name: String::new(),
            message: String::new(),
            refusals: 0,
            answers: 0,
        });
        on.name.unwrap_or(EVERYTHING).clone_into(&mut hold.name);
        on.message.clone_into(&mut hold.message);
        hold
    }

    /// How long standing still is certain if so many more requests are wanted, at `pace` each.
    pub(crate) fn certain_pause(&self, requests: u64, now: Time, pace: Duration) -> SignedDuration {
        let held = self.holds.values().map(|hold| hold.until.duration_since(now)).max();
        let spent = self.budgets.values().filter_map(|account| {
            let said = account.said.as_ref().filter(|said| now < said.end())?;
            Some(said.pause(requests, account.left(self.reserve, now), self.reserve, now, pace))
        });
        held.into_iter().chain(spent).max().unwrap_or_default().max(SignedDuration::ZERO)
    }
}

impl Account {
    /// What may still be spent in this window, if it is known.
    fn left(&self, reserve: u8, now: Time) -> u64 {
        let said = self.said.as_ref().filter(|said| now < said.end());
        said.map_or(u64::MAX, |said| said.left(reserve).saturating_sub(self.in_flight))
    }
}

impl Hold {
    fn wait(&self) -> Wait {
        if self.is_pace {
            return Wait::Pace(self.until);
        }
        let (bucket, message) = (self.name.clone(), self.message.clone());
        Wait::Spent(Spent { until: self.until, bucket, message })
    }
}

impl Said {
    fn end(&self) -> Time {
        after(self.resets_at, MARGIN)
    }

    fn kept(&self, reserve: u8) -> u64 {
        self.limit.unwrap_or(0) / 100 * u64::from(reserve)
            + self.limit.unwrap_or(0) % 100 * u64::from(reserve) / 100
    }

    /// What may be spent while nothing is in flight.
    fn left(&self, reserve: u8) -> u64 {
        self.remaining.saturating_sub(self.kept(reserve))
    }

    fn merge(self, new: Self, now: Time) -> Self {
        let window = self.window.max(new.window);
        let ahead = new.resets_at.duration_since(self.resets_at);
        if ahead > MARGIN || now >= self.end() {
            return Self { window, ..new };
        }
        if ahead < -MARGIN {
            return self;
        }
        let remaining = self.remaining.min(new.remaining);
        Self { remaining, window, ..new }
    }

    /// How long these requests must stand still for this budget alone.
    fn pause(
        &self,
        requests: u64,
        left: u64,
        reserve: u8,
        now: Time,
        pace: Duration,
    ) -> SignedDuration {
        if requests <= left {
            return SignedDuration::ZERO;
        }
        // What is left is asked meanwhile, so that much of the wait is work.
        let work = pace.saturating_mul(u32::try_from(left).unwrap_or(u32::MAX));
        let work = SignedDuration::try_from(work).unwrap_or(SignedDuration::MAX);
        let wait = self.end().duration_since(now).saturating_sub(work);
        let each = self.limit.map(|limit| limit.saturating_sub(self.kept(reserve)));
        let more = each.filter(|each| *each > 0).map_or(0, |each| (requests - left - 1) / each);
        let work = pace.saturating_mul(each.map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX)));
        let idle = self.window.saturating_sub(SignedDuration::try_from(work).unwrap_or_default());
        let idle = idle.max(SignedDuration::ZERO);
        let windows = i32::try_from(more).unwrap_or(i32::MAX);
        wait.max(SignedDuration::ZERO)
            .saturating_add(idle.checked_mul(windows).unwrap_or(SignedDuration::MAX))
    }

    fn describe(&self, bucket: &str, reserve: u8) -> String {
        let left = match self.limit {
            Some(limit) => format!("{} of {limit} requests left in {bucket}", self.remaining),
            None => format!("{} requests left in {bucket}", self.remaining),
        };
        // Without a limit there is nothing to keep a share of.
        if self.remaining > 0 && self.kept(reserve) > 0 {
            format!("{left}; {reserve} % of all are kept for others")
        } else {
            left
        }
    }
}

/// The n-th consecutive back-off, a tenth of it by chance, so that workers do not come back in step.
fn back_off(refusals: u32, random: f64) -> SignedDuration {
    let doublings = refusals.saturating_sub(1).min(10);
    let base = FIRST.checked_mul(1 << doublings).unwrap_or(LONGEST).min(LONGEST);
    base.saturating_add((base / 10).mul_f64(random.clamp(0.0, 1.0)))
}

fn after(at: Time, wait: SignedDuration) -> Time {
    at.checked_add(wait).unwrap_or(Time::MAX)
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
