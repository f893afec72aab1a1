//! Every order of what comes after a swift launch, once and twice over, against what a person would say must follow.

use proptest::prelude::*;
use runvoy_app::LaunchStyle;
use runvoy_core::outcome::Reason;
use runvoy_testkit::ScriptedLaunch;

use super::in_a_runtime;
use super::story::{Happening, tell};

/// The launch's reply, the agent's start and report, the provider's events, and a person's wish.
const EVENTS: [Happening; 6] = [
    Happening::Answer,
    Happening::Start((1, 1)),
    Happening::Exit((1, 1), 3),
    Happening::Runs(1),
    Happening::Stopped(1),
    Happening::Cancel,
];

/// How far the run has come, in a person's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Launched,
    /// The provider knows of its task.
    Placed,
    /// The task ended before its agent had started: another is tried.
    TriedAgain,
    Runs,
    IsStopping,
    Over(Reason),
}

impl Stage {
    fn after(self, event: Happening) -> Self {
        match (self, event) {
            (Self::Launched, Happening::Runs(_)) => Self::Placed,
            (Self::Placed, Happening::Stopped(_)) => Self::TriedAgain,
            (Self::Launched | Self::Placed, Happening::Start(_)) => Self::Runs,
            (Self::Launched | Self::Placed | Self::TriedAgain, Happening::Cancel)
            | (Self::IsStopping, Happening::Stopped(_)) => Self::Over(Reason::Cancelled),
            (Self::Runs, Happening::Cancel) => Self::IsStopping,
            (Self::Runs | Self::IsStopping, Happening::Exit(..)) => Self::Over(Reason::Exited),
            (Self::Runs, Happening::Stopped(_)) => Self::Over(Reason::AgentLost),
            (stage, _) => stage,
        }
    }

    /// When its time is up and its place has ended.
    fn at_last(self) -> Reason {
        match self {
            Self::Launched | Self::Placed | Self::TriedAgain => Reason::LaunchFailed,
            Self::Runs => Reason::TimedOut,
            Self::IsStopping => Reason::Cancelled,
            Self::Over(reason) => reason,
        }
    }
}

/// Every order of the numbers below `count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else {
        return vec![Vec::new()];
    };
    let shorter = orders(last);
    let places = (0..count).flat_map(|place| shorter.iter().map(move |order| (place, order)));
    places
        .map(|(place, order)| {
            let mut order = order.clone();
            order.insert(place, last);
            order
        })
        .collect()
}

/// Tells the events in every order, each order so often, and compares the ends.
async fn every_order(times: usize) {
    let orders = orders(EVENTS.len());
    assert_eq!(orders.len(), 720);
    for order in orders {
        let events: Vec<Happening> = order.iter().map(|event| EVENTS[*event]).collect();
        compare(&events.repeat(times)).await;
    }
}

/// Tells the events one after the other, and compares the end.
async fn compare(events: &[Happening]) {
    let expected = events.iter().copied().fold(Stage::Launched, Stage::after);
    let asked = std::iter::once(Happening::Place);
    let chapters = asked.chain(events.iter().copied()).map(|event| vec![event]);
    let launches = vec![ScriptedLaunch::Accept];
    let outcome = tell(LaunchStyle::Swift, launches, chapters.collect()).await;
    assert_eq!(outcome.reason(), expected.at_last(), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn every_order_of_events_ends_as_the_first_that_counts_says() {
    every_order(1).await;
}

#[tokio::test(start_paused = true)]
async fn every_order_of_events_that_come_twice_ends_the_same_way() {
    every_order(2).await;
}

/// Each event up to three times, with any others between.
fn shuffled() -> impl Strategy<Value = Vec<Happening>> {
    let times = prop::collection::vec(1..=3_usize, EVENTS.len());
    let events = times.prop_map(|times| {
        let events = EVENTS.iter().zip(times);
        let repeated = events.flat_map(|(event, times)| std::iter::repeat_n(*event, times));
        repeated.collect::<Vec<_>>()
    });
    events.prop_shuffle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn events_that_come_again_at_any_later_time_change_no_end(events in shuffled()) {
        in_a_runtime(compare(&events));
    }
}
