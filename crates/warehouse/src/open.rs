use std::fs::{OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::error::While;
use crate::{WarehouseError, schema};

/// Only its owner reads and writes it.
const OWN: u32 = 0o600;

/// How long a write waits for another process's.
const PATIENCE: Duration = Duration::from_secs(10);

/// Imported issues and import frontiers: one connection to their file.
///
/// Many may be open at once, in any number of processes: writers take turns, readers see what was
/// committed and never wait.
#[derive(Debug)]
pub struct Warehouse {
    pub(crate) conn: Connection,
}

impl Warehouse {
    /// Opens the file to write, made first (mode 0600) if it does not exist.
    pub fn open(path: &Path) -> Result<Self, WarehouseError> {
        create(path).and_then(|()| plain(path)).map_err(|source| failed(path, source))?;
        let mut conn = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .to("open the warehouse")?;
        settle(&conn).to("open the warehouse")?;
        let found = format(&conn, path)?;
        if found != schema::VERSION {
            prepare(&mut conn, path)?;
        }
        durable(&conn, false).to("open the warehouse")?;
        Ok(Self { conn })
    }

    /// Opens the file to read only; works beside writers. One without tables is still missing.
    pub fn open_reading(path: &Path) -> Result<Self, WarehouseError> {
        if !plain(path).map_err(|source| failed(path, source))? {
            return Err(WarehouseError::Missing { path: path.into() });
        }
        let conn = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .to("open the warehouse")?;
        settle(&conn).to("open the warehouse")?;
        match format(&conn, path)? {
            schema::VERSION => Ok(Self { conn }),
            // Empty: another process is making it right now, or was killed before it had.
            0 => Err(WarehouseError::Missing { path: path.into() }),
            found => Err(WarehouseError::Older { found }),
        }
    }

    /// A transaction that may write: it waits for other writers before its first read, so that
    /// what it read stays true until it commits.
    pub(crate) fn writing(
        &mut self,
        verb: &'static str,
    ) -> Result<Transaction<'_>, WarehouseError> {
        self.conn.transaction_with_behavior(TransactionBehavior::Immediate).to(verb)
    }
}

/// Whether each commit waits for the disk, or only `SQLite`'s own bookkeeping does.
pub(crate) fn durable(conn: &Connection, yes: bool) -> rusqlite::Result<()> {
    conn.pragma_update(None, "synchronous", if yes { "FULL" } else { "NORMAL" })
}

/// An empty file that only its owner reads: `SQLite` gives the files beside it the same mode. One
/// that exists is not even opened: closing it would free the locks that other connections of this
/// process hold on it.
fn create(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(OWN).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // A strange umask may have taken the owner's own permissions away.
        made => made?.set_permissions(Permissions::from_mode(OWN)),
    }
}

/// Whether the file is there; fails where it, or one that `SQLite` keeps beside it, is something
/// else: a link leads to where no warehouse belongs, and a pipe would be waited for.
fn plain(path: &Path) -> io::Result<bool> {
    let mut is_there = false;
    for beside in ["-wal", "-shm", "-journal", ""] {
        let mut name = path.as_os_str().to_owned();
        name.push(beside);
        is_there = match Path::new(&name).symlink_metadata() {
            Ok(found) if found.is_file() => true,
            Ok(_) => {
                let what = format!("{} is not a regular file", Path::new(&name).display());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
    }
    Ok(is_there)
}

fn failed(path: &Path, source: io::Error) -> WarehouseError {
    WarehouseError::Open { path: path.into(), source }
}

/// The log goes into the file whenever it has this many pages of 4 KiB: fewer syncs than with
/// `SQLite`'s thousand, and a log of 16 MB.
const LOG_PAGES: u32 = 4_000;

/// Pages in memory, in KiB. More does not make an import faster: what it writes it hardly reads
/// again.
const CACHE: i64 = 4_000;

fn settle(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(PATIENCE)?;
    conn.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    // A log that grew beside a reader is cut to this once it is in the file.
    conn.pragma_update(None, "journal_size_limit", 2 * 4_096 * LOG_PAGES)?;
    conn.pragma_update(None, "cache_size", -CACHE)?;
    conn.set_prepared_statement_cache_capacity(64);
    // The file may come from elsewhere: nothing in its schema may act by itself. We use neither
    // triggers nor, ourselves, views.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    // Where a plain fsync does not reach the platter (macOS), this one does.
    conn.pragma_update(None, "fullfsync", true)
}

/// The file's version; 0 for an empty one.
fn format(conn: &Connection, path: &Path) -> Result<i64, WarehouseError> {
    // One statement, one snapshot: another process may be making the tables right now.
    let (version, application, tables): (i64, i64, i64) = conn
        .query_row(
            "SELECT (SELECT user_version FROM pragma_user_version),
                    (SELECT application_id FROM pragma_application_id),
                    (SELECT count(*) FROM sqlite_schema)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .to("open the warehouse")?;
    match version {
        0 if tables == 0 => Ok(0),
        _ if application != schema::APPLICATION => {
            Err(WarehouseError::Foreign { path: path.into() })
        }
        found if found > schema::VERSION => {
            Err(WarehouseError::Newer { found, known: schema::VERSION })
        }
        found => Ok(found),
    }
}

/// Makes the tables, or renews those of an older version. Of several processes that try at once,
/// one does and the others find them.
fn prepare(conn: &mut Connection, path: &Path) -> Result<(), WarehouseError> {
    let verb = "prepare the warehouse";
    keep_log(conn).to(verb)?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate).to(verb)?;
    let found = format(&tx, path)?;
    for (step, before) in schema::STEPS.iter().zip(0..) {
        if before >= found {
            tx.execute_batch(step).to(verb)?;
        }
    }
    tx.pragma_update(None, "application_id", schema::APPLICATION).to(verb)?;
    tx.pragma_update(None, "user_version", schema::VERSION).to(verb)?;
    tx.commit().to(verb)
}

/// Turns the write-ahead log on. Where two connections try at once, `SQLite` refuses both without
/// waiting: each must let go and try again.
fn keep_log(conn: &Connection) -> rusqlite::Result<()> {
    let mut waited = Duration::ZERO;
    let mut pause = Duration::from_millis(1);
    loop {
        match conn.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && waited < PATIENCE =>
            {
                std::thread::sleep(pause);
                waited += pause;
                pause = (pause * 2).min(Duration::from_millis(50));
            }
            done => return done,
        }
    }
}
