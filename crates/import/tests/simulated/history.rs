use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use jobctl_import::{Ended, Go, Import, Mode, Report, Standing, Watch};
use jobctl_provider::{IssueOrder, Time};
use jobctl_providers_github::GitHub;
use jobctl_warehouse::{Query, Warehouse};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use url::Url;

use crate::pages::{IN_FLIGHT, Way};
use crate::world::{Edit, World, edit};

struct Nobody;

#[async_trait]
impl Watch for Nobody {
    fn progress(&self, _: &Standing) {}
    fn say(&self, _: &str) {}
    fn now(&self) -> Time {
        // When the world is imported; see `World::new`.
        Time::from_second(1_700_000_000).unwrap()
    }
    async fn limited(&self, _: Time, _: &str, _: &str) -> Go {
        Go::On
    }
    async fn stopped(&self) {
        std::future::pending::<()>().await;
    }
}

fn import(way: &Arc<Way>, dir: &Path, job: &str, epoch: u64, mode: Mode) -> Import {
    let order = IssueOrder::all("github:a/b");
    Import {
        provider: Arc::new(GitHub::new(Url::parse("https://api.github.com/").unwrap())),
        transport: way.clone(),
        warehouse: Warehouse::open(&dir.join("issues.db")).unwrap(),
        job: job.to_owned(),
        epoch,
        orders: vec![order],
        mode,
    }
}

/// Lives through one kill after so many more requests; `Some` if it was done before.
async fn life(way: &Arc<Way>, mut import: Import, requests: usize) -> Option<Report> {
    let at = way.asked.lock().unwrap().len() + requests;
    *way.kill_at.lock().unwrap() = Some(at);
    tokio::select! {
        biased;
        () = way.killed.notified() => None,
        ended = import.run(&Nobody) => match ended.unwrap() {
            Ended::Done(report) => Some(report),
            other @ (Ended::Stopped | Ended::Limited { .. }) => panic!("{other:?}"),
        },
    }
}

/// Imports through all kills to the end. Returns how many there were.
async fn imported(way: &Arc<Way>, dir: &Path, job: &str, mode: Mode, kills: &[usize]) -> usize {
    let mut epoch = 0;
    for requests in kills {
        epoch += 1;
        if life(way, import(way, dir, job, epoch, mode), *requests).await.is_some() {
            return usize::try_from(epoch).unwrap() - 1;
        }
    }
    let report = life(way, import(way, dir, job, epoch + 1, mode), usize::MAX / 2).await.unwrap();
    assert_eq!(report.failures, []);
    let cut = |warning: &&String| warning.contains("have comments that could not be listed");
    assert_eq!(report.warnings.iter().find(cut), None, "every list of one issue ends");
    kills.len()
}

pub(crate) type Rows = BTreeMap<u64, (String, BTreeMap<String, String>)>;

pub(crate) fn held(dir: &Path) -> Rows {
    let warehouse = Warehouse::open_reading(&dir.join("issues.db")).unwrap();
    let mut rows = Rows::new();
    warehouse
        .export(&Query::default(), &mut |row| {
            let comments = row.comments.into_iter().map(|c| (c.id, c.body.unwrap_or_default()));
            rows.insert(row.issue.number, (row.issue.title, comments.collect()));
            Ok(())
        })
        .unwrap();
    rows
}

pub(crate) fn truth(world: &World) -> Rows {
    let issues = world.issues.iter().filter(|(_, issue)| !issue.is_pull);
    let rows = issues.map(|(number, issue)| {
        let comments = world.comments_of(*number);
        let comments = comments.map(|(id, comment)| (id.to_string(), comment.body.clone()));
        (*number, (issue.title.clone(), comments.collect()))
    });
    rows.collect()
}

/// Compares, and tells the first differences only.
pub(crate) fn assert_same(held: &Rows, truth: &Rows) {
    let numbers: BTreeSet<&u64> = held.keys().chain(truth.keys()).collect();
    let differs = numbers.into_iter().filter(|number| held.get(number) != truth.get(number));
    let first: Vec<_> =
        differs.take(3).map(|number| (number, held.get(number), truth.get(number))).collect();
    assert!(first.is_empty(), "held, truth: {first:#?}");
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(future)
}

