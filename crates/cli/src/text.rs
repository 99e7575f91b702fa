//! Text from elsewhere, made fit for a terminal, and small ways to write numbers.

/// One line: control characters and escape sequences are gone, white space is a single space.
///
/// Whatever a forge or a command sent goes through here before it reaches a terminal.
pub(crate) fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in strip(text).split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Several lines: as [`line`], with line breaks and tabs kept.
pub(crate) fn block(text: &str) -> String {
    strip(text)
}

/// One line as it stands, its indentation too, as [`line`] otherwise.
pub(crate) fn kept(text: &str) -> String {
    let mut text = strip(text);
    if text.contains('\n') {
        text = text.replace('\n', " ");
    }
    text
}

/// At most `width` characters of a clean line, its end replaced by an ellipsis.
pub(crate) fn clip(text: &str, width: usize) -> String {
    let text = line(text);
    if text.chars().count() <= width {
        return text;
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Drops escape sequences whole, and every control and direction character but `\n` and `\t`.
fn strip(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_csi(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut rest),
            '\r' if rest.peek() != Some(&'\n') => out.push('\n'),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || turns_direction(c) => {}
            c => out.push(c),
        }
    }
    out
}

type Rest<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn skip_escape(rest: &mut Rest<'_>) {
    match rest.next() {
        Some('[') => skip_csi(rest),
        Some(']' | 'P' | 'X' | '^' | '_') => skip_string(rest),
        // Intermediate bytes, then one final byte.
        Some(' '..='/') => while let Some(' '..='/') = rest.next() {},
        Some(_) | None => {}
    }
}

fn skip_csi(rest: &mut Rest<'_>) {
    while let Some(&c) = rest.peek() {
        if c.is_control() {
            return;
        }
        rest.next();
        if ('@'..='~').contains(&c) {
            return;
        }
    }
}

/// A string sequence ends with BEL or ST; one that never ends takes its line with it, no more.
fn skip_string(rest: &mut Rest<'_>) {
    while let Some(&c) = rest.peek() {
        if c == '\n' {
            return;
        }
        rest.next();
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' if rest.peek() == Some(&'\\') => {
                rest.next();
                return;
            }
            _ => {}
        }
    }
}

/// Characters that reorder or hide what stands around them. Joiners stay: emoji and several
/// scripts are written with them.
const fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// `12345` as `12,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 repository`, `4,500 issues`.
pub(crate) fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_a_cursor_survives() {
        for (raw, clean) in [
            ("plain", "plain"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]8;;http://evil\u{1b}\\link", "link"),
            ("\u{9b}2Jcleared", "cleared"),
            ("a\rb", "a b"),
            ("a\u{8}\u{8}b", "ab"),
            ("one\n two\t\tthree ", "one two three"),
            ("\u{202e}evil", "evil"),
            ("\u{1b}(0lqk", "lqk"),
            ("ends in \u{1b}", "ends in"),
            ("\u{1b}]never ends\nnext", "next"),
        ] {
            assert_eq!(line(raw), clean, "{raw:?}");
        }
        assert_eq!(block("a\r\n\tb\u{7}\n"), "a\n\tb\n");
    }

    #[test]
    fn long_text_is_clipped_by_characters() {
        assert_eq!(clip("äöüß", 4), "äöüß");
        assert_eq!(clip("äöüßx", 4), "äöü…");
    }

    #[test]
    fn numbers_for_people() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(plural(1, "repo", "repos"), "1 repo");
        assert_eq!(plural(4500, "issue", "issues"), "4,500 issues");
    }
}
