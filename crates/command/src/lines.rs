use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// Cuts what a program prints into lines, in little memory however long they are.
///
/// A carriage return ends a line too: programs that redraw a line show each state of it so.
#[derive(Debug, Default)]
pub struct Lines {
    /// The beginning of a line whose end has not come.
    part: Vec<u8>,
    /// Whether that is not the beginning, but a later piece.
    goes_on: bool,
    /// Whether the last line ended with a carriage return.
    returned: bool,
}

/// A line, or a piece of a very long one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its bytes, without the end of the line.
    pub bytes: &'a [u8],
    /// Whether this is all of it.
    pub whole: bool,
}

impl Lines {
    /// Longer lines come in pieces of at most so many bytes.
    pub const LONGEST: usize = 16 * 1024;

    /// Takes in what came, and gives each line that is complete now.
    pub fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(Line<'_>)) {
        while !bytes.is_empty() {
            let Some(at) = memchr2(b'\n', b'\r', bytes) else {
                self.returned = false;
                self.keep(bytes, &mut take);
                return;
            };
            let (line, end, rest) = (&bytes[..at], bytes[at], &bytes[at + 1..]);
            bytes = rest;
            let is_second_half = end == b'\n' && self.returned && at == 0 && self.part.is_empty();
            self.returned = end == b'\r';
            // Nothing is drawn between two returns, and a break after one ends the same line.
            let is_nothing = at == 0 && self.part.is_empty() && !self.goes_on;
            if is_second_half || (is_nothing && end == b'\r') {
                continue;
            }
            if self.part.is_empty() && !self.goes_on && line.len() <= Self::LONGEST {
                take(Line { bytes: line, whole: true });
            } else {
                self.keep(line, &mut take);
                self.end(&mut take);
            }
        }
    }

    /// Gives what has come of a line whose end never will.
    pub fn end(&mut self, mut take: impl FnMut(Line<'_>)) {
        if !self.part.is_empty() {
            take(Line { bytes: &self.part, whole: !self.goes_on });
        }
        self.part.clear();
        self.goes_on = false;
    }

    /// Keeps the beginning of a line; pieces that are full are given away.
    fn keep(&mut self, mut bytes: &[u8], take: &mut impl FnMut(Line<'_>)) {
        while self.part.len() + bytes.len() > Self::LONGEST {
            let room = Self::LONGEST - self.part.len();
            self.part.extend_from_slice(&bytes[..room]);
            bytes = &bytes[room..];
            let whole_characters = boundary(&self.part);
            take(Line { bytes: &self.part[..whole_characters], whole: false });
            self.part.drain(..whole_characters);
            self.goes_on = true;
        }
        self.part.extend_from_slice(bytes);
    }
}

/// Where the last character that is whole ends: cut there, none is torn.
fn boundary(bytes: &[u8]) -> usize {
    let begins = |byte: u8| byte & 0b1100_0000 != 0b1000_0000;
    let last = (bytes.len().saturating_sub(4)..bytes.len()).rev().find(|at| begins(bytes[*at]));
    match last {
        Some(at) if std::str::from_utf8(&bytes[at..]).is_err() && at > 0 => at,
        Some(_) | None => bytes.len(),
    }
}

/// A line without what only a terminal understands: colours, titles, progress.
pub fn plain(line: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr(0x1b, line) else { return Cow::Borrowed(line) };
    let mut kept = line[..first].to_vec();
    let mut rest = &line[first..];
    while let Some(byte) = rest.first() {
        if let Some(length) = sequence(rest) {
            rest = &rest[length..];
        } else {
            kept.push(*byte);
            rest = &rest[1..];
        }
    }
    Cow::Owned(kept)
}

/// The length of the sequence for terminals that begins here, if a whole one does (ECMA-48, 5.4
/// for those that begin with `ESC [`, 8.3.89 for `ESC ]`; terminals also end the latter with BEL).
fn sequence(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [0x1b, b'[', rest @ ..] => {
            let end = rest.iter().position(|byte| !matches!(byte, 0x20..=0x3f))?;
            matches!(rest[end], 0x40..=0x7e).then_some(end + 3)
        }
        [0x1b, b']', rest @ ..] => {
            let end = memchr2(0x07, 0x1b, rest)?;
            match &rest[end..] {
                [0x07, ..] => Some(end + 3),
                [0x1b, b'\\', ..] => Some(end + 4),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a text that comes in pieces of this size, and whether each is whole.
    fn cut(text: &[u8], size: usize) -> Vec<(String, bool)> {
        let mut lines = Lines::default();
        let mut found = Vec::new();
        let mut take = |line: Line<'_>| {
            found.push((String::from_utf8_lossy(line.bytes).into_owned(), line.whole));
        };
        for piece in text.chunks(size) {
            lines.feed(piece, &mut take);
        }
        lines.end(&mut take);
        found
    }

    #[test]
    fn lines_are_the_same_however_they_come() {
        let text = b"one\ntwo\r\n\n\r10%\r20%\r\nlast \xff\x00";
        let lines = ["one", "two", "", "10%", "20%", "last \u{fffd}\0"];
        for size in 1..text.len() {
            let found = cut(text, size);
            assert!(found.iter().all(|(_, whole)| *whole));
            assert_eq!(found.into_iter().map(|(line, _)| line).collect::<Vec<_>>(), lines);
        }
    }

    #[test]
    fn a_long_line_comes_in_pieces_that_tear_no_character() {
        let text = format!("{}\nend\n", "é…".repeat(20_000));
        for size in [7, 4096, 65_536] {
            let found = cut(text.as_bytes(), size);
            let (end, pieces) = found.split_last().unwrap();
            assert_eq!(*end, ("end".to_owned(), true));
            assert!(pieces.len() > 5 && pieces.iter().all(|(_, whole)| !whole), "{size}");
            assert!(pieces.iter().all(|(piece, _)| piece.len() <= Lines::LONGEST));
            let joined: String = pieces.iter().map(|(piece, _)| piece.as_str()).collect();
            assert_eq!(joined, "é…".repeat(20_000));
        }
    }

    #[test]
    fn a_line_just_as_long_as_allowed_is_whole() {
        let text = vec![b'x'; Lines::LONGEST];
        for size in [1000, Lines::LONGEST] {
            let found = cut(&[&text[..], b"\n"].concat(), size);
            assert_eq!(
                found.iter().map(|(line, whole)| (line.len(), *whole)).collect::<Vec<_>>(),
                [(Lines::LONGEST, true)]
            );
        }
    }

    #[test]
    fn memory_stays_small_without_a_line_break() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; 65_536];
        for _ in 0..1000 {
            lines.feed(&piece, |_| {});
            assert!(lines.part.capacity() <= 2 * Lines::LONGEST);
        }
    }

    #[test]
    fn what_only_terminals_understand_is_left_out() {
        let line = b"\x1b[1;31mred\x1b[0m \x1b]9;4;1;50\x07and\x1b]0;title\x1b\\ \x1b[torn \x1b";
        assert_eq!(&*plain(line), b"red and orn \x1b");
        assert_eq!(&*plain(b"\x1b]never ended"), b"\x1b]never ended");
    }
}
