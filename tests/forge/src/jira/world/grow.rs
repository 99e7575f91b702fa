//! Growing slots, and what is made from the seed when it is shown.

use super::blocks::{Block, Span, plain};
use super::issue::{
    AREAS, BUG, Changed, Comment, EPIC, Head, History, LABELS, SPIKE, SPRINTS, STATUSES, STORY,
    SUBTASK, TASK, TIES, Tie, VERSIONS, status_words,
};
use super::people::FORMER;
use super::{FIRST_ID, Project, Slot, World, draft, nasty};
use crate::jira::JiraConfig;
use crate::jira::show::INLINE_COMMENTS;
use crate::random::Random;
use crate::world::grow::{END, START};
use crate::world::order::Order;
use crate::world::text;

const DAY: i64 = 86_400_000;
const NAMES: [(&str, &str); 4] =
    [("PAY", "Payments"), ("OPS", "Operations & more"), ("WEB", "Web \"site\""), ("DOC", "文書")];

/// Fills an empty world.
pub(super) fn fill(world: &mut World, config: &JiraConfig) {
    for nth in 0..=config.projects {
        let named = NAMES.get(nth as usize).map(|(key, name)| ((*key).to_owned(), *name));
        let (key, name) = named.unwrap_or_else(|| (format!("P{nth}"), "Further"));
        let grown = if nth == 0 { config.issues } else { config.issues_per_project };
        world.projects.push(Project {
            id: 10_000 + u64::from(nth),
            key,
            name: name.to_owned(),
            grown,
            next_number: grown + 1,
        });
    }
    let places = interleave(config);
    let random = &mut Random::new(world.seed ^ 0x711A);
    let step = (END - START) * 1_000 / i64::try_from(places.len().max(1)).unwrap_or(1);
    let counts = comment_counts(config);
    world.slots.reserve(places.len());
    for (id, (project, number)) in (FIRST_ID..).zip(places) {
        let nth = i64::try_from(id - FIRST_ID).unwrap_or(0);
        let created = START * 1_000 + step * nth + random.between(0, step.max(1) - 1);
        let updated = (created + random.between(0, 60 * DAY)).min(END * 1_000);
        let comments = match project {
            0 => counts.get(number as usize - 1).copied().unwrap_or(0),
            _ => number % 3,
        };
        world.slots.push(Slot {
            id,
            project,
            number,
            origin: (project, number),
            created,
            updated,
            indexed: updated,
            listed: true,
            here: true,
            first_comment: world.next_comment,
            comments,
            edits: None,
        });
        world.next_comment += u64::from(comments) + 1;
    }
    let keys = world.slots.iter().map(|slot| ((slot.project, slot.number), slot.id - FIRST_ID));
    world.keys = keys.filter_map(|(key, at)| Some((key, u32::try_from(at).ok()?))).collect();
    world.by_updated = world.slots.iter().map(|slot| (slot.indexed, slot.id)).collect::<Order>();
    for nth in 1..=config.deleted {
        let number = u64::from(config.issues) * u64::from(nth) / u64::from(config.deleted + 1);
        // A task: it has no sub-tasks that would go with it.
        let number = number / 20 * 20 + 4;
        let at = u32::try_from(number).ok().and_then(|n| world.keys.get(&(0, n)).copied());
        if let Some(at) = at {
            world.remove(at as usize, END * 1_000, 0);
        }
    }
}

/// Project and number in the order of ids: the small projects between the issues of the first.
fn interleave(config: &JiraConfig) -> Vec<(u16, u32)> {
    let others = u64::from(config.projects) * u64::from(config.issues_per_project);
    let stride = (u64::from(config.issues) / (others + 1)).max(1);
    let mut others = (1..=config.issues_per_project)
        .flat_map(|number| (1..=config.projects).map(move |project| (project, number)))
        .filter_map(|(project, number)| Some((u16::try_from(project).ok()?, number)));
    let mut places = Vec::new();
    for number in 1..=config.issues {
        places.push((0, number));
        if u64::from(number).is_multiple_of(stride) {
            places.extend(others.next());
        }
    }
    places.extend(others);
    places
}

