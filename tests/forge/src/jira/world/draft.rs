//! Descriptions in which every kind of node occurs.

use super::World;
use super::blocks::{Block, Span};
use crate::random::Random;
use crate::world::text;

/// A description; issues one after the other show all nodes there are.
pub(super) fn description(
    world: &World,
    random: &mut Random,
    number: u32,
    story: bool,
) -> Vec<Block> {
    let opening = format!("{} on {number}.", text::title(random));
    let mut blocks = vec![Block::Paragraph(vec![Span::Text(opening)])];
    blocks.extend(special(world, random, number));
    if story && random.chance(40) {
        blocks.push(Block::Heading(3, "Acceptance criteria".to_owned()));
        blocks.push(Block::Bullets(vec![
            format!("case {number} is written down"),
            "nothing is lost".to_owned(),
        ]));
        blocks.push(Block::Heading(3, "Notes".to_owned()));
    }
    blocks.push(Block::Paragraph(vec![Span::Text(text::title(random))]));
    blocks
}

/// Somebody's name within a text.
pub(super) fn mention(world: &World, random: &mut Random) -> Span {
    let person = world.people.get(random.index(world.people.len()));
    Span::Mention(person.account_id.clone(), person.display.clone())
}

fn words(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn special(world: &World, random: &mut Random, number: u32) -> Vec<Block> {
    let n = u64::from(number);
    match number % 16 {
        0 => vec![Block::Bullets(words(&["first", "second * not bold *", "third"]))],
        1 => vec![Block::Numbers(words(&["open it", "close it"])), Block::Rule],
        2 => vec![Block::Tasks(vec![(true, "write".to_owned()), (false, "review".to_owned())])],
        3 => vec![Block::Code("rust", format!("fn main() {{\n    println!(\"{number}\");\n}}"))],
        4 => vec![Block::Panel("warning", "mind the gap".to_owned())],
        5 => vec![Block::Table(vec![
            words(&["version", "result"]),
            words(&["1.4 | old", "good"]),
            vec!["1.5".to_owned(), format!("broken {number}")],
        ])],
        6 => vec![Block::Paragraph(vec![
            mention(world, random),
            Span::Text(" wrote on ".to_owned()),
            Span::Date(1_700_000_000_000 + i64::from(number) * 86_400_000),
            Span::Emoji(":smile:", "\u{1F604}"),
            Span::Status("IN DOUBT".to_owned()),
        ])],
        7 => vec![Block::Paragraph(vec![
            Span::Marked(&["strong"], "bold".to_owned()),
            Span::Marked(&["em"], "slanted".to_owned()),
            Span::Break,
            Span::Marked(&["strike"], "gone".to_owned()),
            Span::Marked(&["code"], "a `tick`".to_owned()),
            Span::Marked(&["underline"], "under".to_owned()),
            Span::Marked(&["subsup"], "2".to_owned()),
            Span::Marked(&["textColor"], "grey".to_owned()),
        ])],
        8 => vec![Block::Paragraph(vec![
            Span::Link("the page".to_owned(), format!("https://example.com/a_(b)?n={n}")),
            Span::Text(" and ".to_owned()),
            Span::Card(format!("https://example.com/card/{n}")),
        ])],
        9 => vec![Block::Expand("More".to_owned(), format!("hidden {number}"))],
        10 => vec![Block::Media(format!("shot-{number}.png"))],
        11 => vec![Block::Columns(words(&["left side", "right side"]))],
        12 => vec![Block::Nested(words(&["outer", "middle", "inner"]))],
        13 => vec![Block::Decisions(words(&["we go on"]))],
        14 => vec![Block::Future("from tomorrow".to_owned())],
        _ => vec![Block::Quote("quoted, for context".to_owned())],
    }
}
