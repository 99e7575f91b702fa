//! Whether a condition holds for a work item.

use super::Wrong;
use super::parse::{Compare, Condition, Operand};
use crate::ado::field::{Cell, Field, FieldType};
use crate::ado::world::Snapshot;

const DAY: i64 = 86_400_000;

/// What a query is asked in.
pub(crate) struct Context<'a> {
    pub(crate) project: Option<&'a str>,
    pub(crate) me: &'a str,
    pub(crate) now_ms: i64,
    /// Whether dates may have times.
    pub(crate) precise: bool,
}

/// A condition with everything said that its context says.
pub(crate) enum Ready {
    All(Vec<Ready>),
    Any(Vec<Ready>),
    Not(Box<Ready>),
    Compare(Field, Compare, Value),
    In(Field, Vec<Value>),
    Contains(Field, String),
    Under(Field, String),
    Empty(Field),
}

/// What a field is compared with; texts in small letters.
pub(crate) enum Value {
    Number(i64),
    Text(String),
    /// Milliseconds, and how many of them are one moment: a day, without precision.
    Date(i64, i64),
    Bool(bool),
}

impl Context<'_> {
    /// Makes a condition ready.
    pub(crate) fn ready(&self, condition: &Condition) -> Result<Ready, Wrong> {
        let several = |parts: &[Condition]| -> Result<Vec<Ready>, Wrong> {
            parts.iter().map(|part| self.ready(part)).collect()
        };
        Ok(match condition {
            Condition::All(parts) => Ready::All(several(parts)?),
            Condition::Any(parts) => Ready::Any(several(parts)?),
            Condition::Not(inner) => Ready::Not(Box::new(self.ready(inner)?)),
            Condition::Compare { field, sign, value } => {
                Ready::Compare(*field, *sign, self.value(*field, *sign, value)?)
            }
            Condition::In { field, values } => {
                let values = values.iter().map(|value| self.value(*field, Compare::Equal, value));
                Ready::In(*field, values.collect::<Result<_, _>>()?)
            }
            Condition::Contains { field, text } => Ready::Contains(*field, text.to_lowercase()),
            Condition::Under { field, path } => {
                if field.kind() != FieldType::TreePath {
                    let text = "The operator UNDER can be used with tree path fields only.";
                    return Err(Wrong::Syntax(text, format!("[{}]", field.reference())));
                }
                match self.value(*field, Compare::Equal, path)? {
                    Value::Text(path) => Ready::Under(*field, path),
                    Value::Number(_) | Value::Date(..) | Value::Bool(_) => {
                        return Err(Wrong::Syntax("Expecting a string.", String::new()));
                    }
                }
            }
            Condition::Empty { field } => Ready::Empty(*field),
        })
    }

    fn value(&self, field: Field, sign: Compare, operand: &Operand) -> Result<Value, Wrong> {
        let wrong = |message| Err(Wrong::Syntax(message, format!("[{}]", field.reference())));
        match (field.kind(), operand) {
            (_, Operand::Project) => match self.project {
                Some(project) => Ok(Value::Text(project.to_lowercase())),
                None => wrong("The macro @project is not supported without team project context."),
            },
            (_, Operand::Me) => Ok(Value::Text(self.me.to_lowercase())),
            (FieldType::DateTime, Operand::Today(days)) => {
                Ok(Value::Date(self.now_ms.div_euclid(DAY) * DAY + days * DAY, DAY))
            }
            (FieldType::DateTime, Operand::Text(text)) => self.date(field, sign, text),
            (FieldType::DateTime, _) => wrong("The value is not a date."),
            (FieldType::Integer, Operand::Number(number)) => Ok(Value::Number(*number)),
            (FieldType::Integer, Operand::Text(text)) => match text.trim().parse() {
                Ok(number) => Ok(Value::Number(number)),
                Err(_) => wrong("The value is not a number."),
            },
            (FieldType::Boolean, Operand::Bool(yes)) => Ok(Value::Bool(*yes)),
            (FieldType::Integer | FieldType::Boolean, _)
            | (_, Operand::Today(_) | Operand::Bool(_)) => {
                wrong("The value does not have the type of the field.")
            }
            (_, Operand::Text(text)) => Ok(Value::Text(text.to_lowercase())),
            (_, Operand::Number(number)) => Ok(Value::Text(number.to_string())),
        }
    }

    /// A date; a time with it is refused unless the query is precise.
    fn date(&self, field: Field, sign: Compare, text: &str) -> Result<Value, Wrong> {
        let day = jiff::civil::Date::strptime("%Y-%m-%d", text);
        let day = day.or_else(|_| jiff::civil::Date::strptime("%m/%d/%Y", text));
        if let Ok(day) = day
            && let Ok(zoned) = day.to_zoned(jiff::tz::TimeZone::UTC)
        {
            let length = if self.precise { 1 } else { DAY };
            return Ok(Value::Date(zoned.timestamp().as_millisecond(), length));
        }
        let cause = format!("[{}] {} '{text}'", field.reference(), sign.text());
        let Ok(time) = text.parse::<jiff::Timestamp>() else {
            return Err(Wrong::Syntax("The date is not valid.", cause));
        };
        if !self.precise {
            return Err(Wrong::TimeWithDates(cause));
        }
        Ok(Value::Date(time.as_millisecond(), 1))
    }
}

