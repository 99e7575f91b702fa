//! Bytes that a disk lost or turned, while nobody held the claim.

use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;

use super::journal::Journal;
use super::ledger::Ledger;
use super::stage::Stage;
use super::tally::Tally;
use crate::chore::Failed;

/// Spoils one or two journals; every process must be dead.
pub(crate) fn damage(
    stage: &Stage,
    ledger: &Ledger,
    tally: &Tally,
    random: &mut Rng,
) -> Result<(), Failed> {
    let mut jobs = journals(stage)?;
    random.shuffle(&mut jobs);
    let mut spoilt = 0;
    for (id, path) in jobs.into_iter().take(random.usize(0..=2)) {
        let Some(journal) = Journal::read(&path)? else { continue };
        let mut books = ledger.books();
        let Some(known) = books.jobs.get_mut(&id).filter(|known| !known.broken) else { continue };
        // The first record is what the job is: without it there is only a ruin.
        if journal.records.len() < 4 || journal.damage.is_some() {
            continue;
        }
        match random.u32(..10) {
            0..5 => {
                flip(&path, journal.places[journal.places.len() - 1], random)?;
                known.rattle();
                tally.count("damage", "last record flipped");
            }
            5..9 => {
                cut(&path, &journal, random)?;
                known.rattle();
                tally.count("damage", "tail cut");
            }
            _ => {
                let middle = random.usize(1..journal.places.len() - 2);
                flip(&path, journal.places[middle], random)?;
                known.broken = true;
                tally.count("damage", "middle record flipped");
            }
        }
        spoilt += 1;
    }
    if spoilt > 0 {
        // Bytes are lost in power cuts: the next call finds another boot.
        fs::remove_file(stage.sandbox.jobs().join("boot"))?;
    }
    Ok(())
}

fn journals(stage: &Stage) -> Result<Vec<(String, PathBuf)>, Failed> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(stage.sandbox.jobs().join("jobs")) else { return Ok(found) };
    for entry in entries {
        let entry = entry?;
        let id = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path().join("journal.jsonl");
        if !id.starts_with('.') && path.exists() {
            found.push((id, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Turns one bit of a record.
fn flip(path: &Path, (start, end): (usize, usize), random: &mut Rng) -> Result<(), Failed> {
    let mut bytes = fs::read(path)?;
    // Not its newline: two records would become one, and the next one a middle.
    bytes[random.usize(start..end - 1)] ^= 1 << random.u32(..8);
    Ok(fs::write(path, bytes)?)
}

/// Loses the end, anywhere in the last two records.
fn cut(path: &Path, journal: &Journal, random: &mut Rng) -> Result<(), Failed> {
    let (start, _) = journal.places[journal.places.len() - 2];
    let (_, end) = journal.places[journal.places.len() - 1];
    let bytes = fs::read(path)?;
    Ok(fs::write(path, &bytes[..random.usize(start + 1..end)])?)
}
