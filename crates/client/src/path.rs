//! Paths and queries, percent-encoded; and the way back for the cursor in a `Link` header.

use std::fmt::Display;
use std::fmt::Write as _;

/// Encodes everything but the unreserved characters of RFC 3986, so that any text is one segment or one value.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(encoded, "%{byte:02X}").ok();
        }
    }
    encoded
}

/// Undoes [`encode`]; what is not well encoded stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A path that grows a query.
#[derive(Debug)]
pub(crate) struct PathWithQuery {
    path: String,
    separator: char,
}

impl PathWithQuery {
    /// A path without a query.
    pub(crate) fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            separator: '?',
        }
    }

    /// Adds `name=value` where there is a value.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: Option<impl Display>) -> Self {
        if let Some(value) = value {
            self.path.push(self.separator);
            self.path.push_str(name);
            self.path.push('=');
            self.path.push_str(&encode(&value.to_string()));
            self.separator = '&';
        }
        self
    }

    /// The whole text.
    pub(crate) fn into_string(self) -> String {
        self.path
    }
}

/// The `cursor` of the page that a `Link` header calls next.
pub(crate) fn next_cursor(link: &str) -> Option<String> {
    link.split(',').find_map(|part| {
        let (address, attributes) = part.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = attributes
            .split(';')
            .any(|attribute| matches!(attribute.trim(), "rel=\"next\"" | "rel=next"));
        let query = address.split_once('?')?.1;
        let cursor = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("cursor="))?;
        is_next.then(|| decode(cursor))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_one_segment_and_reads_back() {
        assert_eq!(encode("prod/eu:1 ü%"), "prod%2Feu%3A1%20%C3%BC%25");
        for text in ["prod/eu:1 ü%", "", "a%2", "100%"] {
            assert_eq!(decode(&encode(text)), text);
        }
    }

    #[test]
    fn only_given_values_are_in_the_query() {
        let path = PathWithQuery::new("/x")
            .with("a", None::<u8>)
            .with("b", Some("1&2"))
            .with("c", Some(3));
        assert_eq!(path.into_string(), "/x?b=1%262&c=3");
    }

    #[test]
    fn the_next_page_is_found_among_links() {
        let link = r#"</api/v1/executions?limit=1>; rel="first", </api/v1/executions?limit=1&cursor=a%3Db>; rel="next""#;
        assert_eq!(next_cursor(link).as_deref(), Some("a=b"));
        assert_eq!(next_cursor("</x?cursor=a>; rel=\"prev\""), None);
        assert_eq!(next_cursor("nonsense"), None);
    }
}
