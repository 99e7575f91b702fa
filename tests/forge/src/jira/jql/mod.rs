//! Jira's query language: enough of it, and strict about the rest.

mod fields;
mod judge;
mod lex;
mod parse;
mod reserved;

pub(crate) use fields::Field;
pub(crate) use judge::{Asked, Candidate, Test};

/// A query as it was read.
#[derive(Debug)]
pub(crate) struct Query {
    clause: Option<Clause>,
    /// Fields to sort by, and whether from the last to the first.
    pub(crate) order: Vec<(Field, bool)>,
}

/// What must hold.
#[derive(Debug)]
enum Clause {
    All(Vec<Clause>),
    Any(Vec<Clause>),
    Not(Box<Clause>),
    Term { field: Field, operator: Operator, operand: Operand },
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    Unequal,
    Above,
    AtLeast,
    Below,
    AtMost,
    Like,
    Unlike,
    In,
    NotIn,
    Is,
    IsNot,
}

impl Operator {
    fn signed(sign: &str) -> Self {
        match sign {
            "=" => Operator::Equal,
            "!=" => Operator::Unequal,
            ">" => Operator::Above,
            ">=" => Operator::AtLeast,
            "<" => Operator::Below,
            "<=" => Operator::AtMost,
            "~" => Operator::Like,
            _ => Operator::Unlike,
        }
    }

    fn shown(self) -> &'static str {
        match self {
            Operator::Equal => "=",
            Operator::Unequal => "!=",
            Operator::Above => ">",
            Operator::AtLeast => ">=",
            Operator::Below => "<",
            Operator::AtMost => "<=",
            Operator::Like => "~",
            Operator::Unlike => "!~",
            Operator::In => "in",
            Operator::NotIn => "not in",
            Operator::Is => "is",
            Operator::IsNot => "is not",
        }
    }

    /// Whether it asks for the opposite.
    fn negates(self) -> bool {
        match self {
            Operator::Unequal | Operator::Unlike | Operator::NotIn | Operator::IsNot => true,
            Operator::Equal
            | Operator::Above
            | Operator::AtLeast
            | Operator::Below
            | Operator::AtMost
            | Operator::Like
            | Operator::In
            | Operator::Is => false,
        }
    }

    /// Whether it asks for more or less, and how the two sides must stand to each other.
    fn orders(self) -> Option<fn(std::cmp::Ordering) -> bool> {
        match self {
            Operator::Above => Some(std::cmp::Ordering::is_gt),
            Operator::AtLeast => Some(std::cmp::Ordering::is_ge),
            Operator::Below => Some(std::cmp::Ordering::is_lt),
            Operator::AtMost => Some(std::cmp::Ordering::is_le),
            Operator::Equal
            | Operator::Unequal
            | Operator::Like
            | Operator::Unlike
            | Operator::In
            | Operator::NotIn
            | Operator::Is
            | Operator::IsNot => None,
        }
    }
}

/// What a field is compared with.
#[derive(Debug)]
enum Operand {
    One(Value),
    List(Vec<Value>),
    Empty,
}

/// One value.
#[derive(Debug)]
enum Value {
    /// In quotes.
    Text(String),
    Bare(String),
    /// A function without arguments, in small letters.
    Call(String),
}

impl Query {
    /// Reads a query; the words Jira has for what is wrong with it.
    pub(crate) fn read(text: &str) -> Result<Query, String> {
        parse::query(text)
    }

    /// Whether anything is asked for at all: `search/jql` insists on it.
    pub(crate) fn is_bounded(&self) -> bool {
        self.clause.is_some()
    }

    /// The test an issue must pass; all that is wrong with the values otherwise.
    pub(crate) fn test<'a>(&self, asked: &Asked<'a>) -> Result<Test<'a>, Vec<String>> {
        match &self.clause {
            None => Ok(Box::new(|_| true)),
            Some(clause) => judge::test(clause, asked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let wrong = |text: &str| Query::read(text).unwrap_err();
        for (query, words) in [
            ("project = ", "before the end of the query"),
            ("project = SET", "You must surround 'SET' in quotation marks"),
            ("project in (PAY, Input)", "You must surround 'Input' in quotation marks"),
            ("project = PAY AND", "Expecting a field name before the end of the query."),
            ("project = PAY updated > 1", "Expecting either 'OR' or 'AND' but got 'updated'"),
            ("project = \"PAY", "has not been completed"),
            ("project = PAY & 1", "The character '&' is a reserved JQL character"),
            ("colour = red", "Field 'colour' does not exist"),
            ("(project = PAY", "Expecting ')' before the end of the query."),
            ("project > PAY", "The operator '>' is not supported by the 'project' field."),
            ("project = PAY order by labels2", "Field 'labels2' does not exist"),
            ("project = PAY order updated", "Expecting 'by' but got 'updated'"),
            ("status was Done", "does not know the operator 'was'"),
        ] {
            assert!(wrong(query).contains(words), "{query}: {}", wrong(query));
        }
        let many = ["key"; 8].join(", ");
        assert!(wrong(&format!("project = PAY order by {many}")).contains("more than 7"));
    }

    #[test]
    fn only_a_restriction_bounds_a_query() {
        let bounded = |text: &str| Query::read(text).unwrap().is_bounded();
        assert!(!bounded("") && !bounded("order by key desc"));
        assert!(bounded("NOT (labels in (a, 'b c') or cf[10016] is EMPTY) ORDER BY updated, key"));
    }
}
