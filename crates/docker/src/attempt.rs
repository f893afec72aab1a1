//! What things of an attempt are called.

use runvoy_core::id::{AttemptId, Place};

/// What a place's name begins with.
const PLACE: &str = "docker:";

/// The container of an attempt.
pub(crate) fn container(attempt: &AttemptId) -> String {
    format!("runvoy-{attempt}")
}

/// The volume that an attempt works in.
pub(crate) fn volume(attempt: &AttemptId) -> String {
    container(attempt)
}

/// The place that an attempt's agent names: its engine and its container.
pub(crate) fn place(engine: &str, attempt: &AttemptId) -> String {
    format!("{PLACE}{engine}/{}", container(attempt))
}

/// Whether a place is one of this engine, as far as its name tells.
pub(crate) fn is_on(place: &Place, engine: &str) -> bool {
    let named = place.as_str().strip_prefix(PLACE);
    let named = named.and_then(|rest| rest.rsplit_once('/'));
    named.is_none_or(|(its_engine, _)| its_engine == engine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_tells_its_engine() {
        let attempt = "0197f2a4c1d27c3e8b6a5d4e3f2a1b0c-1".parse().unwrap();
        let place: Place = place("AB:CD", &attempt).parse().unwrap();
        assert!(is_on(&place, "AB:CD") && !is_on(&place, "AB:CE"));
        assert!(is_on(&"process pid=1".parse().unwrap(), "AB:CD"));
    }
}
