//! A run to which anything happens, and what was true of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runvoy_app::LaunchStyle;
use runvoy_core::audit::AuditAction;
use runvoy_core::execution::{Evidence, Execution, Status};
use runvoy_core::id::{AttemptId, ExecutionId};
use runvoy_core::money::Money;
use runvoy_core::outcome::{Outcome, Reason};
use runvoy_ports::Presence;
use runvoy_testkit::{FaultPlan, ScriptedLaunch, eventually};
use tokio::task::JoinSet;

use crate::world::{Agent, Asked, World, alice, wish};

/// Something that happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Happening {
    /// A launch that is under way is answered.
    Answer,
    /// A boot of an attempt's agent asks for the command.
    Start(Boot),
    /// It hands over a line.
    Say(Boot),
    /// It reports that the command exited with this code.
    Exit(Boot, i32),
    /// It reports that it stopped the command as it was told.
    Obey(Boot),
    /// A person wants it stopped.
    Cancel,
    /// Every place ends.
    Gone,
    /// The provider tells that the attempt's place runs, and the execution is driven for it.
    Runs(u32),
    /// The provider tells that it has stopped, and the execution is driven for it.
    Stopped(u32),
    /// It is driven, and so the launcher asked.
    Drive,
    /// The same, by somebody who looks after nothing else.
    Place,
    /// Time passes and the reconciler runs.
    Later(u64),
}

/// Which attempt, and which of its agents.
pub(super) type Boot = (u32, u8);

/// What has truly happened, beside what the record says.
#[derive(Debug, Default)]
struct Truth {
    agents: BTreeMap<Boot, Agent>,
    were_given_the_command: BTreeSet<Boot>,
    exits: BTreeSet<i32>,
    was_cancelled: bool,
    is_gone: bool,
}

#[derive(Clone)]
pub(super) struct Story {
    world: Arc<World>,
    truth: Arc<Mutex<Truth>>,
    id: ExecutionId,
}

impl Story {
    async fn begin(style: LaunchStyle, launches: Vec<ScriptedLaunch>) -> Self {
        let world = World::styled(style, FaultPlan::none()).await;
        world.launcher.hold(Asked::Launch);
        for launch in launches {
            world.launcher.script(launch);
        }
        let submitted = world.submit(wish(Some("prod"))).await.unwrap();
        Self {
            world: Arc::new(world),
            truth: Arc::default(),
            id: submitted.execution.id().clone(),
        }
    }

    async fn find(&self) -> Execution {
        self.world.find(&self.id).await
    }

    async fn outcome(&self) -> Option<Outcome> {
        let found = self.find().await;
        found.ended().map(|(outcome, _)| outcome.clone())
    }

    /// The boot, if its attempt was ever launched.
    fn agent(&self, boot: Boot) -> Option<Agent> {
        let attempt = AttemptId::new(self.id.clone(), boot.0);
        self.world.launcher.token(&attempt)?;
        let mut truth = self.truth.lock().unwrap();
        let agent = truth.agents.entry(boot);
        Some(agent.or_insert_with(|| Agent::new(attempt, boot.1)).clone())
    }

    async fn happen(self, happening: Happening) {
        let world = &self.world;
        match happening {
            Happening::Answer => world.launcher.answer(),
            Happening::Start(boot) => self.start(boot).await,
            Happening::Say(boot) => {
                if let Some(mut agent) = self.agent(boot) {
                    // Refused where the boot was never let in, or is no more.
                    let _answer = agent.say(world, &["a line"]).await;
                    self.truth.lock().unwrap().agents.insert(boot, agent);
                }
            }
            Happening::Exit(boot, code) => {
                let Some(agent) = self.agent(boot).filter(Agent::has_session) else {
                    return;
                };
                self.truth.lock().unwrap().exits.insert(code);
                let _answer = agent.exit(world, code).await;
            }
            Happening::Obey(boot) => {
                if let Some(agent) = self.agent(boot) {
                    // An agent obeys only what it was told.
                    if world.status(&self.find().await).await == Status::Terminating {
                        let _answer = agent.obey(world).await;
                    }
                }
            }
            Happening::Cancel => {
                self.truth.lock().unwrap().was_cancelled = true;
                world.app.kill(&alice(), &self.id).await.unwrap();
            }
            Happening::Gone => {
                self.truth.lock().unwrap().is_gone = true;
                world.launcher.end_all();
            }
            Happening::Runs(number) => self.told(number, Presence::Running).await,
            Happening::Stopped(number) => {
                self.truth.lock().unwrap().is_gone = true;
                self.told(number, Presence::Gone(Evidence::default())).await;
            }
            Happening::Drive => self.drive().await,
            Happening::Place => {
                let _left = world.app.drive(&self.id).await;
            }
            Happening::Later(seconds) => world.later(Duration::from_secs(seconds)).await,
        }
    }

