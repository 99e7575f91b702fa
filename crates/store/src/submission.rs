//! Jobs that were submitted and that no claim has written to yet.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use jobctl_core::{Change, Event, Job, JobId, Spec, Time};
use serde::{Deserialize, Serialize};

use crate::record::{Head, VERSION, is_sealed, lines, seal};
use crate::row::Row;
use crate::tree::{Told as _, Tree, random_bits};
use crate::{FileError, same};

/// How much of a submission file is read at once where it is not read whole, in bytes.
const PART: usize = 64 * 1024;

/// How often ids are drawn before it is believed that there are none left.
const DRAWS: u32 = 1_000;

/// One job of a submission file.
#[derive(Debug, Clone)]
pub(crate) struct Submitted {
    pub(crate) id: JobId,
    /// The `submitted` event that its journal will begin with.
    pub(crate) event: Event,
}

impl Submitted {
    /// The job as its journal would make it.
    pub(crate) fn job(&self) -> Option<Job> {
        Job::submitted(self.id, self.event.clone()).ok()
    }
}

/// Where a job was found among the submissions.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) job: Submitted,
    pub(crate) path: PathBuf,
    /// Whether the file holds no other job.
    pub(crate) alone: bool,
}

// The id comes second, so that a job's line is found without reading the others.
#[derive(Serialize, Deserialize)]
struct Line {
    v: u32,
    id: JobId,
    #[serde(flatten)]
    event: Event,
}

/// Writes a submission file, unless that submission is known already.
pub(crate) fn submit(
    tree: &Tree,
    key: &str,
    jobs: &[(JobId, Spec)],
    now: Time,
) -> Result<(), FileError> {
    let Some((first, _)) = jobs.first() else { return Ok(()) };
    let dir = tree.submissions();
    let name = file_name(key, jobs);
    let path = dir.join(format!("{name}.jsonl"));
    // A key that comes again after its jobs began must not make them begin again.
    if tree.exists(&path)? || tree.exists(&tree.journal(*first))? {
        return tree.sync_dir(&dir);
    }
    let batch = (jobs.len() > 1).then_some(name);
    let mut bytes = Vec::new();
    for (id, spec) in jobs {
        let spec = Spec { batch: batch.clone(), ..spec.clone() };
        let event = Change::Submitted { spec: Box::new(spec) }.at(now);
        bytes.extend_from_slice(&seal(&Line { v: VERSION, id: *id, event }));
    }
    tree.publish(&path, &bytes)?;
    tree.sync_dir(&dir).inspect_err(|_| {
        // Whoever hears of the failure submits again: these jobs must not begin as well.
        let _ = tree.unlink(&path).and_then(|()| tree.sync_dir(&dir));
    })?;
    for (id, spec) in jobs {
        // Lost, it only lets the same be asked for twice.
        let _ = same::note(tree, spec.identity.as_deref(), *id);
    }
    Ok(())
}

/// A row of ids that no job has.
pub(crate) fn new_ids(tree: &Tree, count: u32) -> Result<Row, FileError> {
    for _ in 0..DRAWS {
        let row = Row::new(JobId::from_bits(random_bits()), count);
        if !is_taken(tree, row)? {
            return Ok(row);
        }
    }
    Err(io::Error::other("there are too many jobs for so many new ones"))
        .told("find ids in", &tree.root)
}

/// Whether a job has one of these ids.
fn is_taken(tree: &Tree, row: Row) -> Result<bool, FileError> {
    let jobs = tree.jobs();
    let begun = if row.is_long() {
        tree.ids(&jobs)?.into_iter().any(|id| row.holds(id))
    } else {
        row.ids()
            .map(|id| tree.exists(&tree.job(id)))
            .collect::<Result<Vec<_>, _>>()?
            .contains(&true)
    };
    if begun {
        return Ok(true);
    }
    for path in files(tree)? {
        let taken = match Row::of_file(&path) {
            Some(other) => row.meets(other),
            None => read(tree, &path)?.is_ok_and(|bytes| {
                let bytes = bytes.unwrap_or_default();
                lines(&bytes)
                    .0
                    .into_iter()
                    .filter_map(|(_, line)| id_in(line))
                    .any(|id| row.holds(id))
            }),
        };
        if taken {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A key as a file name: itself where it is plain, else a hash of it. A file named like an id, or
/// like a row of ids, holds no other job.
fn file_name(key: &str, jobs: &[(JobId, Spec)]) -> String {
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let row = Row::of_file(Path::new(key));
    let misleads = row.is_some_and(|row| jobs.iter().any(|(id, _)| !row.holds(*id)));
    if plain && (1..=64).contains(&key.len()) && !misleads {
        return key.to_owned();
    }
    same::digest(key)
}

/// The submission files, sorted by name.
pub(crate) fn files(tree: &Tree) -> Result<Vec<PathBuf>, FileError> {
    let dir = tree.submissions();
    let names = tree.names(&dir)?;
    Ok(names
        .iter()
        .filter(|name| name.strip_suffix(".jsonl").is_some_and(|key| !key.starts_with('.')))
        .map(|name| dir.join(name))
        .collect())
}

/// What the submission files say.
#[derive(Debug, Default)]
pub(crate) struct Submissions {
    /// All jobs, whether begun or not.
    pub(crate) jobs: Vec<Submitted>,
    /// What cannot be read.
    pub(crate) unread: Vec<Unread>,
}

/// A line of a submission file that cannot be read, or a whole file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// The file.
    pub path: PathBuf,
    /// The job that it names, as far as that can be told.
    pub id: Option<JobId>,
    /// Where in the file, and what is wrong there.
    pub what: String,
    /// Whether a newer version wrote it, so that nothing is wrong.
    pub newer: bool,
}

impl fmt::Display for Unread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.path.display(), self.what)
    }
}

