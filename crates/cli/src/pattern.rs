//! Patterns of repository names: globs, and regular expressions between slashes.

use regex::{Regex, RegexBuilder};

/// A pattern as `--match` and `--exclude` take it.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    expression: Regex,
    /// Whether it is compared with `owner/name` instead of the name alone.
    whole: bool,
}

/// Text that is no pattern.
#[derive(Debug, thiserror::Error)]
#[error("not a pattern: {text:?}")]
pub(crate) struct BadPattern {
    text: String,
    source: regex::Error,
}

impl Pattern {
    /// Understands `api-*`, `acme/api-?`, `{web,api}` and `/^api-\d+$/`. Case counts for nothing;
    /// without a slash inside, the owner does neither.
    pub(crate) fn parse(text: &str) -> Result<Self, BadPattern> {
        let between = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/'));
        let (expression, whole) = match between {
            Some(expression) if !expression.is_empty() => {
                (expression.to_owned(), expression.contains('/'))
            }
            Some(_) | None => (from_glob(text), text.contains('/')),
        };
        let expression = RegexBuilder::new(&expression)
            .case_insensitive(true)
            .build()
            .map_err(|source| BadPattern { text: text.to_owned(), source })?;
        Ok(Self { expression, whole })
    }

    /// Whether a repository called `owner/name` is meant.
    pub(crate) fn matches(&self, full_name: &str) -> bool {
        let name = full_name.rsplit('/').next().unwrap_or(full_name);
        self.expression.is_match(if self.whole { full_name } else { name })
    }
}

fn from_glob(glob: &str) -> String {
    let mut out = String::from("^(?:");
    let mut depth = 0_u32;
    for c in glob.chars() {
        match c {
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push_str(")$");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_and_expressions() {
        for (pattern, name, yes) in [
            ("api-*", "acme/api-gateway", true),
            ("api-*", "acme/my-api-gateway", false),
            ("API", "acme/api", true),
            ("a.i", "acme/api", false),
            ("?pi", "acme/api", true),
            ("{web,api}*", "acme/website", true),
            ("acme/*", "acme/api", true),
            ("acme/*", "other/api", false),
            ("/^api$/", "acme/api", true),
            ("/gate|way/", "acme/api-gateway", true),
            ("/^acme/", "acme/api", false),
            ("/^acme\\/web/", "acme/web", true),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(name), yes, "{pattern} {name}");
        }
        assert!(Pattern::parse("/(/").is_err());
        assert!(Pattern::parse("{a").is_err());
    }
}
