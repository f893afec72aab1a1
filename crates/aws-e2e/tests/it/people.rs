//! Somebody joins a team, works, changes roles and keys, and leaves it.

use crate::shell::{Person, ended};
use crate::world::World;

const EMAIL: &str = "alice@people.example.com";

#[test]
fn a_person_is_invited_claims_runs_and_is_revoked() {
    let world = World::shared();
    let admin = &world.admin;
    let line = admin.must(&["users", "create", EMAIL, "--role", "viewer"]);
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[..2], ["runvoy", "claim"], "{line}");
    // A home with nothing configured, and no variables: the line alone must do.
    let alice = Person::new();
    alice.must(&words[1..]);
    assert!(alice.must(&["whoami"]).contains(EMAIL));
    let again = Person::new().run(&words[1..]);
    assert_ne!(again.code, 0, "a line works once: {again:#?}");

    assert_eq!(
        alice.run(&["run", "true"]).code,
        77,
        "a viewer runs nothing"
    );
    admin.must(&["users", "role", EMAIL, "developer"]);
    assert_eq!(alice.must(&["run", "-q", "echo hello"]), "hello\n");
    let id = alice.last();
    assert_eq!(admin.record(&id)["created_by"], EMAIL);
    for line in [&["users", "list"][..], &["audit", "list"]] {
        assert_eq!(alice.run(line).code, 77, "{line:?}");
    }

    let holding = alice.submit(&["--lock", "people", "sleep 60"]);
    let waiting = alice.submit(&["--lock", "people", "true"]);
    admin.must(&["users", "revoke", EMAIL, "--kill"]);
    for line in [["run", "true"].as_slice(), &["list"], &["whoami"]] {
        let said = alice.run(line);
        assert_eq!(said.code, 77, "{line:?}: {said:#?}");
    }
    assert_eq!(ended(&admin.closed(&holding)), ("STOPPED", "cancelled"));
    // Whoever looks after the line before the revocation comes to it turns it away.
    let waiting = admin.closed(&waiting);
    let ends = [("STOPPED", "cancelled"), ("FAILED", "denied")];
    assert!(ends.contains(&ended(&waiting)), "{waiting}");
    let users = admin.ask(&["users", "list"]);
    let mut users = users.as_array().unwrap().iter();
    let gone = users.find(|user| user["email"] == EMAIL).unwrap();
    assert_eq!(gone["revoked"], true, "{gone}");
}

#[test]
fn a_key_is_replaced_by_its_owner_and_by_an_admin() {
    let world = World::shared();
    let line = ["users", "create", "bob@people.example.com", "--show-key"];
    let first = world.admin.must(&line);
    let bob = Person::new();
    let configure = bob
        .command(&["configure", "--endpoint", &world.endpoint()])
        .env("RUNVOY_API_KEY", first.trim_end())
        .output();
    assert!(configure.unwrap().status.success());
    bob.must(&["users", "rotate"]);
    bob.must(&["whoami"]);
    let old = world.holder_of(first.trim_end());
    assert_eq!(old.run(&["whoami"]).code, 77, "the old key is spent");
    let third = world
        .admin
        .must(&["users", "rotate", "bob@people.example.com"]);
    assert_eq!(bob.run(&["whoami"]).code, 77, "the second key is spent");
    let whoami = world.holder_of(third.trim_end()).must(&["whoami"]);
    assert!(whoami.contains("bob@people.example.com"), "{whoami}");
}
