use crate::html::escape::{address, escape_into, is_space, longest_run};
use crate::html::mark::Mark;

/// Quotes and lists within each other that are shown as such: deeper ones are flat, so that no
/// line has a long beginning.
const DEEPEST: usize = 12;

/// Writes Markdown.
#[derive(Default)]
pub(super) struct Writer {
    out: String,
    /// Line ends to write before the next text.
    breaks: usize,
    /// A blank to write before the next text, if it does not begin a line.
    blank: bool,
    /// What the lines here begin with.
    frames: Vec<Frame>,
    /// Beginnings of quotes and lists that are too deep to be shown.
    flat: usize,
    /// Marks that are open, and whether they are written.
    marks: Vec<(Mark, bool)>,
    /// The mark that was closed last, and where the text ended then.
    closed: Option<(Mark, usize)>,
    link: Option<Link>,
    /// Links that began within it.
    inner_links: usize,
    verbatim: Option<Verbatim>,
    table: Table,
    /// What begins the next line: the sign of an item or heading.
    lead: Option<String>,
}

/// Something whose lines begin with more than the text.
enum Frame {
    Quote,
    /// The next number, and how far the items' further lines are set in.
    List {
        number: Option<u64>,
        inset: usize,
    },
}

/// A link whose text is being written.
struct Link {
    target: Option<String>,
    /// Whether its `[` is written, and where the text behind it begins.
    begun: Option<usize>,
    /// Marks that were open before it.
    outer: usize,
}

/// Text that is shown as it is.
struct Verbatim {
    block: bool,
    text: String,
}

#[derive(Default)]
struct Table {
    /// Rows begun, cells of the present one, and cells of the first.
    rows: usize,
    cells: usize,
    width: usize,
    in_cell: bool,
}

impl Writer {
    pub(super) fn finish(mut self) -> String {
        self.end_verbatim(true);
        self.end_verbatim(false);
        self.inner_links = 0;
        self.end_link();
        self.suspend();
        let end = self.out.trim_end().len();
        self.out.truncate(end);
        self.out
    }

    /// Text between tags: runs of white space are one blank.
    pub(super) fn text(&mut self, text: &str) {
        if let Some(verbatim) = &mut self.verbatim {
            verbatim.text.push_str(text);
            return;
        }
        let mut words = text.split(is_space);
        if let Some(first) = words.next() {
            self.word(first);
        }
        for word in words {
            self.blank = true;
            self.word(word);
        }
    }

    /// A word, or a part of one.
    fn word(&mut self, word: &str) {
        if word.is_empty() {
            return;
        }
        let begins_line = self.begin();
        escape_into(&mut self.out, word, begins_line, self.table.in_cell);
    }

    /// Writes what must stand before the next text; tells whether it begins a line.
    fn begin(&mut self) -> bool {
        let begins_line = self.begin_line();
        let outer = self.link.as_ref().map_or(self.marks.len(), |link| link.outer);
        self.write_marks(0, outer);
        if let Some(link) = &mut self.link
            && link.target.is_some()
            && link.begun.is_none()
        {
            self.out.push('[');
            link.begun = Some(self.out.len());
        }
        self.write_marks(outer, self.marks.len());
        begins_line
    }

    fn write_marks(&mut self, from: usize, to: usize) {
        for (mark, written) in &mut self.marks[from..to] {
            if *written {
                continue;
            }
            *written = true;
            // One that ended right here goes on: its sign twice would be another one.
            if self.closed.take() == Some((*mark, self.out.len())) {
                self.out.truncate(self.out.len() - mark.sign().len());
            } else {
                self.out.push_str(mark.sign());
            }
        }
    }

    fn begin_line(&mut self) -> bool {
        if self.table.in_cell {
            self.blank |= self.breaks > 0;
            self.breaks = 0;
        }
        let begins_line = self.out.is_empty() || self.breaks > 0;
        if begins_line {
            if !self.out.is_empty() {
                for _ in 1..self.breaks {
                    self.out.push('\n');
                    let bare = self.prefix(self.lead.is_some());
                    self.out.push_str(bare.trim_end());
                }
                self.out.push('\n');
            }
            let prefix = self.prefix(self.lead.is_some());
            self.out.push_str(&prefix);
            if let Some(lead) = self.lead.take() {
                self.out.push_str(&lead);
            }
        } else if self.blank && !self.out.ends_with([' ', '\n', '[']) {
            self.out.push(' ');
        }
        self.breaks = 0;
        self.blank = false;
        begins_line
    }

    /// What a line begins with; that of an item's first line lacks the item's own inset.
    fn prefix(&self, first: bool) -> String {
        let mut prefix = String::new();
        let last = self.frames.len().saturating_sub(1);
        for (at, frame) in self.frames.iter().enumerate() {
            match frame {
                Frame::Quote => prefix.push_str("> "),
                Frame::List { .. } if first && at == last => {}
                Frame::List { inset, .. } => prefix.extend(std::iter::repeat_n(' ', *inset)),
            }
        }
        prefix
    }

