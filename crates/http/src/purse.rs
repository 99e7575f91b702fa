use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use jobctl_provider::{Bucket, Budget, Time};

use crate::Credential;
use crate::ledger::{Booked, Held, Ledger, Spent, Wait};
use crate::pace::Pace;

/// How long before its end a credential is renewed.
const EARLY: SignedDuration = SignedDuration::from_mins(2);
/// How long after a renewal another refusal is the last word, and a failed one is not repeated.
const PROBATION: SignedDuration = SignedDuration::from_mins(1);

/// Who asked: one of a connection's credentials, in one of its editions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Identity {
    place: usize,
    edition: u32,
}

impl Identity {
    pub(crate) const fn place(self) -> usize {
        self.place
    }
}

/// The identities of a connection, each with its own budgets. Pure: time is an argument.
#[derive(Debug)]
pub(crate) struct Purse {
    /// At least one: without credentials, nobody's.
    seats: Vec<Seat>,
    buckets: Vec<Bucket>,
    shared: Option<&'static str>,
    reserve: u8,
    /// Every credential there was: any of them may turn up in a reply.
    known: Vec<Credential>,
    /// Editions given so far: no two credentials have the same.
    editions: u32,
}

#[derive(Debug)]
struct Seat {
    credential: Option<Credential>,
    edition: u32,
    /// Set aside: the forge refused it.
    is_refused: bool,
    /// When it was renewed, or that was tried.
    renewed_at: Option<Time>,
    ledger: Ledger,
    pace: Arc<Pace>,
}

/// A request that may be sent.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) by: Identity,
    pub(crate) credential: Option<Credential>,
    pub(crate) pace: Arc<Pace>,
    pub(crate) booked: Option<Booked>,
}

impl Purse {
    pub(crate) fn new(buckets: Vec<Bucket>, shared: Option<&'static str>) -> Self {
        let mut purse =
            Self { seats: vec![], buckets, shared, reserve: 0, known: vec![], editions: 0 };
        purse.set_credentials(vec![]);
        purse
    }

    /// Asks with these from now on. What was known of the budgets of others is forgotten.
    pub(crate) fn set_credentials(&mut self, credentials: Vec<Credential>) {
        let mut seats: Vec<Seat> =
            credentials.into_iter().map(|new| self.seat(Some(new))).collect();
        if seats.is_empty() {
            seats.push(self.seat(None));
        }
        self.seats = seats;
    }

    fn seat(&mut self, credential: Option<Credential>) -> Seat {
        if let Some(new) = &credential
            && !self.known.contains(new)
        {
            self.known.push(new.clone());
        }
        self.editions += 1;
        Seat {
            credential,
            edition: self.editions,
            is_refused: false,
            renewed_at: None,
            ledger: Ledger::new(self.reserve, self.shared),
            pace: Arc::new(Pace::new(&self.buckets)),
        }
    }

    pub(crate) fn set_reserve(&mut self, percent: u8) {
        self.reserve = percent;
        for seat in &mut self.seats {
            seat.ledger.set_reserve(percent);
        }
    }

    /// Every credential there was.
    pub(crate) fn known(&self) -> &[Credential] {
        &self.known
    }

    /// A credential that was not refused, for what has no budget.
    pub(crate) fn any(&self) -> (Identity, Option<&Credential>) {
        let place = self.asking().next().unwrap_or(0);
        (self.identity(place), self.seats[place].credential.as_ref())
    }

    fn identity(&self, place: usize) -> Identity {
        Identity { place, edition: self.seats[place].edition }
    }

