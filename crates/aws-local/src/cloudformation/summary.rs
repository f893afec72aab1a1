//! What can be said of a template alone.

use serde_json::{Value, json};

use super::CloudFormation;
use super::intrinsic::text_or_json;
use super::parameters::is_hidden;
use super::template::Template;
use crate::control::query::{Failure, Form};

impl CloudFormation {
    /// `ValidateTemplate`.
    pub(super) async fn validate(&self, form: &Form) -> Result<Value, Failure> {
        let template = self.template(form, None).await?;
        let parameters = template.section("Parameters").map(|(name, body)| {
            json!({
                "ParameterKey": name,
                "DefaultValue": body.get("Default").cloned().map(text_or_json),
                "NoEcho": is_hidden(body),
                "Description": body.get("Description"),
            })
        });
        Ok(json!({
            "Parameters": parameters.collect::<Vec<_>>(),
            "Description": template.description(),
            "Capabilities": template.capability().into_iter().collect::<Vec<_>>(),
        }))
    }

    /// `GetTemplateSummary`, of a template or of a stack.
    pub(super) async fn summarize(&self, form: &Form) -> Result<Value, Failure> {
        let template = match form.get("StackName") {
            Some(_) => {
                let stack = self.named(form)?;
                let plan = stack.plan.ok_or_else(|| {
                    Failure::validation(format!("Stack {} has no template yet", stack.name))
                })?;
                plan.template
            }
            None => self.template(form, None).await?,
        };
        let mut kinds: Vec<_> = template.resources().map(|resource| resource.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        Ok(json!({
            "Parameters": template.section("Parameters").map(declaration).collect::<Vec<_>>(),
            "Description": template.description(),
            "Capabilities": template.capability().into_iter().collect::<Vec<_>>(),
            "ResourceTypes": kinds,
            "ResourceIdentifierSummaries": identifiers(&template),
        }))
    }
}

fn declaration((name, body): (&str, &Value)) -> Value {
    let allowed = body.get("AllowedValues").and_then(Value::as_array);
    let allowed: Vec<_> = allowed
        .into_iter()
        .flatten()
        .cloned()
        .map(text_or_json)
        .collect();
    json!({
        "ParameterKey": name,
        "ParameterType": body.get("Type"),
        "DefaultValue": body.get("Default").cloned().map(text_or_json),
        "NoEcho": is_hidden(body),
        "Description": body.get("Description"),
        "ParameterConstraints": { "AllowedValues": allowed },
    })
}

fn identifiers(template: &Template) -> Vec<Value> {
    let kinds = [
        ("AWS::DynamoDB::Table", "TableName"),
        ("AWS::Logs::LogGroup", "LogGroupName"),
        ("AWS::S3::Bucket", "BucketName"),
        ("AWS::ECR::Repository", "RepositoryName"),
    ];
    let mut summaries = Vec::new();
    for (kind, property) in kinds {
        let of_kind = template
            .resources()
            .filter(|resource| resource.kind == kind);
        let names: Vec<_> = of_kind.map(|resource| resource.logical_id).collect();
        if !names.is_empty() {
            summaries.push(json!({
                "ResourceType": kind,
                "LogicalResourceIds": names,
                "ResourceIdentifiers": [property],
            }));
        }
    }
    summaries
}
