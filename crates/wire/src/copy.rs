//! The second copy of a log, which an agent writes to its own standard output: one line an entry, `#<seq> <letter> <text>`.
//!
//! The letter is the stream's; it is upper case where the entry has no end (the next entry of the stream goes on).
//! The copy closes with `#end <last_seq> <report>`. A last line without its line feed was cut off and does not count.

use std::io::Write as _;

use runvoy_core::log::{Seq, Stream};
use runvoy_core::outcome::Report;

/// One line of the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyLine<'a> {
    /// An entry; the copy does not say when it was written.
    Entry {
        /// Its number.
        seq: Seq,
        /// Where it comes from.
        stream: Stream,
        /// Its text.
        text: &'a str,
        /// Whether a line feed follows the text in the command's output.
        has_end: bool,
    },
    /// The copy is complete.
    End {
        /// The number of the last entry; 0 if there is none.
        last: Seq,
        /// How the command ended.
        report: Report,
    },
}

/// Reads a line without its line feed; `None` where it is no line of a copy.
pub fn parse_line(line: &str) -> Option<CopyLine<'_>> {
    let (head, rest) = line.strip_prefix('#')?.split_once(' ')?;
    if head == "end" {
        let (last, report) = rest.split_once(' ')?;
        return Some(CopyLine::End {
            last: parse_seq(last)?,
            report: report.parse().ok()?,
        });
    }
    let (letter, text) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut letters = letter.chars();
    let letter = letters.next().filter(|_| letters.as_str().is_empty())?;
    Some(CopyLine::Entry {
        seq: parse_seq(head)?,
        stream: Stream::from_letter(letter.to_ascii_lowercase())?,
        text,
        has_end: letter.is_ascii_lowercase(),
    })
}

/// Appends the line of an entry, with its line feed. `text` holds no line feed.
pub fn write_entry(out: &mut Vec<u8>, seq: Seq, stream: Stream, text: &[u8], has_end: bool) {
    let letter = if has_end {
        stream.letter()
    } else {
        stream.letter().to_ascii_uppercase()
    };
    let infallible = write!(out, "#{seq} {letter} ");
    debug_assert!(infallible.is_ok(), "a vector takes every byte");
    out.extend_from_slice(text);
    out.push(b'\n');
}

/// The line that closes the copy, with its line feed.
pub fn end_line(last: Seq, report: Report) -> String {
    format!("#end {last} {report}\n")
}

fn parse_seq(text: &str) -> Option<Seq> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok().map(Seq::new))?
}

#[cfg(test)]
mod tests {
    use runvoy_core::outcome::{EndedBy, ProcessEnd};

    use super::*;

    fn written(seq: u64, stream: Stream, text: &str, has_end: bool) -> String {
        let mut out = Vec::new();
        write_entry(&mut out, Seq::new(seq), stream, text.as_bytes(), has_end);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_format_to_the_letter() {
        assert_eq!(written(1, Stream::Stdout, "a b", true), "#1 o a b\n");
        assert_eq!(written(2, Stream::Stderr, "", false), "#2 E \n");
        let report = Report {
            ended_by: EndedBy::Itself,
            end: ProcessEnd::Exited(3),
        };
        assert_eq!(end_line(Seq::new(7), report), "#end 7 none exit 3\n");
    }

    #[test]
    fn entries_parse_as_they_are_written() {
        for stream in [Stream::Stdout, Stream::Stderr, Stream::System] {
            for text in ["", " ", "x", "a b  c ", "#end 1 none exit 0", "ü\r50 %\r"] {
                for has_end in [true, false] {
                    let line = written(42, stream, text, has_end);
                    let expected = CopyLine::Entry {
                        seq: Seq::new(42),
                        stream,
                        text,
                        has_end,
                    };
                    assert_eq!(parse_line(line.strip_suffix('\n').unwrap()), Some(expected));
                }
            }
        }
    }

    #[test]
    fn the_end_parses_as_it_is_written() {
        let report = Report {
            ended_by: EndedBy::Timeout,
            end: ProcessEnd::Signaled(9),
        };
        let line = end_line(Seq::START, report);
        let last = Seq::START;
        assert_eq!(
            parse_line(line.trim_end()),
            Some(CopyLine::End { last, report })
        );
    }

    #[test]
    fn other_lines_are_none_of_the_copy() {
        for line in [
            "",
            "#",
            "x",
            "#1",
            "#x o y",
            "#1 q y",
            "#1 oo y",
            "#end",
            "#end 1",
            "#end 1 none",
        ] {
            assert_eq!(parse_line(line), None, "{line:?}");
        }
    }
}
