//! Settings: flags, then `JOBCTL_*`, then the project's file, then the user's.
//!
//! A project's file may set limits, retention and display. Connections, and with them hosts and
//! credentials, and announcements, come from the user's own file only: a cloned repository brings
//! its own `.jobs/`.

pub(crate) mod announce;
mod connection;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jobctl_core::Retention;
use jobctl_store::open_to_read;
use serde::Deserialize;

use announce::Announcement;
#[cfg(test)]
pub(crate) use connection::AppId;
pub(crate) use connection::{AppSettings, ConnectionSettings, TokenSettings};

use crate::args::ColorWhen;
use crate::environment::Environment;
use crate::since;

mod edit;
mod limits;

pub(crate) use edit::{Change, edited};
use limits::Written;
pub(crate) use limits::{BadLimit, Limit, LimitSettings, Origin, short};

/// The name of a settings file, in a state directory and in the user's configuration.
pub(crate) const FILE: &str = "jobctl.toml";

/// What a user may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// What may run at once, and where that is set.
    pub(crate) limits: LimitSettings,
    /// How many ended submissions stay: `keep_completed` and `keep_failed`.
    pub(crate) retention: Retention,
    /// Whether pauses that have a time end by themselves.
    pub(crate) auto_resume: bool,
    /// How long a worker may take to stop.
    pub(crate) stop_grace: Duration,
    /// Crashes that end a job as failed.
    pub(crate) max_attempts: u32,
    /// Percent of a forge's quota that is left to others.
    pub(crate) reserve: u8,
    /// When to colour.
    pub(crate) color: ColorWhen,
    /// The user's connections by name.
    pub(crate) connections: BTreeMap<String, ConnectionSettings>,
    /// The user's announcements by name.
    pub(crate) announcements: BTreeMap<String, Announcement>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: LimitSettings::default(),
            retention: Retention::default(),
            auto_resume: true,
            stop_grace: Duration::from_secs(5),
            max_attempts: 5,
            reserve: 0,
            color: ColorWhen::Auto,
            connections: BTreeMap::new(),
            announcements: BTreeMap::new(),
        }
    }
}

/// Settings that cannot be used, and where they stand.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadSettings {
    /// The file is there and cannot be read.
    #[error("could not read the settings in {}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("could not understand the settings in {}", .path.display())]
    Toml {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<toml::de::Error>,
    },
    /// The file cannot be changed, because it is not what it should be.
    #[error("could not understand the settings in {}", .path.display())]
    Edit {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<toml_edit::TomlError>,
    },
    /// A name stands for something else than a table of limits.
    #[error("{table} in {} is not a table", .path.display())]
    NotATable {
        /// Which file.
        path: PathBuf,
        /// The name.
        table: &'static str,
    },
    /// A value that does not fit its name.
    #[error("{name} cannot be {value:?} ({wanted})")]
    Value {
        /// The setting or variable.
        name: String,
        /// Its value.
        value: String,
        /// What would fit.
        wanted: &'static str,
    },
}

/// One settings file as it stands.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Layer {
    max_parallel: Option<usize>,
    drain: Option<bool>,
    kinds: BTreeMap<String, usize>,
    resources: BTreeMap<String, u32>,
    keep_completed: Option<usize>,
    keep_failed: Option<usize>,
    auto_resume: Option<bool>,
    stop_grace: Option<String>,
    max_attempts: Option<u32>,
    reserve: Option<String>,
    color: Option<ColorWhen>,
    connections: BTreeMap<String, ConnectionSettings>,
    announcements: BTreeMap<String, Announcement>,
    #[serde(flatten)]
    unknown: BTreeMap<String, toml::Value>,
}

/// Settings and what was strange about them.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// The settings.
    pub(crate) settings: Settings,
    /// For people.
    pub(crate) warnings: Vec<String>,
}

