//! Jobs and their open tasks.

use std::fmt;

use jobctl_provider::Task;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::While;
use crate::open::durable;
use crate::time::{signed, unsigned};
use crate::{Warehouse, WarehouseError};

/// The name of an open task. Never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub(crate) i64);

impl fmt::Display for TaskId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A part of a job's frontier.
pub(crate) const PART: &str = "SELECT id, scope, kind, state, version FROM task
    WHERE job = (SELECT id FROM job WHERE name = ?1) AND id > ?2 ORDER BY id LIMIT ?3";

impl Warehouse {
    /// Makes the caller the job's newest writer and tells the number that it writes under: what
    /// comes under older ones is refused from now on. The caller must hold the job's claim.
    ///
    /// The number is the claim's epoch, unless one as high was here before: a journal that lost
    /// its end with the power counts from there again, while what was committed here stayed.
    pub fn begin(&mut self, job: &str, epoch: u64) -> Result<u64, WarehouseError> {
        let verb = "begin the import";
        let tx = self.writing(verb)?;
        let newest = match known(&tx, job).to(verb)? {
            Some((_, newest)) => epoch.max(unsigned(newest) + 1),
            None => epoch,
        };
        enter(&tx, job, newest, verb)?;
        tx.commit().to(verb)?;
        Ok(newest)
    }

    /// Puts the first tasks and the first phase in. Does nothing if the job has a phase already.
    pub fn plan(
        &mut self,
        job: &str,
        epoch: u64,
        phase: &str,
        tasks: &[Task],
    ) -> Result<(), WarehouseError> {
        let verb = "plan the import";
        let tx = self.writing(verb)?;
        let id = enter(&tx, job, epoch, verb)?;
        let fresh = tx
            .execute(
                "UPDATE job SET phase = ?2 WHERE id = ?1 AND phase IS NULL",
                params![id, phase],
            )
            .to(verb)?;
        if fresh == 1 {
            put(&tx, id, tasks).to(verb)?;
        }
        tx.commit().to(verb)
    }

    /// The caller's own word for where the job stands; `None` before [`Self::plan`].
    pub fn phase(&self, job: &str) -> Result<Option<String>, WarehouseError> {
        self.conn
            .query_row("SELECT phase FROM job WHERE name = ?1", [job], |row| row.get(0))
            .optional()
            .map(Option::flatten)
            .to("read the phase of an import")
    }

    /// Enters the next phase, with its first tasks. The frontier must be empty.
    pub fn set_phase(
        &mut self,
        job: &str,
        epoch: u64,
        phase: &str,
        tasks: &[Task],
    ) -> Result<(), WarehouseError> {
        let verb = "enter the next phase";
        let tx = self.writing(verb)?;
        let id = enter(&tx, job, epoch, verb)?;
        none_open(&tx, id, job, verb)?;
        tx.execute("UPDATE job SET phase = ?2 WHERE id = ?1", params![id, phase]).to(verb)?;
        put(&tx, id, tasks).to(verb)?;
        tx.commit().to(verb)
    }

    /// The open tasks, oldest first.
    pub fn frontier(&self, job: &str) -> Result<Vec<(TaskId, Task)>, WarehouseError> {
        self.frontier_part(job, None, u64::MAX)
    }

    /// The oldest open tasks, at most so many; after that one, where one is given. A task that is
    /// put in later comes after all that are there.
    pub fn frontier_part(
        &self,
        job: &str,
        after: Option<TaskId>,
        most: u64,
    ) -> Result<Vec<(TaskId, Task)>, WarehouseError> {
        let verb = "read the frontier";
        let after = after.map_or(0, |task| task.0);
        let rows = self.all(
            PART,
            (job, after, signed(most)),
            |row| Ok((TaskId(row.get(0)?), stored_task(row, 1)?)),
            verb,
        )?;
        rows.into_iter().map(|(id, task)| Ok((id, task.read(verb)?))).collect()
    }

    /// Takes a task out that was refused for good, and records why. The task is kept aside for
    /// [`Self::retry`].
    pub fn fail(
        &mut self,
        job: &str,
        epoch: u64,
        task: TaskId,
        item: &str,
        error: &str,
        hint: Option<&str>,
    ) -> Result<(), WarehouseError> {
        let verb = "record a failure";
        let tx = self.writing(verb)?;
        let id = enter(&tx, job, epoch, verb)?;
        let taken = take(&tx, id, job, task, verb)?;
        tx.execute(
            "INSERT INTO failure (job, item, error, hint, scope, kind, state, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![id, item, error, hint, taken.scope, taken.kind, taken.state, taken.version],
        )
        .to(verb)?;
        tx.commit().to(verb)
    }

    /// Puts the tasks that failed back into the frontier and forgets their failures. Tells how
    /// many.
    pub fn retry(&mut self, job: &str, epoch: u64) -> Result<u64, WarehouseError> {
        let verb = "retry what failed";
        let tx = self.writing(verb)?;
        let id = enter(&tx, job, epoch, verb)?;
        tx.execute(
            "INSERT INTO task (job, scope, kind, state, version)
             SELECT job, scope, kind, state, version FROM failure WHERE job = ?1 ORDER BY id",
            [id],
        )
        .to(verb)?;
        let count = tx.execute("DELETE FROM failure WHERE job = ?1", [id]).to(verb)?;
        tx.commit().to(verb)?;
        Ok(count as u64)
    }

