//! What people search for.

use jobctl_provider::IssueKind;

/// Beyond so many words a query says nothing more, and `SQLite` has limits.
const MOST_WORDS: usize = 32;

/// Which issues are wanted. The default is every live issue, without pull requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// All of these are in the title, the body, the acceptance criteria or the comments.
    pub words: Vec<Word>,
    /// A source, such as `github:acme/api`, or what it begins with: `github`, `github:acme`.
    pub source: Option<String>,
    /// `open` (anything not over), `closed` (over), `in_progress`, or a forge's own word.
    pub state: Option<String>,
    /// Carrying all these labels.
    pub labels: Vec<String>,
    /// Written by.
    pub author: Option<String>,
    /// Assigned to.
    pub assignee: Option<String>,
    /// In the milestone of this title.
    pub milestone: Option<String>,
    /// Of this number.
    pub number: Option<u64>,
    /// Issues, pull requests, or both.
    pub kinds: Kinds,
    /// Of this sort of work.
    pub kind: Option<IssueKind>,
    /// Of what the forge calls this.
    pub type_name: Option<String>,
    /// Below this parent: its key, or the end of one, such as `#7`.
    pub parent: Option<String>,
    /// Those too that are gone from their forge.
    pub deleted: bool,
    /// With their histories; for exports.
    pub history: bool,
    /// With the forge's own replies; for exports.
    pub raw: bool,
}

/// Issues, pull requests, or both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kinds {
    /// Issues only.
    #[default]
    Issues,
    /// Pull requests only.
    Pulls,
    /// Both.
    Both,
}

/// A thing to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// A word that begins like this.
    Start(String),
    /// These words in this order.
    Phrase(String),
}

impl Query {
    /// Reads what a person typed: words, `"quoted phrases"`, and `label:` `state:` `author:`
    /// `assignee:` `milestone:` `source:` `number:` `kind:` (`epic`, `story`, `bug`, …) `type:`
    /// `parent:` `is:` (`issue`, `pr`, `any`, `open`, `closed`, `deleted`) with a word or a quoted phrase. Anything else is a word to search for, so every
    /// text is a query.
    pub fn parse(text: &str) -> Self {
        let mut query = Self::default();
        for token in tokens(text) {
            if !query.filter(&token) && query.words.len() < MOST_WORDS {
                query.words.extend(token.word());
            }
        }
        query
    }

    /// Takes a token that is a filter; `false` if it is none.
    fn filter(&mut self, token: &Token) -> bool {
        let Some((name, value)) = token.parts() else { return false };
        let slot = match name {
            "state" => &mut self.state,
            "author" => &mut self.author,
            "assignee" => &mut self.assignee,
            "milestone" => &mut self.milestone,
            "source" => &mut self.source,
            "type" => &mut self.type_name,
            "parent" => &mut self.parent,
            "kind" => return self.of_kind(value),
            "label" => {
                let room = self.labels.len() < MOST_WORDS;
                if room {
                    self.labels.push(value.into());
                }
                return room;
            }
            "number" => {
                let number = value.parse().ok();
                self.number = number.or(self.number);
                return number.is_some();
            }
            "is" => return self.be(value),
            _ => return false,
        };
        *slot = Some(value.into());
        true
    }

    fn of_kind(&mut self, name: &str) -> bool {
        let same = |kind: &&IssueKind| kind.name().eq_ignore_ascii_case(name);
        match IssueKind::ALL.iter().find(same) {
            None => return false,
            Some(IssueKind::PullRequest) => self.kinds = Kinds::Pulls,
            Some(kind) => {
                self.kinds = Kinds::Issues;
                self.kind = Some(*kind);
            }
        }
        true
    }

    fn be(&mut self, what: &str) -> bool {
        match what {
            "issue" => self.kinds = Kinds::Issues,
            "pr" | "pull" | "pull_request" => self.kinds = Kinds::Pulls,
            "any" => self.kinds = Kinds::Both,
            "open" | "closed" => self.state = Some(what.into()),
            "deleted" => self.deleted = true,
            _ => return false,
        }
        true
    }
}

/// A run of text without a space outside quotes.
struct Token {
    text: String,
    /// Where in `text` its first quote stood.
    quote: Option<usize>,
}

impl Token {
    /// `name:value`, the name unquoted.
    fn parts(&self) -> Option<(&str, &str)> {
        let (name, value) = self.text.split_once(':')?;
        let plain = self.quote.is_none_or(|quote| quote > name.len());
        (plain && !value.is_empty()).then_some((name, value))
    }

    fn word(self) -> Option<Word> {
        match self {
            Self { text, .. } if text.trim().is_empty() => None,
            Self { text, quote: Some(0) } => Some(Word::Phrase(text)),
            Self { text, .. } => Some(Word::Start(text)),
        }
    }
}

/// Cuts at spaces outside quotes. A quote that is never closed reaches to the end. Control
/// characters count as spaces: a NUL would end the text for `SQLite`.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut token = Token { text: String::new(), quote: None };
    let mut quoted = false;
    for letter in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if letter == '"' {
            quoted = !quoted;
            token.quote.get_or_insert(token.text.len());
        } else if letter.is_whitespace() && !quoted {
            tokens.push(std::mem::replace(&mut token, Token { text: String::new(), quote: None }));
        } else {
            token.text.push(letter);
        }
    }
    tokens.push(token);
    tokens.retain(|token| !token.text.is_empty());
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_phrases_and_filters() {
        let query = Query::parse(
            r#"crash "on start" label:bug label:"good first issue" state:open author:ann is:pr number:12"#,
        );
        assert_eq!(query.words, [Word::Start("crash".into()), Word::Phrase("on start".into())]);
        assert_eq!(query.labels, ["bug", "good first issue"]);
        assert_eq!((query.state.as_deref(), query.author.as_deref()), (Some("open"), Some("ann")));
        assert_eq!((query.kinds, query.number), (Kinds::Pulls, Some(12)));
    }

    #[test]
    fn what_is_no_filter_is_a_word() {
        for text in [
            "label:",
            "is:nonsense",
            "number:x",
            "kind:nonsense",
            "std::io",
            "\"label:bug\"",
            "a:b",
        ] {
            let query = Query::parse(text);
            assert_eq!((query.words.len(), query.labels.len()), (1, 0), "{text}");
        }
    }

    #[test]
    fn an_open_quote_reaches_to_the_end_and_empty_ones_are_nothing() {
        assert_eq!(Query::parse("\"a b").words, [Word::Phrase("a b".into())]);
        assert_eq!(Query::parse(" \"\" \" \" \0 "), Query::default());
    }
}
