//! Stays with a program until it and all that came of it have gone.

use std::time::{Duration, Instant};

use jobctl_command::{How, Process, Reaped, Step, Stopping, Tree, reap};
use jobctl_core::Time;
use jobctl_runner::Desk;
use tokio::signal::unix::Signal;

use super::note;
use super::output::Output;

/// How long what a program started may live on after it by itself, as the end of a pipe does.
const MOMENT: Duration = Duration::from_millis(250);

/// Why a program is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It ended.
    Ended,
    /// The work was told to stop.
    Told,
    /// It took longer than it may.
    TimedOut,
}

/// What became of a program.
pub(super) struct Outcome {
    /// How it ended, if it did.
    pub(super) how: Option<How>,
    /// Why.
    pub(super) why: Why,
    /// What could not be stopped.
    pub(super) left: Vec<Process>,
    /// What it says it did.
    pub(super) summary: Option<String>,
    /// The last line that it complained, or nothing.
    pub(super) last_words: String,
}

/// How far the end has come.
enum Phase {
    /// The program runs.
    Runs,
    /// It has ended; what it started may do so by itself until then.
    Lingers(Instant),
    /// All of it is being stopped; the next look is then.
    Stops(Stopping, Instant),
}

/// A program under watch.
pub(super) struct Watch<'a> {
    desk: &'a Desk,
    program: Process,
    whole: bool,
    tree: Tree,
    output: Output<'a>,
    children: Signal,
    phase: Phase,
    how: Option<How>,
    why: Why,
}

impl<'a> Watch<'a> {
    pub(super) const fn new(
        desk: &'a Desk,
        program: Process,
        whole: bool,
        tree: Tree,
        output: Output<'a>,
        children: Signal,
    ) -> Self {
        let (phase, how, why) = (Phase::Runs, None, Why::Ended);
        Self { desk, program, whole, tree, output, children, phase, how, why }
    }

    /// Returns once nothing of it lives, or cannot be stopped.
    pub(super) async fn run(mut self, deadline: Option<Time>) -> Outcome {
        let desk = self.desk;
        let told = desk.stopped();
        let late = async {
            match deadline {
                Some(at) => desk.until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(told, late);
        let left = loop {
            let runs = matches!(self.phase, Phase::Runs | Phase::Lingers(_));
            let wake = self.wake();
            tokio::select! {
                () = self.output.ready() => self.output.read(),
                _ = self.children.recv() => if let Some(left) = self.look(true) { break left },
                () = &mut told, if runs => self.stop(Why::Told),
                () = &mut late, if runs && self.how.is_none() => self.stop(Why::TimedOut),
                () = sleep_until(wake) => if let Some(left) = self.look(false) { break left },
            }
            self.output.settle(false).await;
        };
        self.output.drain();
        self.output.settle(true).await;
        let (summary, last_words) = self.output.said();
        Outcome { how: self.how, why: self.why, left, summary, last_words }
    }

    /// When to look again without being told.
    fn wake(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Runs => None,
            Phase::Lingers(at) | Phase::Stops(_, at) => Some(*at),
        };
        phase.into_iter().chain(self.output.due()).min()
    }

    fn stop(&mut self, why: Why) {
        match why {
            Why::Ended => {}
            Why::Told => note(self.desk, "stopping the command"),
            Why::TimedOut => note(self.desk, "the command took longer than it may: stopping it"),
        }
        self.why = why;
        self.phase = Phase::Stops(Stopping::new(self.desk.grace()), Instant::now());
    }

    /// Looks who lives; `child`: one has ended. Gives what is left at the end, mostly nothing.
    fn look(&mut self, child: bool) -> Option<Vec<Process>> {
        let alone = child && self.reap();
        if alone {
            return Some(Vec::new());
        }
        match &mut self.phase {
            Phase::Runs => None,
            Phase::Lingers(until) if Instant::now() < *until => None,
            Phase::Lingers(_) => {
                let left = self.tree.members();
                if left.is_empty() {
                    return Some(left);
                }
                let pids: Vec<u32> = left.iter().map(|process| process.pid).collect();
                self.desk.say(format!("the command has ended; stopping what it left: {pids:?}"));
                self.stop(Why::Ended);
                None
            }
            Phase::Stops(stopping, next) => {
                if !child && Instant::now() < *next {
                    return None;
                }
                match stopping.step(&self.tree) {
                    Step::Gone => Some(Vec::new()),
                    Step::Wait(step) => {
                        *next = Instant::now() + step;
                        None
                    }
                    Step::Stuck(left) => Some(left),
                }
            }
        }
    }

    /// Takes leave of children that have ended; whether none is left.
    fn reap(&mut self) -> bool {
        if self.how.is_some() && !self.whole {
            return false;
        }
        let Reaped { ended, alone } = reap(self.program, self.whole);
        if let (Some(how), None) = (ended, self.how) {
            self.how = Some(how);
            if matches!(self.phase, Phase::Runs) {
                // Where it is not known that nothing is left, that is found out at once.
                let moment = if self.whole { MOMENT } else { Duration::ZERO };
                self.phase = Phase::Lingers(Instant::now() + moment);
            }
        }
        alone
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