    pub(super) fn line(&mut self) {
        self.end_of_line(1);
    }

    pub(super) fn paragraph(&mut self) {
        self.end_of_line(2);
    }

    fn end_of_line(&mut self, breaks: usize) {
        if let Some(verbatim) = &mut self.verbatim {
            if !verbatim.text.is_empty() && !verbatim.text.ends_with('\n') {
                verbatim.text.push('\n');
            }
            return;
        }
        if !self.table.in_cell {
            self.suspend();
        }
        if self.lead.is_none() || !self.out.is_empty() {
            self.breaks = self.breaks.max(breaks);
        }
        self.blank = false;
    }

    /// Marks do not go over line ends: they end here and begin again with the next text.
    fn suspend(&mut self) {
        self.suspend_from(0);
    }

    /// Ends the marks from that one on.
    fn suspend_from(&mut self, first: usize) {
        for (mark, written) in self.marks[first..].iter_mut().rev() {
            if *written {
                self.out.push_str(mark.sign());
                *written = false;
                self.closed = Some((*mark, self.out.len()));
            }
        }
    }

    pub(super) fn open(&mut self, mark: Mark) {
        // Twice strong is strong.
        let known = self.marks.iter().any(|(open, _)| *open == mark);
        if self.verbatim.is_none() && !known {
            self.marks.push((mark, false));
        }
    }

    pub(super) fn close(&mut self, mark: Mark) {
        if self.verbatim.is_some() {
            return;
        }
        let Some(at) = self.marks.iter().rposition(|(open, _)| *open == mark) else { return };
        // Those within end too, and begin again.
        self.suspend_from(at);
        self.marks.remove(at);
        if let Some(link) = self.link.as_mut().filter(|link| link.outer > at) {
            link.outer -= 1;
        }
    }

    pub(super) fn heading(&mut self, level: usize) {
        self.paragraph();
        if self.verbatim.is_none() && !self.table.in_cell {
            self.lead_with(&format!("{} ", "#".repeat(level)));
        }
    }

    /// Adds to what begins the next line.
    fn lead_with(&mut self, sign: &str) {
        self.lead.get_or_insert_default().push_str(sign);
    }

    pub(super) fn rule(&mut self) {
        if self.verbatim.is_some() || self.table.in_cell {
            return;
        }
        self.paragraph();
        self.begin_line();
        self.out.push_str("---");
        self.paragraph();
    }

    pub(super) fn list(&mut self, number: Option<u64>) {
        if self.verbatim.is_some() {
            return;
        }
        let nested = self.frames.iter().any(|frame| matches!(frame, Frame::List { .. }));
        self.end_of_line(if nested { 1 } else { 2 });
        self.enter(Frame::List { number, inset: 0 });
    }

    fn enter(&mut self, frame: Frame) {
        // A sign that waits for its text is written before what is within.
        if self.lead.is_some() && !self.frames.is_empty() {
            self.begin_line();
            self.breaks = 1;
        }
        if self.frames.len() < DEEPEST {
            self.frames.push(frame);
        } else {
            self.flat += 1;
        }
    }

    /// Leaves the innermost frame of a sort, if it is the innermost at all.
    fn leave(&mut self, is: fn(&Frame) -> bool) {
        if self.flat > 0 {
            self.flat -= 1;
        } else if self.frames.last().is_some_and(is) {
            self.frames.pop();
            self.lead = None;
        }
    }

    pub(super) fn end_list(&mut self) {
        if self.verbatim.is_some() {
            return;
        }
        self.leave(|frame| matches!(frame, Frame::List { .. }));
        let nested = self.frames.iter().any(|frame| matches!(frame, Frame::List { .. }));
        self.end_of_line(if nested { 1 } else { 2 });
    }

    pub(super) fn item(&mut self) {
        if self.verbatim.is_some() || self.table.in_cell {
            self.line();
            return;
        }
        self.line();
        let sign = match self.frames.last_mut() {
            Some(Frame::List { number: Some(number), inset }) => {
                let sign = format!("{number}. ");
                *number = number.saturating_add(1);
                *inset = sign.len();
                sign
            }
            Some(Frame::List { number: None, inset }) => {
                *inset = 2;
                "- ".to_owned()
            }
            Some(Frame::Quote) | None => "- ".to_owned(),
        };
        self.lead = Some(sign);
    }

    pub(super) fn end_item(&mut self) {
        if self.verbatim.is_none() {
            self.line();
            self.lead = None;
        }
    }

    pub(super) fn checkbox(&mut self, checked: bool) {
        if self.verbatim.is_none() {
            self.begin();
            self.out.push_str(if checked { "[x]" } else { "[ ]" });
            self.blank = true;
        }
    }

