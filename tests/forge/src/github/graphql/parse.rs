//! Reading a GraphQL document: one query, its variables' names, and named fragments.

use std::collections::BTreeMap;

use serde_json::Value;

/// A document that was read.
#[derive(Debug, Default)]
pub(crate) struct Document {
    /// Names of the declared variables, with their types as written.
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) fields: Vec<Selection>,
    pub(crate) fragments: BTreeMap<String, Fragment>,
}

/// A fragment: the type it is for, and what it selects.
#[derive(Debug, Clone)]
pub(crate) struct Fragment {
    pub(crate) on: String,
    pub(crate) fields: Vec<Selection>,
}

/// One thing selected.
#[derive(Debug, Clone)]
pub(crate) enum Selection {
    Field(Field),
    Inline(Fragment),
    Spread(String),
}

/// A field with its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// What it is called in the answer.
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) args: Vec<(String, Argument)>,
    pub(crate) fields: Vec<Selection>,
}

/// An argument as written; enumerators are texts.
#[derive(Debug, Clone)]
pub(crate) enum Argument {
    Variable(String),
    Plain(Value),
    List(Vec<Argument>),
    Object(Vec<(String, Argument)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Name(String),
    Number(String),
    Text(String),
    Spread,
    Sign(char),
}

/// What is wrong with a document.
type Wrong = String;

/// Reads a document.
pub(crate) fn document(text: &str) -> Result<Document, Wrong> {
    let mut reader = Reader { tokens: tokens(text)?, at: 0, depth: 0 };
    let mut document = Document::default();
    let mut queries = 0;
    while let Some(token) = reader.peek().cloned() {
        match token {
            Token::Name(word) if word == "fragment" => {
                reader.at += 1;
                let name = reader.name()?;
                reader.word("on")?;
                let on = reader.name()?;
                let fields = reader.selections()?;
                document.fragments.insert(name, Fragment { on, fields });
            }
            Token::Name(word) if word == "query" => {
                reader.at += 1;
                queries += 1;
                if matches!(reader.peek(), Some(Token::Name(_))) {
                    reader.at += 1;
                }
                document.variables = reader.variables()?;
                document.fields = reader.selections()?;
            }
            Token::Sign('{') => {
                queries += 1;
                document.fields = reader.selections()?;
            }
            other @ (Token::Name(_)
            | Token::Number(_)
            | Token::Text(_)
            | Token::Spread
            | Token::Sign(_)) => return Err(unexpected(Some(&other))),
        }
    }
    if queries == 1 { Ok(document) } else { Err("A single query is wanted".to_owned()) }
}

fn unexpected(token: Option<&Token>) -> Wrong {
    match token {
        Some(token) => format!("Parse error on {token:?}"),
        None => "Unexpected end of document".to_owned(),
    }
}

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Reader {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        self.at += 1;
        self.tokens.get(self.at - 1).cloned()
    }

