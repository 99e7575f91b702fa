//! Whether a state directory is the user's own, and how it becomes so.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::fs::{Fs, Open, Sort};
use crate::registry::{id_of, new_id};
use crate::submission;
use crate::tree::{Keep, Told, Tree, make_dirs};
use crate::{CreateError, FileError, FileStore, OpenError, Registry, Standing, TrustError};

/// Which existing directories [`FileStore::create`] takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopt {
    /// Only one that is empty, or that an earlier call did not finish making.
    Fresh,
    /// Any that holds no journal, no submission and no warehouse: the user named it explicitly.
    Named,
}

/// Everything that a state directory holds, one name each.
const OURS: [&str; 20] = [
    "id",
    ".gitignore",
    "boot",
    "new",
    "active",
    "same",
    "environments",
    "jobs",
    "ended.jsonl",
    "ended.lock",
    "runner.lock",
    "runner.pid",
    "runner.sock",
    "settings.lock",
    "background-jobs.json",
    "background-jobs.lock",
    "issues.db",
    "issues.db-wal",
    "issues.db-shm",
    "set-aside",
];

/// Why a state directory is not the user's own, in words that follow its path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// Something is there that has no id.
    #[error("it has no id, so jobctl did not make it here")]
    NoId,
    /// Its id is in nobody's registry here.
    #[error("it came from somewhere else")]
    Unknown,
    /// Its id belongs to another path.
    #[error("it was moved or copied from {}", .0.display())]
    From(PathBuf),
    /// Another user may do anything with it.
    #[error("{part} belongs to another user")]
    AnothersOwn {
        /// What of it.
        part: &'static str,
    },
    /// Others could put jobs into it, or change those that are there.
    #[error("others may write to {part} (mode {mode:03o})")]
    Open {
        /// What of it.
        part: &'static str,
        /// Its permissions.
        mode: u32,
    },
}

/// A directory's id, and whether it is in the registry under its path.
pub(crate) fn of(
    tree: &Tree,
    registry: &Registry,
) -> Result<(Option<String>, Standing), FileError> {
    let shared = shared(tree)?;
    let id = match id_of(tree) {
        // What belongs to others may be closed to this user.
        Err(_) if shared.is_some() => None,
        id => id?,
    };
    let foreign = |why: Foreign| Standing::Foreign { why };
    let standing = if let Some(why) = shared {
        foreign(why)
    } else {
        match id.as_deref().map(|id| registry.path_of(id)).transpose()? {
            None => foreign(Foreign::NoId),
            Some(None) => foreign(Foreign::Unknown),
            Some(Some(path)) if path == tree.root => Standing::Ours,
            Some(Some(path)) => foreign(Foreign::From(path)),
        }
    };
    Ok((id, standing))
}

/// Why others than the user could change what is in a directory.
fn shared(tree: &Tree) -> Result<Option<Foreign>, FileError> {
    let parts = [
        ("it", tree.root.clone()),
        ("new/ in it", tree.submissions()),
        ("active/ in it", tree.active()),
        ("jobs/ in it", tree.jobs()),
    ];
    for (part, path) in parts {
        // What is no directory is not entered, whoever may write to it.
        let Some(meta) = tree.metadata(&path)?.filter(|meta| meta.sort == Sort::Dir) else {
            continue;
        };
        if meta.owner != rustix::process::geteuid().as_raw() {
            return Ok(Some(Foreign::AnothersOwn { part }));
        }
        if meta.mode & 0o022 != 0 {
            return Ok(Some(Foreign::Open { part, mode: meta.mode & 0o777 }));
        }
    }
    Ok(None)
}

impl FileStore {
    /// Makes a state directory, or adopts one as far as `adopt` allows; opens one that is there.
    pub fn create(
        path: &Path,
        registry: &Registry,
        fs: Arc<dyn Fs>,
        boot: &str,
        adopt: Adopt,
    ) -> Result<Self, CreateError> {
        let root = made(path, fs.as_ref())?;
        let tree = Tree { root, fs };
        if of(&tree, registry)?.1 != Standing::Ours {
            let _lock = registry.lock()?;
            adopt_as(&tree, registry, adopt)?;
        }
        Ok(Self::open(&tree.root, registry, Arc::clone(&tree.fs), boot)?)
    }
    /// Makes a foreign state directory the user's own, after its contents were shown.
    pub fn trust(path: &Path, registry: &Registry, fs: Arc<dyn Fs>) -> Result<(), TrustError> {
        let store = Self::open(path, registry, fs, "")?;
        if store.standing == Standing::Ours {
            return Ok(());
        }
        if let Some(Foreign::AnothersOwn { .. }) = shared(&store.tree)? {
            return Err(TrustError::AnothersOwn(store.tree.root));
        }
        let _lock = registry.lock()?;
        furnish(&store.tree)?;
        for id in store.tree.ids(&store.tree.jobs())? {
            close(&store.tree, &store.tree.job(id))?;
        }
        // One that was only open to others is known by its id already.
        if of(&store.tree, registry)?.1 == Standing::Ours {
            return Ok(());
        }
        Ok(register(&store.tree, registry)?)
    }
}

