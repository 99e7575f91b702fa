use clap::Args;

use crate::settings::{Change, Limit};

/// What `limits --help` says first.
pub(super) const ABOUT: &str = "Show what may run at once and what of it is in use, or change it: \
    also while jobs run, and at once.\n\n\
    Over a limit a job waits; it starts by itself when there is room. Nothing that runs is \
    stopped. Limits are kept in jobctl.toml of the state directory:\n\n  \
    max_parallel = 4      # jobs running at once\n  \
    drain = false         # whether nothing is started any more\n\n  \
    [kinds]               # jobs of one kind running at once\n  \
    clone = 1\n\n  \
    [resources]           # units of what jobs take with --resource NAME=N; 1 where nothing is said\n  \
    db = 3";

/// Limits, and whether anything is started.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    jobctl limits                      what may run, and what does\n  \
    jobctl limits max_parallel=2       two jobs at once\n  \
    jobctl limits clone=1 db=3         one clone at once; three units of db\n  \
    jobctl limits clone=               as many clones as max_parallel allows\n  \
    jobctl limits --drain              let what runs end, and start nothing")]
pub(crate) struct LimitsArgs {
    #[arg(
        value_name = "NAME=[N]",
        value_parser = change,
        help = "Limits to set: max_parallel, a kind (clone, import, sync, run), or else a \
            resource; without a number, what counts without this project's settings"
    )]
    changes: Vec<Change>,
    /// Start nothing any more; what runs goes on.
    #[arg(long, conflicts_with = "no_drain")]
    drain: bool,
    /// Start jobs again.
    #[arg(long)]
    no_drain: bool,
}

impl LimitsArgs {
    /// All that is to be changed.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let drain = (self.drain || self.no_drain).then_some(Change::Drain(self.drain));
        self.changes.iter().cloned().chain(drain).collect()
    }
}

fn change(text: &str) -> Result<Change, String> {
    let (name, number) =
        text.split_once('=').ok_or("NAME=N sets a limit, and NAME= takes it back")?;
    let number = match number {
        "" => None,
        number => Some(number.parse().map_err(|_| "a limit is a whole number, from 0")?),
    };
    match name.parse().map_err(|error: crate::settings::BadLimit| error.to_string())? {
        Limit::MaxParallel => Ok(Change::MaxParallel(number)),
        Limit::Kind(kind) => Ok(Change::Kind(kind, number)),
        Limit::Resource(name) => Ok(Change::Resource(name, number)),
        Limit::Drain => Err("it is --drain or --no-drain".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use jobctl_core::Kind;

    use super::*;

    #[test]
    fn names_of_limits_are_told_apart() {
        assert_eq!(change("max_parallel=0"), Ok(Change::MaxParallel(Some(0))));
        assert_eq!(change("clone-repos=2"), Ok(Change::Kind(Kind::CloneRepos, Some(2))));
        assert_eq!(change("run="), Ok(Change::Kind(Kind::RunCommand, None)));
        assert_eq!(change("a.b/c=3"), Ok(Change::Resource("a.b/c".to_owned(), Some(3))));
        for bad in ["db", "db=-1", "db=many", "=1", "two words=1", "drain=1", "a\u{1b}=1"] {
            assert!(change(bad).is_err(), "{bad}");
        }
    }
}
