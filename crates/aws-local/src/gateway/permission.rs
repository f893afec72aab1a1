//! Which permissions a call needs, as an IAM policy names them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::call::Call;

/// The account of everything local.
pub const ACCOUNT: &str = "123456789012";

/// One permission: an action on a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Permission {
    /// For example `dynamodb:PutItem`.
    pub action: String,
    /// An ARN, or `*` where the action knows no resources.
    pub resource: String,
}

/// The operation's name: the action of the call, or for services without one in the request what its address means.
pub(crate) fn operation(call: &Call) -> String {
    let segments: Vec<&str> = call
        .uri
        .path()
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let method = call.method.as_str();
    let name = match (call.service.as_str(), segments.as_slice()) {
        ("lambda", [_, "functions", _, rest @ ..]) => match (method, rest) {
            ("POST", ["invocations"]) => "Invoke",
            ("GET", []) => "GetFunction",
            ("GET", ["configuration"]) => "GetFunctionConfiguration",
            ("PUT", ["code"]) => "UpdateFunctionCode",
            ("PUT", ["configuration"]) => "UpdateFunctionConfiguration",
            _ => return call.action.clone(),
        },
        ("s3", [_]) => match method {
            "PUT" => "CreateBucket",
            "HEAD" => "HeadBucket",
            "GET" => "ListObjectsV2",
            "DELETE" => "DeleteBucket",
            _ => "DeleteObjects",
        },
        ("s3", [_, _, ..]) => match method {
            "PUT" => "PutObject",
            "HEAD" => "HeadObject",
            "GET" => "GetObject",
            "DELETE" => "DeleteObject",
            _ => "CreateMultipartUpload",
        },
        _ => return call.action.clone(),
    };
    name.to_owned()
}

/// The permissions that the call needs of its caller.
pub(crate) fn needs(call: &Call, operation: &str) -> Vec<Permission> {
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let mut needs = Needs {
        call,
        needs: BTreeSet::new(),
    };
    match call.service.as_str() {
        "dynamodb" => needs.dynamodb(operation, &body),
        "ecs" => needs.ecs(operation, &body),
        "lambda" => {
            let action = if operation == "Invoke" {
                "InvokeFunction"
            } else {
                operation
            };
            let name = call.uri.path().split('/').nth(3).unwrap_or_default();
            needs.add("lambda", action, &format!("function:{name}"));
        }
        "ssm" => needs.ssm(operation, &body),
        "logs" => needs.logs(operation, &body),
        "s3" => {
            let path = call.uri.path().trim_matches('/');
            needs.insert("s3", operation, format!("arn:aws:s3:::{path}"));
        }
        "monitoring" => needs.insert("cloudwatch", operation, "*".to_owned()),
        service => needs.insert(service, operation, "*".to_owned()),
    }
    needs.needs.into_iter().collect()
}

struct Needs<'a> {
    call: &'a Call,
    needs: BTreeSet<Permission>,
}

