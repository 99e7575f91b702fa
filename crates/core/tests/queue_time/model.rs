//! The rules, second by second, with everything looked up anew each time.

use jobctl_core::{Condition, Limits, OnDependencyFailure};

use crate::script::{End, Planned, Script};
use crate::{Happened, History, LAST};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    Unknown,
    Waits,
    Runs { until: i64 },
    Pauses { until: i64, waiting: bool },
    Held { until: i64 },
    Over(End),
}

struct Model<'a> {
    script: &'a Script,
    now: i64,
    stands: Vec<Stand>,
    stretch: Vec<usize>,
    waived: Vec<bool>,
    history: History,
}

pub(crate) fn run(script: &Script) -> History {
    let count = script.jobs.len();
    let mut model = Model {
        script,
        now: 0,
        stands: vec![Stand::Unknown; count],
        stretch: vec![0; count],
        waived: vec![false; count],
        history: History::new(),
    };
    while !model.stands.iter().all(|stand| matches!(stand, Stand::Over(_))) {
        assert!(model.now < LAST, "the model never ends");
        for job in 0..count {
            model.pass(job);
        }
        while model.block() {}
        model.start();
        model.now += 1;
    }
    model.history
}

impl Model<'_> {
    /// What happens to a job by itself in this second.
    fn pass(&mut self, job: usize) {
        let (plan, now) = (&self.script.jobs[job], self.now);
        if self.stands[job] == Stand::Unknown && plan.submitted == now {
            self.stands[job] = Stand::Waits;
        }
        match self.stands[job] {
            Stand::Runs { until } if until == now => {
                let follows = plan.stretch(self.stretch[job]).1;
                self.stretch[job] += 1;
                self.stands[job] = match follows {
                    Ok(pause) => {
                        Stand::Pauses { until: now + pause.seconds, waiting: pause.waiting }
                    }
                    Err(end) => Stand::Over(end),
                };
            }
            Stand::Pauses { until, waiting: true } if until == now => {
                self.stands[job] = Stand::Runs { until: now + plan.stretch(self.stretch[job]).0 };
            }
            Stand::Pauses { until, waiting: false } if until == now => {
                self.stands[job] = Stand::Waits;
            }
            Stand::Held { until } if until == now => {
                self.stands[job] = Stand::Waits;
                self.waived[job] = true;
            }
            Stand::Unknown
            | Stand::Waits
            | Stand::Runs { .. }
            | Stand::Pauses { .. }
            | Stand::Held { .. }
            | Stand::Over(_) => {}
        }
        let idle = matches!(
            self.stands[job],
            Stand::Waits | Stand::Pauses { waiting: false, .. } | Stand::Held { .. }
        );
        if plan.cancelled == Some(now) && idle {
            self.stands[job] = Stand::Over(End::Cancelled);
        }
    }

    /// Cancels or holds what can never start, once around; says whether there was any.
    fn block(&mut self) -> bool {
        let dead: Vec<usize> = (0..self.stands.len())
            .filter(|job| self.stands[*job] == Stand::Waits && !self.waived[*job])
            .filter(|job| {
                self.script.jobs[*job].after.iter().any(|(on, condition)| match on {
                    None => true,
                    Some(on) => {
                        matches!(self.stands[*on], Stand::Over(end) if !is_met(*condition, end))
                    }
                })
            })
            .collect();
        for job in &dead {
            let then = self.script.jobs[*job].on_dependency_failure;
            self.history.push((self.now, Happened::Blocked(*job, then)));
            self.stands[*job] = match then {
                OnDependencyFailure::Cancel => Stand::Over(End::Cancelled),
                OnDependencyFailure::Hold => Stand::Held { until: self.now + 5 },
            };
        }
        !dead.is_empty()
    }

    fn start(&mut self) {
        let limits = self.script.limits_at(self.now);
        let mut turns: Vec<usize> =
            (0..self.stands.len()).filter(|job| self.is_ready(*job)).collect();
        turns.sort_by_key(|job| {
            let plan = &self.script.jobs[*job];
            (-plan.priority, plan.submitted, plan.position, crate::id(*job))
        });
        let mut kept: Vec<&str> = Vec::new();
        for job in turns {
            let plan = &self.script.jobs[job];
            let running: Vec<&Planned> = self.running().collect();
            let of_kind = running.iter().filter(|other| other.kind == plan.kind).count();
            let most = limits.kinds.get(&plan.kind).copied().unwrap_or(usize::MAX);
            if limits.drain || running.len() >= limits.max_parallel {
                break;
            }
            let short: Vec<&str> = plan
                .resources
                .iter()
                .filter(|(name, units)| {
                    kept.contains(name) || !is_free(name, *units, &running, limits)
                })
                .map(|(name, _)| *name)
                .collect();
            if short.is_empty() && of_kind < most {
                self.history.push((self.now, Happened::Started(job)));
                let until = self.now + plan.stretch(self.stretch[job]).0;
                self.stands[job] = Stand::Runs { until };
            }
            kept.extend(short);
        }
    }

    fn is_ready(&self, job: usize) -> bool {
        let plan = &self.script.jobs[job];
        let is_met = |(on, condition): &(Option<usize>, Condition)| match on {
            None => false,
            Some(on) => {
                matches!(self.stands[*on], Stand::Over(end) if is_met(*condition, end))
            }
        };
        self.stands[job] == Stand::Waits
            && plan.not_before.is_none_or(|at| at <= self.now)
            && (self.waived[job] || plan.after.iter().all(is_met))
    }

    fn running(&self) -> impl Iterator<Item = &Planned> {
        self.script.jobs.iter().zip(&self.stands).filter_map(|(plan, stand)| {
            let runs = matches!(stand, Stand::Runs { .. } | Stand::Pauses { waiting: true, .. });
            runs.then_some(plan)
        })
    }
}

/// Whether so many units are free; a job that wants more than there are takes all.
fn is_free(name: &str, units: u32, running: &[&Planned], limits: &Limits) -> bool {
    let there_are = limits.resources.get(name).copied().unwrap_or(1);
    let taken: u32 = running
        .iter()
        .flat_map(|other| &other.resources)
        .filter(|(other, _)| *other == name)
        .map(|(_, units)| (*units).min(there_are))
        .sum();
    there_are > 0 && taken + units.min(there_are) <= there_are
}

fn is_met(condition: Condition, end: End) -> bool {
    match condition {
        Condition::Success => end == End::Clean || end == End::Warned,
        Condition::Clean => end == End::Clean,
        Condition::Failure => end == End::Failed,
        Condition::Ended => true,
    }
}