/// All jobs of a submission file, in their order. A line that cannot be read hides no other.
pub(crate) fn jobs(bytes: &[u8]) -> Vec<Submitted> {
    lines(bytes).0.into_iter().filter_map(|(_, line)| decode(line)).collect()
}

/// Takes the jobs of a submission file one by one, until `take` wants no more: of ten thousand only
/// a few are in memory at a time. Says whether all that the file holds was read, and taken; of one
/// that is gone by now all jobs have begun.
pub(crate) fn each(
    tree: &Tree,
    path: &Path,
    take: &mut dyn FnMut(Submitted) -> bool,
) -> Result<bool, FileError> {
    let (mut offset, mut rest, mut is_whole) = (0, Vec::new(), true);
    loop {
        let part = match tree.fs.read_at(path, offset, PART).told("read", path) {
            Ok(part) => part,
            Err(error) if error.is_storage() => return Err(error),
            Err(_) => return Ok(!tree.exists(path)?),
        };
        offset += part.len() as u64;
        let is_end = part.len() < PART;
        rest.extend_from_slice(&part);
        let (lines, end) = lines(&rest);
        for (_, line) in lines {
            match decode(line) {
                Some(job) => {
                    if !take(job) {
                        return Ok(false);
                    }
                }
                None => is_whole = false,
            }
        }
        rest.drain(..end);
        if is_end {
            return Ok(is_whole && offset > 0 && rest.is_empty());
        }
    }
}

/// All submission files.
pub(crate) fn all(tree: &Tree) -> Result<Submissions, FileError> {
    let mut all = Submissions::default();
    let files = match files(tree) {
        Ok(files) => files,
        Err(error) if error.is_storage() => return Err(error),
        Err(error) => {
            let what = format!("it cannot be listed: {}", error.source);
            all.unread.push(Unread { path: tree.submissions(), id: None, what, newer: false });
            return Ok(all);
        }
    };
    for path in files {
        match read(tree, &path)? {
            // A file may be gone since it was listed: then all its jobs have begun.
            Ok(None) => {}
            Ok(Some(bytes)) => {
                all.jobs.extend(jobs(&bytes));
                all.unread.extend(unread(&path, &bytes));
            }
            Err(unread) => all.unread.push(unread),
        }
    }
    Ok(all)
}

/// A submission file's bytes; `None` where there is none. What is no file, or may not be read,
/// must not hide the jobs of other files.
pub(crate) fn read(tree: &Tree, path: &Path) -> Result<Result<Option<Vec<u8>>, Unread>, FileError> {
    match tree.read(path) {
        Ok(bytes) => Ok(Ok(bytes)),
        Err(error) if error.is_storage() => Err(error),
        Err(error) => {
            let what = format!("it cannot be read: {}", error.source);
            Ok(Err(Unread { path: path.to_owned(), id: named_id(path), what, newer: false }))
        }
    }
}

/// What of a submission file cannot be read. Files appear whole, so every byte is part of a line.
pub(crate) fn unread(path: &Path, bytes: &[u8]) -> Vec<Unread> {
    let (lines, end) = lines(bytes);
    let flaw = |id: Option<JobId>, what: String, newer| {
        let id = named_id(path).or(id);
        Unread { path: path.to_owned(), id, what, newer }
    };
    if bytes.is_empty() {
        return vec![flaw(None, "it is empty".to_owned(), false)];
    }
    let bad = lines.into_iter().enumerate().filter(|(_, (_, line))| decode(line).is_none());
    let mut found: Vec<_> = bad
        .map(|(at, (start, line))| {
            let newer = is_sealed(line)
                && serde_json::from_slice(line).is_ok_and(|head: Head| head.v > VERSION);
            let what = if newer { "was written by a newer jobctl" } else { "is not readable" };
            flaw(id_in(line), format!("line {} at byte {start} {what}", at + 1), newer)
        })
        .collect();
    if end < bytes.len() {
        found.push(flaw(id_in(&bytes[end..]), format!("it breaks off after byte {end}"), false));
    }
    found
}

