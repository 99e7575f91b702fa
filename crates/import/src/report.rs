use jobctl_provider::{Budget, IssueOrder, Task, Time};
use jobctl_warehouse::{Disagreement, Tally};

use crate::watch::Standing;
use crate::{Import, ImportError, Mode};

/// Items that one warning names.
const NAMED: usize = 5;

/// What an import brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Distinct issues met by this job.
    pub issues: u64,
    /// Distinct comments met by this job.
    pub comments: u64,
    /// Requests sent by this attempt.
    pub requests: u64,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// Scopes that could not be read.
    pub failures: Vec<Failure>,
}

/// A scope that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The scope, such as `github:acme/api`.
    pub item: String,
    /// Why.
    pub error: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Import {
    /// How far the import has come.
    pub(crate) fn standing(
        &self,
        task: &Task,
        now: Time,
        listing: bool,
    ) -> Result<Standing, ImportError> {
        let tally = self.warehouse.tally(&self.job)?;
        let total = total(&tally, listing);
        let left = |what: &str, done: u64| {
            tally.estimates.get(what).map_or(0, |count| count.saturating_sub(done)).div_ceil(100)
        };
        let requests =
            left("issues", tally.issues + tally.passed) + left("comments", tally.comments);
        // Beyond the lists it is not known how much is left: one more, if that.
        let pause = self.transport.certain_pause(if listing { requests } else { 1 }, now);
        Ok(Standing {
            issues: tally.issues,
            total,
            comments: tally.comments,
            comments_total: tally.estimates.get("comments").copied(),
            failed: tally.failures,
            requests: self.transport.sent(),
            item: format!("{} {}", task.scope, task.kind),
            pause,
            budget: shortest(self.transport.budgets()),
        })
    }

    /// What is to be said at the end.
    pub(crate) fn report(&self) -> Result<Report, ImportError> {
        let tally = self.warehouse.tally(&self.job)?;
        let failures = self.warehouse.failures(&self.job)?;
        let failures: Vec<Failure> = failures
            .into_iter()
            .map(|f| Failure { item: f.item, error: f.error, hint: f.hint })
            .collect();
        let mut warnings = self.missing()?;
        // A sync finds nothing whenever there is nothing new.
        if tally.issues == 0 && failures.is_empty() && self.mode == Mode::Import {
            warnings.push(self.why_nothing(&tally));
        }
        Ok(Report {
            issues: tally.issues,
            comments: tally.comments,
            requests: self.transport.sent(),
            warnings,
            failures,
        })
    }

    /// Warnings about what is still missing, or may be.
    fn missing(&self) -> Result<Vec<String>, ImportError> {
        let mut warnings = vec![];
        let mut proved = true;
        for order in &self.orders {
            let scope = &order.scope;
            let fewer = if order.comments { self.fewer_comments(scope)? } else { vec![] };
            let uneven = self.is_uneven(order)?;
            let counted = self.warehouse.total(&self.job, scope)?.is_some();
            proved &= fewer.is_empty() && !uneven && counted && self.is_whole(order)?;
            warnings.extend(fewer);
            if uneven {
                let listed = self.warehouse.total(&self.job, scope)?.unwrap_or_default();
                let held = self.warehouse.listed_total(scope)?;
                warnings
                    .push(format!("{scope}: the forge lists {listed} items, and {held} were met"));
            }
        }
        // A part that could not be listed is no loss if counts show that it was read otherwise.
        let explained = if proved { self.warehouse.partials(&self.job)? } else { vec![] };
        let notes = self.warehouse.notes(&self.job)?;
        warnings.extend(notes.into_iter().filter(|note| !explained.contains(note)));
        let skipped = self.warehouse.skipped(&self.job)?;
        let names = skipped.iter().map(|skipped| format!("{} ({})", skipped.item, skipped.why));
        warnings.extend(named("could not be read", names.collect()));
        Ok(warnings)
    }

    /// Issues that say they have more comments than are held: because the forge lists no more,
    /// or because the list of that issue did not come to its end. A scope that failed has said
    /// so, and its lists were not asked.
    fn fewer_comments(&self, scope: &str) -> Result<Vec<String>, ImportError> {
        let fewer = |found: &[Disagreement], verb| {
            let fewer = found.iter().filter(|issue| issue.said > issue.held);
            fewer
                .map(|issue| {
                    format!("#{} (says {}, {verb} {})", issue.number, issue.said, issue.held)
                })
                .collect()
        };
        let lists = fewer(&self.warehouse.still_disagreeing(scope)?, "lists");
        let lists = named(&format!("of {scope} list fewer comments than they say"), lists);
        if self.living()?.iter().all(|order| order.scope != scope) {
            return Ok(lists.into_iter().collect());
        }
        let cut = fewer(&self.warehouse.disagreeing(scope)?, "holds");
        let cut = named(&format!("of {scope} have comments that could not be listed"), cut);
        Ok(lists.into_iter().chain(cut).collect())
    }

    /// Why nothing may have been found.
    fn why_nothing(&self, tally: &Tally) -> String {
        let mut why = vec![];
        if tally.passed > 0 {
            why.push(format!("{} pull requests were left out (--with pulls)", tally.passed));
        }
        let any = |test: fn(&IssueOrder) -> bool| self.orders.iter().any(test);
        if any(|order| order.since.is_some()) {
            why.push("nothing changed since the given date (--since)".to_owned());
        }
        if any(|order| order.state != "all") {
            why.push("none is in the given state (--state)".to_owned());
        }
        if any(|order| !order.labels.is_empty()) {
            why.push("none carries the given labels (--label)".to_owned());
        }
        if any(|order| order.query.is_some()) {
            why.push("the query finds none".to_owned());
        }
        if why.is_empty() {
            why.push("there are none, or this token may not see them".to_owned());
        }
        format!("no issues were found: {}", why.join(", or "))
    }
}

/// What is known of the number of issues: those met, and of what is still to come the share
/// that was none of those left out so far.
fn total(tally: &Tally, listing: bool) -> Option<u64> {
    let listed = *tally.estimates.get("issues")?;
    let seen = tally.issues + tally.passed;
    if !listing || seen >= listed {
        return Some(tally.issues);
    }
    let left = listed - seen;
    let share = (left * tally.issues).checked_div(seen).unwrap_or(left);
    Some(tally.issues + share)
}

/// The budget with the smallest share left.
fn shortest(budgets: Vec<Budget>) -> Option<Budget> {
    let share = |budget: &Budget| {
        budget.limit.filter(|limit| *limit > 0).map(|limit| budget.remaining * 1_000 / limit)
    };
    budgets.into_iter().min_by_key(|budget| share(budget).unwrap_or(u64::MAX))
}

/// A warning that names a few and counts all.
fn named(what: &str, names: Vec<String>) -> Option<String> {
    let count = names.len();
    let few: Vec<String> = names.into_iter().take(NAMED).collect();
    match count {
        0 => None,
        1..=NAMED => Some(format!("{count} {what}: {}", few.join(", "))),
        _ => Some(format!("{count} {what}: {}, and {} more", few.join(", "), count - NAMED)),
    }
}
