//! Doing what the script says after list replies.

use super::behaviour::{AdoAction, AdoScript};
use super::kind::KINDS;
use super::world::World;
use super::world::change::AdoChange;
use crate::random::Random;
use crate::rules::{Line, LineCount};

/// How far the script is.
#[derive(Debug)]
pub(crate) struct ScriptCount {
    lines: LineCount<AdoScript>,
    random: Random,
}

const ANY: [AdoAction; 9] = [
    AdoAction::Edit,
    AdoAction::Add,
    AdoAction::Delete,
    AdoAction::Restore,
    AdoAction::Move,
    AdoAction::Retype,
    AdoAction::AddComment,
    AdoAction::EditComment,
    AdoAction::DeleteComment,
];

impl Line for AdoScript {
    fn every(&self) -> u64 {
        self.every
    }

    fn times(&self) -> Option<u64> {
        self.times
    }
}

impl ScriptCount {
    pub(crate) fn new(seed: u64) -> Self {
        let random = Random::new(seed ^ 0xAD05);
        ScriptCount { lines: LineCount::default(), random }
    }

    /// A list reply was computed: changes the world where a line is due.
    pub(crate) fn list_served(&mut self, lines: &[AdoScript], world: &mut World, now_ms: i64) {
        for line in self.lines.due(lines) {
            act(line, world, &mut self.random, now_ms);
        }
    }
}

/// Does one line. A line whose target is gone does nothing: the world may have emptied.
fn act(line: &AdoScript, world: &mut World, random: &mut Random, now_ms: i64) {
    let Some((organisation, project)) = line.project.split_once('/') else { return };
    let action = match line.action {
        AdoAction::Any => ANY[random.index(ANY.len())],
        AdoAction::Edit
        | AdoAction::Add
        | AdoAction::Delete
        | AdoAction::Restore
        | AdoAction::Move
        | AdoAction::Retype
        | AdoAction::AddComment
        | AdoAction::EditComment
        | AdoAction::DeleteComment => line.action,
    };
    if let Some(change) = change(action, line, organisation, project, world, random) {
        let _ = world.change(organisation, &change, now_ms);
    }
}

/// The change an action means, with a target chosen by the seed.
fn change(
    action: AdoAction,
    line: &AdoScript,
    organisation: &str,
    project: &str,
    world: &World,
    random: &mut Random,
) -> Option<AdoChange> {
    let organisation = world.organisation(organisation)?;
    let (number, found) = organisation.project(project)?;
    let mut target = |deleted: bool| {
        let last = u64::from(*organisation.items.keys().next_back()?);
        let from = u32::try_from(random.below(last) + 1).ok()?;
        let mut after = organisation.items.range(from..).chain(organisation.items.range(..from));
        let fits = after.find(|(_, item)| {
            let now = item.now(organisation);
            now.project == number && now.deleted == deleted && !item.destroyed
        });
        fits.map(|(id, _)| u64::from(*id))
    };
    let id = target(false)?;
    let deleted = target(true);
    let stamp = random.below(1_000_000);
    let text = format!("<div>Written while read {stamp}</div>");
    let comment = || {
        let item = organisation.items.get(&u32::try_from(id).ok()?)?;
        let found = item.comments().into_iter().find(|comment| !comment.deleted)?;
        Some(u64::from(found.id))
    };
    let sibling = || {
        let other = |at: &usize| *at != usize::from(number);
        let at = (0..organisation.projects.len()).find(other)?;
        Some(format!("{}/{}", organisation.name, organisation.projects[at].name))
    };
    Some(match action {
        AdoAction::Edit => AdoChange::Edit {
            id,
            title: Some(format!("Edited while read {stamp}")),
            description: None,
            state: None,
            tags: None,
            assigned_to: None,
        },
        AdoAction::Add => AdoChange::Add {
            project: line.project.clone(),
            kind: "Task".to_owned(),
            title: format!("Opened while read {stamp}"),
            description: Some(text),
            parent: None,
        },
        AdoAction::Delete => AdoChange::Delete { id },
        AdoAction::Restore => AdoChange::Restore { id: deleted? },
        AdoAction::Move => AdoChange::Move { id, to: sibling()? },
        AdoAction::Retype => {
            let kinds = found.process.kinds();
            let kind = KINDS[usize::from(kinds[random.index(kinds.len())])].name;
            AdoChange::Retype { id, kind: kind.to_owned() }
        }
        AdoAction::AddComment => AdoChange::AddComment { id, text },
        AdoAction::EditComment => AdoChange::EditComment { id, comment: comment()?, text },
        AdoAction::DeleteComment => AdoChange::DeleteComment { id, comment: comment()? },
        AdoAction::Any => return None,
    })
}
