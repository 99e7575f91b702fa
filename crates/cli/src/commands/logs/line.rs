//! A line of a log: when, whose words, and what.

use jobctl_command::Report;

use crate::text;
use crate::views::Paint;

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    /// The worker itself.
    Worker,
    /// Its command, on stdout.
    Out,
    /// Its command, on stderr.
    Err,
}

/// A line of a log, fit for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// When it was written, as the log has it.
    pub(crate) at: Option<String>,
    /// Who said it.
    pub(crate) voice: Voice,
    /// What.
    pub(crate) text: String,
}

impl Line {
    /// Takes a line apart as its writer put it together; any other is taken whole.
    pub(crate) fn parse(line: &str) -> Self {
        let line = text::kept(line);
        let stamped = line.strip_prefix('[').and_then(|line| line.split_once("] "));
        let (at, rest) = stamped.map_or((None, line.as_str()), |(at, rest)| (Some(at), rest));
        let said =
            |mark| rest.strip_prefix(mark).map(|text| text.strip_prefix(' ').unwrap_or(text));
        let (voice, text) = match (said("out|"), said("err|")) {
            (Some(text), _) => (Voice::Out, text),
            (None, Some(text)) => (Voice::Err, text),
            (None, None) => (Voice::Worker, rest),
        };
        Self { at: at.map(str::to_owned), voice, text: text.to_owned() }
    }

    /// As the log has it: the time and the stream before the text.
    pub(crate) fn whole(&self, paint: Paint) -> String {
        let at = self.at.as_ref().map(|at| format!("[{at}] ")).unwrap_or_default();
        match self.voice {
            Voice::Worker => format!("{at}{}", self.text),
            Voice::Out => format!("{at}out| {}", self.text),
            Voice::Err => format!("{at}{}", paint.yellow(&format!("err| {}", self.text))),
        }
    }

    /// Whether it is for people who watch: not what is told as progress anyway, nor what the worker
    /// notes of its own doings.
    pub(crate) fn is_for_watchers(&self) -> bool {
        match self.voice {
            Voice::Worker => false,
            Voice::Err => true,
            Voice::Out => match Report::of(self.text.as_bytes()) {
                Some(Ok(
                    Report::Progress { .. }
                    | Report::Counter { .. }
                    | Report::Summary(_)
                    | Report::Checkpoint(_),
                )) => false,
                Some(Ok(Report::Status(_)) | Err(_)) | None => true,
            },
        }
    }

    /// What was said, marked only where stdout did not say it.
    pub(crate) fn spoken(&self, paint: Paint) -> String {
        match self.voice {
            Voice::Worker | Voice::Out => self.text.clone(),
            Voice::Err => paint.yellow(&format!("err| {}", self.text)),
        }
    }

    /// The stream, as JSON names it.
    pub(crate) const fn stream(&self) -> Option<&'static str> {
        match self.voice {
            Voice::Worker => None,
            Voice::Out => Some("out"),
            Voice::Err => Some("err"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_as_it_was_put_together() {
        let plain = Paint(false);
        for (line, voice, text) in [
            (
                "[2026-01-15T10:53:15.120Z] out|   indented\tby hand",
                Voice::Out,
                "  indented\tby hand",
            ),
            ("[2026-01-15T10:53:15.120Z] out| ", Voice::Out, ""),
            ("[2026-01-15T10:53:15.120Z] out|", Voice::Out, ""),
            ("[2026-01-15T10:53:15.120Z] err| err| twice", Voice::Err, "err| twice"),
            ("[2026-01-15T10:53:15.120Z] attempt 1 began", Voice::Worker, "attempt 1 began"),
            ("no time", Voice::Worker, "no time"),
            ("", Voice::Worker, ""),
            ("[half", Voice::Worker, "[half"),
            ("[t] out| \u{1b}[2Jcleared\u{7}\rnext\u{202e}", Voice::Out, "cleared next"),
        ] {
            let parsed = Line::parse(line);
            assert_eq!((parsed.voice, parsed.text.as_str()), (voice, text), "{line:?}");
        }
        let line = Line::parse("[10:53] err| no");
        assert_eq!(line.whole(plain), "[10:53] err| no");
        assert_eq!(line.spoken(plain), "err| no");
        assert_eq!(Line::parse("[10:53] out| yes").spoken(plain), "yes");
    }

    #[test]
    fn watchers_are_spared_what_they_see_otherwise() {
        for (line, wanted) in [
            ("out| ::progress 3/10 x", false),
            ("out| ::counter files 3", false),
            ("out| ::summary all", false),
            ("out| ::checkpoint x", false),
            ("out| ::status linking", true),
            ("out| ::progress", true),
            ("out| progress 3/10", true),
            ("err| ::progress 3/10 x", true),
            ("worker started for job 00000001, attempt 1", false),
        ] {
            assert_eq!(Line::parse(&format!("[t] {line}")).is_for_watchers(), wanted, "{line}");
        }
    }
}
