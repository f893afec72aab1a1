//! What a launch starts, and what it refuses.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use runvoy_ports::{LaunchError, Launcher as _, Presence};
use runvoy_process::{Home, ProcessLauncher};
use runvoy_testkit::eventually;

use crate::stage::{STAYS, Stage, is_alive, options, request};

#[tokio::test]
async fn a_launch_twice_is_one_process() {
    let stage = Stage::new(STAYS);
    stage.launch().await;
    let first = stage.process("agents", "sleep").await;
    stage.launch().await;
    assert_eq!(stage.probe().await, Presence::Running);
    stage.stop().await;
    stage.gone().await;
    assert_eq!(stage.pids("agents").await, [first]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn launches_at_the_same_moment_are_one_process() {
    let stage = Stage::new(STAYS);
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let launcher = stage.launcher.clone();
        let request = stage.request();
        starting.spawn(async move { launcher.launch(&request).await });
    }
    for launched in starting.join_all().await {
        launched.unwrap();
    }
    stage.process("agents", "sleep").await;
    stage.stop().await;
    stage.gone().await;
    assert_eq!(stage.pids("agents").await.len(), 1);
}

#[tokio::test]
async fn an_attempt_whose_agent_is_dead_can_be_launched_again() {
    let stage = Stage::new("exit 0");
    stage.launch().await;
    stage.pids("agents").await;
    stage.gone().await;
    stage.launch().await;
    let two = eventually(std::time::Duration::from_mins(1), || async {
        let agents = stage.pids("agents").await;
        (agents.len() == 2).then_some(agents)
    });
    assert_ne!(two.await[0], stage.pids("agents").await[1]);
}

#[tokio::test]
async fn an_attempt_that_was_never_launched_is_gone() {
    let stage = Stage::new(STAYS);
    assert!(matches!(stage.probe().await, Presence::Gone(_)));
    stage.stop().await;
    stage.clean_up().await;
}

#[tokio::test]
async fn a_missing_executable_is_refused_in_words() {
    let stage = Stage::with(STAYS, |options| {
        options.executable = "/nowhere/runvoy".into();
    });
    let refused = stage.launcher.launch(&stage.request()).await;
    let Err(LaunchError::Refused(words)) = refused else {
        panic!("{refused:?}");
    };
    assert!(
        words.starts_with("cannot start /nowhere/runvoy: No such file"),
        "{words}"
    );
    assert!(matches!(stage.probe().await, Presence::Gone(_)));
}

#[tokio::test]
async fn a_place_without_room_for_the_run_is_refused_in_words() {
    let stage = Stage::with(STAYS, |options| options.runs = "/dev/null/runs".into());
    let refused = stage.launcher.launch(&stage.request()).await;
    assert!(
        matches!(&refused, Err(LaunchError::Refused(words)) if words.contains("Not a directory")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn an_agent_that_runs_is_never_called_refused() {
    let stage = Stage::new(STAYS);
    // Its number cannot be noted, as on a full disk.
    fs::create_dir_all(stage.path("agent")).unwrap();
    let launched = stage.launcher.launch(&stage.request()).await;
    stage.process("agents", "sleep").await;
    assert!(!matches!(launched, Err(LaunchError::Refused(_))));
}

#[tokio::test]
async fn the_agents_environment_is_what_is_configured_and_nothing_else() {
    let stage = Stage::with(STAYS, |options| {
        options.environment.push(("LANG".into(), "C.UTF-8".into()));
        options.owner_lock = Some("/owners/one".into());
    });
    stage.launch().await;
    stage.pids("agents").await;
    let work = stage.path("work");
    let text = fs::read_to_string(work.join("environ")).unwrap();
    let found: BTreeSet<_> = text.split_terminator('\0').map(str::to_owned).collect();
    let expected = BTreeSet::from([
        "PATH=/usr/bin:/bin".to_owned(),
        "LANG=C.UTF-8".to_owned(),
        format!("HOME={}", work.display()),
        "RUNVOY_AGENT_URL=unix:/nowhere".to_owned(),
        "RUNVOY_AGENT_TOKEN=bootstrap".to_owned(),
        format!("RUNVOY_ATTEMPT={}", stage.attempt),
        format!("RUNVOY_AGENT_SPOOL_DIR={}", stage.path("").display())
            .trim_end_matches('/')
            .to_owned(),
        "RUNVOY_AGENT_OWNER_LOCK=/owners/one".to_owned(),
    ]);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_callers_home_is_left_alone_where_that_is_asked_for() {
    let stage = Stage::with(STAYS, |options| {
        options.home = Home::OfTheCaller;
        options.environment.push(("HOME".into(), "/home/me".into()));
    });
    stage.launch().await;
    stage.pids("agents").await;
    let text = fs::read_to_string(stage.path("work/environ")).unwrap();
    let homes: Vec<_> = text
        .split('\0')
        .filter(|one| one.starts_with("HOME="))
        .collect();
    assert_eq!(homes, ["HOME=/home/me"]);
}

#[tokio::test]
async fn a_run_is_its_owners_alone() {
    let stage = Stage::new("echo secret; exec sleep 1000");
    stage.launch().await;
    stage.pids("agents").await;
    let mode = |name: &str| fs::metadata(stage.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!([mode(""), mode("work")], [0o700, 0o700]);
    assert_eq!(
        [mode("lock"), mode("agent.log"), mode("agent.err")],
        [0o600; 3]
    );
}

#[tokio::test]
async fn long_paths_are_no_hindrance() {
    let stage = Stage::with(STAYS, |options| {
        for part in ["a", "é", "with blanks ", "(x) "] {
            options.runs.push(part.repeat(60 / part.len()));
        }
    });
    assert!(stage.path("lock").as_os_str().len() > 300);
    stage.launch().await;
    let agent = stage.process("agents", "sleep").await;
    assert_eq!(stage.probe().await, Presence::Running);
    stage.stop().await;
    stage.gone().await;
    assert!(!is_alive(agent));
    stage.clean_up().await;
    assert!(!stage.path("").exists());
}

const DIR: &str = "RUNVOY_TEST_DIR";

/// The launch is made by this test binary again, which ends at once.
#[tokio::test]
async fn an_agent_is_known_to_run_though_whoever_launched_it_is_gone() {
    const TEST: &str = "launches::an_agent_is_known_to_run_though_whoever_launched_it_is_gone";
    #[expect(
        clippy::disallowed_methods,
        reason = "the binary's settings are what this reads"
    )]
    let (dir, attempt_of_parent) = (env::var_os(DIR), env::var("RUNVOY_TEST_ATTEMPT"));
    if let Some(dir) = dir {
        let mut options = options(&tempfile::tempdir().unwrap());
        options.executable = Path::new(&dir).join("agent.sh");
        options.runs = Path::new(&dir).join("runs");
        let request = request(&attempt_of_parent.unwrap().parse().unwrap());
        ProcessLauncher::new(options)
            .launch(&request)
            .await
            .unwrap();
        return;
    }
    let stage = Stage::new(STAYS);
    let mut launching = Command::new(env::current_exe().unwrap());
    launching.args([TEST, "--exact"]).env(DIR, stage.dir.path());
    launching.env("RUNVOY_TEST_ATTEMPT", stage.attempt.to_string());
    assert!(launching.stdout(Stdio::null()).status().unwrap().success());
    let agent = stage.process("agents", "sleep").await;
    assert_eq!(stage.probe().await, Presence::Running);
    crate::stage::kill(agent);
    stage.gone().await;
}
