//! What was removed and what stays, in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jobctl_core::{Because, Retention};
use jobctl_store::Ended;

use super::{Scene, moments};
use crate::text;

/// How many removed jobs are told one by one.
const SHOWN: usize = 5;
/// How much of a description is told.
const WIDTH: usize = 60;

/// Ended jobs after a `clean`.
#[derive(Debug, Default)]
pub(crate) struct Cleaned {
    /// Gone, or to go; the oldest first.
    pub(crate) gone: Vec<Ended>,
    /// How many stay, and why.
    pub(crate) kept: BTreeMap<Because, usize>,
    /// How many should have gone and could not.
    pub(crate) stuck: usize,
}

impl Cleaned {
    /// How many ended jobs stay.
    pub(crate) fn kept(&self) -> usize {
        self.kept.values().sum::<usize>() + self.stuck
    }
}

/// How it is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Telling {
    /// Nothing was removed: it only would be.
    pub(crate) foreseen: bool,
    /// Every job is told.
    pub(crate) all: bool,
    /// The limits, where they count.
    pub(crate) retention: Retention,
}

/// What became of the ended jobs.
pub(crate) fn render(cleaned: &Cleaned, telling: Telling, scene: &Scene) -> String {
    let mut out = String::new();
    let verb = if telling.foreseen { "Would remove" } else { "Removed" };
    let count = |number: usize| text::plural(number as u64, "job", "jobs");
    if cleaned.gone.is_empty() {
        out.push_str("Nothing to remove.\n");
    } else {
        let _ = writeln!(out, "{verb} {}:", count(cleaned.gone.len()));
    }
    let shown = if telling.all { cleaned.gone.len() } else { SHOWN };
    for ended in cleaned.gone.iter().take(shown) {
        let _ = writeln!(
            out,
            "  {}  {:<9}  {}  {}",
            ended.id,
            ended.status,
            moments::local(ended.ended_at, scene),
            text::clip(&ended.description, WIDTH)
        );
    }
    if let Some(more) = cleaned.gone.len().checked_sub(shown).filter(|more| *more > 0) {
        let _ = writeln!(out, "  … and {} more (-v tells all)", text::count(more as u64));
    }
    if cleaned.kept() > 0 {
        let _ = writeln!(out, "Kept {}:", count(cleaned.kept()));
    }
    for (because, number) in &cleaned.kept {
        let number = text::count(*number as u64);
        let _ = writeln!(out, "  {number:>5}  {}", reason(*because, telling.retention));
    }
    if cleaned.stuck > 0 {
        let number = text::count(cleaned.stuck as u64);
        let _ = writeln!(out, "  {number:>5}  could not be removed now");
    }
    out
}

fn reason(because: Because, retention: Retention) -> String {
    match because {
        Because::Newest => format!(
            "among the newest (keep_completed {}, keep_failed {})",
            retention.completed, retention.failed
        ),
        Because::Recent => "ended within 24 hours".to_owned(),
        Because::WaitedFor => "waited for by a job that has not ended".to_owned(),
        Because::Unfinished => "came together with a job that has not ended".to_owned(),
        Because::Kept => {
            "submitted with --debug (jobctl rm ID, or jobctl clean --all, removes them)".to_owned()
        }
        Because::NotChosen => "not chosen, or came together with one that was not".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::samples;

    #[test]
    fn what_was_removed_and_what_stays() {
        let ended = samples::overview(samples::all()).ended;
        let kept = [(Because::Newest, 20), (Because::Recent, 3), (Because::WaitedFor, 1)];
        let cleaned = Cleaned {
            gone: ended.iter().cycle().take(1_234).cloned().collect(),
            kept: BTreeMap::from(kept),
            stuck: 1,
        };
        let retention = Retention::default();
        let telling = Telling { foreseen: false, all: false, retention };
        let scene = samples::scene();
        insta::assert_snapshot!(render(&cleaned, telling, &scene));
        let all = render(&cleaned, Telling { all: true, ..telling }, &scene);
        assert_eq!(all.lines().count(), 1_234 + 6, "{all}");
        let foreseen = render(&cleaned, Telling { foreseen: true, ..telling }, &scene);
        assert!(foreseen.starts_with("Would remove 1,234 jobs:\n"), "{foreseen}");
        let nothing = render(&Cleaned::default(), telling, &scene);
        assert_eq!(nothing, "Nothing to remove.\n");
    }
}
