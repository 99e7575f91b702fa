//! Exit codes: one for each way in which a call can end.

use std::io;

use jobctl_core::{Job, Reason, State, Status};
use jobctl_runner::{LinkError, RunError, WishError};
use jobctl_store::{
    AskError, ClaimError, CreateError, FileError, LookError, OpenError, RecordError, RemoveError,
    SubmitError, TrustError,
};
use jobctl_warehouse::WarehouseError;

use crate::error::Failure;

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// As it was meant to.
    Fine,
    /// A job failed; or what was asked for did, for a reason that has no code of its own.
    Failed,
    /// The command line made no sense.
    Usage,
    /// There is no such thing.
    NoSuch,
    /// Not in this state.
    NotAllowed,
    /// Files are damaged.
    Damaged,
    /// The disk is full or failing.
    Storage,
    /// A credential is missing or was refused.
    Credentials,
    /// Somebody has to do something.
    Person,
    /// A job was cancelled.
    Cancelled,
    /// `--timeout` passed.
    TimedOut,
    /// Ctrl-C; jobs go on.
    Interrupted,
}

impl Code {
    /// What the process exits with.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NoSuch => 3,
            Self::NotAllowed => 4,
            Self::Damaged => 5,
            Self::Storage => 6,
            Self::Credentials => 7,
            Self::Person => 8,
            Self::Cancelled => 9,
            Self::TimedOut => 124,
            Self::Interrupted => 130,
        }
    }

    /// The one that counts of several: the first of 1, 5, 7, 8, 9 that is among them.
    pub(crate) fn of_several(codes: &[Self]) -> Self {
        let order = [Self::Failed, Self::Damaged, Self::Credentials, Self::Person, Self::Cancelled];
        let first = order.into_iter().find(|code| codes.contains(code));
        first
            .or_else(|| codes.iter().copied().find(|code| *code != Self::Fine))
            .unwrap_or(Self::Fine)
    }

    /// How a job ended, or what it waits for; `None` while it goes on by itself.
    pub(crate) fn of_job(job: &Job, strict: bool) -> Option<Self> {
        match &job.state {
            State::Pending | State::Running | State::Paused { resumes_at: Some(_), .. } => None,
            State::Paused { reason, resumes_at: None, .. } => Some(Self::of_pause(reason)),
            State::Completed { .. } if strict && job.warnings() > 0 => Some(Self::Failed),
            State::Completed { .. } => Some(Self::Fine),
            State::Failed { .. } => Some(Self::Failed),
            State::Cancelled { .. } => Some(Self::Cancelled),
        }
    }

    const fn of_pause(reason: &Reason) -> Self {
        match reason {
            Reason::Unauthorized { .. } => Self::Credentials,
            Reason::User
            | Reason::RateLimited { .. }
            | Reason::Interrupted { .. }
            | Reason::Environment
            | Reason::Approval { .. }
            | Reason::Storage { .. }
            | Reason::Dependency { .. }
            | Reason::Leftover { .. } => Self::Person,
        }
    }

    /// How a job ended that was removed since.
    pub(crate) fn of_removed(status: Status, warnings: usize, strict: bool) -> Self {
        match status {
            Status::Completed if strict && warnings > 0 => Self::Failed,
            Status::Completed => Self::Fine,
            Status::Cancelled => Self::Cancelled,
            Status::Failed | Status::Pending | Status::Running | Status::Paused => Self::Failed,
        }
    }
}

