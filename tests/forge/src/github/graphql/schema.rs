//! The part of GitHub's GraphQL schema that queries are checked against: its names, arguments
//! and types as published, cut to what belongs to issues.

use std::collections::HashMap;
use std::sync::LazyLock;

/// One field of a type.
#[derive(Debug)]
pub(crate) struct FieldType {
    /// Names of its arguments, with their types.
    pub(crate) args: Vec<(&'static str, &'static str)>,
    /// As published, such as `[Label!]!`.
    written: &'static str,
}

impl FieldType {
    /// The type without the signs of lists and obligation.
    pub(crate) fn bare(&self) -> &'static str {
        bare(self.written)
    }

    /// Whether it is a list that must be asked in pages.
    pub(crate) fn is_connection(&self) -> bool {
        self.bare().ends_with("Connection") || self.bare().ends_with("TimelineItemsConnection")
    }
}

/// All types.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    fields: HashMap<&'static str, HashMap<&'static str, FieldType>>,
    /// Types that a union or an interface may stand for.
    possible: HashMap<&'static str, Vec<&'static str>>,
    enumerators: HashMap<&'static str, Vec<&'static str>>,
    inputs: HashMap<&'static str, Vec<(&'static str, &'static str)>>,
}

/// The published names, one type a paragraph; see the licence beside it.
const TABLE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/octokit/schema-table.txt"));

/// The schema.
pub(crate) static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::read);

/// `[IssueState!]!` without its signs.
pub(crate) fn bare(written: &'static str) -> &'static str {
    written.trim_matches(['[', ']', '!'])
}

impl Schema {
    fn read() -> Self {
        let mut schema = Schema::default();
        let mut here = "";
        for line in TABLE.lines() {
            if let Some(field) = line.strip_prefix("  ") {
                let (name, kind) = field_of(field);
                schema.fields.entry(here).or_default().insert(name, kind);
                continue;
            }
            let mut words = line.split(' ');
            let (sort, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            here = name;
            match sort {
                "union" | "interface" => drop(schema.possible.insert(name, words.collect())),
                "enum" => drop(schema.enumerators.insert(name, words.collect())),
                "input" => {
                    let fields = words.filter_map(|word| word.split_once(':')).collect();
                    schema.inputs.insert(name, fields);
                }
                _ => drop(schema.fields.entry(name).or_default()),
            }
        }
        schema
    }

    pub(crate) fn field(&self, of: &str, name: &str) -> Option<&FieldType> {
        self.fields.get(of)?.get(name)
    }

    /// Whether something can be selected of it.
    pub(crate) fn is_object(&self, name: &str) -> bool {
        self.fields.contains_key(name) || self.possible.contains_key(name)
    }

    /// Whether a fragment on `fragment` can ever fit where `here` stands.
    pub(crate) fn fits(&self, fragment: &str, here: &str) -> bool {
        let of = |name| self.possible.get(name).cloned();
        match (of(fragment), of(here)) {
            (_, None) if fragment == here => true,
            (None, Some(there)) => there.contains(&fragment),
            (Some(fragment), None) => fragment.contains(&here),
            (Some(fragment), Some(there)) => fragment.iter().any(|one| there.contains(one)),
            (None, None) => false,
        }
    }

    pub(crate) fn enumerators(&self, name: &str) -> Option<&[&'static str]> {
        self.enumerators.get(name).map(Vec::as_slice)
    }

    pub(crate) fn input(&self, name: &str) -> Option<&[(&'static str, &'static str)]> {
        self.inputs.get(name).map(Vec::as_slice)
    }
}

/// `issue(number:Int!):Issue` taken apart.
fn field_of(text: &'static str) -> (&'static str, FieldType) {
    let (head, written) = match text.rsplit_once("):") {
        Some((head, written)) => (head, written),
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let (name, args) = head.split_once('(').unwrap_or((head, ""));
    let args = args.split(' ').filter_map(|arg| arg.split_once(':')).collect();
    (name, FieldType { args, written })
}
