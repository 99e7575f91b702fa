//! Whether an issue passes a query.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::cmp::Ordering;

use super::{Clause, Field, Operand, Operator, Value};
use crate::jira::time::Zone;
use crate::jira::world::blocks::texts;
use crate::jira::world::issue::{
    AREAS, CATEGORIES, EPIC, Head, KINDS, PRIORITIES, SPRINTS, STATUSES, VERSIONS,
};
use crate::jira::world::{Slot, World};

/// A test of one issue.
pub(crate) type Test<'a> = Box<dyn Fn(&Candidate<'a>) -> bool + 'a>;

/// Who asks, and when.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) world: &'a World,
    pub(crate) zone: Zone,
    pub(crate) now: i64,
    /// Keys must exist to be compared with.
    pub(crate) strict_keys: bool,
}

/// An issue that is tested; what is long to make is made when it is asked for.
pub(crate) struct Candidate<'a> {
    pub(crate) world: &'a World,
    pub(crate) slot: &'a Slot,
    head: OnceCell<Cow<'a, Head>>,
}

impl<'a> Candidate<'a> {
    pub(crate) fn new(world: &'a World, slot: &'a Slot) -> Self {
        Candidate { world, slot, head: OnceCell::new() }
    }

    fn head(&self) -> &Head {
        self.head.get_or_init(|| self.world.head(self.slot))
    }

    /// The names and ids a field has here, for fields with choices.
    fn choices(&self, field: Field) -> Vec<String> {
        let head = self.head();
        let text = |text: &str| text.to_owned();
        match field {
            Field::Status => vec![text(STATUSES[head.status].1), text(STATUSES[head.status].0)],
            Field::StatusCategory => {
                let (id, key, name, _) = CATEGORIES[STATUSES[head.status].2];
                vec![id.to_string(), text(key), text(name)]
            }
            Field::Type => vec![text(KINDS[head.kind].1), text(KINDS[head.kind].0)],
            Field::Labels => head.labels.clone(),
            Field::Assignee => self.person(head.assignee),
            Field::Reporter => self.person(head.reporter),
            Field::Parent | Field::EpicLink => {
                let parent = head.parent.and_then(|id| self.world.slot(id));
                let fits =
                    |slot: &&Slot| field == Field::Parent || self.world.head(slot).kind == EPIC;
                let keys = |slot: &Slot| vec![self.world.key(slot), slot.id.to_string()];
                parent.filter(fits).map(keys).unwrap_or_default()
            }
            Field::Sprint => numbered(&head.sprints, |at| SPRINTS[at].0),
            Field::FixVersion => numbered(&head.versions, |at| VERSIONS[at]),
            Field::Priority => numbered(head.priority.as_slice(), |at| PRIORITIES[at]),
            Field::Area => numbered(head.area.as_slice(), |at| AREAS[at]),
            Field::Points => head.points.map(|points| points.to_string()).into_iter().collect(),
            Field::Project
            | Field::Key
            | Field::Updated
            | Field::Created
            | Field::Resolved
            | Field::Due
            | Field::Summary
            | Field::Description
            | Field::Text
            | Field::Comment
            | Field::Rank => Vec::new(),
        }
    }

    fn person(&self, at: Option<usize>) -> Vec<String> {
        let person = at.map(|at| self.world.people.get(at));
        let words = person.map(|p| vec![p.account_id.clone(), p.name.clone(), p.display.clone()]);
        words.unwrap_or_default()
    }

    /// The time a field has, as the search knows it.
    fn date(&self, field: Field) -> Option<i64> {
        match field {
            Field::Updated => Some(self.slot.indexed),
            Field::Created => Some(self.slot.created),
            Field::Resolved => self.head().resolved,
            Field::Project
            | Field::Key
            | Field::Due
            | Field::Status
            | Field::StatusCategory
            | Field::Type
            | Field::Labels
            | Field::Priority
            | Field::Assignee
            | Field::Reporter
            | Field::Summary
            | Field::Description
            | Field::Text
            | Field::Comment
            | Field::Parent
            | Field::EpicLink
            | Field::Sprint
            | Field::FixVersion
            | Field::Points
            | Field::Area
            | Field::Rank => None,
        }
    }

