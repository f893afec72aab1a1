//! The host's firewall around the containers' network: from there, nothing of the host but the agents' listener.
//!
//! Docker lets containers reach every port of the host through the bridge's gateway. One table of nftables, named after
//! the control plane, takes that away; it knows the network by its bridge and touches nothing else.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;

mod nft;
mod watch;

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

/// What the table lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rules {
    /// The control plane's short name.
    pub(crate) stack: String,
    /// The bridge of its containers.
    pub(crate) bridge: String,
    /// Where agents call.
    pub(crate) agents: SocketAddr,
    /// Whether containers may ask the cloud for the machine's own credentials.
    pub(crate) allows_metadata: bool,
}

/// Why there is no firewall.
#[derive(Debug, Error)]
pub(crate) enum FirewallError {
    /// This system has none that is known.
    #[error("this is not Linux")]
    NotLinux,
    /// It does not want to, and this is not root.
    #[error("this server is not root, and has not the capability NET_ADMIN ({0})")]
    NotRoot(String),
    /// The program is not there.
    #[error("nft is not installed (Debian package nftables)")]
    NoProgram,
    /// It does not want to.
    #[error("nft: {0}")]
    Refused(String),
    /// It could not be asked.
    #[error("nft cannot be started")]
    Unstartable(#[source] io::Error),
}

/// The rules in force.
#[derive(Debug, Clone)]
pub(crate) struct Firewall {
    rules: Rules,
    /// The table in nft's words, right after it was put.
    listing: String,
}

impl Firewall {
    /// Puts the rules in force, in place of older ones of the same control plane: at no time is there a gap.
    pub(crate) fn put(rules: Rules) -> Result<Self, FirewallError> {
        if !cfg!(target_os = "linux") {
            return Err(FirewallError::NotLinux);
        }
        match nft::apply(&rules.text()).and_then(|()| nft::list(&rules.table())) {
            Ok(listing) => Ok(Self { rules, listing }),
            // Some service managers give the right to others than root.
            Err(FirewallError::Refused(words)) if !rustix::process::geteuid().is_root() => {
                Err(FirewallError::NotRoot(words))
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the table is there and as it was put.
    fn is_whole(&self) -> Result<bool, FirewallError> {
        match nft::list(&self.rules.table()) {
            Ok(listing) => Ok(listing == self.listing),
            Err(FirewallError::Refused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes the rules away.
    pub(crate) fn remove(self) -> Result<(), FirewallError> {
        nft::apply(&removal(&self.rules.table()))
    }
}

impl Rules {
    fn table(&self) -> String {
        format!("runvoy_{}", self.stack)
    }

    /// The whole table, as one transaction.
    pub(crate) fn text(&self) -> String {
        let table = self.table();
        let bridge = &self.bridge;
        let (family, address) = match self.agents {
            SocketAddr::V4(agents) => ("ip", agents.ip().to_string()),
            SocketAddr::V6(agents) => ("ip6", agents.ip().to_string()),
        };
        let port = self.agents.port();
        let metadata = if self.allows_metadata {
            String::new()
        } else {
            METADATA.replace("BRIDGE", bridge)
        };
        format!(
            "{removal}table inet {table} {{
  chain input {{
    type filter hook input priority -10; policy accept;
    iifname \"{bridge}\" {family} daddr {address} tcp dport {port} accept
    iifname \"{bridge}\" ct state established ct direction reply accept
    iifname \"{bridge}\" drop
    iifname != {{ \"{bridge}\", \"lo\" }} {family} daddr {address} tcp dport {port} drop
  }}
  chain forward {{
    type filter hook forward priority -10; policy accept;
    iifname \"{bridge}\" ct status dnat ct direction original drop
{metadata}  }}
}}
",
            removal = removal(&table),
        )
    }
}

/// Where clouds tell machines their own credentials: most of them at 169.254.0.0/16, Azure's agent at 168.63.129.16,
/// Alibaba at 100.100.100.200, AWS and Google over IPv6, too. Some answer names there.
const METADATA: &str =
    "    iifname \"BRIDGE\" ip daddr { 169.254.0.0/16, 168.63.129.16 } udp dport 53 accept
    iifname \"BRIDGE\" ip daddr { 169.254.0.0/16, 168.63.129.16 } tcp dport 53 accept
    iifname \"BRIDGE\" ip daddr { 169.254.0.0/16, 168.63.129.16, 100.100.100.200 } drop
    iifname \"BRIDGE\" ip6 daddr { fd00:ec2::/32, fd20:ce::254 } drop
";

/// Takes the table away, whether it is there or not.
fn removal(table: &str) -> String {
    format!("table inet {table}\ndelete table inet {table}\n")
}
