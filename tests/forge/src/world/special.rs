//! Repositories beside `acme/api`: ordinary, broken, empty, hostile.

use super::World;
use super::grow::{END, START, fill};
use super::repo::{GitKind, Repo};
use crate::config::{Broken, Config, IssueVolume};
use crate::random::Random;

/// Names no file system should believe.
pub(crate) const HOSTILE: [&str; 6] =
    ["../../evil", ".git", "con", "line\nbreak", "\u{1b}[31mred\u{1b}[0m", "trailing. "];

const BRANCHES: [&str; 3] = ["main", "master", "trunk"];

/// Adds what the configuration asks for to the organisation of this index.
pub(crate) fn add(world: &mut World, config: &Config, owner: usize, random: &mut Random) {
    for n in 1..=config.repos {
        let repo = ordinary(world, config, owner, n, random);
        world.repos.push(repo);
    }
    for n in 1..=config.broken_repos {
        let kinds = [Broken::Missing, Broken::DiesMidPack, Broken::Forbidden, Broken::Stalls];
        let kind = kinds[(n as usize - 1) % kinds.len()];
        plain(world, owner, &format!("broken-{n:03}"), GitKind::Broken(kind));
    }
    for n in 1..=config.empty_repos {
        plain(world, owner, &format!("empty-{n:03}"), GitKind::Empty);
    }
    if config.hostile_names {
        for name in HOSTILE {
            plain(world, owner, name, GitKind::Ordinary);
        }
    }
    if config.hostile_content {
        plain(world, owner, "trojan", GitKind::Trojan);
    }
}

fn ordinary(world: &mut World, config: &Config, owner: usize, n: u32, random: &mut Random) -> Repo {
    let mut repo = new(world, owner, &format!("repo-{n:03}"));
    repo.description =
        (!n.is_multiple_of(3)).then(|| format!("Repository {n} \u{2013} a description"));
    repo.archived = n.is_multiple_of(7);
    repo.fork = n.is_multiple_of(5);
    repo.private = n.is_multiple_of(4);
    repo.has_issues = !n.is_multiple_of(11);
    BRANCHES[n as usize % BRANCHES.len()].clone_into(&mut repo.default_branch);
    repo.size = u64::from(n) * 13;
    let volume = IssueVolume {
        issues: config.issues_per_repo,
        comments: config.issues_per_repo * 2,
        nasty: false,
        ..IssueVolume::default()
    };
    fill(world, &mut repo, &volume, random);
    repo
}

fn plain(world: &mut World, owner: usize, name: &str, git: GitKind) {
    let mut repo = new(world, owner, name);
    repo.git = git;
    world.repos.push(repo);
}

fn new(world: &mut World, owner: usize, name: &str) -> Repo {
    let id = world.next_repo_id;
    world.next_repo_id += 1;
    let age = i64::try_from(id % 1_000).unwrap_or(0) * 86_400;
    let mut repo = Repo::new(id, owner, name, START + age);
    repo.updated = END - age;
    repo
}
