//! The queue itself, driven from one event to the next, and what must hold at each of them.

use std::collections::BTreeMap;

use jobctl_core::{
    Candidate, Change, Decision, Dependency, Job, JobId, Limits, OnDependencyFailure, Outcome,
    Reason, ResumedBy, Spec, State, Status, Wait, decide, waits,
};
use proptest::prelude::*;

use crate::script::{End, Planned, Script};
use crate::{Happened, History, LAST, at, id};

struct Drive<'a> {
    script: &'a Script,
    now: i64,
    /// The submitted ones, as their events made them.
    jobs: Vec<Option<Job>>,
    /// When what each job is at comes to its end.
    until: Vec<Option<i64>>,
    stretch: Vec<usize>,
    history: History,
}

pub(crate) fn run(script: &Script) -> Result<History, TestCaseError> {
    let count = script.jobs.len();
    let mut drive = Drive {
        script,
        now: 0,
        jobs: vec![None; count],
        until: vec![None; count],
        stretch: vec![0; count],
        history: History::new(),
    };
    loop {
        (0..count).for_each(|job| drive.pass(job));
        let wake_at = drive.settle()?;
        let Some(next) = drive.next(wake_at) else { break };
        drive.now = next;
        prop_assert!(next < LAST, "the queue never ends");
    }
    for job in &drive.jobs {
        let ended = job.as_ref().is_some_and(|job| job.status().is_ended());
        prop_assert!(ended, "nothing is left to wait for, and this has not ended: {job:?}");
    }
    Ok(drive.history)
}

