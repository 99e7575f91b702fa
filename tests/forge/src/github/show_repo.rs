//! Repositories and accounts as JSON.

use serde_json::{Map, Value, json};

use crate::clock::rfc3339;
use crate::wire::encode;
use crate::world::people::AccountKind;
use crate::world::repo::{GitKind, Repo};
use crate::world::{Links, World};

/// Parts of the addresses a repository object holds, after its own address.
const ADDRESSES: [(&str, &str); 37] = [
    ("forks_url", "/forks"),
    ("keys_url", "/keys{/key_id}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("teams_url", "/teams"),
    ("hooks_url", "/hooks"),
    ("issue_events_url", "/issues/events{/number}"),
    ("events_url", "/events"),
    ("assignees_url", "/assignees{/user}"),
    ("branches_url", "/branches{/branch}"),
    ("tags_url", "/tags"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("trees_url", "/git/trees{/sha}"),
    ("statuses_url", "/statuses/{sha}"),
    ("languages_url", "/languages"),
    ("stargazers_url", "/stargazers"),
    ("contributors_url", "/contributors"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("commits_url", "/commits{/sha}"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("comments_url", "/comments{/number}"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("contents_url", "/contents/{+path}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("merges_url", "/merges"),
    ("archive_url", "/{archive_format}{/ref}"),
    ("downloads_url", "/downloads"),
    ("issues_url", "/issues{/number}"),
    ("pulls_url", "/pulls{/number}"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("labels_url", "/labels{/name}"),
    ("releases_url", "/releases{/id}"),
    ("deployments_url", "/deployments"),
    ("url", ""),
];

/// A repository as lists give it. `v2026`: the API version 2026-03-10, which lost a field.
pub(crate) fn repository(world: &World, repo: &Repo, links: &Links, v2026: bool) -> Value {
    let owner = world.people.get(repo.owner);
    let path = format!("{}/{}", encode(&owner.login), encode(&repo.name));
    let api = format!("{}/repos/{path}", links.api);
    let web = format!("{}/{path}", links.web);
    let host = links.web.trim_start_matches("http://");
    let open = repo.issues.values().filter(|issue| issue.open).count();
    let owner_json: Value =
        serde_json::from_str(world.people.json(repo.owner, links.base)).unwrap_or_default();
    let mut fields = json!({
        "id": repo.id,
        "node_id": format!("R_kgDO{:x}", repo.id),
        "name": repo.name,
        "full_name": format!("{}/{}", owner.login, repo.name),
        "private": repo.private,
        "owner": owner_json,
        "html_url": web,
        "description": repo.description,
        "fork": repo.fork,
        "created_at": rfc3339(repo.created),
        "updated_at": rfc3339(repo.updated),
        "pushed_at": rfc3339(repo.updated),
        "git_url": format!("git://{host}/{path}.git"),
        "ssh_url": format!("git@{}:{path}.git", host.split(':').next().unwrap_or(host)),
        "clone_url": format!("{web}.git"),
        "svn_url": web,
        "homepage": null,
        "size": if repo.git == GitKind::Empty { 0 } else { repo.size },
        "stargazers_count": repo.id % 97,
        "watchers_count": repo.id % 97,
        "language": "Rust",
        "has_issues": repo.has_issues,
        "has_projects": true,
        "has_wiki": false,
        "has_pages": false,
        "has_discussions": false,
        "forks_count": 0,
        "mirror_url": null,
    });
    let rest = json!({
        "archived": repo.archived,
        "disabled": repo.disabled,
        "open_issues_count": open,
        "license": null,
        "allow_forking": true,
        "is_template": false,
        "web_commit_signoff_required": false,
        "topics": [],
        "visibility": if repo.private { "private" } else { "public" },
        "forks": 0,
        "open_issues": open,
        "watchers": repo.id % 97,
        "default_branch": repo.default_branch,
        "permissions": {"admin": false, "maintain": false, "push": true, "triage": true, "pull": true},
    });
    if let (Value::Object(fields), Value::Object(rest)) = (&mut fields, rest) {
        fields.extend(rest);
        addresses(fields, &api);
        if !v2026 {
            fields.insert("has_downloads".to_owned(), Value::Bool(true));
        }
    }
    fields
}

fn addresses(fields: &mut Map<String, Value>, api: &str) {
    for (name, part) in ADDRESSES {
        fields.insert(name.to_owned(), Value::String(format!("{api}{part}")));
    }
}

/// An account as `/users/{login}` and `/user` give it.
pub(crate) fn account(world: &World, at: usize, links: &Links) -> Value {
    let person = world.people.get(at);
    let mut fields: Value =
        serde_json::from_str(world.people.json(at, links.base)).unwrap_or_default();
    let own =
        |private: bool| world.repos.iter().filter(move |r| r.owner == at && r.private == private);
    let rest = json!({
        "name": person.login,
        "company": null,
        "blog": "",
        "location": null,
        "email": null,
        "hireable": null,
        "bio": null,
        "twitter_username": null,
        "public_repos": own(false).count(),
        "public_gists": 0,
        "followers": 1,
        "following": 0,
        "created_at": "2012-07-11T20:38:33Z",
        "updated_at": "2026-10-01T00:00:00Z",
    });
    if let (Value::Object(fields), Value::Object(rest)) = (&mut fields, rest) {
        fields.extend(rest);
    }
    fields
}

/// An organisation as `/orgs/{login}` gives it; `None` for a user.
pub(crate) fn organization(world: &World, at: usize, links: &Links) -> Option<Value> {
    let org = world.people.get(at);
    if org.kind != AccountKind::Organization {
        return None;
    }
    let api = format!("{}/orgs/{}", links.api, encode(&org.login));
    let own =
        |private: bool| world.repos.iter().filter(move |r| r.owner == at && r.private == private);
    Some(json!({
        "login": org.login,
        "id": org.id,
        "node_id": format!("O_kgDO{:x}", org.id),
        "url": api,
        "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events"),
        "hooks_url": format!("{api}/hooks"),
        "issues_url": format!("{api}/issues"),
        "members_url": format!("{api}/members{{/member}}"),
        "public_members_url": format!("{api}/public_members{{/member}}"),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{}?v=4", org.id),
        "description": null,
        "name": org.login,
        "is_verified": false,
        "has_organization_projects": true,
        "has_repository_projects": true,
        "public_repos": own(false).count(),
        "total_private_repos": own(true).count(),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "html_url": format!("{}/{}", links.web, encode(&org.login)),
        "created_at": "2013-09-04T18:12:34Z",
        "updated_at": "2026-09-04T18:12:34Z",
        "archived_at": null,
        "type": "Organization",
    }))
}
