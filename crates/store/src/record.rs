//! The format of a line: JSON that ends with a checksum over all bytes before it.

use jobctl_core::Event;
use serde::{Deserialize, Serialize};

/// The version of the format that this code writes.
pub(crate) const VERSION: u32 = 1;

/// How every record and every line of a submission begins.
const BEGIN: &[u8] = b"{\"v\":";

/// Length of `,"crc":"01234567"}`.
const SUFFIX: usize = 18;

/// A line that is valid as far as its checksum goes, and what it says of itself.
#[derive(Debug, Deserialize)]
pub(crate) struct Head {
    /// Version of the format.
    pub(crate) v: u32,
    /// Place in the journal, counted from 1.
    #[serde(default)]
    pub(crate) seq: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    seq: u64,
    #[serde(flatten)]
    event: &'a Event,
}

/// The journal line of an event, newline included.
pub(crate) fn encode(seq: u64, event: &Event) -> Vec<u8> {
    seal(&Line { v: VERSION, seq, event })
}

/// A JSON object as a line with its checksum, newline included.
pub(crate) fn seal(object: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(object).expect("our own shapes have string keys only");
    let closed = line.pop();
    debug_assert_eq!(closed, Some(b'}'), "only objects are sealed");
    let suffix = suffix(&line);
    line.extend_from_slice(&suffix);
    line.push(b'\n');
    line
}

/// Whether a line without its newline carries the right checksum.
pub(crate) fn is_sealed(line: &[u8]) -> bool {
    // The suffix is made anew and compared byte by byte: parsing it would let `C` pass for `c`.
    line.len() > SUFFIX && {
        let (body, end) = line.split_at(line.len() - SUFFIX);
        suffix(body) == end
    }
}

/// The sealed lines in a line: itself, or what is whole in one that lost a line break.
pub(crate) fn sealed(line: &[u8]) -> Vec<&[u8]> {
    if is_sealed(line) {
        return vec![line];
    }
    let is_begin = |at: &usize| line[*at..].starts_with(BEGIN);
    let begins: Vec<usize> = (0..line.len()).filter(is_begin).collect();
    let ends = begins.iter().skip(1).copied().chain([line.len()]);
    let parts = begins.iter().zip(ends).map(|(begin, end)| &line[*begin..end]);
    let whole = parts.filter_map(|part| {
        let end = part.iter().rposition(|byte| *byte == b'}')?;
        Some(&part[..=end])
    });
    whole.filter(|part| is_sealed(part)).collect()
}

/// The lines of a file that end with a newline, each with its offset, without the newline; and
/// where the last of them ends.
pub(crate) fn lines(bytes: &[u8]) -> (Vec<(usize, &[u8])>, usize) {
    let mut found = Vec::new();
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        found.push((start, &bytes[start..end]));
        start = end + 1;
    }
    (found, start)
}

fn suffix(body: &[u8]) -> [u8; SUFFIX] {
    let mut suffix = *b",\"crc\":\"00000000\"}";
    let crc = crc32fast::hash(body);
    for (place, digit) in suffix[8..16].iter_mut().enumerate() {
        let value = (crc >> (28 - 4 * place)) & 0xf;
        *digit = b"0123456789abcdef"[value as usize];
    }
    suffix
}

#[cfg(test)]
mod tests {
    use jobctl_core::{Change, Time};

    use super::*;

    #[test]
    fn a_line_has_the_documented_form() {
        let line = encode(7, &Change::Closed.at(Time::UNIX_EPOCH));
        let text = String::from_utf8(line).unwrap();
        let body = r#"{"v":1,"seq":7,"at":"1970-01-01T00:00:00Z","event":"closed""#;
        let crc = crc32fast::hash(body.as_bytes());
        assert_eq!(text, format!("{body},\"crc\":\"{crc:08x}\"}}\n"));
    }

    #[test]
    fn no_flipped_bit_passes() {
        let mut line = encode(1, &Change::Started { pid: 4711 }.at(Time::UNIX_EPOCH));
        line.pop();
        assert!(is_sealed(&line));
        for bit in 0..line.len() * 8 {
            line[bit / 8] ^= 1 << (bit % 8);
            assert!(!is_sealed(&line), "bit {bit}");
            line[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