impl Needs<'_> {
    fn insert(&mut self, service: &str, action: &str, resource: String) {
        self.needs.insert(Permission {
            action: format!("{service}:{action}"),
            resource,
        });
    }

    fn add(&mut self, service: &str, action: &str, name: &str) {
        let resource = format!("arn:aws:{service}:{}:{ACCOUNT}:{name}", self.call.region);
        self.insert(service, action, resource);
    }

    fn dynamodb(&mut self, operation: &str, body: &Value) {
        let mut one =
            |action: &str, table: &str| self.add("dynamodb", action, &format!("table/{table}"));
        match operation {
            "TransactWriteItems" | "TransactGetItems" => {
                let items = body["TransactItems"].as_array().into_iter().flatten();
                for (kind, write) in items.filter_map(Value::as_object).flatten() {
                    let action = format!("{}Item", kind.trim_end_matches("Item"));
                    one(&action, text(write, "TableName"));
                }
            }
            "BatchGetItem" | "BatchWriteItem" => {
                let tables = body["RequestItems"].as_object().into_iter().flatten();
                tables.for_each(|(table, _)| one(operation, table));
            }
            "ListTables" | "DescribeEndpoints" => {
                self.insert("dynamodb", operation, "*".to_owned());
            }
            _ => match text(body, "IndexName") {
                "" => one(operation, text(body, "TableName")),
                index => one(
                    operation,
                    &format!("{}/index/{index}", text(body, "TableName")),
                ),
            },
        }
    }

    fn ecs(&mut self, operation: &str, body: &Value) {
        let cluster = last_part(text(body, "cluster")).to_owned();
        let task = |id: &str| format!("task/{cluster}/{}", last_part(id));
        match operation {
            "RunTask" => {
                let definition = last_part(text(body, "taskDefinition"));
                self.add("ecs", operation, &format!("task-definition/{definition}"));
                self.pass_roles(&body["overrides"]);
            }
            "RegisterTaskDefinition" => {
                self.add(
                    "ecs",
                    operation,
                    &format!("task-definition/{}:*", text(body, "family")),
                );
                self.pass_roles(body);
            }
            "DescribeTasks" => {
                let ids = body["tasks"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str);
                ids.for_each(|id| self.add("ecs", operation, &task(id)));
            }
            "StopTask" => self.add("ecs", operation, &task(text(body, "task"))),
            "TagResource" => self.insert("ecs", operation, text(body, "resourceArn").to_owned()),
            "DeleteCluster" => self.add("ecs", operation, &format!("cluster/{cluster}")),
            _ => self.insert("ecs", operation, "*".to_owned()),
        }
    }

    fn pass_roles(&mut self, place: &Value) {
        let roles = ["taskRoleArn", "executionRoleArn"].map(|field| text(place, field));
        for role in roles.into_iter().filter(|role| !role.is_empty()) {
            self.insert("iam", "PassRole", role.to_owned());
        }
    }

    fn ssm(&mut self, operation: &str, body: &Value) {
        let many = body["Names"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        let one = [text(body, "Name"), text(body, "Path")]
            .into_iter()
            .filter(|name| !name.is_empty());
        for name in one.chain(many) {
            self.add(
                "ssm",
                operation,
                &format!("parameter/{}", name.trim_start_matches('/')),
            );
        }
    }

    fn logs(&mut self, operation: &str, body: &Value) {
        let group = text(body, "logGroupName");
        match text(body, "logStreamName") {
            "" => self.add("logs", operation, &format!("log-group:{group}")),
            stream => self.add(
                "logs",
                operation,
                &format!("log-group:{group}:log-stream:{stream}"),
            ),
        }
    }
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// The name at the end of an ARN, or the name itself.
fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};
    use serde_json::json;

    use super::*;

    fn call(service: &str, method: Method, path: &str, action: &str, body: &Value) -> Call {
        Call {
            caller: "AKIALOCALAPI".to_owned(),
            service: service.to_owned(),
            action: action.to_owned(),
            region: "us-east-1".to_owned(),
            method,
            uri: path.parse().unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_string()),
        }
    }

    fn needed(call: &Call) -> Vec<String> {
        let operation = operation(call);
        let needs = needs(call, &operation);
        needs
            .into_iter()
            .map(|one| format!("{} {}", one.action, one.resource))
            .collect()
    }

    #[test]
    fn a_transaction_needs_what_each_of_its_writes_needs() {
        let body = json!({"TransactItems": [
            {"Put": {"TableName": "r-executions"}}, {"Update": {"TableName": "r-locks"}},
            {"ConditionCheck": {"TableName": "r-users"}}, {"Put": {"TableName": "r-executions"}},
        ]});
        let table = |name: &str| format!("arn:aws:dynamodb:us-east-1:123456789012:table/{name}");
        let expected = [
            format!("dynamodb:ConditionCheckItem {}", table("r-users")),
            format!("dynamodb:PutItem {}", table("r-executions")),
            format!("dynamodb:UpdateItem {}", table("r-locks")),
        ];
        assert_eq!(
            needed(&call(
                "dynamodb",
                Method::POST,
                "/",
                "TransactWriteItems",
                &body
            )),
            expected
        );
    }

    #[test]
    fn an_index_is_a_resource_of_its_own() {
        let body = json!({"TableName": "r-executions", "IndexName": "all"});
        let needed = needed(&call("dynamodb", Method::POST, "/", "Query", &body));
        assert_eq!(
            needed,
            ["dynamodb:Query arn:aws:dynamodb:us-east-1:123456789012:table/r-executions/index/all"]
        );
    }

    #[test]
    fn roles_that_are_passed_need_a_permission() {
        let role = "arn:aws:iam::123456789012:role/r-task";
        let body =
            json!({"cluster": "r", "taskDefinition": "r-0:3", "overrides": {"taskRoleArn": role}});
        let needed = needed(&call("ecs", Method::POST, "/", "RunTask", &body));
        let run = "ecs:RunTask arn:aws:ecs:us-east-1:123456789012:task-definition/r-0:3".to_owned();
        assert_eq!(needed, [run, format!("iam:PassRole {role}")]);
    }

    #[test]
    fn addresses_name_operations_where_requests_do_not() {
        let body = json!({});
        let invoke = call(
            "lambda",
            Method::POST,
            "/2015-03-31/functions/r-events/invocations",
            "POST …",
            &body,
        );
        assert_eq!(operation(&invoke), "Invoke");
        assert_eq!(
            needed(&invoke),
            ["lambda:InvokeFunction arn:aws:lambda:us-east-1:123456789012:function:r-events"]
        );
        let put = call("s3", Method::PUT, "/bucket/a/b.zip", "PUT …", &body);
        assert_eq!(needed(&put), ["s3:PutObject arn:aws:s3:::bucket/a/b.zip"]);
    }
}
