//! Accounts: users, bots, organisations.

use std::collections::HashMap;
use std::fmt::Write;

use super::{Base, Links};

/// What an account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccountKind {
    User,
    Bot,
    Organization,
}

impl AccountKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            AccountKind::User => "User",
            AccountKind::Bot => "Bot",
            AccountKind::Organization => "Organization",
        }
    }
}

/// One account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) login: String,
    pub(crate) kind: AccountKind,
    /// The user object for each of the two bases, made once: it is in every item.
    rendered: [String; 2],
}

/// All accounts, addressed by their index.
#[derive(Debug)]
pub(crate) struct People {
    accounts: Vec<Account>,
    by_login: HashMap<String, usize>,
    links: [Links; 2],
}

impl People {
    pub(crate) fn new(url: &str) -> Self {
        People {
            accounts: Vec::new(),
            by_login: HashMap::new(),
            links: [Links::new(url, Base::Root), Links::new(url, Base::V3)],
        }
    }

    pub(crate) fn find(&self, login: &str) -> Option<usize> {
        self.by_login.get(&login.to_lowercase()).copied()
    }

    pub(crate) fn find_id(&self, id: u64) -> Option<usize> {
        self.accounts.iter().position(|account| account.id == id)
    }

    pub(crate) fn get(&self, index: usize) -> &Account {
        &self.accounts[index]
    }

    pub(crate) fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Adds an account with the next id.
    pub(crate) fn add(&mut self, login: &str, kind: AccountKind) -> usize {
        let id = 583_001 + self.accounts.len() as u64 * 17;
        self.add_with_id(login, kind, id)
    }

    pub(crate) fn add_with_id(&mut self, login: &str, kind: AccountKind, id: u64) -> usize {
        let index = self.accounts.len();
        let rendered =
            [render(&self.links[0], login, kind, id), render(&self.links[1], login, kind, id)];
        self.accounts.push(Account { id, login: login.to_owned(), kind, rendered });
        self.by_login.insert(login.to_lowercase(), index);
        index
    }

    /// The user object as it stands in items.
    pub(crate) fn json(&self, index: usize, base: Base) -> &str {
        let rendered = &self.accounts[index].rendered;
        match base {
            Base::Root => &rendered[0],
            Base::V3 => &rendered[1],
        }
    }

    /// The user object, or `null` for nobody.
    pub(crate) fn json_or_null(&self, index: Option<usize>, base: Base) -> &str {
        index.map_or("null", |index| self.json(index, base))
    }
}

fn render(links: &Links, login: &str, kind: AccountKind, id: u64) -> String {
    let user = format!("{}/users/{}", links.api, crate::wire::encode(login));
    let web = &links.web;
    let login_json = serde_json::Value::from(login).to_string();
    let kind = kind.name();
    let mut out = String::with_capacity(1_200);
    let _ = write!(
        out,
        "{{\"login\":{login_json},\"id\":{id},\"node_id\":\"U_kgDO{id:08x}\",\
         \"avatar_url\":\"https://avatars.githubusercontent.com/u/{id}?v=4\",\"gravatar_id\":\"\",\
         \"url\":\"{user}\",\"html_url\":\"{web}/{}\",\"followers_url\":\"{user}/followers\",\
         \"following_url\":\"{user}/following{{/other_user}}\",\
         \"gists_url\":\"{user}/gists{{/gist_id}}\",\
         \"starred_url\":\"{user}/starred{{/owner}}{{/repo}}\",\
         \"subscriptions_url\":\"{user}/subscriptions\",\"organizations_url\":\"{user}/orgs\",\
         \"repos_url\":\"{user}/repos\",\"events_url\":\"{user}/events{{/privacy}}\",\
         \"received_events_url\":\"{user}/received_events\",\"type\":\"{kind}\",\
         \"user_view_type\":\"public\",\"site_admin\":false}}",
        crate::wire::encode(login),
    );
    out
}
