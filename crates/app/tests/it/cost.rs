//! What a run costs: an estimate while it runs, what the provider bills once it is closed.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use runvoy_app::LaunchStyle;
use runvoy_core::execution::{Billed, Evidence, Execution};
use runvoy_core::id::AttemptId;
use runvoy_core::money::{Cost, Money};
use runvoy_ports::{Clock as _, Presence};
use runvoy_testkit::{FaultPlan, ScriptedLaunch};
use tokio::runtime::Builder;

use crate::world::{Agent, STYLES, World, alice, standard};

const TICK: Duration = Duration::from_millis(1);

async fn containers(style: LaunchStyle) -> World {
    let world = World::styled(style, FaultPlan::none()).await;
    world.launcher.run_containers(standard());
    world
}

/// A micro-dollar for each second: what the launcher asks.
fn seconds(seconds: i64) -> Option<Money> {
    Money::ZERO.checked_add(Money::from_micro_dollars(seconds))
}

/// From `from` to `until`, in seconds since 1970.
fn billed(from: i64, until: i64) -> Billed {
    Billed {
        from: Timestamp::from_second(from).unwrap(),
        until: Timestamp::from_second(until).unwrap(),
    }
}

fn gone(world: &World, attempt: &AttemptId, billed: &[Billed]) {
    let evidence = Evidence {
        billed: billed.to_vec(),
        ..Evidence::default()
    };
    world
        .launcher
        .set_presence(attempt, Presence::Gone(evidence));
}

async fn pass(world: &World, seconds: u64) {
    world.later(Duration::from_secs(seconds)).await;
}

async fn cost_now(world: &World, run: &Execution) -> Option<Money> {
    shown(world, &world.find(run.id()).await)
}

/// What people are shown, if anything.
fn shown(world: &World, run: &Execution) -> Option<Money> {
    world.app.cost(run).map(|cost| cost.amount)
}

/// Starts, runs for so long, and reports its end.
async fn ran(world: &World, run: &Execution, seconds: u64) -> Agent {
    let agent = world.started(&world.find(run.id()).await).await;
    pass(world, seconds).await;
    agent.exit(world, 0).await.unwrap();
    agent
}

