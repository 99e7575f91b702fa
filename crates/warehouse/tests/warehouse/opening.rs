use std::os::unix::fs::PermissionsExt;
use std::thread;

use jobctl_warehouse::{Warehouse, WarehouseError};
use rusqlite::Connection;

use crate::site::{Site, at, issue, issues, task};

#[test]
fn only_its_owner_reads_it() {
    let mut site = Site::new();
    site.give(1, &issues([issue(1, 1)]));
    for entry in site.path().parent().unwrap().read_dir().unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?}", entry.path());
    }
}

#[test]
fn what_is_not_there_or_not_ours_is_said_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("issues.db");
    assert!(matches!(Warehouse::open_reading(&path), Err(WarehouseError::Missing { .. })));
    assert!(!path.exists());
    assert!(matches!(
        Warehouse::open(&dir.path().join("no/such/dir")),
        Err(WarehouseError::Open { .. })
    ));
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    assert!(matches!(Warehouse::open(&path), Err(WarehouseError::Foreign { .. })));
    assert!(matches!(Warehouse::open_reading(&path), Err(WarehouseError::Foreign { .. })));
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let site = Site::new();
    let direct = Connection::open(site.path()).unwrap();
    direct.pragma_update(None, "user_version", 99).unwrap();
    assert!(matches!(Warehouse::open(&site.path()), Err(WarehouseError::Newer { found: 99, .. })));
    assert!(matches!(Warehouse::open_reading(&site.path()), Err(WarehouseError::Newer { .. })));
    let version: i64 = direct.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 99);
}

#[test]
fn an_empty_file_is_no_format_to_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("issues.db");
    std::fs::File::create(&path).unwrap();
    assert!(matches!(Warehouse::open_reading(&path), Err(WarehouseError::Missing { .. })));
    Warehouse::open(&path).unwrap();
    Warehouse::open_reading(&path).unwrap();
}

#[test]
fn damage_is_called_damage() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("issues.db");
    #[expect(clippy::disallowed_methods, reason = "a test's damaged file need not be durable")]
    std::fs::write(&path, [7; 8192]).unwrap();
    assert!(matches!(Warehouse::open(&path), Err(WarehouseError::Corrupt { .. })));
    assert!(matches!(Warehouse::open_reading(&path), Err(WarehouseError::Corrupt { .. })));
}

#[test]
fn a_reader_sees_what_is_committed_and_never_waits() {
    let mut site = Site::new();
    site.give(1, &issues([issue(1, 1)]));
    let reader = Warehouse::open_reading(&site.path()).unwrap();
    let seen = reader
        .export(&jobctl_warehouse::Query::default(), &mut |_| {
            site.give(2, &issues([issue(2, 1)]));
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, 1, "an export is one moment's state");
    assert!(reader.issue("#2").unwrap().is_some());
    let mut reader = reader;
    assert!(matches!(reader.begin("00c0ffee", 9), Err(WarehouseError::Failing { .. })));
}

#[test]
fn many_processes_make_and_fill_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("issues.db");
    thread::scope(|scope| {
        for worker in 0..6_u64 {
            let path = &path;
            scope.spawn(move || {
                let job = format!("0000000{worker}");
                let mut house = Warehouse::open(path).unwrap();
                for page in 0..10_u64 {
                    house.set_phase(&job, 1, "p", &[task("a")]).unwrap();
                    let open = house.frontier(&job).unwrap();
                    let step = issues([issue(worker * 100 + page, 1)]);
                    house.commit(&job, 1, open[0].0, &step, at(1)).unwrap();
                }
                house.finish(&job, 1).unwrap();
            });
        }
    });
    let house = Warehouse::open_reading(&path).unwrap();
    assert_eq!(house.held(crate::site::SCOPE).unwrap().issues, 60);
}

#[test]
fn the_log_goes_into_the_file_while_an_import_runs() {
    let mut site = Site::new();
    let mut longest = 0;
    for number in 0..25 {
        let mut heavy = issue(number, 1);
        heavy.raw = serde_json::json!("x".repeat(1_000_000));
        site.give(1, &issues([heavy]));
        longest = longest.max(site.log().metadata().unwrap().len());
    }
    assert!(longest < 19_000_000, "{longest} of 25,000,000 bytes");
}
