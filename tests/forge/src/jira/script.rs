//! Doing what the script says after pages of lists.

use super::behaviour::{JiraAction, JiraScript};
use super::world::World;
use super::world::change::{JiraChange, Moment};
use super::world::issue::STATUSES;
use crate::random::Random;

/// How far the script is.
#[derive(Debug)]
pub(super) struct ScriptCount {
    lines: Vec<JiraScript>,
    done: Vec<u64>,
    pages: u64,
    random: Random,
}

const ANY: [JiraAction; 8] = [
    JiraAction::EditIssue,
    JiraAction::Transition,
    JiraAction::AddIssue,
    JiraAction::DeleteIssue,
    JiraAction::MoveIssue,
    JiraAction::AddComment,
    JiraAction::EditComment,
    JiraAction::DeleteComment,
];

impl ScriptCount {
    pub(super) fn new(seed: u64) -> Self {
        let random = Random::new(seed ^ 0x0005_C214);
        ScriptCount { lines: Vec::new(), done: Vec::new(), pages: 0, random }
    }

    /// A page was served: changes the world where a line is due. Counts start anew when the
    /// script changes.
    pub(super) fn page_served(&mut self, lines: &[JiraScript], world: &mut World, moment: Moment) {
        if self.lines != lines {
            self.lines = lines.to_vec();
            self.done = vec![0; lines.len()];
            self.pages = 0;
        }
        self.pages += 1;
        for (line, done) in lines.iter().zip(&mut self.done) {
            let due = line.every > 0 && self.pages.is_multiple_of(line.every);
            if due && line.times.is_none_or(|times| *done < times) {
                *done += 1;
                if let Some(change) = change(line, world, &mut self.random) {
                    // What has gone meanwhile, or may not move, stays as it is.
                    let _ = world.change(&change, moment);
                }
            }
        }
    }
}

/// The change a line means, to something chosen by the seed.
fn change(line: &JiraScript, world: &World, random: &mut Random) -> Option<JiraChange> {
    let project = world.project_named(&line.project)?;
    let stamp = random.below(1_000_000);
    let action = match line.action {
        JiraAction::Any => ANY[random.index(ANY.len())],
        JiraAction::EditIssue
        | JiraAction::Transition
        | JiraAction::AddIssue
        | JiraAction::DeleteIssue
        | JiraAction::MoveIssue
        | JiraAction::AddComment
        | JiraAction::EditComment
        | JiraAction::DeleteComment => line.action,
    };
    let some =
        |random: &mut Random| world.some(project, random).map(|at| world.key(&world.slots[at]));
    Some(match action {
        JiraAction::EditIssue => JiraChange::EditIssue {
            key: some(random)?,
            summary: Some(format!("Edited while read {stamp}")),
            description: None,
            status: None,
        },
        JiraAction::Transition => JiraChange::EditIssue {
            key: some(random)?,
            summary: None,
            description: None,
            status: Some(STATUSES[random.index(STATUSES.len())].1.to_owned()),
        },
        JiraAction::AddIssue => JiraChange::AddIssue {
            project: line.project.clone(),
            summary: format!("Made while read {stamp}"),
        },
        JiraAction::DeleteIssue => JiraChange::DeleteIssue { key: some(random)? },
        JiraAction::MoveIssue => {
            let others = world.projects.iter().map(|project| &project.key);
            let others: Vec<&String> = others.filter(|key| **key != line.project).collect();
            let to = others.get(random.index(others.len()))?;
            JiraChange::MoveIssue { key: some(random)?, to: (*to).clone() }
        }
        JiraAction::AddComment => {
            JiraChange::AddComment { key: some(random)?, body: format!("Added while read {stamp}") }
        }
        JiraAction::EditComment => JiraChange::EditComment {
            id: world.some_comment(project, random)?,
            body: format!("Edited while read {stamp}"),
        },
        JiraAction::DeleteComment => {
            JiraChange::DeleteComment { id: world.some_comment(project, random)? }
        }
        JiraAction::Any => return None,
    })
}
