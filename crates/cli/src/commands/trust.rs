use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use jobctl_store::{
    Contents, FileStore, Foreign, RealFs, Sighting, Standing, Store as _, TrustError, Which,
};

use crate::error::Failure;
use crate::exit::Code;
use crate::place::FOLDER;
use crate::session::Session;
use crate::text;

/// How many unfinished jobs are told one by one, and how much of each.
const MOST_PLANS: usize = 20;
const PLAN_WIDTH: usize = 160;

/// Shows what a state directory holds and, if the user agrees, makes it theirs.
pub(crate) fn trust(session: &Session, path: &Path) -> Result<Code, Failure> {
    let mut path = session.directory.join(path);
    // A project may be named instead of its state directory.
    if !path.join("jobs").is_dir() && path.join(FOLDER).is_dir() {
        path = path.join(FOLDER);
    }
    let Some(store) = session.open_at(&path)? else {
        return Err(Failure::no_such(
            format!("no state directory {}", path.display()),
            "name a directory that holds .jobs, or .jobs itself",
        ));
    };
    let shown = store.root().display().to_string();
    let Standing::Foreign { why } = store.standing() else {
        session.screen.say(&format!("{shown} is a state directory of yours already"))?;
        return Ok(Code::Fine);
    };
    if let Foreign::AnothersOwn { .. } = why {
        return Err(TrustError::AnothersOwn(store.root().to_owned()).into());
    }
    let waiting = store.list(Which::Active)?;
    let told = format!("{shown}: {why}\n{}{}", describe(&store.contents()?), plans(&waiting));
    session.screen.note(&told);
    if !agreed(session)? {
        return Err(Failure::not_allowed("nothing was changed", "say yes, or pass --yes"));
    }
    FileStore::trust(&path, &session.registry()?, Arc::new(RealFs))?;
    session.warn_of_network(&store);
    session.screen.say(&format!("Trusted {shown}"))?;
    session.screen.note("Its unfinished jobs start with the next command: jobctl list");
    Ok(Code::Fine)
}

fn agreed(session: &Session) -> Result<bool, Failure> {
    if session.screen.yes() {
        return Ok(true);
    }
    if !session.screen.can_ask() {
        return Err(Failure::usage(
            "whether to trust this directory cannot be asked here",
            "look at what it holds, then pass --yes",
        ));
    }
    Ok(session.screen.agrees("Run its jobs and use its settings?"))
}

/// What a state directory holds, a line each.
fn describe(contents: &Contents) -> String {
    let mut out = String::new();
    for ((kind, status), count) in &contents.jobs {
        let _ = writeln!(out, "  {count} {kind}, {status}");
    }
    if contents.damaged > 0 {
        let _ = writeln!(
            out,
            "  {}",
            text::plural(contents.damaged as u64, "damaged job", "damaged jobs")
        );
    }
    if contents.submissions > 0 {
        let count = contents.submissions as u64;
        let _ =
            writeln!(out, "  {}", text::plural(count, "waiting submission", "waiting submissions"));
    }
    if contents.settings {
        out.push_str("  settings (jobctl.toml): limits and display will count\n");
    }
    if !contents.connections.is_empty() {
        let names = text::line(&contents.connections.join(", "));
        let _ = writeln!(out, "  connections {names}: will not count, only your own do");
    }
    if contents.warehouse {
        out.push_str("  imported issues\n");
    }
    if out.is_empty() {
        out.push_str("  nothing\n");
    }
    out
}

/// What its unfinished jobs would do: a description may say anything, so the options are shown too.
fn plans(waiting: &[Sighting]) -> String {
    let mut out = String::new();
    for seen in waiting.iter().take(MOST_PLANS) {
        let Some(job) = &seen.job else { continue };
        let spec = &job.spec;
        let options = text::clip(&text::line(&spec.options.to_string()), PLAN_WIDTH);
        let description = text::clip(&text::line(&spec.description), PLAN_WIDTH);
        let _ = writeln!(out, "  {} would {}: {description}\n    {options}", job.id, spec.kind);
    }
    if waiting.len() > MOST_PLANS {
        let _ = writeln!(out, "  and {} more", waiting.len() - MOST_PLANS);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jobctl_core::{Kind, Status};

    use crate::views::samples;

    use super::*;

    #[test]
    fn what_its_jobs_would_do_is_told() {
        let told = plans(&[samples::running()]);
        let spec = samples::running().job.unwrap().spec;
        assert!(told.contains(&spec.description), "{told}");
        assert!(told.contains(&spec.kind.to_string()), "{told}");
        let many = vec![samples::running(); MOST_PLANS + 3];
        assert!(plans(&many).ends_with("and 3 more\n"));
    }

    #[test]
    fn what_it_holds_is_told() {
        let contents = Contents {
            jobs: BTreeMap::from([((Kind::CloneRepos, Status::Pending), 2)]),
            damaged: 1,
            submissions: 1,
            settings: true,
            connections: vec!["ev\u{1b}[2Jil".to_owned()],
            warehouse: true,
        };
        insta::assert_snapshot!(describe(&contents), @r"
          2 clone-repos, pending
          1 damaged job
          1 waiting submission
          settings (jobctl.toml): limits and display will count
          connections evil: will not count, only your own do
          imported issues
        ");
    }
}