impl Settings {
    /// Reads the user's settings, the project's where it is ours, and the variables.
    pub(crate) fn load(env: &Environment, project: Option<&Path>) -> Result<Loaded, BadSettings> {
        let mut loaded = Loaded::default();
        let user = env.user_config().map(|dir| dir.join(FILE));
        if let Some((path, layer)) = read(user, |path| File::open(path))? {
            loaded.settings.connections = layer.connections.clone();
            loaded.settings.announcements = layer.announcements.clone();
            loaded.take(&path, layer)?;
        }
        // The user's own may be a link to where they keep such files; a project's may not.
        if let Some((path, layer)) = read(project.map(|dir| dir.join(FILE)), open_to_read)? {
            if !layer.connections.is_empty() {
                loaded.warnings.push(format!(
                    "{}: connections are read from your own configuration only",
                    path.display()
                ));
            }
            if !layer.announcements.is_empty() {
                loaded.warnings.push(format!(
                    "{}: announcements are read from your own configuration only",
                    path.display()
                ));
            }
            loaded.take(&path, layer)?;
        }
        loaded.settings.take_variables(env)?;
        Ok(loaded)
    }

    fn take_variables(&mut self, env: &Environment) -> Result<(), BadSettings> {
        let most = variable(env, limits::VARIABLE, self.limits.values.max_parallel)?;
        if env.text(limits::VARIABLE).is_some() {
            self.limits.take_variable(most);
        }
        let Retention { completed, failed } = self.retention;
        self.retention = Retention {
            completed: variable(env, "JOBCTL_KEEP_COMPLETED", completed)?,
            failed: variable(env, "JOBCTL_KEEP_FAILED", failed)?,
        };
        self.auto_resume = variable(env, "JOBCTL_AUTO_RESUME", self.auto_resume)?;
        self.max_attempts = variable(env, "JOBCTL_MAX_ATTEMPTS", self.max_attempts)?;
        if let Some(text) = env.text("JOBCTL_RESERVE") {
            self.reserve = share("JOBCTL_RESERVE", text)?;
        }
        if let Some(text) = env.text("JOBCTL_STOP_GRACE") {
            self.stop_grace = grace("JOBCTL_STOP_GRACE", text)?;
        }
        Ok(())
    }
}

impl Loaded {
    fn take(&mut self, path: &Path, layer: Layer) -> Result<(), BadSettings> {
        let settings = &mut self.settings;
        let Layer { max_parallel, drain, kinds, resources, .. } = layer;
        let written = Written { max_parallel, drain, kinds, resources };
        self.warnings.extend(settings.limits.take(path, written));
        let Retention { completed, failed } = settings.retention;
        settings.retention = Retention {
            completed: layer.keep_completed.unwrap_or(completed),
            failed: layer.keep_failed.unwrap_or(failed),
        };
        settings.auto_resume = layer.auto_resume.unwrap_or(settings.auto_resume);
        settings.max_attempts = layer.max_attempts.unwrap_or(settings.max_attempts);
        settings.color = layer.color.unwrap_or(settings.color);
        if let Some(text) = layer.reserve {
            settings.reserve = share("reserve", &text)?;
        }
        if let Some(text) = layer.stop_grace {
            settings.stop_grace = grace("stop_grace", &text)?;
        }
        for name in layer.unknown.keys() {
            self.warnings.push(format!("{}: no setting is called {name}", path.display()));
        }
        Ok(())
    }
}

fn read(
    path: Option<PathBuf>,
    open: fn(&Path) -> io::Result<File>,
) -> Result<Option<(PathBuf, Layer)>, BadSettings> {
    let Some(path) = path else { return Ok(None) };
    let text = match open(&path).and_then(io::read_to_string) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(BadSettings::File { path, source }),
    };
    match toml::from_str(&text) {
        Ok(layer) => Ok(Some((path, layer))),
        Err(source) => Err(BadSettings::Toml { path, source: Box::new(source) }),
    }
}

