//! However the events of ECS arrive, a run ends as it ended.

use std::time::Duration;

use runvoy_aws_local::EventMode;

use crate::shell::{ended, is_closed, until};
use crate::world::World;

#[test]
fn late_doubled_reversed_and_lost_events_change_nothing() {
    let world = World::disturbed();
    let person = world.person("events@example.com", "developer");
    let modes = [
        EventMode::Late(Duration::from_secs(2)),
        EventMode::Twice,
        EventMode::Reversed,
        EventMode::Dropped,
    ];
    for mode in modes {
        world.aws.ecs().set_events(mode);
        let said = person.run(&["run", "-q", "echo out; exit 3"]);
        assert_eq!(
            (said.code, &said.out[..]),
            (3, "out\n"),
            "{mode:?}: {said:#?}"
        );
        let id = person.last();
        let record = until(|| {
            if mode == EventMode::Dropped {
                world.tick();
            }
            Some(person.record(&id)).filter(is_closed)
        });
        assert_eq!(ended(&record), ("FAILED", "exited"), "{mode:?}");
        assert_eq!(
            (&record["exit_code"], &record["cost_usd"]),
            (&3.into(), &"0.000165".into()),
            "{mode:?}"
        );
        assert_eq!(person.log(&id), "out\n", "{mode:?}");
        assert_eq!(world.tasks_of(&id).len(), 1, "{mode:?}");
    }
}