#[tokio::test(start_paused = true)]
async fn every_time_that_the_provider_bills_is_in_the_cost() {
    for style in STYLES {
        let world = containers(style).await;
        world
            .launcher
            .script(ScriptedLaunch::Refuse("no room".to_owned()));
        let run = world.run().await;
        let first = AttemptId::new(run.id().clone(), 1);
        // What was refused may have run for a while nevertheless, and a place may be billed in two parts.
        gone(&world, &first, &[billed(1_000, 1_060)]);
        let agent = ran(&world, &run, 42).await;
        assert_eq!(agent.attempt.number(), 2);
        gone(
            &world,
            &agent.attempt,
            &[billed(5_000, 5_090), billed(9_000, 9_007)],
        );
        world.later(TICK).await;
        let found = world.find(run.id()).await;
        assert_eq!(found.cost(), seconds(60 + 90 + 7), "{style:?}");
        assert_eq!(shown(&world, &found), found.cost());
        world.assert_over(&run).await;
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_provider_has_forgotten_the_time_from_start_to_end_counts() {
    for style in STYLES {
        let world = containers(style).await;
        world
            .launcher
            .script(ScriptedLaunch::Refuse("no room".to_owned()));
        let run = world.run().await;
        pass(&world, 5).await;
        let agent = ran(&world, &run, 42).await;
        // Long after its end: nothing more is to be paid for that.
        pass(&world, 1).await;
        agent.leave(&world);
        pass(&world, 600).await;
        assert_eq!(world.find(run.id()).await.cost(), seconds(42), "{style:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_never_started_costs_what_its_places_did() {
    let world = containers(LaunchStyle::Swift).await;
    let run = world.run().await;
    let attempt = run.attempt().unwrap();
    pass(&world, 20).await;
    assert_eq!(cost_now(&world, &run).await, None);
    world.app.kill(&alice(), run.id()).await.unwrap();
    gone(&world, &attempt, &[billed(0, 75)]);
    pass(&world, 20).await;
    world.assert_over(&run).await;
    assert_eq!(world.find(run.id()).await.cost(), seconds(75));
}

#[tokio::test(start_paused = true)]
async fn while_it_runs_the_cost_is_the_time_since_its_start_and_stands_at_its_end() {
    let world = containers(LaunchStyle::Swift).await;
    let run = world.run().await;
    pass(&world, 7).await;
    assert_eq!(cost_now(&world, &run).await, None);
    let agent = world.started(&run).await;
    assert_eq!(cost_now(&world, &run).await, seconds(0));
    for passed in [30, 60] {
        pass(&world, 30).await;
        assert_eq!(cost_now(&world, &run).await, seconds(passed));
    }
    agent.exit(&world, 0).await.unwrap();
    pass(&world, 10).await;
    let ended = world.find(run.id()).await;
    assert_eq!((ended.cost(), shown(&world, &ended)), (None, seconds(60)));
    gone(&world, &agent.attempt, &[billed(100, 171)]);
    world.later(TICK).await;
    let closed = world.find(run.id()).await;
    assert_eq!(
        (closed.cost(), shown(&world, &closed)),
        (seconds(71), seconds(71))
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_anything_for_a_process() {
    let world = World::new().await;
    let run = world.run().await;
    assert_eq!(cost_now(&world, &run).await, None);
    let agent = world.started(&run).await;
    pass(&world, 30).await;
    assert_eq!(cost_now(&world, &run).await, None);
    agent.exit(&world, 0).await.unwrap();
    gone(&world, &agent.attempt, &[billed(0, 60)]);
    world.later(TICK).await;
    assert_eq!(world.find(run.id()).await.cost(), Some(Money::ZERO));
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_goes_back_makes_no_cost_negative() {
    let world = containers(LaunchStyle::Swift).await;
    let run = world.run().await;
    let agent = world.started(&run).await;
    let before = world.clock.now() - Duration::from_secs(90);
    world.clock.set(before);
    assert_eq!(cost_now(&world, &run).await, seconds(0));
    agent.exit(&world, 0).await.unwrap();
    assert_eq!(cost_now(&world, &run).await, seconds(0));
    gone(&world, &agent.attempt, &[billed(100, 40), billed(0, 3)]);
    pass(&world, 600).await;
    assert_eq!(world.find(run.id()).await.cost(), seconds(3));
}

#[tokio::test(start_paused = true)]
async fn a_cost_beyond_all_bounds_stays_within_them() {
    let world = containers(LaunchStyle::Careful).await;
    world
        .launcher
        .script(ScriptedLaunch::Refuse("no room".to_owned()));
    let run = world.run().await;
    let first = AttemptId::new(run.id().clone(), 1);
    gone(&world, &first, &[billed(0, 1), billed(1, 2)]);
    let most = Money::from_micro_dollars(i64::MAX);
    world.launcher.set_price(Cost::of(most));
    let agent = ran(&world, &run, 1).await;
    gone(&world, &agent.attempt, &[billed(0, 1)]);
    world.later(TICK).await;
    assert_eq!(world.find(run.id()).await.cost(), Some(most));
}

#[tokio::test(start_paused = true)]
async fn the_public_address_is_apart_and_prices_that_are_guessed_stay_estimates() {
    let world = containers(LaunchStyle::Swift).await;
    let price = Cost {
        amount: Money::from_micro_dollars(7),
        public_ipv4: Some(Money::from_micro_dollars(5)),
        is_estimate: false,
    };
    world.launcher.set_price(price);
    let run = world.run().await;
    let agent = ran(&world, &run, 42).await;
    let estimate = Cost {
        is_estimate: true,
        ..price
    };
    let ended = world.find(run.id()).await;
    assert_eq!(world.app.cost(&ended), Some(estimate));
    gone(&world, &agent.attempt, &[billed(0, 60), billed(70, 90)]);
    world.later(TICK).await;
    let closed = world.find(run.id()).await;
    let both = price.plus(price);
    assert_eq!(world.app.cost(&closed), Some(both));
    world.launcher.set_price(estimate);
    let guessed = Cost {
        is_estimate: true,
        ..both
    };
    assert_eq!(world.app.cost(&closed), Some(guessed));
}

/// Times of any two attempts, and what they must cost.
async fn costs_the_sum(first: Vec<(i64, i64)>, second: Vec<(i64, i64)>) {
    let world = containers(LaunchStyle::Swift).await;
    world
        .launcher
        .script(ScriptedLaunch::Refuse("no room".to_owned()));
    let run = world.run().await;
    let agent = ran(&world, &run, 13).await;
    let length = |(from, until): &(i64, i64)| (until - from).max(0);
    let mut expected: i64 = first.iter().chain(&second).map(length).sum();
    if second.is_empty() {
        expected += 13;
    }
    let times = |times: Vec<(i64, i64)>| -> Vec<Billed> {
        let times = times.into_iter();
        times.map(|(from, until)| billed(from, until)).collect()
    };
    gone(&world, &AttemptId::new(run.id().clone(), 1), &times(first));
    gone(&world, &agent.attempt, &times(second));
    world.later(TICK).await;
    assert_eq!(world.find(run.id()).await.cost(), seconds(expected));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_cost_is_the_sum_of_whatever_was_billed(
        first in prop::collection::vec((0..100_000_i64, 0..100_000_i64), 0..4),
        second in prop::collection::vec((0..100_000_i64, 0..100_000_i64), 0..4),
    ) {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(costs_the_sum(first, second));
    }
}
