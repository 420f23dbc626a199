//! All that a node can see and do while one of its handlers runs.

use std::time::Duration;

use crate::claim::{Claim, Role};
use crate::kernel::ids::{Generation, NodeId};
use crate::kernel::random::Stream;
use crate::kernel::time::{ClockLine, Instant, LocalTime, WallReading};
use crate::node::disk::{DiskAction, DiskDriver, DiskError, DiskTicket, FileId, Open, Timed};
use crate::node::effects::{Effect, Effects};
use crate::node::timers::Timers;
use crate::node::{Node, Reply, ReplyToken};

/// A node's view of its machine during one handler.
///
/// A handler begins when its processor time has passed (none, by default), and then time passes within it only through
/// the disk: after `ctx.disk().sync(file)?` that took 3 ms, [`now`](Self::now) is 3 ms later, and what the handler does
/// next happens then.
pub struct Context<'a, N: Node> {
    pub(crate) node: NodeId,
    pub(crate) nodes: u32,
    pub(crate) moment: Instant,
    pub(crate) clock: &'a ClockLine,
    pub(crate) random: &'a mut Stream,
    pub(crate) disk: &'a mut dyn DiskDriver,
    pub(crate) timers: &'a mut Timers<N::Timer>,
    pub(crate) effects: &'a mut Effects<N>,
    pub(crate) first_start: bool,
    pub(crate) tracing: bool,
}

impl<N: Node> Context<'_, N> {
    /// This node.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.node
    }

    /// How many nodes the cluster was declared with, this one included.
    #[must_use]
    pub const fn cluster_size(&self) -> usize {
        self.nodes as usize
    }

    /// All declared nodes, this one included, in order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<N> {
        (0..self.nodes).map(NodeId)
    }

    /// All declared nodes but this one, in order.
    pub fn peers(&self) -> impl Iterator<Item = NodeId> + use<N> {
        let me = self.node;
        self.nodes().filter(move |&node| node != me)
    }

    /// Whether this node was never started before: no earlier `on_start` came to its end, so no earlier life of the node
    /// has promised anything to anybody. At any later start an empty disk means that the disk was lost.
    #[must_use]
    pub const fn is_first_start(&self) -> bool {
        self.first_start
    }

    /// What this node's monotonic clock shows. It drifts, and it starts anew with each boot, but it never goes back.
    #[must_use]
    pub fn now(&self) -> LocalTime {
        self.clock.local(self.moment)
    }

    /// What this node's wall clock shows, with its stated error bound. It may be wrong, and may go back.
    #[must_use]
    pub fn wall_clock(&self) -> WallReading {
        self.clock.wall(self.moment)
    }

    /// This node's own source of chance.
    pub fn random(&mut self) -> &mut Stream {
        self.random
    }

    /// Sends a message to a node. It may be lost, delayed, duplicated or damaged on the way, as the network
    /// decides; a message to itself arrives at once, after this handler.
    pub fn send(&mut self, to: NodeId, message: N::Message) {
        self.effect(Effect::Send(to, message));
    }

    /// Sends a message to all peers.
    pub fn broadcast(&mut self, message: &N::Message) {
        for peer in self.peers() {
            self.send(peer, message.clone());
        }
    }

    /// Lets `on_timer(timer)` be called after `delay` on this node's monotonic clock. A timer of the same value that
    /// is already set is moved, and one that ran out while the node was busy is not heard of any more.
    ///
    /// The clock goes on while the node is paused: a pause in the middle of a handler puts off what the handler does
    /// later, but not the timers that it sets.
    pub fn set_timer(&mut self, timer: N::Timer, delay: Duration) {
        self.timers.set(timer, self.moment + self.clock.true_span(delay));
    }

    /// Forgets a timer, if it is set: `on_timer` is not called for it, even if it ran out while the node was busy.
    pub fn cancel_timer(&mut self, timer: N::Timer) {
        self.timers.cancel(timer);
    }

    /// Answers a client. The token of a request works once for each attempt; an answer to an attempt that the
    /// client has given up is ignored by the client.
    pub fn reply(&mut self, token: ReplyToken, reply: Reply) {
        self.effect(Effect::Reply(token, reply));
    }

    /// This node's disk.
    pub fn disk(&mut self) -> Disk<'_, N> {
        Disk { driver: self.disk, moment: &mut self.moment, effects: self.effects }
    }

    /// Claims something to the checkers.
    pub fn claim(&mut self, claim: impl Into<Claim>) {
        self.effect(Effect::Claim(claim.into()));
    }

    /// Claims a role in a generation: what `election-safety` judges and faults aimed at `leader` look for.
    pub fn claim_role(&mut self, generation: Generation, role: Role) {
        self.claim(Claim::Role { generation, role });
    }

    /// Says that the run reached something worth covering, for example `wal.torn-tail-cut`. A scenario lists the
    /// marks without which it has tested nothing.
    pub fn mark(&mut self, name: &'static str) {
        self.effect(Effect::Mark(name));
    }

    /// Puts a remark into the trace. It is only formatted if a trace is asked for.
    pub fn note(&mut self, text: impl FnOnce() -> String) {
        if self.tracing {
            self.effect(Effect::Note(text()));
        }
    }

    /// Stops this node now, as a process that exits because it must not go on (its disk is damaged, say). The handler
    /// runs on, but nothing that it does after this happens.
    pub fn stop(&mut self, reason: &'static str) {
        self.effect(Effect::Stop(reason));
    }

    fn effect(&mut self, effect: Effect<N>) {
        self.effects.list.push((self.moment, effect));
    }
}

