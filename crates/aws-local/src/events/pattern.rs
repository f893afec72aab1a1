//! Event patterns: which events a rule is about.

use serde_json::{Map, Value};

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// A pattern is an object of objects and lists.
    #[error("Event pattern is not valid. Reason: `{0}` must be an object or an array")]
    Shape(String),
    /// A list that nothing can be in.
    #[error("Event pattern is not valid. Reason: Empty arrays are not allowed at `{0}`")]
    Empty(String),
    /// A comparison that is not simulated here.
    #[error("Event pattern is not valid. Reason: Unrecognized match type {0}")]
    Unknown(String),
}

/// Refuses a pattern that could never be judged.
pub(crate) fn check(pattern: &Value) -> Result<(), PatternError> {
    let Value::Object(fields) = pattern else {
        return Err(PatternError::Shape("pattern".to_owned()));
    };
    fields.iter().try_for_each(|(name, value)| match value {
        Value::Object(_) => check(value),
        Value::Array(choices) if choices.is_empty() => Err(PatternError::Empty(name.clone())),
        Value::Array(choices) => choices.iter().try_for_each(check_choice),
        _ => Err(PatternError::Shape(name.clone())),
    })
}

fn check_choice(choice: &Value) -> Result<(), PatternError> {
    let Value::Object(comparison) = choice else {
        return Ok(());
    };
    match single(comparison) {
        Some(("prefix" | "suffix" | "exists" | "anything-but", _)) => Ok(()),
        _ => Err(PatternError::Unknown(choice.to_string())),
    }
}

/// Whether an event is one that the pattern means: every field of the pattern has one of its values.
pub(crate) fn matches(pattern: &Value, event: &Value) -> bool {
    let Value::Object(fields) = pattern else {
        return false;
    };
    fields.iter().all(|(name, wanted)| {
        let found = event.get(name);
        match wanted {
            Value::Array(choices) => choices.iter().any(|choice| is_choice(choice, found)),
            _ => found.is_some_and(|found| matches(wanted, found)),
        }
    })
}

fn is_choice(choice: &Value, found: Option<&Value>) -> bool {
    let comparison = choice.as_object().and_then(single);
    if let Some(("exists", wanted)) = comparison {
        return wanted.as_bool() == Some(found.is_some());
    }
    // A list in the event matches when one of its members does.
    match found {
        None => false,
        Some(Value::Array(members)) => members
            .iter()
            .any(|member| is_value(choice, comparison, member)),
        Some(found) => is_value(choice, comparison, found),
    }
}

fn is_value(choice: &Value, comparison: Option<(&str, &Value)>, found: &Value) -> bool {
    match comparison {
        None => choice == found,
        Some(("prefix", wanted)) => {
            text_pair(found, wanted).is_some_and(|(text, start)| text.starts_with(start))
        }
        Some(("suffix", wanted)) => {
            text_pair(found, wanted).is_some_and(|(text, end)| text.ends_with(end))
        }
        Some(("anything-but", Value::Array(unwanted))) => !unwanted.contains(found),
        Some(("anything-but", unwanted)) => unwanted != found,
        Some(_) => false,
    }
}

fn text_pair<'a>(found: &'a Value, wanted: &'a Value) -> Option<(&'a str, &'a str)> {
    Some((found.as_str()?, wanted.as_str()?))
}

fn single(comparison: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut entries = comparison.iter();
    let (name, value) = entries.next()?;
    entries.next().is_none().then_some((name.as_str(), value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({
            "source": "aws.ecs",
            "detail-type": "ECS Task State Change",
            "resources": ["arn:one", "arn:two"],
            "detail": { "clusterArn": "arn:cluster/p", "lastStatus": "STOPPED", "version": 4 },
        })
    }

    #[test]
    fn every_field_of_a_pattern_must_match_one_of_its_values() {
        let own = json!({ "source": ["aws.ecs"], "detail": { "clusterArn": ["arn:cluster/other", "arn:cluster/p"] } });
        assert!(matches(&own, &event()));
        for other in [
            json!({ "source": ["aws.ec2"] }),
            json!({ "source": ["aws.ecs"], "detail": { "clusterArn": ["arn:cluster/p2"] } }),
            json!({ "source": ["aws.ecs"], "detail": { "group": ["service:x"] } }),
            json!({ "detail": { "version": ["4"] } }),
        ] {
            assert!(!matches(&other, &event()), "{other}");
        }
    }

    #[test]
    fn a_list_in_the_event_matches_by_any_member() {
        assert!(matches(&json!({ "resources": ["arn:two"] }), &event()));
        assert!(!matches(&json!({ "resources": ["arn:three"] }), &event()));
    }

    #[test]
    fn comparisons_are_understood() {
        for wanted in [
            json!({ "detail": { "clusterArn": [{ "prefix": "arn:cluster/" }] } }),
            json!({ "detail-type": [{ "suffix": "State Change" }] }),
            json!({ "detail": { "group": [{ "exists": false }], "version": [{ "exists": true }] } }),
            json!({ "detail": { "lastStatus": [{ "anything-but": ["RUNNING", "PENDING"] }] } }),
        ] {
            assert_eq!(check(&wanted), Ok(()));
            assert!(matches(&wanted, &event()), "{wanted}");
        }
        assert!(!matches(
            &json!({ "detail": { "lastStatus": [{ "anything-but": "STOPPED" }] } }),
            &event()
        ));
    }

    #[test]
    fn a_pattern_that_cannot_be_judged_is_refused() {
        assert!(matches!(
            check(&json!({ "source": "aws.ecs" })),
            Err(PatternError::Shape(_))
        ));
        assert!(matches!(
            check(&json!({ "source": [] })),
            Err(PatternError::Empty(_))
        ));
        assert!(matches!(
            check(&json!({ "detail": { "n": [{ "numeric": [">", 1] }] } })),
            Err(PatternError::Unknown(_))
        ));
    }
}