    fn text(&self, field: Field) -> String {
        let body = || texts(&self.world.body(self.slot)).join(" ");
        let comments = || {
            let comments = self.world.comments(self.slot);
            let all: Vec<String> = comments.iter().flat_map(|c| texts(&c.body)).collect();
            all.join(" ")
        };
        if field == Field::Summary {
            self.head().summary.clone()
        } else if field == Field::Description {
            body()
        } else if field == Field::Comment {
            comments()
        } else {
            [self.head().summary.clone(), body(), comments()].join(" ")
        }
    }

    /// How two issues stand to each other by one field.
    pub(crate) fn compare(&self, other: &Self, field: Field) -> Ordering {
        match field {
            Field::Key => self.place().cmp(&other.place()),
            Field::Project => self.slot.project.cmp(&other.slot.project),
            Field::Updated | Field::Created | Field::Resolved | Field::Due => {
                self.date(field).cmp(&other.date(field))
            }
            Field::Priority => self.head().priority.cmp(&other.head().priority),
            Field::Points => self.head().points.cmp(&other.head().points),
            Field::Summary | Field::Description | Field::Text | Field::Comment => {
                self.text(field).cmp(&other.text(field))
            }
            Field::Rank => self.slot.id.cmp(&other.slot.id),
            Field::Status
            | Field::StatusCategory
            | Field::Type
            | Field::Labels
            | Field::Assignee
            | Field::Reporter
            | Field::Parent
            | Field::EpicLink
            | Field::Sprint
            | Field::FixVersion
            | Field::Area => self.choices(field).cmp(&other.choices(field)),
        }
    }

    fn place(&self) -> (u16, u32) {
        (self.slot.project, self.slot.number)
    }
}

fn numbered(places: &[usize], name: impl Fn(usize) -> &'static str) -> Vec<String> {
    places.iter().flat_map(|at| [name(*at).to_owned(), (at + 1).to_string()]).collect()
}

/// The test of a clause; all that is wrong with its values otherwise.
pub(super) fn test<'a>(clause: &Clause, asked: &Asked<'a>) -> Result<Test<'a>, Vec<String>> {
    match clause {
        Clause::All(clauses) => {
            let tests = several(clauses, asked)?;
            Ok(Box::new(move |issue| tests.iter().all(|test| test(issue))))
        }
        Clause::Any(clauses) => {
            let tests = several(clauses, asked)?;
            Ok(Box::new(move |issue| tests.iter().any(|test| test(issue))))
        }
        Clause::Not(clause) => {
            let inner = test(clause, asked)?;
            Ok(Box::new(move |issue| !inner(issue)))
        }
        Clause::Term { field, operator, operand } => {
            term(*field, *operator, operand, asked).map_err(|message| vec![message])
        }
    }
}

fn several<'a>(clauses: &[Clause], asked: &Asked<'a>) -> Result<Vec<Test<'a>>, Vec<String>> {
    let mut tests = Vec::new();
    let mut wrong = Vec::new();
    for clause in clauses {
        match test(clause, asked) {
            Ok(test) => tests.push(test),
            Err(messages) => wrong.extend(messages),
        }
    }
    if wrong.is_empty() { Ok(tests) } else { Err(wrong) }
}

