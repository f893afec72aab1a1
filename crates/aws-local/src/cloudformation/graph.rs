//! What refers to what, and the order that follows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::template::{Declared, Template};

/// Names that a text refers to by `Ref`, `Fn::GetAtt` and `Fn::Sub`.
pub(crate) fn named(value: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    collect(value, &mut names);
    names
}

/// The resources that one resource waits for.
pub(crate) fn dependencies(template: &Template, resource: &Declared<'_>) -> BTreeSet<String> {
    let mut names = named(resource.properties());
    match resource.body().get("DependsOn") {
        Some(Value::String(name)) => {
            names.insert(name.clone());
        }
        Some(Value::Array(list)) => {
            names.extend(list.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        _ => {}
    }
    names.retain(|name| template.entry("Resources", name).is_some());
    names
}

/// Resources in an order in which each comes after what it refers to.
pub(crate) fn order(template: &Template) -> Result<Vec<String>, String> {
    let mut waiting: BTreeMap<String, BTreeSet<String>> = template
        .resources()
        .map(|resource| {
            let needs = dependencies(template, &resource);
            (resource.logical_id.to_owned(), needs)
        })
        .collect();
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let ready: Vec<String> = waiting
            .iter()
            .filter(|(_, needs)| needs.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        if ready.is_empty() {
            let names: Vec<_> = waiting.into_keys().collect();
            return Err(format!(
                "Circular dependency between resources: [{}]",
                names.join(", ")
            ));
        }
        for name in &ready {
            waiting.remove(name);
        }
        for needs in waiting.values_mut() {
            needs.retain(|need| !ready.contains(need));
        }
        order.extend(ready);
    }
    Ok(order)
}

fn collect(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, names)),
        Value::Object(fields) => {
            for (key, value) in fields {
                match (key.as_str(), value) {
                    ("Ref", Value::String(name)) => {
                        names.insert(name.clone());
                    }
                    ("Fn::GetAtt", Value::Array(parts)) => {
                        names.extend(parts.first().and_then(Value::as_str).map(str::to_owned));
                    }
                    ("Fn::Sub", value) => collect_sub(value, names),
                    _ => collect(value, names),
                }
            }
        }
        _ => {}
    }
}

fn collect_sub(value: &Value, names: &mut BTreeSet<String>) {
    let (text, given) = match value {
        Value::String(text) => (text.as_str(), None),
        Value::Array(parts) => (
            parts.first().and_then(Value::as_str).unwrap_or_default(),
            parts.get(1),
        ),
        _ => return,
    };
    if let Some(given) = given {
        collect(given, names);
    }
    for name in placeholders(text) {
        let name = name.split('.').next().unwrap_or_default();
        if given.and_then(|given| given.get(name)).is_none() {
            names.insert(name.to_owned());
        }
    }
}

/// The names between `${` and `}`; `${!Literal}` is none.
pub(crate) fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('}')?;
        (!name.starts_with('!')).then_some(name)
    })
}
