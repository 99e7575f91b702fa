//! Changes of a settings file by a command: everything else in it stays as it was written.

use std::path::PathBuf;

use jobctl_core::Kind;
use toml_edit::{DocumentMut, Item, Table, TableLike, Value};

use super::BadSettings;
use super::limits::short;

/// A limit that is to be set; without a number it goes back to what it is without this file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Jobs running at once.
    MaxParallel(Option<u32>),
    /// Jobs of one kind running at once.
    Kind(Kind, Option<u32>),
    /// Units of a resource.
    Resource(String, Option<u32>),
    /// Whether nothing is started any more.
    Drain(bool),
}

/// The text of a settings file with these changes in it; `path` is only for what is said.
pub(crate) fn edited(text: &str, changes: &[Change], path: PathBuf) -> Result<String, BadSettings> {
    let mut document: DocumentMut = match text.parse() {
        Ok(document) => document,
        Err(source) => return Err(BadSettings::Edit { path, source: Box::new(source) }),
    };
    for change in changes {
        if let Err(table) = make(document.as_table_mut(), change) {
            return Err(BadSettings::NotATable { path, table });
        }
    }
    Ok(document.to_string())
}

/// Makes one change, or names what stands in its way.
fn make(root: &mut Table, change: &Change) -> Result<(), &'static str> {
    match change {
        Change::MaxParallel(most) => set(root, "max_parallel", most.map(number)),
        Change::Drain(drain) => set(root, "drain", Some(Value::from(*drain))),
        Change::Kind(kind, most) => {
            let kinds = table(root, "kinds")?;
            // Where the long name is written, it stays.
            let is_long = kinds.contains_key(kind.name());
            let (name, other) = (kind.name(), short(*kind));
            let (name, other) = if is_long { (name, other) } else { (other, name) };
            set(kinds, other, None);
            set(kinds, name, most.map(number));
        }
        Change::Resource(name, units) => {
            set(table(root, "resources")?, name, units.map(number));
        }
    }
    Ok(())
}

fn number(number: u32) -> Value {
    Value::from(i64::from(number))
}

/// Sets a value, leaving the comments around it, or takes it away.
fn set(table: &mut dyn TableLike, name: &str, value: Option<Value>) {
    let Some(mut value) = value else {
        table.remove(name);
        return;
    };
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(old) => {
            *value.decor_mut() = old.decor().clone();
            *old = value;
        }
        None => {
            table.insert(name, Item::Value(value));
        }
    }
}

/// A table of the file, made where it is not there.
fn table<'a>(
    root: &'a mut Table,
    name: &'static str,
) -> Result<&'a mut dyn TableLike, &'static str> {
    let item = root.entry(name).or_insert_with(|| Item::Table(Table::new()));
    item.as_table_like_mut().ok_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(text: &str, changes: &[Change]) -> String {
        edited(text, changes, PathBuf::from("jobctl.toml")).unwrap()
    }

    #[test]
    fn everything_else_stays_as_it_was_written() {
        let before = "# ours\nmax_parallel = 3   # not more: the laptop\nkeep_failed=2\n\n\
                      [kinds]   # of jobs\nclone-repos = 1 # one\n\n[resources]\n# licences\n\
                      db = 4\n";
        let after = edit(
            before,
            &[
                Change::MaxParallel(Some(2)),
                Change::Kind(Kind::CloneRepos, Some(5)),
                Change::Resource("db".to_owned(), Some(1)),
            ],
        );
        let expected = before
            .replace("max_parallel = 3", "max_parallel = 2")
            .replace("clone-repos = 1", "clone-repos = 5")
            .replace("db = 4", "db = 1");
        assert_eq!(after, expected);
    }

    #[test]
    fn what_is_not_there_is_added_and_taken_away_again() {
        let before = "keep_failed = 2\n";
        let set = [
            Change::Kind(Kind::RunCommand, Some(1)),
            Change::Resource("a/b".to_owned(), Some(2)),
            Change::Drain(true),
        ];
        let after = edit(before, &set);
        let parsed: toml::Table = after.parse().unwrap();
        assert_eq!(parsed["drain"].as_bool(), Some(true), "{after}");
        assert_eq!(parsed["kinds"]["run"].as_integer(), Some(1), "{after}");
        assert_eq!(parsed["resources"]["a/b"].as_integer(), Some(2), "{after}");
        let unset = [
            Change::Kind(Kind::RunCommand, None),
            Change::Resource("a/b".to_owned(), None),
            Change::MaxParallel(None),
        ];
        let parsed: toml::Table = edit(&after, &unset).parse().unwrap();
        assert!(parsed["kinds"].as_table().unwrap().is_empty());
        assert!(parsed["resources"].as_table().unwrap().is_empty());
        assert_eq!(parsed["keep_failed"].as_integer(), Some(2));
    }

    #[test]
    fn a_limit_is_set_wherever_it_is_written() {
        for before in ["resources = { db = 1, gpu = 2 }\n", "resources.db = 1\nresources.gpu = 2\n"]
        {
            let after = edit(before, &[Change::Resource("db".to_owned(), Some(9))]);
            assert_eq!(after, before.replace("db = 1", "db = 9"));
        }
    }

    #[test]
    fn what_cannot_be_understood_is_left_alone() {
        let path = || PathBuf::from("jobctl.toml");
        let error = edited("max_parallel = = 2", &[Change::Drain(true)], path()).unwrap_err();
        assert!(matches!(error, BadSettings::Edit { .. }), "{error}");
        let change = Change::Resource("db".to_owned(), Some(1));
        let error = edited("resources = 7", &[change], path()).unwrap_err();
        assert!(matches!(error, BadSettings::NotATable { table: "resources", .. }), "{error}");
    }
}
