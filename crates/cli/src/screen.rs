//! stdout and stderr: the answer, and the rest.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::tz::TimeZone;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{ColorWhen, Globals};
use crate::environment::{self, Environment};
use crate::error::Failure;
use crate::views::{Paint, Scene};

/// The terminal, or what stands in for it.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct Screen {
    quiet: bool,
    verbose: bool,
    debug: bool,
    no_input: bool,
    yes: bool,
    answer_paint: Paint,
    notes_paint: Paint,
    warned: AtomicBool,
}

#[expect(clippy::unused_self, reason = "only who holds the screen prints")]
impl Screen {
    /// The screen as flags, variables and the terminal make it; `color` is the user's setting.
    pub(crate) fn new(globals: &Globals, env: &Environment, color: ColorWhen) -> Self {
        let dumb = env.text("NO_COLOR").is_some() || env.text("TERM") == Some("dumb");
        let paint = |is_terminal: bool| match globals.color.unwrap_or(color) {
            ColorWhen::Always => Paint(true),
            ColorWhen::Never => Paint(false),
            ColorWhen::Auto => Paint(is_terminal && !dumb),
        };
        Self {
            quiet: globals.quiet,
            verbose: globals.verbose,
            debug: globals.debug,
            no_input: globals.no_input,
            yes: globals.yes,
            answer_paint: paint(io::stdout().is_terminal()),
            notes_paint: paint(io::stderr().is_terminal()),
            warned: AtomicBool::new(false),
        }
    }

    /// What a view of this moment needs to know.
    pub(crate) fn scene(&self) -> Scene {
        Scene {
            now: environment::now(),
            zone: TimeZone::system,
            width: Self::width(),
            paint: self.answer_paint,
        }
    }

    fn width() -> Option<u16> {
        let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
        (size.ws_col > 0).then_some(size.ws_col)
    }

    /// Whether progress can be drawn in place.
    pub(crate) fn is_live() -> bool {
        io::stdout().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether somebody is there to be asked.
    pub(crate) fn can_ask(&self) -> bool {
        !self.no_input && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether questions are answered with yes beforehand.
    pub(crate) const fn yes(&self) -> bool {
        self.yes
    }

    /// The answer: to stdout, with a line break at its end.
    pub(crate) fn say(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).map_err(Failure::Output)?;
        if !text.ends_with('\n') && !text.is_empty() {
            out.write_all(b"\n").map_err(Failure::Output)?;
        }
        out.flush().map_err(Failure::Output)
    }

    /// Something besides the answer: to stderr, unless quiet.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.tell(text);
        }
    }

    /// Something for those who want to know more.
    pub(crate) fn detail(&self, text: &str) {
        if self.verbose || self.debug {
            self.tell(text);
        }
    }

    /// Something that did not go as it should, and yet did not fail.
    pub(crate) fn warn(&self, text: &str) {
        self.warned.store(true, Ordering::Relaxed);
        self.note(&format!("{} {text}", self.notes_paint.yellow("warning:")));
    }

    /// Whether anything was warned of.
    pub(crate) fn has_warned(&self) -> bool {
        self.warned.load(Ordering::Relaxed)
    }

    /// A failure and what to do about it.
    pub(crate) fn fail(&self, failure: &Failure) {
        self.tell(&format!("{} {}", self.notes_paint.red("jobctl:"), failure.chain()));
        if let Some(hint) = failure.hint() {
            self.tell(&format!("{} {hint}", self.notes_paint.bold("hint:")));
        }
        if self.debug {
            self.tell(&format!("{failure:#?}"));
        }
    }

    /// stderr may be closed; then nobody wants to know.
    fn tell(&self, text: &str) {
        let mut out = io::stderr().lock();
        let _ = writeln!(out, "{}", text.trim_end_matches('\n'));
    }

    /// Asks a question and gives the answer's line; `None` at the end of input.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        self.question(question);
        answer()
    }

    fn question(&self, question: &str) {
        let mut out = io::stderr().lock();
        let _ = write!(out, "{question} ");
        let _ = out.flush();
    }

    /// Asks for something that nobody else is to see; `None` at the end of input. However it ends,
    /// the terminal shows again what is typed.
    pub(crate) fn ask_unseen(&self, question: &str) -> Result<Option<String>, Failure> {
        let shown = tcgetattr(io::stdin()).map_err(|error| Failure::Terminal(error.into()))?;
        let mut unseen = shown.clone();
        unseen.local_modes.remove(LocalModes::ECHO);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Failure::Runtime)?;
        let asking = async {
            let mut interrupted = signal(SignalKind::interrupt()).map_err(Failure::Terminal)?;
            let mut ended = signal(SignalKind::terminate()).map_err(Failure::Terminal)?;
            tcsetattr(io::stdin(), OptionalActions::Flush, &unseen)
                .map_err(|error| Failure::Terminal(error.into()))?;
            self.question(question);
            let (tell, told) = tokio::sync::oneshot::channel();
            // It may wait for a line for good: the process does not wait for it.
            std::thread::spawn(move || drop(tell.send(answer())));
            tokio::select! {
                answer = told => Ok(answer.unwrap_or_default()),
                _ = interrupted.recv() => Err(Failure::Interrupted),
                _ = ended.recv() => Err(Failure::Interrupted),
            }
        };
        let answer: Result<Option<String>, Failure> = runtime.block_on(asking);
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &shown);
        // The line break that ended it was not shown.
        self.tell("");
        answer
    }

    /// Asks something that is done for a yes alone.
    pub(crate) fn agrees(&self, question: &str) -> bool {
        let answer = self.ask(&format!("{question} [y/N]"));
        answer.is_some_and(|answer| matches!(answer.to_lowercase().as_str(), "y" | "yes"))
    }
}

/// The line that is typed; `None` at the end of input.
fn answer() -> Option<String> {
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim().to_owned()),
    }
}