    /// The places that may ask: those that were not refused, or all if every one was.
    fn asking(&self) -> impl Iterator<Item = usize> + '_ {
        let all = self.seats.iter().all(|seat| seat.is_refused);
        let seats = self.seats.iter().enumerate();
        seats.filter(move |(_, seat)| all || !seat.is_refused).map(|(place, _)| place)
    }

    /// Books a request on the identity with the most left, or says why it must wait.
    pub(crate) fn book(&mut self, bucket: &str, cost: u32, now: Time) -> Result<Grant, Wait> {
        self.check(bucket, cost, now)?;
        let able = self
            .asking()
            .filter(|place| self.seats[*place].ledger.check(bucket, cost, now).is_ok());
        let most = able.max_by_key(|place| {
            let (left, in_flight) = self.seats[*place].ledger.left(bucket, now);
            // Of equal ones the least busy, and then the first.
            (left, u64::MAX - in_flight, usize::MAX - place)
        });
        let place = most.unwrap_or(0);
        let by = self.identity(place);
        let seat = &mut self.seats[place];
        let booked = seat.ledger.book(bucket, cost, now)?;
        Ok(Grant {
            by,
            credential: seat.credential.clone(),
            pace: seat.pace.clone(),
            booked: Some(booked),
        })
    }

    /// Whether a request may be sent by any identity; of several waits the shortest.
    pub(crate) fn check(&self, bucket: &str, cost: u32, now: Time) -> Result<(), Wait> {
        let mut waits = vec![];
        for place in self.asking() {
            match self.seats[place].ledger.check(bucket, cost, now) {
                Ok(()) => return Ok(()),
                Err(wait) => waits.push(wait),
            }
        }
        let shortest = waits.into_iter().min_by_key(|wait| match wait {
            Wait::Landing => (0, now),
            Wait::Pace(until) => (1, *until),
            Wait::Spent(Spent { until, .. }) => (2, *until),
        });
        shortest.map_or(Ok(()), Err)
    }

    /// A granted request is over. An `answered` one was sent at that time and refused by nobody.
    pub(crate) fn settle(&mut self, by: Identity, booked: Booked, answered: Option<Time>) {
        if let Some(ledger) = self.ledger(by) {
            ledger.settle(booked, answered);
        }
    }

    /// The ledger of an identity's account: renewing its credential changes nothing about that.
    fn ledger(&mut self, by: Identity) -> Option<&mut Ledger> {
        self.seats.get_mut(by.place).map(|seat| &mut seat.ledger)
    }

    pub(crate) fn learn(&mut self, by: Identity, budget: &Budget, now: Time) {
        if let Some(ledger) = self.ledger(by) {
            ledger.learn(budget, now);
        }
    }

    /// See [`Ledger::hold`].
    pub(crate) fn hold(
        &mut self,
        by: Identity,
        until: Option<Time>,
        (name, message): (Option<&str>, &str),
        now: Time,
        random: f64,
    ) -> (Time, bool) {
        let bucket = name.filter(|name| self.is_bucket(name));
        let held = Held { bucket, name, message };
        match self.ledger(by) {
            Some(ledger) => ledger.hold(until, &held, now, random),
            None => (now, false),
        }
    }

    /// See [`Ledger::rest`].
    pub(crate) fn rest(
        &mut self,
        by: Identity,
        until: Time,
        (name, message): (Option<&str>, &str),
        now: Time,
    ) -> bool {
        let bucket = name.filter(|name| self.is_bucket(name));
        let held = Held { bucket, name, message };
        self.ledger(by).is_some_and(|ledger| ledger.rest(until, &held, now))
    }

    /// Whether requests are charged to a budget of this name; a hold of any other is on all.
    fn is_bucket(&self, name: &str) -> bool {
        self.shared == Some(name) || self.buckets.iter().any(|bucket| bucket.name == name)
    }

    /// How long standing still is certain: the identities share what is to be asked.
    pub(crate) fn certain_pause(
        &self,
        requests: u64,
        now: Time,
        pace: std::time::Duration,
    ) -> SignedDuration {
        let asking: Vec<usize> = self.asking().collect();
        let each = requests.div_ceil(asking.len().max(1) as u64);
        let pauses =
            asking.iter().map(|place| self.seats[*place].ledger.certain_pause(each, now, pace));
        pauses.min().unwrap_or_default()
    }

    /// What the forge said of the budgets of all identities, added up by bucket.
    pub(crate) fn budgets(&self, now: Time) -> Vec<Budget> {
        let all = || self.asking().flat_map(|place| self.seats[place].ledger.budgets(now));
        let names: BTreeSet<String> = all().map(|budget| budget.bucket).collect();
        let sum = |name: String| {
            let same: Vec<Budget> = all().filter(|budget| budget.bucket == name).collect();
            Budget {
                bucket: name,
                limit: same.iter().map(|budget| budget.limit).sum(),
                remaining: same.iter().map(|budget| budget.remaining).sum(),
                resets_at: same.iter().filter_map(|budget| budget.resets_at).min(),
            }
        };
        names.into_iter().map(sum).collect()
    }

    /// Whether this identity's credential has been replaced since.
    pub(crate) fn is_outdated(&self, by: Identity) -> bool {
        self.seats.get(by.place).is_none_or(|seat| seat.edition != by.edition)
    }

    /// Whether a refusal now may be answered with a renewal: not soon after the last one.
    pub(crate) fn may_renew(&self, by: Identity, now: Time) -> bool {
        self.seats.get(by.place).is_some_and(|seat| {
            seat.renewed_at.is_none_or(|at| now.duration_since(at) >= PROBATION)
        })
    }

    /// An identity whose credential ends soon.
    pub(crate) fn ending(&self, now: Time) -> Option<Identity> {
        let ends = |seat: &Seat| {
            let end = seat.credential.as_ref().and_then(|credential| credential.expires_at);
            end.is_some_and(|end| end.duration_since(now) <= EARLY)
        };
        let places = self.asking().filter(|place| ends(&self.seats[*place]));
        places.map(|place| self.identity(place)).find(|by| self.may_renew(*by, now))
    }

    /// A renewal was tried, and gave this credential. Returns whether it is another.
    pub(crate) fn renew(&mut self, by: Identity, new: Option<Credential>, now: Time) -> bool {
        let Some(old) = self.seats.get_mut(by.place) else { return false };
        old.renewed_at = Some(now);
        let Some(new) = new else { return false };
        let is_other = old.credential.as_ref().is_none_or(|old| old.secret != new.secret);
        old.credential = Some(new.clone());
        if is_other {
            // The same account: its budgets go on.
            self.editions += 1;
            old.edition = self.editions;
            old.is_refused = false;
            self.known.push(new);
        }
        is_other
    }

    /// Sets an identity aside. Returns how many are left.
    pub(crate) fn set_aside(&mut self, by: Identity) -> usize {
        if let Some(seat) = self.seats.get_mut(by.place) {
            seat.is_refused = true;
        }
        self.seats.iter().filter(|seat| !seat.is_refused).count()
    }
}

#[cfg(test)]
#[path = "purse_tests.rs"]
mod tests;
