//! Roles and what their policies allow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::sync::lock;

/// The roles of the account. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// Properties of roles and policies by physical id, with their type.
    entities: BTreeMap<String, (String, Value)>,
    /// Who acts as which role: access key id to role name.
    callers: BTreeMap<String, String>,
}

/// Facts of a request that conditions ask for, for example `iam:PassedToService`.
pub type Context = BTreeMap<String, String>;

impl Policies {
    /// No roles yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a role or a policy, in the properties of its CloudFormation type.
    pub(crate) fn put(&self, kind: &str, id: &str, properties: &Value) {
        let entity = (kind.to_owned(), properties.clone());
        lock(&self.state).entities.insert(id.to_owned(), entity);
    }

    /// Forgets a role or a policy.
    pub(crate) fn remove(&self, id: &str) {
        lock(&self.state).entities.remove(id);
    }

    /// Whoever signs with the access key id acts as the role.
    pub fn set_role(&self, caller: &str, role: &str) {
        let role = name_of(role).to_owned();
        lock(&self.state).callers.insert(caller.to_owned(), role);
    }

    /// The role that a caller acts as.
    pub fn role_of(&self, caller: &str) -> Option<String> {
        lock(&self.state).callers.get(caller).cloned()
    }

    /// The names of all roles.
    pub fn roles(&self) -> Vec<String> {
        let state = lock(&self.state);
        let roles = state.entities.iter();
        let roles = roles.filter(|(_, (kind, _))| kind == "AWS::IAM::Role");
        roles.map(|(name, _)| name.clone()).collect()
    }

    /// The role's properties.
    pub(crate) fn role(&self, name: &str) -> Option<Value> {
        let state = lock(&self.state);
        let (kind, properties) = state.entities.get(name_of(name))?;
        (kind == "AWS::IAM::Role").then(|| properties.clone())
    }

    /// Whether the role, by name or ARN, may do the action on the resource, when every condition on it is met.
    pub fn allows(&self, role: &str, action: &str, resource: &str) -> bool {
        self.decide(role, action, resource, None)
    }

    /// The same with conditions judged by these facts; a fact that is missing meets no condition.
    pub fn allows_in(&self, role: &str, action: &str, resource: &str, context: &Context) -> bool {
        self.decide(role, action, resource, Some(context))
    }

