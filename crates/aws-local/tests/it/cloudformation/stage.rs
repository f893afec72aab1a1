//! A control plane, and calls to it as the SDK makes them.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use runvoy_aws_local::events::Events;
use runvoy_aws_local::lambda::Lambdas;
use runvoy_aws_local::queue::Queues;
use runvoy_aws_local::{Call, Control, ControlOptions, DynamoDbLocal, Endpoints, Moto, Registry};
use runvoy_testkit::eventually;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// A control plane.
pub(crate) struct Stage {
    pub(crate) control: Control,
    pub(crate) lambdas: Lambdas,
    pub(crate) events: Events,
    pub(crate) queues: Queues,
    pub(crate) engines: Option<(DynamoDbLocal, Moto)>,
}

impl Stage {
    /// One whose stacks need no engine.
    pub(crate) async fn bare() -> Self {
        Self::new(None).await
    }

    /// One with tables, objects and logs. moto stands in for ECS as well.
    pub(crate) async fn full() -> Self {
        let engines = tokio::try_join!(DynamoDbLocal::start(), Moto::start()).unwrap();
        Self::new(Some(engines)).await
    }

    async fn new(engines: Option<(DynamoDbLocal, Moto)>) -> Self {
        let queues = Queues::new();
        let lambdas = Lambdas::with_queues("http://127.0.0.1:9".to_owned(), queues.clone());
        let events = Events::new(lambdas.clone());
        let nowhere = "http://127.0.0.1:9".to_owned();
        let endpoints = match &engines {
            Some((dynamodb, moto)) => Endpoints {
                dynamodb: dynamodb.endpoint().to_owned(),
                moto: moto.endpoint().to_owned(),
                ecs: moto.endpoint().to_owned(),
            },
            None => Endpoints {
                dynamodb: nowhere.clone(),
                moto: nowhere.clone(),
                ecs: nowhere,
            },
        };
        let control = Control::new(ControlOptions {
            region: "us-east-1".to_owned(),
            endpoints,
            lambdas: lambdas.clone(),
            events: events.clone(),
            queues: queues.clone(),
            registry: Registry::start().await.unwrap(),
        });
        Self {
            control: control.unwrap(),
            lambdas,
            events,
            queues,
            engines,
        }
    }

    /// One call by the admin; its status and body.
    pub(crate) async fn call(&self, service: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let mut body = String::new();
        for (name, value) in fields {
            write!(body, "{}={}&", encode(name), encode(value)).unwrap();
        }
        let call = Call {
            caller: "AKIALOCALADMIN".to_owned(),
            service: service.to_owned(),
            action: fields[0].1.to_owned(),
            region: "us-east-1".to_owned(),
            method: Method::POST,
            uri: "/".parse().unwrap(),
            headers: HeaderMap::new(),
            body: Bytes::from(body),
        };
        let reply = self.control.handle(call).await;
        (
            reply.status().as_u16(),
            String::from_utf8(reply.body().to_vec()).unwrap(),
        )
    }

    /// A call to CloudFormation that must succeed.
    pub(crate) async fn ok(&self, action: &str, fields: &[(&str, &str)]) -> String {
        let fields = [&[("Action", action)], fields].concat();
        let (status, body) = self.call("cloudformation", &fields).await;
        assert_eq!(status, 200, "{action}: {body}");
        body
    }

    /// A call to CloudFormation that must be refused.
    pub(crate) async fn refused(&self, action: &str, fields: &[(&str, &str)]) -> String {
        let fields = [&[("Action", action)], fields].concat();
        let (status, body) = self.call("cloudformation", &fields).await;
        assert!(status >= 400, "{action}: {body}");
        body
    }

