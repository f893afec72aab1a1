//! The `Link` header that leads to the next page.

use axum::http::HeaderValue;
use runvoy_wire::BASE_PATH;

/// The next page of `list`, after `cursor`, with the filters of this one.
pub(crate) fn next(
    list: &str,
    limit: u32,
    cursor: &str,
    filters: &[(&str, Option<String>)],
) -> Option<HeaderValue> {
    let given = filters
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let given: Vec<String> = given
        .map(|(name, value)| format!("&{name}={}", encode(value)))
        .collect();
    let address = format!(
        "{BASE_PATH}/{list}?limit={limit}&cursor={cursor}{}",
        given.concat()
    );
    HeaderValue::from_str(&format!("<{address}>; rel=\"next\"")).ok()
}

/// Percent-encodes all but unreserved characters (RFC 3986).
fn encode(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let shown = |byte: u8| {
        if is_plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    let shown: Vec<String> = value.bytes().map(shown).collect();
    shown.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_keeps_the_filters() {
        let filters = [("user", Some("a+b@c.d".to_owned())), ("lock", None)];
        let link = next("executions", 5, "abc", &filters).unwrap();
        assert_eq!(
            link.to_str().unwrap(),
            "</api/v1/executions?limit=5&cursor=abc&user=a%2Bb%40c.d>; rel=\"next\""
        );
    }
}
