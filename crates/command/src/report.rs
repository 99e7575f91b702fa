use memchr::memchr;

/// What a program says of its own work, in a line of its output or by a terminal's sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// `::progress CURRENT[/TOTAL] [ITEM]`
    Progress {
        /// Items done.
        current: u64,
        /// Items in all, if known.
        total: Option<u64>,
        /// What it is at.
        item: Option<String>,
    },
    /// `::status TEXT`
    Status(String),
    /// `::counter NAME VALUE`
    Counter {
        /// Of what.
        name: String,
        /// How many.
        value: u64,
    },
    /// `::summary TEXT`
    Summary(String),
    /// `::checkpoint TOKEN`
    Checkpoint(String),
}

/// A line that begins as a report does and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not understood; it is written {0}")]
pub struct Malformed(pub &'static str);

impl Report {
    /// The report that a line is; `None` where it is any other line.
    pub fn of(line: &[u8]) -> Option<Result<Self, Malformed>> {
        let line = std::str::from_utf8(line.strip_prefix(b"::")?).ok()?;
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let text = |make: fn(String) -> Self, form| {
            if rest.is_empty() { Err(Malformed(form)) } else { Ok(make(rest.to_owned())) }
        };
        Some(match word {
            "progress" => progress(rest).ok_or(Malformed("::progress CURRENT[/TOTAL] [ITEM]")),
            "counter" => counter(rest).ok_or(Malformed("::counter NAME VALUE")),
            "status" => text(Self::Status, "::status TEXT"),
            "summary" => text(Self::Summary, "::summary TEXT"),
            "checkpoint" => text(Self::Checkpoint, "::checkpoint TOKEN"),
            _ => return None,
        })
    }
}

fn progress(rest: &str) -> Option<Report> {
    let (count, item) = rest.split_once(' ').unwrap_or((rest, ""));
    let (current, total) = match count.split_once('/') {
        Some((current, total)) => (current, Some(total.parse().ok()?)),
        None => match count.strip_suffix('%') {
            Some(percent) => (percent, Some(100)),
            None => (count, None),
        },
    };
    let item = Some(item.trim()).filter(|item| !item.is_empty()).map(str::to_owned);
    Some(Report::Progress { current: current.parse().ok()?, total, item })
}

fn counter(rest: &str) -> Option<Report> {
    let (name, value) = rest.rsplit_once(' ')?;
    let name = name.trim().to_owned();
    (!name.is_empty()).then_some(Report::Counter { name, value: value.parse().ok()? })
}

/// Finds progress that is meant for a terminal, `ESC ] 9 ; 4 ; STATE ; PERCENT` and then BEL or
/// `ESC \`, wherever output is cut.
#[derive(Debug, Default)]
pub struct Scanner {
    /// The beginning of a sequence whose end has not come.
    part: Vec<u8>,
}

/// How it begins.
const BEGIN: &[u8] = b"\x1b]9;4;";
/// The longest sequence that means anything.
const LONGEST: usize = 20;

impl Scanner {
    /// Takes in what came, and gives the last progress that is complete in it.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Option<Report> {
        let mut last = None;
        loop {
            if self.part.is_empty() {
                let Some(at) = memchr(0x1b, bytes) else { return last };
                bytes = &bytes[at..];
            }
            let mut taken = 0;
            for byte in bytes {
                taken += 1;
                self.part.push(*byte);
                if !self.may_go_on() {
                    break;
                }
            }
            bytes = &bytes[taken..];
            if self.may_go_on() {
                return last;
            }
            last = self.complete().or(last);
            // What ended one sequence otherwise than meant may begin another.
            let again = self.part.len() > 1 && self.part.ends_with(b"\x1b");
            self.part.clear();
            if again {
                self.part.push(0x1b);
            }
            if bytes.is_empty() {
                return last;
            }
        }
    }

    /// Whether what is here may be the beginning of a sequence.
    fn may_go_on(&self) -> bool {
        let part = &self.part[..];
        let Some(rest) = part.strip_prefix(BEGIN) else { return BEGIN.starts_with(part) };
        let at_end = match rest.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b';')) {
            None => false,
            Some(end) => &rest[end..] != b"\x1b",
        };
        part.len() < LONGEST && !at_end
    }

    fn complete(&self) -> Option<Report> {
        let rest = self.part.strip_prefix(BEGIN)?;
        let rest = rest.strip_suffix(b"\x07").or_else(|| rest.strip_suffix(b"\x1b\\"))?;
        let (state, percent) = std::str::from_utf8(rest).ok()?.split_once(';')?;
        // 1: under way, 2: in trouble, 4: paused; 0 and 3 say nothing of how far.
        let tells = matches!(state, "1" | "2" | "4");
        let current = percent.parse::<u64>().ok().filter(|_| tells)?.min(100);
        Some(Report::Progress { current, total: Some(100), item: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Result<Report, Malformed>> {
        Report::of(line.as_bytes())
    }

    #[test]
    fn reports_are_read_as_they_are_written() {
        let progress = |current, total, item: Option<&str>| {
            Some(Ok(Report::Progress { current, total, item: item.map(str::to_owned) }))
        };
        assert_eq!(of("::progress 3/10 acme/api v2"), progress(3, Some(10), Some("acme/api v2")));
        assert_eq!(of("::progress 3"), progress(3, None, None));
        assert_eq!(of("::progress 40%"), progress(40, Some(100), None));
        let counter = Report::Counter { name: "files seen".into(), value: 12 };
        assert_eq!(of("::counter files seen 12"), Some(Ok(counter)));
        assert_eq!(of("::status  warm "), Some(Ok(Report::Status("warm".into()))));
        assert_eq!(of("::summary 3 made"), Some(Ok(Report::Summary("3 made".into()))));
        assert_eq!(of("::checkpoint page=3"), Some(Ok(Report::Checkpoint("page=3".into()))));
    }

    #[test]
    fn other_lines_are_left_alone_and_broken_reports_are_told() {
        for line in ["progress 3", ":: progress 3", "::group::x", "::progressing 3", " ::status x"]
        {
            assert_eq!(of(line), None, "{line}");
        }
        for line in ["::progress", "::progress -1", "::progress 1/", "::counter 3", "::checkpoint"]
        {
            assert!(matches!(of(line), Some(Err(_))), "{line}");
        }
        assert_eq!(Report::of(b"::status \xff"), None);
    }

    #[test]
    fn progress_for_a_terminal_is_found_however_it_is_cut() {
        let text = b"a\x1b[1m\x1b]0;t\x07\x1b\x1b]9;4;1;30\x07b\x1b]9;4;2;55\x1b\\\x1b]9;4;0;0\x07\x1b]9;4;";
        let percent = |report: &Report| {
            let Report::Progress { current, .. } = report else { panic!("{report:?}") };
            *current
        };
        for size in 1..text.len() {
            let mut scanner = Scanner::default();
            let found: Vec<u64> = text
                .chunks(size)
                .filter_map(|piece| scanner.feed(piece))
                .map(|r| percent(&r))
                .collect();
            assert_eq!(found.last(), Some(&55), "{size}: {found:?}");
            assert!(size > 9 || found == [30, 55], "{size}: {found:?}");
            assert!(scanner.part.len() <= LONGEST);
        }
    }
}
