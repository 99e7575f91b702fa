//! What the simulated Azure DevOps holds. Each work item is the list of its revisions; all that
//! can be made anew from its id is not kept.

pub(crate) mod change;
mod fold;
pub(crate) mod grow;
pub(crate) mod truth;

use std::collections::BTreeMap;

pub(crate) use fold::{Comment, Snapshot};

use super::kind::Process;
use super::text::random_of;

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) organisations: Vec<Organisation>,
}

/// An organisation, or a collection of a server of one's own.
#[derive(Debug)]
pub(crate) struct Organisation {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) seed: u64,
    pub(crate) projects: Vec<Project>,
    pub(crate) people: Vec<Person>,
    pub(crate) items: BTreeMap<u32, Item>,
    /// Every revision there ever was, in order; the place of one, counted from 1, is its
    /// watermark.
    pub(crate) events: Vec<Event>,
    pub(crate) children: BTreeMap<u32, Vec<u32>>,
    pub(crate) next_comment: u32,
}

/// A project.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) id: String,
    /// `wellFormed`, or `deleting` for one that lists leave out.
    pub(crate) state: &'static str,
    pub(crate) process: Process,
    pub(crate) repositories: Vec<Repository>,
}

/// A repository of a project.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) name: String,
    pub(crate) id: String,
    /// Its number on the git side.
    pub(crate) number: u64,
    pub(crate) shape: RepositoryShape,
}

/// What is odd about a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RepositoryShape {
    Ordinary,
    Fork,
    /// Without a commit, so without a default branch.
    Empty,
    /// Listed, but cloning it fails.
    Disabled,
    /// Listed; cloning it fails for now.
    InMaintenance,
    /// Listed only with `includeHidden`.
    Hidden,
}

/// An account.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) unique: String,
}

/// A work item.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) id: u32,
    /// 0: none.
    pub(crate) parent: u32,
    pub(crate) project: u16,
    pub(crate) kind: u8,
    pub(crate) created: Created,
    pub(crate) revisions: Vec<Revision>,
    /// Removed from the recycle bin: nothing tells of it any more.
    pub(crate) destroyed: bool,
}

/// What a work item began with.
#[derive(Debug, Clone)]
pub(crate) enum Created {
    /// By the seed; made anew from its id.
    Grown,
    /// By a change.
    Written { title: Box<str>, description: Option<Box<str>> },
}

/// One revision; its number is its place in the list.
#[derive(Debug)]
pub(crate) struct Revision {
    /// Milliseconds since the epoch.
    pub(crate) at: i64,
    pub(crate) by: u16,
    pub(crate) edit: Edit,
}

/// What a revision changed.
#[derive(Debug)]
pub(crate) enum Edit {
    Created,
    State(u8),
    Assigned(Option<u16>),
    Written(Box<Written>),
    Moved {
        project: u16,
        kind: u8,
    },
    Retyped(u8),
    Deleted,
    Restored,
    /// With its text, unless it is made anew from its number.
    CommentAdded(u32, Option<Box<str>>),
    CommentEdited(u32, Box<str>),
    CommentDeleted(u32),
}

/// Several fields changed at once.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) state: Option<u8>,
    pub(crate) tags: Option<String>,
    pub(crate) assigned: Option<u16>,
}

/// A place in the stream of revisions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Event {
    pub(crate) id: u32,
    pub(crate) rev: u32,
}

impl World {
    pub(crate) fn organisation(&self, name: &str) -> Option<&Organisation> {
        self.organisations.iter().find(|org| org.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn organisation_mut(&mut self, name: &str) -> Option<&mut Organisation> {
        self.organisations.iter_mut().find(|org| org.name.eq_ignore_ascii_case(name))
    }
}

impl Organisation {
    /// The project of this name or id; names ignore case.
    pub(crate) fn project(&self, name: &str) -> Option<(u16, &Project)> {
        let fits = |project: &&Project| {
            project.name.eq_ignore_ascii_case(name) || project.id.eq_ignore_ascii_case(name)
        };
        let at = self.projects.iter().position(|project| fits(&project))?;
        Some((u16::try_from(at).ok()?, &self.projects[at]))
    }

    /// A work item that is neither deleted nor destroyed.
    pub(crate) fn present(&self, id: u32) -> Option<Snapshot<'_>> {
        let now = self.items.get(&id).filter(|item| !item.destroyed)?.now(self);
        (!now.deleted).then_some(now)
    }

    /// Adds a revision and its place in the stream.
    pub(crate) fn record(&mut self, id: u32, revision: Revision) {
        let Some(item) = self.items.get_mut(&id) else { return };
        item.revisions.push(revision);
        let rev = u32::try_from(item.revisions.len()).unwrap_or(u32::MAX);
        self.events.push(Event { id, rev });
    }

    /// When a revision of the stream was made.
    pub(crate) fn time_of(&self, event: Event) -> i64 {
        let item = self.items.get(&event.id);
        let revision = item.and_then(|item| item.revisions.get(event.rev as usize - 1));
        revision.map_or(0, |revision| revision.at)
    }

    /// The account of this name, made if there is none.
    pub(crate) fn person(&mut self, name: &str) -> u16 {
        let at = self.people.iter().position(|person| person.name == name).unwrap_or_else(|| {
            let n = self.people.len();
            self.people.push(Person::new(self.seed, n, name));
            n
        });
        u16::try_from(at).unwrap_or(0)
    }
}

impl Person {
    pub(crate) fn new(seed: u64, n: usize, name: &str) -> Self {
        let unique = format!("{}@contoso.example", name.to_lowercase().replace(' ', "."));
        Person { name: name.to_owned(), id: guid(seed, 0x5000 + n as u64), unique }
    }
}

/// A GUID that is the same for the same numbers.
pub(crate) fn guid(seed: u64, n: u64) -> String {
    let mut random = random_of(seed, 0, n.wrapping_add(77));
    let (high, low) = (random.next(), random.next());
    let hex = format!("{high:016x}{low:016x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}
