//! Where an import stands.

use std::collections::BTreeMap;

use jobctl_provider::{Mark, Marks, Skipped, Time};
use rusqlite::{OptionalExtension, Params, Row};

use crate::error::While;
use crate::time::{moment, signed, stored, unsigned};
use crate::{Warehouse, WarehouseError};

/// What a job has met so far, each row once: true after any restart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Issues, and pull requests taken in.
    pub issues: u64,
    /// Items left out.
    pub passed: u64,
    /// Comments.
    pub comments: u64,
    /// Entries of histories.
    pub entries: u64,
    /// Items that could not be read.
    pub skipped: u64,
    /// Tasks that failed.
    pub failures: u64,
    /// Rows that were new or said something new.
    pub changed: u64,
    /// About how many there are, by what is counted, all scopes together.
    pub estimates: BTreeMap<String, u64>,
}

/// Live rows of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Issues, and pull requests taken in.
    pub issues: u64,
    /// Their comments.
    pub comments: u64,
}

/// An issue whose comments are not as many as the forge says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// The issue's number.
    pub number: u64,
    /// How many comments the forge says it has.
    pub said: u64,
    /// How many are held.
    pub held: u64,
}

/// A task that was refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The task's scope.
    pub scope: String,
    /// What failed.
    pub item: String,
    /// Why.
    pub error: String,
    /// What to do about it.
    pub hint: Option<String>,
}

// Read once an issue of the scope, and a scope may have millions: each goes through an index, in the
// order of numbers where there is one to keep, and holds nothing but what it finds.

/// Live rows of a scope.
const HELD: &str = "SELECT
    (SELECT count(*) FROM issue_row WHERE source = ?1 AND deleted = 0),
    (SELECT count(*) FROM comment_row WHERE source = ?1 AND deleted = 0)";

/// Live items of a scope, those left out included.
const LISTED: &str = "SELECT
    (SELECT count(*) FROM issue_row WHERE source = ?1 AND deleted = 0)
    + (SELECT count(*) FROM passed_row WHERE source = ?1 AND deleted = 0)";

/// Live issues that say another number of comments than are held, or fewer than they once said:
/// then one is gone, and a hidden one may make up for it in number.
const DISAGREE: &str = "SELECT number, said, held FROM (
    SELECT number, comments AS said, verified, fewer,
        (SELECT count(*) FROM comment_row c
         WHERE c.source = i.source AND c.issue = i.key AND c.deleted = 0) AS held
    FROM issue_row i INDEXED BY issue_by_number
    WHERE source = ?1 AND deleted = 0 AND comments IS NOT NULL
) WHERE verified = ?2 AND (said <> held OR fewer AND NOT verified) ORDER BY number";

const UNVERIFIED: &str = "SELECT number FROM issue_row INDEXED BY issue_by_number
    WHERE source = ?1 AND deleted = 0 AND verified = 0 AND updated_at >= ?2 ORDER BY number";

/// Numbers of all rows of a scope, gone ones included; some twice.
const NUMBERS: &str = "SELECT number FROM issue_row WHERE source = ?1
    UNION ALL SELECT number FROM passed_row WHERE source = ?1 ORDER BY number";

const UNMET: &str = "SELECT number FROM issue_row INDEXED BY issue_by_number
        WHERE source = ?1 AND deleted = 0 AND seen_at <= ?2
    UNION ALL SELECT number FROM passed_row INDEXED BY passed_by_number
        WHERE source = ?1 AND deleted = 0 AND seen_at <= ?2
    ORDER BY number LIMIT ?3";

const LAST_MET: &str =
    "SELECT max(seen_at) FROM issue_row INDEXED BY issue_by_number WHERE source = ?1";

const TALLY: &str = "SELECT issues, passed, comments, changed, skipped, entries,
    (SELECT count(*) FROM failure WHERE job = job.id) FROM job WHERE name = ?1";

impl Warehouse {
    /// What the job has met so far. Costs nothing to speak of.
    pub fn tally(&self, job: &str) -> Result<Tally, WarehouseError> {
        let verb = "count what was imported";
        let counted = self
            .conn
            .prepare_cached(TALLY)
            .and_then(|mut select| {
                select
                    .query_row([job], |row| {
                        Ok(Tally {
                            issues: unsigned(row.get(0)?),
                            passed: unsigned(row.get(1)?),
                            comments: unsigned(row.get(2)?),
                            changed: unsigned(row.get(3)?),
                            skipped: unsigned(row.get(4)?),
                            entries: unsigned(row.get(5)?),
                            failures: unsigned(row.get(6)?),
                            estimates: BTreeMap::new(),
                        })
                    })
                    .optional()
            })
            .to(verb)?;
        let Some(mut tally) = counted else { return Ok(Tally::default()) };
        let estimates = self.all(
            "SELECT substr(what, 7), sum(count) FROM learnt JOIN job ON job.id = job
             WHERE name = ?1 AND what LIKE 'about %' GROUP BY what",
            [job],
            |row| Ok((row.get(0)?, unsigned(row.get(1)?))),
            verb,
        )?;
        tally.estimates = estimates.into_iter().collect();
        Ok(tally)
    }

