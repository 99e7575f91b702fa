use jobctl_provider::Step;
use jobctl_warehouse::WarehouseError;

use crate::site::{JOB, Site, at, issue, issues, task};

#[test]
fn a_plan_is_made_once() {
    let mut site = Site::new();
    assert_eq!(site.house.phase(JOB).unwrap(), None);
    site.house.plan(JOB, 1, "chains", &[task("a"), task("b")]).unwrap();
    site.house.plan(JOB, 1, "other", &[task("c")]).unwrap();
    let kinds: Vec<_> =
        site.house.frontier(JOB).unwrap().into_iter().map(|(_, task)| task.kind).collect();
    assert_eq!(kinds, ["a", "b"]);
    assert_eq!(site.house.phase(JOB).unwrap().as_deref(), Some("chains"));
    assert_eq!(site.house.frontier("0badcafe").unwrap(), []);
}

#[test]
fn a_frontier_is_read_in_parts() {
    let mut site = Site::new();
    let tasks: Vec<_> = ["a", "b", "c", "d", "e"].map(task).into();
    site.house.plan(JOB, 1, "chains", &tasks).unwrap();
    site.house.plan("0badcafe", 1, "chains", &[task("theirs")]).unwrap();
    let (mut parts, mut last) = (vec![], None);
    for _ in 0..9 {
        let part = site.house.frontier_part(JOB, last, 2).unwrap();
        let Some(id) = part.last().map(|(id, _)| *id) else { break };
        last = Some(id);
        parts.push(part.into_iter().map(|(_, task)| task.kind).collect::<String>());
        if parts.len() == 1 {
            let step = Step { next: vec![task("f")], ..Step::default() };
            site.house.commit(JOB, 1, id, &step, at(1)).unwrap();
        }
    }
    assert_eq!(parts, ["ab", "cd", "ef"], "what came meanwhile is the last");
}

#[test]
fn a_commit_takes_one_task_out_and_puts_its_followers_in() {
    let mut site = Site::new();
    site.house.plan(JOB, 1, "chains", &[task("a"), task("b")]).unwrap();
    let first = site.house.frontier(JOB).unwrap()[0].0;
    let step = Step { next: vec![task("c"), task("d")], ..issues([issue(1, 1)]) };
    let committed = site.house.commit(JOB, 1, first, &step, at(1)).unwrap();
    let open = site.house.frontier(JOB).unwrap();
    assert_eq!(
        open.iter().map(|(_, task)| task.kind.as_str()).collect::<Vec<_>>(),
        ["b", "c", "d"]
    );
    assert_eq!(committed.next, open[1..]);
}

#[test]
fn a_task_is_committed_once_and_its_name_never_returns() {
    let mut site = Site::new();
    site.house.plan(JOB, 1, "chains", &[task("a")]).unwrap();
    let only = site.house.frontier(JOB).unwrap()[0].0;
    let step = issues([issue(1, 1)]);
    site.house.commit(JOB, 1, only, &step, at(1)).unwrap();
    let more = Step { next: vec![task("x")], ..issues([issue(2, 1)]) };
    let twice = site.house.commit(JOB, 1, only, &more, at(1));
    assert!(matches!(twice, Err(WarehouseError::NoSuchTask { task, .. }) if task == only));
    assert_eq!(site.live(), [1], "nothing of the refused commit is held");
    assert_eq!(site.house.frontier(JOB).unwrap(), []);

    let mut site = site.reopened();
    site.house.set_phase(JOB, 1, "next", &[task("b")]).unwrap();
    assert!(site.house.frontier(JOB).unwrap()[0].0 > only);
}

#[test]
fn a_task_of_another_job_is_not_there() {
    let mut site = Site::new();
    site.house.plan(JOB, 1, "chains", &[task("a")]).unwrap();
    let theirs = site.house.frontier(JOB).unwrap()[0].0;
    site.house.begin("0badcafe", 1).unwrap();
    let taken = site.house.commit("0badcafe", 1, theirs, &Step::default(), at(1));
    assert!(matches!(taken, Err(WarehouseError::NoSuchTask { .. })));
    assert_eq!(site.house.frontier(JOB).unwrap().len(), 1);
}

#[test]
fn an_older_claim_writes_nothing() {
    let mut site = Site::new();
    site.house.plan(JOB, 1, "chains", &[task("a")]).unwrap();
    let only = site.house.frontier(JOB).unwrap()[0].0;
    site.house.begin(JOB, 2).unwrap();
    let refused = [
        site.house.plan(JOB, 1, "p", &[]).unwrap_err(),
        site.house.set_phase(JOB, 1, "p", &[]).unwrap_err(),
        site.house.commit(JOB, 1, only, &issues([issue(1, 1)]), at(1)).unwrap_err(),
        site.house.fail(JOB, 1, only, "a", "b", None).unwrap_err(),
        site.house.retry(JOB, 1).unwrap_err(),
        site.house.finish(JOB, 1).unwrap_err(),
    ];
    for error in refused {
        assert!(matches!(error, WarehouseError::Fenced { epoch: 1, newest: 2, .. }), "{error:?}");
    }
    assert_eq!(site.live(), [] as [u64; 0]);
    site.house.commit(JOB, 2, only, &issues([issue(1, 1)]), at(1)).unwrap();
    assert_eq!(site.live(), [1]);
}