/// How many comments each issue of the first project has: some have more than are sent inline,
/// the rest is shared out unevenly, and never more than that.
fn comment_counts(config: &JiraConfig) -> Vec<u32> {
    let issues = config.issues as usize;
    let mut counts = vec![0_u32; issues];
    let mut left = config.comments;
    let stride = (issues / (config.cut_comments as usize).max(1)).max(1);
    let cut = |at: usize| at % stride == stride / 2 && at / stride < config.cut_comments as usize;
    for (nth, at) in (0..issues).filter(|at| cut(*at)).enumerate() {
        let many = INLINE_COMMENTS + 1 + (u32::try_from(nth).unwrap_or(0) * 61) % 160;
        counts[at] = many.min(left);
        left -= counts[at];
    }
    let ordinary = u32::try_from((0..issues).filter(|at| !cut(*at)).count()).unwrap_or(1).max(1);
    let shares = [0_u64, 2, 0, 1, 1, 6, 2, 4];
    let mut owed = 0_u64;
    let average = u64::from(left);
    for at in (0..issues).filter(|at| !cut(*at)) {
        owed += average * shares[at % shares.len()] * 8 / 16;
        let whole = owed / u64::from(ordinary);
        let many = u32::try_from(whole).unwrap_or(u32::MAX).min(INLINE_COMMENTS).min(left);
        owed -= u64::from(many) * u64::from(ordinary);
        counts[at] = many;
        left -= many;
    }
    // What rounding left over.
    for at in (0..issues).filter(|at| !cut(*at)) {
        let more = (INLINE_COMMENTS - counts[at]).min(left);
        counts[at] += more;
        left -= more;
    }
    counts
}

impl World {
    /// The id of the issue that was grown with this number, gone or not.
    fn grown_id(&self, project: u16, number: u32) -> Option<u64> {
        self.keys.get(&(project, number)).map(|at| FIRST_ID + u64::from(*at))
    }

    pub(super) fn grown_head(&self, slot: &Slot) -> Head {
        let random = &mut self.random(slot, 1);
        let (project, number) = slot.origin;
        let kind = kind(number);
        let status = random.index(STATUSES.len());
        let labels: Vec<String> = (0..random.index(3))
            .map(|nth| LABELS[(random.index(4) + nth * 4) % LABELS.len()].to_owned())
            .collect();
        let sprints = match random.below(6) {
            0 => vec![random.index(4)],
            1 => vec![random.index(4), 4],
            2 => vec![4],
            3 => vec![5],
            _ => Vec::new(),
        };
        debug_assert!(sprints.iter().all(|at| *at < SPRINTS.len()), "a sprint there is");
        let done = STATUSES[status].2 == 2;
        let mut head = Head {
            kind,
            status,
            priority: random.chance(95).then(|| random.index(5)),
            summary: text::title(random),
            labels,
            assignee: random.chance(70).then(|| random.index(self.people.len())),
            reporter: Some(random.index(self.people.len())),
            parent: self.grown_parent(project, number, kind),
            sprints: if kind == EPIC { Vec::new() } else { sprints },
            versions: if random.chance(30) {
                vec![random.index(VERSIONS.len())]
            } else {
                Vec::new()
            },
            points: (kind == STORY && random.chance(80)).then(|| [1, 2, 3, 5, 8][random.index(5)]),
            area: random.chance(25).then(|| random.index(AREAS.len())),
            acceptance: (kind == STORY && random.chance(40))
                .then(|| format!("The total of {number} is right and the list ends")),
            files: (0..u32::from(random.chance(10)))
                .map(|nth| format!("log {number}-{nth}.txt"))
                .collect(),
            ties: self.grown_ties(project, number),
            resolved: done.then_some(slot.updated),
        };
        if self.nasty && project == 0 {
            nasty::head(&mut head, number, FORMER);
        }
        head
    }