    pub(super) fn quote(&mut self) {
        if self.verbatim.is_none() {
            self.paragraph();
            self.enter(Frame::Quote);
        }
    }

    pub(super) fn end_quote(&mut self) {
        if self.verbatim.is_none() {
            self.leave(|frame| matches!(frame, Frame::Quote));
            self.paragraph();
        }
    }

    pub(super) fn verbatim(&mut self, block: bool) {
        if self.verbatim.is_none() {
            // A block cannot stand in a cell.
            let block = block && !self.table.in_cell;
            if block {
                self.paragraph();
            }
            self.verbatim = Some(Verbatim { block, text: String::new() });
        }
    }

    pub(super) fn end_verbatim(&mut self, block: bool) {
        let ends = |verbatim: &Verbatim| verbatim.block == block || self.table.in_cell;
        if !self.verbatim.as_ref().is_some_and(ends) {
            return;
        }
        let Some(verbatim) = self.verbatim.take() else { return };
        if verbatim.text.trim().is_empty() {
            self.blank |= !verbatim.text.is_empty();
        } else if verbatim.block {
            self.fenced(verbatim.text.trim_end().trim_start_matches(['\r', '\n']));
        } else {
            self.begin();
            let text: String = verbatim.text.split_whitespace().collect::<Vec<_>>().join(" ");
            let fence = "`".repeat(longest_run(&text) + 1);
            let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
            let text = if self.table.in_cell { text.replace('|', "\\|") } else { text };
            self.out.extend([fence.as_str(), pad, &text, pad, &fence]);
        }
    }

    /// A fenced block, each line with what lines here begin with.
    fn fenced(&mut self, text: &str) {
        let fence = "`".repeat((longest_run(text) + 1).max(3));
        self.begin_line();
        self.out.push_str(&fence);
        let prefix = self.prefix(false);
        for line in text.lines().chain([fence.as_str()]) {
            self.out.push('\n');
            self.out.push_str(&prefix);
            self.out.push_str(line);
        }
        self.paragraph();
    }

    pub(super) fn link(&mut self, target: Option<&str>) {
        if self.verbatim.is_some() {
            return;
        }
        // Links within links are none, and mentions of people lead nowhere.
        if self.link.is_some() {
            self.inner_links += 1;
            return;
        }
        let target = target.and_then(address);
        self.link = Some(Link { target, begun: None, outer: self.marks.len() });
    }

    pub(super) fn end_link(&mut self) {
        if self.verbatim.is_some() {
            return;
        }
        if self.inner_links > 0 {
            self.inner_links -= 1;
            return;
        }
        let Some(Link { target: Some(target), begun: Some(begun), outer }) = self.link.take()
        else {
            return;
        };
        self.suspend_from(outer);
        if self.out.get(begun..) == Some(target.as_str()) {
            // Its address is its text: no need to say it twice.
            self.out.replace_range(begun - 1.., "");
            self.out.extend(["<", &target, ">"]);
        } else {
            self.out.extend(["](", &target, ")"]);
        }
    }

    pub(super) fn image(&mut self, alt: &str, source: &str) {
        // What is in the address itself is too much to show.
        let Some(source) = address(source).filter(|_| self.verbatim.is_none()) else { return };
        self.begin();
        let alt: Vec<&str> = alt.split(is_space).filter(|word| !word.is_empty()).collect();
        self.out.push_str("![");
        escape_into(&mut self.out, &alt.join(" "), false, true);
        self.out.extend(["](", &source, ")"]);
    }

    pub(super) fn row(&mut self) {
        if self.verbatim.is_none() {
            self.table.in_cell = false;
            let breaks = if self.table.rows == 0 { 2 } else { 1 };
            self.end_of_line(breaks);
            self.table.rows += 1;
            self.table.cells = 0;
        }
    }

    pub(super) fn cell(&mut self) {
        if self.verbatim.is_some() || self.table.rows == 0 {
            return;
        }
        self.suspend();
        let first = self.table.cells == 0;
        self.blank = false;
        if first {
            self.begin_line();
        }
        self.out.push_str(if first { "| " } else { " | " });
        self.breaks = 0;
        self.table.cells += 1;
        self.table.in_cell = true;
    }

    pub(super) fn end_row(&mut self) {
        if self.verbatim.is_some() || !self.table.in_cell {
            return;
        }
        self.suspend();
        self.table.in_cell = false;
        self.breaks = 0;
        self.blank = false;
        self.out.push_str(" |");
        if self.table.rows == 1 {
            self.table.width = self.table.cells;
            self.breaks = 1;
            self.begin_line();
            self.out.push('|');
            self.out.push_str(&" --- |".repeat(self.table.width));
        }
        self.breaks = 1;
    }

    pub(super) fn end_table(&mut self) {
        if self.verbatim.is_none() {
            self.end_row();
            self.table = Table::default();
            self.paragraph();
        }
    }
}
