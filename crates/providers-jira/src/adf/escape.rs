/// A text as Markdown that reads as this text. `label`: it stands between brackets.
pub(super) fn escaped(text: &str, label: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let after = rest.peek().copied().unwrap_or(' ');
        let special = match c {
            '\\' | '`' | '*' | '[' => true,
            ']' => label,
            // Within a word it is no emphasis: names in code stay as they are.
            '_' => !(before.is_alphanumeric() && after.is_alphanumeric()),
            '~' => before == '~' || after == '~',
            '<' => after.is_ascii_alphabetic() || matches!(after, '/' | '!' | '?'),
            '&' => after == '#' || after.is_ascii_alphabetic(),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        // A line break in a text is a blank to Jira too.
        out.push(if matches!(c, '\n' | '\r') { ' ' } else { c });
        before = c;
    }
    out
}

/// Lines of a paragraph, so that none of them begins another kind of block.
pub(super) fn paragraph(lines: &str) -> String {
    let lines: Vec<String> = lines.split('\n').map(|line| begun(line.trim_start())).collect();
    lines.join("\n")
}

fn begun(line: &str) -> String {
    let plain = || line.to_owned();
    let Some(first) = line.chars().next() else { return plain() };
    let rest = &line[first.len_utf8()..];
    let blank = |text: &str| text.is_empty() || text.starts_with([' ', '\t']);
    let is_rule = |mark| line.trim_end().chars().all(|c| c == mark || c == ' ');
    match first {
        '#' if blank(rest.trim_start_matches('#')) => format!("\\{line}"),
        '>' | '|' => format!("\\{line}"),
        '-' | '+' if blank(rest) || is_rule(first) => format!("\\{line}"),
        '=' if is_rule('=') => format!("\\{line}"),
        '0'..='9' => {
            let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = line.split_at(digits);
            let marks = rest.starts_with(['.', ')']) && blank(&rest[1..]);
            if marks { format!("{number}\\{rest}") } else { plain() }
        }
        _ => plain(),
    }
}

/// A text as code within a line.
pub(super) fn code(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// A text as a block of code.
pub(super) fn code_block(text: &str, language: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    // What would end the line of the fence, or look like one, names no language.
    let language: String =
        language.chars().filter(|c| !c.is_whitespace() && *c != '`' && !c.is_control()).collect();
    let text = text.strip_suffix('\n').unwrap_or(text);
    format!("{fence}{language}\n{text}\n{fence}")
}

/// The longest run of backticks.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// An address that stays one between parentheses.
pub(super) fn address(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for c in url.chars() {
        match c {
            '(' => out.push_str("%28"),
            ')' => out.push_str("%29"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            '\\' => out.push_str("%5C"),
            c if c.is_whitespace() || c.is_control() => out.push_str("%20"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_markdown_would_read_is_escaped_and_names_are_not() {
        for (text, wanted) in [
            ("a*b* `c` [d](e) \\", r"a\*b\* \`c\` \[d](e) \\"),
            ("snake_case _x_ __y__", r"snake_case \_x\_ \_\_y\_\_"),
            ("<b> 1 < 2 &amp; a & b ~~x~~ ~", r"\<b> 1 < 2 \&amp; a & b \~\~x\~\~ ~"),
            ("two\nlines", "two lines"),
        ] {
            assert_eq!(escaped(text, false), wanted);
        }
        assert_eq!(escaped("a]b", true), r"a\]b");
    }

    #[test]
    fn no_line_begins_a_block() {
        for (line, wanted) in [
            ("# a", r"\# a"),
            ("#a", "#a"),
            ("- a", r"\- a"),
            ("-a", "-a"),
            ("---", r"\---"),
            ("===", r"\==="),
            ("> a", r"\> a"),
            ("1. a", r"1\. a"),
            ("12) a", r"12\) a"),
            ("1.5", "1.5"),
            ("    deep", "deep"),
            ("a\n+ b", "a\n\\+ b"),
        ] {
            assert_eq!(paragraph(line), wanted);
        }
    }

    #[test]
    fn fences_are_longer_than_what_they_hold() {
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code_block("a\n```\n", "ru`st x"), "````rustx\na\n```\n````");
        assert_eq!(address("https://a.b/c d(e)"), "https://a.b/c%20d%28e%29");
    }
}
