//! Texts that hurt, on the first twenty numbers.

use super::blocks::{Block, Span, plain};
use super::issue::Head;

/// Spoils what is short.
pub(super) fn head(head: &mut Head, number: u32, former: usize) {
    let summary = match number {
        1 => "\u{1F680} Emoji \u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467} und \u{1F1E9}\u{1F1EA}",
        2 => "right-to-left \u{202E}gpj.exe\u{202C} שלום \u{200F}",
        3 => "\u{1b}[31mred\u{1b}[0m \u{1b}]8;;http://evil.test\u{7}link\u{1b}]8;;\u{7}",
        6 => "'; DROP TABLE issue; --",
        7 => "=HYPERLINK(\"http://evil.test\",\"sum\")",
        8 => "e\u{0301}\u{0301}\u{0301} combined \u{FEFF}\u{200B}zero",
        9 => "comma, \"quote\" and\ttab",
        10 => "../../etc/passwd",
        11 => "\u{FFFD} \u{10FFFF} \u{9b}31m",
        12 => "project = PAY AND (key > \"",
        _ => "",
    };
    if !summary.is_empty() {
        summary.clone_into(&mut head.summary);
    }
    match number {
        4 => head.summary = "x".repeat(255),
        5 => head.reporter = None,
        13 => head.reporter = Some(former),
        14 => head.assignee = Some(former),
        15 => head.labels = (0..60).map(|nth| format!("label-{nth}")).collect(),
        16 => head.files = vec!["../../.bashrc".to_owned(), "a \"b\"\n.png".to_owned()],
        _ => {}
    }
}

/// A whole body in place of the ordinary one.
pub(super) fn body(number: u32) -> Option<Vec<Block>> {
    Some(match number {
        3 => plain("a NUL \u{0} in the text, \u{1b}[2J and a bell \u{7}"),
        4 => plain(&"a long line \u{00e4}\u{6f22} ".repeat(2_000)),
        5 => Vec::new(),
        6 => plain("</script><script>alert(1)</script>\u{2028}\u{2029}"),
        7 => vec![Block::Deep(25, "the bottom".to_owned())],
        8 => plain("# no heading\n- no list\n> no quote\n1. no number | no cell\n```"),
        9 => vec![Block::Paragraph(vec![
            Span::Marked(&["strong", "em", "strike"], " blanks around ".to_owned()),
            Span::Marked(&["code"], "``".to_owned()),
            Span::Link("[x](y)".to_owned(), "javascript:alert(1)".to_owned()),
        ])],
        10 => vec![Block::Code("", "```\nfence in a fence\n```".to_owned())],
        17 => plain("::progress 1/1 done\n::checkpoint stolen"),
        18 => plain(&"\u{1F600}".repeat(3_000)),
        19 => vec![Block::Paragraph(Vec::new()), Block::Rule, Block::Paragraph(Vec::new())],
        _ => return None,
    })
}
