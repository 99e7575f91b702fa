//! What is fixed when a simulated Jira starts.

use serde::{Deserialize, Serialize};

use super::behaviour::JiraBehaviour;

/// What the simulated Jira holds. Its first project is `PAY`; the others have a few issues each.
/// Cloud and Data Center show the same world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JiraConfig {
    /// Issues of `PAY`: a million fit into 1.5 GB, their texts are made when they are shown.
    pub issues: u32,
    /// Comments on them.
    pub comments: u32,
    /// That many issues of `PAY` have more comments than Cloud sends inline, some more than 100.
    pub cut_comments: u32,
    /// Further projects: `OPS`, `WEB`, `DOC`, then `P4` and so on. Their issues stand between
    /// those of `PAY`, so that the ids of each project have gaps.
    pub projects: u32,
    /// Issues in each of those.
    pub issues_per_project: u32,
    /// Issues of `PAY` that were deleted before.
    pub deleted: u32,
    /// Texts that hurt, on the first twenty numbers of `PAY`, and people who are gone.
    pub nasty: bool,
    /// The user of `Basic` on Cloud.
    pub email: String,
    /// The API token that goes with it; as `Bearer` it is taken too.
    pub token: String,
    /// A token with scopes: good below `/ex/jira/{cloud_id}` only, with the email or as `Bearer`.
    pub scoped_token: String,
    /// The site's id.
    pub cloud_id: String,
    /// The user of `Basic` on Data Center.
    pub user: String,
    /// The password that goes with it.
    pub password: String,
    /// A personal access token of Data Center, `Bearer`.
    pub pat: String,
    /// The account's time zone by name; times are shown and JQL's are read in it.
    pub time_zone: String,
    /// What that name means, in minutes east of Greenwich.
    pub utc_offset_minutes: i16,
    /// What may be changed while it runs.
    pub behaviour: JiraBehaviour,
}

impl Default for JiraConfig {
    fn default() -> Self {
        JiraConfig {
            issues: 10_000,
            comments: 30_000,
            cut_comments: 25,
            projects: 2,
            issues_per_project: 20,
            deleted: 5,
            nasty: true,
            email: "octo@example.com".to_owned(),
            token: "forge-token".to_owned(),
            scoped_token: "scoped-token".to_owned(),
            cloud_id: "11111111-aaaa-4bbb-8ccc-222222222222".to_owned(),
            user: "octo".to_owned(),
            password: "forge-password".to_owned(),
            pat: "forge-pat".to_owned(),
            time_zone: "Australia/Brisbane".to_owned(),
            utc_offset_minutes: 600,
            behaviour: JiraBehaviour::default(),
        }
    }
}

impl JiraConfig {
    /// A world that starts in milliseconds: 250 issues and 900 comments in `PAY`.
    #[must_use]
    pub fn small() -> Self {
        JiraConfig { issues: 250, comments: 900, cut_comments: 6, ..JiraConfig::default() }
    }
}
