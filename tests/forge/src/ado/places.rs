//! What surrounds work items: the connection, projects, repositories, types, fields.

use serde_json::{Value, json};

use super::asked::{Answered, Asked, Scope, list};
use super::field::Field;
use super::kind::KINDS;
use super::refuse;
use super::show::{definition, time};
use super::world::{Project, Repository, RepositoryShape};
use crate::wire::{Reply, encode};

impl Asked<'_> {
    /// `GET …/_apis/connectionData`: who asks.
    pub(crate) fn connection(&self) -> (Value, f64) {
        let login = &self.caller.token.login;
        let people = &self.organisation.people;
        let person = people.iter().find(|person| person.name == *login).unwrap_or(&people[0]);
        let user = json!({
            "id": person.id,
            "descriptor": format!("Microsoft.IdentityModel.Claims.ClaimsIdentity;{}", person.unique),
            "subjectDescriptor": format!("aad.{}", person.id.replace('-', "")),
            "providerDisplayName": person.name,
            "isActive": true,
            "properties": {"Account": {"$type": "System.String", "$value": person.unique}},
            "resourceVersion": 2,
            "metaTypeId": 0,
        });
        let body = json!({
            "authenticatedUser": user,
            "authorizedUser": user,
            "instanceId": self.organisation.id,
            "deploymentId": self.organisation.id,
            "deploymentType": "hosted",
            "locationServiceData": {
                "serviceOwner": "00025394-6065-48ca-87d9-7f5672854ef7",
                "defaultAccessMappingMoniker": "PublicAccessMapping",
                "lastChangeId": 1, "lastChangeId64": 1,
            },
        });
        (body, 0.01)
    }

    /// `GET …/_apis/projects`; the next page is told in a header alone.
    pub(crate) fn projects(&self) -> Result<(Reply, f64), Reply> {
        let filter = self.request.query("stateFilter").unwrap_or_else(|| "wellFormed".to_owned());
        let wanted = |project: &&Project| match filter.to_ascii_lowercase().as_str() {
            "all" => true,
            state => project.state.eq_ignore_ascii_case(state),
        };
        let known =
            ["all", "wellformed", "deleting", "deleted", "new", "createpending", "unchanged"];
        if !known.contains(&filter.to_ascii_lowercase().as_str()) {
            return Err(refuse::invalid("stateFilter", "The value is not valid."));
        }
        let seen = self.organisation.projects.iter().filter(wanted);
        let seen: Vec<&Project> =
            seen.filter(|project| !self.caller.is_hidden(&project.name)).collect();
        let token = self.number("continuationToken", 0)?;
        let start = token.or(self.number("$skip", 0)?).unwrap_or(0).min(seen.len());
        let size = self.number("$top", 1)?.unwrap_or(self.behaviour.project_page);
        let end = seen.len().min(start + size);
        let page: Vec<Value> =
            seen[start..end].iter().map(|project| self.show_project(project)).collect();
        let reply = Reply::json(200, list(&page).to_string());
        let reply = if end < seen.len() {
            reply.with("x-ms-continuationtoken", end.to_string())
        } else {
            reply
        };
        Ok((reply, 0.02))
    }

    /// `GET …/_apis/projects/{project}`.
    pub(crate) fn project(&self, name: &str) -> Answered {
        let scope = self.open(name)?;
        let mut body = self.show_project(scope.project);
        if self.flag("includeCapabilities")? {
            body["capabilities"] = json!({
                "processTemplate": {"templateName": scope.project.process.name()},
                "versioncontrol": {
                    "sourceControlType": "Git", "gitEnabled": "True", "tfvcEnabled": "False",
                },
            });
        }
        body["defaultTeam"] = json!({"name": format!("{} Team", scope.project.name)});
        Ok((body, 0.01))
    }

    fn show_project(&self, project: &Project) -> Value {
        json!({
            "id": project.id,
            "name": project.name,
            "description": format!("All about {}", project.name),
            "url": format!("{}/_apis/projects/{}", self.base, project.id),
            "state": project.state,
            "revision": 12,
            "visibility": "private",
            "lastUpdateTime": time(1_700_000_000_000),
        })
    }

    /// `GET …/_apis/git/repositories`, of a project or of all: one list without pages.
    pub(crate) fn repositories(&self, scope: Option<Scope<'_>>) -> Answered {
        let hidden = self.flag("includeHidden")?;
        let mut shown = Vec::new();
        for project in &self.organisation.projects {
            let here = scope.is_none_or(|scope| scope.project.id == project.id);
            let open = self.open(&project.name).is_ok();
            if !here || !open {
                continue;
            }
            let seen =
                |repository: &&Repository| hidden || repository.shape != RepositoryShape::Hidden;
            let found = project.repositories.iter().filter(seen);
            shown.extend(found.map(|repository| self.show_repository(project, repository)));
        }
        Ok((list(&shown), 0.05))
    }

    /// `GET …/_apis/git/repositories/{repository}`, by name or id.
    pub(crate) fn repository(&self, scope: Option<Scope<'_>>, name: &str) -> Answered {
        for project in &self.organisation.projects {
            let here = scope.is_none_or(|scope| scope.project.id == project.id);
            if !here || self.open(&project.name).is_err() {
                continue;
            }
            if let Some(repository) = project.repository(name) {
                return Ok((self.show_repository(project, repository), 0.01));
            }
        }
        Err(refuse::no_repository(name))
    }

    fn show_repository(&self, project: &Project, repository: &Repository) -> Value {
        let (name, here) = (encode(&repository.name), encode(&project.name));
        let web = format!("{}/{here}/_git/{name}", self.base);
        // The user part is the organisation, as on the real one; clients take it out.
        let user = format!("://{}@", self.organisation.name);
        let mut shown = json!({
            "id": repository.id,
            "name": repository.name,
            "url": format!("{}/{}/_apis/git/repositories/{}", self.base, project.id, repository.id),
            "project": {
                "id": project.id,
                "name": project.name,
                "url": format!("{}/_apis/projects/{}", self.base, project.id),
                "state": project.state,
                "visibility": "private",
            },
            "defaultBranch": "refs/heads/main",
            "size": 4_711,
            "remoteUrl": web.replacen("://", &user, 1),
            "sshUrl": format!("git@ssh.dev.azure.com:v3/{}/{here}/{name}", self.organisation.name),
            "webUrl": web,
            "isDisabled": repository.shape == RepositoryShape::Disabled,
            "isInMaintenance": repository.shape == RepositoryShape::InMaintenance,
        });
        match (repository.shape, shown.as_object_mut()) {
            (RepositoryShape::Empty, Some(fields)) => {
                fields.remove("defaultBranch");
                fields.insert("size".to_owned(), json!(0));
            }
            // What is disabled says little of itself.
            (RepositoryShape::Disabled, Some(fields)) => {
                fields.remove("defaultBranch");
                fields.remove("size");
            }
            (RepositoryShape::Fork, Some(fields)) => {
                fields.insert("isFork".to_owned(), json!(true));
            }
            (
                RepositoryShape::Ordinary
                | RepositoryShape::InMaintenance
                | RepositoryShape::Hidden,
                _,
            )
            | (_, None) => {}
        }
        shown
    }

    /// `GET …/wit/workitemtypes`.
    pub(crate) fn types(&self, scope: Option<Scope<'_>>) -> Answered {
        let scope = scope.ok_or_else(|| refuse::nothing_here(self.request.path()))?;
        let url = format!("{}/{}", self.base, scope.project.id);
        let kinds = scope.project.process.kinds().iter();
        let shown: Vec<Value> = kinds.map(|kind| KINDS[usize::from(*kind)].show(&url)).collect();
        Ok((list(&shown), 0.05))
    }

    /// `GET …/wit/workitemtypes/{type}`.
    pub(crate) fn kind(&self, scope: Option<Scope<'_>>, name: &str) -> Answered {
        let scope = scope.ok_or_else(|| refuse::nothing_here(self.request.path()))?;
        let kind = scope.project.process.kind_named(name).ok_or_else(|| refuse::no_type(name))?;
        let url = format!("{}/{}", self.base, scope.project.id);
        Ok((KINDS[usize::from(kind)].show(&url), 0.01))
    }

    /// `GET …/wit/workitemtypes/{type}/states`.
    pub(crate) fn states(&self, scope: Option<Scope<'_>>, name: &str) -> Answered {
        let scope = scope.ok_or_else(|| refuse::nothing_here(self.request.path()))?;
        let kind = scope.project.process.kind_named(name).ok_or_else(|| refuse::no_type(name))?;
        Ok((list(&KINDS[usize::from(kind)].show_states()), 0.01))
    }

    /// `GET …/wit/fields`.
    pub(crate) fn fields(&self) -> (Value, f64) {
        let all: Vec<Value> =
            Field::ALL.iter().map(|field| definition(self.base, *field)).collect();
        (list(&all), 0.05)
    }

    /// `GET …/wit/fields/{field}`.
    pub(crate) fn field(&self, name: &str) -> Answered {
        let field = Field::named(name).ok_or_else(|| refuse::no_field(name))?;
        Ok((definition(self.base, field), 0.01))
    }
}

impl Project {
    /// The repository of this name or id; names ignore case.
    pub(crate) fn repository(&self, name: &str) -> Option<&Repository> {
        let fits = |repository: &&Repository| {
            repository.name.eq_ignore_ascii_case(name) || repository.id.eq_ignore_ascii_case(name)
        };
        self.repositories.iter().find(fits)
    }
}
