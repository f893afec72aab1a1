//! Whether what was printed is what a document says, ids and times aside.

/// Stands for any text in a line, and alone in a line for any lines.
const ANYTHING: char = '…';

/// Where the output first leaves what is expected.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Index of the expected line.
    pub(super) at: usize,
    /// That line, unless nothing more was expected.
    pub(super) expected: Option<String>,
    /// The line that was printed, unless nothing more was.
    pub(super) printed: Option<String>,
}

/// Compares line by line; `None` where they are the same.
pub(super) fn difference(expected: &str, printed: &str) -> Option<Difference> {
    let expected = plain_lines(expected);
    let printed = plain_lines(printed);
    let mut furthest = (0, 0);
    if lines_match(&expected, &printed, (0, 0), &mut furthest) {
        return None;
    }
    let (at, reached) = furthest;
    Some(Difference {
        at,
        expected: expected.get(at).cloned(),
        printed: printed.get(reached).cloned(),
    })
}

fn lines_match(
    expected: &[String],
    printed: &[String],
    (at, reached): (usize, usize),
    furthest: &mut (usize, usize),
) -> bool {
    *furthest = (*furthest).max((at, reached));
    let Some(line) = expected.get(at) else {
        return reached == printed.len();
    };
    if line.trim() == ANYTHING.to_string() {
        return (reached..=printed.len())
            .any(|next| lines_match(expected, printed, (at + 1, next), furthest));
    }
    printed
        .get(reached)
        .is_some_and(|got| line_matches(line, got))
        && lines_match(expected, printed, (at + 1, reached + 1), furthest)
}

/// Whether a line is the pattern's, whose `…` stand for any text.
fn line_matches(pattern: &str, line: &str) -> bool {
    let Some((first, rest)) = pattern.split_once(ANYTHING) else {
        return pattern == line;
    };
    let Some(mut line) = line.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split(ANYTHING).collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match line.split_once(part) {
            Some((_, after)) => line = after,
            None => return false,
        }
    }
    line.ends_with(last)
}

/// The lines with what differs from run to run replaced by its name.
fn plain_lines(text: &str) -> Vec<String> {
    text.trim_end().lines().map(plain).collect()
}

/// The line with ids, dates, times of day, ports and durations in columns made equal, and columns two spaces apart.
fn plain(line: &str) -> String {
    let mut rest = line.trim_end();
    let mut plain = String::new();
    while let Some(first) = rest.chars().next() {
        let is_inside = plain.ends_with(|end: char| end.is_ascii_alphanumeric());
        let is_column = plain.ends_with("  ");
        let (length, shown) = if let (Some(length), false) = (id(rest), is_inside) {
            (length, "<id>")
        } else if let (Some(length), false) = (date(rest), is_inside) {
            (length, "<date>")
        } else if let (Some(length), false) = (time(rest), is_inside && !plain.ends_with("<date>T"))
        {
            (length, "<time>")
        } else if let (Some(length), true) = (duration(rest), is_column) {
            (length, "<duration>")
        } else if let (Some(length), true) = (digits(rest), plain.ends_with("127.0.0.1:")) {
            (length, "<port>")
        } else if rest.starts_with("  ") {
            (rest.len() - rest.trim_start_matches(' ').len(), "  ")
        } else {
            (first.len_utf8(), &rest[..first.len_utf8()])
        };
        plain.push_str(shown);
        rest = &rest[length..];
    }
    plain
}

/// Length of the 32 hex digits that the text begins with.
fn id(text: &str) -> Option<usize> {
    shape(text, "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh")
}

fn date(text: &str) -> Option<usize> {
    shape(text, "dddd-dd-dd")
}

/// Length of the time of day that the text begins with, parts of a second too.
fn time(text: &str) -> Option<usize> {
    let length = shape(text, "dd:dd:dd")?;
    let parts = text[length..].strip_prefix('.').and_then(digits);
    Some(length + parts.map_or(0, |parts| parts + 1))
}

fn digits(text: &str) -> Option<usize> {
    let length = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    (length > 0).then_some(length)
}

/// Length of a duration such as `2s`, `1.5s` or `1h2m` that is all there is up to the next space.
fn duration(text: &str) -> Option<usize> {
    let word = text.split(' ').next().unwrap_or_default();
    let mut rest = word;
    while let Some(length) = digits(rest) {
        rest = rest[length..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
        let unit = ["ms", "h", "m", "s"]
            .into_iter()
            .find(|unit| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
    }
    (rest.is_empty() && !word.is_empty()).then_some(word.len())
}

/// The length of the shape, if the text begins with a digit for each `d`, a hex digit for each `h`, and the rest as it is.
fn shape(text: &str, shape: &str) -> Option<usize> {
    let mut bytes = text.bytes();
    let is_there = shape.bytes().all(|wanted| {
        bytes.next().is_some_and(|byte| match wanted {
            b'd' => byte.is_ascii_digit(),
            b'h' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            _ => byte == wanted,
        })
    });
    is_there.then_some(shape.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_id_time_port_or_column_width_is_the_same_output() {
        let one = "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c  2025-10-30 13:32:48  3s  é ok  \n2025-10-30T13:32:48Z at http://127.0.0.1:56212";
        let two = "ffffffffffffffffffffffffffffffff   2026-01-01 00:00:00.123  1h2m    é ok\n2026-01-01T00:00:00.123Z at http://127.0.0.1:1";
        assert_eq!(difference(one, two), None);
    }

    #[test]
    fn other_numbers_are_another_output() {
        let here = |expected: &str, printed: &str| Difference {
            at: 0,
            expected: Some(expected.to_owned()),
            printed: Some(printed.to_owned()),
        };
        assert_eq!(
            difference("exit 1", "exit 2"),
            Some(here("exit 1", "exit 2"))
        );
        assert_eq!(
            difference("limit of 1s", "limit of 2s"),
            Some(here("limit of 1s", "limit of 2s"))
        );
        assert!(difference("a", "a\nb").is_some());
        assert!(difference("a\nb", "a").is_some());
        assert!(difference("", "a").is_some());
    }

    #[test]
    fn dots_stand_for_any_text_in_a_line_and_alone_for_any_lines() {
        assert_eq!(difference("key rvy_… (…)", "key rvy_abc (1)"), None);
        assert!(difference("key rvy_… (…)", "key rvc_abc (1)").is_some());
        assert!(difference("a…b", "a b c").is_some());
        assert_eq!(difference("a\n…\nz", "a\nz"), None);
        assert_eq!(difference("a\n…\nz", "a\n1\n2\nz"), None);
        assert_eq!(difference("…", ""), None);
    }

    #[test]
    fn a_difference_is_where_the_output_leaves_what_is_expected() {
        let found = difference("a\n…\ny\nz", "a\n1\ny\nx").unwrap();
        let expected = Difference {
            at: 3,
            expected: Some("z".to_owned()),
            printed: Some("x".to_owned()),
        };
        assert_eq!(found, expected);
    }
}
