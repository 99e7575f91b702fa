//! `credentials.toml`: the user's file of credentials, beside the settings.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, value};

use super::NoCredential;
use crate::environment::Environment;

/// Its name.
const FILE: &str = "credentials.toml";

#[derive(serde::Deserialize)]
struct Kept {
    token: String,
}

/// What the file has for a connection.
pub(super) fn look_up(env: &Environment, connection: &str) -> Result<Option<String>, NoCredential> {
    let Some(path) = place(env) else { return Ok(None) };
    let Some(text) = read(&path)? else { return Ok(None) };
    // The parser's own message would quote the file.
    let mut kept: BTreeMap<String, Kept> =
        toml::from_str(&text).map_err(|_| NoCredential::NotATable(path))?;
    Ok(kept.remove(connection).map(|kept| kept.token))
}

/// Writes a connection's credential into the file; what else is in it stays as it was written.
pub(super) fn keep(
    env: &Environment,
    connection: &str,
    token: &str,
) -> Result<PathBuf, NoCredential> {
    let path = place(env).ok_or(NoCredential::NoPlace)?;
    let _lock = lock(&path)?;
    let mut document = document(&path)?.unwrap_or_default();
    let table = document.entry(connection).or_insert_with(|| Item::Table(Table::new()));
    let Some(table) = table.as_table_like_mut() else {
        return Err(NoCredential::NotATable(path));
    };
    let mut new = value(token);
    if let (Some(new), Some(old)) =
        (new.as_value_mut(), table.get("token").and_then(Item::as_value))
    {
        *new.decor_mut() = old.decor().clone();
    }
    table.insert("token", new);
    write(&path, &document.to_string())?;
    Ok(path)
}

/// Takes a connection's credential out of the file; whether there was one.
pub(super) fn forget(env: &Environment, connection: &str) -> Result<bool, NoCredential> {
    let Some(path) = place(env).filter(|path| path.exists()) else { return Ok(false) };
    let _lock = lock(&path)?;
    let Some(mut document) = document(&path)? else { return Ok(false) };
    if document.remove(connection).is_none() {
        return Ok(false);
    }
    write(&path, &document.to_string())?;
    Ok(true)
}

fn place(env: &Environment) -> Option<PathBuf> {
    env.user_config().map(|dir| dir.join(FILE))
}

fn document(path: &Path) -> Result<Option<DocumentMut>, NoCredential> {
    let Some(text) = read(path)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| NoCredential::NotATable(path.to_owned()))
}

/// The file's text, if nobody else can read it.
fn read(path: &Path) -> Result<Option<String>, NoCredential> {
    let failed = |source| NoCredential::File { path: path.to_owned(), source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    if file.metadata().map_err(failed)?.mode() & 0o077 != 0 {
        return Err(NoCredential::Open(path.to_owned()));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    Ok(Some(text))
}

/// Whoever changes the file holds this: of two that change it at once, neither's part is lost. It
/// is a file of its own, since the other is replaced. Gone with what is given back.
fn lock(path: &Path) -> Result<File, NoCredential> {
    let failed = |source| NoCredential::Write { path: path.to_owned(), source };
    fs::create_dir_all(path.parent().unwrap_or(path)).map_err(failed)?;
    let lock = path.with_extension("lock");
    let mut options = File::options();
    let file = options.create(true).append(true).mode(0o600).open(lock).map_err(failed)?;
    file.lock().map_err(failed)?;
    Ok(file)
}

/// Beside the file first, then in its place, and on the disk before anybody is told.
fn write(path: &Path, text: &str) -> Result<(), NoCredential> {
    let failed = |source| NoCredential::Write { path: path.to_owned(), source };
    // Where the file is a link to where its owner keeps such things, it stays one.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = path.parent().unwrap_or(&path);
    let temporary = directory.join(format!(".{FILE}.{}.tmp", std::process::id()));
    let written = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, &path))
        .and_then(|()| File::open(directory)?.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_and_nobody_else_can_read() {
        let directory = tempfile::tempdir().unwrap();
        let env: Environment =
            [("XDG_CONFIG_HOME", directory.path().to_str().unwrap())].into_iter().collect();
        let path = keep(&env, "jira", "ann@example.org:first").unwrap();
        let mut file = File::options().append(true).open(&path).unwrap();
        file.write_all(b"\n# of the build\n[work]\ntoken = \"w\" # renew in May\n").unwrap();
        keep(&env, "jira", "ann@example.org:second").unwrap();
        keep(&env, "work", "v").unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("# of the build\n"), "{text}");
        assert!(text.contains("# renew in May\n"), "{text}");
        assert_eq!(look_up(&env, "jira").unwrap().as_deref(), Some("ann@example.org:second"));
        assert_eq!(look_up(&env, "work").unwrap().as_deref(), Some("v"));
        assert!(forget(&env, "jira").unwrap());
        assert!(!forget(&env, "jira").unwrap());
        assert_eq!(look_up(&env, "jira").unwrap(), None);
        assert_eq!(look_up(&env, "work").unwrap().as_deref(), Some("v"));
    }

    #[test]
    fn of_many_that_write_at_once_none_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        let env: Environment =
            [("XDG_CONFIG_HOME", directory.path().to_str().unwrap())].into_iter().collect();
        let names: Vec<_> = (0..16).map(|number| format!("work{number}")).collect();
        std::thread::scope(|scope| {
            for name in &names {
                scope.spawn(|| keep(&env, name, "v").unwrap());
            }
        });
        for name in &names {
            assert_eq!(look_up(&env, name).unwrap().as_deref(), Some("v"), "{name}");
        }
        std::thread::scope(|scope| {
            for name in &names[1..] {
                let env = &env;
                scope.spawn(move || assert!(forget(env, name).unwrap(), "{name}"));
            }
        });
        assert_eq!(look_up(&env, &names[0]).unwrap().as_deref(), Some("v"));
        assert!(names[1..].iter().all(|name| look_up(&env, name).unwrap().is_none()));
    }
}
