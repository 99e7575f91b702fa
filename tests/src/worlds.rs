//! Forges that several tests want.

use jobctl_forge::{Config, Forge, IssueVolume};

use crate::Sandbox;
use crate::compare::{Wanted, assert_equal};

/// The repository whose issues most tests import.
pub const REPO: &str = "acme/api";

/// Starts a forge.
#[must_use]
pub fn start(config: Config) -> Forge {
    Forge::start(config).expect("a forge starts on a free port")
}

/// A forge whose [`REPO`] holds this much; limits are those of the real one.
#[must_use]
pub fn with_issues(issues: u32, comments: u32) -> Forge {
    start(config(issues, comments))
}

/// The same, which takes this many milliseconds to answer.
#[must_use]
pub fn slow(issues: u32, comments: u32, delay_ms: u64) -> Forge {
    let forge = with_issues(issues, comments);
    forge.configure(|behaviour| behaviour.delay_ms = delay_ms);
    forge
}

/// What [`with_issues`] starts.
#[must_use]
pub fn config(issues: u32, comments: u32) -> Config {
    let issues = IssueVolume { issues, comments, ..IssueVolume::default() };
    Config { issues, repos: 2, recorded: false, ..Config::default() }
}

/// Requests of the REST interface since the log was last emptied.
#[must_use]
pub fn asked(forge: &Forge) -> usize {
    forge.log().iter().filter(|entry| entry.endpoint != "git").count()
}

/// Requests that came although the forge had said not to ask.
#[must_use]
pub fn while_limited(forge: &Forge) -> usize {
    forge.log().iter().filter(|entry| entry.while_limited).count()
}

/// Panics unless exactly the issues of [`REPO`] and their comments were imported.
pub fn assert_imported(forge: &Forge, sandbox: &Sandbox) {
    let truth = forge.truth(REPO).expect("it is there");
    assert_equal(&sandbox.export(&[]), &truth, Wanted::Issues);
}

/// So many commands, a line each.
#[must_use]
pub fn echoes(count: usize) -> String {
    (0..count).fold(String::new(), |text, number| text + &format!("echo {number}\n"))
}
