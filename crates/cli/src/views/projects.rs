//! What projects are called where a list is of several.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jobctl_store::Overview;

use super::table::Column;
use crate::text;

/// The names of projects in a list; nobody names the one that a list is all about.
#[derive(Debug, Default)]
pub(crate) struct Projects(Option<BTreeMap<PathBuf, String>>);

impl Projects {
    /// For a list of one project's jobs.
    pub(crate) const fn unnamed() -> Self {
        Self(None)
    }

    /// Those of these jobs: each by the last part of its path, by all of it where two have the same.
    pub(crate) fn of(jobs: &Overview) -> Self {
        let open = jobs.open.iter().filter_map(|seen| Some(&seen.job.as_ref()?.spec.project));
        let paths: BTreeSet<&PathBuf> =
            open.chain(jobs.ended.iter().map(|ended| &ended.project)).collect();
        let mut same: BTreeMap<String, usize> = BTreeMap::new();
        for path in &paths {
            *same.entry(last_part(path)).or_default() += 1;
        }
        let name = |path: &Path| {
            let short = last_part(path);
            if same[&short] == 1 { short } else { text::line(&path.to_string_lossy()) }
        };
        Self(Some(paths.into_iter().map(|path| (path.clone(), name(path))).collect()))
    }

    /// The column of their names, where they have any.
    pub(super) const fn column(&self) -> Column {
        match self.0 {
            Some(_) => Column::Cut("Project"),
            None => Column::Absent,
        }
    }

    /// What to call a project; `None` where no project is named.
    pub(super) fn name(&self, project: &Path) -> Option<&str> {
        Some(self.0.as_ref()?.get(project)?)
    }

    /// The same for a cell of the column.
    pub(super) fn cell(&self, project: &Path) -> String {
        self.name(project).unwrap_or_default().to_owned()
    }
}

fn last_part(path: &Path) -> String {
    let part = path.file_name().unwrap_or(path.as_os_str());
    text::line(&part.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::samples;

    fn named(paths: [&str; 3]) -> Vec<String> {
        let mut jobs: Vec<_> = samples::all().into_iter().take(3).collect();
        for (seen, path) in jobs.iter_mut().zip(paths) {
            seen.job.as_mut().unwrap().spec.project = path.into();
        }
        let projects = Projects::of(&samples::overview(jobs));
        paths.map(|path| projects.cell(Path::new(path))).to_vec()
    }

    #[test]
    fn names_are_short_as_long_as_they_tell_projects_apart() {
        assert_eq!(named(["/a/api", "/b/web", "/"]), ["api", "web", "/"]);
        assert_eq!(named(["/a/api", "/b/api", "/b/web"]), ["/a/api", "/b/api", "web"]);
        assert_eq!(named(["/a/x\u{1b}[2J", "/b", "/b"]), ["x", "b", "b"]);
    }

    #[test]
    fn in_a_list_of_one_project_nothing_is_named() {
        assert_eq!(Projects::unnamed().name(Path::new("/a")), None);
        assert!(matches!(Projects::unnamed().column(), Column::Absent));
    }
}
