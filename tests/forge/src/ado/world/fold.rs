//! A work item at one of its revisions, and what its fields hold there.

use std::borrow::Cow;

use super::{Created, Edit, Item, Organisation, Revision};
use crate::ado::field::{Cell, Field};
use crate::ado::kind::{KINDS, Kind, State};
use crate::ado::text;

const AREAS: [&str; 4] = ["", "\\Web", "\\Web\\Basket", "\\Über Team"];
const ITERATIONS: [&str; 4] = ["", "\\Sprint 1", "\\Release 1\\Sprint 2", "\\Sprint 3 & 4"];
const TAGS: [&str; 6] =
    ["backend", "blocked", "front end", "needs: review?", "\u{1F525} hot", "über"];

/// A work item as it was at one revision.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot<'a> {
    pub(crate) organisation: &'a Organisation,
    pub(crate) item: &'a Item,
    /// The number of the revision.
    pub(crate) rev: u32,
    pub(crate) project: u16,
    pub(crate) kind: u8,
    state: u8,
    assigned: Option<u16>,
    title: Option<&'a str>,
    description: Option<&'a str>,
    tags: Option<&'a str>,
    pub(crate) deleted: bool,
    pub(crate) comments: u32,
    state_at: i64,
    closed: Option<(i64, u16)>,
    last: &'a Revision,
}

/// One comment as it is now.
#[derive(Debug, Clone)]
pub(crate) struct Comment<'a> {
    pub(crate) id: u32,
    /// `None`: made anew from its id.
    text: Option<&'a str>,
    pub(crate) version: u32,
    pub(crate) created: (i64, u16),
    pub(crate) modified: (i64, u16),
    pub(crate) deleted: bool,
}

impl Item {
    /// It as it is.
    pub(crate) fn now<'a>(&'a self, organisation: &'a Organisation) -> Snapshot<'a> {
        self.at(organisation, self.rev())
    }

    /// The number of its newest revision.
    pub(crate) fn rev(&self) -> u32 {
        u32::try_from(self.revisions.len()).unwrap_or(u32::MAX)
    }

    /// The number of the revision that was the newest at this time; 0 before it was made.
    pub(crate) fn rev_at(&self, ms: i64) -> u32 {
        let at = self.revisions.partition_point(|revision| revision.at <= ms);
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// It as it was at a revision, from 1 to the newest.
    pub(crate) fn at<'a>(&'a self, organisation: &'a Organisation, rev: u32) -> Snapshot<'a> {
        let first = &self.revisions[0];
        let mut snapshot = Snapshot {
            organisation,
            item: self,
            rev,
            project: self.project,
            kind: self.kind,
            state: 0,
            assigned: None,
            title: None,
            description: None,
            tags: None,
            deleted: false,
            comments: 0,
            state_at: first.at,
            closed: None,
            last: first,
        };
        for revision in self.revisions.iter().take(rev as usize) {
            snapshot.apply(revision);
        }
        snapshot
    }

    /// All its comments ever, by id.
    pub(crate) fn comments(&self) -> Vec<Comment<'_>> {
        let mut comments: Vec<Comment<'_>> = Vec::new();
        for revision in &self.revisions {
            let who = (revision.at, revision.by);
            match &revision.edit {
                Edit::CommentAdded(id, text) => comments.push(Comment {
                    id: *id,
                    text: text.as_deref(),
                    version: 1,
                    created: who,
                    modified: who,
                    deleted: false,
                }),
                Edit::CommentEdited(id, text) => edit(&mut comments, *id, |comment| {
                    comment.text = Some(text);
                    comment.modified = who;
                }),
                Edit::CommentDeleted(id) => edit(&mut comments, *id, |comment| {
                    comment.deleted = true;
                    comment.modified = who;
                }),
                Edit::Created
                | Edit::State(_)
                | Edit::Assigned(_)
                | Edit::Written(_)
                | Edit::Moved { .. }
                | Edit::Retyped(_)
                | Edit::Deleted
                | Edit::Restored => {}
            }
        }
        comments
    }
}

fn edit<'a>(comments: &mut [Comment<'a>], id: u32, change: impl FnOnce(&mut Comment<'a>)) {
    if let Some(comment) = comments.iter_mut().find(|comment| comment.id == id) {
        comment.version += 1;
        change(comment);
    }
}

impl Comment<'_> {
    /// Whether it is written in Markdown; the others are HTML.
    pub(crate) fn is_markdown(&self) -> bool {
        self.id.is_multiple_of(4)
    }

    pub(crate) fn text(&self, seed: u64) -> Cow<'_, str> {
        match self.text {
            Some(text) => text.into(),
            None if self.is_markdown() => text::markdown(seed, self.id, 9).into(),
            None => text::html(seed, self.id, 9).into(),
        }
    }
}

