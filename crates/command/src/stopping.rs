use std::collections::HashSet;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::{Process, Tree, signal};

/// How long killed processes may take to be gone: the system lets some finish what they are at.
const AFTER_KILL: Duration = Duration::from_secs(2);
/// How long after a look the next one follows, at first and at most.
const STEPS: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(50));

/// A tree that is being stopped: asked first, killed after a while.
#[derive(Debug)]
pub struct Stopping {
    begun: Instant,
    grace: Duration,
    asked: HashSet<Process>,
    step: Duration,
}

/// What is to be done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing: none of them lives.
    Gone,
    /// Another look, after so long or once a child has ended.
    Wait(Duration),
    /// Nothing helps: these live on.
    Stuck(Vec<Process>),
}

impl Stopping {
    /// Begins now. Each process gets SIGTERM, and `grace` after the beginning SIGKILL.
    pub fn new(grace: Duration) -> Self {
        Self { begun: Instant::now(), grace, asked: HashSet::new(), step: STEPS.0 }
    }

    /// Looks who is left, and signals them as is due.
    pub fn step(&mut self, tree: &Tree) -> Step {
        let left = tree.members();
        if left.is_empty() {
            return Step::Gone;
        }
        let elapsed = self.begun.elapsed();
        if elapsed >= self.grace + AFTER_KILL {
            return Step::Stuck(left);
        }
        for process in left {
            // One that cannot be signalled is met again at the next look, and told of at the end.
            if elapsed >= self.grace {
                let _ = signal(process, Signal::KILL);
            } else if self.asked.insert(process) {
                let _ = signal(process, Signal::TERM);
                // Stopped ones must run to hear it.
                let _ = signal(process, Signal::CONT);
            }
        }
        self.step = (self.step * 2).min(STEPS.1);
        let asked = self.grace.checked_sub(elapsed).filter(|left| !left.is_zero());
        Step::Wait(asked.map_or(self.step, |left| self.step.min(left)))
    }

    /// Stops a tree, waiting for its end here; gives those that live on.
    pub fn run(mut self, tree: &Tree) -> Vec<Process> {
        loop {
            match self.step(tree) {
                Step::Gone => return Vec::new(),
                Step::Wait(step) => std::thread::sleep(step),
                Step::Stuck(left) => return left,
            }
        }
    }
}
