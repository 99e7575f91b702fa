use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jobctl_http::{Client, StopFlag};
use jobctl_provider::Time;
use tokio::sync::mpsc::UnboundedSender;

use crate::run::{Run, tell_failed};
use crate::{CloneError, name, target, transport};

/// How many clones run at once unless told otherwise.
const JOBS: usize = 8;
/// The longest silence of a server unless told otherwise.
const STALL: Duration = Duration::from_secs(60);
/// How often one repository is tried in all unless told otherwise.
const TRIES: u32 = 3;

/// How to clone.
#[derive(Debug, Clone)]
pub struct CloneOptions {
    /// The directory below which everything goes. Made if missing.
    pub into: PathBuf,
    /// Names the unfinished directories; the job's id. Only one run with a tag may be alive.
    pub tag: String,
    /// Clones at once.
    pub jobs: usize,
    /// So many commits of each branch only.
    pub depth: Option<u32>,
    /// The longest silence of a server.
    pub stall: Duration,
    /// How often one repository is tried in all while connections break off.
    pub tries: u32,
}

impl CloneOptions {
    /// The usual options.
    pub fn new(into: impl Into<PathBuf>, tag: impl Into<String>) -> Self {
        let (into, tag) = (into.into(), tag.into());
        Self { into, tag, jobs: JOBS, depth: None, stall: STALL, tries: TRIES }
    }
}

/// A repository that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its full name, such as `acme/api`; names the item in events.
    pub name: String,
    /// Where it is cloned from: http or https.
    pub url: String,
    /// Where it goes, below the destination; see [`place`](crate::place).
    pub path: PathBuf,
}

/// What happens while cloning. Of each repository at most one `Cloned`, `Existing` or `Failed`
/// is told; none if the run ended before its turn.
#[derive(Debug)]
pub enum CloneEvent {
    /// Its clone began.
    Started {
        /// Which.
        name: String,
    },
    /// Objects came; at most five times a second.
    Progress {
        /// Which.
        name: String,
        /// Objects so far.
        received_objects: usize,
        /// Objects in all.
        total_objects: usize,
        /// Bytes so far.
        bytes: usize,
    },
    /// It is cloned, at its place, and on the disk.
    Cloned {
        /// Which.
        name: String,
    },
    /// It was there already; nothing was touched.
    Existing {
        /// Which.
        name: String,
    },
    /// It could not be cloned; the others go on.
    Failed {
        /// Which.
        name: String,
        /// Why.
        error: CloneError,
        /// What to do about it.
        hint: Option<&'static str>,
    },
}

/// How a run ended. After all but `Done`, what was not told as cloned, existing or failed is
/// still to do.
#[derive(Debug)]
pub enum CloneOutcome {
    /// Everything was told.
    Done,
    /// The stop flag was raised.
    Stopped,
    /// There is no room left: nothing else was begun.
    DiskFull(CloneError),
    /// The server asks for patience: nothing else was begun.
    Throttled {
        /// When to come back, if it said so.
        until: Option<Time>,
        /// The whole error.
        error: CloneError,
    },
    /// The credential was refused: nothing else was begun.
    Unauthorized(CloneError),
}

impl CloneOutcome {
    /// The end that an error makes of a run; gives back one that concerns its repository only.
    pub(crate) fn of(error: CloneError) -> Result<Self, CloneError> {
        if let CloneError::Throttled { until, .. } = error {
            return Ok(Self::Throttled { until, error });
        }
        if matches!(error, CloneError::DiskFull { .. }) {
            return Ok(Self::DiskFull(error));
        }
        if matches!(error, CloneError::Unauthorized { refused: true, .. }) {
            return Ok(Self::Unauthorized(error));
        }
        if matches!(error, CloneError::Stopped) { Ok(Self::Stopped) } else { Err(error) }
    }
}

/// Clones many repositories over one client's connections.
#[derive(Debug)]
pub struct Cloner {
    client: Client,
    options: CloneOptions,
}

impl Cloner {
    /// A cloner; touches nothing yet.
    pub const fn new(client: Client, options: CloneOptions) -> Self {
        Self { client, options }
    }

