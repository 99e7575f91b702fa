//! Both ends of a worker's connection to the socket, and the runner's side of every other.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jobctl_core::{JobId, Need};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::desk::Values;
use crate::wire::{self, Handed, MAX_LINE, Reply, Say};
use crate::{Offer, Place, Value};

/// How long a call waits for the runner's first look at most.
const FIRST_LOOK: Duration = Duration::from_millis(5);
/// How often a worker looks for a new runner after its own has gone.
const RECONNECT: Duration = Duration::from_secs(1);
/// How long a worker waits for a runner before it believes that a value is nowhere to be had.
const VALUE_PATIENCE: Duration = Duration::from_secs(5);

/// What connections leave for the runner's loop.
#[derive(Default)]
pub(crate) struct Desktop {
    inner: Mutex<Inner>,
    /// Woken at every ring, offer and farewell.
    pub(crate) bell: Notify,
    /// Whether the runner has looked at all jobs once.
    looked: watch::Sender<bool>,
}

#[derive(Default)]
struct Inner {
    values: HashMap<Need, Kept>,
    /// What unended jobs need.
    wanted: Vec<Need>,
    /// What some of them wait for.
    lacking: Vec<Need>,
    retiring: bool,
    /// Whether the limits have changed since that was last asked.
    changed: bool,
    /// Whether a worker has shown progress since that was last asked.
    moved: bool,
    connections: usize,
    /// How often a connection that offers something came or went.
    moves: u64,
    /// Workers that wait for another job.
    free: Vec<Free>,
}

/// A worker that has done its job, and waits to hear what comes next.
pub(crate) struct Free {
    /// Its process id.
    pub(crate) pid: u32,
    /// Takes the answer; dropped, there is nothing.
    pub(crate) give: oneshot::Sender<JobId>,
}

/// Whoever is at the other end of a connection.
#[derive(Default)]
struct Visitor {
    offered: Vec<Need>,
    is_worker: bool,
    /// Whether it has rung, and done nothing since.
    has_rung: bool,
}

struct Kept {
    value: Value,
    /// Connections that offered it and still live.
    offered_by: usize,
    /// The last of the moves that was about it.
    moved: u64,
}

impl Inner {
    fn offers(&self) -> Vec<Offer> {
        let offer =
            |(need, kept): (&Need, &Kept)| Offer { need: need.clone(), value: kept.value.clone() };
        self.values.iter().map(offer).collect()
    }
}

impl Desktop {
    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a newer `jobctl` wants to take over.
    pub(crate) fn is_retiring(&self) -> bool {
        self.with(|inner| inner.retiring)
    }

    /// Whether a call or a worker is connected.
    pub(crate) fn is_visited(&self) -> bool {
        self.with(|inner| inner.connections > 0)
    }

    /// Whether a value is here.
    pub(crate) fn holds(&self, need: &Need) -> bool {
        self.with(|inner| inner.values.contains_key(need))
    }

    /// Takes a value that nobody on a line offered.
    pub(crate) fn put(&self, Offer { need, value }: Offer) {
        self.with(|inner| {
            let kept = Kept { value, offered_by: 0, moved: inner.moves };
            inner.values.entry(need).or_insert(kept);
        });
    }

    /// Workers that have become free since this was last asked.
    pub(crate) fn take_free(&self) -> Vec<Free> {
        self.with(|inner| std::mem::take(&mut inner.free))
    }

    /// Waits for what the runner has for a free worker.
    async fn next(&self, pid: Option<u32>) -> Reply {
        let Some(pid) = pid else { return Reply::Next { id: None } };
        let (give, given) = oneshot::channel();
        self.with(|inner| inner.free.push(Free { pid, give }));
        self.bell.notify_one();
        Reply::Next { id: given.await.ok() }
    }

    /// Whether the limits have changed since this was last asked.
    pub(crate) fn take_changed(&self) -> bool {
        self.with(|inner| std::mem::take(&mut inner.changed))
    }

    /// Whether a worker has shown progress since this was last asked.
    pub(crate) fn take_moved(&self) -> bool {
        self.with(|inner| std::mem::take(&mut inner.moved))
    }

    /// What values are here.
    pub(crate) fn values(&self) -> Vec<Need> {
        self.with(|inner| inner.values.keys().cloned().collect())
    }

    /// The time, in moves of connections.
    pub(crate) fn moves(&self) -> u64 {
        self.with(|inner| inner.moves)
    }

    /// Drops values that neither a living connection offered nor one of these needs asks for, the
    /// needs of all jobs that were there at the time `seen`. What was offered or left behind
    /// since may belong to a job that came later.
    pub(crate) fn keep_only(&self, needs: BTreeSet<Need>, seen: u64) {
        self.with(|inner| {
            inner.values.retain(|need, kept| {
                kept.offered_by > 0 || kept.moved > seen || needs.contains(need)
            });
            inner.wanted = needs.into_iter().collect();
        });
    }

