//! What each command does.

pub(crate) mod announce;
pub(crate) mod auth;
pub(crate) mod change;
pub(crate) mod clean;
pub(crate) mod doctor;
pub(crate) mod export;
pub(crate) mod follow;
pub(crate) mod init;
pub(crate) mod issues;
pub(crate) mod limits;
pub(crate) mod list;
pub(crate) mod logs;
pub(crate) mod recover;
pub(crate) mod restart;
pub(crate) mod rm;
pub(crate) mod service;
pub(crate) mod show;
pub(crate) mod submit;
pub(crate) mod trust;
pub(crate) mod wait;
pub(crate) mod watch;

use clap::CommandFactory as _;
use jobctl_core::Retention;
use jobctl_runner::Occasion;

use crate::args::{
    Cli, Command, FrequentCommand, IssueCommand, JobArgs, ListArgs, LogsArgs, RunnerArgs, ShowArgs,
    WorkerArgs,
};
use crate::background;
use crate::error::Failure;
use crate::exit::Code;
use crate::legacy::Asked;
use crate::session::{Opened, Session};
use crate::settings::Settings;

/// Does what a command says.
pub(crate) fn run(session: &Session, command: Command) -> Result<Code, Failure> {
    match command {
        Command::Init => init::init(session),
        Command::Trust { path } => trust::trust(session, &path),
        Command::Clone(args) => submit::clone(session, &args),
        Command::Import(args) => submit::import(session, &args),
        Command::Run(args) => submit::run(session, &args),
        Command::List(args) if !args.ids.is_empty() => show::show(session, &args.ids),
        Command::List(args) => list::list(session, &args),
        Command::Show(args) => show::show(session, &args.ids),
        Command::Follow(args) => follow::follow(session, &args.ids),
        Command::Logs(args) => logs::logs(session, &args),
        Command::Wait(args) => wait::wait(session, &args),
        Command::Pause(args) => change::pause(session, &args),
        Command::Resume(args) => change::resume(session, &args),
        Command::Cancel(args) => change::cancel(session, &args),
        Command::Restart(args) => restart::restart(session, &args),
        Command::Rm(args) => rm::rm(session, &args.ids),
        Command::Clean(args) => clean::clean(session, &args),
        Command::Limits(args) => limits::limits(session, &args),
        Command::Doctor(args) => doctor::doctor(session, &args),
        Command::Recover => recover::recover(session),
        Command::Issues(args) => issues::search(session, &args),
        Command::Issue { command: IssueCommand::View { key } } => issues::view(session, &key),
        Command::Export(args) => export::export(session, &args),
        Command::Completions { shell } => completions(session, shell),
        Command::Kill { ids } => Err(pause_or_cancel(&ids)),
        Command::Auth { command } => auth::auth(session, command),
        Command::Announce { command } => announce::announce(session, &command),
        Command::Service { command } => service::service(session, command),
    }
}

/// Does what begins most often.
pub(crate) fn run_frequent(session: &Session, command: &FrequentCommand) -> Result<Code, Failure> {
    match command {
        FrequentCommand::Runner(args) => runner(session, args),
        FrequentCommand::Worker(args) => worker(session, args),
        FrequentCommand::Announcer => announcer(session),
        FrequentCommand::Run(args) => submit::run(session, args),
    }
}

/// Does what a flag of the original command says.
pub(crate) fn run_legacy(session: &Session, asked: Asked) -> Result<Code, Failure> {
    match asked {
        Asked::Active => list::list(session, &ListArgs { active: true, ..ListArgs::default() }),
        Asked::All => list::list(session, &ListArgs::default()),
        Asked::Show(id) => run(session, Command::Show(ShowArgs { ids: vec![id] })),
        Asked::Follow(id) => run(session, Command::Follow(JobArgs { ids: vec![id] })),
        Asked::Logs(id) => {
            logs::logs(session, &LogsArgs { ids: vec![id], follow: false, lines: 50 })
        }
        Asked::Kill(id) => change::kill(session, &id),
        Asked::Resume(id) => change::resume_as_before(session, &id),
    }
}

fn pause_or_cancel(ids: &[String]) -> Failure {
    let ids = if ids.is_empty() { "ID".to_owned() } else { ids.join(" ") };
    Failure::usage(
        "pause (can be resumed) or cancel (cannot)?",
        format!("jobctl pause {ids}, or jobctl cancel {ids}"),
    )
}

fn completions(session: &Session, shell: clap_complete::Shell) -> Result<Code, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "jobctl", &mut script);
    session.screen.say(&String::from_utf8_lossy(&script))?;
    Ok(Code::Fine)
}

fn runner(session: &Session, args: &RunnerArgs) -> Result<Code, Failure> {
    let Opened { store, mut settings, .. } = own(session)?;
    let mut first = settings.limits.values.clone();
    first.max_parallel = args.max_parallel.unwrap_or(first.max_parallel);
    let Retention { completed, failed } = settings.retention;
    settings.retention = Retention {
        completed: args.keep_completed.unwrap_or(completed),
        failed: args.keep_failed.unwrap_or(failed),
    };
    let (env, root) = (session.env.clone(), store.root().to_owned());
    let limits = move |occasion| match occasion {
        Occasion::Start => first.clone(),
        // Whoever changed them saw to it that they can be read.
        Occasion::Change => Settings::load(&env, Some(&root))
            .map_or_else(|_| first.clone(), |loaded| loaded.settings.limits.values),
    };
    background::run_runner(store, &session.env, Box::new(limits), &settings)?;
    Ok(Code::Fine)
}

fn worker(session: &Session, args: &WorkerArgs) -> Result<Code, Failure> {
    let opened = own(session)?;
    let grace = opened.settings.stop_grace;
    background::run_worker(&opened.store, &session.env, args.id, grace)?;
    Ok(Code::Fine)
}

fn announcer(session: &Session) -> Result<Code, Failure> {
    crate::announce::serve(session, &own(session)?)?;
    Ok(Code::Fine)
}

/// The state directory of a runner or worker; there is nothing to do in any other.
fn own(session: &Session) -> Result<Opened, Failure> {
    let opened = session.open()?;
    let opened = opened.ok_or_else(|| Failure::no_such("no state directory", "jobctl init"))?;
    opened.must_be_ours()?;
    Ok(opened)
}
