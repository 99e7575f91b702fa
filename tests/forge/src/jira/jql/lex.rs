//! Cutting JQL into words.

/// A word, and where it begins, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) kind: Kind,
    pub(super) at: usize,
}

/// What a word is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, digits, and whatever else needs no quotes.
    Bare(String),
    /// In quotes.
    Quoted(String),
    /// `=`, `!=`, `>`, `>=`, `<`, `<=`, `~`, `!~`.
    Sign(&'static str),
    Open,
    Close,
    Comma,
    /// `[` and `]`, of `cf[10020]`.
    Bracket(char),
}

const SIGNS: [&str; 8] = [">=", "<=", "!=", "!~", "=", ">", "<", "~"];

/// Cuts a query. Errors are the words Jira has for them.
pub(super) fn words(text: &str) -> Result<Vec<Word>, String> {
    let chars: Vec<char> = text.chars().collect();
    let mut words = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let start = at + 1;
        let char = chars[at];
        let kind = if char.is_whitespace() {
            at += 1;
            continue;
        } else if char == '"' || char == '\'' {
            let (word, next) = quoted(&chars, at)?;
            at = next;
            Kind::Quoted(word)
        } else if let Some(sign) = SIGNS.iter().find(|sign| starts(&chars[at..], sign)) {
            at += sign.len();
            Kind::Sign(sign)
        } else {
            match char {
                '(' | ')' | ',' | '[' | ']' => {
                    at += 1;
                    match char {
                        '(' => Kind::Open,
                        ')' => Kind::Close,
                        ',' => Kind::Comma,
                        bracket => Kind::Bracket(bracket),
                    }
                }
                _ if bare(char) => {
                    let end = chars[at..].iter().position(|c| !bare(*c));
                    let end = end.map_or(chars.len(), |length| at + length);
                    let word = chars[at..end].iter().collect();
                    at = end;
                    Kind::Bare(word)
                }
                _ => {
                    return Err(format!(
                        "Error in the JQL Query: The character '{char}' is a reserved JQL \
                         character. You must enclose it in a string or use the escape '\\u{:04x}' \
                         instead. (line 1, character {start})",
                        u32::from(char)
                    ));
                }
            }
        };
        words.push(Word { kind, at: start });
    }
    Ok(words)
}

fn starts(chars: &[char], sign: &str) -> bool {
    sign.chars().enumerate().all(|(nth, wanted)| chars.get(nth) == Some(&wanted))
}

fn bare(char: char) -> bool {
    char.is_alphanumeric() || "-_./:".contains(char)
}

/// A word in quotes, which a backslash takes their meaning; and where it ends.
fn quoted(chars: &[char], start: usize) -> Result<(String, usize), String> {
    let mut word = String::new();
    let mut at = start + 1;
    while let Some(char) = chars.get(at) {
        match char {
            '\\' => {
                let escaped = chars.get(at + 1);
                word.push(match escaped {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some(other) if "\"'\\ ".contains(*other) => *other,
                    Some(_) | None => {
                        return Err(format!(
                            "Error in the JQL Query: '\\{}' is an illegal JQL escape sequence. \
                             The valid escape sequences are \\', \\\", \\t, \\n, \\r, \\\\, '\\ ' \
                             and \\uXXXX. (line 1, character {})",
                            escaped.map_or(String::new(), char::to_string),
                            at + 1
                        ));
                    }
                });
                at += 2;
            }
            char if *char == chars[start] => return Ok((word, at + 1)),
            char => {
                word.push(*char);
                at += 1;
            }
        }
    }
    Err(format!(
        "Error in the JQL Query: The quoted string '{word}' has not been completed. (line 1, \
         character {})",
        start + 1
    ))
}
