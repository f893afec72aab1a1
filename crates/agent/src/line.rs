//! Cuts a stream of bytes into entries: at line feeds, and where a line grows longer than an entry may be.

use runvoy_core::log::MAX_ENTRY_BYTES;

/// Takes an entry: its text, and whether a line feed follows it.
pub(crate) type Sink<'a> = dyn FnMut(&str, bool) + 'a;

/// The splitter of one stream. Texts and ends of its entries, joined, are the stream with invalid UTF-8 as U+FFFD.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    /// The text of the unfinished line, as far as it has not gone out.
    line: String,
    /// The beginning of a character that is not whole yet: at most three bytes.
    tail: Vec<u8>,
}

impl Splitter {
    /// Takes the next bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8], sink: &mut Sink<'_>) {
        if self.tail.is_empty() {
            return self.decode(bytes, sink);
        }
        let mut joined = std::mem::take(&mut self.tail);
        joined.extend_from_slice(bytes);
        self.decode(&joined, sink);
    }

    /// Whether an unfinished line waits to go out.
    pub(crate) fn has_partial(&self) -> bool {
        !self.line.is_empty()
    }

    /// Lets the unfinished line go out as it is.
    pub(crate) fn flush_partial(&mut self, sink: &mut Sink<'_>) {
        if !self.line.is_empty() {
            sink(&self.line, false);
            self.line.clear();
        }
    }

    /// The stream has ended.
    pub(crate) fn finish(&mut self, sink: &mut Sink<'_>) {
        if !self.tail.is_empty() {
            let tail = std::mem::take(&mut self.tail);
            self.split(&String::from_utf8_lossy(&tail), sink);
        }
        self.flush_partial(sink);
    }

    fn decode(&mut self, mut bytes: &[u8], sink: &mut Sink<'_>) {
        loop {
            match std::str::from_utf8(bytes) {
                Ok(text) => return self.split(text, sink),
                Err(error) => {
                    let (valid, rest) = bytes.split_at(error.valid_up_to());
                    self.split(&String::from_utf8_lossy(valid), sink);
                    let Some(length) = error.error_len() else {
                        rest.clone_into(&mut self.tail);
                        return;
                    };
                    self.split("\u{fffd}", sink);
                    bytes = &rest[length..];
                }
            }
        }
    }

    fn split(&mut self, text: &str, sink: &mut Sink<'_>) {
        let mut rest = text;
        while let Some(end) = rest.find('\n') {
            let (piece, after) = (&rest[..end], &rest[end + 1..]);
            if self.line.is_empty() && piece.len() <= MAX_ENTRY_BYTES {
                sink(piece, true);
            } else {
                self.extend(piece, sink);
                sink(&self.line, true);
                self.line.clear();
            }
            rest = after;
        }
        if !rest.is_empty() {
            self.extend(rest, sink);
        }
    }

    /// Adds text without a line feed to the line; what no longer fits one entry goes out, never in the middle of a character.
    fn extend(&mut self, mut text: &str, sink: &mut Sink<'_>) {
        while self.line.len() + text.len() > MAX_ENTRY_BYTES {
            let cut = text.floor_char_boundary(MAX_ENTRY_BYTES - self.line.len());
            self.line.push_str(&text[..cut]);
            sink(&self.line, false);
            self.line.clear();
            text = &text[cut..];
        }
        self.line.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(chunks: &[&[u8]], flush_after_each: bool) -> Vec<(String, bool)> {
        let mut splitter = Splitter::default();
        let mut entries = Vec::new();
        let mut sink = |text: &str, has_end: bool| entries.push((text.to_owned(), has_end));
        for chunk in chunks {
            splitter.feed(chunk, &mut sink);
            if flush_after_each {
                splitter.flush_partial(&mut sink);
            }
        }
        splitter.finish(&mut sink);
        entries
    }

    fn raw(entries: &[(String, bool)]) -> String {
        let lines = entries
            .iter()
            .map(|(text, has_end)| format!("{text}{}", if *has_end { "\n" } else { "" }));
        lines.collect()
    }

    #[test]
    fn lines_end_at_line_feeds_alone() {
        let got = entries(&[b"a\r10%\rb\n\nlast"], false);
        let expected = [("a\r10%\rb", true), ("", true), ("last", false)];
        assert_eq!(got, expected.map(|(text, end)| (text.to_owned(), end)));
    }

    #[test]
    fn a_line_of_exactly_one_entry_is_not_cut() {
        let line = "x".repeat(MAX_ENTRY_BYTES);
        assert_eq!(entries(&[line.as_bytes(), b"\n"], false), [(line, true)]);
    }

    #[test]
    fn a_longer_line_is_cut_between_characters() {
        let line = format!("x{}", "é".repeat(MAX_ENTRY_BYTES));
        let got = entries(&[line.as_bytes(), b"\n"], false);
        assert_eq!(got.len(), 3);
        assert_eq!(got[0].0.len(), MAX_ENTRY_BYTES - 1);
        assert_eq!(raw(&got), format!("{line}\n"));
    }

    #[test]
    fn a_character_that_is_not_whole_waits_for_its_rest() {
        let got = entries(&[b"a\xe2", b"\x82", b"\xacb\n"], true);
        assert_eq!(raw(&got), "a€b\n");
    }

    #[test]
    fn a_character_that_never_gets_whole_is_replaced_at_the_end() {
        assert_eq!(
            entries(&[b"a\xe2\x82"], false),
            [("a\u{fffd}".to_owned(), false)]
        );
    }

    proptest! {
        #[test]
        fn texts_and_ends_are_the_stream_however_it_is_cut(
            bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(0xe2), Just(0x82), Just(0xac)], 0..600),
            cuts in proptest::collection::vec(0_usize..600, 0..6),
            flush in any::<bool>(),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(raw(&entries(&chunks, flush)), String::from_utf8_lossy(&bytes).into_owned());
        }

        #[test]
        fn no_entry_is_longer_than_it_may_be(length in 0_usize..200_000, chunk in 1_usize..70_000, byte in prop_oneof![Just(b'x'), Just(0xff)]) {
            let bytes = vec![byte; length];
            let chunks: Vec<&[u8]> = bytes.chunks(chunk).collect();
            let got = entries(&chunks, false);
            prop_assert!(got.iter().all(|(text, _)| text.len() <= MAX_ENTRY_BYTES));
            prop_assert_eq!(raw(&got).len(), String::from_utf8_lossy(&bytes).len());
        }
    }
}
