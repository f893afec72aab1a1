//! The whole of AWS on one machine, as one value.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

use crate::call::{Call, Reply};
use crate::events::Events;
use crate::gateway::failure::failure;
use crate::lambda::Lambdas;
use crate::queue::Queues;
use crate::{
    ACCOUNT, CONTROL_SERVICES, CallLog, Control, ControlOptions, Delays, DynamoDbLocal, Ecs,
    EcsOptions, Endpoints, Faults, Gateway, Guard, Moto, Permission, Policies, Registry, Routes,
    engine, forward, handler,
};

/// What moto answers for.
const MOTO_SERVICES: &[&str] = &["logs", "ssm", "s3", "kms"];

/// What a local AWS needs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The region.
    pub region: String,
    /// The program that stands at `/.runvoy/agent` in every container.
    pub agent: PathBuf,
    /// How long tasks take.
    pub delays: Delays,
    /// How many tasks a second may be started; none for no limit.
    pub run_tasks_per_second: Option<u32>,
    /// Whether callers that act as a role may do only what its policies allow.
    pub enforces_policies: bool,
}

impl Options {
    /// Short delays, the limits of AWS, policies in force.
    pub fn new(agent: PathBuf) -> Self {
        Self {
            region: "us-east-1".to_owned(),
            agent,
            delays: Delays::default(),
            run_tasks_per_second: Some(20),
            enforces_policies: true,
        }
    }
}

/// An AWS account on this machine. All of it ends when dropped.
#[derive(Debug)]
pub struct LocalAws {
    gateway: Gateway,
    ecs: Ecs,
    lambdas: Lambdas,
    events: Events,
    queues: Queues,
    control: Control,
    dynamodb: DynamoDbLocal,
    moto: Moto,
}

impl LocalAws {
    /// Starts one, empty.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let (dynamodb, moto, registry, bound) = tokio::try_join!(
            DynamoDbLocal::start(),
            Moto::start(),
            Registry::start(),
            Gateway::bind()
        )?;
        let queues = Queues::new();
        let lambdas = Lambdas::with_queues(bound.endpoint().to_owned(), queues.clone());
        let events = Events::new(lambdas.clone());
        let ecs = Ecs::start(ecs_options(&options, &moto, events.clone())).await?;
        let endpoints = Endpoints {
            dynamodb: dynamodb.endpoint().to_owned(),
            moto: moto.endpoint().to_owned(),
            ecs: bound.endpoint().to_owned(),
        };
        let control = Control::new(ControlOptions {
            region: options.region.clone(),
            endpoints,
            lambdas: lambdas.clone(),
            events: events.clone(),
            queues: queues.clone(),
            registry,
        })
        .context("no control plane")?;
        let crashing = lambdas.clone();
        let crash = Arc::new(move |caller: &str| {
            crashing.crash(caller);
        });
        let routes = routes(&dynamodb, &moto, &ecs, &lambdas, &control)?;
        let gateway = bound.serve(routes, guard(&control, options.enforces_policies), crash);
        Ok(Self {
            gateway,
            ecs,
            lambdas,
            events,
            queues,
            control,
            dynamodb,
            moto,
        })
    }

    /// What `AWS_ENDPOINT_URL` is to be.
    pub fn endpoint(&self) -> &str {
        self.gateway.endpoint()
    }

    /// Which calls go wrong.
    pub fn faults(&self) -> &Faults {
        self.gateway.faults()
    }

    /// What was called.
    pub fn calls(&self) -> &CallLog {
        self.gateway.calls()
    }

    /// The simulator of ECS.
    pub fn ecs(&self) -> &Ecs {
        &self.ecs
    }

    /// The functions.
    pub fn lambdas(&self) -> &Lambdas {
        &self.lambdas
    }

    /// The event bus.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// The queues.
    pub fn queues(&self) -> &Queues {
        &self.queues
    }

    /// Stacks, roles, repositories.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// DynamoDB Local, past the gateway.
    pub fn dynamodb(&self) -> &DynamoDbLocal {
        &self.dynamodb
    }

    /// moto, past the gateway.
    pub fn moto(&self) -> &Moto {
        &self.moto
    }
}

impl Drop for LocalAws {
    fn drop(&mut self) {
        self.ecs.shut_down();
        self.lambdas.close();
    }
}

fn ecs_options(options: &Options, moto: &Moto, events: Events) -> EcsOptions {
    EcsOptions {
        region: options.region.clone(),
        agent: options.agent.clone(),
        logs_endpoint: Some(moto.endpoint().to_owned()),
        delays: options.delays,
        events: Arc::new(move |event| {
            events.put_event(&event);
        }),
        run_tasks_per_second: options.run_tasks_per_second,
    }
}

fn routes(
    dynamodb: &DynamoDbLocal,
    moto: &Moto,
    ecs: &Ecs,
    lambdas: &Lambdas,
    control: &Control,
) -> anyhow::Result<Routes> {
    let client = engine::http_client()?;
    let (ecs, lambdas, control) = (ecs.clone(), lambdas.clone(), control.clone());
    let ecs = handler(move |call| {
        let reply = ecs.handle(&call);
        async move { reply }
    });
    let lambda = handler(move |call| {
        let lambdas = lambdas.clone();
        async move { lambdas.handle(call).await }
    });
    let control = handler(move |call| {
        let control = control.clone();
        async move { control.handle(call).await }
    });
    Ok(Routes::default()
        .with(CONTROL_SERVICES, &control)
        .with(
            MOTO_SERVICES,
            &forward(client.clone(), moto.endpoint().to_owned()),
        )
        .with(
            &["dynamodb"],
            &forward(client, dynamodb.endpoint().to_owned()),
        )
        .with(&["ecs"], &ecs)
        .with(&["lambda"], &lambda))
}

/// Denies what a test says, and what the caller's role does not allow.
fn guard(control: &Control, enforces: bool) -> Guard {
    let control = control.clone();
    Arc::new(move |call, needs| {
        let denial = control.denial(call);
        denial.or_else(|| {
            if enforces {
                not_allowed(control.policies(), call, needs)
            } else {
                None
            }
        })
    })
}

fn not_allowed(policies: &Policies, call: &Call, needs: &[Permission]) -> Option<Reply> {
    let role = policies.role_of(&call.caller)?;
    let missing = needs
        .iter()
        .find(|need| !policies.allows(&role, &need.action, &need.resource))?;
    let who = format!("User: arn:aws:sts::{ACCOUNT}:assumed-role/{role}/local");
    let message = format!(
        "{who} is not authorized to perform: {} on resource: {}",
        missing.action, missing.resource
    );
    let code = if call.service == "s3" {
        "AccessDenied"
    } else {
        "AccessDeniedException"
    };
    Some(failure(call, code, &message))
}
