//! What the simulated Jira holds. Texts are made from the seed each time they are shown; only
//! what somebody changed is kept.

pub(crate) mod blocks;
pub(crate) mod change;
mod draft;
mod grow;
pub(crate) mod issue;
mod nasty;
pub(crate) mod people;
pub(crate) mod truth;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::jira::JiraConfig;
use crate::random::Random;
use crate::world::order::Order;
use blocks::Block;
use issue::{Comment, Edits, Head, History};
use people::People;

/// The id of the first issue; ids go up by one from there.
pub(crate) const FIRST_ID: u64 = 10_000;

/// A project.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) id: u64,
    pub(crate) key: String,
    pub(crate) name: String,
    /// How many issues it was grown with.
    grown: u32,
    next_number: u32,
}

/// All that is kept of an issue nobody changed.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) id: u64,
    /// Where it is now; both change when it is moved.
    pub(crate) project: u16,
    pub(crate) number: u32,
    /// Where it was grown: what its texts are made from. Number 0: it was added later.
    origin: (u16, u32),
    /// Milliseconds since the epoch.
    pub(crate) created: i64,
    pub(crate) updated: i64,
    /// `updated` as the search knows it.
    pub(crate) indexed: i64,
    /// The search knows it at all.
    pub(crate) listed: bool,
    pub(crate) here: bool,
    first_comment: u64,
    pub(crate) comments: u32,
    edits: Option<Box<Edits>>,
}

/// Everything.
#[derive(Debug)]
pub(crate) struct World {
    seed: u64,
    nasty: bool,
    pub(crate) people: People,
    pub(crate) projects: Vec<Project>,
    /// By ascending id, gone ones included.
    pub(crate) slots: Vec<Slot>,
    /// All keys there ever were.
    pub(crate) keys: BTreeMap<(u16, u32), u32>,
    /// By `indexed` and id, what the search knows.
    pub(crate) by_updated: Order,
    /// Issues of comments that were added later.
    added_comments: HashMap<u64, u32>,
    next_comment: u64,
    /// Slots that the search hears of when so many searches were made.
    lagging: VecDeque<(u64, u32)>,
    searches: u64,
}

impl World {
    pub(crate) fn new(config: &JiraConfig, url: &str, seed: u64) -> Self {
        let mut world = World {
            seed,
            nasty: config.nasty,
            people: People::new(url, &config.time_zone),
            projects: Vec::new(),
            slots: Vec::new(),
            keys: BTreeMap::new(),
            by_updated: Order::default(),
            added_comments: HashMap::new(),
            next_comment: 100_000,
            lagging: VecDeque::new(),
            searches: 0,
        };
        grow::fill(&mut world, config);
        world
    }

    /// Random numbers for one purpose and one issue.
    fn random(&self, slot: &Slot, purpose: u64) -> Random {
        let salt = slot.id.wrapping_mul(0x2545_F491_4F6C_DD1D).wrapping_add(purpose);
        let mut random = Random::new(self.seed ^ salt);
        random.next();
        random
    }

    pub(crate) fn project_named(&self, word: &str) -> Option<u16> {
        let same = |project: &Project| {
            project.key.eq_ignore_ascii_case(word)
                || project.name.eq_ignore_ascii_case(word)
                || project.id.to_string() == word
        };
        self.projects.iter().position(same).and_then(|at| u16::try_from(at).ok())
    }

    pub(crate) fn project(&self, at: u16) -> &Project {
        &self.projects[usize::from(at)]
    }

    /// `PAY-42`.
    pub(crate) fn key(&self, slot: &Slot) -> String {
        format!("{}-{}", self.project(slot.project).key, slot.number)
    }

    /// The place of a present issue of this id.
    pub(crate) fn place(&self, id: u64) -> Option<usize> {
        let at = usize::try_from(id.checked_sub(FIRST_ID)?).ok()?;
        self.slots.get(at).filter(|slot| slot.here).map(|_| at)
    }

    /// The present issue of this id.
    pub(crate) fn slot(&self, id: u64) -> Option<&Slot> {
        self.place(id).map(|at| &self.slots[at])
    }

