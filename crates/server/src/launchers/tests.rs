//! Which launcher is asked about which attempt.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt as _;
use runvoy_core::container::{Architecture, Cpu, Memory};
use runvoy_core::id::Place;
use runvoy_testkit::{LauncherCall, ScriptedLauncher};
use tempfile::TempDir;

use super::*;

/// Both launchers of a control plane, one of them perhaps only to be had when it is asked for.
struct World {
    directory: TempDir,
    processes: Arc<ScriptedLauncher>,
    containers: Arc<ScriptedLauncher>,
    is_engine_there: Arc<AtomicBool>,
    dead: Arc<Mutex<Vec<OwnerId>>>,
}

impl World {
    fn new() -> Self {
        let containers = ScriptedLauncher::new();
        containers.run_containers(container());
        Self {
            directory: tempfile::tempdir().unwrap(),
            processes: Arc::default(),
            containers: Arc::new(containers),
            is_engine_there: Arc::new(AtomicBool::new(true)),
            dead: Arc::default(),
        }
    }

    fn launchers(&self, launches: Launches, owner: Option<&OwnerId>) -> Launchers {
        self.launchers_on("first", launches, owner)
    }

    /// The launchers where this is the engine that answers.
    fn launchers_on(&self, engine: &str, launches: Launches, owner: Option<&OwnerId>) -> Launchers {
        let is_connected = launches != Launches::Processes;
        let containers: Arc<dyn Launcher> = self.containers.clone();
        let connected = |id: &str| Connected {
            launcher: containers.clone(),
            engine: EngineName {
                id: id.to_owned(),
                address: "unix:///engine".to_owned(),
            },
        };
        let first = connected(engine);
        let (late, is_there) = (first.clone(), self.is_engine_there.clone());
        let dead = self.dead.clone();
        Launchers {
            launches,
            processes: self.processes.clone(),
            containers: OnceCell::new_with(is_connected.then_some(first)),
            connect: Box::new(move |address| {
                assert_eq!(address, "unix:///engine");
                let answer = if is_there.load(Ordering::Relaxed) {
                    Ok(late.clone())
                } else {
                    Err(anyhow::anyhow!("no engine"))
                };
                std::future::ready(answer).boxed()
            }),
            marks: Marks::new(self.directory.path().join("containers"), owner.cloned()),
            is_alive: Arc::new(move |owner| !dead.lock().unwrap().contains(owner)),
        }
    }
}

fn request(container: Option<Container>) -> LaunchRequest {
    LaunchRequest {
        attempt: attempt(),
        token: "token".into(),
        container,
    }
}

fn container() -> Container {
    Container {
        image: "alpine".parse().unwrap(),
        architecture: Architecture::X86,
        cpu: Cpu::from_units(1024),
        memory: Memory::from_mib(512),
        storage_gib: 0,
        is_spot: false,
        definition: "agent".to_owned(),
        role: None,
    }
}

fn attempt() -> AttemptId {
    AttemptId::new("0".repeat(32).parse().unwrap(), 1)
}

fn placement() -> Placement {
    Placement {
        attempt: attempt(),
        place: None::<Place>,
    }
}

#[tokio::test]
async fn a_container_stays_one_for_a_server_of_processes() {
    let world = World::new();
    let before = world.launchers(Launches::Containers, None);
    before.launch(&request(Some(container()))).await.unwrap();
    let after = world.launchers(Launches::Processes, None);
    assert_eq!(after.probe(&placement()).await, Presence::Running);
    assert!(world.processes.calls().is_empty());
    after.clean_up(&attempt()).await.unwrap();
    after.probe(&placement()).await;
    assert_eq!(world.processes.calls(), [LauncherCall::Probe(placement())]);
}

#[tokio::test]
async fn without_its_engine_nobody_can_say_what_became_of_a_container() {
    let world = World::new();
    let before = world.launchers(Launches::Containers, None);
    before.launch(&request(Some(container()))).await.unwrap();
    world.is_engine_there.store(false, Ordering::Relaxed);
    let after = world.launchers(Launches::Processes, None);
    assert_eq!(after.probe(&placement()).await, Presence::Unknown);
    assert!(after.clean_up(&attempt()).await.is_err());
    assert!(matches!(
        after.launch(&request(Some(container()))).await,
        Err(LaunchError::Unknown(_))
    ));
    world.is_engine_there.store(true, Ordering::Relaxed);
    assert_eq!(after.probe(&placement()).await, Presence::Running);
}

#[tokio::test]
async fn a_process_stays_one_for_a_server_of_containers_but_none_is_started() {
    let world = World::new();
    let before = world.launchers(Launches::Processes, None);
    before.launch(&request(None)).await.unwrap();
    let after = world.launchers(Launches::Containers, None);
    assert_eq!(after.probe(&placement()).await, Presence::Running);
    assert!(world.containers.calls().is_empty());
    let refused = after.launch(&request(None)).await;
    assert!(
        matches!(refused, Err(LaunchError::Impossible(_))),
        "{refused:?}"
    );
    assert_eq!(world.processes.launched().len(), 1);
}

#[tokio::test]
async fn another_engine_is_not_asked_what_became_of_a_container() {
    let world = World::new();
    let before = world.launchers(Launches::Containers, None);
    before.launch(&request(Some(container()))).await.unwrap();
    let calls = world.containers.calls();
    for launches in [Launches::Containers, Launches::Processes] {
        let after = world.launchers_on("second", launches, None);
        assert_eq!(after.probe(&placement()).await, Presence::Unknown);
        assert!(after.clean_up(&attempt()).await.is_err());
        let again = after.launch(&request(Some(container()))).await;
        assert!(matches!(again, Err(LaunchError::Unknown(_))), "{again:?}");
    }
    assert_eq!(world.containers.calls(), calls);
}

#[test]
fn a_command_line_runs_a_container_where_an_image_is_wished_for() {
    let world = World::new();
    let launchers = world.launchers(Launches::AsWished, None);
    let mut wish = ContainerWish::default();
    assert_eq!(launchers.plan(&wish), Ok(None));
    wish.memory = Some("64MB".parse().unwrap());
    assert_eq!(launchers.plan(&wish).unwrap_err().field, "memory");
    wish.image = Some("alpine".parse().unwrap());
    let planned = launchers.plan(&wish).unwrap().unwrap();
    assert_eq!(Some(planned.image), wish.image);
}

#[tokio::test]
async fn the_container_of_a_dead_owner_is_stopped_when_it_is_looked_at() {
    let world = World::new();
    let owner: OwnerId = "a".repeat(32).parse().unwrap();
    let before = world.launchers(Launches::AsWished, Some(&owner));
    before.launch(&request(Some(container()))).await.unwrap();
    let other: OwnerId = "b".repeat(32).parse().unwrap();
    let after = world.launchers(Launches::Processes, Some(&other));
    after.probe(&placement()).await;
    let stop = LauncherCall::Stop(placement());
    assert!(!world.containers.calls().contains(&stop), "it lives");
    world.dead.lock().unwrap().push(owner);
    after.probe(&placement()).await;
    assert!(world.containers.calls().contains(&stop));
}
