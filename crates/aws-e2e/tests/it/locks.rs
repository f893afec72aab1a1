//! Locks: one holder at a time, a line behind it, tokens that grow, and force.

use std::fs;

use serde_json::Value;

use crate::shell::{Person, until};
use crate::world::World;

#[test]
fn a_lock_is_handed_on_in_the_order_of_the_line() {
    let world = World::shared();
    let alice = world.person("alice@locks.example.com", "developer");
    let bob = world.person("bob@locks.example.com", "developer");
    let order = alice.path("order");
    let script = |name: &str| format!("echo {name} >> {order}; echo $RUNVOY_LOCK_FENCE");
    let first = format!(
        "{}; until [ -e {} ]; do sleep 0.02; done",
        script("first"),
        alice.path("gate")
    );
    let holder = alice.start(&["run", "-q", "--lock", "line", &first]);
    until(|| holder.out().ends_with('\n').then_some(()));
    let second = bob.start(&["run", "-q", "--lock", "line", &script("second")]);
    until(|| in_line(&bob, 1));
    let third = alice.start(&["run", "-q", "--lock", "line", &script("third")]);
    until(|| in_line(&alice, 2));
    let lock = world.admin.ask(&["locks", "show", "line"]);
    assert_eq!(lock["holder"]["user"], "alice@locks.example.com");
    assert_eq!(lock["queue"].as_array().unwrap().len(), 2, "{lock}");
    let busy = bob.run(&["run", "--lock", "line", "--no-wait", "true"]);
    assert_eq!(busy.code, 75, "{busy:#?}");
    fs::write(alice.path("gate"), "").unwrap();
    let fences = [holder.end(), second.end(), third.end()].map(|said| {
        assert_eq!(said.code, 0, "{said:#?}");
        said.out.trim_end().parse::<u64>().unwrap()
    });
    assert!(
        fences.is_sorted_by(|before, after| before < after),
        "{fences:?}"
    );
    assert_eq!(fs::read_to_string(order).unwrap(), "first\nsecond\nthird\n");
    bob.must(&["run", "--lock", "line", "--no-wait", "true"]);
    let lock = until(|| {
        let lock = world.admin.ask(&["locks", "show", "line"]);
        lock["holder"].is_null().then_some(lock)
    });
    assert_eq!(lock["fence"], fences[2] + 1);
}

/// Whether their newest run is at this place in its line. There may be none yet.
fn in_line(person: &Person, position: u64) -> Option<()> {
    let said = person.run(&["status", "last", "-o", "json"]);
    let record: Value = serde_json::from_str(&said.out).unwrap_or_default();
    (record["queue"]["position"] == position).then_some(())
}

#[test]
fn a_lock_is_taken_from_one_that_runs_only_by_force_and_in_full_knowledge() {
    let world = World::shared();
    let alice = world.person("alice@force.example.com", "developer");
    let gate = alice.path("gate");
    let script = format!("echo ready; until [ -e {gate} ]; do sleep 0.02; done");
    let mut holder = alice.start(&["run", "--lock", "force", &script]);
    holder.says("ready\n");
    let id = alice.last();
    let next = alice.submit(&["--lock", "force", "echo next $RUNVOY_LOCK_FENCE"]);
    let release = |more: &[&str]| {
        let line = [&["locks", "release", "force"], more].concat();
        world.admin.run(&line)
    };
    let refused = release(&[]);
    assert_ne!(refused.code, 0);
    assert!(
        refused.err.contains(&format!("runvoy kill {id}")),
        "{refused:#?}"
    );
    let refused = release(&["--force", "--reason", "it hangs"]);
    assert_ne!(refused.code, 0);
    assert!(refused.err.contains("--even-if-running"), "{refused:#?}");
    let bob = world.person("bob@force.example.com", "developer");
    let denied = bob.run(&["locks", "release", "force", "--force", "--reason", "mine"]);
    assert_eq!(denied.code, 77, "a lock of somebody else: {denied:#?}");
    let taken = release(&["--force", "--even-if-running", "--reason", "it hangs"]);
    assert_eq!(taken.code, 0, "{taken:#?}");
    assert_eq!(alice.closed(&next)["status"], "SUCCEEDED");
    let record = alice.record(&id);
    assert_eq!(
        (&record["status"], &record["lock_lost"]),
        (&Value::from("RUNNING"), &Value::from(true))
    );
    let fence = record["lock_fence"].as_u64().unwrap();
    assert_eq!(alice.log(&next), format!("next {}\n", fence + 1));
    fs::write(gate, "").unwrap();
    assert_eq!(holder.end().code, 0);
    alice.closed(&id);
    let audit = world.admin.must(&["audit", "list", "--execution", &id]);
    assert!(audit.contains("it hangs"), "{audit}");
}