impl Compare {
    fn text(self) -> &'static str {
        match self {
            Compare::Equal => "=",
            Compare::Different => "<>",
            Compare::Less => "<",
            Compare::AtMost => "<=",
            Compare::More => ">",
            Compare::AtLeast => ">=",
        }
    }

    fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Compare::Equal => ordering.is_eq(),
            Compare::Different => ordering.is_ne(),
            Compare::Less => ordering.is_lt(),
            Compare::AtMost => ordering.is_le(),
            Compare::More => ordering.is_gt(),
            Compare::AtLeast => ordering.is_ge(),
        }
    }
}

impl Ready {
    pub(crate) fn holds(&self, now: &Snapshot<'_>) -> bool {
        match self {
            Ready::All(parts) => parts.iter().all(|part| part.holds(now)),
            Ready::Any(parts) => parts.iter().any(|part| part.holds(now)),
            Ready::Not(inner) => !inner.holds(now),
            Ready::Compare(field, sign, value) => {
                let cell = now.cell(*field);
                // Of tags, one is enough.
                if let (Field::Tags, Value::Text(wanted)) = (field, value) {
                    let has = now.tags().split("; ").any(|tag| tag.to_lowercase() == *wanted);
                    return has == (*sign == Compare::Equal);
                }
                if let Some(ordering) = order(&cell, value, now) {
                    return sign.holds(ordering);
                }
                // An empty field differs from everything but an empty text.
                let empty = matches!(value, Value::Text(text) if text.is_empty());
                match sign {
                    Compare::Equal => empty,
                    Compare::Different => !empty,
                    Compare::Less | Compare::AtMost | Compare::More | Compare::AtLeast => false,
                }
            }
            Ready::In(field, values) => {
                let cell = now.cell(*field);
                let equal = |value| order(&cell, value, now).is_some_and(std::cmp::Ordering::is_eq);
                values.iter().any(equal)
            }
            Ready::Contains(field, text) => words(&now.cell(*field), now).contains(text.as_str()),
            Ready::Under(field, path) => {
                let here = words(&now.cell(*field), now);
                here == *path
                    || here.strip_prefix(path.as_str()).is_some_and(|r| r.starts_with('\\'))
            }
            Ready::Empty(field) => now.cell(*field) == Cell::Empty,
        }
    }

    /// The ids from the first that can fit to the last: what a window of ids leaves out need not
    /// be looked at.
    pub(crate) fn ids(&self) -> (i64, i64) {
        (self.least_id(), self.greatest_id())
    }

    fn greatest_id(&self) -> i64 {
        match self {
            Ready::Compare(Field::Id, Compare::Less, Value::Number(id)) => id.saturating_sub(1),
            Ready::Compare(Field::Id, Compare::AtMost | Compare::Equal, Value::Number(id)) => *id,
            Ready::All(parts) => parts.iter().map(Ready::greatest_id).min().unwrap_or(i64::MAX),
            Ready::Compare(..)
            | Ready::Any(_)
            | Ready::Not(_)
            | Ready::In(..)
            | Ready::Contains(..)
            | Ready::Under(..)
            | Ready::Empty(_) => i64::MAX,
        }
    }

    fn least_id(&self) -> i64 {
        match self {
            Ready::Compare(Field::Id, Compare::More, Value::Number(id)) => id.saturating_add(1),
            Ready::Compare(Field::Id, Compare::AtLeast | Compare::Equal, Value::Number(id)) => *id,
            Ready::All(parts) => parts.iter().map(Ready::least_id).max().unwrap_or(0),
            Ready::Compare(..)
            | Ready::Any(_)
            | Ready::Not(_)
            | Ready::In(..)
            | Ready::Contains(..)
            | Ready::Under(..)
            | Ready::Empty(_) => 0,
        }
    }
}

/// What a field holds as a text in small letters.
fn words(cell: &Cell<'_>, now: &Snapshot<'_>) -> String {
    match cell {
        Cell::Text(text) => text.to_lowercase(),
        Cell::Person(at) => now.organisation.people[usize::from(*at)].name.to_lowercase(),
        Cell::Number(number) => number.to_string(),
        Cell::Empty | Cell::Date(_) | Cell::Bool(_) => String::new(),
    }
}

/// How what a field holds stands to a value; `None` when it is empty.
fn order(cell: &Cell<'_>, value: &Value, now: &Snapshot<'_>) -> Option<std::cmp::Ordering> {
    match (cell, value) {
        (Cell::Number(number), Value::Number(other)) => Some(number.cmp(other)),
        (Cell::Date(ms), Value::Date(other, length)) => {
            Some(ms.div_euclid(*length).cmp(&other.div_euclid(*length)))
        }
        (Cell::Bool(yes), Value::Bool(other)) => Some(yes.cmp(other)),
        (Cell::Person(at), Value::Text(text)) => {
            let person = &now.organisation.people[usize::from(*at)];
            // A person is known by name and by mail.
            if person.unique.eq_ignore_ascii_case(text) {
                return Some(std::cmp::Ordering::Equal);
            }
            Some(person.name.to_lowercase().as_str().cmp(text))
        }
        (Cell::Text(own), Value::Text(text)) => Some(own.to_lowercase().as_str().cmp(text)),
        (
            Cell::Empty
            | Cell::Number(_)
            | Cell::Date(_)
            | Cell::Bool(_)
            | Cell::Person(_)
            | Cell::Text(_),
            Value::Number(_) | Value::Date(..) | Value::Bool(_) | Value::Text(_),
        ) => None,
    }
}