fn term<'a>(
    field: Field,
    operator: Operator,
    operand: &Operand,
    asked: &Asked<'a>,
) -> Result<Test<'a>, String> {
    let negates = operator.negates();
    let values = match operand {
        Operand::Empty => {
            return Ok(Box::new(move |issue| is_empty(issue, field) != negates));
        }
        Operand::One(value) => std::slice::from_ref(value),
        Operand::List(values) => values,
    };
    match field {
        Field::Project => {
            let projects = each(values, |value| project(value, asked))?;
            Ok(Box::new(move |issue| projects.contains(&issue.slot.project) != negates))
        }
        Field::Key => keys(operator, values, asked),
        Field::Updated | Field::Created | Field::Resolved | Field::Due => {
            let dates = each(values, |value| date(field, value, asked))?;
            let orders = operator.orders();
            Ok(Box::new(move |issue| {
                let Some(at) = issue.date(field) else { return false };
                match orders {
                    Some(fits) => dates.iter().all(|date| fits(at.cmp(date))),
                    None => dates.contains(&at) != negates,
                }
            }))
        }
        Field::Summary | Field::Description | Field::Text | Field::Comment => {
            let wanted = each(values, |value| Ok(text(value)?.to_lowercase()))?;
            Ok(Box::new(move |issue| {
                let held = issue.text(field).to_lowercase();
                let has = |words: &String| {
                    words.split_whitespace().all(|word| held.contains(word.trim_matches('*')))
                };
                wanted.iter().all(has) != negates
            }))
        }
        Field::Points | Field::Priority if operator.orders().is_some() => {
            Err(format!("This simulated Jira does not compare the '{}' field.", field.name()))
        }
        Field::Rank => Err("Rank cannot be searched for.".to_owned()),
        Field::Status
        | Field::StatusCategory
        | Field::Type
        | Field::Labels
        | Field::Priority
        | Field::Assignee
        | Field::Reporter
        | Field::Parent
        | Field::EpicLink
        | Field::Sprint
        | Field::FixVersion
        | Field::Points
        | Field::Area => {
            let wanted = each(values, |value| choice(field, value, asked))?;
            Ok(Box::new(move |issue| {
                let held = issue.choices(field);
                let same =
                    |one: &String| wanted.iter().any(|w| w.to_lowercase() == one.to_lowercase());
                // What is empty is neither equal nor unequal.
                !held.is_empty() && held.iter().any(same) != negates
            }))
        }
    }
}

fn each<T>(values: &[Value], read: impl Fn(&Value) -> Result<T, String>) -> Result<Vec<T>, String> {
    values.iter().map(read).collect()
}

fn text(value: &Value) -> Result<&str, String> {
    match value {
        Value::Text(text) | Value::Bare(text) => Ok(text),
        Value::Call(name) => Err(format!(
            "Unable to find JQL function '{name}()' for this field in this simulated Jira."
        )),
    }
}

fn is_empty(issue: &Candidate<'_>, field: Field) -> bool {
    match field {
        Field::Project | Field::Key | Field::Rank => false,
        Field::Updated | Field::Created | Field::Resolved | Field::Due => {
            issue.date(field).is_none()
        }
        Field::Summary | Field::Description | Field::Text | Field::Comment => {
            issue.text(field).trim().is_empty()
        }
        Field::Status
        | Field::StatusCategory
        | Field::Type
        | Field::Labels
        | Field::Priority
        | Field::Assignee
        | Field::Reporter
        | Field::Parent
        | Field::EpicLink
        | Field::Sprint
        | Field::FixVersion
        | Field::Points
        | Field::Area => issue.choices(field).is_empty(),
    }
}

fn project(value: &Value, asked: &Asked<'_>) -> Result<u16, String> {
    let word = text(value)?;
    asked
        .world
        .project_named(word)
        .ok_or_else(|| format!("The value '{word}' does not exist for the field 'project'."))
}

/// What there is no such thing of is an error for fields with fixed choices.
fn choice(field: Field, value: &Value, asked: &Asked<'_>) -> Result<String, String> {
    if let (Value::Call(name), Field::Assignee | Field::Reporter) = (value, field)
        && name == "currentuser"
    {
        return Ok(asked.world.people.get(0).account_id.clone());
    }
    let word = text(value)?;
    let same = |name: &&str| name.eq_ignore_ascii_case(word);
    let known = match field {
        Field::Status => STATUSES.iter().any(|s| same(&s.1) || s.0 == word),
        Field::StatusCategory => {
            CATEGORIES.iter().any(|c| same(&c.1) || same(&c.2) || c.0.to_string() == word)
        }
        Field::Type => KINDS.iter().any(|k| same(&k.1) || k.0 == word),
        Field::Priority => PRIORITIES.iter().any(same) || word.parse::<u8>().is_ok(),
        Field::Assignee | Field::Reporter => asked.world.people.find(word).is_some(),
        Field::Project
        | Field::Key
        | Field::Updated
        | Field::Created
        | Field::Resolved
        | Field::Due
        | Field::Labels
        | Field::Summary
        | Field::Description
        | Field::Text
        | Field::Comment
        | Field::Parent
        | Field::EpicLink
        | Field::Sprint
        | Field::FixVersion
        | Field::Points
        | Field::Area
        | Field::Rank => true,
    };
    if known {
        Ok(word.to_owned())
    } else {
        Err(format!("The value '{word}' does not exist for the field '{}'.", field.name()))
    }
}

