//! The simulated forge, in a process that ends with this one.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::chore::{Failed, built};

/// A running forge.
pub(crate) struct Forge {
    /// Its REST base.
    pub(crate) url: String,
    process: Child,
    lifeline: Option<ChildStdin>,
    said: Option<BufReader<ChildStdout>>,
}

impl Forge {
    /// What it accepts.
    pub(crate) const TOKEN: &str = "demo-token";

    /// Starts the one built with this profile.
    pub(crate) fn start(profile: &str, args: &[&str]) -> Result<Self, Failed> {
        let mut process = Command::new(built(profile, "forge"))
            .args(["--token", Self::TOKEN, "--until-stdin-ends"])
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        let mut said = process.stdout.take().map(BufReader::new);
        if let Some(said) = &mut said {
            said.read_line(&mut url)?;
        }
        let lifeline = process.stdin.take();
        let url = url.trim().to_owned();
        if url.is_empty() {
            return Err(Failed("the simulated forge did not start".to_owned()));
        }
        Ok(Self { url, process, lifeline, said })
    }

    /// Ends it, and tells what it was asked.
    pub(crate) fn end(mut self) -> Result<Value, Failed> {
        drop(self.lifeline.take());
        let mut summary = String::new();
        if let Some(said) = &mut self.said {
            said.read_line(&mut summary)?;
        }
        serde_json::from_str(&summary)
            .map_err(|error| Failed(format!("the simulated forge said no summary: {error}")))
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        // Its standard input ends with this process anyway; this only makes it sooner.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
