//! The forge as a program: prints its address on the first line, then serves until it is ended, and
//! says in a last line what it was asked.
#![expect(clippy::print_stdout, reason = "the address is this program's answer")]

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use jobctl_forge::ado::{AdoConfig, AdoToken};
use jobctl_forge::jira::JiraConfig;
use jobctl_forge::{Config, Cursors, Forge};
use tokio::signal::unix::{SignalKind, signal};

/// A simulated GitHub and git server on the loopback. The first line printed is its address.
#[derive(Debug, Parser)]
#[command(name = "forge")]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    listen: SocketAddr,
    /// A token that is accepted
    #[arg(long, default_value = "forge-token")]
    token: String,
    /// Seed of the world and of the script
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Issues and pull requests of acme/api
    #[arg(long, default_value_t = 12_500)]
    issues: u32,
    /// Comments of acme/api
    #[arg(long, default_value_t = 45_000)]
    comments: u32,
    /// Of those, how many share one second
    #[arg(long, default_value_t = 0)]
    same_second: u32,
    /// Issues whose number of comments is wrong
    #[arg(long, default_value_t = 0)]
    stale_counts: u32,
    /// Comments missing from the repository-wide list
    #[arg(long, default_value_t = 0)]
    hidden_comments: u32,
    /// Further repositories of acme
    #[arg(long, default_value_t = 20)]
    repos: u32,
    /// Repositories whose clone fails, in four ways in turn
    #[arg(long, default_value_t = 0)]
    broken_repos: u32,
    /// Repositories without a commit
    #[arg(long, default_value_t = 1)]
    empty_repos: u32,
    /// Repositories with names no file system should believe
    #[arg(long)]
    hostile_names: bool,
    /// A repository that tracks a state directory
    #[arg(long)]
    hostile_content: bool,
    /// Leave the recorded repository hub4j/github-api out
    #[arg(long)]
    no_recorded: bool,
    /// Where bare repositories are made; a temporary directory unless given
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Requests per window; 0: no limits at all
    #[arg(long, default_value_t = 5_000)]
    limit: u64,
    /// Length of the window in seconds
    #[arg(long, default_value_t = 3_600)]
    window: u64,
    /// Requests at once before a secondary limit; 0: any number
    #[arg(long, default_value_t = 100)]
    concurrent: u32,
    /// Points per minute and endpoint before a secondary limit; 0: any number
    #[arg(long, default_value_t = 900)]
    points: u64,
    /// Milliseconds every reply waits
    #[arg(long, default_value_t = 0)]
    delay_ms: u64,
    /// page × `per_page` beyond which comment lists answer 422
    #[arg(long, default_value_t = 30_000)]
    comment_cap: u64,
    /// Never offer cursors
    #[arg(long)]
    no_cursors: bool,
    /// Further behaviour as JSON, as for POST /_forge/configure
    #[arg(long, value_name = "JSON")]
    behaviour: Option<String>,
    /// Issues of the Jira project PAY; without it there is no Jira
    #[arg(long, value_name = "N")]
    jira_issues: Option<u32>,
    /// Comments on them
    #[arg(long, value_name = "N", default_value_t = 30_000)]
    jira_comments: u32,
    /// Work items of the Azure DevOps project contoso/Shop; without it there is no Azure DevOps
    #[arg(long, value_name = "N")]
    ado_items: Option<u32>,
    /// Comments on them
    #[arg(long, value_name = "N", default_value_t = 8_000)]
    ado_comments: u32,
    /// End when standard input ends: with the process that started it
    #[arg(long)]
    until_stdin_ends: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = format!("forge: {error}");
            let mut cause = error.source();
            while let Some(inner) = cause {
                text = format!("{text}: {inner}");
                cause = inner.source();
            }
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(std::io::stderr(), "{text}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn std::error::Error>> {
    let forge = Forge::start(config(args)?)?;
    println!("{}", forge.url());
    std::io::stdout().flush()?;
    wait(args.until_stdin_ends)?;
    // Nobody is left to tell when standard output is closed.
    let _ = writeln!(std::io::stdout(), "{}", forge.summary());
    drop(forge);
    Ok(())
}

fn config(args: &Args) -> Result<Config, serde_json::Error> {
    let mut config = Config {
        listen: args.listen,
        seed: args.seed,
        scratch: args.scratch.clone(),
        repos: args.repos,
        broken_repos: args.broken_repos,
        empty_repos: args.empty_repos,
        hostile_names: args.hostile_names,
        hostile_content: args.hostile_content,
        recorded: !args.no_recorded,
        ..Config::default()
    };
    config.tokens[0].value.clone_from(&args.token);
    config.jira = args.jira_issues.map(|issues| JiraConfig {
        issues,
        comments: args.jira_comments,
        token: args.token.clone(),
        ..JiraConfig::default()
    });
    config.ado = args.ado_items.map(|items| AdoConfig {
        items,
        comments: args.ado_comments,
        tokens: vec![AdoToken { value: args.token.clone(), ..AdoToken::default() }],
        ..AdoConfig::default()
    });
    if let Some(ado) = config.ado.as_mut().filter(|_| args.limit == 0) {
        ado.behaviour.limits.tstu = None;
    }
    config.issues.issues = args.issues;
    config.issues.comments = args.comments;
    config.issues.same_second_comments = args.same_second;
    config.issues.stale_counts = args.stale_counts;
    config.issues.hidden_comments = args.hidden_comments;
    if let Some(json) = &args.behaviour {
        config.behaviour = serde_json::from_str(json)?;
        return Ok(config);
    }
    let behaviour = &mut config.behaviour;
    behaviour.delay_ms = args.delay_ms;
    behaviour.comment_cap = args.comment_cap;
    behaviour.limits.primary = (args.limit > 0).then_some(args.limit);
    behaviour.limits.window_seconds = args.window;
    behaviour.limits.concurrent = (args.concurrent > 0).then_some(args.concurrent);
    behaviour.limits.points_per_minute = (args.points > 0).then_some(args.points);
    if args.no_cursors {
        behaviour.cursors = Cursors::Never;
    }
    Ok(config)
}

/// Returns on SIGINT, SIGTERM, or the end of standard input if that is asked for.
fn wait(until_stdin_ends: bool) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (ended, end) = tokio::sync::oneshot::channel::<()>();
        if until_stdin_ends {
            std::thread::spawn(move || {
                let _ = std::io::stdin().read_to_end(&mut Vec::new());
                drop(ended);
            });
        } else {
            std::mem::forget(ended);
        }
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = end => {}
        }
        Ok(())
    })
}
