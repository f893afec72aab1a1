//! Entries that somebody still needs: numbered here, in memory up to a bound, beyond it in an unlinked file.
//!
//! The pusher and the second copy read the same spool, each at its own pace; neither waits for the other.
//! Only where the file cannot grow, whoever appends waits, and so the command's pipe fills.

mod file;
mod reader;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::frame::Batch;
use file::SpoolFile;
pub(crate) use reader::Reader;

/// Bytes kept in memory.
const MEMORY_BYTES: usize = 4 * 1024 * 1024;
/// A block in memory takes further batches up to this size.
const BLOCK_BYTES: usize = 64 * 1024;
/// A block in the file takes adjacent batches up to this size: seeking walks through a block from its beginning.
const FILE_BLOCK_BYTES: usize = 1024 * 1024;
/// How often a full disk is tried again.
const FULL_DISK_PAUSE: Duration = Duration::from_millis(500);

/// Who reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consumer {
    /// What sends entries to the control plane.
    Pusher = 0,
    /// What writes the second copy.
    Copy = 1,
}

/// The spool of one run.
#[derive(Debug)]
pub(crate) struct Spool {
    state: Mutex<State>,
    file: SpoolFile,
    memory_limit: usize,
    /// Told when something became readable, or the end came: for threads.
    readable: Condvar,
    /// The same, for the pusher.
    pub(crate) appended: Notify,
    /// Told when something was released.
    released: Condvar,
}

/// Where the spool stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The number of the next entry.
    pub(crate) next: u64,
    /// Bytes appended since the beginning.
    pub(crate) bytes: u64,
    /// Nothing will be appended any more.
    pub(crate) is_closed: bool,
}

#[derive(Debug)]
struct State {
    blocks: VecDeque<Block>,
    next: u64,
    bytes: u64,
    memory: usize,
    file_end: u64,
    is_writing: bool,
    is_closed: bool,
    is_discarding: bool,
    /// By consumer, the first entry that it still needs.
    needed: [u64; 2],
}

#[derive(Debug)]
struct Block {
    first: u64,
    count: u64,
    len: usize,
    place: BlockPlace,
}

#[derive(Debug)]
enum BlockPlace {
    Memory(Vec<u8>),
    File(u64),
}

impl Spool {
    /// An empty spool whose file, made when it is needed, lies in `dir` and grows to `file_limit` bytes.
    pub(crate) fn new(dir: PathBuf, file_limit: u64) -> Arc<Self> {
        Self::with_memory(dir, file_limit, MEMORY_BYTES)
    }

