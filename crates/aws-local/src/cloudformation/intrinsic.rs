//! The intrinsic functions.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::stack::Resource;
use super::template::Template;

/// What resources are known by while a text is evaluated.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Known<'a> {
    /// Nothing is made yet: references stand for themselves, so that two templates can be compared.
    Symbolic,
    /// By what was made.
    Made(&'a BTreeMap<String, Resource>),
}

/// Everything that a text may refer to.
#[derive(Debug, Clone)]
pub(crate) struct Scope<'a> {
    /// The template that it stands in.
    pub(crate) template: &'a Template,
    /// Parameters, lists split.
    pub(crate) parameters: BTreeMap<String, Value>,
    /// Resources.
    pub(crate) known: Known<'a>,
    /// The stack's name.
    pub(crate) stack_name: &'a str,
    /// The stack's ARN.
    pub(crate) stack_id: &'a str,
    /// The region.
    pub(crate) region: &'a str,
}

impl Scope<'_> {
    /// The value of a text; `None` for `AWS::NoValue`.
    pub(crate) fn evaluate(&self, value: &Value) -> Result<Option<Value>, String> {
        match value {
            Value::Array(values) => {
                let values: Result<Vec<_>, _> =
                    values.iter().map(|value| self.evaluate(value)).collect();
                Ok(Some(values?.into_iter().flatten().collect()))
            }
            Value::Object(fields) => {
                if let Some((name, argument)) = single(fields) {
                    return self.function(name, argument);
                }
                let mut evaluated = Map::new();
                for (key, value) in fields {
                    if let Some(value) = self.evaluate(value)? {
                        evaluated.insert(key.clone(), value);
                    }
                }
                Ok(Some(Value::Object(evaluated)))
            }
            other => Ok(Some(other.clone())),
        }
    }

    /// Whether a resource or output with this `Condition` is there.
    pub(crate) fn is_active(&self, body: &Value) -> Result<bool, String> {
        match body.get("Condition").and_then(Value::as_str) {
            Some(name) => self.condition_named(name),
            None => Ok(true),
        }
    }

    fn condition_named(&self, name: &str) -> Result<bool, String> {
        let body = self.template.entry("Conditions", name).ok_or_else(|| {
            format!("Template format error: Unresolved condition dependency {name}")
        })?;
        self.condition(body)
    }

    fn condition(&self, body: &Value) -> Result<bool, String> {
        let Some((name, argument)) = body.as_object().and_then(single) else {
            return Err(format!("{body} is no condition"));
        };
        let list = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match (name, list) {
            ("Condition", _) => self.condition_named(argument.as_str().unwrap_or_default()),
            ("Fn::Equals", [left, right]) => {
                let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
                Ok(left.map(text_or_json) == right.map(text_or_json))
            }
            ("Fn::Not", [one]) => Ok(!self.condition(one)?),
            ("Fn::And", many) => many
                .iter()
                .try_fold(true, |all, one| Ok(all & self.condition(one)?)),
            ("Fn::Or", many) => many
                .iter()
                .try_fold(false, |any, one| Ok(any | self.condition(one)?)),
            _ => Err(format!("{name} is no condition function")),
        }
    }

    fn function(&self, name: &str, argument: &Value) -> Result<Option<Value>, String> {
        match name {
            "Ref" => self.reference(argument.as_str().unwrap_or_default()),
            "Fn::If" => {
                let [condition, then, otherwise] = three(argument)?;
                let holds = self.condition_named(condition.as_str().unwrap_or_default())?;
                self.evaluate(if holds { then } else { otherwise })
            }
            _ => match (self.known, self.simple(name, argument)) {
                // What depends on a value that is not known yet stands for itself.
                (Known::Symbolic, Err(_)) => Ok(Some(json!(format!("{name}{argument}")))),
                (_, result) => result.map(Some),
            },
        }
    }

    fn simple(&self, name: &str, argument: &Value) -> Result<Value, String> {
        if name == "Fn::Sub" {
            return self.substitute(argument).map(Value::String);
        }
        let argument = self.evaluate(argument)?.unwrap_or_default();
        let list = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match (name, list) {
            ("Fn::GetAtt", [resource, attribute]) => {
                self.attribute(text(resource)?, text(attribute)?)
            }
            ("Fn::Join", [separator, Value::Array(parts)]) => {
                let parts: Vec<String> = parts.iter().cloned().map(text_or_json).collect();
                Ok(json!(parts.join(text(separator)?)))
            }
            ("Fn::Split", [separator, whole]) => Ok(text(whole)?.split(text(separator)?).collect()),
            ("Fn::Select", [index, Value::Array(parts)]) => {
                let index: usize = text_or_json(index.clone())
                    .parse()
                    .map_err(|_| "Fn::Select needs a number".to_owned())?;
                let part = parts.get(index).cloned();
                part.ok_or_else(|| "Fn::Select cannot select nonexistent value at index".to_owned())
            }
            ("Fn::Cidr", [block, count, ..]) => cidr(text(block)?, count, list.get(2)),
            ("Fn::FindInMap", [map, top, second]) => {
                let map = self.template.entry("Mappings", text(map)?);
                let value = map.and_then(|map| map.get(text(top).ok()?)?.get(text(second).ok()?));
                value
                    .cloned()
                    .ok_or_else(|| format!("Template error: Unable to get mapping for {argument}"))
            }
            ("Fn::GetAZs", _) => Ok(["a", "b", "c"]
                .iter()
                .map(|zone| format!("{}{zone}", self.region))
                .collect()),
            ("Fn::Base64", _) => Ok(json!(STANDARD.encode(text(&argument)?))),
            _ => Err(format!("Template error: {name} is not known here")),
        }
    }

    fn reference(&self, name: &str) -> Result<Option<Value>, String> {
        Ok(Some(match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => json!(self.region),
            "AWS::AccountId" => json!(crate::control::ACCOUNT),
            "AWS::Partition" => json!("aws"),
            "AWS::URLSuffix" => json!("amazonaws.com"),
            "AWS::StackName" => json!(self.stack_name),
            "AWS::StackId" => json!(self.stack_id),
            "AWS::NotificationARNs" => json!([]),
            _ => match (self.parameters.get(name), self.known) {
                (Some(value), _) => value.clone(),
                (None, Known::Symbolic) => json!(format!("${{Ref:{name}}}")),
                (None, Known::Made(made)) => json!(resource(made, name)?.physical_id),
            },
        }))
    }

    fn attribute(&self, name: &str, attribute: &str) -> Result<Value, String> {
        match self.known {
            Known::Symbolic => Ok(json!(format!("${{GetAtt:{name}.{attribute}}}"))),
            Known::Made(made) => {
                let found = resource(made, name)?.attributes.get(attribute).cloned();
                found.ok_or_else(|| {
                    format!("Requested attribute {attribute} does not exist in schema for {name}")
                })
            }
        }
    }

    fn substitute(&self, argument: &Value) -> Result<String, String> {
        let (template, given) = match argument {
            Value::String(text) => (text.as_str(), None),
            Value::Array(parts) => (
                parts.first().and_then(Value::as_str).unwrap_or_default(),
                parts.get(1),
            ),
            _ => return Err("Template error: Fn::Sub needs a text".to_owned()),
        };
        let mut pieces = template.split("${");
        let mut out = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            let (name, rest) = piece.split_once('}').unwrap_or((piece, ""));
            if let Some(literal) = name.strip_prefix('!') {
                out.extend(["${", literal, "}"]);
            } else {
                out.push_str(&self.placeholder(name, given)?);
            }
            out.push_str(rest);
        }
        Ok(out)
    }

    fn placeholder(&self, name: &str, given: Option<&Value>) -> Result<String, String> {
        let value = match given.and_then(|given| given.get(name)) {
            Some(value) => self.evaluate(value)?,
            None => match name.split_once('.') {
                Some((resource, attribute)) => Some(self.attribute(resource, attribute)?),
                None => self.reference(name)?,
            },
        };
        Ok(text_or_json(value.unwrap_or_default()))
    }
}