impl Drive<'_> {
    /// What happens to a job by itself at this time.
    fn pass(&mut self, job: usize) {
        let plan = &self.script.jobs[job];
        if plan.submitted == self.now && self.jobs[job].is_none() {
            let submitted = Change::Submitted { spec: Box::new(spec(plan)) }.at(at(self.now));
            self.jobs[job] = Some(Job::submitted(id(job), submitted).expect("submitted"));
        }
        if self.until[job].is_some_and(|until| until <= self.now) {
            self.until[job] = None;
            self.stretch_ended(job);
        }
        let idle = self.jobs[job].as_ref().is_some_and(|job| !job.status().is_ended());
        if plan.cancelled == Some(self.now) && idle && !self.is_busy(job) {
            self.until[job] = None;
            self.apply(job, Change::Cancelled { reason: None });
        }
    }

    fn stretch_ended(&mut self, job: usize) {
        let plan = &self.script.jobs[job];
        let state = &self.jobs[job].as_ref().expect("submitted").state;
        match state {
            State::Running => {
                let follows = plan.stretch(self.stretch[job]).1;
                self.stretch[job] += 1;
                match follows {
                    Ok(pause) => {
                        let resumes_at = Some(at(self.now + pause.seconds));
                        self.apply(job, Change::Paused { reason: Reason::User, resumes_at });
                        if !pause.waiting {
                            self.apply(job, Change::Closed);
                        }
                        self.until[job] = Some(self.now + pause.seconds);
                    }
                    Err(end) => self.apply(job, change(end)),
                }
            }
            State::Paused { waiting: true, .. } => {
                self.apply(job, Change::Continued);
                self.until[job] = Some(self.now + plan.stretch(self.stretch[job]).0);
            }
            State::Paused { reason: Reason::Dependency { .. }, .. } => {
                self.apply(job, Change::Resumed { by: ResumedBy::Person });
            }
            State::Paused { .. } => self.apply(job, Change::Resumed { by: ResumedBy::Timer }),
            State::Pending
            | State::Completed { .. }
            | State::Failed { .. }
            | State::Cancelled { .. } => panic!("nothing was to happen to {state:?}"),
        }
    }

    /// Does what the queue decides until it decides nothing more; gives when it wants to wake.
    fn settle(&mut self) -> Result<Option<i64>, TestCaseError> {
        loop {
            let (jobs, past) = self.candidates();
            let limits = self.script.limits_at(self.now);
            let decision = decide(&jobs, &past, limits, at(self.now));
            if decision.blocked.is_empty() {
                let waits = waits(&jobs, &past, limits, at(self.now));
                agree(&jobs, &waits, &decision)?;
                self.nobody_is_overtaken_unfairly(&waits, &decision)?;
                for job in &decision.start {
                    self.start(self.place(*job), limits)?;
                }
            } else {
                self.block(&decision);
            }
            if decision.start.is_empty() && decision.blocked.is_empty() {
                self.all_that_fit_have_started(limits)?;
                return Ok(decision.wake_at.map(|wake| wake.as_second() - at(0).as_second()));
            }
            if decision.blocked.is_empty() {
                let (jobs, past) = self.candidates();
                let more = decide(&jobs, &past, limits, at(self.now));
                prop_assert_eq!(more.start, vec![], "what starts is said at once");
            }
        }
    }

    fn block(&mut self, decision: &Decision) {
        let mut blocked = decision.blocked.clone();
        blocked.sort_by_key(|blocked| self.place(blocked.id));
        for blocked in blocked {
            let job = self.place(blocked.id);
            self.history.push((self.now, Happened::Blocked(job, blocked.then)));
            match blocked.then {
                OnDependencyFailure::Cancel => {
                    self.apply(job, Change::Cancelled { reason: None });
                }
                OnDependencyFailure::Hold => {
                    let reason = Reason::Dependency { on: blocked.on.on };
                    self.apply(job, Change::Paused { reason, resumes_at: None });
                    self.until[job] = Some(self.now + 5);
                }
            }
        }
    }

    fn start(&mut self, job: usize, limits: &Limits) -> Result<(), TestCaseError> {
        let plan = &self.script.jobs[job];
        let waived = self.jobs[job].as_ref().is_some_and(|job| job.waived);
        for (on, condition) in plan.after.iter().filter(|_| !waived) {
            let other = on.and_then(|on| self.jobs[on].as_ref()).expect("a job that was");
            let outcome = Outcome::of(other.status(), other.warnings() == 0);
            prop_assert!(outcome.is_some_and(|outcome| outcome.meets(*condition)));
        }
        prop_assert!(plan.not_before.is_none_or(|at| at <= self.now));
        prop_assert!(!limits.drain);
        self.history.push((self.now, Happened::Started(job)));
        self.apply(job, Change::Started { pid: 7 });
        self.until[job] = Some(self.now + plan.stretch(self.stretch[job]).0);

        let running: Vec<&Planned> = self.running().collect();
        prop_assert!(running.len() <= limits.max_parallel);
        let of_kind = running.iter().filter(|other| other.kind == plan.kind).count();
        prop_assert!(limits.kinds.get(&plan.kind).is_none_or(|most| of_kind <= *most));
        for (name, _) in &plan.resources {
            let (used, of) = (used(name, &running, limits), limits.capacity(name));
            prop_assert!(used <= of, "{used} of {of} {name} are in use");
        }
        Ok(())
    }

    /// No job stays that could start, but for a resource that an earlier one waits for.
    fn all_that_fit_have_started(&self, limits: &Limits) -> Result<(), TestCaseError> {
        let (jobs, past) = self.candidates();
        let running: Vec<&Planned> = self.running().collect();
        for (job, wait) in waits(&jobs, &past, limits, at(self.now)) {
            let plan = &self.script.jobs[self.place(job)];
            let true_reason = match wait {
                Wait::Job { status, .. } => status.is_some_and(|status| !status.is_ended()),
                Wait::Until(time) => time > at(self.now),
                Wait::Drain => limits.drain,
                Wait::Slot { used, of } => used == running.len() && used >= of,
                Wait::Kind { kind, used, of } => {
                    let same = running.iter().filter(|other| other.kind == kind).count();
                    kind == plan.kind && used == same && used >= of
                }
                Wait::Resource { name, wanted, used: told, of, kept_for } => {
                    let in_use = used(name, &running, limits);
                    let short = of == 0 || in_use + wanted.min(of) > of;
                    let earlier = |other: JobId| self.turn(other) < self.turn(job);
                    told == in_use && (short || kept_for.is_some_and(earlier))
                }
            };
            prop_assert!(true_reason, "{} does not wait for {:?}", job, wait);
        }
        Ok(())
    }

    /// Whoever starts before one whose turn is earlier takes nothing that this one waits for.
    fn nobody_is_overtaken_unfairly(
        &self,
        waits: &BTreeMap<JobId, Wait<'_>>,
        decision: &Decision,
    ) -> Result<(), TestCaseError> {
        for starts in &decision.start {
            let plan = &self.script.jobs[self.place(*starts)];
            for (waiting, wait) in waits {
                if self.turn(*waiting) > self.turn(*starts) {
                    continue;
                }
                let fair = match wait {
                    Wait::Job { .. } | Wait::Until(_) => true,
                    Wait::Drain | Wait::Slot { .. } => false,
                    Wait::Kind { kind, .. } => plan.kind != *kind,
                    Wait::Resource { name, .. } => {
                        plan.resources.iter().all(|(other, _)| other != name)
                    }
                };
                prop_assert!(fair, "{} starts before {}: {:?}", starts, waiting, wait);
            }
        }
        Ok(())
    }

    fn turn(&self, job: JobId) -> (i32, i64, u32, JobId) {
        let plan = &self.script.jobs[self.place(job)];
        (-plan.priority, plan.submitted, plan.position, job)
    }

    /// The next time at which anything happens.
    fn next(&self, wake_at: Option<i64>) -> Option<i64> {
        let plans = self.script.jobs.iter();
        let planned = plans.flat_map(|plan| [Some(plan.submitted), plan.cancelled]).flatten();
        let changes = self.script.limits.iter().map(|(since, _)| *since);
        let ends = self.until.iter().flatten().copied();
        planned.chain(changes).chain(ends).chain(wake_at).filter(|at| *at > self.now).min()
    }

    fn candidates(&self) -> (BTreeMap<JobId, Candidate>, BTreeMap<JobId, Outcome>) {
        let (mut jobs, mut past) = (BTreeMap::new(), BTreeMap::new());
        for (place, job) in self.jobs.iter().enumerate() {
            let Some(job) = job else { continue };
            match Outcome::of(job.status(), job.warnings() == 0) {
                // Some ended jobs stay in the queue, some are only remembered.
                Some(outcome) if place % 2 == 0 => {
                    past.insert(job.id, outcome);
                }
                Some(_) | None => {
                    let position = self.script.jobs[place].position;
                    let candidate = Candidate::of(job, position, self.is_busy(place));
                    jobs.insert(job.id, candidate);
                }
            }
        }
        (jobs, past)
    }

    fn running(&self) -> impl Iterator<Item = &Planned> {
        let all = self.script.jobs.iter().enumerate();
        all.filter(|(place, _)| self.is_busy(*place)).map(|(_, plan)| plan)
    }

    fn is_busy(&self, job: usize) -> bool {
        self.jobs[job].as_ref().is_some_and(|job| match job.state {
            State::Running | State::Paused { waiting: true, .. } => true,
            State::Pending
            | State::Paused { waiting: false, .. }
            | State::Completed { .. }
            | State::Failed { .. }
            | State::Cancelled { .. } => false,
        })
    }

    fn place(&self, wanted: JobId) -> usize {
        (0..self.jobs.len()).find(|job| id(*job) == wanted).expect("a job of the script")
    }

    fn apply(&mut self, job: usize, change: Change) {
        let before = self.jobs[job].take().expect("submitted");
        self.jobs[job] = Some(before.apply(change.at(at(self.now))).expect("an allowed event"));
    }
}

