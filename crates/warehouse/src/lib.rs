//! Imported issues and import frontiers, in one `SQLite` file.
//!
//! The warehouse alone knows where an import stands. [`Warehouse::commit`] takes an answered task
//! out of the frontier, puts the following ones in and writes rows and facts, all in one
//! transaction that checks the claim's epoch: after a crash at any moment the frontier is what is
//! still to be asked, and nothing is counted twice. Pages are committed without waiting for the
//! disk, which after a power failure may take the last of them back, rows and frontier together;
//! [`Warehouse::finish`] makes everything durable.
//!
//! A row is replaced only by the same or a newer version, its labels and assignees only with it.
//! Nothing is deleted: a row that is known to be gone is marked, and live again when it is met.
//!
//! # Reading with SQL
//!
//! These views are stable; the tables behind them may change. Times are RFC 3339, UTC, in whole
//! seconds; `deleted` is 0 or 1; `raw` is the forge's own reply as JSON.
//!
//! - `issue`: `key`, `source`, `provider`, `number`, `kind` (`issue`, `pull_request`, `epic`,
//!   `feature`, `story`, `task`, `subtask`, `bug`), `title`, `body`, `state`, `state_category`
//!   (`open`, `in_progress`, `done`), `author`, `assignees` and `labels` (JSON arrays of names),
//!   `priority`, `milestone`, `parent`, `url`, `created_at`, `updated_at`, `closed_at`, `deleted`,
//!   `raw`, `type_name` (the forge's own word for its kind), `acceptance_criteria`, `fields` (JSON,
//!   by name), `attachments` (JSON, each with `name` and `url`), `reactions` (JSON, counts by name)
//! - `comment`: `source`, `issue` (the issue's key), `id`, `author`, `body`, `created_at`,
//!   `updated_at`, `deleted`, `raw`
//! - `label`: `source`, `issue`, `name`
//! - `link`: `source`, `issue`, `relation` (`parent`, or the forge's word, such as `blocks`),
//!   `target` (a key, or an address)
//! - `history`: `source`, `issue`, `id`, `what`, `author`, `at`, `from_value`, `to_value`, `raw`

mod commit;
mod digest;
mod error;
mod export;
mod facts;
mod frontier;
mod open;
mod query;
mod rows;
mod schema;
mod search;
mod standing;
mod time;
mod write;

pub use commit::Committed;
pub use error::WarehouseError;
pub use export::{ExportComment, ExportEntry, ExportIssue, IssueRow};
pub use frontier::TaskId;
pub use open::Warehouse;
pub use query::{Kinds, Query, Word};
pub use search::Found;
pub use standing::{Disagreement, Failed, Held, Tally};
