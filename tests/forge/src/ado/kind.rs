//! The types of work items and their states, as the Agile and Scrum processes have them.

use serde_json::{Value, json};

/// One type of work item.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) reference: &'static str,
    color: &'static str,
    icon: &'static str,
    pub(crate) states: &'static [State],
}

/// One state of a type; the first is where items begin.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) name: &'static str,
    /// `Proposed`, `InProgress`, `Resolved`, `Completed` or `Removed`.
    pub(crate) category: &'static str,
    color: &'static str,
}

const fn state(name: &'static str, category: &'static str, color: &'static str) -> State {
    State { name, category, color }
}

const NEW: State = state("New", "Proposed", "b2b2b2");
const ACTIVE: State = state("Active", "InProgress", "007acc");
const RESOLVED: State = state("Resolved", "Resolved", "ff9d00");
const CLOSED: State = state("Closed", "Completed", "339933");
const REMOVED: State = state("Removed", "Removed", "ffffff");
const DONE: State = state("Done", "Completed", "339933");
const DOING: State = state("In Progress", "InProgress", "007acc");

static FIVE: [State; 5] = [NEW, ACTIVE, RESOLVED, CLOSED, REMOVED];
static FOUR: [State; 4] = [NEW, ACTIVE, CLOSED, REMOVED];
static BUG: [State; 4] = [NEW, ACTIVE, RESOLVED, CLOSED];
static ISSUE: [State; 2] = [ACTIVE, CLOSED];
static TEST: [State; 3] = [
    state("Design", "InProgress", "b2b2b2"),
    state("Ready", "InProgress", "007acc"),
    state("Closed", "Completed", "339933"),
];
static SCRUM: [State; 4] = [NEW, DOING, DONE, REMOVED];
static BACKLOG: [State; 5] = [
    NEW,
    // A state with a category that its name does not give away.
    state("Approved", "Proposed", "b2b2b2"),
    state("Committed", "InProgress", "007acc"),
    DONE,
    REMOVED,
];
static TODO: [State; 4] = [state("To Do", "Proposed", "b2b2b2"), DOING, DONE, REMOVED];

const fn kind(
    name: &'static str,
    reference: &'static str,
    color: &'static str,
    icon: &'static str,
    states: &'static [State],
) -> Kind {
    Kind { name, reference, color, icon, states }
}

/// All types; an item holds its index.
pub(crate) static KINDS: [Kind; 12] = [
    kind("Epic", "Microsoft.VSTS.WorkItemTypes.Epic", "E06C00", "icon_crown", &FIVE),
    kind("Feature", "Microsoft.VSTS.WorkItemTypes.Feature", "773B93", "icon_trophy", &FIVE),
    kind("User Story", "Microsoft.VSTS.WorkItemTypes.UserStory", "009CCC", "icon_book", &FIVE),
    kind("Task", "Microsoft.VSTS.WorkItemTypes.Task", "A4880A", "icon_clipboard", &FOUR),
    kind("Bug", "Microsoft.VSTS.WorkItemTypes.Bug", "CC293D", "icon_insect", &BUG),
    kind("Issue", "Microsoft.VSTS.WorkItemTypes.Issue", "339947", "icon_traffic_cone", &ISSUE),
    kind("Test Case", "Microsoft.VSTS.WorkItemTypes.TestCase", "004B50", "icon_test_beaker", &TEST),
    kind("Epic", "Microsoft.VSTS.WorkItemTypes.Epic", "E06C00", "icon_crown", &SCRUM),
    kind("Feature", "Microsoft.VSTS.WorkItemTypes.Feature", "773B93", "icon_trophy", &SCRUM),
    kind(
        "Product Backlog Item",
        "Microsoft.VSTS.WorkItemTypes.ProductBacklogItem",
        "009CCC",
        "icon_list",
        &BACKLOG,
    ),
    kind("Task", "Microsoft.VSTS.WorkItemTypes.Task", "A4880A", "icon_clipboard", &TODO),
    kind("Bug", "Microsoft.VSTS.WorkItemTypes.Bug", "CC293D", "icon_insect", &BACKLOG),
];

/// Which types a project has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Process {
    Agile,
    Scrum,
}

impl Process {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Process::Agile => "Agile",
            Process::Scrum => "Scrum",
        }
    }

    /// Indices into [`KINDS`]: epic, feature, story, task, bug, then others.
    pub(crate) fn kinds(self) -> &'static [u8] {
        match self {
            Process::Agile => &[0, 1, 2, 3, 4, 5, 6],
            Process::Scrum => &[7, 8, 9, 10, 11],
        }
    }

    /// The type of this name; names ignore case.
    pub(crate) fn kind_named(self, name: &str) -> Option<u8> {
        let named = |at: &&u8| KINDS[usize::from(**at)].name.eq_ignore_ascii_case(name);
        self.kinds().iter().find(named).copied()
    }

    /// What takes this type's place in this process: the same name, or the story.
    pub(crate) fn counterpart(self, kind: u8) -> u8 {
        self.kind_named(KINDS[usize::from(kind)].name).unwrap_or(self.kinds()[2])
    }
}

impl Kind {
    pub(crate) fn state_named(&self, name: &str) -> Option<u8> {
        let at = self.states.iter().position(|state| state.name.eq_ignore_ascii_case(name))?;
        u8::try_from(at).ok()
    }

    /// As `workitemtypes` lists it.
    pub(crate) fn show(&self, project_url: &str) -> Value {
        let url =
            format!("{project_url}/_apis/wit/workItemTypes/{}", self.name.replace(' ', "%20"));
        json!({
            "name": self.name,
            "referenceName": self.reference,
            "description": format!("Tracks a {}.", self.name.to_lowercase()),
            "color": self.color,
            "icon": {"id": self.icon, "url": format!("{project_url}/_apis/wit/workItemIcons/{}", self.icon)},
            "isDisabled": false,
            "xmlForm": "<FORM/>",
            "fields": [],
            "fieldInstances": [],
            "transitions": {},
            "states": self.show_states(),
            "url": url,
        })
    }

    pub(crate) fn show_states(&self) -> Vec<Value> {
        let show = |state: &State| json!({"name": state.name, "color": state.color, "category": state.category});
        self.states.iter().map(show).collect()
    }
}