/// The job that a submission file is named after, if it is named after one.
fn named_id(path: &Path) -> Option<JobId> {
    path.file_stem()?.to_str()?.parse().ok()
}

/// The job that the bytes of a bad line name.
fn id_in(line: &[u8]) -> Option<JobId> {
    const KEY: &[u8] = b"\"id\":\"";
    let at = line.windows(KEY.len()).position(|part| part == KEY)? + KEY.len();
    std::str::from_utf8(line.get(at..at + 8)?).ok()?.parse().ok()
}

/// One job, wherever it was submitted.
pub(crate) fn find(tree: &Tree, id: JobId) -> Result<Option<Found>, FileError> {
    // A submission named after its job is found without reading all the others.
    let likely = tree.submissions().join(format!("{id}.jsonl"));
    if let Some(found) = find_in(tree, id, likely)? {
        return Ok(Some(found));
    }
    let may_hold = |path: &PathBuf| Row::of_file(path).is_none_or(|row| row.holds(id));
    for path in files(tree)?.into_iter().filter(may_hold) {
        if let Some(found) = find_in(tree, id, path)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn find_in(tree: &Tree, id: JobId, path: PathBuf) -> Result<Option<Found>, FileError> {
    if let Some(job) = find_near(tree, id, &path)? {
        return Ok(Some(Found { job, path, alone: false }));
    }
    let Ok(Some(bytes)) = read(tree, &path)? else { return Ok(None) };
    let alone = memchr::memchr(b'\n', &bytes).is_some_and(|end| end + 1 == bytes.len());
    Ok(named(&bytes, id).map(|job| Found { job, path, alone }))
}

/// A job of a long row, in the part of the file where its line should be: the lines of most batches
/// are about as long as each other.
fn find_near(tree: &Tree, id: JobId, path: &Path) -> Result<Option<Submitted>, FileError> {
    let Some(row) = Row::of_file(path).filter(|row| row.is_long()) else { return Ok(None) };
    let (Some((at, count)), Some(meta)) = (row.place(id), tree.metadata(path)?) else {
        return Ok(None);
    };
    let middle = meta.len / u64::from(count) * u64::from(at);
    let from = middle.saturating_sub(PART as u64 / 2);
    let part = tree.fs.read_at(path, from, PART).told("read", path);
    Ok(part.ok().and_then(|part| named(&part, id)))
}

/// The line of a job among these, if it is there and whole.
fn named(bytes: &[u8], id: JobId) -> Option<Submitted> {
    // How its line begins: of ten thousand, no other is looked at.
    let begin = format!("{{\"v\":{VERSION},\"id\":\"{id}\"");
    let begins = memchr::memmem::find_iter(bytes, begin.as_bytes());
    let mut lines = begins.filter(|at| *at == 0 || bytes[at - 1] == b'\n').map(|at| {
        let end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end);
        &bytes[at..end]
    });
    lines.find_map(decode)
}

fn decode(line: &[u8]) -> Option<Submitted> {
    if !is_sealed(line) {
        return None;
    }
    let head: Head = serde_json::from_slice(line).ok()?;
    let Line { id, event, .. } = serde_json::from_slice(line).ok()?;
    let is_ours = head.v == VERSION && matches!(event.change, Change::Submitted { .. });
    is_ours.then_some(Submitted { id, event })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use jobctl_core::Kind;

    use super::*;
    use crate::RealFs;

    #[test]
    fn an_id_is_taken_wherever_its_job_is() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let tree = Tree { root, fs: Arc::new(RealFs) };
        fs::create_dir(tree.submissions()).unwrap();
        let id = JobId::from_bits;
        let add = |key: &str, ids: &[u32]| {
            let job = |bits: &u32| (id(*bits), Spec::new(Kind::RunCommand, "", "/"));
            let jobs: Vec<_> = ids.iter().map(job).collect();
            submit(&tree, key, &jobs, Time::UNIX_EPOCH).unwrap();
        };
        let ids = Row::new(id(1_000), 40);
        add("alone", &[7]);
        add("odd", &[17, 13]);
        add(&format!("batch-{}-40", id(1_000)), &ids.ids().map(JobId::bits).collect::<Vec<_>>());
        add("00000009", &[9]);
        fs::create_dir_all(tree.job(id(5))).unwrap();
        let last = ids.ids().last().unwrap();
        for taken in [id(7), id(17), id(13), id(9), id(5), id(1_000), last] {
            for count in [1, 16, 17] {
                assert!(is_taken(&tree, Row::new(taken, count)).unwrap(), "{taken}, {count}");
            }
        }
        assert!(!is_taken(&tree, Row::new(id(6), 1)).unwrap());
    }
}
