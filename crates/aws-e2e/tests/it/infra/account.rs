//! One empty account, in which tests deploy under names of their own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::LazyLock;

use serde_json::Value;

use crate::shell::{Person, Said};
use crate::world::World;

/// A deployment of this name, whether or not it is there, and whoever looks after it.
#[derive(Debug)]
pub(crate) struct Deployment {
    pub(crate) account: &'static World,
    pub(crate) admin: Person,
    name: String,
}

impl Deployment {
    /// One that no other test uses.
    pub(crate) fn of(name: &str) -> Self {
        static ACCOUNT: LazyLock<World> = LazyLock::new(World::empty);
        Self {
            admin: Person::with_aws(ACCOUNT.aws.endpoint()),
            account: &ACCOUNT,
            name: name.to_owned(),
        }
    }

    /// The same, looked after by somebody else.
    pub(crate) fn of_person(name: &str, admin: Person) -> Self {
        Self {
            admin,
            ..Self::of(name)
        }
    }

    /// A command about this deployment.
    pub(crate) fn run(&self, command: &[&str], options: &[&str]) -> Said {
        self.run_as(&self.admin, command, options)
    }

    /// The same by somebody else.
    pub(crate) fn run_as(&self, person: &Person, command: &[&str], options: &[&str]) -> Said {
        let artifacts = self.account.artifacts.path().display().to_string();
        let mut line = [command, &["--project", &self.name]].concat();
        if command.contains(&"apply") && !options.contains(&"--artifacts") {
            line.extend(["--artifacts", &artifacts]);
        }
        line.extend(options);
        person.run(&line)
    }

    /// Applies, which must succeed.
    pub(crate) fn apply(&self, options: &[&str]) -> Said {
        let said = self.run(&["infra", "apply", "--yes"], options);
        assert_eq!(said.code, 0, "{said:#?}");
        said
    }

    /// How it is.
    pub(crate) fn status(&self) -> Value {
        self.admin
            .ask(&["infra", "status", "--project", &self.name])
    }

    /// The address of the users' API.
    pub(crate) fn endpoint(&self) -> String {
        self.status()["api_endpoint"].as_str().unwrap().to_owned()
    }

    /// Makes a user; answers the key.
    pub(crate) fn invite(&self, email: &str) -> String {
        let line = [
            "users",
            "create",
            email,
            "--role",
            "developer",
            "--show-key",
        ];
        self.admin.must(&line).trim_end().to_owned()
    }

    /// Somebody who has this key.
    pub(crate) fn holder_of(&self, key: &str) -> Person {
        let person = Person::new().with("RUNVOY_API_KEY", key);
        person.with("RUNVOY_ENDPOINT", &self.endpoint())
    }

    /// All that is in the account under its name.
    pub(crate) fn left(&self) -> Vec<String> {
        let control = self.account.aws.control();
        let mut left = Vec::new();
        for stack in [self.name.clone(), format!("{}-bootstrap", self.name)] {
            let status = control.cloudformation().status(&stack);
            let status = status.filter(|status| *status != "DELETE_COMPLETE");
            left.extend(status.map(|status| format!("stack {stack} {status}")));
        }
        let repository = format!("{}-agent", self.name);
        if control.registry().exists(&repository) {
            left.push(format!("repository {repository}"));
        }
        let mut keep = |kind: &str, names: Vec<String>| {
            let own = names.into_iter().filter(|name| self.is_own(name));
            left.extend(own.map(|name| format!("{kind} {name}")));
        };
        keep("role", control.policies().roles());
        keep("function", self.account.aws.lambdas().names());
        keep("queue", self.account.aws.queues().names());
        keep(
            "table",
            self.ask("dynamodb", "DynamoDB_20120810.ListTables", "TableNames"),
        );
        keep(
            "log group",
            self.ask("logs", "Logs_20140328.DescribeLogGroups", "logGroupName"),
        );
        keep(
            "parameter",
            self.ask("ssm", "AmazonSSM.DescribeParameters", "Name"),
        );
        keep("bucket", self.buckets());
        left
    }

    /// Whether a name begins as those of this project do: `acme-users`, `/runvoy/acme/tasks`, `/aws/lambda/acme-api`.
    fn is_own(&self, name: &str) -> bool {
        let path = format!("/runvoy/{}/", self.name);
        let name = name.trim_start_matches("/aws/lambda/");
        name.starts_with(&path) || name.starts_with(&format!("{}-", self.name))
    }

    fn ask(&self, service: &str, target: &str, field: &str) -> Vec<String> {
        let head = format!(
            "POST / HTTP/1.1\r\nx-amz-target: {target}\r\ncontent-type: application/x-amz-json-1.1"
        );
        let answer = self.call(service, &head, "{}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let mut names = Vec::new();
        texts_of(&answer, field, &mut names);
        assert!(
            answer["nextToken"].is_null() && answer["NextToken"].is_null(),
            "{answer}"
        );
        names
    }

    fn buckets(&self) -> Vec<String> {
        let answer = self.call("s3", "GET / HTTP/1.1", "");
        assert!(answer.contains("<Buckets"), "{answer}");
        let names = answer.split("<Name>").skip(1);
        names
            .filter_map(|rest| Some(rest.split_once("</Name>")?.0.to_owned()))
            .collect()
    }

    /// One call to AWS, in the least that the local AWS takes.
    fn call(&self, service: &str, head: &str, body: &str) -> String {
        let host = self.account.aws.endpoint().trim_start_matches("http://");
        let scope = format!("AKIALOCALADMIN/20260101/us-east-1/{service}/aws4_request");
        let length = body.len();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "{head}\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{service}: {answer}");
        let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
        if is_chunked {
            unchunked(body)
        } else {
            body.to_owned()
        }
    }
}

/// The texts of all fields of this name, and of lists of texts of this name.
fn texts_of(value: &Value, field: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == field => found.push(text.clone()),
                    Value::Array(texts) if name == field => {
                        found.extend(
                            texts
                                .iter()
                                .filter_map(|text| Some(text.as_str()?.to_owned())),
                        );
                    }
                    other => texts_of(other, field, found),
                }
            }
        }
        Value::Array(values) => values
            .iter()
            .for_each(|value| texts_of(value, field, found)),
        _ => {}
    }
}

fn unchunked(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            break;
        }
        text.push_str(&rest[..length]);
        body = rest[length..].trim_start_matches("\r\n");
    }
    text
}
