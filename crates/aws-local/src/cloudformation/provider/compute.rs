//! Functions, URLs, rules, queues and roles; everything else is only remembered.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::{Made, Wanted, World};
use crate::cloudformation::intrinsic::text_or_json;
use crate::cloudformation::stack::Resource;
use crate::events::{Rule, Target};
use crate::lambda::Function;

impl World {
    /// Makes or changes a resource that is put in one and the same way.
    pub(super) async fn put(&self, wanted: &Wanted, made: &mut Made) -> Result<(), String> {
        let properties = &wanted.properties;
        let id = made.physical_id.as_str();
        match wanted.kind.as_str() {
            "AWS::Lambda::Function" => return self.put_function(id, properties).await,
            "AWS::Lambda::Url" => {
                let function = short(text(properties, "TargetFunctionArn")?);
                let opened = self.lambdas.put_url(function).await;
                let url = opened.map_err(|error| format!("{error:#}"))?;
                made.attributes.insert("FunctionUrl".to_owned(), json!(url));
                let function = properties.get("TargetFunctionArn").cloned();
                let function = function.unwrap_or_default();
                made.attributes.insert("FunctionArn".to_owned(), function);
            }
            "AWS::Lambda::EventInvokeConfig" => self.put_destination(properties)?,
            "AWS::Events::Rule" => {
                let put = self.events.put_rule(rule(id, properties)?);
                put.map_err(|error| error.to_string())?;
            }
            "AWS::SQS::Queue" => self.queues.put(id),
            kind if kind.starts_with("AWS::IAM::") => self.policies.put(kind, id, properties),
            kind if kind.starts_with("AWS::EC2::") => self.network.put(id, kind, properties),
            _ => {}
        }
        Ok(())
    }

    /// Removes what [`Self::put`] made.
    pub(super) fn remove(&self, resource: &Resource) -> Result<(), String> {
        let id = resource.physical_id.as_str();
        match resource.kind.as_str() {
            "AWS::Lambda::Function" => drop(self.lambdas.delete_function(id)),
            "AWS::Lambda::Url" => drop(self.lambdas.delete_url(short(id))),
            "AWS::Lambda::EventInvokeConfig" => {
                let function = text(&resource.properties, "FunctionName")?;
                // The function may be gone already, and its settings with it.
                drop(self.lambdas.put_destination(short(function), None));
            }
            "AWS::Events::Rule" => drop(self.events.delete_rule(id)),
            "AWS::SQS::Queue" => drop(self.queues.delete(id)),
            kind if kind.starts_with("AWS::IAM::") => self.policies.remove(id),
            kind if kind.starts_with("AWS::EC2::") => self.network.remove(id),
            _ => {}
        }
        Ok(())
    }

    async fn put_function(&self, name: &str, properties: &Value) -> Result<(), String> {
        let code = properties.get("Code").unwrap_or(&Value::Null);
        let (bucket, key) = (text(code, "S3Bucket")?, text(code, "S3Key")?);
        let object = self
            .backend
            .s3(Method::GET, &format!("{bucket}/{key}"))
            .await;
        let zip = object.map_err(|refused| {
            format!(
                "Resource handler returned message: \"Error occurred while GetObject. S3 Error Code: {}. S3 Error Message: {} (Service: Lambda, Status Code: 400)\" (HandlerErrorCode: InvalidRequest)",
                refused.code, refused.message
            )
        })?;
        let caller = caller_of(name);
        if let Some(role) = properties.get("Role").and_then(Value::as_str) {
            self.policies.set_role(&caller, role);
        }
        let function = Function {
            name: name.to_owned(),
            zip,
            environment: environment(properties),
            timeout: Duration::from_secs(number(properties, "Timeout", 3)?),
            memory_mb: u32::try_from(number(properties, "MemorySize", 128)?).unwrap_or(u32::MAX),
            access_key_id: caller,
        };
        let put = self.lambdas.put_function(function).await;
        put.map_err(|error| format!("Resource handler returned message: \"{error:#}\" (HandlerErrorCode: InvalidRequest)"))?;
        let reserved = properties.get("ReservedConcurrentExecutions").map(|_| ());
        let reserved = match reserved {
            Some(()) => Some(number(properties, "ReservedConcurrentExecutions", 0)?),
            None => None,
        };
        let reserved = reserved.and_then(|reserved| usize::try_from(reserved).ok());
        let limited = self.lambdas.put_concurrency(name, reserved);
        limited.map_err(|error| error.to_string())
    }