    fn grown_parent(&self, project: u16, number: u32, kind: usize) -> Option<u64> {
        let epic = (number - 1) / 20 * 20 + 1;
        match kind {
            EPIC => None,
            SUBTASK => self.grown_id(project, number - 1),
            TASK if number.is_multiple_of(2) => None,
            _ => self.grown_id(project, epic),
        }
    }

    /// Every seventh issue points at the third before it.
    fn grown_ties(&self, project: u16, number: u32) -> Vec<Tie> {
        let mut ties = Vec::new();
        let mut add = |from: u32, outward: bool, other: u32| {
            if let Some(other) = self.grown_id(project, other) {
                let kind = (from / 7) as usize % TIES.len();
                let id = 40_000 + u64::from(project) * 10_000_000 + u64::from(from);
                ties.push(Tie { id, kind, outward, other });
            }
        };
        if number.is_multiple_of(7) {
            add(number, true, number - 3);
        }
        if (number + 3).is_multiple_of(7) && number + 3 <= self.project(project).grown {
            add(number + 3, false, number + 3);
        }
        ties
    }

    pub(super) fn grown_body(&self, slot: &Slot) -> Vec<Block> {
        let (project, number) = slot.origin;
        if self.nasty
            && project == 0
            && let Some(body) = nasty::body(number)
        {
            return body;
        }
        let random = &mut self.random(slot, 2);
        if random.chance(3) {
            return Vec::new();
        }
        draft::description(self, random, number, kind(number) == STORY)
    }

    pub(super) fn grown_comments(&self, slot: &Slot) -> Vec<Comment> {
        let random = &mut self.random(slot, 3);
        let span = slot.updated - slot.created;
        let many = i64::from(slot.comments).max(1);
        (0..slot.comments)
            .map(|nth| {
                let created = slot.created + span * i64::from(nth) / many;
                let id = slot.first_comment + u64::from(nth);
                let author =
                    Some(random.index(self.people.len())).filter(|_| !id.is_multiple_of(211));
                let body = comment_body(self, random, id, nth);
                let updated = if random.chance(10) { created + span / many } else { created };
                Comment { id, author, body, created, updated }
            })
            .collect()
    }

    pub(super) fn grown_histories(&self, slot: &Slot) -> Vec<History> {
        let number = slot.origin.1;
        if number == 0 {
            return Vec::new();
        }
        let random = &mut self.random(slot, 4);
        // Some have more than are sent inline.
        let many = if number.is_multiple_of(97) { 60 } else { random.between(0, 4) };
        let span = slot.created;
        let mut status = 0;
        (0..many)
            .map(|nth| {
                let before = std::mem::replace(&mut status, random.index(STATUSES.len()));
                let (from, to) = (status_words(before), status_words(status));
                let items = vec![Changed { field: "status", from: Some(from), to: Some(to) }];
                let id = slot.id * 1_000 + u64::try_from(nth).unwrap_or(0);
                let at = span + nth * 60_000;
                History { id, author: Some(random.index(self.people.len())), at, items }
            })
            .collect()
    }
}

fn kind(number: u32) -> usize {
    match number % 20 {
        1 => EPIC,
        2 | 8 | 14 => STORY,
        3 | 9 | 15 => SUBTASK,
        5 | 11 => BUG,
        7 => SPIKE,
        _ => TASK,
    }
}

/// Mostly a sentence that no other comment has; at times more, or nothing.
fn comment_body(world: &World, random: &mut Random, id: u64, nth: u32) -> Vec<Block> {
    match id % 40 {
        0 => draft::description(world, random, nth, false),
        1 => vec![Block::Quote("as was said".to_owned()), Block::Code("", format!("id = {id};"))],
        2 => vec![Block::Paragraph(vec![
            Span::Text(format!("comment {id} by ")),
            draft::mention(world, random),
            Span::Break,
            Span::Marked(&["strong", "em"], "twice marked".to_owned()),
        ])],
        3 => vec![Block::Media(format!("image-{id}.png"))],
        _ => plain(&format!("{} (comment {id})", text::title(random))),
    }
}
