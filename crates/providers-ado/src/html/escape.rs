//! What Markdown would read otherwise.

/// White space, and the blank that does not break.
pub(super) fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\u{a0}'
}

/// An address that Markdown can hold and that leads somewhere.
pub(super) fn address(target: &str) -> Option<String> {
    let target = target.trim();
    let scheme = target.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let nowhere = target.is_empty() || target.starts_with('#');
    if nowhere || matches!(scheme.as_str(), "javascript" | "data" | "vbscript") {
        return None;
    }
    let mut address = String::with_capacity(target.len());
    for c in target.chars() {
        match c {
            '(' => address.push_str("%28"),
            ')' => address.push_str("%29"),
            '<' => address.push_str("%3C"),
            '>' => address.push_str("%3E"),
            c if c.is_whitespace() => address.push_str("%20"),
            c if c.is_control() => {}
            c => address.push(c),
        }
    }
    Some(address)
}

/// The longest run of backticks.
pub(super) fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// Writes text so that Markdown reads it as text.
pub(super) fn escape_into(out: &mut String, word: &str, begins_line: bool, in_cell: bool) {
    if begins_line && begins_a_block(word) {
        out.push('\\');
    } else if begins_line
        && let Some(digits) = word.strip_suffix(['.', ')'])
        && !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
    {
        // `1.` begins a list only at the beginning of a line.
        out.push_str(digits);
        out.push('\\');
        out.push_str(&word[digits.len()..]);
        return;
    }
    let mut before = out.chars().next_back();
    let mut chars = word.chars().peekable();
    while let Some(c) = chars.next() {
        let after = chars.peek().copied();
        let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let special = match c {
            '\\' | '*' | '`' | '[' => true,
            '_' => !(inside(before) && inside(after)),
            '<' => after.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?')),
            '~' => after == Some('~') || before == Some('~'),
            '|' => in_cell,
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
        before = Some(c);
    }
}

/// Whether a word at the beginning of a line would begin a heading, list or quote.
fn begins_a_block(word: &str) -> bool {
    let heading = !word.is_empty() && word.len() <= 6 && word.bytes().all(|b| b == b'#');
    let rule = word.len() >= 3
        && ["-", "=", "~"].iter().any(|c| word.trim_matches(|w| c.contains(w)).is_empty());
    heading || rule || matches!(word, "-" | "+" | "=") || word.starts_with('>')
}