proptest! {
    // The same histories at every run; to look for others, let the seed go.
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(48),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_history_of_edits_and_kills_ends_with_the_rows_of_the_truth(
        sizes in (1_u64..500, 0_u64..900, 0_u64..350),
        edits in prop::collection::vec(edit(), 0..30),
        kills in prop::collection::vec(1_usize..14, 0..5),
        cap in prop_oneof![Just(usize::MAX), Just(200)],
    ) {
        run(async {
            let dir = tempfile::tempdir().unwrap();
            let world = World::new(sizes.0, sizes.1, sizes.2);
            let way = Arc::new(Way::new(world, edits, cap));
            imported(&way, dir.path(), "1", Mode::Import, &kills).await;
            // What happened after the last look is the next sync's.
            way.edits.lock().unwrap().clear();
            imported(&way, dir.path(), "2", Mode::Sync { full: false }, &[]).await;
            assert_same(&held(dir.path()), &truth(&way.world.lock().unwrap()));
        });
    }

    #[test]
    fn a_kill_costs_no_more_than_what_was_in_flight(
        sizes in (1_u64..500, 0_u64..800, 0_u64..50),
        kills in prop::collection::vec(1_usize..14, 1..6),
    ) {
        run(async {
            let quiet = |edits: Vec<Edit>| {
                Arc::new(Way::new(World::new(sizes.0, sizes.1, sizes.2), edits, usize::MAX))
            };
            let (still, killed) = (quiet(vec![]), quiet(vec![]));
            let dirs = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            imported(&still, dirs.0.path(), "1", Mode::Import, &[]).await;
            let deaths = imported(&killed, dirs.1.path(), "1", Mode::Import, &kills).await;
            assert_same(&held(dirs.0.path()), &held(dirs.1.path()));
            let count = |way: &Way| way.asked.lock().unwrap().len();
            // A death while catching up asks for one more round, of both lists.
            let most = count(&still) + deaths * (IN_FLIGHT + 2);
            assert!(count(&killed) <= most, "{} requests, {most} allowed", count(&killed));
        });
    }
}

#[test]
fn a_sync_of_nothing_new_is_three_requests() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let way = Arc::new(Way::new(World::new(300, 500, 0), vec![], usize::MAX));
        imported(&way, dir.path(), "1", Mode::Import, &[]).await;
        let before = way.asked.lock().unwrap().len();
        imported(&way, dir.path(), "2", Mode::Sync { full: false }, &[]).await;
        let asked = way.asked.lock().unwrap()[before..].to_vec();
        assert!(asked.len() <= 5, "{asked:#?}");
    });
}

#[test]
fn a_full_sync_finds_what_was_deleted() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let way = Arc::new(Way::new(World::new(300, 500, 0), vec![], usize::MAX));
        imported(&way, dir.path(), "1", Mode::Import, &[]).await;
        {
            let mut world = way.world.lock().unwrap();
            for edit in [Edit::Delete(5), Edit::Open, Edit::Delete(77), Edit::Open] {
                world.now += 1_000;
                world.apply(&edit);
            }
        }
        imported(&way, dir.path(), "2", Mode::Sync { full: true }, &[]).await;
        assert_same(&held(dir.path()), &truth(&way.world.lock().unwrap()));
    });
}

#[test]
fn a_comment_that_is_gone_does_not_make_up_for_one_that_no_list_gives() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        // More comments of one second than are listed, and one of the listed ones goes.
        let world = World::new(87, 315, 266);
        let edits = vec![Edit::Say(398_942), Edit::Nothing, Edit::Unsay(9_070_857_410_600_418_294)];
        let way = Arc::new(Way::new(world, edits, 200));
        imported(&way, dir.path(), "1", Mode::Import, &[8, 3]).await;
        way.edits.lock().unwrap().clear();
        imported(&way, dir.path(), "2", Mode::Sync { full: false }, &[]).await;
        assert_same(&held(dir.path()), &truth(&way.world.lock().unwrap()));
    });
}

#[test]
fn the_newest_issue_may_be_the_one_that_no_list_gives() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let way = Arc::new(Way::new(World::new(348, 201, 200), vec![], 200));
        imported(&way, dir.path(), "1", Mode::Import, &[]).await;
        assert_same(&held(dir.path()), &truth(&way.world.lock().unwrap()));
    });
}

#[test]
fn what_is_deleted_of_a_few_is_asked_for_by_number() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let edits = vec![Edit::Nothing, Edit::Delete(0)];
        let way = Arc::new(Way::new(World::new(3, 0, 0), edits, usize::MAX));
        imported(&way, dir.path(), "1", Mode::Import, &[]).await;
        assert_same(&held(dir.path()), &truth(&way.world.lock().unwrap()));
    });
}

#[test]
fn what_is_deleted_of_a_second_that_no_list_gives_whole_is_found() {
    run(async {
        let dir = tempfile::tempdir().unwrap();
        let edits = vec![
            Edit::Say(0),
            Edit::Nothing,
            Edit::Nothing,
            Edit::Nothing,
            Edit::Delete(63_972_982_033_071_556),
        ];
        let way = Arc::new(Way::new(World::new(207, 0, 203), edits, 200));
        imported(&way, dir.path(), "1", Mode::Import, &[]).await;
        assert_same(&held(dir.path()), &truth(&way.world.lock().unwrap()));
    });
}