    /// How many live issues and comments of a scope are held.
    pub fn held(&self, scope: &str) -> Result<Held, WarehouseError> {
        self.conn
            .query_row(HELD, [scope], |row| {
                Ok(Held { issues: unsigned(row.get(0)?), comments: unsigned(row.get(1)?) })
            })
            .to("count what is held")
    }

    /// Issues with another number of comments than the forge says, or fewer than it once said,
    /// whose own listing of comments was not read to the end since they last changed.
    pub fn disagreeing(&self, scope: &str) -> Result<Vec<Disagreement>, WarehouseError> {
        self.disagreements(scope, false)
    }

    /// Live issues that changed after that time and whose own listing of comments was not read
    /// since.
    pub fn unverified(&self, scope: &str, since: Time) -> Result<Vec<u64>, WarehouseError> {
        self.all(
            UNVERIFIED,
            (scope, stored(since)),
            |row| row.get(0).map(unsigned),
            "look for issues that changed",
        )
    }

    /// Issues with another number of comments than the forge says, although its own listing of
    /// their comments was read to the end.
    pub fn still_disagreeing(&self, scope: &str) -> Result<Vec<Disagreement>, WarehouseError> {
        self.disagreements(scope, true)
    }

    fn disagreements(
        &self,
        scope: &str,
        verified: bool,
    ) -> Result<Vec<Disagreement>, WarehouseError> {
        let read = |row: &Row<'_>| {
            Ok(Disagreement {
                number: unsigned(row.get(0)?),
                said: unsigned(row.get(1)?),
                held: unsigned(row.get(2)?),
            })
        };
        self.all(DISAGREE, (scope, verified), read, "compare comments")
    }

    /// How many items of a scope are held, those left out included: what a listing of the scope
    /// should have, as [`jobctl_provider::Fact::Total`] says it.
    pub fn listed_total(&self, scope: &str) -> Result<u64, WarehouseError> {
        self.conn
            .query_row(LISTED, [scope], |row| row.get(0).map(unsigned))
            .to("count what was listed")
    }

    /// Numbers up to the highest held and `beyond` that no row of the scope has, gone ones
    /// included, at most so many: where an item that was never listed may be. Forges that number
    /// from 1 only.
    pub fn unheld(&self, scope: &str, beyond: u64, most: u64) -> Result<Vec<u64>, WarehouseError> {
        let verb = "look for gaps in a scope";
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let mut select = self.conn.prepare_cached(NUMBERS).to(verb)?;
        let held = select.query_map([scope], |row| row.get(0).map(unsigned)).to(verb)?;
        let (mut gaps, mut last) = (Vec::new(), 0);
        for number in held {
            let number = number.to(verb)?;
            let room = most - gaps.len();
            gaps.extend((last + 1..number).take(room));
            last = number;
        }
        if last > 0 {
            let room = most - gaps.len();
            gaps.extend((last + 1..=last.saturating_add(beyond)).take(room));
        }
        Ok(gaps)
    }

    /// When an item of the scope was last met.
    pub fn last_met(&self, scope: &str) -> Result<Option<Time>, WarehouseError> {
        self.conn
            .query_row(LAST_MET, [scope], |row| Ok(row.get::<_, Option<i64>>(0)?.map(moment)))
            .to("see when a scope was last read")
    }

    /// Numbers of items that are held and were not met after that time, at most so many.
    pub fn unmet(&self, scope: &str, since: Time, most: u64) -> Result<Vec<u64>, WarehouseError> {
        self.all(
            UNMET,
            (scope, stored(since), signed(most)),
            |row| row.get(0).map(unsigned),
            "look for what a listing left out",
        )
    }

    /// How many items the forge last said the scope has.
    pub fn total(&self, job: &str, scope: &str) -> Result<Option<u64>, WarehouseError> {
        self.conn
            .query_row(
                "SELECT count FROM learnt JOIN job ON job.id = job
                 WHERE name = ?1 AND scope = ?2 AND what = 'total'",
                [job, scope],
                |row| row.get(0).map(unsigned),
            )
            .optional()
            .to("read the total of a scope")
    }

    /// How far finished jobs have read a scope: where the next sync begins.
    pub fn marks(&self, scope: &str) -> Result<Marks, WarehouseError> {
        self.marks_in("", scope)
    }

    /// How far a scope was read by finished jobs and by this one.
    pub fn marks_in(&self, job: &str, scope: &str) -> Result<Marks, WarehouseError> {
        let read =
            |row: &Row<'_>| Ok((row.get(0)?, Mark { at: moment(row.get(1)?), token: row.get(2)? }));
        let marks = self.all(
            "SELECT chain, at, token FROM mark
             WHERE scope = ?2 AND job IN (0, (SELECT id FROM job WHERE name = ?1))
             ORDER BY at, job",
            [job, scope],
            read,
            "read the marks of a scope",
        )?;
        // Of equal names the last stays.
        Ok(marks.into_iter().collect())
    }

    /// What listings left open: parts that could not be listed, deletions too many to believe.
    pub fn partials(&self, job: &str) -> Result<Vec<String>, WarehouseError> {
        self.remarks(job, "AND sort IN ('partial', 'withheld')")
    }

    /// Whether the job could not list some part of the scope.
    pub fn is_partial(&self, job: &str, scope: &str) -> Result<bool, WarehouseError> {
        self.conn
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM note JOIN job ON job.id = job
                 WHERE name = ?1 AND scope = ?2 AND sort = 'partial')",
                [job, scope],
                |row| row.get(0),
            )
            .to("look for parts that were not listed")
    }

    /// Everything worth telling a person: parts that could not be listed, scopes with a new
    /// name, deletions too many to believe.
    pub fn notes(&self, job: &str) -> Result<Vec<String>, WarehouseError> {
        self.remarks(job, "AND sort <> 'skipped'")
    }

    fn remarks(&self, job: &str, which: &str) -> Result<Vec<String>, WarehouseError> {
        let sql = format!(
            "SELECT text FROM note JOIN job ON job.id = job WHERE name = ?1 {which} ORDER BY note.id"
        );
        self.all(&sql, [job], |row| row.get(0), "read the remarks of an import")
    }

    /// The items that could not be read.
    pub fn skipped(&self, job: &str) -> Result<Vec<Skipped>, WarehouseError> {
        self.all(
            "SELECT item, text FROM note JOIN job ON job.id = job
             WHERE name = ?1 AND sort = 'skipped' ORDER BY note.id",
            [job],
            |row| Ok(Skipped { item: row.get(0)?, why: row.get(1)? }),
            "read what was skipped",
        )
    }

    /// The tasks that were refused for good, oldest first.
    pub fn failures(&self, job: &str) -> Result<Vec<Failed>, WarehouseError> {
        let read = |row: &Row<'_>| {
            Ok(Failed {
                scope: row.get(0)?,
                item: row.get(1)?,
                error: row.get(2)?,
                hint: row.get(3)?,
            })
        };
        self.all(
            "SELECT scope, item, error, hint FROM failure JOIN job ON job.id = job
             WHERE name = ?1 ORDER BY failure.id",
            [job],
            read,
            "read what failed",
        )
    }

    /// All rows of a query.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        with: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
        verb: &'static str,
    ) -> Result<Vec<T>, WarehouseError> {
        let mut select = self.conn.prepare_cached(sql).to(verb)?;
        select.query_map(with, read).and_then(Iterator::collect).to(verb)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, params_from_iter};

    use super::*;

    fn plan(conn: &Connection, sql: &str) -> Vec<String> {
        let mut explain = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        // The plan does not depend on what is asked for.
        let with = vec![0; explain.parameter_count()];
        let steps = explain.query_map(params_from_iter(with), |row| row.get(3)).unwrap();
        steps.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn what_an_import_asks_goes_through_an_index_and_sorts_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let house = Warehouse::open(&dir.path().join("issues.db")).unwrap();
        let asked = [
            ("held", HELD),
            ("listed_total", LISTED),
            ("disagreeing", DISAGREE),
            ("unverified", UNVERIFIED),
            ("unheld", NUMBERS),
            ("unmet", UNMET),
            ("last_met", LAST_MET),
            ("tally", TALLY),
            ("frontier", crate::frontier::PART),
        ];
        let mut plans = Vec::new();
        for (name, sql) in asked {
            let plan = plan(&house.conn, sql);
            for step in &plan {
                let whole = step.starts_with("SCAN") && step != "SCAN CONSTANT ROW";
                assert!(!whole, "{name} reads every row: {plan:#?}");
                assert!(!step.contains("TEMP B-TREE"), "{name} sorts: {plan:#?}");
            }
            plans.push(format!("{name}\n  {}", plan.join("\n  ")));
        }
        insta::assert_snapshot!(plans.join("\n"));
    }
}
