//! Calls to the engines that hold what stacks make: DynamoDB Local, moto, and the ECS simulator behind the gateway.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode};
use rustls::crypto::aws_lc_rs;
use serde_json::Value;

/// Where the engines listen.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// DynamoDB Local: `http://127.0.0.1:PORT`.
    pub dynamodb: String,
    /// moto, for S3 and Logs.
    pub moto: String,
    /// Whoever answers ECS: the gateway.
    pub ecs: String,
}

/// A failure of an engine.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    /// Its error code; empty when there was no answer.
    pub(crate) code: String,
    /// Its words.
    pub(crate) message: String,
}

/// Speaks to the engines.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    client: reqwest::Client,
    endpoints: Endpoints,
    region: String,
}

impl Backend {
    /// A client of these engines.
    pub(crate) fn new(endpoints: Endpoints, region: &str) -> Result<Self, crate::ControlError> {
        // Nothing here speaks TLS, but the client will not be built without a configuration of it.
        let tls =
            rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(|error| crate::ControlError::Client(Box::new(error)))?
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
        let client = reqwest::Client::builder()
            .use_preconfigured_tls(tls)
            .no_proxy()
            .build()
            .map_err(|error| crate::ControlError::Client(Box::new(error)))?;
        Ok(Self {
            client,
            endpoints,
            region: region.to_owned(),
        })
    }

    /// A call to DynamoDB.
    pub(crate) async fn dynamodb(&self, action: &str, body: &Value) -> Result<Value, Refused> {
        let target = format!("DynamoDB_20120810.{action}");
        self.json(&self.endpoints.dynamodb, "dynamodb", &target, body)
            .await
    }

    /// A call to CloudWatch Logs.
    pub(crate) async fn logs(&self, action: &str, body: &Value) -> Result<Value, Refused> {
        let target = format!("Logs_20140328.{action}");
        self.json(&self.endpoints.moto, "logs", &target, body).await
    }

    /// A call to ECS.
    pub(crate) async fn ecs(&self, action: &str, body: &Value) -> Result<Value, Refused> {
        let target = format!("AmazonEC2ContainerServiceV20141113.{action}");
        self.json(&self.endpoints.ecs, "ecs", &target, body).await
    }

    /// A call to S3; `path` is `bucket` or `bucket/key`.
    pub(crate) async fn s3(&self, method: Method, path: &str) -> Result<Bytes, Refused> {
        let url = format!("{}/{path}", self.endpoints.moto);
        let request = self
            .client
            .request(method, url)
            .header("authorization", self.authorization("s3"));
        let (status, body) = send(request).await?;
        if status.is_success() {
            return Ok(body);
        }
        let text = String::from_utf8_lossy(&body);
        let part = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            Some(rest.split_once('<')?.0.to_owned())
        };
        Err(Refused {
            code: part("Code").unwrap_or_else(|| status.as_u16().to_string()),
            message: part("Message").unwrap_or_default(),
        })
    }

    async fn json(
        &self,
        endpoint: &str,
        service: &str,
        target: &str,
        body: &Value,
    ) -> Result<Value, Refused> {
        let request = self
            .client
            .post(endpoint)
            .header("authorization", self.authorization(service))
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", target)
            .body(body.to_string());
        let (status, body) = send(request).await?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        if status.is_success() {
            return Ok(body);
        }
        let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let code = text("__type").rsplit('#').next().unwrap_or_default();
        let message = if text("message").is_empty() {
            text("Message")
        } else {
            text("message")
        };
        Err(Refused {
            code: code.to_owned(),
            message: message.to_owned(),
        })
    }

    fn authorization(&self, service: &str) -> String {
        let region = &self.region;
        format!(
            "AWS4-HMAC-SHA256 Credential=AKIALOCALADMIN/20260101/{region}/{service}/aws4_request, \
             SignedHeaders=host, Signature=0"
        )
    }
}

async fn send(request: reqwest::RequestBuilder) -> Result<(StatusCode, Bytes), Refused> {
    let silent = |error: reqwest::Error| Refused {
        code: String::new(),
        message: format!("no answer: {error}"),
    };
    let response = request.send().await.map_err(silent)?;
    let status = response.status();
    Ok((status, response.bytes().await.map_err(silent)?))
}
