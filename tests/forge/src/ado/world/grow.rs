//! Growing organisations from a seed.

use super::{
    Created, Edit, Event, Item, Organisation, Person, Project, Repository, RepositoryShape,
    Revision, World, guid,
};
use crate::ado::config::AdoConfig;
use crate::ado::kind::{KINDS, Process};
use crate::random::Random;

/// 2014-01-01 and 2026-10-31: everything grown happened between them.
const START: i64 = 1_388_534_400_000;
const END: i64 = 1_793_404_800_000;
const DAY: i64 = 86_400_000;

/// What one project is to hold.
struct Plan {
    name: String,
    process: Process,
    items: u32,
    comments: u32,
    deleted: u32,
    shapes: Vec<(&'static str, RepositoryShape)>,
    state: &'static str,
}

impl Plan {
    fn new(name: &str, items: u32) -> Self {
        Plan {
            name: name.to_owned(),
            process: Process::Agile,
            items,
            comments: items / 2,
            deleted: 0,
            shapes: vec![("", RepositoryShape::Ordinary)],
            state: "wellFormed",
        }
    }
}

/// The world of this configuration.
pub(crate) fn world(config: &AdoConfig, seed: u64) -> World {
    let shop = Plan {
        comments: config.comments,
        deleted: config.deleted,
        shapes: vec![
            ("", RepositoryShape::Ordinary),
            ("web front", RepositoryShape::Ordinary),
            ("web fork", RepositoryShape::Fork),
            ("old", RepositoryShape::Disabled),
            ("nothing yet", RepositoryShape::Empty),
            ("busy", RepositoryShape::InMaintenance),
            ("secret plans", RepositoryShape::Hidden),
        ],
        ..Plan::new("Shop", config.items)
    };
    let mut contoso = vec![
        shop,
        Plan { process: Process::Scrum, ..Plan::new("Fabrikam Fiber", 40) },
        Plan::new("100% Done", 20),
        Plan { state: "deleting", ..Plan::new("Going away", 0) },
    ];
    contoso.extend((1..=config.projects).map(|n| Plan::new(&format!("Project {n:03}"), 3)));
    let fabrikam = vec![Plan { process: Process::Scrum, ..Plan::new("Fabrikam-Fiber-Git", 30) }];
    let names: Vec<&str> = config.tokens.iter().map(|token| token.login.as_str()).collect();
    let organisations = vec![
        organisation("contoso", &contoso, seed, &names),
        organisation("fabrikam", &fabrikam, seed ^ 0xFAB, &names),
    ];
    World { organisations }
}

fn organisation(name: &str, plans: &[Plan], seed: u64, logins: &[&str]) -> Organisation {
    let mut names: Vec<String> = logins.iter().map(|login| (*login).to_owned()).collect();
    names.extend((1..=24).map(|n| format!("Person {n:02}")));
    names.dedup();
    let people = names.iter().enumerate().map(|(n, name)| Person::new(seed, n, name)).collect();
    let mut organisation = Organisation {
        name: name.to_owned(),
        id: guid(seed, 1),
        seed,
        projects: Vec::new(),
        people,
        items: std::collections::BTreeMap::new(),
        events: Vec::new(),
        children: std::collections::BTreeMap::new(),
        next_comment: 1_001,
    };
    let mut number = 900_000_000 + seed % 97 * 1_000;
    for (n, plan) in (0..).zip(plans) {
        let project = project(plan, seed, n, &mut number);
        organisation.projects.push(project);
    }
    fill(&mut organisation, plans);
    organisation
}

fn project(plan: &Plan, seed: u64, n: u64, number: &mut u64) -> Project {
    let repository = |(name, shape): &(&str, RepositoryShape)| {
        *number += 1;
        let name = if name.is_empty() { plan.name.clone() } else { (*name).to_owned() };
        Repository { name, id: guid(seed, 0x7000 + *number), number: *number, shape: *shape }
    };
    Project {
        name: plan.name.clone(),
        id: guid(seed, 0x100 + n),
        state: plan.state,
        process: plan.process,
        repositories: plan.shapes.iter().map(repository).collect(),
    }
}

/// The items of all projects, mixed: the first project's share is spread over the whole.
fn fill(organisation: &mut Organisation, plans: &[Plan]) {
    let mut random = Random::new(organisation.seed ^ 0xAD0);
    let mut left: Vec<u32> = plans.iter().map(|plan| plan.items).collect();
    let total: u32 = left.iter().sum();
    let step = (END - START) / i64::from(total.max(1));
    let mut growth: Vec<Growth> = plans.iter().map(Growth::new).collect();
    let mut events = Vec::new();
    for id in 1..=total + total / 50 {
        // Every fiftieth number belongs to something that was removed for good.
        if id.is_multiple_of(50) {
            continue;
        }
        let Some(at) = next_project(&left, &mut random) else { break };
        left[at] -= 1;
        let from = START + step * i64::from(id - id / 50 - 1);
        let created = random.between(from, from + step - 1);
        let project = u16::try_from(at).unwrap_or(0);
        let mut item = growth[at].item(id, project, created, &mut random);
        let comments = growth[at].comments();
        live(&mut item, comments, &mut organisation.next_comment, &mut random);
        if growth[at].deletes() {
            item.revisions.push(Revision { at: END, by: 0, edit: Edit::Deleted });
        }
        item.revisions.shrink_to_fit();
        if item.parent != 0 {
            organisation.children.entry(item.parent).or_default().push(id);
        }
        let times = (1..).zip(&item.revisions).map(|(rev, revision)| (revision.at, id, rev));
        events.extend(times);
        organisation.items.insert(id, item);
    }
    events.sort_unstable();
    organisation.events = events.into_iter().map(|(_, id, rev)| Event { id, rev }).collect();
}

/// The project of the next item: each in proportion to what it has left.
fn next_project(left: &[u32], random: &mut Random) -> Option<usize> {
    let total: u64 = left.iter().map(|&n| u64::from(n)).sum();
    let mut at = random.below(total);
    if total == 0 {
        return None;
    }
    for (n, &share) in left.iter().enumerate() {
        if at < u64::from(share) {
            return Some(n);
        }
        at -= u64::from(share);
    }
    None
}

/// How far a project has grown.
struct Growth<'a> {
    plan: &'a Plan,
    grown: u32,
    comments_left: u32,
    /// The newest epic, feature and story: parents of what follows.
    ancestors: [u32; 3],
}

