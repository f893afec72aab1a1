//! One configuration for every client: one pool of connections, and a limit to every wait.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{Builder, tls};

/// Time for a connection. AWS is next door.
const CONNECT: Duration = Duration::from_secs(1);
/// Time for one try: what takes longer is lost more often than slow.
const ATTEMPT: Duration = Duration::from_secs(2);
/// Time for one try of what ECS does: placing a task takes it a while.
const ECS_ATTEMPT: Duration = Duration::from_secs(8);
/// Time for all tries of one call together: an invocation has 29 seconds, and must still answer.
const OPERATION: Duration = Duration::from_secs(20);
/// An idle connection older than this is not used again: a thawed Lambda holds dead ones.
const IDLE: Duration = Duration::from_secs(20);
/// Tries of a call, the first included.
const ATTEMPTS: u32 = 4;

/// Makes the clients. They share one pool of connections.
#[derive(Debug, Clone)]
pub struct Sdk {
    config: SdkConfig,
}

impl Sdk {
    /// Credentials, region and endpoint as the environment says.
    pub async fn from_env() -> Self {
        let client = Builder::new()
            .pool_idle_timeout(IDLE)
            .tls_provider(tls::Provider::Rustls(CryptoMode::AwsLc))
            .build_https();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(client)
            .timeout_config(timeouts(ATTEMPT))
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .load()
            .await;
        Self { config }
    }

    /// The region, where one is set.
    pub fn region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }

    /// DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    /// ECS, with its longer waits.
    pub fn ecs(&self) -> aws_sdk_ecs::Client {
        let config = aws_sdk_ecs::config::Builder::from(&self.config)
            .timeout_config(timeouts(ECS_ATTEMPT))
            .build();
        aws_sdk_ecs::Client::from_conf(config)
    }

    /// CloudWatch Logs.
    pub fn logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        aws_sdk_cloudwatchlogs::Client::new(&self.config)
    }

    /// Lambda.
    pub fn lambda(&self) -> aws_sdk_lambda::Client {
        aws_sdk_lambda::Client::new(&self.config)
    }

    /// Systems Manager.
    pub fn ssm(&self) -> aws_sdk_ssm::Client {
        aws_sdk_ssm::Client::new(&self.config)
    }
}

fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(attempt)
        .operation_timeout(OPERATION)
        .build()
}