fn keys<'a>(operator: Operator, values: &[Value], asked: &Asked<'a>) -> Result<Test<'a>, String> {
    let negates = operator.negates();
    if let Some(fits) = operator.orders() {
        let bounds = each(values, |value| bound(text(value)?, asked))?;
        return Ok(Box::new(move |issue| {
            bounds.iter().all(|bound| match bound {
                Bound::Id(id) => fits(issue.slot.id.cmp(id)),
                Bound::Number(project, number) => {
                    issue.slot.project == *project && fits(issue.slot.number.cmp(number))
                }
            })
        }));
    }
    let ids = each(values, |value| {
        let named = text(value)?;
        asked.world.find(named).map(|slot| slot.id).ok_or_else(|| missing(named))
    })?;
    Ok(Box::new(move |issue| ids.contains(&issue.slot.id) != negates))
}

/// Where a keyset begins or ends.
enum Bound {
    Id(u64),
    Number(u16, u32),
}

fn bound(word: &str, asked: &Asked<'_>) -> Result<Bound, String> {
    if asked.strict_keys && asked.world.find(word).is_none() {
        return Err(missing(word));
    }
    if let Ok(id) = word.parse() {
        return Ok(Bound::Id(id));
    }
    let (project, number) = asked.world.split_key(word).ok_or_else(|| missing(word))?;
    Ok(Bound::Number(project, number))
}

fn missing(word: &str) -> String {
    if word.bytes().all(|b| b.is_ascii_digit()) {
        return format!("A value with ID '{word}' does not exist for the field 'key'.");
    }
    match word.rsplit_once('-') {
        Some((_, number)) if number.parse::<u32>().is_ok() => {
            format!("An issue with key '{word}' does not exist for field 'key'.")
        }
        Some(_) | None => format!("The issue key '{word}' for field 'key' is invalid."),
    }
}

/// Reads a time: milliseconds since the epoch, a date in the account's zone, or a distance.
fn date(field: Field, value: &Value, asked: &Asked<'_>) -> Result<i64, String> {
    let wrong = |word: &str| {
        format!(
            "Date value '{word}' for field '{}' is invalid. Valid formats include: \
             'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period \
             format e.g. '-5d', '4w 2d'.",
            field.name()
        )
    };
    match value {
        Value::Call(name) => match name.as_str() {
            "now" => Ok(asked.now),
            "startofday" => Ok(asked.zone.day_start(asked.now)),
            _ => Err(format!("Unable to find JQL function '{name}()'.")),
        },
        Value::Bare(word) => match word.parse::<i64>() {
            Ok(ms) if ms >= 0 => Ok(ms),
            Ok(_) | Err(_) => {
                let read = asked.zone.read(word).or_else(|| distance(word, asked.now));
                read.ok_or_else(|| wrong(word))
            }
        },
        Value::Text(word) => {
            let read = asked.zone.read(word).or_else(|| distance(word, asked.now));
            read.ok_or_else(|| wrong(word))
        }
    }
}

/// `-90m`, `4w 2d`: minutes unless a unit is named.
fn distance(text: &str, now: i64) -> Option<i64> {
    let (sign, rest) = match text.trim().strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.trim().trim_start_matches('+')),
    };
    let mut minutes = 0_i64;
    for part in rest.split_whitespace() {
        let unit = part.chars().next_back()?;
        let (number, length) = match unit {
            'm' => (part.trim_end_matches('m'), 1),
            'h' => (part.trim_end_matches('h'), 60),
            'd' => (part.trim_end_matches('d'), 1_440),
            'w' => (part.trim_end_matches('w'), 10_080),
            _ => return None,
        };
        minutes += number.parse::<u32>().ok().map(i64::from)? * length;
    }
    (!rest.is_empty()).then(|| now + sign * minutes * 60_000)
}
