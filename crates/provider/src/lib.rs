//! What a forge is to `jobctl`: tasks out, steps in, without a socket or a clock.
//!
//! An import is a *frontier of tasks*. [`Provider::plan`] gives the first ones,
//! [`Provider::request`] says what to send for one, and [`Provider::read`] turns the answer into
//! a [`Step`]: rows, facts, and the tasks that follow. Committing a step takes its task out of
//! the frontier and puts the following ones in, so a crash at any moment resumes from the
//! frontier, and re-windowing, forking into details or halving a page are steps like any other.

mod acceptance;
mod chain;
mod clock;
pub mod conformance;
mod issue;
mod provider;
mod request;
mod retry;
mod step;
mod text;

pub use acceptance::acceptance_criteria;
pub use chain::Chain;
pub use clock::Clock;
pub use issue::{Attachment, Category, Comment, Entry, Issue, IssueKind, Link, Passed, Repository};
pub use provider::{Bucket, Descriptor, IssueOrder, Marks, Order, Provider, Size, Unsupported};
pub use request::{Answer, Body, Headers, Method, Repeat, Request};
pub use retry::retry_after;
pub use step::{Budget, Fact, Item, Mark, Refusal, Rest, Skipped, Step, Task};
pub use text::{below, line};

/// A moment, in UTC, written as RFC 3339.
pub type Time = jiff::Timestamp;
