//! The spellings in which a secret may turn up in output.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shorter values are not masked: they would take `true` and `123` out of every log and tell what they are by it.
const MIN_SECRET_BYTES: usize = 4;
/// Shorter lines of a secret of several lines are not masked one by one.
const MIN_LINE_BYTES: usize = 8;
/// Where programs break long base64: MIME, PEM.
const BASE64_WIDTHS: [usize; 2] = [76, 64];

/// All spellings of all values, each once.
pub(super) fn patterns<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<Vec<u8>> {
    let mut patterns = BTreeSet::new();
    for value in values {
        // A value read from a file often ends with a line feed that its users cut off.
        let value = value.trim_end_matches(['\r', '\n']);
        if value.len() < MIN_SECRET_BYTES || value.trim().is_empty() {
            continue;
        }
        add_spellings(value, &mut patterns);
        if value.contains('\n') {
            let lines = value.lines().map(str::trim);
            for line in lines.filter(|line| line.len() >= MIN_LINE_BYTES) {
                add_spellings(line, &mut patterns);
            }
        }
    }
    patterns.into_iter().map(String::into_bytes).collect()
}

fn add_spellings(value: &str, patterns: &mut BTreeSet<String>) {
    patterns.insert(value.to_owned());
    add_json(value, patterns);
    add_url(value, patterns);
    add_hex(value, patterns);
    add_base64(value, patterns);
}

fn add_json(value: &str, patterns: &mut BTreeSet<String>) {
    let quoted = serde_json::Value::from(value).to_string();
    let escaped = quoted[1..quoted.len() - 1].to_owned();
    // Some encoders (PHP) escape slashes, some (Go) what is special in HTML, some (Python) all that is not ASCII.
    patterns.insert(escaped.replace('/', "\\/"));
    let html = escaped.replace('<', "\\u003c").replace('>', "\\u003e");
    patterns.insert(html.replace('&', "\\u0026"));
    let ascii = escaped.chars().fold(String::new(), |mut out, char| {
        if char.is_ascii() {
            out.push(char);
        } else {
            for unit in char.encode_utf16(&mut [0; 2]) {
                push(&mut out, format_args!("\\u{unit:04x}"));
            }
        }
        out
    });
    patterns.insert(ascii);
    patterns.insert(escaped);
}

/// Characters that are left as they are: of all but unreserved ones (RFC 3986), with the slash (paths, Python's `quote`),
/// and as `encodeURI` and `encodeURIComponent` of the web have it.
const LEFT_IN_URLS: [&[u8]; 4] = [b"-_.~", b"-_.~/", b"-_.!~*'()", b"-_.!~*'();/?:@&=+$,#"];

fn add_url(value: &str, patterns: &mut BTreeSet<String>) {
    for left in LEFT_IN_URLS {
        let mut upper = String::new();
        let mut lower = String::new();
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || left.contains(&byte) {
                upper.push(char::from(byte));
                lower.push(char::from(byte));
            } else {
                push(&mut upper, format_args!("%{byte:02X}"));
                push(&mut lower, format_args!("%{byte:02x}"));
            }
        }
        // Forms write a blank as a plus.
        patterns.insert(upper.replace("%20", "+"));
        patterns.insert(lower.replace("%20", "+"));
        patterns.insert(upper);
        patterns.insert(lower);
    }
}

fn add_hex(value: &str, patterns: &mut BTreeSet<String>) {
    let mut lower = String::new();
    for byte in value.bytes() {
        push(&mut lower, format_args!("{byte:02x}"));
    }
    patterns.insert(lower.to_uppercase());
    patterns.insert(lower);
}

/// Base64 of the value alone, and of the value at each place that it can have within something longer:
/// there the characters that it shares with its neighbours are not known and stay.
fn add_base64(value: &str, patterns: &mut BTreeSet<String>) {
    for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
        let alone = engine.encode(value);
        for width in BASE64_WIDTHS {
            if alone.len() > width {
                add_wrapped(&alone, width, patterns);
            }
        }
        patterns.insert(alone);
        for (before, shared) in [(0, 0), (1, 2), (2, 3)] {
            let mut bytes = vec![0; before];
            bytes.extend_from_slice(value.as_bytes());
            let whole = bytes.len() * 8 / 6;
            let encoded = engine.encode(bytes);
            let known = &encoded[shared..whole];
            if known.len() >= MIN_SECRET_BYTES {
                patterns.insert(known.to_owned());
            }
        }
    }
}

