//! The fields a query may name.

use super::Operator;

/// A field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Project,
    Key,
    Updated,
    Created,
    Resolved,
    Due,
    Status,
    StatusCategory,
    Type,
    Labels,
    Priority,
    Assignee,
    Reporter,
    Summary,
    Description,
    Text,
    Comment,
    Parent,
    EpicLink,
    Sprint,
    FixVersion,
    Points,
    Area,
    Rank,
}

/// What sort of values a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// One of a set.
    Choice,
    /// Choices in an order.
    Ranked,
    Key,
    Date,
    Text,
    Number,
    None,
}

impl Field {
    pub(crate) fn named(name: &str) -> Option<Field> {
        Some(match name.to_lowercase().as_str() {
            "project" => Field::Project,
            "key" | "issuekey" | "issue" | "id" => Field::Key,
            "updated" | "updateddate" => Field::Updated,
            "created" | "createddate" => Field::Created,
            "resolved" | "resolutiondate" => Field::Resolved,
            "due" | "duedate" => Field::Due,
            "status" => Field::Status,
            "statuscategory" => Field::StatusCategory,
            "issuetype" | "type" => Field::Type,
            "labels" => Field::Labels,
            "priority" => Field::Priority,
            "assignee" => Field::Assignee,
            "reporter" => Field::Reporter,
            "summary" => Field::Summary,
            "description" => Field::Description,
            "text" => Field::Text,
            "comment" => Field::Comment,
            "parent" => Field::Parent,
            "epic link" | "customfield_10014" => Field::EpicLink,
            "sprint" | "customfield_10020" => Field::Sprint,
            "fixversion" => Field::FixVersion,
            "story point estimate" | "story points" | "customfield_10016" => Field::Points,
            "area" | "customfield_10050" => Field::Area,
            "rank" | "customfield_10019" => Field::Rank,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Field::Project => "project",
            Field::Key => "key",
            Field::Updated => "updated",
            Field::Created => "created",
            Field::Resolved => "resolved",
            Field::Due => "due",
            Field::Status => "status",
            Field::StatusCategory => "statusCategory",
            Field::Type => "issuetype",
            Field::Labels => "labels",
            Field::Priority => "priority",
            Field::Assignee => "assignee",
            Field::Reporter => "reporter",
            Field::Summary => "summary",
            Field::Description => "description",
            Field::Text => "text",
            Field::Comment => "comment",
            Field::Parent => "parent",
            Field::EpicLink => "Epic Link",
            Field::Sprint => "Sprint",
            Field::FixVersion => "fixVersion",
            Field::Points => "Story point estimate",
            Field::Area => "Area",
            Field::Rank => "Rank",
        }
    }

    fn sort(self) -> Sort {
        match self {
            Field::Updated | Field::Created | Field::Resolved | Field::Due => Sort::Date,
            Field::Key => Sort::Key,
            Field::Priority => Sort::Ranked,
            Field::Points => Sort::Number,
            Field::Summary | Field::Description | Field::Text | Field::Comment => Sort::Text,
            Field::Rank => Sort::None,
            Field::Project
            | Field::Status
            | Field::StatusCategory
            | Field::Type
            | Field::Labels
            | Field::Assignee
            | Field::Reporter
            | Field::Parent
            | Field::EpicLink
            | Field::Sprint
            | Field::FixVersion
            | Field::Area => Sort::Choice,
        }
    }

    /// Whether the operator makes sense here.
    pub(super) fn takes(self, operator: Operator) -> bool {
        match operator {
            Operator::Like | Operator::Unlike => self.sort() == Sort::Text,
            Operator::Above | Operator::AtLeast | Operator::Below | Operator::AtMost => {
                matches!(self.sort(), Sort::Date | Sort::Key | Sort::Number | Sort::Ranked)
            }
            Operator::Equal | Operator::Unequal | Operator::In | Operator::NotIn => {
                !matches!(self.sort(), Sort::Text | Sort::None)
            }
            Operator::Is | Operator::IsNot => self.sort() != Sort::None,
        }
    }

    /// Whether results can be sorted by it.
    pub(super) fn sorts(self) -> bool {
        match self {
            Field::Text | Field::Comment => false,
            Field::Project
            | Field::Key
            | Field::Updated
            | Field::Created
            | Field::Resolved
            | Field::Due
            | Field::Status
            | Field::StatusCategory
            | Field::Type
            | Field::Labels
            | Field::Priority
            | Field::Assignee
            | Field::Reporter
            | Field::Summary
            | Field::Description
            | Field::Parent
            | Field::EpicLink
            | Field::Sprint
            | Field::FixVersion
            | Field::Points
            | Field::Area
            | Field::Rank => true,
        }
    }
}
