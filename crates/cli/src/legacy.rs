//! The flags of the original command, on `jobctl` as they stand.

use clap::Args;

/// One of these at most, and no command beside it.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Instead of a command")]
pub(crate) struct Legacy {
    /// List what is active.
    #[arg(long, group = "legacy")]
    active: bool,
    /// List what is active and the last ten that ended.
    #[arg(long, group = "legacy")]
    all: bool,
    /// Show all about a job.
    #[arg(long, value_name = "ID", group = "legacy")]
    id: Option<String>,
    /// Watch a job.
    #[arg(long, value_name = "ID", group = "legacy")]
    follow: Option<String>,
    /// Print what a job's worker said.
    #[arg(long, value_name = "ID", group = "legacy")]
    logs: Option<String>,
    /// Stop a job and leave it paused.
    #[arg(long, value_name = "ID", group = "legacy")]
    kill: Option<String>,
    /// Let a paused job go on.
    #[arg(long, value_name = "ID", group = "legacy")]
    resume: Option<String>,
}

/// What a flag of the original command asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The active jobs.
    Active,
    /// Those, and the last ten that ended.
    All,
    /// Details of one.
    Show(String),
    /// Its progress as it goes.
    Follow(String),
    /// Its log.
    Logs(String),
    /// Stop and pause it.
    Kill(String),
    /// Resume it.
    Resume(String),
}

impl Legacy {
    /// What was asked for, if anything; clap has seen to it that there is at most one.
    pub(crate) fn asked(self) -> Option<Asked> {
        if self.active {
            return Some(Asked::Active);
        }
        if self.all {
            return Some(Asked::All);
        }
        let with_id = [
            (self.id, Asked::Show as fn(String) -> Asked),
            (self.follow, Asked::Follow),
            (self.logs, Asked::Logs),
            (self.kill, Asked::Kill),
            (self.resume, Asked::Resume),
        ];
        with_id.into_iter().find_map(|(id, asked)| id.map(asked))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    fn asked(line: &str) -> Option<Asked> {
        Cli::try_parse_from(line.split(' ')).ok()?.legacy.asked()
    }

    #[test]
    fn each_flag_is_understood_alone() {
        let id = || "ae362dfe".to_owned();
        for (line, wanted) in [
            ("jobctl --active", Asked::Active),
            ("jobctl --all --json", Asked::All),
            ("jobctl --id ae362dfe", Asked::Show(id())),
            ("jobctl --follow ae362dfe", Asked::Follow(id())),
            ("jobctl --logs ae362dfe", Asked::Logs(id())),
            ("jobctl --kill ae362dfe", Asked::Kill(id())),
            ("jobctl --resume=ae362dfe", Asked::Resume(id())),
        ] {
            assert_eq!(asked(line), Some(wanted), "{line}");
        }
        assert_eq!(asked("jobctl"), None);
    }

    #[test]
    fn two_at_once_are_refused() {
        for line in ["jobctl --id x --kill y", "jobctl --all --active"] {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
