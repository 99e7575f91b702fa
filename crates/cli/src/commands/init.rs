use std::sync::Arc;

use jobctl_store::{Adopt, FileStore, RealFs, Standing};

use crate::error::Failure;
use crate::exit::Code;
use crate::json;
use crate::place::FOLDER;
use crate::session::Session;

#[derive(serde::Serialize)]
struct Made {
    schema: u32,
    state_dir: String,
}

/// Makes `.jobs` in the current directory, or the directory named by `--state-dir`.
pub(crate) fn init(session: &Session) -> Result<Code, Failure> {
    let named = session.globals.state_dir.as_deref();
    let path = session.directory.join(named.unwrap_or(FOLDER.as_ref()));
    let adopt = if named.is_some() { Adopt::Named } else { Adopt::Fresh };
    let known = session.open_at(&path)?;
    let was_ours = known.is_some_and(|store| *store.standing() == Standing::Ours);
    let (registry, boot) = (session.registry()?, session.env.boot());
    let store = FileStore::create(&path, &registry, Arc::new(RealFs), &boot, adopt)?;
    session.warn_of_network(&store);
    let state_dir = store.root().display().to_string();
    if session.globals.json {
        session.screen.say(&json::text(&Made { schema: json::SCHEMA, state_dir }))?;
    } else if was_ours {
        session.screen.say(&format!("{state_dir} is a state directory of yours already"))?;
    } else {
        session.screen.say(&format!("Made {state_dir}"))?;
        session.screen.note("Jobs of this directory live there. Next: jobctl clone github:ORG");
    }
    Ok(Code::Fine)
}
