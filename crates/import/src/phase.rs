use std::collections::BTreeSet;

use jiff::SignedDuration;
use jobctl_provider::{IssueOrder, Order, Task, Time};
use serde::{Deserialize, Serialize};

use crate::drive::Met;
use crate::{Import, ImportError, Mode};

/// Rounds of catching up at most: a repository that changes at every look is never still.
const ROUNDS: u32 = 10;
/// Answers that a scope takes at most if none of its lists has a second page: the repository,
/// issues, comments.
const ONE_GO: u32 = 3;
/// Times that comments are read issue by issue at most.
const PASSES: u32 = 5;
/// Sweeps at most.
const SWEEPS: u32 = 2;
/// How far a forge's clock may be behind ours.
const CLOCKS: SignedDuration = SignedDuration::from_mins(15);
/// Numbers that are asked one by one at most, to find what no list gives.
const GAPS: u64 = 1_000;

/// Where an import stands between its frontiers, as the warehouse keeps it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Phase {
    pub(crate) stage: Stage,
    /// Rounds of catching up since the last other stage.
    round: u32,
    /// Readings of comments issue by issue.
    passes: u32,
    /// Counts since the last sweep.
    counts: u32,
    sweeps: u32,
    /// When the import began, less what clocks may differ by.
    began: Option<Time>,
    /// What was held when the last sweep began was met until then.
    swept_from: Option<Time>,
    /// Whether gaps in the numbers were asked since the last sweep.
    gaps: bool,
    /// The scopes that this round of catching up asks; all of them without.
    only: Option<BTreeSet<String>>,
}

/// What the present frontier is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// The lists, from the beginning or from the marks of an earlier import.
    #[default]
    Lists,
    /// What changed while the lists were read.
    CatchUp,
    /// Comments of issues that say another number of them than is held.
    Comments,
    /// How many items the forge lists.
    Count,
    /// Everything once more, because the count differs.
    Sweep,
    /// Numbers that no list gave, or that one left out, each on its own, because the count
    /// differs still.
    Gaps,
    /// Nothing is left to ask.
    Done,
}

impl Stage {
    /// For the log.
    const fn says(self) -> &'static str {
        match self {
            Self::Lists => "reading the lists",
            Self::CatchUp => "reading what changed meanwhile",
            Self::Comments => "reading comments issue by issue where their number differs",
            Self::Count => "comparing totals",
            Self::Sweep => "totals differ: listing everything once more",
            Self::Gaps => "totals differ still: asking for the numbers that no list gave",
            Self::Done => "done",
        }
    }
}

impl Import {
    /// The phase that is stored, or the first one, planned.
    pub(crate) fn begin(&mut self, now: Time) -> Result<Phase, ImportError> {
        self.epoch = self.warehouse.begin(&self.job, self.epoch)?;
        if self.warehouse.phase(&self.job)?.is_none() {
            let began = now.checked_sub(CLOCKS).ok();
            let first = Phase { began, ..Phase::default() };
            let tasks = self.tasks(&first)?;
            self.warehouse.plan(&self.job, self.epoch, &text_of(&first), &tasks)?;
        }
        let mut phase = self.stored_phase()?;
        if !self.warehouse.failures(&self.job)?.is_empty() {
            // A new attempt tries again what failed in the last one, where it failed. The phase
            // goes back first, and only a finished one can: an open frontier has its own.
            if phase.stage == Stage::Done {
                phase = Phase { began: phase.began, ..Phase::default() };
                self.warehouse.set_phase(&self.job, self.epoch, &text_of(&phase), &[])?;
            }
            self.warehouse.retry(&self.job, self.epoch)?;
        }
        Ok(phase)
    }

    fn stored_phase(&self) -> Result<Phase, ImportError> {
        let stored = self.warehouse.phase(&self.job)?.unwrap_or_default();
        serde_json::from_str(&stored).map_err(|source| ImportError::Phase { phase: stored, source })
    }

    /// The phase after one whose frontier is empty, stored together with its tasks. `met` says
    /// what that frontier brought; not known counts as a change everywhere.
    pub(crate) fn advance(
        &mut self,
        phase: &Phase,
        met: Option<Met>,
    ) -> Result<(Phase, &'static str), ImportError> {
        let mut next = phase.clone();
        let mut met = met;
        loop {
            next = self.after(&next, met.as_ref())?;
            let tasks = self.tasks(&next)?;
            if !tasks.is_empty() || next.stage == Stage::Done {
                self.warehouse.set_phase(&self.job, self.epoch, &text_of(&next), &tasks)?;
                let says = next.stage.says();
                return Ok((next, says));
            }
            // A phase without tasks brings nothing.
            met = Some(Met::default());
        }
    }

