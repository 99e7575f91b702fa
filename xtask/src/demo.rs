//! The main job on a fresh machine with nothing configured: builds, starts a simulated forge,
//! clones an organisation and imports issues of three trackers in the background, and watches all.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::chore::{Failed, built, cargo, root};
use crate::forge::Forge;

/// 60 repositories; issues and comments such that, pull requests left out, 10,000 and 30,000
/// remain; fewer requests per window than the import needs, so that it must pause once; and a
/// project of Jira and one of Azure DevOps.
const WORLD: [&str; 20] = [
    "--repos",
    "59",
    "--empty-repos",
    "0",
    "--issues",
    "11800",
    "--comments",
    "35400",
    "--limit",
    "300",
    "--window",
    "20",
    "--jira-issues",
    "1000",
    "--jira-comments",
    "3000",
    "--ado-items",
    "1000",
    "--ado-comments",
    "40",
];

/// The account of the simulated Jira's cloud.
const JIRA_ACCOUNT: &str = "octo@example.com";

/// Shows a clone and three imports from submission to search.
pub(crate) fn demo() -> Result<(), Failed> {
    cargo(&["build", "--package", "jobs-cli", "--features", "all"])?;
    cargo(&["build", "--package", "jobctl-forge", "--bin", "forge"])?;
    let stage = Stage::new()?;
    println!(
        "\nA forge with 60 repositories, 10,000 issues and 30,000 comments is at {}.",
        stage.forge.url
    );
    println!("It allows 300 requests in 20 s; the import needs more, and will be told so once.");
    println!("Beside it are a Jira and an Azure DevOps, with a project of 1,000 issues each.\n");
    stage.play()
}

struct Stage {
    forge: Forge,
    home: PathBuf,
    project: PathBuf,
}

impl Stage {
    fn new() -> Result<Self, Failed> {
        let folder = root().join("target").join("demo");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let (home, project) = (folder.join("home"), folder.join("project"));
        fs::create_dir_all(&home)?;
        fs::create_dir_all(&project)?;
        Ok(Self { forge: Forge::start("debug", &WORLD)?, home, project })
    }

    fn play(&self) -> Result<(), Failed> {
        let url = self.forge.url.as_str();
        self.jobctl(&["init"])?;
        let clone = self.submit(&["clone", "github:acme", "--api-url", url])?;
        let import = self.submit(&["import", "github:acme/api", "--api-url", url])?;
        let (site, parent) = (format!("{url}/jira/rest/api/3/"), format!("{url}/ado/"));
        let jira = self.submit(&["import", "jira:PAY", "--api-url", &site])?;
        let ado = self.submit(&["import", "ado:contoso/Shop", "--api-url", &parent])?;
        println!("\nAll run in the background; this terminal could be closed now.\n");
        self.jobctl(&["list"])?;
        self.jobctl(&["follow", &clone, &import, &jira, &ado])?;
        self.jobctl(&["list", "--all"])?;
        self.jobctl(&["logs", &import])?;
        self.jobctl(&["issues", "crash label:bug", "-L", "8"])?;
        self.jobctl(&["issues", "kind:epic", "-L", "8"])?;
        let (project, program) = (self.project.display(), built("debug", "jobctl"));
        println!("\nEverything is still there to look at:");
        println!("  cd {project}");
        println!("  export XDG_STATE_HOME={}", self.home.join("state").display());
        println!("  {} issues 'timeout'", program.display());
        println!("  {} export | head -1", program.display());
        println!("  ls acme .jobs");
        Ok(())
    }

    /// Runs jobctl as a person would, with what it prints shown.
    fn jobctl(&self, args: &[&str]) -> Result<(), Failed> {
        let status = self.command(args).status()?;
        println!();
        if status.success() { Ok(()) } else { Err(Failed(format!("jobctl {args:?}: {status}"))) }
    }

    /// Runs what creates a job, and returns its id.
    fn submit(&self, args: &[&str]) -> Result<String, Failed> {
        let output = self.command(args).stdout(Stdio::piped()).spawn()?.wait_with_output()?;
        let id = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        println!("{id}\n");
        let good = output.status.success() && !id.is_empty();
        if good { Ok(id) } else { Err(Failed(format!("jobctl {args:?}: {}", output.status))) }
    }

    fn command(&self, args: &[&str]) -> Command {
        println!("$ jobctl {}", args.iter().map(|arg| quoted(arg)).collect::<Vec<_>>().join(" "));
        let mut command = Command::new(built("debug", "jobctl"));
        command
            .args(args)
            .current_dir(&self.project)
            .env("GH_TOKEN", Forge::TOKEN)
            .env("JIRA_EMAIL", JIRA_ACCOUNT)
            .env("JIRA_API_TOKEN", Forge::TOKEN)
            .env("AZURE_DEVOPS_EXT_PAT", Forge::TOKEN)
            .env("XDG_STATE_HOME", self.home.join("state"))
            .env("XDG_CONFIG_HOME", self.home.join("config"))
            .env_remove("JOBCTL_STATE_DIR");
        command
    }
}

fn quoted(arg: &str) -> String {
    if arg.contains(' ') { format!("'{arg}'") } else { arg.to_owned() }
}
