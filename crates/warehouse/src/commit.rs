//! One answer, one transaction.

use jobctl_provider::{Item, Step, Task, Time};
use rusqlite::{Connection, Transaction, params, params_from_iter};

use crate::error::While;
use crate::frontier::{enter, put, take};
use crate::time::{signed, stored};
use crate::{TaskId, Warehouse, WarehouseError};

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Rows that were inserted, came back to life, or now say something else. A row met again
    /// with nothing new does not count.
    pub changed: u64,
    /// The tasks that were put into the frontier, with their names.
    pub next: Vec<(TaskId, Task)>,
}

/// A commit under way.
pub(crate) struct Page<'c> {
    pub(crate) tx: &'c Transaction<'c>,
    /// The job's number.
    pub(crate) job: i64,
    /// Whose rows these are: the scope of the task.
    pub(crate) scope: String,
    /// When the answer was received.
    pub(crate) seen: i64,
    /// Whether the job has proofs of absence at all: most have none, and each row would ask.
    pub(crate) proofs: bool,
    pub(crate) counts: Counts,
}

/// What a page adds to its job's tally.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) issues: u64,
    pub(crate) passed: u64,
    pub(crate) comments: u64,
    pub(crate) entries: u64,
    pub(crate) skipped: u64,
    pub(crate) changed: u64,
}

impl Warehouse {
    /// Takes the answered task out of the frontier, puts its followers in, and writes rows and
    /// facts: all of it or nothing. `seen_at` is when the answer was received.
    ///
    /// Rows belong to the scope of the task. The order in which steps of one job are committed
    /// does not change what is held in the end.
    pub fn commit(
        &mut self,
        job: &str,
        epoch: u64,
        task: TaskId,
        step: &Step,
        seen_at: Time,
    ) -> Result<Committed, WarehouseError> {
        let verb = "commit a page";
        let tx = self.writing(verb)?;
        let id = enter(&tx, job, epoch, verb)?;
        let scope = take(&tx, id, job, task, verb)?.scope;
        let names = put(&tx, id, &step.next).to(verb)?;
        let proofs = has_proofs(&tx, id).to(verb)?;
        let seen = stored(seen_at);
        let mut page = Page { tx: &tx, job: id, scope, seen, proofs, counts: Counts::default() };
        page.write(step).to(verb)?;
        let changed = page.counts.changed;
        tx.commit().to(verb)?;
        Ok(Committed { changed, next: names.into_iter().zip(step.next.iter().cloned()).collect() })
    }
}

fn has_proofs(conn: &Connection, job: i64) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM absence WHERE job = ?1)")?
        .query_row([job], |row| row.get(0))
}

impl Page<'_> {
    fn write(&mut self, step: &Step) -> rusqlite::Result<()> {
        for item in &step.items {
            match item {
                Item::Issue(issue) => self.issue(issue)?,
                Item::Comment(comment) => self.comment(comment)?,
                Item::Passed(passed) => self.passed(passed)?,
                Item::Met { key } => self.met(key)?,
                Item::Entry(entry) => self.entry(entry)?,
                // Clones are counted where they lie: the warehouse keeps issues.
                Item::Repository(_) | Item::Scope(_) => {}
            }
        }
        for skipped in &step.skipped {
            let is_new = self.note("skipped", &skipped.item, &skipped.why)?;
            self.counts.skipped += u64::from(is_new);
        }
        for fact in &step.facts {
            self.fact(fact)?;
        }
        self.count()
    }

    /// Keeps a remark of the job, once. Tells whether it is new.
    pub(crate) fn note(&self, sort: &str, item: &str, text: &str) -> rusqlite::Result<bool> {
        let rows = self
            .tx
            .prepare_cached(
                "INSERT OR IGNORE INTO note (job, sort, scope, item, text)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![self.job, sort, self.scope, item, text])?;
        Ok(rows == 1)
    }

    fn count(&self) -> rusqlite::Result<()> {
        let Counts { issues, passed, comments, entries, skipped, changed } = self.counts;
        let counts = [issues, passed, comments, entries, skipped, changed].map(signed);
        self.tx
            .prepare_cached(
                "UPDATE job SET issues = issues + ?2, passed = passed + ?3,
                        comments = comments + ?4, entries = entries + ?5, skipped = skipped + ?6,
                        changed = changed + ?7 WHERE id = ?1",
            )?
            .execute(params_from_iter([self.job].into_iter().chain(counts)))
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_full_disk_is_called_full_and_takes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut house = Warehouse::open(&dir.path().join("issues.db")).unwrap();
        let task = |text: &str| Task {
            scope: "github:acme/api".into(),
            kind: "page".into(),
            state: json!(text),
            version: 1,
        };
        house.plan("00c0ffee", 1, "pages", &[task("first")]).unwrap();
        let open = house.frontier("00c0ffee").unwrap();
        let step = Step { next: vec![task(&"great ".repeat(100_000))], ..Step::default() };

        house.conn.pragma_update(None, "max_page_count", 1).unwrap();
        let full = house.commit("00c0ffee", 1, open[0].0, &step, Time::UNIX_EPOCH);
        assert!(matches!(full, Err(WarehouseError::StorageFull { .. })), "{full:?}");
        assert_eq!(house.frontier("00c0ffee").unwrap(), open);

        house.conn.pragma_update(None, "max_page_count", 1_000_000).unwrap();
        house.commit("00c0ffee", 1, open[0].0, &step, Time::UNIX_EPOCH).unwrap();
        assert_eq!(house.frontier("00c0ffee").unwrap()[0].1, step.next[0]);
    }
}
