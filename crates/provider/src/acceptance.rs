/// The section of a text that says what must hold for the work to be done, without its heading.
///
/// Knows headings of Markdown (both forms) and of wiki markup (`h3.`), and lines that stand for
/// one: bold, or ending in a colon. The section goes on to the next heading of no deeper level;
/// behind a line that only stands for a heading, to the next heading or bold line. What is
/// inside a fenced block is no heading. An empty section is none.
pub fn acceptance_criteria(markdown: &str) -> Option<String> {
    let lines = lines(markdown);
    let (start, title) = lines
        .iter()
        .enumerate()
        .find_map(|(at, line)| Some((at, line.title.as_ref().filter(|t| t.is_ours())?)))?;
    let ends = |line: &Line<'_>| line.title.as_ref().is_some_and(|next| title.is_ended_by(next));
    let rest = &lines[start + 1..];
    let end = rest.iter().position(ends).unwrap_or(rest.len());
    let section: Vec<&str> =
        std::iter::once(title.rest).chain(rest[..end].iter().map(|line| line.text)).collect();
    let section = section.join("\n");
    let section = section.trim();
    // What GitHub's issue forms write for a field that was left empty.
    (!section.is_empty() && section != "_No response_").then(|| section.to_owned())
}

/// A line, and the heading it is or stands for.
struct Line<'t> {
    text: &'t str,
    title: Option<Title<'t>>,
}

/// A heading.
struct Title<'t> {
    words: &'t str,
    /// What follows on the same line, behind a bold heading's colon.
    rest: &'t str,
    sort: Sort,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// A heading of that level.
    Heading(usize),
    /// A bold line.
    Bold,
    /// A line that ends in a colon.
    Label,
}

impl Title<'_> {
    fn is_ours(&self) -> bool {
        let words = self.words.trim_matches(|c: char| !c.is_alphabetic()).to_lowercase();
        let words = words.split_once(" (").map_or(words.as_str(), |(words, _)| words);
        matches!(words, "acceptance criteria" | "acceptance criterion" | "ac")
    }

    fn is_ended_by(&self, next: &Self) -> bool {
        match (self.sort, next.sort) {
            (Sort::Heading(level), Sort::Heading(next)) => next <= level,
            (Sort::Heading(_), Sort::Bold) | (_, Sort::Label) => false,
            (Sort::Bold | Sort::Label, Sort::Heading(_) | Sort::Bold) => true,
        }
    }
}

/// All lines with their headings; the underline of a heading belongs to none.
fn lines(text: &str) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = vec![];
    let mut fence = None;
    for text in text.lines() {
        let bare = text.trim();
        let mark = ["```", "~~~", "{code", "{noformat"].into_iter().find(|m| bare.starts_with(m));
        match (fence, mark) {
            (None, Some(_)) => fence = mark,
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => {}
            (None, None) => {
                if let (Some(level), Some(line)) = (underline(bare), lines.last_mut())
                    && !line.text.trim().is_empty()
                {
                    let words = line.text.trim();
                    line.title = Some(Title { words, rest: "", sort: Sort::Heading(level) });
                    continue;
                }
                lines.push(Line { text, title: title(bare) });
                continue;
            }
        }
        lines.push(Line { text, title: None });
    }
    lines
}

/// The level of the heading that a line of `===` or `---` makes of the line above.
fn underline(line: &str) -> Option<usize> {
    let all = |mark| line.len() >= 3 && line.bytes().all(|b| b == mark);
    if all(b'=') {
        Some(1)
    } else if all(b'-') {
        Some(2)
    } else {
        None
    }
}

fn title(line: &str) -> Option<Title<'_>> {
    heading(line).or_else(|| bold(line)).or_else(|| {
        let words = line.strip_suffix(':')?;
        Some(Title { words, rest: "", sort: Sort::Label })
    })
}

/// `## Words`, `## Words ##` and `h2. Words`.
fn heading(line: &str) -> Option<Title<'_>> {
    let hashes = line.bytes().take_while(|b| *b == b'#').count();
    if (1..=6).contains(&hashes) {
        let words = &line[hashes..];
        let words = words.starts_with([' ', '\t']).then_some(words)?;
        let words = words.trim().trim_end_matches('#');
        return Some(Title { words, rest: "", sort: Sort::Heading(hashes) });
    }
    let (level, words) = line.strip_prefix('h')?.split_once('.')?;
    let level = level.parse().ok().filter(|level| (1..=6).contains(level))?;
    Some(Title { words, rest: "", sort: Sort::Heading(level) })
}

/// `**Words**`, `**Words:** and more`, and the same with `__` and with the one `*` of wiki markup.
fn bold(line: &str) -> Option<Title<'_>> {
    let mark = ["**", "__", "*"].into_iter().find(|mark| line.starts_with(mark))?;
    let (words, rest) = line[mark.len()..].split_once(mark)?;
    let colon = words.ends_with(':') || rest.starts_with(':');
    let rest = rest.trim_start_matches(':').trim();
    let whole = !words.is_empty() && !words.starts_with(' ') && !words.ends_with(' ');
    (whole && (rest.is_empty() || colon)).then_some(Title { words, rest, sort: Sort::Bold })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, found: &str) {
        let wanted = (!found.is_empty()).then(|| found.to_owned());
        assert_eq!(acceptance_criteria(text), wanted, "{text:?}");
    }

    #[test]
    fn headings_of_every_form() {
        for heading in [
            "## Acceptance criteria",
            "## Acceptance Criteria: ##",
            "# 3. **ACCEPTANCE CRITERIA**",
            "## ✅ Acceptance criteria (must)",
            "Acceptance criteria\n===================",
            "h2. Acceptance Criteria:",
            "**Acceptance criteria**",
            "**Acceptance Criteria:**",
            "**Acceptance criterion**:",
            "__Acceptance criteria__",
            "*Acceptance Criteria:*",
            "Acceptance criteria:",
            "### AC",
        ] {
            check(&format!("Why\n\n{heading}\n\n- it works\n\n# Notes\nmore"), "- it works");
            check(&format!("{heading}\n\n# Notes\nmore"), "");
        }
    }

    #[test]
    fn what_is_no_heading() {
        for text in [
            "The acceptance criteria are open",
            "* Acceptance criteria are open\n- x",
            "#Acceptance criteria\nx",
            "####### Acceptance criteria\nx",
            "h7. Acceptance criteria\nx",
            "**Acceptance criteria** are open",
            "```\n## Acceptance criteria\nx\n```",
            "{code:sh}\n# Acceptance criteria\nx\n{code}",
            "",
        ] {
            check(text, "");
        }
    }

    #[test]
    fn a_section_ends_with_the_next_heading_of_no_deeper_level() {
        check("## AC\na\n### Deeper\nb\n**bold**\nc\n## Next\nd", "a\n### Deeper\nb\n**bold**\nc");
        check("**AC**\na\nGiven:\nb\n**Next**\nc", "a\nGiven:\nb");
        check("**AC:** a\n#### Next\nc", "a");
        check("AC:\n```\n# no heading\n```\nNext\n----\nc", "```\n# no heading\n```");
        check("### AC\n\n_No response_\n\n### Next", "");
        check("- x\n---\n## AC\ny", "y");
    }

    #[test]
    fn the_first_section_counts() {
        check("## Acceptance criteria\na\n## Acceptance criteria\nb", "a");
    }
}