/// Every pending job either starts now or waits for something.
fn agree(
    jobs: &BTreeMap<JobId, Candidate>,
    waits: &BTreeMap<JobId, Wait<'_>>,
    decision: &Decision,
) -> Result<(), TestCaseError> {
    for job in jobs.values() {
        let starts = decision.start.contains(&job.id);
        let pending = job.status == Status::Pending;
        prop_assert_eq!(waits.contains_key(&job.id), pending && !starts);
    }
    Ok(())
}

fn used(name: &str, running: &[&Planned], limits: &Limits) -> u32 {
    let shares = running.iter().flat_map(|plan| &plan.resources);
    let of_this = shares.filter(|(other, _)| *other == name);
    of_this.map(|(_, units)| (*units).min(limits.capacity(name))).sum()
}

fn spec(plan: &Planned) -> Spec {
    let never_was = JobId::from_bits(u32::MAX);
    Spec {
        priority: plan.priority,
        not_before: plan.not_before.map(at),
        resources: plan
            .resources
            .iter()
            .map(|(name, units)| ((*name).to_owned(), *units))
            .collect(),
        after: plan
            .after
            .iter()
            .map(|(on, condition)| Dependency {
                on: on.map_or(never_was, id),
                condition: *condition,
            })
            .collect(),
        on_dependency_failure: plan.on_dependency_failure,
        ..Spec::new(plan.kind, "", "/")
    }
}

fn change(end: End) -> Change {
    match end {
        End::Clean => Change::Completed { warnings: Vec::new(), summary: None },
        End::Warned => Change::Completed { warnings: vec!["odd".to_owned()], summary: None },
        End::Failed => Change::Failed { error: "no".to_owned() },
        End::Cancelled => Change::Cancelled { reason: None },
    }
}
