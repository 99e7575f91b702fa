//! The conformance kit over the simulated forges: every provider is judged by what its requests
//! bring over a real connection.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod ado;
mod github;
mod jira;
mod line;