impl<'a> Snapshot<'a> {
    fn apply(&mut self, revision: &'a Revision) {
        self.last = revision;
        match &revision.edit {
            Edit::Created | Edit::CommentEdited(..) => {}
            Edit::State(state) => self.enter(*state, revision),
            Edit::Assigned(person) => self.assigned = *person,
            Edit::Written(written) => {
                self.title = written.title.as_deref().or(self.title);
                self.description = written.description.as_deref().or(self.description);
                self.tags = written.tags.as_deref().or(self.tags);
                self.assigned = written.assigned.or(self.assigned);
                if let Some(state) = written.state {
                    self.enter(state, revision);
                }
            }
            // A move begins anew in the first state, as on the real one.
            Edit::Moved { project, kind } => {
                (self.project, self.kind) = (*project, *kind);
                self.enter(0, revision);
            }
            Edit::Retyped(kind) => {
                let name = self.state().name;
                self.kind = *kind;
                let state = self.kind().state_named(name).unwrap_or(0);
                self.enter(state, revision);
            }
            Edit::Deleted => self.deleted = true,
            Edit::Restored => self.deleted = false,
            Edit::CommentAdded(..) => self.comments += 1,
            Edit::CommentDeleted(_) => self.comments = self.comments.saturating_sub(1),
        }
    }

    fn enter(&mut self, state: u8, revision: &Revision) {
        self.state = state;
        self.state_at = revision.at;
        let over = self.state().category == "Completed";
        self.closed = over.then_some((revision.at, revision.by));
    }

