//! One story with everything in it, told by people and agents who repeat what is not answered.

use std::time::Duration;

use runvoy_app::{AppError, ErrorKind, NewExecution};
use runvoy_core::audit::AuditAction;
use runvoy_core::execution::{Execution, Status};
use runvoy_core::outcome::Reason;
use runvoy_ports::{Launcher as _, Placement, Presence};
use runvoy_testkit::{ScriptedLaunch, sample};

use crate::world::{Agent, World, alice, wish};

/// A little more than the lease of a launch.
const REPAIR: Duration = Duration::from_secs(21);

/// How an execution ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fate {
    status: Status,
    reason: Reason,
    exit_code: Option<i32>,
    fence: Option<u64>,
    starts: usize,
    lines: Vec<String>,
}

impl Fate {
    /// The fates of the story: an exit, a cancel, a cancel in the line, and an agent that is lost.
    pub(super) fn expected() -> Vec<Self> {
        let fate = |status, reason, exit_code, fence, starts, lines: &[&str]| Self {
            status,
            reason,
            exit_code,
            fence,
            starts,
            lines: lines.iter().map(|&line| line.to_owned()).collect(),
        };
        let gap = "Output may be missing here: the agent was lost";
        let cancelled = Reason::Cancelled;
        vec![
            fate(
                Status::Failed,
                Reason::Exited,
                Some(3),
                Some(1),
                1,
                &["a", "b"],
            ),
            fate(Status::Stopped, cancelled, None, Some(2), 1, &["c"]),
            fate(Status::Stopped, cancelled, None, None, 0, &[]),
            fate(
                Status::Failed,
                Reason::AgentLost,
                None,
                None,
                1,
                &["line 1", "line 2", gap],
            ),
        ]
    }
}

/// Tells the story.
pub(super) async fn tell(world: &World) -> Vec<Fate> {
    // On the heap, because it is long.
    Box::pin(told(world)).await
}

async fn told(world: &World) -> Vec<Fate> {
    let first = submit(world, "1", Some("prod")).await;
    let second = submit(world, "2", Some("prod")).await;
    let third = submit(world, "3", Some("prod")).await;
    world.work().await;

    let mut agent = start(world, &first).await;
    let mut stranger = Agent::new(agent.attempt.clone(), 2);
    let told = insist(async || stranger.clone().start(world).await).await;
    assert_eq!(told.unwrap_err().kind(), ErrorKind::Leave);
    assert!(!stranger.has_session());
    stranger = agent.clone();
    say(world, &mut agent, &["a", "b"]).await;
    kill(world, &third).await;
    // A copy of the report that comes too early, then the report, twice.
    let early = insist(async || stranger.exit(world, 9).await).await;
    assert!(!early.unwrap().is_accepted);
    for _ in 0..2 {
        let end = insist(async || agent.exit(world, 3).await).await;
        assert!(end.unwrap().is_accepted);
    }
    agent.leave(world);
    world.work().await;

    let mut agent = start(world, &second).await;
    say(world, &mut agent, &["c"]).await;
    kill(world, &second).await;
    assert!(
        insist(async || agent.obey(world).await)
            .await
            .unwrap()
            .is_accepted
    );
    agent.leave(world);
    world.work().await;

    world
        .launcher
        .script(ScriptedLaunch::Refuse("no room".to_owned()));
    let lone = submit(world, "4", None).await;
    world.work().await;
    let mut agent = start(world, &lone).await;
    say(world, &mut agent, &["line 1"]).await;
    world
        .launcher
        .set_copy(&agent.attempt, sample::entries(1, 2), None);
    agent.leave(world);
    for _ in 0..4 {
        world.later(REPAIR).await;
    }

    let mut fates = Vec::new();
    for execution in [first, second, third, lone] {
        world.assert_over(&execution).await;
        fates.push(fate(world, &execution).await);
    }
    assert_eq!(world.holder().await, None);
    fates
}

async fn fate(world: &World, execution: &Execution) -> Fate {
    let found = world.find(execution.id()).await;
    let (outcome, _) = found.ended().unwrap();
    Fate {
        status: found.status(),
        reason: outcome.reason(),
        exit_code: outcome.exit_code(),
        fence: found.fence().map(runvoy_core::lock::Fence::number),
        starts: world.count(&found, AuditAction::ExecutionStarted).await,
        lines: world.texts(&found).await,
    }
}

/// Asks again where there was no answer, or one that says to come back.
async fn insist<T>(mut ask: impl AsyncFnMut() -> Result<T, AppError>) -> Result<T, AppError> {
    for _ in 0..20 {
        match ask().await {
            Err(error) if is_passing(&error) => {}
            answer => return answer,
        }
    }
    panic!("nobody answers");
}

fn is_passing(error: &AppError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unavailable | ErrorKind::Full | ErrorKind::Conflict
    )
}

async fn submit(world: &World, key: &str, lock: Option<&str>) -> Execution {
    let wish = || NewExecution {
        idempotency: Some((key.parse().unwrap(), "0".repeat(64))),
        ..wish(lock)
    };
    insist(async || world.submit(wish()).await)
        .await
        .unwrap()
        .execution
}

async fn kill(world: &World, execution: &Execution) {
    insist(async || world.app.kill(&alice(), execution.id()).await)
        .await
        .unwrap();
    world.work().await;
}

async fn say(world: &World, agent: &mut Agent, lines: &[&str]) {
    insist(async || agent.say(world, lines).await)
        .await
        .unwrap();
}

/// The agent of the execution, once one is placed, started.
async fn start(world: &World, execution: &Execution) -> Agent {
    for _ in 0..10 {
        if let Some(mut agent) = placed(world, execution).await {
            insist(async || agent.start(world).await).await.unwrap();
            world.work().await;
            return agent;
        }
        world.later(REPAIR).await;
    }
    panic!("nobody places an agent");
}

async fn placed(world: &World, execution: &Execution) -> Option<Agent> {
    let attempt = world.find(execution.id()).await.attempt()?;
    world.launcher.token(&attempt)?;
    let placement = Placement {
        attempt: attempt.clone(),
        place: None,
    };
    let presence = world.launcher.probe(&placement).await;
    (presence == Presence::Running).then(|| Agent::new(attempt, 1))
}
