//! The grammar of flat queries, and what it refuses.

use super::Wrong;
use super::lex::Token;
use crate::ado::field::Field;

/// A query, understood.
#[derive(Debug, PartialEq)]
pub(crate) struct Query {
    pub(crate) columns: Vec<Field>,
    pub(crate) condition: Option<Condition>,
    /// With whether it is descending.
    pub(crate) order: Vec<(Field, bool)>,
}

/// What must hold.
#[derive(Debug, PartialEq)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare { field: Field, sign: Compare, value: Operand },
    In { field: Field, values: Vec<Operand> },
    Contains { field: Field, text: String },
    Under { field: Field, path: Operand },
    Empty { field: Field },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    Different,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// What a field is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operand {
    Text(String),
    Number(i64),
    Project,
    Me,
    /// With the days added to it.
    Today(i64),
    Bool(bool),
}

type Parsed<T> = Result<T, Wrong>;

/// Understands a query.
pub(crate) fn query(tokens: &[Token]) -> Parsed<Query> {
    let mut parser = Parser { tokens, at: 0 };
    parser.query()
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
}

impl Parser<'_> {
    fn query(&mut self) -> Parsed<Query> {
        if !self.takes("select") {
            return Err(self.wrong("TF51001: The query statement is missing a SELECT clause."));
        }
        let mut columns = vec![self.field()?];
        while self.takes_sign(",") {
            columns.push(self.field()?);
        }
        if !self.takes("from") {
            return Err(self.wrong("TF51006: The query statement is missing a FROM clause."));
        }
        match self.word().as_deref() {
            Some("workitems" | "issue") => {}
            Some("workitemlinks") => {
                return Err(self.wrong("Queries of links are not served by this simulation."));
            }
            _ => return Err(self.wrong("TF51007: Expecting WorkItems or WorkItemLinks.")),
        }
        let condition = if self.takes("where") { Some(self.any()?) } else { None };
        let mut order = Vec::new();
        if self.takes("order") {
            if !self.takes("by") {
                return Err(self.wrong("Expecting BY."));
            }
            order.push(self.ordering()?);
            while self.takes_sign(",") {
                order.push(self.ordering()?);
            }
        }
        if self.at < self.tokens.len() {
            return Err(self.wrong("Expecting end of string."));
        }
        Ok(Query { columns, condition, order })
    }

    fn ordering(&mut self) -> Parsed<(Field, bool)> {
        let field = self.field()?;
        let descending = self.takes("desc");
        if !descending {
            self.takes("asc");
        }
        Ok((field, descending))
    }

    fn any(&mut self) -> Parsed<Condition> {
        let mut parts = vec![self.all()?];
        while self.takes("or") {
            parts.push(self.all()?);
        }
        Ok(one(parts, Condition::Any))
    }

    fn all(&mut self) -> Parsed<Condition> {
        let mut parts = vec![self.single()?];
        while self.takes("and") {
            parts.push(self.single()?);
        }
        Ok(one(parts, Condition::All))
    }

    fn single(&mut self) -> Parsed<Condition> {
        if self.takes("not") {
            return Ok(Condition::Not(Box::new(self.single()?)));
        }
        if self.takes_sign("(") {
            let inner = self.any()?;
            self.sign(")")?;
            return Ok(inner);
        }
        let field = self.field()?;
        if self.takes("is") {
            let not = self.takes("not");
            if !self.takes("empty") {
                return Err(self.wrong("Expecting EMPTY."));
            }
            return Ok(negated(not, Condition::Empty { field }));
        }
        let not = self.takes("not");
        if self.takes("in") {
            return Ok(negated(not, self.values(field)?));
        }
        if self.takes("contains") {
            self.takes("words");
            let Operand::Text(text) = self.operand()? else {
                return Err(self.wrong("Expecting a string."));
            };
            return Ok(negated(not, Condition::Contains { field, text }));
        }
        if self.takes("under") {
            let path = self.operand()?;
            return Ok(negated(not, Condition::Under { field, path }));
        }
        if not {
            return Err(self.wrong("Expecting a comparison operator."));
        }
        let sign = self.compare()?;
        Ok(Condition::Compare { field, sign, value: self.operand()? })
    }

    fn values(&mut self, field: Field) -> Parsed<Condition> {
        self.sign("(")?;
        let mut values = vec![self.operand()?];
        while self.takes_sign(",") {
            values.push(self.operand()?);
        }
        self.sign(")")?;
        Ok(Condition::In { field, values })
    }

    fn compare(&mut self) -> Parsed<Compare> {
        let known = [
            ("=", Compare::Equal),
            ("<>", Compare::Different),
            ("<=", Compare::AtMost),
            (">=", Compare::AtLeast),
            ("<", Compare::Less),
            (">", Compare::More),
        ];
        let found = known.iter().find(|(sign, _)| self.takes_sign(sign));
        found
            .map(|(_, compare)| *compare)
            .ok_or_else(|| self.wrong("Expecting a comparison operator."))
    }

    fn operand(&mut self) -> Parsed<Operand> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        match token {
            Some(Token::Text(text)) => Ok(Operand::Text(text)),
            Some(Token::Number(number)) => Ok(Operand::Number(number)),
            Some(Token::Sign("-")) => match self.operand()? {
                Operand::Number(number) => Ok(Operand::Number(-number)),
                Operand::Text(_)
                | Operand::Project
                | Operand::Me
                | Operand::Today(_)
                | Operand::Bool(_) => Err(self.wrong("Expecting a number.")),
            },
            Some(Token::Macro(name)) => match name.as_str() {
                "project" => Ok(Operand::Project),
                "me" => Ok(Operand::Me),
                "today" | "startofday" => self.days().map(Operand::Today),
                _ => {
                    self.at -= 1;
                    Err(self.wrong("TF51005: The query references a macro that does not exist."))
                }
            },
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("true") => Ok(Operand::Bool(true)),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("false") => {
                Ok(Operand::Bool(false))
            }
            Some(Token::Word(_) | Token::Field(_) | Token::Sign(_)) | None => {
                self.at -= 1;
                Err(self.wrong("Expecting a value."))
            }
        }
    }

    /// What follows `@today`.
    fn days(&mut self) -> Parsed<i64> {
        let sign = if self.takes_sign("-") {
            -1
        } else if self.takes_sign("+") {
            1
        } else {
            return Ok(0);
        };
        match self.operand()? {
            Operand::Number(days) => Ok(sign * days),
            Operand::Text(_)
            | Operand::Project
            | Operand::Me
            | Operand::Today(_)
            | Operand::Bool(_) => Err(self.wrong("Expecting a number.")),
        }
    }

    /// The field of a name in brackets or without.
    fn field(&mut self) -> Parsed<Field> {
        let name = match self.tokens.get(self.at) {
            Some(Token::Field(name) | Token::Word(name)) => name.clone(),
            Some(Token::Text(_) | Token::Number(_) | Token::Macro(_) | Token::Sign(_)) | None => {
                return Err(self.wrong("Expecting a field name."));
            }
        };
        self.at += 1;
        let unknown = "TF51005: The query references a field that does not exist.";
        Field::named(&name).ok_or_else(|| Wrong::Syntax(unknown, format!("[{name}]")))
    }

    fn word(&mut self) -> Option<String> {
        let Some(Token::Word(word)) = self.tokens.get(self.at) else { return None };
        self.at += 1;
        Some(word.to_ascii_lowercase())
    }

    fn takes(&mut self, wanted: &str) -> bool {
        let here = matches!(self.tokens.get(self.at), Some(Token::Word(w)) if w.eq_ignore_ascii_case(wanted));
        self.at += usize::from(here);
        here
    }

    fn takes_sign(&mut self, wanted: &str) -> bool {
        let here = matches!(self.tokens.get(self.at), Some(Token::Sign(sign)) if *sign == wanted);
        self.at += usize::from(here);
        here
    }

    fn sign(&mut self, wanted: &'static str) -> Parsed<()> {
        if self.takes_sign(wanted) {
            return Ok(());
        }
        Err(self.wrong("The parentheses do not match."))
    }

    /// What is wrong, with the word at which it is.
    fn wrong(&self, message: &'static str) -> Wrong {
        let cause = match self.tokens.get(self.at) {
            None => String::new(),
            Some(Token::Word(text) | Token::Text(text)) => text.clone(),
            Some(Token::Field(name)) => format!("[{name}]"),
            Some(Token::Number(number)) => number.to_string(),
            Some(Token::Macro(name)) => format!("@{name}"),
            Some(Token::Sign(sign)) => (*sign).to_owned(),
        };
        Wrong::Syntax(message, cause)
    }
}

fn one(mut parts: Vec<Condition>, several: fn(Vec<Condition>) -> Condition) -> Condition {
    if parts.len() > 1 { several(parts) } else { parts.remove(0) }
}

fn negated(not: bool, condition: Condition) -> Condition {
    if not { Condition::Not(Box::new(condition)) } else { condition }
}
