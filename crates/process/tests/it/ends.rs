//! How a run ends: by itself, by a stop, by the death of its agent.

use runvoy_ports::{Launcher as _, Presence};

use crate::stage::{STAYS, Stage, dies, is_alive, kill};

/// A child in the agent's session, one that left it but is marked by its environment, and one with neither mark.
const FAMILY: &str = r"
sleep 1000 </dev/null & echo $! > child
RUNVOY_EXECUTION_ID=${RUNVOY_ATTEMPT%-*} setsid sleep 1001 </dev/null & echo $! > leaver
setsid sleep 1002 </dev/null & echo $! > stranger
exec sleep 1000
";

#[tokio::test]
async fn an_agent_that_ended_is_gone_and_its_last_complaint_is_kept() {
    let stage = Stage::new("echo first >&2; echo 'no luck' >&2; exit 125");
    stage.launch().await;
    stage.pids("agents").await;
    assert_eq!(stage.gone().await.words.as_deref(), Some("no luck"));
}

#[tokio::test]
async fn an_agent_that_ended_in_silence_is_gone_without_words() {
    let stage = Stage::new("exit 0");
    stage.launch().await;
    stage.pids("agents").await;
    assert_eq!(stage.gone().await.words, None);
}

#[tokio::test]
async fn what_a_dead_agent_left_behind_is_killed_before_it_is_called_gone() {
    let stage = Stage::new(FAMILY);
    stage.launch().await;
    let agent = stage.process("agents", "sleep").await;
    let child = stage.process("child", "sleep").await;
    let leaver = stage.process("leaver", "sleep").await;
    kill(agent);
    dies(agent).await;
    assert!(is_alive(child) && is_alive(leaver));
    stage.gone().await;
    assert!(!is_alive(child) && !is_alive(leaver));
}

#[tokio::test]
async fn children_of_a_living_agent_are_left_alone() {
    let stage = Stage::new(FAMILY);
    stage.launch().await;
    stage.process("agents", "sleep").await;
    let child = stage.process("child", "sleep").await;
    let leaver = stage.process("leaver", "sleep").await;
    for _ in 0..10 {
        assert_eq!(stage.probe().await, Presence::Running);
    }
    assert!(is_alive(child) && is_alive(leaver));
}

#[tokio::test]
async fn a_process_with_neither_mark_survives() {
    let stage = Stage::new(FAMILY);
    stage.launch().await;
    let agent = stage.process("agents", "sleep").await;
    let stranger = stage.process("stranger", "sleep").await;
    kill(agent);
    stage.gone().await;
    stage.stop().await;
    assert!(is_alive(stranger));
}

#[tokio::test]
async fn a_stop_kills_the_agent_and_its_children() {
    let stage = Stage::new(FAMILY);
    stage.launch().await;
    let agent = stage.process("agents", "sleep").await;
    let child = stage.process("child", "sleep").await;
    let leaver = stage.process("leaver", "sleep").await;
    stage.stop().await;
    for pid in [agent, child, leaver] {
        dies(pid).await;
    }
    stage.gone().await;
}

#[tokio::test]
async fn a_stop_finds_an_agent_that_heads_no_session_yet() {
    let stage = Stage::without_session(STAYS);
    stage.launch().await;
    let agent = stage.process("agents", "sleep").await;
    stage.stop().await;
    dies(agent).await;
    stage.gone().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_an_agent_that_ignores_signals() {
    let stage = Stage::new("trap '' TERM INT HUP; sleep 1000 </dev/null & echo $! > child; wait");
    stage.launch().await;
    let child = stage.process("child", "sleep").await;
    stage.stop().await;
    dies(child).await;
    stage.gone().await;
}

#[tokio::test]
async fn cleaning_up_removes_everything_and_may_be_repeated() {
    let stage = Stage::new("mkdir -p deep/er; echo x > deep/er/file; exit 0");
    stage.launch().await;
    stage.pids("agents").await;
    stage.gone().await;
    assert!(stage.path("agent.log").exists());
    stage.clean_up().await;
    assert!(!stage.path("").exists());
    stage.clean_up().await;
    assert!(matches!(stage.probe().await, Presence::Gone(_)));
}

#[tokio::test]
async fn the_name_of_the_place_is_process() {
    assert_eq!(Stage::new(STAYS).launcher.name(None), "process");
}
