//! Going through the jobs that were interrupted.

use jobctl_core::{JobId, State, Status};
use jobctl_store::{Sighting, Store as _, Which, Wish};

use crate::error::Failure;
use crate::exit::Code;
use crate::interrupted::{Outlook, outlook};
use crate::json::{self, JobShape};
use crate::session::{Opened, Session};
use crate::views::recover::{Interrupted, entry, render};
use crate::views::{Scene, details};
use crate::{engine, environment};

use super::change::{bring_about, first_failure};
use super::rm;

/// How many of the newest ended jobs are looked through for those whose workers died too often.
const LOOKED_THROUGH: usize = 100;

/// What somebody wants done with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    Resume,
    Delete,
    Keep,
}

/// What somebody decides when asked about a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    /// This for the job.
    One(Choice),
    /// This for it and all that follow.
    Rest(Choice),
    /// Leave it and the others as they are.
    Quit,
}

/// What somebody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Show all about it, and ask again.
    View,
    /// Now it is known what to do.
    Decided(Decision),
}

impl Answer {
    /// What a line means; `None` where it means nothing. Only pressing return keeps the job.
    fn of(line: &str) -> Option<Self> {
        let decision = match line {
            "v" | "view" => return Some(Self::View),
            "r" | "resume" => Decision::One(Choice::Resume),
            "d" | "delete" => Decision::One(Choice::Delete),
            "k" | "keep" | "" => Decision::One(Choice::Keep),
            "R" => Decision::Rest(Choice::Resume),
            "D" => Decision::Rest(Choice::Delete),
            "K" => Decision::Rest(Choice::Keep),
            "q" | "quit" => Decision::Quit,
            _ => return None,
        };
        Some(Self::Decided(decision))
    }
}

/// Shows what was interrupted; on a terminal asks about each, with `--yes` resumes all.
pub(crate) fn recover(session: &Session) -> Result<Code, Failure> {
    let Some(opened) = session.open()? else {
        return print(session, &[]).map(|()| Code::Fine);
    };
    let jobs = interrupted(&opened)?;
    let asks = session.screen.can_ask() && !session.globals.json;
    if jobs.is_empty() || opened.foreign().is_some() || !(session.screen.yes() || asks) {
        print(session, &jobs)?;
        engine::keep_all_going(session, &opened);
        return Ok(left(&jobs));
    }
    let mut round = Round {
        session,
        opened: &opened,
        resumed: Vec::new(),
        deleted: Vec::new(),
        failures: Vec::new(),
    };
    if session.screen.yes() {
        for job in &jobs {
            round.act(job, Choice::Resume);
        }
    } else {
        round.go_through(&jobs)?;
    }
    round.end(jobs)
}

/// Every job that was interrupted, those that have not ended first.
fn interrupted(opened: &Opened) -> Result<Vec<Interrupted>, Failure> {
    let mut jobs = opened.store.overview(Which::Recent(LOOKED_THROUGH))?;
    jobs.ended.retain(|ended| ended.status == Status::Failed);
    let of = |seen: Sighting| {
        let (job, outlook) = (seen.job.clone()?, outlook(&seen)?);
        Some(Interrupted { seen, job, outlook })
    };
    Ok(opened.store.whole(jobs).into_iter().filter_map(of).collect())
}

fn print(session: &Session, jobs: &[Interrupted]) -> Result<(), Failure> {
    if session.globals.json {
        let now = environment::now();
        let shapes = jobs.iter().map(|job| JobShape::of(&job.seen, now)).collect();
        return session.screen.say(&json::many(shapes));
    }
    session.screen.say(&render(jobs, &session.screen.scene()))?;
    if !jobs.is_empty() {
        session.screen.note("Resume all of them: jobctl recover --yes");
    }
    Ok(())
}

/// Whether any of these needs somebody.
fn left(jobs: &[Interrupted]) -> Code {
    let waits = jobs.iter().any(|job| job.outlook == Outlook::Waits);
    if waits { Code::Person } else { Code::Fine }
}

/// One walk through the jobs.
struct Round<'a> {
    session: &'a Session,
    opened: &'a Opened,
    resumed: Vec<JobId>,
    deleted: Vec<JobId>,
    failures: Vec<Failure>,
}

