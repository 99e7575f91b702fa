use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use git2::{Repository, RepositoryOpenFlags};

use crate::CloneError;

/// What is at a clone's place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Nothing, or an empty directory.
    Free,
    /// A repository with the same origin.
    Same,
}

/// Looks at a clone's place without touching it. Anything there that is not the same repository
/// is an error.
pub(crate) fn inspect(target: &Path, url: &str) -> Result<Place, CloneError> {
    let occupied = |why: String| CloneError::Occupied { path: target.to_owned(), why };
    let found = match fs::symlink_metadata(target) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Place::Free),
        found => found.map_err(|error| CloneError::disk("look at", target, error))?,
    };
    if found.is_symlink() {
        return Err(occupied("a symbolic link is there".into()));
    }
    if !found.is_dir() {
        return Err(occupied("a file is there".into()));
    }
    if is_empty(target)? {
        return Ok(Place::Free);
    }
    let origin = origin(target).map_err(occupied)?;
    if is_same_address(&origin, url) {
        return Ok(Place::Same);
    }
    let origin = jobctl_http::redact(&origin);
    Err(occupied(format!("a clone of {origin} is there")))
}

fn is_empty(directory: &Path) -> Result<bool, CloneError> {
    let mut entries =
        fs::read_dir(directory).map_err(|error| CloneError::disk("list", directory, error))?;
    Ok(entries.next().is_none())
}

/// The origin of the repository at this place, or what is there instead.
fn origin(target: &Path) -> Result<String, String> {
    let none: [&Path; 0] = [];
    let opened = Repository::open_ext(target, RepositoryOpenFlags::NO_SEARCH, none);
    let repository = opened.map_err(|error| {
        if error.code() == git2::ErrorCode::NotFound {
            return "a directory that is no repository is there".to_owned();
        }
        format!("what is there cannot be opened: {}", error.message())
    })?;
    let remote = repository.find_remote("origin");
    let origin = remote.ok().and_then(|remote| remote.url().ok().map(str::to_owned));
    origin.ok_or_else(|| "a repository without an origin is there".to_owned())
}

