//! The words of a query.

use super::Wrong;

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// `select`, `and`, a field without brackets; as written.
    Word(String),
    /// `[System.Id]`, without the brackets.
    Field(String),
    /// `'it''s'`, undoubled.
    Text(String),
    Number(i64),
    /// `@project`, without the sign, in small letters.
    Macro(String),
    /// `=`, `<>`, `(` and so on.
    Sign(&'static str),
}

const SIGNS: [&str; 12] = ["<>", "<=", ">=", "=", "<", ">", "(", ")", ",", "+", "-", "*"];

/// Takes a query apart.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, Wrong> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '[' => field(rest)?,
            '\'' | '"' => quoted(rest, first)?,
            '0'..='9' => number(rest)?,
            '@' => {
                let name = word_of(&rest[1..]);
                (Token::Macro(name.to_ascii_lowercase()), name.len() + 1)
            }
            _ => other(rest, first)?,
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// A sign or a word.
fn other(text: &str, first: char) -> Result<(Token, usize), Wrong> {
    if let Some(sign) = SIGNS.iter().find(|sign| text.starts_with(**sign)) {
        return Ok((Token::Sign(sign), sign.len()));
    }
    let word = word_of(text);
    if word.is_empty() {
        return Err(Wrong::Syntax("Unexpected character.", first.to_string()));
    }
    Ok((Token::Word(word.to_owned()), word.len()))
}

fn word_of(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '.' && c != '_');
    &text[..end.unwrap_or(text.len())]
}

fn field(text: &str) -> Result<(Token, usize), Wrong> {
    let end = text.find(']').ok_or_else(|| {
        Wrong::Syntax("Expecting end of field name (missing ]).", text.to_owned())
    })?;
    Ok((Token::Field(text[1..end].trim().to_owned()), end + 1))
}

/// A text; its own quote is written twice.
fn quoted(text: &str, quote: char) -> Result<(Token, usize), Wrong> {
    let mut found = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c != quote {
            found.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            found.push(quote);
            chars.next();
        } else {
            return Ok((Token::Text(found), at + 1));
        }
    }
    Err(Wrong::Syntax("Expecting end of string.", text.to_owned()))
}

fn number(text: &str) -> Result<(Token, usize), Wrong> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..end].parse();
    let number =
        number.map_err(|_| Wrong::Syntax("The number is out of range.", text[..end].to_owned()))?;
    Ok((Token::Number(number), end))
}