impl<'a> Growth<'a> {
    fn new(plan: &'a Plan) -> Self {
        Growth { plan, grown: 0, comments_left: plan.comments, ancestors: [0; 3] }
    }

    fn item(&mut self, id: u32, project: u16, created: i64, random: &mut Random) -> Item {
        let kinds = self.plan.process.kinds();
        let level = match self.grown % 20 {
            0 => 0,
            1 | 8 => 1,
            2 | 5 | 9 | 12 | 15 => 2,
            4 | 7 | 11 | 14 => 4,
            19 if kinds.len() > 5 => 5 + random.index(kinds.len() - 5),
            _ => 3,
        };
        let parent = match level {
            1 => self.ancestors[0],
            2 => self.ancestors[1],
            3 | 4 => self.ancestors[2],
            _ => 0,
        };
        if let Some(ancestor) = self.ancestors.get_mut(level) {
            *ancestor = id;
        }
        self.grown += 1;
        let by = u16::try_from(random.below(24)).unwrap_or(0);
        let first = Revision { at: created, by, edit: Edit::Created };
        Item {
            id,
            parent,
            project,
            kind: kinds[level],
            created: Created::Grown,
            revisions: vec![first],
            destroyed: false,
        }
    }

    /// How many comments the item just grown gets: at most a third have some, three or more then,
    /// and one has more than a page.
    fn comments(&mut self) -> u32 {
        let plan = self.plan;
        let many = if plan.comments >= 300 { 210 } else { 0 };
        let rest = plan.comments.saturating_sub(many);
        let some = (plan.items / 3).min(rest / 3).max(1);
        let mut count = 0;
        if self.grown % 3 == 2 && self.grown / 3 < some {
            let nth = self.grown / 3;
            count = rest / some + u32::from(nth < rest % some);
        }
        if self.grown == 17 {
            count += many;
        }
        if self.grown == plan.items {
            count = self.comments_left;
        }
        count = count.min(self.comments_left);
        self.comments_left -= count;
        count
    }

    /// Whether the item just grown is to be deleted.
    fn deletes(&self) -> bool {
        let plan = self.plan;
        let Some(step) = plan.items.checked_div(plan.deleted) else { return false };
        let nth = self.grown.checked_div(step.max(1)).unwrap_or(0);
        self.grown.is_multiple_of(step.max(1)) && nth <= plan.deleted
    }
}

/// What happened to an item after it was made.
fn live(item: &mut Item, comments: u32, next_comment: &mut u32, random: &mut Random) {
    let first = item.revisions[0].at;
    let mut moments: Vec<i64> = Vec::new();
    let changes = 1 + random.below(3);
    for _ in 0..changes + u64::from(comments) {
        moments.push(random.between(first + 1, (first + 60 * DAY).min(END)));
    }
    moments.sort_unstable();
    let states = KINDS[usize::from(item.kind)].states.len() as u64;
    for (nth, at) in (0..).zip(moments) {
        let by = u16::try_from(random.below(24)).unwrap_or(0);
        let edit = if nth >= changes {
            *next_comment += 1;
            Edit::CommentAdded(*next_comment, None)
        } else if nth == 0 {
            Edit::Assigned((!random.chance(15)).then_some(by))
        } else {
            Edit::State(u8::try_from(random.below(states)).unwrap_or(0))
        };
        item.revisions.push(Revision { at, by, edit });
    }
}