/// The disk, in line: each operation returns its result at once and takes virtual time.
pub struct Disk<'a, N: Node> {
    driver: &'a mut dyn DiskDriver,
    moment: &'a mut Instant,
    effects: &'a mut Effects<N>,
}

#[cfg(test)]
impl<'a, N: Node> Disk<'a, N> {
    /// A disk outside of any simulation.
    pub(crate) fn over(
        driver: &'a mut dyn DiskDriver,
        moment: &'a mut Instant,
        effects: &'a mut Effects<N>,
    ) -> Self {
        Self { driver, moment, effects }
    }
}

impl<N: Node> Disk<'_, N> {
    /// Opens or creates a file. A created file's name is durable after [`sync_directory`](Self::sync_directory).
    ///
    /// # Errors
    /// `NotFound`, `Exists` as `how` says; `WrongKind` for a directory; `Full`, `Write`.
    pub fn open(&mut self, path: &str, how: Open) -> Result<FileId, DiskError> {
        let timed = self.driver.open(*self.moment, path, how);
        self.ended(DiskAction::Open, 0, timed)
    }

    /// Closes a file. Closing syncs nothing.
    pub fn close(&mut self, file: FileId) {
        self.driver.close(file);
    }

    /// The length of a file, in bytes.
    ///
    /// # Errors
    /// `Read`.
    pub fn len(&mut self, file: FileId) -> Result<u64, DiskError> {
        let timed = self.driver.len(*self.moment, file);
        self.ended(DiskAction::Read, 0, timed)
    }

    /// Reads from `offset` on, until the buffer is full or the file ends; returns how many bytes were read.
    ///
    /// # Errors
    /// `Read`.
    pub fn read(
        &mut self,
        file: FileId,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, DiskError> {
        let timed = self.driver.read(*self.moment, file, offset, buffer);
        let bytes = timed.result.unwrap_or(0) as u64;
        self.ended(DiskAction::Read, bytes, timed)
    }

    /// Reads a whole file by name.
    ///
    /// # Errors
    /// `NotFound`, `WrongKind`, `Read`.
    pub fn read_all(&mut self, path: &str) -> Result<Vec<u8>, DiskError> {
        let file = self.open(path, Open::Existing)?;
        let result = self.len(file).and_then(|len| {
            let mut bytes = vec![0; len as usize];
            let read = self.read(file, 0, &mut bytes)?;
            bytes.truncate(read);
            Ok(bytes)
        });
        self.close(file);
        result
    }

    /// Writes all bytes at `offset`, into the cache.
    ///
    /// # Errors
    /// `Full`, `Write`; a prefix of the bytes may have been written.
    pub fn write(&mut self, file: FileId, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let timed = self.driver.write(*self.moment, file, offset, bytes);
        self.ended(DiskAction::Write, bytes.len() as u64, timed)
    }

    /// Writes all bytes at the end of the file, into the cache; returns the offset at which they begin.
    ///
    /// # Errors
    /// `Full`, `Write`; a prefix of the bytes may have been written.
    pub fn append(&mut self, file: FileId, bytes: &[u8]) -> Result<u64, DiskError> {
        let timed = self.driver.append(*self.moment, file, bytes);
        self.ended(DiskAction::Write, bytes.len() as u64, timed)
    }

    /// Cuts the file, or extends it with zeros.
    ///
    /// # Errors
    /// `Full`, `Write`.
    pub fn set_len(&mut self, file: FileId, len: u64) -> Result<(), DiskError> {
        let timed = self.driver.set_len(*self.moment, file, len);
        self.ended(DiskAction::SetLength, 0, timed)
    }

    /// Makes the file's content and length durable.
    ///
    /// # Errors
    /// `Sync`: the unsynced writes are lost, and no later sync brings them back.
    pub fn sync(&mut self, file: FileId) -> Result<(), DiskError> {
        let timed = self.driver.sync(*self.moment, file);
        self.ended(DiskAction::Sync, 0, timed)
    }

    /// Starts to make durable what was written to the file so far, and does not wait: `on_disk` tells the end.
    pub fn start_sync(&mut self, file: FileId) -> DiskTicket {
        let (ticket, end) = self.driver.start_sync(*self.moment, file);
        self.effects.list.push((*self.moment, Effect::Background(ticket, end)));
        ticket
    }

    /// Creates a directory; its parent must exist.
    ///
    /// # Errors
    /// `Exists`, `NotFound`, `WrongKind`, `Full`, `Write`.
    pub fn create_directory(&mut self, path: &str) -> Result<(), DiskError> {
        let timed = self.driver.create_directory(*self.moment, path);
        self.ended(DiskAction::Directory, 0, timed)
    }

    /// The names in a directory, sorted.
    ///
    /// # Errors
    /// `NotFound`, `WrongKind`, `Read`.
    pub fn list(&mut self, path: &str) -> Result<Vec<String>, DiskError> {
        let timed = self.driver.list(*self.moment, path);
        self.ended(DiskAction::Directory, 0, timed)
    }

    /// Makes the entries of a directory durable: what was created, renamed or removed in it. The root is `""`.
    ///
    /// # Errors
    /// `NotFound`, `WrongKind`, `Sync`.
    pub fn sync_directory(&mut self, path: &str) -> Result<(), DiskError> {
        let timed = self.driver.sync_directory(*self.moment, path);
        self.ended(DiskAction::SyncDirectory, 0, timed)
    }

    /// Renames a file, replacing what has the new name. Atomic, but durable only after the directories are synced.
    ///
    /// # Errors
    /// `NotFound`, `WrongKind`, `Write`.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        let timed = self.driver.rename(*self.moment, from, to);
        self.ended(DiskAction::Rename, 0, timed)
    }

    /// Removes a file or an empty directory.
    ///
    /// # Errors
    /// `NotFound`, `WrongKind`, `Write`.
    pub fn remove(&mut self, path: &str) -> Result<(), DiskError> {
        let timed = self.driver.remove(*self.moment, path);
        self.ended(DiskAction::Remove, 0, timed)
    }

    /// Says that the run reached something worth covering, as [`Context::mark`] does.
    pub fn mark(&mut self, name: &'static str) {
        self.effects.list.push((*self.moment, Effect::Mark(name)));
    }

    fn ended<T>(
        &mut self,
        action: DiskAction,
        bytes: u64,
        timed: Timed<T>,
    ) -> Result<T, DiskError> {
        *self.moment = *self.moment + timed.took;
        let error = timed.result.as_ref().err().copied();
        self.effects.list.push((*self.moment, Effect::Disk { action, bytes, error }));
        timed.result
    }
}
