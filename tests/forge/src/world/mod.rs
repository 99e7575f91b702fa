//! What the forge holds: accounts, repositories, issues, comments.

pub(crate) mod change;
pub(crate) mod grow;
mod nasty;
pub(crate) mod order;
pub(crate) mod people;
mod recorded;
pub(crate) mod repo;
pub(crate) mod special;
pub(crate) mod text;
pub(crate) mod timeline;
pub(crate) mod truth;

pub(crate) use recorded::{API as RECORDED_API, WEB as RECORDED_WEB};

use people::{AccountKind, People};
use repo::Repo;

/// Where addresses in replies point to: the forge's own root or its `/api/v3`, as the client
/// came in.
#[derive(Debug, Clone)]
pub(crate) struct Links {
    /// The REST base, as `http://127.0.0.1:PORT/api/v3`.
    pub(crate) api: String,
    /// The base of pages for people and of git.
    pub(crate) web: String,
    /// Which of the two REST bases it is.
    pub(crate) base: Base,
}

/// The two REST bases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    Root,
    V3,
}

impl Links {
    pub(crate) fn new(url: &str, base: Base) -> Self {
        let api = match base {
            Base::Root => url.to_owned(),
            Base::V3 => format!("{url}/api/v3"),
        };
        Links { api, web: url.to_owned(), base }
    }
}

/// Everything there is.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) people: People,
    pub(crate) repos: Vec<Repo>,
    pub(crate) next_issue_id: u64,
    pub(crate) next_comment_id: u64,
    pub(crate) next_repo_id: u64,
}

/// What a repository's path leads to.
pub(crate) enum Found<'a> {
    Here(&'a Repo),
    /// It has another name now.
    Renamed(&'a Repo),
    Nowhere,
}

impl World {
    pub(crate) fn new(url: &str) -> Self {
        World {
            people: People::new(url),
            repos: Vec::new(),
            next_issue_id: 1_100_000_001,
            next_comment_id: 2_100_000_001,
            next_repo_id: 70_000_001,
        }
    }

    /// Looks a repository up; names ignore case, as on the real forge.
    pub(crate) fn find(&self, owner: &str, name: &str) -> Found<'_> {
        let Some(owner) = self.people.find(owner) else { return Found::Nowhere };
        let theirs = || self.repos.iter().filter(move |repo| repo.owner == owner);
        if let Some(repo) = theirs().find(|repo| repo.name.eq_ignore_ascii_case(name)) {
            return Found::Here(repo);
        }
        let former = |repo: &&Repo| repo.former.iter().any(|f| f.eq_ignore_ascii_case(name));
        theirs().find(former).map_or(Found::Nowhere, Found::Renamed)
    }

    /// The repository of this `owner/name`, present or former.
    pub(crate) fn repo_named(&self, full_name: &str) -> Option<&Repo> {
        self.index_of(full_name).map(|at| &self.repos[at])
    }

    pub(crate) fn repo_by_id(&self, id: u64) -> Option<&Repo> {
        self.repos.iter().find(|repo| repo.id == id)
    }

    pub(crate) fn index_of(&self, full_name: &str) -> Option<usize> {
        let (owner, name) = full_name.split_once('/')?;
        let id = match self.find(owner, name) {
            Found::Here(repo) | Found::Renamed(repo) => repo.id,
            Found::Nowhere => return None,
        };
        self.repos.iter().position(|repo| repo.id == id)
    }

    /// `owner/name`.
    pub(crate) fn full_name(&self, repo: &Repo) -> String {
        format!("{}/{}", self.people.get(repo.owner).login, repo.name)
    }

    /// Another repository of the same owner, for transfers.
    pub(crate) fn sibling(&self, full_name: &str) -> Option<String> {
        let repo = self.repo_named(full_name)?;
        let other = |r: &&Repo| r.owner == repo.owner && r.id != repo.id && r.has_issues;
        self.repos.iter().find(other).map(|other| self.full_name(other))
    }

    /// The account of this login, made as a user when there is none.
    pub(crate) fn account(&mut self, login: &str) -> usize {
        self.people.find(login).unwrap_or_else(|| self.people.add(login, AccountKind::User))
    }
}
