//! Ends that no agent reports: AWS takes the place away, or never gives one.

use std::fs;

use runvoy_aws_local::{End, Fault, FaultPlan, When};

use crate::shell::{Person, ended, until};
use crate::world::{Disturbed, World};

#[test]
fn a_broken_image_fails_in_the_words_of_aws() {
    let world = World::shared();
    let person = world.person("puller@example.com", "developer");
    let said = person.run(&["run", "--image", "cannot-pull/x", "true"]);
    assert_eq!(said.code, 125, "{said:#?}");
    assert!(said.err.contains("CannotPullContainerError"), "{said:#?}");
    let id = person.last();
    assert_eq!(ended(&person.closed(&id)), ("FAILED", "launch_failed"));
    let log = person.must(&["logs", &id]);
    assert!(log.contains("The agent never connected"), "{log}");
    assert!(log.contains("pull access denied"), "{log}");
    let tasks = world.tasks_of(&id);
    assert_eq!(tasks.len(), 1, "no other task would get it: {tasks:#?}");
}

#[test]
fn a_command_that_needs_too_much_memory_is_told_so() {
    let world = World::disturbed();
    let (person, id) = lingering(&world, "hungry@example.com");
    world.aws.ecs().end(&format!("{id}-1"), &End::OutOfMemory);
    let record = person.closed(&id);
    assert_eq!(ended(&record), ("FAILED", "out_of_memory"));
    assert_eq!(person.run(&["wait", &id]).code, 137);
}

#[test]
fn a_place_that_is_taken_back_interrupts_the_run() {
    let world = World::disturbed();
    let (person, id) = lingering(&world, "spot@example.com");
    world.aws.ecs().end(&format!("{id}-1"), &End::Spot);
    let record = person.closed(&id);
    assert_eq!(ended(&record), ("FAILED", "interrupted"), "{record}");
    assert_eq!(person.run(&["wait", &id]).code, 125);
}

#[test]
fn what_a_lost_agent_could_not_send_comes_from_its_second_copy() {
    let world = World::disturbed();
    let (person, id) = lingering(&world, "lost@example.com");
    let stored = person.must(&["logs", "-o", "json", &id, "--tail", "1"]);
    assert!(stored.contains("ready"), "{stored}");
    let broken = FaultPlan::none().with("agent/*/*", When::From(1), Fault::Throttle);
    world.aws.faults().set(broken);
    fs::write(person.path("gate"), "").unwrap();
    until(|| {
        let copy = world.cloudwatch(&id);
        copy.iter()
            .any(|line| line.ends_with("unsent 20"))
            .then_some(())
    });
    world.aws.ecs().end(&format!("{id}-1"), &End::HostLoss);
    let record = person.closed(&id);
    assert_eq!(ended(&record), ("FAILED", "agent_lost"));
    let unsent: Vec<String> = (1..=20).map(|line| format!("unsent {line}\n")).collect();
    assert_eq!(person.log(&id), format!("ready\n{}", unsent.concat()));
    let whole = person.must(&["logs", &id]);
    assert!(whole.contains("Output may be missing here"), "{whole}");
}

#[test]
fn an_agent_that_never_connects_ends_in_a_clear_failure_or_a_stop() {
    let world = World::disturbed();
    let broken = FaultPlan::none().with("agent/*/*", When::From(1), Fault::Throttle);
    world.aws.faults().set(broken);
    let person = world.person("mute@example.com", "developer");
    let effects = person.path("effects");
    let script = format!("echo ran > {effects}");
    let (failed, stopped) = (person.submit(&[&script]), person.submit(&[&script]));
    for id in [&failed, &stopped] {
        until(|| is_up(&world, id));
        assert_eq!(person.record(id)["status"], "STARTING");
    }
    person.must(&["kill", &stopped]);
    assert_eq!(ended(&person.closed(&stopped)), ("STOPPED", "cancelled"));
    let record = until(|| {
        for task in world.tasks_of(&failed) {
            world
                .aws
                .ecs()
                .end(task["taskArn"].as_str().unwrap(), &End::HostLoss);
        }
        Some(person.record(&failed)).filter(|record| record["status"] == "FAILED")
    });
    assert_eq!(ended(&record), ("FAILED", "launch_failed"), "{record}");
    let log = person.must(&["logs", &failed]);
    assert!(log.contains("The agent never connected"), "{log}");
    person.closed(&failed);
    for id in [&failed, &stopped] {
        let tasks = world.tasks_of(id);
        assert!(
            tasks.iter().all(|task| task["lastStatus"] == "STOPPED"),
            "{tasks:#?}"
        );
    }
    assert!(!fs::exists(effects).unwrap());
}

/// Whether the run's task is up: its agent calls in vain.
fn is_up(world: &World, id: &str) -> Option<()> {
    (world.tasks_of(id).first()?["lastStatus"] == "RUNNING").then_some(())
}

/// A run that has said `ready`, which is stored, and that says more and lingers once there is a gate.
fn lingering(world: &Disturbed, email: &str) -> (Person, String) {
    let person = world.person(email, "developer");
    let script = format!(
        "echo ready; until [ -e {} ]; do sleep 0.02; done; seq -f 'unsent %g' 20; sleep 60",
        person.path("gate")
    );
    let mut run = person.start(&["run", &script]);
    run.says("ready\n");
    let id = person.last();
    (person, id)
}
