//! Parameters: what was given, what is kept, what the template allows.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::{Value, json};

use super::intrinsic::text_or_json;
use super::template::Template;
use crate::control::query::{Failure, Form};

/// Parameters as they are kept with a stack.
pub(crate) type Parameters = BTreeMap<String, String>;

/// The values that hold when `form` is applied over what the stack has.
pub(crate) fn resolve(
    template: &Template,
    form: &Form,
    previous: &Parameters,
) -> Result<Parameters, Failure> {
    let mut given = Parameters::new();
    for record in form.records("Parameters.member") {
        let key = record.required("ParameterKey")?.to_owned();
        let value = if record.is("UsePreviousValue") {
            let value = previous.get(&key).cloned();
            value.ok_or_else(|| {
                Failure::validation(format!(
                    "Invalid input for parameter key {key}. Cannot specify usePreviousValue as true for a parameter key not in the previous template"
                ))
            })?
        } else {
            record.raw("ParameterValue").unwrap_or_default().to_owned()
        };
        given.insert(key, value);
    }
    let unknown = given
        .keys()
        .filter(|key| template.entry("Parameters", key).is_none());
    refuse_any(unknown, "do not exist in the template")?;
    let values: Vec<_> = template
        .section("Parameters")
        .map(|(name, body)| (name, body, value_of(name, body, &given)))
        .collect();
    let missing = values.iter().filter(|(_, _, value)| value.is_none());
    refuse_any(missing.map(|(name, _, _)| *name), "must have values")?;
    let mut resolved = Parameters::new();
    for (name, body, value) in values {
        let value = value.unwrap_or_default();
        check(name, body, &value).map_err(Failure::validation)?;
        resolved.insert(name.to_owned(), value);
    }
    Ok(resolved)
}

/// Values as the template's functions see them: lists are split.
pub(crate) fn typed(template: &Template, parameters: &Parameters) -> BTreeMap<String, Value> {
    let each = parameters.iter().map(|(name, value)| {
        let kind = template
            .entry("Parameters", name)
            .map_or("String", |body| kind_of(body));
        let value = if is_list(kind) {
            value.split(',').map(str::trim).collect()
        } else {
            json!(value)
        };
        (name.clone(), value)
    });
    each.collect()
}

/// Whether nobody may read the value back.
pub(crate) fn is_hidden(body: &Value) -> bool {
    let no_echo = body.get("NoEcho").cloned();
    no_echo.is_some_and(|value| text_or_json(value) == "true")
}

fn refuse_any<N: AsRef<str>>(names: impl Iterator<Item = N>, what: &str) -> Result<(), Failure> {
    let names: Vec<String> = names.map(|name| name.as_ref().to_owned()).collect();
    if names.is_empty() {
        return Ok(());
    }
    let names = names.join(", ");
    Err(Failure::validation(format!("Parameters: [{names}] {what}")))
}

fn value_of(name: &str, body: &Value, given: &Parameters) -> Option<String> {
    let default = || body.get("Default").cloned().map(text_or_json);
    given.get(name).cloned().or_else(default)
}

fn kind_of(body: &Value) -> &str {
    body.get("Type").and_then(Value::as_str).unwrap_or("String")
}

fn is_list(kind: &str) -> bool {
    kind == "CommaDelimitedList" || kind.starts_with("List<")
}

fn check(name: &str, body: &Value, value: &str) -> Result<(), String> {
    let described = |plain: String| {
        let constraint = body.get("ConstraintDescription").and_then(Value::as_str);
        constraint.map_or(plain, |text| {
            format!("Parameter {name} failed to satisfy constraint: {text}")
        })
    };
    let kind = kind_of(body);
    check_kind(name, kind, value)?;
    let parts: Vec<&str> = if is_list(kind) {
        value.split(',').map(str::trim).collect()
    } else {
        vec![value]
    };
    for part in parts {
        check_part(name, body, part).map_err(described)?;
    }
    if kind == "Number" || kind == "List<Number>" {
        return Ok(());
    }
    let length = value.chars().count();
    let limit = |key: &str| number(body.get(key));
    #[expect(clippy::cast_precision_loss, reason = "no text is that long")]
    let length_number = length as f64;
    match (limit("MinLength"), limit("MaxLength")) {
        (Some(min), _) if length_number < min => Err(described(format!(
            "Parameter '{name}' must contain at least {min} characters"
        ))),
        (_, Some(max)) if length_number > max => Err(described(format!(
            "Parameter '{name}' must contain at most {max} characters"
        ))),
        _ => Ok(()),
    }
}

fn check_kind(name: &str, kind: &str, value: &str) -> Result<(), String> {
    let is_number = |text: &str| text.trim().parse::<f64>().is_ok();
    match kind {
        "String" | "CommaDelimitedList" => Ok(()),
        "Number" if is_number(value) => Ok(()),
        "Number" => Err(format!("Parameter '{name}' must be a number.")),
        "List<Number>" if value.split(',').all(is_number) => Ok(()),
        "List<Number>" => Err(format!("Parameter '{name}' must be a list of numbers.")),
        _ if kind.starts_with("AWS::EC2::") || kind.starts_with("List<AWS::EC2::") => {
            if value.is_empty() {
                let wanted = kind.trim_start_matches("List<").trim_end_matches('>');
                return Err(format!(
                    "Parameter validation failed: parameter value for parameter name {name} does not exist ({wanted})"
                ));
            }
            Ok(())
        }
        _ => Err(format!(
            "Template format error: Unrecognized parameter type: {kind}"
        )),
    }
}

fn check_part(name: &str, body: &Value, value: &str) -> Result<(), String> {
    if let Some(allowed) = body.get("AllowedValues").and_then(Value::as_array) {
        let mut allowed = allowed.iter().cloned().map(text_or_json);
        if !allowed.any(|allowed| allowed == value) {
            return Err(format!("Parameter '{name}' must be one of AllowedValues"));
        }
    }
    if let Some(pattern) = body.get("AllowedPattern").and_then(Value::as_str) {
        let whole = Regex::new(&format!("^(?:{pattern})$")).map_err(|error| error.to_string())?;
        if !whole.is_match(value) {
            return Err(format!("Parameter '{name}' must match pattern {pattern}"));
        }
    }
    let value: Option<f64> = value.parse().ok();
    match (
        value,
        number(body.get("MinValue")),
        number(body.get("MaxValue")),
    ) {
        (Some(value), Some(min), _) if value < min => Err(format!(
            "Parameter '{name}' must be a number not less than {min}"
        )),
        (Some(value), _, Some(max)) if value > max => Err(format!(
            "Parameter '{name}' must be a number not greater than {max}"
        )),
        _ => Ok(()),
    }
}

fn number(value: Option<&Value>) -> Option<f64> {
    text_or_json(value?.clone()).parse().ok()
}
