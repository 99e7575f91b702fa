//! Clones from the simulated Azure DevOps, by the git side that serves all forges.

use super::access::Caller;
use super::route::Place;
use super::world::RepositoryShape;
use super::{Ado, refuse};
use crate::git;
use crate::shared::{Shared, locked};
use crate::wire::{Reply, Request};

/// What one git request gets.
pub(crate) async fn answer(
    shared: &Shared,
    ado: &Ado,
    caller: &Caller,
    place: &Place,
    repository: &str,
    service: &str,
    request: &Request,
) -> Reply {
    let (number, name, shape) = {
        let world = locked(&ado.world);
        let project = place.project.as_deref().unwrap_or_default();
        let found = world.organisation(&place.organisation).and_then(|org| org.project(project));
        let hidden = caller.is_hidden(project) || caller.is_denied(project);
        let Some((_, project)) = found.filter(|_| !hidden) else {
            return refuse::no_project(project);
        };
        let Some(found) = project.repository(repository) else {
            return refuse::no_repository(repository);
        };
        let name = format!("{}/{}/{}", place.organisation, project.name, found.name);
        (found.number, name, found.shape)
    };
    let empty = match shape {
        RepositoryShape::Disabled => {
            let text = "TF401019: The Git repository is disabled.\n";
            return Reply::text(403, text);
        }
        RepositoryShape::InMaintenance => {
            return Reply::text(503, "TF402457: The repository is in maintenance.\n");
        }
        RepositoryShape::Empty => true,
        RepositoryShape::Ordinary | RepositoryShape::Fork | RepositoryShape::Hidden => false,
    };
    git::serve_plain(shared, number, &name, empty, service, request).await
}
