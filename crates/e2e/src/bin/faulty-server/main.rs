//! `runvoy server`, but for the faults that its arguments name. Made for the end-to-end tests; never shipped.
//!
//! `faulty-server DATA_DIR ADDRESS RUNVOY STORE_FAULTS AGENT_FAULTS`: agents are started as `RUNVOY agent exec`;
//! the faults of the store are those of [`runvoy_testkit::FaultPlan`], those of agents' calls are [`AgentFaults`]'.
//! Either may be empty.

mod agent_faults;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, bail};
use runvoy_ports::Store;
use runvoy_server::{ContainerOptions, Limits, Seams, ServerOptions, serve_with};
use runvoy_testkit::{FaultPlan, FaultyStore};

use crate::agent_faults::AgentFaults;

/// Programs that commands find.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The store's faults, until the store takes them: a seam is a plain function and holds nothing.
static STORE_FAULTS: Mutex<Option<FaultPlan>> = Mutex::new(None);
/// The same for those of agents' calls.
static AGENT_FAULTS: Mutex<Option<AgentFaults>> = Mutex::new(None);

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [data_dir, address, executable, store_faults, agent_faults] = &arguments[..] else {
        bail!("usage: faulty-server DATA_DIR ADDRESS RUNVOY STORE_FAULTS AGENT_FAULTS");
    };
    put(&STORE_FAULTS, store_faults.parse()?);
    put(&AGENT_FAULTS, agent_faults.parse()?);
    let options = ServerOptions {
        data_dir: PathBuf::from(data_dir),
        listen: address.parse().context("the address cannot be read")?,
        tls: None,
        behind_proxy: false,
        unsafe_process_launcher: true,
        containers: ContainerOptions::default(),
        executable: PathBuf::from(executable),
        path: PATH.to_owned(),
        lang: "C.UTF-8".to_owned(),
        admin_email: None,
        limits: Limits::default(),
    };
    let seams = Seams {
        store: |store| -> Arc<dyn Store> { Arc::new(FaultyStore::new(store, take(&STORE_FAULTS))) },
        agents: |router| take(&AGENT_FAULTS).around(router),
    };
    serve_with(options, seams)
}

fn put<T>(place: &Mutex<Option<T>>, value: T) {
    *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
}

fn take<T: Default>(place: &Mutex<Option<T>>) -> T {
    let taken = place.lock().unwrap_or_else(PoisonError::into_inner).take();
    taken.unwrap_or_default()
}
