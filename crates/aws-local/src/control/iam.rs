//! IAM: service-linked roles, and the roles of stacks.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::ACCOUNT;
use super::query::{Failure, Form, answer, refuse};
use crate::sync::lock;
use crate::{Call, Policies, Reply};

const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// IAM's own state.
#[derive(Debug, Clone)]
pub(crate) struct Iam {
    policies: Policies,
    service_linked: Arc<Mutex<BTreeSet<String>>>,
}

impl Iam {
    /// An account without service-linked roles.
    pub(crate) fn new(policies: Policies) -> Self {
        Self {
            policies,
            service_linked: Arc::default(),
        }
    }

    /// Answers a call to IAM.
    pub(crate) fn handle(&self, call: &Call) -> Reply {
        let form = Form::parse(&call.body);
        let result = match form.get("Action") {
            Some("CreateServiceLinkedRole") => self.create_service_linked_role(&form),
            Some("GetRole") => self.get_role(&form),
            Some("GetRolePolicy") => self.get_role_policy(&form),
            _ => Err(Failure::new("InvalidAction", "Could not find operation")),
        };
        match result {
            Ok(result) => answer(NAMESPACE, form.get("Action").unwrap_or_default(), &result),
            Err(failure) => refuse(&failure),
        }
    }

    fn create_service_linked_role(&self, form: &Form) -> Result<Value, Failure> {
        let service = form.required("AWSServiceName")?;
        let name = service_linked_name(service);
        if !lock(&self.service_linked).insert(name.clone()) {
            let message = format!(
                "Service role name {name} has been taken in this account, please try a different suffix."
            );
            return Err(Failure::new("InvalidInput", message));
        }
        let path = format!("/aws-service-role/{service}/");
        Ok(json!({ "Role": described(&name, &path) }))
    }

    fn get_role(&self, form: &Form) -> Result<Value, Failure> {
        let name = form.required("RoleName")?;
        let is_linked = lock(&self.service_linked).contains(name);
        if is_linked || self.policies.role(name).is_some() {
            return Ok(json!({ "Role": described(name, "/") }));
        }
        Err(no_such(&format!(
            "The role with name {name} cannot be found."
        )))
    }

    fn get_role_policy(&self, form: &Form) -> Result<Value, Failure> {
        let (role, policy) = (form.required("RoleName")?, form.required("PolicyName")?);
        let properties = self.policies.role(role).unwrap_or_default();
        let mut policies = properties["Policies"].as_array().into_iter().flatten();
        let found = policies.find(|found| found["PolicyName"] == json!(policy));
        let found = found.ok_or_else(|| {
            no_such(&format!(
                "The role policy with name {policy} cannot be found."
            ))
        })?;
        Ok(json!({
            "RoleName": role,
            "PolicyName": policy,
            "PolicyDocument": found["PolicyDocument"].to_string(),
        }))
    }
}

fn no_such(message: &str) -> Failure {
    Failure {
        status: 404,
        ..Failure::new("NoSuchEntity", message)
    }
}

fn service_linked_name(service: &str) -> String {
    let short = service.split('.').next().unwrap_or_default();
    let name = match short {
        "ecs" => "ECS".to_owned(),
        other => other.to_owned(),
    };
    format!("AWSServiceRoleFor{name}")
}

fn described(name: &str, path: &str) -> Value {
    json!({
        "RoleName": name,
        "Path": path,
        "RoleId": "AROALOCALLOCALLOCAL",
        "Arn": format!("arn:aws:iam::{ACCOUNT}:role{path}{name}"),
        "CreateDate": "2026-01-01T00:00:00Z",
        "AssumeRolePolicyDocument": "{}",
    })
}
