//! A template in one form: the short tags of YAML become the long names of functions.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

const MAIN: &str = include_str!("../../../../deployments/aws/template.yaml");
const BOOTSTRAP: &str = include_str!("../../../../deployments/aws/bootstrap.yaml");

/// A `CloudFormation` template.
pub(crate) struct Template {
    pub(crate) text: &'static str,
    root: Value,
}

/// A resource of a template.
#[derive(Clone, Copy)]
pub(crate) struct Resource<'a> {
    pub(crate) id: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) body: &'a Value,
}

impl<'a> Resource<'a> {
    pub(crate) fn property(&self, name: &str) -> &'a Value {
        &self.body["Properties"][name]
    }

    /// What it waits for beside what it names.
    pub(crate) fn depends_on(&self) -> Vec<&'a str> {
        strings(&self.body["DependsOn"])
    }
}

impl Template {
    pub(crate) fn main() -> Self {
        Self::parse(MAIN)
    }

    pub(crate) fn bootstrap() -> Self {
        Self::parse(BOOTSTRAP)
    }

    pub(crate) fn both() -> [Self; 2] {
        [Self::main(), Self::bootstrap()]
    }

    pub(crate) fn parse(text: &'static str) -> Self {
        let root = plain(serde_yaml_ng::from_str(text).unwrap());
        Self { text, root }
    }

    /// A part such as `Parameters`; nothing if there is no such part.
    pub(crate) fn part(&self, name: &str) -> Map<String, Value> {
        self.root[name].as_object().cloned().unwrap_or_default()
    }

    pub(crate) fn value(&self, name: &str) -> &Value {
        &self.root[name]
    }

    pub(crate) fn resources(&self) -> Vec<Resource<'_>> {
        let resources = self.root["Resources"].as_object().unwrap();
        resources
            .iter()
            .map(|(id, body)| Resource {
                id,
                kind: body["Type"].as_str().unwrap(),
                body,
            })
            .collect()
    }

    pub(crate) fn of_kind(&self, kind: &str) -> Vec<Resource<'_>> {
        let all = self.resources().into_iter();
        all.filter(|resource| resource.kind == kind).collect()
    }

    pub(crate) fn resource(&self, id: &str) -> Resource<'_> {
        let mut all = self.resources().into_iter();
        all.find(|resource| resource.id == id).unwrap()
    }
}

/// Something that an expression names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    /// A parameter, a resource or a pseudo parameter.
    Ref(String),
    /// An attribute of a resource.
    Attribute(String, String),
    /// A condition.
    Condition(String),
}

/// Everything named in a value.
pub(crate) fn names(value: &Value) -> BTreeSet<Name> {
    let mut found = BTreeSet::new();
    visit(value, &mut |function, argument| match function {
        "Ref" => {
            found.insert(Name::Ref(argument.as_str().unwrap().to_owned()));
        }
        "Fn::GetAtt" => {
            let parts = strings(argument);
            found.insert(Name::Attribute(parts[0].to_owned(), parts[1].to_owned()));
        }
        "Fn::Sub" => found.extend(variables(argument.as_str().unwrap())),
        "Fn::If" => {
            found.insert(Name::Condition(argument[0].as_str().unwrap().to_owned()));
        }
        "Condition" if argument.is_string() => {
            found.insert(Name::Condition(argument.as_str().unwrap().to_owned()));
        }
        _ => {}
    });
    found
}

/// Calls `see` with every key and value in a value, however deep.
pub(crate) fn visit<'a>(value: &'a Value, see: &mut impl FnMut(&'a str, &'a Value)) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                see(key, inner);
                visit(inner, see);
            }
        }
        Value::Array(items) => {
            for item in items {
                visit(item, see);
            }
        }
        _ => {}
    }
}

/// The names in a text of `Fn::Sub`.
fn variables(text: &str) -> Vec<Name> {
    let inner = text.split("${").skip(1);
    let names = inner.map(|rest| rest.split_once('}').unwrap().0);
    names
        .map(|name| match name.split_once('.') {
            Some((id, attribute)) => Name::Attribute(id.to_owned(), attribute.to_owned()),
            None => Name::Ref(name.to_owned()),
        })
        .collect()
}

/// A text, or every text of a list.
pub(crate) fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap()).collect(),
        Value::String(text) => vec![text],
        _ => Vec::new(),
    }
}

/// A value, or every value of a list.
pub(crate) fn values(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        other => vec![other],
    }
}

fn plain(value: serde_yaml_ng::Value) -> Value {
    use serde_yaml_ng::Value as Yaml;
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => json!(flag),
        Yaml::Number(number) => json!(number.as_i64().unwrap()),
        Yaml::String(text) => json!(text),
        Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
        Yaml::Mapping(map) => {
            let pairs = map.into_iter();
            let pairs = pairs.map(|(key, value)| (key.as_str().unwrap().to_owned(), plain(value)));
            Value::Object(pairs.collect())
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            function(tag.trim_start_matches('!'), &plain(tagged.value))
        }
    }
}

fn function(tag: &str, argument: &Value) -> Value {
    match (tag, argument) {
        ("Ref" | "Condition", _) => json!({ tag: argument }),
        ("GetAtt", Value::String(path)) => {
            let (id, attribute) = path.split_once('.').unwrap();
            json!({ "Fn::GetAtt": [id, attribute] })
        }
        _ => json!({ format!("Fn::{tag}"): argument }),
    }
}

#[test]
fn short_tags_are_read_as_functions() {
    let template = Template::parse(
        "{Resources: {A: {Type: T, Properties: {B: !GetAtt C.D, E: !If [F, !Sub 'g${H}i${J.K}', !Ref L]}}}}",
    );
    let body = template.resource("A").body;
    assert_eq!(body["Properties"]["B"], json!({"Fn::GetAtt": ["C", "D"]}));
    let expected = [
        Name::Ref("H".to_owned()),
        Name::Ref("L".to_owned()),
        Name::Attribute("C".to_owned(), "D".to_owned()),
        Name::Attribute("J".to_owned(), "K".to_owned()),
        Name::Condition("F".to_owned()),
    ];
    assert_eq!(names(body), BTreeSet::from(expected));
}
