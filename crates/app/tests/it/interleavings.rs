//! Whatever comes, in whatever order, doubled, late or at the same time: one true outcome, and nothing left behind.

mod order;
mod story;

use proptest::prelude::*;
use runvoy_app::LaunchStyle;
use runvoy_testkit::ScriptedLaunch;
use tokio::runtime::Builder;

use story::{Happening, tell};

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
        2 => (1..=2_u32).prop_map(Happening::Runs),
        2 => (1..=2_u32).prop_map(Happening::Stopped),
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
        1 => Just(ScriptedLaunch::RefuseForGood("no such image".to_owned())),
    ]
}

/// Tells such a story in a world of its own.
fn tell_all(style: LaunchStyle, launches: Vec<ScriptedLaunch>, chapters: Vec<Vec<Happening>>) {
    in_a_runtime(tell(style, launches, chapters));
}

/// Does it in a runtime whose time passes by itself.
fn in_a_runtime<T>(work: impl Future<Output = T>) -> T {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build().unwrap();
    runtime.block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_order_of_events_ends_in_one_true_outcome(
        launches in prop::collection::vec(launch(), 0..4),
        chapters in prop::collection::vec(prop::collection::vec(happening(), 1..4), 1..12),
    ) {
        tell_all(LaunchStyle::Careful, launches, chapters);
    }

    #[test]
    fn any_order_of_events_around_a_swift_launch_ends_in_one_true_outcome(
        launches in prop::collection::vec(launch(), 0..4),
        chapters in prop::collection::vec(prop::collection::vec(happening(), 1..4), 1..12),
    ) {
        tell_all(LaunchStyle::Swift, launches, chapters);
    }
}
