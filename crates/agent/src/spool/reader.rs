//! Reads a spool from any entry that is not released yet.

use std::io;
use std::sync::Arc;

use runvoy_core::log::Seq;

use super::{BlockPlace, Consumer, Spool};
use crate::frame::Frame;

/// Most bytes taken from the spool at a time; more than the largest frame.
const READ_BYTES: usize = 128 * 1024;

/// One consumer's view of a spool.
#[derive(Debug)]
pub(crate) struct Reader {
    spool: Arc<Spool>,
    consumer: Consumer,
    next: u64,
    /// The block of the entry `next`, by its first entry, and the entry's place in it, where known.
    place: Option<(u64, usize)>,
    buffer: Vec<u8>,
    position: usize,
}

impl Reader {
    /// A reader at the first entry.
    pub(crate) fn new(spool: &Arc<Spool>, consumer: Consumer) -> Self {
        Self {
            spool: spool.clone(),
            consumer,
            next: 1,
            place: None,
            buffer: Vec::new(),
            position: 0,
        }
    }

    /// The number of the entry that is read next.
    pub(crate) fn next_seq(&self) -> Seq {
        Seq::new(self.next)
    }

    /// Goes to the entry `seq`, which must not be released, nor beyond the next one to be appended.
    pub(crate) fn seek(&mut self, seq: Seq) {
        self.next = seq.number();
        self.place = None;
        self.buffer.clear();
        self.position = 0;
    }

    /// Releases everything before `seq`.
    pub(crate) fn release(&self, seq: Seq) {
        self.spool.release(self.consumer, seq.number());
    }

    /// Releases everything, now and later: nothing more will be read.
    pub(crate) fn retire(&self) {
        self.spool.release(self.consumer, u64::MAX);
    }

    /// The next entry, without going on; `None` at the end. An error is of the file.
    pub(crate) fn peek(&mut self) -> io::Result<Option<Frame<'_>>> {
        if Frame::decode(&self.buffer[self.position..]).is_none() && !self.fill()? {
            return Ok(None);
        }
        Ok(Frame::decode(&self.buffer[self.position..]).map(|(frame, _)| frame))
    }

    /// Goes past the entry that [`Self::peek`] showed.
    pub(crate) fn advance(&mut self) {
        if let Some((_, size)) = Frame::decode(&self.buffer[self.position..]) {
            self.position += size;
            self.next += 1;
            if let Some((_, offset)) = &mut self.place {
                *offset += size;
            }
        }
    }

    /// Takes the next frames from the spool; answers whether there were any.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.clear();
        self.position = 0;
        let Some(part) = self.take_or_locate() else {
            return Ok(!self.buffer.is_empty());
        };
        // It lies in the file until it is released, so the lock is not needed.
        self.buffer.resize(part.length, 0);
        let read = self.spool.file.read(&mut self.buffer, part.offset);
        if read.is_err() {
            self.buffer.clear();
        }
        read?;
        for _ in 0..part.skip {
            let frame = Frame::decode(&self.buffer[self.position..]);
            self.position += frame.map_or(0, |(_, size)| size);
        }
        self.place = Some((part.block, part.start + self.position));
        Ok(true)
    }

    /// Takes frames that lie in memory, or says which part of the file to read.
    fn take_or_locate(&mut self) -> Option<FilePart> {
        let state = self.spool.lock();
        let index = state
            .blocks
            .partition_point(|block| block.first + block.count <= self.next);
        let block = state.blocks.get(index)?;
        let known = self.place.filter(|(first, _)| *first == block.first);
        let start = known.map_or(0, |(_, offset)| offset);
        let skip = known.map_or(self.next.saturating_sub(block.first), |_| 0);
        match &block.place {
            BlockPlace::Memory(frames) => {
                let mut offset = start;
                for _ in 0..skip {
                    offset += Frame::decode(&frames[offset..])?.1;
                }
                self.place = Some((block.first, offset));
                self.buffer.extend_from_slice(&frames[offset..]);
                None
            }
            BlockPlace::File(begin) => {
                let left = block.len - start;
                // To skip entries, the block is walked from its beginning.
                let length = if skip > 0 { left } else { left.min(READ_BYTES) };
                Some(FilePart {
                    block: block.first,
                    start,
                    offset: begin + start as u64,
                    length,
                    skip,
                })
            }
        }
    }
}

/// A part of a block that lies in the file.
#[derive(Debug, Clone, Copy)]
struct FilePart {
    /// The block's first entry.
    block: u64,
    /// Where the part begins in the block.
    start: usize,
    /// Where the part begins in the file.
    offset: u64,
    length: usize,
    /// Entries of the part that are not wanted.
    skip: u64,
}
