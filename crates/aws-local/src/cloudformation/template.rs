//! Templates: YAML with short tags, or JSON, read into the long forms.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

use super::graph;
use super::provider::kind;
use crate::control::query::Failure;

/// A template whose shape has been checked.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    /// As it was given.
    pub(crate) text: String,
    body: Value,
}

/// One resource's text in a template.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Declared<'a> {
    /// Its name in the template.
    pub(crate) logical_id: &'a str,
    /// `AWS::DynamoDB::Table`, …
    pub(crate) kind: &'a str,
    body: &'a Value,
}

impl<'a> Declared<'a> {
    /// The properties as written.
    pub(crate) fn properties(&self) -> &'a Value {
        self.body.get("Properties").unwrap_or(&Value::Null)
    }

    /// `DeletionPolicy`, `UpdateReplacePolicy`, `Condition`.
    pub(crate) fn attribute(&self, name: &str) -> Option<&'a str> {
        self.body.get(name)?.as_str()
    }

    /// The whole text of the resource.
    pub(crate) fn body(&self) -> &'a Value {
        self.body
    }
}

impl Template {
    /// Reads and checks a template.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let refuse =
            |message: String| Failure::validation(format!("Template format error: {message}"));
        let yaml: Yaml = serde_yaml_ng::from_str(text)
            .map_err(|error| refuse(format!("YAML not well-formed. ({error})")))?;
        let template = Self {
            text: text.to_owned(),
            body: plain(yaml).map_err(refuse)?,
        };
        template.check().map_err(refuse)?;
        graph::order(&template).map_err(Failure::validation)?;
        Ok(template)
    }

    /// A top-level section; empty when it is absent.
    pub(crate) fn section(&self, name: &str) -> impl Iterator<Item = (&str, &Value)> {
        let section = self.body.get(name).and_then(Value::as_object);
        section
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// One entry of a top-level section.
    pub(crate) fn entry(&self, section: &str, name: &str) -> Option<&Value> {
        self.body.get(section)?.get(name)
    }

    /// The template's own description.
    pub(crate) fn description(&self) -> Option<&str> {
        self.body.get("Description")?.as_str()
    }

    /// Every resource, by name.
    pub(crate) fn resources(&self) -> impl Iterator<Item = Declared<'_>> {
        self.section("Resources")
            .map(|(logical_id, body)| Declared {
                logical_id,
                kind: body.get("Type").and_then(Value::as_str).unwrap_or_default(),
                body,
            })
    }

    /// The capabilities that it needs: none, or the one that CloudFormation asks for.
    pub(crate) fn capability(&self) -> Option<&'static str> {
        // An inline policy always has a name: it is no name of an identity.
        let identities = ["RoleName", "ManagedPolicyName"];
        let iam = self
            .resources()
            .filter(|resource| resource.kind.starts_with("AWS::IAM::"));
        iam.map(|resource| {
            let is_named = identities
                .iter()
                .any(|property| resource.properties().get(property).is_some());
            if is_named {
                "CAPABILITY_NAMED_IAM"
            } else {
                "CAPABILITY_IAM"
            }
        })
        .max()
    }

    fn check(&self) -> Result<(), String> {
        if self.section("Resources").next().is_none() {
            return Err("At least one Resources member must be defined.".to_owned());
        }
        let unknown: BTreeSet<_> = self
            .resources()
            .map(|resource| resource.kind)
            .filter(|name| kind::find(name).is_none())
            .collect();
        if !unknown.is_empty() {
            let names = unknown.into_iter().collect::<Vec<_>>().join(", ");
            return Err(format!("Unrecognized resource types: [{names}]"));
        }
        for section in ["Resources", "Outputs", "Conditions"] {
            let unresolved = self.unresolved(section);
            if !unresolved.is_empty() {
                let names = unresolved.into_iter().collect::<Vec<_>>().join(", ");
                return Err(format!(
                    "Unresolved resource dependencies [{names}] in the {section} block of the template"
                ));
            }
        }
        Ok(())
    }

    fn unresolved(&self, section: &str) -> BTreeSet<String> {
        let known = |name: &str| {
            name.starts_with("AWS::")
                || self.entry("Resources", name).is_some()
                || self.entry("Parameters", name).is_some()
        };
        let body = self.body.get(section).unwrap_or(&Value::Null);
        let named = graph::named(body);
        named.into_iter().filter(|name| !known(name)).collect()
    }
}

/// YAML to JSON, short tags to their long forms.
fn plain(value: Yaml) -> Result<Value, String> {
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => Value::Bool(value),
        Yaml::Number(number) => serde_json::to_value(number).map_err(|error| error.to_string())?,
        Yaml::String(text) => Value::String(text),
        Yaml::Sequence(values) => {
            Value::Array(values.into_iter().map(plain).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(fields) => {
            let mut map = Map::new();
            for (key, value) in fields {
                map.insert(key_text(key)?, plain(value)?);
            }
            Value::Object(map)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            function(tag.trim_start_matches('!'), plain(tagged.value)?)
        }
    })
}

fn key_text(key: Yaml) -> Result<String, String> {
    match key {
        Yaml::String(text) => Ok(text),
        Yaml::Number(number) => Ok(number.to_string()),
        Yaml::Bool(value) => Ok(value.to_string()),
        other => Err(format!("{other:?} cannot be a key")),
    }
}

fn function(tag: &str, value: Value) -> Value {
    let name = match tag {
        "Ref" | "Condition" => tag.to_owned(),
        _ => format!("Fn::{tag}"),
    };
    let value = match (tag, value.as_str().and_then(|text| text.split_once('.'))) {
        ("GetAtt", Some((resource, attribute))) => json!([resource, attribute]),
        _ => value,
    };
    json!({ name: value })
}
