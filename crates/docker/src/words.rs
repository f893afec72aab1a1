//! Words of engines, registries and helpers, made fit to be kept and shown.

use std::iter::once;

/// Longest text that is kept, in characters.
const MAX: usize = 500;

/// The text on one line, with control characters escaped, cut where it is too long.
pub(crate) fn fit(text: &str) -> String {
    let mut shown = text.trim().chars().flat_map(shown);
    let mut kept: String = shown.by_ref().take(MAX - 1).collect();
    let rest = shown.next().map(|last| match shown.next() {
        Some(_) => '…',
        None => last,
    });
    kept.extend(rest);
    kept
}

fn shown(char: char) -> impl Iterator<Item = char> {
    let is_blank = matches!(char, '\n' | '\r' | '\t');
    let is_plain = is_blank || !char.is_control();
    let plain = once(if is_blank { ' ' } else { char }).filter(move |_| is_plain);
    plain.chain(char.escape_default().filter(move |_| !is_plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_one_line_and_not_too_long() {
        assert_eq!(fit(" a\nb\tc\r\n"), "a b c");
        assert_eq!(fit("über \"x\" \u{1b}[31m"), "über \"x\" \\u{1b}[31m");
        assert_eq!(fit(&"x".repeat(MAX)), "x".repeat(MAX));
        let cut = fit(&"ü".repeat(3_000_000));
        assert_eq!(cut, format!("{}…", "ü".repeat(MAX - 1)));
        assert_eq!(fit(&"\u{1b}".repeat(MAX)).chars().count(), MAX);
    }
}
