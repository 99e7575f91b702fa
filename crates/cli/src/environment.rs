//! What the surroundings of the process say: the only place that reads variables and the clock.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use jobctl_core::Time;

/// The variables of this process, read once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<OsString, OsString>,
}

/// Variables that a runner and its workers are started with; everything else stays behind.
const PASSED_ON: [&str; 12] = [
    "HOME",
    "USER",
    "PATH",
    "LANG",
    "TZ",
    "TMPDIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "SSH_AUTH_SOCK",
    "GH_CONFIG_DIR",
    "AZURE_CONFIG_DIR",
    "NO_COLOR",
    BOOT,
];

/// Gives this boot another id, so that tests see what a reboot changes.
const BOOT: &str = "JOBCTL_BOOT_ID";

impl Environment {
    /// What this process was started with.
    pub(crate) fn of_this_process() -> Self {
        std::env::vars_os().collect()
    }

    /// A variable's bytes, empty ones too.
    pub(crate) fn value(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// All variables, sorted by name.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str()))
    }

    /// A variable's text; empty and undecodable ones count as unset.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.variables.get(OsStr::new(name))?.to_str().filter(|text| !text.is_empty())
    }

    /// A variable that names an absolute path. Relative ones are ignored, as XDG asks.
    fn absolute(&self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.variables.get(OsStr::new(name))?);
        path.is_absolute().then_some(path)
    }

    /// The user's home directory.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.absolute("HOME")
    }

    /// `$XDG_STATE_HOME/jobctl`: the registry of state directories, the default one, last looks.
    pub(crate) fn user_state(&self) -> Option<PathBuf> {
        self.absolute("XDG_STATE_HOME")
            .or_else(|| Some(self.home()?.join(".local/state")))
            .map(|dir| dir.join("jobctl"))
    }

    /// `$XDG_CONFIG_HOME`: where programs look for what a user wrote down for them.
    pub(crate) fn config_home(&self) -> Option<PathBuf> {
        self.absolute("XDG_CONFIG_HOME").or_else(|| Some(self.home()?.join(".config")))
    }

    /// `$XDG_CONFIG_HOME/jobctl`: the user's own settings and credentials.
    pub(crate) fn user_config(&self) -> Option<PathBuf> {
        self.config_home().map(|dir| dir.join("jobctl"))
    }

    /// The system's directory for temporary files.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.absolute("TMPDIR").unwrap_or_else(|| "/tmp".into())
    }

    /// The id of the running boot, or what a test says it is.
    pub(crate) fn boot(&self) -> String {
        self.text(BOOT).map_or_else(jobctl_store::boot::current, str::to_owned)
    }

    /// What a runner is started with: enough to find files and programs, and no secret.
    pub(crate) fn passed_on(&self) -> Vec<(OsString, OsString)> {
        self.variables
            .iter()
            .filter(|(name, _)| name.to_str().is_some_and(is_passed_on))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

fn is_passed_on(name: &str) -> bool {
    PASSED_ON.contains(&name) || name.starts_with("LC_") || name.starts_with("XDG_")
}

impl<N: Into<OsString>, V: Into<OsString>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let variables =
            pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables }
    }
}

/// Which permissions new files of this process lack.
pub(crate) fn umask() -> u32 {
    // The system tells the mask only to who sets it.
    let mask = rustix::process::umask(rustix::fs::Mode::empty());
    rustix::process::umask(mask);
    wide(mask.bits())
}

/// Mode bits have 16 bits on some systems and 32 on others.
fn wide(bits: impl Into<u32>) -> u32 {
    bits.into()
}

/// The time of day, as far as the system knows it.
pub(crate) fn now() -> Time {
    #[expect(clippy::disallowed_methods, reason = "here is where time comes from")]
    Time::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_directories_fall_back_to_home_and_ignore_relative_paths() {
        let env: Environment =
            [("HOME", "/home/a"), ("XDG_STATE_HOME", "state")].into_iter().collect();
        assert_eq!(env.user_state(), Some("/home/a/.local/state/jobctl".into()));
        assert_eq!(env.user_config(), Some("/home/a/.config/jobctl".into()));
        let env: Environment =
            [("XDG_STATE_HOME", "/s"), ("XDG_CONFIG_HOME", "/c")].into_iter().collect();
        assert_eq!(env.user_state(), Some("/s/jobctl".into()));
        assert_eq!(env.user_config(), Some("/c/jobctl".into()));
        assert_eq!(Environment::default().user_state(), None);
    }

    #[test]
    fn tokens_are_not_passed_on() {
        let env: Environment = [
            ("GH_TOKEN", "x"),
            ("PATH", "/bin"),
            ("LC_ALL", "C"),
            ("MY_TOKEN", "y"),
            ("XDG_STATE_HOME", "/s"),
        ]
        .into_iter()
        .collect();
        let names: Vec<_> = env.passed_on().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["LC_ALL", "PATH", "XDG_STATE_HOME"]);
    }
}
