//! Issues, comments and changelogs as JSON.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::route::Flavour;
use super::show_field::{FIELDS, Shown};
use super::time::Zone;
use super::world::blocks::{Block, adf, quote, wiki};
use super::world::issue::{Comment, History};
use super::world::{Slot, World};

/// How many comments Cloud sends with an issue.
pub(crate) const INLINE_COMMENTS: u32 = 20;
/// How many entries of the changelog Cloud sends with an issue.
const INLINE_HISTORIES: usize = 40;

/// Which fields of issues were asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    all: bool,
    navigable: bool,
    named: BTreeSet<String>,
    left_out: BTreeSet<String>,
}

impl Wanted {
    /// Reads a list; each entry may name several with commas between them. Without a positive
    /// entry `default` counts.
    pub(crate) fn read(list: &[String], default: &str) -> Self {
        let mut wanted = Wanted {
            all: false,
            navigable: false,
            named: BTreeSet::new(),
            left_out: BTreeSet::new(),
        };
        let names = list.iter().flat_map(|entry| entry.split(','));
        let names = names.map(str::trim).filter(|name| !name.is_empty());
        let (minus, plus): (Vec<&str>, Vec<&str>) = names.partition(|name| name.starts_with('-'));
        wanted.left_out = minus.iter().map(|name| name[1..].to_owned()).collect();
        for name in if plus.is_empty() { vec![default] } else { plus } {
            match name {
                "*all" => wanted.all = true,
                "*navigable" => wanted.navigable = true,
                name => drop(wanted.named.insert(name.to_owned())),
            }
        }
        wanted
    }

    /// Nothing but ids.
    pub(crate) fn only_ids(&self) -> bool {
        !self.has_fields() && !self.named.contains("key")
    }

    /// Anything but ids and keys.
    pub(crate) fn has_fields(&self) -> bool {
        let plain = |name: &String| name == "id" || name == "key" || name == "issuekey";
        self.all || self.navigable || !self.named.iter().all(plain)
    }

    /// Whether `bulkfetch` may take 1,000 issues: few named fields, none with many values.
    pub(crate) fn is_light(&self) -> bool {
        let heavy = ["comment", "worklog", "attachment"];
        let named = self.named.len() <= 100 && !heavy.iter().any(|name| self.named.contains(*name));
        !self.all && !self.navigable && named
    }

    fn wants(&self, shown: &Shown) -> bool {
        let asked = self.all || (self.navigable && shown.navigable);
        !self.left_out.contains(shown.id) && (asked || self.named.contains(shown.id))
    }
}

/// What everything is shown with.
#[derive(Clone, Copy)]
pub(crate) struct Show<'a> {
    pub(crate) world: &'a World,
    pub(crate) flavour: Flavour,
    /// `http://127.0.0.1:PORT/jira`.
    pub(crate) site: &'a str,
    pub(crate) zone: Zone,
}

