//! The token is in the environment of the shell that was given it, and nowhere else.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use jobctl_forge::{Config, Fault, FaultRule, Firing, Token};
use jobctl_tests::{Sandbox, processes, wait_until, worlds};

/// A text that occurs nowhere by chance.
const TOKEN: &str = "ghp_Zx81QvT4mWb6Lr0NsKd93HyUfPcA7eJgVo25";

#[test]
fn the_token_is_nowhere() {
    let tokens = vec![Token { value: TOKEN.to_owned(), ..Token::default() }];
    let forge = worlds::start(Config { tokens, broken_repos: 2, ..Config::small() });
    let sandbox = Sandbox::with_token_of(&forge);
    let watch = Watch::over(&sandbox);

    forge.configure(|behaviour| behaviour.delay_ms = 60);
    let import = sandbox.submit(&forge, &["import", "github:acme/api", "--debug"]);
    let clone = sandbox.submit(&forge, &["clone", "github:acme", "-v"]);
    let worker = sandbox.wait_for_worker(&import);
    processes::kill(worker.pid);
    wait_until("it is seen", 20, || sandbox.status(&import) != "running");
    sandbox.run(&["resume", &import]).ok();
    sandbox.waits(&clone, 90, 0);
    sandbox.waits(&import, 90, 0);

    // Refused and limited: what the forge says is repeated to people, the credential is not.
    let rule = FaultRule { fault: Fault::Status(401), firing: Firing::Always, path: None };
    forge.configure(|behaviour| behaviour.faults = vec![rule]);
    let refused = sandbox.submit(&forge, &["import", "github:acme/repo-001"]);
    sandbox.waits(&refused, 30, 7);
    forge.configure(|behaviour| behaviour.faults.clear());
    forge.spend(0);
    let limited = sandbox.submit(&forge, &["import", "github:acme/repo-002"]);
    sandbox.wait_for(&limited, "paused", 30);
    for id in [&import, &clone, &refused, &limited] {
        sandbox.run(&["show", id]).ok();
        sandbox.run(&["show", id, "--json"]).ok();
        sandbox.run(&["logs", id, "-n", "1000"]).ok();
    }
    sandbox.run(&["list", "--all", "--debug"]).ok();

    let runner = sandbox.wait_for_runner();
    sandbox.run(&["list"]).ok();
    let seen = watch.end();
    println!("{} different processes were looked at", seen.processes);
    assert_eq!(seen.in_arguments, BTreeSet::new(), "the token in somebody's arguments");
    assert_eq!(seen.in_environments, BTreeSet::new(), "the token in somebody's environment");
    assert!(seen.processes >= 3, "the watch saw runner and workers");
    assert!(runner.environment.iter().all(|variable| !variable.contains(TOKEN)));
    assert!(!sandbox.said().contains(TOKEN), "the token in an output");
    sandbox.run(&["cancel", &limited]).ok();
    sandbox.run(&["cancel", &refused]).ok();
    assert_eq!(sandbox.files_with(TOKEN), Vec::<PathBuf>::new(), "the token in a file");
    // In base64 it is as good as in clear.
    let basic = "eC1hY2Nlc3MtdG9rZW46Z2hwX1p4ODFRdlQ0bVdi";
    assert_eq!(sandbox.files_with(basic), Vec::<PathBuf>::new(), "the token in a file, encoded");
}

#[derive(Debug, Default)]
struct Seen {
    processes: usize,
    in_arguments: BTreeSet<String>,
    in_environments: BTreeSet<String>,
}

/// Looks at all processes of a sandbox, again and again.
struct Watch {
    ended: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    thread: thread::JoinHandle<()>,
}

impl Watch {
    fn over(sandbox: &Sandbox) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let root = sandbox.root().to_owned();
        let (until, into) = (Arc::clone(&ended), Arc::clone(&seen));
        let thread = thread::spawn(move || {
            let mut known = BTreeSet::new();
            while !until.load(Ordering::SeqCst) {
                for process in processes::below(&root) {
                    let mut seen = into.lock().expect("no other thread panics here");
                    known.insert(process.pid);
                    seen.processes = known.len();
                    let role = process.role().unwrap_or_default().to_owned();
                    if process.args.iter().any(|arg| arg.contains(TOKEN)) {
                        seen.in_arguments.insert(role.clone());
                    }
                    // Calls from the shell that holds the token have it, of course.
                    let detached = ["runner", "worker"].contains(&role.as_str());
                    if detached && process.environment.iter().any(|text| text.contains(TOKEN)) {
                        seen.in_environments.insert(role);
                    }
                }
                thread::sleep(std::time::Duration::from_millis(5));
            }
        });
        Self { ended, seen, thread }
    }

    fn end(self) -> Seen {
        self.ended.store(true, Ordering::SeqCst);
        self.thread.join().expect("the watch does not panic");
        std::mem::take(&mut self.seen.lock().expect("the watch has ended"))
    }
}
