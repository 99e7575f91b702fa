//! Imports from the simulated forge, over the real client.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod common;
mod depth;
mod filters;
mod limits;
mod nasty;
mod whole;