    /// Takes note that the runner has looked at all jobs.
    pub(crate) fn looked(&self) {
        self.looked.send_replace(true);
    }

    /// The first answer says what jobs need: worth a moment, and no more where there are many.
    async fn has_looked(&self) {
        let mut looked = self.looked.subscribe();
        let _ = tokio::time::timeout(FIRST_LOOK, looked.wait_for(|looked| *looked)).await;
    }

    /// Takes note of what jobs wait for because nobody has it.
    pub(crate) fn lack(&self, lacking: Vec<Need>) {
        self.with(|inner| inner.lacking = lacking);
    }

    fn answer(&self, say: Say, visitor: &mut Visitor) -> Reply {
        let is_bell = match &say {
            Say::Hello { worker, .. } => {
                visitor.is_worker = *worker;
                false
            }
            Say::Need { .. } | Say::Free => false,
            Say::Offer { .. } | Say::Ring | Say::Changed | Say::Moved | Say::Retire => true,
        };
        visitor.has_rung = matches!(say, Say::Ring | Say::Changed);
        let reply = self.with(|inner| match say {
            Say::Hello { .. } => Reply::Hello {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                wanted: inner.wanted.clone(),
                lacking: inner.lacking.clone(),
            },
            Say::Offer { offers } => {
                inner.moves += 1;
                for Offer { need, value } in offers.into_iter().map(Offer::from) {
                    // The newest value wins; values are never compared.
                    let kept = inner.values.entry(need.clone()).or_insert_with(|| Kept {
                        value: value.clone(),
                        offered_by: 0,
                        moved: 0,
                    });
                    kept.value = value;
                    kept.moved = inner.moves;
                    if !visitor.offered.contains(&need) {
                        kept.offered_by += 1;
                        visitor.offered.push(need);
                    }
                }
                Reply::Ok
            }
            Say::Ring => Reply::Ok,
            Say::Changed => {
                inner.changed = true;
                Reply::Ok
            }
            Say::Moved => {
                inner.moved = true;
                Reply::Ok
            }
            // Answered elsewhere, since it takes the runner's loop.
            Say::Free => Reply::Next { id: None },
            Say::Need { need } => {
                let value = inner.values.get(&need).map(|kept| kept.value.expose().to_owned());
                Reply::Value { value }
            }
            Say::Retire => {
                inner.retiring = true;
                Reply::Values { values: inner.offers().iter().map(Handed::from).collect() }
            }
        });
        if is_bell {
            self.bell.notify_one();
        }
        reply
    }

    fn farewell(&self, visitor: &Visitor) {
        let is_last = self.with(|inner| {
            inner.connections -= 1;
            inner.moves += 1;
            for need in &visitor.offered {
                if let Some(kept) = inner.values.get_mut(need) {
                    kept.offered_by -= 1;
                    kept.moved = inner.moves;
                }
            }
            inner.connections == 0
        });
        // A call that was killed may have changed something; workers are watched otherwise.
        if is_last || !(visitor.is_worker || visitor.has_rung) {
            self.bell.notify_one();
        }
    }
}

/// Accepts connections until the task is dropped.
pub(crate) async fn serve(listener: UnixListener, desktop: Arc<Desktop>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely; accepting again at once would spin.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let mine = rustix::process::getuid().as_raw();
        if stream.peer_cred().is_ok_and(|peer| peer.uid() == mine) {
            desktop.with(|inner| inner.connections += 1);
            tokio::spawn(converse(stream, Arc::clone(&desktop)));
        }
    }
}

async fn converse(stream: UnixStream, desktop: Arc<Desktop>) {
    let mut visitor = Visitor::default();
    let pid = stream.peer_cred().ok().and_then(|peer| u32::try_from(peer.pid()?).ok());
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    while let Ok(Some(say)) = read::<Say>(&mut reader).await {
        if matches!(say, Say::Hello { .. }) {
            desktop.has_looked().await;
        }
        let reply = if matches!(say, Say::Free) {
            desktop.next(pid).await
        } else {
            desktop.answer(say, &mut visitor)
        };
        if write(&mut writer, &reply).await.is_err() {
            break;
        }
    }
    desktop.farewell(&visitor);
}

async fn read<T: serde::de::DeserializeOwned>(
    reader: &mut BufReader<OwnedReadHalf>,
) -> io::Result<Option<T>> {
    let limit = u64::try_from(MAX_LINE).unwrap_or(u64::MAX);
    let mut line = String::new();
    if reader.take(limit).read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    serde_json::from_str(&line).map(Some).map_err(io::Error::from)
}

async fn write<T: serde::Serialize>(writer: &mut OwnedWriteHalf, message: &T) -> io::Result<()> {
    writer.write_all(wire::line(message).as_bytes()).await
}

/// The values of a job in the foreground: those its own call has.
pub(crate) struct Given(Vec<Offer>);

impl Given {
    pub(crate) const fn new(offers: Vec<Offer>) -> Self {
        Self(offers)
    }
}