    async fn drive(&self) {
        self.world.work().await;
        let _again = self.world.app.drive(&self.id).await;
    }

    /// What the provider tells of an attempt; it knows only those that were launched.
    async fn told(&self, number: u32, presence: Presence) {
        let attempt = AttemptId::new(self.id.clone(), number);
        if self.world.launcher.token(&attempt).is_some() {
            self.world.launcher.set_presence(&attempt, presence);
            self.drive().await;
        }
    }

    async fn start(&self, boot: Boot) {
        let Some(mut agent) = self.agent(boot) else {
            return;
        };
        let answer = agent.start(&self.world).await;
        let mut truth = self.truth.lock().unwrap();
        truth.agents.insert(boot, agent);
        if answer.is_ok_and(|answer| answer.run.is_some()) {
            truth.were_given_the_command.insert(boot);
        }
    }

    /// Lets some things happen at the same time, until all are over but launches that nobody has answered.
    async fn together(&self, under_way: &mut JoinSet<()>, happenings: &[Happening]) {
        for happening in happenings {
            under_way.spawn(self.clone().happen(*happening));
        }
        eventually(Duration::from_mins(1), || {
            while let Some(over) = under_way.try_join_next() {
                over.unwrap();
            }
            let is_quiet = under_way.len() == self.world.launcher.held();
            async move { is_quiet.then_some(()) }
        })
        .await;
    }

    /// Every place ends, every answer arrives, and time passes.
    async fn end(&self, under_way: JoinSet<()>) {
        self.truth.lock().unwrap().is_gone = true;
        self.world.launcher.answer_all();
        under_way.join_all().await;
        for _ in 0..6 {
            self.world.launcher.end_all();
            self.world.later(Duration::from_mins(10)).await;
        }
    }

    async fn check(&self) {
        let found = self.find().await;
        self.world.assert_over(&found).await;
        assert_eq!(self.world.holder().await, None);
        let starts = self
            .world
            .count(&found, AuditAction::ExecutionStarted)
            .await;
        let truth = self.truth.lock().unwrap();
        assert!(truth.were_given_the_command.len() <= starts, "{truth:?}");
        let (outcome, _) = found.ended().unwrap();
        let is_true = match outcome.reason() {
            Reason::Exited => truth.exits.contains(&outcome.exit_code().unwrap()) && starts == 1,
            Reason::Cancelled => truth.was_cancelled,
            Reason::AgentLost => truth.is_gone && starts == 1,
            Reason::TimedOut => starts == 1,
            Reason::LaunchFailed => starts == 0,
            _ => false,
        };
        assert!(is_true, "{outcome:?} {truth:?}");
        assert_eq!(found.cost(), Some(cost(&found)));
    }
}

/// What a run costs of which the provider tells no times: a micro-dollar a second from its start to its end.
fn cost(over: &Execution) -> Money {
    let started = over.started().zip(over.ended());
    let seconds = started.map_or(0, |(started, (_, ended))| {
        ended.duration_since(started.at).as_secs()
    });
    match over.submission().container {
        Some(_) => Money::from_micro_dollars(seconds),
        None => Money::ZERO,
    }
}

/// Tells what happens, chapter by chapter, and answers how it ended.
pub(super) async fn tell(
    style: LaunchStyle,
    launches: Vec<ScriptedLaunch>,
    chapters: Vec<Vec<Happening>>,
) -> Outcome {
    let story = Story::begin(style, launches).await;
    let mut under_way = JoinSet::new();
    let mut outcome = None;
    for chapter in chapters {
        story.together(&mut under_way, &chapter).await;
        let now = story.outcome().await;
        assert!(outcome.is_none() || outcome == now, "{outcome:?} {now:?}");
        outcome = now;
    }
    story.end(under_way).await;
    assert!(outcome.is_none() || outcome == story.outcome().await);
    story.check().await;
    story.outcome().await.unwrap()
}
