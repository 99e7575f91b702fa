//! Which state directory a call is about.

use std::path::{Path, PathBuf};

use crate::environment::Environment;

/// The name of a project's state directory.
pub(crate) const FOLDER: &str = ".jobs";

/// How a state directory was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// By `--state-dir` or `JOBCTL_STATE_DIR`.
    Named,
    /// It is the nearest `.jobs` upward.
    Found,
    /// Nothing else was there: the user's own.
    Default,
}

/// A state directory that may not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StatePlace {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Why there.
    pub(crate) chosen: Chosen,
    /// The directory that its jobs belong to.
    pub(crate) project: PathBuf,
}

/// Neither a flag, nor a project, nor a home directory says where jobs live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing says where your jobs live: HOME is not set")]
pub(crate) struct NoPlace;

/// The state directory for a call made in `directory` (absolute).
pub(crate) fn find(
    named: Option<&Path>,
    env: &Environment,
    directory: &Path,
) -> Result<StatePlace, NoPlace> {
    let variable = env.text("JOBCTL_STATE_DIR").map(Path::new);
    if let Some(named) = named.or(variable) {
        let path = directory.join(named);
        return Ok(StatePlace { path, chosen: Chosen::Named, project: directory.to_owned() });
    }
    for project in directory.ancestors() {
        let path = project.join(FOLDER);
        if path.is_dir() {
            return Ok(StatePlace { path, chosen: Chosen::Found, project: project.to_owned() });
        }
    }
    let path = env.user_state().ok_or(NoPlace)?.join("default");
    Ok(StatePlace { path, chosen: Chosen::Default, project: directory.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_then_variable_then_nearest_then_default() {
        let directory = tempfile::tempdir().unwrap();
        let below = directory.path().join("a/b");
        std::fs::create_dir_all(&below).unwrap();
        let env: Environment = [("XDG_STATE_HOME", "/state")].into_iter().collect();
        let at = |named: Option<&str>, env: &Environment| {
            let place = find(named.map(Path::new), env, &below).unwrap();
            (place.path, place.chosen)
        };
        assert_eq!(at(None, &env), ("/state/jobctl/default".into(), Chosen::Default));
        let jobs = directory.path().join(".jobs");
        std::fs::create_dir(&jobs).unwrap();
        assert_eq!(at(None, &env), (jobs, Chosen::Found));
        let named: Environment = [("JOBCTL_STATE_DIR", "/v")].into_iter().collect();
        assert_eq!(at(None, &named), ("/v".into(), Chosen::Named));
        assert_eq!(at(Some("here"), &named), (below.join("here"), Chosen::Named));
        assert_eq!(find(None, &Environment::default(), Path::new("/nowhere")), Err(NoPlace));
    }
}
