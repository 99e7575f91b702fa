//! The fields of work items: their names, and what each holds in one revision.

use std::borrow::Cow;

/// What a field holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Empty,
    Number(i64),
    Text(Cow<'a, str>),
    /// Milliseconds since the epoch.
    Date(i64),
    /// Index of an account.
    Person(u16),
    Bool(bool),
}

/// The type that the list of fields tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldType {
    Integer,
    String,
    DateTime,
    Identity,
    Boolean,
    TreePath,
    PlainText,
    Html,
}

impl FieldType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            FieldType::Integer => "integer",
            FieldType::String | FieldType::Identity => "string",
            FieldType::DateTime => "dateTime",
            FieldType::Boolean => "boolean",
            FieldType::TreePath => "treePath",
            FieldType::PlainText => "plainText",
            FieldType::Html => "html",
        }
    }

    /// The stream leaves these out unless asked to expand.
    pub(crate) fn is_long(self) -> bool {
        match self {
            FieldType::Html => true,
            FieldType::Integer
            | FieldType::String
            | FieldType::DateTime
            | FieldType::Identity
            | FieldType::Boolean
            | FieldType::TreePath
            | FieldType::PlainText => false,
        }
    }
}

macro_rules! fields {
    ($($variant:ident $reference:literal $name:literal $kind:ident;)*) => {
        /// A field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Field { $($variant),* }

        impl Field {
            pub(crate) const ALL: &'static [Field] = &[$(Field::$variant),*];

            pub(crate) fn reference(self) -> &'static str {
                match self { $(Field::$variant => $reference),* }
            }

            /// The name that people see; queries know it too.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Field::$variant => $name),* }
            }

            pub(crate) fn kind(self) -> FieldType {
                match self { $(Field::$variant => FieldType::$kind),* }
            }
        }
    };
}

fields! {
    Id "System.Id" "ID" Integer;
    Rev "System.Rev" "Rev" Integer;
    AreaId "System.AreaId" "Area ID" Integer;
    AreaPath "System.AreaPath" "Area Path" TreePath;
    TeamProject "System.TeamProject" "Team Project" String;
    NodeName "System.NodeName" "Node Name" String;
    IterationId "System.IterationId" "Iteration ID" Integer;
    IterationPath "System.IterationPath" "Iteration Path" TreePath;
    WorkItemType "System.WorkItemType" "Work Item Type" String;
    State "System.State" "State" String;
    Reason "System.Reason" "Reason" String;
    AssignedTo "System.AssignedTo" "Assigned To" Identity;
    CreatedDate "System.CreatedDate" "Created Date" DateTime;
    CreatedBy "System.CreatedBy" "Created By" Identity;
    ChangedDate "System.ChangedDate" "Changed Date" DateTime;
    ChangedBy "System.ChangedBy" "Changed By" Identity;
    AuthorizedDate "System.AuthorizedDate" "Authorized Date" DateTime;
    RevisedDate "System.RevisedDate" "Revised Date" DateTime;
    Watermark "System.Watermark" "Watermark" Integer;
    CommentCount "System.CommentCount" "Comment Count" Integer;
    Title "System.Title" "Title" String;
    Tags "System.Tags" "Tags" PlainText;
    Parent "System.Parent" "Parent" Integer;
    IsDeleted "System.IsDeleted" "Is Deleted" Boolean;
    HyperLinkCount "System.HyperLinkCount" "Hyperlink Count" Integer;
    AttachedFileCount "System.AttachedFileCount" "Attached File Count" Integer;
    RelatedLinkCount "System.RelatedLinkCount" "Related Link Count" Integer;
    Description "System.Description" "Description" Html;
    History "System.History" "History" Html;
    StateChangeDate "Microsoft.VSTS.Common.StateChangeDate" "State Change Date" DateTime;
    ClosedDate "Microsoft.VSTS.Common.ClosedDate" "Closed Date" DateTime;
    ClosedBy "Microsoft.VSTS.Common.ClosedBy" "Closed By" Identity;
    Priority "Microsoft.VSTS.Common.Priority" "Priority" Integer;
    Severity "Microsoft.VSTS.Common.Severity" "Severity" String;
    ValueArea "Microsoft.VSTS.Common.ValueArea" "Value Area" String;
    AcceptanceCriteria "Microsoft.VSTS.Common.AcceptanceCriteria" "Acceptance Criteria" Html;
    ReproSteps "Microsoft.VSTS.TCM.ReproSteps" "Repro Steps" Html;
    StoryPoints "Microsoft.VSTS.Scheduling.StoryPoints" "Story Points" Integer;
    ReleaseTrain "Custom.ReleaseTrain" "Release Train" String;
    ImpactAnalysis "Custom.ImpactAnalysis" "Impact Analysis" Html;
}

impl Field {
    /// The field of this reference name or name; both ignore case.
    pub(crate) fn named(name: &str) -> Option<Field> {
        let fits = |field: &&Field| {
            field.reference().eq_ignore_ascii_case(name) || field.name().eq_ignore_ascii_case(name)
        };
        Field::ALL.iter().find(fits).copied()
    }

    /// Replies for a single item leave these out unless they are asked for by name or by
    /// expansion.
    pub(crate) fn is_core(self) -> bool {
        matches!(
            self,
            Field::Id
                | Field::Rev
                | Field::AreaId
                | Field::NodeName
                | Field::IterationId
                | Field::AuthorizedDate
                | Field::RevisedDate
                | Field::Watermark
        )
    }
}
