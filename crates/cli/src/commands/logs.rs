mod line;
mod log;

use std::time::Duration;

use jobctl_core::Status;
use jobctl_store::{Last, Sighting};

use crate::args::LogsArgs;
use crate::error::Failure;
use crate::exit::Code;
use crate::session::{Opened, Session};
use crate::views::Paint;
use crate::{engine, ids, json};

pub(crate) use line::Line;
pub(crate) use log::Log;

/// How often a log is looked at for more.
const GLANCE: Duration = Duration::from_millis(100);

/// A line of a log for `--json`.
#[derive(serde::Serialize)]
struct LineShape<'a> {
    schema: u32,
    id: &'a str,
    line: &'a str,
    at: Option<&'a str>,
    stream: Option<&'static str>,
    text: &'a str,
}

/// Prints the end of logs and, if asked to, what is added to them.
pub(crate) fn logs(session: &Session, args: &LogsArgs) -> Result<Code, Failure> {
    let (opened, ids) = ids::jobs(session, &args.ids, "asked")?;
    let mut logs = Vec::new();
    for id in ids {
        let Sighting { log, .. } = ids::look(&opened, id)?;
        logs.push(Log::new(id, log));
    }
    let named = logs.len() > 1 && args.follow;
    let bare = session.globals.json || args.follow;
    for (place, log) in logs.iter_mut().enumerate() {
        if !bare {
            let title = format!("Worker Logs for {} (last {} lines):\n\n", log.id, args.lines);
            session.screen.say(&title)?;
        }
        let tail = log.tail(args.lines)?;
        if tail.is_empty() && !bare {
            session.screen.note("(nothing yet)");
        }
        print(session, log, named.then_some(place), tail)?;
    }
    if args.follow { follow(session, &opened, logs) } else { Ok(Code::Fine) }
}

/// Prints lines of a log; `place` is its own among several whose lines are mixed.
fn print(
    session: &Session,
    log: &Log,
    place: Option<usize>,
    lines: impl IntoIterator<Item = String>,
) -> Result<(), Failure> {
    let id = log.id.to_string();
    let paint = session.screen.scene().paint;
    let name = place.map_or_else(String::new, |place| {
        format!("{} ", paint.of_several(place, &format!("[{id}]")))
    });
    let mut out = String::new();
    for line in lines {
        let line = Line::parse(&line);
        if session.globals.json {
            let shape = LineShape {
                schema: json::SCHEMA,
                id: &id,
                line: &line.whole(Paint(false)),
                at: line.at.as_deref(),
                stream: line.stream(),
                text: &line.text,
            };
            out.push_str(&json::text(&shape));
        } else {
            out.push_str(&name);
            out.push_str(&line.whole(paint));
        }
        out.push('\n');
    }
    // One write for all of them: a log may hold a hundred thousand lines.
    session.screen.say(&out)
}

fn follow(session: &Session, opened: &Opened, logs: Vec<Log>) -> Result<Code, Failure> {
    engine::keep_all_going(session, opened);
    let ids: Vec<_> = logs.iter().map(|log| log.id).collect();
    let named = logs.len() > 1;
    let mut logs: Vec<_> = logs.into_iter().enumerate().collect();
    let mut lookout = opened.store.lookout(&ids);
    loop {
        // Whether they go on is asked before the last look: what came in between is not missed.
        let ended: Vec<_> =
            lookout.look()?.into_iter().filter(|(_, last)| has_ended(last)).collect();
        for (place, log) in &mut logs {
            let lines = log.more()?;
            print(session, log, named.then_some(*place), lines)?;
        }
        logs.retain(|(_, log)| ended.iter().all(|(id, _)| *id != log.id));
        lookout.leave(|id| ended.iter().any(|(ended, _)| *ended == id));
        if logs.is_empty() {
            return Ok(Code::Fine);
        }
        std::thread::sleep(GLANCE);
    }
}

fn has_ended(last: &Last) -> bool {
    match last {
        Last::Seen(seen) => seen.status().is_none_or(Status::is_ended),
        Last::Removed(_) | Last::Unknown(_) => true,
    }
}
