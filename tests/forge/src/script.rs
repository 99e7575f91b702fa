//! Doing what the script says after list replies.

use crate::behaviour::{Action, Script};
use crate::random::Random;
use crate::rules::{Line, LineCount};
use crate::world::World;
use crate::world::change::Change;

/// How far the script is.
#[derive(Debug)]
pub(crate) struct ScriptCount {
    lines: LineCount<Script>,
    random: Random,
}

impl Line for Script {
    fn every(&self) -> u64 {
        self.every
    }

    fn times(&self) -> Option<u64> {
        self.times
    }
}

impl ScriptCount {
    pub(crate) fn new(seed: u64) -> Self {
        ScriptCount { lines: LineCount::default(), random: Random::new(seed ^ 0x5C21) }
    }

    /// A list reply was computed: changes the world where a line is due.
    pub(crate) fn list_served(&mut self, lines: &[Script], world: &mut World, now: i64) {
        for line in self.lines.due(lines) {
            act(line, world, &mut self.random, now);
        }
    }
}

/// Does one line. A line whose target is gone does nothing: the world may have emptied.
fn act(line: &Script, world: &mut World, random: &mut Random, now: i64) {
    let action = match line.action {
        Action::Any => ANY[random.index(ANY.len())],
        Action::EditIssue
        | Action::ToggleIssue
        | Action::AddIssue
        | Action::DeleteIssue
        | Action::TransferIssue
        | Action::AddComment
        | Action::EditComment
        | Action::DeleteComment => line.action,
    };
    if let Some(change) = change(action, line, world, random) {
        let _ = world.change(&line.repo, &change, now);
    }
}

const ANY: [Action; 8] = [
    Action::EditIssue,
    Action::ToggleIssue,
    Action::AddIssue,
    Action::DeleteIssue,
    Action::TransferIssue,
    Action::AddComment,
    Action::EditComment,
    Action::DeleteComment,
];

/// The change an action means, with a target where none was named.
fn change(action: Action, line: &Script, world: &World, random: &mut Random) -> Option<Change> {
    let repo = world.repo_named(&line.repo)?;
    let number = match line.number {
        Some(number) => number,
        None => repo.some_issue(random)?,
    };
    let stamp = random.below(1_000_000);
    Some(match action {
        Action::EditIssue => Change::edit_title(number, format!("Edited while read {stamp}")),
        Action::ToggleIssue => {
            let open = repo.issues.get(&number)?.open;
            let state = if open { "closed" } else { "open" };
            Change::edit_state(number, state.to_owned())
        }
        Action::AddIssue => Change::AddIssue {
            title: format!("Opened while read {stamp}"),
            body: Some("A new one.".to_owned()),
            user: None,
            pull: false,
        },
        Action::DeleteIssue => Change::DeleteIssue { number },
        Action::TransferIssue => Change::TransferIssue { number, to: world.sibling(&line.repo)? },
        Action::AddComment => {
            Change::AddComment { number, body: format!("Added while read {stamp}"), user: None }
        }
        Action::EditComment => {
            let id = comment(line, world, random)?;
            Change::EditComment { id, body: format!("Edited while read {stamp}") }
        }
        Action::DeleteComment => Change::DeleteComment { id: comment(line, world, random)? },
        Action::Any => return None,
    })
}

fn comment(line: &Script, world: &World, random: &mut Random) -> Option<u64> {
    let repo = world.repo_named(&line.repo)?;
    match line.number {
        Some(number) => repo.issues.get(&number)?.comment_ids.first().copied(),
        None => repo.some_comment(random),
    }
}
