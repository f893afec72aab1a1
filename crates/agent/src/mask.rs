//! Replaces secrets in a stream of bytes by `***`, however the stream is cut.

mod encodings;

use std::sync::Arc;

use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, BuildError, MatchKind};

/// What stands for a secret.
const MASK: &[u8] = b"***";

/// Takes masked bytes.
pub(crate) type Sink<'a> = dyn FnMut(&[u8]) + 'a;

/// All spellings of all secrets, ready to be searched for. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Secrets(Option<Arc<Search>>);

#[derive(Debug)]
struct Search {
    nfa: NFA,
    start: StateID,
    /// The automaton's states, sorted, each with the length of the longest beginning of a pattern that it stands for.
    depths: Vec<(StateID, u32)>,
}

impl Secrets {
    /// Prepares the search for `values` in their usual encodings. Fails where they are too many for the search.
    pub(crate) fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Result<Self, BuildError> {
        let patterns = encodings::patterns(values);
        if patterns.is_empty() {
            return Ok(Self(None));
        }
        let mut builder = NFA::builder();
        builder.match_kind(MatchKind::Standard).prefilter(false);
        let nfa = builder.build(&patterns)?;
        let start = nfa.start_state(Anchored::No).unwrap_or_default();
        let mut depths = Vec::new();
        for pattern in &patterns {
            let mut state = start;
            for (index, byte) in pattern.iter().enumerate() {
                state = nfa.next_state(Anchored::No, state, *byte);
                depths.push((state, u32::try_from(index + 1).unwrap_or(u32::MAX)));
            }
        }
        depths.sort_unstable();
        depths.dedup();
        depths.shrink_to_fit();
        Ok(Self(Some(Arc::new(Search { nfa, start, depths }))))
    }

    /// Masks a whole text.
    pub(crate) fn mask(&self, text: &str) -> String {
        let mut out = Vec::with_capacity(text.len());
        let mut masker = Masker::new(self);
        let mut sink = |bytes: &[u8]| out.extend_from_slice(bytes);
        masker.feed(text.as_bytes(), &mut sink);
        masker.finish(&mut sink);
        String::from_utf8_lossy(&out).into_owned()
    }
}

impl Search {
    fn depth(&self, state: StateID) -> u64 {
        let found = self
            .depths
            .binary_search_by_key(&state, |(state, _)| *state);
        found.map_or(0, |index| u64::from(self.depths[index].1))
    }

    fn longest_match(&self, state: StateID) -> u64 {
        let matches = 0..self.nfa.match_len(state);
        let lengths =
            matches.map(|index| self.nfa.pattern_len(self.nfa.match_pattern(state, index)));
        lengths.max().unwrap_or(0) as u64
    }
}

/// The masker of one stream. Positions count from the beginning of the stream.
#[derive(Debug)]
pub(crate) struct Masker {
    secrets: Secrets,
    state: StateID,
    /// The end of what was taken.
    taken: u64,
    /// The undecided end of the stream: it may begin a secret. Never longer than the longest pattern.
    held: Vec<u8>,
    /// Matches whose beginning is not settled, in order, merged where they overlap.
    matches: Vec<(u64, u64)>,
    /// Everything before is covered by masks that went out, or went out itself.
    covered: u64,
}

impl Masker {
    /// A masker at the beginning of a stream.
    pub(crate) fn new(secrets: &Secrets) -> Self {
        Self {
            state: secrets
                .0
                .as_ref()
                .map(|search| search.start)
                .unwrap_or_default(),
            secrets: secrets.clone(),
            taken: 0,
            held: Vec::new(),
            matches: Vec::new(),
            covered: 0,
        }
    }

    /// Takes the next bytes; gives all that is decided.
    pub(crate) fn feed(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        let Some(search) = self.secrets.0.clone() else {
            return sink(bytes);
        };
        self.search(&search, bytes);
        let safe = self.taken - search.depth(self.state);
        if self.held.is_empty() {
            let kept = self.settle(safe, bytes, sink);
            self.held.extend_from_slice(&bytes[kept..]);
        } else {
            let mut text = std::mem::take(&mut self.held);
            text.extend_from_slice(bytes);
            let kept = self.settle(safe, &text, sink);
            text.drain(..kept);
            self.held = text;
        }
    }

    /// The stream has ended: what was held back is no secret.
    pub(crate) fn finish(&mut self, sink: &mut Sink<'_>) {
        let text = std::mem::take(&mut self.held);
        self.settle(self.taken, &text, sink);
    }

    fn search(&mut self, search: &Search, bytes: &[u8]) {
        let mut state = self.state;
        for (index, byte) in bytes.iter().enumerate() {
            state = search.nfa.next_state(Anchored::No, state, *byte);
            if search.nfa.is_special(state) && search.nfa.is_match(state) {
                let end = self.taken + index as u64 + 1;
                add(&mut self.matches, end - search.longest_match(state), end);
            }
        }
        self.state = state;
        self.taken += bytes.len() as u64;
    }