/// The exit code of a failure.
pub(crate) fn code(failure: &Failure) -> Code {
    match failure {
        Failure::Usage { .. }
        | Failure::Source(_)
        | Failure::Time(_)
        | Failure::Pattern(_)
        | Failure::Settings(_)
        | Failure::Place(_)
        | Failure::Directory { .. }
        | Failure::Open(OpenError::NotADirectory(_))
        | Failure::Create(CreateError::NotADirectory(_)) => Code::Usage,
        Failure::NoSuch { .. }
        | Failure::Open(OpenError::Missing(_))
        | Failure::Trust(TrustError::Missing(_)) => Code::NoSuch,
        Failure::NotAllowed { .. }
        | Failure::Create(CreateError::Foreign { .. })
        | Failure::Submit(SubmitError::Foreign { .. })
        | Failure::Trust(TrustError::AnothersOwn(_)) => Code::NotAllowed,
        Failure::Damaged { .. } => Code::Damaged,
        Failure::Open(OpenError::File(error))
        | Failure::Create(CreateError::File(error))
        | Failure::Trust(TrustError::File(error))
        | Failure::Submit(SubmitError::File(error))
        | Failure::File(error)
        | Failure::Run(RunError::Lock(error)) => of_file(error),
        Failure::Credential(_) => Code::Credentials,
        // The runner knows these two: 6 waits for room on the disk, anything else is a crash.
        Failure::Work(error) => {
            if error.is_storage() {
                Code::Storage
            } else {
                Code::Failed
            }
        }
        Failure::Look(error) => of_look(error),
        Failure::Remove(error) => of_remove(error),
        Failure::Wish(error) => of_wish(error),
        Failure::Warehouse(error) => of_warehouse(error),
        Failure::Io { source, .. } | Failure::Output(source) => of_io(source),
        // The runner says by its code that the disk is full or failing, as a worker does.
        Failure::Link(LinkError::Ended { code, .. })
            if *code == i32::from(Code::Storage.number()) =>
        {
            Code::Storage
        }
        Failure::Link(_)
        | Failure::Runtime(_)
        | Failure::Run(RunError::Place(_) | RunError::Listen { .. } | RunError::Runtime(_)) => {
            Code::Failed
        }
    }
}

fn of_io(error: &io::Error) -> Code {
    use io::ErrorKind as K;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the system's kinds are not ours, and non-exhaustive"
    )]
    match error.kind() {
        K::StorageFull | K::QuotaExceeded | K::ReadOnlyFilesystem => Code::Storage,
        K::NotFound => Code::NoSuch,
        _ => Code::Failed,
    }
}

/// A file of a state directory: the disk says no, or its owner does, or something is there that
/// should not be.
fn of_file(error: &FileError) -> Code {
    if error.is_storage() {
        Code::Storage
    } else if error.source.kind() == io::ErrorKind::PermissionDenied {
        Code::NotAllowed
    } else {
        Code::Damaged
    }
}

fn of_look(error: &LookError) -> Code {
    match error {
        LookError::NoSuchJob(_) | LookError::Removed { .. } => Code::NoSuch,
        LookError::File(error) => of_file(error),
    }
}

fn of_claim(error: &ClaimError) -> Code {
    match error {
        ClaimError::Held(_) | ClaimError::Foreign { .. } => Code::NotAllowed,
        ClaimError::NoSuchJob(_) => Code::NoSuch,
        ClaimError::Damaged { .. } => Code::Damaged,
        ClaimError::File { source, .. } => of_file(source),
    }
}

fn of_record(error: &RecordError) -> Code {
    match error {
        RecordError::Rejected(_) => Code::NotAllowed,
        RecordError::TooLong { .. } => Code::Failed,
        RecordError::File(error) => of_file(error),
        RecordError::Spent(_) => Code::Storage,
    }
}

fn of_remove(error: &RemoveError) -> Code {
    match error {
        RemoveError::NotEnded(_) | RemoveError::Shared(_) => Code::NotAllowed,
        RemoveError::Claim(error) => of_claim(error),
        RemoveError::File { source, .. } => of_file(source),
    }
}