/// Whether two addresses name the same repository: user part, case of the host, a last slash and
/// `.git` aside.
fn is_same_address(one: &str, other: &str) -> bool {
    match (plain(one), plain(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

fn plain(address: &str) -> Option<url::Url> {
    let mut url: url::Url = address.parse().ok()?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path).to_owned();
    url.set_path(&path);
    Some(url)
}

/// Makes the directories above a clone's place. `into` itself may be reached through symbolic
/// links; below it none is followed.
pub(crate) fn make_parents(into: &Path, path: &Path) -> Result<(), CloneError> {
    fs::create_dir_all(into).map_err(|error| CloneError::disk("make", into, error))?;
    let mut directory = into.to_owned();
    for part in path.parent().into_iter().flat_map(Path::components) {
        directory.push(part);
        make_directory(&directory)?;
    }
    Ok(())
}

fn make_directory(directory: &Path) -> Result<(), CloneError> {
    match fs::create_dir(directory) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => return made.map_err(|error| CloneError::disk("make", directory, error)),
    }
    let found = fs::symlink_metadata(directory)
        .map_err(|error| CloneError::disk("look at", directory, error))?;
    if found.is_dir() {
        return Ok(());
    }
    let what = if found.is_symlink() { "a symbolic link" } else { "a file" };
    let why = format!("{what} is where its directory should be");
    Err(CloneError::Occupied { path: directory.to_owned(), why })
}

/// An unfinished clone, beside its place. Removed on drop unless it was moved there.
#[derive(Debug)]
pub(crate) struct Unfinished {
    path: PathBuf,
    moved: bool,
}

impl Unfinished {
    /// Chooses a name; makes nothing yet. The tag tells whose it is.
    pub(crate) fn beside(target: &Path, tag: &str) -> Self {
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = format!(".{name}{}{:08x}", mark(tag), fastrand::u32(..));
        Self { path: target.with_file_name(name), moved: false }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the whole clone to its place, with its objects on the disk before and its name
    /// after: what is told as cloned survives a power failure as git's own clones do.
    pub(crate) fn finish(mut self, target: &Path) -> Result<(), CloneError> {
        sync_packs(&self.path.join(".git/objects/pack"))?;
        fs::rename(&self.path, target).map_err(|error| {
            if !matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) {
                return CloneError::disk("move the clone to", target, error);
            }
            let why = "something came there meanwhile".to_owned();
            CloneError::Occupied { path: target.to_owned(), why }
        })?;
        self.moved = true;
        target.parent().map_or(Ok(()), sync)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.moved {
            // What cannot be removed now is removed by the job's next attempt.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn sync_packs(directory: &Path) -> Result<(), CloneError> {
    // An empty repository may have none.
    let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
    for entry in entries {
        let entry = entry.map_err(|error| CloneError::disk("list", directory, error))?;
        sync(&entry.path())?;
    }
    sync(directory)
}

fn sync(path: &Path) -> Result<(), CloneError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| CloneError::disk("write to disk", path, error))
}

fn mark(tag: &str) -> String {
    format!(".jobctl-{tag}-")
}

/// Removes what dead attempts with this tag left in these directories. The caller holds the
/// job's claim, so no attempt with its tag is alive.
pub(crate) fn remove_leftovers(directories: &[PathBuf], tag: &str) {
    let mark = mark(tag);
    for directory in directories {
        let Ok(entries) = fs::read_dir(directory) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let ours =
                name.to_str().is_some_and(|name| name.starts_with('.') && is_marked(name, &mark));
            if ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                // One that stays is in nobody's way: names are random.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Whether the name ends in the mark and eight hexadecimal digits.
fn is_marked(name: &str, mark: &str) -> bool {
    name.rsplit_once(mark).is_some_and(|(_, random)| {
        random.len() == 8 && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_same_repository() {
        let same = |one, other| assert!(is_same_address(one, other), "{one} {other}");
        same("https://h/a/b.git", "https://h/a/b");
        same("https://user:pw@H/a/b/", "https://h/a/b.git");
        assert!(!is_same_address("https://h/a/b", "https://h/a/c"));
        assert!(!is_same_address("https://h/a/b", "https://g/a/b"));
        assert!(!is_same_address("git@h:a/b", "https://h/a/b"));
    }

    #[test]
    fn only_our_leftovers_go() {
        let root = tempfile::tempdir().unwrap();
        let names = [
            (".api.jobctl-0badcafe-0123abcd", false),
            (".api.jobctl-0badcafe-0123abcd.jobctl-0badcafe-00000000", false),
            (".api.jobctl-deadbeef-0123abcd", true),
            (".api.jobctl-0badcafe-precious", true),
            ("api.jobctl-0badcafe-0123abcd", true),
            ("api", true),
        ];
        for (name, _) in names {
            fs::create_dir_all(root.path().join(name).join("deep")).unwrap();
        }
        remove_leftovers(&[root.path().to_owned(), root.path().join("missing")], "0badcafe");
        for (name, stays) in names {
            assert_eq!(root.path().join(name).exists(), stays, "{name}");
        }
    }

    #[test]
    fn an_unfinished_clone_vanishes() {
        let root = tempfile::tempdir().unwrap();
        let unfinished = Unfinished::beside(&root.path().join("api"), "0badcafe");
        fs::create_dir_all(unfinished.path().join(".git/objects/pack")).unwrap();
        drop(unfinished);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_finished_clone_replaces_nothing() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("api");
        fs::create_dir_all(target.join("precious")).unwrap();
        let unfinished = Unfinished::beside(&target, "0badcafe");
        fs::create_dir_all(unfinished.path().join(".git")).unwrap();
        let error = unfinished.finish(&target).unwrap_err();
        assert!(matches!(error, CloneError::Occupied { .. }), "{error:?}");
        assert!(target.join("precious").exists());
    }

    #[cfg(unix)]
    #[test]
    fn no_symbolic_link_below_the_destination_is_followed() {
        let root = tempfile::tempdir().unwrap();
        let (into, outside) = (root.path().join("into"), root.path().join("outside"));
        fs::create_dir_all(&into).unwrap();
        fs::create_dir_all(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, into.join("acme")).unwrap();
        let error = make_parents(&into, Path::new("acme/api")).unwrap_err();
        assert!(matches!(error, CloneError::Occupied { .. }), "{error:?}");
        let error = inspect(&into.join("acme"), "https://h/a").unwrap_err();
        assert!(matches!(error, CloneError::Occupied { .. }), "{error:?}");
    }
}
