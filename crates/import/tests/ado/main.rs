//! Imports from the simulated Azure DevOps, over the real client.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod common;
mod compare;
mod limits;
mod parts;
mod restless;
mod whole;