    /// Lets go what no later match can reach: everything before `safe`. `text` ends where the stream stands.
    /// Answers how much of `text` is done with.
    fn settle(&mut self, safe: u64, text: &[u8], sink: &mut Sink<'_>) -> usize {
        let base = self.taken - text.len() as u64;
        let at = |position: u64| usize::try_from(position - base).unwrap_or(usize::MAX);
        let mut cursor = self.covered.max(base);
        let settled = self.matches.partition_point(|(start, _)| *start < safe);
        for (start, end) in self.matches.drain(..settled) {
            // A match that overlaps one whose mask went out already belongs to the same mask.
            if start >= self.covered {
                if cursor < start {
                    sink(&text[at(cursor)..at(start)]);
                }
                sink(MASK);
            }
            self.covered = self.covered.max(end);
            cursor = cursor.max(end);
        }
        if cursor < safe {
            sink(&text[at(cursor)..at(safe)]);
            cursor = safe;
        }
        at(cursor)
    }
}

/// Adds a match that ends last of all, merged with those that it overlaps.
fn add(matches: &mut Vec<(u64, u64)>, mut start: u64, end: u64) {
    while let Some((last_start, _)) = matches.pop_if(|(_, last_end)| *last_end > start) {
        start = start.min(last_start);
    }
    matches.push((start, end));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn masked(secrets: &Secrets, chunks: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut masker = Masker::new(secrets);
        let mut sink = |bytes: &[u8]| out.extend_from_slice(bytes);
        for chunk in chunks {
            masker.feed(chunk, &mut sink);
        }
        masker.finish(&mut sink);
        out
    }

    /// Every occurrence of every pattern, merged where they overlap, replaced: in one go, by brute force.
    fn model(patterns: &[Vec<u8>], text: &[u8]) -> Vec<u8> {
        let mut spans: Vec<(usize, usize)> = Vec::new();
        for pattern in patterns {
            let found = (0..text.len()).filter(|start| text[*start..].starts_with(pattern));
            spans.extend(found.map(|start| (start, start + pattern.len())));
        }
        spans.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::new();
        for (start, end) in spans {
            match merged.last_mut() {
                Some(last) if start < last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        let (mut out, mut cursor) = (Vec::new(), 0);
        for (start, end) in merged {
            out.extend_from_slice(&text[cursor..start]);
            out.extend_from_slice(MASK);
            cursor = end;
        }
        out.extend_from_slice(&text[cursor..]);
        out
    }

    #[test]
    fn a_secret_is_masked_across_chunks_and_lines() {
        let secrets = Secrets::new(["top\nsecret"]).unwrap();
        let got = masked(&secrets, &[b"a to", b"p", b"\nsec", b"ret b top x"]);
        assert_eq!(got, b"a *** b top x");
    }

    #[test]
    fn without_secrets_nothing_is_held_back() {
        let mut masker = Masker::new(&Secrets::new([]).unwrap());
        let mut out = Vec::new();
        masker.feed(b"partial", &mut |bytes| out.extend_from_slice(bytes));
        assert_eq!(out, b"partial");
    }

    #[test]
    fn only_what_may_begin_a_secret_is_held_back() {
        let mut masker = Masker::new(&Secrets::new(["hunter22"]).unwrap());
        let mut out = Vec::new();
        masker.feed(b"password: hunt", &mut |bytes| out.extend_from_slice(bytes));
        assert_eq!(out, b"password: ");
        masker.feed(b"ing", &mut |bytes| out.extend_from_slice(bytes));
        assert_eq!(out, b"password: hunting");
    }

    #[test]
    fn an_endless_run_of_overlapping_secrets_takes_no_memory() {
        let mut masker = Masker::new(&Secrets::new(["aaaa"]).unwrap());
        let mut out = Vec::new();
        for _ in 0..1000 {
            masker.feed(&[b'a'; 1000], &mut |bytes| out.extend_from_slice(bytes));
            assert!(masker.held.len() < 8 && masker.matches.len() < 8);
        }
        masker.finish(&mut |bytes| out.extend_from_slice(bytes));
        assert_eq!(out, b"***");
    }

    proptest! {
        #[test]
        fn masking_is_that_of_the_model_however_the_stream_is_cut(
            values in proptest::collection::vec("[ab]{4,7}", 1..5),
            text in proptest::collection::vec(prop_oneof![4 => Just(b'a'), 4 => Just(b'b'), 1 => any::<u8>()], 0..200),
            cuts in proptest::collection::vec(0_usize..200, 0..8),
        ) {
            let secrets = Secrets::new(values.iter().map(String::as_str)).unwrap();
            let patterns = encodings::patterns(values.iter().map(String::as_str));
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            prop_assert_eq!(masked(&secrets, &chunks), model(&patterns, &text));
        }
    }
}