    /// Ends the import. The frontier must be empty. The job's marks become real, except those of
    /// scopes where something failed; when this returns, everything committed before is on disk.
    pub fn finish(&mut self, job: &str, epoch: u64) -> Result<(), WarehouseError> {
        let verb = "finish the import";
        durable(&self.conn, true).to(verb)?;
        let ended = self.end(job, epoch, verb);
        durable(&self.conn, false).to(verb)?;
        ended?;
        // Only keeps the log short; where a reader is in the way, a later one does it.
        let _ = self.conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        Ok(())
    }

    fn end(&mut self, job: &str, epoch: u64, verb: &'static str) -> Result<(), WarehouseError> {
        let tx = self.writing(verb)?;
        let id = enter(&tx, job, epoch, verb)?;
        none_open(&tx, id, job, verb)?;
        tx.execute(
            "INSERT INTO mark (job, scope, chain, at, token)
             SELECT 0, scope, chain, at, token FROM mark
             WHERE job = ?1 AND scope NOT IN (SELECT scope FROM failure WHERE job = ?1)
             ON CONFLICT DO UPDATE SET at = excluded.at, token = excluded.token
             WHERE excluded.at >= at",
            [id],
        )
        .to(verb)?;
        tx.execute(
            "DELETE FROM mark
             WHERE job = ?1 AND scope NOT IN (SELECT scope FROM failure WHERE job = ?1)",
            [id],
        )
        .to(verb)?;
        tx.execute("DELETE FROM absence WHERE job = ?1", [id]).to(verb)?;
        // A transaction that changes nothing would not wait for the disk.
        tx.execute("UPDATE job SET finished = finished + 1 WHERE id = ?1", [id]).to(verb)?;
        tx.commit().to(verb)
    }

    /// Forgets where a job stands; what it imported stays. Fine for jobs never seen.
    pub fn forget_job(&mut self, job: &str) -> Result<(), WarehouseError> {
        let verb = "forget an import";
        let tx = self.writing(verb)?;
        for table in ["task", "failure", "note", "learnt", "mark", "absence"] {
            let sql =
                format!("DELETE FROM {table} WHERE job = (SELECT id FROM job WHERE name = ?1)");
            tx.execute(&sql, [job]).to(verb)?;
        }
        tx.execute("DELETE FROM job WHERE name = ?1", [job]).to(verb)?;
        tx.commit().to(verb)
    }
}

/// The job's number, once its claim is known to be the newest.
pub(crate) fn enter(
    conn: &Connection,
    job: &str,
    epoch: u64,
    verb: &'static str,
) -> Result<i64, WarehouseError> {
    let claim = signed(epoch);
    match known(conn, job).to(verb)? {
        Some((_, newest)) if newest > claim => {
            Err(WarehouseError::Fenced { job: job.into(), epoch, newest: unsigned(newest) })
        }
        Some((id, newest)) => {
            if newest < claim {
                conn.execute("UPDATE job SET epoch = ?2 WHERE id = ?1", [id, claim]).to(verb)?;
            }
            Ok(id)
        }
        None => {
            conn.execute("INSERT INTO job (name, epoch) VALUES (?1, ?2)", params![job, claim])
                .to(verb)?;
            Ok(conn.last_insert_rowid())
        }
    }
}

/// The job's number and its newest claim.
fn known(conn: &Connection, job: &str) -> rusqlite::Result<Option<(i64, i64)>> {
    conn.prepare_cached("SELECT id, epoch FROM job WHERE name = ?1")?
        .query_row([job], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Puts tasks into the frontier and tells their names, in order.
pub(crate) fn put(conn: &Connection, job: i64, tasks: &[Task]) -> rusqlite::Result<Vec<TaskId>> {
    let mut insert = conn.prepare_cached(
        "INSERT INTO task (job, scope, kind, state, version) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    tasks
        .iter()
        .map(|task| {
            let state = task.state.to_string();
            insert.insert(params![job, task.scope, task.kind, state, task.version]).map(TaskId)
        })
        .collect()
}

/// Takes a task out of the frontier.
pub(crate) fn take(
    conn: &Connection,
    id: i64,
    job: &str,
    task: TaskId,
    verb: &'static str,
) -> Result<StoredTask, WarehouseError> {
    conn.prepare_cached(
        "DELETE FROM task WHERE id = ?1 AND job = ?2 RETURNING scope, kind, state, version",
    )
    .and_then(|mut delete| delete.query_row([task.0, id], |row| stored_task(row, 0)).optional())
    .to(verb)?
    .ok_or_else(|| WarehouseError::NoSuchTask { job: job.into(), task })
}

fn none_open(
    conn: &Connection,
    id: i64,
    job: &str,
    verb: &'static str,
) -> Result<(), WarehouseError> {
    let open: i64 = conn
        .query_row("SELECT count(*) FROM task WHERE job = ?1", [id], |row| row.get(0))
        .to(verb)?;
    match open {
        0 => Ok(()),
        _ => Err(WarehouseError::TasksOpen { verb, job: job.into(), open: unsigned(open) }),
    }
}

/// A task as the tables keep it.
pub(crate) struct StoredTask {
    pub(crate) scope: String,
    kind: String,
    state: String,
    version: u32,
}

fn stored_task(row: &Row<'_>, first: usize) -> rusqlite::Result<StoredTask> {
    Ok(StoredTask {
        scope: row.get(first)?,
        kind: row.get(first + 1)?,
        state: row.get(first + 2)?,
        version: row.get(first + 3)?,
    })
}

impl StoredTask {
    fn read(self, verb: &'static str) -> Result<Task, WarehouseError> {
        let state = serde_json::from_str(&self.state).to(verb)?;
        Ok(Task { scope: self.scope, kind: self.kind, state, version: self.version })
    }
}