    /// The present issue of this key, of a key it had before it was moved, or of this id. Letters
    /// may be small.
    pub(crate) fn find(&self, word: &str) -> Option<&Slot> {
        if let Ok(id) = word.parse() {
            return self.slot(id);
        }
        let at = *self.keys.get(&self.split_key(word)?)?;
        Some(&self.slots[at as usize]).filter(|slot| slot.here)
    }

    /// Project and number of a key, whether or not there is such an issue.
    pub(crate) fn split_key(&self, word: &str) -> Option<(u16, u32)> {
        let (project, number) = word.rsplit_once('-')?;
        Some((self.project_named(project)?, number.parse().ok()?))
    }

    pub(crate) fn head<'a>(&'a self, slot: &'a Slot) -> Cow<'a, Head> {
        match &slot.edits {
            Some(edits) => Cow::Borrowed(&edits.head),
            None => Cow::Owned(self.grown_head(slot)),
        }
    }

    pub(crate) fn body(&self, slot: &Slot) -> Vec<Block> {
        let edited = slot.edits.as_ref().and_then(|edits| edits.body.clone());
        edited.unwrap_or_else(|| self.grown_body(slot))
    }

    /// By ascending id.
    pub(crate) fn comments(&self, slot: &Slot) -> Vec<Comment> {
        let edited = slot.edits.as_ref().and_then(|edits| edits.comments.clone());
        edited.unwrap_or_else(|| self.grown_comments(slot))
    }

    /// Oldest first.
    pub(crate) fn histories(&self, slot: &Slot) -> Vec<History> {
        let mut all = self.grown_histories(slot);
        if let Some(edits) = &slot.edits {
            all.extend(edits.histories.iter().cloned());
        }
        all
    }

    /// The place of the present issue this comment may hang on.
    pub(crate) fn comment_place(&self, id: u64) -> Option<usize> {
        if let Some(at) = self.added_comments.get(&id) {
            return Some(*at as usize).filter(|at| self.slots[*at].here);
        }
        let after = self.slots.partition_point(|slot| slot.first_comment <= id);
        let at = after.checked_sub(1)?;
        Some(at).filter(|at| self.slots[*at].here)
    }

    /// The present sub-task of an issue: grown stories have one.
    pub(crate) fn subtask(&self, slot: &Slot) -> Option<&Slot> {
        let (project, number) = slot.origin;
        let next = self.keys.get(&(project, number + 1)).filter(|_| number > 0)?;
        let next = &self.slots[*next as usize];
        let is_child = next.here
            && next.origin == (project, number + 1)
            && self.head(next).kind == issue::SUBTASK
            && self.head(next).parent == Some(slot.id);
        is_child.then_some(next)
    }

    /// A search begins: what was held back so long is known from now on, and what is to be
    /// reconciled too.
    pub(crate) fn search_begins(&mut self, reconcile: &[u64]) {
        self.searches += 1;
        let due = |(when, at): &(u64, u32), slots: &[Slot]| {
            *when < self.searches || reconcile.contains(&slots[*at as usize].id)
        };
        let (known, held) = self.lagging.iter().partition(|held| due(held, &self.slots));
        self.lagging = held;
        let known: VecDeque<(u64, u32)> = known;
        for (_, at) in known {
            self.index(at as usize);
        }
    }

    /// The search hears of what an issue is now.
    fn index(&mut self, at: usize) {
        let slot = &mut self.slots[at];
        if slot.listed {
            self.by_updated.remove(slot.indexed, slot.id);
        }
        slot.indexed = slot.updated;
        slot.listed = slot.here;
        if slot.here {
            self.by_updated.insert(slot.indexed, slot.id);
        }
    }

    /// The search hears of it now, or when `lag` more searches were made.
    fn index_after(&mut self, at: usize, lag: u64) {
        if lag == 0 {
            self.index(at);
        } else if let Ok(at) = u32::try_from(at) {
            self.lagging.push_back((self.searches + lag, at));
        }
    }

    /// Some present issue of a project.
    pub(crate) fn some(&self, project: u16, random: &mut Random) -> Option<usize> {
        let fits = |slot: &Slot| slot.here && slot.project == project;
        let tries = (0..50).map(|_| random.index(self.slots.len()));
        let mut tries = tries.filter(|at| self.slots.get(*at).is_some_and(fits));
        tries.next().or_else(|| self.slots.iter().position(fits))
    }
}
