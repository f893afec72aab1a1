//! What is kept: lists, costs, the audit trail.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use crate::world::World;

#[test]
fn a_list_shows_who_ran_what_where_under_which_lock_and_at_what_cost() {
    let world = World::shared();
    let person = world.person("lister@example.com", "developer");
    let command = "echo listed; exit 5";
    person.run(&["run", "--image", "alpine:3.21", "--lock", "listed", command]);
    let id = person.last();
    person.closed(&id);
    let table = world
        .admin
        .must(&["list", "--user", "lister@example.com", "-o", "wide"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 2, "{table}");
    for head in [
        "Execution ID",
        "Status",
        "Cloud",
        "User",
        "Image",
        "Lock",
        "Exit",
        "Cost",
    ] {
        assert!(lines[0].contains(head), "{table}");
    }
    let cells = [
        &id[..],
        "FAILED",
        command,
        "AWS",
        "lister@example.com",
        "alpine:3.21",
        "listed",
        " 5 ",
        "$0.000165",
    ];
    for cell in cells {
        assert!(lines[1].contains(cell), "{cell}: {table}");
    }
    for query in [["--lock", "listed"], ["--status", "FAILED"]] {
        let found = person.must(&["list", "-q", query[0], query[1]]);
        assert_eq!(found, format!("{id}\n"), "{query:?}");
    }
}

#[test]
fn every_change_is_in_the_audit_trail() {
    let world = World::shared();
    let person = world.person("audited@example.com", "developer");
    let id = person.submit(&["true"]);
    person.closed(&id);
    let trail = world.admin.ask(&["audit", "list", "--execution", &id]);
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap().to_owned();
    let trail = trail.as_array().unwrap().iter().rev();
    let said: Vec<_> = trail
        .map(|entry| (text(entry, "principal"), text(entry, "action")))
        .collect();
    let (person, agent) = ("audited@example.com".to_owned(), format!("agent of {id}"));
    let first = (person, "execution.created".to_owned());
    assert_eq!(said.first(), Some(&first), "{said:?}");
    for action in ["execution.started", "execution.ended"] {
        assert!(
            said.contains(&(agent.clone(), action.to_owned())),
            "{said:?}"
        );
    }
    let last = ("system".to_owned(), "execution.closed".to_owned());
    assert_eq!(said.last(), Some(&last), "{said:?}");
    let people = world
        .admin
        .must(&["audit", "list", "--user", "audited@example.com"]);
    assert!(people.contains("user.created"), "{people}");
}

#[test]
fn the_final_cost_is_the_bill_from_the_pull_to_the_stop() {
    let world = World::disturbed();
    let person = world.person("payer@example.com", "developer");
    let script = format!("until [ -e {} ]; do sleep 0.02; done", person.path("gate"));
    let id = person.submit(&[&script]);
    let record = person.recorded(&id, "RUNNING");
    assert_eq!(record["cost_is_estimate"], true, "{record}");
    assert_eq!(
        record["cost_usd"], "0.000165",
        "the minute that is always billed"
    );
    assert!(person.must(&["list", "-o", "wide"]).contains("~$0.000165"));
    world.aws.ecs().clock().advance(Duration::from_secs(200));
    fs::write(person.path("gate"), "").unwrap();
    let record = person.closed(&id);
    let tasks = world.tasks_of(&id);
    let time = |field: &str| tasks[0][field].as_f64().unwrap();
    // ECS tells milliseconds; what is finer is the difference of two large numbers.
    let billed = ((time("stoppedAt") - time("pullStartedAt")) * 1000.0).round() / 1000.0;
    assert!((200.0..500.0).contains(&billed), "{billed}");
    assert_eq!(record["cost_usd"], bill(billed.ceil()), "{billed} s");
    // As long ago again as before.
    world.aws.ecs().clock().put_back(Duration::from_secs(200));
}

/// A quarter of a processor at $0.03238 an hour and half a gigabyte at $0.00356.
fn bill(seconds: f64) -> String {
    format!("{:.6}", seconds * (0.25 * 0.03238 + 0.5 * 0.00356) / 3600.0)
}

#[test]
fn the_deployment_says_how_it_is_and_who_asks() {
    let world = World::shared();
    let health = world.admin.ask(&["health"]);
    assert_eq!(
        (&health["status"], &health["provider"]),
        (&Value::from("ok"), &Value::from("AWS"))
    );
    let whoami = world.admin.ask(&["whoami"]);
    assert_eq!(whoami["email"], "admin@example.com");
    assert_eq!(whoami["role"], "admin");
}