    fn after(&self, phase: &Phase, met: Option<&Met>) -> Result<Phase, ImportError> {
        let to = |stage| Phase { stage, round: 0, only: None, ..phase.clone() };
        let catch_up = |round, only| Phase { round, only, ..to(Stage::CatchUp) };
        let changed = met.map(|met| met.changed.clone());
        let is_changed = changed.as_ref().is_none_or(|scopes| !scopes.is_empty());
        Ok(match phase.stage {
            Stage::Lists if self.mode == (Mode::Sync { full: true }) && phase.sweeps == 0 => {
                self.sweep(to(Stage::Sweep))?
            }
            // Lists that were one page each were read in one go: nothing fell between pages.
            Stage::Lists => catch_up(1, met.map(|met| met.longer_than(ONE_GO))),
            Stage::Sweep | Stage::Gaps => catch_up(1, met.map(|met| met.longer_than(0))),
            Stage::CatchUp if is_changed && phase.round < ROUNDS => {
                catch_up(phase.round + 1, changed)
            }
            Stage::CatchUp if phase.passes < PASSES => {
                Phase { passes: phase.passes + 1, ..to(Stage::Comments) }
            }
            // While comments were read one issue after the other, more may have been said.
            Stage::Comments if is_changed => catch_up(1, changed),
            Stage::CatchUp | Stage::Comments => {
                Phase { counts: phase.counts + 1, ..to(Stage::Count) }
            }
            Stage::Count => self.after_count(phase)?,
            Stage::Done => to(Stage::Done),
        })
    }

    /// What a comparison of totals leads to.
    fn after_count(&self, phase: &Phase) -> Result<Phase, ImportError> {
        let uneven: BTreeSet<String> =
            self.uneven()?.into_iter().map(|order| order.scope.clone()).collect();
        let to = |stage| Phase { stage, round: 0, only: None, ..phase.clone() };
        let remedy = |stage| Phase { counts: 0, passes: 0, ..to(stage) };
        Ok(if uneven.is_empty() && !phase.gaps && self.is_doubtful()? {
            Phase { gaps: true, ..remedy(Stage::Gaps) }
        } else if uneven.is_empty() {
            to(Stage::Done)
        } else if phase.counts == 1 {
            // New issues since the last round explain a difference more cheaply than a sweep.
            Phase { passes: 0, round: 1, only: Some(uneven), ..to(Stage::CatchUp) }
        } else if phase.sweeps > 0 && !phase.gaps {
            Phase { gaps: true, ..remedy(Stage::Gaps) }
        } else if phase.sweeps < SWEEPS {
            self.sweep(remedy(Stage::Sweep))?
        } else {
            to(Stage::Done)
        })
    }

    /// A phase that begins one more sweep.
    fn sweep(&self, phase: Phase) -> Result<Phase, ImportError> {
        let mut swept_from = None;
        for order in &self.orders {
            swept_from = swept_from.max(self.warehouse.last_met(&order.scope)?);
        }
        Ok(Phase { sweeps: phase.sweeps + 1, swept_from, gaps: false, ..phase })
    }

    /// The tasks that begin a phase.
    fn tasks(&self, phase: &Phase) -> Result<Vec<Task>, ImportError> {
        let mut tasks = vec![];
        let asked = |order: &&IssueOrder| {
            phase.only.as_ref().is_none_or(|only| only.contains(&order.scope))
        };
        for order in self.living()?.into_iter().filter(asked) {
            if let Some(order) = self.order_in(phase, order)? {
                tasks.extend(self.provider.plan(&order)?);
            }
        }
        Ok(tasks)
    }

