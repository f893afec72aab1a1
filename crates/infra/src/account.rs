//! Whose account this is, and the clients that speak to it.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sdk_sts::error::ProvideErrorMetadata as _;

use crate::error::{self, InfraError};
use crate::region;

/// Without a limit of its own a call could hang for ever on a connection that died.
const ATTEMPT_TIMEOUT: Duration = Duration::from_mins(1);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Which credentials and which region; what is not given the SDK finds, as every AWS tool does.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// A profile of the AWS configuration files.
    pub profile: Option<String>,
    /// The region.
    pub region: Option<String>,
}

/// Whose account it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The account's number.
    pub id: String,
    /// The region.
    pub region: String,
    /// Who asks: an ARN.
    pub caller: String,
}

/// An account that answered.
#[derive(Debug)]
pub(crate) struct Aws {
    pub(crate) account: Account,
    pub(crate) config: SdkConfig,
}

impl Aws {
    /// Finds credentials and region, and asks whose they are.
    pub(crate) async fn connect(access: &Access) -> Result<Self, InfraError> {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .build();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).timeout_config(timeouts);
        if let Some(profile) = &access.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &access.region {
            region::check(region)?;
            loader = loader.region(Region::new(region.clone()));
        }
        Self::of(loader.load().await, access.profile.as_deref()).await
    }

    /// Asks whose the credentials of `config` are.
    pub(crate) async fn of(config: SdkConfig, profile: Option<&str>) -> Result<Self, InfraError> {
        let region = config.region().map(ToString::to_string).ok_or_else(|| {
            InfraError::input("no AWS region is set").hint(
                "name one:  --region eu-central-1     (or set AWS_REGION, or the region of the profile)",
            )
        })?;
        region::check(&region)?;
        check_credentials(&config, profile).await?;
        let account = identity(&config, region).await?;
        Ok(Self { account, config })
    }

    pub(crate) fn cloudformation(&self) -> aws_sdk_cloudformation::Client {
        aws_sdk_cloudformation::Client::new(&self.config)
    }

    pub(crate) fn logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        aws_sdk_cloudwatchlogs::Client::new(&self.config)
    }

    pub(crate) fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    pub(crate) fn ecr(&self) -> aws_sdk_ecr::Client {
        aws_sdk_ecr::Client::new(&self.config)
    }

    pub(crate) fn ecs(&self) -> aws_sdk_ecs::Client {
        aws_sdk_ecs::Client::new(&self.config)
    }

    pub(crate) fn iam(&self) -> aws_sdk_iam::Client {
        aws_sdk_iam::Client::new(&self.config)
    }

    pub(crate) fn lambda(&self) -> aws_sdk_lambda::Client {
        aws_sdk_lambda::Client::new(&self.config)
    }

    pub(crate) fn ssm(&self) -> aws_sdk_ssm::Client {
        aws_sdk_ssm::Client::new(&self.config)
    }

    pub(crate) fn s3(&self) -> aws_sdk_s3::Client {
        // An endpoint that stands in for AWS has no name for each bucket.
        let is_override = self.config.endpoint_url().is_some();
        let config = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(is_override);
        aws_sdk_s3::Client::from_conf(config.build())
    }
}

async fn check_credentials(config: &SdkConfig, profile: Option<&str>) -> Result<(), InfraError> {
    let Some(provider) = config.credentials_provider() else {
        return Err(InfraError::denied("no AWS credentials can be used"));
    };
    let found = provider.provide_credentials().await;
    found
        .map(drop)
        .map_err(|error| error::no_credentials(&error, profile))
}

async fn identity(config: &SdkConfig, region: String) -> Result<Account, InfraError> {
    let action = "sts:GetCallerIdentity";
    let client = aws_sdk_sts::Client::new(config);
    let answer = client.get_caller_identity().send().await.map_err(|error| {
        let is_answered = error.as_service_error().is_some_and(|e| e.code().is_some());
        let failure = error::failed("AWS does not say whose credentials these are", action)(error);
        if is_answered {
            failure
        } else {
            failure.hint(format!("the region in use is {region}"))
        }
    })?;
    Ok(Account {
        id: answer.account().unwrap_or_default().to_owned(),
        region,
        caller: answer.arn().unwrap_or_default().to_owned(),
    })
}
