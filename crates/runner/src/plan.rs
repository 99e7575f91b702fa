//! What the runner should do next, as a value: no I/O, time as an argument.

use std::collections::HashSet;

use jiff::SignedDuration;
use jobctl_core::{
    Blocked, Cause, Change, Decision, Job, JobId, Limits, Need, OnCrash, Reason, ResumedBy, State,
    Status, Time, decide,
};
use jobctl_store::{Sighting, Worker};

use crate::book::{Begun, Book, Stand};

/// How long after being told to stop a job may go on by itself: whoever signals first and writes
/// a pause afterwards gets the time to do so.
pub(crate) const AFTER_TERMINATED: SignedDuration = SignedDuration::from_secs(2);
/// The longest backoff after a crash.
const MAX_BACKOFF: SignedDuration = SignedDuration::from_secs(60);

/// What the runner knows of its own besides the book.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Values it holds.
    pub(crate) values: HashSet<Need>,
    /// Until when an environment that nobody has may still be handed over: the call that started
    /// the runner is about to, and so are workers of the one before.
    pub(crate) patience: Option<Time>,
}

/// What to do now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Jobs to start, in this order.
    pub(crate) start: Vec<JobId>,
    /// Jobs that could start, if anybody had their environment.
    pub(crate) homeless: Vec<JobId>,
    /// Jobs whose dependency can no longer be met.
    pub(crate) blocked: Vec<Blocked>,
    /// Jobs whose worker has gone without a word.
    pub(crate) interrupted: Vec<JobId>,
    /// Jobs whose pause ends now.
    pub(crate) resume: Vec<(JobId, ResumedBy)>,
    /// Jobs with requests that nobody holds a claim to answer.
    pub(crate) asked: Vec<JobId>,
    /// When to look again without being rung.
    pub(crate) wake_at: Option<Time>,
    /// Whether there is nothing left to wait for.
    pub(crate) idle: bool,
}

/// Says what to do about all jobs that have not ended.
pub(crate) fn plan(book: &Book, known: &Known, limits: &Limits, now: Time) -> Plan {
    let Decision { start, blocked, wake_at } = decide(&book.jobs, &book.past, limits, now);
    let mut plan = Plan { blocked, wake_at, idle: true, ..Plan::default() };
    for (id, begun) in &book.begun {
        let busy = book.jobs.get(id).is_some_and(|job| job.busy);
        if !busy && !begun.is_damaged {
            consider(*id, begun, book, known, now, &mut plan);
        }
    }
    plan.idle &= !book.jobs.values().any(|job| job.busy || job.status == Status::Pending);
    for id in start {
        let environment = book.needs_of(id).iter().find(|need| need.is_environment());
        let has_home = environment.is_none_or(|need| known.values.contains(need));
        match known.patience.filter(|patience| *patience > now) {
            _ if has_home => plan.start.push(id),
            Some(patience) => plan.wake_at = Some(earlier(plan.wake_at, patience)),
            None => plan.homeless.push(id),
        }
    }
    // A job with requests may be another thing once they are answered.
    let asked: HashSet<JobId> = plan.asked.iter().copied().collect();
    plan.start.retain(|id| !asked.contains(id));
    plan
}

/// What a job needs that was begun once and that nobody is at.
fn consider(id: JobId, begun: &Begun, book: &Book, known: &Known, now: Time, plan: &mut Plan) {
    if begun.is_asked {
        plan.asked.push(id);
        plan.idle = false;
        return;
    }
    let holds = |need: &Need| known.values.contains(need);
    let needs = book.needs_of(id);
    match begun.stand {
        Stand::Pending => {}
        Stand::Running => {
            plan.interrupted.push(id);
            plan.idle = false;
        }
        Stand::Until(at) => {
            plan.idle = false;
            if at <= now {
                plan.resume.push((id, ResumedBy::Timer));
            } else {
                plan.wake_at = Some(earlier(plan.wake_at, at));
            }
        }
        Stand::Lacking if !needs.is_empty() && needs.iter().all(holds) => {
            plan.resume.push((id, ResumedBy::Offer));
            plan.idle = false;
        }
        // A value that only this process holds would be lost to the job.
        Stand::Lacking | Stand::Still => plan.idle &= !needs.iter().any(holds),
    }
}