fn variable<T: std::str::FromStr>(
    env: &Environment,
    name: &str,
    otherwise: T,
) -> Result<T, BadSettings> {
    let Some(text) = env.text(name) else { return Ok(otherwise) };
    text.parse().map_err(|_| BadSettings::Value {
        name: name.to_owned(),
        value: text.to_owned(),
        wanted: "a whole number, or true or false where it is a switch",
    })
}

fn share(name: &str, text: &str) -> Result<u8, BadSettings> {
    percent(text).map_err(|wanted| BadSettings::Value {
        name: name.to_owned(),
        value: text.to_owned(),
        wanted,
    })
}

/// A share of a quota: `20%`, or `20`.
pub(crate) fn percent(text: &str) -> Result<u8, &'static str> {
    let number = text.trim().strip_suffix('%').unwrap_or(text.trim());
    match number.parse() {
        Ok(percent @ 0..=90) => Ok(percent),
        Ok(_) | Err(_) => Err("a share from 0% to 90%"),
    }
}

fn grace(name: &str, text: &str) -> Result<Duration, BadSettings> {
    since::duration(text).map_err(|_| BadSettings::Value {
        name: name.to_owned(),
        value: text.to_owned(),
        wanted: "a length of time such as 5s or 2min",
    })
}

#[cfg(test)]
mod tests {
    use std::fs::create_dir_all;
    use std::io::Write as _;

    use super::*;

    fn write(path: &Path, text: &str) {
        create_dir_all(path.parent().unwrap()).unwrap();
        File::create(path).unwrap().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn nearer_layers_win_and_connections_are_the_users_alone() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let project = root.join("project/.jobs");
        write(
            &root.join("config/jobctl/jobctl.toml"),
            "max_parallel = 2\nkeep_completed = 1\nkeep_failed = 2\n\
             max_attempts = 9\nstop_grace = \"7s\"\n\
             [connections.work]\napi_url = \"https://forge.example/api/v3\"\n",
        );
        write(
            &project.join(FILE),
            "max_parallel = 3\nkeep_failed = 3\nmax_attempts = 8\ntypo = 1\n\
             [connections.evil]\napi_url = \"https://evil.example\"\n",
        );
        let config = root.join("config");
        let env: Environment =
            [("XDG_CONFIG_HOME", config.to_str().unwrap()), ("JOBCTL_MAX_PARALLEL", "4")]
                .into_iter()
                .collect();
        let loaded = Settings::load(&env, Some(&project)).unwrap();
        assert_eq!(loaded.settings.limits.values.max_parallel, 4);
        assert_eq!(loaded.settings.retention, Retention { completed: 1, failed: 3 });
        assert_eq!(loaded.settings.max_attempts, 8);
        assert_eq!(loaded.settings.stop_grace, Duration::from_secs(7));
        assert_eq!(loaded.settings.connections.keys().collect::<Vec<_>>(), ["work"]);
        let warnings = loaded.warnings.join("\n");
        assert!(warnings.contains("your own configuration only"), "{warnings}");
        assert!(warnings.contains("no setting is called typo"), "{warnings}");
    }

    #[test]
    fn what_cannot_be_used_is_said() {
        let directory = tempfile::tempdir().unwrap();
        write(&directory.path().join(FILE), "max_parallel = \"many\"\n");
        let env = Environment::default();
        let error = Settings::load(&env, Some(directory.path())).unwrap_err();
        assert!(matches!(error, BadSettings::Toml { .. }), "{error}");
        let keep = [("JOBCTL_KEEP_COMPLETED", "0"), ("JOBCTL_KEEP_FAILED", "7")];
        let loaded = Settings::load(&keep.into_iter().collect(), None).unwrap();
        assert_eq!(loaded.settings.retention, Retention { completed: 0, failed: 7 });
        let env: Environment = [("JOBCTL_AUTO_RESUME", "maybe")].into_iter().collect();
        let error = Settings::load(&env, None).unwrap_err();
        assert!(error.to_string().starts_with("JOBCTL_AUTO_RESUME cannot be"), "{error}");
    }
}
