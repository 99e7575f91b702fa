//! The conformance kit over the simulated forges: every provider is judged by what its requests
//! bring over a real connection.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test ends at the first surprise, and the verdict is for people"
)]

mod ado;
mod github;
mod jira;
mod line;
