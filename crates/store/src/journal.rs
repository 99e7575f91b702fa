//! Appends to a journal so that what was acknowledged survives a power cut.

use jobctl_core::{Event, JobId, Time};

use crate::FileError;
use crate::fs::{Open, Writing};
use crate::record::encode;
use crate::replay::Replay;
use crate::tree::{Keep, Told, Tree};

/// The journal of a job whose claim this process holds.
pub(crate) struct Journal {
    tree: Tree,
    id: JobId,
    /// Where the next record goes, in bytes.
    end: u64,
    /// Sequence number of the last record.
    seq: u64,
    proof: Proof,
    /// Whether a write failed: then nothing more is written.
    spent: bool,
}

/// Which bytes on disk are known to be synced.
enum Proof {
    /// None: the last holder left no `closed` mark, or there is no journal yet. After a failed
    /// sync the page cache shows bytes that the disk does not hold, so reading proves nothing:
    /// the good bytes are written to a new file before anything follows them.
    None(Vec<u8>),
    /// All but the `closed` mark itself, which was written without a sync: it is written again,
    /// in the same place, together with what follows it.
    AllBut { mark: Vec<u8>, at: u64 },
    /// All: this claim synced them through this file.
    All(Box<dyn Writing>),
}

impl Journal {
    /// The journal after a replay of its `bytes`.
    pub(crate) fn new(tree: Tree, id: JobId, bytes: &[u8], replay: &Replay) -> Self {
        let good = &bytes[..replay.good];
        let proof = match replay.closed {
            Some(at) => Proof::AllBut { mark: good[at..].to_vec(), at: at as u64 },
            None => Proof::None(good.to_vec()),
        };
        Self { tree, id, end: replay.good as u64, seq: replay.seq, proof, spent: false }
    }

    /// Sequence number of the last record; 0 for none.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.spent
    }

    /// Writes nothing more.
    pub(crate) fn spend(&mut self) {
        self.spent = true;
    }

    /// Whether the next record would be written through this claim's own, proven file.
    pub(crate) fn was_written(&self) -> bool {
        matches!(self.proof, Proof::All(_))
    }

    /// Keeps `torn` aside, and cuts it off by a synced copy of what is good before it.
    pub(crate) fn cut(&mut self, torn: &[u8], now: Time) -> Result<(), FileError> {
        let name = format!("journal.torn-{}", now.as_microsecond());
        let aside = self.tree.job(self.id).join(name);
        self.tree.replace(&aside, torn, Keep::Synced)?;
        match &mut self.proof {
            // Nothing would be left: the file goes when `submitted` is written again.
            Proof::None(good) if good.is_empty() => Ok(()),
            Proof::None(_) => self.append(&[]).map(drop),
            Proof::AllBut { .. } | Proof::All(_) => {
                let path = self.tree.journal(self.id);
                let mut file = self.tree.open(&path, Open::Existing)?;
                file.set_len(self.end).told("cut", &path)
            }
        }
    }

    /// Writes events in one piece and syncs them; how many bytes they took, with a mark that was
    /// written again.
    ///
    /// After an error the events may or may not be there, and nothing more is written.
    pub(crate) fn append(&mut self, events: &[&Event]) -> Result<usize, FileError> {
        let mut lines = Vec::new();
        for (seq, event) in (self.seq + 1..).zip(events) {
            lines.extend_from_slice(&encode(seq, event));
        }
        let end = self.end + lines.len() as u64;
        let marked = match &self.proof {
            Proof::AllBut { mark, .. } => mark.len(),
            Proof::None(_) | Proof::All(_) => 0,
        };
        let written = self.write(&lines);
        self.spent |= written.is_err();
        written?;
        self.end = end;
        self.seq += events.len() as u64;
        Ok(marked + lines.len())
    }

    fn write(&mut self, lines: &[u8]) -> Result<(), FileError> {
        let path = self.tree.journal(self.id);
        match &mut self.proof {
            Proof::None(good) => {
                let whole = [good.as_slice(), lines].concat();
                let file = self.tree.replace(&path, &whole, Keep::Synced)?;
                self.tree.sync_dir(&self.tree.job(self.id))?;
                self.tree.sync_dir(&self.tree.jobs())?;
                self.proof = Proof::All(file);
            }
            Proof::AllBut { mark, at } => {
                let mut file = self.tree.open(&path, Open::Existing)?;
                let bytes = [mark.as_slice(), lines].concat();
                put(file.as_mut(), &bytes, *at, self.end).told("append to", &path)?;
                file.sync().told("sync", &path)?;
                self.proof = Proof::All(file);
            }
            Proof::All(file) => {
                put(file.as_mut(), lines, self.end, self.end).told("append to", &path)?;
                file.sync().told("sync", &path)?;
            }
        }
        Ok(())
    }

    /// Writes `closed` after what this claim wrote. It needs no sync: lost, it only makes the next
    /// holder copy; found, it is true.
    pub(crate) fn close(&mut self, event: &Event) -> Result<(), FileError> {
        let path = self.tree.journal(self.id);
        if let Proof::All(file) = &mut self.proof {
            let line = encode(self.seq + 1, event);
            put(file.as_mut(), &line, self.end, self.end).told("append to", &path)?;
        }
        Ok(())
    }
}

/// Writes at `offset`; after a failure cuts the file back to the last good record.
fn put(file: &mut dyn Writing, bytes: &[u8], offset: u64, good: u64) -> std::io::Result<()> {
    file.write_at(bytes, offset).inspect_err(|_| {
        // If the cut fails too, a torn tail is left, which the next holder cuts.
        let _ = file.set_len(good);
    })
}
