//! Stops: by a person, at any point of a run's life, and by its time limit.

use std::fs;
use std::time::Duration;

use crate::shell::{ended, until};
use crate::world::World;

#[test]
fn a_run_that_is_starting_is_stopped_and_its_task_with_it() {
    let world = World::disturbed();
    let long = Duration::from_mins(10);
    world.aws.ecs().set_delays(|delays| delays.pull = long);
    let person = world.person("early@example.com", "developer");
    let effects = person.path("effects");
    let run = person.start(&["run", &format!("echo ran > {effects}")]);
    let id = until(|| {
        let runs = person.ask(&["list"]);
        runs[0]["execution_id"].as_str().map(str::to_owned)
    });
    until(|| (world.tasks_of(&id).first()?["lastStatus"] == "PENDING").then_some(()));
    assert_eq!(person.record(&id)["status"], "STARTING");
    person.must(&["kill", &id]);
    let said = run.end();
    assert_eq!(said.code, 130, "{said:#?}");
    let record = person.closed(&id);
    assert_eq!(ended(&record), ("STOPPED", "cancelled"));
    let tasks = world.tasks_of(&id);
    assert_eq!(tasks.len(), 1, "{tasks:#?}");
    assert_eq!(tasks[0]["lastStatus"], "STOPPED", "{tasks:#?}");
    assert_eq!(tasks[0]["stopCode"], "UserInitiated", "{tasks:#?}");
    assert!(!fs::exists(&effects).unwrap());
}

#[test]
fn a_running_command_is_told_to_end_and_its_last_words_are_kept() {
    let world = World::shared();
    let person = world.person("kind@example.com", "developer");
    let script = "trap 'echo stopping; exit 9' TERM; echo ready; sleep 60 & wait";
    let mut run = person.start(&["run", script]);
    run.says("ready\n");
    let id = person.last();
    person.must(&["kill", "--wait", &id]);
    let said = run.end();
    assert_eq!(
        (said.code, &said.out[..]),
        (130, "ready\nstopping\n"),
        "{said:#?}"
    );
    let record = person.closed(&id);
    assert_eq!(ended(&record), ("STOPPED", "cancelled"));
    assert_eq!(record["exit_code"], 9);
    assert_eq!(world.tasks_of(&id)[0]["lastStatus"], "STOPPED");
}

#[test]
fn who_ignores_the_time_limit_is_killed() {
    let world = World::shared();
    let person = world.person("stubborn@example.com", "developer");
    let script = "trap 'echo never' TERM; while :; do sleep 0.1; done";
    let said = person.run(&["run", "--timeout", "1s", "--grace", "1s", script]);
    assert_eq!(said.code, 124, "{said:#?}");
    let id = person.last();
    assert_eq!(ended(&person.closed(&id)), ("FAILED", "timed_out"));
    assert_eq!(world.tasks_of(&id)[0]["lastStatus"], "STOPPED");
}
