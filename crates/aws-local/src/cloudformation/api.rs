//! The operations, by name.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use super::CloudFormation;
use super::parameters::{Parameters, resolve};
use super::stack::{Plan, Stack};
use super::template::Template;
use crate::control::query::{Failure, Form, answer, refuse};
use crate::sync::{lock, now};
use crate::{Call, Reply};

const NAMESPACE: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";

impl CloudFormation {
    /// Answers a call.
    pub(crate) async fn handle(&self, call: &Call) -> Reply {
        let form = Form::parse(&call.body);
        let action = form.get("Action").unwrap_or_default();
        match self.answer(action, &form).await {
            Ok(result) => answer(NAMESPACE, action, &result),
            Err(failure) => refuse(&failure),
        }
    }

    async fn answer(&self, action: &str, form: &Form) -> Result<Value, Failure> {
        match action {
            "CreateChangeSet" => self.create_change_set(form).await,
            "DescribeChangeSet" => self.describe_change_set(form),
            "ExecuteChangeSet" => self.execute_change_set(form),
            "DeleteChangeSet" => self.delete_change_set(form),
            "ListChangeSets" => self.list_change_sets(form),
            "CreateStack" => self.create_stack(form).await,
            "UpdateStack" => self.update_stack(form).await,
            "DeleteStack" => self.delete_stack(form),
            "DescribeStacks" => self.describe_stacks(form),
            "ListStacks" => Ok(self.list_stacks(form)),
            "DescribeStackEvents" => self.describe_events(form),
            "ListStackResources" => self.list_resources(form),
            "DescribeStackResources" => self.describe_resources(form),
            "DescribeStackResource" => self.describe_resource(form),
            "GetTemplate" => self.get_template(form),
            "GetTemplateSummary" => self.summarize(form).await,
            "ValidateTemplate" => self.validate(form).await,
            "UpdateTerminationProtection" => self.protect(form),
            _ => Err(Failure::new(
                "InvalidAction",
                format!("Could not find operation {action}"),
            )),
        }
    }

    /// The template that a request brings, or the stack's own.
    pub(super) async fn template(
        &self,
        form: &Form,
        stack: Option<&Stack>,
    ) -> Result<Template, Failure> {
        if form.is("UsePreviousTemplate") {
            let plan = stack.and_then(|stack| stack.plan.as_ref());
            return plan
                .map(|plan| plan.template.clone())
                .ok_or_else(|| Failure::validation("There is no previous template to use."));
        }
        if let Some(url) = form.get("TemplateURL") {
            let body = self.world().backend.s3(Method::GET, &object_of(url)).await;
            let body = body.map_err(|refused| {
                Failure::validation(format!("S3 error: {} ({})", refused.message, refused.code))
            })?;
            return Template::parse(&String::from_utf8_lossy(&body));
        }
        let text = form.get("TemplateBody").ok_or_else(|| {
            Failure::validation("Either Template URL or Template Body must be specified.")
        })?;
        if text.len() > 51_200 {
            return Err(Failure::validation(
                "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200",
            ));
        }
        Template::parse(text)
    }

    /// What a request asks a stack to become.
    pub(super) async fn plan(&self, form: &Form, stack: Option<&Stack>) -> Result<Plan, Failure> {
        let template = self.template(form, stack).await?;
        let previous = stack.map(Stack::parameters).unwrap_or_default();
        let parameters = resolve(&template, form, &previous)?;
        let capabilities = form.list("Capabilities.member");
        if let Some(needed) = template.capability() {
            let has_needed = capabilities
                .iter()
                .any(|given| given == "CAPABILITY_NAMED_IAM" || given == needed);
            if !has_needed {
                return Err(Failure::new(
                    "InsufficientCapabilitiesException",
                    format!("Requires capabilities : [{needed}]"),
                ));
            }
        }
        let mut imports = Parameters::new();
        for record in form.records("ResourcesToImport.member") {
            let identifier = record.records("ResourceIdentifier.entry");
            let value = identifier.first().and_then(|entry| entry.get("value"));
            let value =
                value.ok_or_else(|| Failure::validation("ResourceIdentifier must not be empty"))?;
            imports.insert(
                record.required("LogicalResourceId")?.to_owned(),
                value.to_owned(),
            );
        }
        let failures = [form.get("OnFailure"), form.get("OnStackFailure")];
        Ok(Plan {
            template,
            parameters,
            tags: tags(form, stack),
            capabilities,
            imports,
            keeps_failures: failures.contains(&Some("DO_NOTHING")) || form.is("DisableRollback"),
        })
    }

