//! The templates, read well enough to say what they make and what outlives their stack.

use std::collections::BTreeMap;

use serde_yaml_ng::{Mapping, Value};

use crate::error::InfraError;
use crate::project::Project;

const MAIN: &str = include_str!("../../../deployments/aws/template.yaml");
const BOOTSTRAP: &str = include_str!("../../../deployments/aws/bootstrap.yaml");

/// A `CloudFormation` template.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub(crate) text: String,
    root: Mapping,
}

/// A parameter of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) has_default: bool,
}

/// A resource of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) logical_id: String,
    pub(crate) type_name: String,
    /// It is made only under a condition.
    pub(crate) is_conditional: bool,
}

/// A resource that outlives its stack and has a name of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Retained {
    pub(crate) logical_id: String,
    pub(crate) kind: RetainedKind,
    pub(crate) name: String,
}

/// What can be found again by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetainedKind {
    Table,
    LogGroup,
}

impl RetainedKind {
    pub(crate) const fn resource_type(self) -> &'static str {
        match self {
            Self::Table => "AWS::DynamoDB::Table",
            Self::LogGroup => "AWS::Logs::LogGroup",
        }
    }

    /// The property that holds the name, and by which a resource is imported.
    pub(crate) const fn name_property(self) -> &'static str {
        match self {
            Self::Table => "TableName",
            Self::LogGroup => "LogGroupName",
        }
    }

    fn of(resource_type: &str) -> Option<Self> {
        [Self::Table, Self::LogGroup]
            .into_iter()
            .find(|kind| kind.resource_type() == resource_type)
    }
}

impl Template {
    /// The stack of the control plane.
    pub(crate) fn main() -> Result<Self, InfraError> {
        Self::parse(MAIN)
    }

    /// The stack of the bucket and the repository.
    pub(crate) fn bootstrap() -> Result<Self, InfraError> {
        Self::parse(BOOTSTRAP)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, InfraError> {
        let root = serde_yaml_ng::from_str(text).map_err(|error| {
            InfraError::failed("the template of this program cannot be read").because_of(&error)
        })?;
        let text = text.to_owned();
        Ok(Self { text, root })
    }

    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        self.section("Parameters")
            .map(|(name, body)| Parameter {
                name: name.to_owned(),
                has_default: body.get("Default").is_some(),
            })
            .collect()
    }

    pub(crate) fn resources(&self) -> Vec<Resource> {
        self.section("Resources")
            .map(|(name, body)| Resource {
                logical_id: name.to_owned(),
                type_name: text(body, "Type").unwrap_or_default().to_owned(),
                is_conditional: body.get("Condition").is_some(),
            })
            .collect()
    }

    /// Tables and log groups that stay when the stack is deleted.
    pub(crate) fn retained(&self, project: &Project) -> Vec<Retained> {
        self.section("Resources")
            .filter_map(|(logical_id, body)| {
                let policy = text(body, "DeletionPolicy")?;
                let kind = RetainedKind::of(text(body, "Type")?)?;
                let name = body.get("Properties")?.get(kind.name_property())?;
                let name = resolve(name, project)?;
                policy.starts_with("Retain").then(|| Retained {
                    logical_id: logical_id.to_owned(),
                    kind,
                    name,
                })
            })
            .collect()
    }

    /// The template of these resources alone, as an import wants it.
    pub(crate) fn reduced_to(&self, logical_ids: &[&str]) -> Result<String, InfraError> {
        let mut root = self.root.clone();
        for gone in ["Outputs", "Rules", "Metadata"] {
            root.remove(gone);
        }
        if let Some(Value::Mapping(resources)) = root.get_mut("Resources") {
            resources.retain(|name, _| {
                name.as_str()
                    .is_some_and(|name| logical_ids.contains(&name))
            });
            for (_, body) in resources.iter_mut() {
                if let Value::Mapping(body) = body {
                    body.remove("DependsOn");
                }
            }
        }
        serde_yaml_ng::to_string(&root).map_err(|error| {
            InfraError::failed("the template for the import cannot be written").because_of(&error)
        })
    }

    fn section<'a>(&'a self, name: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let section = self.root.get(name).and_then(Value::as_mapping);
        let entries = section.into_iter().flat_map(Mapping::iter);
        entries.filter_map(|(name, body)| Some((name.as_str()?, body)))
    }
}

fn text<'a>(body: &'a Value, key: &str) -> Option<&'a str> {
    body.get(key)?.as_str()
}

/// The text that a name becomes: a plain one, or a `!Sub` of the project's name.
fn resolve(value: &Value, project: &Project) -> Option<String> {
    let pattern = match value {
        Value::String(text) => return Some(text.clone()),
        Value::Tagged(tagged) if tagged.tag == "Sub" => tagged.value.as_str()?,
        Value::Mapping(mapping) => mapping.get("Fn::Sub")?.as_str()?,
        _ => return None,
    };
    let name = pattern.replace("${ProjectName}", project.as_str());
    (!name.contains("${")).then_some(name)
}

/// How often each type of resource comes, by type.
pub(crate) fn count_types(resources: &[Resource]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for resource in resources {
        *counts.entry(resource.type_name.as_str()).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "\
Parameters:
  ProjectName: {Type: String, Default: runvoy}
  AgentImage: {Type: String}
Conditions:
  HasMail: !Not [!Equals [!Ref Mail, '']]
Resources:
  Users:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: RetainExceptOnCreate
    DependsOn: Api
    Properties:
      TableName: !Sub '${ProjectName}-users'
      Tags: [{Key: a, Value: !Ref ProjectName}]
  Log:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: Retain
    Properties:
      LogGroupName: {Fn::Sub: '/runvoy/${ProjectName}/tasks'}
  Scratch:
    Type: AWS::DynamoDB::Table
    Properties: {TableName: scratch}
  Api:
    Type: AWS::Lambda::Function
    Condition: HasMail
Outputs:
  Version: {Value: '1'}
";

    fn project() -> Project {
        "acme".parse().unwrap()
    }

    #[test]
    fn what_outlives_the_stack_is_found_by_name() {
        let retained = Template::parse(SMALL).unwrap().retained(&project());
        let names: Vec<_> = retained.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["acme-users", "/runvoy/acme/tasks"]);
    }

    #[test]
    fn an_import_keeps_the_functions_of_the_template() {
        let reduced = Template::parse(SMALL)
            .unwrap()
            .reduced_to(&["Users"])
            .unwrap();
        assert!(reduced.contains("!Sub"), "{reduced}");
        let again = Template::parse(&reduced).unwrap();
        assert_eq!(again.resources().len(), 1);
        assert_eq!(again.retained(&project())[0].name, "acme-users");
        assert_eq!(again.parameters().len(), 2);
        assert!(!reduced.contains("DependsOn") && !reduced.contains("Outputs"));
    }

    #[test]
    fn parameters_without_a_default_are_told_apart() {
        let parameters = Template::parse(SMALL).unwrap().parameters();
        assert!(parameters[0].has_default && !parameters[1].has_default);
    }

    #[test]
    fn the_real_templates_can_be_read() {
        let main = Template::main().unwrap();
        let tables = main.retained(&project());
        assert!(
            tables.iter().any(|one| one.name == "acme-users"),
            "{tables:?}"
        );
        assert!(main.parameters().iter().any(|one| one.name == "AgentImage"));
        assert!(!Template::bootstrap().unwrap().resources().is_empty());
    }
}
