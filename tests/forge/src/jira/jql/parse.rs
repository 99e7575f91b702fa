//! JQL's grammar: as much of it as a tracker's importer may send, and an error for the rest.

use super::lex::{Kind, Word, words};
use super::reserved::is_reserved;
use super::{Clause, Field, Operand, Operator, Query, Value};

/// Reads a query.
pub(super) fn query(text: &str) -> Result<Query, String> {
    let mut parser = Parser { words: words(text)?, next: 0 };
    let clause = if parser.words.is_empty() || parser.is_word("order") {
        None
    } else {
        Some(parser.any(0)?)
    };
    let order = parser.order()?;
    match parser.peek() {
        None => Ok(Query { clause, order }),
        Some(word) => Err(format!(
            "Error in the JQL Query: Expecting either 'OR' or 'AND' but got {}. {}",
            shown(word),
            place(word)
        )),
    }
}

struct Parser {
    words: Vec<Word>,
    next: usize,
}

fn shown(word: &Word) -> String {
    match &word.kind {
        Kind::Bare(text) | Kind::Quoted(text) => format!("'{text}'"),
        Kind::Sign(sign) => format!("'{sign}'"),
        Kind::Open => "'('".to_owned(),
        Kind::Close => "')'".to_owned(),
        Kind::Comma => "','".to_owned(),
        Kind::Bracket(bracket) => format!("'{bracket}'"),
    }
}

fn place(word: &Word) -> String {
    format!("(line 1, character {})", word.at)
}

impl Parser {
    fn peek(&self) -> Option<&Word> {
        self.words.get(self.next)
    }

    fn take(&mut self) -> Option<Word> {
        let word = self.peek().cloned();
        self.next += 1;
        word
    }

    fn is_word(&self, wanted: &str) -> bool {
        let word = self.peek().map(|word| &word.kind);
        matches!(word, Some(Kind::Bare(text)) if text.eq_ignore_ascii_case(wanted))
    }

    fn skip_word(&mut self, wanted: &str) -> bool {
        let found = self.is_word(wanted);
        self.next += usize::from(found);
        found
    }

    fn skip(&mut self, wanted: &Kind) -> bool {
        let found = self.peek().is_some_and(|word| word.kind == *wanted);
        self.next += usize::from(found);
        found
    }

    fn expecting(&self, what: &str) -> String {
        match self.peek() {
            Some(word) => format!(
                "Error in the JQL Query: Expecting {what} but got {}. {}",
                shown(word),
                place(word)
            ),
            None => {
                format!("Error in the JQL Query: Expecting {what} before the end of the query.")
            }
        }
    }

    fn any(&mut self, depth: usize) -> Result<Clause, String> {
        let mut clauses = vec![self.all(depth)?];
        while self.skip_word("or") {
            clauses.push(self.all(depth)?);
        }
        Ok(if clauses.len() == 1 { clauses.remove(0) } else { Clause::Any(clauses) })
    }

    fn all(&mut self, depth: usize) -> Result<Clause, String> {
        let mut clauses = vec![self.one(depth)?];
        while self.skip_word("and") {
            clauses.push(self.one(depth)?);
        }
        Ok(if clauses.len() == 1 { clauses.remove(0) } else { Clause::All(clauses) })
    }

    fn one(&mut self, depth: usize) -> Result<Clause, String> {
        if depth > 100 {
            return Err("Error in the JQL Query: it is nested too deeply.".to_owned());
        }
        if self.skip_word("not") {
            return Ok(Clause::Not(Box::new(self.one(depth + 1)?)));
        }
        if self.skip(&Kind::Open) {
            let clause = self.any(depth + 1)?;
            return if self.skip(&Kind::Close) { Ok(clause) } else { Err(self.expecting("')'")) };
        }
        let field = self.field()?;
        let operator = self.operator(field)?;
        let operand = self.operand(operator)?;
        Ok(Clause::Term { field, operator, operand })
    }

    fn field(&mut self) -> Result<Field, String> {
        let what = "a field name";
        let name = match self.peek().map(|word| word.kind.clone()) {
            Some(Kind::Bare(text)) if text.eq_ignore_ascii_case("cf") => {
                self.next += 1;
                return self.numbered();
            }
            Some(Kind::Bare(text)) if is_reserved(&text) => {
                return Err(self.expecting(what));
            }
            Some(Kind::Bare(text) | Kind::Quoted(text)) => text,
            _ => return Err(self.expecting(what)),
        };
        self.next += 1;
        Field::named(&name).ok_or_else(|| {
            format!("Field '{name}' does not exist or you do not have permission to view it.")
        })
    }