fn of_wish(error: &WishError) -> Code {
    match error {
        WishError::Refused { .. } | WishError::Ask(AskError::Foreign { .. }) => Code::NotAllowed,
        WishError::Claim(error) => of_claim(error),
        WishError::Ask(AskError::NoSuchJob(_)) => Code::NoSuch,
        WishError::Ask(AskError::File(error)) => of_file(error),
        WishError::Look(error) => of_look(error),
        WishError::Record(error) => of_record(error),
        WishError::Stuck { .. } => Code::Failed,
    }
}

fn of_warehouse(error: &WarehouseError) -> Code {
    match error {
        WarehouseError::Missing { .. } => Code::NoSuch,
        WarehouseError::Ambiguous { .. } => Code::Usage,
        WarehouseError::Open { source, .. } if source.kind() == io::ErrorKind::InvalidInput => {
            Code::Damaged
        }
        WarehouseError::Open { .. }
        | WarehouseError::StorageFull { .. }
        | WarehouseError::Failing { .. } => Code::Storage,
        WarehouseError::Corrupt { .. } => Code::Damaged,
        WarehouseError::Foreign { .. }
        | WarehouseError::Newer { .. }
        | WarehouseError::Older { .. }
        | WarehouseError::Fenced { .. }
        | WarehouseError::NoSuchTask { .. }
        | WarehouseError::TasksOpen { .. } => Code::NotAllowed,
        WarehouseError::Busy { .. } | WarehouseError::Statement { .. } => Code::Failed,
        WarehouseError::Export { source } => of_io(source),
    }
}

#[cfg(test)]
mod tests {
    use jobctl_core::JobId;
    use jobctl_store::Foreign;

    use super::*;
    use crate::sources::BadSource;
    use crate::views::samples;

    #[test]
    fn failures_have_their_codes() {
        let id = JobId::from_bits(1);
        let full = || FileError {
            verb: "append to",
            path: "/x".into(),
            source: io::ErrorKind::StorageFull.into(),
        };
        let foreign = || SubmitError::Foreign { path: "/x".into(), why: Foreign::Unknown };
        let strange = |kind: io::ErrorKind| FileError { source: kind.into(), ..full() };
        let cases: [(Failure, u8); 11] = [
            (Failure::File(strange(io::ErrorKind::InvalidInput)), 5),
            (Failure::Open(OpenError::File(strange(io::ErrorKind::PermissionDenied))), 4),
            (Failure::Source(BadSource::None), 2),
            (Failure::Look(LookError::NoSuchJob(id)), 3),
            (Failure::Submit(foreign()), 4),
            (Failure::Remove(RemoveError::NotEnded(id)), 4),
            (Failure::Damaged { id, what: "x".into() }, 5),
            (Failure::Submit(SubmitError::File(full())), 6),
            (Failure::Credential(crate::credentials::NoCredential::Variable("X".into())), 7),
            (Failure::Wish(WishError::Look(LookError::File(full()))), 6),
            (
                Failure::Wish(WishError::Refused { id, status: Status::Completed, what: "paused" }),
                4,
            ),
        ];
        for (failure, number) in cases {
            assert_eq!(code(&failure).number(), number, "{failure}");
        }
    }

    #[test]
    fn jobs_have_their_codes() {
        let codes: Vec<_> = samples::all()
            .iter()
            .filter_map(|seen| seen.job.as_ref())
            .map(|job| (job.status(), Code::of_job(job, false).map(Code::number)))
            .collect();
        insta::assert_debug_snapshot!(codes);
        let job = samples::with_warnings().job.unwrap();
        assert_eq!(Code::of_job(&job, true), Some(Code::Failed));
    }

    #[test]
    fn of_several_codes_the_first_in_order_counts() {
        use Code as C;
        assert_eq!(C::of_several(&[]), C::Fine);
        assert_eq!(C::of_several(&[C::Fine, C::Cancelled, C::Person]), C::Person);
        assert_eq!(C::of_several(&[C::Person, C::Credentials, C::Failed]), C::Failed);
        assert_eq!(C::of_several(&[C::Fine, C::NoSuch]), C::NoSuch);
    }
}
