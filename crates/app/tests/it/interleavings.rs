//! Whatever comes, in whatever order, doubled, late or at the same time: one true outcome, and nothing left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use runvoy_core::audit::AuditAction;
use runvoy_core::execution::{Execution, Status};
use runvoy_core::id::{AttemptId, ExecutionId};
use runvoy_core::outcome::{Outcome, Reason};
use runvoy_testkit::{ScriptedLaunch, eventually};
use tokio::runtime::Builder;
use tokio::task::JoinSet;

use crate::world::{Agent, Asked, World, alice, wish};

/// Something that happens.
#[derive(Debug, Clone, Copy)]
enum Happening {
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
    /// It is driven, and so the launcher asked.
    Drive,
    /// Time passes and the reconciler runs.
    Later(u64),
}

/// Which attempt, and which of its agents.
type Boot = (u32, u8);

fn happening() -> impl Strategy<Value = Happening> {
    let boot = || (prop_oneof![4 => Just(1_u32), 1 => Just(2)], 1..=2_u8);
    prop_oneof![
        3 => Just(Happening::Answer),
        9 => boot().prop_map(Happening::Start),
        2 => boot().prop_map(Happening::Say),
        5 => (boot(), 0..3_i32).prop_map(|(boot, code)| Happening::Exit(boot, code)),
        1 => boot().prop_map(Happening::Obey),
        1 => Just(Happening::Cancel),
        1 => Just(Happening::Gone),
        4 => Just(Happening::Drive),
        2 => prop_oneof![Just(0), Just(3), Just(21), Just(400)].prop_map(Happening::Later),
    ]
}

fn launch() -> impl Strategy<Value = ScriptedLaunch> {
    prop_oneof![
        4 => Just(ScriptedLaunch::Accept),
        1 => Just(ScriptedLaunch::AcceptAndLose),
        1 => Just(ScriptedLaunch::Lose),
        1 => Just(ScriptedLaunch::Refuse("no room".to_owned())),
    ]
}

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
struct Story {
    world: Arc<World>,
    truth: Arc<Mutex<Truth>>,
    id: ExecutionId,
}

impl Story {
    async fn begin(launches: Vec<ScriptedLaunch>) -> Self {
        let world = World::new().await;
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
            Happening::Drive => {
                world.work().await;
                let _again = world.app.drive(&self.id).await;
            }
            Happening::Later(seconds) => world.later(Duration::from_secs(seconds)).await,
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
    }
}

async fn tell(launches: Vec<ScriptedLaunch>, chapters: Vec<Vec<Happening>>) {
    let story = Story::begin(launches).await;
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
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_order_of_events_ends_in_one_true_outcome(
        launches in prop::collection::vec(launch(), 0..4),
        chapters in prop::collection::vec(prop::collection::vec(happening(), 1..4), 1..12),
    ) {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(tell(launches, chapters));
    }
}