    /// The rest of `cf[10020]`.
    fn numbered(&mut self) -> Result<Field, String> {
        let what = "the id of a custom field in brackets";
        if !self.skip(&Kind::Bracket('[')) {
            return Err(self.expecting(what));
        }
        let Some(Kind::Bare(id)) = self.peek().map(|word| word.kind.clone()) else {
            return Err(self.expecting(what));
        };
        self.next += 1;
        if !self.skip(&Kind::Bracket(']')) {
            return Err(self.expecting(what));
        }
        Field::named(&format!("customfield_{id}")).ok_or_else(|| {
            format!("Field 'cf[{id}]' does not exist or you do not have permission to view it.")
        })
    }

    fn operator(&mut self, field: Field) -> Result<Operator, String> {
        let what = "operator but got the end of the query or something else; the valid operators \
                    are '=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and \
                    'IS NOT'";
        let operator = match self.peek().map(|word| word.kind.clone()) {
            Some(Kind::Sign(sign)) => {
                self.next += 1;
                Operator::signed(sign)
            }
            Some(Kind::Bare(_)) if self.skip_word("in") => Operator::In,
            Some(Kind::Bare(_)) if self.skip_word("is") => {
                if self.skip_word("not") {
                    Operator::IsNot
                } else {
                    Operator::Is
                }
            }
            Some(Kind::Bare(_)) if self.is_word("not") => {
                self.next += 1;
                if !self.skip_word("in") {
                    return Err(self.expecting("'IN'"));
                }
                Operator::NotIn
            }
            Some(Kind::Bare(word))
                if ["was", "changed"].contains(&word.to_lowercase().as_str()) =>
            {
                return Err(format!("This simulated Jira does not know the operator '{word}'."));
            }
            _ => return Err(self.expecting(what)),
        };
        if field.takes(operator) {
            Ok(operator)
        } else {
            Err(format!(
                "The operator '{}' is not supported by the '{}' field.",
                operator.shown(),
                field.name()
            ))
        }
    }

    fn operand(&mut self, operator: Operator) -> Result<Operand, String> {
        match operator {
            Operator::Is | Operator::IsNot => {
                if self.skip_word("empty") || self.skip_word("null") {
                    Ok(Operand::Empty)
                } else {
                    Err(self.expecting("either 'EMPTY' or 'NULL'"))
                }
            }
            Operator::In | Operator::NotIn => {
                if !self.skip(&Kind::Open) {
                    return Err(self.expecting("'('"));
                }
                let mut values = vec![self.value()?];
                while self.skip(&Kind::Comma) {
                    values.push(self.value()?);
                }
                let closed = self.skip(&Kind::Close);
                if closed { Ok(Operand::List(values)) } else { Err(self.expecting("')' or ','")) }
            }
            Operator::Equal
            | Operator::Unequal
            | Operator::Above
            | Operator::AtLeast
            | Operator::Below
            | Operator::AtMost
            | Operator::Like
            | Operator::Unlike => {
                if self.skip_word("empty") || self.skip_word("null") {
                    return Ok(Operand::Empty);
                }
                Ok(Operand::One(self.value()?))
            }
        }
    }

    fn value(&mut self) -> Result<Value, String> {
        let Some(word) = self.take() else {
            self.next -= 1;
            return Err(self.expecting("either a value, list or function"));
        };
        let text = match word.kind {
            Kind::Quoted(text) => return Ok(Value::Text(text)),
            Kind::Bare(text) => text,
            Kind::Sign(_) | Kind::Open | Kind::Close | Kind::Comma | Kind::Bracket(_) => {
                self.next -= 1;
                return Err(self.expecting("either a value, list or function"));
            }
        };
        if is_reserved(&text) {
            return Err(format!(
                "Error in the JQL Query: Expecting either a value, list or function but got \
                 '{text}'. You must surround '{text}' in quotation marks to use it as a value. \
                 (line 1, character {})",
                word.at
            ));
        }
        if self.skip(&Kind::Open) {
            if !self.skip(&Kind::Close) {
                return Err(self.expecting("')'"));
            }
            return Ok(Value::Call(text.to_lowercase()));
        }
        Ok(Value::Bare(text))
    }

    fn order(&mut self) -> Result<Vec<(Field, bool)>, String> {
        if !self.skip_word("order") {
            return Ok(Vec::new());
        }
        if !self.skip_word("by") {
            return Err(self.expecting("'by'"));
        }
        let mut order = Vec::new();
        loop {
            let field = self.field()?;
            if !field.sorts() {
                return Err(format!("Not able to sort using field '{}'.", field.name()));
            }
            let descending = self.skip_word("desc");
            if !descending {
                self.skip_word("asc");
            }
            order.push((field, descending));
            if !self.skip(&Kind::Comma) {
                break;
            }
        }
        if order.len() > 7 {
            return Err(
                "The JQL query must not have more than 7 fields in its ORDER BY.".to_owned()
            );
        }
        Ok(order)
    }
}
