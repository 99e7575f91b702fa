use std::borrow::Cow;

/// A piece of HTML.
pub(super) enum Token<'h> {
    /// Text, with its entities.
    Text(&'h str),
    Open(Tag<'h>),
    /// The end of an element, by its name in small letters.
    Close(String),
}

/// The beginning of an element.
pub(super) struct Tag<'h> {
    /// In small letters.
    pub(super) name: String,
    attributes: &'h str,
}

/// Elements whose content is not text for people.
const UNSEEN: [&str; 7] = ["script", "style", "title", "head", "template", "noscript", "iframe"];
/// Names are short; what goes on longer is none.
const LONGEST_ENTITY: usize = 12;

/// Cuts HTML into tokens. Each search that finds nothing is done once only, so that hostile
/// texts take no longer than others.
pub(super) struct Tokens<'h> {
    html: &'h str,
    at: usize,
    /// There is no `>` behind this place.
    no_end: bool,
    /// There is no such quote behind the place where it was last looked for.
    no_single: bool,
    no_double: bool,
}

impl<'h> Tokens<'h> {
    pub(super) const fn new(html: &'h str) -> Self {
        Self { html, at: 0, no_end: false, no_single: false, no_double: false }
    }

    /// The end of the tag that begins here: the `>` outside of quotes, if there is one.
    fn end_of_tag(&mut self) -> Option<usize> {
        if self.no_end {
            return None;
        }
        let mut at = self.at;
        loop {
            let Some(found) = self.html[at..].find(['>', '"', '\'']) else {
                self.no_end = true;
                return None;
            };
            let quote = match self.html.as_bytes()[at + found] {
                b'"' if !self.no_double => '"',
                b'\'' if !self.no_single => '\'',
                b'>' => return Some(at + found),
                _ => {
                    at += found + 1;
                    continue;
                }
            };
            at += found + 1;
            // A quote that is never closed is a character like any other.
            match self.html[at..].find(quote) {
                Some(closing) => at += closing + 1,
                None if quote == '"' => self.no_double = true,
                None => self.no_single = true,
            }
        }
    }

    /// Skips to behind that text, or to the end.
    fn skip_behind(&mut self, text: &str) {
        let found = self.html[self.at..].find(text);
        self.at = found.map_or(self.html.len(), |found| self.at + found + text.len());
    }

    /// Skips to the end tag of an element whose content is not shown.
    fn skip_content(&mut self, name: &str) {
        loop {
            self.skip_behind("</");
            let rest = &self.html.as_bytes()[self.at..];
            if rest.is_empty() || rest.len() >= name.len() && is_same(&rest[..name.len()], name) {
                self.skip_behind(">");
                return;
            }
        }
    }

    fn text(&mut self, end: usize) -> Token<'h> {
        let text = &self.html[self.at..end];
        self.at = end;
        Token::Text(text)
    }
}

fn is_same(bytes: &[u8], name: &str) -> bool {
    bytes.eq_ignore_ascii_case(name.as_bytes())
}

impl<'h> Iterator for Tokens<'h> {
    type Item = Token<'h>;

    fn next(&mut self) -> Option<Token<'h>> {
        loop {
            let rest = &self.html[self.at..];
            if rest.is_empty() {
                return None;
            }
            let Some(start) = rest.find('<') else { return Some(self.text(self.html.len())) };
            if start > 0 {
                return Some(self.text(self.at + start));
            }
            if rest.starts_with("<!--") {
                self.skip_behind("-->");
                continue;
            }
            if rest.starts_with("<!") || rest.starts_with("<?") {
                self.skip_behind(">");
                continue;
            }
            let closes = rest.starts_with("</");
            let named = rest.as_bytes().get(1 + usize::from(closes));
            let end = named.filter(|c| c.is_ascii_alphabetic()).and_then(|_| self.end_of_tag());
            // A `<` that begins no tag is text.
            let Some(end) = end else { return Some(self.text(self.at + 1)) };
            let inside = &self.html[self.at + 1 + usize::from(closes)..end];
            self.at = end + 1;
            let length = inside.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(inside.len());
            let (name, attributes) = inside.split_at(length);
            let name = name.to_ascii_lowercase();
            if closes {
                return Some(Token::Close(name));
            }
            if UNSEEN.contains(&name.as_str()) {
                self.skip_content(&name);
                continue;
            }
            return Some(Token::Open(Tag { name, attributes }));
        }
    }
}

impl Tag<'_> {
    /// The value of an attribute; empty for one without a value.
    pub(super) fn attribute(&self, wanted: &str) -> Option<String> {
        let mut rest = self.attributes;
        loop {
            rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '/' | '='));
            if rest.is_empty() {
                return None;
            }
            let ends = |c: char| c.is_whitespace() || matches!(c, '=' | '/');
            let (name, behind) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
            let (value, behind) = value(behind);
            if name.eq_ignore_ascii_case(wanted) {
                return Some(unescaped(value).into_owned());
            }
            rest = behind;
        }
    }
}

/// The value that follows an attribute's name, and what follows it.
fn value(behind: &str) -> (&str, &str) {
    let Some(value) = behind.trim_start().strip_prefix('=') else { return ("", behind) };
    let value = value.trim_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    value.split_at(value.find(char::is_whitespace).unwrap_or(value.len()))
}

/// A text without entities.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        plain.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.bytes().take(LONGEST_ENTITY).position(|b| b == b';');
        if let Some((c, end)) = end.and_then(|end| Some((character(&rest[1..end])?, end))) {
            plain.push(c);
            rest = &rest[end + 1..];
        } else {
            plain.push('&');
            rest = &rest[1..];
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// The character that an entity stands for.
fn character(entity: &str) -> Option<char> {
    if let Some(number) = entity.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?).filter(|c| *c != '\0');
    }
    NAMED.iter().find(|(name, _)| *name == entity).map(|(_, c)| *c)
}

/// The entities that editors write.
const NAMED: [(&str, char); 64] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("ndash", '–'),
    ("mdash", '—'),
    ("hellip", '…'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("sbquo", '‚'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("bdquo", '„'),
    ("laquo", '«'),
    ("raquo", '»'),
    ("bull", '•'),
    ("middot", '·'),
    ("copy", '©'),
    ("reg", '®'),
    ("trade", '™'),
    ("deg", '°'),
    ("plusmn", '±'),
    ("times", '×'),
    ("divide", '÷'),
    ("frac12", '½'),
    ("frac14", '¼'),
    ("euro", '€'),
    ("pound", '£'),
    ("yen", '¥'),
    ("cent", '¢'),
    ("sect", '§'),
    ("para", '¶'),
    ("micro", 'µ'),
    ("larr", '←'),
    ("uarr", '↑'),
    ("rarr", '→'),
    ("darr", '↓'),
    ("harr", '↔'),
    ("rArr", '⇒'),
    ("le", '≤'),
    ("ge", '≥'),
    ("ne", '≠'),
    ("asymp", '≈'),
    ("infin", '∞'),
    ("auml", 'ä'),
    ("ouml", 'ö'),
    ("uuml", 'ü'),
    ("Auml", 'Ä'),
    ("Ouml", 'Ö'),
    ("Uuml", 'Ü'),
    ("szlig", 'ß'),
    ("agrave", 'à'),
    ("aacute", 'á'),
    ("ccedil", 'ç'),
    ("egrave", 'è'),
    ("eacute", 'é'),
    ("ecirc", 'ê'),
    ("iacute", 'í'),
    ("ntilde", 'ñ'),
    ("oacute", 'ó'),
    ("uacute", 'ú'),
    ("oslash", 'ø'),
];