impl Show<'_> {
    /// `…/rest/api/3`.
    pub(crate) fn api(&self) -> String {
        format!("{}/rest/api/{}", self.site, self.flavour.version())
    }

    pub(crate) fn time(&self, ms: i64) -> String {
        quote(&self.zone.show(ms))
    }

    pub(crate) fn person(&self, at: Option<usize>) -> &str {
        let Some(at) = at else { return "null" };
        let person = self.world.people.get(at);
        match self.flavour {
            Flavour::Site | Flavour::Scoped => &person.cloud,
            Flavour::Center => &person.center,
        }
    }

    pub(crate) fn document(&self, out: &mut String, blocks: &[Block]) {
        match self.flavour {
            Flavour::Site | Flavour::Scoped => adf(out, blocks),
            Flavour::Center if blocks.is_empty() => out.push_str("null"),
            Flavour::Center => out.push_str(&quote(&wiki(blocks))),
        }
    }

    /// A whole issue.
    pub(crate) fn issue(&self, out: &mut String, slot: &Slot, wanted: &Wanted, changelog: bool) {
        if wanted.only_ids() && !changelog {
            let _ = write!(out, "{{\"id\":\"{}\"}}", slot.id);
            return;
        }
        let _ = write!(
            out,
            "{{\"expand\":\"operations,versionedRepresentations,editmeta,changelog,\
             renderedFields\",\"id\":\"{}\",\"self\":\"{}/issue/{}\",\"key\":\"{}\"",
            slot.id,
            self.api(),
            slot.id,
            self.world.key(slot)
        );
        if changelog {
            self.inline_changelog(out, slot);
        }
        if wanted.has_fields() {
            out.push_str(",\"fields\":{");
            let head = self.world.head(slot);
            let mut first = true;
            for shown in FIELDS.iter().filter(|shown| wanted.wants(shown)) {
                let comma = if first { "" } else { "," };
                first = false;
                let _ = write!(out, "{comma}\"{}\":", shown.id);
                self.field(out, shown.part, slot, &head);
            }
            out.push('}');
        }
        out.push('}');
    }

    /// Cloud sends the newest 40, newest first; Data Center all, oldest first.
    fn inline_changelog(&self, out: &mut String, slot: &Slot) {
        let mut histories = self.world.histories(slot);
        let total = histories.len();
        let most = match self.flavour {
            Flavour::Site | Flavour::Scoped => {
                histories.reverse();
                histories.truncate(INLINE_HISTORIES);
                INLINE_HISTORIES
            }
            Flavour::Center => total,
        };
        let _ = write!(
            out,
            ",\"changelog\":{{\"startAt\":0,\"maxResults\":{most},\"total\":{total},\
             \"histories\":["
        );
        for (nth, history) in histories.iter().enumerate() {
            out.push_str(if nth == 0 { "" } else { "," });
            let at = self.time(history.at);
            self.history(out, history, &at);
        }
        out.push_str("]}");
    }

    /// One entry of a changelog; `at` is its time as JSON.
    pub(crate) fn history(&self, out: &mut String, history: &History, at: &str) {
        let author = self.person(history.author);
        let id = history.id;
        let _ = write!(out, "{{\"id\":\"{id}\",\"author\":{author},\"created\":{at},\"items\":[");
        for (nth, item) in history.items.iter().enumerate() {
            let side = |pair: &Option<(String, String)>| match pair {
                None => ("null".to_owned(), "null".to_owned()),
                Some((id, name)) if id.is_empty() => ("null".to_owned(), quote(name)),
                Some((id, name)) => (quote(id), quote(name)),
            };
            let ((from, from_text), (to, to_text)) = (side(&item.from), side(&item.to));
            let comma = if nth == 0 { "" } else { "," };
            let field = item.field;
            let _ = write!(
                out,
                "{comma}{{\"field\":\"{field}\",\"fieldtype\":\"jira\",\"fieldId\":\"{field}\",\
                 \"from\":{from},\"fromString\":{from_text},\"to\":{to},\"toString\":{to_text}}}"
            );
        }
        out.push_str("]}");
    }

    pub(crate) fn comment(&self, out: &mut String, slot: &Slot, comment: &Comment) {
        let author = self.person(comment.author);
        let _ = write!(
            out,
            "{{\"self\":\"{}/issue/{}/comment/{}\",\"id\":\"{}\",",
            self.api(),
            slot.id,
            comment.id,
            comment.id
        );
        // An anonymous comment has no author at all.
        if comment.author.is_some() {
            let _ = write!(out, "\"author\":{author},\"updateAuthor\":{author},");
        }
        out.push_str("\"body\":");
        if comment.body.is_empty() {
            out.push_str("\"\"");
        } else {
            self.document(out, &comment.body);
        }
        let (created, updated) = (self.time(comment.created), self.time(comment.updated));
        let _ = write!(out, ",\"created\":{created},\"updated\":{updated},\"jsdPublic\":true}}");
    }

    /// The comment field: cut on Cloud, whole on Data Center.
    pub(super) fn inline_comments(&self, out: &mut String, slot: &Slot) {
        let comments = self.world.comments(slot);
        let total = comments.len();
        let most = match self.flavour {
            Flavour::Site | Flavour::Scoped => INLINE_COMMENTS as usize,
            Flavour::Center => total,
        };
        out.push_str("{\"comments\":[");
        for (nth, comment) in comments.iter().take(most).enumerate() {
            out.push_str(if nth == 0 { "" } else { "," });
            self.comment(out, slot, comment);
        }
        let _ = write!(
            out,
            "],\"self\":\"{}/issue/{}/comment\",\"maxResults\":{most},\"total\":{total},\
             \"startAt\":0}}",
            self.api(),
            slot.id
        );
    }
}