#[test]
fn a_claim_whose_journal_lost_its_end_is_the_newest_all_the_same() {
    let mut site = Site::new();
    assert_eq!(site.house.begin(JOB, 17).unwrap(), 17);
    assert_eq!(site.house.begin(JOB, 16).unwrap(), 18);
    assert_eq!(site.house.begin(JOB, 18).unwrap(), 19);
    assert_eq!(site.house.begin(JOB, 23).unwrap(), 23);
    let refused = site.house.plan(JOB, 19, "p", &[]).unwrap_err();
    assert!(matches!(refused, WarehouseError::Fenced { newest: 23, .. }), "{refused:?}");
    site.house.plan(JOB, 23, "p", &[]).unwrap();
}

#[test]
fn the_end_and_the_next_phase_wait_for_an_empty_frontier() {
    let mut site = Site::new();
    site.house.plan(JOB, 1, "chains", &[task("a")]).unwrap();
    let early = [
        site.house.finish(JOB, 1).unwrap_err(),
        site.house.set_phase(JOB, 1, "next", &[task("b")]).unwrap_err(),
    ];
    for error in early {
        assert!(matches!(error, WarehouseError::TasksOpen { open: 1, .. }), "{error:?}");
    }
    assert_eq!(site.house.phase(JOB).unwrap().as_deref(), Some("chains"));
}

#[test]
fn a_killed_import_goes_on_from_its_frontier() {
    let mut site = Site::new();
    site.house.plan(JOB, 1, "chains", &[task("a")]).unwrap();
    let only = site.house.frontier(JOB).unwrap()[0].0;
    let step = Step { next: vec![task("b")], ..issues([issue(1, 1)]) };
    site.house.commit(JOB, 1, only, &step, at(1)).unwrap();
    let before = site.house.frontier(JOB).unwrap();
    let site = site.reopened();
    assert_eq!(site.house.frontier(JOB).unwrap(), before);
    assert_eq!(site.live(), [1]);
}

#[test]
fn a_forgotten_job_leaves_its_rows() {
    let mut site = Site::new();
    site.give(1, &issues([issue(1, 1)]));
    site.house.forget_job(JOB).unwrap();
    site.house.forget_job("0badcafe").unwrap();
    assert_eq!(site.house.phase(JOB).unwrap(), None);
    assert_eq!(site.house.tally(JOB).unwrap().issues, 0);
    assert_eq!(site.live(), [1]);
    site.give_as("0badcafe", 2, &issues([issue(1, 1)]));
    assert_eq!(site.house.tally("0badcafe").unwrap().issues, 1, "its number is not used again");
}

#[test]
fn a_power_failure_takes_rows_and_frontier_back_together() {
    /// What the job holds and has still to ask; `None` before its plan.
    type Stand = Option<(Vec<u64>, Vec<String>, u64)>;
    fn stand(site: &Site) -> Stand {
        site.house.phase(JOB).unwrap()?;
        let open = site.house.frontier(JOB).unwrap();
        let kinds = open.into_iter().map(|(_, task)| task.kind).collect();
        Some((site.live(), kinds, site.house.tally(JOB).unwrap().issues))
    }

    let mut site = Site::new();
    let mut stands = vec![stand(&site)];
    site.house.plan(JOB, 1, "chains", &[task("page 0")]).unwrap();
    stands.push(stand(&site));
    for page in 1..=5_u64 {
        let (id, _) = site.house.frontier(JOB).unwrap().remove(0);
        let next = vec![task(&format!("page {page}"))];
        let step = Step { next, ..issues([issue(page, 1), issue(page + 100, 1)]) };
        site.house.commit(JOB, 1, id, &step, at(1)).unwrap();
        stands.push(stand(&site));
    }

    let whole = site.log().metadata().unwrap().len();
    let mut reached = 0;
    for kept in (0..=whole).step_by(1_500).chain([whole]) {
        let found = stand(&site.after_power_loss(kept));
        let which = stands.iter().position(|stand| *stand == found);
        let which = which.unwrap_or_else(|| panic!("{kept} of {whole} bytes: {found:?}"));
        assert!(which >= reached, "more of the log never shows less");
        reached = which;
    }
    assert_eq!(reached, stands.len() - 1);
}
