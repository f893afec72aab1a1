//! What a stack is given: what runvoy decides, what the admin says, and what was said before.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::Parameter as StackParameter;
use runvoy_core::Invalid;

use crate::error::InfraError;
use crate::template::Template;

/// The value of one parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Setting {
    Value(String),
    /// As the stack has it.
    Previous,
}

/// Reads `NAME=VALUE`; a value may be empty, and may hold further equals signs.
pub fn parse_parameter(text: &str) -> Result<(String, String), Invalid> {
    let found = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()));
    found
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| {
            Invalid::new(
                "parameter",
                "must be NAME=VALUE, as in DefaultImage=alpine:3",
            )
        })
}

/// Every parameter that the stack needs to be told: `own` by runvoy, `given` by the admin, the rest as it was.
pub(crate) fn merge(
    template: &Template,
    previous: &BTreeMap<String, String>,
    given: &[(String, String)],
    own: &BTreeMap<&str, String>,
) -> Result<BTreeMap<String, Setting>, InfraError> {
    check_given(template, given, own)?;
    let given: BTreeMap<&str, &str> = given
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let mut settings = BTreeMap::new();
    let mut missing = Vec::new();
    for parameter in template.parameters() {
        let name = parameter.name.as_str();
        let setting = if let Some(value) = own.get(name) {
            Setting::Value(value.clone())
        } else if let Some(value) = given.get(name) {
            Setting::Value((*value).to_owned())
        } else if previous.contains_key(name) {
            Setting::Previous
        } else if parameter.has_default {
            continue;
        } else {
            missing.push(parameter.name);
            continue;
        };
        settings.insert(parameter.name, setting);
    }
    if missing.is_empty() {
        return Ok(settings);
    }
    Err(InfraError::input(format!(
        "the deployment needs a value for {}",
        missing.join(", ")
    ))
    .hint(format!("give it:  --parameter {}=VALUE", missing[0])))
}

/// A name that nobody knows would be dropped silently, and one of runvoy's own would break the deployment.
fn check_given(
    template: &Template,
    given: &[(String, String)],
    own: &BTreeMap<&str, String>,
) -> Result<(), InfraError> {
    let known = template.parameters();
    for (name, _) in given {
        if own.contains_key(name.as_str()) {
            return Err(InfraError::input(format!("{name} is set by runvoy itself"))
                .hint("the project's name is --project, the artifacts are --artifacts"));
        }
        if !known.iter().any(|parameter| parameter.name == *name) {
            let names = known.iter().map(|parameter| parameter.name.as_str());
            let names: Vec<&str> = names.filter(|name| !own.contains_key(name)).collect();
            return Err(InfraError::input(format!("there is no parameter {name}"))
                .hint(format!("there are:  {}", names.join(", "))));
        }
    }
    Ok(())
}

/// As the API wants them. Where there is no stack yet, nothing can be as it was.
pub(crate) fn to_api(settings: &BTreeMap<String, Setting>) -> Vec<StackParameter> {
    settings
        .iter()
        .map(|(name, setting)| {
            let parameter = StackParameter::builder().parameter_key(name);
            match setting {
                Setting::Value(value) => parameter.parameter_value(value),
                Setting::Previous => parameter.use_previous_value(true),
            }
            .build()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "\
Parameters:
  ProjectName: {Type: String}
  AgentImage: {Type: String}
  DefaultImage: {Type: String, Default: alpine}
  Spot: {Type: String, Default: 'false'}
Resources: {}
";

    fn merged(
        previous: &[(&str, &str)],
        given: &[(&str, &str)],
    ) -> Result<BTreeMap<String, Setting>, InfraError> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        merge(
            &Template::parse(TEMPLATE).unwrap(),
            &previous.iter().map(own).collect(),
            &given.iter().map(own).collect::<Vec<_>>(),
            &[
                ("ProjectName", "acme".to_owned()),
                ("AgentImage", "new".to_owned()),
            ]
            .into(),
        )
    }

    #[test]
    fn what_was_said_before_stays_unless_said_anew() {
        let previous = [
            ("DefaultImage", "debian"),
            ("Spot", "true"),
            ("AgentImage", "old"),
        ];
        let settings = merged(&previous, &[("Spot", "false")]).unwrap();
        assert_eq!(settings["DefaultImage"], Setting::Previous);
        assert_eq!(settings["Spot"], Setting::Value("false".to_owned()));
        assert_eq!(settings["AgentImage"], Setting::Value("new".to_owned()));
    }

    #[test]
    fn a_parameter_that_the_template_lost_is_not_sent() {
        let settings = merged(&[("Gone", "x")], &[]).unwrap();
        assert!(!settings.contains_key("Gone") && !settings.contains_key("DefaultImage"));
    }

    #[test]
    fn unknown_names_and_those_of_runvoy_are_refused() {
        let unknown = merged(&[], &[("DefaultImge", "x")]).unwrap_err();
        assert!(
            unknown.hints[0].contains("DefaultImage") && !unknown.hints[0].contains("AgentImage")
        );
        assert!(merged(&[], &[("AgentImage", "x")]).is_err());
    }

    #[test]
    fn a_parameter_is_a_name_and_a_value() {
        assert_eq!(
            parse_parameter("A=b=c").unwrap(),
            ("A".to_owned(), "b=c".to_owned())
        );
        assert_eq!(parse_parameter("A=").unwrap().1, "");
        for bad in ["A", "=b", "A b=c", ""] {
            assert!(parse_parameter(bad).is_err(), "{bad}");
        }
    }
}