impl Round<'_> {
    fn go_through(&mut self, jobs: &[Interrupted]) -> Result<(), Failure> {
        let scene = self.session.screen.scene();
        for (at, job) in jobs.iter().enumerate() {
            match self.ask(job, at + 1, jobs.len(), &scene)? {
                Decision::One(choice) => self.decide(&jobs[at..=at], choice),
                Decision::Rest(choice) => {
                    self.decide(&jobs[at..], choice);
                    return Ok(());
                }
                Decision::Quit => return Ok(()),
            }
        }
        Ok(())
    }

    /// Asks until the answer is about what to do.
    fn ask(
        &self,
        job: &Interrupted,
        number: usize,
        of: usize,
        scene: &Scene,
    ) -> Result<Decision, Failure> {
        let screen = &self.session.screen;
        let rest = if number < of { ", R/D/K for all the rest, [q]uit" } else { "" };
        screen.say(&entry(job, scene))?;
        loop {
            let question = format!("{number}/{of} [v]iew [r]esume [d]elete [k]eep{rest}?");
            // Where nobody can answer any more, nothing is done.
            let Some(line) = screen.ask(&question) else { return Ok(Decision::Quit) };
            match Answer::of(&line) {
                Some(Answer::View) => screen.say(&details::render(&job.seen, None, scene))?,
                Some(Answer::Decided(decision)) => return Ok(decision),
                None => screen.note("one of v, r, d, k, R, D, K and q"),
            }
        }
    }

    fn decide(&mut self, jobs: &[Interrupted], choice: Choice) {
        if choice == Choice::Delete && !self.is_sure(jobs) {
            return;
        }
        for job in jobs {
            self.act(job, choice);
        }
    }

    fn is_sure(&self, jobs: &[Interrupted]) -> bool {
        let what = match jobs {
            [job] => format!("job {}", job.id()),
            jobs => format!("these {} jobs", jobs.len()),
        };
        self.session.screen.agrees(&format!("Delete {what} for good?"))
    }

    /// One that fails keeps no other from being seen to.
    fn act(&mut self, job: &Interrupted, choice: Choice) {
        let done = match choice {
            Choice::Resume => self.resume(job),
            Choice::Delete => self.delete(job),
            Choice::Keep => Ok(()),
        };
        self.failures.extend(done.err());
    }

    fn resume(&mut self, job: &Interrupted) -> Result<(), Failure> {
        let id = job.id();
        if job.job.state == State::Running {
            // Its death is not on record yet, and only what stands still can be resumed.
            bring_about(self.opened, id, Wish::Pause)?;
        }
        bring_about(self.opened, id, Wish::Resume)?;
        self.resumed.push(id);
        self.say(&format!("Resumed {id}. Watch: jobctl follow {id}"))
    }

    fn delete(&mut self, job: &Interrupted) -> Result<(), Failure> {
        let id = job.id();
        if !job.job.status().is_ended() {
            bring_about(self.opened, id, Wish::Cancel)?;
        }
        rm::rm(self.session, &[id.to_string()])?;
        self.deleted.push(id);
        Ok(())
    }

    fn say(&self, line: &str) -> Result<(), Failure> {
        if self.session.globals.json { Ok(()) } else { self.session.screen.say(line) }
    }

    /// Starts what was resumed; tells what failed, and whether anything still waits.
    fn end(self, mut jobs: Vec<Interrupted>) -> Result<Code, Failure> {
        let Self { session, opened, resumed, deleted, failures } = self;
        jobs.retain(|job| !resumed.contains(&job.id()) && !deleted.contains(&job.id()));
        let looks: Vec<_> = resumed.iter().filter_map(|id| opened.store.look(*id).ok()).collect();
        if !session.globals.no_start && !looks.is_empty() {
            engine::wake(session, opened, &looks);
        }
        engine::keep_all_going(session, opened);
        engine::mirror(opened);
        if session.globals.json {
            let now = environment::now();
            let shapes = looks.iter().map(|seen| JobShape::of(seen, now)).collect();
            session.screen.say(&json::many(shapes))?;
        }
        let code = first_failure(session, failures)?;
        Ok(if code == Code::Fine { left(&jobs) } else { code })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_letters_words_or_nothing() {
        let decided = |line| match Answer::of(line) {
            Some(Answer::Decided(decision)) => Some(decision),
            Some(Answer::View) | None => None,
        };
        assert_eq!(decided("r"), Some(Decision::One(Choice::Resume)));
        assert_eq!(decided("R"), Some(Decision::Rest(Choice::Resume)));
        assert_eq!(decided("delete"), Some(Decision::One(Choice::Delete)));
        assert_eq!(decided("D"), Some(Decision::Rest(Choice::Delete)));
        assert_eq!(decided(""), Some(Decision::One(Choice::Keep)));
        assert_eq!(decided("K"), Some(Decision::Rest(Choice::Keep)));
        assert_eq!(decided("q"), Some(Decision::Quit));
        assert_eq!(Answer::of("v"), Some(Answer::View));
        for nonsense in ["x", "rr", "yes", "Delete"] {
            assert_eq!(Answer::of(nonsense), None, "{nonsense}");
        }
    }
}