#[async_trait]
impl Values for Given {
    async fn value(&self, need: &Need) -> Option<Value> {
        self.0.iter().find(|offer| offer.need == *need).map(|offer| offer.value.clone())
    }

    fn moved(&self) {}
}

/// A worker's end: fetches values from the runner, and hands them back to a new one after its
/// own has gone.
pub(crate) struct Custody {
    wanted: mpsc::UnboundedSender<Question>,
    moved: Arc<Notify>,
}

impl Custody {
    /// Keeps a connection to the runner at this place for as long as the worker lives.
    pub(crate) fn keep(place: Place) -> Self {
        let (wanted, asked) = mpsc::unbounded_channel();
        let moved = Arc::default();
        let keeper =
            Keeper { place, asked, open: None, moved: Arc::clone(&moved), held: Vec::new() };
        tokio::spawn(keeper.run());
        Self { wanted, moved }
    }
}

#[async_trait]
impl Values for Custody {
    async fn value(&self, need: &Need) -> Option<Value> {
        let (reply, value) = oneshot::channel();
        self.wanted.send((need.clone(), reply)).ok()?;
        tokio::time::timeout(VALUE_PATIENCE, value).await.ok()?.ok()?
    }

    fn moved(&self) {
        self.moved.notify_one();
    }
}

/// A need, and whoever waits for its value.
type Question = (Need, oneshot::Sender<Option<Value>>);

struct Keeper {
    place: Place,
    asked: mpsc::UnboundedReceiver<Question>,
    open: Option<Question>,
    moved: Arc<Notify>,
    held: Vec<Offer>,
}

impl Keeper {
    async fn run(mut self) {
        loop {
            // Without a runner there is nobody to ask; a later one gets what is held here.
            let place = self.place.found();
            if matches!(place.exists(), Ok(true))
                && let Ok(stream) = UnixStream::connect(place.socket()).await
                && matches!(self.talk(stream).await, Ok(()))
            {
                return;
            }
            tokio::time::sleep(RECONNECT).await;
        }
    }

    /// Serves one connection; `Ok` once the worker wants nothing more, an error once it broke.
    async fn talk(&mut self, stream: UnixStream) -> io::Result<()> {
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        exchange(&mut reader, &mut writer, &Say::Hello { version, worker: true }).await?;
        if !self.held.is_empty() {
            let offers: Vec<Handed> = self.held.iter().map(Handed::from).collect();
            exchange(&mut reader, &mut writer, &Say::Offer { offers }).await?;
        }
        loop {
            // A question that a runner took with it goes to the next one.
            if self.open.is_some() {
                self.fetch(&mut reader, &mut writer).await?;
            }
            let asked = tokio::select! {
                asked = self.asked.recv() => asked,
                () = self.moved.notified() => {
                    exchange(&mut reader, &mut writer, &Say::Moved).await?;
                    continue;
                }
                // The runner says nothing unasked: this ends only when it goes.
                end = reader.fill_buf() => {
                    end?;
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            };
            let Some(asked) = asked else { return Ok(()) };
            self.open = Some(asked);
        }
    }

    /// Answers the open question.
    async fn fetch(
        &mut self,
        reader: &mut BufReader<OwnedReadHalf>,
        writer: &mut OwnedWriteHalf,
    ) -> io::Result<()> {
        let Some((need, _)) = &self.open else { return Ok(()) };
        let said = Say::Need { need: need.clone() };
        let value = match exchange(reader, writer, &said).await? {
            Reply::Value { value } => value.map(Value::new),
            Reply::Hello { .. } | Reply::Ok | Reply::Next { .. } | Reply::Values { .. } => None,
        };
        let Some((need, reply)) = self.open.take() else { return Ok(()) };
        if let Some(value) = &value {
            self.held.retain(|offer| offer.need != need);
            self.held.push(Offer { need, value: value.clone() });
        }
        let _ = reply.send(value);
        Ok(())
    }
}

async fn exchange(
    reader: &mut BufReader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
    say: &Say,
) -> io::Result<Reply> {
    write(writer, say).await?;
    read(reader).await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_left_behind_during_a_look_outlives_it() {
        let need = Need { connection: "github".into(), origin: "env:GH_TOKEN".into() };
        let offer = Offer { need: need.clone(), value: Value::new("secret".to_owned()) };
        let desktop = Desktop::default();
        let seen = desktop.moves();
        // A whole call, while the runner reads a list that does not yet have the call's job.
        desktop.with(|inner| inner.connections += 1);
        let mut visitor = Visitor::default();
        desktop.answer(Say::Offer { offers: vec![Handed::from(&offer)] }, &mut visitor);
        desktop.farewell(&visitor);
        desktop.keep_only(BTreeSet::new(), seen);
        assert_eq!(desktop.values(), [need]);
        // The next list has all jobs that were submitted before it was read.
        desktop.keep_only(BTreeSet::new(), desktop.moves());
        assert_eq!(desktop.values(), []);
    }
}
