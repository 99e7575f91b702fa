//! The HTML of work items as Markdown.
//!
//! Knows what editors of Azure DevOps write, and the rest of HTML as far as it means something in
//! Markdown. Total: every text gives some Markdown, in time linear to its length.

mod escape;
mod mark;
mod token;
mod write;

use crate::html::mark::Mark;
use crate::html::token::{Tag, Token, Tokens};
use crate::html::write::Writer;

/// The Markdown of an HTML text. Lines that the editor breaks stay broken.
pub(crate) fn markdown(html: &str) -> String {
    let mut writer = Writer::default();
    for token in Tokens::new(html) {
        match token {
            Token::Text(text) => writer.text(&token::unescaped(text)),
            Token::Open(tag) => open(&mut writer, &tag),
            Token::Close(name) => close(&mut writer, &name),
        }
    }
    writer.finish()
}

fn open(writer: &mut Writer, tag: &Tag<'_>) {
    match tag.name.as_str() {
        "p" | "table" | "dl" | "figure" | "section" | "article" => writer.paragraph(),
        "br" | "div" | "dt" | "dd" | "center" | "header" | "footer" => writer.line(),
        "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => writer.heading(level(&tag.name)),
        "hr" => writer.rule(),
        "ul" => writer.list(None),
        "ol" => {
            let start = tag.attribute("start").and_then(|start| start.parse().ok());
            writer.list(Some(start.unwrap_or(1)));
        }
        "li" => writer.item(),
        "blockquote" => writer.quote(),
        "pre" => writer.verbatim(true),
        "code" | "kbd" | "samp" | "tt" => writer.verbatim(false),
        "b" | "strong" => writer.open(Mark::Strong),
        "i" | "em" => writer.open(Mark::Emphasis),
        "s" | "strike" | "del" => writer.open(Mark::Struck),
        "a" => writer.link(tag.attribute("href").as_deref()),
        "img" => {
            let source = tag.attribute("src").unwrap_or_default();
            writer.image(&tag.attribute("alt").unwrap_or_default(), &source);
        }
        "tr" => writer.row(),
        "td" | "th" => writer.cell(),
        "input" if tag.attribute("type").as_deref() == Some("checkbox") => {
            writer.checkbox(tag.attribute("checked").is_some());
        }
        _ => {}
    }
}

fn close(writer: &mut Writer, name: &str) {
    match name {
        "p" | "dl" | "figure" | "section" | "article" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
            writer.paragraph();
        }
        "div" | "dt" | "dd" | "center" | "header" | "footer" => writer.line(),
        "ul" | "ol" => writer.end_list(),
        "li" => writer.end_item(),
        "blockquote" => writer.end_quote(),
        "pre" => writer.end_verbatim(true),
        "code" | "kbd" | "samp" | "tt" => writer.end_verbatim(false),
        "b" | "strong" => writer.close(Mark::Strong),
        "i" | "em" => writer.close(Mark::Emphasis),
        "s" | "strike" | "del" => writer.close(Mark::Struck),
        "a" => writer.end_link(),
        "tr" => writer.end_row(),
        "table" => writer.end_table(),
        _ => {}
    }
}

fn level(name: &str) -> usize {
    name[1..].parse().unwrap_or(1)
}

#[cfg(test)]
mod tests;