    /// Every action that the role's policies name in an `Allow`.
    pub fn actions(&self, role: &str) -> BTreeSet<String> {
        let statements = self.statements(role).into_iter();
        let allowed = statements.filter(|statement| statement["Effect"] == "Allow");
        allowed
            .flat_map(|statement| {
                texts(&statement["Action"])
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// Every statement of the role's policies: its own and those attached to it.
    pub fn statements(&self, role: &str) -> Vec<Value> {
        let state = lock(&self.state);
        let role = name_of(role);
        let Some((_, properties)) = state.entities.get(role) else {
            return Vec::new();
        };
        let inline = properties["Policies"].as_array().into_iter().flatten();
        let mut documents: Vec<&Value> = inline.map(|policy| &policy["PolicyDocument"]).collect();
        let managed: Vec<&str> = texts(&properties["ManagedPolicyArns"]).collect();
        for (id, (kind, policy)) in &state.entities {
            let is_attached = texts(&policy["Roles"]).any(|name| name_of(name) == role);
            if kind != "AWS::IAM::Role" && (is_attached || managed.contains(&id.as_str())) {
                documents.push(&policy["PolicyDocument"]);
            }
        }
        documents
            .into_iter()
            .flat_map(|document| match &document["Statement"] {
                Value::Array(statements) => statements.clone(),
                Value::Null => Vec::new(),
                one => vec![one.clone()],
            })
            .collect()
    }

    fn decide(&self, role: &str, action: &str, resource: &str, context: Option<&Context>) -> bool {
        let statements = self.statements(role);
        let applies = |statement: &&Value| {
            matches_action(statement, action)
                && matches_resource(statement, resource)
                && context.is_none_or(|context| meets(&statement["Condition"], context))
        };
        let mut effects = statements
            .iter()
            .filter(applies)
            .map(|statement| &statement["Effect"]);
        let effects: Vec<_> = effects.by_ref().collect();
        effects.iter().any(|effect| **effect == "Allow")
            && !effects.iter().any(|effect| **effect == "Deny")
    }
}

fn matches_action(statement: &Value, action: &str) -> bool {
    let action = action.to_lowercase();
    let is_named = |names: &Value| texts(names).any(|name| wildcard(&name.to_lowercase(), &action));
    match (&statement["Action"], &statement["NotAction"]) {
        (Value::Null, except) => !is_named(except),
        (names, _) => is_named(names),
    }
}

fn matches_resource(statement: &Value, resource: &str) -> bool {
    let is_named = |names: &Value| texts(names).any(|name| wildcard(name, resource));
    match (&statement["Resource"], &statement["NotResource"]) {
        (Value::Null, except) => !is_named(except),
        (names, _) => is_named(names),
    }
}

fn meets(condition: &Value, context: &Context) -> bool {
    let operators = condition.as_object().into_iter().flatten();
    operators.into_iter().all(|(operator, wanted)| {
        let wanted = wanted.as_object().into_iter().flatten();
        wanted.into_iter().all(|(key, values)| {
            let fact = context.get(key);
            let equals = |fact: &str| texts(values).any(|value| value == fact);
            let is_like = |fact: &str| texts(values).any(|value| wildcard(value, fact));
            match operator.as_str() {
                "StringEquals" => fact.is_some_and(|fact| equals(fact)),
                "StringNotEquals" => fact.is_none_or(|fact| !equals(fact)),
                "StringLike" | "ArnLike" | "ArnEquals" => fact.is_some_and(|fact| is_like(fact)),
                "Bool" => fact.is_some_and(|fact| values.to_string().trim_matches('"') == fact),
                // An operator that is not known here is not met.
                _ => false,
            }
        })
    })
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    let many = value.as_array().into_iter().flatten();
    many.chain(value.is_string().then_some(value))
        .filter_map(Value::as_str)
}

/// The name at the end of an ARN, or the name itself.
fn name_of(role: &str) -> &str {
    role.rsplit('/').next().unwrap_or(role)
}

/// Whether the text fits a pattern of `*` and `?`.
fn wildcard(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            let starts = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            starts.into_iter().any(|at| wildcard(rest, &text[at..]))
        }
        Some(wanted) => {
            let mut characters = text.chars();
            let first = characters.next();
            let fits = first.is_some_and(|first| wanted == '?' || wanted == first);
            fits && wildcard(&pattern[wanted.len_utf8()..], characters.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policies() -> Policies {
        let policies = Policies::new();
        let document = json!({ "Statement": [
            { "Effect": "Allow", "Action": ["dynamodb:Get*", "ecs:RunTask"], "Resource": "arn:aws:x:*:table/p-*" },
            { "Effect": "Deny", "Action": "dynamodb:GetRecords", "Resource": "*" },
        ]});
        let role = json!({ "Policies": [{ "PolicyName": "one", "PolicyDocument": document }] });
        policies.put("AWS::IAM::Role", "p-api", &role);
        let passing = json!({ "Roles": ["p-api"], "PolicyDocument": { "Statement": {
            "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*",
            "Condition": { "StringEquals": { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
        }}});
        policies.put("AWS::IAM::Policy", "p-pass", &passing);
        policies
    }

    #[test]
    fn actions_and_resources_are_matched_by_their_wildcards() {
        let policies = policies();
        assert!(policies.allows("p-api", "dynamodb:GetItem", "arn:aws:x:1:table/p-users"));
        assert!(!policies.allows("p-api", "dynamodb:PutItem", "arn:aws:x:1:table/p-users"));
        assert!(!policies.allows("p-api", "dynamodb:GetItem", "arn:aws:x:1:table/q-users"));
        assert!(!policies.allows("other", "dynamodb:GetItem", "arn:aws:x:1:table/p-users"));
    }

    #[test]
    fn what_is_denied_stays_denied() {
        assert!(!policies().allows("p-api", "dynamodb:GetRecords", "arn:aws:x:1:table/p-users"));
    }

    #[test]
    fn a_condition_is_judged_when_the_facts_are_given() {
        let policies = policies();
        let role = "arn:aws:iam::123456789012:role/p-api";
        let context = |service: &str| {
            [("iam:PassedToService".to_owned(), service.to_owned())]
                .into_iter()
                .collect::<Context>()
        };
        assert!(policies.allows_in(
            role,
            "iam:PassRole",
            "r",
            &context("ecs-tasks.amazonaws.com")
        ));
        assert!(!policies.allows_in(role, "iam:PassRole", "r", &context("lambda.amazonaws.com")));
        assert!(!policies.allows_in(role, "iam:PassRole", "r", &Context::new()));
    }
}
