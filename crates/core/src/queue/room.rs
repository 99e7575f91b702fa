//! What is left of the limits.

use std::collections::BTreeMap;

use super::{Candidate, Limits, Wait};
use crate::{JobId, Kind};

/// What running jobs take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage<'a> {
    /// Jobs.
    pub slots: usize,
    /// Jobs of each kind.
    pub kinds: BTreeMap<Kind, usize>,
    /// Units of each resource.
    pub resources: BTreeMap<&'a str, u32>,
}

impl<'a> Usage<'a> {
    /// What the busy ones of these jobs take.
    pub fn of(jobs: &'a BTreeMap<JobId, Candidate>, limits: &Limits) -> Self {
        let mut usage = Self::default();
        jobs.values().filter(|job| job.busy).for_each(|job| usage.add(job, limits));
        usage
    }

    fn add(&mut self, job: &'a Candidate, limits: &Limits) {
        self.slots += 1;
        *self.kinds.entry(job.kind).or_default() += 1;
        for (name, wanted) in &job.resources {
            let used = self.resources.entry(name).or_default();
            *used = used.saturating_add(limits.share(name, *wanted));
        }
    }

    fn of_kind(&self, kind: Kind) -> usize {
        self.kinds.get(&kind).copied().unwrap_or_default()
    }

    fn of_resource(&self, name: &str) -> u32 {
        self.resources.get(name).copied().unwrap_or_default()
    }
}

/// What is in use, and what is kept for jobs whose turn came and that did not fit.
pub(super) struct Room<'a> {
    limits: &'a Limits,
    usage: Usage<'a>,
    kept: BTreeMap<&'a str, JobId>,
}

impl<'a> Room<'a> {
    /// Nothing is in use.
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self { limits, usage: Usage::default(), kept: BTreeMap::new() }
    }

    /// Whether any job may start.
    pub(super) fn is_open(&self) -> bool {
        !self.limits.drain && self.usage.slots < self.limits.max_parallel
    }

    /// Puts a job in, whether it fits or not: it runs already.
    pub(super) fn take(&mut self, job: &'a Candidate) {
        self.usage.add(job, self.limits);
    }

    /// Puts a job in whose turn it is, or says what it waits for.
    ///
    /// What a job is short of is kept for it: no later one gets any of that in the same round. So
    /// one that wants much is not overtaken for ever by many that want little. That it waits for
    /// its kind as well changes nothing: else what starts now would decide who starts next.
    pub(super) fn admit(&mut self, job: &'a Candidate) -> Result<(), Wait<'a>> {
        if let Some(wait) = self.standstill() {
            return Err(wait);
        }
        let mut short = None;
        for (name, wanted) in &job.resources {
            if let Some(wait) = self.shortage(name, *wanted) {
                self.kept.entry(name).or_insert(job.id);
                short.get_or_insert(wait);
            }
        }
        if let Some(wait) = self.full(job.kind).or(short) {
            return Err(wait);
        }
        self.take(job);
        Ok(())
    }

    /// Why no job may start at all.
    fn standstill(&self) -> Option<Wait<'a>> {
        let (used, of) = (self.usage.slots, self.limits.max_parallel);
        if self.limits.drain {
            Some(Wait::Drain)
        } else {
            (used >= of).then_some(Wait::Slot { used, of })
        }
    }

    /// Why no job of this kind may start.
    fn full(&self, kind: Kind) -> Option<Wait<'a>> {
        let of = *self.limits.kinds.get(&kind)?;
        let used = self.usage.of_kind(kind);
        (used >= of).then_some(Wait::Kind { kind, used, of })
    }

    /// Why so much of a resource is not to be had.
    fn shortage(&self, name: &'a str, wanted: u32) -> Option<Wait<'a>> {
        let (used, of) = (self.usage.of_resource(name), self.limits.capacity(name));
        let fits = of > 0 && self.limits.share(name, wanted) <= of.saturating_sub(used);
        let kept_for = self.kept.get(name).copied();
        let gets_it = fits && kept_for.is_none();
        (!gets_it).then_some(Wait::Resource { name, wanted, used, of, kept_for })
    }
}
