//! Text of others, made safe to show: a terminal obeys control characters, so none may reach it.

use std::borrow::Cow;

/// Shows every control character and every character that turns the reading direction by its escape.
/// For names, fields and cells, which are one line by nature.
pub(crate) fn field(text: &str) -> Cow<'_, str> {
    escape_where(text, is_unsafe)
}

/// As [`field`], but for a line of output: tabs stay, and the carriage return of a CRLF goes.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    let text = text.strip_suffix('\r').unwrap_or(text);
    escape_where(text, |c| c != '\t' && is_unsafe(c))
}

fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape_where(text: &str, is_bad: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&is_bad) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_bad(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_survives_in_a_field() {
        assert_eq!(
            field("a\u{1b}]0;title\u{7}b\tc\nd\u{9b}e\u{7f}"),
            r"a\u{1b}]0;title\u{7}b\tc\nd\u{9b}e\u{7f}"
        );
        assert_eq!(field("abc\u{202e}def"), r"abc\u{202e}def");
        assert!(matches!(field("plain ü 🚀"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_line_keeps_its_tabs() {
        assert_eq!(line("a\tb\r"), "a\tb");
        assert_eq!(line("10%\r20%\u{1b}[2K"), r"10%\r20%\u{1b}[2K");
    }
}
