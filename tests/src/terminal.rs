//! Programs at a terminal: what they show, and what is typed.

use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::sandbox::{Sandbox, program, wait_until};

/// A terminal with a shell line at work in it.
#[derive(Debug)]
pub struct Terminal {
    script: Child,
    input: Option<ChildStdin>,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    /// A call of jobctl at a terminal; `None` where there is no `script` to make one with.
    #[must_use]
    pub fn of(sandbox: &Sandbox, args: &[&str]) -> Option<Self> {
        Self::of_line(sandbox, &format!("{} {}", program().display(), args.join(" ")))
    }

    /// A shell line at a terminal; `None` where there is no `script` to make one with.
    #[must_use]
    #[expect(clippy::print_stdout, reason = "whoever reads the log learns what was not tested")]
    pub fn of_line(sandbox: &Sandbox, line: &str) -> Option<Self> {
        let call = sandbox.call(&["-qec", line, "/dev/null"]).of(Path::new("script"));
        let mut script = call.into_command();
        let mut script = match script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() {
            Ok(script) => script,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                println!("script is not installed here: nothing was tested");
                return None;
            }
            Err(error) => panic!("script does not start: {error}"),
        };
        let mut output = script.stdout.take().expect("it is piped");
        let shown = Arc::new(Mutex::new(Vec::new()));
        let into = shown.clone();
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                let mut shown = into.lock().unwrap_or_else(PoisonError::into_inner);
                shown.extend_from_slice(&bytes[..count]);
            }
        });
        let input = script.stdin.take();
        Some(Self { script, input, shown, reader: Some(reader) })
    }

    /// All that was shown so far.
    #[must_use]
    pub fn shown(&self) -> String {
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&shown).into_owned()
    }

    /// Waits until this is shown.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        wait_until(&format!("{text:?} is shown"), 30, || self.shown().contains(text));
    }

    /// Types this.
    pub fn type_in(&mut self, keys: &str) {
        let input = self.input.as_mut().expect("it is piped");
        input.write_all(keys.as_bytes()).expect("it reads");
    }

    /// What was shown until the line ended, and its exit code.
    #[must_use]
    pub fn end(mut self) -> (String, Option<i32>) {
        // Its input stays open meanwhile: the end of it would be typed too.
        let status = self.script.wait().expect("it ends");
        if let Some(reader) = self.reader.take() {
            reader.join().expect("it reads to the end");
        }
        (self.shown(), status.code())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}