    fn put_destination(&self, properties: &Value) -> Result<(), String> {
        let function = short(text(properties, "FunctionName")?);
        let queue = properties.pointer("/DestinationConfig/OnFailure/Destination");
        let queue = queue.and_then(Value::as_str).map(short);
        let named = self.lambdas.put_destination(function, queue);
        named.map_err(|error| error.to_string())?;
        let retries = number(properties, "MaximumRetryAttempts", 2)?;
        let retries = usize::try_from(retries).unwrap_or(usize::MAX);
        let limited = self.lambdas.put_retries(function, retries);
        limited.map_err(|error| error.to_string())
    }
}

/// The access key id that a function calls AWS with: the functions of `runvoy` are told apart by what they are, those of
/// another project also by its name.
fn caller_of(function: &str) -> String {
    let (project, suffix) = function.split_once('-').unwrap_or((function, ""));
    let part = match suffix {
        "api" => "API",
        "agent" => "AGENT",
        "event-processor" => "EVENTS",
        _ => "FUNCTION",
    };
    let project = if project == "runvoy" { "" } else { project };
    format!("AKIALOCAL{}{part}", project.to_ascii_uppercase())
}

fn environment(properties: &Value) -> BTreeMap<String, String> {
    let variables = properties.pointer("/Environment/Variables");
    let variables = variables.and_then(Value::as_object).into_iter().flatten();
    variables
        .map(|(name, value)| (name.clone(), text_or_json(value.clone())))
        .collect()
}

fn rule(name: &str, properties: &Value) -> Result<Rule, String> {
    let targets = properties.get("Targets").and_then(Value::as_array);
    let targets = targets.into_iter().flatten().map(|target| {
        let input = target.get("Input").and_then(Value::as_str);
        let input = input.map(serde_json::from_str).transpose();
        let queue = target.pointer("/DeadLetterConfig/Arn");
        Ok(Target {
            function: short(text(target, "Arn")?).to_owned(),
            input: input.map_err(|error| format!("a target's input is no JSON: {error}"))?,
            dead_letter: queue
                .and_then(Value::as_str)
                .map(|queue| short(queue).to_owned()),
        })
    });
    let schedule = properties.get("ScheduleExpression").and_then(Value::as_str);
    Ok(Rule {
        name: name.to_owned(),
        pattern: properties.get("EventPattern").cloned(),
        every: schedule.map(period).transpose()?,
        targets: targets.collect::<Result<_, String>>()?,
        enabled: properties.get("State") != Some(&json!("DISABLED")),
    })
}

fn period(expression: &str) -> Result<Duration, String> {
    let bad = || format!("Parameter ScheduleExpression is not valid: {expression}");
    let rate = expression
        .strip_prefix("rate(")
        .and_then(|rest| rest.strip_suffix(')'));
    let (count, unit) = rate.and_then(|rate| rate.split_once(' ')).ok_or_else(bad)?;
    let count: u64 = count.parse().map_err(|_| bad())?;
    // One of them is singular, and AWS insists.
    let seconds = match (unit, count) {
        ("minute", 1) | ("minutes", 2..) => 60,
        ("hour", 1) | ("hours", 2..) => 3600,
        ("day", 1) | ("days", 2..) => 86_400,
        _ => return Err(bad()),
    };
    Ok(Duration::from_secs(count * seconds))
}

fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    let found = value.get(name).and_then(Value::as_str);
    found.ok_or_else(|| format!("Properties validation failed: required key [{name}] not found"))
}

fn number(value: &Value, name: &str, default: u64) -> Result<u64, String> {
    match value.get(name) {
        None => Ok(default),
        Some(value) => text_or_json(value.clone())
            .parse()
            .map_err(|_| format!("Properties validation failed: {name}: expected type: Integer")),
    }
}

/// The name at the end of an ARN.
fn short(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}
