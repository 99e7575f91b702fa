//! Exit codes: one for each way in which a call can end.

use std::io;

use jobctl_core::{Cause, Job, Reason, State, Status};
use jobctl_runner::{LinkError, RunError, WishError};
use jobctl_store::{
    AskError, ClaimError, CreateError, Ended, FileError, LookError, OpenError, RecordError,
    RemoveError, SubmitError, TrustError,
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
    /// As the one command ended that the call ran and waited for.
    Command(u8),
}

/// What a call exits with that ran one command, where the command has no code of its own to give.
const NO_CODE: u8 = 125;

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
            Self::Command(code) => code,
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

    /// The same for the call that ran this one command: the command's own code.
    pub(crate) fn of_command(job: &Job, strict: bool) -> Option<Self> {
        let plain = Self::of_job(job, strict)?;
        Some(match &job.state {
            State::Completed { .. } => plain,
            // An attempt that failed, and is not made anew by itself.
            State::Paused { reason: Reason::Interrupted { .. }, .. }
            | State::Failed { .. }
            | State::Cancelled { .. } => Self::of_exit(job.exit),
            // It was stopped, or never ran.
            State::Paused { .. } | State::Pending | State::Running => Self::Command(NO_CODE),
        })
    }

    /// How a command ended that did not succeed, as shells tell it.
    fn of_exit(exit: Option<Cause>) -> Self {
        let code = match exit {
            Some(Cause::TimedOut) => return Self::TimedOut,
            Some(Cause::Exited(code)) => u8::try_from(code).ok().filter(|code| *code != 0),
            Some(Cause::Signalled(signal)) => u8::try_from(signal.saturating_add(128)).ok(),
            Some(Cause::Terminated | Cause::Unknown) | None => None,
        };
        Self::Command(code.unwrap_or(NO_CODE))
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
    pub(crate) fn of_removed(ended: &Ended, strict: bool) -> Self {
        match ended.status {
            Status::Completed if strict && ended.warnings > 0 => Self::Failed,
            Status::Completed => Self::Fine,
            Status::Cancelled => Self::Cancelled,
            Status::Failed | Status::Pending | Status::Running | Status::Paused => Self::Failed,
        }
    }

    /// The same for the call that ran this one command.
    pub(crate) fn of_removed_command(ended: &Ended, strict: bool) -> Self {
        match ended.status {
            Status::Completed => Self::of_removed(ended, strict),
            Status::Failed
            | Status::Cancelled
            | Status::Pending
            | Status::Running
            | Status::Paused => Self::of_exit(ended.exit),
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
        | Failure::Link(LinkError::TooLarge(_))
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
        Failure::Credential(_) | Failure::Unauthorized { .. } => Code::Credentials,
        Failure::Interrupted => Code::Interrupted,
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
        Failure::Announce { .. }
        | Failure::Forge { .. }
        | Failure::Link(_)
        | Failure::Terminal(_)
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
        ClaimError::Held(_) | ClaimError::Leftover(_) | ClaimError::Foreign { .. } => {
            Code::NotAllowed
        }
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
        WishError::Leftover(_) => Code::Person,
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
    use jobctl_core::{Change, Event, JobId, Kind, Spec};
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
    fn a_call_that_ran_one_command_exits_as_it_did() {
        let at = samples::now();
        let submitted = || Change::Submitted {
            spec: Box::new(Spec::new(Kind::RunCommand, "make", "/home/a/acme")),
        };
        let failed = || Change::Failed { error: "no".into() };
        let done = || Change::Completed { warnings: Vec::new(), summary: None };
        let paused = |reason| Change::Paused { reason, resumes_at: None };
        let tried = |cause| Reason::Interrupted { attempt: 1, cause };
        let cancelled = || Change::Cancelled { reason: None };
        let (exited, signalled) = (Cause::Exited, Cause::Signalled);
        let cases: [(Change, Option<Cause>, u8); 13] = [
            (done(), Some(exited(0)), 0),
            (failed(), Some(exited(3)), 3),
            (failed(), Some(exited(255)), 255),
            (failed(), Some(signalled(9)), 137),
            (failed(), Some(signalled(64)), 192),
            (failed(), Some(Cause::TimedOut), 124),
            (failed(), None, 125),
            (failed(), Some(exited(0)), 125),
            (paused(Reason::User), Some(signalled(15)), 125),
            (paused(Reason::Environment), None, 125),
            (paused(tried(exited(7))), Some(exited(7)), 7),
            (paused(tried(signalled(9))), None, 125),
            (cancelled(), Some(signalled(15)), 143),
        ];
        for (change, exit, number) in cases {
            let job = Job::submitted(JobId::from_bits(1), submitted().at(at)).unwrap();
            let job = job.apply(Change::Started { pid: 1 }.at(at)).unwrap();
            let job = job.apply(Event { exit, ..change.at(at) }).unwrap();
            let code = Code::of_command(&job, false).map(Code::number);
            assert_eq!(code, Some(number), "{:?} {exit:?}", job.state);
            if let Some(ended) = Ended::of(&job) {
                assert_eq!(Code::of_removed_command(&ended, false).number(), number);
            }
        }
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