    pub(crate) fn kind(&self) -> &'static Kind {
        &KINDS[usize::from(self.kind)]
    }

    pub(crate) fn state(&self) -> &'static State {
        &self.kind().states[usize::from(self.state)]
    }

    pub(crate) fn project_name(&self) -> &'a str {
        &self.organisation.projects[usize::from(self.project)].name
    }

    pub(crate) fn revised_by(&self) -> u16 {
        self.last.by
    }

    pub(crate) fn changed(&self) -> i64 {
        self.last.at
    }

    /// When the next revision took its place; `None` for the newest.
    pub(crate) fn revised(&self) -> Option<i64> {
        self.item.revisions.get(self.rev as usize).map(|revision| revision.at)
    }

    pub(crate) fn title(&self) -> Cow<'a, str> {
        match (self.title, &self.item.created) {
            (Some(title), _) => title.into(),
            (None, Created::Written { title, .. }) => (&**title).into(),
            (None, Created::Grown) => text::title(self.organisation.seed, self.item.id),
        }
    }

    pub(crate) fn description(&self) -> Option<Cow<'a, str>> {
        match (self.description, &self.item.created) {
            (Some(text), _) => Some(text.into()),
            (None, Created::Written { description, .. }) => {
                description.as_deref().map(Cow::Borrowed)
            }
            (None, Created::Grown) => {
                text::description(self.organisation.seed, self.item.id).map(Cow::Owned)
            }
        }
    }

    /// With a semicolon and a blank between them; empty when there is none.
    pub(crate) fn tags(&self) -> Cow<'a, str> {
        match (self.tags, &self.item.created) {
            (Some(tags), _) => tags.into(),
            (None, Created::Written { .. }) => "".into(),
            (None, Created::Grown) => {
                let bits = self.item.id.wrapping_mul(2_654_435_761) >> 20;
                let has = |at: &usize| bits.is_multiple_of(3) && bits >> (at + 2) & 1 == 1;
                let tags: Vec<&str> = (0..TAGS.len()).filter(has).map(|at| TAGS[at]).collect();
                tags.join("; ").into()
            }
        }
    }

    fn node(&self, nodes: &[&str; 4], salt: u32) -> (i64, String) {
        let at = (self.item.id / salt) as usize % nodes.len();
        let number = 3_000 + i64::from(self.project) * 10 + i64::try_from(at).unwrap_or(0);
        (number, format!("{}{}", self.project_name(), nodes[at]))
    }

    /// What a field holds.
    pub(crate) fn cell(&self, field: Field) -> Cell<'a> {
        let id = self.item.id;
        let text = |text: String| Cell::Text(text.into());
        let is = |names: &[&str]| names.contains(&self.kind().name);
        match field {
            Field::Id => Cell::Number(id.into()),
            Field::Rev => Cell::Number(self.rev.into()),
            Field::AreaId => Cell::Number(self.node(&AREAS, 1).0),
            Field::AreaPath => text(self.node(&AREAS, 1).1),
            Field::NodeName => {
                let path = self.node(&AREAS, 1).1;
                text(path.rsplit('\\').next().unwrap_or_default().to_owned())
            }
            Field::IterationId => Cell::Number(self.node(&ITERATIONS, 2).0 + 500),
            Field::IterationPath => text(self.node(&ITERATIONS, 2).1),
            Field::TeamProject => Cell::Text(self.project_name().into()),
            Field::WorkItemType => Cell::Text(self.kind().name.into()),
            Field::State => Cell::Text(self.state().name.into()),
            Field::Reason => text(format!("Moved to state {}", self.state().name)),
            Field::AssignedTo => self.assigned.map_or(Cell::Empty, Cell::Person),
            Field::CreatedDate => Cell::Date(self.item.revisions[0].at),
            Field::CreatedBy => Cell::Person(self.item.revisions[0].by),
            Field::ChangedDate | Field::AuthorizedDate => Cell::Date(self.last.at),
            Field::ChangedBy => Cell::Person(self.last.by),
            Field::RevisedDate => Cell::Date(self.revised().unwrap_or(FOREVER)),
            Field::Watermark => Cell::Number(self.watermark()),
            Field::CommentCount => Cell::Number(self.comments.into()),
            Field::Title => Cell::Text(self.title()),
            Field::Tags => some(self.tags()),
            Field::Parent if self.item.parent == 0 => Cell::Empty,
            Field::Parent => Cell::Number(self.item.parent.into()),
            Field::IsDeleted => Cell::Bool(self.deleted),
            Field::HyperLinkCount => Cell::Number(i64::from(self.has_hyperlink())),
            Field::AttachedFileCount => Cell::Number(i64::from(self.has_attachment())),
            Field::RelatedLinkCount => Cell::Number(i64::from(self.item.parent != 0)),
            Field::Description => self.description().map_or(Cell::Empty, Cell::Text),
            Field::History => self.history(),
            Field::StateChangeDate => Cell::Date(self.state_at),
            Field::ClosedDate => self.closed.map_or(Cell::Empty, |(at, _)| Cell::Date(at)),
            Field::ClosedBy => self.closed.map_or(Cell::Empty, |(_, by)| Cell::Person(by)),
            Field::Priority => Cell::Number(i64::from(id % 4) + 1),
            Field::Severity if is(&["Bug"]) => {
                Cell::Text(["1 - Critical", "2 - High", "3 - Medium"][id as usize % 3].into())
            }
            Field::ValueArea if is(&["Epic", "Feature", "User Story"]) => {
                Cell::Text("Business".into())
            }
            Field::AcceptanceCriteria
                if is(&["User Story", "Product Backlog Item"]) && id.is_multiple_of(2) =>
            {
                text(format!("<ul><li>It works for {id}</li><li>It is <b>fast</b></li></ul>"))
            }
            Field::ReproSteps if is(&["Bug"]) => text(text::html(self.organisation.seed, id, 5)),
            Field::StoryPoints if is(&["User Story"]) => Cell::Number(i64::from(id % 8) + 1),
            Field::ReleaseTrain if id.is_multiple_of(5) => text(format!("Train {}", id % 3)),
            Field::ImpactAnalysis if id.is_multiple_of(25) => {
                text(text::html(self.organisation.seed, id, 6))
            }
            Field::Severity
            | Field::ValueArea
            | Field::AcceptanceCriteria
            | Field::ReproSteps
            | Field::StoryPoints
            | Field::ReleaseTrain
            | Field::ImpactAnalysis => Cell::Empty,
        }
    }

    /// The comment that this revision added.
    fn history(&self) -> Cell<'a> {
        let Edit::CommentAdded(id, _) = &self.last.edit else { return Cell::Empty };
        let comments = self.item.comments();
        let found = comments.iter().find(|comment| comment.id == *id);
        found.map_or(Cell::Empty, |comment| {
            Cell::Text(comment.text(self.organisation.seed).into_owned().into())
        })
    }

    /// The place of this revision in the stream, as far as it can be told without a search.
    fn watermark(&self) -> i64 {
        i64::from(self.item.id) * 10 + i64::from(self.rev)
    }

    /// Whether its description is Markdown.
    pub(crate) fn is_markdown(&self) -> bool {
        self.description.is_none()
            && matches!(self.item.created, Created::Grown)
            && text::is_markdown(self.item.id)
            && self.description().is_some()
    }

    pub(crate) fn has_hyperlink(&self) -> bool {
        self.item.id.is_multiple_of(9)
    }

    pub(crate) fn has_attachment(&self) -> bool {
        self.item.id.is_multiple_of(11)
    }

    /// The item that it is related to, each other's.
    pub(crate) fn related(&self) -> Option<u32> {
        let other = match self.item.id % 26 {
            13 => self.item.id + 1,
            14 => self.item.id - 1,
            _ => return None,
        };
        self.organisation.present(other).map(|_| other)
    }
}

/// What stands where a revision is still the newest: 9999-01-01.
const FOREVER: i64 = 253_370_764_800_000;

fn some(text: Cow<'_, str>) -> Cell<'_> {
    if text.is_empty() { Cell::Empty } else { Cell::Text(text) }
}