fn add_wrapped(alone: &str, width: usize, patterns: &mut BTreeSet<String>) {
    let mut rest = alone;
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(width));
        if line.len() >= MIN_LINE_BYTES {
            patterns.insert(line.to_owned());
        }
        rest = after;
    }
}

fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    let infallible = out.write_fmt(arguments);
    debug_assert!(infallible.is_ok(), "a string takes every character");
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::mask::Secrets;

    const SECRET: &str = "p@ss/w<or>d \"é\" & 100%";

    fn masks(secret: &str, text: &str) -> bool {
        Secrets::new([secret]).unwrap().mask(text).contains("***")
    }

    #[test]
    fn usual_encodings_are_masked() {
        let hex: String = SECRET
            .bytes()
            .fold(String::new(), |out, byte| format!("{out}{byte:02x}"));
        for text in [
            SECRET.to_owned(),
            serde_json::to_string(SECRET).unwrap(),
            "p@ss\\/w<or>d \\\"é\\\" & 100%".to_owned(),
            "p@ss/w\\u003cor\\u003ed \\\"é\\\" \\u0026 100%".to_owned(),
            "p@ss/w<or>d \\\"\\u00e9\\\" & 100%".to_owned(),
            "p%40ss%2Fw%3Cor%3Ed%20%22%C3%A9%22%20%26%20100%25".to_owned(),
            "p%40ss/w%3Cor%3Ed%20%22%C3%A9%22%20%26%20100%25".to_owned(),
            "p@ss/w%3Cor%3Ed%20%22%C3%A9%22%20&%20100%25".to_owned(),
            "p%40ss%2fw%3cor%3ed+%22%c3%a9%22+%26+100%25".to_owned(),
            hex.to_uppercase(),
            hex,
        ] {
            assert_eq!(
                Secrets::new([SECRET])
                    .unwrap()
                    .mask(&format!("<{text}>"))
                    .replace('"', ""),
                "<***>",
                "{text}"
            );
        }
    }

    #[test]
    fn base64_is_masked_at_every_place() {
        for before in ["", "a", "ab", "abc", "user:"] {
            for after in ["", "x", "xy", "xyz"] {
                let text = format!("{before}{SECRET}{after}");
                let shown = Secrets::new([SECRET])
                    .unwrap()
                    .mask(&STANDARD.encode(&text));
                assert!(shown.contains("***"), "{text}");
                // At most the characters shared with the neighbours are left.
                assert!(
                    shown.len() <= 3 + 4 * text.len().saturating_sub(SECRET.len()).div_ceil(3) + 8,
                    "{shown}"
                );
                assert!(masks(SECRET, &URL_SAFE_NO_PAD.encode(&text)));
            }
        }
    }

    #[test]
    fn wrapped_base64_of_a_long_secret_is_masked_line_by_line() {
        let secret: String = (0..30).fold(String::new(), |out, number| format!("{out}key{number}"));
        let encoded = STANDARD.encode(&secret);
        let shown = Secrets::new([secret.as_str()]).unwrap().mask(&format!(
            "{}\n{}",
            &encoded[..76],
            &encoded[76..]
        ));
        assert_eq!(shown.trim_end_matches('='), "***\n***");
    }

    #[test]
    fn long_lines_of_a_secret_are_masked_one_by_one() {
        let secret = "-----BEGIN KEY-----\nMIIBVgIBADANBg\nshort\n-----END KEY-----\n";
        let shown = Secrets::new([secret])
            .unwrap()
            .mask("a MIIBVgIBADANBg b short c");
        assert_eq!(shown, "a *** b short c");
    }

    #[test]
    fn short_and_blank_values_are_left_alone() {
        for value in ["", "abc", "      ", "\n\n\n\n\n", "abc\n"] {
            assert!(patterns([value]).is_empty(), "{value:?}");
        }
    }
}