    /// Clones them all, and returns when every clone has ended.
    ///
    /// Blocks: call it from a thread of its own or from `spawn_blocking`. Nothing unfinished is
    /// ever at a repository's place. Raising `stop` ends transfers within a second; files of a
    /// checkout that has begun are still written. Hooks, templates, submodules, filters such as
    /// LFS, and the machine's git configuration play no part.
    pub fn clone_all(
        &self,
        wanted: Vec<Wanted>,
        stop: &StopFlag,
        events: &UnboundedSender<CloneEvent>,
    ) -> CloneOutcome {
        let (wanted, refused) = admit(wanted);
        for (name, error) in refused {
            tell_failed(events, name, error);
        }
        if let Err(error) = transport::set_up() {
            for one in wanted {
                tell_failed(events, one.name, error.again());
            }
            return CloneOutcome::Done;
        }
        target::remove_leftovers(&self.parents(&wanted), &self.options.tag);
        Run::new(&self.client, &self.options, &wanted, stop, events).run()
    }

    fn parents(&self, wanted: &[Wanted]) -> Vec<PathBuf> {
        let mut parents: Vec<PathBuf> = wanted
            .iter()
            .filter_map(|one| self.options.into.join(&one.path).parent().map(PathBuf::from))
            .collect();
        parents.sort();
        parents.dedup();
        parents
    }
}

/// Those whose names, places and addresses are fine, and why the others are not.
fn admit(wanted: Vec<Wanted>) -> (Vec<Wanted>, Vec<(String, CloneError)>) {
    let mut taken = BTreeMap::new();
    let (mut admitted, mut refused) = (Vec::with_capacity(wanted.len()), Vec::new());
    for one in wanted {
        match check(&one, &mut taken) {
            Ok(()) => admitted.push(one),
            Err(error) => refused.push((one.name, error)),
        }
    }
    (admitted, refused)
}

/// Whether the name is harmless, the place free of others in this run, and the address one to
/// clone from. Places are compared without case, as many file systems do.
fn check(one: &Wanted, taken: &mut BTreeMap<String, String>) -> Result<(), CloneError> {
    name::check_path(&one.path)?;
    check_address(&one.url)?;
    let place = one.path.to_string_lossy().to_lowercase();
    if let Some(other) = neighbour(taken, &place) {
        let path = one.path.display().to_string();
        return Err(CloneError::Collision { path, other });
    }
    taken.insert(place, one.name.clone());
    Ok(())
}

/// Who is at this place, around it or inside it.
fn neighbour(taken: &BTreeMap<String, String>, place: &str) -> Option<String> {
    let around = place.match_indices('/').map(|(end, _)| &place[..end]);
    let at = around.chain([place]).find_map(|place| taken.get(place));
    let inside = format!("{place}/");
    let within = || {
        let (first, other) = taken.range(inside.clone()..).next()?;
        first.starts_with(&inside).then_some(other)
    };
    at.or_else(within).cloned()
}

fn check_address(address: &str) -> Result<(), CloneError> {
    let why = match address.parse::<url::Url>() {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => return Ok(()),
        Ok(url) if matches!(url.scheme(), "ssh" | "git+ssh" | "ssh+git") => SSH,
        Ok(_) => "only http and https are spoken",
        Err(_) if address.contains('@') && address.contains(':') => SSH,
        Err(_) => "it is no address",
    };
    Err(CloneError::Address { url: jobctl_http::redact(address), why })
}

const SSH: &str = "ssh is not built in";

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(path: &str) -> Wanted {
        Wanted { name: path.into(), url: "https://h/a/b".into(), path: path.into() }
    }

    #[test]
    fn two_cannot_have_one_place() {
        let mut taken = BTreeMap::new();
        let mut ok = |path| check(&wanted(path), &mut taken).is_ok();
        assert!(ok("acme/api"));
        assert!(!ok("ACME/Api"), "the same place on some file systems");
        assert!(ok("acme/api-2"));
        assert!(!ok("acme/api/inner"), "inside another");
        assert!(!ok("Acme"), "around another");
        assert!(ok("acme/ap"));
    }

    #[test]
    fn only_http_is_cloned_from() {
        let why = |url: &str| match check_address(url) {
            Err(CloneError::Address { why, .. }) => why,
            other => panic!("{url}: {other:?}"),
        };
        assert!(check_address("https://h/a").is_ok());
        assert_eq!(why("git@github.com:acme/api.git"), SSH);
        assert_eq!(why("ssh://git@github.com/acme/api.git"), SSH);
        assert_eq!(why("file:///etc"), "only http and https are spoken");
        assert_eq!(why("git://h/a"), "only http and https are spoken");
        assert_eq!(why("/etc"), "it is no address");
    }
}
