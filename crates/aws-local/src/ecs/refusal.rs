//! The errors of ECS.

use serde_json::{Value, json};

use crate::call::{Reply, json, json_error};

/// A request that ECS does not carry out.
#[derive(Debug)]
pub(super) struct Refusal {
    kind: &'static str,
    message: String,
    resource_ids: Option<Vec<String>>,
}

impl Refusal {
    /// The client is wrong, says ECS.
    pub(super) fn client(message: impl Into<String>) -> Self {
        Self::new("ClientException", message)
    }

    /// A parameter is wrong.
    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    pub(super) fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            resource_ids: None,
        }
    }

    /// The client token was used with other parameters; these tasks came of it.
    pub(super) fn conflict(resource_ids: Vec<String>) -> Self {
        let message =
            "The specified clientToken was already used with different request parameters.";
        Self {
            resource_ids: Some(resource_ids),
            ..Self::new("ConflictException", message)
        }
    }

    pub(super) fn reply(&self) -> Reply {
        if let Some(ids) = &self.resource_ids {
            let body = json!({ "__type": self.kind, "message": self.message, "resourceIds": ids });
            return json(400, "application/x-amz-json-1.1", &body);
        }
        json_error(
            if self.kind == "ServerException" {
                500
            } else {
                400
            },
            self.kind,
            &self.message,
        )
    }
}

/// What an operation answers.
pub(super) type Answered = Result<Value, Refusal>;

/// A text of the request; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// The elements of a list of the request; none where there is none.
pub(super) fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value[field].as_array().into_iter().flatten()
}

/// The name at the end of an ARN, or the name itself.
pub(super) fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// One page of a listing, and where the next begins.
pub(super) fn page(all: &[String], request: &Value, field: &str) -> Value {
    let from: usize = text(request, "nextToken").parse().unwrap_or(0);
    let size = request["maxResults"]
        .as_u64()
        .filter(|size| *size > 0)
        .unwrap_or(100)
        .min(100);
    let until = all.len().min(from + usize::try_from(size).unwrap_or(100));
    let mut answer = json!({ field: all.get(from..until).unwrap_or_default() });
    if until < all.len() {
        answer["nextToken"] = json!(until.to_string());
    }
    answer
}