fn single(fields: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = fields.iter().next()?;
    let is_function = name == "Ref" || name == "Condition" || name.starts_with("Fn::");
    // `Condition` with an object below it is a policy's, not a function.
    let is_policy = name == "Condition" && !argument.is_string();
    (fields.len() == 1 && is_function && !is_policy).then_some((name, argument))
}

fn three(argument: &Value) -> Result<&[Value; 3], String> {
    let list = argument.as_array().map(Vec::as_slice).unwrap_or_default();
    list.try_into()
        .map_err(|_| "Template error: Fn::If needs three arguments".to_owned())
}

fn resource<'a>(made: &'a BTreeMap<String, Resource>, name: &str) -> Result<&'a Resource, String> {
    made.get(name).ok_or_else(|| {
        format!("Template error: instance of Fn::GetAtt references undefined resource {name}")
    })
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| format!("{value} is no text"))
}

/// The text of a scalar; what CloudFormation makes of it where a text is needed.
pub(crate) fn text_or_json(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Array(values) => {
            let values: Vec<_> = values.into_iter().map(text_or_json).collect();
            values.join(",")
        }
        other => other.to_string(),
    }
}

fn cidr(block: &str, count: &Value, bits: Option<&Value>) -> Result<Value, String> {
    let bad = || format!("Template error: {block} cannot be cut by Fn::Cidr");
    let number = |value: Value| text_or_json(value).parse::<u32>().map_err(|_| bad());
    let (address, length) = block.split_once('/').ok_or_else(bad)?;
    let address: Ipv4Addr = address.parse().map_err(|_| bad())?;
    let length: u32 = length.parse().map_err(|_| bad())?;
    let (count, bits) = (
        number(count.clone())?,
        number(bits.cloned().unwrap_or(json!(8)))?,
    );
    let room = 32_u32
        .checked_sub(length)
        .and_then(|room| room.checked_sub(bits));
    let fits = room.is_some_and(|room| u64::from(count) <= 1 << room);
    if !fits || bits > 31 {
        return Err(bad());
    }
    let start = u32::from(address);
    let each = (0..count).map(|index| {
        let address = Ipv4Addr::from(start.wrapping_add(index << bits));
        format!("{address}/{}", 32 - bits)
    });
    Ok(each.collect())
}
