//! One call: its flags, its surroundings, and the state directory it is about.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jobctl_store::{Adopt, FileStore, Foreign, OpenError, RealFs, Registry, Standing};

use crate::args::Globals;
use crate::credentials::Wallet;
use crate::environment::Environment;
use crate::error::{Failure, look_first};
use crate::place::{self, Chosen, StatePlace};
use crate::screen::Screen;
use crate::settings::Settings;

/// A call before it looks at any job.
#[derive(Debug)]
pub(crate) struct Session {
    /// Flags.
    pub(crate) globals: Globals,
    /// Variables.
    pub(crate) env: Environment,
    /// The terminal.
    pub(crate) screen: Screen,
    /// Where the call was made, absolute.
    pub(crate) directory: PathBuf,
}

/// A state directory that is there, and the settings that count in it.
pub(crate) struct Opened {
    /// The jobs.
    pub(crate) store: Arc<FileStore>,
    /// The settings.
    pub(crate) settings: Settings,
    /// How it was chosen.
    pub(crate) place: StatePlace,
}

impl Session {
    /// Reads the surroundings; goes to the directory of `-C` first.
    pub(crate) fn new(globals: Globals) -> Result<Self, Failure> {
        if let Some(path) = &globals.directory {
            let wrap = |source| Failure::Directory { path: path.clone(), source };
            std::env::set_current_dir(path).map_err(wrap)?;
        }
        let wrap = |source| Failure::Directory { path: ".".into(), source };
        let directory = std::env::current_dir().map_err(wrap)?;
        let env = Environment::of_this_process();
        // Settings that cannot be read are told of by whoever needs more of them.
        let color = Settings::load(&env, None).map(|loaded| loaded.settings.color);
        let screen = Screen::new(&globals, &env, color.unwrap_or_default());
        Ok(Self { globals, env, screen, directory })
    }

    /// The user's registry of state directories.
    pub(crate) fn registry(&self) -> Result<Registry, Failure> {
        Ok(Registry::at(self.env.user_state().ok_or(place::NoPlace)?))
    }

    /// The state directory that this call is about.
    pub(crate) fn place(&self) -> Result<StatePlace, Failure> {
        Ok(place::find(self.globals.state_dir.as_deref(), &self.env, &self.directory)?)
    }

    /// Opens the state directory, if there is one; changes nothing in one that is not ours.
    pub(crate) fn open(&self) -> Result<Option<Opened>, Failure> {
        let place = self.place()?;
        let Some(store) = self.open_at(&place.path)? else { return Ok(None) };
        // A directory that was only named, and holds no jobs yet, is one that is not there yet.
        let unused = matches!(store.standing(), Standing::Foreign { .. })
            && place.chosen == Chosen::Named
            && is_unused(&store)?;
        if unused { Ok(None) } else { self.opened(store, place).map(Some) }
    }

    /// Opens a registered state directory, if it is there and the user's own.
    pub(crate) fn open_registered(&self, path: &Path) -> Result<Option<Opened>, Failure> {
        let store = self.open_at(path)?;
        let Some(store) = store.filter(|store| *store.standing() == Standing::Ours) else {
            return Ok(None);
        };
        let project = path.parent().unwrap_or(path).to_owned();
        let place = StatePlace { path: path.to_owned(), chosen: Chosen::Named, project };
        self.opened(store, place).map(Some)
    }

    /// Opens the state directory at a path, if there is one.
    pub(crate) fn open_at(&self, path: &Path) -> Result<Option<FileStore>, Failure> {
        match FileStore::open(path, &self.registry()?, Arc::new(RealFs), &self.env.boot()) {
            Ok(store) => Ok(Some(store)),
            Err(OpenError::Missing(_)) => Ok(None),
            Err(error @ (OpenError::NotADirectory(_) | OpenError::File(_))) => Err(error.into()),
        }
    }

    /// Opens the state directory for new jobs, making it where it may be made.
    pub(crate) fn open_or_make(&self) -> Result<Opened, Failure> {
        let place = self.place()?;
        if let Some(store) = self.open_at(&place.path)? {
            let ours = *store.standing() == Standing::Ours;
            // A `.jobs` that was found is taken as it is; `init` and `trust` make it ours.
            if ours || place.chosen == Chosen::Found {
                self.warn_of_network(&store);
                return self.opened(store, place);
            }
        }
        let adopt = match place.chosen {
            Chosen::Named => Adopt::Named,
            Chosen::Found | Chosen::Default => Adopt::Fresh,
        };
        let (registry, boot) = (self.registry()?, self.env.boot());
        let is_new = !place.path.exists();
        let store = FileStore::create(&place.path, &registry, Arc::new(RealFs), &boot, adopt)?;
        self.warn_of_network(&store);
        if is_new && place.chosen == Chosen::Default {
            self.screen.note(&format!(
                "Jobs made outside of projects live in {} (jobctl init gives this directory its own)",
                place.path.display()
            ));
        }
        self.opened(store, place)
    }

    /// Says so where jobs are made on a network file system.
    pub(crate) fn warn_of_network(&self, store: &FileStore) {
        // What the system does not know is not warned of.
        if let Ok(Some(kind)) = store.network() {
            self.screen.warn(&format!(
                "{} is on {kind}: jobs are safe on a local disk only",
                store.root().display()
            ));
        }
    }

    fn opened(&self, store: FileStore, place: StatePlace) -> Result<Opened, Failure> {
        self.with_settings(Arc::new(store), place)
    }

    fn with_settings(&self, store: Arc<FileStore>, place: StatePlace) -> Result<Opened, Failure> {
        let project = (*store.standing() == Standing::Ours).then(|| store.root().to_owned());
        let loaded = Settings::load(&self.env, project.as_deref())?;
        for warning in &loaded.warnings {
            self.screen.warn(warning);
        }
        Ok(Opened { store, settings: loaded.settings, place })
    }

    /// The user's own settings, where no state directory is needed.
    pub(crate) fn user_settings(&self) -> Result<Settings, Failure> {
        Ok(Settings::load(&self.env, None)?.settings)
    }

    /// Where this call looks for credentials.
    pub(crate) fn wallet<'a>(&'a self, settings: &'a Settings) -> Wallet<'a> {
        Wallet { env: &self.env, connections: &settings.connections }
    }
}

impl Opened {
    /// Where this call looks for credentials.
    pub(crate) fn wallet<'a>(&'a self, session: &'a Session) -> Wallet<'a> {
        session.wallet(&self.settings)
    }

    /// The same with settings as they stand now.
    pub(crate) fn reread(self, session: &Session) -> Result<Self, Failure> {
        session.with_settings(self.store, self.place)
    }

    /// Why nothing here is started or written, if so.
    pub(crate) fn foreign(&self) -> Option<&Foreign> {
        match self.store.standing() {
            Standing::Ours => None,
            Standing::Foreign { why } => Some(why),
        }
    }

    /// Fails where nothing may be changed.
    pub(crate) fn must_be_ours(&self) -> Result<(), Failure> {
        let Some(why) = self.foreign() else { return Ok(()) };
        let path = self.store.root();
        Err(Failure::not_allowed(
            format!("{} is not a state directory of yours: {why}", path.display()),
            look_first(path, why),
        ))
    }
}

fn is_unused(store: &FileStore) -> Result<bool, Failure> {
    let contents = store.contents()?;
    let jobs = contents.jobs.is_empty() && contents.damaged == 0 && contents.submissions == 0;
    Ok(jobs && !contents.warehouse)
}