impl From<OpenError> for CreateError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::File(error) => Self::File(error),
            OpenError::Missing(path) | OpenError::NotADirectory(path) => Self::NotADirectory(path),
        }
    }
}

impl From<OpenError> for TrustError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::File(error) => Self::File(error),
            OpenError::Missing(path) | OpenError::NotADirectory(path) => Self::Missing(path),
        }
    }
}

/// Makes a directory that holds nothing of value the user's own. Under the registry's lock.
fn adopt_as(tree: &Tree, registry: &Registry, adopt: Adopt) -> Result<(), CreateError> {
    let Standing::Foreign { why } = of(tree, registry)?.1 else { return Ok(()) };
    let free = match adopt {
        Adopt::Fresh => is_fresh(tree)?,
        Adopt::Named => !holds_jobs(tree)?,
    };
    if !free || matches!(why, Foreign::AnothersOwn { .. }) {
        return Err(CreateError::Foreign { path: tree.root.clone(), why });
    }
    furnish(tree)?;
    Ok(register(tree, registry)?)
}

/// The canonical path of a directory, which is made if it is not there.
fn made(path: &Path, fs: &dyn Fs) -> Result<PathBuf, CreateError> {
    let root = make_dirs(fs, path)?;
    if fs.metadata(&root).told("look at", &root)?.sort != Sort::Dir {
        return Err(CreateError::NotADirectory(root));
    }
    Ok(root)
}

/// Whether a directory holds nothing but what making one leaves.
fn is_fresh(tree: &Tree) -> Result<bool, FileError> {
    let names = tree.names(&tree.root)?;
    let known = |name: &String| {
        let unfinished = name.starts_with(".tmp-")
            || (name.starts_with('.') && name.strip_suffix(".tmp").is_some());
        unfinished || OURS.contains(&name.as_str())
    };
    Ok(names.iter().all(known) && !holds_jobs(tree)?)
}

/// Whether a directory holds a journal, a submission or a warehouse.
fn holds_jobs(tree: &Tree) -> Result<bool, FileError> {
    if tree.exists(&tree.at("issues.db"))? {
        return Ok(true);
    }
    for dir in [tree.jobs(), tree.submissions()] {
        // A link or a file in this place was not made by us.
        if tree.metadata(&dir)?.is_some_and(|meta| meta.sort != Sort::Dir) {
            return Ok(true);
        }
    }
    if !submission::files(tree)?.is_empty() {
        return Ok(true);
    }
    for id in tree.ids(&tree.jobs())? {
        // Other programs may keep directories of the same form here; those have no journal.
        if tree.is_dir(&tree.job(id))? && tree.exists(&tree.journal(id))? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes what every state directory has, and leaves what is there.
fn furnish(tree: &Tree) -> Result<(), FileError> {
    let others = tree.names(&tree.root)?;
    let others = others.iter().any(|name| !OURS.contains(&name.as_str()));
    close(tree, &tree.root)?;
    for dir in [tree.submissions(), tree.active(), tree.jobs()] {
        if !tree.ensure_dir(&dir)? {
            close(tree, &dir)?;
        }
    }
    tree.touch(&tree.at("ended.jsonl"))?;
    let ignore = tree.at(".gitignore");
    if !tree.exists(&ignore)? {
        tree.replace(&ignore, ignored(others).as_bytes(), Keep::Derived)?;
    }
    Ok(())
}

/// Takes away the permission of others to write to a directory.
fn close(tree: &Tree, dir: &Path) -> Result<(), FileError> {
    tree.fs.close_to_others(dir).told("close to others", dir)
}

/// What git must not track: all but settings and templates; next to files of others, only ours.
fn ignored(others: bool) -> String {
    if !others {
        return "*\n!.gitignore\n!jobctl.toml\n!templates/\n!templates/**\n".to_owned();
    }
    OURS.iter().flat_map(|name| ["/", name, "\n"]).collect()
}

/// Gives a directory a new id and registers it: an id that it brought may be anybody's.
fn register(tree: &Tree, registry: &Registry) -> Result<(), FileError> {
    let id = new_id();
    let path = tree.at("id");
    tree.open(&tree.at("boot"), Open::Any).map(drop)?;
    tree.publish(&path, format!("{id}\n").as_bytes())?;
    tree.sync_dir(&tree.root)?;
    registry.register(&id, &tree.root)
}