    /// What a phase asks of one scope.
    fn order_in(&self, phase: &Phase, order: &IssueOrder) -> Result<Option<Order>, ImportError> {
        let job = &self.job;
        let scope = &order.scope;
        let owned = || order.clone();
        let first = phase.counts == 1 && phase.sweeps == 0;
        let partial = self.is_partial(order)?;
        Ok(match phase.stage {
            Stage::Lists => Some(match self.mode {
                Mode::Import => Order::Import(owned()),
                Mode::Sync { .. } => Order::Sync(owned(), self.warehouse.marks(scope)?),
            }),
            Stage::CatchUp if order.limit.is_none() => {
                Some(Order::Sync(owned(), self.warehouse.marks_in(job, scope)?))
            }
            Stage::Comments if order.comments => {
                let disagreeing = self.warehouse.disagreeing(scope)?;
                let mut numbers: Vec<u64> = disagreeing.iter().map(|issue| issue.number).collect();
                if let Some(began) = phase.began.filter(|_| partial) {
                    // A comment that is gone may make up for one that no list gives, in number.
                    numbers.extend(self.warehouse.unverified(scope, began)?);
                    numbers.sort_unstable();
                    numbers.dedup();
                }
                Some(Order::Comments { scope: scope.clone(), numbers })
            }
            // The first count is of all; later ones ask again what differed.
            Stage::Count if self.is_uneven(order)? || first && self.is_whole(order)? => {
                Some(Order::Count(owned()))
            }
            Stage::Sweep => {
                let asked = self.mode == (Mode::Sync { full: true });
                let wanted = self.is_uneven(order)? || asked && self.is_whole(order)?;
                wanted.then(|| Order::Sweep(owned()))
            }
            Stage::Gaps if self.is_uneven(order)? || partial => {
                // What is missing may also be what was opened last.
                let listed = self.warehouse.total(job, scope)?.unwrap_or_default();
                let missing = listed.saturating_sub(self.warehouse.listed_total(scope)?).min(GAPS);
                let mut numbers = self.warehouse.unheld(scope, missing, GAPS + 1)?;
                // And what a sweep left out that was too short to be believed as a whole.
                if let Some(since) = phase.swept_from {
                    numbers.extend(self.warehouse.unmet(scope, since, GAPS + 1)?);
                }
                // More gaps than that: not a forge that numbers without them.
                let few = numbers.len() as u64 <= GAPS;
                few.then(|| Order::Items { order: owned(), numbers })
            }
            Stage::CatchUp | Stage::Comments | Stage::Count | Stage::Gaps | Stage::Done => None,
        })
    }

    /// The orders whose scope has not failed.
    pub(crate) fn living(&self) -> Result<Vec<&IssueOrder>, ImportError> {
        let failed = self.warehouse.failures(&self.job)?;
        let lives = |order: &&IssueOrder| failed.iter().all(|f| f.scope != order.scope);
        Ok(self.orders.iter().filter(lives).collect())
    }

    /// Whether everything of the order's scope has been read, so that totals can be compared.
    pub(crate) fn is_whole(&self, order: &IssueOrder) -> Result<bool, ImportError> {
        let marks = self.warehouse.marks_in(&self.job, &order.scope)?;
        let unfiltered = marks.keys().any(|chain| !chain.contains('?'));
        Ok(order.is_full() && (self.mode == Mode::Import || unfiltered))
    }

    /// Whether the forge lists another number of items than is held.
    pub(crate) fn is_uneven(&self, order: &IssueOrder) -> Result<bool, ImportError> {
        if !self.is_whole(order)? {
            return Ok(false);
        }
        let listed = self.warehouse.total(&self.job, &order.scope)?;
        let held = self.warehouse.listed_total(&order.scope)?;
        Ok(listed.is_some_and(|listed| listed != held))
    }

    /// Whether a part of the order's scope could not be listed although all of it is wanted.
    fn is_partial(&self, order: &IssueOrder) -> Result<bool, ImportError> {
        Ok(self.is_whole(order)? && self.warehouse.is_partial(&self.job, &order.scope)?)
    }

    /// Whether equal totals prove nothing somewhere: an item that is gone may make up for one
    /// that no list gives.
    fn is_doubtful(&self) -> Result<bool, ImportError> {
        for order in self.living()? {
            if self.is_partial(order)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The living scopes whose totals differ.
    fn uneven(&self) -> Result<Vec<&IssueOrder>, ImportError> {
        let mut uneven = vec![];
        for order in self.living()? {
            if self.is_uneven(order)? {
                uneven.push(order);
            }
        }
        Ok(uneven)
    }
}

fn text_of(phase: &Phase) -> String {
    serde_json::to_string(phase).expect("a phase is plain numbers and names")
}