    fn name(&mut self) -> Result<String, Wrong> {
        match self.next() {
            Some(Token::Name(name)) => Ok(name),
            other => Err(unexpected(other.as_ref())),
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Wrong> {
        let found = self.name()?;
        if found == word { Ok(()) } else { Err(format!("Expected {word:?}, found {found:?}")) }
    }

    /// Takes the sign if it is next.
    fn sign(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(&Token::Sign(sign));
        self.at += usize::from(found);
        found
    }

    fn must(&mut self, sign: char) -> Result<(), Wrong> {
        if self.sign(sign) { Ok(()) } else { Err(unexpected(self.peek())) }
    }

    fn variables(&mut self) -> Result<BTreeMap<String, String>, Wrong> {
        let mut variables = BTreeMap::new();
        if !self.sign('(') {
            return Ok(variables);
        }
        while !self.sign(')') {
            self.must('$')?;
            let name = self.name()?;
            self.must(':')?;
            variables.insert(name, self.type_name()?);
        }
        Ok(variables)
    }

    fn type_name(&mut self) -> Result<String, Wrong> {
        let mut text = if self.sign('[') {
            let inner = self.type_name()?;
            self.must(']')?;
            format!("[{inner}]")
        } else {
            self.name()?
        };
        if self.sign('!') {
            text.push('!');
        }
        Ok(text)
    }

    fn selections(&mut self) -> Result<Vec<Selection>, Wrong> {
        self.depth += 1;
        if self.depth > 40 {
            return Err("Query is too deep".to_owned());
        }
        self.must('{')?;
        let mut found = vec![];
        while !self.sign('}') {
            found.push(self.selection()?);
        }
        self.depth -= 1;
        if found.is_empty() { Err("An empty selection".to_owned()) } else { Ok(found) }
    }

    fn selection(&mut self) -> Result<Selection, Wrong> {
        if self.peek() == Some(&Token::Spread) {
            self.at += 1;
            if self.peek() == Some(&Token::Name("on".to_owned())) {
                self.at += 1;
                let on = self.name()?;
                return Ok(Selection::Inline(Fragment { on, fields: self.selections()? }));
            }
            return Ok(Selection::Spread(self.name()?));
        }
        let first = self.name()?;
        let (key, name) =
            if self.sign(':') { (first, self.name()?) } else { (first.clone(), first) };
        let mut args = vec![];
        if self.sign('(') {
            while !self.sign(')') {
                let name = self.name()?;
                self.must(':')?;
                args.push((name, self.argument()?));
            }
        }
        let selects = self.peek() == Some(&Token::Sign('{'));
        let fields = if selects { self.selections()? } else { vec![] };
        Ok(Selection::Field(Field { key, name, args, fields }))
    }

    fn argument(&mut self) -> Result<Argument, Wrong> {
        Ok(match self.next() {
            Some(Token::Sign('$')) => Argument::Variable(self.name()?),
            Some(Token::Sign('[')) => {
                let mut items = vec![];
                while !self.sign(']') {
                    items.push(self.argument()?);
                }
                Argument::List(items)
            }
            Some(Token::Sign('{')) => {
                let mut fields = vec![];
                while !self.sign('}') {
                    let name = self.name()?;
                    self.must(':')?;
                    fields.push((name, self.argument()?));
                }
                Argument::Object(fields)
            }
            Some(Token::Name(word)) => Argument::Plain(match word.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                _ => Value::from(word),
            }),
            Some(Token::Text(text)) => Argument::Plain(Value::from(text)),
            Some(Token::Number(number)) => {
                let whole: i64 = number.parse().map_err(|_| format!("Bad number {number}"))?;
                Argument::Plain(Value::from(whole))
            }
            other => return Err(unexpected(other.as_ref())),
        })
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Wrong> {
    let mut tokens = vec![];
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let run = |fits: fn(char) -> bool| rest.find(|c| !fits(c)).unwrap_or(rest.len());
        let used = if rest.starts_with("...") {
            tokens.push(Token::Spread);
            3
        } else if first == '"' {
            let (text, used) = quoted(rest)?;
            tokens.push(Token::Text(text));
            used
        } else if first.is_ascii_alphabetic() || first == '_' {
            let used = run(|c| c.is_ascii_alphanumeric() || c == '_');
            tokens.push(Token::Name(rest[..used].to_owned()));
            used
        } else if first.is_ascii_digit() || first == '-' {
            let used = run(|c| c.is_ascii_digit() || c == '-' || c == '.');
            tokens.push(Token::Number(rest[..used].to_owned()));
            used
        } else if first == '#' {
            rest.find('\n').unwrap_or(rest.len())
        } else if "{}()[]:$!".contains(first) {
            tokens.push(Token::Sign(first));
            1
        } else {
            return Err(format!("Parse error on {first:?}"));
        };
        rest = rest[used..].trim_start_matches(|c: char| c.is_whitespace() || c == ',');
    }
    Ok(tokens)
}

/// A text in quotes is close enough to a JSON one.
fn quoted(rest: &str) -> Result<(String, usize), Wrong> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !escaped => {
                let text = serde_json::from_str(&rest[..=at]);
                return text.map(|text| (text, at + 1)).map_err(|error| error.to_string());
            }
            _ => escaped = c == '\\' && !escaped,
        }
    }
    Err("Unterminated string".to_owned())
}