fn earlier(known: Option<Time>, at: Time) -> Time {
    known.map_or(at, |known| known.min(at))
}

/// The event of a worker that has gone without a word: what becomes of its job.
pub fn interruption(job: &Job, cause: Cause, now: Time) -> Change {
    let reason = Reason::Interrupted { attempt: job.attempts, cause };
    let crashes = job.crashes + u32::from(reason.is_crash());
    let given_up = crashes >= job.spec.max_attempts || job.spec.on_crash == OnCrash::Fail;
    if reason.is_crash() && given_up {
        let how = match cause {
            Cause::Unknown => "died (cause unknown)".to_owned(),
            Cause::Exited(_) | Cause::Signalled(_) | Cause::Terminated | Cause::TimedOut => {
                cause.to_string()
            }
        };
        return Change::Failed { error: format!("the worker {how}, attempt {}", job.attempts) };
    }
    Change::Paused { reason, resumes_at: job.spec.goes_on().then(|| now + backoff(cause, crashes)) }
}

fn backoff(cause: Cause, crashes: u32) -> SignedDuration {
    match cause {
        Cause::Terminated => AFTER_TERMINATED,
        Cause::Exited(_) | Cause::Signalled(_) | Cause::TimedOut | Cause::Unknown => {
            let doublings = crashes.saturating_sub(1).min(10);
            (SignedDuration::from_secs(1) * 2_i32.pow(doublings)).min(MAX_BACKOFF)
        }
    }
}