    /// The fields of a request for a change set named `set`.
    #[expect(clippy::unused_self, reason = "it reads as one of the stage's calls")]
    pub(crate) fn request<'a>(
        &self,
        stack: &'a str,
        kind: &'a str,
        template: &'a str,
        parameters: &[(&'a str, &'a str)],
    ) -> Vec<(&'a str, &'a str)> {
        const KEYS: [(&str, &str); 8] = [
            (
                "Parameters.member.1.ParameterKey",
                "Parameters.member.1.ParameterValue",
            ),
            (
                "Parameters.member.2.ParameterKey",
                "Parameters.member.2.ParameterValue",
            ),
            (
                "Parameters.member.3.ParameterKey",
                "Parameters.member.3.ParameterValue",
            ),
            (
                "Parameters.member.4.ParameterKey",
                "Parameters.member.4.ParameterValue",
            ),
            (
                "Parameters.member.5.ParameterKey",
                "Parameters.member.5.ParameterValue",
            ),
            (
                "Parameters.member.6.ParameterKey",
                "Parameters.member.6.ParameterValue",
            ),
            (
                "Parameters.member.7.ParameterKey",
                "Parameters.member.7.ParameterValue",
            ),
            (
                "Parameters.member.8.ParameterKey",
                "Parameters.member.8.ParameterValue",
            ),
        ];
        let mut fields = vec![
            ("StackName", stack),
            ("ChangeSetName", "set"),
            ("ChangeSetType", kind),
            ("TemplateBody", template),
            ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
        ];
        for ((key, value), (name, given)) in KEYS.iter().zip(parameters) {
            fields.extend([(*key, *name), (*value, *given)]);
        }
        fields
    }

    /// Makes the change set and waits for what it says.
    pub(crate) async fn change_set(
        &self,
        stack: &str,
        kind: &str,
        template: &str,
        parameters: &[(&str, &str)],
    ) -> String {
        self.computed(&self.request(stack, kind, template, parameters))
            .await
    }

    /// Makes a change set from these fields and waits for what it says.
    pub(crate) async fn computed(&self, fields: &[(&str, &str)]) -> String {
        let stack = fields[0].1;
        let named = [("StackName", stack), ("ChangeSetName", "set")];
        if self
            .control
            .cloudformation()
            .status(stack)
            .is_some_and(|status| status != "DELETE_COMPLETE")
        {
            self.ok("DeleteChangeSet", &named).await;
        }
        self.ok("CreateChangeSet", fields).await;
        eventually(PATIENCE, || async {
            let set = self.ok("DescribeChangeSet", &named).await;
            (tag(&set, "Status") != "CREATE_IN_PROGRESS").then_some(set)
        })
        .await
    }

    /// Executes the change set; the status in which the stack comes to rest.
    pub(crate) async fn execute(&self, stack: &str) -> String {
        self.ok(
            "ExecuteChangeSet",
            &[("StackName", stack), ("ChangeSetName", "set")],
        )
        .await;
        self.settled(stack).await
    }

    /// Makes and executes a change set.
    pub(crate) async fn apply(
        &self,
        stack: &str,
        kind: &str,
        template: &str,
        parameters: &[(&str, &str)],
    ) -> String {
        let set = self.change_set(stack, kind, template, parameters).await;
        assert_eq!(tag(&set, "Status"), "CREATE_COMPLETE", "{set}");
        self.execute(stack).await
    }

    /// Deletes a stack; the status in which it comes to rest.
    pub(crate) async fn delete(&self, stack: &str) -> String {
        self.ok("DeleteStack", &[("StackName", stack)]).await;
        self.settled(stack).await
    }

    /// The status in which the stack comes to rest.
    pub(crate) async fn settled(&self, stack: &str) -> String {
        eventually(PATIENCE, || async {
            let status = self.control.cloudformation().status(stack)?;
            (!status.ends_with("_IN_PROGRESS")).then(|| status.to_owned())
        })
        .await
    }

    /// Why resources of the stack failed.
    pub(crate) async fn reasons(&self, stack: &str) -> Vec<String> {
        let events = self
            .ok("DescribeStackEvents", &[("StackName", stack)])
            .await;
        tags(&events, "ResourceStatusReason")
    }
}

/// The text of the first element of that name; empty without one.
pub(crate) fn tag(xml: &str, name: &str) -> String {
    tags(xml, name).into_iter().next().unwrap_or_default()
}

/// The texts of all elements of that name.
pub(crate) fn tags(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts = xml.split(&open).skip(1);
    parts
        .filter_map(|part| Some(part.split_once(&close)?.0.to_owned()))
        .collect()
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
        out
    })
}
