//! Composes the application from its adapters: the one place of the functions where they meet.

use std::sync::Arc;
use std::time::Duration;

use runvoy_app::{App, KeyUseStyle, LaunchStyle, Parts, StackKey, Task, Tuning};
use runvoy_aws::{
    DynamoStore, FargateClients, FargateLauncher, FargateSettings, Invoker, Sdk, stack_key,
};
use runvoy_core::id::{AttemptId, ExecutionId};
use runvoy_ports::{LogReads as _, SystemClock};
use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::config::{Config, Fargate};
use crate::nowhere::Nowhere;

/// Intervals where every call is an invocation that costs, and events of the provider bring the news.
const TUNING: Tuning = Tuning {
    heartbeat: Duration::from_secs(5),
    flush_read: Duration::from_secs(1),
    flush_unread: Duration::from_secs(1),
    poll: Duration::from_secs(1),
    launch_lease: Duration::from_mins(1),
    backstop: Duration::from_mins(1),
    longest_wait: Duration::ZERO,
    ending_poll: Duration::from_mins(1),
    log_retention: None,
    launch_style: LaunchStyle::Swift,
    key_use_style: KeyUseStyle::Later,
};

/// A function, composed.
#[derive(Debug)]
pub struct Function {
    /// The use cases.
    pub app: App,
    /// What they move.
    pub moved: UnboundedReceiver<Task>,
    /// The launcher, where the function may launch.
    pub launcher: Option<FargateLauncher>,
    /// Asks the event processor, where the function may.
    pub invoker: Option<Invoker>,
}

/// Makes the clients, reads the stack key and opens the connections, before the first invocation comes.
pub async fn compose(config: Config) -> anyhow::Result<Function> {
    let sdk = Sdk::from_env().await;
    let region = sdk.region().unwrap_or_default().to_owned();
    let store = DynamoStore::new(sdk.dynamodb(), &config.project)
        .with_log_retention(config.log_retention_days);
    let log_retention = store.log_retention();
    let launcher = config.fargate.map(|fargate| {
        let clients = FargateClients {
            ecs: sdk.ecs(),
            dynamodb: sdk.dynamodb(),
            logs: sdk.logs(),
        };
        let settings = settings(&config.project, region, fargate);
        FargateLauncher::new(clients, settings, Arc::new(SystemClock))
    });
    let ssm = sdk.ssm();
    let (key, ()) = tokio::join!(
        stack_key(&ssm, &config.stack_key),
        // On the heap, because it is large.
        Box::pin(open_connections(&store, launcher.as_ref())),
    );
    let (tasks, moved) = mpsc::unbounded_channel();
    let app = App::new(Parts {
        store: Arc::new(store),
        launcher: match &launcher {
            Some(launcher) => Arc::new(launcher.clone()),
            None => Arc::new(Nowhere),
        },
        clock: Arc::new(SystemClock),
        key: StackKey::new(&key?),
        tasks,
        owner: None,
        is_owner_alive: Arc::new(|_| false),
        tuning: Tuning {
            log_retention: Some(log_retention),
            ..TUNING
        },
    });
    let event_processor = config.event_processor;
    Ok(Function {
        app,
        moved,
        launcher,
        invoker: event_processor.map(|name| Invoker::new(sdk.lambda(), name)),
    })
}

/// Asks after an execution that never was: the answers do not matter, the open connections do. At 128 MB the first
/// call of an invocation would spend most of a second in TLS.
async fn open_connections(store: &DynamoStore, launcher: Option<&FargateLauncher>) {
    let Ok(nobody) = "0".repeat(32).parse::<ExecutionId>() else {
        return;
    };
    let attempt = AttemptId::new(nobody.clone(), 1);
    let ecs = async {
        if let Some(launcher) = launcher {
            launcher.open_connections(&attempt).await;
        }
    };
    let (_whatever, ()) = tokio::join!(store.find_head(&nobody), ecs);
}

fn settings(project: &str, region: String, fargate: Fargate) -> FargateSettings {
    FargateSettings {
        project: project.to_owned(),
        region,
        cluster: fargate.cluster,
        subnets: fargate.subnets,
        security_groups: fargate.security_groups,
        assign_public_ip: fargate.has_public_ip,
        agent_url: fargate.agent_url,
        agent_image: fargate.agent_image,
        execution_role: fargate.execution_role,
        task_role: fargate.task_role,
        task_log_group: fargate.log_group,
        default_image: fargate.default_image,
        architecture: fargate.architecture,
        is_spot: fargate.is_spot,
    }
}