/// Whether a call that sees these jobs should start a runner for them.
pub fn wants_runner(jobs: &[Sighting]) -> bool {
    jobs.iter().any(|seen| {
        let Some(job) = &seen.job else { return false };
        if matches!(seen.worker, Worker::Alive(_)) {
            // Somebody must be there when it dies.
            return true;
        }
        if seen.damage.is_some() {
            return false;
        }
        match &job.state {
            State::Pending | State::Running => true,
            State::Paused { resumes_at, reason, .. } => {
                resumes_at.is_some() || !seen.requests.is_empty() || reason.is_lacking()
            }
            State::Completed { .. } | State::Failed { .. } | State::Cancelled { .. } => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use jobctl_core::{Condition, Dependency, Kind, Outcome, Refused, Spec};
    use jobctl_store::News;

    use super::*;

    fn at(second: i64) -> Time {
        Time::from_second(1_800_000_000 + second).unwrap()
    }

    fn need() -> Need {
        Need { connection: "github".into(), origin: "env:GH_TOKEN".into() }
    }

    fn spec() -> Spec {
        Spec { max_attempts: 3, ..Spec::new(Kind::ImportIssues, "", "/") }
    }

    fn job(bits: u32, spec: Spec, history: &[Change]) -> Job {
        let submitted = Change::Submitted { spec: Box::new(spec) }.at(at(i64::from(bits)));
        let job = Job::submitted(JobId::from_bits(bits), submitted).unwrap();
        history.iter().fold(job, |job, change| job.apply(change.clone().at(at(100))).unwrap())
    }

    fn seen(job: Job, worker: Worker) -> Sighting {
        Sighting {
            id: job.id,
            progress: (&job.counts).into(),
            progress_at: None,
            job: Some(job),
            worker,
            requests: Vec::new(),
            damage: None,
            log: "/log".into(),
        }
    }

    fn started() -> Change {
        Change::Started { pid: 7 }
    }

    fn paused(reason: Reason, resumes_at: Option<Time>) -> Change {
        Change::Paused { reason, resumes_at }
    }

    fn book(jobs: &[Sighting]) -> Book {
        let mut book = Book::default();
        for seen in jobs {
            book.learn(News::Seen(Box::new(seen.clone())));
        }
        book
    }

    fn decide(jobs: &[Sighting], known: &Known, now: i64) -> Plan {
        plan(&book(jobs), known, &Limits::parallel(2), at(now))
    }

    #[test]
    fn pending_jobs_start_within_the_limit_and_adopted_workers_count() {
        let jobs = [
            seen(job(1, spec(), &[started()]), Worker::Alive(None)),
            seen(job(2, spec(), &[]), Worker::None),
            seen(job(3, spec(), &[]), Worker::None),
        ];
        let plan = decide(&jobs, &Known::default(), 200);
        assert_eq!(plan.start, [JobId::from_bits(2)]);
        assert!(!plan.idle);
    }

    #[test]
    fn a_spawned_job_that_has_not_begun_is_not_spawned_again() {
        let mut book = book(&[seen(job(2, spec(), &[]), Worker::None)]);
        book.mark_busy([JobId::from_bits(2)]);
        let busy = plan(&book, &Known::default(), &Limits::parallel(2), at(200));
        assert_eq!((busy.start, busy.idle), (vec![], false));
        book.mark_free(JobId::from_bits(2));
        let free = plan(&book, &Known::default(), &Limits::parallel(2), at(200));
        assert_eq!(free.start, [JobId::from_bits(2)]);
    }

    #[test]
    fn a_worker_that_left_without_a_word_is_an_interruption() {
        let jobs = [seen(job(1, spec(), &[started()]), Worker::Dead)];
        let plan = decide(&jobs, &Known::default(), 200);
        assert_eq!(plan.interrupted, [JobId::from_bits(1)]);
    }

    #[test]
    fn a_timed_pause_ends_at_its_time_and_not_before() {
        let reason =
            Reason::RateLimited { until: at(300), bucket: "core".into(), message: String::new() };
        let jobs =
            [seen(job(1, spec(), &[started(), paused(reason, Some(at(300)))]), Worker::None)];
        let early = decide(&jobs, &Known::default(), 299);
        assert_eq!((early.resume, early.wake_at, early.idle), (vec![], Some(at(300)), false));
        let due = decide(&jobs, &Known::default(), 300);
        assert_eq!(due.resume, [(JobId::from_bits(1), ResumedBy::Timer)]);
    }

    #[test]
    fn a_pause_by_a_person_lets_the_runner_go_unless_it_keeps_a_value_for_the_job() {
        let pause = paused(Reason::User, None);
        let plain = [seen(job(1, spec(), std::slice::from_ref(&pause)), Worker::None)];
        assert!(decide(&plain, &Known::default(), 200).idle);
        let needy = Spec { needs: vec![need()], ..spec() };
        let needy = [seen(job(1, needy, &[pause]), Worker::None)];
        let known = Known { values: [need()].into(), ..Known::default() };
        assert!(!decide(&needy, &known, 200).idle);
        assert!(decide(&needy, &Known::default(), 200).idle);
        assert_eq!(
            decide(&needy, &known, 200).resume,
            [],
            "a value does not undo a person's pause"
        );
    }

    #[test]
    fn a_missing_credential_continues_once_offered() {
        let reason = Reason::Unauthorized {
            connection: "github".into(),
            cause: Refused::Missing,
            message: String::new(),
            url: None,
        };
        let needy = Spec { needs: vec![need()], ..spec() };
        let jobs = [seen(job(1, needy, &[started(), paused(reason, None)]), Worker::None)];
        assert_eq!(decide(&jobs, &Known::default(), 200).resume, []);
        let known = Known { values: [need()].into(), ..Known::default() };
        assert_eq!(decide(&jobs, &known, 200).resume, [(JobId::from_bits(1), ResumedBy::Offer)]);
    }

    #[test]
    fn crashes_back_off_and_end_the_job_at_its_limit() {
        let crash = |job: &Job| interruption(job, Cause::Signalled(9), at(200));
        let first = job(1, spec(), &[started()]);
        assert!(matches!(
            crash(&first),
            Change::Paused { resumes_at: Some(resumes_at), .. } if resumes_at == at(201)
        ));
        let died =
            |attempt| paused(Reason::Interrupted { attempt, cause: Cause::Unknown }, Some(at(101)));
        let timer = Change::Resumed { by: ResumedBy::Timer };
        let second = [started(), died(1), timer.clone(), started()];
        assert!(matches!(
            crash(&job(1, spec(), &second)),
            Change::Paused { resumes_at: Some(resumes_at), .. } if resumes_at == at(202)
        ));
        let third = [&second[..], &[died(2), timer, started()]].concat();
        assert!(matches!(crash(&job(1, spec(), &third)), Change::Failed { .. }));
    }

    #[test]
    fn a_command_holds_after_a_crash() {
        let hold = Spec { on_crash: OnCrash::Hold, ..spec() };
        let change = interruption(&job(1, hold, &[started()]), Cause::Unknown, at(200));
        assert!(matches!(change, Change::Paused { resumes_at: None, .. }));
        let manual = Spec { auto_resume: false, ..spec() };
        let change = interruption(&job(1, manual, &[started()]), Cause::Unknown, at(200));
        assert!(matches!(change, Change::Paused { resumes_at: None, .. }));
    }

    #[test]
    fn a_damaged_job_keeps_nobody_busy() {
        let pause = || paused(Reason::User, Some(at(150)));
        for history in [vec![], vec![started()], vec![started(), pause()]] {
            let mut broken = seen(job(1, spec(), &history), Worker::None);
            broken.damage = Some("record 3 is not readable".to_owned());
            let plan = decide(std::slice::from_ref(&broken), &Known::default(), 200);
            assert_eq!(plan, Plan { idle: true, ..Plan::default() }, "{history:?}");
            assert!(!wants_runner(&[broken]), "{history:?}");
        }
    }

    #[test]
    fn requests_that_nobody_holds_a_claim_for_are_answered_first() {
        let mut asked = seen(job(1, spec(), &[started()]), Worker::Dead);
        asked.requests.push(jobctl_store::Request {
            id: jobctl_store::RequestId("1-a".into()),
            wish: jobctl_store::Wish::Pause,
            at: at(150),
        });
        let plan = decide(&[asked], &Known::default(), 200);
        assert_eq!((plan.asked, plan.interrupted), (vec![JobId::from_bits(1)], vec![]));
    }

    #[test]
    fn without_its_environment_a_job_waits_a_moment_and_is_then_told_of() {
        let spec = Spec { environment: Some("e1".into()), ..Spec::new(Kind::RunCommand, "", "/") };
        let pending = [seen(job(1, spec.clone(), &[]), Worker::None)];
        let id = JobId::from_bits(1);
        let patient = Known { patience: Some(at(202)), ..Known::default() };
        let early = decide(&pending, &patient, 200);
        assert_eq!((early.start, early.homeless, early.wake_at), (vec![], vec![], Some(at(202))));
        let late = decide(&pending, &patient, 202);
        assert_eq!((late.start, late.homeless), (vec![], vec![id]));
        let held = Known { values: [Need::environment("e1")].into(), ..Known::default() };
        assert_eq!(decide(&pending, &held, 200).start, [id]);
        let lost = [seen(job(1, spec, &[paused(Reason::Environment, None)]), Worker::None)];
        assert_eq!(decide(&lost, &patient, 300).resume, []);
        assert_eq!(decide(&lost, &held, 300).resume, [(id, ResumedBy::Offer)]);
        assert!(wants_runner(&lost));
    }

    #[test]
    fn who_depends_on_a_damaged_job_waits_and_on_one_that_is_gone_never_starts() {
        let on = Dependency { on: JobId::from_bits(1), condition: Condition::Ended };
        let after = Spec { after: vec![on], ..spec() };
        let waiting = seen(job(2, after, &[]), Worker::None);
        let mut broken = seen(job(1, spec(), &[]), Worker::None);
        broken.job = None;
        broken.damage = Some("not readable".into());
        let plan_of = |jobs: &[Sighting]| decide(jobs, &Known::default(), 200);
        assert_eq!(plan_of(&[waiting.clone(), broken]).blocked, []);
        let mut alone = book(&[waiting]);
        assert_eq!(alone.take_unknown(), [on.on]);
        let gone = plan(&alone, &Known::default(), &Limits::parallel(2), at(200));
        assert_eq!(gone.blocked.len(), 1);
        alone.recall(on.on, Some(Outcome::Failed));
        let met = plan(&alone, &Known::default(), &Limits::parallel(2), at(200));
        assert_eq!((met.start, met.blocked), (vec![JobId::from_bits(2)], vec![]));
    }
}
