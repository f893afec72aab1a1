//! The control plane's own network, whose gateway is the way back to it.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models::{Ipam, IpamConfig, NetworkCreateRequest, NetworkInspect};

use crate::call::CallError;
use crate::engine::{Engine, EngineError};
use crate::options::STACK_LABEL;

/// The option that names a network's bridge.
const BRIDGE_NAME: &str = "com.docker.network.bridge.name";
/// The option by which containers may speak to each other.
const BETWEEN_CONTAINERS: &str = "com.docker.network.bridge.enable_icc";
/// How often it is looked for while others make it.
const TRIES: u32 = 5;

/// A network of containers that cannot speak to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// The bridge of the engine's machine that it is.
    pub bridge: String,
    /// The engine's machine, as containers see it.
    pub gateway: IpAddr,
    /// Its addresses, such as `172.18.0.0/16`.
    pub subnet: String,
}

impl Engine {
    /// The network of the control plane whose name is `stack`, 8 hex digits; made where it is not there.
    pub async fn network(&self, stack: &str) -> Result<Network, EngineError> {
        let request = request(stack, None);
        self.find_or_create(&request).await
    }

    /// Makes a network that is there, as far as the engine knows, anew. One that is in use stays.
    pub(crate) async fn replace(&self, stack: &str, broken: &Network) -> Result<(), EngineError> {
        let _gone_or_in_use = self.worker().remove_network(&broken.name).await;
        self.restore(stack, broken).await
    }

    /// Makes a network again that somebody has removed, with the same addresses.
    pub(crate) async fn restore(&self, stack: &str, lost: &Network) -> Result<(), EngineError> {
        let request = request(stack, Some(lost));
        self.find_or_create(&request).await.map(drop)
    }

    async fn find_or_create(&self, request: &NetworkCreateRequest) -> Result<Network, EngineError> {
        let name = &request.name;
        let failed = |error: &CallError| EngineError::Network {
            name: name.clone(),
            why: runvoy_core::error::chain(error),
        };
        let mut last = None;
        for _ in 0..TRIES {
            match self.find_network(name).await {
                Ok(Some(found)) => {
                    return read(found).ok_or_else(|| EngineError::Network {
                        name: name.clone(),
                        why: "it is there, but not as it must be; remove it".to_owned(),
                    });
                }
                Ok(None) => {}
                Err(error) => return Err(failed(&error)),
            }
            // Refused too where another process was quicker: no two networks share a bridge.
            match self.worker().create_network(request.clone()).await {
                Ok(_) => {}
                Err(error) => last = Some(CallError::from(error)),
            }
        }
        let gone = || EngineError::Network {
            name: name.clone(),
            why: "it is removed as soon as it is made".to_owned(),
        };
        Err(last.as_ref().map_or_else(gone, failed))
    }

    async fn find_network(&self, name: &str) -> Result<Option<NetworkInspect>, CallError> {
        match self
            .docker()
            .inspect_network(name, None)
            .await
            .map_err(CallError::from)
        {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn request(stack: &str, like: Option<&Network>) -> NetworkCreateRequest {
    let options = [
        (BRIDGE_NAME, bridge(stack)),
        (BETWEEN_CONTAINERS, "false".to_owned()),
    ];
    NetworkCreateRequest {
        name: format!("runvoy-{stack}"),
        driver: Some("bridge".to_owned()),
        options: Some(options.map(|(name, value)| (name.to_owned(), value)).into()),
        labels: Some(HashMap::from([(STACK_LABEL.to_owned(), stack.to_owned())])),
        ipam: like.map(|network| Ipam {
            config: Some(vec![IpamConfig {
                subnet: Some(network.subnet.clone()),
                gateway: Some(network.gateway.to_string()),
                ..IpamConfig::default()
            }]),
            ..Ipam::default()
        }),
        ..NetworkCreateRequest::default()
    }
}

/// Short enough for the name of an interface.
fn bridge(stack: &str) -> String {
    format!("rv-{stack}")
}

fn read(found: NetworkInspect) -> Option<Network> {
    let bridge = found.options?.remove(BRIDGE_NAME)?;
    let (subnet, gateway) = found.ipam?.config?.into_iter().find_map(|config| {
        let subnet = config.subnet?;
        // Some engines give it with the length of the network.
        let gateway = config.gateway?;
        let gateway = gateway.split('/').next()?.parse().ok()?;
        Some((subnet, gateway))
    })?;
    Some(Network {
        name: found.name?,
        bridge,
        gateway,
        subnet,
    })
}
