//! What names what: everything named exists, where it is named, and nothing waits for itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::stack_template::{Name, Template, names};

/// Attributes that the templates may ask of a kind of resource.
const ATTRIBUTES: [(&str, &[&str]); 12] = [
    ("AWS::DynamoDB::Table", &["Arn"]),
    ("AWS::EC2::SecurityGroup", &["GroupId"]),
    ("AWS::ECR::Repository", &["Arn", "RepositoryUri"]),
    ("AWS::ECS::Cluster", &["Arn"]),
    ("AWS::Events::Rule", &["Arn"]),
    ("AWS::IAM::Role", &["Arn"]),
    ("AWS::Lambda::Function", &["Arn"]),
    ("AWS::Lambda::Url", &["FunctionUrl"]),
    ("AWS::Logs::LogGroup", &["Arn"]),
    ("AWS::S3::Bucket", &["Arn"]),
    ("AWS::SNS::Topic", &["TopicArn"]),
    ("AWS::SQS::Queue", &["Arn", "QueueName"]),
];

/// The largest template that can be handed over in a call, without a bucket.
const MAX_BYTES: usize = 51_200;

#[test]
fn everything_that_is_named_exists() {
    for template in Template::both() {
        let parameters = template.part("Parameters");
        let conditions = template.part("Conditions");
        let kinds: BTreeMap<_, _> = template
            .resources()
            .iter()
            .map(|resource| (resource.id.to_owned(), resource.kind.to_owned()))
            .collect();
        for part in ["Conditions", "Resources", "Outputs"] {
            for name in names(template.value(part)) {
                let exists = match &name {
                    Name::Ref(id) => {
                        id.starts_with("AWS::")
                            || parameters.contains_key(id)
                            || kinds.contains_key(id)
                    }
                    Name::Attribute(id, attribute) => kinds.get(id).is_some_and(|kind| {
                        let of_kind = ATTRIBUTES.iter().find(|(known, _)| known == kind);
                        of_kind.is_some_and(|(_, known)| known.contains(&attribute.as_str()))
                    }),
                    Name::Condition(id) => conditions.contains_key(id),
                };
                assert!(exists, "{name:?} in {part}");
            }
        }
        for resource in template.resources() {
            for id in resource.depends_on() {
                assert!(kinds.contains_key(id), "{} depends on {id}", resource.id);
            }
        }
    }
}

#[test]
fn every_parameter_and_condition_is_used() {
    for template in Template::both() {
        let used: BTreeSet<Name> = ["Conditions", "Resources", "Outputs"]
            .iter()
            .flat_map(|part| names(template.value(part)))
            .collect();
        for id in template.part("Parameters").keys() {
            assert!(used.contains(&Name::Ref(id.clone())), "{id}");
        }
        for id in template.part("Conditions").keys() {
            assert!(used.contains(&Name::Condition(id.clone())), "{id}");
        }
    }
}

#[test]
fn nothing_waits_for_itself() {
    for template in Template::both() {
        let mut left: BTreeMap<&str, BTreeSet<String>> = template
            .resources()
            .iter()
            .map(|resource| {
                let named = names(resource.body)
                    .into_iter()
                    .filter_map(|name| match name {
                        Name::Ref(id) | Name::Attribute(id, _) => Some(id),
                        Name::Condition(_) => None,
                    });
                let waits = resource.depends_on().into_iter().map(str::to_owned);
                (resource.id, named.chain(waits).collect())
            })
            .collect();
        while !left.is_empty() {
            let is_left = |id: &String| left.contains_key(id.as_str());
            let ready: Vec<&str> = left
                .iter()
                .filter(|(_, waits)| !waits.iter().any(is_left))
                .map(|(id, _)| *id)
                .collect();
            assert!(!ready.is_empty(), "in a circle: {left:?}");
            left.retain(|id, _| !ready.contains(id));
        }
    }
}

/// What is known at a place of the template: conditions, and whether they hold there.
type Known<'a> = Vec<(&'a str, bool)>;

#[test]
fn what_may_be_missing_is_only_named_where_it_is_there() {
    let template = Template::main();
    let resources = template.resources();
    let needs: BTreeMap<&str, &str> = resources
        .iter()
        .filter_map(|resource| Some((resource.id, resource.body["Condition"].as_str()?)))
        .collect();
    assert!(needs.len() > 5, "the template has conditional resources");
    for resource in &resources {
        let known = needs.get(resource.id).map(|condition| (*condition, true));
        check_presence(
            resource.body,
            &known.into_iter().collect(),
            &needs,
            resource.id,
        );
    }
    check_presence(template.value("Outputs"), &Known::new(), &needs, "Outputs");
}

fn check_presence(value: &Value, known: &Known<'_>, needs: &BTreeMap<&str, &str>, place: &str) {
    if let Some(choice) = value.get("Fn::If") {
        for (branch, holds) in [(&choice[1], true), (&choice[2], false)] {
            let mut known = known.clone();
            known.push((choice[0].as_str().unwrap(), holds));
            check_presence(branch, &known, needs, place);
        }
        return;
    }
    match value {
        Value::Object(map) if map.len() == 1 && names(value).len() == 1 => {
            for name in names(value) {
                let (Name::Ref(id) | Name::Attribute(id, _)) = name else {
                    continue;
                };
                let is_there = needs
                    .get(id.as_str())
                    .is_none_or(|need| known.contains(&(*need, true)));
                assert!(is_there, "{place} names {id}, which may be missing");
            }
            map.values()
                .for_each(|inner| check_presence(inner, known, needs, place));
        }
        Value::Object(map) => map
            .values()
            .for_each(|inner| check_presence(inner, known, needs, place)),
        Value::Array(items) => items
            .iter()
            .for_each(|inner| check_presence(inner, known, needs, place)),
        _ => {}
    }
}

#[test]
fn templates_can_be_handed_over_without_a_bucket() {
    for template in Template::both() {
        assert!(
            template.text.len() < MAX_BYTES,
            "{} bytes",
            template.text.len()
        );
    }
}
