//! Bare repositories, made when they are first asked for.

use std::collections::HashMap;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::OnceCell;

use super::trojan;
use crate::config::Broken;
use crate::random::Random;
use crate::shared::locked;
use crate::world::repo::GitKind;

/// The directory of all bare repositories, one `ID.git` each.
#[derive(Debug)]
pub(crate) struct GitRoot {
    dir: PathBuf,
    backend: PathBuf,
    made: Mutex<HashMap<u64, Arc<OnceCell<()>>>>,
    /// Further files of the hostile repository.
    trojan: Vec<(String, String)>,
    /// Removes the directory at the end, if it is ours.
    _temporary: Option<tempfile::TempDir>,
}

impl GitRoot {
    /// Uses `scratch`, or a temporary directory.
    ///
    /// # Errors
    /// When the directory cannot be made or git is not installed.
    pub(crate) fn new(scratch: Option<&Path>, trojan: Vec<(String, String)>) -> io::Result<Self> {
        let (dir, temporary) = if let Some(dir) = scratch {
            std::fs::create_dir_all(dir)?;
            (dir.to_owned(), None)
        } else {
            let temporary = tempfile::Builder::new().prefix("forge-").tempdir()?;
            (temporary.path().to_owned(), Some(temporary))
        };
        let output = std::process::Command::new("git").arg("--exec-path").output()?;
        let exec_path = String::from_utf8_lossy(&output.stdout);
        let backend = Path::new(exec_path.trim()).join("git-http-backend");
        Ok(GitRoot { dir, backend, made: Mutex::default(), trojan, _temporary: temporary })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn backend(&self) -> &Path {
        &self.backend
    }

    /// Makes the repository unless it is there. Its contents depend only on its name and kind.
    pub(crate) async fn ensure(
        &self,
        id: u64,
        full_name: &str,
        kind: GitKind,
        branch: &str,
    ) -> io::Result<()> {
        let cell = Arc::clone(locked(&self.made).entry(id).or_default());
        let path = self.dir.join(format!("{id}.git"));
        cell.get_or_try_init(|| self.make(&path, full_name, kind, branch)).await.copied()
    }
}

impl GitRoot {
    async fn make(
        &self,
        path: &Path,
        full_name: &str,
        kind: GitKind,
        branch: &str,
    ) -> io::Result<()> {
        if path.exists() {
            return Ok(());
        }
        // Whoever asked may go away in the middle: only a whole repository gets the name.
        let half = &path.with_extension("half");
        if half.exists() {
            std::fs::remove_dir_all(half)?;
        }
        skeleton(half, branch)?;
        if kind != GitKind::Empty {
            self.fill(half, full_name, kind, branch).await?;
        }
        std::fs::rename(half, path)
    }

    /// Gives an empty repository its history.
    async fn fill(
        &self,
        path: &Path,
        full_name: &str,
        kind: GitKind,
        branch: &str,
    ) -> io::Result<()> {
        let mut command = Command::new("git");
        command
            .args(["fast-import", "--quiet", "--force"])
            .env("GIT_DIR", path)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        quiet(&mut command);
        command.env("GIT_DIR", path);
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(history(full_name, branch, &self.files(kind)).as_bytes()).await?;
        }
        let status = child.wait().await?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("git fast-import: {status}")))
        }
    }

    /// What the third commit adds.
    fn files(&self, kind: GitKind) -> Vec<(String, String)> {
        match kind {
            GitKind::Trojan => trojan::files(&self.trojan),
            // Half of the reply must lie inside of the pack.
            GitKind::Broken(Broken::DiesMidPack) => {
                vec![("noise.txt".to_owned(), noise(400_000))]
            }
            GitKind::Ordinary | GitKind::Empty | GitKind::Broken(_) => {
                let guide = "# Guide\n\nNothing to see.\n";
                vec![("docs/guide.md".to_owned(), guide.to_owned())]
            }
        }
    }
}

/// Keeps the user's and the system's git settings, and those of a surrounding git, away.
pub(crate) fn quiet(command: &mut Command) {
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY"] {
        command.env_remove(name);
    }
}

/// What `git init --bare` would make, without starting it.
#[expect(clippy::disallowed_methods, reason = "test repositories may be lost in a crash")]
fn skeleton(path: &Path, branch: &str) -> io::Result<()> {
    for dir in ["objects/pack", "objects/info", "refs/heads", "refs/tags"] {
        std::fs::create_dir_all(path.join(dir))?;
    }
    let config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\
        [uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n";
    std::fs::write(path.join("config"), config)?;
    std::fs::write(path.join("HEAD"), format!("ref: refs/heads/{branch}\n"))
}

/// The stream for `git fast-import`: three commits, a second branch, a tag.
fn history(full_name: &str, branch: &str, last: &[(String, String)]) -> String {
    let mut out = String::new();
    let readme = format!("# {full_name}\n\nA repository of the simulated forge.\n");
    commit(&mut out, branch, 1, &[("100644", "README.md", &readme)]);
    let code = "fn main() {\n    println!(\"hello\");\n}\n";
    commit(
        &mut out,
        branch,
        2,
        &[("100644", "src/main.rs", code), ("100755", "run.sh", "#!/bin/sh\n")],
    );
    let last: Vec<(&str, &str, &str)> =
        last.iter().map(|(path, text)| ("100644", path.as_str(), text.as_str())).collect();
    commit(&mut out, branch, 3, &last);
    let _ = write!(out, "reset refs/heads/topic\nfrom :2\n\nreset refs/tags/v1.0\nfrom :2\n\n");
    out
}

fn commit(out: &mut String, branch: &str, nth: u32, files: &[(&str, &str, &str)]) {
    let message = format!("Commit {nth}\n");
    let _ = write!(
        out,
        "commit refs/heads/{branch}\nmark :{nth}\n\
         committer Octo <octo@example.com> {} +0000\ndata {}\n{message}\n",
        1_600_000_000 + nth * 1_000,
        message.len(),
    );
    for (mode, path, text) in files {
        let _ = write!(out, "M {mode} inline {path}\ndata {}\n{text}\n", text.len());
    }
    out.push('\n');
}

/// Text that does not shrink.
fn noise(len: usize) -> String {
    let mut random = Random::new(7);
    (0..len).map(|_| char::from(b'!' + u8::try_from(random.below(90)).unwrap_or(0))).collect()
}