    fn with_memory(dir: PathBuf, file_limit: u64, memory_limit: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                blocks: VecDeque::new(),
                next: 1,
                bytes: 0,
                memory: 0,
                file_end: 0,
                is_writing: false,
                is_closed: false,
                is_discarding: false,
                needed: [1, 1],
            }),
            file: SpoolFile::new(dir, file_limit),
            memory_limit,
            readable: Condvar::new(),
            appended: Notify::new(),
            released: Condvar::new(),
        })
    }

    /// Numbers and appends the batch, and empties it. Waits while there is room neither in memory nor in the file.
    /// Only one thread appends this way.
    pub(crate) fn append(&self, batch: &mut Batch) {
        if batch.is_empty() {
            return;
        }
        let mut state = self.lock();
        while !batch.is_empty() {
            if state.is_discarding {
                batch.clear();
            } else if state.memory + batch.frames.len() <= self.memory_limit {
                state.push_memory(batch);
            } else {
                state = self.append_to_file(state, batch);
            }
        }
        drop(state);
        self.tell_readers();
    }

    /// Numbers and appends the batch in memory whatever the bound: for the few entries of the agent's own.
    pub(crate) fn append_exempt(&self, batch: &mut Batch) {
        if !batch.is_empty() {
            self.lock().push_memory(batch);
            self.tell_readers();
        }
    }

    /// Nothing will be appended any more.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.tell_readers();
    }

    /// What is appended from now on is dropped without a number, so that nobody waits for room.
    pub(crate) fn discard(&self) {
        self.lock().is_discarding = true;
        self.released.notify_all();
    }

    /// Where it stands.
    pub(crate) fn standing(&self) -> Standing {
        self.lock().standing()
    }

    /// The consumer needs nothing before `seq` any more.
    pub(crate) fn release(&self, consumer: Consumer, seq: u64) {
        let mut state = self.lock();
        let needed = &mut state.needed[consumer as usize];
        *needed = seq.max(*needed);
        state.drop_released(&self.file);
        drop(state);
        self.released.notify_all();
    }

    /// Waits, blocking the thread, until there is an entry numbered `seq` or the spool is closed.
    pub(crate) fn wait_for(&self, seq: u64) -> Standing {
        let state = self.lock();
        let waiting = |state: &mut State| state.next <= seq && !state.is_closed;
        let state = self.readable.wait_while(state, waiting);
        state.unwrap_or_else(PoisonError::into_inner).standing()
    }

    /// Writes the batch to the file without holding the lock, so that a slow disk stops nobody but the writer.
    fn append_to_file<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        batch: &mut Batch,
    ) -> MutexGuard<'a, State> {
        let offset = state.file_end;
        state.is_writing = true;
        drop(state);
        let written = self.file.write(&batch.frames, offset);
        let mut state = self.lock();
        state.is_writing = false;
        if written.is_ok() {
            state.push_file(batch, offset);
            return state;
        }
        let waited = self.released.wait_timeout(state, FULL_DISK_PAUSE);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn tell_readers(&self) {
        self.readable.notify_all();
        self.appended.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn standing(&self) -> Standing {
        Standing {
            next: self.next,
            bytes: self.bytes,
            is_closed: self.is_closed,
        }
    }

    fn push_memory(&mut self, batch: &mut Batch) {
        let len = batch.frames.len();
        self.memory += len;
        match self.blocks.back_mut() {
            Some(Block {
                count,
                len: old,
                place: BlockPlace::Memory(frames),
                ..
            }) if *old + len <= BLOCK_BYTES => {
                frames.extend_from_slice(&batch.frames);
                *count += batch.count;
                *old += len;
            }
            _ => self.push_block(batch, BlockPlace::Memory(batch.frames.clone())),
        }
        self.count(batch);
    }

    fn push_file(&mut self, batch: &mut Batch, offset: u64) {
        let len = batch.frames.len();
        self.file_end = offset + len as u64;
        match self.blocks.back_mut() {
            Some(Block {
                count,
                len: old,
                place: BlockPlace::File(start),
                ..
            }) if *start + *old as u64 == offset && *old + len <= FILE_BLOCK_BYTES => {
                *count += batch.count;
                *old += len;
            }
            _ => self.push_block(batch, BlockPlace::File(offset)),
        }
        self.count(batch);
    }

    fn push_block(&mut self, batch: &Batch, place: BlockPlace) {
        self.blocks.push_back(Block {
            first: self.next,
            count: batch.count,
            len: batch.frames.len(),
            place,
        });
    }

    fn count(&mut self, batch: &mut Batch) {
        self.next += batch.count;
        self.bytes += batch.frames.len() as u64;
        batch.clear();
    }

    fn drop_released(&mut self, file: &SpoolFile) {
        let needed = self.needed[0].min(self.needed[1]);
        while let Some(block) = self
            .blocks
            .pop_front_if(|block| block.first + block.count <= needed)
        {
            if let BlockPlace::Memory(frames) = block.place {
                self.memory -= frames.len();
            }
        }
        let is_file_needed = self.is_writing
            || self
                .blocks
                .iter()
                .any(|block| matches!(block.place, BlockPlace::File(_)));
        if self.file_end > 0 && !is_file_needed {
            file.empty();
            self.file_end = 0;
        }
    }
}

#[cfg(test)]
mod tests;
