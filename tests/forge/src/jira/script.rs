//! Doing what the script says after pages of lists.

use super::behaviour::{JiraAction, JiraScript};
use super::world::World;
use super::world::change::{JiraChange, Moment};
use super::world::issue::STATUSES;
use crate::random::Random;
use crate::rules::{Line, LineCount};

/// How far the script is.
#[derive(Debug)]
pub(super) struct ScriptCount {
    lines: LineCount<JiraScript>,
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

impl Line for JiraScript {
    fn every(&self) -> u64 {
        self.every
    }

    fn times(&self) -> Option<u64> {
        self.times
    }
}

impl ScriptCount {
    pub(super) fn new(seed: u64) -> Self {
        let random = Random::new(seed ^ 0x0005_C214);
        ScriptCount { lines: LineCount::default(), random }
    }

    /// A page was served: changes the world where a line is due.
    pub(super) fn page_served(&mut self, lines: &[JiraScript], world: &mut World, moment: Moment) {
        for line in self.lines.due(lines) {
            if let Some(change) = change(line, world, &mut self.random) {
                // What has gone meanwhile, or may not move, stays as it is.
                let _ = world.change(&change, moment);
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