    /// The stack of that name, as it is now.
    pub(super) fn stack(&self, name: &str) -> Option<Stack> {
        self.with(name, |stack| stack.clone())
    }

    /// The stack that a request names.
    pub(super) fn named(&self, form: &Form) -> Result<Stack, Failure> {
        let name = form.required("StackName")?;
        self.stack(name).ok_or_else(|| does_not_exist(name))
    }

    /// Begins the history of a stack.
    pub(super) fn begin_stack(&self, name: &str, status: &'static str) -> Result<String, Failure> {
        let mut characters = name.chars();
        let is_good = characters
            .next()
            .is_some_and(|first| first.is_ascii_alphabetic())
            && characters.all(|each| each.is_ascii_alphanumeric() || each == '-')
            && name.len() <= 128;
        if !is_good {
            return Err(Failure::validation(format!(
                "1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
            )));
        }
        let stack = Stack {
            status,
            ..self.empty_stack(name)
        };
        let id = stack.id.clone();
        lock(&self.inner.stacks).push(stack);
        self.set_status(&id, status, Some("User Initiated".to_owned()));
        Ok(id)
    }

    /// A stack that has nothing yet.
    pub(super) fn empty_stack(&self, name: &str) -> Stack {
        Stack {
            name: name.to_owned(),
            id: self.arn("stack", name),
            status: "REVIEW_IN_PROGRESS",
            reason: None,
            plan: None,
            resources: BTreeMap::new(),
            outputs: BTreeMap::new(),
            events: Vec::new(),
            change_sets: Vec::new(),
            is_protected: false,
            created: now(),
            updated: None,
        }
    }

    async fn create_stack(&self, form: &Form) -> Result<Value, Failure> {
        let name = form.required("StackName")?;
        if self.has(name) {
            return Err(Failure::new(
                "AlreadyExistsException",
                format!("Stack [{name}] already exists"),
            ));
        }
        let plan = self.plan(form, None).await?;
        let id = self.begin_stack(name, "CREATE_IN_PROGRESS")?;
        let protect = form.is("EnableTerminationProtection");
        self.with(&id, |stack| stack.is_protected = protect);
        self.spawn_create(&id, plan);
        Ok(json!({ "StackId": id }))
    }

    async fn update_stack(&self, form: &Form) -> Result<Value, Failure> {
        let stack = self.named(form)?;
        if !stack.can_be_updated() {
            return Err(cannot_be_updated(&stack));
        }
        let plan = self.plan(form, Some(&stack)).await?;
        let changes = self.changes(&stack, &plan).map_err(Failure::validation)?;
        if changes.is_empty() {
            return Err(Failure::validation("No updates are to be performed."));
        }
        self.set_status(
            &stack.id,
            "UPDATE_IN_PROGRESS",
            Some("User Initiated".to_owned()),
        );
        self.spawn_update(&stack.id, plan);
        Ok(json!({ "StackId": stack.id }))
    }

    fn protect(&self, form: &Form) -> Result<Value, Failure> {
        let stack = self.named(form)?;
        let protect = form.is("EnableTerminationProtection");
        self.with(&stack.id, |stack| stack.is_protected = protect);
        Ok(json!({ "StackId": stack.id }))
    }
}

/// The words for a stack that is not there.
pub(super) fn does_not_exist(name: &str) -> Failure {
    Failure::validation(format!("Stack with id {name} does not exist"))
}

/// The words for a stack in a state that takes no update.
pub(super) fn cannot_be_updated(stack: &Stack) -> Failure {
    Failure::validation(format!(
        "Stack:{} is in {} state and can not be updated.",
        stack.id, stack.status
    ))
}

fn tags(form: &Form, stack: Option<&Stack>) -> Parameters {
    let given = form.records("Tags.member");
    if given.is_empty() {
        let plan = stack.and_then(|stack| stack.plan.as_ref());
        return plan.map(|plan| plan.tags.clone()).unwrap_or_default();
    }
    let text = |form: &Form, name: &str| form.raw(name).unwrap_or_default().to_owned();
    given
        .iter()
        .map(|tag| (text(tag, "Key"), text(tag, "Value")))
        .collect()
}

/// `bucket/key` of an address of S3, in either style.
fn object_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    match host.split_once(".s3") {
        Some((bucket, _)) => format!("{bucket}/{path}"),
        None => path.to_owned(),
    }
}
